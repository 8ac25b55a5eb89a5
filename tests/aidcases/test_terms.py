"""Terms as people write them, their days, and the order the lists show them in."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aidcases import spans
from aidcases.terms import AUTUMN, SPRING, Term, UnknownTerm, chronological
from students.models import Enrolment
from tests import make

TERMS = st.builds(Term, st.integers(2000, 2098), st.sampled_from([AUTUMN, SPRING]))


@pytest.mark.parametrize("code", ["2018-autumn", " 2019-spring ", "2000-spring\n"])
def test_a_code_is_read(code: str):
    assert Term.parse(code).code == code.strip()


@pytest.mark.parametrize(
    "code", ["", "2018", "2018-Autumn", "1999-autumn", "2018-autumn2", "20018-autumn", None, "秋季"]
)
def test_anything_else_is_refused_with_how_to_write_it(code: str | None):
    with pytest.raises(UnknownTerm, match="请写成 2018-autumn（秋季）或 2019-spring（春季）"):
        Term.parse(code)  # type: ignore[arg-type]


def test_an_autumn_and_the_spring_after_it_are_a_school_year():
    autumn, spring = Term.parse("2018-autumn"), Term.parse("2019-spring")
    assert autumn.next == spring
    assert autumn.school_year == spring.school_year == 2018
    assert autumn.label == "2018—2019学年秋季学期"
    assert spring.label == "2018—2019学年春季学期"
    assert autumn.age_day == spring.age_day == date(2018, 8, 31)
    assert spring.school_year_days == (date(2018, 9, 1), date(2019, 8, 31))
    assert autumn.autumn
    assert not spring.autumn


@pytest.mark.parametrize(
    ("code", "first", "last"),
    [
        ("2018-autumn", date(2018, 9, 1), date(2019, 2, 28)),
        ("2019-autumn", date(2019, 9, 1), date(2020, 2, 29)),
        ("2019-spring", date(2019, 3, 1), date(2019, 8, 31)),
    ],
)
def test_first_and_last_day(code: str, first: date, last: date):
    assert (Term.parse(code).first_day, Term.parse(code).last_day) == (first, last)


@given(st.dates(date(2001, 1, 1), date(2098, 12, 31)))
def test_every_day_lies_in_exactly_one_term(day: date):
    term = Term.containing(day)
    assert term.first_day <= day <= term.last_day
    assert Term.parse(term.code) == term


@given(TERMS)
def test_terms_follow_one_another_without_a_gap(term: Term):
    assert term.next.first_day == term.last_day + timedelta(days=1)
    assert term.age_day < term.school_year_days[0] <= term.first_day


def test_newest_first_puts_autumn_before_the_spring_of_its_calendar_year(db: None, everywhere: None):
    codes = ["2018-spring", "2019-autumn", "2018-autumn", "2019-spring"]
    child = make.student(at=(school := make.school()), term=codes[0])
    for code in codes[1:]:
        make.enrolment(child, at=school, term=code)
    found = list(Enrolment.objects.order_by(*chronological()).values_list("term", flat=True))
    assert found == ["2019-autumn", "2019-spring", "2018-autumn", "2018-spring"]
    assert found == sorted(codes, key=lambda code: Term.parse(code).first_day, reverse=True)


@given(st.dates(date(2015, 1, 1), date(2100, 12, 31)), st.sampled_from(["month", "quarter", "half", "year"]))
def test_every_stretch_of_time_a_form_takes_is_read_back(day: date, kind: str):
    found = spans.current(kind, day)
    assert spans.parse(spans.code_of(kind, day)) == found
    assert found.first <= day <= found.last


@given(st.dates(date(2015, 1, 1), date(2098, 12, 31)), st.sampled_from(["term", "school", "year"]))
def test_what_is_made_of_terms_is_read_back_and_holds_those_that_begin_in_it(day: date, kind: str):
    found = spans.current(kind, day)
    assert spans.of_terms(found.code) == found
    assert found.first <= day <= found.last
    assert len(found.terms) == (1 if kind == "term" else 2)
    assert all(found.first <= term.first_day <= found.last for term in found.terms)
    assert spans.terms_of(found) == found.terms
