"""Which terms the menu offers: those with enrolments in sight, from the side that whoever acts looks from."""

from __future__ import annotations

import pytest

from aidcases.registry import registry
from aidcases.scoping import EVERYWHERE, HOME, OFFICE, SCHOOL, Scope, acting_in
from tests import make

pytestmark = pytest.mark.django_db
HERE, THERE = "/62/6201/620123/", "/62/6201/620121/"


def terms(path: str, *sides: str) -> list[str]:
    with acting_in(Scope(path, frozenset(sides))):
        return registry.terms()


def test_a_term_is_known_where_a_child_of_it_is_in_sight(django_assert_num_queries) -> None:
    with acting_in(EVERYWHERE):
        primary = make.school(place="620123100")
        make.student(at=primary, home="620121100001", term="2019-spring")
        make.student(at=primary, home="620123100001", term="2018-autumn")
    assert terms("/", HOME, SCHOOL, OFFICE) == ["2019-spring", "2018-autumn"]
    assert terms(HERE, HOME, SCHOOL, OFFICE) == ["2019-spring", "2018-autumn"]
    assert terms(HERE, HOME, OFFICE) == ["2018-autumn"]
    assert terms(THERE, HOME, SCHOOL, OFFICE) == ["2019-spring"]
    assert terms(THERE, SCHOOL, OFFICE) == []
    assert terms(HERE, OFFICE) == []
    with django_assert_num_queries(1):
        terms(HERE, HOME, SCHOOL, OFFICE)
