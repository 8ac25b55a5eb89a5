"""The 数据版 as a kind of file: its columns, which of them may be edited, what their cells say.

Needs no Django: the reading child imports it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from students.imports import cells, words
from students.imports.cells import Bad, Doubt, Value, plain
from students.imports.columns import Fact, Kind, column
from students.imports.words import Found, Parser

# A key is 22 of these letters: never a number, a formula or a word that a spreadsheet would correct. The first eight
# are the export's (its UUID's first 32 bits), the others are drawn.
LETTERS = "bcdfghjkmnpqrstv"
HEX = "0123456789abcdef"
OF_EXPORT, KEY_LENGTH = 8, 22
_KEY = re.compile(f"[{LETTERS}]{{{KEY_LENGTH}}}")
# A ledger's: 24 hexadecimal digits for the person, the same in all issues of a ledger and term, and a number from the
# person's second row on. The issue stands on another sheet.
ROW_KEY, ISSUE = "行键", "生成记录"
_ROW_KEY = re.compile(r"[0-9a-f]{24}(?:-[0-9]{1,7})?")
_TO_LETTERS = str.maketrans(HEX, LETTERS)

EMPTY = "无"  # what to write in a cell to clear it: a blank cell says nothing, as in every roster
COLLEGES = ("higher_vocational", "undergraduate", "postgraduate")


@dataclass(frozen=True)
class Column:
    """A column of the sheet: its key in `said` and `data`, title, width in characters; `words`: what to choose from."""

    key: str
    title: str
    width: int
    editable: bool = False
    words: tuple[str, ...] = ()


COLUMNS = (
    Column("key", "数据键", 7),
    Column("name", "姓名", 12),
    Column("sex", "性别", 6),
    Column("school", "学校", 26),
    Column("stage", "学段", 10),
    Column("grade", "年级", 12, True),
    Column("class_name", "班级", 12, True),
    Column("boarding", "就读方式", 10, True, ("住校", "走读")),
    Column("left_behind", "是否留守", 10, True, ("是", "否")),
    Column("entered_on", "入学年月", 12, True),
    Column("rural_hukou", "户口性质", 13, True, ("农业户口", "非农业户口")),
    Column("disability_hint", "残疾标注", 16, True),
)
TITLES = {one.key: one.title for one in COLUMNS}
EDITABLE = tuple(one.key for one in COLUMNS if one.editable)
FIXED = tuple(one.key for one in COLUMNS[1:] if not one.editable)

# Codes of identity.REASONS that comparing with the export gives, as against those of the cells themselves.
REJECTS = ("unknown key", "key of another sheet", "repeated key", "not ours any more", "rows disagree")
WARNINGS = (*(f"fixed {key}" for key in FIXED), "blank kept", "grade of another stage", "kept elsewhere")


def strict(parse: Parser) -> Parser:
    """What somebody wrote into a cell to change it must be understood: left out with a warning it would be lost."""

    def found(*values: Value) -> Found | str:
        try:
            return parse(*values)
        except Doubt as doubt:
            raise Bad(doubt.code) from None

    return found


def key_of(value: Value) -> Found:
    """{"key"}. Raises Bad("missing key") for a row somebody added, Bad("unknown key")."""
    word = plain(value).lower()
    if not word:
        raise Bad("missing key")
    if not _KEY.fullmatch(word) and not _ROW_KEY.fullmatch(word):
        raise Bad("unknown key")
    return {"key": word}


def in_letters(key: str) -> str:
    """A key in hexadecimal digits as it is kept."""
    return key.translate(_TO_LETTERS)


def _fixed(key: str) -> Fact:
    """A column that is only looked at: whatever stands in it never rejects a row."""

    def found(value: Value) -> Found:
        try:
            word = cells.text(value, 80)
        except Bad:
            word = "?"
        return {key: word} if word else {}

    return Fact((key,), found)


def grade_of(value: Value, stage: Value) -> Found:
    """{"grade", "of_stage"}: the grade counted inside its stage. Raises Bad("unknown stage")."""
    if not plain(value):
        return {}
    try:
        known = words.STAGE_OF.get(plain(stage), "")
    except Bad:
        known = ""
    try:
        found = (
            {"stage": known} | words.college_grade(value) if known in COLLEGES else words.stage_and_grade(value, stage)
        )
    except Doubt:
        raise Bad("unknown stage") from None
    return {"grade": found.get("grade"), "of_stage": found["stage"]}


def _class_name(value: Value) -> Found:
    word = cells.text(value, 40)
    return {"class_name": "" if word == EMPTY else word} if word else {}


def _entered_on(value: Value) -> Found:
    word = plain(value)
    return {"entered_on": None if word == EMPTY else cells.day(value)} if word else {}


EDITS = Kind(
    "edits",
    "数据版回传",
    (
        column("key", "数据键", True),
        column("name", "姓名", True),
        *(column(one.key, one.title) for one in COLUMNS[2:]),
    ),
    (
        Fact(("key",), key_of),
        *map(_fixed, FIXED),
        Fact(("grade", "stage"), grade_of),
        Fact(("class_name",), strict(_class_name)),
        Fact(("boarding",), strict(words.boarding)),
        Fact(("left_behind",), strict(words.left_behind)),
        Fact(("entered_on",), strict(_entered_on)),
        Fact(("rural_hukou",), strict(words.rural_hukou)),
        Fact(("disability_hint",), strict(words.disability_hint)),
    ),
    people=False,
    own=True,
)

_PARSERS = {fact.fields: lru_cache(4096)(fact.parse) for fact in EDITS.facts[1:]}


def said_in(told: dict[str, str]) -> Found:
    """What a row of a ledger says in the columns it shares with the sheet (field → cell): as reading it back gives it."""
    found: Found = {key: "" if key in FIXED or key in ("class_name", "disability_hint") else None for key in told}
    for fields, parse in _PARSERS.items():
        if fields[0] in told:
            found |= parse(*map(told.get, fields))
    return {"of_stage": words.STAGE_OF.get(told.get("stage", ""), "")} | found
