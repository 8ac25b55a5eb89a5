"""manage.py ledger_forms --region R --term T --out FOLDER"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from aidcases.cli import AidCommand
from aidcases.models import Region
from aidcases.terms import Term
from ledgers import gallery
from ledgers.areas import area_at
from ledgers.definitions import LEDGERS


class Command(AidCommand):
    help = "把系统自带的各种台账表样写到一个文件夹：改成本单位的样子后，在“表样”页上传。"
    wants_region = wants_term = True

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, required=True, help="写到这个文件夹")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        assert region
        assert term
        out: Path = options["out"]
        if not out.is_dir():
            raise CommandError(f"文件夹 {out} 不存在，请先建立。")
        for ledger in LEDGERS.values():
            content = gallery.template(ledger, ledger.tables(term, area_at(region.path)))
            (out / gallery.filename(ledger)).write_bytes(content)
        self.record("ledger_forms", region=region.code, forms=len(LEDGERS))
        return {"forms": len(LEDGERS)}
