"""申诉成立: a family's appeal that is upheld sends the application back to where it is decided anew. The level that counts stays
until the new decision (domain.md: only a decided application sets a determination); everybody sees what is next."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from django.urls import reverse

from aidcases.flow import Refused
from aidcases.inbox import Task
from aidcases.models import Organisation
from aidcases.roles import OfficeKind, P
from aidcases.scoping import Actor
from subsidies.casework import applying, objections
from subsidies.casework.classlist import in_a_school
from subsidies.models import Application, Letter
from subsidies.models.applications import ApplicationState
from subsidies.models.letters import LetterKind

S = ApplicationState
# Of what was decided → the step that has it decided anew.
BACK = {S.NOT_HARD: "return_panel", S.REJECTED: "reopen", S.CANCELLED: "reassess"}
BEGINS = {S.NOT_HARD: "退回学校评审小组重新评议", S.REJECTED: "退回学校重新填报", S.CANCELLED: "退回学校重新填报"}
KEY = "appeal.again"
WORKING_DAYS = 10  # no rule names a number: as many as an application may wait at the county
ASKED = "请选择申诉是否成立。"
ELSEWHERE = "这项决定已经改变，或者不由本单位作出，请刷新页面再办。"
NEXT = {
    S.DRAFT: "学校修改申请表，再提交。",
    S.SUBMITTED: "学校召开评审会议，重新评议。",
    S.PANEL_REVIEWED: "学校公示新的结果；仍为不困难的，由学校告知家庭。",
    S.IN_NOTICE: "公示期满后，学校上报。",
    S.NOTICE_CLOSED: "学校上报县学生资助管理中心。",
    S.COUNTY_REVIEW: "县学生资助管理中心初核、批准。",
}


def contested(letter: Letter) -> Application | None:
    """The application whose decision the letter appeals against and the own office can have decided anew; a county's
    decision not by a school."""
    if letter.kind != LetterKind.APPEAL or letter.application_id is None:
        return None
    rows = applying.of_school_side(Application.objects.filter(pk=letter.application_id, state__in=list(BACK)))
    rows = rows.filter(state=S.NOT_HARD) if in_a_school() else rows
    return rows.first()


def send_back(letter: Letter, *, by: Actor, note: str) -> None:
    """The step that follows from an upheld appeal, whatever else the role may do. Raises Refused."""
    if (found := contested(letter)) is None:
        raise Refused(ELSEWHERE)
    why = f"申诉成立：{note.strip()}"[:200]
    rows = Application.objects.filter(pk=found.pk)
    applying.move(rows, BACK[S(found.state)], by=replace(by, all_powers=True), note=why).or_refuse()
    rows.update(returned_why=why)


def following(letter: Letter) -> str:
    """What is next after an upheld appeal, in a sentence; "" where there is none, or it was decided anew."""
    if not letter.upheld:
        return ""
    state = Application.objects.filter(pk=letter.application_id).values_list("state", flat=True).first()
    return NEXT.get(S(state), "") if state else ""


def tasks() -> list[Task]:
    """Of the schools: whom to assess anew, as long as the panel has not."""
    waiting = (S.DRAFT, S.SUBMITTED)
    rows = list(Letter.objects.filter(upheld=True, application__state__in=waiting).select_related("application"))
    paths = {row.application.school_path for row in rows if row.application}
    known = {o.path: o for o in Organisation.objects.filter(path__in=paths, kind=OfficeKind.SCHOOL)}
    return [
        _task(row, row.application, known[row.application.school_path])
        for row in rows
        if row.application and row.application.school_path in known
    ]


def _task(letter: Letter, application: Application, office: Organisation) -> Task:
    due: date = objections.due(letter.answered_on or letter.received_on, WORKING_DAYS)
    url = reverse("application_detail", args=[application.pk])
    return Task(office, KEY, f"家庭申诉成立，请重新评审：{letter.subject}", url, due, letter, P.PANEL_RUN)
