"""manage.py recompute --term T --region R"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from aidcases.cli import AidCommand
from aidcases.models import Region
from aidcases.terms import Term
from subsidies.actions import request_recompute


class Command(AidCommand):
    help = "测算一个学期的应享资助：户籍或学校在该地区的所有在读学生。"
    wants_region = wants_term = True

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--marked", action="store_true", help="只算数据有变化的学生")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        assert region
        assert term
        job = request_recompute(term=term, path=region.path, marked_only=options["marked"])
        self.record("recompute", term=term.code, region=region.code, job=job.pk)
        job = self.worked_off(job.pk, "测算")
        names = ("students", "added", "changed", "withdrawn", "unchanged", "rules", "certificate")
        return {name: job.result[name] for name in names}

    def show(self, result: dict[str, Any]) -> None:
        rules = {code: {name: told[name] for name in ("students", "amount")} for code, told in result["rules"].items()}
        super().show({**result, "rules": dict(sorted(rules.items()))})
        if not result["students"]:
            self.stdout.write(
                "一名学生也没有算：这个学期这个地区没有在读学生，或用了 --marked 而资料没有变化。"
                "请核对学期和地区，或先导入学籍信息。"
            )
