"""manage.py verify_run RUN"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from aidcases.cli import AidCommand
from aidcases.models import Region
from aidcases.terms import Term
from subsidies.models import ComputeRun
from subsidies.verify import verify


class Command(AidCommand):
    help = "核对一次测算：按现在的资料重新算一遍，与当时的结果逐校比较，不改动任何数据。"

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int, help="测算编号")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        run = ComputeRun.objects.filter(pk=options["run"], finished_at__isnull=False).first()
        if run is None:
            raise CommandError(f"没有编号为 {options['run']} 的已完成的测算。")
        found = verify(run)
        self.record("verify_run", run=run.pk, verdict=found.verdict)
        return {
            "run": run.pk, "verdict": found.verdict, "students": found.students, "certificate": run.certificate,
            "changed_schools": found.changed, "different_schools": found.different,
        }  # fmt: skip
