"""What would have to be different, for random children under every pack: the sets of facts an explanation names are
made true on altered copies of the child, and the engine is asked again. Each set suffices, no part of it does."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import combinations

from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from aidcases import sql
from aidcases.conditions import yes_no
from aidcases.models import School
from aidcases.terms import Term
from students.enums import Category
from students.models import Student
from subsidies.explain import Explained, explain
from subsidies.facts import FACTS, FactKind
from subsidies.funnel import facts_in_sight
from subsidies.models import FactRow
from subsidies.rules import Applied, applied_rules
from tests.subsidies.by_hand import Child, World, last_rows, stage_of
from tests.subsidies.test_oracle import HOMES, TERMS, WORLDS, any_child, compute, establish, put, schools

__all__ = ["schools"]  # the fixture

CHILDREN, EXAMPLES, MOST_FACTS = 6, 3, 4
OTHER_OFFICE = "640422"  # of the places children live in; no list of theirs comes from it
FEW = settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
CATEGORIES = {f"{category.label}：是": category.value for category in Category}
FLAGS = {fact.label: fact.code for fact in FACTS if fact.kind is FactKind.FLAG}
# Of the calendar, of somebody's decision, of the amounts: nothing about the child makes these true.
NOT_THE_CHILDS = ("起执行", "本项目计在秋季学期", "经评定确定", "本学期有执行标准")


@dataclass(frozen=True)
class Place:
    """What the rules can see of where a school or a home lies; `adopts`: of the rule being asked about."""

    adopts: bool
    province: str
    county: str
    listed: bool
    public: bool = True
    rural: bool = True


class Desk:
    """One world and term: alters a child so that one fact becomes another, and all the rest stays."""

    def __init__(self, term: Term, world: World, schools: list[School], chance: random.Random):
        self.term, self.world, self.schools, self.chance = term, world, schools, chance
        self.of_school, self.of_home = cache(self._of_school), cache(self._of_home)

    def adopts(self, pack: str, place: str) -> bool:
        rows = [(area, day, on) for code, area, day, on in self.world.adopted if code == pack and day <= self.term.first_day]
        return any(place.startswith(area) for area, on in last_rows(rows).items() if on)

    def listed(self, kind: str, place: str) -> bool:
        rows = [(area, day, on) for each, area, day, on in self.world.areas if each == kind and day <= self.term.last_day]
        return any(place.startswith(area) for area, on in last_rows(rows).items() if on)

    def _of_school(self, pack: str, school: School) -> Place:
        code = school.region_id
        seen = self.adopts(pack, code), code[:2], code[:6], self.listed("pilot", code)
        return Place(*seen, school.public, school.rural)

    def _of_home(self, pack: str, code: str) -> Place:
        return Place(self.adopts(pack, code), "", "", self.listed("origin", code))

    def altered(self, child: Child, school: School, one: Explained, facts: Iterable[str]) -> tuple[Child, School] | None:
        """A copy of the child of whom these facts are true; None where nothing here makes them so."""
        copy = replace(child, lists=[*child.lists], levels={**child.levels}, earlier=[*child.earlier])
        pack, asked = one.rule.pack.code, dict(one.rule.conditions)
        at, home = self.of_school(pack, school), self.of_home(pack, child.register)
        wanted_at, wanted_home = at, home
        for fact in facts:
            label, _, value = fact.partition("：")
            if any(word in fact for word in NOT_THE_CHILDS):
                return None
            if label.startswith("学校所在地采用"):
                wanted_at = replace(wanted_at, adopts=True)
            elif label.startswith("家庭所在地采用"):
                wanted_home = replace(wanted_home, adopts=True)
            elif label == "学校所在省":
                wanted_at = replace(wanted_at, province=asked["school_province"][0])
            elif label == "学校在营养改善计划试点地区":
                wanted_at = replace(wanted_at, listed=True)
            elif label == "农村学校":
                wanted_at = replace(wanted_at, rural=value == "是")
            elif label.startswith("家在南部山区"):
                wanted_home = replace(wanted_home, listed=True)
            else:
                self.of_the_child(copy, fact, asked)
        found, lives = school, child.register
        if wanted_at != at:
            found = self.like(wanted_at, at, self.schools, lambda each: self.of_school(pack, each))
        if wanted_home != home:
            lives = self.like(wanted_home, home, HOMES, lambda each: self.of_home(pack, each))
        if found is None or lives is None:
            return None
        fee = next(iter(found.fees.all()), None)
        copy.school, copy.public, copy.rural_school = found.region_id, found.public, found.rural
        copy.fee, copy.register = int(fee.annual_fee * 100) if fee else None, lives
        return copy, found

    def like(self, wanted: Place, was: Place, places: Iterable, seen: Callable[[object], Place]) -> object | None:
        """A place that is as wanted; another county may be another county, and another province where one is wanted
        or where only a place elsewhere adopts the pack."""
        fits = [each for each in places if self.fits(seen(each), wanted, was)]
        return self.chance.choice(fits) if fits else None

    def fits(self, place: Place, wanted: Place, was: Place) -> bool:
        loose = replace(place, county=wanted.county)
        if wanted.province == was.province and wanted.adopts != was.adopts:
            loose = replace(loose, province=wanted.province)
        return loose == wanted

    def of_the_child(self, child: Child, fact: str, asked: dict) -> None:
        """A fact of the roll, of the residence booklet or of a list."""
        label = fact.partition("：")[0]
        if fact in CATEGORIES:
            # From the term's first day: what was had in earlier terms stays as it was.
            child.lists.append((CATEGORIES[fact], self.term.first_day, None, OTHER_OFFICE))
        elif label == "认定为家庭经济困难":
            child.levels[self.term.code] = "ordinary"
        elif label == "学段":
            child.grade = stage_of(child)[1]
            child.stage = self.chance.choice(asked["stage"])
        elif label == "年级":
            child.grade = self.chance.choice(asked["grade"])
        elif label == "户口所在省":
            child.hukou = next(code for code in HOMES if code[:2] in asked["hukou_province"])
        elif label == "户口所在县":
            child.hukou = next(code for code in HOMES if code[:6] in asked["hukou_county"])
        elif label == "本学年新生":
            child.entered = date(self.term.school_year, 9, 1)
        elif label == "以前没有享受过（一生一次）":
            child.earlier = []
        else:
            self.flag(child, label.removeprefix("不是"), on=not label.startswith("不是"))

    def flag(self, child: Child, label: str, *, on: bool) -> None:
        assert FLAGS[label] in ("boarding", "rural_hukou"), f"how does one make this so: {label}"
        setattr(child, FLAGS[label], on)


@dataclass
class Asked:
    """One copy to ask about: `suffices`: whether the facts changed are a whole set, or only a part of it."""

    who: int
    one: Explained
    facts: tuple[str, ...]
    suffices: bool


def parts(facts: list[str]) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The set itself and every proper part of it but the empty one, which is the child as it is."""
    yield tuple(facts), True
    if len(facts) <= MOST_FACTS:
        yield from ((part, False) for size in range(1, len(facts)) for part in combinations(facts, size))


