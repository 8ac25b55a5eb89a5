"""A visit from the door: the form on a phone, what is typed kept every few seconds, sent once; its photos."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases import files
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import Actor
from aidcases.web import PERSONAL, command, page, saw
from dropout import visits
from dropout.forms import VisitForm, now_local
from dropout.models import DropoutCase, Visit
from dropout.views.cases import case_in_sight
from dropout.visits import Said

JSON = "application/json"


def visits_part(case: DropoutCase, actor: Actor) -> dict[str, Any]:
    """The visits themselves come with the page."""
    return {"may_write": actor.may(P.DROPOUT_WRITE), "draft": visits.draft_of(case, actor)}


@page(can=P.DROPOUT_WRITE, reads=PERSONAL)
def visit_new(request: HttpRequest, pk: int) -> HttpResponse:
    case = case_in_sight(pk)
    saw(request, "dropout.dropoutcase", [pk])
    draft = visits.draft_of(case, request.actor)
    key, typed, saved_at = draft or (uuid.uuid4(), {}, None)
    initial = {"visited_at": now_local(), "kind": "home", "people": request.actor.name, **typed}
    form = VisitForm(initial=initial)
    return render(request, "dropout/visit_new.html", _context(request, case, form, str(key), saved_at))


def _context(request: HttpRequest, case: DropoutCase, form: VisitForm, key: str, saved_at: Any) -> dict[str, Any]:
    slot, seal = visits.browser_key(case, request.actor)
    return {
        "case": case,
        "person": case.student.person,
        "form": form,
        "key": key,
        "saved_at": saved_at,
        "slot": slot,
        "seal": seal,
        "most": visits.MOST_PHOTOS,
    }


def _key(request: HttpRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get("key", ""))
    except ValueError:
        raise Refused("页面不完整，请重新打开再填。") from None


def _asks_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "") == JSON


@command(can=P.DROPOUT_WRITE)
def visit_send(request: HttpRequest, pk: int) -> HttpResponse:
    """The visit with its photos; sent again it is the same one. The page's script asks for JSON."""
    case, form = case_in_sight(pk), VisitForm(request.POST)
    if not form.is_valid():
        if _asks_json(request):
            return JsonResponse({"errors": {name: told[0] for name, told in form.errors.items()}}, status=422)
        return _again(request, case, form)
    photos = request.FILES.getlist("photos")
    try:
        made = visits.record(
            case, Said(**form.cleaned_data), key=_key(request), by=request.actor, now=timezone.now(), photos=photos
        )
    except Refused as refused:
        if _asks_json(request):
            return JsonResponse({"refused": refused.reasons}, status=422)
        form.add_error(None, refused.reasons)
        return _again(request, case, form)
    messages.success(request, f"已登记第 {made.number} 次走访。")
    return JsonResponse({"url": _home(pk)}) if _asks_json(request) else redirect(_home(pk))


def _again(request: HttpRequest, case: DropoutCase, form: VisitForm) -> HttpResponse:
    """The page with what was typed; photos have to be chosen again. Without a key of its own it gets one."""
    try:
        key = _key(request)
    except Refused:
        key = uuid.uuid4()
    return render(request, "dropout/visit_new.html", _context(request, case, form, str(key), None), status=422)


def _home(pk: int) -> str:
    return f"{reverse('case_detail', args=[pk])}#visits"


@command(can=P.DROPOUT_WRITE)
def visit_draft(request: HttpRequest, pk: int) -> HttpResponse:
    """Every few seconds from the page: keeps what is typed; drop=1 forgets it. Answers in JSON; {"url"} says that this visit
    has been sent already."""
    case = get_object_or_404(DropoutCase.objects.filter(pk=pk))
    if request.POST.get("drop"):
        visits.drop_draft(case, by=request.actor)
        return JsonResponse({"at": ""}) if _asks_json(request) else redirect("visit_new", pk)
    typed = {name: request.POST.get(name, "") for name in VisitForm.base_fields}
    now = timezone.now()
    try:
        sent = visits.keep_draft(case, typed, key=_key(request), by=request.actor, now=now)
    except Refused as refused:
        return JsonResponse({"refused": refused.reasons}, status=422)
    if sent:
        return JsonResponse({"url": _home(pk)})
    return JsonResponse({"at": f"{timezone.localtime(now):%H:%M:%S}"})


@page(can=P.DROPOUT_VIEW)
def visit_photo(request: HttpRequest, pk: int, key: int) -> HttpResponse:
    """A photo (key) of a visit (pk) whose case is in sight."""
    visit = get_object_or_404(Visit, pk=pk, case__in=DropoutCase.objects.values("pk"))
    if (found := visits.photos_of([visit.pk]).filter(pk=key).first()) is None:
        raise Http404
    return files.response(found)
