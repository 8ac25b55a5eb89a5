"""A ledger as a value: each heading is one object with the value under it, so the two cannot drift apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from django.db.models import BooleanField, Case, CharField, Count, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Concat

from aidcases import crypto
from aidcases.roles import P
from aidcases.scoping import InScope
from aidcases.terms import Term
from ledgers.areas import Area
from ledgers.workbook import Head, Kind, Look, Sheet, Subtotal

NUMBER = object()  # the value of the column 序号
NOT_OURS = "***"  # what only the other side of a child with two homes recorded
HIDDEN_PHONE = "*" * 11
ROW_KEY = "行键"
CHUNK = 2000


def last_four(field_name: str) -> Case:
    """A number of which only the last four digits are stored in clear, as crypto.mask_id writes it."""
    return Case(
        When(Q(**{field_name: ""}) | Q(**{f"{field_name}__isnull": True}), then=Value("")),
        default=Concat(Value(crypto.mask_id("0000")[:-4]), field_name, output_field=CharField()),
        output_field=CharField(),
    )


@dataclass(frozen=True)
class Column:
    """A heading (from top to bottom; equal neighbours merge) and what stands under it.

    value: an expression over the rows' query, or NUMBER; of a summary the name of a figure. masked: the expression
    shown to who has no right to clear numbers. side: who records it (HOME, SCHOOL); who does not look from there
    sees NOT_OURS. opens: filter values of the list that shows a figure's rows.
    """

    path: tuple[str, ...]
    value: Any
    width: float
    kind: Kind = Kind.TEXT
    total: bool = False
    masked: Any = None
    side: str = ""
    opens: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        return self.path[-1]

    def head(self, flat: bool) -> Head:
        """The 数据版 has one heading row: the lowest heading, which no other column shares."""
        return Head((self.name,) if flat else self.path, self.width, self.kind, self.total)

    def shown(self, unmasked: bool) -> Any:
        return self.value if unmasked or self.masked is None else self.masked


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

    sides: side → path field of the rows, for columns that only one side may see. key: keyed hash of the person;
    with the words of `about` it makes the row key of the 数据版.
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
        sums = {column.name: Sum(column.value, default=0) for column in self.columns if column.total}
        return self.found.order_by().aggregate(rows=Count("pk"), **sums)

    def first(self, count: int, *, unmasked: bool = False) -> list[list[Any]]:
        """The first rows, for a page."""
        return [cells for cells, _ in self._cells(self._values(unmasked)[:count])]

    def sheet(self, look: Look | None, *, unmasked: bool) -> Sheet:
        heads = [column.head(look is None) for column in self.columns]
        rows = self._cells(self._values(unmasked).iterator(chunk_size=CHUNK))
        if look is not None:
            return Sheet(self.name, tuple(heads), (cells for cells, _ in rows), look)
        keyed = ([*cells, self.row_key(person)] for cells, person in rows)
        return Sheet(self.name, (*heads, Head((ROW_KEY,), 22, Kind.TEXT)), keyed, None)

    def row_key(self, person: Any) -> str:
        """Opaque, the same on every machine with the same key, different in every ledger and term; "" for nobody."""
        if person is None:
            return ""
        return crypto.blind("|".join((*self.about, bytes(person).hex())), "row_key")[:12].hex()

    def _values(self, unmasked: bool) -> QuerySet:
        shown = [column.shown(unmasked) for column in self.columns if column.value is not NUMBER]
        seen = [
            Case(When(InScope(path, sides=(side,)), then=True), default=False, output_field=BooleanField())
            for side, path in self.sides.items()
        ]
        return self.found.values_list(*shown, *seen, self.key)

    def _cells(self, rows: Iterable[tuple]) -> Iterator[tuple[list[Any], Any]]:
        """(cells in the order of the columns, keyed hash of the person) of each row."""
        numbers = [at for at, column in enumerate(self.columns) if column.value is NUMBER]
        hidden = [
            (-1 - len(self.sides) + n, [at for at, column in enumerate(self.columns) if column.side == side])
            for n, side in enumerate(self.sides)
        ]
        width = len(self.columns) - len(numbers)
        for number, row in enumerate(rows, 1):
            cells = list(row[:width])
            for at in numbers:
                cells.insert(at, number)
            for flag, columns in hidden:
                if not row[flag]:
                    for at in columns:
                        cells[at] = NOT_OURS
            yield cells, row[-1]


@dataclass(frozen=True)
class Figures:
    """A row of a summary: cells by figure, whether it is a 小计, and the filter values of the list behind it."""

    cells: Mapping[str, Any]
    subtotal: bool = False
    opens: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """A few rows of figures that the database has added up; `whole` is the 合计, which is no sum where it counts people."""

    name: str
    columns: tuple[Column, ...]
    whole: Figures
    lines: tuple[Figures, ...]

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
        if look is None:
            rows.insert(0, Subtotal(self.cells(self.whole)))
        return Sheet(self.name, heads, rows, look, total_first=True, stated=stated)


@dataclass(frozen=True)
class Ledger:
    """What a ledger is; `tables` gives its sheets for a term and an area, in the scope of whoever acts."""

    code: str
    title: str
    use: str
    unit: str
    tables: Callable[[Term, Area], list[Table]]
    notes: Callable[[Term, Area], list[str]]
    can: P = P.LEDGER_VIEW

    def heading(self, term: Term, area: Area) -> str:
        return f"{area.name}{self.title}（{term.label}）"


def amounts(totals: Mapping[str, Any]) -> dict[str, Any]:
    """Totals as JSON: people as numbers, yuan as text with two decimals."""
    return {name: f"{value:.2f}" if isinstance(value, Decimal) else value for name, value in totals.items()}
