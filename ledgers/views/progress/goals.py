"""Indicators against targets: counties beside each other, the names behind a figure, what is written down by hand."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases.models import Region
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.terms import AUTUMN, Term
from aidcases.web import command, key_of, page, paginate
from dropout.indicators import Asked
from ledgers.models import AgeFigure, IndicatorGoal, NamedArea
from ledgers.progress import goals, targets
from ledgers.progress.forms import AgeForm, AreaForm, GoalForm
from ledgers.progress.goals import GOALS, Place
from ledgers.views.progress.frame import office_name, reckons, refuse_errors, tabs


def _school_year(request: HttpRequest) -> int:
    """?year= as a school year, else the running one."""
    typed, newest = key_of(request.GET.get("year", "")), goals.school_years(timezone.localdate())[0]
    return typed if 2010 <= typed <= newest else newest


def _asked(request: HttpRequest, path: str = "") -> Asked:
    if not reckons():
        raise Http404
    return Asked(Term(_school_year(request), AUTUMN), path or current_scope().path, timezone.localdate())


def _years(year: int) -> list[dict[str, Any]]:
    return [
        {"label": f"{each}—{each + 1} 学年", "url": f"?year={each}", "active": each == year}
        for each in sorted({year, *goals.school_years(timezone.localdate())}, reverse=True)
    ]


def _counties() -> dict[str, str]:
    return dict(
        Region.objects.under(current_scope().path).filter(level="county").order_by("code").values_list("code", "name")
    )


def names_url(place: Place, code: str, year: int) -> str:
    """The enrolled behind a figure the system counts; "" for one by hand."""
    cell = place.cells[code]
    if cell.of_hand or not cell.figure.number:
        return ""
    if cell.goal.ages:
        area = f"&area={place.area.pk}" if place.area else ""
        return f"{reverse('goal_names')}?indicator={code}&place={place.code}&year={year}{area}"
    term = Term(year, AUTUMN).code
    what = f"indicator={cell.goal.dropout}" if cell.goal.dropout else "cohort=nine&set=graduates"
    return f"{reverse('indicator_names')}?{what}&term={term}&place={place.code}"


@page(can=P.PROGRESS_VIEW)
def goal_board(request: HttpRequest) -> HttpResponse:
    """?year= a school year, ?indicator= the one in the chart."""
    asked = _asked(request)
    year = asked.term.school_year
    known = goals.written(asked)
    places, areas = goals.counties(asked, _counties(), known), goals.areas(asked, known)
    shown = GOALS.get(request.GET.get("indicator", ""), GOALS["preschool"])
    urls = {place.code: names_url(place, shown.code, year) for place in places}
    context = {
        "places": [(place, _lines(place, year)) for place in places],
        "areas": [(place, _lines(place, year)[0]) for place in areas],
        "goals": list(GOALS.values()),
        "shown": shown,
        "chart": goals.chart(places, shown, urls) if len(places) > 1 else None,
        "year": year,
        "years": _years(year),
        "tabs": tabs(request, "goals"),
        "own": len(places) == 1,
        "may_hold": request.actor.may(P.PROGRESS_GIVE),
    }
    return render(request, "ledgers/progress/goal_board.html", context)


def _lines(place: Place, year: int) -> list[tuple[Any, str, str]]:
    """(cell, aim, url) of each of its indicators."""
    return [(cell, cell.goal.aim(cell.figure.target), names_url(place, code, year)) for code, cell in place.cells.items()]


@page(can=P.PROGRESS_VIEW)
def goal_names(request: HttpRequest) -> HttpResponse:
    """?indicator=&place=&year= (&area=): who is counted as enrolled."""
    goal = GOALS.get(request.GET.get("indicator", ""))
    if goal is None or not goal.ages:
        raise Http404
    region = get_object_or_404(
        Region.objects.under(current_scope().path).filter(level="county"), code=request.GET.get("place", "")
    )
    rows, name = goals.pupils(_asked(request, region.path), goal), region.name
    if area := request.GET.get("area", ""):
        found = get_object_or_404(NamedArea, pk=key_of(area), path=region.path)
        rows, name = goals.within(rows, found), f"{region.name}{found.name}"
    shown = paginate(rows.select_related("student__person", "school").order_by("school_path", "grade", "pk"), request)
    context = {"goal": goal, "page": shown, "place": name, "year": _school_year(request)}
    return render(request, "ledgers/progress/goal_names.html", context)


# --- by hand -------------------------------------------------------------------------------------------------------


@page(can=P.PROGRESS_VIEW)
def goal_figures(request: HttpRequest) -> HttpResponse:
    return _figures(request)


def _figures(request: HttpRequest, **forms: Any) -> HttpResponse:
    asked = _asked(request)
    year, own = asked.term.school_year, current_scope().path
    ages = AgeFigure.objects.filter(year=year).select_related("area").order_by("-pk")[:100]
    set_ = IndicatorGoal.objects.filter(year=year).order_by("-pk")[:100]
    names = _counties()
    county = len(names) == 1 and own.strip("/").rpartition("/")[2] in names
    may = request.actor.may
    context = {
        "ages": [(row, names.get(_code(row.path), "")) for row in ages],
        "targets": [(row, GOALS[row.indicator], names.get(_code(row.path), "")) for row in set_],
        "areas": [(row, _townships(row.codes)) for row in NamedArea.objects.all()],
        "age_form": forms.get("age") or (_age_form() if county and may(P.PROGRESS_WRITE) else None),
        "goal_form": forms.get("goal") or (_goal_form() if may(P.PROGRESS_GIVE) else None),
        "area_form": forms.get("area") or (_area_form() if county and may(P.PROGRESS_GIVE) else None),
        "year": year, "years": _years(year), "tabs": tabs(request, "goals"),
    }  # fmt: skip
    return render(request, "ledgers/progress/goal_figures.html", context, status=422 if forms else 200)


def _code(path: str) -> str:
    return path.strip("/").rpartition("/")[2]


def _townships(codes: list[str]) -> str:
    return "、".join(goals.township_names(codes))


def _age_form(data: Any = None) -> AgeForm:
    return AgeForm(data, areas=NamedArea.objects.filter(path=current_scope().path))


def _goal_form(data: Any = None) -> GoalForm:
    return GoalForm(data, regions=Region.objects.under(current_scope().path).filter(level="county").order_by("code"))


def _area_form(data: Any = None) -> AreaForm:
    under = Region.objects.under(current_scope().path).filter(level="township").order_by("code")
    return AreaForm(data, townships=list(under.values_list("code", "name")))


def _back(year: int) -> HttpResponse:
    return redirect(f"{reverse('goal_figures')}?year={year}")


@command(can=P.PROGRESS_WRITE)
def agefigure_write(request: HttpRequest) -> HttpResponse:
    asked, form = _asked(request), _age_form(request.POST)
    if not form.is_valid():
        return _figures(request, age=form)
    year = asked.term.school_year
    targets.write_age(**form.cleaned_data, year=year, by=request.actor, today=asked.today)
    messages.success(request, "已填报，指标按新的人口数计算。填错了再填一次，以最近一次为准。")
    return _back(year)


@command(can=P.PROGRESS_GIVE)
def goal_set(request: HttpRequest) -> HttpResponse:
    asked, form = _asked(request), _goal_form(request.POST)
    if not form.is_valid():
        return _figures(request, goal=form)
    year = asked.term.school_year
    made = targets.set_goal(
        **form.cleaned_data, year=year, given_name=office_name(request), by=request.actor, today=asked.today
    )
    messages.success(request, f"已给 {made} 个县区下达目标。")
    return _back(year)


@command(can=P.PROGRESS_GIVE)
def area_name(request: HttpRequest) -> HttpResponse:
    asked, form = _asked(request), _area_form(request.POST)
    refuse_errors(form)
    made = targets.name_area(**form.cleaned_data, by=request.actor)
    messages.success(request, f"已登记“{made.name}”，共 {len(made.codes)} 个乡镇。")
    return _back(asked.term.school_year)
