"""两后生名册: finding them, the list with steps for all that it finds, one person's study and employment file."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases import crypto
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import HOME, current_scope
from aidcases.web import PERSONAL, command, page, paginate, saw
from students.filters import EXPIRED, searched
from students.models import Student
from students.views.secrets import hidden, masked_fact, reveal
from subsidies.models import FollowUp, Trainee
from subsidies.views.giving.common import valid
from subsidies.views.vocational.common import LIGHT, TONES, homes, tabs, year_of, years
from subsidies.vocational import leavers, trainees
from subsidies.vocational.filters import TraineeFilter
from subsidies.vocational.forms import FOR_MANY, OF_STEP, ContactForm, PhoneForm

SECRET = (*LIGHT, "phone")


def _found(request: HttpRequest, year: int) -> TraineeFilter:
    told = request.GET.copy()
    told["year"] = str(year)
    return TraineeFilter(told, Trainee.objects.all(), request=request, year=year)


@page(can=P.VOCATIONAL_VIEW)
def trainee_list(request: HttpRequest) -> HttpResponse:
    year = year_of(request)
    found = _found(request, year)
    rows = found.qs.select_related("student__person", "school", "left_school").defer(*SECRET)
    shown = paginate(rows.order_by("home_path", "pk"), request)
    where = homes(shown)
    writes = request.actor.may(P.VOCATIONAL_WRITE)
    context = {
        **years(request, year, "trainee_list"),
        "tabs": tabs(request, year),
        "found": found,
        "page": shown,
        "rows": [{"trainee": row, "home": where[row.pk], "tone": TONES[row.state]} for row in shown],
        "narrowed": bool(set(request.GET) - {"year", "page", "term"}),
        "expired": EXPIRED,
        "may_find": writes and leavers.may_find(),
        "steps": _for_many(request) if writes else [],
        "clear_url": f"{reverse('trainee_list')}?year={year}",
    }
    return render(request, "subsidies/vocational/trainee_list.html", context)


def _for_many(request: HttpRequest) -> list[dict[str, Any]]:
    """Steps for all that the filter finds; a school's office has those that are not the home's."""
    at_home = HOME in current_scope().sides
    query = request.GET.urlencode()
    return [
        {
            "label": Trainee.FLOW[name].label, "form": OF_STEP[name](initial=_days(), auto_id=f"{name}_%s"),
            "url": f"{reverse('trainee_bulk', args=[name])}?{query}",
        }
        for name in FOR_MANY
        if at_home or not trainees.STEPS[name].at_home
    ]  # fmt: skip


def _days() -> dict[str, Any]:
    """Most steps are noted on their day."""
    return dict.fromkeys(("from_on", "finished_on", "outcome_on"), timezone.localdate())


@command(can=P.VOCATIONAL_VIEW)
def trainee_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "trainee_list", TraineeFilter)


@command(can=P.VOCATIONAL_WRITE)
def trainee_bulk(request: HttpRequest, code: str) -> HttpResponse:
    """One step for everybody the list's filter finds."""
    if code not in FOR_MANY:
        raise Refused("没有这一步。")
    found = _found(request, year_of(request))
    if found.expired:
        raise Refused(EXPIRED)
    if found.errors:  # what cannot be read filters nothing: the step would be made on everybody
        raise Refused("筛选条件有误，请重新筛选。")
    said = valid(OF_STEP[code](request.POST))
    done = trainees.step(found.qs.order_by(), code, by=request.actor, today=timezone.localdate(), **said)
    label = Trainee.FLOW[code].label
    messages.success(request, f"{label}：已办 {done.moved} 人。") if done.moved else None
    for reason, count in done.reasons.items():
        messages.warning(request, f"{label}：{count} 人没有办，{reason}。")
    return redirect(f"{reverse('trainee_list')}?{request.GET.urlencode()}")


# --- finding them --------------------------------------------------------------------------------------------------


@page(can=P.VOCATIONAL_WRITE)
def trainee_find(request: HttpRequest) -> HttpResponse:
    year = year_of(request)
    looked = leavers.look(year)
    blocked = "" if looked["begun"] else leavers.NO_ROLL.format(year=year, next=year + 1)
    context = {
        **years(request, year, "trainee_find"),
        "tabs": tabs(request, year),
        "looked": looked,
        "to_add": looked["found"] + looked["found_again"],
        "blocked": blocked if leavers.may_find() else leavers.BY_COUNTY,
        "ages": f"{leavers.YOUNGEST}—{leavers.OLDEST}",
    }
    return render(request, "subsidies/vocational/trainee_find.html", context)


@command(can=P.VOCATIONAL_WRITE)
def trainee_run(request: HttpRequest) -> HttpResponse:
    year = year_of(request)
    made = leavers.find(year, by=request.actor)
    messages.success(request, f"新登记 {made} 人，请逐一联系。" if made else "没有新的两后生，名册没有变。")
    return redirect(f"{reverse('trainee_list')}?year={year}&state=to_contact")


# --- one person ----------------------------------------------------------------------------------------------------


