"""Making plans of households, for one or for all of a filter, and writing them on: costs, measures, who helps, what came."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Case, CharField, DecimalField, F, Func, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from aidcases import audit, seen, sql
from aidcases.flow import Refused
from aidcases.models import SchoolFee
from aidcases.scoping import Actor
from aidcases.terms import AUTUMN, Term
from students.enums import COLLEGE_STAGES
from students.models import Household, Member
from subsidies.giving.common import MOST, day_wrong, refuse_if, said
from subsidies.models import HouseholdPlan, PlanChild, PlanMeasure
from subsidies.models.plans import OPEN, PlanState
from subsidies.plans import families

FARTHEST = 5  # years that a measure may be due after the plan's own
_SEPARATORS = "[，,；;/ ]+"


def _cause(place: int) -> Func:
    """The first, second … cause that the register names in one cell."""
    return Func(
        Func(F("cause"), Value(_SEPARATORS), Value("、"), Value("g"), function="regexp_replace"),
        Value("、"), Value(place), function="split_part", output_field=CharField(),
    )  # fmt: skip


@transaction.atomic
def make(rows: QuerySet[Household], term: Term, *, by: Actor) -> int:
    """A draft for every household of the set (of families.poor) that has none for the school year, with its children at
    school: two statements however many. → plans made."""
    year = term.school_year
    sql.lock("plans", year)
    missing = Household.objects.filter(pk__in=rows.order_by().filter(plan__id__isnull=True).values("pk"))
    made = sql.insert_from(
        HouseholdPlan, missing, household=F("pk"), path=F("path"), year=Value(year), state=Value(PlanState.DRAFT),
        cause=_cause(1), second_cause=_cause(2), income_per_head=F("income_per_head"), planned=Value(0), undone=Value(0),
        made_by=Value(by.name), **{name: Value("") for name in ("owner", "owner_unit", "effect", "result", "reviewed_by")},
    )  # fmt: skip
    if made:
        _add_children(families.children(term).filter(plan__state=PlanState.DRAFT, line__id__isnull=True), year)
        audit.record("plan.made", year=year, plans=made)
    return made


def _add_children(rows: QuerySet[Member], year: int) -> int:
    """Lines for children at school who have none, with the costs that are known: the school's fee, no board for who lives at
    home (lists of college students say nothing of it)."""
    home = Q(here__boarding=False) & ~Q(here__stage__in=COLLEGE_STAGES)
    money = DecimalField(max_digits=10, decimal_places=2)
    return sql.insert_from(
        PlanChild, rows, plan=F("plan__id"), student=F("person"), year=Value(year), fees=_fee(year),
        board=Case(When(home, then=Value(Decimal(0))), output_field=money),
    )  # fmt: skip


def _fee(year: int) -> Coalesce:
    """Of the enrolment's school: in force on the year's first day, else the earliest known; NULL where none is."""
    day = Term(year, AUTUMN).first_day
    fees = SchoolFee.objects.filter(school=OuterRef("here__school"))
    return Coalesce(
        Subquery(fees.filter(from_on__lte=day).order_by("-from_on").values("annual_fee")[:1]),
        Subquery(fees.order_by("from_on").values("annual_fee")[:1]),
    )


@transaction.atomic
def add_missing(plan: HouseholdPlan, term: Term) -> int:
    """Children of the household who came to school since the plan was made. → how many."""
    held = _held(plan)
    rows = families.children(term).filter(household=held.household_id, plan=held.pk, line__id__isnull=True)
    if added := _add_children(rows, held.year):
        audit.record("plan.children", subject=held, path=held.path, children=added)
    return added


def _held(plan: HouseholdPlan) -> HouseholdPlan:
    """Locked, and still to be changed. Raises Refused."""
    held = HouseholdPlan.objects.select_for_update(of=("self",)).get(pk=plan.pk)
    if held.state not in OPEN:
        raise Refused(f"这份计划{held.get_state_display()}，不能再改。要改请由审核人“继续帮扶”。")
    return held


def shown(plan: HouseholdPlan, lines: list[PlanChild]) -> str:
    """What a form was opened on, for `save`."""
    values = [(line.pk, line.fees, line.board, line.travel) for line in lines]
    return seen.mark(plan.cause, plan.second_cause, plan.income_per_head, plan.owner, plan.owner_unit, values)


@transaction.atomic
def save(
    plan: HouseholdPlan, *, costs: dict[int, dict[str, Decimal | None]], mark: str | None, by: Actor, **columns: Any
) -> HouseholdPlan:
    """Causes, income, helper and each child's costs (line → fees, board, travel in yuan). Raises Refused, seen.Changed."""
    held = _held(plan)
    lines = list(held.children.select_for_update(of=("self",)).order_by("pk"))
    if mark is not None and mark != shown(held, lines):
        raise seen.Changed
    refuse_if({
        "执行中的计划要有帮扶责任人。": held.state != PlanState.DRAFT and not columns["owner"].strip(),
        f"费用超过 {MOST:,} 元，请核对。": any((yuan or 0) > MOST for line in costs.values() for yuan in line.values()),
    })  # fmt: skip
    for name, most in (("cause", 60), ("second_cause", 60), ("owner", 60), ("owner_unit", 80)):
        setattr(held, name, said(columns[name], most))
    held.income_per_head = columns["income_per_head"]
    held.save()
    for line in lines:
        for name, yuan in costs.get(line.pk, {}).items():
            setattr(line, name, yuan)
        line.save()
    audit.record("plan.saved", subject=held, path=held.path)
    return held


