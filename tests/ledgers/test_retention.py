"""巩固率统计表: what the page says, school by school, and never more than a hundred."""

from __future__ import annotations

from decimal import Decimal

from aidcases.scoping import EVERYWHERE, acting_in
from aidcases.terms import Term
from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from students.enums import Stage
from tests import make
from tests.ledgers.conftest import ActAs
from tests.personas import World

HERE = "/62/6201/620123/"


def test_a_cohort_is_followed_to_its_last_grade(county: World, act_as: ActAs) -> None:
    """Four were taken in; one left for the next county, one stays away, one came later: 3 of 4 and 1 − 1."""
    with acting_in(EVERYWHERE):
        here, there = county.here.primary, county.there.primary
        first, last = "2013-autumn", "2018-autumn"
        pupils = [make.student(at=here, term=first, grade=1) for _ in range(4)]
        for pupil in pupils[:2]:
            make.enrolment(pupil, at=here, term=last, stage=Stage.PRIMARY, grade=6)
        make.enrolment(pupils[2], at=there, term=last, stage=Stage.PRIMARY, grade=6)
        make.student(at=here, term=last, grade=6)
    with act_as("maker"):
        primary, _junior, nine = LEDGERS["retention"].tables(Term.parse(last), area_at(HERE))
    [line] = primary.lines
    cells = {name: line.cells[name] for name in ("label", "graduates", "intake", "moved_in", "moved_out", "rate")}
    assert cells == {
        "label": here.name, "graduates": 3, "intake": 4, "moved_in": 1, "moved_out": 1, "rate": Decimal("75.00"),
    }  # fmt: skip
    assert primary.whole.cells["rate"] == Decimal("75.00")
    assert nine.whole.cells["rate"] is None
    with act_as("other_maker"):
        assert LEDGERS["retention"].tables(Term.parse(last), area_at("/62/6201/620121/"))[0].whole.cells["intake"] is None
