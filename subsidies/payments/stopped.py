"""What keeps money that is listed from going out: the child is out of school, or its family has refused since.

The entitlement of a listed line stays as it was listed (subsidies.refused), so whoever approves, sends, settles, pays anew
or lists back-pay asks here. The rows asked have student, term, benefit and rule."""

from __future__ import annotations

from collections.abc import Collection
from functools import reduce
from operator import or_

from django.db.models import Case, CharField, Exists, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce

from aidcases.conditions import All, Condition
from aidcases.terms import Term
from students.models import Suspension
from subsidies.enums import Delivery
from subsidies.models import Refusal


def conditions(terms: Collection[str]) -> All:
    """What must hold of rows of these terms before their money goes on."""
    return All(
        (
            Condition("in_school", "孩子已确认辍学，资助暂停", ~_suspended(terms)),
            Condition("wanted", "家长已放弃这项资助", ~_refused()),
        )
    )


def stopped(terms: Collection[str]) -> Q:
    return _suspended(terms) | _refused()


def word(terms: Collection[str]) -> Case:
    """In a word, for a list; "" for money that may go on."""
    whens = [When(_suspended(terms), then=Value("资助暂停")), When(_refused(), then=Value("已放弃"))]
    return Case(*whens, default=Value(""), output_field=CharField())


def _suspended(terms: Collection[str]) -> Q:
    """A child out of school rests with everything, in the terms that had not ended when it left."""
    # Whichever side wrote it down, in whose scope ever: only yes or no comes back. The last row is what holds.
    rows = Suspension._base_manager.filter(active=True)
    last = rows.exclude(Exists(Suspension._base_manager.filter(student=OuterRef("student"), pk__gt=OuterRef("pk"))))
    out = [Q(term=code, student__in=last.filter(from_on__lte=Term.parse(code).last_day).values("student")) for code in terms]
    return reduce(or_, out, Q(pk__in=[]))


def _refused() -> Q:
    """The last word on the benefit, or on all aid: what everybody gets, and loans, are not meant by the latter."""
    rows = Refusal._base_manager.annotate(of=Coalesce("benefit", Value(0)))
    later = rows.filter(term=OuterRef("term"), student=OuterRef("student"), of=OuterRef("of"), pk__gt=OuterRef("pk"))
    said = rows.filter(~Exists(later), term=OuterRef("term"), student=OuterRef("student"), active=True)
    by_need = Q(rule__universal=False) & ~Q(rule__delivery=Delivery.LOAN)
    return Q(Exists(said.filter(benefit=OuterRef("benefit")))) | (by_need & Q(Exists(said.filter(benefit=None))))
