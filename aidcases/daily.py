"""The daily round: what time alone makes due. Once an hour, by beat or by the runner, whichever asks first; doing it
again does nothing more."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime

from celery import shared_task
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from aidcases import inbox, jobs, sql
from aidcases.inbox import Task
from aidcases.models import CalendarYear, Job, Organisation
from aidcases.registry import registry
from aidcases.roles import PERMISSIONS, OfficeKind, P, Role
from aidcases.scoping import EVERYWHERE, SYSTEM, Actor, acting_in, current_actor
from aidcases.workdays import MISSING, NotAnnounced

log = logging.getLogger("aidcases.daily")

KIND = "aidcases.daily"
# The State Council announces a year in the November before; from December on somebody is asked to enter it.
ASK_FROM_MONTH, ASK_BY_DAY = 12, 20


def round(*, now: datetime, by: Actor) -> dict[str, int]:
    """Does what is due at `now` (aware), everywhere. One concern that fails does not keep the others from being done:
    it is logged and raised at the end. → what was done, in numbers."""
    counts: Counter[str] = Counter()
    stopped: set[int] = set()
    broken: Exception | None = None
    with acting_in(EVERYWHERE, by):
        for hook in registry.daily:
            try:
                counts.update(_alone(hook, now))
            except NotAnnounced as unknown:
                stopped.add(unknown.year)
            except Exception as problem:
                log.exception("daily round: %s failed", hook.__name__)
                broken = broken or problem
        with transaction.atomic():
            counts.update(years_missing(timezone.localdate(now), stopped))
    if broken:
        raise broken
    return dict(counts)


def _alone(hook: Callable[[datetime], dict[str, int]], now: datetime) -> dict[str, int]:
    with transaction.atomic():
        sql.lock(KIND, hook.__module__, hook.__name__)
        return hook(now)


def years_missing(today: date, stopped: set[int]) -> dict[str, int]:
    """Asks whoever may to enter the years nobody has announced and something counts into; where nobody may, the offices
    of cities and counties hear of it."""
    needed = {today.year, *stopped} | ({today.year + 1} if today.month >= ASK_FROM_MONTH else set())
    missing = needed - set(CalendarYear.objects.values_list("year", flat=True))
    roles = [role for role in Role if P.CALENDAR_SET in PERMISSIONS[role]]
    offices = list(Organisation.objects.filter(memberships__role__in=roles).distinct()) if missing else []
    permission = P.CALENDAR_SET
    if missing and not offices:
        offices = list(Organisation.objects.filter(kind__in=(OfficeKind.CITY, OfficeKind.COUNTY)))
        permission = P.HOME
    tasks = [
        Task(
            office,
            MISSING.format(year=year),
            f"{year} 年的放假安排还没有录入，凡是要数到 {year} 年的工作日都算不出来",
            f"{reverse('calendar')}?year={year}",
            date(year - 1, 12, ASK_BY_DAY),
            permission=permission,
            urgent=today > date(year - 1, 12, ASK_BY_DAY),
        )
        for year in sorted(missing)
        for office in offices
    ]
    return inbox.keep(MISSING.format(year=""), tasks, today=today)


@transaction.atomic
def ask(now: datetime) -> Job | None:
    """Puts the hour's round into the queue; None when it has been asked for, by whichever clock."""
    hour = timezone.localtime(now).replace(minute=0, second=0, microsecond=0).isoformat()
    with acting_in(EVERYWHERE, SYSTEM):
        sql.lock(KIND)
        last = Job.objects.filter(path=EVERYWHERE.path, kind=KIND).order_by("-pk").first()
        return None if last and last.params["now"] == hour else jobs.enqueue(KIND, now=hour)


@shared_task(name="aidcases.daily.tick")
def tick(**_later: object) -> None:
    """Beat, and the runner where there is no broker."""
    ask(timezone.now())


def _work(running: jobs.Running) -> dict[str, int]:
    return round(now=datetime.fromisoformat(running.params["now"]), by=current_actor())


jobs.KINDS[KIND] = jobs.Kind("每日提醒", run=_work)
