"""Computing anew the students whom a decision of casework has marked."""

from __future__ import annotations

from collections.abc import Collection

from aidcases import jobs
from aidcases.models import Job
from aidcases.models.records import JobState
from aidcases.scoping import current_scope
from aidcases.terms import Term
from students.models import Enrolment
from subsidies.actions import request_recompute


def recompute(term: Term) -> Job:
    """Of marked students under the own office. A job that runs already may have passed these: then another one."""
    path = current_scope().path
    job = request_recompute(term=term, path=path, marked_only=True)
    if job.state == JobState.QUEUED:
        return job
    return jobs.enqueue(job.kind, label=job.label, term=term.code, path=path, marked_only=True)


def determined(students: Collection[int], term: Term) -> tuple[Job, ...]:
    """After determinations of the term: an autumn's counts in the spring after it as well."""
    terms = [term]
    if term.autumn and Enrolment.objects.in_term(term.next).filter(student__in=students).exists():
        terms.append(term.next)
    return tuple(recompute(each) for each in terms)
