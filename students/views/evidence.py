"""What a waiting row is held against: the row, the system's own record, every other row under its number, side by side.

Of another office only what a clerk may know is told: which office, which list, when, the name and the school.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from aidcases.models import Organisation
from aidcases.scoping import EVERYWHERE, HOME, acting_in, current_actor, current_scope
from aidcases.terms import Term, chronological
from students.enums import RosterKind
from students.facts import categories_in
from students.models import Enrolment, Guardian, Hardship, ImportFile, ImportRow, Member, Person
from students.models.imports import RowState
from students.places import county_of
from students.views.rows import Known

# What is compared, in this order; "public" ones are told of another office's rows too.
PUBLIC = ("name", "school_code")
KEYS = {
    "name": "姓名", "sex": "性别", "birth_on": "出生日期", "school_code": "学校", "stage": "学段", "grade": "年级",
    "class_name": "班级", "boarding": "寄宿", "hukou_code": "户口所在地", "household_number": "户编号", "relation": "与户主关系",
    "guardian_name": "监护人", "head_name": "户主", "second": "监护人或户主证件", "category": "困难类别", "rural": "城乡",
    "from_on": "起始", "until_on": "截止", "identified_on": "识别时间", "present": "在校", "stages": "设有学段",
    "region_code": "所在地",
    "public": "办学性质", "annual_fee": "学费（元/年）",
}  # fmt: skip
MOST_LISTS = 12  # lists a person is said to stand on
MOST_ROWS = 4  # columns beside the row and the system's record


@dataclass
class Record:
    """One column of the comparison: where it comes from, and what it says by key."""

    source: str
    note: tuple[str, ...] = ()
    url: str = ""
    values: dict[str, str] = field(default_factory=dict)


def compared(records: list[Record]) -> dict[str, Any]:
    """{"records", "lines": [{"label", "cells": [{"label", "text", "differs"}]}]}: a column for each record, the first of
    which is what the others are held against."""
    first = records[0].values
    return {
        "records": records,
        "lines": [
            {
                "label": label,
                "cells": [
                    {
                        "label": record.source,
                        "text": (text := record.values.get(key, "")),
                        "differs": bool(text and first.get(key) and text != first[key]),
                    }
                    for record in records
                ],
            }
            for key, label in KEYS.items()
            if any(record.values.get(key) for record in records)
        ],
    }


def of_row(row: ImportRow, term: Term) -> dict[str, Any]:
    """The comparison of a waiting row. `row.file` is loaded; whoever acts sees the row by itself or by a decision."""
    others = _others(row)
    offices = _offices([row, *others])
    known = Known(_codes([row, *others], "school_code"), _codes([row, *others], "hukou_code", "region_code"))
    records = [Record("这一行", _told(row, offices), _url(row), _said(row, known))]
    if row.id_hash and (person := _person(row)) is not None:
        records.append(Record("系统里", ("现在按这个算",), _page(person), _facts(person, term)))
    for other in others:
        records.append(Record(other.file.get_kind_display(), _told(other, offices), _url(other), _said(other, known)))
    return compared(records)


def of_people(people: Iterable[Person], term: Term) -> dict[str, Any]:
    """Two records side by side, each with the lists it stands on."""
    records = []
    for person in people:
        rows = list(
            ImportRow.objects.filter(id_hash=person.id_hash, file__state="committed").exclude(state=RowState.REJECTED)
            .select_related("file").order_by("-file__committed_at", "number")[:MOST_LISTS]
        )  # fmt: skip
        lists = dict.fromkeys(
            f"{row.file.get_kind_display()}（{timezone.localdate(row.file.committed_at)}）" for row in rows
        )
        values = _facts(person, term)
        last = next((row for row in rows if row.second_last4), None)
        values["second"] = f"…{last.second_last4}" if last else ""
        records.append(Record(f"尾号 {person.id_last4}", tuple(lists) or ("本单位没有导入过",), _page(person), values))
    return compared(records)


def _others(row: ImportRow) -> list[ImportRow]:
    """Rows of committed files under the same number (a school: of the same code), the newest first, anybody's."""
    if row.id_hash:
        same = Q(id_hash=row.id_hash)
    else:
        same = Q(file__kind=RosterKind.SCHOOLS, file=row.file_id, data__code=row.data.get("code", ""))
    with acting_in(EVERYWHERE, current_actor()):
        rows = ImportRow.objects.filter(same, file__state="committed").exclude(pk=row.pk).select_related("file")
        return list(rows.order_by("-file__committed_at", "number")[:MOST_ROWS])


