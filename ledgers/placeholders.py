"""What the placeholders of an office's form mean: {{学生.姓名}} in its one sample row, {{填报单位}}, {{合计:金额}} elsewhere.

Pure: from what was seen of the file (ledgers.formfile) and the ledger's columns. Nothing of the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from typing import Any

from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

from ledgers.formfile import Described, Sheet

Path = tuple[str, ...]
MARK = re.compile(r"[{｛]{2}\s*([^{}｛｝]+?)\s*[}｝]{2}")
TOTAL = re.compile(r"合计\s*[:：]\s*(.+)")
# Outside the sample row; what each stands for is said by countyform.told.
FIELDS = ("标题", "填报单位", "填报时间", "学期", "学年", "范围", "单位", "用途", "生成人", "行数", "说明", "校验码")
SAME = {
    "身份证号": "证件号码", "身份证号码": "证件号码", "身份证件号": "证件号码", "证件号": "证件号码", "号": "序号",
    "就读学校": "学校名称",
}  # fmt: skip
NOISE = re.compile(r"[\s*＊:：]|[（(][^（）()]*[)）]")
STEPS = re.compile(r"[.．·/、\-]")
NEAREST = 3


@dataclass(frozen=True)
class Part:
    """A sheet of the form and the sheet of the ledger it is filled from. `columns`: column (1 = A) → heading of the
    ledger; `constant`: column → the text that the sample row gives every row."""

    sheet: str
    table: str
    row: int
    columns: dict[int, str] = field(default_factory=dict)
    constant: dict[int, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Part:
        """From JSON, whose keys are text."""
        numbered = {name: {int(at): text for at, text in told[name].items()} for name in ("columns", "constant")}
        return cls(told["sheet"], told["table"], told["row"], **numbered)


@dataclass
class Understood:
    """The parts of a form and what is wrong with it; a form with anything wrong is not kept."""

    parts: list[Part] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def understood(seen: Described, tables: Mapping[str, Sequence[Path]]) -> Understood:
    """The form against the ledger's sheets (name → heading paths). Each sheet of the form with a sample row is filled from
    the ledger's sheet of its name, else from the next one."""
    found = Understood()
    free = [name for name in tables if name not in {sheet["title"] for sheet in seen["sheets"]}]
    for sheet in seen["sheets"]:
        marks = list(marks_of(sheet))
        name = sheet["title"] if sheet["title"] in tables else next(iter(free), "")
        paths = tables.get(name, ())
        row = _sample_row(sheet, marks, paths)
        found.wrong += _wrong(sheet, marks, row, paths, tables)
        if row:
            if not name:
                found.wrong.append(f"工作表“{sheet['title']}”多了：这个台账只有{len(tables)}张表（{'、'.join(tables)}）。")
                continue
            free = [each for each in free if each != name]
            found.parts.append(_part(sheet, name, row, paths))
    if not found.parts and not found.wrong:
        found.wrong.append("没有找到样例行。请在表头下面的一行写上占位，例如 {{姓名}}、{{证件号码}}，每列一个。")
    return found


def marks_of(sheet: Sheet) -> Iterator[tuple[str, int, str]]:
    """(address, row, what is between the braces) of every placeholder, in reading order."""
    for address, text in sheet["texts"].items():
        for said in MARK.findall(text):
            yield address, coordinate_from_string(address)[1], said


def column_named(said: str, paths: Sequence[Path]) -> str | None:
    """The column a placeholder or a heading means: its own heading, with the group before it (学生.姓名) or joined to it."""
    names = {NOISE.sub("", path[-1]): path[-1] for path in paths}
    if said.strip() in names.values():
        return said.strip()
    steps = [step for step in STEPS.split(NOISE.sub("", said)) if step]
    if not steps:
        return None
    wanted, group = SAME.get(steps[-1], steps[-1]), "".join(steps[:-1])
    for joined in (NOISE.sub("", said), "".join(steps), group + wanted):
        if joined in names:
            return names[joined]
    matching = [path for path in paths if NOISE.sub("", path[-1]) == wanted]
    if group:
        matching = [path for path in matching if any(group in step or step in group for step in path[:-1])]
    return matching[0][-1] if len(matching) == 1 else None


def guessed(headings: Sequence[str], paths: Sequence[Path]) -> str | None:
    """The column that headings over an empty cell of the sample row mean: one of that name, else the only one whose name
    holds the lowest word (金额 for 本学期资助金额). Whoever uploads the form looks at it."""
    if name := next((found for said in headings if (found := column_named(said, paths))), None):
        return name
    lowest = headings[-1] if headings else ""
    holding = [path[-1] for path in paths if lowest in path[-1]]
    return holding[0] if len(lowest) > 1 and len(holding) == 1 else None


