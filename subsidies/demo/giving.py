"""What the demo's county gives beside the rules: loans, donations, helpers and points."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from aidcases.roles import Role
from students.models import Student
from subsidies.demo.county import Centre
from subsidies.demo.school import at_work
from subsidies.giving import donations, loans, pairings, points
from subsidies.models.giving import DonorKind, Form, HelperKind

LENDER = "国家开发银行甘肃省分行"
HELPERS = (
    (HelperKind.PARTY, "李建国", "城关镇人民政府 副镇长"), (HelperKind.TEACHER, "王秀兰", "城关镇中心小学"),
    (HelperKind.FAMILY, "张家", "城关镇居民"),
)  # fmt: skip


def seed(centre: Centre, children: list[int], today: date) -> None:
    """`children`: students who are helped."""
    _loans(centre, today)
    with centre.maker():
        found = list(
            Student.objects.filter(pk__in=children).select_related("person").defer("roll_number").order_by("pk")
        )
    _donations(centre, found[:6], today)
    _helped(centre, found[:4], today)


def _loans(centre: Centre, today: date) -> None:
    """One with its contract, one applied for."""
    year, made = centre.term.school_year, []
    with centre.maker() as by:
        claims = list(loans.unclaimed(year).order_by("student").values_list("student", flat=True)[:2])
        for student, contract, ago in zip(claims, (f"620123{year}00018", ""), (40, 6), strict=False):
            child = Student.objects.select_related("person").get(pk=student)
            made.append(loans.apply(
                child, year, by=by, today=today, lender=LENDER, contract=contract, tuition=Decimal(4800),
                yuan=min(Decimal(6000), loans.ceiling_of(child, year)), board=Decimal(1200), interest=loans.INTEREST,
                note="", applied_on=today - timedelta(days=ago),
            ))  # fmt: skip
    for loan in made[:1]:
        with at_work(centre.office, Role.COUNTY_CHECKER) as by:
            loans.move(loan, "contract", by=by, day=today - timedelta(days=30), note="", today=today)


def _donations(centre: Centre, children: list[Student], today: date) -> None:
    """A donor, a project, what came in with its thanks, what each of the children was given."""
    with centre.maker() as by:
        donor = donations.add_donor(
            name="榆中县慈善协会", kind=DonorKind.CHARITY, contact="王会长", phone="13909310018", note="", by=by
        )
        project = donations.add_project(
            donor=donor, title=f"{today.year}年“温暖过冬”助学", pledge=Decimal(20000), from_on=today - timedelta(days=50),
            note="", by=by,
        )  # fmt: skip
        came = {"received_on": today - timedelta(days=45), "by": by, "today": today}
        money = donations.receive(project, form=Form.CASH, yuan=Decimal(12000), what="", receipt="榆慈0045", **came)
        donations.receive(project, form=Form.GOODS, yuan=Decimal(3600), what="棉衣 30 件", receipt="", **came)
        donations.thank(
            money, thanked_on=today - timedelta(days=40), thanks="寄感谢信一封，附资助学生名单。", today=today
        )
        for place, child in enumerate(children):
            goods = place % 3 == 2
            donations.give(
                child, project, form=Form.GOODS if goods else Form.CASH, yuan=Decimal(120 if goods else 500),
                what="棉衣 1 件" if goods else "", given_on=today - timedelta(days=20),
                signed_by="" if place == 1 else "学生家长", by=by, today=today,
            )  # fmt: skip


def _helped(centre: Centre, children: list[Student], today: date) -> None:
    """Helpers with and without a visit; points earned, some of them spent."""
    with centre.maker() as by:
        for child, (kind, helper, unit) in zip(children, HELPERS, strict=False):
            made = pairings.pair(
                child, kind=kind, helper=helper, unit=unit, from_on=today - timedelta(days=60), plan="每月走访一次，辅导作业。",
                by=by, today=today,
            )  # fmt: skip
            if kind == HelperKind.PARTY:
                note = "到家看望，带去文具，了解学习和生活情况。"
                pairings.visit(made, visited_on=today - timedelta(days=12), note=note, by=by, today=today)
        for place, child in enumerate(children):
            account = points.account_of(student=child)
            told = {"by": by, "today": today}
            points.enter(account, points=40 + 5 * place, what="参加村里公益劳动", on=today - timedelta(days=18), **told)
            if not place:
                points.enter(account, points=-25, what="换书包 1 个", on=today - timedelta(days=5), **told)
