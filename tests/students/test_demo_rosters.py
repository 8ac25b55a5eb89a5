"""Invented rosters: the same for the same seed, true to life, and every planted edge where it should be."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from aidcases.terms import Term
from students.demo.before import roll_before
from students.demo.rosters import KINDS, NoTownships, make_neighbours, make_rosters
from tests import oracle

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "tests" / "data" / "yuzhong-2018"
HOME, NEIGHBOUR, TERM = "620123", "620104", "2018-autumn"
RULES = {
    "lz-preschool-fee",
    "lz-preschool-poor",
    "lz-compulsory-fee",
    "lz-compulsory-textbook",
    "lz-compulsory-workbook",
    "lz-compulsory-boarding",
    "lz-senior-fee",
    "lz-senior-grant",
    "lz-vocational-fee",
    "lz-vocational-grant",
    "lz-college-fee",
    "lz-loan",
    "lz-zihui",
}
IN_KIND = {"lz-compulsory-fee", "lz-compulsory-textbook", "lz-compulsory-workbook"}


@cache
def regions() -> tuple[tuple[str, str, str], ...]:
    with (ROOT / "aidcases" / "data" / "regions.csv").open(encoding="utf-8-sig", newline="") as file:
        return tuple((row["code"], row["name"], row["level"]) for row in csv.DictReader(file))


def make(folder: Path, **changes) -> dict[str, Path]:
    wanted = {"county": HOME, "neighbour": None, "students": 300, "seed": 1, "term": TERM, "format": "csv"}
    return make_rosters(folder, regions=regions(), **{**wanted, **changes})


def cells(folder: Path, kind: str) -> list[dict[str, str]]:
    rows = oracle.raw_rows(folder, KINDS[kind][0])
    return [{heading: oracle.text(value) for heading, value in row.items()} for row in rows]


@cache
def by_kind(folder: Path) -> dict[str, list[oracle.Row]]:
    found = defaultdict(list)
    for row in oracle.read_people(folder, HOME)[0]:
        found[row.kind].append(row)
    return found


@pytest.fixture(scope="module")
def county(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("county")
    make(folder, format="xlsx")
    return folder


@pytest.fixture(scope="module")
def answers(county: Path) -> dict:
    return oracle.expected(county, county=HOME, term=TERM)


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("pair")
    make_neighbours(
        root,
        county=HOME,
        neighbour=NEIGHBOUR,
        students=300,
        seed=2,
        regions=regions(),
        term=TERM,
        format="csv",
    )
    return {code: root / code for code in (HOME, NEIGHBOUR)}


# ---- files --------------------------------------------------------------------------------------------


def test_the_same_seed_writes_the_same_files_and_another_does_not(tmp_path: Path):
    first, again, other = (make(tmp_path / name, seed=seed) for name, seed in (("a", 7), ("b", 7), ("c", 8)))
    assert {kind: path.read_bytes() for kind, path in first.items()} == {
        kind: path.read_bytes() for kind, path in again.items()
    }
    assert first["roll"].read_bytes() != other["roll"].read_bytes()


def test_workbooks_hold_what_the_text_files_hold(county: Path, tmp_path: Path):
    make(tmp_path)
    for kind in KINDS:
        assert cells(county, kind) == cells(tmp_path, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_headings_are_those_of_the_real_exports(county: Path, kind: str):
    title = KINDS[kind][0]
    ours, theirs = (next(oracle.raw_rows(folder, title)) for folder in (county, SAMPLE))
    assert list(ours) == list(theirs)


def test_the_generator_needs_no_django():
    code = "import sys, students.demo.rosters; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"county": "110101"}, "没有“东城区”的乡镇和村"),
        ({"students": 20}, "学生至少"),
        ({"format": "pdf"}, "不认识的格式"),
        ({"neighbour": HOME}, "相邻县"),
        ({"term": "2018"}, "学期"),
    ],
)
def test_what_cannot_be_made_is_refused_in_a_sentence(tmp_path: Path, changes: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        make(tmp_path / "county", **changes)
    assert not (tmp_path / "county").exists()


def test_a_county_without_townships_has_an_error_of_its_own(tmp_path: Path):
    with pytest.raises(NoTownships):
        make(tmp_path, county="620402")


# ---- people -------------------------------------------------------------------------------------------


def test_every_number_is_valid_but_the_two_planted_ones(county: Path):
    bad = defaultdict(list)
    for kind, (title, *columns) in oracle.LISTS.items():
        guardians = {"roll": ["成员1身份证件号"], "college": ["家长身份证号"], "dibao": ["户主证件号码"]}
        for row in oracle.raw_rows(county, title):
            for column in (columns[0], *guardians.get(kind, ())):
                if reason := oracle.identity(row[column])[1]:
                    bad[kind].append(reason)
    assert bad == {"poverty": ["scientific-notation id", "checksum"]}


def test_numbers_agree_with_birth_dates_sexes_and_grades(county: Path):
    ages = {"小班": 3, "一年级": 6, "七年级": 12, "高一": 15, "中职一年级": 15, "九年级": 14}
    for row in cells(county, "roll"):
        number = row["身份证件号"].lstrip("'").upper()
        assert number[6:14] == row["出生日期"]
        assert (int(number[16]) % 2 == 1) == (row["性别"] == "男")
        assert row["全国学籍号"] == f"G{number}"
        if (age := ages.get(row["年级"])) is not None:
            years = 2018 - int(number[6:10]) - (number[10:14] > "0831")
            assert years in (age, age + 1)


def test_a_number_is_one_person_but_for_the_two_planted_names(county: Path):
    names = defaultdict(set)
    for row in oracle.read_people(county, HOME)[0]:
        names[row.number].add(row.name)
    assert sum(len(found) > 1 for found in names.values()) == 2
    assert any("·" in name for found in names.values() for name in found)


def test_the_proportions_are_believable(tmp_path: Path):
    make(tmp_path, students=4000)
    roll = cells(tmp_path, "roll")
    numbers = {kind: {row.number for row in rows} for kind, rows in by_kind(tmp_path).items()}
    rural = [row for row in roll if row["户口性质"] == "农业户口"]

    def share(rows: list[dict], kind: str) -> float:
        return sum(oracle.identity(row["身份证件号"])[0] in numbers[kind] for row in rows) / len(rows)

    assert 0.16 < share(rural, "poverty") < 0.24
    assert 0.04 < share(roll, "dibao") < 0.08
    assert 0.005 < share(roll, "tekun") < 0.02
    assert 0.01 < share(roll, "disabled") < 0.03
    assert 0.33 < sum(row["就读方式"] == "住校" for row in roll) / len(roll) < 0.42
    assert 0.002 < sum(row["是否孤儿"] == "是" for row in roll) / len(roll) < 0.01
    assert 0.01 < sum(row["户口所在地行政区划"][:6] != HOME for row in roll) / len(roll) < 0.06


# ---- answers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [11, 12])
def test_a_small_county_has_somebody_under_every_rule(tmp_path: Path, seed: int):
    make(tmp_path, seed=seed)
    found = oracle.expected(tmp_path, county=HOME, term=TERM)
    assert 300 <= found["enrolled"] <= 303
    assert found["totals"].keys() == RULES
    assert {rule for rule, total in found["totals"].items() if total["amount"] == "0.00"} == IN_KIND
    assert found["poverty_rows_rejected"] == ["scientific-notation id", "checksum"]
    assert all(found["dropout"].values())


@pytest.mark.parametrize(("place", "province"), [("210321", "21"), ("640122", "64"), ("620105", "62")])
def test_other_counties_and_terms_work_too(tmp_path: Path, place: str, province: str):
    make(tmp_path, county=place, term="2020-spring", students=150)
    found = oracle.expected(tmp_path, county=place, term="2020-spring")
    assert found["poverty_rows_rejected"] == ["scientific-notation id", "checksum"]
    wanted = RULES - {"lz-loan", "lz-zihui"}
    if province != "62":  # their own province's children and colleges do not count as Gansu's
        wanted -= {"lz-preschool-fee", "lz-college-fee"}
    assert found["totals"].keys() == wanted


def test_relief_that_starts_after_the_term_does_not_count(county: Path, answers: dict):
    given = {
        row["起始年月"]: "lz-compulsory-boarding" in answers["entitlements"].get(row["成员证件号码"], ())
        for row in cells(county, "dibao")
        if row["与户主关系"] == "子女" and row["起始年月"] >= "201809"
    }
    assert given == {"201809": True, "201810": True, "201903": False}


def test_a_family_identified_after_the_term_is_not_registered_in_it(county: Path, answers: dict):
    given = {
        row["识别年度"]: "lz-compulsory-boarding" in answers["entitlements"][row["证件号码"]]
        for row in cells(county, "poverty")
        if row["识别年度"] >= "2019年" and row["与户主关系"] not in {"户主", "配偶"}
    }
    assert given == {"2019年": True, "2020年": False}


def test_a_certificate_counts_to_its_last_day(county: Path, answers: dict):
    given = {
        row["有效期至"]: answers["entitlements"][row["证件号码"]]
        for row in cells(county, "disabled")
        if row["有效期至"] < "2019-01-01"
    }
    assert set(given) == {"2018-08-31", "2018-09-01"}
    assert given["2018-08-31"] == {}
    assert given["2018-09-01"]["lz-senior-grant"] == "1000.00"


def test_the_list_says_what_is_rural_not_the_hukou(county: Path, answers: dict):
    poor = {row["证件号码"] for row in cells(county, "poverty")}
    seniors = {row["身份证件号"]: row for row in cells(county, "roll") if row["年级"].startswith("高")}
    seen = set()
    for kind, column in (("dibao", "成员证件号码"), ("tekun", "证件号码")):
        for row in cells(county, kind):
            pupil = seniors.get(row[column])
            name = row["成员姓名" if kind == "dibao" else "姓名"]
            if pupil is None or row[column] in poor or name != pupil["姓名"]:
                continue
            rural = row["城乡类别"] == "农村"
            assert ("lz-senior-grant" in answers["entitlements"][row[column]]) == rural
            seen.add((kind, rural, pupil["户口性质"] == "农业户口"))
    assert {(kind, rural, not rural) for kind in ("dibao", "tekun") for rural in (True, False)} <= seen


def test_under_two_names_only_the_schools_counts(county: Path, answers: dict):
    school = {row.number: row.name for row in by_kind(county)["roll"]}
    others = [row for kind in ("dibao", "poverty") for row in by_kind(county)[kind]]
    conflicts = [row for row in others if school.get(row.number, row.name) != row.name]
    assert [row.kind for row in conflicts] == ["dibao", "poverty"]
    assert all(answers["entitlements"][row.number] == {} for row in conflicts)


def test_an_orphan_outside_every_register_is_poor(county: Path, answers: dict):
    listed = {row.number for kind in ("poverty", "dibao", "tekun") for row in by_kind(county)[kind]}
    orphans = [
        row.number
        for row in by_kind(county)["roll"]
        if row.cells["是否孤儿"] == "是" and row.cells["就读方式"] == "住校" and row.number not in listed
    ]
    assert orphans
    assert any(answers["entitlements"][number].get("lz-compulsory-boarding") for number in orphans)


def test_a_fee_of_nought_is_granted_and_an_unknown_one_is_not(county: Path, answers: dict):
    schools = {row["学校标识码"]: row["学费标准（元/年）"] for row in cells(county, "schools")}
    given = defaultdict(list)
    for row in by_kind(county)["roll"]:
        rules = answers["entitlements"][row.number]
        if row.cells["年级"].startswith("高") and "lz-senior-grant" in rules:
            given[schools[row.cells["学校标识码"]]].append(rules.get("lz-senior-fee"))
    assert set(given["0"]) == {"0.00"}
    assert set(given[""]) == {None}


# ---- two counties -------------------------------------------------------------------------------------


def test_one_countys_rosters_are_its_half_of_the_pair(pair: dict[str, Path], tmp_path: Path):
    alone = make(tmp_path, neighbour=NEIGHBOUR, seed=2)
    for path in alone.values():
        assert path.read_bytes() == (pair[HOME] / path.name).read_bytes()


@pytest.mark.parametrize(("home", "school"), [(HOME, NEIGHBOUR), (NEIGHBOUR, HOME)])
def test_children_study_in_the_other_county_and_both_see_them(pair: dict[str, Path], home: str, school: str):
    abroad = {
        row.number
        for row in by_kind(pair[school])["roll"]
        if oracle.region(row.cells["户口所在地行政区划"]) == home
    }
    own = by_kind(pair[home])
    poor = {row.number for row in own["poverty"]}
    assert abroad & poor
    assert not abroad & {row.number for row in own["roll"]}
    seen = [
        oracle.expected(pair[code], county=code, term=TERM, beside={other: pair[other]})["entitlements"]
        for code, other in ((home, school), (school, home))
    ]
    assert abroad <= seen[0].keys() & seen[1].keys()
    assert all(seen[0][number] == seen[1][number] for number in abroad)
    assert any("lz-compulsory-boarding" in seen[1][number] for number in abroad & poor)


def test_beside_the_neighbours_roll_nobody_who_studies_there_is_missing(pair: dict[str, Path]):
    alone = oracle.expected(pair[HOME], county=HOME, term=TERM)["dropout"]["hukou_minus_enrolment"]
    both = oracle.expected(pair[HOME], county=HOME, term=TERM, beside={NEIGHBOUR: pair[NEIGHBOUR]})
    assert set(both["dropout"]["hukou_minus_enrolment"]) < set(alone)


def test_no_number_is_given_out_twice_and_colleges_are_the_same(pair: dict[str, Path]):
    homes = [
        {row.number for kind in ("population", "poverty", "college") for row in by_kind(folder)[kind]}
        for folder in pair.values()
    ]
    assert not homes[0] & homes[1]
    colleges = [
        [row for row in cells(folder, "schools") if row["学校标识码"].startswith("41")]
        for folder in pair.values()
    ]
    assert colleges[0] == colleges[1] != []


@pytest.mark.parametrize(("before", "lower"), [("2018-spring", True), ("2018-autumn", False)])
def test_the_roll_of_the_term_before_has_those_who_were_there(county: Path, tmp_path: Path, before: str, lower: bool):
    roll = cells(county, "roll")
    school = next(row["学校标识码"] for row in roll if row["年级"] == "三年级")
    term = Term.parse(before).next
    title = f"{KINDS['roll'][0]}.xlsx"
    path = roll_before(county / title, tmp_path, school=school, term=term, before=Term.parse(before))
    path.rename(tmp_path / title)
    then = {row["身份证件号"]: row["年级"] for row in cells(tmp_path, "roll")}
    now = {row["身份证件号"]: row["年级"] for row in roll if row["学校标识码"] == school}
    grades = ("一年级", "二年级", "三年级", "四年级", "五年级", "六年级")
    assert then == {
        number: grades[grades.index(grade) - lower] for number, grade in now.items() if not lower or grade != "一年级"
    }
