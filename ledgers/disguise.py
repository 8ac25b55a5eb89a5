"""What a copy of a workbook shows otherwise than it says: formats that write another number, what was hidden or covered,
formulas however they are written. Read from the XML, in the limited process; needs no Django.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from students.imports.package import Archive, elements, feed, parser, relations
from students.imports.sheets import column_letters
from students.imports.source import UNSAFE, Refused

TINY = 5.0  # points; smaller text nobody reads
WHITE = ("FFFFFF", "indexed 1", "indexed 9", "theme 0")
BUILT_IN = {9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??", 48: "##0.0E+0"}  # those that say something else
FAINT, OTHER_NUMBER = "字太小或是白色", "格式“{}”显示的不是这个数"
SAID_OF_ROWS, SAID_OF_COLUMNS, SAID_OF_SHEET = "隐藏了 {} 行：第 {} 行", "隐藏了列：{}", "隐藏了整张工作表"
SAID_OF_RULES, SAID_OF_PICTURES = "加了条件格式，可以盖住数字", "加了图片或图形，可以盖住数字"
SAID_OF_MERGED = "被合并的单元格盖住"
NAMED_ROWS, LAST_COLUMN = 10, 16_384
# Of a number format: colours and conditions, spaces as wide as a sign, fill; then what stands between quotes or after \.
_ASIDE = re.compile(r"\[[^\]]*\]|[_*].")
_WORDS = re.compile(r'"([^"]*)"|\\(.)')
_HARMLESS = re.compile(r"[\s\-/().,:;￥¥$年月日元+]*")
_PLACES = re.compile(r"[0#?@]|General|[ymdhs]|G/通用格式", re.I)
_SCALED = re.compile(r"[0#?],+(?![0#?,])|%|[eE][+-]")
_LINE = re.compile(rb"<(?:[\w.-]+:)?(row|col)\b([^>]*)>")
_CELL = re.compile(rb"<(?:[\w.-]+:)?c\b([^>]*[^/>])>")  # one that holds something
_ATTRIBUTE = re.compile(rb"""\b([\w:]+)\s*=\s*["']([^"']*)["']""")
_RULE = re.compile(rb"cfRule[\s>]")
_FORMULA = re.compile(rb'<c r="([A-Z]+[0-9]+)"[^>]*>\s*<f(?: aca="[a-z]*")?>([^<&]*)</f>')
_ANY_FORMULA = re.compile(rb"[<:]f[\s/>]")
_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})")
_ON = (b"1", b"true")


def says_otherwise(code: str) -> bool:
    """Whether a number format writes digits or words of its own, nothing at all, or the number scaled.

    >>> [says_otherwise(code) for code in ("#,##0.00", "yyyy-mm-dd", ";;;", '"100"', "0%", "#,##0,")]
    [False, False, True, True, True, True]
    """
    bare = _ASIDE.sub("", code)
    words = "".join(quoted or escaped for quoted, escaped in _WORDS.findall(bare))
    left = _WORDS.sub("", bare)
    if not _HARMLESS.fullmatch(words) or _SCALED.search(left) or re.search("[1-9]", left):
        return True
    return not all(_PLACES.search(section) for section in left.split(";"))


@dataclass
class Looks:
    """Of a workbook: the formats that say otherwise and the faint fonts by style of a cell; pictures; sheets that are hidden."""

    odd: dict[int, str] = field(default_factory=dict)
    pictures: int = 0
    hidden: frozenset[str] = frozenset()


@dataclass
class Shown:
    """Of a sheet: rows (from 1) and columns that are hidden, how many rules colour cells, cells of an odd style."""

    rows: list[int] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    rules: int = 0
    cells: dict[str, str] = field(default_factory=dict)


def looks(archive: Archive) -> Looks:
    workbook = next((part for _, kind, part in relations(archive, "") if kind == "officeDocument"), "xl/workbook.xml")
    styles = next((part for _, kind, part in relations(archive, workbook) if kind == "styles"), "")
    sheets = [told for element, told in elements(archive.small(workbook)) if element == "sheet"]
    return Looks(
        odd=_odd(elements(archive.small(styles))) if styles in archive.parts else {},
        pictures=sum(
            element.endswith("Anchor")  # LibreOffice writes empty drawings
            for name in archive.parts
            if re.fullmatch(r"xl/drawings/[^/]*\.xml", name, re.I)
            for element, _ in elements(archive.small(name))
        ),
        hidden=frozenset(told.get("name", "") for told in sheets if told.get("state", "visible") != "visible"),
    )


def _odd(found: list[tuple[str, dict[str, str]]]) -> dict[int, str]:
    """Style of a cell → what is odd about it."""
    codes, faint, part = dict(BUILT_IN), [], ""
    odd: dict[int, str] = {}
    styles = 0
    for element, told in found:
        if element in ("fonts", "fills", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs"):
            part = element
        elif element == "numFmt" and part != "dxfs":
            codes[int(told["numFmtId"])] = told["formatCode"]
        elif part == "fonts" and element == "font":
            faint.append(False)
        elif part == "fonts" and element in ("color", "sz") and faint:
            faint[-1] = faint[-1] or _faint(element, told)
        elif part == "cellXfs" and element == "xf":
            code, font = codes.get(int(told.get("numFmtId", 0)), ""), int(told.get("fontId", 0))
            if code and says_otherwise(code):
                odd[styles] = OTHER_NUMBER.format(code)
            elif font < len(faint) and faint[font]:
                odd[styles] = FAINT
            styles += 1
    return odd


def _faint(element: str, told: dict[str, str]) -> bool:
    if element == "sz":
        return float(told.get("val", 11)) < TINY
    said = told.get("rgb", "")[-6:].upper() or next((f"{name} {told[name]}" for name in ("indexed", "theme") if name in told), "")
    return said in WHITE and "tint" not in told


def shown(data: bytes, odd: dict[int, str]) -> Shown:
    """Of a sheet's XML."""
    found = Shown(rules=len(_RULE.findall(data)))
    if any(sign in data for sign in (b"hidden", b'ht="0', b'width="0')):
        for kind, attributes in _LINE.findall(data):
            told = dict(_ATTRIBUTE.findall(attributes))
            if told.get(b"hidden") not in _ON and not _nought(told.get(b"ht", told.get(b"width"))):
                continue
            if kind == b"row":
                found.rows.append(int(told.get(b"r", b"0")))
            else:
                ends = (column_letters(min(int(told[end]), LAST_COLUMN) - 1) for end in (b"min", b"max"))
                found.columns.append("—".join(dict.fromkeys(ends)))
    for attributes in _CELL.findall(data) if odd else ():
        told = dict(_ATTRIBUTE.findall(attributes))
        if (style := int(told.get(b"s", b"0"))) in odd:
            found.cells[told.get(b"r", b"").decode()] = odd[style]
    return found


