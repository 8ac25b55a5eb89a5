"""指标: money that came down, entered by the county's head; what batches take of it, and never more than there is."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q, QuerySet, Sum

from aidcases import audit, sql
from aidcases.flow import Refused
from aidcases.models import Organisation, School
from aidcases.roles import P
from aidcases.scoping import current_actor
from aidcases.templatetags.aid import money
from aidcases.terms import Term
from subsidies.models import Benefit, Indicator, IndicatorUse, Payment, PaymentBatch
from subsidies.models.payments import FUNDING, PaymentState

NONE_ENTERED = "还没有登记指标"


class Need(NamedTuple):
    """What a batch has to take: a benefit's money of one level of funding for the children of one school."""

    benefit: int
    school: int
    funding: str
    name: str = ""  # of the benefit


@dataclass
class Cover:
    """How a batch's needs meet the indicators: `taken` {indicator: yuan}, `short` {(benefit, level): yuan},
    `bare`: benefits without any indicator; `names` of all benefits."""

    taken: dict[int, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    short: dict[tuple[int, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    bare: set[int] = field(default_factory=set)
    names: dict[int, str] = field(default_factory=dict)


@transaction.atomic
def enter(
    *, office: Organisation, term: Term, benefit: Benefit, yuan: Decimal, document: str, issued_on: date,
    funding: str = "", school: School | None = None, arrived_on: date | None = None, note: str = "",
) -> Indicator:  # fmt: skip
    """指标下达. Raises Refused for what makes no sense, and for what is entered already: a document gives a benefit one
    sum of a level and a place on one day."""
    by = current_actor()
    wrong = {
        "您的角色不能登记指标": not by.may(P.INDICATOR_SET),
        "请填写文号": not document.strip(),
        "金额要大于 0 元": yuan <= 0,
        "没有这一级资金": funding not in ("", *FUNDING),
        "学校不在本单位": school is not None and not school.path.startswith(office.path),
        "到账日期不能早于下达日期": arrived_on is not None and arrived_on < issued_on,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    sql.lock("indicator.entered", office.path, term.code)
    same = {
        "path": office.path, "term": term.code, "benefit": benefit, "yuan": yuan, "document": document.strip()[:60],
        "issued_on": issued_on, "funding": funding, "school": school,
    }  # fmt: skip
    if Indicator.objects.filter(**same).exists():
        raise Refused(f"{document.strip()[:60]} 的这笔指标已经登记过，没有再登记")
    made = Indicator(
        office=office, arrived_on=arrived_on, note=note[:200], made_by=by.name, **same,
    )
    made.save()
    audit.record("indicator.entered", subject=made, yuan=str(yuan), funding=funding)
    return made


def grouped(payments: QuerySet[Payment], **counts: Any) -> list[dict[str, Any]]:
    """Lines by benefit and school with their sums by level, and what else is to be counted of them, in one query."""
    sums = {f"sum_{level}": Sum(level) for level in FUNDING}
    by = payments.order_by().values("benefit", "benefit__name", "school")
    return list(by.annotate(**sums, **counts))


def needs(rows: Iterable[dict[str, Any]]) -> dict[Need, Decimal]:
    """Of `grouped`: yuan by benefit, school and level; what has no amount needs nothing."""
    return {
        Need(row["benefit"], row["school"], level, row["benefit__name"]): row[f"sum_{level}"]
        for row in rows for level in FUNDING if row[f"sum_{level}"]
    }  # fmt: skip


def cover(wanted: dict[Need, Decimal], indicators: Iterable[Indicator]) -> Cover:
    """Each need takes of its school's own indicators first, then of the county's; of its level before all together;
    the older first. What is short is short however the money is divided."""
    found, rows = Cover(), sorted(indicators, key=lambda each: (each.school_id is None, each.funding == "", each.pk))
    found.names = {need.benefit: need.name for need in wanted}
    found.bare = set(found.names) - {each.benefit_id for each in rows}
    money_ = _Division({each.pk: each.left for each in rows})
    for need, yuan in sorted(wanted.items()):
        money_.fits[need] = [each.pk for each in rows if _fits(need, each)]
        if lacking := money_.give(need, yuan):
            found.short[need.benefit, need.funding] += lacking
    for (_, key), yuan in money_.given.items():
        found.taken[key] += yuan
    return found


def _fits(need: Need, each: Indicator) -> bool:
    return (
        each.benefit_id == need.benefit and each.school_id in (None, need.school) and each.funding in ("", need.funding)
    )


class _Division:
    """Money divided among needs: who comes later may have an earlier one move to other money that fits it too."""

    def __init__(self, left: dict[int, Decimal]):
        self.left = left
        self.fits: dict[Need, list[int]] = {}
        self.given: dict[tuple[Need, int], Decimal] = defaultdict(Decimal)

    def give(self, need: Need, yuan: Decimal) -> Decimal:
        """→ what is lacking."""
        while yuan and (way := self._way(need)):
            part = min(yuan, self.left[way[-1][1]], *(self.given[n, i] for (_, i), (n, _) in pairwise(way)))
            for (here, key), (other, _) in pairwise(way):
                self.given[here, key] += part
                self.given[other, key] -= part
            self.given[way[-1]] += part
            self.left[way[-1][1]] -= part
            yuan -= part
        return yuan

    def _way(self, need: Need) -> list[tuple[Need, int]]:
        """The shortest: (need, money it takes), (who gives that up, what they take instead), …; [] when there is none."""
        ways, seen = deque([[(need, key)] for key in self.fits[need]]), set(self.fits[need])
        while ways:
            way = ways.popleft()
            key = way[-1][1]
            if self.left[key] > 0:
                return way
            for (other, held), yuan in self.given.items():
                if held == key and yuan > 0:
                    fresh = [each for each in self.fits[other] if each not in seen]
                    seen.update(fresh)
                    ways.extend([*way, (other, each)] for each in fresh)
        return []


def of_batch(batch: PaymentBatch) -> QuerySet[Indicator]:
    """Indicators that a batch may take of."""
    benefits = batch.payments.order_by().values("benefit").distinct()
    return Indicator.objects.filter(path=batch.path, term=batch.term, benefit__in=benefits)


def headroom(batch: PaymentBatch) -> Cover:
    """How the batch would stand if it were approved now."""
    return cover(needs(grouped(batch.payments.filter(state=PaymentState.LISTED))), of_batch(batch))


def refusals(found: Cover) -> list[str]:
    """Sentences that name the indicator that lacks and how much; empty when there is enough."""
    names = found.names
    bare = [f"“{names[benefit]}”{NONE_ENTERED}" for benefit in sorted(found.bare)]
    short: dict[int, list[str]] = defaultdict(list)
    levels = list(FUNDING)
    for (benefit, level), yuan in sorted(found.short.items(), key=lambda each: (each[0][0], levels.index(each[0][1]))):
        if benefit not in found.bare:
            short[benefit].append(f"{FUNDING[level]} {money(yuan)}")
    return bare + [f"“{names[benefit]}”指标不够，还缺{'、'.join(parts)}" for benefit, parts in short.items()]


def take(batch: PaymentBatch) -> None:
    """The batch takes what it needs; the indicators stay locked until the transaction ends. Raises Refused."""
    rows = list(of_batch(batch).order_by("pk").select_for_update(of=("self",)))
    found = cover(needs(grouped(batch.payments.filter(state=PaymentState.LISTED))), rows)
    if reasons := refusals(found):
        raise Refused(*reasons)
    for key, yuan in sorted(found.taken.items()):
        IndicatorUse(indicator=next(r for r in rows if r.pk == key), batch=batch, yuan=yuan).save()


def release(batch: PaymentBatch) -> None:
    """What lines that still stand do not need goes back; called after lines of an approved batch were cancelled."""
    uses = list(batch.uses.select_related("indicator").order_by("pk"))
    list(Indicator.objects.filter(uses__in=uses).order_by("pk").select_for_update(of=("self",)))
    whole = [_with_only(use) for use in uses]
    found = cover(needs(grouped(batch.payments.standing().exclude(approved_at=None))), whole)
    needed = found.taken
    for use in uses if not found.short else ():
        if not needed[use.indicator_id]:
            use.delete()
        elif needed[use.indicator_id] < use.yuan:
            IndicatorUse.objects.filter(pk=use.pk).update(yuan=needed[use.indicator_id])


def _with_only(use: IndicatorUse) -> Indicator:
    """The indicator as if there were nothing on it but what this batch holds."""
    use.indicator.yuan, use.indicator.used = use.yuan, Decimal(0)
    return use.indicator


def listed(term: Term) -> QuerySet[Indicator]:
    """The term's indicators in sight, by benefit."""
    rows = Indicator.objects.filter(term=term.code).select_related("benefit", "school", "office")
    return rows.order_by("benefit__order", "benefit__code", "funding", "pk")


def totals(rows: QuerySet[Indicator]) -> dict[str, Decimal]:
    """Yuan come down, used and left."""
    told = rows.order_by().aggregate(all=Sum("yuan", default=0), taken=Sum("used", default=0))
    return {"yuan": told["all"], "used": told["taken"], "left": told["all"] - told["taken"]}


@transaction.atomic
def drop(indicator: Indicator) -> None:
    """An indicator entered by mistake goes, as long as nothing was taken of it."""
    if not current_actor().may(P.INDICATOR_SET):
        raise Refused("您的角色不能删除指标")
    audit.record("indicator.dropped", subject=indicator, yuan=str(indicator.yuan), document=indicator.document)
    if not Indicator.objects.filter(Q(used=0), pk=indicator.pk).delete()[0]:
        raise Refused("已经有批次占用这笔指标，不能删除")
