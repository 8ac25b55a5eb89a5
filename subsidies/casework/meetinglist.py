"""The table of a meeting: the school's applications by class, with what their boxes suggest or what the meeting found."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

import django_filters
from django import forms
from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Subquery, When
from django.http import QueryDict

from students.enums import grade_label
from students.models import Enrolment
from subsidies.casework import assessing
from subsidies.casework.scoring import Index, Suggestion
from subsidies.enums import Level
from subsidies.models import Application, Assessment, Meeting
from subsidies.models.applications import Box

TODO, DONE = "todo", "done"
ALL = "全部"
ORDER = ("place_stage", "place_grade", "place_class", "pk")


class MeetingFilter(django_filters.FilterSet):
    """Of one tab: by class, group and (suggested) level."""

    tab = django_filters.CharFilter(widget=forms.HiddenInput, method="stay")  # the filter keeps to its tab
    place = django_filters.ChoiceFilter(label="年级、班级", empty_label=ALL, method="of_class")
    box = django_filters.ChoiceFilter(label="特殊群体类型", choices=Box.choices, empty_label=ALL, method="ticked")
    level = django_filters.ChoiceFilter(label="等级", choices=Level.choices, empty_label=ALL, method="of_level")

    class Meta:
        model = Application
        fields = ()

    def __init__(self, data: QueryDict, *, meeting: Meeting, tab: str, **kwargs: Any):
        self.meeting, self.tab = meeting, tab
        rows = assessing.waiting(meeting) if tab == TODO else assessing.looked_at(meeting)
        self.found = assessing.suggestions(Index.read(meeting.index), rows) if tab == TODO else {}
        super().__init__({**data.dict(), "tab": tab}, rows, **kwargs)
        self.filters["place"].extra["choices"] = _places(meeting, rows)
        self.filters["level"].label = "建议等级" if tab == TODO else "等级"

    def stay(self, rows: QuerySet, _name: str, _value: str) -> QuerySet:
        return rows

    def of_class(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        stage, grade, class_name = value.split("|", 2)
        here = Enrolment.objects.filter(school=self.meeting.panel.school_id, term=self.meeting.panel.term, stage=stage)
        here = here.filter(class_name=class_name, **({"grade": grade} if grade else {"grade__isnull": True}))
        return rows.filter(student__in=here.values("student"))

    def ticked(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(boxes__contains=[value])

    def of_level(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        if self.tab == DONE:
            given = assessing.given_by(self.meeting).filter(level=value)
            return rows.filter(pk__in=given.values("application"))
        wanted = [Q(boxes=list(boxes)) for boxes, suggestion in self.found.items() if suggestion.level == value]
        return rows.filter(reduce(or_, wanted)) if wanted else rows.none()

    def ordered(self) -> QuerySet[int]:
        """Keys in the order of the table: by class, or by level and rank."""
        if self.tab == TODO:
            return placed(self.qs, self.meeting).order_by(*ORDER).values_list("pk", flat=True)
        mine = assessing.given_by(self.meeting).filter(application=OuterRef("pk"))
        rows = self.qs.annotate(
            level_order=Subquery(mine.values(n=_LEVEL_ORDER)[:1]), rank_here=Subquery(mine.values("rank")[:1])
        )
        return rows.order_by("level_order", "rank_here", "pk").values_list("pk", flat=True)


_LEVEL_ORDER = Case(*[When(level=level, then=n) for n, level in enumerate(Level)])


def _enrolled(meeting: Meeting) -> QuerySet[Enrolment]:
    return Enrolment.objects.filter(student=OuterRef("student"), term=meeting.panel.term)


def placed(rows: QuerySet[Application], meeting: Meeting) -> QuerySet[Application]:
    """With stage, grade and class of the term."""
    here = _enrolled(meeting)
    return rows.annotate(
        place_stage=Subquery(here.values("stage")[:1]),
        place_grade=Subquery(here.values("grade")[:1]),
        place_class=Subquery(here.values("class_name")[:1]),
    )


def place_label(row: Application) -> str:
    """Of a row of placed()."""
    stage = getattr(row, "place_stage", None)
    return f"{grade_label(stage, row.place_grade)} {row.place_class}".strip() if stage else ""  # type: ignore[attr-defined]


def _places(meeting: Meeting, rows: QuerySet[Application]) -> list[tuple[str, str]]:
    here = Enrolment.objects.filter(term=meeting.panel.term, student__in=rows.order_by().values("student")).order_by()
    found = here.order_by("stage", "grade", "class_name").values_list("stage", "grade", "class_name").distinct()
    return [(f"{s}|{g or ''}|{c}", f"{grade_label(s, g)} {c}".strip()) for s, g, c in found]


def counts(meeting: Meeting) -> dict[str, int]:
    """How many stand on either tab. One query."""
    here = Q(pk__in=assessing.looked_at(meeting).order_by().values("pk"))
    todo = Q(pk__in=assessing.waiting(meeting).order_by().values("pk"))
    return assessing.of_school(meeting).aggregate(todo=Count("pk", filter=todo), done=Count("pk", filter=here))


def lines(pks: list[int], found: MeetingFilter) -> list[dict[str, Any]]:
    """What the table shows of each, in the order given. One query on the first tab, two on the second."""
    meeting = found.meeting
    rows = placed(Application.objects.filter(pk__in=pks), meeting).select_related("student__person")
    rows = rows.defer("phone", "parent_phone", "student__roll_number", "student__person__id_number")
    known, given = {row.pk: row for row in rows}, {}
    if found.tab == DONE:
        before = assessing.given_by(meeting).filter(rank__lt=OuterRef("rank"))
        equal = Exists(before.filter(level=OuterRef("level"), score=OuterRef("score")))
        mine = assessing.given_by(meeting).filter(application__in=pks).annotate(tied=equal)
        given = {row.application_id: row for row in mine}
    return [_line(known[pk], given.get(pk), found.found) for pk in pks if pk in known]


def _line(row: Application, given: Assessment | None, found: dict[tuple[str, ...], Suggestion]) -> dict[str, Any]:
    labels = dict(Box.choices)
    return {
        "application": row,
        "person": row.student.person,
        "place": place_label(row),
        "boxes": [labels[box] for box in row.boxes if box in labels],
        "suggestion": found.get(tuple(row.boxes)),
        "given": given,
        "tied": given is not None and given.tied,  # type: ignore[attr-defined]  # there is an equal before it
        "stale": given is not None and given.form_version != row.version,
    }