def _nought(size: bytes | None) -> bool:
    return size is not None and float(size) == 0


def harmless(data: bytes) -> bytes:
    """Of a sheet. Raises Refused for one with declarations of its own or written so that no name in it can be found."""
    if b"<!DOCTYPE" in data or b"\0" in data:
        raise Refused(UNSAFE)
    return data


def formulas(data: bytes) -> dict[tuple[int, int], str]:
    """(row, column) from 0 → the formula, written one way, however the file has it."""
    written = len(_ANY_FORMULA.findall(data))
    plain = _FORMULA.findall(data) if written else []
    if len(plain) == written:
        found: Iterator[tuple[str, str]] = ((place.decode(), text.decode()) for place, text in plain)
    else:
        found = iter(_parsed(data))
    told = {}
    for place, text in found:
        row, column = place_of(place)
        told[row - 1, column - 1] = re.sub(r"[\s$]", "", text.removeprefix("=").removeprefix("of:")).upper()
    return told


def _parsed(data: bytes) -> list[tuple[str, str]]:
    """The same by a real parser: any quotes, order and prefix; formulas that cells share, written out."""
    found: list[tuple[str, str]] = []
    shared: dict[str, tuple[str, str]] = {}
    cell, now, texts = "", {}, []  # type: str, dict[str, Any], list[str]
    inside = False

    def start(name: str, told: dict[str, str]) -> None:
        nonlocal cell, now, inside
        if (local := name.rpartition(":")[2]) == "c":
            cell = told.get("r", "A1")
        elif local == "f":
            now, inside = told, True
            texts.clear()

    def end(name: str) -> None:
        nonlocal inside
        if name.rpartition(":")[2] == "f":
            inside = False
            found.append((cell, _written(cell, "".join(texts), now, shared)))

    parsing = parser()
    parsing.StartElementHandler, parsing.EndElementHandler = start, end
    parsing.CharacterDataHandler = lambda text: texts.append(text) if inside else None
    feed(parsing, [data])
    return found


def _written(cell: str, text: str, told: dict[str, Any], shared: dict[str, tuple[str, str]]) -> str:
    """A formula as it counts in its cell; of a table of values or an array with what it covers."""
    if told.get("t") == "shared":
        if text:
            shared[told.get("si", "")] = (cell, text)
        origin, master = shared.get(told.get("si", ""), (cell, ""))
        from openpyxl.formula.translate import Translator  # takes long to import, and is rarely wanted

        return Translator(f"={master}", origin).translate_formula(cell)
    return f"{text}{{{told.get('ref', '')}}}" if told.get("t") in ("array", "dataTable") else text


def place_of(cell: str) -> tuple[int, int]:
    """B7 → (7, 2). Raises ValueError for what is none."""
    if not (found := _REFERENCE.fullmatch(cell)):
        raise ValueError(cell)
    column = 0
    for letter in found[1]:
        column = 26 * column + ord(letter) - 64
    return int(found[2]), column
