"""群众反映 inside: the list, one tip, its answer; supervisors; what the survey says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases import crypto
from aidcases.flow import Refused
from aidcases.models import Membership, Organisation, User
from aidcases.roles import OfficeKind, P
from aidcases.scoping import OFFICE, current_scope
from aidcases.web import chosen_term, command, page, paginate
from dropout import asking, public, tips
from dropout.careforms import day
from dropout.enums import Answerer, Score, TaskState, Wish
from dropout.forms import read_day
from dropout.models import Supervisor, SurveyAnswer, Tip
from students.places import Places
from students.views.secrets import reveal

TABS = ((TaskState.OPEN, "待办理"), (TaskState.DONE, "已答复"), (TaskState.CLOSED, "已办结"))
TONES = {TaskState.OPEN: "warn", TaskState.DONE: "info", TaskState.CLOSED: "good"}
HIDDEN = "加密保存"


class SupervisorForm(forms.Form):
    """Somebody to be appointed; all but the telephone of their own becomes public."""

    name = forms.CharField(label="姓名", max_length=60)
    duty = forms.CharField(label="身份", max_length=60, help_text="例如：县人大代表、家长代表、退休教师。")
    hotline = forms.CharField(
        label="监督电话", max_length=60, help_text="单位的办公电话，对外公布，例如 0931-5221234。"
    )
    phone = forms.CharField(
        label="本人电话", max_length=20, required=False, help_text="不公布，加密保存。",
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )  # fmt: skip
    from_on = forms.DateField(label="聘任日期", widget=day())


def _row(tip: Tip, today: Any) -> dict[str, Any]:
    late = tip.state == TaskState.OPEN and tip.due_on < today
    return {"tip": tip, "late": late, "days": (today - tip.due_on).days, "tone": TONES[TaskState(tip.state)]}


@page(can=P.CARE_VIEW)
def tip_list(request: HttpRequest) -> HttpResponse:
    """Of the own area, what is overdue first; what was said is read on the tip's own page, on record."""
    today = timezone.localdate()
    wanted = next((state for state, _ in TABS if state == request.GET.get("state")), TaskState.OPEN)
    shown = paginate(asking.ordered(tips.rows().filter(state=wanted), today), request)
    places = Places(tip.path for tip in shown)
    context = {
        "page": shown,
        "rows": [{**_row(tip, today), "place": places.label(tip.path)} for tip in shown],
        "tabs": [{"label": label, "url": f"?state={state.value}", "active": state == wanted} for state, label in TABS],
        "public_url": _public_url(request),
        "handles": request.actor.may(P.TIP_HANDLE),
    }
    return render(request, "dropout/tip_list.html", context)


def _public_url(request: HttpRequest) -> str:
    """The county's own form, to be handed round; "" for other offices."""
    office = request.membership.organisation
    return request.build_absolute_uri(f"/tips/{office.region_id}/") if office.kind == OfficeKind.COUNTY else ""


def _tip(pk: int) -> Tip:
    return get_object_or_404(
        Tip.objects.select_related("case__student__person").defer("case__student__person__id_number"), pk=pk
    )


@page(can=P.CARE_VIEW)
def tip_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, _tip(pk))


# Inputs of the page's forms: those there while the tip is open, and the one there afterwards.
OPEN, DONE = ("owner", "child", "answer", "reply"), ("note",)


def _detail(request: HttpRequest, found: Tip, refused: Refused | None = None) -> HttpResponse:
    """`refused`: why what the request holds was not taken; it stands in its form again."""
    ours = request.actor.may(P.TIP_HANDLE) and current_scope().covers(found.path, OFFICE)
    office = Organisation.objects.filter(path=found.path, kind=OfficeKind.COUNTY).first()
    held = Membership.objects.filter(organisation=office, user__is_active=True).values("user") if ours else None
    people = User.objects.filter(pk__in=held) if office and held is not None else []
    gone = DONE if found.state == TaskState.OPEN else OPEN
    context = {
        **_row(found, timezone.localdate()),
        "ours": ours,
        "people": sorted({str(person) for person in people}),
        "ticket": public.shown(found.ticket),
        "text": f"{HIDDEN}（{len(found.text or '')} 个字）" if found.text else "",
        "contact": crypto.mask_phone(found.contact) if found.contact else "",
        "reveals": request.actor.may(P.SECRET_REVEAL) and current_scope().covers(found.path, OFFICE),
        "sees_case": request.actor.may(P.DROPOUT_VIEW),
        "typed": {name: request.POST.get(name, "") for name in (*OPEN, *DONE)},
        "lost": [request.POST[name] for name in gone if request.POST.get(name)],
        "problems": refused.reasons if refused else (),
    }
    return render(request, "dropout/tip_detail.html", context, status=422 if refused else 200)


@command(can=P.SECRET_REVEAL)
def tip_reveal(request: HttpRequest, pk: int) -> HttpResponse:
    """?what=text or contact."""
    found, what = _tip(pk), request.GET.get("what", "")
    if not current_scope().covers(found.path, OFFICE):
        raise Refused(tips.NOT_YOURS)
    label, value = ("联系方式", found.contact) if what == "contact" else ("反映内容", found.text)
    return reveal(request, found, what=what if what == "contact" else "text", label=label, value=value)


def _handled(request: HttpRequest, pk: int, act: Callable[[Tip], str]) -> HttpResponse:
    """`act` on the tip, which returns what to say of it; refused, the page with what was typed."""
    try:
        messages.success(request, act(_tip(pk)))
    except Refused as refused:
        return _detail(request, _tip(pk), refused)
    return redirect("tip_detail", pk)


