"""What time alone makes due in cases: levels of urging, the end of the watch, looking again, deadlines of the law."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import date, datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils import timezone

from aidcases import inbox
from aidcases.inbox import Task
from aidcases.models import Organisation
from aidcases.roles import OfficeKind, P
from aidcases.scoping import current_actor
from aidcases.sql import update_recorded
from dropout import legal, proving
from dropout.deadlines import Calendar
from dropout.enums import CaseState
from dropout.models import CareFile, DropoutCase
from dropout.models.cases import OPEN
from students.models import Person
from students.places import codes_of

# Working days over the deadline from which on a level is asked: 1 the township, 2 the county, 3 the city.
OVER = {1: 1, 2: 3, 3: 5}
URGES = {1: "乡镇", 2: "县级", 3: "市级"}
LEVEL_CODES = {1: 9, 2: 6, 3: 4}  # how long the code of the place of a level is
ASKED = {0: P.DROPOUT_WRITE, 1: P.DROPOUT_WRITE, 2: P.DROPOUT_CONFIRM, 3: P.DROPOUT_INSPECT}
WORKING = (OfficeKind.SCHOOL, OfficeKind.VILLAGE, OfficeKind.TOWNSHIP, OfficeKind.COUNTY, OfficeKind.CITY)
Offices = dict[str, Organisation]


def _open() -> QuerySet[DropoutCase]:
    return DropoutCase.objects.open()


def escalate(today: date) -> int:
    """Raises what is over its day to the level that the working days since ask for; the same day again changes nothing,
    and days on which nobody asked are made up for. → cases raised."""
    calendar, raised = Calendar.read(), 0
    for level, days in sorted(OVER.items(), reverse=True):
        rows = _open().filter(due_on__lt=calendar.back(today, days), level__lt=level)
        actor = current_actor()
        event = {
            "batch": uuid.uuid4(), "actor": actor.name, "user_id": actor.user_id, "action": "dropoutcase.escalated",
            "note": f"{URGES[level]}督办",
        }  # fmt: skip
        raised += update_recorded(rows, {"level": level}, event)
    return raised


def homes_follow(_now: datetime) -> dict[str, int]:
    """A case that is not over, and a file of care, go with the child whose home has moved (by the registers): the place it
    is at home in now answers for it. The school that had the child stays the school of the case."""
    home = Person.objects.filter(pk=OuterRef("student")).values("home_path")
    moved = [model.objects.exclude(home_path=Subquery(home)) for model in (DropoutCase, CareFile)]
    cases, files = moved[0].filter(state__in=OPEN), moved[1].filter(ended_on=None)
    actor = current_actor()
    batch = {"batch": uuid.uuid4(), "actor": actor.name, "user_id": actor.user_id}
    event = {**batch, "action": "dropoutcase.moved_home", "note": "孩子的家庭所在地变更"}
    return {
        "cases_moved": update_recorded(cases, {"home_path": Subquery(home)}, event),
        "files_moved": files.update(home_path=Subquery(home)),
    }


def cases_late(now: datetime) -> dict[str, int]:
    """Cases over their day: urged by level, a reminder to the school and the village that answer for the child and to the
    office of the level."""
    today = timezone.localdate(now)
    counts = Counter(escalated=escalate(today))
    late = list(_named(_open().filter(due_on__lt=today, level__gt=0)))
    known, tasks = _offices(late), []
    for case in late:
        title = f"“{case.student.person.name}”的案件在“{case.get_state_display()}”已超过办理期限 {case.due_on}"
        for office in (known.get(case.school_path), known.get(case.home_path)):
            if office:
                tasks.append(_task(office, "dropout.late.own", f"{title}，请尽快办理", case, ASKED[0], case.due_on))
        if above := _of_level(case, known):
            tasks.append(
                _task(above, f"dropout.late.{case.level}", f"{title}，请督办", case, ASKED[case.level], case.due_on)
            )
    counts.update(inbox.keep("dropout.late.", tasks, today=today))
    return dict(counts)


def _named(rows: QuerySet[DropoutCase]) -> QuerySet[DropoutCase]:
    """With nothing but what a reminder says."""
    columns = (
        "state",
        "due_on",
        "level",
        "home_path",
        "school_path",
        "recheck_on",
        "watch_until",
        "student__person__name",
    )
    return rows.select_related("student__person").only(*columns).order_by("pk")


def _task(office: Organisation, key: str, title: str, case: DropoutCase, permission: P, due_on: Any) -> Task:
    url = reverse("case_detail", args=[case.pk])
    return Task(office, key, title, url, due_on, case, permission, urgent=key.startswith("dropout.late."))


def _offices(found: list[DropoutCase]) -> Offices:
    """The offices at the schools and homes of cases and above them, by path."""
    paths = {case.school_path for case in found} | {path for case in found for path in _steps(case)}
    rows = Organisation.objects.filter(path__in=paths - {""}, kind__in=WORKING)
    return {office.path: office for office in rows}


def _steps(case: DropoutCase) -> list[str]:
    """Paths of the places the child is at home in (else of its school's), from the province down."""
    codes = codes_of(legal.place_of(case))
    return [f"/{'/'.join(codes[:n])}/" for n in range(1, len(codes) + 1)]


def _of_level(case: DropoutCase, known: Offices) -> Organisation | None:
    """The office of the case's level; where a place has none, the next one above."""
    longest = LEVEL_CODES[case.level]
    wanted = [path for path in _steps(case) if len(codes_of(path)[-1]) <= longest]
    return next((known[path] for path in reversed(wanted) if path in known), None)


def watches_end(now: datetime) -> dict[str, int]:
    """Children whose ninety days have passed: the case may be closed; the county is reminded to look for the proof."""
    today = timezone.localdate(now)
    watched = DropoutCase.objects.filter(state=CaseState.WATCHED)
    over = watched.filter(watch_until__lte=today, watch_over=False).update(watch_over=True)
    found = list(_named(watched.filter(watch_over=True)))
    known, tasks = _offices(found), []
    for case in found:
        case.level = 2
        if office := _of_level(case, known):
            title = f"“{case.student.person.name}”稳控观察到 {case.watch_until} 期满，请核对佐证后销号"
            tasks.append(_task(office, "dropout.watched", title, case, P.DROPOUT_CONFIRM, case.watch_until))
    return {"watches_over": over, **inbox.keep("dropout.watched", tasks, today=today)}


def rechecks_due(now: datetime) -> dict[str, int]:
    """Closed cases that somebody has to look at again: the school's office, else the county's."""
    today = timezone.localdate(now)
    found = list(_named(proving.due(today)))
    known, tasks = _offices(found), []
    for case in found:
        case.level = 2
        if office := known.get(case.school_path) or _of_level(case, known):
            title = f"“{case.student.person.name}”销号后复查：{case.recheck_on} 起看是否仍在校"
            tasks.append(_task(office, "dropout.recheck", title, case, P.DROPOUT_WRITE, case.recheck_on))
    return inbox.keep("dropout.recheck", tasks, today=today)


def law_waits(now: datetime) -> dict[str, int]:
    """Steps of the law whose day is over and of which nobody has said what came: the office that took them."""
    today = timezone.localdate(now)
    found = list(legal.overdue(today).select_related("case__student__person"))
    known = {
        each.path: each for each in Organisation.objects.filter(path__in={s.path for s in found}, kind__in=WORKING)
    }
    tasks = []
    for step in found:
        if step.deadline_on and (office := known.get(step.path)):
            name, what = step.case.student.person.name, step.get_step_display()
            title = f"“{name}”的“{what}”限期 {step.deadline_on} 已过，请登记结果或进入下一步"
            url = reverse("case_detail", args=[step.case_id])
            tasks.append(Task(office, "dropout.law", title, url, step.deadline_on, step, P.DROPOUT_WRITE, urgent=True))
    return inbox.keep("dropout.law", tasks, today=today)


HOOKS = (homes_follow, watches_end, cases_late, rechecks_due, law_waits)
