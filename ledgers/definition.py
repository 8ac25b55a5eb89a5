"""A ledger as a value: each heading is one object with the value under it, so the two cannot drift apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from django.db.models import BigIntegerField, Count, F, QuerySet, Sum, Value

from aidcases import crypto
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.spans import Span
from aidcases.terms import Term
from ledgers.areas import Area
from ledgers.workbook import Head, Kind, Look, Sheet, Subtotal
from students.imports.edited import ROW_KEY as ROW_KEY
from students.models import Student

NUMBER = object()  # the value of the column 序号
NOT_OURS = "***"  # what only the other side of a child with two homes recorded
HIDDEN_PHONE = "*" * 11
ROWS = "ledger_rows"
CHUNK = 2000


@dataclass(frozen=True)
class Shown:
    """An expression over the rows' query, and how its value is written in the cell.

    Where two columns share an expression (the same object) the database computes it once.
    """

    value: Any
    words: Callable[[Any], Any] | None = None


def last_four(field_name: str) -> Shown:
    """A number of which only the last four digits are stored in clear."""
    return Shown(F(field_name), lambda last: crypto.mask_id(last) if last else "")


def labelled(expression: Any, labels: Mapping[Any, str]) -> Shown:
    """A code written as the word for it; "" for none."""
    return Shown(expression, lambda code: labels.get(code, ""))


@dataclass(frozen=True)
class Column:
    """A heading (from top to bottom; equal neighbours merge) and what stands under it.

    value: an expression (or Shown), or NUMBER; of a summary the name of a figure. masked: what is shown instead to
    who has no right to clear numbers. side: who records it (HOME, SCHOOL); who does not look from there sees
    NOT_OURS. total: added up in 合计; `summed` is the expression for that where it is not the value itself.
    opens: filter values of the list that shows a figure's rows. roster: the field of the 数据版 that comes back
    (students.imports.edited) it is, of the rows' person and the ledger's term; never a masked column or one side's.
    """

    path: tuple[str, ...]
    value: Any
    width: float
    kind: Kind = Kind.TEXT
    total: bool = False
    masked: Any = None
    summed: Any = None
    side: str = ""
    opens: Mapping[str, str] | None = None
    roster: str = ""

    @property
    def name(self) -> str:
        return self.path[-1]

    def head(self, flat: bool) -> Head:
        """The 数据版 has one heading row: the lowest heading, which no other column shares."""
        return Head((self.name,) if flat else self.path, self.width, self.kind, self.total)

    def shown(self, unmasked: bool) -> Shown:
        found = self.value if unmasked or self.masked is None else self.masked
        return found if isinstance(found, Shown) else Shown(found)


class Table(Protocol):
    """One sheet of a ledger for a term and an area, not yet read."""

    name: str
    columns: tuple[Column, ...]

    def size(self) -> int:
        """Rows it will have."""
        ...

    def sheet(self, look: Look | None, *, unmasked: bool) -> Sheet:
        """The sheet to write; without a look the 数据版."""
        ...


@dataclass(frozen=True)
class Listing:
    """A row per row of a scoped, ordered queryset, read in one query through a server-side cursor.

    sides: side → path field of the rows, for columns that only one side may see. key: keyed hash of the person (None: a
    row may not tell whose it is); with the words of `about` it makes the row key of the 数据版.
    """

    name: str
    columns: tuple[Column, ...]
    found: QuerySet
    key: str
    about: tuple[str, ...]
    sides: Mapping[str, str] = field(default_factory=dict)

    def size(self) -> int:
        return self.found.order_by().count()

    def totals(self) -> dict[str, Any]:
        """{"rows": n, heading: sum} in one query; the sum over nothing is 0."""
        added = {column.name: column.summed or column.value for column in self.columns if column.total}
        sums = {name: Sum(expression, default=Decimal("0.00")) for name, expression in added.items()}
        return self.found.order_by().aggregate(rows=Count("pk"), **sums)

    @property
    def child(self) -> str:
        """Field path to the student a row is of; "" where it is of nobody, as on a public notice."""
        steps, person, _ = self.key.rpartition("person__id_hash")
        if person and not steps and self.found.model is not Student:
            return "person__student__pk"
        return f"{steps}pk" if person else ""

    def first(self, count: int) -> list[list[Any]]:
        """The first rows, masked, for a page."""
        return [cells for _, cells in self.between(0, count)]

    def between(self, start: int, stop: int) -> list[tuple[int | None, list[Any]]]:
        """(student, cells) of rows start (0 = first) to before stop, masked, for a page."""
        reader = _Reader(self, unmasked=False, also=[self.child] if self.child else [])
        rows = enumerate(reader.query[start:stop], start + 1)
        return [(row[-3] if self.child else None, reader.cells(number, row)) for number, row in rows]

    def sheet(self, look: Look | None, *, unmasked: bool, keep: Callable[[list[Any], Any], None] | None = None) -> Sheet:
        """keep: is told every row of a 数据版, and the primary key of the person."""
        reader = _Reader(self, unmasked=unmasked)
        heads = [column.head(look is None) for column in self.columns]
        rows = enumerate(reader.query.iterator(chunk_size=CHUNK), 1)
        if look is not None:
            return Sheet(self.name, tuple(heads), (reader.cells(number, row) for number, row in rows), look)
        keyed = self._keyed(reader, rows, keep)
        return Sheet(self.name, (*heads, Head((ROW_KEY,), 22, Kind.TEXT)), keyed, None)

    def _keyed(
        self, reader: _Reader, rows: Iterator[tuple[int, tuple]], keep: Callable[[list[Any], Any], None] | None
    ) -> Iterator[list[Any]]:
        """Rows with their keys; from a person's second row on that has a number."""
        met: Counter[str] = Counter()
        for number, row in rows:
            person, hashed = row[-2:]
            key = self.row_key(hashed)
            met[key] += 1
            cells = [*reader.cells(number, row), f"{key}-{met[key]}" if key and met[key] > 1 else key]
            if keep:
                keep(cells, person)
            yield cells

    def row_key(self, person: Any) -> str:
        """Opaque, the same on every machine with the same key, different in every ledger and term; "" for nobody."""
        if person is None:
            return ""
        return crypto.blind("|".join((*self.about, bytes(person).hex())), "row_key")[:12].hex()


