"""告知书 to families: what was decided on their application, why, and how to appeal. One page each, to be signed for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from aidcases.flow import Refused
from aidcases.paper import Printed, print_pdf
from aidcases.terms import Term
from students.models import Enrolment
from subsidies.casework import approvals, letters
from subsidies.models import Application
from subsidies.models.applications import ApplicationState
from subsidies.models.letters import LetterKind

TITLES = {ApplicationState.CANCELLED: "取消资格告知书", ApplicationState.NOT_HARD: "认定结果告知书"}
_DECIDED = {
    ApplicationState.CANCELLED: "{place} 的 {name} 同学，{term} 家庭经济困难学生认定（{number}，认定等级：{level}）现予取消。",
    ApplicationState.NOT_HARD: "{place} 的 {name} 同学，{term} 申请家庭经济困难学生认定，经学校评审小组评议，认定等级为“不困难”。"
    "本结果不公示。",
}
_BECAUSE = {ApplicationState.CANCELLED: "取消原因：", ApplicationState.NOT_HARD: "原因："}
_MEANS = "从{term} 起，该同学按不困难重新测算应享受的资助；与困难认定无关的资助不受影响。"
_PAID = {ApplicationState.CANCELLED: "已经发放的，由学校另行通知。", ApplicationState.NOT_HARD: ""}
_WHERE = {
    ApplicationState.CANCELLED: "向发出本告知书的学生资助管理中心申诉，中心",
    ApplicationState.NOT_HARD: "向学校提出，也可以直接向县学生资助管理中心申诉，受理的单位",
}
_APPEAL = "对本决定有意见的，可以{where}自收到申诉之日起 {days} 个工作日内答复。家庭情况有变化的，可以重新申请认定。"


def print_told(found: Iterable[Application]) -> Printed:
    """For applications of one term that were all cancelled or all found not hard, with student__person, school and
    approval read. Raises Refused for none or others."""
    found = list(found)
    states = {ApplicationState(application.state) for application in found}
    if len(states) != 1 or not states <= set(TITLES):
        raise Refused("没有可以打印的告知书：取消资格和认定为不困难的才有。")
    [state] = states
    students = [application.student_id for application in found]
    enrolled = Enrolment.objects.filter(term=found[0].term, student__in=students).defer("phone")
    classes = {each.student_id: f"{each.grade_label} {each.class_name}" for each in enrolled}
    data = {
        "kind": "told",
        "title": TITLES[state],
        "office": approvals.current_office(),
        "letters": [_letter(application, state, classes.get(application.student_id, "")) for application in found],
    }
    return print_pdf(approvals.TEMPLATE, data)


def _letter(application: Application, state: ApplicationState, class_name: str) -> dict[str, Any]:
    name, term = application.student.person.name, Term.parse(application.term).label
    day = timezone.localdate(application.moved_at)
    place = f"{application.school.name} {class_name}".strip()
    said = {
        "place": place, "name": name, "term": term, "level": application.get_level_display(),
        "number": application.approval.number if application.approval else "",
    }  # fmt: skip
    return {
        "name": name,
        "day": f"{day.year}年{day.month}月{day.day}日",
        "text": [
            _DECIDED[state].format(**said),
            _BECAUSE[state] + application.returned_why,
            _MEANS.format(term=term) + _PAID[state],
            _APPEAL.format(where=_WHERE[state], days=letters.DAYS[LetterKind.APPEAL]),
        ],
    }
