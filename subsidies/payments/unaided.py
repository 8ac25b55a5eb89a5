"""未资助: every child's benefit of a term that has not been paid in full, and why, in one query over the entitlements."""

from __future__ import annotations

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Concat
from django.utils import timezone

from aidcases.terms import Term
from subsidies.enums import EntitlementState
from subsidies.models import Adjustment, Entitlement, Payment, UnpaidReason
from subsidies.models.payments import Bounce, PaymentState
from subsidies.models.reasons import Unaided
from subsidies.payments.obstacles import UNDER_WAY, first_obstacle, labels, settling, unlisted


def unaided(term: Term, path: str = "/") -> QuerySet[Entitlement]:
    """Entitlements under the path, loans apart, with `why` (see words): whatever is not paid, or not all of it."""
    same = {"term": term.code, "student": OuterRef("student"), "benefit": OuterRef("benefit")}
    lines = Payment.objects.standing().filter(**same)
    owed = Adjustment.objects.filter(**same, difference__gt=0)
    paid = Q(Exists(lines)) & ~Q(Exists(lines.exclude(state=PaymentState.PAID))) & ~Q(Exists(owed))
    rows = Entitlement.objects.in_term(term).of(path).granted().filter(~(Q(frozen=True) & paid))
    open_ = lines.exclude(state=PaymentState.PAID).order_by("pk")
    said = UnpaidReason.objects.filter(**same)
    first = first_obstacle(term, today := timezone.localdate())
    return rows.annotate(
        line=Subquery(open_.annotate(told=_line()).values("told")[:1]),
        said=Subquery(said.annotate(told=Concat(Value("said:"), "reason", Value(":"), "note")).values("told")[:1]),
        obstacle=Case(When(frozen=False, state=EntitlementState.DUE, then=first), output_field=CharField()),
    ).annotate(
        why=Case(
            When(line__isnull=False, then=F("line")),
            When(~Q(state=EntitlementState.DUE), then=Concat(Value("held:"), "state")),
            When(obstacle__in=UNDER_WAY, then=Concat(Value("wait:"), "obstacle")),
            When(said__isnull=False, then=F("said")),
            When(obstacle__isnull=False, then=Concat(Value("wait:"), "obstacle")),
            When(frozen=True, then=Value("back_pay")),
            When(rule__delivery__in=settling(term, today), then=Value("settle")),
            default=Value("ready"), output_field=CharField(),
        )
    )  # fmt: skip


def _line() -> Case:
    bounced = Concat(Value("bounce:"), "bounce", output_field=CharField())
    return Case(When(state=PaymentState.BOUNCED, then=bounced), default=Concat(Value("line:"), "state"), output_field=CharField())


class Words:
    """`why` of unaided in words."""

    def __init__(self, term: Term):
        self.obstacles, self.unlisted = labels(term, timezone.localdate()), unlisted(term)

    def __call__(self, why: str) -> str:
        kind, _, code = why.partition(":")
        if kind == "said":
            reason, _, note = code.partition(":")
            return Unaided(reason).label + (f"：{note}" if note else "")
        told = {
            "line": lambda: f"正在发放（{PaymentState(code).label}）", "bounce": lambda: f"退票（{Bounce(code).label}）",
            "held": lambda: EntitlementState(code).label, "wait": lambda: self.obstacles.get(code, code),
        }  # fmt: skip
        return told[kind]() if kind in told else self.unlisted[kind]
