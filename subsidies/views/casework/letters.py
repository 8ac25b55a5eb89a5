"""来信来访: the register, one letter, its answer."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases import crypto
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import OFFICE, current_scope
from aidcases.web import command, key_of, page, paginate
from students.views.secrets import reveal
from subsidies.casework import appeals, letters
from subsidies.models import Application, Letter
from subsidies.models.applications import ApplicationState
from subsidies.models.letters import LetterKind, LetterState

TABS = (("open", "待办理"), ("answered", "已答复"), ("closed", "已办结"))


class LetterForm(forms.Form):
    """What came in."""

    kind = forms.ChoiceField(label="方式", choices=LetterKind.choices)
    received_on = forms.DateField(label="收到日期", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    from_name = forms.CharField(label="来信来访人", max_length=60, required=False, help_text="匿名的不填。")
    contact = forms.CharField(label="联系方式", max_length=40, required=False, help_text="加密保存，查看要写明用途。")
    subject = forms.CharField(label="事由", max_length=100, help_text="一句话，例如：反映孩子没有收到补助。")
    text = forms.CharField(label="内容", required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 6}))


@page(can=P.LETTER_WRITE)
def letter_list(request: HttpRequest) -> HttpResponse:
    """Of the own office and those below it, what is overdue first."""
    wanted, today = request.GET.get("state", "open"), timezone.localdate()
    wanted = wanted if wanted in dict(TABS) else "open"
    shown = paginate(letters.ordered(letters.of_office().filter(state=wanted), today), request)
    context = {
        "page": shown,
        "rows": [letters.state_of(letter, today) for letter in shown],
        "tabs": [{"label": label, "url": f"?state={code}", "active": code == wanted} for code, label in TABS],
    }
    return render(request, "subsidies/casework/letter_list.html", context)


@page(can=P.LETTER_WRITE)
def letter_new(request: HttpRequest) -> HttpResponse:
    """?application=: about whose application; ?kind=."""
    form = LetterForm(initial={"received_on": timezone.localdate(), "kind": request.GET.get("kind", LetterKind.CALL)})
    return render(request, "subsidies/casework/letter_new.html", _context(form, request.GET.get("application", "")))


def _context(form: LetterForm, pk: str) -> dict[str, Any]:
    found = _application(pk) if pk else None
    return {"form": form, "application": found, "days": letters.LETTERS, "appeal_days": letters.APPEALS}


def _application(pk: str) -> Application:
    rows = Application.objects.select_related("student__person")
    light = rows.defer("phone", "parent_phone", "student__person__id_number", "student__roll_number")
    return get_object_or_404(light, pk=key_of(pk))


@command(can=P.LETTER_WRITE)
def letter_create(request: HttpRequest) -> HttpResponse:
    form, pk = LetterForm(request.POST), request.POST.get("application", "")
    if not form.is_valid():
        return render(request, "subsidies/casework/letter_new.html", _context(form, pk), status=422)
    about = _application(pk) if pk else None
    made = letters.register(**form.cleaned_data, application=about, by=request.actor, today=timezone.localdate())
    messages.success(request, f"已登记，请在 {made.due_on:%Y-%m-%d} 前答复。")
    return redirect("letter_detail", made.pk)


def _letter(pk: int) -> Letter:
    rows = Letter.objects.select_related("application__student__person")
    return get_object_or_404(
        rows.defer("application__phone", "application__parent_phone", "application__student__person__id_number"), pk=pk
    )


def ours(pk: int) -> Letter:
    """One that the own office answers. Raises Refused."""
    found = _letter(pk)
    if found.path != current_scope().path:
        raise Refused("由登记的单位办理。")
    return found


@page(can=P.LETTER_WRITE)
def letter_detail(request: HttpRequest, pk: int) -> HttpResponse:
    found = _letter(pk)
    about = found.application if found.application_id and _seen(found) else None
    decided = appeals.contested(found) if found.state == LetterState.OPEN else None
    context = {
        "begins": appeals.BEGINS[ApplicationState(decided.state)] if decided else "",
        "following": appeals.following(found),
        **letters.state_of(found, timezone.localdate()),
        "ours": found.path == current_scope().path,
        "about": about,
        "cancelled": about is not None and about.state == "cancelled",
        "contact": crypto.mask_phone(found.contact) if found.contact else "",
    }
    return render(request, "subsidies/casework/letter_detail.html", context)


def _seen(letter: Letter) -> bool:
    return Application.objects.filter(pk=letter.application_id).exists()


@command(can=P.LETTER_WRITE)
def letter_answer(request: HttpRequest, pk: int) -> HttpResponse:
    upheld = {"1": True, "0": False}.get(request.POST.get("upheld", ""))
    text = request.POST.get("answer", "")[:4000]
    letters.answer(ours(pk), text=text, by=request.actor, today=timezone.localdate(), upheld=upheld)
    messages.success(request, "已登记答复。确认对方没有其他意见后，请办结。")
    return redirect("letter_detail", pk)


@command(can=P.LETTER_WRITE)
def letter_close(request: HttpRequest, pk: int) -> HttpResponse:
    letters.close(ours(pk), by=request.actor)
    messages.success(request, "已办结。")
    return redirect("letter_detail", pk)


@command(can=P.LETTER_WRITE)
def letter_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    note = request.POST.get("note", "").strip()[:200]
    held = letters.reopen(ours(pk), note=note, by=request.actor, today=timezone.localdate())
    messages.success(request, f"已重新办理，请在 {held.due_on:%Y-%m-%d} 前答复。")
    return redirect("letter_detail", pk)


@command(can=P.SECRET_REVEAL)
def letter_contact(request: HttpRequest, pk: int) -> HttpResponse:
    found = _letter(pk)
    if not current_scope().covers(found.path, OFFICE):
        raise Refused("由登记的单位办理。")
    return reveal(request, found, what="contact", label="联系方式", value=found.contact)


def letter_card(request: HttpRequest) -> dict[str, Any] | None:
    """Home card: letters to be answered; nothing where there are none."""
    today = timezone.localdate()
    waiting = Letter.objects.filter(state=LetterState.OPEN)
    told = waiting.order_by().aggregate(open=Count("pk"), late=Count("pk", filter=Q(due_on__lt=today)))
    return told if told["open"] else None
