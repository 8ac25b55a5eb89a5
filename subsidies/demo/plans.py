"""The demo's 一户一策: plans of the households that are poor for schooling, and what was found out of children far away."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from django.utils import timezone

from aidcases.actions import open_office, region_named
from aidcases.demo import Demo
from aidcases.roles import Role
from aidcases.scoping import Actor
from aidcases.terms import Term
from subsidies.demo.school import at_work
from subsidies.models import HouseholdPlan, PlanChild
from subsidies.models.plans import Aided, AwayReason, CheckedHow, MeasureKind, Result
from subsidies.plans import away, families, making

HELPERS = (("杨建军", "城关镇人民政府 副镇长"), ("马春燕", "县教育局 干部"), ("张立新", "驻村工作队 队长"))


def seed(demo: Demo) -> None:
    """Plans in every state; children whose place of study was asked, and one whom both homes aid."""
    today, term = timezone.localdate(), demo.term
    office = open_office(region=region_named(demo.county))
    began = max(term.first_day, today - timedelta(days=45))
    with at_work(office, Role.COUNTY_MAKER) as by:
        made = making.make(families.poor(term).filter(first=0), term, by=by)
        plans = list(HouseholdPlan.objects.filter(year=term.school_year).order_by("pk")[:8])
        for place, plan in enumerate(plans):
            _written(plan, place, by, began, min(today, began + timedelta(days=25)))
        asked = _away(term, by, today)
    with at_work(office, Role.COUNTY_CHECKER) as by:
        for plan in [plan for plan in plans if plan.planned and not plan.undone][:1]:
            making.review(
                plan,
                result=Result.EASED,
                effect="资助到位，自付降到家庭能承担的水平。",
                reviewed_on=today,
                by=by,
                today=today,
            )
    demo.say(f"一户一策：{made} 户，核实在外就读 {asked} 人")


def _written(plan: HouseholdPlan, place: int, by: Actor, began: date, done_on: date) -> None:
    """Costs and a helper; measures that are done, open and overdue; the last stays a draft."""
    owner, unit = HELPERS[place % len(HELPERS)]
    lines = list(PlanChild.objects.filter(plan=plan).order_by("pk"))
    costs = {
        line.pk: {"fees": line.fees, "board": Decimal(1800 + 200 * place), "travel": Decimal(300)} for line in lines
    }
    making.save(
        plan, costs=costs, mark=None, by=by, cause=plan.cause, second_cause="缺资金" if place % 2 else "", owner=owner,
        income_per_head=Decimal(6200 + 350 * place), owner_unit=unit,
    )  # fmt: skip
    told = {"by": by, "today": began, "owner": owner}
    child = lines[0].student_id if lines else None
    first = making.add_measure(
        plan,
        kind=MeasureKind.AID,
        what="核对应享资助，按时发放到卡",
        due_on=began + timedelta(days=30),
        student=child,
        **told,
    )
    if place == 7:
        return
    if place != 1:
        making.finish(first, done_on=done_on, effect="本学期资助已到账。", by=by, today=done_on)
    if place > 1:
        second = {"kind": MeasureKind.WORK, "what": "介绍家长到县内企业务工", "student": None}
        making.add_measure(plan, **second, due_on=began + timedelta(days=200), **told)
    plan.refresh_from_db()
    plan.move("start", by=by)
    plan.refresh_from_db()


def _away(term: Term, by: Actor, today: date) -> int:
    """A few asked by telephone at once, one with the papers. → how many."""
    rows = away.away(term).defer("phone").order_by("pk")
    chosen = list(rows.select_related("student")[:6])
    for row in chosen[:1]:
        away.save(
            row, by=by, today=today, reason=AwayReason.FURTHER, aided=Aided.YES, item="高校国家助学金", yuan=Decimal(1650),
            proof_on=today - timedelta(days=9), how=CheckedHow.PAPER, checked_by="王经办", checked_on=today, note="",
        )  # fmt: skip
    some = rows.filter(pk__in=[row.pk for row in chosen[1:]])
    check = {"how": CheckedHow.PHONE, "checked_by": "王经办", "checked_on": today, "reason": AwayReason.FURTHER}
    made, _ = away.check_all(some, term, **check, by=by, today=today)
    return made + len(chosen[:1])
