"""Long work: one Celery task, the Job table as queue of record, claims with a lease, true progress, cancel, resume."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, When
from django.db.models.functions import Now

from aidcases import sql
from aidcases.celery import RING_EVERY
from aidcases.flow import Refused, disk_full
from aidcases.models.records import Job, JobState
from aidcases.scoping import Actor, acting_in, current_actor, current_scope

log = logging.getLogger("aidcases.jobs")


class Cancelled(Exception):
    """The job was cancelled, or another worker holds it by now: stop and undo the open transaction."""


Work = Callable[[Any], dict[str, Any] | None]  # takes a Running


@dataclass(frozen=True)
class Kind:
    """What a job of this kind does. With `split`, the job becomes parts (each `run`), then `finish` runs once."""

    label: str
    run: Work
    split: Callable[[Running], list[dict]] | None = None
    finish: Work | None = None


KINDS: dict[str, Kind] = {}
LOOK_EVERY = 2.0  # seconds between two looks whether a job whose figures stand still was cancelled
MOST_ATTEMPTS = 5  # a job that takes its worker down with it every time must not be tried for ever


@transaction.atomic
def enqueue(kind: str, *, label: str = "", once: bool = False, **params: Any) -> Job:
    """Puts a job into the queue for whoever acts. `once`: an open job with the same parameters is returned instead."""
    actor, scope = current_actor(), current_scope()
    if once:
        sql.lock("enqueue", kind, scope.path)  # a double click is two requests at once
        if same := Job.objects.roots().open().filter(kind=kind, params=params, path=scope.path).first():
            return same
    job = Job(
        kind=kind,
        label=label or KINDS[kind].label,
        params=params,
        path=scope.path,
        sides=sorted(scope.sides),
        requested_by=actor.name,
        user_id=actor.user_id,
        office_id=actor.office_id,
    )
    job.save()
    ring(job.pk)
    return job


def ring(pk: int, expires: float | None = None) -> None:
    """Rings the bell after commit. A broker that is away loses nothing: beat (ring_again) or the runner finds the
    row. `expires`: seconds after which nobody need listen any more."""
    if not settings.CELERY_BROKER_URL:
        return

    def publish() -> None:
        try:
            run_job.apply_async(kwargs={"job_id": pk}, retry=False, expires=expires)
        except Exception as problem:
            log.warning("broker away, job %s waits in the table: %s", pk, type(problem).__name__)

    transaction.on_commit(publish)


def claimable() -> Q:
    """Queued, or running under a lease that ran out because its worker died."""
    return Q(state=JobState.QUEUED) | Q(state=JobState.RUNNING, lease_until__lt=Now())


def _lease() -> Any:
    """By the database's clock: the machines that share the work need not agree on the time."""
    return Now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)


def claim(pk: int) -> Job | None:
    """A conditional UPDATE: the job when it is ours now, None when somebody else has it (or it needs nobody)."""
    token = uuid.uuid4()
    # A job whose parts are done goes on, it does not begin again.
    split = Exists(Job._base_manager.filter(parent=OuterRef("pk")))
    won = Job._base_manager.filter(claimable(), pk=pk).update(
        state=JobState.RUNNING, claim=token, lease_until=_lease(), attempts=F("attempts") + 1, error="",
        finished_at=None, started_at=Case(When(split, then=F("started_at")), default=Now()),
        done=Case(When(split, then=F("done")), default=0),
    )  # fmt: skip
    return Job._base_manager.filter(pk=pk, claim=token).first() if won else None