def _trainee(pk: int) -> Trainee:
    rows = Trainee.objects.select_related("student__person", "school", "left_school")
    return get_object_or_404(rows.defer(*LIGHT), pk=pk)


@page(can=P.VOCATIONAL_VIEW, reads=PERSONAL)
def trainee_detail(request: HttpRequest, pk: int) -> HttpResponse:
    trainee, today = _trainee(pk), timezone.localdate()
    saw(request, "students.student", [trainee.student_id])
    writes = request.actor.may(P.VOCATIONAL_WRITE)
    calls = FollowUp.objects.filter(student=trainee.student_id).select_related("school").order_by("year", "number")
    context = {
        "trainee": trainee,
        "person": trainee.student.person,
        "tone": TONES[trainee.state],
        "tabs": tabs(request, trainee.year),
        "about": _about(request, trainee),
        "remark": trainee.remark if current_scope().covers(trainee.home_path, HOME) else "",
        "opens": Student.objects.filter(pk=trainee.student_id).exists(),
        "events": [
            {"on": each.contacted_on, "title": f"{each.get_way_display()}（{each.who}）", "text": each.note, "by": each.made_by}
            for each in trainee.contacts.all()
        ],
        "calls": [{"call": call, "tone": TONES[call.state]} for call in calls],
        "steps": _steps(trainee) if writes else [],
        "contact_form": ContactForm(initial={"contacted_on": today}, auto_id="contact_%s") if writes else None,
        "phone_form": PhoneForm(auto_id="phone_%s") if writes else None,
    }
    return render(request, "subsidies/vocational/trainee_detail.html", context)


def _about(request: HttpRequest, trainee: Trainee) -> list[dict[str, Any]]:
    person = trainee.student.person
    phone = crypto.mask_phone(trainee.phone) if trainee.phone else ""
    shown = masked_fact(request, trainee, "phone", "本人电话", phone)
    if not trainees.wrote_phone(trainee):
        shown.pop("reveal_url", None)
        shown["value"] = "由另一方登记" if phone else ""
    return [
        {"label": "性别", "value": person.sex},
        {"label": "出生日期", "value": f"{person.birth_on:%Y-%m-%d}" if person.birth_on else ""},
        {"label": "证件号码", "value": hidden(person.id_last4)},
        {"label": "家庭所在地", "value": homes([trainee])[trainee.pk]},
        {
            "label": "毕业学校",
            "value": f"{trainee.left_school.name}（{trainee.get_left_stage_display()}，{trainee.left_year} 年）",
        },
        {"label": "最近联系", "value": f"{trainee.contacted_on:%Y-%m-%d}" if trainee.contacted_on else "还没有联系过"},
        shown,
    ]


def _steps(trainee: Trainee) -> list[dict[str, Any]]:
    """What can be done now, in the order of the forms; steps of the home side's only there."""
    here = current_scope().covers(trainee.home_path, HOME)
    open_now = {move.name for move in Trainee.FLOW.open_from(trainee.state)}
    initial = _days() | {name: getattr(trainee, name) for name in ("employer", "post", "wage", "place", "onward")}
    return [
        {
            "name": name, "label": Trainee.FLOW[name].label, "form": form(initial=initial, auto_id=f"{name}_%s"),
            "url": reverse("trainee_step", args=[trainee.pk, name]),
        }
        for name, form in OF_STEP.items()
        if name in open_now and (here or not trainees.STEPS[name].at_home)
    ]  # fmt: skip


@command(can=P.VOCATIONAL_WRITE)
def trainee_step(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    trainee = _trainee(pk)
    if code not in OF_STEP:
        raise Refused("没有这一步。")
    said = valid(OF_STEP[code](request.POST))
    trainees.only(trainee, code, by=request.actor, today=timezone.localdate(), **said)
    messages.success(request, f"已{Trainee.FLOW[code].label}。")
    return redirect("trainee_detail", pk)


@command(can=P.VOCATIONAL_WRITE)
def trainee_contact(request: HttpRequest, pk: int) -> HttpResponse:
    trainee, said = _trainee(pk), valid(ContactForm(request.POST))
    trainees.contact(trainee, by=request.actor, today=timezone.localdate(), **said)
    messages.success(request, "已登记联系情况。")
    return redirect("trainee_detail", pk)


@command(can=P.VOCATIONAL_WRITE)
def trainee_phone(request: HttpRequest, pk: int) -> HttpResponse:
    trainee, said = _trainee(pk), valid(PhoneForm(request.POST))
    trainees.set_phone(trainee, said["phone"], by=request.actor)
    messages.success(request, "电话已保存。")
    return redirect("trainee_detail", pk)


@command(can=P.SECRET_REVEAL)
def trainee_reveal(request: HttpRequest, pk: int) -> HttpResponse:
    """The phone, for the side that wrote it down."""
    trainee = _trainee(pk)
    if not trainees.wrote_phone(trainee):
        raise Refused("这个号码由另一方登记，请向他们了解。")
    return reveal(request, trainee, what="phone", label="本人电话", value=trainee.phone)
