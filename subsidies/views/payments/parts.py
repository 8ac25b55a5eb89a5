"""A school's part of a batch: looked through on a phone, agreed to by its second person, or objected to."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import command, page, paginate
from students.filters import EXPIRED, searched
from subsidies.models import BatchPart, Payment
from subsidies.models.payments import BatchState
from subsidies.payments import batches, lists

ORDER = ("student__person__name", "pk")


def _part(pk: int) -> BatchPart:
    return get_object_or_404(BatchPart.objects.select_related("batch", "school"), pk=pk)


def _lines(part: BatchPart) -> QuerySet[Payment]:
    return Payment.objects.filter(batch=part.batch_id, school_path=part.school_path)


@page(can=P.PAYMENT_VIEW)
def part_detail(request: HttpRequest, pk: int) -> HttpResponse:
    part = _part(pk)
    term = Term.parse(part.batch.term)
    found = lists.LineFilter(request.GET, _lines(part), request=request, term=term)
    shown = paginate(found.qs.order_by(*ORDER).values_list("pk", flat=True), request)
    told = lists.of_schools(_lines(part)).get((part.batch_id, part.school_id), {"lines": 0, "total": 0, "paid": 0})
    context = {
        "part": part,
        "batch": part.batch,
        "tone": lists.BATCH_TONES[part.batch.state],
        "term": term,
        "told": told,
        "found": found,
        "page": shown,
        "rows": lists.lines(shown, part.batch.term, ORDER),
        "may_agree": part.batch.state == BatchState.PREPARED and request.actor.may(P.PAYMENT_CONFIRM),
        "narrowed": found.narrows,
        "expired": EXPIRED,
    }
    return render(request, "subsidies/payments/part_detail.html", context)


@command(can=P.PAYMENT_VIEW)
def part_search(request: HttpRequest, pk: int) -> HttpResponse:
    return searched(request, reverse("part_detail", args=[_part(pk).pk]), lists.LineFilter)


@command(can=P.PAYMENT_CONFIRM)
def part_agree(request: HttpRequest, pk: int) -> HttpResponse:
    batches.agree(_part(pk))
    messages.success(request, "已确认本校名单。")
    return redirect("part_detail", pk)


@command(can=P.PAYMENT_CONFIRM)
def part_object(request: HttpRequest, pk: int) -> HttpResponse:
    batches.object_to(_part(pk), request.POST.get("note", ""))
    messages.success(request, "意见已交县学生资助管理中心。改好以后请再来确认。")
    return redirect("part_detail", pk)


@command(can=P.PAYMENT_PREPARE)
def part_agree_instead(request: HttpRequest, pk: int) -> HttpResponse:
    part = _part(pk)
    batches.agree_instead(part, request.POST.get("note", ""))
    messages.success(request, f"已登记{part.school.name}的纸质确认。")
    return redirect("batch_detail", part.batch_id)
