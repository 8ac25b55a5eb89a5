"""What changed between two issues of one ledger: rows that came, went or read differently, and the totals."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.utils import timezone

from aidcases import crypto
from aidcases.flow import Refused
from ledgers.actions import MANIFEST, open_file
from ledgers.comparing import Cell, value
from ledgers.definition import ROW_KEY
from ledgers.issuerows import Part, is_data, parts, shown
from ledgers.models import LedgerIssue
from ledgers.sheets import Head, Kind, Look, Sheet
from ledgers.verify import ADDED, CHANGED, MISSING, WHOLE_SHEET, compare
from ledgers.workbook import write_workbook

WHOLE_ROW = "整行"
HIDDEN = "（遮住的数字有变）"
WORDS = {CHANGED: "改动", MISSING: "减少", ADDED: "新增"}
# Who a row is about, and which of the person's rows it is.
WHO = ("学生姓名", "姓名", "学生", "学员", "证件号码", "出生日期")
WHICH = ("资助项目", "批次号", "期次", "项目")
# By what a row finds its like, the strictest first: a name or a number may have been put right.
NAMES = ("学生姓名", "姓名", "学生")
LOOSER = (
    ("证件号码", "出生日期"), *((name, "出生日期") for name in NAMES), *((name, "证件号码") for name in NAMES),
)  # fmt: skip
Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Change:
    """A row (`who`, as it may be shown) that differs: with a heading one cell, else the whole row."""

    sheet: str
    kind: str
    who: str
    heading: str
    was: str
    now: str

    @property
    def word(self) -> str:
        return WORDS[self.kind]


@dataclass(frozen=True)
class Compared:
    """rows: changed, added, gone rows by kind; totals: (sheet, heading, was, now) of those that differ."""

    changes: list[Change]
    rows: dict[str, int]
    totals: list[tuple[str, str, str, str]]

    @property
    def nothing(self) -> bool:
        return not self.changes and not self.totals


def compare_issues(old: LedgerIssue, new: LedgerIssue) -> Compared:
    """The difference from the older to the newer. Numbers of people are compared, and shown, by their last four digits.
    Raises Refused where the two can't be compared or may not be opened."""
    if old.ledger != new.ledger:
        raise Refused("只能比较同一种台账。")
    if old.pk == new.pk:
        raise Refused("请选另一份来比较。")
    if bool(old.form_id) != bool(new.form_id):
        raise Refused("一份用了本单位的表样，一份是系统的版式，不能逐行比较。请生成同一种版式再比。")
    if old.form_id:
        return _by_cell(old, new)
    with open_file(old) as one, open_file(new) as other:
        try:
            was, now = parts(one, hidden=MANIFEST), parts(other, hidden=MANIFEST)
        except ValueError:
            raise Refused("这两份台账的表头读不出来，不能比较。") from None
        return _compared(was, now)


def _by_cell(old: LedgerIssue, new: LedgerIssue) -> Compared:
    """In an office's own form rows have no headings the system knows: cell by cell."""
    with TemporaryDirectory() as folder:  # 0700; in clear only while they are compared
        files = [Path(folder) / f"{issue.pk}.xlsx" for issue in (old, new)]
        for issue, file in zip((old, new), files, strict=True):
            with open_file(issue) as content:
                file.write_bytes(content.read())
        found = [each for each in compare(*files) if each.sheet != MANIFEST]
    changes = [
        Change(each.sheet, each.kind, each.cell, each.cell, crypto.mask_numbers(each.was), crypto.mask_numbers(each.now))
        for each in found
    ]
    return Compared(changes, dict(Counter(each.kind for each in changes)), [])


def _compared(was: list[Part], now: list[Part]) -> Compared:
    after = {part.name: part for part in now}
    changes, rows, totals = [], Counter({CHANGED: 0, ADDED: 0, MISSING: 0}), []
    for part in was:
        other = after.pop(part.name, None)
        if other is None:
            changes.append(Change(part.name, MISSING, "", WHOLE_SHEET, "", ""))
            continue
        for found in _part(part, other):
            rows[found[0].kind] += 1
            changes += found
        totals += _totals(part, other)
    changes += [Change(name, ADDED, "", WHOLE_SHEET, "", "") for name in after]
    return Compared(changes, dict(rows), totals)


