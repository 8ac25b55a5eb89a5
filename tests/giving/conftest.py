"""The people of casework; a college student who may borrow, a child of a registered-poor family."""

from __future__ import annotations

from datetime import date

import pytest

from students.enums import Category, Stage
from students.models import Student
from subsidies.actions import adopt_pack, load_pack, publish
from tests import make
from tests.casework.conftest import Crew, browser, crew  # noqa: F401

TERM = "2026-autumn"
TODAY = date(2026, 10, 20)
TOP_UP = """
[pack]
code = "test-fund"
title = "教育基金会资助办法"
document = "试"
[[rule]]
code = "test-fund-topup"
benefit = "foundation-topup"
title = "教育基金会附加资助"
clause = "三"
note = "一户一议。"
when = { registered_poor = true }
amount = { kind = "discretionary", period = "term" }
claim = "application"
payer = "教育基金会"
"""


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> date:
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *_: TODAY)
    return TODAY


@pytest.fixture
def borrower(crew: Crew) -> Student:  # noqa: F811
    """At home in the county, at a college elsewhere; may borrow 8,000 yuan by the city's document."""
    load_pack("lanzhou")
    adopt_pack("lanzhou", region=make.region("6201"))
    college = make.school(place="620102", stages=(Stage.UNDERGRADUATE,), name="兰州某学院")
    made = make.student(
        "贷款生", at=college, term=TERM, stage=Stage.UNDERGRADUATE, grade=2, categories=(Category.REGISTERED_POOR,),
        home="620123100001", born=date(2007, 3, 1),
    )  # fmt: skip
    make.recompute(TERM)
    return made


@pytest.fixture
def poor(crew: Crew) -> Student:  # noqa: F811
    """Where a fund's document is adopted that leaves the amount to a decision."""
    publish(TOP_UP)
    adopt_pack("test-fund", region=make.region("6201"), from_on=date(2026, 9, 1))
    made = make.student("困难生", at=crew.school, term=TERM, categories=(Category.REGISTERED_POOR,), born=date(2017, 3, 1))
    make.recompute(TERM)
    return made