class Running:
    """A claimed job while it runs. A thread of its own writes progress and keeps the lease, outside the work's
    transaction, and interrupts the work's statement when the job is no longer ours; it connects only when the work takes
    longer than half a second."""

    def __init__(self, job: Job):
        self.job, self.params = job, job.params
        self._lost, self._over = threading.Event(), threading.Event()
        self._now = self._seen = (job.done, job.total, job.stage)
        self._thread = threading.Thread(target=self._beat, daemon=True)
        # Inside somebody's transaction no other connection can see the claim, to cancel it or to write to it.
        self._seen_by_others = not connection.in_atomic_block
        self._working: Any = None  # the work's connection, psycopg2's own

    def progress(self, done: int, total: int | None = None, stage: str | None = None) -> None:
        """True progress in the unit of the work (rows, students); raises Cancelled when the job was cancelled."""
        _, old_total, old_stage = self._now
        self._now = (done, old_total if total is None else total, old_stage if stage is None else stage)
        self.check()

    def check(self) -> None:
        if self._lost.is_set():
            raise Cancelled

    def _beat(self) -> None:
        last = time.monotonic()
        while not self._over.wait(0.5):
            if self._lost.is_set():
                self._interrupt()
            elif self._now != self._seen or time.monotonic() - last > min(LOOK_EVERY, settings.JOB_LEASE_SECONDS / 4):
                last, self._seen = time.monotonic(), self._now
                try:
                    self._write()
                except Exception as problem:  # a lost connection must not end the work; the next beat tries again
                    log.warning("progress of job %s not written: %s", self.job.pk, type(problem).__name__)
                    connection.close()
        connection.close()

    def _write(self) -> None:
        done, total, stage = self._now
        ours = Job._base_manager.filter(pk=self.job.pk, claim=self.job.claim, state=JobState.RUNNING).update(
            done=done, total=total, stage=stage, lease_until=_lease()
        )
        if not ours:
            self._lost.set()

    def _interrupt(self) -> None:
        """At every beat until the work has noticed: between two statements there is nothing to interrupt."""
        with contextlib.suppress(Exception):  # it may be closed by now
            self._working.cancel()

    @property
    def lost(self) -> bool:
        return self._lost.is_set()

    def __enter__(self) -> Running:
        if self._seen_by_others:
            connection.ensure_connection()
            self._working = connection.connection
            self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        if self._seen_by_others:
            self._thread.join()
            if self.lost:  # an interruption under way must not meet the next job's statement
                connection.close()


@shared_task(name="aidcases.jobs.run_job")
def run_job(*, job_id: int, **_later: Any) -> None:
    """The one task. Unknown arguments are ignored, so that old workers survive new callers."""
    if job := claim(job_id):
        perform(job)


@shared_task(name="aidcases.jobs.ring_again")
def ring_again(**_later: Any) -> None:
    """Beat: rings for every job that waits although its bell may have been lost, or whose worker died."""
    for pk in Job._base_manager.filter(claimable()).order_by("pk").values_list("pk", flat=True)[:200]:
        # A worker that is busy now finds this message too late to need it: the next round rings anew.
        ring(pk, expires=RING_EVERY)


def perform(job: Job) -> None:
    """Runs a claimed job with the requester's scope and writes how it ended."""
    if job.attempts > MOST_ATTEMPTS:
        return _end(job, JobState.FAILED, error=f"执行时中断了 {MOST_ATTEMPTS} 次，已停止。请报给管理员，处理后再点“继续”。")
    actor = Actor(job.requested_by, job.user_id, job.office_id, job.path, all_powers=True)
    running = Running(job)
    try:
        with acting_in(job.scope, actor), running:
            kind = KINDS[job.kind]
            split = kind.split if job.parent_id is None else None
            if split and not Job._base_manager.filter(parent=job).exists() and (parts := split(running)):
                return _split(job, parts)
            work: Work | None = kind.finish if split else kind.run
            result = (work(running) if work else None) or {}
            running.check()
    except Cancelled:
        return None
    except Refused as refused:
        _end(job, JobState.FAILED, error=str(refused))
    except Exception as problem:
        if running.lost:  # its statement was interrupted
            return None
        if isinstance(problem, OSError) and (full := disk_full(problem)):
            return _end(job, JobState.FAILED, error=str(full))
        reference = uuid.uuid4().hex[:8]
        log.exception("job %s failed, reference %s", job.pk, reference)
        _end(job, JobState.FAILED, error=f"系统出错，请把编号 {reference} 报给管理员；已入库的数据没有改变。")
    else:
        _end(job, JobState.DONE, result=result, progress=running._now)