@command(can=P.TIP_HANDLE)
def tip_assign(request: HttpRequest, pk: int) -> HttpResponse:
    def act(tip: Tip) -> str:
        held = tips.assign(tip, owner=request.POST.get("owner", ""), by=request.actor)
        return f"已指定 {held.owner} 办理。"

    return _handled(request, pk, act)


@command(can=P.TIP_HANDLE)
def tip_case(request: HttpRequest, pk: int) -> HttpResponse:
    """A case of the child named in `child`, a whole name or identity number."""

    def act(tip: Tip) -> str:
        child, today = tips.meant(request.POST.get("child", "")), timezone.localdate()
        made = tips.open_case(tip, child, term=chosen_term(request), by=request.actor, today=today)
        return f"{child.person.name}的案件：{made.get_state_display()}。"

    return _handled(request, pk, act)


@command(can=P.TIP_HANDLE)
def tip_answer(request: HttpRequest, pk: int) -> HttpResponse:
    told = {"text": request.POST.get("answer", ""), "reply": request.POST.get("reply", "")}

    def act(tip: Tip) -> str:
        tips.answer(tip, **told, by=request.actor, today=timezone.localdate())
        return "已答复。反映人凭查询码可以看到。"

    return _handled(request, pk, act)


@command(can=P.TIP_HANDLE)
def tip_close(request: HttpRequest, pk: int) -> HttpResponse:
    tips.close(_tip(pk), by=request.actor)
    messages.success(request, "已办结。")
    return redirect("tip_detail", pk)


@command(can=P.TIP_HANDLE)
def tip_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    def act(tip: Tip) -> str:
        held = tips.reopen(tip, note=request.POST.get("note", ""), by=request.actor, today=timezone.localdate())
        return f"已重新办理，请在 {held.due_on:%Y-%m-%d} 前答复。"

    return _handled(request, pk, act)


# --- supervisors ---------------------------------------------------------------------------------------------------


@page(can=P.CARE_VIEW)
def supervisor_list(request: HttpRequest) -> HttpResponse:
    form = SupervisorForm(initial={"from_on": timezone.localdate()}) if request.actor.may(P.TIP_HANDLE) else None
    return _supervisors(request, form, 200)


def _supervisors(request: HttpRequest, form: SupervisorForm | None, status: int) -> HttpResponse:
    shown = paginate(Supervisor.objects.order_by("ended_on", "path", "pk"), request)
    places = Places(row.path for row in shown)
    rows = [
        {
            "supervisor": row, "place": places.label(row.path),
            "phone": crypto.mask_phone(row.phone) if row.phone else "",
            "ours": request.actor.may(P.TIP_HANDLE) and current_scope().covers(row.path, OFFICE),
        }
        for row in shown
    ]  # fmt: skip
    reveals = request.actor.may(P.SECRET_REVEAL)
    context = {"page": shown, "rows": rows, "form": form, "today": timezone.localdate(), "reveals": reveals}
    return render(request, "dropout/supervisor_list.html", context, status=status)


@command(can=P.TIP_HANDLE)
def supervisor_appoint(request: HttpRequest) -> HttpResponse:
    form = SupervisorForm(request.POST)
    if not form.is_valid():
        return _supervisors(request, form, 422)
    made = tips.appoint(form.cleaned_data, by=request.actor, today=timezone.localdate())
    messages.success(request, f"已聘任 {made.name}，公开页面 5 分钟内更新。")
    return redirect("supervisor_list")


@command(can=P.TIP_HANDLE)
def supervisor_end(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Supervisor, pk=pk)
    last = read_day(request.POST.get("ended_on", ""), "结束日期")
    tips.dismiss(found, ended_on=last, by=request.actor)
    messages.success(request, "聘任已结束。")
    return redirect("supervisor_list")


@command(can=P.SECRET_REVEAL)
def supervisor_reveal(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Supervisor, pk=pk)
    if not current_scope().covers(found.path, OFFICE):
        raise Refused("由聘任的单位查看。")
    return reveal(request, found, what="phone", label="本人电话", value=found.phone)


# --- survey --------------------------------------------------------------------------------------------------------


@page(can=P.CARE_VIEW)
def survey_results(request: HttpRequest) -> HttpResponse:
    """Counts of a school year in the own area, small ones hidden."""
    years = list(SurveyAnswer.objects.order_by("-year").values_list("year", flat=True).distinct()[:10])
    asked = request.GET.get("year", "")
    wanted = (
        int(asked)
        if asked.isdecimal() and len(asked) == 4 and int(asked) in years
        else next(iter(years), public.school_year(timezone.localdate()))
    )
    found = public.results(wanted)
    context = {
        "found": found,
        "label": f"{wanted}—{wanted + 1}学年",
        "tabs": [{"label": f"{y}—{y + 1}学年", "url": f"?year={y}", "active": y == wanted} for y in years],
        "chart": _chart(found) if found.enough else None,
        "wishes": [(label, found.wishes[wish]) for wish, label in Wish.choices],
        "small": public.SMALL,
        "public_url": _public_url(request).replace("/tips/", "/survey/"),
    }
    return render(request, "dropout/survey_results.html", context)


def _chart(found: public.Results) -> dict[str, Any]:
    rows = [
        {"label": label, "url": None, "values": [found.by_who[who, score] for score in Score.values]}
        for who, label in Answerer.choices
    ]
    return {
        "kind": "stacked", "title": "控辍保学和学生资助工作满意度", "unit": "份", "head": "身份", "columns": list(Score.labels),
        "rows": rows, "target": None, "target_label": "",
    }  # fmt: skip
