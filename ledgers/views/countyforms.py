"""Forms of ledgers: those of the office and those that come with the system; taking one in, matching its columns."""

from __future__ import annotations

import io
from typing import Any

from django import forms
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.web import command, page, paginate
from ledgers import countyform, formview, gallery
from ledgers.definition import Ledger
from ledgers.definitions import LEDGERS
from ledgers.forms import ChoiceOfArea
from ledgers.models import CountyForm
from ledgers.placeholders import FIELDS
from ledgers.views.books import ledger_or_404
from ledgers.views.issues import XLSX

MEGABYTES = 5


class FormUpload(forms.Form):
    """Which ledger the form is of, and the file."""

    ledger = forms.ChoiceField(
        label="哪一种台账", error_messages={"required": "请选择台账。", "invalid_choice": "没有这种台账。"}
    )
    file = forms.FileField(
        label="表样文件",
        max_length=200,
        widget=forms.FileInput(attrs={"accept": ".xlsx"}),
        error_messages={
            "required": "请选择文件。",
            "empty": "文件是空的。请检查后重新上传。",
            "max_length": "文件名太长，请改短。",
        },
    )

    def __init__(self, *args: Any, ledgers: list[Ledger], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["ledger"].choices = [("", "请选择"), *((ledger.code, ledger.title) for ledger in ledgers)]


def _allowed(request: HttpRequest) -> list[Ledger]:
    return [ledger for ledger in LEDGERS.values() if request.actor.may(ledger.can)]


@page(can=P.LEDGER_VIEW)
def form_list(request: HttpRequest) -> HttpResponse:
    """The forms of the office and of those below; one shipped form for each ledger."""
    found = paginate(CountyForm.objects.order_by("ledger", "-pk"), request)
    here = request.membership.organisation.scope.path
    kept = [{"form": form, "ledger": LEDGERS.get(form.ledger), "mine": form.path == here} for form in found]
    return render(request, "ledgers/countyform_list.html", {"rows": kept, "page": found, "ledgers": _allowed(request)})


@page(can=P.LEDGER_ISSUE)
def form_new(request: HttpRequest) -> HttpResponse:
    form = FormUpload(ledgers=_allowed(request), initial={"ledger": request.GET.get("ledger")})
    return _new(request, form)


def _new(request: HttpRequest, form: FormUpload, wrong: tuple[str, ...] = (), status: int = 200) -> HttpResponse:
    context = {"form": form, "wrong": wrong, "limit": MEGABYTES, "fields": FIELDS}
    return render(request, "ledgers/countyform_new.html", context, status=status)


@command(can=P.LEDGER_ISSUE)
def form_upload(request: HttpRequest) -> HttpResponse:
    form = FormUpload(request.POST, request.FILES, ledgers=_allowed(request))
    if not form.is_valid():
        return _new(request, form, status=422)
    ledger, choice = LEDGERS[form.cleaned_data["ledger"]], ChoiceOfArea(request)
    try:
        shape = countyform.shape(ledger, choice.term, choice.area)
        made = countyform.receive(ledger, shape, form.cleaned_data["file"])
    except Refused as refused:
        return _new(request, form, tuple(refused.reasons), status=422)
    return redirect("form_detail", pk=made.pk)


@page(can=P.LEDGER_VIEW)
def form_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Which column says what, and the sheet with the first rows in it."""
    kept = get_object_or_404(CountyForm, pk=pk)
    ledger, choice = ledger_or_404(request, kept.ledger), ChoiceOfArea(request)
    tables = {table.name: table for table in ledger.tables(choice.term, choice.area)}
    shape = countyform.Shape({name: [column.path for column in table.columns] for name, table in tables.items()})
    today, year = timezone.localdate(), choice.term.school_year
    told = {
        "填报时间": f"{today.year}年{today.month}月{today.day}日", "学年": f"{year}—{year + 1}学年", "生成人": request.actor.name,
        "标题": ledger.heading(choice.term, choice.area), "填报单位": request.membership.organisation.name, "单位": ledger.unit,
        "学期": choice.term.label, "范围": choice.area.name,
        "说明": "；".join(ledger.notes(choice.term, choice.area, next(iter(tables)))),
    }  # fmt: skip
    context = {
        "kept": kept,
        "ledger": ledger,
        "choice": choice,
        "sheets": formview.shown(kept.seen, countyform.parts(kept), shape, tables, told),
        "unused": countyform.unused(kept, shape),
        "issues": countyform.used_by(kept),
        "mine": kept.path == request.membership.organisation.scope.path,
        "lost": kept.seen["lost"],
    }
    return render(request, "ledgers/countyform_detail.html", context)


@command(can=P.LEDGER_ISSUE)
def form_save(request: HttpRequest, pk: int) -> HttpResponse:
    kept = get_object_or_404(CountyForm, pk=pk)
    ledger, choice = ledger_or_404(request, kept.ledger), ChoiceOfArea(request)
    shape = countyform.shape(ledger, choice.term, choice.area)
    chosen = {}
    for number, part in enumerate(countyform.parts(kept)):
        for at in range(1, 1 + max(sheet["width"] for sheet in kept.seen["sheets"])):
            name = request.POST.get(formview.field_name(number, at))
            if name is not None:
                chosen[part.sheet, at] = name
    saved = countyform.save(kept, shape, chosen, now=timezone.now())
    messages.success(request, f"已保存为第 {saved.version} 版。生成《{ledger.title}》时在“版式”里选它。")
    return redirect("form_detail", pk=saved.pk)


@command(can=P.LEDGER_ISSUE)
def form_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    kept = get_object_or_404(CountyForm, pk=pk)
    countyform.withdraw(kept, now=timezone.now())
    messages.success(request, "已停用，以后生成台账不再提供；已经生成的不变。" if kept.saved_at else "已删除。")
    return redirect("form_list")


@page(can=P.LEDGER_VIEW)
def form_file(request: HttpRequest, pk: int) -> HttpResponse:
    """The uploaded form itself, which holds placeholders and nobody's data."""
    kept = get_object_or_404(CountyForm, pk=pk)
    try:
        return _download(countyform.open_form(kept), kept.filename)
    except Refused:
        raise Http404 from None


@page(can=P.LEDGER_VIEW)
def form_shipped(request: HttpRequest, code: str) -> HttpResponse:
    ledger, choice = ledger_or_404(request, code), ChoiceOfArea(request)
    made = gallery.template(ledger, ledger.tables(choice.term, choice.area))
    return _download(io.BytesIO(made), gallery.filename(ledger))


def _download(content: Any, name: str) -> FileResponse:
    response = FileResponse(content, as_attachment=True, filename=name, content_type=XLSX)
    response["Cache-Control"] = "private, no-store"
    return response
