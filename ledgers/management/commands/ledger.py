"""manage.py ledger CODE --term T --region R --out FILE.xlsx --purpose TEXT [--flat] [--unmask]"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from aidcases.cli import AidCommand, deliver, refuse_without_folder
from aidcases.models import Region
from aidcases.terms import Term
from ledgers.actions import UnknownLedger, ledger_named, open_file, request_issue, result_of
from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from ledgers.forms import FLAT
from ledgers.models import LedgerIssue


class Command(AidCommand):
    help = "生成一份台账并写到文件；与页面相同的任务，必须写明用途，记入操作记录。"
    wants_region = wants_term = True
    plain_errors = (*AidCommand.plain_errors, UnknownLedger)

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", help="台账代码：" + "、".join(f"{each.code}（{each.title}）" for each in LEDGERS.values()))
        parser.add_argument("--out", type=Path, required=True, help="写到这个 .xlsx 文件")
        parser.add_argument("--purpose", required=True, help="用途")
        parser.add_argument("--flat", action="store_true", help=f"数据版：{FLAT}；不写是上报版")
        parser.add_argument("--unmask", action="store_true", help="证件号码、学籍号、电话显示全部数字")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        assert region
        assert term
        out: Path = options["out"]
        refuse_without_folder(out)
        issue = request_issue(
            ledger_named(options["code"]),
            term,
            area_at(region.path),
            purpose=options["purpose"],
            flat=options["flat"],
            unmasked=options["unmask"],
        )
        self.record("ledger", code=issue.ledger, term=term.code, region=region.code, purpose=issue.purpose)
        self.worked_off(issue.job_id, "生成台账")
        issue = LedgerIssue.objects.get(pk=issue.pk)
        deliver(open_file(issue), out)
        return result_of(issue)
