"""What a policy's text would change: figures, tables, everyone by name, and a sheet of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import Job, School
from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import command, page, paginate
from students.models import Enrolment
from students.places import Places
from subsidies import gainsheet
from subsidies.filters import RehearsalRowFilter
from subsidies.models import PackDraft, Rehearsal, RehearsalRow

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PARTS = (("stage", "学段"), ("category", "困难类别"), ("school", "增减最多的 20 所学校"))
DRAWN = ("stage", "category")  # of the parts; a chart of twenty schools can't be read


@page(can=P.RULES_VIEW)
def rehearsal_detail(request: HttpRequest, pk: int) -> HttpResponse:
    rehearsal = get_object_or_404(Rehearsal.objects.defer("text").select_related("request__region"), pk=pk)
    context = {
        "rehearsal": rehearsal,
        "term": Term.parse(rehearsal.term),
        "place": Places([rehearsal.path]).label(rehearsal.path) or "全部地区",
        "job": None if rehearsal.finished_at else Job.objects.filter(pk=rehearsal.job_id).first(),
        "draft": PackDraft.objects.filter(rehearsal=rehearsal).only("pk", "sha256").first(),
    }
    if rehearsal.finished_at is None:
        return render(request, "subsidies/rehearsal_detail.html", context)
    listing = request.GET.get("view") == "rows"
    tabs = [{"label": "汇总", "url": "?", "active": not listing}, {"label": "名单", "url": "?view=rows", "active": listing}]
    context |= {"tabs": tabs, "listing": listing, "nothing": not rehearsal.summary["by_rule"]}
    more = _list(request, rehearsal) if listing else _figures(rehearsal)
    return render(request, "subsidies/rehearsal_detail.html", context | more)


def _list(request: HttpRequest, rehearsal: Rehearsal) -> dict[str, Any]:
    found = _found(request.GET, rehearsal)
    shown = paginate(found.qs.order_by("student_id", "benefit_code").values_list("pk", flat=True), request)
    return {"found": found, "page": shown, "rows": _lines(list(shown), rehearsal), "most": gainsheet.MOST}


def _found(data: Any, rehearsal: Rehearsal) -> RehearsalRowFilter:
    rows = RehearsalRow.objects.filter(rehearsal=rehearsal)
    return RehearsalRowFilter(data, rows, titles=rehearsal.summary["titles"])


def _lines(keys: list[int], rehearsal: Rehearsal) -> list[dict[str, Any]]:
    """Names, schools and classes for one page of rows."""
    known = RehearsalRow.objects.select_related("student__person")
    rows = known.defer("student__roll_number", "student__person__id_number").in_bulk(keys)
    schools = dict(School.objects.filter(path__in={row.school_path for row in rows.values()}).values_list("path", "name"))
    studies = Enrolment.objects.filter(term=rehearsal.term, student__in={row.student_id for row in rows.values()})
    grades = {each.student_id: each.grade_label for each in studies.defer("phone")}
    titles = rehearsal.summary["titles"]
    return [
        {
            "row": row,
            "school": schools.get(row.school_path, ""),
            "grade": grades.get(row.student_id, ""),
            "old": titles.get(row.old_rule, ""),
            "new": titles.get(row.new_rule, ""),
        }
        for row in (rows[key] for key in keys if key in rows)
    ]


def _figures(rehearsal: Rehearsal) -> dict[str, Any]:
    """Tiles, the table by rule, and the charts; grants and loans apart."""
    told = rehearsal.summary
    sides = {name: _sides(told if name == "grant" else told["loan"]) for name in ("grant", "loan")}
    rules = [
        {"code": code, "title": told["titles"].get(code, code), "loan": row["loan"], **_sides(row)}
        for code, row in told["by_rule"].items()
    ]
    parts = told["parts"]
    by_rule = [{"label": row["title"], "gain_yuan": row["gain"]["yuan"], "lose_yuan": row["lose"]["yuan"]}
               for row in rules if not row["loan"]]  # fmt: skip
    drawn = [("规则", by_rule), ("财政", parts["level"]), *((name, parts[kind]) for kind, name in PARTS if kind in DRAWN)]
    return {
        **sides,
        "net": sides["grant"]["gain"]["yuan"] - sides["grant"]["lose"]["yuan"],
        "rules": rules,
        "parts": [{"title": title, "rows": parts[kind]} for kind, title in PARTS if parts[kind]],
        "charts": [_chart(head, rows) for head, rows in drawn if any(_moved(row) for row in rows)],
    }


def _moved(row: dict[str, Any]) -> bool:
    return bool(Decimal(row["gain_yuan"]) or Decimal(row["lose_yuan"]))


def _sides(told: dict[str, Any]) -> dict[str, Any]:
    return {
        side: {"students": told[side]["students"], "yuan": Decimal(told[side]["amount"])} for side in ("gain", "lose")
    }


def _chart(head: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Yuan gained and lost; what moves no money is left out."""
    return {
        "kind": "rows",
        "title": f"各级{head}增减" if head == "财政" else f"各{head}增减",
        "unit": "元",
        "head": head,
        "columns": ["增加", "减少"],
        "rows": [
            {"label": row["label"], "url": None, "values": [Decimal(row["gain_yuan"]), Decimal(row["lose_yuan"])]}
            for row in rows
            if _moved(row)
        ],
    }


@command(can=P.LEDGER_ISSUE)
def rehearsal_sheet(request: HttpRequest, pk: int) -> HttpResponse:
    """The rows of the filter as .xlsx, numbers masked; who took it and what for is recorded first."""
    rehearsal = get_object_or_404(Rehearsal.objects.filter(finished_at__isnull=False).defer("text"), pk=pk)
    purpose = request.POST.get("purpose", "").strip()[:120]
    rows: QuerySet[RehearsalRow] = _found(request.POST, rehearsal).qs
    count = rows.count()
    reasons = {
        "请写明下载用途，例如：报局务会研究。": not purpose,
        f"有 {count:,} 条，一张表最多 {gainsheet.MOST:,} 条。请先按规则或增减筛选，再分几次下载。": count > gainsheet.MOST,
    }
    if wrong := [reason for reason, holds in reasons.items() if holds]:
        raise Refused(*wrong)
    audit.record("rehearsal.downloaded", subject=rehearsal, purpose=purpose, rows=count, term=rehearsal.term)
    content = gainsheet.sheet(rehearsal, rows)
    response = FileResponse(content, as_attachment=True, filename=f"试算名单_{rehearsal.pk}.xlsx", content_type=XLSX)
    response["Cache-Control"] = "private, no-store"
    return response
