"""Who a new child may be: each rung asks, none holds a row up; twins and siblings are nobody's doubles."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from aidcases import sql
from aidcases.models import CalendarDay
from students.imports import matching
from students.models import Enrolment, ImportFile, ImportRow, Person, Suspect
from tests import make
from tests.students.rosters import SAMPLE_FILES, bring_in
from tests.students.test_import_guards import (
    DIBAO,
    HERE,
    ROLL,
    SCHOOL_HERE,
    SCHOOL_THERE,
    TERM,
    THERE,
    Office,
    here,  # noqa: F401
    schools,  # noqa: F401
    there,  # noqa: F401
)

pytestmark = pytest.mark.django_db
VILLAGE = "620123100201"
BORN = date(2009, 5, 1)
WIDE = f"{ROLL},学籍号,成员1姓名,成员1关系,成员1身份证件号"


def child(
    name: str, number: str, *, roll: str = "", carer: str = "", school: str = SCHOOL_HERE, village: str = VILLAGE
) -> str:
    return f"{name},{number},{school},三年级,住校,{village},{roll},{'张大山' if carer else ''},{'父亲' if carer else ''},{carer}"


def number(born: date = BORN, county: str = HERE) -> str:
    return make.id_number(county, born)


def pairs() -> list[tuple[str, str, str]]:
    return [(s.first_name, s.second_name, s.rung) for s in Suspect.objects.order_by("pk")]


def test_the_same_roll_number_is_asked_about(schools: None, here: Office):  # noqa: F811
    roll = f"G{number()}"
    here.bring("roll", WIDE, child("张小明", number(), roll=roll))
    file = here.bring("roll", WIDE, child("张晓名", number(date(2009, 6, 1)), roll=roll))
    assert pairs() == [("张小明", "张晓名", matching.ROLL_NUMBER)]
    assert file.counts["new"] == 1  # asked, not held up
    assert Enrolment.objects.count() == 2


def test_name_birth_sex_and_guardian_are_asked_about(schools: None, here: Office):  # noqa: F811
    carer = number(date(1980, 1, 1))
    first = number()
    here.bring("roll", WIDE, child("张小明", first, carer=carer))
    second = number()
    if Person.objects.get(name="张小明").sex != _sex(second):
        second = number()
    here.bring("roll", WIDE, child("张小明", second, carer=carer, school=SCHOOL_HERE, village="620123101201"))
    assert pairs() == [("张小明", "张小明", matching.SAME_CHILD)]


def _sex(of: str) -> str:
    return "男" if int(of[16]) % 2 else "女"


def same_sex(of: str) -> str:
    """Another number of that birth date and sex."""
    while _sex(found := number()) != _sex(of):
        pass
    return found


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("张小明", True),
        ("张晓明", True),
        ("张小朋", True),
        ("张明", True),
        ("张小小明", True),
        ("李大红", False),
        ("王小刚", False),
    ],
)
def test_a_similar_name_at_one_school_is_asked_about(schools: None, here: Office, name: str, asked: bool):  # noqa: F811
    first = number()
    here.bring("roll", ROLL, f"张小明,{first},{SCHOOL_HERE},三年级,住校,")
    here.bring("roll", ROLL, f"{name},{same_sex(first)},{SCHOOL_HERE},三年级,住校,")
    assert pairs() == ([("张小明", name, matching.SIMILAR_NAME)] if asked else [])


def test_a_similar_name_in_one_village_is_asked_about(schools: None, here: Office):  # noqa: F811
    first = number()
    here.bring("roll", ROLL, f"张小明,{first},{SCHOOL_HERE},三年级,住校,{VILLAGE}")
    here.bring("population", "姓名,身份证号,户籍行政区划", f"张晓明,{same_sex(first)},{VILLAGE}")
    assert pairs() == [("张小明", "张晓明", matching.SIMILAR_NAME)]
    here.bring("population", "姓名,身份证号,户籍行政区划", f"张小名,{same_sex(first)},620123101201")
    assert len(pairs()) == 1


def test_another_birth_date_is_another_child(schools: None, here: Office):  # noqa: F811
    here.bring("roll", ROLL, f"张小明,{number()},{SCHOOL_HERE},三年级,住校,{VILLAGE}")
    here.bring("roll", ROLL, f"张小明,{number(date(2009, 5, 2))},{SCHOOL_HERE},三年级,住校,{VILLAGE}")
    assert pairs() == []


def test_twins_on_one_roll_are_two(schools: None, here: Office):  # noqa: F811
    carer, first = number(date(1980, 1, 1)), number()
    twins = [child("张小明", first, carer=carer), child("张小朋", same_sex(first), carer=carer)]
    here.bring("roll", WIDE, *twins)
    assert pairs() == []
    # Also when the second comes to the list later: the whole roll names both.
    third, other = number(), number(date(1981, 1, 1))
    here.bring("roll", WIDE, *twins, child("李小明", third, carer=other))
    here.bring("roll", WIDE, *twins, child("李小明", third, carer=other), child("李小朋", same_sex(third), carer=other))
    assert pairs() == []


def test_twins_in_one_household_are_two(schools: None, here: Office):  # noqa: F811
    head, first = number(date(1980, 1, 1)), number()
    second = same_sex(first)
    title = "姓名,证件号码,户编号,与户主关系"
    lines = [("张大山", head, "户主"), ("张小明", first, "之子"), ("张小朋", second, "之子")]
    here.bring("poverty", title, *(f"{name},{who},{VILLAGE}00001,{relation}" for name, who, relation in lines))
    here.bring("roll", ROLL, f"张小明,{first},{SCHOOL_HERE},三年级,住校,{VILLAGE}")
    here.bring("roll", ROLL, f"张小朋,{second},{SCHOOL_HERE},三年级,住校,{VILLAGE}")
    assert pairs() == []


def test_nobody_out_of_sight_is_named(schools: None, here: Office, there: Office):  # noqa: F811
    carer, first = number(date(1980, 1, 1)), number()
    here.bring("roll", WIDE, child("张小明", first, carer=carer, roll=f"G{first}"))
    line = child("张小明", same_sex(first), carer=carer, roll=f"G{first}", school=SCHOOL_THERE, village="620121100001")
    assert there.bring("roll", WIDE, line).counts["new"] == 1
    assert pairs() == []


def test_a_pair_is_asked_about_once(schools: None, here: Office):  # noqa: F811
    first = number()
    second = same_sex(first)
    here.bring("roll", ROLL, f"张小明,{first},{SCHOOL_HERE},三年级,住校,{VILLAGE}")
    here.bring("roll", ROLL, f"张晓明,{second},{SCHOOL_HERE},三年级,住校,{VILLAGE}")
    Suspect.objects.update(state="different")
    here.bring("dibao", DIBAO, f"张晓明,{second},农村,201701,")
    assert [s.state for s in Suspect.objects.all()] == ["different"]


def test_a_crowd_of_namesakes_is_no_clue(schools: None, here: Office):  # noqa: F811
    """All of one birth date, name, sex and village: 40 numbers on separate lists would be 780 pairs."""
    first = number()
    here.bring("population", "姓名,身份证号,户籍行政区划", *(f"张小明,{same_sex(first)},{VILLAGE}" for _ in range(40)))
    here.bring("roll", ROLL, f"张小明,{same_sex(first)},{SCHOOL_HERE},三年级,住校,{VILLAGE}")
    assert pairs() == []


@pytest.mark.usefixtures("everywhere")
def test_the_sample_county_s_rosters_suspect_nobody_wrongly(tmp_path: Any):
    for kind, path in SAMPLE_FILES.items():
        bring_in(kind, path, county=HERE, term=TERM)
    found = Suspect.objects.all()
    assert found.count() <= 20, pairs()
    people = Person.objects.in_bulk([pk for s in found for pk in (s.first_id, s.second_id)])
    assert all(
        people[s.first_id].birth_on == people[s.second_id].birth_on for s in found if s.rung != matching.ROLL_NUMBER
    )


def test_a_row_with_a_wrong_number_is_told_who_it_may_be(schools: None, here: Office):  # noqa: F811
    first = number()
    here.bring("roll", ROLL, f"张小明,{first},{SCHOOL_HERE},三年级,住校,{VILLAGE}")
    lines = (f"{name},{first[:-1]}*,{SCHOOL_HERE},三年级,住校," for name in ("张小明", "李四"))
    file = here.bring("roll", ROLL, *lines)
    rows = list(ImportRow.objects.filter(file=file).order_by("number"))
    assert [row.state for row in rows] == ["rejected", "rejected"]
    assert matching.likely(rows) == {rows[0].pk: [matching.Likely("同校", "张小明", first[-4:])]}
    assert ImportFile.objects.get(pk=file.pk).counts["rejected"] == 2
    assert THERE not in str(matching.likely(rows))


def test_a_rung_that_takes_too_long_asks_nothing_and_loses_nothing(db: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(matching, "PATIENCE", "50ms")
    assert matching._in_time("INSERT INTO aidcases_calendarday SELECT '2031-01-01', true, '' FROM pg_sleep(1)", {}) == 0
    assert not CalendarDay.objects.filter(day="2031-01-01").exists()
    assert sql.one("SELECT current_setting('statement_timeout') AS value")["value"] == "0"
    assert matching._in_time("INSERT INTO aidcases_calendarday SELECT '2031-01-01', true, ''", {}) == 1
