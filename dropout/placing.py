"""安置: where a child that came back sits, how it will catch up and who helps it; then the ninety days of watching."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import transaction

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import School
from aidcases.roles import P
from aidcases.scoping import Actor
from dropout import cases
from dropout.enums import CaseState, PlacementKind
from dropout.models import DropoutCase, Placement
from students.enums import Stage

K = PlacementKind
PLACEABLE = (CaseState.RETURNED, CaseState.PLACED, CaseState.WATCHED)
# What a school has to be for a kind; a school whose stages nobody has entered is taken at its word.
STAGES = {K.VOCATIONAL: Stage.SECONDARY_VOCATIONAL, K.SPECIAL_SCHOOL: Stage.SPECIAL_EDUCATION}
LEAST_PLAN = 10


@dataclass(frozen=True)
class Said:
    """What is written down of a placement."""

    kind: str
    school: School
    from_on: date
    plan: str
    mentor: str
    class_name: str = ""
    certificate: str = ""


def _wrong(case: DropoutCase, said: Said, by: Actor, today: date) -> list[str]:
    stage = STAGES.get(said.kind)  # type: ignore[call-overload]
    wrong = {
        "您的角色不能登记安置。": not by.may(P.DROPOUT_WRITE),
        "复学以后才能登记安置。": case.state not in PLACEABLE,
        "请选择安置方式。": said.kind not in K.values,
        "起始日期不能晚于今天。": said.from_on > today,
        f"起始日期早于复学日期（{case.returned_on}），请核对。": bool(
            case.returned_on and said.from_on < case.returned_on
        ),
        f"请写明学习计划（至少 {LEAST_PLAN} 个字）：补什么课、怎么补、谁来补。": len(said.plan.strip()) < LEAST_PLAN,
        "请填写帮扶教师。": not said.mentor.strip(),
        "普职融合要填写职业学校的在读证明，不能两边都不在。": said.kind == K.VOCATIONAL
        and not said.certificate.strip(),
        f"“{said.school.name}”不是{stage.label if stage else ''}学校，请核对安置方式。": bool(
            stage and said.school.stages and stage not in said.school.stages
        ),
        f"{said.from_on} 已经登记过安置，请换一个日期。": Placement.objects.filter(
            case=case, from_on=said.from_on
        ).exists(),
    }
    return [reason for reason, holds in wrong.items() if holds]


@transaction.atomic
def put(case: DropoutCase, said: Said, *, by: Actor, today: date) -> Placement:
    """A placement from a day; of a child just come back the case goes on to 已安置. Raises Refused with all that is wrong."""
    held = DropoutCase.objects.select_for_update(of=("self",)).get(pk=case.pk)
    if reasons := _wrong(held, said, by, today):
        raise Refused(*reasons)
    made = Placement(
        case=held, kind=said.kind, school=said.school, class_name=said.class_name.strip()[:40], from_on=said.from_on,
        plan=said.plan.strip(), mentor=said.mentor.strip()[:60], certificate=said.certificate.strip()[:100], made_by=by.name,
    )  # fmt: skip
    made.save()
    DropoutCase.objects.filter(pk=held.pk).update(placement_made=True)
    audit.record("placement.made", subject=made, case=held.pk, kind=said.kind)
    if held.state == CaseState.RETURNED:
        cases.place(held, by=by, today=today)
    return made


def in_force(case: DropoutCase, today: date) -> Placement | None:
    """Of the time since the child came back last; "" of an earlier return is history."""
    rows = Placement.objects.filter(case=case, from_on__lte=today).select_related("school").order_by("-from_on", "-pk")
    return (rows.filter(from_on__gte=case.returned_on) if case.returned_on else rows).first()
