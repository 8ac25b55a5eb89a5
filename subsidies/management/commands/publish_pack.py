"""manage.py publish_pack FILE"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from aidcases.cli import AidCommand
from aidcases.models import Region
from aidcases.terms import Term
from subsidies.actions import publish, text_of_file
from subsidies.conditions import PackError


class Command(AidCommand):
    help = "发布一份政策：已有的代码是它的下一版，在采用它的地区生效；新的代码要另行采用。"
    plain_errors = (*AidCommand.plain_errors, PackError)

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="政策包文件（TOML）")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        pack, new = publish(text_of_file(options["file"]))
        self.record("publish_pack", code=pack.code, version=pack.version)
        return {"pack": pack.code, "version": pack.version, "new": new, "rules": pack.rules.count()}
