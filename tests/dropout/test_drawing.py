"""The draw: the same on every machine, in strata, nobody twice; what is found, what has to be put right."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as some

from aidcases.flow import Refused
from aidcases.models import Organisation
from aidcases.scoping import SYSTEM, Scope, acting_in
from dropout import drawing, rectifying
from dropout.drawing import Candidate
from dropout.models import Inspection, Rectification
from students.enums import Stage
from students.models import Person
from tests import make
from tests.dropout.build import case
from tests.ledgers.conftest import act_as  # noqa: F401  (a fixture)
from tests.personas import TERM

TODAY = date(2018, 10, 8)
HERE = "/62/6201/620123/"


def children(numbers: list[str]) -> list[Candidate]:
    return [Candidate(n, number, HERE, HERE) for n, number in enumerate(numbers)]


@given(
    numbers=some.lists(some.text("0123456789X", min_size=18, max_size=18), unique=True, max_size=30),
    size=some.integers(1, 10), seed=some.text(min_size=1, max_size=10), shuffle=some.randoms(),
)  # fmt: skip
def test_the_order_of_rows_plays_no_part(numbers: list[str], size: int, seed: str, shuffle: object) -> None:
    wanted = [each.number for each in drawing.pick(seed, "back-primary", children(numbers), size)]
    shuffled = list(numbers)
    shuffle.shuffle(shuffled)
    assert [each.number for each in drawing.pick(seed, "back-primary", children(shuffled), size)] == wanted
    assert len(wanted) == min(size, len(numbers))


def test_the_published_rule_gives_the_same_by_hand(county) -> None:
    """As an inspector with a list and a calculator would do it."""
    primary = county.here.primary
    pupils = [make.student(at=primary) for _ in range(12)]
    back = case("closed", student=pupils[0], stage=Stage.PRIMARY, school=primary)
    with acting_in(Scope(HERE), SYSTEM):
        made = drawing.draw(seed="双色球 12", term=TERM, size=4, by=SYSTEM, today=TODAY)
        again = drawing.draw(seed=" 双色球 12 ", term=TERM, size=4, by=SYSTEM, today=TODAY)
        with pytest.raises(Refused, match="换一个种子"):
            drawing.draw(seed="双色球 12", term=TERM, size=5, by=SYSTEM, today=TODAY)
    assert (again.pk, Inspection.objects.count()) == (made.pk, 1)
    lines = list(made.lines.values_list("stratum", "student__person__id_number", "case_id"))
    assert lines[0] == ("已复学·小学", back.student.person.id_number, back.pk)
    roll = Person.objects.filter(student__enrolments__term=TERM.code, student__enrolments__school=primary)
    ours = roll.exclude(memberships__household__path__startswith=HERE)  # on the register of the county that draws
    others = [number for number in ours.values_list("id_number", flat=True) if number != lines[0][1]]
    by_hand = sorted(others, key=lambda n: hashlib.sha256(f"双色球 12|other-primary|{n}".encode()).hexdigest())[:4]
    assert [number for stratum, number, _ in lines if stratum == "其他在校生·小学"] == by_hand
    assert len({number for _, number, _ in lines}) == len(lines)
    codes = {label: code for code, label in drawing.strata(TERM).items()}
    with acting_in(Scope(HERE), SYSTEM):
        roster = [(code, each.number) for code in codes.values() for each in drawing.candidates(TERM, code)]
    whole = sorted(f"{code}|{number}" for code, number in roster) + [""] + [f"{codes[s]}|{n}" for s, n, _ in lines]
    assert made.sha256 == hashlib.sha256("\n".join(whole).encode()).hexdigest()
    told = {stratum["stratum"]: (stratum["population"], stratum["drawn"]) for stratum in made.strata}
    assert (told["back-primary"], told["poor-primary"]) == ((1, 1), (1, 1))


def test_what_is_wrong_below_is_put_right_and_checked(county, act_as) -> None:  # noqa: F811
    pupil = county.here.students[1]
    school = make.school_office(county.here.primary)
    with act_as("checker") as _:
        by = county["checker"].memberships.get().actor
        made = drawing.draw(seed="7", term=TERM, size=3, by=by, today=TODAY)
        line = made.lines.get(student=pupil)
        with pytest.raises(Refused, match="至少 5 个字"):
            rectifying.record(line, in_school=False, found="", by=by, today=TODAY)
        rectifying.record(line, in_school=False, found="教室里没有这名学生", by=by, today=TODAY)
        assert school in rectifying.offices_for(line)
        there = Organisation.objects.get(path="/62/6201/620121/", kind="county")
        with pytest.raises(Refused, match="只能向本单位范围内"):
            give(there, line, by)
        task = give(school, line, by)
    with act_as("school"):
        own = county["school"].memberships.get().actor
        mine = Rectification.objects.get(pk=task.pk)
        done = rectifying.answer(mine, text="已家访，明天返校", by=own, today=TODAY)
        with pytest.raises(Refused, match="由下达整改的单位核实"):
            rectifying.accept(done, by=own)
    with act_as("checker"):
        back = rectifying.send_back(
            Rectification.objects.get(pk=task.pk), note="没有照片", due_on=date(2018, 10, 20), by=by, today=TODAY
        )
        assert (back.state, back.answer) == ("open", "已家访，明天返校")
    with act_as("other_maker"):
        assert not Rectification.objects.exists()
    with act_as("city"), pytest.raises(Refused, match="由组织抽查的单位登记"):
        rectifying.record(line, in_school=True, found="", by=SYSTEM, today=TODAY)


def give(office: Organisation, line: object, by: object) -> Rectification:
    return rectifying.give(
        office, line=line, problem="名在人不在，学籍没有处理", due_on=date(2018, 10, 15), by=by, given_name="榆中县", today=TODAY
    )
