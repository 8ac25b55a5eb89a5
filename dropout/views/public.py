"""Pages anybody may open: a county's tip form and replies, its supervisors, the survey. No sign-in, no trace of who came,
not indexed; nothing in them is about a child."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from aidcases import strangers
from aidcases.flow import Refused
from aidcases.scoping import acting_in
from aidcases.web import PUBLIC, command, page
from dropout import drawing, public
from dropout.enums import Answerer, Score, Wish

TOO_MANY = "您提交得太频繁，请一小时后再试。"
KEPT = 300  # seconds a browser may keep the list of supervisors
YEAR = 366 * 24 * 3600


class _Open(forms.Form):
    """`website` is for machines: people never see it."""

    website = forms.CharField(required=False, widget=forms.TextInput(attrs={"tabindex": "-1", "autocomplete": "off"}))


class TipForm(_Open):
    text = forms.CharField(
        label="您要反映的情况", min_length=public.SHORTEST, max_length=public.LONGEST,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="请写清楚孩子是谁、在哪里（乡镇、村、学校）、怎么没有上学。内容加密保存，只有办理的人看得到。",
    )  # fmt: skip
    contact = forms.CharField(label="您的联系方式（可不填）", required=False, max_length=100)


class SurveyForm(_Open):
    who = forms.ChoiceField(label="您是", choices=Answerer.choices, widget=forms.RadioSelect)
    score = forms.TypedChoiceField(
        label="您对本县控辍保学和学生资助工作满意吗", choices=Score.choices, coerce=int, widget=forms.RadioSelect
    )
    wish = forms.ChoiceField(label="您最希望改进什么", choices=Wish.choices, widget=forms.RadioSelect)


def _county(code: str) -> public.County:
    if (found := public.county(code)) is None:
        raise Http404
    return found


def _shown(request: HttpRequest, name: str, at: public.County, status: int = 200, **told: Any) -> HttpResponse:
    """Never kept, never indexed."""
    response = render(request, name, {"county": at, "problems": [], **told}, status=status)
    response["Cache-Control"], response["X-Robots-Tag"] = "no-store", "noindex, nofollow"
    return response


def _may(request: HttpRequest, what: str, at: public.County) -> bool:
    return strangers.allowed(what, request, at.path, public.A_HOUR[what])


# --- tips ----------------------------------------------------------------------------------------------------------


@page(can=PUBLIC)
def tip_new(request: HttpRequest, code: str) -> HttpResponse:
    return _shown(request, "dropout/public_tip.html", _county(code), form=TipForm(), sent=None)


@command(can=PUBLIC)
def tip_send(request: HttpRequest, code: str) -> HttpResponse:
    """Sealed, with a ticket; or the form again with what to mend. A machine is thanked and forgotten."""
    at, form = _county(code), TipForm(request.POST)
    if not form.is_valid():
        return _shown(request, "dropout/public_tip.html", at, 422, form=form, sent=None)
    if form.cleaned_data["website"]:
        return _shown(request, "dropout/public_tip.html", at, form=form, sent={"ticket": "", "due_on": None})
    if not _may(request, "tip", at):
        return _shown(request, "dropout/public_tip.html", at, 429, form=form, sent=None, problems=[TOO_MANY])
    told = form.cleaned_data
    with acting_in(at.scope, public.PUBLIC):
        made = public.send_tip(at, text=told["text"], contact=told["contact"], today=timezone.localdate())
    sent = {"ticket": public.shown(made.ticket), "due_on": made.due_on}
    return _shown(request, "dropout/public_tip.html", at, form=form, sent=sent)


@page(can=PUBLIC)
def tip_ask(request: HttpRequest, code: str) -> HttpResponse:
    return _shown(request, "dropout/public_reply.html", _county(code), found=None)


@command(can=PUBLIC)
def tip_reply(request: HttpRequest, code: str) -> HttpResponse:
    """The ticket is posted: it stands in no address."""
    at = _county(code)
    if not _may(request, "ticket", at):
        return _shown(request, "dropout/public_reply.html", at, 429, found=None, problems=[TOO_MANY])
    with acting_in(at.scope, public.PUBLIC):
        found = public.reply_to(request.POST.get("ticket", "")[:40])
    if found is None:
        return _shown(
            request, "dropout/public_reply.html", at, 404, found=None, problems=["没有这个查询码，请核对后再试。"]
        )
    return _shown(request, "dropout/public_reply.html", at, found=found)


# --- supervisors ---------------------------------------------------------------------------------------------------


@page(can=PUBLIC)
def supervisors_public(request: HttpRequest, code: str) -> HttpResponse:
    at = _county(code)
    with acting_in(at.scope, public.PUBLIC):
        rows, draws = public.supervisors(timezone.localdate()), public.draws()
    response = _shown(request, "dropout/public_supervisors.html", at, rows=rows, draws=draws, rule=drawing.RULE)
    response["Cache-Control"] = f"public, max-age={KEPT}"
    return response


# --- survey --------------------------------------------------------------------------------------------------------


def _cookie(at: public.County, year: int) -> str:
    return f"survey_{at.code}_{year}"


def _answered(request: HttpRequest, at: public.County, year: int) -> bool:
    return request.get_signed_cookie(_cookie(at, year), default="", salt="survey") == "1"


@page(can=PUBLIC)
def survey_new(request: HttpRequest, code: str) -> HttpResponse:
    at, year = _county(code), public.school_year(timezone.localdate())
    return _survey(request, at, year, form=SurveyForm())


def _survey(request: HttpRequest, at: public.County, year: int, status: int = 200, **told: Any) -> HttpResponse:
    told = {"answered": _answered(request, at, year), "label": f"{year}—{year + 1}学年", **told}
    return _shown(request, "dropout/public_survey.html", at, status, **told)


@command(can=PUBLIC)
def survey_send(request: HttpRequest, code: str) -> HttpResponse:
    """One answer of a browser a year: the signed cookie says only that one was given."""
    at, today, form = _county(code), timezone.localdate(), SurveyForm(request.POST)
    year = public.school_year(today)
    if _answered(request, at, year):
        return _survey(request, at, year, form=form)
    if not form.is_valid():
        return _survey(request, at, year, 422, form=form)
    told = dict(form.cleaned_data)
    if told.pop("website"):
        return _survey(request, at, year, form=form, answered=True)
    if not _may(request, "survey", at):
        return _survey(request, at, year, 429, form=form, problems=[TOO_MANY])
    try:
        with acting_in(at.scope, public.PUBLIC):
            public.vote(at, **told, today=today)
    except Refused as refused:
        return _survey(request, at, year, 422, form=form, problems=refused.reasons)
    response = _survey(request, at, year, form=form, answered=True)
    response.set_signed_cookie(
        _cookie(at, year), "1", salt="survey", max_age=YEAR, httponly=True, samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )  # fmt: skip
    return response
