"""Several documents that give one benefit: one rule wins, the others say by which they were outbid."""

from __future__ import annotations

import pytest

from aidcases.models import SchoolFee
from students.enums import Category, Stage
from students.models import Student
from subsidies.actions import adopt_pack
from subsidies.explain import explain
from subsidies.models import EntitlementChange
from tests import make
from tests.subsidies.results import AUTUMN, assert_explained, missing, more


@pytest.fixture
def teen(db: None, everywhere: None) -> Student:
    """Gets 1,000 a term under the city's pack."""
    make.adopt_lanzhou()
    school = make.school(stages=(Stage.SENIOR,), fee="800")
    return make.student(at=school, stage=Stage.SENIOR, grade=1, categories=("registered_poor",))


def outcome(who: Student) -> tuple[dict[str, str | None], dict[str, str]]:
    """(what the student gets of the senior grant, rule → the rule it was outbid by)."""
    make.recompute()
    assert_explained(who)
    got = {rule: amount for rule, amount in make.entitled(who).items() if rule != "lz-senior-fee"}
    return got, {one.rule.code: one.outbid_by for one in explain(who, AUTUMN) if one.outbid_by}


def test_the_highest_amount_wins(teen: Student):
    more("less", "999.99", region="620123100", priority=1)
    assert outcome(teen) == ({"lz-senior-grant": "1000.00"}, {"more-less": "lz-senior-grant"})
    more("most", "1000.01", region=None, priority=300)
    assert outcome(teen) == (
        {"more-most": "1000.01"}, {"lz-senior-grant": "more-most", "more-less": "more-most"}
    )  # fmt: skip


def test_of_equal_amounts_the_lower_region_wins(teen: Student):
    more("nation", "1000.00", region=None, priority=1)
    assert outcome(teen)[0] == {"lz-senior-grant": "1000.00"}
    more("county", "1000.00", region="620123", priority=300)
    assert outcome(teen) == (
        {"more-county": "1000.00"}, {"lz-senior-grant": "more-county", "more-nation": "more-county"}
    )  # fmt: skip


def test_a_pack_adopted_twice_stands_where_it_is_adopted_lowest(teen: Student):
    more("both", "1000.00", region=None, priority=300)
    adopt_pack("more-both", region=make.region("620123"))
    assert outcome(teen)[0] == {"more-both": "1000.00"}


def test_of_equal_amounts_and_regions_the_lowest_priority_number_wins(teen: Student):
    more("prefecture", "1000.00", priority=200)
    assert outcome(teen)[0] == {"lz-senior-grant": "1000.00"}
    more("first", "1000.00", priority=99)
    assert outcome(teen) == (
        {"more-first": "1000.00"}, {"lz-senior-grant": "more-first", "more-prefecture": "more-first"}
    )  # fmt: skip


def test_an_amount_in_kind_gives_way_to_money(teen: Student):
    more("kind", None, region="620123100", priority=1)
    assert outcome(teen) == ({"lz-senior-grant": "1000.00"}, {"more-kind": "lz-senior-grant"})


def test_who_does_not_meet_the_better_document_keeps_the_other(teen: Student):
    more("better", "2000.00", when=", disabled = true")
    assert outcome(teen) == ({"lz-senior-grant": "1000.00"}, {})
    make.hardship(teen.person, Category.DISABLED)
    before = EntitlementChange.objects.count()
    assert outcome(teen) == ({"more-better": "2000.00"}, {"lz-senior-grant": "more-better"})
    [change] = EntitlementChange.objects.all()[: EntitlementChange.objects.count() - before]
    assert (change.old_rule.code, change.new_rule.code) == ("lz-senior-grant", "more-better")


def test_a_topup_is_a_benefit_of_its_own_and_adds(teen: Student):
    more("topup", "500.00", benefit="preschool-topup")
    assert outcome(teen) == ({"lz-senior-grant": "1000.00", "more-topup": "500.00"}, {})


def test_an_amount_nobody_knows_neither_wins_nor_hides(teen: Student):
    """The fee of the school is unknown: what is known is granted, and both unknown amounts are on the review list."""
    SchoolFee.objects.all().delete()
    more("fee", None, kind="school_fee", benefit="senior-fee")
    more("known", "10.00", benefit="senior-fee")
    got, outbid = outcome(teen)
    assert got == {"lz-senior-grant": "1000.00", "more-known": "10.00"}
    assert outbid == {}
    assert {rule for _, rule, _ in missing()} == {"lz-senior-fee", "more-fee"}
