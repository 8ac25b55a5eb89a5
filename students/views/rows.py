"""Rows of an imported file in words: what each would change, and why it waits or was sent back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from aidcases.models import School
from aidcases.models.places import region_names
from aidcases.templatetags.aid import money
from students.enums import Category, RosterKind, Stage, grade_label
from students.imports import matching
from students.imports.applied import BOXES
from students.imports.identity import REASONS, REPEATED, repeated
from students.imports.kinds import KINDS
from students.imports.names import DECIDED
from students.models import Decision, ImportFile, ImportRow
from students.models.imports import RowState
from students.models.reviews import DecisionState

LABELS = {
    "registered_poor": "计入建档立卡",
    "identified_on": "识别时间",
    "monitored": "监测对象类型",
    "stage": "学段",
    "grade": "年级",
    "id_type": "证件类型",
    "disability_level": "残疾等级",
    "category": "类别",
    "days_due": "应到天数",
    "days_absent": "缺勤天数",
    "days_unexcused": "旷课天数",
}
# The first digits of the household's number; that a school was found by its name.
HIDDEN = ("village_code", "named", "_application")
YES_NO = {
    "boarding": ("寄宿", "走读"),
    "rural_hukou": ("农业户口", "非农业户口"),
    "rural": ("农村", "城市"),
    "public": ("公办", "民办"),
    "rural_school": ("农村学校", "城镇学校"),
    "present": ("在校", "不在校"),
    "risk_cleared": ("已消除", "未消除"),
}
SCHOOLS, REGIONS = ("school_code",), ("hukou_code", "region_code", "school_province")
MONEY = ("annual_fee", "monthly_amount", "income_per_head")
# Reasons that say whose a school is; the county's name takes the place of "another office".
MANAGED, ANOTHER = {"school of another office", "school elsewhere"}, "别的单位"
SEALED = ("phone", "number")  # compared by keyed hash, never shown
CODES = {
    **BOXES,
    **dict(Category.choices),
    **dict(Stage.choices),
    "hk_macau_permit": "港澳居民来往内地通行证",
    "taiwan_permit": "台湾居民来往大陆通行证",
    "permanent_residence": "外国人永久居留证",
    "passport": "护照",
    "other": "其他证件",
}


@dataclass(frozen=True)
class Cell:
    """A column of the file: as it is in the system, as the file has it."""

    label: str
    old: str
    new: str


def sentence(code: str) -> str:
    """What a reason or warning code means, and what to do."""
    return REASONS.get(code, code)


def described(file: ImportFile, rows: list[ImportRow]) -> list[dict[str, Any]]:
    """What the page shows of each row; names of schools and divisions come in two queries."""
    managed = {_school_of(row) for row in rows if MANAGED & set(row.reasons)}
    known = Known(_values(rows, SCHOOLS) | managed, _values(rows, REGIONS))
    titles = {field.name: field.titles[0] for field in KINDS[file.kind].fields} | LABELS
    titles |= file.summary.get("mapping", {})
    is_school = file.kind == RosterKind.SCHOOLS
    said, likely = _decided(file, rows), matching.likely(rows)
    return [
        {
            "row": row,
            "name": row.data.get("name", "") if is_school else row.name,
            "code": row.data.get("code", ""),
            "cells": known.cells(row, titles),
            "reasons": [
                said.get(row.pk, sentence(code)) if code == DECIDED else known.reason(code, row)
                for code in row.reasons
                if row.state in WAITING or code == REPEATED
            ],
            "warnings": [said.get(row.pk, sentence(code)) if code == DECIDED else sentence(code) for code in row.warnings],
            "likely": [f"系统里{who.where}同名：{who.name}，尾号 {who.last4}" for who in likely.get(row.pk, [])],
        }
        for row in rows
    ]


WAITING = (RowState.REVIEW, RowState.REJECTED)


def _decided(file: ImportFile, rows: list[ImportRow]) -> dict[int, str]:
    """Row → by whose decision, and when, it counts or does not; in one query, none where nothing was decided."""
    mine = [row for row in rows if DECIDED in (*row.reasons, *row.warnings) and row.id_hash]
    if not mine:
        return {}
    found = Decision.objects.filter(
        path=file.path, state=DecisionState.APPLIED, id_hash__in=[bytes(row.id_hash) for row in mine]
    ).order_by("pk")
    last = {(bytes(decision.id_hash), decision.name): decision for decision in found}
    return {
        row.pk: f"按 {timezone.localdate(decision.decided_at)} {decision.decided_by}的决定：{decision.get_outcome_display()}。"
        for row in mine
        if (decision := last.get((bytes(row.id_hash), row.name)))
    }


def _school_of(row: ImportRow) -> str:
    return row.data.get("code") or row.data.get("school_code", "")


def _changes(row: ImportRow) -> dict[str, tuple[Any, Any]]:
    """Key → (as it is, as it would be). A new row brings everything it says."""
    if row.state == RowState.NEW:
        return {key: (None, value) for key, value in row.data.items() if key not in ("code", "name")}
    return {key: tuple(pair) for key, pair in row.changes.items()} if row.state == RowState.CHANGED else {}


def _values(rows: Iterable[ImportRow], keys: tuple[str, ...]) -> set[str]:
    found = (pair for row in rows for key, pair in _changes(row).items() if key in keys)
    return {str(value) for pair in found for value in pair if value}


class Known:
    """Names behind the codes that the rows of a page use."""

    def __init__(self, schools: set[str], regions: set[str]):
        found = School.objects.filter(code__in=schools).values_list("code", "name", "region_id") if schools else ()
        self.schools = {code: name for code, name, _ in found}
        self.counties = {code: region[:6] for code, _, region in found if len(region) >= 6}
        self.regions = region_names(regions | set(self.counties.values()))

    def reason(self, code: str, row: ImportRow) -> str:
        """The sentence of a reason, with the row that is repeated or the county that manages the school."""
        if code == REPEATED:
            return repeated(row.changes.get("repeats"))
        county = self.regions.get(self.counties.get(_school_of(row), "")) if code in MANAGED else None
        return sentence(code).replace(ANOTHER, county, 1) if county else sentence(code)

    def cells(self, row: ImportRow, titles: dict[str, str]) -> list[Cell]:
        """In the order of the headings; a new row's empty values are left out."""
        order = {key: place for place, key in enumerate(titles)}
        changes = sorted(_changes(row).items(), key=lambda change: order.get(change[0], len(order)))
        found = [
            Cell(titles.get(key, key), self.text(key, old, row), self.text(key, new, row))
            for key, (old, new) in changes
            if key not in HIDDEN
        ]
        return found if row.state == RowState.CHANGED else [cell for cell in found if cell.new]

    def text(self, key: str, value: Any, row: ImportRow) -> str:
        """A value as a clerk writes it; "" for none."""
        if value is None or value == "":
            return ""
        if key in SEALED:
            return "号码"
        if isinstance(value, bool):
            return YES_NO.get(key, ("是", "否"))[0 if value else 1]
        if isinstance(value, list):
            return "、".join(CODES.get(each, str(each)) for each in value)
        if key == "grade":
            return grade_label(row.data.get("stage", ""), value)
        if key in MONEY:
            return f"{money(value)}"
        names = self.schools if key in SCHOOLS else self.regions if key in REGIONS else CODES
        return names.get(str(value), str(value))
