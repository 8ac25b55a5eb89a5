"""Real rosters through the real pipeline: exact answers, whatever the order of files, for any county."""

from __future__ import annotations

import json
from datetime import date
from itertools import chain
from pathlib import Path
from random import Random

import pytest

from aidcases.actions import region_named
from aidcases.models import Region
from aidcases.terms import Term
from dropout import comparing
from students.demo.rosters import make_neighbours
from students.models import Enrolment, Household, ImportRow, Student
from tests.oracle import expected
from tests.students.rosters import (
    SAMPLE,
    SAMPLE_FILES,
    adopt_lanzhou,
    bring_in,
    entitlements,
    facts,
    recompute,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everywhere")]
TERM, COUNTY = "2018-autumn", "620123"
TODAY = date(2018, 10, 8)
DROPOUT = {
    "not_enrolled": "hukou_minus_enrolment",
    "absent": "enrolment_minus_present",
    "poor": "poor_among_both",
    "off_roster": "poor_on_no_other_roster",
}
ANSWERS = json.loads((SAMPLE / "expected.json").read_text())


def import_sample(order: list[str]) -> dict:
    return {kind: bring_in(kind, SAMPLE_FILES[kind], county=COUNTY, term=TERM) for kind in order}


def test_the_sample_county_comes_out_exactly() -> None:
    adopt_lanzhou()
    files = import_sample(list(SAMPLE_FILES))
    result = recompute(TERM, COUNTY)
    assert result["students"] == ANSWERS["enrolled"]
    assert result["rules"] == ANSWERS["totals"]
    found = entitlements(TERM, COUNTY)
    assert {number: found.get(number, {}) for number in ANSWERS["entitlements"]} == ANSWERS["entitlements"]
    assert set(found) <= set(ANSWERS["entitlements"])
    assert Student.objects.count() == ANSWERS["students"]
    assert Household.objects.exclude(number=None).count() == ANSWERS["poor_households"]
    counts = files["poverty"].counts
    assert counts["rejected"] == 2
    assert set(counts["reasons"]) == set(ANSWERS["poverty_rows_rejected"])
    assert counts["unchanged"] == 1  # the repeated row is merged
    # One ID under two names: the roll's name stands, the dibao row waits.
    [row] = ImportRow.objects.filter(state="review")
    assert (row.file.kind, row.reasons) == ("dibao", ["name"])


def test_importing_twice_changes_nothing() -> None:
    import_sample(list(SAMPLE_FILES))
    before = facts()
    for kind, file in import_sample(list(SAMPLE_FILES)).items():
        counts = file.counts
        assert (counts["new"], counts["changed"]) == (0, 0), (kind, counts)
    assert facts() == before


def test_the_order_of_files_does_not_matter() -> None:
    adopt_lanzhou()
    # The list of schools comes first: a roll row whose school nobody knows is rejected, with that reason.
    rest = [kind for kind in SAMPLE_FILES if kind != "schools"]
    import_sample(["schools", *rest])
    usual = facts()
    for seed in (1, 2):
        wipe()
        Random(seed).shuffle(rest)
        import_sample(["schools", *rest])
        assert facts() == usual, rest
        assert recompute(TERM, COUNTY)["rules"] == ANSWERS["totals"]


def wipe() -> None:
    from aidcases import sql

    sql.run("SET CONSTRAINTS ALL IMMEDIATE")
    sql.run(
        "TRUNCATE students_person, students_importfile, students_household, students_student, students_enrolment, "
        "students_hardship, aidcases_school, aidcases_organisation CASCADE"
    )


@pytest.mark.parametrize(("county", "neighbour", "seed"), [("620122", "620121", 7), ("210323", "210321", 8)])
def test_any_county_and_its_neighbour_come_out_exactly(tmp_path: Path, county: str, neighbour: str, seed: int) -> None:
    regions = [tuple(row) for row in Region.objects.values_list("code", "name", "level")]
    made = make_neighbours(
        tmp_path, county=county, neighbour=neighbour, students=400, seed=seed, regions=regions, term=TERM
    )
    adopt_lanzhou(county[:4])
    # The neighbour first, and lists in mixed order: homes must be found whatever comes first.
    order = [(code, kind) for code in (neighbour, county) for kind in made[code] if kind != "schools"]
    Random(seed).shuffle(order)
    for code, kind in chain(((c, "schools") for c in made), order):
        bring_in(kind, made[code][kind], county=code, term=TERM)
    folders = {code: next(iter(files.values())).parent for code, files in made.items()}
    for code, other in ((county, neighbour), (neighbour, county)):
        result = recompute(TERM, code)
        answer = expected(folders[code], county=code, term=TERM, beside={other: folders[other]})
        found = entitlements(TERM, code)
        wrong = {n: (want, found.get(n, {})) for n, want in answer["entitlements"].items() if found.get(n, {}) != want}
        assert not wrong, list(wrong.items())[:3]
        assert set(found) <= set(answer["entitlements"])
        assert result["rules"] == answer["totals"]
        comparing.compare(term=Term.parse(TERM), path=region_named(code).path, today=TODAY)
        told, wanted = comparing.sets(Term.parse(TERM), region_named(code).path), answer["dropout"]
        assert {DROPOUT[name]: numbers for name, numbers in told.items()} == wanted
    assert Enrolment.objects.filter(home_path="").count() == 0
