"""Situations an official can read (tests/cases/lanzhou.toml), run through the real recompute and its explanation."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from aidcases.scoping import EVERYWHERE, acting_in
from aidcases.terms import Term
from students.enums import COLLEGE_STAGES, Category, Stage
from students.imports.homes import derive
from students.models import Student
from subsidies.explain import Explained, explain
from subsidies.models import MissingFigure, Rule
from tests import make

BOOK = tomllib.loads((Path(__file__).parents[1] / "cases" / "lanzhou.toml").read_text(encoding="utf-8"))
STAGES = {stage.label: stage for stage in Stage}
CATEGORIES = {category.label: category for category in Category}
KINDS = {"享受", "不享受", "边界"}


@dataclass(frozen=True)
class Asked:
    """One case in one of its terms. Counted from 1 as they stand in the file."""

    number: int
    case: dict[str, Any]
    term: str
    due: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.number}-{names(self.case['rule'])[0]}-{self.term}"


@dataclass(frozen=True)
class Answer:
    entitled: dict[str, str | None]
    lacks: set[str]
    explained: dict[str, Explained]


def asked() -> list[Asked]:
    found = []
    for number, case in enumerate(BOOK["case"], start=1):
        days = case.get("days") or {case.get("term", "2018-autumn"): case["due"]}
        found += [Asked(number, case, term, due) for term, due in days.items()]
    return found


def names(rule: str) -> list[str]:
    return BOOK["same"].get(rule, [rule])


def enrol(case: dict[str, Any], term: str) -> Student:
    """The case's child in a school of its own, on its lists; the paths as the imports derive them."""
    stage, hukou = STAGES[case["stage"]], case.get("hukou", "620123100201")
    place = case.get("school", "620102" if stage in COLLEGE_STAGES else "620123100")
    fee = case.get("fee", "1600.00")
    school = make.school(place=place, stages=(stage,), fee=None if fee == "未填" else fee)
    child = make.student(at=school, term=term, stage=stage, grade=case.get("grade", 2), home=hukou)
    enrolment = child.enrolments.get()
    enrolment.boarding, enrolment.orphan = case.get("boarding", False), case.get("orphan", False)
    enrolment.rural_hukou, enrolment.entered_on = case.get("rural", True), case.get("entered")
    enrolment.save()
    if "register" in case:
        make.household(village=case["register"], members=(child.person,))
        make.hardship(child.person, Category.REGISTERED_POOR)
    for row in case.get("lists", ()):
        on_list(child, row, make.region(case.get("office", "620123")).path)
    return child


def on_list(child: Student, row: dict[str, Any], office: str) -> None:
    category, last = CATEGORIES[row["name"]], row.get("last")
    days = [(row.get("from", date(2017, 1, 1)), True)] + ([(last + timedelta(days=1), False)] if last else [])
    for day, active in days:
        entry = make.hardship(child.person, category, from_on=day, active=active)
        entry.office_path = office
        entry.save()


def answers(group: list[Asked], term: str) -> Iterator[tuple[str, Answer]]:
    children = {one.name: enrol(one.case, term) for one in group}
    derive("SELECT * FROM students_person")
    make.recompute(term, under="62")
    make.recompute(term, under="51")
    lacking = defaultdict(set)
    for student, rule in MissingFigure.objects.filter(term=term).values_list("student_id", "rule__code"):
        lacking[student].add(rule)
    for name, child in children.items():
        explained = {one.rule.code: one for one in explain(child, Term.parse(term))}
        yield name, Answer(make.entitled(child, term), lacking[child.pk], explained)


@pytest.fixture(scope="module")
def answered(django_db_setup: None, django_db_blocker: Any) -> dict[str, Answer]:
    """All cases of one adoption and term are one recompute; nothing stays in the database."""
    groups: dict[tuple[str, str], list[Asked]] = defaultdict(list)
    for one in asked():
        groups[repr(one.case.get("adopted", {})), one.term].append(one)
    found: dict[str, Answer] = {}
    with django_db_blocker.unblock(), acting_in(EVERYWHERE):
        for (_, term), group in groups.items():
            with transaction.atomic():
                adopted = group[0].case.get("adopted", {})
                make.adopt_lanzhou(
                    adopted.get("region", "6201"), from_on=adopted.get("from"), until=adopted.get("until")
                )
                found.update(answers(group, term))
                transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("one", asked(), ids=lambda one: one.name)
def test_case(answered: dict[str, Answer], one: Asked):
    answer, title = answered[one.name], one.case["title"]
    due = {code: amount for rule, amount in one.due.items() for code in names(rule)}
    assert answer.entitled == {code: None if amount == "免费" else amount for code, amount in due.items()}, title
    assert answer.lacks == set(one.case.get("lacks", ())), title
    granted = {
        code: None if told.amount is None else str(told.amount)
        for code, told in answer.explained.items()
        if told.granted
    }
    assert granted == answer.entitled, f"{title}: what is selected is not what is explained"
    for code, labels in one.case.get("fails", {}).items():
        if code not in due:
            failing = [seen.label for seen in answer.explained[code].conditions if not seen.holds]
            assert failing == labels, (title, code)


def test_every_rule_of_the_pack_has_a_case_inside_outside_and_on_the_boundary(db: None, everywhere: None):
    make.adopt_lanzhou()
    covered = defaultdict(set)
    for case in BOOK["case"]:
        for code in names(case["rule"]):
            covered[code].add(case["kind"])
    assert covered == dict.fromkeys(Rule.objects.values_list("code", flat=True), KINDS)
    assert len(covered) == 13


def test_no_two_cases_have_one_title():
    titles = [case["title"] for case in BOOK["case"]]
    assert len(titles) == len(set(titles))
