"""Objections: the public form, and the pages of those who answer them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Case, Q, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases import crypto, strangers
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import EVERYWHERE, OFFICE, acting_in, current_scope
from aidcases.web import PUBLIC, command, page, paginate
from students.views.secrets import reveal
from subsidies.casework import objections, public
from subsidies.casework.noticeforms import AnswerForm, ObjectionForm, OwnerForm
from subsidies.models import Objection, PublicNotice
from subsidies.models.notices import HOLDING, Finding, NoticeState, ObjectionState
from subsidies.views.casework.notices import notice_of

TOO_MANY = "您提交得太频繁，请一小时后再试，或拨打监督电话 {hotline}。"
FORM = "subsidies/casework/objection_public.html"


# --- anybody -------------------------------------------------------------------------------------------------------


def _shown(request: HttpRequest, notice: PublicNotice, status: int = 200, **context: Any) -> HttpResponse:
    """The form's page in one of its states; never kept, never indexed."""
    over = notice.state != NoticeState.PUBLISHED or timezone.now() >= notice.ends_at
    told = {"notice": notice, "form": None, "problems": [], "sent": None, "over": over, **context}
    response = render(request, FORM, told, status=410 if over else status)
    response["Cache-Control"], response["X-Robots-Tag"] = "no-store", "noindex, nofollow"
    return response


def _noticed(key: str) -> PublicNotice:
    return get_object_or_404(
        PublicNotice.objects.select_related("office").defer("page"), key=key, published_on__isnull=False
    )


@page(can=PUBLIC)
def objection_new(request: HttpRequest, key: str) -> HttpResponse:
    with acting_in(EVERYWHERE, public.PUBLIC):
        return _shown(request, _noticed(key), form=ObjectionForm())


@command(can=PUBLIC)
def objection_send(request: HttpRequest, key: str) -> HttpResponse:
    """Filed, or the form again with what to mend; a machine that fills the hidden field is thanked and forgotten."""
    form = ObjectionForm(request.POST)
    with acting_in(EVERYWHERE, public.PUBLIC):
        notice = _noticed(key)
        if not form.is_valid():
            return _shown(request, notice, 422, form=form)
        if form.cleaned_data["website"]:
            return _shown(request, notice, sent=True)
        if not strangers.allowed("objection", request, str(notice.pk), objections.A_HOUR):
            return _shown(request, notice, 429, form=form, problems=[TOO_MANY.format(hotline=notice.hotline)])
        told = form.cleaned_data
        try:
            with transaction.atomic():
                line = objections.line_named(notice, told["number"], told["name"].strip())
                made = objections.file(
                    notice, text=told["text"], line=line, contact=told["contact"], now=timezone.now()
                )
        except Refused as refused:
            return _shown(request, notice, 422, form=form, problems=refused.reasons)
        return _shown(request, notice, sent=made)


# --- the office ----------------------------------------------------------------------------------------------------

OPEN = HOLDING
TABS = (
    ("open", "待办", OPEN),
    ("answered", "已答复", (ObjectionState.ANSWERED,)),
    ("closed", "已办结", (ObjectionState.CLOSED,)),
)
TONES = {"open": "warn", "assigned": "info", "appealed": "warn", "answered": "good", "closed": ""}


def _row(objection: Objection) -> dict[str, Any]:
    today = timezone.localdate()
    late = objection.state in OPEN and objection.due_on < today
    return {
        "objection": objection,
        "late": late,
        "days": (today - objection.due_on).days,
        "tone": TONES[objection.state],
    }


@page(can=P.OBJECTION_HANDLE)
def objection_list(request: HttpRequest) -> HttpResponse:
    """Of the own office and those below it, what is overdue first."""
    wanted = next((tab for tab in TABS if tab[0] == request.GET.get("state")), TABS[0])
    overdue = Case(When(Q(due_on__lt=timezone.localdate()), then=0), default=1)
    rows = Objection.objects.filter(state__in=wanted[2]).select_related("notice__office", "line").defer("notice__page")
    shown = paginate(rows.order_by(overdue, "due_on", "pk"), request)
    context = {
        "page": shown,
        "rows": [_row(objection) for objection in shown],
        "tabs": [{"label": label, "url": f"?state={code}", "active": code == wanted[0]} for code, label, _ in TABS],
    }
    return render(request, "subsidies/casework/objection_list.html", context)