def _offices(rows: Iterable[ImportRow]) -> dict[str, str]:
    paths = {row.file.path for row in rows}
    return {o.path: o.name for o in Organisation.objects.filter(path__in=paths, kind__in=("county", "city"))}


def _codes(rows: Iterable[ImportRow], *keys: str) -> set[str]:
    return {str(row.data[key]) for row in rows for key in keys if row.data.get(key)}


def _ours(file: ImportFile) -> bool:
    return current_scope().covers(file.path)


def _told(row: ImportRow, offices: dict[str, str]) -> tuple[str, ...]:
    """Whose file, when, and what became of the row."""
    day = f"{timezone.localdate(row.file.committed_at):%Y-%m-%d}" if row.file.committed_at else ""
    where = f"{row.file.filename} 第 {row.number} 行" if _ours(row.file) else ""
    parts = [offices.get(row.file.path, ""), where, f"{day} 入库", row.get_state_display()]
    return tuple(part for part in parts if part)


def _url(row: ImportRow) -> str:
    return reverse("import_detail", args=[row.file_id]) if _ours(row.file) else ""


def _page(person: Person) -> str:
    scope = current_scope()
    seen = any(scope.covers(person.owner_path(side), side) for side in person.OWNER_PATHS)
    return reverse("student_detail", args=[person.pk]) if seen and hasattr(person, "student") else ""


def _said(row: ImportRow, known: Known) -> dict[str, str]:
    """What a row says, as a clerk writes it."""
    values = {key: known.text(key, row.data[key], row) for key in KEYS if key in row.data}
    values |= {"name": row.data.get("name", "") if row.id_hash is None else row.name, "sex": row.sex}
    values["birth_on"] = f"{row.birth_on:%Y-%m-%d}" if row.birth_on else ""
    values["second"] = f"…{row.second_last4}" if row.second_last4 else ""
    return values if _ours(row.file) else {key: values.get(key, "") for key in PUBLIC}


def _person(row: ImportRow) -> Person | None:
    with acting_in(EVERYWHERE, current_actor()):
        return Person.objects.select_related("student").defer("id_number").filter(id_hash=bytes(row.id_hash)).first()


def _facts(person: Person, term: Term) -> dict[str, str]:
    """What stands. Name, sex and birth date come with the number; of the rest only what lies in sight, but the school."""
    values = {
        "name": person.name,
        "sex": person.sex,
        "birth_on": f"{person.birth_on:%Y-%m-%d}" if person.birth_on else "",
    }
    with acting_in(EVERYWHERE, current_actor()):
        rows = Enrolment.objects.filter(student=person.pk).select_related("school").defer("phone")
        latest = rows.filter(term=term.code).first() or rows.order_by(*chronological()).first()
    if latest:
        values["school_code"] = latest.school.name
        if Enrolment.objects.filter(pk=latest.pk).exists():
            values |= {
                "stage": latest.get_stage_display(), "grade": latest.grade_label, "class_name": latest.class_name,
                "boarding": latest.boarding_label,
            }  # fmt: skip
    guardians = Guardian.objects.filter(student=person.pk).order_by("pk").values_list("name", flat=True)
    values["guardian_name"] = "、".join(guardians)
    numbers = Member.objects.filter(person=person.pk).values_list("household__number", "relation")
    values["household_number"] = "、".join(number for number, _ in numbers if number)
    values["relation"] = "、".join(dict.fromkeys(relation for _, relation in numbers if relation))
    if Hardship.objects.filter(person=person.pk).exists():
        values["category"] = "、".join(categories_in(term, [person.pk])[person.pk])
    if person.hukou_region_id and current_scope().covers(person.home_path, HOME):
        values["hukou_code"] = Known(set(), {person.hukou_region_id}).regions.get(person.hukou_region_id, "")
    elif county := county_of(person.home_path):
        code = county.strip("/").split("/")[-1]
        values["hukou_code"] = Known(set(), {code}).regions.get(code, "")
    return values
