"""生源地信用助学贷款: applied for each school year at home, up to the amount of the rule in force; who has not applied."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Left

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models.places import region_names
from aidcases.scoping import HOME, Actor, current_scope
from aidcases.terms import AUTUMN, Term
from students.models import Student
from subsidies.enums import MAY_CLAIM
from subsidies.giving.common import day_wrong, owners, refuse_if, said, yuan_wrong
from subsidies.models import Entitlement, Loan
from subsidies.models.loans import LoanState

OWN_WORK = "是您自己登记的，要由另一人确认合同。"
AT_HOME = "由家庭所在地的县学生资助管理中心办理。"
NOT_OPEN = "按政策这名学生本学年不能申请助学贷款，请先看“为什么”。"
NO_CEILING = "还不知道最高额，请先测算本学年秋季学期。"
COUNTY = len("/62/6201/620123/")
# 财教〔2020〕70号: the state bears the interest while one studies; the principal is paid back from the fifth year after.
INTEREST = "在校期间利息由财政承担；毕业后自付利息，宽限期 5 年内可以只还利息。"


def autumn(year: int) -> str:
    """The term whose entitlements say who may borrow in the school year."""
    return f"{year}-{AUTUMN}"


def may_claim(year: int) -> QuerySet[Entitlement]:
    """可申请: what the rules let students borrow in the school year."""
    return Entitlement.objects.filter(term=autumn(year), rule__delivery__in=MAY_CLAIM)


def unclaimed(year: int) -> QuerySet[Entitlement]:
    """可申请未申请: those of them without a loan that stands, at home in the own area (loans are granted at home)."""
    mine = Loan.objects.standing().of_year(year).filter(student=OuterRef("student_id"))
    here = current_scope().path
    return may_claim(year).filter(~Exists(mine), home_path__startswith=here)


def ceiling_of(student: Student, year: int) -> Decimal:
    """The most a student may borrow in the school year, in yuan. Raises Refused where the rules give nothing."""
    amounts = list(may_claim(year).filter(student=student).values_list("amount", flat=True))
    if not amounts:
        raise Refused(NOT_OPEN)
    if amounts[0] is None:
        raise Refused(NO_CEILING)
    return amounts[0]


def renewal(student: Student, year: int) -> dict[str, Any]:
    """The form of a school year as the last loan left it: the number of a contract is its own year's."""
    last = Loan.objects.standing().filter(student=student, year__lt=year).order_by("-year").first()
    if last is None:
        return {"interest": INTEREST}
    ceiling = may_claim(year).filter(student=student).values_list("amount", flat=True).first()
    yuan = last.yuan if ceiling is None else min(last.yuan, ceiling)
    return {
        "lender": last.lender, "yuan": yuan, "tuition": last.tuition, "board": last.board, "interest": last.interest,
    }  # fmt: skip


def _checked(student: Student, year: int, asked: dict[str, Any], *, today: date, own: int | None = None) -> Decimal:
    """The ceiling. Raises Refused with everything that is wrong."""
    if not current_scope().covers(student.person.home_path, HOME):
        raise Refused(AT_HOME)
    ceiling, contract = ceiling_of(student, year), asked["contract"].strip()
    others = Loan.objects.exclude(pk=own)
    refuse_if({
        "请填写经办银行。": not asked["lender"].strip(),
        **yuan_wrong(asked["yuan"], "贷款金额"),
        f"贷款金额 {asked['yuan']:,.2f} 元超过最高额 {ceiling:,.2f} 元。": asked["yuan"] > ceiling,
        "学费和住宿费不能小于 0 元。": min(asked["tuition"], asked["board"]) < 0,
        **day_wrong(asked["applied_on"], today, "申请日期"),
        "这名学生本学年已经有一笔贷款。": others.standing().of_year(year).filter(student=student).exists(),
        "合同编号已经登记过，请核对。": contract and _known(contract, own),
    })  # fmt: skip
    return ceiling


def _known(contract: str, own: int | None) -> bool:
    """In the whole system: a contract is one child's, wherever it was written down. Yes or no, nothing of it."""
    return Loan._base_manager.filter(contract=contract).exclude(pk=own).exists()


