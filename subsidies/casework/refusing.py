"""放弃: what families refuse, with an application that they decline or of single benefits; and what they take back."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction
from django.db.models import BooleanField, CharField, F, QuerySet, Value

from aidcases import audit, sql
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import Actor
from aidcases.terms import Term
from students.models import Enrolment
from subsidies.casework.anew import recompute
from subsidies.enums import MAY_CLAIM
from subsidies.models import Application, Benefit, Entitlement, Refusal

LONGEST = 200
NO_REASON = "请写明放弃的原因。"


def of_applications(pks: Collection[int], *, by: Actor, why: str, active: bool = True) -> None:
    """The declined (or reopened) applications' students refuse all aid of the term (or no longer), and are computed
    anew where something is due to them."""
    mine = Application.objects.filter(pk__in=pks)
    for code in mine.order_by().values_list("term", flat=True).distinct():
        rows, term = mine.filter(term=code), Term.parse(code)
        _say(rows, benefit=None, by=by, why=why, active=active)
        if Entitlement.objects.in_term(term).filter(student__in=list(rows.values_list("student", flat=True))).exists():
            recompute(term)


@transaction.atomic
def refuse(enrolments: QuerySet[Enrolment], benefits: Iterable[Benefit], *, why: str, by: Actor) -> int:
    """The students of the enrolments (of one term) do not want these benefits in it. → refusals said. Raises Refused."""
    if not why.strip():
        raise Refused(NO_REASON)
    return _of_benefits(enrolments, benefits, why=why.strip()[:LONGEST], by=by, active=True)


@transaction.atomic
def take_back(enrolments: QuerySet[Enrolment], benefits: Iterable[Benefit | None], *, by: Actor) -> int:
    """They want them after all; None: what they said of all aid. → refusals taken back. Raises Refused."""
    return _of_benefits(enrolments, benefits, why="", by=by, active=False)


def _of_benefits(
    enrolments: QuerySet[Enrolment], benefits: Iterable[Benefit | None], *, why: str, by: Actor, active: bool
) -> int:
    if not by.may(P.APPLICATION_WRITE):
        raise Refused("您的角色不能登记放弃。")
    benefits = list(benefits)
    if not benefits:
        raise Refused("请选择资助项目。")
    said = sum(_say(enrolments, benefit=benefit, by=by, why=why, active=active) for benefit in benefits)
    audit.record("refusal.said" if active else "refusal.taken_back", rows=said)
    for code in enrolments.order_by().values_list("term", flat=True).distinct():
        recompute(Term.parse(code))
    return said


def _say(rows: QuerySet[Any], *, benefit: Benefit | None, by: Actor, why: str, active: bool) -> int:
    """One INSERT for applications or enrolments, which both name student, term and paths."""
    told: dict[str, Any] = {name: F(name) for name in ("student", "term", "home_path", "school_path")}
    return sql.insert_from(
        Refusal, rows, **told, active=Value(active, output_field=BooleanField()),
        why=Value(why, output_field=CharField()), set_by=Value(by.name, output_field=CharField()),
        **({"benefit": Value(benefit.pk)} if benefit else {}),
    )  # fmt: skip


def lines(student: int, term: Term) -> list[dict[str, Any]]:
    """What is due to a child in the term and may be refused, with what was said of it: .entitlement .refusal (or None);
    one that covers all aid stands at each line it covers."""
    due = Entitlement.objects.in_term(term).filter(student=student, rule__universal=False)
    rows = list(due.exclude(rule__delivery__in=MAY_CLAIM).select_related("benefit", "rule").order_by("benefit__order"))
    said = {refusal.benefit_id: refusal for refusal in standing(student, term)}
    return [{"entitlement": row, "refusal": said.get(row.benefit_id) or said.get(None)} for row in rows]


def standing(student: int, term: Term) -> list[Refusal]:
    """What the child's family refuses in the term."""
    return list(Refusal.objects.standing(term).filter(student=student).select_related("benefit").order_by("pk"))
