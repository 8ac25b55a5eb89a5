"""Which column of a file is which: asked when it can't be guessed, and kept for the office's next file of the same headings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from aidcases import audit
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.web import command, page, paginate
from students.enums import RosterKind
from students.forms import MappingForm
from students.imports import headings, looked
from students.imports.kinds import KINDS
from students.imports.looked import Place
from students.models import ImportFile, SavedMapping
from students.models.imports import FileState
from students.views.imports import start_job

OPEN = (FileState.MAPPING, FileState.PREVIEWED)
FIXED = (RosterKind.EDITS,)  # kinds whose columns are this system's own


@page(can=P.IMPORT_WRITE)
def import_columns(request: HttpRequest, pk: int) -> HttpResponse:
    file = get_object_or_404(ImportFile.objects.select_related("office"), pk=pk)
    sheets = looked.sheets(file.summary)
    if file.state not in OPEN or file.kind in FIXED or not sheets:
        return redirect("import_detail", pk=pk)
    asked = request.GET
    place = looked.place(sheets, asked.get("sheet", ""), asked.get("row", ""))
    return _page(request, file, sheets, place, _form(file, place))


def _form(file: ImportFile, place: Place, data: Any = None) -> MappingForm:
    kind = KINDS[file.kind]
    guess = place.guess(kind, file.summary.get("mapping", {}))
    return MappingForm(data, kind=kind, columns=place.sheet.columns(place.titles), guess=guess)


def _page(
    request: HttpRequest, file: ImportFile, sheets: list[looked.Sheet], place: Place, form: MappingForm, status: int = 200
) -> HttpResponse:
    width = len(place.titles.titles)
    context = {
        "file": file,
        "form": form,
        # What to do is another thing here than on the file's own page.
        "problem": file.problem.rpartition("请补上")[0] if file.state == FileState.MAPPING else "",
        "sheets": list(enumerate(sheet.name for sheet in sheets)),
        "place": place,
        "rows_offered": place.sheet.offered(),
        "titles": headings.labels(place.titles.titles),
        "lines": [(number, (texts + [""] * width)[:width]) for number, texts in place.sheet.below(place.titles.row)],
    }
    return render(request, "students/import_mapping.html", context, status=status)


@command(can=P.IMPORT_WRITE)
def import_map(request: HttpRequest, pk: int) -> HttpResponse:
    """Keeps what the clerk said, for this file and the office's next, and has the file read again."""
    file = get_object_or_404(ImportFile.objects.select_related("office"), pk=pk)
    if file.state not in OPEN or file.kind in FIXED or not (sheets := looked.sheets(file.summary)):
        raise Refused("这份名单现在不能对应列名。")
    place = looked.place(sheets, request.POST.get("sheet", ""), request.POST.get("row", ""))
    form = _form(file, place, request.POST)
    if not form.is_valid():
        return _page(request, file, sheets, place, form, status=422)
    titles = place.titles.titles
    names = headings.labels(titles)
    mapping = {field: names[column] for field, column in form.places.items()}
    choice = {
        "sheet": place.sheet.name,
        "heading_row": place.titles.row,
        "heading_rows": place.titles.height,
        "mapping": mapping,
    }
    _keep(file, headings.fingerprint(titles), mapping, request.actor.name)
    _read_again(request, file, choice=choice)
    messages.success(request, "列名对应已保存，正在重新读取。下次上传同样列名的文件会自动使用。")
    return redirect("import_detail", pk=pk)


def _keep(file: ImportFile, fingerprint: str, mapping: dict[str, str], actor: str) -> None:
    saved, _ = SavedMapping.objects.update_or_create(
        office=file.office,
        kind=file.kind,
        headings_hash=fingerprint,
        defaults={"path": file.path, "mapping": mapping, "saved_by": actor},
    )
    audit.record("mapping.saved", subject=saved, path=saved.path, kind=saved.kind)


def _read_again(request: HttpRequest, file: ImportFile, **columns: Any) -> None:
    if file.returned:  # it tells of the preview that is now made anew
        transaction.on_commit((settings.FILES / file.returned).unlink)
    file.move("map", by=request.actor, problem="", counts={}, returned="", **columns)
    start_job("students.import_preview", "读取名单", file)


@command(can=P.IMPORT_WRITE)
def import_rekind(request: HttpRequest, pk: int) -> HttpResponse:
    """The file is another kind of list than was said: read again as that."""
    file = get_object_or_404(ImportFile.objects.select_related("office"), pk=pk)
    kind = KINDS.get(request.POST.get("kind", ""))
    if kind is None:
        raise Refused("没有这种名单，请从列表里选。")
    _read_again(request, file, kind=kind.code, choice={})
    messages.success(request, f"已改为“{kind.title}”，正在重新读取。")
    return redirect("import_detail", pk=pk)


@page(can=P.IMPORT_WRITE)
def mapping_list(request: HttpRequest) -> HttpResponse:
    """What the own office and those below have said of headings, newest first."""
    shown = paginate(SavedMapping.objects.select_related("office").order_by("-saved_at", "-pk"), request)
    here = request.membership.organisation_id
    context = {
        "page": shown,
        "rows": [{"saved": saved, "pairs": _pairs(saved)} for saved in shown],
        "several_offices": any(saved.office_id != here for saved in shown),
    }
    return render(request, "students/mapping_list.html", context)


def _pairs(saved: SavedMapping) -> list[tuple[str, str]]:
    """(title of the field, heading in the file) of what goes by another name in the file."""
    kind = KINDS.get(saved.kind)
    titles = {field.name: field.titles[0] for field in kind.fields} if kind else {}
    pairs = ((titles.get(name, name), heading) for name, heading in saved.mapping.items())
    return [(title, heading) for title, heading in pairs if title != heading]


@command(can=P.IMPORT_WRITE)
def mapping_delete(request: HttpRequest, pk: int) -> HttpResponse:
    saved = get_object_or_404(SavedMapping, pk=pk)
    audit.record("mapping.deleted", subject=saved, path=saved.path, kind=saved.kind)
    saved.delete()
    messages.success(request, "已删除。下次上传同样列名的文件，会重新猜测列名。")
    return redirect("mapping_list")
