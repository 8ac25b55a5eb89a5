"""The 数据版 out and back: the list and the form, the download, and the choice cell by cell when it has come back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render

from aidcases.flow import Refused
from aidcases.models import Job, School
from aidcases.models.records import JobState
from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import PERSONAL, chosen_term, command, known_terms, page, paginate, saw
from students.exports import MOST_PURPOSE, OFFICES, areas, open_sheet, request_export, text_of
from students.filters import EditFilter
from students.imports import edits, pipeline
from students.imports.edited import EDITABLE, FIXED, TITLES
from students.models import Export, ExportRow, ImportFile, ImportRow
from students.models.imports import FileState, RowState
from students.sheet import note
from students.views.rows import sentence

PURPOSES = ("核对班级和住宿情况", "核对留守儿童", "学校补正学籍信息")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
STALE = "这份文件的核对结果刚刚有了变化，您看到的不是最新的。请看清下面的内容再办理。"


class ExportForm(forms.Form):
    """Whose students, of which term, what for."""

    term = forms.ChoiceField(label="学期")
    area = forms.ChoiceField(label="范围", widget=forms.Select(attrs={"data-pick": ""}))
    purpose = forms.CharField(
        label="用途",
        max_length=MOST_PURPOSE,
        help_text="记入操作记录，也写在表里。",
        widget=forms.TextInput(attrs={"list": "purposes", "autocomplete": "off"}),
        error_messages={"required": "请写明用途。"},
    )

    def __init__(self, data: QueryDict | None, *, terms: list[str], **kwargs: Any):
        super().__init__(data, **kwargs)
        self.fields["term"].choices = [(code, Term.parse(code).label) for code in terms]
        self.fields["area"].choices = areas()


def _form(request: HttpRequest, data: QueryDict | None = None) -> ExportForm:
    term = chosen_term(request)
    return ExportForm(data, terms=list(dict.fromkeys([term.code, *known_terms(request)])), initial={"term": term.code})


def _may_export(request: HttpRequest) -> bool:
    return request.actor.may(P.LEDGER_ISSUE) and request.membership.organisation.kind in OFFICES


def _list_page(request: HttpRequest, form: ExportForm | None, status: int = 200) -> HttpResponse:
    shown = paginate(Export.objects.filter(issue=None).select_related("office"), request)
    names = dict(School.objects.filter(path__in={one.area_path for one in shown}).values_list("path", "name"))
    jobs = {job.pk: job for job in Job.objects.filter(pk__in=[one.job_id for one in shown if not one.stored])}
    rows = [{"export": one, "area": names.get(one.area_path), "job": jobs.get(one.job_id)} for one in shown]
    context = {
        "form": form,
        "purposes": PURPOSES,
        "note": note(),
        "rows": rows,
        "page": shown,
        "under_way": [row["job"] for row in rows if row["job"] and row["job"].state != JobState.DONE],
        "mine": request.membership.organisation_id,
    }
    return render(request, "students/export_list.html", context, status=status)


@page(can=P.IMPORT_VIEW)
def export_list(request: HttpRequest) -> HttpResponse:
    """What the office and those below it have exported; the form for another."""
    return _list_page(request, _form(request) if _may_export(request) else None)


@command(can=P.LEDGER_ISSUE)
def export_make(request: HttpRequest) -> HttpResponse:
    form = _form(request, request.POST)
    if not form.is_valid():
        return _list_page(request, form, status=422)
    wanted = form.cleaned_data
    request_export(Term.parse(wanted["term"]), wanted["area"], purpose=wanted["purpose"])
    return redirect("export_list")


@page(can=P.LEDGER_ISSUE, reads=PERSONAL)
def export_download(request: HttpRequest, pk: int) -> HttpResponse:
    """The sheet, unsealed for this download only."""
    export = get_object_or_404(Export, pk=pk)
    try:
        content = open_sheet(export)
    except Refused as refused:
        raise Http404(str(refused)) from None
    saw(request, "students.export", [export.pk])
    name = f"数据版_{Term.parse(export.term).label}_{export.pk}.xlsx"
    response = FileResponse(content, as_attachment=True, filename=name, content_type=XLSX)
    response["Cache-Control"] = "private, no-store"
    return response


# --- the sheet that came back -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """A cell that differs: as exported, as it is now, as the file has it; `taken` True, False or None (undecided)."""

    name: str  # of its control
    label: str
    exported: str
    now: str
    file: str
    conflict: bool
    taken: bool | None


def described(file: ImportFile, rows: list[ImportRow]) -> list[dict[str, Any]]:
    """What the page shows of each row: its cells that differ, and why it was sent back or what was not taken."""
    keys = {row.data["_row"]: row for row in rows if "_row" in row.data}
    said = dict(ExportRow.objects.filter(pk__in=keys).values_list("pk", "said"))
    return [
        {
            "row": row,
            "name": row.name,
            "school": row.data.get("school", ""),
            "cells": _cells(row, said.get(row.data.get("_row"), {}).get("of_stage", "")),
            "reasons": [
                f"{_columns(file, row)}{sentence(code)}" for code in row.reasons if row.state == RowState.REJECTED
            ],
            "warnings": [sentence(code) for code in row.warnings],
        }
        for row in rows
    ]


def _columns(file: ImportFile, row: ImportRow) -> str:
    """“班级”“就读方式”：the cells of a row that could not be read."""
    headings = file.summary.get("headings", [])
    found = "".join(f"“{headings[place]}”" for place in row.cells if place < len(headings))
    return f"{found}：" if found else ""


def _cells(row: ImportRow, stage: str) -> list[Cell]:
    accepted = row.data.get("_accept", {})
    found = []
    for key in EDITABLE:
        if key in row.changes:
            now, file, exported = row.changes[key]
            conflict = now != exported
            told = [text_of(key, value, stage) for value in (exported, now, file)]
            taken = accepted.get(key, None if conflict else True)
            found.append(Cell(f"cell-{row.pk}-{key}", TITLES[key], *told, conflict, taken))
    return found


def context_of(file: ImportFile, request: HttpRequest, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page of a returned 数据版 has beside that of a roster."""
    cells = file.counts.get("cells", {"taken": 0, "declined": 0, "conflicts": 0, "seen": "", "chosen": ""})
    counts = {state.value: file.counts.get(state, 0) for state in RowState}
    key = request.GET.get("key", "")
    carried = [one for one in EDITABLE if one in file.summary.get("mapping", EDITABLE)]
    return {
        "told": cells,
        "cards": [
            {"label": "采用文件", "number": cells["taken"], "unit": "格", "url": "?state=changed", "tone": "good"},
            {"label": "冲突待定", "number": cells["conflicts"], "unit": "格", "url": "?state=review", "tone": "warn"},
            {"label": "保留系统", "number": cells["declined"], "unit": "格", "url": "", "tone": ""},
            {"label": "退回", "number": counts["rejected"], "unit": "行", "url": "?state=rejected", "tone": "bad"},
            {"label": "没有要改的", "number": counts["unchanged"], "unit": "行", "url": "?state=unchanged", "tone": ""},
        ]
        if file.counts
        else [],
        "columns": [{"key": one, "label": TITLES[one], "active": one == key} for one in carried],
        "ledger": _of_ledger(file, carried),
        "column": TITLES.get(key, "") if key in EDITABLE else "",
        "usable": cells["taken"] > 0,
        "undecided": f"还有 {cells['conflicts']} 格冲突没有选，选完才能确认入库。" if cells["conflicts"] else "",
        "query": request.GET.urlencode(),
        "choosing": file.state == FileState.PREVIEWED and any(line["cells"] for line in lines),
    }


