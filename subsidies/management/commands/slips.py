"""manage.py slips --term T --region R --out FILE.pdf --purpose TEXT"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from aidcases import jobs
from aidcases.cli import AidCommand
from aidcases.models import Job, Region
from aidcases.models.records import JobState
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
        if not out.parent.is_dir():
            raise CommandError(f"文件夹 {out.parent} 不存在，请先建立。")
        job = request_slips(term=term, region=region, purpose=options["purpose"])
        self.record("slips", term=term.code, region=region.code, purpose=options["purpose"])
        job = jobs.work_off(job, every=self.show_progress)
        if job.state != JobState.DONE:
            raise CommandError(job.error or "打印明白卡已被取消。")
        _copy(job, out)
        return {name: job.result[name] for name in ("households", "students", "pages")}


def _copy(job: Job, out: Path) -> None:
    """Whole or not at all, readable by this account only."""
    part = out.with_name(f".{out.name}.{job.pk}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file, open_slips(job) as content:
            shutil.copyfileobj(content, file)
        part.replace(out)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
