"""月调度、季汇总、半年通报、年底排名, and the year of one county to print."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone

from aidcases.models import Organisation, Region
from aidcases.roles import OfficeKind, P
from aidcases.scoping import current_scope
from aidcases.terms import AUTUMN, Term
from aidcases.web import key_of, page
from dropout.indicators import Asked
from ledgers.models import Talk
from ledgers.progress import figures, goals, reports, spans
from ledgers.progress.spans import Span
from ledgers.views.progress.frame import office_name, reckons, tabs

TITLES = {"month": "月调度", "quarter": "季汇总", "half": "半年通报", "year": "年底排名"}


def _span(code: str) -> Span:
    try:
        return spans.parse(code)
    except ValueError:
        raise Http404 from None


def _neighbours(span: Span) -> list[dict[str, Any]]:
    """The spans of the same kind in the year, and those next to it."""
    year = span.year
    codes = {
        "month": [(f"{year}-{n:02d}", f"{n} 月") for n in range(1, 13)],
        "quarter": [(f"{year}-Q{n}", f"第 {n} 季度") for n in range(1, 5)],
        "half": [(f"{year}-H1", "上半年"), (f"{year}-H2", "下半年")],
        "year": [(str(year), f"{year} 年")],
    }[span.kind]
    first, last = codes[0][0], codes[-1][0]
    before, after = (str(year - 1) + last[4:], f"← {year - 1} 年"), (str(year + 1) + first[4:], f"{year + 1} 年 →")
    return [
        {"label": label, "url": reverse("work_report", args=[code]), "active": code == span.code}
        for code, label in (before, *codes, after)
    ]


@page(can=P.PROGRESS_VIEW)
def work_report(request: HttpRequest, code: str) -> HttpResponse:
    """2026-11, 2026-Q4, 2026-H2 or 2026: what the tasks that concern the office came to."""
    span, today, own = _span(code), timezone.localdate(), current_scope().path
    rows = reports.rows_of(span, own, today, request.actor)
    shares = _shares(span, own) if span.kind == "year" and reckons() else {}
    offices = reports.by_office(rows, shares)
    context = {
        "span": span,
        "title": TITLES[span.kind],
        "rows": rows,
        "lines": reports.by_line(rows),
        "offices": offices,
        "behind": reports.behind(rows),
        "text": reports.bulletin(span, office_name(request), rows, own, today) if span.kind == "half" else [],
        "chart": _chart(span, offices) if len(offices) > 1 else None,
        "formula": reports.FORMULA,
        "whence": reports.WHENCE,
        "school_year": f"{span.year - 1}—{span.year} 学年",
        "tabs": tabs(request, span.kind),
        "neighbours": _neighbours(span),
    }
    return render(request, "ledgers/progress/work_report.html", context)


def _asked(span: Span, path: str) -> Asked:
    """Indicators of a calendar year are those of the school year that ends in it."""
    return Asked(Term(span.year - 1, AUTUMN), path, timezone.localdate())


def _counties(path: str) -> dict[str, str]:
    return dict(Region.objects.under(path).filter(level="county").order_by("code").values_list("code", "name"))


def _shares(span: Span, path: str) -> dict[str, Any]:
    """Path of a county → share of its indicators that are met."""
    found = goals.counties(_asked(span, path), _counties(path))
    return {f"/{place.code[:2]}/{place.code[:4]}/{place.code}/": place.share() for place in found}


def _chart(span: Span, offices: list[reports.OfficeLine]) -> dict[str, Any]:
    ranked = span.kind == "year"
    rows = [
        {
            "label": line.office.name, "url": reports.list_url(span, office=str(line.office.pk)),
            "values": [line.score if ranked else line.rate],
        }
        for line in offices[:12]
    ]  # fmt: skip
    label, unit = ("得分", "分") if ranked else ("完成率平均数", "%")
    return {"kind": "rows", "title": f"各单位{label}", "unit": unit, "head": "单位", "columns": [label], "rows": rows,
            "target": None, "target_label": ""}  # fmt: skip


@page(can=P.PROGRESS_VIEW)
def county_year(request: HttpRequest, code: str) -> HttpResponse:
    """?year=: what a county was given and did, its indicators, talks: text and tables, to print."""
    own = current_scope().path
    region = get_object_or_404(Region.objects.under(own).filter(level="county"), code=code)
    typed = request.GET.get("year", "")
    today = timezone.localdate()
    span = spans.parse(typed) if 2015 <= key_of(typed) <= 2100 else spans.current("year", today)
    office = Organisation.objects.filter(path=region.path, kind=OfficeKind.COUNTY).first()
    rows = figures.of(reports.tasks_of(span, region.path).filter(path=region.path), span, today, request.actor)
    asked = _asked(span, region.path)
    known = goals.written(asked)
    [place] = goals.counties(asked, {region.code: region.name}, known)
    name = office.name if office else region.name
    context = {
        "region": region, "name": name, "span": span, "rows": rows, "place": place, "cells": list(place.cells.values()),
        "areas": goals.areas(asked, known), "text": _summary(span, name, rows, place),
        "behind": reports.behind(rows), "talks": list(Talk.objects.filter(path=region.path, year=span.year)),
        "school_year": f"{span.year - 1}—{span.year} 学年", "tabs": tabs(request, "year"),
    }  # fmt: skip
    return render(request, "ledgers/progress/county_year.html", context)


def _summary(span: Span, name: str, rows: list[Any], place: goals.Place) -> list[str]:
    """Sentences of nothing but the figures below them."""
    [line] = reports.by_office(rows, {}) or [None]
    told = [f"{span.label}，{name}承担教育扶贫工作任务 {len(rows)} 项"]
    if line:
        told[0] += f"，已办结 {line.closed} 项，逾期 {line.late} 项，完成率平均 {line.rate}%（每项最多按 100% 算）"
        told[0] += f"；应填报进度 {line.asked} 月次，按时 {line.in_time} 月次"
    missed = [cell.goal.label for cell in place.cells.values() if cell.met is False]
    unknown = [cell.goal.label for cell in place.cells.values() if cell.figure.rate is None]
    said = f"{span.year - 1}—{span.year} 学年有数据、有目标的指标 {place.judged} 项，达到目标 {place.judged - place.missed} 项"
    told.append(said + (f"，没有达到的有{'、'.join(missed)}" if missed else ""))
    if unknown:
        told.append(f"没有数据的指标：{'、'.join(unknown)}")
    return [f"{each}。" for each in told]
