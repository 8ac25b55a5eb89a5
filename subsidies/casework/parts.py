"""Parts of pages: an application's facts and next steps, its line on the student's page, the school's card at home."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from aidcases import crypto
from aidcases.roles import P
from aidcases.scoping import Actor
from aidcases.templatetags.aid import money
from aidcases.terms import chronological
from aidcases.web import chosen_term
from students.models import Student
from students.views.secrets import hidden, masked_fact
from subsidies.casework import classlist, form, refusing, responsible
from subsidies.casework.applying import ALSO
from subsidies.casework.windows import Windows
from subsidies.enums import Level
from subsidies.models import Application
from subsidies.models.applications import ApplicationState

# What stands in the dialog of a step: (title, what happens, label of the reason).
_STEPS = {
    "submit": ("提交这份申请？", "提交后进入评审；评审以前可以收回。", ""),
    "take_back": ("收回修改？", "收回后可以继续修改，再提交一次。", ""),
    "withdraw": ("撤回这份申请？", "本学期不再办理；以后可以重新填写。", "撤回原因"),
    "decline": ("家长放弃资助？", "请先打印“放弃说明”由家长签字，再在这里登记。以后可以重新申请。", "放弃原因"),
    "reopen": ("重新填写？", "以前填的内容都在，改好后再提交。", ""),
    "conclude": (
        "认定为不困难？", "不公示，也不上报；请打印告知书送达家庭。原来的资助从本学期起重新测算，家庭可以申诉。",
        "告诉家庭的原因",
    ),
    "return_panel": (
        "退回评审小组重新评议？", "家庭的申诉成立时用：另开会议重新评议；新的认定批准以前，仍按不困难测算。", "退回原因"
    ),
    "reassess": (
        "退回学校重新认定？", "由学校重新填报、评审、公示、上报；新的认定批准以前，原来的等级继续有效。", "家庭情况有什么变化"
    ),
}
_BAD = ("withdraw", "decline", "reassess", "conclude")


def moves(actor: Actor, application: Application) -> list[dict[str, Any]]:
    """The steps of a school (and the county's reassessment) that can be made from here by whoever acts."""
    flow = Application.FLOW
    names = [n for n in ("submit", *ALSO) if application.state in flow[n].sources and actor.may(flow[n].permission)]
    names = [n for n in names if _is_one(n, application)]
    return [{"name": n, "label": flow[n].label, "bad": n in _BAD, **_step(n, application)} for n in names]


def _is_one(name: str, application: Application) -> bool:
    """不困难 is a step for whom the panel found so; back to the panel from here goes only who was told that."""
    if name == "conclude":
        return application.level == Level.NONE
    return name != "return_panel" or application.state == ApplicationState.NOT_HARD


def _step(name: str, application: Application) -> dict[str, str]:
    title, text, reason = _STEPS[name]
    blocked = "申请表还没有填完整。" if name == "submit" and not application.complete else ""
    return {"title": title, "text": text, "reason": reason, "blocked": blocked}


def facts(request: HttpRequest, application: Application) -> list[dict[str, str]]:
    """The form as a list of names and values; numbers masked."""
    person = application.student.person
    rural = application.rural_hukou
    told = [
        {"label": "性别", "value": person.sex},
        {"label": "出生日期", "value": f"{person.birth_on:%Y-%m-%d}" if person.birth_on else ""},
        masked_fact(request, application.student, "id", "身份证号码", hidden(person.id_last4)),
        {"label": "籍贯", "value": application.native_place},
        {"label": "户口性质", "value": "" if rural is None else ("农村" if rural else "城镇")},
        {"label": "家庭人口", "value": f"{application.household_size} 人" if application.household_size else ""},
        masked_fact(request, application, "phone", "手机号码", crypto.mask_phone(application.phone or "")),
        masked_fact(request, application, "parent_phone", "家长手机号码", crypto.mask_phone(application.parent_phone or "")),
        {"label": "详细通讯地址", "value": application.address},
        {"label": "邮政编码", "value": application.postcode},
        {"label": "家庭人均年收入", "value": money(application.income_per_head)},
    ]  # fmt: skip
    for name in (*form.CIRCUMSTANCES, "late_reason"):
        if value := getattr(application, name):
            told.append({"label": str(Application._meta.get_field(name).verbose_name), "value": value})
    signed = application.promised_on
    return [*told, {"label": "承诺签字日期", "value": f"{signed:%Y-%m-%d}" if signed else ""}]


def student_panel(request: HttpRequest, student: Student) -> dict[str, Any]:
    """On the student's page: the application of every term in sight, who answers for the child, a way to begin one."""
    term = chosen_term(request)
    found = list(Application.objects.filter(student=student).defer("phone", "parent_phone").order_by(*chronological()))
    now = next((each for each in found if each.term == term.code), None)
    here = classlist.enrolled(term).filter(student=student)
    may = request.actor.may(P.APPLICATION_WRITE) and here.exists()
    begin = may and now is None
    return {
        "applications": found,
        "term": term,
        "student": student,
        "responsible": responsible.of(student.pk),
        "refusals": refusing.standing(student.pk, term),
        "refuse_url": reverse("refusal_detail", args=[student.pk]) if may else "",
        "begin_url": reverse("application_new", args=[student.pk]) if begin else "",
    }


def school_card(request: HttpRequest) -> dict[str, Any] | None:
    """Home card of who fills in applications: the window, and what waits."""
    term = chosen_term(request)
    if not classlist.in_a_school() or not (groups := classlist.overview(term)):
        return None
    window, today = Windows.read(term).of(request.membership.organisation.path), timezone.localdate()
    return {
        "term": term,
        "counts": classlist.totals(groups),
        "window": window,
        "state": window.state(today),
        "days_left": (window.closes_on - today).days,
    }
