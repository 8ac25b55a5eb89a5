"""manage.py lint_pack FILE [--term T] [--region R]"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from aidcases.actions import region_named
from aidcases.cli import AidCommand
from aidcases.models import Region
from aidcases.terms import Term
from subsidies.actions import text_of_file
from subsidies.conditions import PackError
from subsidies.lint import Finding, lint
from subsidies.packchecks import ERROR


class Command(AidCommand):
    help = "检查一份政策包（不载入、不发布）：哪一行有什么问题、应当怎么写。"
    plain_errors = (*AidCommand.plain_errors, PackError)

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="政策包文件（TOML）")
        parser.add_argument("--term", help="同时用这个学期的在读学生核对人数，例如 2018-autumn")
        parser.add_argument("--region", help="政策包还没有地区采用时，按哪个地区核对；不写为全部")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        term = Term.parse(options["term"]) if options["term"] else None
        path = region_named(options["region"]).path if options["region"] else "/"
        found = lint(text_of_file(options["file"]), term=term, path=path)
        errors = sum(finding.severity == ERROR for finding in found)
        self.record("lint_pack", file=options["file"], errors=errors, warnings=len(found) - errors)
        return {
            "findings": [finding.as_dict() for finding in found],
            "errors": errors,
            "warnings": len(found) - errors,
        }

    def show(self, result: dict[str, Any]) -> None:
        for one in result["findings"]:
            self.stdout.write(str(Finding(**one)))
        self.stdout.write(f"{result['errors']} 处错误，{result['warnings']} 处提醒。")