def _totals(was: Part, now: Part) -> list[tuple[str, str, str, str]]:
    """Of the lines 合计, which `rows` has met."""
    names = [name for name in was.totals if name in now.totals]
    pairs = [(name, was.totals[name], now.totals[name]) for name in names]
    return [(was.name, name, shown(one), shown(other)) for name, one, other in pairs if one != other]


class _Columns:
    """The headings both have, where they stand in each, and what makes a row one's own."""

    def __init__(self, was: Part, now: Part):
        self.names = [name for name in was.heads if name in now.heads]
        self.data = [name for name in self.names if is_data(name)]
        self.old = [was.heads.index(name) for name in self.names]
        self.new = [now.heads.index(name) for name in self.names]
        self.place = {name: at for at, name in enumerate(self.names)}
        self.compared = [self.place[name] for name in self.data]

    def values(self, row: list[Any], places: list[int]) -> Row:
        """Cells as they count; of a row key what is the person's, not which row of the person's it is."""
        found = [value(row[at]) for at in places]
        if ROW_KEY in self.place:
            found[self.of(ROW_KEY)] = str(found[self.of(ROW_KEY)]).partition("-")[0]
        return tuple(found)

    def of(self, name: str) -> int:
        return self.place[name]

    def keys(self, labels: tuple[str, ...]) -> list[tuple[int, ...]]:
        """Columns to find a row's like by, the strictest first."""
        which = tuple(self.place[name] for name in WHICH if name in self.place)
        people = tuple(self.place[name] for name in WHO if name in self.place)
        if not people:
            return [tuple(self.place[name] for name in labels)]
        found = [(self.place[ROW_KEY], *which)] if ROW_KEY in self.place else []
        found.append((*people, *which))
        return found + [
            (*(self.place[name] for name in looser), *which)
            for looser in LOOSER
            if all(name in self.place for name in looser)
        ]


def _part(was: Part, now: Part) -> Iterator[list[Change]]:
    """Per row that differs its changes."""
    columns = _Columns(was, now)
    before, after = _unequal(was, now, columns)
    labels = _labels(columns, [*before, *after])
    pairs: list[tuple[Row, Row]] = []
    for number, key in enumerate(columns.keys(labels)):
        before, after, met = _met(before, after, key, only=number > 0)
        pairs += met
    for one, other in pairs:
        changed = [at for at in columns.compared if not _same(one[at], other[at])]
        if changed:
            who = _who(columns, labels, other)
            yield [_cell(was.name, who, columns.names[at], one[at], other[at]) for at in changed]
    for rows, kind in ((before, MISSING), (after, ADDED)):
        for row in rows:
            yield [Change(was.name, kind, _who(columns, labels, row), WHOLE_ROW, "", "")]


def _unequal(was: Part, now: Part, columns: _Columns) -> tuple[list[Row], list[Row]]:
    """The rows of each that the other has not got just so: most rows of two issues are the same, and not kept. Known by the
    hash of a text: of numbers -1 and -2 have the same."""
    old, new = (_picker([place[at] for at in columns.compared]) for place in (columns.old, columns.new))
    counted = Counter(hash(repr(old(row))) for row in was.rows())
    after = []
    for row in now.rows():
        mark = hash(repr(new(row)))
        if counted[mark] > 0:
            counted[mark] -= 1
        else:
            after.append(columns.values(row, columns.new))
    left, before = Counter({mark: number for mark, number in counted.items() if number > 0}), []
    for row in was.rows() if left else ():
        mark = hash(repr(old(row)))
        if left[mark] > 0:
            left[mark] -= 1
            before.append(columns.values(row, columns.old))
    return before, after


