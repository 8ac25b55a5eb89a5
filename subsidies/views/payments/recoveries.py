"""追缴: what is to come back, the collection list, one recovery with its receipts."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases import audit
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import chosen_term, command, key_of, page, paginate
from students.filters import EXPIRED, narrowed, searched
from subsidies.giving.filters import RecoveryFilter
from subsidies.giving.forms import ReceiptForm, attempt
from subsidies.models import Adjustment, Receipt, Recovery
from subsidies.models.recoveries import RecoveryState
from subsidies.payments import recovering
from subsidies.views.casework.notices import PDF, XLSX, download

TABS = (
    ("open", "待收回", RecoveryState.OPEN),
    ("collected", "已收清", RecoveryState.COLLECTED),
    ("cancelled", "不再追缴", RecoveryState.CANCELLED),
)
LABELS = {code: label for code, label, _ in TABS}
TONES = {"open": "warn", "collected": "good", "cancelled": ""}


def _rows(request: HttpRequest, term: Term) -> tuple[str, RecoveryFilter]:
    wanted = request.GET.get("state", "open")
    states = {code: state for code, _, state in TABS}
    wanted = wanted if wanted in states else "open"
    rows = Recovery.objects.filter(term=term.code, state=states[wanted])
    return wanted, RecoveryFilter(request.GET, rows, request=request, term=term)


@page(can=P.PAYMENT_VIEW)
def recovery_list(request: HttpRequest) -> HttpResponse:
    """The collection list of the term."""
    term, today = chosen_term(request), timezone.localdate()
    wanted, found = _rows(request, term)
    shown = paginate(recovering.ordered(recovering.light(found.qs)), request)
    schools = recovering.schools_of(list(shown))
    context = {
        "term": term,
        "found": found,
        "page": shown,
        "rows": [_line(row, schools, today) for row in shown],
        "sums": recovering.sums(found.qs),
        "state": wanted,
        "tabs": [
            {"label": label, "url": f"{reverse('recovery_list')}?state={code}", "active": code == wanted}
            for code, label, _ in TABS
        ],
        "narrowed": narrowed(found),
        "expired": EXPIRED,
        "waiting": recovering.owed(term).count(),
        "may_prepare": request.actor.may(P.PAYMENT_PREPARE),
    }
    return render(request, "subsidies/payments/recovery_list.html", context)


def _line(row: Recovery, schools: dict[str, str], today: date) -> dict[str, Any]:
    late = row.state == RecoveryState.OPEN and row.due_on is not None and row.due_on < today
    return {
        "recovery": row, "school": schools.get(row.school_path, ""), "left": row.yuan - row.collected, "late": late,
        "tone": TONES[row.state],
    }  # fmt: skip


@command(can=P.PAYMENT_VIEW)
def recovery_search(request: HttpRequest) -> HttpResponse:
    answer = searched(request, "recovery_list", RecoveryFilter)
    if (state := request.GET.get("state", "")) in LABELS:
        answer["Location"] += ("&" if "?" in answer["Location"] else "?") + f"state={state}"
    return answer


@command(can=P.PAYMENT_VIEW)
def recovery_sheet(request: HttpRequest) -> HttpResponse:
    """The filtered list as .xlsx."""
    term = chosen_term(request)
    wanted, found = _rows(request, term)
    label = LABELS[wanted]
    content = recovering.sheet(recovering.ordered(found.qs), f"追缴清单（{term.label}，{label}）")
    audit.record("recovery.sheet", term=term.code, rows=found.qs.count())
    return download(content, f"追缴清单_{term.code}.xlsx", XLSX)


# --- what to open --------------------------------------------------------------------------------------------------


@page(can=P.PAYMENT_VIEW)
def recovery_new(request: HttpRequest) -> HttpResponse:
    """What was paid beyond what is due, to be put on the collection list."""
    term = chosen_term(request)
    rows = recovering.owed(term)
    shown = paginate(rows.order_by("school_path", "student_id", "benefit_id").values_list("pk", flat=True), request)
    lines = rows.filter(pk__in=list(shown)).select_related("student__person", "benefit")
    lines = lines.defer("student__roll_number", "student__person__id_number")
    context = {
        "term": term,
        "page": shown,
        "rows": [_owed(row) for row in lines.order_by("school_path", "student_id", "benefit_id")],
        "may_prepare": request.actor.may(P.PAYMENT_PREPARE),
        "not_paid_out": recovering.NOT_PAID_OUT,
    }
    return render(request, "subsidies/payments/recovery_new.html", context)


def _owed(row: Adjustment) -> dict[str, Any]:
    return {"row": row, "over": -row.difference, "yuan": max(min(-row.difference, row.recoverable), 0)}


@command(can=P.PAYMENT_PREPARE)
def recovery_open(request: HttpRequest) -> HttpResponse:
    """All that stands on the list, or the one child's (`pk`)."""
    term, today = chosen_term(request), timezone.localdate()
    rows: QuerySet[Adjustment] = recovering.owed(term)
    if pk := request.POST.get("student", ""):
        rows = rows.filter(student=key_of(pk))
    made = recovering.open_recoveries(
        rows, why=request.POST.get("why", ""), due_on=_day(request.POST.get("due_on", "")), by=request.actor, today=today
    )
    messages.success(request, f"已开列 {made.lines:,} 笔，共 ￥{made.yuan:,.2f}。请打印通知书送达家庭。")
    if made.left:
        messages.warning(request, f"{made.left:,} 笔没有开列：{recovering.NOT_PAID_OUT}")
    return redirect("recovery_list")


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed) if typed else None
    except ValueError as problem:
        raise Refused("期限要写成 2026-12-31 的样子。") from problem


