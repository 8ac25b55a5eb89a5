"""manage.py slips --term T --region R --out FILE.pdf --purpose TEXT"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from aidcases.cli import AidCommand, deliver, refuse_without_folder
from aidcases.models import Region
from aidcases.terms import Term
from subsidies.slips import open_slips, request_slips


class Command(AidCommand):
    help = "打印一个村或乡镇的明白卡，一户一页；与页面相同的任务，必须写明用途，记入操作记录。"
    wants_region = wants_term = True

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, required=True, help="写到这个 .pdf 文件")
        parser.add_argument("--purpose", required=True, help="用途")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        assert region
        assert term
        out: Path = options["out"]
        refuse_without_folder(out)
        job = request_slips(term=term, region=region, purpose=options["purpose"])
        self.record("slips", term=term.code, region=region.code, purpose=options["purpose"])
        job = self.worked_off(job.pk, "打印明白卡")
        deliver(open_slips(job), out)
        return {name: job.result[name] for name in ("households", "students", "pages")}
