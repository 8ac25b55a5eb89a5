"""manage.py carry_over --region R --from T --to T [--no-junior] [--senior] [--four-years] [--json]"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from aidcases.cli import AidCommand
from aidcases.models import Region
from aidcases.terms import Term
from students import carry


class Command(AidCommand):
    help = "开新学期：把上一个学期的在读学生升级、续读到新学期；再做一次不会重复。"
    wants_region = True

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="from_term", required=True, help="上一个学期，例如 2018-autumn")
        parser.add_argument("--to", dest="to_term", required=True, help="新学期，例如 2019-spring")
        parser.add_argument("--no-junior", action="store_true", help="九年一贯制学校的六年级不升入本校七年级")
        parser.add_argument("--senior", action="store_true", help="完全中学的九年级升入本校高一")
        parser.add_argument("--four-years", action="store_true", help="本科读满四年即毕业")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        from_term, to = Term.parse(options["from_term"]), Term.parse(options["to_term"])
        carry.next_only(from_term, to)
        choices = carry.Choices(
            to_junior=not options["no_junior"], to_senior=options["senior"], four_years=options["four_years"]
        )
        batch, counts = carry.open_term(from_term, choices)
        self.record("carry_over", term=to.code, batch=batch.pk if batch else None, **counts)
        return counts | {"batch": batch.pk if batch else None}

    def show(self, result: dict[str, Any]) -> None:
        self.stdout.write(f"登记到新学期：{result['enrolled']:,} 人")
        for fate in carry.Fate:
            self.stdout.write(f"  {fate.label}：{result[fate.value]:,} 人")
