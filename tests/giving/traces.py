"""Something of every kind of a county's giving, in words of its own, about one of its children."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from students.models import Student
from subsidies.models import (
    Benefit,
    Donation,
    DonationProject,
    Donor,
    Gift,
    HelperVisit,
    Loan,
    Pairing,
    PointsAccount,
    Receipt,
    Recovery,
    SchoolPair,
    TopUpCase,
)
from tests.personas import Side

DAY = date(2018, 9, 10)


@dataclass(frozen=True)
class Given:
    donor: Donor
    project: DonationProject
    donation: Donation
    gift: Gift
    pairing: Pairing
    schools: SchoolPair
    points: PointsAccount
    loan: Loan
    case: TopUpCase
    recovery: Recovery
    receipt: Receipt


def traces(side: Side, mark: str, term: str) -> Given:
    """Made once for a county: asked for again, the same."""
    child, path = side.students[0], side.office.path
    known = Donor.objects.filter(path=path, name=f"{mark}捐助人").first()
    if known is None:
        return _made(side, mark, term)
    pairing = Pairing.objects.filter(student=child).latest("pk")
    recovery = Recovery.objects.filter(student=child).latest("pk")
    project = known.projects.get()
    return Given(
        known, project, project.donations.get(), project.gifts.get(), pairing, SchoolPair.objects.get(path=side.primary.path),
        PointsAccount.objects.get(student=child), Loan.objects.get(student=child), TopUpCase.objects.get(student=child),
        recovery, recovery.receipts.get(),
    )  # fmt: skip


def _made(side: Side, mark: str, term: str) -> Given:
    child, path, by = side.students[0], side.office.path, {"made_by": "甲"}
    donor = Donor(path=path, name=f"{mark}捐助人", kind="company", phone="13612340000", note=f"{mark}要求", **by)
    donor.save()
    project = DonationProject(path=path, donor=donor, title="爱心助学", from_on=DAY, note=f"{mark}要求", **by)
    project.save()
    donation = Donation(project=project, form="cash", yuan=Decimal(500), received_on=DAY, receipt=f"{mark}要求", **by)
    donation.save()
    schools = SchoolPair(school=side.primary, path=side.primary.path, partner="天津某小学", from_on=DAY, **by)
    schools.save()
    return Given(donor, project, donation, *_of_child(child, side, project, term, schools))


def _of_child(child: Student, side: Side, project: DonationProject, term: str, schools: SchoolPair) -> tuple:
    whose = {"home_path": child.person.home_path, "school_path": side.primary.path, "student": child}
    benefit, by = Benefit.objects.get(code="foundation-topup"), {"made_by": "甲"}
    gift = Gift(project=project, form="cash", yuan=Decimal(100), given_on=DAY, **whose, **by)
    pairing = Pairing(kind="party", helper="李书记", from_on=DAY, **whose, **by)
    points = PointsAccount(**whose)
    loan = Loan(year=2018, lender="银行", ceiling=8000, yuan=5000, applied_on=DAY, applied_by="甲", **whose)
    case = TopUpCase(term=term, benefit=benefit, hardship="重病", asked=500, aid=0, asked_on=DAY, asked_by="甲", **whose)
    recovery = Recovery(term=term, benefit=benefit, yuan=Decimal(100), why="更正", opened_by="甲", **whose)
    for each in (gift, pairing, points, loan, case, recovery):
        each.save()
    receipt = Receipt(recovery=recovery, yuan=Decimal(10), received_on=DAY, number="1", **by)
    receipt.save()
    HelperVisit(pairing=pairing, visited_on=DAY, note="家访", **by).save()
    return gift, pairing, schools, points, loan, case, recovery, receipt
