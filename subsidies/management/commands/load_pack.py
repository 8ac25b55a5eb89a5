"""manage.py load_pack NAME"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from aidcases.cli import AidCommand
from subsidies.actions import load_pack
from subsidies.conditions import PackError


class Command(AidCommand):
    help = "载入随系统提供的政策包；内容变了就是下一版，没变不动。"
    plain_errors = (*AidCommand.plain_errors, PackError)

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="政策包名称，例如 lanzhou")

    def work(self, options: dict[str, Any], *_: Any) -> dict[str, Any]:
        pack, new = load_pack(options["name"])
        self.record("load_pack", code=pack.code, version=pack.version)
        return {"pack": pack.code, "version": pack.version, "new": new, "rules": pack.rules.count()}
