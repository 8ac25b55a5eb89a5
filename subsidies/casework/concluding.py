"""认定为不困难: the school's own end of an application, told to the family with the reason and its right to appeal. No
notice names the child; the level counts like any other (it sets back who was aided last term)."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from aidcases.flow import Refused
from aidcases.terms import Term
from students.models import Enrolment
from subsidies.actions import determine
from subsidies.casework import anew
from subsidies.enums import DeterminedBy, Level
from subsidies.models import Application, Meeting
from subsidies.models.applications import ApplicationState

BASIS = "学校评审认定为不困难"
REASON = "经学校评审小组评议，按本学期评分指标未达到困难等级。"
CHANGED = "有学生的学籍刚刚变动，请刷新页面再办。"


def determined(pks: Collection[int]) -> None:
    """The concluded applications' determinations; their students are computed anew. Raises Refused."""
    mine = Application.objects.filter(pk__in=pks)
    for code in mine.order_by().values_list("term", flat=True).distinct():
        students = list(mine.filter(term=code).order_by().values_list("student", flat=True))
        term = Term.parse(code)
        enrolled = Enrolment.objects.in_term(term).filter(student__in=students)
        written = determine(enrolled, level=Level.NONE, source=DeterminedBy.APPLICATION, basis=BASIS)
        if written != len(students):
            raise Refused(CHANGED)
        anew.determined(students, term)


def waiting(meeting: Meeting) -> QuerySet[Application]:
    """Passed by the meeting as 不困难, and not yet told."""
    return _of(meeting).filter(state=ApplicationState.PANEL_REVIEWED, level=Level.NONE)


def concluded(meeting: Meeting) -> QuerySet[Application]:
    """Those of the meeting whose families are told so."""
    return _of(meeting).filter(state=ApplicationState.NOT_HARD)


def _of(meeting: Meeting) -> QuerySet[Application]:
    confirmed = meeting.assessments.exclude(confirmed_at=None).order_by()
    return Application.objects.filter(pk__in=confirmed.values("application"))
