"""附加资助: cases of a term, one case beside what the rules give the child, the decision."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import chosen_term, command, page, paginate
from students.filters import searched
from subsidies.giving import topups
from subsidies.giving.filters import TopUpFilter
from subsidies.giving.forms import TopUpForm, attempt
from subsidies.models import TopUpCase
from subsidies.views.giving.common import TONES, asked, child, listed

LIGHT = ("student__roll_number", "student__person__id_number")


@page(can=P.GIVING_VIEW)
def topup_list(request: HttpRequest) -> HttpResponse:
    term = chosen_term(request)
    found = TopUpFilter(request.GET, TopUpCase.objects.filter(term=term.code), request=request, term=term)
    shown = paginate(found.qs.select_related("student__person", "benefit").defer(*LIGHT).order_by("-pk"), request)
    rows = [{"case": case, "tone": TONES.get(case.state, "")} for case in shown]
    context = listed(found, request, page=shown, rows=rows, term=term, opened=bool(topups.open_rules(term)))
    return render(request, "subsidies/giving/topup_list.html", context)


@command(can=P.GIVING_VIEW)
def topup_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "topup_list", TopUpFilter)


@page(can=P.GIVING_WRITE)
def topup_new(request: HttpRequest, pk: int) -> HttpResponse:
    return _form(request, pk, TopUpForm(benefits=topups.benefits(chosen_term(request))))


def _form(request: HttpRequest, pk: int, form: TopUpForm, status: int = 200) -> HttpResponse:
    student, term = child(pk), chosen_term(request)
    lines = topups.aid_of(student, term)
    facts = [{"label": line.benefit.name, "value": _yuan(line.amount)} for line in lines]
    facts.append({"label": f"按政策合计（{term.label}）", "value": _yuan(topups.total(lines))})
    note = "决定同意后，金额按政策变成这名学生的应享资助，和其他资助一起列入发放。"
    if not topups.open_rules(term):
        note = topups.NO_RULE
    return asked(
        request, student, form, title="申请附加资助", action="topup_create", facts=facts, note=note, status=status
    )


def _yuan(amount: Decimal | None) -> str:
    return "不计金额" if amount is None else f"￥{amount:,.2f}"


@command(can=P.GIVING_WRITE)
def topup_create(request: HttpRequest, pk: int) -> HttpResponse:
    student, term, today = child(pk), chosen_term(request), timezone.localdate()
    form = TopUpForm(request.POST, benefits=topups.benefits(term))
    made = attempt(form, lambda **said: topups.ask(student, term, by=request.actor, today=today, **said))
    if made is None:
        return _form(request, pk, form, status=422)
    messages.success(request, "已登记，等县里另一人决定。")
    return redirect("topup_detail", made.pk)


def _case(pk: int) -> TopUpCase:
    rows = TopUpCase.objects.select_related("student__person", "benefit").defer(*LIGHT)
    return get_object_or_404(rows, pk=pk)


@page(can=P.GIVING_VIEW)
def topup_detail(request: HttpRequest, pk: int) -> HttpResponse:
    case = _case(pk)
    term = Term.parse(case.term)
    lines = topups.aid_of(case.student, term)
    others = [line for line in lines if line.benefit_id != case.benefit_id]
    moves = {move.name: move for move in TopUpCase.FLOW.open_from(case.state) if request.actor.may(move.permission)}
    context = {
        "case": case,
        "term": term,
        "tone": TONES.get(case.state, ""),
        "lines": others,
        "whole": topups.total(others),
        "entitled": next((line for line in lines if line.benefit_id == case.benefit_id), None),
        "moves": moves,
        "blocked": topups.OWN_WORK if case.asked_by_id == request.user.pk else "",
    }
    return render(request, "subsidies/giving/topup_detail.html", context)


@command(can=P.GIVING_APPROVE)
def topup_approve(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        decided = Decimal(request.POST.get("decided", "").strip().replace(",", ""))
    except InvalidOperation as problem:
        raise Refused("决定金额要写成数字，例如 500 或 500.00。") from problem
    if not decided.is_finite():
        raise Refused("决定金额要写成数字，例如 500 或 500.00。")
    reason = request.POST.get("note", "")
    topups.approve(_case(pk), decided=decided, reason=reason, by=request.actor, today=timezone.localdate())
    messages.success(request, "已同意。正在重新测算这名学生，之后可以列入发放。")
    return redirect("topup_detail", pk)


@command(can=P.GIVING_APPROVE)
def topup_refuse(request: HttpRequest, pk: int) -> HttpResponse:
    topups.refuse(_case(pk), reason=request.POST.get("note", ""), by=request.actor, today=timezone.localdate())
    messages.success(request, "已登记不同意。")
    return redirect("topup_detail", pk)


@command(can=P.GIVING_APPROVE)
def topup_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    topups.revoke(_case(pk), reason=request.POST.get("note", ""), by=request.actor, today=timezone.localdate())
    messages.success(request, "已取消。已经列入发放的，重新测算后会出现在追缴里。")
    return redirect("topup_detail", pk)


@command(can=P.GIVING_WRITE)
def topup_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    topups.withdraw(_case(pk), reason=request.POST.get("note", ""), by=request.actor)
    messages.success(request, "已撤回。")
    return redirect("topup_detail", pk)
