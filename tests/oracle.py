"""The right answers for a folder of the nine rosters under the lanzhou pack, in plain Python loops.
Written from the documents alone, sharing no code with the product, so that the two can be held together."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path

from openpyxl import load_workbook

# Kind → file, column of the identity number, column of the name.
LISTS = {
    "poverty": ("建档立卡贫困人口", "证件号码", "姓名"),
    "roll": ("学籍信息", "身份证件号", "姓名"),
    "college": ("高校就读学生", "身份证号", "姓名"),
    "dibao": ("低保名单", "成员证件号码", "成员姓名"),
    "tekun": ("特困供养名单", "证件号码", "姓名"),
    "disabled": ("残疾人名单", "证件号码", "姓名"),
    "population": ("户籍适龄人口", "公民身份号码", "姓名"),
    "present": ("在校学生", "身份证件号", "姓名"),
}
AUTHORITY = {"roll": 2, "college": 2, "poverty": 1}  # every other list: 0
STUDENTS, CHILDREN = {"roll", "college", "population"}, {"之子", "之女", "之孙子", "之孙女"}
WORDS = {
    "preschool": "学前教育 小班 中班 大班",
    "primary": "小学 一年级 二年级 三年级 四年级 五年级 六年级",
    "junior": "初中 七年级 八年级 九年级 初一 初二 初三",
    "senior": "普通高中 高一 高二 高三",
    "secondary_vocational": "中等职业 中职一年级 中职二年级 中职三年级",
    "higher_vocational": "高等职业 高职 专科",
    "undergraduate": "本科",
    "postgraduate": "研究生 硕士 博士",
}
STAGE = {word: stage for stage, words in WORDS.items() for word in words.split()}
COLLEGE = {"higher_vocational", "undergraduate", "postgraduate"}


@dataclass(frozen=True)
class Row:
    kind: str
    office: str  # the county whose folder the file lay in
    number: str
    name: str
    cells: Mapping[str, str]


def text(value: object) -> str:
    """One cell as text: half-width, no apostrophe in front, no blanks around."""
    return unicodedata.normalize("NFKC", "" if value is None else str(value)).strip().lstrip("'").strip()


def raw_rows(folder: Path, title: str) -> Iterator[dict[str, object]]:
    path = folder / f"{title}.csv"
    if path.exists():
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file)
        return
    book = load_workbook(folder / f"{title}.xlsx", read_only=True)
    rows = book.worksheets[0].iter_rows(values_only=True)
    heading = next(rows)
    for row in rows:
        yield dict(zip_longest(heading, row))  # empty cells at a row's end may be left out
    book.close()


def check_character(first17: str) -> str:
    weights = [pow(2, 17 - place, 11) for place in range(17)]
    total = sum(int(digit) * weight for digit, weight in zip(first17, weights, strict=True))
    return "10X98765432"[total % 11]


def identity(value: object) -> tuple[str, str]:
    """(number, "") or ("", reason) for the cell of an identity number."""
    number = text(value).upper()
    if not number:
        return "", "missing id"
    if isinstance(value, int | float) or re.fullmatch(r"\d(\.\d+)?E\+?\d+", number):
        return "", "scientific-notation id"
    if re.fullmatch(r"[0-9]{15}", number):
        number = f"{number[:6]}19{number[6:]}"
        number += check_character(number)
    if not re.fullmatch(r"[0-9]{17}[0-9X]", number):
        return "", "length"
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return "", "birth date"
    if check_character(number[:17]) != number[17]:
        return "", "checksum"
    return number, ""


def name_of(value: object) -> str:
    return re.sub("[•・‧∙⋅]", "·", text(value))


def read_people(folder: Path, office: str) -> tuple[list[Row], list[str]]:
    """Every row with a usable number, and why the poverty rows without one were refused."""
    rows, refused = [], []
    for kind, (title, id_column, name_column) in LISTS.items():
        for raw in raw_rows(folder, title):
            number, reason = identity(raw[id_column])
            cells = {text(heading): text(value) for heading, value in raw.items()}
            if number:
                rows.append(Row(kind, office, number, name_of(raw[name_column]), cells))
            elif kind == "poverty":
                refused.append(reason)
    return rows, refused


def only_counting(rows: Iterable[Row]) -> list[Row]:
    """One number under two names: the list of higher authority stands; among equals none does."""
    rows = list(rows)
    names: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        names[row.number][AUTHORITY.get(row.kind, 0)].add(row.name)
    standing = {number: ranks[max(ranks)] for number, ranks in names.items()}
    return [row for row in rows if standing[row.number] == {row.name}]


@dataclass(frozen=True)
class Term:
    year: int
    autumn: bool

    @classmethod
    def of(cls, code: str) -> Term:
        year, season = code.split("-")
        return cls(int(year), {"autumn": True, "spring": False}[season])

    @property
    def first(self) -> date:
        return date(self.year, 9 if self.autumn else 3, 1)

    @property
    def last(self) -> date:
        return date(self.year + 1, 3, 1) - timedelta(days=1) if self.autumn else date(self.year, 8, 31)

    @property
    def age_day(self) -> date:
        return date(self.year if self.autumn else self.year - 1, 8, 31)

    def half(self, fen: int) -> int:
        return fen // 2 if self.autumn else fen - fen // 2


@dataclass(frozen=True)
class School:
    stages: frozenset[str]
    region: str
    fee: int | None  # fen a year; None: nobody has set it


@dataclass(frozen=True)
class Student:
    stage: str
    boarding: bool
    orphan: bool
    hukou: str
    school: School
    province: str  # where the school is
    new: bool


def region(code: str) -> str:
    """A code cut to its level: groups of 2-2-2-3-3 that are all zero are dropped from the right."""
    for end in (9, 6, 4, 2):
        if len(code) > end and not code[end:].strip("0"):
            code = code[:end]
    return code


def schools_of(folders: Mapping[str, Path]) -> dict[str, School]:
    found = {}
    for folder in folders.values():
        for raw in raw_rows(folder, "学校名录"):
            cells = {text(heading): text(value) for heading, value in raw.items()}
            fee = cells["学费标准(元/年)"]  # brackets are half-width once normalised
            found[cells["学校标识码"]] = School(
                frozenset(STAGE[word] for word in re.split("[、,;/ ]+", cells["学段"])),
                region(cells["行政区划代码"]),
                int(Decimal(fee) * 100) if fee else None,
            )
    return found


def students_of(rows: Iterable[Row], schools: Mapping[str, School]) -> dict[str, Student]:
    students: dict[str, Student] = {}
    for row in rows:
        cells = row.cells
        if row.kind == "roll":
            stage, school = STAGE[cells["年级"]], schools.get(cells["学校标识码"])
            province, new = school.region[:2] if school else "", False  # nothing asks it below college
        elif row.kind == "college":
            stage, school = STAGE[cells["层次"]], schools.get(cells["院校代码"])
            province, new = cells["院校所在省"][:2], cells["年级"] == "大一"
        else:
            continue
        if school is None or stage not in school.stages:
            continue
        boarding, orphan = cells.get("就读方式") in {"住校", "2"}, cells["是否孤儿"] == "是"
        student = Student(stage, boarding, orphan, region(cells["户口所在地行政区划"]), school, province, new)
        students.setdefault(row.number, student)
    return students


def active(row: Row, term: Term) -> bool:
    """Is what the row says true on any day of the term?"""
    if row.kind == "disabled":
        return date.fromisoformat(row.cells["有效期至"]) >= term.first
    start = row.cells["识别年度"][:4] + "01" if row.kind == "poverty" else row.cells["起始年月"]
    return date(int(start[:4]), int(start[4:6]), 1) <= term.last


def categories_of(rows: Iterable[Row], term: Term) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.kind in {"poverty", "disabled", "dibao", "tekun"} and active(row, term):
            found[row.kind].add(row.number)
            if row.cells.get("城乡类别") == "农村":
                found[f"rural {row.kind}"].add(row.number)
    return found


def household_regions(rows: Iterable[Row]) -> dict[str, str]:
    """The poverty register's village; else the office that keeps the dibao or tekun list."""
    villages, offices = {}, {}
    for row in rows:
        if row.kind == "poverty":
            villages.setdefault(row.number, region(row.cells["户编号"][:12]))
        elif row.kind in {"dibao", "tekun"}:
            offices.setdefault(row.number, row.office)
    return {**offices, **villages}


