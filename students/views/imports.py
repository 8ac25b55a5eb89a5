"""Rosters on their way in: history, upload, preview, confirmation, the file given back."""

from __future__ import annotations

import hashlib
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from aidcases import crypto, jobs, sql
from aidcases.flow import Refused
from aidcases.models import Job
from aidcases.models.records import JobState
from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import PERSONAL, chosen_term, command, page, paginate, saw
from students.enums import RosterKind
from students.filters import EditFilter, ImportFilter, RowFilter, narrowed
from students.forms import ENDINGS, ImportForm
from students.imports import pipeline
from students.imports.kinds import KINDS
from students.models import ImportFile
from students.models.imports import WRITTEN, FileState, RowState
from students.panels import begin_terms, left_out, missing_people, rosters_of
from students.views import exports
from students.views.rows import WAITING, described, sentence

UNDER_WAY = (FileState.UPLOADED, FileState.COMMITTING, FileState.UNDOING)
OPEN = (FileState.UPLOADED, FileState.MAPPING, FileState.PREVIEWED, FileState.COMMITTING)
# A clerk may still say which column is which, or that it is another kind of list.
ASKABLE = (FileState.MAPPING, FileState.PREVIEWED)
# How far a file has come in 上传 → 核对 → 入库; 4: all done.
STEPS = {
    FileState.UPLOADED: 2, FileState.MAPPING: 2, FileState.PREVIEWED: 2, FileState.COMMITTING: 3, FileState.COMMITTED: 4,
    FileState.UNDOING: 4,
}  # fmt: skip


@page(can=P.IMPORT_VIEW)
def import_list(request: HttpRequest) -> HttpResponse:
    term = chosen_term(request)
    found = ImportFilter(request.GET, ImportFile.objects.select_related("office"), request=request)
    shown = paginate(found.qs, request)
    here = request.membership.organisation_id
    context = {
        "found": found,
        "page": shown,
        "term": term,
        "rosters": rosters_of(request, term),
        "missing": missing_people(request),
        "begin": begin_terms(request),
        "narrowed": narrowed(found),
        "several_offices": any(file.office_id != here for file in shown),
    }
    return render(request, "students/import_list.html", context)


@page(can=P.IMPORT_WRITE)
def import_new(request: HttpRequest) -> HttpResponse:
    term = chosen_term(request)
    form = ImportForm(initial={"kind": request.GET.get("kind"), "term": term.code}, term=term)
    return _form_page(request, form)


def _form_page(request: HttpRequest, form: ImportForm, status: int = 200) -> HttpResponse:
    kinds = [
        {
            "code": kind.code,
            "label": kind.title,
            "needed": kind.needed,
            "optional": [f.titles[0] for f in kind.fields if not f.required and f.name not in kind.either],
        }
        for kind in KINDS.values()
    ]
    limit = settings.UPLOAD_LIMIT_MB
    context = {"form": form, "kinds": kinds, "limit": limit, "endings": ENDINGS.replace(",", " ")}
    return render(request, "students/import_new.html", context, status=status)


@command(can=P.IMPORT_WRITE)
def import_upload(request: HttpRequest) -> HttpResponse:
    office = request.membership.organisation
    if office.region is None:
        raise Refused("您的单位没有行政区划，不能导入名单。请切换到县资助中心的身份。")
    form = ImportForm(request.POST, request.FILES, term=chosen_term(request), office=office)
    if not form.is_valid():
        return _form_page(request, form, status=422)
    told = {
        "kind": form.cleaned_data["kind"],
        "term": Term.parse(form.cleaned_data["term"]),
        "office": office,
    }
    upload = form.cleaned_data["file"]
    if (twin := _under_way(upload, **told)) is not None:
        messages.info(request, "同一份文件已经上传过，正在办理，没有再收一次。")
        return redirect("import_detail", pk=twin.pk)
    # A file's name is shown and kept: a number in it is masked like one in any other text.
    told |= {name: form.cleaned_data[name] for name in ("whole", "data_on")}
    file = pipeline.receive(**told, filename=crypto.mask_numbers(upload.name), chunks=upload.chunks(1 << 20))
    start_job("students.import_preview", "读取名单", file)
    return redirect("import_detail", pk=file.pk)


def _under_way(upload: UploadedFile, *, kind: str, term: Term, office: Any) -> ImportFile | None:
    """A file of the same bytes that is not finished. Of two uploads at once the second waits."""
    digest = hashlib.sha256()
    for block in upload.chunks(1 << 20):
        digest.update(block)
    sql.lock("import.upload", office.pk, digest.hexdigest())
    rows = ImportFile.objects.filter(sha256=digest.hexdigest(), kind=kind, term=term.code, office=office)
    return rows.filter(state__in=OPEN).first()


def start_job(kind: str, label: str, file: ImportFile) -> Job:
    """The next step as a job of this file."""
    job = jobs.enqueue(kind, label=f"{label}：{file.get_kind_display()}", once=True, file=file.pk)
    ImportFile.objects.filter(pk=file.pk).update(job_id=job.pk)
    return job


