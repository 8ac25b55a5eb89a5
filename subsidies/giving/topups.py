"""附加资助: a discretionary benefit for a family still in hardship, decided by a second person. The decided amount is a
fact (subsidies.facts): it becomes an entitlement by the rule, and is listed and paid like every other."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction

from aidcases import audit
from aidcases.flow import Refused
from aidcases.scoping import HOME, SCHOOL, Actor, current_scope
from aidcases.terms import Term
from students.models import Enrolment, Student
from subsidies.casework.anew import recompute
from subsidies.enums import AmountKind, Jurisdiction
from subsidies.explain import explain
from subsidies.giving.common import owners, refuse_if, said, yuan_wrong
from subsidies.models import Benefit, Entitlement, Rule, TopUpCase
from subsidies.models.loans import TopUpState
from subsidies.rules import applied_rules

OWN_WORK = "是您自己登记的，要由另一人决定。"
ELSEWHERE = {HOME: "由家庭所在地的县学生资助管理中心决定。", SCHOOL: "由学校所在地的县学生资助管理中心决定。"}
NO_RULE = "本学期没有地区采用这个项目的政策。"
NOT_ENROLLED = "这名学生本学期没有学籍，不能申请。"


def open_rules(term: Term) -> list[Rule]:
    """Rules of the term whose amount somebody decides, those of the lowest region's pack last."""
    return [each.rule for each in applied_rules(term) if each.rule.amount_kind == AmountKind.DISCRETIONARY]


def benefits(term: Term) -> list[Benefit]:
    return list({rule.benefit_id: rule.benefit for rule in open_rules(term)}.values())


def aid_of(student: Student, term: Term) -> list[Entitlement]:
    """What the rules give in the term, loans apart: what a family has before it asks for more."""
    rows = Entitlement.objects.in_term(term).granted().filter(student=student)
    return list(rows.select_related("benefit", "rule").order_by("benefit__order"))


def total(lines: list[Entitlement]) -> Decimal:
    return sum((line.amount or Decimal(0) for line in lines), Decimal(0))


def against(student: Student, term: Term, benefit: Benefit) -> tuple[Rule | None, list[str]]:
    """(the rule that would pay it, why the clause does not allow it). The decision itself is no condition here."""
    found = [each for each in explain(student, term) if each.rule.benefit_id == benefit.pk]
    decided = [each for each in found if each.rule.amount_kind == AmountKind.DISCRETIONARY]
    why: list[str] = [NO_RULE] if found or Enrolment.objects.in_term(term).filter(student=student).exists() else [NOT_ENROLLED]
    for each in decided:
        wrong = [seen.label for seen in each.conditions if not seen.holds and seen.code != "discretionary"]
        if not wrong:
            return each.rule, []
        why = [f"按“{each.rule.title}”的条件不能给：不满足“{label}”。" for label in wrong]
    return None, why


@transaction.atomic
def ask(
    student: Student, term: Term, *, benefit: Benefit, hardship: str, asked: Decimal, by: Actor, today: date
) -> TopUpCase:
    """A new case. Raises Refused, also where the clause does not allow the benefit for this child."""
    Student.objects.select_for_update(of=("self",)).get(pk=student.pk)
    standing = TopUpCase.objects.filter(student=student, term=term.code, benefit=benefit)
    refuse_if({
        "请写明家庭困难情况。": not hardship.strip(),
        **yuan_wrong(asked, "申请金额"),
        "这名学生本学期已经有这个项目的申请。": standing.filter(state__in=(TopUpState.ASKED, TopUpState.APPROVED)).exists(),
    })  # fmt: skip
    _, why = against(student, term, benefit)
    if why:
        raise Refused(*why)
    made = TopUpCase(
        student=student, term=term.code, benefit=benefit, hardship=said(hardship, 500), asked=asked,
        aid=total([line for line in aid_of(student, term) if line.benefit_id != benefit.pk]), asked_on=today,
        asked_by=by.name, asked_by_id=by.user_id, **owners(student),
    )  # fmt: skip
    made.save()
    audit.record("topup.asked", subject=made)
    return made


def _held(case: TopUpCase, by: Actor) -> TopUpCase:
    """Locked; of another person's writing, of the own county. Raises Refused."""
    held = TopUpCase.objects.select_for_update(of=("self",)).select_related("student__person", "benefit").get(pk=case.pk)
    if by.user_id is not None and held.asked_by_id == by.user_id:
        raise Refused(OWN_WORK)
    return held


@transaction.atomic
def approve(case: TopUpCase, *, decided: Decimal, reason: str, by: Actor, today: date) -> None:
    """The second person's yes with its amount; the child is computed anew. Raises Refused."""
    held, term = _held(case, by), Term.parse(case.term)
    refuse_if(yuan_wrong(decided, "决定金额"))
    rule, why = against(held.student, term, held.benefit)
    if rule is None:
        raise Refused(*why)
    side = HOME if rule.jurisdiction == Jurisdiction.HOUSEHOLD else SCHOOL
    if not current_scope().covers(held.owner_path(side), side):
        raise Refused(ELSEWHERE[side])
    TopUpCase.objects.filter(pk=held.pk, state=TopUpState.ASKED).update(decided=decided)
    held.move("approve", by=by, note=said(reason, 200), **_decision(reason, by, today))
    recompute(term)


def _decision(reason: str, by: Actor, today: date) -> dict[str, Any]:
    return {"reason": said(reason, 200), "decided_on": today, "decided_by": by.name, "decided_by_id": by.user_id}


@transaction.atomic
def refuse(case: TopUpCase, *, reason: str, by: Actor, today: date) -> None:
    _held(case, by).move("refuse", by=by, note=said(reason, 200), **_decision(reason, by, today))


@transaction.atomic
def revoke(case: TopUpCase, *, reason: str, by: Actor, today: date) -> None:
    """The entitlement goes with the next computation, which is asked for; what was listed becomes a recovery."""
    _held(case, by).move("revoke", by=by, note=said(reason, 200), **_decision(reason, by, today))
    recompute(Term.parse(case.term))


def withdraw(case: TopUpCase, *, reason: str, by: Actor) -> None:
    case.move("withdraw", by=by, note=said(reason, 200))