def circumstances(number: str, student: Student, lists: Mapping[str, set[str]]) -> set[str]:
    """The lists the child is on, and "poor" and "hard" as the pack's clauses put them together."""
    on = {name for name, numbers in lists.items() if number in numbers}
    if student.orphan or on & {"poverty", "dibao", "tekun"}:
        on.add("poor")
    if on & {"poverty", "disabled", "rural dibao", "rural tekun"}:
        on.add("hard")
    return on


def school_rules(student: Student, has: set[str], term: Term) -> dict[str, int | None]:
    """Up to secondary vocational: fen for the term, None in kind."""
    due: dict[str, int | None] = {}
    if student.stage == "preschool":
        if student.hukou[:2] == "62":
            due["lz-preschool-fee"] = term.half(100_000)
        if "poverty" in has:
            due["lz-preschool-poor"] = term.half(100_000)
    if student.stage in {"primary", "junior"}:
        for thing in ("fee", "textbook", "workbook"):
            due[f"lz-compulsory-{thing}"] = None
        if student.boarding and "poor" in has:
            raised = term.first >= date(2024, 3, 1)
            year = {"primary": (100_000, 125_000), "junior": (125_000, 150_000)}[student.stage][raised]
            due["lz-compulsory-boarding"] = term.half(year)
    fee = student.school.fee
    if student.stage == "senior" and "hard" in has:
        due["lz-senior-grant"] = term.half(200_000)
        if fee is not None:
            due["lz-senior-fee"] = term.half(fee)
    if student.stage == "secondary_vocational":
        if fee is not None:
            due["lz-vocational-fee"] = term.half(fee)
        if "poor" in has:
            due["lz-vocational-grant"] = term.half(200_000)
    return due


