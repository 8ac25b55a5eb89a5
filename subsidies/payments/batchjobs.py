"""Preparing and approving a batch as jobs: asked for on a page, worked off by whoever is free, once however often."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from django.db.models import CharField, OuterRef, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from aidcases import jobs
from aidcases.jobs import Running
from aidcases.models import Job, Organisation, School
from aidcases.models.records import JobState
from aidcases.scoping import current_actor
from aidcases.terms import Term
from subsidies.models import Benefit, PaymentBatch
from subsidies.payments import batches
from subsidies.payments.steps import Steps

PREPARE, APPROVE = "subsidies.batch_prepare", "subsidies.batch_approve"


def request_prepare(
    *, office: Organisation, term: Term, channel: str, benefits: Collection[Benefit], school: School | None, bank: str,
    title: str, day: date,
) -> Job:  # fmt: skip
    """Queues a batch (batches.prepare); asked for twice while it is under way, it is the same job. Raises Refused."""
    batches.may_prepare(office=office, channel=channel, benefits=benefits, bank=bank)
    return jobs.enqueue(
        PREPARE, label=f"编制发放批次 {term.label}", once=True, office=office.pk, term=term.code, channel=channel, bank=bank,
        benefits=[each.pk for each in benefits], school=school.pk if school else None, title=title, day=day.isoformat(),
    )  # fmt: skip


def prepare(job: Running) -> dict[str, Any]:
    """→ {"batch": its key, "lines"}. An attempt that died after its commit has made the batch already."""
    told = job.params
    made = PaymentBatch.objects.filter(job_id=job.job.pk).first()
    if made is None:
        made = batches.prepare(
            office=Organisation.objects.get(pk=told["office"]), term=Term.parse(told["term"]), channel=told["channel"],
            benefits=list(Benefit.objects.filter(pk__in=told["benefits"]).order_by("order", "code")), bank=told["bank"],
            school=School.objects.get(pk=told["school"]) if told["school"] else None, title=told["title"],
            day=date.fromisoformat(told["day"]), job_id=job.job.pk, steps=Steps(job.progress),
        )  # fmt: skip
    return {"batch": made.pk, "lines": made.lines}


def request_approve(batch: PaymentBatch, document: str, *, day: date) -> Job:
    """Queues the approval (batches.approve) after everything that stands against it was asked once. Raises Refused."""
    batch.refresh_from_db()
    batches.may_approve(batch, document, day)
    label = f"审批发放批次 {batch.number}"
    return jobs.enqueue(APPROVE, label=label, once=True, batch=batch.pk, document=document.strip(), day=day.isoformat())


def approve(job: Running) -> dict[str, Any]:
    """→ {"batch": its key, "lines"}. A batch is approved once in its life."""
    batch, by = PaymentBatch.objects.get(pk=job.params["batch"]), current_actor()
    done = batch.approved_at is not None and (batch.approved_by_id, batch.approved_by) == (by.user_id, by.name)
    if not done:
        day = date.fromisoformat(job.params["day"])
        batch = batches.approve(batch, job.params["document"], day=day, steps=Steps(job.progress))
    return {"batch": batch.pk, "lines": batch.approved_lines}


def undone(kinds: Collection[str], batch: int | OuterRef | None = None) -> QuerySet[Job]:
    """Jobs of these kinds (and of one batch) that have not done their work, the last first: what a page shows."""
    rows = Job.objects.roots().filter(kind__in=kinds).exclude(state=JobState.DONE).order_by("-pk")
    if batch is None:
        return rows
    return rows.annotate(of=KeyTextTransform("batch", "params")).filter(of=Cast(batch, CharField()))
