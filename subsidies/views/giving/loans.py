"""助学贷款: the list of a school year, who may borrow and has not asked, totals of counties, one loan."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import HOME, current_scope
from aidcases.web import chosen_term, command, page, paginate
from students.filters import searched
from students.models import Enrolment
from subsidies.giving import loans
from subsidies.giving.filters import LoanFilter
from subsidies.giving.forms import LoanForm, attempt
from subsidies.models import Loan
from subsidies.models.loans import LoanState
from subsidies.views.giving.common import TONES, asked, child, day_of, listed

LIGHT = ("student__roll_number", "student__person__id_number")


def _year(request: HttpRequest) -> int:
    wanted, now = request.GET.get("year", ""), chosen_term(request)
    return int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) == 4 else now.school_year


def _years(request: HttpRequest, year: int, url: str) -> dict[str, Any]:
    return {
        "year": year,
        "year_text": str(year),
        "clear_url": f"{reverse(url)}?year={year}",
        "label": f"{year}—{year + 1}学年",
        "years": [
            {"label": f"{each}—{each + 1}学年", "url": f"{reverse(url)}?year={each}", "active": each == year}
            for each in loans.years(chosen_term(request))
        ],
    }


@page(can=P.GIVING_VIEW)
def loan_list(request: HttpRequest) -> HttpResponse:
    year = _year(request)
    found = LoanFilter(request.GET, Loan.objects.of_year(year), request=request)
    shown = paginate(found.qs.select_related("student__person").defer(*LIGHT).order_by("home_path", "pk"), request)
    rows = [{"loan": loan, "tone": TONES.get(loan.state, "")} for loan in shown]
    context = listed(found, request, page=shown, rows=rows, **_years(request, year, "loan_list"))
    return render(request, "subsidies/giving/loan_list.html", context)


@command(can=P.GIVING_VIEW)
def loan_search(request: HttpRequest) -> HttpResponse:
    answer = searched(request, "loan_list", LoanFilter)
    year = request.GET.get("year", "")
    if year.isascii() and year.isdecimal():
        answer["Location"] += ("&" if "?" in answer["Location"] else "?") + f"year={year}"
    return answer


@page(can=P.GIVING_VIEW)
def loan_unclaimed(request: HttpRequest) -> HttpResponse:
    """可申请未申请 of the own area."""
    year = _year(request)
    rows = loans.unclaimed(year).select_related("student__person", "school").defer(*LIGHT)
    shown = paginate(rows.order_by("home_path", "student_id"), request)
    term = loans.autumn(year)
    enrolled = Enrolment.objects.filter(term=term, student__in=[row.student_id for row in shown]).defer("phone")
    classes = {each.student_id: each for each in enrolled}
    context = {
        "page": shown,
        "rows": [{"line": row, "enrolment": classes.get(row.student_id)} for row in shown],
        "may_write": request.actor.may(P.GIVING_WRITE) and HOME in current_scope().sides,
        "autumn": term,
        **_years(request, year, "loan_unclaimed"),
    }
    return render(request, "subsidies/giving/loan_unclaimed.html", context)


@page(can=P.GIVING_VIEW)
def loan_totals(request: HttpRequest) -> HttpResponse:
    """Counties side by side."""
    year = _year(request)
    rows = loans.totals(year)
    whole = {name: sum(row[name] for row in rows) for name in ("may", "loans", "lent", "n_released", "released", "without")}
    context = {"rows": rows, "whole": whole, **_years(request, year, "loan_totals")}
    return render(request, "subsidies/giving/loan_totals.html", context)


@page(can=P.GIVING_WRITE)
def loan_new(request: HttpRequest, pk: int) -> HttpResponse:
    """Filled in from last year's."""
    student, year = child(pk), _year(request)
    initial = {"applied_on": timezone.localdate(), **loans.renewal(student, year)}
    return _form(request, pk, LoanForm(initial=initial))


def _form(request: HttpRequest, pk: int, form: LoanForm, status: int = 200) -> HttpResponse:
    student, year = child(pk), _year(request)
    ceiling = loans.may_claim(year).filter(student=student).values_list("amount", flat=True).first()
    most = "按政策本学年不能申请" if ceiling is None else f"{ceiling:,.2f} 元"
    facts = [{"label": "学年", "value": f"{year}—{year + 1}学年"}, {"label": "最高额", "value": most}]
    note = loans.NOT_OPEN if ceiling is None else ""
    return asked(request, student, form, title="登记助学贷款", action="loan_create", facts=facts, note=note, status=status)


@command(can=P.GIVING_WRITE)
def loan_create(request: HttpRequest, pk: int) -> HttpResponse:
    student, year, form = child(pk), _year(request), LoanForm(request.POST)
    today = timezone.localdate()
    made = attempt(form, lambda **said: loans.apply(student, year, by=request.actor, today=today, **said))
    if made is None:
        return _form(request, pk, form, status=422)
    messages.success(request, "已登记。签合同后填上合同编号，由另一人确认。")
    return redirect("loan_detail", made.pk)


def _loan(pk: int) -> Loan:
    return get_object_or_404(Loan.objects.select_related("student__person").defer(*LIGHT), pk=pk)


@page(can=P.GIVING_VIEW)
def loan_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _shown(request, _loan(pk), None)


def _shown(request: HttpRequest, loan: Loan, form: LoanForm | None, status: int = 200) -> HttpResponse:
    here = current_scope().covers(loan.home_path, HOME)
    names = ("lender", "yuan", "tuition", "board", "contract", "applied_on", "interest", "note")
    open_to_change = here and loan.state == LoanState.APPLIED and request.actor.may(P.GIVING_WRITE)
    if form is None and open_to_change:
        form = LoanForm(initial={name: getattr(loan, name) for name in names})
    moves = {m.name: m for m in Loan.FLOW.open_from(loan.state) if here and request.actor.may(m.permission)}
    blocked = "；".join(loan.blockers("contract")) if "contract" in moves else ""
    context = {
        "loan": loan,
        "label": f"{loan.year}—{loan.year + 1}学年",
        "tone": TONES.get(loan.state, ""),
        "form": form,
        "moves": moves,
        "blocked": loans.OWN_WORK if loan.applied_by_id == request.user.pk else blocked,
        "today": timezone.localdate(),
        "here": here,
    }
    return render(request, "subsidies/giving/loan_detail.html", context, status=status)


@command(can=P.GIVING_WRITE)
def loan_save(request: HttpRequest, pk: int) -> HttpResponse:
    loan, form, today = _loan(pk), LoanForm(request.POST), timezone.localdate()
    saved = attempt(form, lambda **said: loans.amend(loan, by=request.actor, today=today, **said) or True)
    if not saved:
        return _shown(request, loan, form, status=422)
    messages.success(request, "已保存。")
    return redirect("loan_detail", pk)


@command(can=P.GIVING_VIEW)
def loan_move(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """One step; who may is said by the flow."""
    if code not in loans.MOVES:
        raise Refused("没有这一步。")
    today, note = timezone.localdate(), request.POST.get("note", "")
    loans.move(_loan(pk), code, by=request.actor, day=day_of(request, today), note=note, today=today)
    messages.success(request, f"已{Loan.FLOW[code].label}。")
    return redirect("loan_detail", pk)