@transaction.atomic
def apply(student: Student, year: int, *, by: Actor, today: date, **asked: Any) -> Loan:
    """A new application. `asked`: lender, contract, yuan, tuition, board, interest, note, applied_on. Raises Refused."""
    Student.objects.select_for_update(of=("self",)).get(pk=student.pk)  # of two clerks the second sees the first's
    made = Loan(
        student=student, year=year, ceiling=_checked(student, year, asked, today=today), applied_by=by.name,
        applied_by_id=by.user_id, **_written(asked), **owners(student),
    )  # fmt: skip
    made.save()
    audit.record("loan.applied", subject=made)
    return made


def _written(asked: dict[str, Any]) -> dict[str, Any]:
    texts = {"lender": 60, "contract": 40, "interest": 200, "note": 200}
    return {**asked, **{name: asked[name].strip()[:most] for name, most in texts.items()}}


@transaction.atomic
def amend(loan: Loan, *, by: Actor, today: date, **asked: Any) -> None:
    """What was asked for, as long as nobody confirmed it; whoever changes it is who wrote it down. Raises Refused."""
    held = Loan.objects.select_for_update(of=("self",)).select_related("student__person").get(pk=loan.pk)
    if held.state != LoanState.APPLIED:
        raise Refused("合同已经确认，不能再改。")
    ceiling = _checked(held.student, held.year, asked, today=today, own=held.pk)
    changed = {**_written(asked), "ceiling": ceiling, "applied_by": by.name, "applied_by_id": by.user_id}
    Loan.objects.filter(pk=held.pk).update(**changed)
    audit.record("loan.amended", subject=held)


MOVES = ("contract", "release", "repay", "withdraw", "refuse")


@transaction.atomic
def move(loan: Loan, name: str, *, by: Actor, day: date, note: str, today: date) -> None:
    """contract, release, repay (on a day), withdraw, refuse (for a reason). Raises Refused."""
    if not current_scope().covers(loan.home_path, HOME):
        raise Refused(AT_HOME)
    label, also = Loan.FLOW[name].label, {}
    if name == "contract":
        if by.user_id is not None and loan.applied_by_id == by.user_id:
            raise Refused(OWN_WORK)
        also = {"contracted_on": day, "contracted_by": by.name, "contracted_by_id": by.user_id}
    elif name in ("release", "repay"):
        before = loan.contracted_on if name == "release" else loan.released_on
        refuse_if({f"{label}的日期早于上一步（{before}）。": before and day < before})
        also = {"released_on": day} if name == "release" else {"repaid_on": day}
    refuse_if(day_wrong(day, today, "日期") if also else {})
    loan.move(name, by=by, note=said(note, 200), **also)


def totals(year: int) -> list[dict[str, Any]]:
    """County (of the home) → may, loans, lent and released (yuan), n_released, without; those in sight, by code."""
    lent = Q(state__in=(LoanState.RELEASED, LoanState.REPAID))
    loans = Loan.objects.standing().of_year(year).annotate(county=Left("home_path", COUNTY)).order_by().values("county")
    by_county = {
        row["county"]: row
        for row in loans.annotate(
            loans=Count("pk"), n_released=Count("pk", filter=lent), released=Sum("yuan", filter=lent, default=Decimal(0)),
            lent=Sum("yuan"),
        )
    }  # fmt: skip
    open_to = may_claim(year).filter(home_path__startswith=current_scope().path)
    may = _counted(open_to)
    without = _counted(unclaimed(year))
    names = region_names(path.strip("/").split("/")[-1] for path in by_county.keys() | may.keys())
    nothing = {"loans": 0, "lent": Decimal(0), "n_released": 0, "released": Decimal(0)}
    return [
        {
            **by_county.get(path, nothing),
            "name": names.get(path.strip("/").split("/")[-1], "其他地区"),
            "may": may.get(path, 0),
            "without": without.get(path, 0),
        }
        for path in sorted(by_county.keys() | may.keys())
    ]


def _counted(rows: QuerySet[Entitlement]) -> dict[str, int]:
    counted = rows.annotate(county=Left(F("home_path"), COUNTY)).order_by().values("county")
    return {row["county"]: row["n"] for row in counted.annotate(n=Count("student_id"))}


def years(now: Term) -> list[int]:
    """School years to choose from: those with loans in sight and the one worked in, newest first."""
    known = set(Loan.objects.order_by().values_list("year", flat=True).distinct()) | {now.school_year}
    return sorted(known, reverse=True)
