"""The difference of two large issues, which takes longer than a page may: a job that leaves counts and a sealed sheet."""

from __future__ import annotations

from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from aidcases import audit, crypto, jobs, sql
from aidcases.flow import Refused
from aidcases.jobs import Cancelled, Running
from aidcases.models import Job
from aidcases.models.records import JobState
from aidcases.scoping import current_actor, current_scope
from ledgers.actions import open_file
from ledgers.differing import compare_issues, write_sheet
from ledgers.models import Comparison, LedgerIssue
from ledgers.storing import attempt

PLACE = "comparisons"  # folder of the sealed sheets
LARGE = 20_000  # rows of both together from which on a page would wait for more than two seconds


def is_large(old: LedgerIssue, new: LedgerIssue) -> bool:
    return (old.rows or 0) + (new.rows or 0) > LARGE


def found_for(old: LedgerIssue, new: LedgerIssue) -> Comparison | None:
    """The own office's, the newest."""
    return Comparison.objects.filter(path=current_scope().path, old=old, new=new).first()


def may_open(*issues: LedgerIssue) -> None:
    """Raises Refused where a file of them is not for whoever acts."""
    for issue in issues:
        open_file(issue).close()


@transaction.atomic
def request_comparison(old: LedgerIssue, new: LedgerIssue) -> Comparison:
    """Queues it for whoever acts; the same again, under way or done, is the same. Raises Refused."""
    may_open(old, new)
    scope = current_scope()
    sql.lock("comparison.requested", scope.path, old.pk, new.pk)
    if known := found_for(old, new):
        if known.finished_at or Job.objects.filter(pk=known.job_id).open().exists():
            return known
        known.delete()
    label = f"比较《{new.title}》第 {old.pk}、{new.pk} 号"
    job = jobs.enqueue("ledgers.compare", label=label[:120], once=True, old=old.pk, new=new.pk)
    made = Comparison(path=scope.path, old=old, new=new, requested_by=current_actor().name, job_id=job.pk)
    made.save()
    return made


def generate(job: Running) -> dict[str, Any]:
    """The job: sheet sealed, then recorded. Once recorded it is done, however often the job comes again."""
    made = Comparison.objects.select_related("old", "new").get(job_id=job.job.pk)
    if made.finished_at is None:
        with attempt(PLACE, made.pk, job.job, ".xlsx") as at:
            job.progress(0, 3, "逐行比较")
            found = compare_issues(made.old, made.new)
            job.progress(1, stage="写入表格")
            write_sheet(file := at.folder / "difference.xlsx", made.old, made.new, found)
            job.progress(2, stage="加密保存")
            with at.sealed(file):
                told = {"rows": found.rows, "totals": [list(each) for each in found.totals]}
                _record(made, job.job, told, at.stored.name)
        job.progress(3)
        made.refresh_from_db()
    return {"comparison": made.pk, "rows": made.rows}


def _record(made: Comparison, job: Job, figures: dict[str, Any], stored: str) -> None:
    with transaction.atomic():
        ours = Job.objects.select_for_update().filter(pk=job.pk, claim=job.claim, state=JobState.RUNNING)
        unmade = Comparison.objects.filter(pk=made.pk, finished_at=None)
        if not (bool(ours) and unmade.update(finished_at=timezone.now(), stored=stored, **figures)):
            raise Cancelled
        audit.record("comparison.made", subject=made, rows=figures["rows"])


def open_sheet(made: Comparison) -> BinaryIO:
    """In clear, in memory only. Raises Refused where there is none, or the issues are not for whoever acts."""
    if made.finished_at is None:
        raise Refused("还没有比较完，不能下载。")
    may_open(made.old, made.new)
    try:
        return crypto.open_sealed(settings.FILES / PLACE / made.stored)
    except (OSError, crypto.SealBroken):
        raise Refused("差异表丢失或被改动，请重新比较并告诉管理员。") from None
