"""Boards of counties and cities, the names behind each figure, 巩固率 with its figures by hand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import Region, School
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.web import chosen_term, command, page, paginate
from dropout import board, retention
from dropout.enums import Cohort
from dropout.indicators import INDICATORS, Asked, is_school
from dropout.models import DropoutCase
from dropout.views import charts, sight
from students.models import Student

SIDES = {"number": "分子", "of": "分母"}
SETS = {"graduates": "毕业生", "intake": "招生", "in": "转入", "out": "转出", "cohort": "应毕业"}


def asked_of(request: HttpRequest, path: str = "") -> Asked:
    return Asked(chosen_term(request), path or current_scope().path, timezone.localdate())


def _levels(path: str) -> list[str]:
    """How an area can be divided, the nearest first."""
    depth = len(path.strip("/").split("/"))
    if is_school(path) or depth >= 5:
        return []
    if path == "/" or depth < 3:
        return ["county"]
    return ["township", "school"] if depth == 3 else ["school"]


@page(can=P.DROPOUT_VIEW)
def dropout_board(request: HttpRequest) -> HttpResponse:
    """?by=: places beside each other, or with ?indicator= one of them as a map of tiles and a chart."""
    asked = asked_of(request)
    levels = _levels(asked.path)
    by = request.GET.get("by", "") if request.GET.get("by") in levels else next(iter(levels), "")
    shown = INDICATORS.get(request.GET.get("indicator", ""), INDICATORS["out-now"])
    found = board.places(asked, by) if by else []
    own = board.whole(asked, found, by)
    context = {
        "term": asked.term,
        "ledgers": board.ledgers(DropoutCase.objects.all(), asked),
        "indicators": [{"each": each, "figure": own[each.code]} for each in board.suited(asked.path)],
        "suited": board.suited(asked.path),
        "places": found,
        "by": by,
        "level": board.LEVELS.get(by, ""),
        "levels": [{"label": f"按{board.LEVELS[each]}", "url": f"?by={each}", "active": each == by} for each in levels],
        "tiles": charts.tiles(found, shown, by, asked.term) if by and by != "school" and len(found) <= 60 else None,
        "chart": charts.of_places(found, shown, by, asked.term) if by and by != "school" and found else None,
        "trend": charts.of_terms(board.trend(asked.term)),
        "shown": shown,
        "of_schools": sight.school_side(),
    }
    return render(request, "dropout/board.html", context)


# --- names ---------------------------------------------------------------------------------------------------------


def _place(request: HttpRequest) -> tuple[str, str]:
    """(path, name) of the place asked for: the own area, a division or school in it. Raises Http404."""
    own, code, school = current_scope().path, request.GET.get("place", ""), request.GET.get("school", "")
    if school:
        found = get_object_or_404(School, code=school, path__startswith=own)
        return found.path, found.name
    if code:
        region = get_object_or_404(Region.objects.under(own), code=code)
        return region.path, region.name
    return own, request.membership.organisation.name


@page(can=P.DROPOUT_VIEW)
def indicator_names(request: HttpRequest) -> HttpResponse:
    """?indicator=&side= (or ?cohort=&set=), of ?place= or ?school=: who stands behind a figure."""
    path, place = _place(request)
    asked = asked_of(request, path)
    indicator = INDICATORS.get(request.GET.get("indicator", ""))
    cohort, wanted = request.GET.get("cohort", ""), request.GET.get("set", "")
    which = "of" if request.GET.get("side") == "of" else "number"
    if indicator and (side := {"number": indicator.number, "of": indicator.out_of}[which]):
        rows, person, formula = side.of(asked), side.person, indicator.formula
        title = f"{indicator.label}（{SIDES[which]}）" if indicator.out_of else indicator.label
    elif cohort in Cohort.values and wanted in SETS:
        rows, person = retention.SETS[wanted](cohort, asked.term, path), "student__person"
        title, formula = f"{Cohort(cohort).label}{SETS[wanted]}", retention.WAYS[Cohort(cohort)].formula
    else:
        raise Http404
    shown = paginate(rows.select_related(*([person] if person else [])).order_by("pk"), request)
    context = {
        "title": title, "formula": formula, "place": place, "page": shown, "term": asked.term,
        "rows": _named(list(shown), person, asked),
    }  # fmt: skip
    return render(request, "dropout/indicator_names.html", context)


def _named(rows: list[Any], person: str, asked: Asked) -> list[dict[str, Any]]:
    """Of each row the person, the class in the term, the case, and whether there is a page of the child."""
    people = [_person(row, person) for row in rows]
    keys = [each.pk for each in people]
    classes, cases = sight.enrolments_of(keys, asked.term), sight.cases_of(keys)
    known = set(Student.objects.filter(pk__in=keys).values_list("pk", flat=True))
    return [
        {"person": each, "enrolment": classes.get(each.pk), "case": cases.get(each.pk), "known": each.pk in known}
        for each in people
    ]


def _person(row: Any, way: str) -> Any:
    for step in filter(None, way.split("__")):
        row = getattr(row, step)
    return row


# --- 巩固率 --------------------------------------------------------------------------------------------------------


class IntakeForm(forms.Form):
    """招生数 of a school whose enrolments do not reach back that far."""

    school = forms.ChoiceField(label="学校")
    intake = forms.IntegerField(label="招生数（人）", min_value=0, max_value=100_000)
    moved_in = forms.IntegerField(label="转入（人）", min_value=0, max_value=100_000, initial=0)
    moved_out = forms.IntegerField(label="转出（人）", min_value=0, max_value=100_000, initial=0)

    def __init__(self, *args: Any, schools: list[tuple[str, str]], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["school"].choices = schools  # type: ignore[attr-defined]


@page(can=P.DROPOUT_VIEW)
def retention_table(request: HttpRequest) -> HttpResponse:
    return render(request, "dropout/retention_table.html", _retention(request))


def _retention(request: HttpRequest, form: IntakeForm | None = None) -> dict[str, Any]:
    asked, cohort = asked_of(request), request.GET.get("cohort", Cohort.PRIMARY)
    cohort = cohort if cohort in Cohort.values else Cohort.PRIMARY
    rows = retention.by_school(cohort, asked.term, asked.path, asked.today)
    whole = retention.total(cohort, asked.term, asked.path, "合计", rows, asked.today)
    asks = request.actor.may(P.DROPOUT_REPORT) and sight.school_side()
    lacking = [row for row in rows if row.intake is None or row.entered] if asks else []
    codes = [(row.path.strip("/").rpartition("/")[2], row.label) for row in lacking]
    if cohort == Cohort.NINE:
        lacking_nine = whole.intake is None or whole.entered
        codes = _primaries(asked.path) if asks and lacking_nine else []
    shown = rows if cohort != Cohort.NINE else [row for row in rows if row.entered]
    return {
        "term": asked.term, "cohort": Cohort(cohort), "rows": shown, "total": whole, "began": retention.began(cohort, asked.term),
        "way": retention.WAYS[Cohort(cohort)], "target": retention.TARGET if cohort == Cohort.NINE else None,
        "form": form or (IntakeForm(schools=codes) if codes else None),
        "tabs": [{"label": each.label, "url": f"?cohort={each.value}", "active": each == cohort} for each in Cohort],
    }  # fmt: skip


def _primaries(path: str) -> list[tuple[str, str]]:
    rows = School.objects.filter(path__startswith=path, stages__contains=["primary"]).order_by("path")
    return list(rows.values_list("code", "name"))


@command(can=P.DROPOUT_REPORT)
def intake_save(request: HttpRequest) -> HttpResponse:
    asked, cohort = asked_of(request), request.GET.get("cohort", "")
    code = request.POST.get("school", "")
    school = get_object_or_404(School, code=code, path__startswith=asked.path)
    form = IntakeForm(request.POST, schools=[(school.code, school.name)])
    if not form.is_valid():
        raise Refused("请填写招生、转入、转出人数（0 或正整数）。")
    given = {name: form.cleaned_data[name] for name in ("intake", "moved_in", "moved_out")}
    retention.enter(school, cohort=cohort, term=asked.term, **given, by=request.actor, today=asked.today)
    messages.success(request, f"已填报{school.name}的招生数。")
    return redirect(f"{reverse('retention_table')}?cohort={cohort}")
