"""manage.py draw_inspection --term T --region R --seed S --size N --purpose TEXT"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from aidcases.cli import AidCommand
from aidcases.models import Region
from aidcases.scoping import current_actor
from aidcases.terms import Term
from dropout import drawing


class Command(AidCommand):
    help = "按公布的种子分层随机抽查，同一种子在任何机器上抽出同样的学生；名单含证件号码，必须写明用途并记入操作记录。"
    wants_region = wants_term = True

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", required=True, help="公布的种子")
        parser.add_argument("--size", type=int, default=5, help="每层人数，默认 5")
        parser.add_argument("--purpose", required=True, help="用途")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        assert region
        assert term
        if not options["purpose"].strip():
            raise CommandError("请写明用途，例如 --purpose 秋季学期抽查。")
        made = drawing.draw(
            seed=options["seed"], term=term, size=options["size"], by=current_actor(), today=timezone.localdate()
        )
        lines = made.lines.values_list("order", "stratum", "student__person__id_number", "student__person__name")
        self.record("draw_inspection", term=term.code, region=region.code, purpose=options["purpose"], seed=made.seed)
        drawn = [{"order": n, "stratum": stratum, "id_number": number, "name": name} for n, stratum, number, name in lines]
        if not options["json"]:
            return {"drawn": len(drawn), "sha256": made.sha256}
        return {"seed": made.seed, "size": made.size, "sha256": made.sha256, "strata": made.strata, "drawn": drawn}
