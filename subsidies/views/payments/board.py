"""应助、已助、未助: the board, the names behind its figures, their sheets, and the reason of who has not been aided."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import Region
from aidcases.roles import OfficeKind, P
from aidcases.scoping import current_actor, current_scope
from aidcases.terms import Term
from aidcases.web import back, chosen_term, command, page, paginate
from students.models import Enrolment
from subsidies import board as figures
from subsidies.models import UnpaidReason
from subsidies.payments import board, boardrows, citywide, doubles, reasons
from subsidies.payments.boardforms import NamesForm, ReasonForm
from subsidies.payments.cells import COLUMNS, Status
from subsidies.payments.offered import Offered

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Listed(Paginator):
    """Of a list, which is counted whole."""

    more = False


def _area(request: HttpRequest) -> Region | None:
    """The county a city looks at; None: the own area. Raises Http404 for a county that is none of theirs."""
    code = request.GET.get("county", "")
    if not code or not figures.above_counties():
        return None
    return get_object_or_404(Region.objects.under(current_scope().path), code=code, level="county")


def board_card(request: HttpRequest) -> dict[str, Any] | None:
    """Home: the first thing a county or a school sees."""
    if figures.above_counties() or not figures.last_run_seen(request, term := chosen_term(request)):
        return None
    return _board(term, None)


def _board(term: Term, area: Region | None) -> dict[str, Any]:
    found = board.matrix(term, timezone.localdate(), area.path if area else "/")
    names = f"{reverse('board_names')}?term={term.code}" + (f"&county={area.code}" if area else "")
    heads = [("合计（不重复）", found.children[board.ALL])]
    heads += [(label, found.children[code]) for code, (label, _) in COLUMNS.items()]
    return {"matrix": found, "heads": heads, "names_url": names, "board_term": term, "area": area, "embedded": False}


@page(can=P.PAYMENT_VIEW)
def aid_matrix(request: HttpRequest) -> HttpResponse:
    term, area = chosen_term(request), _area(request)
    computed = bool(figures.last_run(term))
    if figures.above_counties() and area is None:
        counties = Region.objects.under(current_scope().path).filter(level="county").order_by("code")
        told = {"counties": counties, "computed": computed, "board_term": term}
        return render(request, "subsidies/payments/board_counties.html", told)
    context = {"computed": computed, "board_term": term, **(_board(term, area) if computed else {"area": area})}
    context |= {"embedded": True, "may_take": request.actor.may(P.LEDGER_ISSUE)}
    return render(request, "subsidies/payments/board.html", context)


@page(can=P.PAYMENT_VIEW)
def board_totals(request: HttpRequest) -> HttpResponse:
    """Above the counties: a line for each and one for all, fetched after the page: they go through every child."""
    term = chosen_term(request)
    if not figures.above_counties() or not figures.last_run(term):
        raise Http404
    whole, counties = citywide.by_county(term, timezone.localdate())
    context = {
        "board_term": term, "groups": [label for label, _ in board.GROUPS.values()], "whole": _line(whole),
        "rows": [_line(row) for row in counties], "names_url": f"{reverse('board_names')}?term={term.code}",
    }  # fmt: skip
    return render(request, "subsidies/payments/board_counties.html#totals", context)


def _line(row: citywide.Row) -> dict[str, Any]:
    cells = [
        {"code": code, "label": label, "people": row.people[code], "times": row.times[code]}
        for code, (label, _) in board.GROUPS.items()
    ]
    return {"region": row.region, "children": row.children, "cells": cells}


def _asked(request: HttpRequest, data: QueryDict | dict[str, Any]) -> tuple[NamesForm, board.Question, Offered]:
    term, area = chosen_term(request), _area(request)
    offered = Offered.of(term)
    form = NamesForm({**{name: data.get(name, "") for name in NamesForm.base_fields}, "term": term.code}, offered=offered)
    return form, form.question(term, timezone.localdate(), area.path if area else "/"), offered


@page(can=P.PAYMENT_VIEW)
def board_names(request: HttpRequest) -> HttpResponse:
    """Who stands behind a figure, why, and the form of the reason for those of whom nothing is known."""
    form, question, offered = _asked(request, request.GET)
    found, words = board.names(question, offered), boardrows.Words(question, offered)
    shown = Listed(found, 50).get_page(request.GET.get("page"))
    rows = boardrows.rows(list(shown), question, words)
    silent = sum(name.status == Status.DUE for name in found)
    writes = request.actor.may(P.UNPAID_WRITE)
    form_needed = writes and (silent or (question.student and any(row.writable for row in rows)))
    context = {
        "found": form, "page": shown, "rows": rows, "silent": silent, "people": len({name.student_id for name in found}),
        "total": len(found), "reasons": boardrows.by_reason(found, words), "schools": boardrows.by_school(found),
        "detail": question.detail, "detail_words": words.of(question.detail), "one": question.student,
        "ready": sum(name.detail == "ready" for name in found), "sees_cards": request.actor.may(P.ACCOUNT_VIEW),
        "may_list": request.actor.may(P.PAYMENT_PREPARE) and request.membership.organisation.kind == OfficeKind.COUNTY,
        "school": form.cleaned_data.get("school"), "reason_form": ReasonForm() if form_needed else None, "writes": writes,
        "board_term": question.term, "may_take": request.actor.may(P.LEDGER_ISSUE),
    }  # fmt: skip
    return render(request, "subsidies/payments/board_names.html", context)


@command(can=P.LEDGER_ISSUE)
def board_sheet(request: HttpRequest) -> HttpResponse:
    """The matrix as .xlsx."""
    term, area = chosen_term(request), _area(request)
    found = board.matrix(term, timezone.localdate(), area.path if area else "/")
    _taken(request, term, rows=len(found.lines), what="matrix")
    return _file(boardrows.matrix_sheet(f"应助、已助、未助（{term.label}）", found), f"应助已助未助_{term.code}.xlsx")


@command(can=P.LEDGER_ISSUE)
def names_sheet(request: HttpRequest) -> HttpResponse:
    """The names of the filter as .xlsx, numbers masked; who took it and what for is recorded."""
    _, question, offered = _asked(request, request.GET)
    found = board.names(question, offered)
    if len(found) > boardrows.MOST:
        raise Refused(f"有 {len(found):,} 条，一张表最多 {boardrows.MOST:,} 条。请先按项目、类别或学校筛选，再分几次下载。")
    _taken(request, question.term, rows=len(found), what="names")
    words = boardrows.Words(question, offered)
    sheet = boardrows.names_sheet(f"应助、已助、未助名单（{question.term.label}）", found, question, words)
    return _file(sheet, f"应助未助名单_{question.term.code}.xlsx")


def _taken(request: HttpRequest, term: Term, **told: Any) -> None:
    purpose = request.POST.get("purpose", "").strip()[:120]
    if not purpose:
        raise Refused("请写明下载用途，例如：报局务会研究。")
    audit.record("board.downloaded", purpose=purpose, term=term.code, **told)


def _file(content: BytesIO, name: str) -> FileResponse:
    response = FileResponse(content, as_attachment=True, filename=name, content_type=XLSX)
    response["Cache-Control"] = "private, no-store"
    return response


@command(can=P.UNPAID_WRITE)
def reason_say(request: HttpRequest) -> HttpResponse:
    """One reason for all of the filter (in the address) of whom nothing is known, or for one child."""
    _, question, _ = _asked(request, request.GET)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        raise Refused("请选择未助原因。")
    written = reasons.say(question, **form.cleaned_data, by=current_actor())
    messages.success(request, f"已写明 {written:,} 人次的未助原因。")
    params = request.GET.copy()
    params.pop("student", None)
    params.pop("page", None)
    return redirect(f"{reverse('board_names')}?{params.urlencode()}")


@command(can=P.UNPAID_WRITE)
def reason_take_back(request: HttpRequest, pk: int) -> HttpResponse:
    rows = UnpaidReason.objects.filter(pk=pk)
    if not reasons.take_back(rows, by=current_actor()):
        raise Http404
    return back(request)


@page(can=P.PAYMENT_VIEW)
def double_list(request: HttpRequest) -> HttpResponse:
    """Who could be aided twice: kept from being listed, or listed already."""
    term = chosen_term(request)
    kinds = doubles.kinds(term)
    kind = request.GET.get("kind") if request.GET.get("kind") in kinds else next(iter(kinds))
    found = kinds[kind].found.order_by("student_id", "benefit_id")
    shown = paginate(found.select_related("student__person", "benefit", "school"), request)
    tabs = [
        {"label": each.label, "url": f"?term={term.code}&kind={code}", "active": code == kind, "count": None}
        for code, each in kinds.items()
    ]
    studies = Enrolment.objects.in_term(term).filter(student__in={row.student_id for row in shown}).defer("phone")
    grades = {each.student_id: f"{each.grade_label} {each.class_name}" for each in studies}
    rows = [{"line": row, "grade": grades.get(row.student_id, "")} for row in shown]
    context = {"page": shown, "rows": rows, "tabs": tabs, "kind": kinds[kind], "board_term": term}
    return render(request, "subsidies/payments/double_list.html", context)
