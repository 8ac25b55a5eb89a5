"""上报汇总包: asking for one, its roll-up, ranking and report of the situation, the archive."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import Job
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.web import command, page, paginate
from ledgers import packing, submitting
from ledgers.models import Bundle
from ledgers.views.issues import shown_total
from subsidies.giving.common import said as without_numbers

ZIP = "application/zip"


@page(can=P.LEDGER_VIEW)
def bundle_list(request: HttpRequest) -> HttpResponse:
    may_make = request.actor.may(P.LEDGER_RECEIVE)
    context = {
        "page": paginate(Bundle.objects.with_job_state(), request),
        "periods": submitting.known_periods() if may_make else [],
        "may_make": may_make,
    }
    return render(request, "ledgers/bundle_list.html", context)


@command(can=P.LEDGER_RECEIVE)
def bundle_new(request: HttpRequest) -> HttpResponse:
    rhythm, _, code = request.POST.get("period", "").partition(":")
    bundle = packing.request_bundle(rhythm, code, purpose=request.POST.get("purpose", ""))
    return redirect("bundle_detail", bundle.pk)


@page(can=P.LEDGER_VIEW)
def bundle_detail(request: HttpRequest, pk: int) -> HttpResponse:
    bundle = get_object_or_404(Bundle.objects.with_job_state(), pk=pk)
    report = bundle.report
    context = {
        "bundle": bundle,
        "job": Job.objects.filter(pk=bundle.job_id).first() if bundle.finished_at is None else None,
        "paragraphs": report.get("paragraphs", []),
        "roll_ups": [_table(each) for each in report.get("roll_ups", [])],
        "ranking": [_ranked(row) for row in report.get("ranking", [])],
        "chart": _chart(report.get("ranking", [])),
        "blocked": bundle.path != current_scope().path or (bundle.unmasked and not request.actor.may(P.LEDGER_UNMASK)),
    }
    return render(request, "ledgers/bundle_detail.html", context)


MOST = 12  # bars that can be read; the table of the ranking shows all


def _chart(ranking: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Shares of money paid and of people aided, in the order of the ranking; None where nobody has figures."""
    rows = [
        {"label": row["office"], "url": row["url"], "values": [Decimal(row["paid_share"]), Decimal(row["aided_share"])]}
        for row in ranking[:MOST]
        if row["paid_share"]
    ]
    named = {"kind": "bar", "title": "发放率和资助率", "unit": "%", "head": "单位", "columns": ["发放率", "资助率"]}
    return {**named, "rows": rows} if rows else None


def _table(roll_up: dict[str, Any]) -> dict[str, Any]:
    names = roll_up["headings"]
    lines = [
        {"office": line["office"], "url": line["url"], "cells": [_figure(line["figures"].get(name)) for name in names]}
        for line in roll_up["lines"]
    ]
    return {**roll_up, "lines": lines, "sums": [_figure(roll_up["total"][name]) for name in names]}


def _figure(figure: Any) -> str:
    """12 as it is, money ("1900.00") in thousands; none as a dash."""
    return "—" if figure is None else shown_total(figure)


def _ranked(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, **{name: _figure(row[name]) for name in ("due", "aided", "yuan", "paid")}}


@page(can=P.LEDGER_VIEW)
def bundle_paper(request: HttpRequest, pk: int) -> HttpResponse:
    """情况汇报 as PDF: what the page says, of offices only."""
    bundle = get_object_or_404(Bundle.objects.finished(), pk=pk)
    made = packing.paper_of(bundle)
    headers = {"Content-Disposition": f'inline; filename="report-{bundle.pk}.pdf"', "Cache-Control": "no-store"}
    return HttpResponse(made.pdf, content_type="application/pdf", headers=headers)


@command(can=P.LEDGER_VIEW)
def bundle_download(request: HttpRequest, pk: int) -> HttpResponse:
    """The archive in clear, decrypted in memory; who took it and what for is recorded first."""
    bundle = get_object_or_404(Bundle, pk=pk)
    purpose = without_numbers(request.POST.get("purpose", ""), 120)
    if not purpose:
        raise Refused("请写明下载用途，例如：月调度会。")
    content = packing.open_bundle(bundle)
    audit.record("bundle.downloaded", subject=bundle, period=bundle.period, purpose=purpose)
    response = FileResponse(content, as_attachment=True, filename=bundle.filename, content_type=ZIP)
    response["Cache-Control"] = "private, no-store"
    return response
