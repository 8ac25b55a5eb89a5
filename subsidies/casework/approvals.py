"""审批: the county's decision by a document with a number, by a second person; certificates; cancelling for cause.

An approval sets the determinations of exactly its students and has them, and nobody else, computed anew."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Now

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import Job, School
from aidcases.paper import Printed, print_pdf
from aidcases.scoping import Actor, current_scope
from aidcases.terms import Term
from students.models import Enrolment
from subsidies.actions import determine
from subsidies.casework import anew, county, letters
from subsidies.casework.applying import Outcome, of_school_side
from subsidies.casework.classlist import in_a_school
from subsidies.enums import DeterminedBy, Level
from subsidies.models import Application, Approval
from subsidies.models.applications import ApplicationState
from subsidies.models.letters import Letter, LetterKind

TEMPLATE = Path(__file__).parent.parent / "approval.typ"
OWN_WORK = "是您自己初核的，要由另一人批准"
CHANGED = "有学生的学籍刚刚变动，请刷新页面再办。"
COUNTY_ONLY = "由县学生资助管理中心审批。"
NO_NUMBER = "未列文号"
TOLD = "取消资格告知书"
ORDER = ("school_path", "stage", "grade", "class_name", "pk")


@dataclass(frozen=True)
class Decided:
    """`approval`: the document's row. `outcome`: what moved, what not and why. `jobs`: recomputes that were queued."""

    approval: Approval
    outcome: Outcome
    jobs: tuple[Job, ...] = ()


def _record(term: Term, number: str, decided_on: date, by: Actor, *, approves: bool, note: str = "") -> Approval:
    made = Approval(
        path=current_scope().path, term=term.code, number=number, approves=approves, decided_on=decided_on,
        decided_by=by.name, decided_by_id=by.user_id, note=note[:200],
    )  # fmt: skip
    made.save()
    return made


def _dated(number: str, decided_on: date, today: date, term: Term) -> None:
    wrong = {
        "请填写批准文号。": not number.strip(),
        "批准文号最多 60 个字。": len(number.strip()) > 60,
        "批准日期不能晚于今天。": decided_on > today,
        f"批准日期 {decided_on} 早于{term.label}的申请，请核对年份。": decided_on.year < term.year,
        COUNTY_ONLY: in_a_school(),
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)


@transaction.atomic
def approve(
    rows: QuerySet[Application], term: Term, *, number: str, decided_on: date, by: Actor, today: date, note: str = ""
) -> Decided:
    """批准: checked lines that nothing stops, of another person's checking; a document for all of them.

    Level → determination → recompute of these students. Raises Refused with the reasons when nothing moved.
    """
    _dated(number, decided_on, today, term)
    found = county.held(rows)
    refusals: Counter[str] = found.unmoved("approve")  # type: ignore[attr-defined]
    waiting = found.filter(state=ApplicationState.COUNTY_REVIEW, checked_by_id__isnull=False)
    own = Q(checked_by_id=by.user_id) if by.user_id is not None else Q(pk=None)
    if mine := waiting.filter(own).count():
        refusals[OWN_WORK] += mine
    stops = [each for each in county.checks(term) if each.weight == county.STOPS and each.code != "objection"]
    stops.append(county.too_early(decided_on))
    refusals += county.counted(waiting.exclude(own), stops)
    approval = _record(term, number.strip(), decided_on, by, approves=True, note=note)
    with audit.happened_on(decided_on):
        moved = county.clear(waiting.exclude(own), stops).move(  # type: ignore[attr-defined]
            "approve", by=by, note=approval.number, approval=approval, returned_why="", moved_at=Now()
        )
    if not moved:
        raise Refused(*(f"{n:,} 份没有办：{reason}" for reason, n in refusals.most_common()), "没有可以批准的申请。")
    _determine(approval, term, moved)
    audit.record("approval.decided", subject=approval, path=approval.path, rows=moved, term=term.code)
    students = list(Application.objects.filter(approval=approval).order_by().values_list("student", flat=True))
    return Decided(approval, Outcome(moved, refusals), anew.determined(students, term))


def _determine(approval: Approval, term: Term, moved: int) -> None:
    """One level at a time: 不困难 sets last term's aided child back."""
    mine, written = Application.objects.filter(approval=approval), 0
    students: dict[str, list[int]] = defaultdict(list)
    for student, level in mine.order_by().values_list("student", "level"):
        students[level].append(student)
    for level, pks in students.items():
        # As keys: a subquery on rows just written has no statistics, and is walked through once for every student.
        enrolments = Enrolment.objects.in_term(term).filter(student__in=pks)
        written += determine(enrolments, level=Level(level), source=DeterminedBy.APPLICATION, basis=approval.number)
    if written != moved:
        raise Refused(CHANGED)