def _of_ledger(file: ImportFile, carried: list[str]) -> dict[str, str]:
    """What may be changed in the 数据版 of a ledger, what not, and where to change that; {} of the students' own."""
    told = file.summary.get("ledger")
    if not told:
        return {}
    mapping = file.summary["mapping"]
    fixed = [mapping[name] for name in FIXED if name in mapping] + file.summary["unused"]
    return {
        **told,
        "columns": "、".join(f"“{mapping[name]}”" for name in carried),
        "fixed": "、".join(title for title in fixed if title != "序号"),
    }


def may_confirm(file: ImportFile, request: HttpRequest) -> None:
    """Raises Refused while a conflict is undecided, or when the choice is not the one the clerk had before them."""
    told = ImportFile.objects.select_for_update().get(pk=file.pk).counts["cells"]
    if request.POST.get("chosen") != told["chosen"]:
        raise Refused(STALE)
    if told["conflicts"]:
        raise Refused(f"还有 {told['conflicts']} 格冲突没有选“采用文件”或“保留系统”，不能入库。")


_CELL = re.compile(r"cell-([0-9]{1,18})-([a-z_]+)")


@command(can=P.IMPORT_WRITE)
def import_choose(request: HttpRequest, pk: int) -> HttpResponse:
    """Takes or declines the cells of the page, or at once all conflicts or changes that the filter shows."""
    file = get_object_or_404(ImportFile.objects.select_for_update(), pk=pk)
    if file.state != FileState.PREVIEWED or "cells" not in file.counts:
        raise Refused("这份文件现在不能取舍。")
    if request.POST.get("seen") != (file.counts["cells"]["seen"] or ""):
        raise Refused(STALE)
    if which := request.POST.get("which"):
        found = EditFilter(request.GET, file.rows.all(), request=request).qs.order_by()
        rows, key = list(found.exclude(changes={}).values_list("pk", flat=True)), request.GET.get("key", "")
        taken = request.POST.get("take") == "file"
        edits.choose_all(file, rows, conflicts=which == "conflicts", taken=taken, key=key if key in EDITABLE else "")
    else:
        told = ((_CELL.fullmatch(name), value) for name, value in request.POST.items())
        chosen = [(int(m[1]), m[2], value == "file") for m, value in told if m and value in ("file", "system")]
        edits.choose(file, chosen)
    ImportFile.objects.filter(pk=file.pk).update(counts=pipeline.counted(file.pk), problem="")
    messages.success(request, "已保存取舍。")
    return redirect(f"{request.path.removesuffix('choose/')}{'?' if request.GET else ''}{request.GET.urlencode()}")
