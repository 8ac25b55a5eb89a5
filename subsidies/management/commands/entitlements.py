"""manage.py entitlements --term T --region R --out FILE.jsonl --purpose TEXT"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from aidcases.cli import AidCommand
from aidcases.models import Region
from aidcases.terms import Term
from subsidies.models import Entitlement


class Command(AidCommand):
    help = "导出应享明细，每行一条；证件号码为明文，必须写明用途并记入操作记录。"
    wants_region = wants_term = True

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, required=True)
        parser.add_argument("--purpose", required=True, help="用途")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        assert region
        assert term
        if not options["purpose"].strip():
            raise CommandError("请写明用途，例如 --purpose 核对应享名单。")
        rows = (
            Entitlement.objects.in_term(term)
            .of(region.path)
            .order_by("student_id", "rule__code")
            .values_list("student__person__id_number", "rule__code", "benefit__code", "amount", "rule__amount_kind")
        )
        out: Path = options["out"]
        part = out.with_name(out.name + ".part")
        count = 0
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            for number, rule, benefit, amount, kind in rows.iterator(chunk_size=2000):
                line = {
                    "id_number": number,
                    "rule": rule,
                    "benefit": benefit,
                    "amount": None if kind == "none" else f"{amount:.2f}",
                }
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                count += 1
        part.replace(out)
        self.record("entitlements", term=term.code, region=region.code, rows=count, purpose=options["purpose"])
        return {"rows": count}
