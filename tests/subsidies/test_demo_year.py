"""The demo's casework: `make run` shows a county in which something of everything is under way."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import time_machine

from aidcases import demo
from aidcases.models import Reminder
from aidcases.terms import Term
from students.models import Account
from subsidies.actions import adopt_pack, publish
from subsidies.casework import windows
from subsidies.demo import year
from subsidies.models import (
    Application,
    Determination,
    Gift,
    HelperVisit,
    Indicator,
    Letter,
    Meeting,
    Objection,
    Payment,
    PaymentBatch,
    PointsEntry,
    PublicNotice,
    Recovery,
)
from tests import make
from tests.casework import build
from tests.payments.county import PACK

STATES = {
    "draft", "submitted", "panel_reviewed", "in_notice", "notice_closed", "county_review", "approved", "rejected",
    "withdrawn", "declined", "cancelled",
}  # fmt: skip


def county(term: Term) -> None:
    """A school with four classes in this term and the one before, another; every third child is on a list."""
    before = Term.containing(term.first_day - timedelta(days=1))
    for number, size in enumerate((36, 12), 1):
        school = make.school(f"216200010{number}", name=f"第{number}小学")
        for n in range(size):
            listed = ("dibao_rural",) if n % 3 == 0 else ()
            child = build.student(
                at=school, term=term.code, grade=2 + n // 18, class_name=f"{n // 9 % 2 + 1}班", categories=listed
            )
            if number == 1:
                make.enrolment(child, at=school, term=before.code, grade=1 + n // 18)


@time_machine.travel("2025-11-20 10:00+08:00")  # weeks of which every day is announced
def test_the_demo_county_is_alive(everywhere: None, db: None):
    """The longest of these tests: it is the only one that goes the way of `make run`'s casework."""
    term = Term.containing(date.today())
    county(term)
    told: list[str] = []
    publish(PACK)
    adopt_pack("test-pay", region=make.region("6201"), from_on=term.first_day)
    make.recompute(term.code)
    made = demo.Demo(students=48, seed=7, term=term, say=told.append)
    demo.make_accounts(made)
    year.seed(made)
    assert told[-1].startswith("认定申请：")
    now = Application.objects.in_term(term)
    assert {*now.values_list("state", flat=True)} == STATES
    assert {*now.values_list("kind", flat=True)} == {"matched", "renewed", "applied"}
    notices = Counter(PublicNotice.objects.values_list("state", flat=True))
    assert notices == {"archived": 1, "over": 3, "published": 1, "draft": 1}
    assert {*Objection.objects.values_list("state", flat=True)} == {"open", "closed"}
    assert {*Letter.objects.values_list("state", flat=True)} == {"open", "answered"}
    assert Meeting.objects.filter(closed_at=None).count() == 1
    assert Determination.objects.exclude(term=term.code).exists()
    assert Reminder.objects.open().exists()
    paid(term)
    assert windows.Windows.read(term).of("/62/6201/620123/").state(date.today()) == windows.OPEN


def paid(term: Term) -> None:
    """Of the term's money something is at every step."""
    found = PaymentBatch.objects.filter(term=term.code).order_by("pk")
    assert [*found.values_list("channel", "state")] == [
        ("bank", "returned"),
        ("bank", "prepared"),
        ("settlement", "sent"),
    ]
    assert {*Payment.objects.values_list("state", flat=True)} >= {"listed", "paid", "bounced", "reissued"}
    assert Account.objects.filter(state="proposed", alarm="").count() == 1
    assert Account.objects.exclude(alarm="").count() == 2
    assert [0 < each.collected < each.yuan for each in Recovery.objects.all()] == [True]
    assert all(0 <= each.used <= each.yuan for each in Indicator.objects.all())
    assert Gift.objects.filter(signed_on=None).exists()
    assert HelperVisit.objects.exists()
    assert PointsEntry.objects.filter(points__lt=0).exists()


def test_a_county_too_small_is_left_alone(everywhere: None, db: None):
    told: list[str] = []
    year.seed(demo.Demo(students=100, seed=7, term=Term.containing(date.today()), say=told.append))
    assert "学校太小" in told[0]
    assert not Application.objects.exists()
