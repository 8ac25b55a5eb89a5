"""The demo's dropout work: the rosters of the term compared, some suspicions cleared, one child persuaded, one back, a draw."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from aidcases import audit
from aidcases.models import Membership, Organisation
from aidcases.roles import OfficeKind, Role
from aidcases.scoping import Actor, acting_in
from dropout import caring, cases, comparing, drawing, placing, reporting, teams, visits, warnings
from dropout.enums import CareKind, CaseState, PlacementKind, Seat
from dropout.models import DropoutCase

PLAN = "每天下午第八节补语文、数学，由班主任辅导；十二月底前补完七年级上册，期末单独测评一次。"


@contextmanager
def at_work(office: Organisation, role: Role, day: date) -> Iterator[Actor]:
    """The demo's account that holds the role in the office, on a day."""
    actor = Membership.objects.filter(organisation=office, role=role).order_by("pk")[0].actor
    with transaction.atomic(), acting_in(office.scope, actor), audit.happened_on(day):
        yield actor


def seed(demo: Any) -> None:
    """For the demo's county; the neighbour's rosters are compared too."""
    today = date.today()
    start = max(demo.term.first_day, today - timedelta(days=15))
    for code in (demo.county, demo.neighbour):
        office = Organisation.objects.get(kind=OfficeKind.COUNTY, region_id=code)
        with at_work(office, Role.COUNTY_MAKER, start):
            found = comparing.compare(term=demo.term, path=office.path, today=start)
        if code == demo.county:
            _work(office, demo.term, start, today)
            demo.say(f"控辍保学：比对出疑似 {found['opened']} 人")


def _work(office: Organisation, term: Any, start: date, today: date) -> None:
    rows = list(DropoutCase.objects.filter(home_path__startswith=office.path).order_by("pk"))
    rows.sort(key=lambda row: (row.school_id is None, row.pk))  # who was in school before can go back there
    with at_work(office, Role.COUNTY_MAKER, start) as by:
        cases.verify(_these(rows[: len(rows) // 2 + 2]), by=by, today=start)
    with at_work(office, Role.COUNTY_CHECKER, start + timedelta(days=2)) as by:
        cases.acquit(
            _these(rows[2 : len(rows) // 2]), alarm="enrolled", note="电话核实，在外地有学籍", by=by, today=start
        )
    for row, back in zip(rows[:2], (True, False), strict=False):
        _persuade(office, row, start, today, back=back)
    with at_work(office, Role.COUNTY_MAKER, today) as by:
        for kind in (CareKind.LEFT_BEHIND, CareKind.DISABLED):
            caring.make_files(kind, caring.children(kind, term), by=by, today=today)
        reporting.ensure([office, *Organisation.objects.filter(kind=OfficeKind.SCHOOL)], today)
    with acting_in(office.scope):
        warnings.look(term=term, path=office.path, today=today)
    with at_work(office, Role.COUNTY_CHECKER, today) as by:
        drawing.draw(seed="双色球第 130 期 08", term=term, size=2, by=by, today=today)


def _these(rows: list[DropoutCase]) -> Any:
    return DropoutCase.objects.filter(pk__in=[row.pk for row in rows])


def _persuade(office: Organisation, case: DropoutCase, start: date, today: date, *, back: bool) -> None:
    """Visited, confirmed, persuaded; the first is back in class and watched."""
    with at_work(office, Role.COUNTY_MAKER, start + timedelta(days=3)) as by:
        _visit(case, start + timedelta(days=3), "孩子在家，说跟不上课，不想上学。家长愿意配合。", "wavering", by)
        case.refresh_from_db()
    with at_work(office, Role.COUNTY_CHECKER, start + timedelta(days=4)) as by:
        day = start + timedelta(days=4)
        cases.confirm(case, left_on=start, cause="learning", whereabouts="在家", by=by, today=day)
    with at_work(office, Role.COUNTY_MAKER, start + timedelta(days=5)) as by:
        people = [(Seat.TEACHER, "周老师"), (Seat.CADRE, "李支书"), (Seat.PARENT, "父亲")]
        teams.name_team(case, [teams.Named(seat, name) for seat, name in people], by=by, today=start + timedelta(days=5))
        cases.persuade(case, by=by, today=start + timedelta(days=5))
        _visit(case, start + timedelta(days=8), "再次入户，讲清义务教育法规定，约好下周返校。", "willing", by)
    if not back or case.school is None:
        return
    with at_work(office, Role.COUNTY_MAKER, start + timedelta(days=12)) as by:
        day = start + timedelta(days=12)
        cases.bring_back(case, returned_on=day, school=case.school, by=by, today=day)
        said = placing.Said(
            kind=PlacementKind.CLASS, school=case.school, class_name=case.class_name, from_on=day, plan=PLAN, mentor="周老师"
        )
        placing.put(case, said, by=by, today=day)
        case.refresh_from_db()
        if case.state == CaseState.PLACED:
            cases.watch(case, by=by, today=day)


def _visit(case: DropoutCase, day: date, text: str, result: str, by: Actor) -> None:
    at = timezone.make_aware(datetime.combine(day, time(15, 30)))
    said = visits.Said(
        visited_at=at, place="家中", kind="home", people="周老师、李支书", said=text, result=result, met="父亲和孩子",
        next_step="一周后再去", next_on=day + timedelta(days=7),
    )  # fmt: skip
    visits.record(case, said, key=uuid.uuid4(), by=by, now=at + timedelta(hours=2))