def household_rules(student: Student, has: set[str], term: Term) -> dict[str, int | None]:
    """From higher vocational up; what is paid once falls into the autumn."""
    due: dict[str, int | None] = {}
    if student.stage == "higher_vocational" and student.province == "62" and "poverty" in has:
        due["lz-college-fee"] = term.half(500_000)
    if "poor" in has and term.autumn:
        due["lz-loan"] = 800_000
        if student.new and student.stage != "postgraduate":
            due["lz-zihui"] = 50_000 if student.province == student.hukou[:2] else 100_000
    return due


def dropout_sets(rows: Iterable[Row], county: str, students: Mapping[str, Student], term: Term) -> dict:
    numbers: dict[str, set[str]] = defaultdict(set)
    anywhere: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        numbers[row.kind if row.office == county else "elsewhere"].add(row.number)
        anywhere[row.kind].add(row.number)
        if row.kind == "present" and row.cells["是否在校"] == "是":
            anywhere["here"].add(row.number)

    def school_age(number: str) -> bool:
        age = term.age_day.year - int(number[6:10]) - (number[10:14] > "0831")
        return 6 <= age < 15

    enrolled = numbers["roll"] & students.keys()
    pupils = {number for number in enrolled if students[number].stage in {"primary", "junior"}}
    not_enrolled = {number for number in numbers["population"] - students.keys() if school_age(number)}
    absent = pupils - anywhere["here"]
    nowhere = numbers["poverty"] - students.keys() - anywhere["population"]
    return {
        "hukou_minus_enrolment": sorted(not_enrolled),
        "enrolment_minus_present": sorted(absent),
        "poor_among_both": sorted((not_enrolled | absent) & anywhere["poverty"]),
        "poor_on_no_other_roster": sorted(filter(school_age, nowhere)),
    }


