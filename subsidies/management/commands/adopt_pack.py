"""manage.py adopt_pack NAME --region CODE|all [--from DATE]"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import CommandError, CommandParser

from aidcases.actions import region_named
from aidcases.cli import AidCommand
from subsidies.actions import adopt_pack
from subsidies.conditions import PackError


class Command(AidCommand):
    help = "一个地区从某天起采用政策包；对其下所有地区有效。"
    plain_errors = (*AidCommand.plain_errors, PackError)

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="政策包名称，例如 lanzhou")
        parser.add_argument("--region", required=True, help="行政区划代码，或 all 表示全部地区")
        parser.add_argument("--from", dest="from_on", help="起始日期，例如 2018-09-01；不写用政策包的首日")
        parser.add_argument("--end", action="store_true", help="从该日起停用")

    def work(self, options: dict[str, Any], *_: Any) -> dict[str, Any]:
        region = None if options["region"] == "all" else region_named(options["region"])
        try:
            from_on = date.fromisoformat(options["from_on"]) if options["from_on"] else None
        except ValueError:
            raise CommandError(f"日期“{options['from_on']}”认不出，请写成 2018-09-01。") from None
        adoption = adopt_pack(options["name"], region=region, from_on=from_on, active=not options["end"])
        return {
            "pack": adoption.pack_code,
            "region": region.code if region else "all",
            "from": adoption.from_on.isoformat(),
            "active": adoption.active,
        }