# --- one -----------------------------------------------------------------------------------------------------------


def _recovery(pk: int) -> Recovery:
    return get_object_or_404(recovering.light(Recovery.objects.all()), pk=pk)


@page(can=P.PAYMENT_VIEW)
def recovery_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _shown(request, pk, ReceiptForm(initial={"received_on": timezone.localdate()}))


def _shown(request: HttpRequest, pk: int, form: ReceiptForm, status: int = 200) -> HttpResponse:
    found = _recovery(pk)
    here = recovering.ours(found)
    moves = {m.name for m in Recovery.FLOW.open_from(found.state) if here and request.actor.may(m.permission)}
    own = recovering.OWN_WORK if found.opened_by_id == request.user.pk else ""
    context = {
        **_line(found, recovering.schools_of([found]), timezone.localdate()),
        "term": Term.parse(found.term),
        "receipts": found.receipts.all(),
        "form": form if "close" in moves else None,
        "moves": moves,
        "close_blocked": "；".join(found.blockers("close")) if "close" in moves else "",
        "cancel_blocked": own or "；".join(found.blockers("cancel")) if "cancel" in moves else "",
        "here": here,
        "elsewhere": recovering.ELSEWHERE,
    }
    return render(request, "subsidies/payments/recovery_detail.html", context, status=status)


@command(can=P.PAYMENT_PREPARE)
def recovery_receive(request: HttpRequest, pk: int) -> HttpResponse:
    found, form, today = _recovery(pk), ReceiptForm(request.POST), timezone.localdate()
    if attempt(form, lambda **said: recovering.receive(found, by=request.actor, today=today, **said)) is None:
        return _shown(request, pk, form, status=422)
    messages.success(request, "已登记收款。")
    return redirect("recovery_detail", pk)


@command(can=P.PAYMENT_PREPARE)
def receipt_remove(request: HttpRequest, pk: int) -> HttpResponse:
    receipt = get_object_or_404(Receipt.objects.select_related("recovery"), pk=pk)
    recovering.take_back(receipt, by=request.actor, note=request.POST.get("note", ""))
    messages.info(request, "已删除这张票据，原因记在操作记录里。")
    return redirect("recovery_detail", receipt.recovery_id)


@command(can=P.PAYMENT_PREPARE)
def recovery_close(request: HttpRequest, pk: int) -> HttpResponse:
    recovering.close(_recovery(pk), by=request.actor)
    messages.success(request, "已收清。")
    return redirect("recovery_detail", pk)


@command(can=P.PAYMENT_APPROVE)
def recovery_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    recovering.cancel(_recovery(pk), by=request.actor, note=request.POST.get("note", ""))
    messages.success(request, "不再追缴。下次测算后，差额会重新列在补发和追缴里。")
    return redirect("recovery_detail", pk)


@command(can=P.PAYMENT_VIEW)
def recovery_notice(request: HttpRequest, pk: int) -> HttpResponse:
    """The paper for the family."""
    found = _recovery(pk)
    made = recovering.print_notice(found, timezone.localdate())
    audit.record("recovery.printed", subject=found)
    return download(made.pdf, f"退款通知书_{found.pk}.pdf", PDF)