@page(can=P.IMPORT_VIEW)
def import_detail(request: HttpRequest, pk: int) -> HttpResponse:
    file = get_object_or_404(ImportFile.objects.select_related("office", "batch"), pk=pk)
    is_sheet = file.kind == RosterKind.EDITS  # a 数据版 that came back: told cell by cell
    found = (EditFilter if is_sheet else RowFilter)(request.GET, file.rows.all(), request=request)
    shown = paginate(found.qs, request)
    context = {
        "file": file,
        "step": STEPS.get(FileState(file.state), 1),
        "job": (job := _job(file)),
        "stalled": file.state in UNDER_WAY and not (job and job.is_open),
        "earlier": pipeline.same_file(file) if file.state not in WRITTEN else None,
        "usable": any(file.counts.get(state) for state in ("new", "changed", "unchanged")),
        "cards": _cards(file, request),
        "reasons": _reasons(file, request),
        "page": shown,
        "rows": (exports.described if is_sheet else described)(file, list(shown)),
        "narrowed": narrowed(found),
        "is_school": file.kind == RosterKind.SCHOOLS,
        "returnable": _returnable(file),
        "other_kind": KINDS.get(file.summary.get("looks_like", "")) if file.state in ASKABLE else None,
        "mappable": file.state in ASKABLE and not is_sheet and bool(file.summary.get("looked")),
        "left_out": left_out(file),
    }
    if is_sheet:
        return render(request, "students/export_returned.html", context | exports.context_of(file, request, context["rows"]))
    return render(request, "students/import_detail.html", context)


def _job(file: ImportFile) -> Job | None:
    """The file's last job while there is something to say about it."""
    job = Job.objects.filter(pk=file.job_id).first() if file.job_id else None
    return job if job and job.state != JobState.DONE else None


def _returnable(file: ImportFile) -> bool:
    """Whether a file given back would have something to say: rows that wait or were sent back, or warnings."""
    if file.state not in (FileState.PREVIEWED, FileState.COMMITTED):
        return False
    return any(file.counts.get(state) for state in WAITING) or file.rows.exclude(warnings=[]).exists()


TONES = {RowState.NEW: "good", RowState.REVIEW: "warn", RowState.REJECTED: "bad"}


def _cards(file: ImportFile, request: HttpRequest) -> list[dict[str, Any]]:
    """A figure per state, each a filter of the table below."""
    if not file.counts:
        return []
    chosen = request.GET.get("state", "")
    cards = []
    for state in (RowState.NEW, RowState.CHANGED, RowState.UNCHANGED, RowState.REVIEW, RowState.REJECTED):
        number = file.counts[state]
        tone = TONES.get(state, "") if number and file.state != FileState.UNDONE else ""
        url = f"?state={state}" if number else ""
        hint = "正在看" if chosen == state else ""
        cards.append({"label": state.label, "number": number, "url": url, "tone": tone, "hint": hint})
    return cards


def _reasons(file: ImportFile, request: HttpRequest) -> list[dict[str, Any]]:
    """Why rows wait or were sent back, the most frequent first."""
    counted = sorted(file.counts.get("reasons", {}).items(), key=lambda item: (-item[1], item[0]))
    chosen = request.GET.get("reason", "")
    return [{"code": code, "text": sentence(code), "count": count, "active": code == chosen} for code, count in counted]


@command(can=P.IMPORT_WRITE)
def import_confirm(request: HttpRequest, pk: int) -> HttpResponse:
    file = get_object_or_404(ImportFile, pk=pk)
    if file.kind == RosterKind.EDITS:
        exports.may_confirm(file, request)
    if file.returned:  # it tells of the preview; at the commit the rows are checked once more
        transaction.on_commit((settings.FILES / file.returned).unlink)
    file.move("confirm", by=request.actor, returned="", problem="")
    start_job("students.import_commit", "名单入库", file)
    return redirect("import_detail", pk=file.pk)


@command(can=P.IMPORT_WRITE)
def import_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    """Back to the preview when the commit has failed or was cancelled."""
    file = get_object_or_404(ImportFile, pk=pk)
    if Job.objects.open().filter(pk=file.job_id).exists():
        raise Refused("名单正在入库，请等它结束或先取消。")
    file.move("reopen", by=request.actor)
    messages.success(request, "已退回核对，没有入库任何内容。")
    return redirect("import_detail", pk=file.pk)


@command(can=P.IMPORT_WRITE)
def import_discard(request: HttpRequest, pk: int) -> HttpResponse:
    file = get_object_or_404(ImportFile, pk=pk)
    file.move("discard", by=request.actor)
    if (job := Job.objects.open().filter(pk=file.job_id).first()) is not None:
        job.move("cancel", by=request.actor)
    messages.success(request, f"已放弃“{file.filename}”，没有入库任何内容。")
    return redirect("import_list")


@command(can=P.IMPORT_WRITE)
def import_return(request: HttpRequest, pk: int) -> HttpResponse:
    """Has the file made with its reason column."""
    file = get_object_or_404(ImportFile, pk=pk)
    if not _returnable(file):
        raise Refused("这份名单没有待核对、退回或有提醒的行，不需要退回文件。")
    start_job("students.import_return", "生成退回文件", file)
    return redirect("import_detail", pk=file.pk)


@page(can=P.IMPORT_VIEW, reads=PERSONAL)
def import_returned(request: HttpRequest, pk: int) -> HttpResponse:
    """The same file back with its reason column, unsealed for this download only."""
    file = get_object_or_404(ImportFile, pk=pk)
    if not file.returned:
        raise Http404("退回文件还没有生成。")
    saw(request, "students.importfile", [file.pk])
    content = crypto.open_sealed(settings.FILES / file.returned)
    response = FileResponse(content, as_attachment=True, filename=file.summary["returned_name"])
    response["Cache-Control"] = "no-store"
    return response
