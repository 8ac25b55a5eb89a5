"""Situations an official can read (tests/cases/*.toml), run through the real recompute and its explanation.

What the words of a case mean is said at the head of tests/cases/lanzhou.toml."""

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

from aidcases import jobs
from aidcases.models import Region
from aidcases.scoping import EVERYWHERE, acting_in
from aidcases.terms import Term
from students.enums import COLLEGE_STAGES, Category, Stage
from students.imports.homes import derive
from students.models import Person, Student
from subsidies.actions import PACKS, adopt_pack, load_pack, publish, request_recompute, shipped_packs
from subsidies.enums import AreaKind, Jurisdiction, Level
from subsidies.explain import Explained, explain
from subsidies.models import CountyFigure, Determination, ListedArea, MissingFigure, Rule
from tests import make

BOOKS = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parents[1] / "cases").glob("*.toml"))
}
STAGES = {stage.label: stage for stage in Stage}
CATEGORIES = {category.label: category for category in Category}
LEVELS = {level.label: level for level in Level}
AREAS = {"试点地区": AreaKind.PILOT, "生源地": AreaKind.ORIGIN}
KINDS = {"享受", "不享受", "边界"}
TOLD = {"fails", "outbid", "may", "payer", "disburser"}
DECIDED = "经评定确定"  # what a discretionary benefit always waits for
EVERYBODY = "SELECT * FROM students_person"


@dataclass(frozen=True)
class Asked:
    """One case in one of its terms. Counted from 1 as they stand in the file."""

    book: str
    number: int
    case: dict[str, Any]
    term: str
    due: dict[str, str]

    @property
    def name(self) -> str:
        rule = names(self.book, self.case["rule"])[0]
        return f"{self.book}-{self.number}-{rule}-{self.term}"

    def says(self, word: str, default: Any = None) -> Any:
        """What the case says, else what its file says of all its cases."""
        return self.case.get(word, BOOKS[self.book]["file"].get(word, default))

    @property
    def setting(self) -> dict[str, Any]:
        """Where the case stands: what is adopted and what the counties have set; equal for the cases of one recompute."""
        of_all = {key: self.says(key) for key in ("pack", "region", "from") if self.says(key)}
        adopted = self.says("adopted", {})
        rows = adopted if isinstance(adopted, list) else [adopted]
        return {
            "adopted": [{**of_all, **row} for row in rows],
            "figures": self.says("figures", []),
            "areas": self.says("areas", []),
            "cut_off": self.says("cut_off", ""),
        }


@dataclass(frozen=True)
class Answer:
    entitled: dict[str, str | None]
    lacks: set[str]
    explained: dict[str, Explained] | None  # of the cases that say something of reasons
    paths: dict[str, str]


def asked() -> list[Asked]:
    found = []
    for book, content in BOOKS.items():
        for number, case in enumerate(content["case"], start=1):
            term = case.get("term", content["file"]["term"])
            days = case.get("days") or {term: case["due"]}
            found += [Asked(book, number, case, term, due) for term, due in days.items()]
    return found


def names(book: str, rule: str) -> list[str]:
    return BOOKS[book].get("same", {}).get(rule, [rule])


# ---------- the setting ----------


def settle(setting: dict[str, Any]) -> None:
    """Packs adopted, figures set, areas listed."""
    for row in setting["adopted"]:
        place = region(row["region"])
        adopt_pack(row["pack"], region=place, from_on=row.get("from"))
        if "until" in row:
            adopt_pack(row["pack"], region=place, from_on=row["until"], active=False)
    for row in setting["figures"]:
        place = make.region(row["region"])
        level = LEVELS[row["level"]] if "level" in row else ""
        CountyFigure.objects.create(
            rule_code=row["rule"], region=place, path=place.path, level=level, from_on=row["from"], yuan=row["yuan"]
        )
    for row in setting["areas"]:
        place = make.region(row["region"])
        for day, active in [(row["from"], True)] + ([(row["until"], False)] if "until" in row else []):
            kind = AREAS[row["list"]]
            ListedArea.objects.create(kind=kind, region=place, path=place.path, from_on=day, active=active)
    if setting["cut_off"]:
        judge_by_first_day(setting["cut_off"])


def judge_by_first_day(rule: str) -> None:
    """The rule's pack once more, as if the document counted the categories of the term's first day only."""
    [name] = [name for name in shipped_packs() if f'code = "{rule}"\n' in text_of(name)]
    publish(text_of(name).replace(f'code = "{rule}"\n', f'code = "{rule}"\ncut_off = "first_day"\n'))


def text_of(pack: str) -> str:
    return (PACKS / f"{pack}.toml").read_text(encoding="utf-8")


def region(code: str) -> Region | None:
    return None if code == "全国" else make.region(code)


# ---------- the child ----------


def enrol(one: Asked) -> Student:
    """The case's child in a school of its own, on its lists; the paths as the imports derive them."""
    case, stage = one.case, STAGES[one.case["stage"]]
    place = case.get("school", one.says("college") if stage in COLLEGE_STAGES else one.says("school"))
    fee = case.get("fee", "1600.00")
    school = make.school(place=place, stages=(stage,), fee=None if fee == "未填" else fee)
    school.public, school.rural = not case.get("private", False), case.get("rural_school", False)
    school.save()
    grade = case.get("grade", 2)
    child = make.student(at=school, term=one.term, stage=stage, grade=grade, home=one.says("hukou"))
    for term in case.get("earlier", ()):
        make.enrolment(child, at=school, term=term, stage=stage, grade=grade)
    Person.objects.filter(pk=child.pk).update(found_path=make.region(one.says("office")).path)
    child.enrolments.update(
        boarding=case.get("boarding", False),
        orphan=case.get("orphan", False),
        rural_hukou=case.get("rural", True),
        entered_on=case.get("entered"),
    )
    if "register" in case:
        make.household(village=case["register"], members=(child.person,))
        make.hardship(child.person, Category.REGISTERED_POOR)
    for row in case.get("lists", ()):
        on_list(child, row, make.region(one.says("office")).path)
    for term, level in case.get("levels", {}).items():
        Determination(
            student=child, term=term, level=LEVELS[level], source="application",
            home_path=child.person.home_path, school_path=school.path,
        ).save()  # fmt: skip
    return child