class _Reader:
    """The query of a listing with every expression in it once, and how its rows become cells."""

    def __init__(self, listing: Listing, *, unmasked: bool, also: Sequence[str] = ()):
        shown = [None if c.value is NUMBER else c.shown(unmasked) for c in listing.columns]
        expressions = {id(each.value): each.value for each in shown if each}
        place = {key: at for at, key in enumerate(expressions)}
        self.takes = [place[id(each.value)] if each else -1 for each in shown]
        self.words = [(at, each.words) for at, each in enumerate(shown) if each and each.words]
        self.numbers = [at for at, each in enumerate(shown) if each is None]
        self.scope = current_scope()
        self.recorded = [
            (len(expressions) + n, side, [at for at, column in enumerate(listing.columns) if column.side == side])
            for n, side in enumerate(listing.sides)
        ]
        whose, _, hashed = listing.key.rpartition("__")
        person = F(whose) if hashed == "id_hash" else Value(None, BigIntegerField())
        self.query = listing.found.values_list(
            *expressions.values(), *listing.sides.values(), *also, person, listing.key
        )

    def cells(self, number: int, row: tuple) -> list[Any]:
        cells = [row[at] for at in self.takes]
        for at, words in self.words:
            cells[at] = words(cells[at])
        for at in self.numbers:
            cells[at] = number
        for path, side, columns in self.recorded:
            if not self.scope.covers(row[path], side):
                for at in columns:
                    cells[at] = NOT_OURS
        return cells


@dataclass(frozen=True)
class Figures:
    """A row of a summary: cells by figure, whether it is a 小计, and the filter values of the list behind it; None where
    nothing is behind it (figures entered by hand).
    """

    cells: Mapping[str, Any]
    subtotal: bool = False
    opens: Mapping[str, str] | None = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """A few rows of figures that the database has added up. `whole` is the 合计: no sum where it counts people.

    lists: the page whose rows the figures open, ROWS the ledger's own (`Ledger.behind`), whose area preview tells. where:
    the filter values there that mean the ledger's area; None where it has none.
    """

    name: str
    columns: tuple[Column, ...]
    whole: Figures
    lines: tuple[Figures, ...]
    lists: str = ROWS
    where: Mapping[str, str] | None = None

    def size(self) -> int:
        return len(self.lines)

    def totals(self) -> dict[str, Any]:
        return {column.name: self.whole.cells[column.value] for column in self.columns if column.total}

    def cells(self, line: Figures) -> list[Any]:
        return [line.cells[column.value] for column in self.columns]

    def sheet(self, look: Look | None, *, unmasked: bool) -> Sheet:
        heads = tuple(column.head(look is None) for column in self.columns)
        named = {column.name: head.name for column, head in zip(self.columns, heads, strict=True)}
        stated = {named[name]: total for name, total in self.totals().items()}
        rows = [Subtotal(self.cells(line)) if line.subtotal else self.cells(line) for line in self.lines]
        if look is None or not any(column.total for column in self.columns):  # no 合计 row of its own
            rows.insert(0, Subtotal(self.cells(self.whole)))
        return Sheet(self.name, heads, rows, look, total_first=True, stated=stated)


@dataclass(frozen=True)
class Ledger:
    """What a ledger is; `tables` gives its sheets for a term and an area, in the scope of whoever acts.

    notes: what stands under a sheet (term, area, name of the sheet). behind: the rows a figure of a summary counts, by the
    filter values of its line and column; raises KeyError or ValueError for values that mean none. several: the three take a
    span of several terms as well, whose money they add up; the others tell of its last term.
    """

    code: str
    title: str
    use: str
    unit: str
    tables: Callable[[Any, Area], list[Table]]
    notes: Callable[[Any, Area, str], list[str]]
    personal: bool = False  # rows are people: the 数据版 carries row keys, numbers are masked
    can: P = P.LEDGER_VIEW
    behind: Callable[[Any, Area, Mapping[str, str]], Listing] | None = None
    instead: str = ""  # where nothing can be changed through a 数据版 that comes back: where it is changed, a sentence
    several: bool = False

    def heading(self, when: Term | Span, area: Area) -> str:
        return f"{area.full_name}{self.title}（{when.label}）"

    def of(self, span: Span) -> Term | Span:
        """What its functions are asked for when the ledger is of a span."""
        return span if self.several and len(span.terms) > 1 else span.terms[-1]

    def period(self, span: Span) -> list[str]:
        """What a sheet says of a span of several terms."""
        if len(span.terms) == 1:
            return []
        said = f"统计期间：{_chinese(span.first)}至 {_chinese(span.last)}"
        names = "、".join(term.label for term in span.terms)
        if self.several:
            return [f"{said}，含{names}；期间内同一人只计 1 人，人次和金额为各学期之和。"]
        return [f"{said}；本表是期末所在学期（{span.terms[-1].label}）的情况。"]


def _chinese(day: date) -> str:
    return f"{day.year} 年 {day.month} 月 {day.day} 日"