def nearest(said: str, paths: Sequence[Path], fields: Sequence[str] = ()) -> list[str]:
    """Known names like this one, the likeliest first."""
    plain, last = STEPS.sub("", said), STEPS.split(said)[-1]
    names = list(dict.fromkeys([*(path[-1] for path in paths), *fields]))
    holding = [name for name in names if last and (last in name or name in last)]
    return list(dict.fromkeys([*holding, *get_close_matches(plain, names, NEAREST, 0.3)]))[:NEAREST]


def _sample_row(sheet: Sheet, marks: Sequence[tuple[str, int, str]], paths: Sequence[Path]) -> int:
    """The row in which most placeholders are columns; 0 where there is none."""
    counts: dict[int, int] = {}
    for _, row, said in marks:
        if not TOTAL.fullmatch(said) and said not in FIELDS and column_named(said, paths):
            counts[row] = counts.get(row, 0) + 1
    return max(counts, key=lambda row: (counts[row], -row)) if counts else 0


def _wrong(
    sheet: Sheet, marks: Sequence[tuple[str, int, str]], row: int, paths: Sequence[Path],
    tables: Mapping[str, Sequence[Path]],
) -> Iterator[str]:  # fmt: skip
    """Each placeholder nobody knows, by its cell, with what it may have meant; what can't be filled in the sample row."""
    every = [path for some in tables.values() for path in some]
    for address, at, said in marks:
        place = f"“{sheet['title']}”{address} 的 {{{{{said}}}}}"
        total = TOTAL.fullmatch(said)
        if total:
            if column_named(total[1], every) is None:
                yield f"{place} 不认识：没有“{total[1]}”这一列。{_offer(total[1], every, '合计:')}"
        elif said in FIELDS and at != row:
            continue
        elif column_named(said, paths) is None:
            yield f"{place} 不认识。{_offer(said, paths, fields=() if at == row else FIELDS)}"
        elif at != row:
            yield f"{place} 不在样例行（第 {row} 行）：逐行填写的占位只能写在同一行。"
    if not row:
        return
    for address in sheet["formulas"]:
        if coordinate_from_string(address)[1] == row:
            yield f"“{sheet['title']}”{address} 是公式：样例行不能有公式，请改用占位或留空。"
    for top, left, bottom, right in sheet["merges"]:
        if top <= row <= bottom:
            area = f"{get_column_letter(left)}{top}:{get_column_letter(right)}{bottom}"
            yield f"“{sheet['title']}”{area} 是合并单元格：样例行（第 {row} 行）不能合并，请取消合并。"


def _offer(said: str, paths: Sequence[Path], before: str = "", fields: Sequence[str] = ()) -> str:
    found = nearest(said, paths, fields)
    return f"是不是 {'、'.join(f'{{{{{before}{name}}}}}' for name in found)}？" if found else "请对照“系统自带的表样”填写。"


def _part(sheet: Sheet, table: str, row: int, paths: Sequence[Path]) -> Part:
    """The sample row as it says itself; a column it leaves empty is guessed by the heading above."""
    part = Part(sheet["title"], table, row)
    for at in range(1, sheet["width"] + 1):
        text = sheet["texts"].get(f"{get_column_letter(at)}{row}", "")
        said = MARK.fullmatch(text.strip())
        if said and (name := column_named(said[1], paths)):
            part.columns[at] = name
        elif text.strip() and not MARK.search(text):
            part.constant[at] = text
    taken = set(part.columns.values())
    for at in range(1, sheet["width"] + 1):
        if at in part.columns or at in part.constant:
            continue
        name = guessed(headings_above(sheet, row, at), paths)
        if name and name not in taken:
            part.columns[at] = name
            taken.add(name)
    return part


def headings_above(sheet: Sheet, row: int, column: int) -> list[str]:
    """What the heading of a column may be called: the lowest text above the sample row, joined to the ones over it, then
    alone. A merged heading stands over all its columns."""
    above: list[str] = []
    for at in range(row - 1, max(row - 6, 0), -1):
        text = NOISE.sub("", _standing(sheet, at, column))
        if text and not MARK.search(text) and (not above or above[-1] != text):
            above.append(text)
    return [f"{over}.{above[0]}" for over in above[1:]] + above[:1]


def _standing(sheet: Sheet, row: int, column: int) -> str:
    for top, left, bottom, right in sheet["merges"]:
        if top <= row <= bottom and left <= column <= right:
            row, column = top, left
            break
    return sheet["texts"].get(f"{get_column_letter(column)}{row}", "")


def in_column(address: str) -> int:
    return column_index_from_string(coordinate_from_string(address)[0])