def _objection(pk: int) -> Objection:
    rows = Objection.objects.select_related("notice__office", "line").defer("notice__page")
    return get_object_or_404(rows, pk=pk)


@page(can=P.OBJECTION_HANDLE)
def objection_detail(request: HttpRequest, pk: int) -> HttpResponse:
    found = _objection(pk)
    ours = current_scope().covers(found.path, OFFICE)
    answering = ours and found.state in OPEN
    people = objections.handlers(found) if answering else []
    context = {
        **_row(found),
        "ours": ours,
        "owner_form": OwnerForm(people=people, initial={"owner": found.owner_id}) if answering else None,
        "answer_form": AnswerForm() if answering else None,
        "contact": crypto.mask_phone(found.contact) if found.contact else "",
        "answers": objections.office_named(found.path),
        "above": objections.above_of(found.path) if ours and found.state == ObjectionState.ANSWERED else None,
        "earlier": found.finding and found.state in OPEN,
        "to_cancel": objections.still_approved(found),
        "may_cancel": request.actor.may(P.APPLICATION_CANCEL),
    }
    return render(request, "subsidies/casework/objection_detail.html", context)


@command(can=P.OBJECTION_HANDLE)
def objection_register(request: HttpRequest, pk: int) -> HttpResponse:
    """What came by telephone, letter or in person, also after the end."""
    form = ObjectionForm(request.POST)
    if not form.is_valid():
        raise Refused(*(f"{form[name].label}：{'；'.join(errors)}" for name, errors in form.errors.items()))
    told, notice = form.cleaned_data, notice_of(pk)
    line = objections.line_named(notice, told["number"], told["name"].strip())
    made = objections.file(
        notice, text=told["text"], line=line, contact=told["contact"], now=timezone.now(), by=request.actor
    )
    messages.success(request, f"已登记，请在 {made.due_on:%Y-%m-%d} 前答复。")
    return redirect("objection_detail", made.pk)


@command(can=P.OBJECTION_HANDLE)
def objection_assign(request: HttpRequest, pk: int) -> HttpResponse:
    found = _objection(pk)
    form = OwnerForm(request.POST, people=objections.handlers(found))
    if not form.is_valid():
        raise Refused("请选择本单位的经办人。")
    held = objections.assign(found, form.cleaned_data["owner"], by=request.actor)
    messages.success(request, f"已指定 {held.owner} 办理。")
    return redirect("objection_detail", pk)


@command(can=P.OBJECTION_HANDLE)
def objection_answer(request: HttpRequest, pk: int) -> HttpResponse:
    form = AnswerForm(request.POST)
    if not form.is_valid():
        raise Refused(*(f"{form[name].label}：{'；'.join(errors)}" for name, errors in form.errors.items()))
    told = form.cleaned_data
    left = objections.answer(
        _objection(pk), finding=Finding(told["finding"]), outcome=told["outcome"], by=request.actor, now=timezone.now()
    )
    messages.success(request, "已答复。请把结果告诉提出异议的人。")
    for sentence in left:
        messages.warning(request, sentence)
    return redirect("objection_detail", pk)


@command(can=P.OBJECTION_HANDLE)
def objection_appeal(request: HttpRequest, pk: int) -> HttpResponse:
    note, today = request.POST.get("note", ""), timezone.localdate()
    held = objections.appeal(_objection(pk), note=note, by=request.actor, today=today)
    messages.info(request, f"已转{objections.office_named(held.path)}办理。")
    return redirect("objection_detail", pk)


@command(can=P.OBJECTION_HANDLE)
def objection_close(request: HttpRequest, pk: int) -> HttpResponse:
    objections.close(_objection(pk), by=request.actor)
    messages.success(request, "已办结。")
    return redirect("objection_detail", pk)


@command(can=P.OBJECTION_HANDLE)
def objection_contact(request: HttpRequest, pk: int) -> HttpResponse:
    found = _objection(pk)
    return reveal(request, found, what="contact", label="联系方式", value=found.contact)
