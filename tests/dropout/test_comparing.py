"""The rosters compared: exactly the sets of the sample county and of any other; a line says where it comes from."""

from __future__ import annotations

import json
from datetime import date

import pytest

from aidcases.actions import region_named
from aidcases.models import AuditEvent
from aidcases.terms import Term
from dropout import comparing
from dropout.models import Comparison, Difference, DropoutCase
from students.models import RosterEntry
from tests.students.rosters import SAMPLE, SAMPLE_FILES, bring_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everywhere")]
TERM, COUNTY, TODAY = "2018-autumn", "620123", date(2018, 10, 8)
ANSWERS = json.loads((SAMPLE / "expected.json").read_text())["dropout"]
NAMES = {
    "not_enrolled": "hukou_minus_enrolment",
    "absent": "enrolment_minus_present",
    "poor": "poor_among_both",
    "off_roster": "poor_on_no_other_roster",
}


def compared(county: str = COUNTY, term: str = TERM, today: date = TODAY) -> dict[str, int]:
    return comparing.compare(term=Term.parse(term), path=region_named(county).path, today=today)


def found(county: str = COUNTY, term: str = TERM) -> dict[str, list[str]]:
    return comparing.sets(Term.parse(term), region_named(county).path)


def wanted(answers: dict) -> dict[str, list[str]]:
    return {ours: sorted(answers[theirs]) for ours, theirs in NAMES.items()}


def test_the_sample_county_comes_out_exactly_and_again_changes_nothing() -> None:
    for kind in ("schools", "poverty", "roll", "college", "population", "present"):
        bring_in(kind, SAMPLE_FILES[kind], county=COUNTY, term=TERM)
    counts = compared()
    assert found() == wanted(ANSWERS)
    assert counts["changed"] == counts["opened"] == sum(counts[name] for name in ("not_enrolled", "absent", "off_roster"))
    lines = list(Difference.objects.order_by("pk").values())
    cases = list(DropoutCase.objects.order_by("pk").values())
    assert {case["state"] for case in cases} == {"suspected"}
    assert AuditEvent.objects.filter(action="dropoutcase.opened").count() == len(cases)
    again = compared(today=date(2018, 10, 15))
    assert (again["changed"], again["opened"], again["reopened"]) == (0, 0, 0)
    assert list(Difference.objects.order_by("pk").values()) == lines
    assert list(DropoutCase.objects.order_by("pk").values()) == cases
    assert Comparison.objects.get().made_at


def test_the_next_countys_list_says_nothing_of_this_one(county) -> None:
    """A list of those present that only the neighbour has imported must not make everybody here a dropout."""
    there = county.there.students[0]
    RosterEntry(kind="present", term=TERM, person=there.person, present=True).save()
    assert comparing.lacking(Term.parse(TERM), "/62/6201/620123/") == ["户籍适龄人口", "在校学生"]
    assert comparing.lacking(Term.parse(TERM), "/62/6201/620121/") == ["户籍适龄人口"]
    assert comparing.lacking(Term.parse(TERM), "/62/6201/") == ["户籍适龄人口", "在校学生"]
