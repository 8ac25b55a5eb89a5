"""A year's plan of an office and what each institution takes: handed down only when the places make up the plan."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q, Sum

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import Organisation, School
from aidcases.roles import P
from aidcases.scoping import Actor, current_scope
from subsidies.giving.common import refuse_if, said
from subsidies.models import TrainingPlace, TrainingPlan
from subsidies.models.vocational import PlanState

MOST = 1_000_000  # people; more is a slip of the finger
FIXED = "计划已经下达，要改请先点“调整”。"
NOT_YOURS = "您的角色不能编制培养计划。"


def own(year: int) -> TrainingPlan | None:
    """The plan of the office that acts."""
    return TrainingPlan.objects.filter(path=current_scope().path, year=year).select_related("office").first()


@transaction.atomic
def set_plan(year: int, *, degree: int, training: int, document: str, by: Actor) -> TrainingPlan:
    """The year's totals in people; made where there is no plan. Raises Refused."""
    office = Organisation.objects.filter(pk=by.office_id).first()
    refuse_if({
        NOT_YOURS: not by.may(P.VOCATIONAL_SET) or office is None,
        "人数不能小于 0 人。": min(degree, training) < 0,
        "学历教育和职业培训至少填一项。": degree + training == 0,
        f"人数超过 {MOST:,} 人，请核对。": max(degree, training) > MOST,
    })  # fmt: skip
    held = TrainingPlan.objects.select_for_update().filter(path=current_scope().path, year=year).first()
    plan = held or TrainingPlan(path=current_scope().path, office=office, year=year)
    refuse_if({FIXED: plan.state == PlanState.FIXED})
    plan.degree, plan.training, plan.document = degree, training, said(document, 120)
    plan.save()
    audit.record("trainingplan.set", subject=plan, year=year, degree=degree, training=training)
    return plan


@transaction.atomic
def set_place(plan: TrainingPlan, school: School, *, degree: int, training: int, by: Actor) -> None:
    """What an institution takes, in people; 0 and 0 takes it off the plan. Raises Refused."""
    held = TrainingPlan.objects.select_for_update().get(pk=plan.pk)
    others = TrainingPlace.objects.filter(school=school, year=held.year).exclude(plan=held)
    refuse_if({
        NOT_YOURS: not by.may(P.VOCATIONAL_SET) or held.path != current_scope().path,
        FIXED: held.state == PlanState.FIXED,
        "人数不能小于 0 人。": min(degree, training) < 0,
        f"人数超过 {MOST:,} 人，请核对。": max(degree, training) > MOST,
        f"“{school.name}”不在本地，由所在地下达任务。": not school.path.startswith(held.path),
        f"“{school.name}”本年度的任务已由另一级下达，不能重复计入。": others.exists(),
    })  # fmt: skip
    held.places.filter(school=school).delete()
    if degree or training:
        place = TrainingPlace(
            plan=held, path=held.path, year=held.year, school=school, school_path=school.path, degree=degree,
            training=training,
        )  # fmt: skip
        place.save()
    sums = held.places.aggregate(degree=Sum("degree", default=0), training=Sum("training", default=0))
    held.placed_degree, held.placed_training = sums["degree"], sums["training"]
    held.save(update_fields=["placed_degree", "placed_training"])
    audit.record("trainingplan.placed", subject=held, school=school.code, degree=degree, training=training)


def institution(typed: str) -> School:
    """A school by its code or whole name, anywhere. Raises Refused."""
    typed = typed.strip()
    found = list(School.objects.filter(Q(code=typed) | Q(name=typed)).order_by("path")[:2]) if typed else []
    if len(found) != 1:
        several = "有几所同名学校，请写学校标识码" if found else "没有找到这所院校，请写全名或学校标识码"
        raise Refused(f"“{typed}”{several}。")
    return found[0]


def move(plan: TrainingPlan, name: str, *, by: Actor, note: str = "") -> None:
    """fix or reopen. Raises Refused."""
    if plan.path != current_scope().path:
        raise Refused(NOT_YOURS)
    plan.move(name, by=by, note=said(note, 200))


def years(now: int) -> list[int]:
    """Years to choose from: those with a plan in sight and the one worked in, newest first."""
    known = TrainingPlace.objects.order_by().values_list("year", flat=True).distinct()
    return sorted({*known, now}, reverse=True)
