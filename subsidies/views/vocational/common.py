"""What these pages share: the year worked in, tabs, a person as a line of a list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from aidcases.roles import P
from aidcases.scoping import HOME, current_scope
from aidcases.web import chosen_term
from students.places import Places, county_of
from subsidies.vocational import planning

LIGHT = ("student__roll_number", "student__person__id_number")
TONES = {
    "to_contact": "warn", "willing": "info", "unwilling": "", "enrolled": "info", "finished": "good", "employed": "good",
    "studying_on": "good", "neither": "bad", "struck": "", "due": "warn", "done": "good", "void": "",
}  # fmt: skip
TABS = (
    ("vocational_board", "任务和进度", P.VOCATIONAL_VIEW, ("vocational_board", "trainingplan_edit")),
    ("trainee_list", "两后生名册", P.VOCATIONAL_VIEW, ("trainee_list", "trainee_find")),
    ("followup_list", "毕业生三年跟踪", P.VOCATIONAL_VIEW, ("followup_list", "followup_totals")),
)


def year_of(request: HttpRequest) -> int:
    """?year=, else the one in which the school year worked in begins."""
    wanted = request.GET.get("year", "")
    fine = wanted.isascii() and wanted.isdecimal() and len(wanted) == 4 and wanted.startswith("20")
    return int(wanted) if fine else chosen_term(request).school_year


def tabs(request: HttpRequest, year: int) -> list[dict[str, Any]]:
    name = request.resolver_match.url_name if request.resolver_match else ""
    return [
        {"label": label, "url": reverse(url) + ("" if url == "followup_list" else f"?year={year}"), "active": name in names}
        for url, label, can, names in TABS
        if request.actor.may(can)
    ]


def years(request: HttpRequest, year: int, url: str) -> dict[str, Any]:
    """The year and the others to choose from."""
    known = sorted({*planning.years(chosen_term(request).school_year), year}, reverse=True)
    return {
        "year": year,
        "label": f"{year} 年度（{year}—{year + 1}学年）",
        "years": [{"label": f"{n} 年度", "url": f"{reverse(url)}?year={n}", "active": n == year} for n in known],
    }


def homes(rows: Iterable[Any]) -> dict[int, str]:
    """Row → where its person is at home: the place for the home side, the county alone for others. One query at most."""
    scope = current_scope()
    paths = {row.pk: row.home_path if scope.covers(row.home_path, HOME) else county_of(row.home_path) for row in rows}
    places = Places(paths.values())
    return {pk: places.label(path) for pk, path in paths.items()}
