"""The oracle itself: it gives the sample county's answers, and reads terms, names and numbers right."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from tests import oracle

SAMPLE = Path(__file__).parent.parent / "data" / "yuzhong-2018"


@cache
def answers(term: str) -> dict:
    return oracle.expected(SAMPLE, county="620123", term=term)


def test_the_sample_county_comes_out_exactly():
    assert answers("2018-autumn") == json.loads((SAMPLE / "expected.json").read_text(encoding="utf-8"))


def test_what_is_paid_once_falls_into_the_autumn():
    autumn, spring = answers("2018-autumn")["totals"], answers("2019-spring")["totals"]
    assert autumn.keys() - spring.keys() == {"lz-loan", "lz-zihui"}
    assert autumn["lz-college-fee"] == spring["lz-college-fee"] == {"students": 15, "amount": "37500.00"}


def test_a_list_counts_from_the_first_term_it_touches():
    child = "620123201101255560"  # on the dibao list from March 2019
    assert "lz-compulsory-boarding" not in answers("2018-autumn")["entitlements"][child]
    assert answers("2019-spring")["entitlements"][child]["lz-compulsory-boarding"] == "500.00"


def test_a_certificate_that_ends_on_the_first_day_counts_for_that_term_only():
    pupil = "620123200304070692"  # until 1 September 2018
    assert answers("2018-autumn")["entitlements"][pupil] == {
        "lz-senior-fee": "400.00",
        "lz-senior-grant": "1000.00",
    }
    assert answers("2019-spring")["entitlements"][pupil] == {}


def test_the_pack_gives_nothing_before_its_first_day():
    before = answers("2018-spring")
    assert before["totals"] == {}
    assert before["entitlements"].keys() == answers("2018-autumn")["entitlements"].keys()


def test_boarding_amounts_are_those_of_the_terms_first_day():
    child = "620123201104118203"
    old, new = (answers(term)["entitlements"][child] for term in ("2023-autumn", "2024-spring"))
    assert old["lz-compulsory-boarding"] == "500.00"
    assert new["lz-compulsory-boarding"] == "625.00"


def test_an_odd_fen_goes_to_the_spring():
    autumn, spring = oracle.Term.of("2018-autumn"), oracle.Term.of("2019-spring")
    assert (autumn.half(62501), spring.half(62501)) == (31250, 31251)


@pytest.mark.parametrize(
    ("term", "first", "last", "age_day"),
    [
        ("2019-autumn", date(2019, 9, 1), date(2020, 2, 29), date(2019, 8, 31)),
        ("2020-spring", date(2020, 3, 1), date(2020, 8, 31), date(2019, 8, 31)),
    ],
)
def test_terms_have_their_days(term: str, first: date, last: date, age_day: date):
    read = oracle.Term.of(term)
    assert (read.first, read.last, read.age_day) == (first, last, age_day)


NUMBER = "62012319750628065"  # and the check character 0


@pytest.mark.parametrize(
    ("cell", "number", "reason"),
    [
        (f"{NUMBER}0", f"{NUMBER}0", ""),
        (f"'{NUMBER}0", f"{NUMBER}0", ""),
        ("５１０１０７２０１２０３２３４３２７", "510107201203234327", ""),
        ("62012120090210321x", "62012120090210321X", ""),
        ("620123750628065", f"{NUMBER}0", ""),
        (None, "", "missing id"),
        (6.20123200001011e17, "", "scientific-notation id"),
        (620123200001011000, "", "scientific-notation id"),
        ("6.20123E+17", "", "scientific-notation id"),
        (f"G{NUMBER}0", "", "length"),
        ("62012319750230065X", "", "birth date"),
        (f"{NUMBER}1", "", "checksum"),
    ],
)
def test_identity_cells(cell: object, number: str, reason: str):
    assert oracle.identity(cell) == (number, reason)


@pytest.mark.parametrize(
    ("named", "standing"),
    [
        ({"roll": "甲", "dibao": "乙"}, {"roll"}),
        ({"roll": "甲", "poverty": "乙", "dibao": "甲"}, {"roll", "dibao"}),
        ({"poverty": "甲", "dibao": "乙"}, {"poverty"}),
        ({"dibao": "甲", "tekun": "乙"}, set()),
        ({"roll": "甲", "college": "乙"}, set()),
        (
            {"roll": "艾力·艾山", "poverty": "艾力•艾山", "present": " 艾力·艾山 "},
            {"roll", "poverty", "present"},
        ),
    ],
)
def test_one_number_under_two_names(named: dict[str, str], standing: set[str]):
    rows = [oracle.Row(kind, "620123", "1", oracle.name_of(name), {}) for kind, name in named.items()]
    assert {row.kind for row in oracle.only_counting(rows)} == standing


@pytest.mark.parametrize(
    ("code", "level"),
    [("620123", "620123"), ("620123000000", "620123"), ("620123100", "620123100"), ("500000", "50")],
)
def test_codes_are_cut_to_their_level(code: str, level: str):
    assert oracle.region(code) == level