def selected(term: Term, rules: list[Applied]) -> set[tuple[int, str]]:
    """(student, rule) of everybody each rule selects by its own condition; all rules in one statement."""
    columns = {f"r{n}": yes_no(applied.holds) for n, applied in enumerate(rules)}
    facts, values = facts_in_sight(term)
    text, more = sql.compiled(FactRow.objects.order_by().annotate(**columns).values("student_id", *columns))
    found = sql.rows(f"{facts} {text}", [*values, *more])
    return {(row["student_id"], rules[n].rule.code) for row in found for n in range(len(rules)) if row[f"r{n}"] == "yes"}


class Copies:
    """Altered children, each put down once however many rules ask about it."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.children: list[tuple[Child, School]] = []

    def number(self, child: Child, school: School) -> int:
        key = f"{child!r} {school.pk}"
        if key not in self.numbers:
            self.numbers[key] = len(self.children)
            self.children.append((child, school))
        return self.numbers[key]


def questions(desk: Desk, children: list[tuple[Child, School]], told: list[list[Explained]], copies: Copies) -> list[Asked]:
    found = []
    for (child, school), answers in zip(children, told, strict=True):
        for one in answers:
            for facts in one.missing:
                for part, suffices in parts(facts):
                    if (altered := desk.altered(child, school, one, part)) is not None:
                        found.append(Asked(copies.number(*altered), one, part, suffices))
    return found


def registered(children: list[tuple[Child, School]], chance: random.Random) -> list[tuple[Child, School]]:
    """Everybody stands in a register, so that no other fact moves the household."""
    for child, _ in children:
        child.register = child.register or chance.choice(HOMES)
    return children


def test_the_sets_an_explanation_names_suffice_and_no_part_of_one_does(schools: list[School]):
    asked: Counter[str] = Counter()

    @FEW
    @given(term=st.sampled_from(TERMS).map(Term.parse), world=WORLDS, seed=st.integers(0, 2**32))
    def ask(term: Term, world: World, seed: int) -> None:
        chance = random.Random(seed)
        with transaction.atomic():
            establish(world)
            children = registered([any_child(chance, term, schools) for _ in range(CHILDREN)], chance)
            students = put(children, term)
            compute(f"{term.school_year - 1}-autumn")
            told = [explain(student, term) for student in students]
            copies = Copies()
            open_questions = questions(Desk(term, world, schools, chance), children, told, copies)
            others = again(copies, term)
            chosen = selected(term, applied_rules(term))
            for student, answers in zip(students, told, strict=True):
                for one in answers:
                    assert ((student.pk, one.rule.code) in chosen) == one.eligible
            for question in open_questions:
                yes = (others[question.who].pk, question.one.rule.code) in chosen
                assert yes == question.suffices, (term.code, question.one.rule.code, question.facts, question.one.missing)
                asked[question.one.rule.code] += question.suffices
            transaction.set_rollback(True)

    ask()
    assert sum(asked.values()) > 500
    assert len(asked) > 50  # rules of which some child lacked something that was made true


def again(copies: Copies, term: Term) -> list[Student]:
    """The copies as rows; what they had in an earlier autumn is computed."""
    students = put(copies.children, term)
    compute(f"{term.school_year - 1}-autumn")
    return students