def _split(job: Job, parts: list[dict]) -> None:
    """Turns a job into parts that any number of workers claim; the job itself waits for them."""
    with transaction.atomic():
        ours = Job._base_manager.filter(pk=job.pk, claim=job.claim, state=JobState.RUNNING)
        if not ours.update(state=JobState.WAITING, lease_until=None, total=len(parts), done=0):
            return
        shared = {name: getattr(job, name) for name in ("kind", "label", "path", "sides", "requested_by", "user_id")}
        made = Job._base_manager.bulk_create(
            Job(parent=job, office_id=job.office_id, params=params, **shared) for params in parts
        )
        for part in made:
            ring(part.pk)


def _end(job: Job, state: str, *, result: dict | None = None, error: str = "", progress: tuple | None = None) -> None:
    with transaction.atomic():
        if job.parent_id:  # before the part: whoever cancels or resumes the whole locks in this order too
            Job._base_manager.select_for_update(no_key=True).get(pk=job.parent_id)
        values: dict[str, Any] = {"state": state, "finished_at": Now(), "error": error, "lease_until": None}
        if result is not None:
            values["result"] = result
        if progress is not None:
            values |= {"done": max(progress[0], progress[1]), "total": max(progress[0], progress[1])}
        ours = Job._base_manager.filter(pk=job.pk, claim=job.claim, state=JobState.RUNNING).update(**values)
        if ours and job.parent_id:
            _part_ended(job.parent_id, state, error)


def _part_ended(parent: int, state: str, error: str) -> None:
    """With the parent locked, so that the last two parts to end cannot both miss being the last."""
    parts = Job._base_manager.filter(parent=parent)
    if state == JobState.FAILED:
        parts.filter(state=JobState.QUEUED).update(state=JobState.CANCELLED)
        Job._base_manager.filter(pk=parent, state=JobState.WAITING).update(
            state=JobState.FAILED, error=error, finished_at=Now()
        )
        return
    finished = parts.filter(state=JobState.DONE).count()
    Job._base_manager.filter(pk=parent, state=JobState.WAITING).update(done=finished)
    if not parts.exclude(state=JobState.DONE).exists():
        _wake(parent)


def _wake(pk: int) -> None:
    Job._base_manager.filter(pk=pk, state=JobState.WAITING).update(state=JobState.QUEUED)
    ring(pk)


def next_waiting(tree: int | None = None) -> int | None:
    """The oldest job nobody works on (parts before new work), of one job's tree if given. Whoever claims it first has
    it: claim() is the conditional UPDATE, this only looks."""
    waiting = Job._base_manager.filter(claimable()).order_by(F("parent").asc(nulls_last=True), "pk")
    if tree is not None:
        waiting = waiting.filter(Q(pk=tree) | Q(parent=tree))
    return waiting.values_list("pk", flat=True).first()


def work_off(job: Job, *, every: Callable[[Job], None] | None = None) -> Job:
    """Works in this process on one job's tree (beside any runner that does the same) until it has ended."""
    while True:
        pk = next_waiting(job.pk)
        if pk is not None:
            run_job.apply(kwargs={"job_id": pk})
        else:
            time.sleep(0.1)
        job = Job._base_manager.get(pk=job.pk)
        if every:
            every(job)
        if not job.is_open:
            return job


def resume(pk: int) -> None:
    """After the move `resume`, in its transaction: failed and cancelled parts wait again; finished ones stay."""
    parts = Job._base_manager.filter(parent=pk)
    parts.filter(state__in=(JobState.FAILED, JobState.CANCELLED)).update(state=JobState.QUEUED, attempts=0)
    Job._base_manager.filter(pk=pk).update(attempts=0)
    if parts.exclude(state=JobState.DONE).exists():
        whole = Job._base_manager.filter(pk=pk, state=JobState.QUEUED)
        whole.update(state=JobState.WAITING, error="", finished_at=None)
    waiting = parts.filter(state=JobState.QUEUED).order_by("pk").values_list("pk", flat=True)
    for each in list(waiting) or [pk]:
        ring(each)


def cancel_parts(pk: int) -> None:
    """After the move `cancel`: parts that wait are cancelled, running ones notice at their next beat."""
    Job._base_manager.filter(parent=pk, state__in=(JobState.QUEUED, JobState.RUNNING)).update(state=JobState.CANCELLED)
