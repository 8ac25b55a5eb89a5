"""A case in any state, with what the state demands."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import count

from dropout.enums import CaseState, Cause, FoundBy, Proof
from dropout.models import CareVisit, DropoutCase, FamilyRequest, Rectification, Report, Tip
from students.models import Student
from tests import make

S = CaseState
DAY = date(2018, 10, 8)
_years = count(2018)  # an office has one report of a period


def case(state: str = "suspected", *, student: Student | None = None, **values: object) -> DropoutCase:
    """A child's case; without a student a new one at a school of its own."""
    who = student or make.student(at=make.school())
    given: dict = {"term": "2018-autumn", "found_by": FoundBy.COMPARISON, "found_on": DAY, "made_by": "甲", "moved_on": DAY}
    if state == S.FALSE_ALARM:
        given |= {"alarm": "double_hukou"}
    if state in (S.CONFIRMED, S.PERSUADING, S.LEGAL, S.RETURNED, S.PLACED, S.WATCHED, S.CLOSED):
        given |= {"confirmed_on": DAY, "cause": Cause.LEARNING, "left_on": DAY}
    if state in (S.RETURNED, S.PLACED, S.WATCHED, S.CLOSED):
        given |= {"returned_on": DAY}
    if state in (S.WATCHED, S.CLOSED):
        given |= {"watch_until": DAY + timedelta(days=90)}
    if state == S.CLOSED:
        given |= {"closed_on": DAY + timedelta(days=91), "proof": Proof.ROLL, "closed_by": "乙"}
    given |= {"home_path": who.person.home_path, "school_path": who.person.school_path}
    made = DropoutCase(student=who, state=state, **{**given, **values})
    made.save()
    return made


def ready_case(state: str = "suspected", **values: object) -> DropoutCase:
    """With nothing but its state against any move (a close-out without proof asks for proof="none")."""
    given: dict = {
        "visits_made": 1, "persuasions": 1, "team_named": True, "placement_made": True, "watch_over": True, "proof": "roll",
        "close_reason": "校长和村干部都确认在校",
    }  # fmt: skip
    return case(state, **{**given, **values})


def case_columns(target: str) -> dict:
    """What the state demands."""
    return {
        "false_alarm": {"alarm": "double_hukou"},
        "confirmed": {"confirmed_on": DAY, "cause": Cause.LEARNING},
        "returned": {"returned_on": DAY},
        "watched": {"watch_until": DAY},
        "closed": {"closed_on": DAY, "closed_by": "乙"},
    }.get(target, {})


HERE = "/62/6201/620123/"


def report(state: str = "due", **values: object) -> Report:
    """With figures, as every move of it asks for some."""
    given: dict = {"period": f"{next(_years)}-Q4", "due_on": DAY, "figures": {"total": {"found": 1}}}
    given |= report_columns(state)
    made = Report(office=make.office("620123"), path=HERE, rhythm="quarter", state=state, **{**given, **values})
    made.save()
    return made


def report_columns(state: str) -> dict:
    return {"submitted_on": DAY, "submitted_by": "甲"} if state in ("submitted", "accepted") else {}


def rectification(state: str = "open", **values: object) -> Rectification:
    given: dict = {"problem": "名在人不在", "due_on": DAY, "made_by": "乙", "made_on": DAY, "given_name": "县教育局"}
    given |= {"answer": "已家访", "given_path": HERE} | rectification_columns(state)
    made = Rectification(path=HERE, state=state, **{**given, **values})
    made.save()
    return made


def request(state: str = "open", **values: object) -> FamilyRequest:
    """Answered, as every move of it asks for."""
    who = make.student(at=make.school())
    paths = {"home_path": who.person.home_path, "school_path": who.person.school_path}
    visit = CareVisit(student=who, **paths, path=HERE, visited_on=DAY, who="甲", text="家访", made_by="甲")
    visit.save()
    given: dict = {"text": "书桌", "owner": "乙", "due_on": DAY, "answer": "已送"} | rectification_columns(state)
    made = FamilyRequest(visit=visit, state=state, **paths, **{**given, **values})
    made.save()
    return made


def tip(state: str = "open", **values: object) -> Tip:
    given: dict = {
        "ticket": f"TICKET{next(_years)}", "text": "没上学", "received_on": DAY, "due_on": DAY, "owner": "乙",
        "answer": "已核实", **rectification_columns(state),
    }  # fmt: skip
    made = Tip(path=HERE, state=state, **{**given, **values})
    made.save()
    return made


def rectification_columns(state: str) -> dict:
    return {"answered_on": DAY, "answered_by": "甲"} if state in ("done", "closed") else {}
