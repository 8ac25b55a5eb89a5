"""Which entitlements may be paid now and why the others may not: the same conditions select, count and explain."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.lookups import Exact

from aidcases.conditions import All, Condition, yes_no
from aidcases.models import School
from aidcases.terms import Term
from students.models import Account
from subsidies.enums import AmountKind, Claim, Delivery, EntitlementState, Jurisdiction, Level
from subsidies.models import Adjustment, Benefit, Determination, Entitlement, Mark, NoticeLine, TopUpCase
from subsidies.models.loans import TopUpState
from subsidies.models.notices import LineState, NoticeKind, NoticeState
from subsidies.models.payments import Channel
from subsidies.payments.doubles import once_only
from subsidies.payments.listing import DELIVERED
from subsidies.payments.stopped import stopped

NOT_LISTED = Condition("not_listed", "已经列入发放", Q(frozen=False))
STANDING = Condition("standing", "已暂停，或定为不发放", Q(state=EntitlementState.DUE))
OVER = (NoticeState.OVER, NoticeState.ARCHIVED)


@dataclass(frozen=True)
class Funnel:
    """Of `total` entitlements `ready` (`yuan`) can be listed now and `listed` are; `blocked`: how many each condition
    stops (somebody may count under several). `back_pay` lines (`back_yuan`) go with them."""

    total: int
    ready: int
    yuan: Decimal
    listed: int
    blocked: list[tuple[Condition, int]]
    back_pay: int
    back_yuan: Decimal

    @property
    def stopped(self) -> int:
        """People-times that are neither listed nor can be."""
        return self.total - self.ready - self.listed


def offered(
    path: str, term: Term, channel: str, *, benefits: Collection[Benefit] = (), school: School | None = None
) -> QuerySet[Entitlement]:
    """What an office answers for: by the rule, of children of its schools or of its households."""
    rows = Entitlement.objects.filter(_answered(path), term=term.code, rule__delivery__in=DELIVERED[Channel(channel)])
    rows = rows.filter(benefit__in=benefits) if benefits else rows
    return rows.filter(school_path=school.path) if school else rows


def owed(
    path: str, term: Term, channel: str, day: date, *, benefits: Collection[Benefit] = (), school: School | None = None
) -> QuerySet[Adjustment]:
    """Back-pay that can be listed now: the list was announced with the first instalment. Of a child out of school, of
    who has refused since and of who waits to be computed anew there is none."""
    rows = Adjustment.objects.filter(_answered(path), term=term.code, rule__delivery__in=DELIVERED[Channel(channel)])
    rows = rows.filter(~stopped((term.code,)), computed(term).holds, difference__gt=0).filter(_carded(channel, day).hold)
    rows = rows.filter(benefit__in=benefits) if benefits else rows
    return rows.filter(school_path=school.path) if school else rows


def conditions(term: Term, channel: str, day: date) -> All:
    """What must hold of an entitlement of the term, in the order in which a clerk would put it right."""
    stood = (NOT_LISTED, STANDING, computed(term), _known(channel), *once_only(term), determined(term))
    return All((*stood, *announced(), *_carded(channel, day)))


def payable(rows: QuerySet[Entitlement], term: Term, channel: str, day: date) -> QuerySet[Entitlement]:
    return rows.filter(conditions(term, channel, day).hold)


def stopped_by(rows: QuerySet[Entitlement], condition: Condition) -> QuerySet[Entitlement]:
    """Those of the rows that the condition stops; what is listed already is stopped by nothing else."""
    rows = rows if condition is NOT_LISTED else rows.filter(NOT_LISTED.holds)
    return rows.filter(_fails(condition))


def counted(rows: QuerySet[Entitlement], backs: QuerySet[Adjustment], asked: All) -> Funnel:
    """Two queries, whatever the number of rows and conditions."""
    fails = {f"n{n}": _fails(c) & (Q() if c is NOT_LISTED else NOT_LISTED.holds) for n, c in enumerate(asked)}
    told = rows.order_by().aggregate(
        total=Count("student"), ready=Count("student", filter=asked.hold), yuan=Sum("amount", filter=asked.hold),
        **{name: Count("student", filter=which) for name, which in fails.items()},
    )  # fmt: skip
    back = backs.order_by().aggregate(lines=Count("student"), yuan=Sum("difference"))
    blocked = [(c, told[f"n{n}"]) for n, c in enumerate(asked) if c is not NOT_LISTED and told[f"n{n}"]]
    listed = next(told[f"n{n}"] for n, c in enumerate(asked) if c is NOT_LISTED)
    return Funnel(
        told["total"], told["ready"], told["yuan"] or Decimal(0), listed, sorted(blocked, key=lambda pair: -pair[1]),
        back["lines"], back["yuan"] or Decimal(0),
    )  # fmt: skip


def _fails(condition: Condition) -> Q:
    """An unknown value fails."""
    return Q(Exact(yes_no(condition.holds), Value("no")))


def _answered(path: str) -> Q:
    by_school = Q(rule__jurisdiction=Jurisdiction.SCHOOL, school_path__startswith=path)
    return by_school | Q(rule__jurisdiction=Jurisdiction.HOUSEHOLD, home_path__startswith=path)


def computed(term: Term) -> Condition:
    """Nobody is paid by facts that have changed since (subsidies.models.Mark)."""
    marked = Mark.objects.filter(term=term.code).values("student_id")
    return Condition("computed", "资料变了，还没有重新测算", ~Q(student_id__in=marked))


def _known(channel: str) -> Condition:
    """What is given in kind has no amount; nothing is paid in fen of 0."""
    paid = Q(amount__gt=0)
    free = Q(rule__delivery=Delivery.IN_KIND, amount=None)
    return Condition("known", "金额没有确定或是 0 元", paid if channel == Channel.BANK else paid | free)


def determined(term: Term) -> Condition:
    """教财〔2018〕16号: what is claimed by application needs the school year's determination; spring's own counts first.
    What is decided case by case needs its own decision instead."""
    # A child's case stays with the office that decided it when the child moves: only yes or no comes back.
    decided = TopUpCase._base_manager.filter(
        state=TopUpState.APPROVED, term=term.code, student=OuterRef("student"), benefit=OuterRef("benefit")
    )
    found = Determination.objects.filter(term=term.code)
    holds = Q(rule__claim=Claim.AUTOMATIC) | Q(student__in=found.exclude(level=Level.NONE).values("student"))
    if not term.autumn:
        autumn = Determination.objects.filter(term=f"{term.year - 1}-autumn").exclude(level=Level.NONE)
        holds |= Q(student__in=autumn.values("student")) & ~Q(student__in=found.values("student"))
    open_ = Q(rule__amount_kind=AmountKind.DISCRETIONARY)
    holds = (open_ & Q(Exists(decided))) | (~open_ & holds)
    return Condition("determined", "要申请的项目还没有认定批准", holds)


def announced() -> tuple[Condition, ...]:
    """The list of those aided, with the yuan: published, its period over, nobody's objection to the line open. What
    everybody gets, and what has no amount, needs no list (subsidies.casework.noticelists)."""
    # A list is its office's own; the school whose child stands on it has to see that it does: only yes or no comes back.
    lines = NoticeLine._base_manager.filter(
        student=OuterRef("student"), about=OuterRef("benefit"), amount=OuterRef("amount"), notice__term=OuterRef("term"),
        notice__kind=NoticeKind.BENEFIT, notice__state__in=(NoticeState.PUBLISHED, *OVER),
    ).exclude(state=LineState.REMOVED)  # fmt: skip
    free = Q(rule__universal=True) | Q(amount=None)
    shown, over = Q(Exists(lines)), Q(Exists(lines.filter(notice__state__in=OVER)))
    paused = Q(Exists(lines.filter(state=LineState.PAUSED)))
    return (
        Condition("announced", "没有公示，或公示的金额不同", free | shown),
        Condition("notice_over", "公示没有结束", free | over | ~shown),
        Condition("unopposed", "公示有异议没有办结", free | ~paused),
    )


def _carded(channel: str, day: date) -> All:
    """A card in force that nothing speaks against; of no matter for what is settled with schools."""
    if channel != Channel.BANK:
        return All()
    force = Account.objects.in_force_on(day).order_by()
    doubtful = force.exclude(alarm="").filter(cleared="")
    return All(
        (
            Condition("account", "没有一卡通", Q(student__in=force.values("student"))),
            Condition("no_alarm", "一卡通有疑点没有核实", ~Q(student__in=doubtful.values("student"))),
        )
    )
