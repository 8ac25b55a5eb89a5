"""核验 of a large file, which takes longer than a page may: a job. The copy is kept sealed until it has been held against the
issue, the answer for a day and for who asked; of both only counts stand in the database."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db.models import QuerySet

from aidcases import audit, crypto, jobs
from aidcases.flow import Refused
from aidcases.jobs import Running
from aidcases.models import Job
from aidcases.scoping import Actor
from ledgers import verify
from ledgers.actions import open_file
from ledgers.models import LedgerIssue
from ledgers.storing import LEFTOVER_AGE, PIECE

KIND = "ledgers.verify"
PLACE = "verifications"  # folder of the sealed copies and answers
LARGE_ROWS, LARGE_BYTES = 4_000, 700_000  # from which on a page would wait for more than two seconds
GONE = "核验的文件或结果已经清除，请重新核验。"


def is_large(issue: LedgerIssue, copy: BinaryIO) -> bool:
    return (issue.rows or 0) > LARGE_ROWS or copy.seek(0, 2) > LARGE_BYTES


def request(issue: LedgerIssue, copy: BinaryIO) -> Job:
    """Queues it for whoever acts. Raises Refused where the issue's file is not for them."""
    open_file(issue).close()
    folder, name = settings.FILES / PLACE, secrets.token_hex(16)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    copy.seek(0)
    crypto.write_sealed(folder / f"{name}.copy", iter(lambda: copy.read(PIECE), b""))
    label = f"核验《{issue.title}》第 {issue.pk} 号"
    return jobs.enqueue(KIND, label=label[:120], held=issue.pk, stored=name)


def run(job: Running) -> dict[str, Any]:
    """The job: the answer sealed beside the copy, which goes. Done again it only says again what it has found."""
    issue, name = LedgerIssue.objects.get(pk=job.params["held"]), job.params["stored"]
    if not _file(name, "answer").exists():
        job.progress(0, 3, "打开文件")
        with _opened(name, "copy") as copy, open_file(issue) as stored:
            job.progress(1, stage="逐格比对")
            found = verify.held(stored, copy, verify.LIMITS)
        job.progress(2, stage="加密保存结果")
        answer = {"count": found.count, "found": [list(vars(each).values()) for each in found.differences]}
        crypto.write_sealed(_file(name, "answer"), [json.dumps(answer).encode()])
        audit.record("ledger.verified", subject=issue, code=issue.ledger, differences=found.count)
    _file(name, "copy").unlink(missing_ok=True)
    job.progress(3, 3)
    return {"verified": job.job.pk}


def asked_by(actor: Actor) -> QuerySet[Job]:
    """Whoever asks for one reads its answer, nobody else: it tells of people."""
    return Job.objects.roots().filter(kind=KIND, user_id=actor.user_id, user_id__isnull=False)


def answer_of(job: Job) -> verify.Found:
    """Of one that is done. Raises Refused when it has been cleared away."""
    with _opened(job.params["stored"], "answer") as file:
        told = json.load(file)
    return verify.Found([verify.Difference(*each) for each in told["found"]], told["count"])


def forget(_now: datetime) -> dict[str, int]:
    """Copies and answers of more than a day ago, also of jobs that never ended. → how many files."""
    old = [file for file in (settings.FILES / PLACE).glob("*") if time.time() - file.stat().st_mtime > LEFTOVER_AGE]
    for file in old:
        file.unlink(missing_ok=True)
    return {"verifications_forgotten": len(old)}


def _file(name: str, ending: str) -> Path:
    return settings.FILES / PLACE / f"{name}.{ending}"


@contextmanager
def _opened(name: str, ending: str) -> Iterator[BinaryIO]:
    try:
        file = crypto.open_sealed(_file(name, ending))
    except (OSError, crypto.SealBroken):
        raise Refused(GONE) from None
    with file:
        yield file
