"""What keeps something due from being paid, in one word each: the funnel's first condition that fails, else no money."""

from __future__ import annotations

from calendar import monthrange
from datetime import date

from django.db.models import Case, CharField, Exists, Expression, ExpressionWrapper, F, OuterRef, Q, Value, When

from aidcases.conditions import All
from aidcases.terms import Term
from students.models import Account
from students.models.accounts import AccountState
from subsidies.enums import Delivery, Jurisdiction
from subsidies.models import Application, Indicator
from subsidies.models.applications import ApplicationState
from subsidies.models.payments import Channel
from subsidies.payments.funnel import conditions
from subsidies.payments.listing import DELIVERED

# Whose application is on its way; the funnel says of them that no determination is approved yet.
APPLYING = "applying"
# Whose card is written down and waits for its second person; the funnel says of them that there is none.
CARD_WAITS, CARD_DOUBTED = "card_waits", "card_doubted"
UNFUNDED = "no_indicator"  # it may be listed, but no approval could take the money of anything
UNDER_WAY = (APPLYING, "notice_over", "unopposed")
_CLOSED = (ApplicationState.APPROVED, ApplicationState.REJECTED, ApplicationState.CANCELLED)


def labels(term: Term, day: date) -> dict[str, str]:
    """Code of an obstacle → what the board and the ledgers say."""
    found = {c.code: c.label for channel in Channel for c in conditions(term, channel, day)}
    more = {CARD_WAITS: "卡待复核", CARD_DOUBTED: "卡待复核，有疑点没有核实", UNFUNDED: "没有登记指标"}
    return {**found, APPLYING: "认定申请正在办理", **more}


def settles_on(term: Term) -> date:
    """The last day to settle waivers and what is given in kind with the schools: no document names one, so the end of the
    term's first month, in which the rolls are settled. Until then a pupil of whom nothing else is missing is not forgotten."""
    first = term.first_day
    return first.replace(day=monthrange(first.year, first.month)[1])


def settling(term: Term, day: date) -> tuple[Delivery, ...]:
    """What is delivered so that it waits for that day."""
    return DELIVERED[Channel.SETTLEMENT] if day <= settles_on(term) else ()


def unlisted(term: Term) -> dict[str, str]:
    """What the board and the ledgers say of what nothing keeps from being listed."""
    last = settles_on(term)
    return {
        "ready": "可以编入批次",
        "back_pay": "要补发，还没有列入",
        "settle": f"待结算：{last.month} 月 {last.day} 日前与学校结算",
    }


def first_obstacle(term: Term, day: date) -> Expression:
    """Of an entitlement that is due: the code of the funnel's first condition that fails, else whether no money has come
    down for it; NULL: it can be listed and paid."""
    by_channel = {channel: _first(conditions(term, channel, day), term) for channel in Channel}
    whens = [When(rule__delivery__in=DELIVERED[channel], then=first) for channel, first in by_channel.items()]
    return Case(*whens, output_field=CharField())


def _first(asked: All, term: Term) -> Expression:
    """Nested, not negated: what is not known fails."""
    applied = Application.objects.filter(student=OuterRef("student"), term=term.code).exclude(state__in=_CLOSED)
    proposed = Account.objects.filter(student=OuterRef("student"), state=AccountState.PROPOSED).order_by()
    found: Expression = Case(
        When(Q(amount=None) | _funded(term), then=Value(None)), default=Value(UNFUNDED), output_field=CharField()
    )
    for condition in reversed(list(asked)):
        fails: Expression = Value(condition.code)
        if condition.code == "determined":
            fails = Case(When(Exists(applied), then=Value(APPLYING)), default=fails)
        if condition.code == "account":
            fails = Case(
                When(Exists(proposed.exclude(alarm="").filter(cleared="")), then=Value(CARD_DOUBTED)),
                When(Exists(proposed), then=Value(CARD_WAITS)), default=fails,
            )  # fmt: skip
        if condition.holds:
            found = Case(When(condition.holds, then=found), default=fails, output_field=CharField())
    return found


def _funded(term: Term) -> Q:
    """Some money has come down for it to the office that answers for it by its rule: for all or for its school."""
    # Beyond the own scope on purpose: a school, which sees no indicator, has to see this; only yes or no comes back.
    there = Indicator._base_manager.filter(
        Q(school=None) | Q(school=OuterRef("school")), term=term.code, benefit=OuterRef("benefit")
    )
    answers = {Jurisdiction.SCHOOL: "school_path", Jurisdiction.HOUSEHOLD: "home_path"}
    found = Q()
    for jurisdiction, path in answers.items():
        of = ExpressionWrapper(OuterRef(path), output_field=CharField())
        own = there.annotate(of=of).filter(of__startswith=F("path"))
        found |= Q(rule__jurisdiction=jurisdiction) & Q(Exists(own))
    return found
