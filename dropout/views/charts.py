"""Pictures of the boards: a map of tiles and a chart of places, the run of the terms."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from aidcases.terms import Term
from dropout.board import Place, Run
from dropout.indicators import Indicator


def names_url(indicator: Indicator, term: Term, by: str, code: str, side: str = "number") -> str:
    """The names behind a place's figure; "" for what lies in no place."""
    if not code:
        return ""
    key = code.strip("/").rpartition("/")[2]
    place = f"&{'school' if by == 'school' else 'place'}={key}" if by else ""
    return f"{reverse('indicator_names')}?indicator={indicator.code}&side={side}&term={term.code}{place}"


def _value(place: Place, indicator: Indicator) -> Any:
    figure = place.figures[indicator.code]
    return figure.rate if indicator.out_of else figure.number


def tiles(places: list[Place], indicator: Indicator, by: str, term: Term) -> list[dict[str, Any]]:
    """A tile a place, by its code: .label .value .shade (0 none known, 1 good … 4 worst) .url; red what misses the target."""
    told = []
    values = [value for place in places if (value := _value(place, indicator)) is not None]
    most = max(values, default=0) or 1
    for place in sorted(places, key=lambda each: each.code):
        value = _value(place, indicator) if indicator.code in place.figures else None
        told.append(
            {
                "label": place.label, "value": value, "url": names_url(indicator, term, by, place.code),
                "shade": _shade(value, most, place.figures[indicator.code].missed, indicator.least),
            }
        )  # fmt: skip
    return told


def _shade(value: Any, most: Any, missed: bool, least: bool) -> int:
    if value is None:
        return 0
    if missed:
        return 4 if least or 2 * value > most else 3
    return 1 if least or not value else 2


MOST = 12  # bars that can be read; the map and the table show all


def of_places(places: list[Place], indicator: Indicator, by: str, term: Term) -> dict[str, Any]:
    """The places that need looking after most."""
    known = [place for place in places if _value(place, indicator) is not None]
    rows = [
        {"label": place.label, "url": names_url(indicator, term, by, place.code), "values": [_value(place, indicator)]}
        for place in sorted(known, key=lambda each: _value(each, indicator), reverse=not indicator.least)[:MOST]
    ]
    unit = "%" if indicator.out_of else "人"
    chart = {"kind": "rows", "title": indicator.label, "unit": unit, "head": "地方", "columns": [indicator.label], "rows": rows}
    return chart | {"target": indicator.target, "target_label": f"目标 {indicator.aim}"}


def of_terms(runs: list[Run]) -> dict[str, Any] | None:
    """None before there are two terms to compare."""
    if len(runs) < 2:
        return None
    rows = [
        {"label": run.term.label, "url": "", "values": [run.not_enrolled, run.absent, run.confirmed, run.returned]}
        for run in runs
    ]
    columns = ["有户籍无学籍", "有学籍不在校", "确认辍学", "复学"]
    return {
        "kind": "line", "title": "各学期走势", "unit": "人", "head": "学期", "columns": columns, "rows": rows, "target": None,
        "target_label": "",
    }  # fmt: skip
