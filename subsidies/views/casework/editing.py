"""The application form on the screen: shown, saved by hand or by itself, with what two people typed side by side."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases import crypto, files
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import PERSONAL, command, page, saw
from students.models import Enrolment
from subsidies.casework import applying, form, typed
from subsidies.casework.form import MOST_MEMBERS, Conflict
from subsidies.casework.relations import RELATIONS
from subsidies.casework.windows import Windows
from subsidies.models import Application
from subsidies.models.applications import ApplicationState, Box
from subsidies.views.casework.applications import WHAT, ours

_LABELS = {field.name: field.verbose_name for field in Application._meta.get_fields() if hasattr(field, "verbose_name")}
SHORT = ("native_place", "household_size", "address", "postcode", "department", "major")


@page(can=P.APPLICATION_WRITE, reads=PERSONAL)
def application_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = ours(pk)
    if found.state != ApplicationState.DRAFT:
        return redirect("application_detail", pk)
    saw(request, "subsidies.application", [pk])
    values = _values(found)
    return _shown(request, found, values, rows=_asked(request))


def _asked(request: HttpRequest) -> int:
    text = request.GET.get("rows", "")
    return min(int(text), MOST_MEMBERS) if text.isdecimal() and len(text) < 3 else 0


def _values(found: Application) -> dict[str, Any]:
    """The form as stored, as its inputs hold it: text, lists of codes, rows of text. Phones never."""
    columns: dict[str, Any] = {name: _text(getattr(found, name)) for name in (*typed.TEXTS, *SHORT, "promised_on")}
    columns |= {"phone": "", "parent_phone": ""}
    columns["rural_hukou"] = "" if found.rural_hukou is None else str(int(found.rural_hukou))
    columns["boxes"], columns["stamp"] = list(found.boxes), "1" if found.stamp else ""
    columns["family"] = [{name: _text(getattr(line, name)) for name in typed.COLUMNS} for line in form.lines_of(found)]
    return columns


def _text(value: Any) -> str:
    return "" if value is None else f"{value:f}".removesuffix(".00") if hasattr(value, "quantize") else str(value)


def _typed(post: QueryDict, values: dict[str, Any]) -> dict[str, Any]:
    """What stands in the inputs of a form that could not be stored."""
    sent = {name: post[name] for name in values if name in post and name != "boxes"}
    cells = [post.getlist(f"family-{name}") for name in typed.COLUMNS]
    family = [dict(zip(typed.COLUMNS, row, strict=True)) for row in zip(*cells, strict=False)]
    return {**values, **sent, "boxes": post.getlist("boxes"), "family": family, "stamp": post.get("stamp", "")}


def _shown(
    request: HttpRequest, found: Application, values: dict[str, Any], *, rows: int = 0, conflict: Conflict | None = None,
    errors: dict[str, str] | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    size, term = found.household_size or 0, Term.parse(found.term)
    wanted = min(max(rows, size - 1, len(values["family"]), 1), MOST_MEMBERS)
    empty = dict.fromkeys(typed.COLUMNS, "")
    window = Windows.read(term).of(found.school_path)
    context = {
        "application": found,
        "person": found.student.person,
        "enrolment": Enrolment.objects.filter(term=found.term, student=found.student_id).defer("phone").first(),
        "values": values,
        "family": values["family"] + [empty] * (wanted - len(values["family"])),
        "empty_row": empty,
        "more_rows": min(wanted + 1, MOST_MEMBERS),
        "boxes": [
            {"code": b.value, "label": b.label, "on": b in values["boxes"], "listed": b in found.listed_boxes} for b in Box
        ],
        "circumstances": [{"name": n, "label": _LABELS[n], "value": values[n]} for n in form.CIRCUMSTANCES],
        "masks": {name: crypto.mask_phone(getattr(found, name) or "") for name in typed.PHONES},
        "relations": RELATIONS,
        "problems": form.problems(found),
        "errors": errors or {},
        "conflict": conflict,
        "window": window,
        "late": window.state(timezone.localdate()) == "late",
        "files": list(files.files_of(found)),
        "what": WHAT,
        "whats": dict(WHAT),
    }
    return render(request, "subsidies/casework/application_edit.html", context, status=status)


@command(can=P.APPLICATION_WRITE)
def application_save(request: HttpRequest, pk: int) -> HttpResponse:
    """A person's 保存, or the page's own every few seconds (which asks for JSON). `do`: save, submit, add, remove-3."""
    found, itself = ours(pk), request.headers.get("Accept", "") == "application/json"
    do, version = request.POST.get("do", "save"), request.POST.get("version", "")
    gone = do.removeprefix("remove-")
    sex = found.student.person.sex
    read = typed.read(request.POST, sex=sex, listed=found.listed_boxes, last=int(gone) if gone.isdecimal() else None)
    try:
        saved = form.save(found, read.columns, read.family, version=_version(version), by=request.actor)
    except Conflict as conflict:
        return _told(request, conflict, itself)
    except Refused as refused:
        if itself:
            return JsonResponse({"refused": refused.reasons}, status=422)
        raise
    if itself:
        return JsonResponse(_saved(saved, read.errors))
    if read.errors:
        values = _typed(request.POST, _values(saved))
        return _shown(request, ours(pk), values, errors=read.errors, status=422)
    return _next(request, saved, do)


def _version(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else -1


def _next(request: HttpRequest, saved: Application, do: str) -> HttpResponse:
    """After a person's own save."""
    edit = reverse("application_edit", args=[saved.pk])
    if do == "add":
        return redirect(f"{edit}?rows={request.POST.get('rows', '')[:2]}#family")
    if do.startswith("remove-"):
        return redirect(f"{edit}#family")
    if do == "submit":
        rows = Application.objects.filter(pk=saved.pk)
        applying.submit(rows, Term.parse(saved.term), by=request.actor, today=timezone.localdate()).or_refuse()
        messages.success(request, "已提交，等评审小组评审。")
        return redirect("application_detail", saved.pk)
    messages.success(request, "已保存。" + ("填完了，可以提交。" if saved.complete else ""))
    return redirect(edit)


def _saved(saved: Application, errors: dict[str, str]) -> dict[str, Any]:
    return {
        "version": saved.version,
        "at": f"{timezone.localtime(saved.saved_at):%H:%M:%S}",
        "errors": errors,
        "problems": [{"field": p.field, "sentence": p.sentence} for p in form.problems(saved)],
        "complete": saved.complete,
        "income_per_head": _text(saved.income_per_head),
        "masks": {name: crypto.mask_phone(getattr(saved, name) or "") for name in typed.PHONES},
    }


def _told(request: HttpRequest, conflict: Conflict, itself: bool) -> HttpResponse:
    """Nothing was stored: 409 with both values. By hand the page comes again with what was typed; saving it once more,
    now knowingly, overwrites."""
    stored = conflict.stored
    if itself:
        told = {
            "version": stored.version,
            "by": stored.saved_by,
            "at": f"{timezone.localtime(stored.saved_at):%H:%M:%S}",
            "differences": [vars(each) for each in conflict.differences],
            "stored": _values(stored),
        }
        return JsonResponse(told, status=409)
    return _shown(request, stored, _typed(request.POST, _values(stored)), conflict=conflict, status=409)

