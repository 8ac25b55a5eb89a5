"""重复资助: the same child twice under two records, benefits that exclude each other, batches of both a child's counties.

Of one record nobody is listed twice: a line is student × benefit × term × instalment, whichever office lists it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache, reduce
from operator import or_
from pathlib import Path

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from aidcases.conditions import Condition
from aidcases.terms import Term
from students.models import Suspect
from students.models.reviews import SuspectState
from subsidies.enums import EntitlementState
from subsidies.models import Entitlement, Payment

_BENEFITS = Path(__file__).parents[1] / "packs" / "benefits.toml"


@cache
def exclusive() -> tuple[tuple[str, str], ...]:
    """Pairs of benefits (codes) of which a child gets one in a term, the first before the second."""
    return tuple((first, second) for first, second in tomllib.loads(_BENEFITS.read_text(encoding="utf-8"))["exclusive"])


def once_only(term: Term) -> tuple[Condition, ...]:
    """What the funnel asks of an entitlement before it is listed."""
    return (
        Condition("one_record", "可能和另一条记录是同一个人，两边有同一个项目，先核对", ~_twin(term)),
        Condition("not_excluded", "已有不能同享的项目", ~_excluded(term)),
    )


def _twin(term: Term) -> Q:
    """Somebody nobody has yet told apart from this child (by any office's file) is due or got the same benefit."""
    # Beyond the own scope on purpose: the other record may be another county's; only yes or no comes back.
    open_ = Suspect._base_manager.filter(state=SuspectState.OPEN)
    due = Entitlement._base_manager.filter(term=term.code)
    found = []
    for mine, other in (("first_id", "second_id"), ("second_id", "first_id")):
        theirs = due.filter(student_id=OuterRef(other), benefit_id=OuterRef(OuterRef("benefit_id")))
        pair = open_.filter(Exists(theirs), **{mine: OuterRef("student_id")})
        found.append(Q(student_id__in=open_.values(mine)) & Q(Exists(pair)))
    return reduce(or_, found)


def _excluded(term: Term) -> Q:
    """Of two that exclude each other the first goes before the second, unless the second is listed already."""
    rows = Entitlement._base_manager.filter(term=term.code)
    found = []
    for first, second in exclusive():
        has_first = rows.filter(Q(frozen=True) | Q(state=EntitlementState.DUE), benefit__code=first).values("student_id")
        listed_second = rows.filter(frozen=True, benefit__code=second).values("student_id")
        found.append(Q(benefit__code=second) & Q(student_id__in=has_first))
        found.append(Q(benefit__code=first) & Q(student_id__in=listed_second))
    return reduce(or_, found)


@dataclass(frozen=True)
class Kind:
    """A way to be aided twice: what it is, what to do about it, and the entitlements concerned, listed or not."""

    label: str
    advice: str
    found: QuerySet[Entitlement]


def kinds(term: Term) -> dict[str, Kind]:
    rows = Entitlement.objects.in_term(term)
    return {
        "twin": Kind(
            "疑似同一个人",
            "两条记录可能是同一个孩子。核对以前不会再列入发放；合并以后只剩一份，已经两边都发了的，测算会列出要收回的。",
            rows.granted().filter(_twin(term)),
        ),
        "exclusive": Kind(
            "不能同享的项目",
            "只能享受其中一项，写在政策前面的优先；已经列入另一项的，请核对后撤销一项。",
            rows.filter(_excluded(term)),
        ),
        "offices": Kind(
            "两地都有批次",
            "户籍县和学校所在县的批次里都有这名学生的同一个项目（例如一边发放、一边补发），请核对期次。",
            rows.filter(_two_offices(term)),
        ),
    }


def _two_offices(term: Term) -> Q:
    same = {"term": term.code, "student": OuterRef("student"), "benefit": OuterRef("benefit")}
    lines = Payment.objects.standing().annotate(of=F("batch__path"))
    other = lines.filter(**same).exclude(of=OuterRef("of"))
    return Q(frozen=True) & Q(Exists(lines.filter(Exists(other), **same)))