def household_count(rows: Iterable[Row]) -> int:
    """Families on no register: one per guardian, told apart by number, else by name and phone."""
    poor = {row.number for row in rows if row.kind == "poverty"}
    guardians, by_phone, unnumbered = set(), set(), []
    for row in rows:
        cells = row.cells
        if row.kind in {"roll", "college"}:
            prefix, number = ("成员1", "成员1身份证件号") if row.kind == "roll" else ("家长", "家长身份证号")
            by_phone.add((cells[f"{prefix}姓名"], cells["联系电话"]))
            if row.number not in poor and cells[number] not in poor:
                guardians.add(cells[number])
        elif row.kind == "population" and row.number not in poor:
            unnumbered.append((cells["监护人"], cells["联系电话"]))
    return len(guardians) + len(set(unnumbered) - by_phone)


def belongs(student: Student, home: str | None, offices: set[str], seen_by: set[str], county: str) -> bool:
    """Is the school or the home under the county? Without a household the home is the registered residence
    if one of the `offices` covers it, else the county of lowest code that had the child on a list."""
    if home is None:
        covered = any(student.hukou.startswith(office) for office in offices)
        home = student.hukou if covered else min(seen_by)
    return student.school.region.startswith(county) or home.startswith(county)


def entitled(
    student: Student, has: set[str], household: str | None, city: str, term: Term
) -> dict[str, str | None]:
    if term.first < date(2018, 9, 1):
        return {}
    if student.stage in COLLEGE:
        applies, rules = (household or student.hukou).startswith(city), household_rules
    else:
        applies, rules = student.school.region.startswith(city), school_rules
    due = rules(student, has, term) if applies else {}
    return {rule: None if fen is None else str(Decimal(fen).scaleb(-2)) for rule, fen in due.items()}


def totals_of(entitlements: Mapping[str, Mapping[str, str | None]]) -> dict[str, dict]:
    amounts = defaultdict(list)
    for rules in entitlements.values():
        for rule, amount in rules.items():
            amounts[rule].append(Decimal(amount or "0.00"))
    return {rule: {"students": len(found), "amount": str(sum(found))} for rule, found in amounts.items()}


def expected(folder: Path, *, county: str, term: str, beside: Mapping[str, Path] | None = None) -> dict:
    """What the product must answer for `county` in `term`, in the shape of expected.json: per identity
    number {rule: "amount" | None}, totals, refused poverty rows, dropout sets. The lanzhou pack alone,
    adopted by the county's city. `beside`: further folders ({county code: folder}) of the same system."""
    when, folders = Term.of(term), {county: folder, **(beside or {})}
    read, refused = [], {}
    for office, path in folders.items():
        rows, refused[office] = read_people(path, office)
        read += rows
    rows, seen_by = only_counting(read), defaultdict(set)
    for row in rows:
        seen_by[row.number].add(row.office)
    students, lists = students_of(rows, schools_of(folders)), categories_of(rows, when)
    homes = household_regions(rows)
    entitlements = {
        number: entitled(student, circumstances(number, student, lists), homes.get(number), county[:4], when)
        for number, student in students.items()
        if belongs(student, homes.get(number), set(folders), seen_by[number], county)
    }
    own = [row for row in rows if row.office == county]
    known = {row.number for row in own if row.kind in STUDENTS or row.cells.get("与户主关系") in CHILDREN}
    registers = {row.cells["户编号"] for row in own if row.kind == "poverty"}
    return {
        "term": term,
        "county": county,
        "students": len(known | entitlements.keys()),
        "enrolled": len(entitlements),
        "households": len(registers) + household_count(own),
        "poor_households": len(registers),
        "poverty_rows_rejected": refused[county],
        "totals": totals_of(entitlements),
        "dropout": dropout_sets(rows, county, students, when),
        "entitlements": entitlements,
    }