@transaction.atomic
def reject(
    rows: QuerySet[Application], term: Term, *, by: Actor, today: date, note: str, number: str = ""
) -> Decided:
    """不予通过, with the reason; an earlier determination stands. Raises Refused when nothing moved."""
    number = number.strip() or NO_NUMBER
    _dated(number, today, today, term)
    found = county.held(rows)
    refusals = found.unmoved("reject")  # type: ignore[attr-defined]
    approval = _record(term, number, today, by, approves=False, note=note)
    moved = found.move(  # type: ignore[attr-defined]
        "reject", by=by, note=note, approval=approval, returned_why=note.strip()[:200], moved_at=Now()
    )
    if not moved:
        raise Refused(*refusals, "没有可以办理的申请。")
    audit.record("approval.decided", subject=approval, path=approval.path, rows=moved, term=term.code)
    return Decided(approval, Outcome(moved, refusals))


# --- for cause -----------------------------------------------------------------------------------------------------


@transaction.atomic
def cancel(application: Application, *, by: Actor, note: str, today: date) -> Letter:
    """取消资格 of an approved application: not poor from its term on, the student computed anew, a letter to the family
    registered. There is no way back but a new assessment. Raises Refused."""
    if in_a_school():
        raise Refused(COUNTY_ONLY)
    term = Term.parse(application.term)
    found = county.held(of_school_side(Application.objects.filter(pk=application.pk)))
    if not found.move("cancel", by=by, note=note, returned_why=note.strip()[:200], moved_at=Now()):  # type: ignore[attr-defined]
        raise Refused(*(found.unmoved("cancel") or ["申请不在本单位范围内。"]))  # type: ignore[attr-defined]
    enrolled = Enrolment.objects.in_term(term).filter(student=application.student_id)
    if not determine(enrolled, level=Level.NONE, source=DeterminedBy.APPLICATION, basis=f"取消资格：{note.strip()}"[:200]):
        raise Refused(CHANGED)
    anew.determined([application.student_id], term)
    return letters.register(
        kind=LetterKind.LETTER, received_on=today, subject=TOLD, text=note, from_name="", contact="", by=by, today=today,
        application=application,
    )  # fmt: skip


def current_office() -> str:
    """The name of the office of whoever acts, for the head of a paper."""
    from aidcases.models import Organisation
    from aidcases.scoping import current_actor

    office = Organisation.objects.filter(pk=current_actor().office_id).first()
    return office.name if office else ""


# --- the document --------------------------------------------------------------------------------------------------


def visible() -> QuerySet[Approval]:
    """Documents of the own office and those below it, and those that decided on applications in sight: a school reads
    its county's, though not the others' lines."""
    mine = Application.objects.exclude(approval=None).order_by().values("approval")
    own = Approval.objects.order_by().values("pk")
    return Approval._base_manager.filter(Q(pk__in=mine) | Q(pk__in=own))


def counts(approval: Approval) -> list[dict[str, Any]]:
    """School → applications per level, as far as they are in sight: name, code, special, hard, ordinary, none, all."""
    levels = {level.value: Count("pk", filter=Q(level=level)) for level in Level}
    rows = Application.objects.filter(approval=approval).order_by("school__code")
    return list(rows.values("school__code", "school__name").annotate(all=Count("pk"), **{f"n_{k}": v for k, v in levels.items()}))


def certificate(approval: Approval, school: School) -> Printed:
    """批复 of a school: number, counts per level, names with class and level; no identity numbers. Raises Refused."""
    rows = of_school_side(Application.objects.filter(approval=approval, school=school, state=ApplicationState.APPROVED))
    levels = dict(rows.order_by().values_list("student", "level"))
    if not levels:
        raise Refused("这份文件里没有这所学校已批准的学生。")
    enrolled = Enrolment.objects.filter(term=approval.term, student__in=levels).select_related("student__person")
    by_level = Case(*(When(student__in=[s for s, v in levels.items() if v == level], then=Value(n))
                      for n, level in enumerate(Level)), output_field=IntegerField())  # fmt: skip
    listed = enrolled.defer("phone", "student__person__id_number", "student__roll_number")
    rows_of = [
        {
            "name": each.student.person.name,
            "grade": each.grade_label,
            "class": each.class_name,
            "level": Level(levels[each.student_id]).label,
        }
        for each in listed.order_by("stage", "grade", "class_name", by_level, "pk")
    ]
    tally = Counter(levels.values())
    data = {
        "kind": "certificate",
        "number": approval.number,
        "school": school.name,
        "term": Term.parse(approval.term).label,
        "day": f"{approval.decided_on.year}年{approval.decided_on.month}月{approval.decided_on.day}日",
        "by": approval.decided_by,
        "counts": [{"label": level.label, "n": str(tally[level])} for level in Level if tally[level]],
        "total": str(len(levels)),
        "rows": rows_of,
    }
    return print_pdf(TEMPLATE, data)