@transaction.atomic
def assign(rows: QuerySet[HouseholdPlan], *, owner: str, unit: str) -> int:
    """A helper for all open plans of the set that have none. → how many. Raises Refused."""
    refuse_if({"请填写帮扶责任人。": not owner.strip()})
    ready = rows.order_by().filter(owner="", state__in=OPEN).values("pk")
    named = HouseholdPlan.objects.filter(pk__in=ready).update(owner=said(owner, 60), owner_unit=said(unit, 80))
    if named:
        audit.record("plan.assigned", plans=named)
    return named


@transaction.atomic
def add_measure(
    plan: HouseholdPlan, *, kind: str, what: str, owner: str, due_on: date, student: int | None, by: Actor, today: date
) -> PlanMeasure:
    """What is to be done; of a child of the plan, or None for the household. Raises Refused."""
    held = _held(plan)
    child = held.children.filter(student=student).first() if student else None
    refuse_if({
        "请写明具体做什么。": not what.strip(),
        "请填写责任人。": not owner.strip(),
        "这个孩子不在计划里。": student is not None and child is None,
        "完成期限已经过了，请核对。": due_on < today,
        f"完成期限在 {FARTHEST} 年以后，请核对年份。": due_on.year > held.year + FARTHEST,
    })  # fmt: skip
    made = PlanMeasure(
        plan=held,
        student_id=student,
        kind=kind,
        what=said(what, 200),
        owner=said(owner, 60),
        due_on=due_on,
        made_by=by.name,
    )
    made.save()
    _count(held, planned=1, undone=1)
    audit.record("plan.measure", subject=held, path=held.path, kind=kind)
    return made


def _count(plan: HouseholdPlan, **more: int) -> None:
    HouseholdPlan.objects.filter(pk=plan.pk).update(**{name: F(name) + n for name, n in more.items()})


@transaction.atomic
def finish(measure: PlanMeasure, *, done_on: date, effect: str, by: Actor, today: date) -> PlanMeasure:
    """Done on a day, with what came of it. Raises Refused."""
    plan = _held(measure.plan)
    held = PlanMeasure.objects.select_for_update(of=("self",)).get(pk=measure.pk)
    refuse_if({
        "请写明办理结果。": not effect.strip(),
        "这条措施已经登记办结。": held.done_on is not None,
        **day_wrong(done_on, today, "办结日期"),
    })  # fmt: skip
    held.done_on, held.effect = done_on, said(effect, 200)
    held.save()
    _count(plan, undone=-1)
    audit.record("plan.done", subject=plan, path=plan.path, kind=held.kind)
    return held


@transaction.atomic
def drop(measure: PlanMeasure) -> None:
    """A measure that was written by mistake, before the plan has begun. Raises Refused."""
    plan = _held(measure.plan)
    if plan.state != PlanState.DRAFT or measure.done_on:
        raise Refused("计划已经开始执行，措施不能删除；不再办的，请登记办结并写明原因。")
    measure.delete()
    _count(plan, planned=-1, undone=-1)
    audit.record("plan.dropped", subject=plan, path=plan.path, kind=measure.kind)


def review(
    plan: HouseholdPlan, *, result: str, effect: str, reviewed_on: date, by: Actor, today: date
) -> HouseholdPlan:
    """What the plan has brought. Raises Refused: measures open, no words, a day that can't be."""
    refuse_if({"请写明帮扶成效。": not effect.strip(), **day_wrong(reviewed_on, today, "评估日期")})
    plan.move("review", by=by, result=result, effect=said(effect, 300), reviewed_on=reviewed_on, reviewed_by=by.name)
    return plan