def on_list(child: Student, row: dict[str, Any], office: str) -> None:
    category, last = CATEGORIES[row["name"]], row.get("last")
    days = [(row.get("from", date(2017, 1, 1)), True)] + ([(last + timedelta(days=1), False)] if last else [])
    for day, active in days:
        entry = make.hardship(child.person, category, from_on=day, active=active)
        entry.office_path = office
        entry.save()


# ---------- the answers ----------


def answers(group: list[Asked], term: str) -> Iterator[tuple[str, Answer]]:
    children = {one.name: enrol(one) for one in group}
    derive(EVERYBODY)
    for earlier in sorted({earlier for one in group for earlier in one.case.get("earlier", ())}):
        compute(earlier)
    compute(term)
    lacking = defaultdict(set)
    for student, rule in MissingFigure.objects.filter(term=term).values_list("student_id", "rule__code"):
        lacking[student].add(rule)
    for one in group:
        child = children[one.name]
        explained = None
        if TOLD & one.case.keys():
            explained = {told.rule.code: told for told in explain(child, Term.parse(term))}
        yield one.name, Answer(make.entitled(child, term), lacking[child.pk], explained, paths(child, term))


def compute(term: str) -> None:
    job = jobs.work_off(request_recompute(term=Term.parse(term), path="/"))
    assert job.state == "done", job.error


def paths(child: Student, term: str) -> dict[str, str]:
    """Where a rule looks for who pays: the school, or the household."""
    child.person.refresh_from_db()
    home = child.person.household_path or child.person.hukou_region.path
    school = child.enrolments.get(term=term).school_path
    return {Jurisdiction.SCHOOL: school, Jurisdiction.HOUSEHOLD: home}


@pytest.fixture(scope="module")
def answered(django_db_setup: None, django_db_blocker: Any) -> dict[str, Answer]:
    """All cases of one setting and term are one recompute; nothing stays in the database."""
    groups: dict[tuple[str, str], list[Asked]] = defaultdict(list)
    for one in asked():
        groups[repr(one.setting), one.term].append(one)
    found: dict[str, Answer] = {}
    with django_db_blocker.unblock(), acting_in(EVERYWHERE), transaction.atomic():
        for pack in shipped_packs():
            load_pack(pack)
        for (_, term), group in groups.items():
            before = transaction.savepoint()
            settle(group[0].setting)
            found.update(answers(group, term))
            transaction.savepoint_rollback(before)
        transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("one", asked(), ids=lambda one: one.name)
def test_case(answered: dict[str, Answer], one: Asked):
    answer, case, title = answered[one.name], one.case, one.case["title"]
    due = {code: amount for rule, amount in one.due.items() for code in names(one.book, rule)}
    assert answer.entitled == {code: None if amount == "免费" else amount for code, amount in due.items()}, title
    assert answer.lacks == set(case.get("lacks", ())), title
    if answer.explained is not None:
        check_reasons(answer, case)


def check_reasons(answer: Answer, case: dict[str, Any]) -> None:
    """What a case says beyond amounts: what fails, outbid by whom, left to a decision, who pays and who hands it out."""
    title, told = case["title"], answer.explained
    granted = {code: None if one.amount is None else str(one.amount) for code, one in told.items() if one.granted}
    assert granted == answer.entitled, f"{title}: what is selected is not what is explained"
    for code, labels in case.get("fails", {}).items():
        if code not in answer.entitled:
            assert failing(told[code]) == labels, (title, code)
    for code, winner in case.get("outbid", {}).items():
        assert told[code].outbid_by == winner, (title, code)
    for code in case.get("may", ()):
        assert (failing(told[code]), code in answer.entitled) == ([DECIDED], False), (title, code)
    for code, payer in case.get("payer", {}).items():
        rule = told[code].rule
        assert rule.payer_for(answer.paths[rule.jurisdiction]) == payer, (title, code)
    for code, disburser in case.get("disburser", {}).items():
        assert told[code].rule.disburser == disburser, (title, code)


def failing(told: Explained) -> list[str]:
    return [seen.label for seen in told.conditions if not seen.holds]


def test_every_rule_of_every_pack_has_a_case_inside_outside_and_on_the_boundary(db: None, everywhere: None):
    for pack in shipped_packs():
        load_pack(pack)
    covered = defaultdict(set)
    for book, content in BOOKS.items():
        for case in content["case"]:
            for code in names(book, case["rule"]):
                covered[code].add(case["kind"])
    assert covered == dict.fromkeys(Rule.objects.values_list("code", flat=True), KINDS)
    assert len(covered) == 55


def test_no_two_cases_of_a_file_have_one_title():
    for content in BOOKS.values():
        titles = [case["title"] for case in content["case"]]
        assert len(titles) == len(set(titles))


WORDS = """
    pack region from college title rule kind term days stage grade boarding rural orphan entered school private fee
    rural_school hukou register office lists levels earlier adopted figures areas cut_off due fails lacks outbid may
    payer disburser
"""


def test_no_case_says_a_word_that_nobody_reads():
    said = [content["file"] for content in BOOKS.values()]
    said += [case for content in BOOKS.values() for case in content["case"]]
    assert {word for table in said for word in table} == set(WORDS.split())
