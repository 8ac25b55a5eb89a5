"""What a state or a figure demands is a law of the database: every CHECK constraint is broken here, and refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial

import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from aidcases import checks
from aidcases.models import Job, SchoolFee
from aidcases.scoping import SYSTEM
from ledgers.models import LedgerIssue
from students.models import Attendance, Suspect
from subsidies.models import (
    Adjustment,
    Application,
    ApplicationWindow,
    BatchPart,
    CountyFigure,
    Donation,
    DonationProject,
    Entitlement,
    Gift,
    Indicator,
    IndicatorUse,
    PairingEnd,
    Payment,
    PointsAccount,
    PointsEntry,
    Quota,
    Receipt,
    SchoolPairEnd,
    Sending,
    UnpaidReason,
)
from tests import make
from tests.aidcases import laws_dropout, laws_forms, laws_plans, laws_progress, laws_reporting, laws_vocational
from tests.aidcases.flows.rows import (
    HERE,
    adoption_request,
    application,
    assessment,
    batch,
    card,
    draft,
    file,
    job,
    letter,
    loan,
    notice,
    objection,
    payment,
    payment_batch,
    recovery,
    school,
    top_up,
)
from tests.aidcases.laws import change, line


def without_level(state: str) -> None:
    Application.objects.filter(pk=application(state).pk).update(level="")


def account(**values: object) -> PointsAccount:
    made = PointsAccount(**{"student": make.student(at=school()), "home_path": HERE, "school_path": HERE, **values})
    made.save()
    return made


ON, BEFORE = date(2018, 9, 3), date(2018, 9, 2)
PROJECT: dict = {"donor_id": 1, "title": "爱心", "from_on": ON, "made_by": "甲", "pledge": 1}
RECEIVED: dict = {"project_id": 1, "form": "cash", "yuan": 1, "received_on": ON, "made_by": "甲"}
GIVEN: dict = {"student_id": 1, "project_id": 1, "form": "cash", "yuan": 1, "given_on": ON, "made_by": "甲"}
INDICATOR: dict = {"office_id": 1, "path": HERE, "benefit_id": 1, "term": "2018-autumn", "issued_on": ON, "yuan": 1}
PAYMENT: dict = {
    "batch_id": 1, "student_id": 1, "term": "2018-autumn", "benefit_id": 1, "rule_id": 1, "school_id": 1, "home_path": HERE,
    "school_path": HERE,
}  # fmt: skip


BROKEN: dict[str, list[Callable[[], object]]] = {
    "confirmed_account_by_somebody": [lambda: change(card("confirmed"), confirmed_by="")],
    "account_second_person": [lambda: change(card("confirmed"), confirmed_by_id=5)],
    "not_hard_has_that_level": [lambda: change(application("not_hard"), level="hard")],
    "approved_batch_by_somebody": [
        lambda: change(payment_batch("approved"), approved_by=""),
        lambda: change(payment_batch("approved"), approved_at=None),
    ],
    "batch_second_person": [lambda: change(payment_batch("approved"), approved_by_id=5)],
    "bank_batch_has_a_profile": [lambda: change(payment_batch(), channel="bank", bank="")],
    "agreed_part_by_somebody": [
        lambda: line(BatchPart, batch_id=1, school_id=1, school_path=HERE, agreed_at=timezone.now(), agreed_by="")
    ],
    "payment_divided": [lambda: line(Payment, **PAYMENT, amount=2, other=1)],
    "payment_not_negative": [lambda: line(Payment, **PAYMENT, amount=-1, other=-1)],
    "bounced_payment_says_why": [lambda: change(payment("bounced"), bounce="")],
    "cancelled_payment_has_a_moment": [
        lambda: change(payment("cancelled"), cancelled_at=None),
        lambda: change(payment(), cancelled_at=timezone.now()),
    ],
    "paid_payment_has_a_day": [lambda: change(payment("paid"), paid_on=None)],
    "indicator_has_headroom": [
        lambda: line(Indicator, **INDICATOR, used=2),
        lambda: line(Indicator, **INDICATOR, used=-1),
    ],
    "used_something": [lambda: line(IndicatorUse, indicator_id=1, batch_id=1, yuan=0)],
    "sending_result": [
        lambda: line(Sending, file_id=1, payment_id=1, attempt=1, row=1, reference="x", account_id=1, result="lost")
    ],
    "pledge_not_negative": [lambda: line(DonationProject, **{**PROJECT, "pledge": -1})],
    "given_within_received": [
        lambda: line(DonationProject, **PROJECT, received=1, given=2),
        lambda: line(DonationProject, **PROJECT, given=-1),
    ],
    "donation_of_something": [lambda: line(Donation, **{**RECEIVED, "yuan": 0})],
    "donated_goods_are_named": [lambda: line(Donation, **{**RECEIVED, "form": "goods"})],
    "thanks_are_noted": [lambda: line(Donation, **RECEIVED, thanked_on=ON)],
    "gift_of_something": [lambda: line(Gift, **{**GIVEN, "yuan": 0})],
    "given_goods_are_named": [lambda: line(Gift, **{**GIVEN, "form": "goods"})],
    "gift_signed_by_somebody": [
        lambda: line(Gift, **GIVEN, signed_on=ON),
        lambda: line(Gift, **GIVEN, signed_by="甲"),
    ],
    "pairing_end_says_why": [lambda: line(PairingEnd, pairing_id=1, from_on=ON, made_by="甲")],
    "school_pair_end_says_why": [lambda: line(SchoolPairEnd, pair_id=1, from_on=ON, made_by="甲")],
    "points_not_negative": [lambda: change(account(), balance=-1)],
    "points_of_one": [lambda: account(student=None)],
    "points_of_something": [lambda: line(PointsEntry, account_id=1, on=ON, points=0, what="x", made_by="甲")],
    "loan_within_ceiling": [lambda: change(loan(), yuan=8001), lambda: change(loan(), yuan=0)],
    "loan_fees_not_negative": [lambda: change(loan(), tuition=-1), lambda: change(loan(), board=-1)],
    "contracted_loan_is_whole": [
        lambda: change(loan("contracted"), contract=""),
        lambda: change(loan("contracted"), contracted_by=""),
        lambda: change(loan("contracted"), contracted_on=None),
    ],
    "released_loan_has_a_day": [lambda: change(loan("released"), released_on=None)],
    "repaid_loan_has_a_day": [lambda: change(loan("repaid"), repaid_on=None)],
    "loan_second_person": [lambda: change(loan("contracted"), contracted_by_id=5)],
    "top_up_asks_for_something": [lambda: change(top_up(), asked=0), lambda: change(top_up(), aid=-1)],
    "approved_top_up_is_whole": [
        lambda: change(top_up("approved"), decided=0),
        lambda: change(top_up("approved"), decided_by=""),
        lambda: change(top_up("approved"), decided_on=None),
    ],
    "top_up_second_person": [lambda: change(top_up("approved"), decided_by_id=5)],
    "other_reason_is_written": [
        lambda: line(UnpaidReason, student_id=1, term="2018-autumn", benefit_id=1, reason="other", note="", said_by="甲",
                     home_path=HERE, school_path=HERE)
    ],
    "recovery_within": [lambda: change(recovery(), yuan=0), lambda: change(recovery(), collected=101)],
    "collected_recovery_is_whole": [lambda: change(recovery("collected"), collected=99)],
    "cancelled_recovery_is_empty": [lambda: change(recovery("cancelled"), collected=1)],
    "receipt_of_something": [lambda: line(Receipt, recovery_id=1, yuan=0, received_on=ON, number="1", made_by="甲")],
    "job_running_is_claimed": [lambda: Job.objects.filter(pk=job().pk).update(state="running")],
    "committed_has_a_moment": [
        lambda: file("committed", committed_at=None),
        lambda: file("uploaded", committed_at=timezone.now()),
        lambda: file("committing").move("commit", by=SYSTEM),
    ],
    "undone_has_a_moment": [
        lambda: batch("undone", undone_at=None),
        lambda: batch("standing", undone_at=timezone.now()),
    ],
    "absent_within_due": [
        lambda: attendance("3", "4", "0"),
        lambda: attendance("20", "2", "3"),
        lambda: attendance("20", "-1", "0"),
    ],
    "approved_has_an_approval": [
        lambda: application("county_review").move("approve", by=SYSTEM),
        lambda: application("county_review").move("reject", by=SYSTEM, note="不符"),
        lambda: Application.objects.filter(pk=application("approved").pk).update(approval=None),
        lambda: Application.objects.filter(pk=application("cancelled").pk).update(approval=None),
    ],
    "reviewed_has_a_level": [
        partial(without_level, state)
        for state in ("panel_reviewed", "in_notice", "notice_closed", "county_review", "approved")
    ],
    "window_opens_first": [lambda: window(date(2026, 9, 30), date(2026, 9, 1))],
    "published_notice_is_frozen": [
        lambda: notice("published", published_on=None),
        lambda: notice("over", ends_at=None),
        lambda: notice("archived", sha256=""),
        lambda: notice("published", published_by=""),
    ],
    "notice_second_person": [lambda: notice("published", made_by_id=7, published_by_id=7)],
    "answered_objection_has_a_finding": [
        lambda: objection("answered", finding=""),
        lambda: objection("closed", outcome=""),
    ],
    "answered_letter_has_an_answer": [
        lambda: letter("answered", answer=""),
        lambda: letter("closed", answered_on=None),
        lambda: letter("open").move("answer", by=SYSTEM),
    ],
    "upheld_is_an_answered_appeal": [lambda: letter("answered", upheld=True), lambda: letter("answered", upheld=False)],
    "quota_has_headroom": [lambda: quota(5, 6), lambda: quota(5, -1)],
    "another_level_has_a_reason": [
        lambda: assessment(application("submitted"), level="special", why="")
    ],
    "suspects_in_order": [
        lambda: Suspect(path=HERE, first_id=2, second_id=1, first_name="甲", second_name="乙", rung="same").save()
    ],
    "fee_not_negative": [
        lambda: SchoolFee.objects.create(school=make.school(), from_on=date(2020, 1, 1), annual_fee=Decimal("-0.01"))
    ],
    "figure_not_negative": [
        lambda: CountyFigure.objects.create(
            rule_code="x", region=make.region("620123"), path=HERE, from_on=date(2020, 1, 1), yuan=Decimal("-0.01")
        )
    ],
    "adjustment_is_the_difference": [
        lambda: adjustment(due="5", listed="3", difference="1"),
        lambda: adjustment(due="3", listed="3", difference="0"),
    ],
    "published_draft_has_pack": [
        lambda: draft("published", pack=None),
        lambda: draft("published", published_by=""),
    ],
    "confirmed_request_has_adoption": [
        lambda: adoption_request("confirmed", adoption=None),
        lambda: adoption_request("confirmed", decided_by=""),
    ],
    "adoption_second_person": [
        lambda: adoption_request("confirmed", decided_by_id=5),
        lambda: adoption_request("declined", decided_by="甲", decided_by_id=5),
    ],
    "draft_second_person": [lambda: draft("published", published_by_id=5)],
    "entitlement_not_negative": [lambda: entitlement(Decimal("-0.01"))],
    "ledger_issue_has_a_purpose": [lambda: issue(purpose="")],
    "ledger_issue_finished_has_a_file": [
        lambda: issue(finished_at=timezone.now()),
        lambda: issue(finished_at=timezone.now(), rows=1, sha256="0", filename="x"),
        lambda: issue(stored="ledgers/x"),
    ],
    **laws_dropout.BROKEN,
    **laws_forms.BROKEN,
    **laws_plans.BROKEN,
    **laws_progress.BROKEN,
    **laws_reporting.BROKEN,
    **laws_vocational.BROKEN,
}


def attendance(due: str, absent: str, unexcused: str) -> Attendance:
    at = school()
    made = Attendance(
        student=make.student(at=at), month="2024-03", school=at, school_path=at.path,
        days_due=Decimal(due), days_absent=Decimal(absent), days_unexcused=Decimal(unexcused),
    )  # fmt: skip
    made.save()
    return made


def window(opens_on: date, closes_on: date) -> None:
    ApplicationWindow(path=HERE, term="2026-autumn", opens_on=opens_on, closes_on=closes_on, set_by="甲").save()


def quota(seats: int, used: int) -> None:
    at = school()
    Quota(school=at, path=at.path, term="2026-autumn", level="hard", seats=seats, used=used, set_by="甲").save()


def issue(**values: object) -> None:
    given: dict = {"purpose": "上报"} | values
    LedgerIssue.objects.create(
        ledger="poverty-register", title="台账", term="2018-autumn", path=HERE, area_path=HERE, area_name="榆中县",
        reported_by="甲", requested_by="甲", job_id=1, **given,
    )  # fmt: skip


def adjustment(**yuan: str) -> None:
    Adjustment.objects.create(
        term="2018-autumn", student_id=1, benefit_id=1, run_id=1, home_path=HERE, school_path=HERE,
        **{name: Decimal(value) for name, value in yuan.items()},
    )  # fmt: skip


def entitlement(amount: Decimal) -> None:
    Entitlement.objects.create(
        term="2018-autumn", student_id=1, benefit_id=1, rule_id=1, school_id=1, run_id=1, amount=amount, home_path=HERE,
        school_path=HERE,
    )  # fmt: skip


def test_every_check_constraint_is_broken_below():
    laws = {
        constraint.name
        for app in checks.OURS
        for model in apps.get_app_config(app).get_models()
        for constraint in model._meta.constraints
        if isinstance(constraint, models.CheckConstraint)
    }
    assert laws == set(BROKEN)


@pytest.mark.parametrize(("law", "breaking"), [(law, breaking) for law, ways in BROKEN.items() for breaking in ways])
def test_the_database_refuses(db: None, everywhere: None, law: str, breaking: Callable[[], object]):
    with pytest.raises(IntegrityError, match=law), transaction.atomic():
        breaking()


def test_an_amount_of_nothing_is_no_negative_amount(db: None, everywhere: None):
    entitlement(Decimal(0))
    assert Entitlement.objects.get().amount == 0
