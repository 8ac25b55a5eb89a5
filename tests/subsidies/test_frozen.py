"""What a batch has listed stands: a recompute that disagrees writes back-pay or recovery, once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from aidcases.models import SchoolFee
from aidcases.scoping import SYSTEM
from aidcases.terms import Term
from students.enums import Category, Stage
from students.models import Enrolment, Hardship, Student
from subsidies.models import Adjustment, Entitlement, EntitlementChange, Payment
from subsidies.payments import listing
from tests import make
from tests.personas import CANARY, World, compute

pytestmark = pytest.mark.usefixtures("everywhere")
TERM = "2018-autumn"


@pytest.fixture
def teen(db: None) -> Student:
    make.adopt_lanzhou()
    who = make.student(at=make.school(stages=(Stage.SENIOR,), fee="833.33"), stage=Stage.SENIOR, grade=1,
                       categories=(Category.REGISTERED_POOR,))  # fmt: skip
    make.recompute()
    return who


def listed(who: Student) -> int:
    return make.listed(Entitlement.objects.filter(student=who))


def cancelled() -> int:
    return listing.cancel(Payment.objects.all(), by=SYSTEM, note="写错了")


def adjustments() -> dict[str, tuple[str, str, str]]:
    rows = Adjustment.objects.select_related("benefit")
    return {row.benefit.code: (str(row.due), str(row.listed), str(row.difference)) for row in rows}


def test_recovery_when_the_ground_falls_away_and_nothing_new_the_second_time(teen: Student):
    assert listed(teen) == 2
    before = make.entitled(teen)
    Hardship.objects.all().delete()
    result = make.recompute()
    assert (result["withdrawn"], result["changed"], result["adjusted"]) == (0, 0, 2)
    assert make.entitled(teen) == before
    assert adjustments() == {
        "senior-grant": ("0.00", "1000.00", "-1000.00"), "senior-fee": ("0.00", "416.66", "-416.66"),
    }  # fmt: skip
    run = Adjustment.objects.first().run_id
    assert make.recompute()["adjusted"] == 0
    assert Adjustment.objects.first().run_id == run
    assert EntitlementChange.objects.count() == 0


def test_back_pay_when_the_figure_was_too_low(teen: Student):
    listed(teen)
    SchoolFee.objects.update(annual_fee=Decimal("1000.01"))
    assert make.recompute(marked_only=True)["adjusted"] == 1
    assert adjustments() == {"senior-fee": ("500.00", "416.66", "83.34")}
    SchoolFee.objects.update(annual_fee=Decimal("833.33"))
    make.recompute(marked_only=True)
    assert adjustments() == {}


def test_what_is_due_besides_is_simply_added(teen: Student):
    assert make.listed(Entitlement.objects.filter(benefit__code="senior-grant")) == 1
    SchoolFee.objects.update(annual_fee=Decimal("900"))
    assert make.recompute()["changed"] == 1
    assert make.entitled(teen)["lz-senior-fee"] == "450.00"
    assert adjustments() == {}


def test_an_amount_nobody_knows_takes_nothing_back(teen: Student):
    listed(teen)
    SchoolFee.objects.all().delete()
    make.recompute()
    assert adjustments() == {}
    assert make.entitled(teen)["lz-senior-fee"] == "416.66"


def test_a_cancelled_line_follows_the_rules_again(teen: Student):
    listed(teen)
    Hardship.objects.all().delete()
    make.recompute()
    assert cancelled() == 2
    assert cancelled() == 0
    result = make.recompute(marked_only=True)
    assert (result["withdrawn"], adjustments(), make.entitled(teen)) == (2, {}, {})


def test_listing_twice_lists_once_and_loans_never(teen: Student):
    assert (listed(teen), listed(teen)) == (2, 0)
    who = make.student(at=make.school(place="620102", stages=(Stage.UNDERGRADUATE,)), stage=Stage.UNDERGRADUATE, grade=2,
                       categories=(Category.DIBAO_RURAL,))  # fmt: skip
    make.recompute()
    assert make.entitled(who) == {"lz-loan": "8000.00"}
    assert listed(who) == 0


def test_who_has_left_the_term_owes_what_was_listed(teen: Student):
    listed(teen)
    Enrolment.objects.filter(student=teen).delete()
    make.recompute()
    assert adjustments()["senior-grant"] == ("0.00", "1000.00", "-1000.00")


def test_once_in_a_life_is_once(db: None):
    """A second entry is no second gift; and when the first is taken away, the second autumn is computed again."""
    make.adopt_lanzhou()
    college = make.school(place="620102", stages=(Stage.HIGHER_VOCATIONAL, Stage.UNDERGRADUATE))
    who = make.student(at=college, term=TERM, stage=Stage.HIGHER_VOCATIONAL, grade=1, categories=(Category.DIBAO_RURAL,))
    later = make.enrolment(who, at=college, term="2021-autumn", stage=Stage.UNDERGRADUATE, grade=1)
    later.entered_on = date(2021, 9, 1)
    later.save()
    make.recompute(TERM)
    make.recompute("2021-autumn")
    assert make.entitled(who, TERM)["lz-zihui"] == "500.00"
    assert "lz-zihui" not in make.entitled(who, "2021-autumn")
    Enrolment.objects.filter(student=who, term=TERM).update(grade=2)
    make.recompute(TERM, marked_only=True)
    assert "lz-zihui" not in make.entitled(who, TERM)
    make.recompute("2021-autumn", marked_only=True)
    assert make.entitled(who, "2021-autumn")["lz-zihui"] == "500.00"


def test_a_determination_counts_to_the_end_of_its_school_year(db: None):
    make.adopt_lanzhou()
    at = make.school(stages=(Stage.SECONDARY_VOCATIONAL,))
    who = make.student(at=at, term=TERM, stage=Stage.SECONDARY_VOCATIONAL)
    spring = make.enrolment(who, at=at, term="2019-spring", stage=Stage.SECONDARY_VOCATIONAL)
    next_year = make.enrolment(who, at=at, term="2019-autumn", stage=Stage.SECONDARY_VOCATIONAL)
    make.determination(who.enrolments.get(term=TERM))
    for term in (TERM, "2019-spring", "2019-autumn"):
        make.recompute(term)
    assert [("lz-vocational-grant" in make.entitled(who, each)) for each in (TERM, "2019-spring", "2019-autumn")] == [
        True, True, False,
    ]  # fmt: skip
    make.determination(spring, "none")
    make.recompute("2019-spring", marked_only=True)
    assert "lz-vocational-grant" not in make.entitled(who, "2019-spring")
    assert next_year.term == str(Term(2019, "autumn"))


# ---------- the list of them ----------


def test_the_list_says_what_to_pay_and_what_to_take_back(county: World):
    """Each county sees its own; the tabs and the sums tell back-pay from recovery."""
    compute(county)
    assert make.listed(Entitlement.objects.all()) > 0
    Hardship.objects.all().delete()
    compute(county)
    rows = Adjustment.objects.filter(home_path__startswith=county.here.office.path)
    owed = -sum(row.difference for row in rows)
    assert owed > 0
    html = page_of(county, "maker")
    assert f"应补 ￥0.00，应追 ￥{owed:,.2f}" in html
    assert CANARY["620123"] in html
    assert CANARY["620121"] not in html.replace(county.crossing.person.name, "")
    assert "没有要补发或追缴的" in page_of(county, "maker", side="back_pay")
    assert "没有要补发或追缴的" not in page_of(county, "maker", side="recovery")


def page_of(county: World, persona: str, **asked: str) -> str:
    client = Client()
    client.force_login(county[persona], backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get(reverse("adjustment_list"), {"term": TERM, **asked})
    assert answer.status_code == 200
    return answer.content.decode()
