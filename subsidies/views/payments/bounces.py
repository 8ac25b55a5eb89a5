"""退票: the school's list of what to put right, one bounce with the exact fix, paying anew by the county's second person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Exists, F, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import SCHOOL, current_scope
from aidcases.web import command, key_of, page, paginate
from students.models import Account
from subsidies.casework.classlist import in_a_school
from subsidies.models import Payment
from subsidies.models.payments import PaymentState
from subsidies.payments import bounces, stopped
from subsidies.payments.files import open_contradictions

TABS = (("open", "待学校处理"), ("ready", "已处理，待重新发放"), ("again", "待重新报送"))


def _rows(state: str) -> QuerySet[Payment]:
    if state == "again":
        return Payment.objects.filter(state=PaymentState.REISSUED).order_by("bounced_at", "pk")
    right = bounces.put_right()
    return bounces.bounced().filter(right if state == "ready" else ~right)


def _with_child(rows: QuerySet[Payment]) -> QuerySet[Payment]:
    """.halted: why it must not be paid anew, or ""."""
    terms = set(rows.order_by().values_list("term", flat=True).distinct())
    waits = Account.objects.filter(student=OuterRef("student"), state="proposed")
    rows = rows.select_related("student__person", "school", "batch", "benefit").defer(
        "student__person__id_number", "student__roll_number"
    )  # fmt: skip
    return rows.annotate(
        last4=F("account__number_last4"), proposed=Exists(waits), new_card=bounces.changed(), manned=bounces.manned(),
        halted=stopped.word(terms),
    )  # fmt: skip


def _chosen(request: HttpRequest) -> tuple[str, QuerySet[Payment]]:
    """The tab (?state=) and its rows, of one batch (?batch=) if told."""
    told = request.GET.get("state", "open")
    wanted = told if told in dict(TABS) else "open"
    rows, batch = _rows(wanted), key_of(request.GET.get("batch", ""))
    return wanted, rows.filter(batch=batch) if batch else rows


@page(can=P.PAYMENT_VIEW)
def bounce_list(request: HttpRequest) -> HttpResponse:
    wanted, rows = _chosen(request)
    shown = paginate(_with_child(rows), request)
    late = timezone.now() - timedelta(days=bounces.DAYS)
    batch = key_of(request.GET.get("batch", ""))
    more = f"&batch={batch}" if batch else ""
    context = {
        "page": shown,
        "rows": [_row(payment, late) for payment in shown],
        "wanted": wanted,
        "tabs": [{"label": label, "url": f"?state={code}{more}", "active": code == wanted} for code, label in TABS],
        "may_reissue": wanted == "ready" and request.actor.may(P.PAYMENT_APPROVE),
        "narrowed": bool(more),
        "days": bounces.DAYS,
        "in_school": in_a_school(),
    }
    return render(request, "subsidies/payments/bounce_list.html", context)


def _row(payment: Any, late: Any) -> dict[str, Any]:
    return {
        "payment": payment,
        "person": payment.student.person,
        "todo": bounces.FIXES[payment.bounce].todo,
        "late": payment.bounced_at < late,
        "unmanned": bounces.county_sees_to(payment),
        "days": (timezone.now() - payment.bounced_at).days,
    }


@page(can=P.PAYMENT_VIEW)
def bounce_detail(request: HttpRequest, pk: int) -> HttpResponse:
    rows = _with_child(Payment.objects.filter(bounced_at__isnull=False))
    payment = get_object_or_404(rows, pk=pk)
    late = timezone.now() - timedelta(days=bounces.DAYS)
    back, ours = payment.state == PaymentState.BOUNCED, current_scope().covers(payment.school_path, SCHOOL)
    needs_card = payment.bounce in bounces.BY_ACCOUNT and not payment.new_card
    ready = payment.new_card or (payment.fixed and not needs_card)
    context = {
        **_row(payment, late),
        "back": back,
        "needs_card": needs_card,
        "contradiction": open_contradictions(sending__payment=payment).first(),
        "may_write": request.actor.may(P.ACCOUNT_WRITE),
        "may_fix": back and not payment.fixed and not needs_card and ours and request.actor.may(P.ACCOUNT_WRITE),
        "may_reissue": back and ready and request.actor.may(P.PAYMENT_APPROVE),
        "may_give_up": back and request.actor.may(P.PAYMENT_APPROVE),
    }
    return render(request, "subsidies/payments/bounce_detail.html", context)


@command(can=P.ACCOUNT_WRITE)
def bounce_fix(request: HttpRequest, pk: int) -> HttpResponse:
    payment = get_object_or_404(Payment, pk=pk)
    bounces.fix(payment, request.POST.get("what", ""), by=request.actor)
    messages.success(request, "已登记，等县学生资助管理中心重新发放。")
    return redirect("bounce_list")


@command(can=P.PAYMENT_APPROVE)
def bounce_reissue(request: HttpRequest) -> HttpResponse:
    """`only`, or every line of the address's batch that was put right; what was done and what not is told."""
    only = request.POST.get("only", "")
    rows = Payment.objects.filter(pk=key_of(only)) if only else _chosen(request)[1]
    outcome = bounces.reissue(rows, by=request.actor)
    if only and not outcome.moved:
        raise Refused(*outcome.refusals)
    told = messages.success if outcome.moved else messages.info
    told(request, f"重新发放：已办 {outcome.moved:,} 笔，请县级经办生成代发文件。")
    for reason, count in outcome.refusals.most_common():
        messages.warning(request, f"{count:,} 笔没有办：{reason}。")
    return redirect(f"{reverse('bounce_list')}?state={'again' if outcome.moved else 'ready'}")


@command(can=P.PAYMENT_APPROVE)
def bounce_give_up(request: HttpRequest, pk: int) -> HttpResponse:
    """A line that nobody will pay any more, with the reason."""
    payment = get_object_or_404(Payment, pk=pk)
    bounces.give_up(payment, note=request.POST.get("note", ""), by=request.actor)
    messages.success(request, "已撤销这一笔，不再发放。")
    return redirect("bounce_list")
