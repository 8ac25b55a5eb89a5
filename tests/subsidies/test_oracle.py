"""Random children under random adoptions, county figures and areas: the product against tests/subsidies/by_hand.py."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from aidcases import jobs, sql
from aidcases.models import School, SchoolFee
from aidcases.roles import OfficeKind
from aidcases.terms import Term
from students.enums import Category, RosterKind, Stage
from students.imports.homes import derive
from students.models import Enrolment, Hardship, Household, ImportFile, Member, Person, Student
from subsidies.actions import adopt_pack, load_pack, request_recompute, shipped_packs
from subsidies.explain import explain
from subsidies.models import CountyFigure, Determination, Entitlement, ListedArea, MissingFigure, Rule
from tests import make
from tests.subsidies.by_hand import BENEFIT, DECIDED, DOCUMENTS, Child, World, due

CHILDREN, EXAMPLES = 200, 16
SCHOOLS = ["620123100", "620121100", "620402", "210323118", "640104100", "640121104", "411722", "510104"]
HOMES = ["620123100201", "620121100001", "620402", "210323118200", "640104100", "640105", "640121104", "640181",
         "640422", "411722", "510104"]  # fmt: skip
OFFICES = ["620123", "620121", "210323", "640104", "640121", "411722"]
FEES = [None, 0, 1, 1600_00, 625_01, 6000_00]
OWN = {"lanzhou": "6201", "anshan": "2103", "yinchuan": "6401", "prefecture": "4117", "national": ""}
# Two documents of one standing in one place would have no order between them; others may be adopted anywhere.
WHERE = {"lanzhou": ["6201", "620123", ""], "anshan": ["2103", "210323"], "yinchuan": ["6401", "640104"],
         "prefecture": ["4117", "411722", "6201", "620123", "2103"], "national": ["", "62", "620123"]}  # fmt: skip
# What counties may set: from, to (fen); a floor only upwards, a ceiling only downwards.
FIGURES = {"yc-preschool": (0, 3000_00), "pf-preschool-aid": (0, 3000_00), "cn-preschool-last-year": (0, 5000_00),
           "lz-senior-grant": (2000_00, 4000_00), "lz-loan": (1000_00, 8000_00), "cn-loan": (1000_00, 8000_00),
           "cn-senior-grant": (500_00, 2500_00), "cn-undergraduate-grant": (500_00, 3000_00)}  # fmt: skip
TIERED = ("cn-senior-grant", "cn-undergraduate-grant")
PLACES = ["62", "6201", "620123", "620121", "2103", "210323", "6401", "640104", "640121", "640422", "411722"]
DAYS = [date(2011, 9, 1), date(2016, 9, 1), date(2018, 9, 1), date(2018, 9, 2), date(2020, 2, 29), date(2024, 3, 1),
        date(2025, 2, 28), date(2025, 9, 1)]  # fmt: skip
TERMS = [f"{year}-{season}" for year in range(2012, 2027) for season in ("spring", "autumn")][:-1]
TERMS += ["2018-autumn", "2024-spring", "2025-spring", "2025-autumn"] * 3  # where several rules begin or change
RARE = ("2018-autumn", "2025-autumn", "2016-autumn", "2024-spring", "2020-autumn", "2026-autumn")
FOUND = "620121"  # the county that brought all children in
SET = [("yc-preschool", "6401", "", DAYS[1], 1200_01), ("pf-preschool-aid", "4117", "", DAYS[1], 1000_00)]
FEW = settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


def on_one_thing_once(rows: list[tuple]) -> list[tuple]:
    """What is said twice of the same thing from the same day is said once."""
    return list({row[:-1]: row for row in rows}.values())


ADOPTED = st.lists(
    st.sampled_from([(pack, place) for pack, places in WHERE.items() for place in places]).flatmap(
        lambda where: st.tuples(*map(st.just, where), st.sampled_from(DAYS), st.booleans())
    ),
    max_size=6,
).map(on_one_thing_once)
FIGURE = st.sampled_from(sorted(FIGURES)).flatmap(
    lambda rule: st.tuples(
        st.just(rule), st.sampled_from(PLACES),
        st.sampled_from(("special", "hard", "ordinary")) if rule in TIERED else st.just(""),
        st.sampled_from(DAYS), st.integers(*FIGURES[rule]),
    )
)  # fmt: skip
AREA = st.tuples(
    st.sampled_from(("pilot", "origin")), st.sampled_from(PLACES), st.sampled_from(DAYS), st.sampled_from((True, True, False))
)  # fmt: skip
WORLDS = st.builds(
    lambda own, adopted, figures, areas, orphan_lists: World(
        on_one_thing_once([(pack, OWN[pack], DAYS[0], True) for pack in own] + adopted),
        on_one_thing_once([*(SET if len(own) % 2 else []), *figures]),
        areas,
        orphan_lists,
    ),
    st.sets(st.sampled_from(sorted(OWN)), min_size=3),
    ADOPTED,
    st.lists(FIGURE, max_size=16),
    st.lists(AREA, max_size=8).map(on_one_thing_once),
    st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(DAYS)), max_size=3),
)


# ---------- random children ----------


def any_child(chance: random.Random, term: Term, schools: list[School]) -> tuple[Child, School]:
    """A child in one of the schools, on none to five lists, perhaps determined, perhaps here a year ago."""
    school, stage = chance.choice(schools), chance.choice(list(Stage))
    [fee] = school.fees.all() or [None]
    years = [term.first_day.year - back for back in (0, 1)]
    child = Child(
        stage=stage,
        grade=chance.randint(1, 9 if stage == Stage.SPECIAL_EDUCATION else 4),
        school=school.region_id,
        hukou=chance.choice(HOMES),
        boarding=chance.random() < 0.5,
        orphan=chance.random() < 0.05,
        rural_hukou=chance.random() < 0.5,
        entered=chance.choice(
            [None, None, *(date(year, 8, 31) for year in years), *(date(year, 9, 1) for year in years)]
        ),
        public=school.public,
        rural_school=school.rural,
        fee=int(fee.annual_fee * 100) if fee else None,
        lists=any_lists(chance, term),
        levels=any_levels(chance, term),
        found=FOUND,
        earlier=[f"{term.school_year - 1}-autumn"] if chance.random() < 0.15 else [],
    )
    if chance.random() < 0.2:
        child.register = chance.choice(HOMES)
    return child, school


def any_lists(chance: random.Random, term: Term) -> list[tuple[str, date, date | None, str]]:
    names = chance.sample(list(Category), chance.choice([0, 0, 1, 1, 2, 3, 5]))
    if chance.random() < 0.15:
        names = [*{*names, Category.REGISTERED_POOR, chance.choice([Category.TEKUN_RURAL, Category.TEKUN_URBAN])}]
    found = []
    for name in sorted(names):
        begun = chance.choice([date(2010, 1, 1)] * 4 + [term.first_day, term.last_day, term.next.first_day])
        last = chance.choice([None] * 4 + [term.first_day, term.first_day - timedelta(days=1), term.last_day])
        found.append((name.value, begun, last if last and last >= begun else None, chance.choice(OFFICES)))
    return found


def any_levels(chance: random.Random, term: Term) -> dict[str, str]:
    near = {term.code, f"{term.school_year}-autumn", f"{term.school_year - 1}-autumn", term.next.code}
    return {
        code: chance.choice(("special", "hard", "ordinary", "none")) for code in sorted(near) if chance.random() < 0.25
    }


# ---------- into the database ----------


def put(children: list[tuple[Child, School]], term: Term) -> list[Student]:
    paths = {code: make.region(code).path for code in {*HOMES, *OFFICES}}
    people = [
        Person(
            name=f"生{n}", id_number=make.id_number(child.hukou[:6], date(1995, 1, 1) + timedelta(days=n)),
            birth_on=date(2010, 1, 1), name_authority=3, hukou_region_id=child.hukou, found_path=paths[FOUND],
        )
        for n, (child, _) in enumerate(children)
    ]  # fmt: skip
    Person.objects.bulk_create(people)
    students = [Student(person=person) for person in people]
    Student.objects.bulk_create(students)
    for rows in (enrolments, hardships, determinations):
        made = [row for student, (child, school) in zip(students, children, strict=True)
                for row in rows(student, child, school, term, paths)]  # fmt: skip
        type(made[0]).objects.bulk_create(made) if made else None
    for student, (child, _) in zip(students, children, strict=True):
        if child.register:
            household = Household(number=f"户{student.pk}", region_id=child.register, path=paths[child.register])
            household.save()
            Member(household=household, person=student.person, relation="之子", from_on=date(2014, 1, 1)).save()
    derive("SELECT * FROM students_person")
    sql.run("ANALYZE students_person, students_enrolment, students_hardship")
    return students


def enrolments(student: Student, child: Child, school: School, term: Term, paths: dict) -> list[Enrolment]:
    return [
        Enrolment(
            student=student, term=code, school=school, school_path=school.path, stage=child.stage, grade=child.grade,
            boarding=child.boarding, orphan=child.orphan, rural_hukou=child.rural_hukou, entered_on=child.entered,
            hukou_region_id=child.hukou,
        )
        for code in (*child.earlier, term.code)
    ]  # fmt: skip


SOURCES = {"dibao": RosterKind.DIBAO, "tekun": RosterKind.TEKUN}


def hardships(student: Student, child: Child, school: School, term: Term, paths: dict) -> list[Hardship]:
    found = []
    for category, begun, last, office in child.lists:
        same: dict[str, Any] = {"person": student.person, "category": category, "office_path": paths[office]}
        same["source"] = SOURCES.get(category[:5], RosterKind.POVERTY)
        found.append(Hardship(from_on=begun, active=True, **same))
        if last:
            found.append(Hardship(from_on=last + timedelta(days=1), active=False, **same))
    return found


def determinations(student: Student, child: Child, school: School, term: Term, paths: dict) -> list[Determination]:
    return [
        Determination(student=student, term=code, level=level, source="application", school_path=school.path)
        for code, level in child.levels.items()
    ]


def establish(world: World) -> None:
    for pack, place, day, active in world.adopted:
        adopt_pack(pack, region=make.region(place) if place else None, from_on=day, active=active)
    for rule, place, level, day, fen in world.figures:
        region = make.region(place)
        CountyFigure.objects.create(
            rule_code=rule, region=region, path=region.path, level=level, from_on=day, yuan=Decimal(fen) / 100
        )
    for kind, place, day, active in world.areas:
        region = make.region(place)
        ListedArea.objects.create(kind=kind, region=region, path=region.path, from_on=day, active=active)
    for place, day in world.orphan_lists:
        ImportFile(
            kind=RosterKind.ORPHANS, term="2011-autumn", office=make.office("62", OfficeKind.SYSTEM), data_on=day,
            path=make.region(place).path, filename="孤儿.xlsx", sha256="0" * 64, stored="imports/none", uploaded_by="甲",
            state="committed", committed_at=timezone.now(),
        ).save()  # fmt: skip


def compute(term: str) -> None:
    job = jobs.work_off(request_recompute(term=Term.parse(term), path="/"))
    assert job.state == "done", job.error


# ---------- the two held together ----------


@pytest.fixture
def schools(db: None, everywhere: None) -> list[School]:
    """Four schools in every place, public and private, rural and not, with fees of all kinds; every pack loaded."""
    for pack in shipped_packs():
        load_pack(pack)
    chance = random.Random(20180901)
    made = []
    for place in SCHOOLS:
        for public, rural in ((True, True), (True, False), (False, True), (False, False)):
            fen = chance.choice(FEES)
            school = make.school(place=place, fee=None if fen is None else str(Decimal(fen) / 100))
            school.public, school.rural = public, rural
            school.save()
            SchoolFee.objects.filter(school=school).update(from_on=date(2000, 9, 1))
            made.append(school)
    return list(School.objects.filter(pk__in=[school.pk for school in made]).prefetch_related("fees").order_by("pk"))


def found_of(students: list[Student], term: str) -> tuple[dict, dict]:
    granted: dict[int, dict] = defaultdict(dict)
    for student, rule, amount in Entitlement.objects.filter(term=term).values_list("student", "rule__code", "amount"):
        granted[student][rule] = amount
    lacking: dict[int, set] = defaultdict(set)
    for student, rule in MissingFigure.objects.filter(term=term).values_list("student", "rule__code"):
        lacking[student].add(rule)
    return granted, lacking


def test_the_rules_by_hand_are_the_rules_of_the_packs(schools: list[School]):
    rules = Rule.objects.select_related("benefit", "pack")
    assert {rule.code for rule in rules} == BENEFIT.keys() | DECIDED
    by_hand = {
        rule.code: (document, priority, rule.benefit, "household" if rule.where == "home" else "school")
        for document, (priority, lines) in DOCUMENTS.items()
        for rule in lines
    }
    assert by_hand == {
        rule.code: (rule.pack.code, rule.priority, rule.benefit.code, rule.jurisdiction)
        for rule in rules
        if rule.code not in DECIDED
    }


def looked_at(schools: list[School], term: Term, world: World, chance: random.Random, granted: Counter[str]) -> int:
    """Random children of the world, computed, explained and held against the reading by hand; how many."""
    with transaction.atomic():
        establish(world)
        children = [any_child(chance, term, schools) for _ in range(CHILDREN)]
        students = put(children, term)
        for code in (f"{term.school_year - 1}-autumn", term.code):
            compute(code)
        seen, lacking = found_of(students, term.code)
        for student, (child, _) in zip(students, children, strict=True):
            amounts, lacks = due(child, term.code, world)
            expected = {code: None if fen is None else Decimal(fen) / 100 for code, fen in amounts.items()}
            assert (seen[student.pk], lacking[student.pk]) == (expected, lacks), (term.code, child, world)
            granted.update(amounts.keys())
        for student in chance.sample(students, 2):
            told = {one.rule.code: one.amount for one in explain(student, term) if one.granted}
            assert told == seen[student.pk]
        transaction.set_rollback(True)
    return len(students)


def test_thousands_of_children_get_what_the_documents_say(schools: list[School]):
    granted: Counter[str] = Counter()
    compared = 0

    @FEW
    @given(term=st.sampled_from(TERMS).map(Term.parse), world=WORLDS, seed=st.integers(0, 2**32))
    def compare(term: Term, world: World, seed: int) -> None:
        nonlocal compared
        compared += looked_at(schools, term, world, random.Random(seed), granted)

    compare()
    assert compared == CHILDREN * EXAMPLES
    # What is drawn hangs on which modules are loaded, so a rare rule may be passed by: its document is adopted alone, term
    # after term, until a child comes under it.
    for document, (_, lines) in DOCUMENTS.items():
        for number, code in enumerate(RARE * 3):
            if {rule.code for rule in lines} <= granted.keys():
                break
            areas = [(kind, place, DAYS[0], True) for kind in ("pilot", "origin") for place in PLACES]
            world = World([(document, OWN[document], DAYS[0], True)], SET, areas, [])
            looked_at(schools, Term.parse(code), world, random.Random(number), granted)
    assert granted.keys() == BENEFIT.keys(), "a rule that no random child came under has not been compared"