def _picker(places: list[int]) -> Callable[[list[Any]], Any]:
    return itemgetter(*places) if places else len


def _labels(columns: _Columns, rows: list[Row]) -> tuple[str, ...]:
    """The headings before the first column of numbers: what a line of a summary is about."""
    names: list[str] = []
    for name in columns.data:
        if any(isinstance(row[columns.of(name)], Decimal) for row in rows):
            break
        names.append(name)
    return tuple(names)


def _met(before: list[Row], after: list[Row], key: tuple[int, ...], *, only: bool) -> tuple[list, list, list]:
    """Rows of either side that have the same key, in order; `only`: where it is the only one on its side.
    → (left of before, left of after, pairs)."""
    waiting: dict[Row, list[Row]] = defaultdict(list)
    for row in before:
        waiting[_key(row, key)].append(row)
    times = Counter(_key(row, key) for row in after) if only else Counter()
    pairs, left = [], []
    for row in after:
        mark = _key(row, key)
        found = waiting.get(mark)
        if not found or not any(mark) or (only and (len(found) > 1 or times[mark] > 1)):
            left.append(row)
        else:
            pairs.append((found.pop(0), row))
    return [row for rows in waiting.values() for row in rows], left, pairs


def _key(row: Row, key: tuple[int, ...]) -> Row:
    return tuple(_masked(row[at]) for at in key)


def _masked(cell: Cell) -> Cell:
    return crypto.mask_numbers(cell) if isinstance(cell, str) else cell


def _same(one: Cell, other: Cell) -> bool:
    """Equal; or one of the two is masked and says the same as far as it says anything."""
    if one == other:
        return True
    if isinstance(one, str) and isinstance(other, str) and ("*" in one) != ("*" in other):
        masked, clear = (one, other) if "*" in one else (other, one)
        return bool(clear) and clear.endswith(masked.lstrip("*"))
    return False


def _cell(sheet: str, who: str, heading: str, one: Cell, other: Cell) -> Change:
    was, now = _said(one), _said(other)
    return Change(sheet, CHANGED, who, heading, was, f"{now}{HIDDEN if was == now else ''}")


def _said(cell: Cell) -> str:
    return crypto.mask_numbers(shown(cell))


def _who(columns: _Columns, labels: tuple[str, ...], row: Row) -> str:
    """The person and which of the person's rows; of a line of a summary its labels."""
    about = any(name in columns.place for name in WHO)
    names = [name for name in (*WHO, *WHICH) if name in columns.place and name != "出生日期"] if about else labels
    said = [_said(row[columns.of(name)]) for name in names]
    return " ".join(part for part in said if part)


# --- as a sheet ----------------------------------------------------------------------------------------------------

HEADS = (
    Head(("序号",), 6, Kind.INTEGER), Head(("工作表",), 14, Kind.TEXT), Head(("变化",), 7, Kind.TEXT),
    Head(("哪一行",), 40, Kind.TEXT), Head(("栏目",), 18, Kind.TEXT), Head(("原来",), 26, Kind.TEXT),
    Head(("现在",), 26, Kind.TEXT),
)  # fmt: skip


def write_sheet(path: Path, old: LedgerIssue, new: LedgerIssue, found: Compared) -> None:
    """The difference as a workbook: totals, then every changed row."""
    title = f"{new.title}差异（第 {old.pk} 号→第 {new.pk} 号）"
    notes = tuple(f"{WORDS[kind]} {number} 行。" for kind, number in found.rows.items())
    look = Look(title, new.reported_by, timezone.localdate(), "行", notes)
    totals = [["", sheet, "合计", "", name, was, now] for sheet, name, was, now in found.totals]
    rows = [["", each.sheet, each.word, each.who, each.heading, each.was, each.now] for each in found.changes]
    numbered = ([number, *line[1:]] for number, line in enumerate([*totals, *rows], 1))
    write_workbook(path, [Sheet("差异", HEADS, numbered, look)])
