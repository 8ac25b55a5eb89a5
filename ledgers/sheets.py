"""What a workbook consists of: kinds of cells, headings, the look around the rows, sheets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """What a column's cells are: it decides number format, alignment and the types accepted.

    TEXT takes anything (bool becomes 是/否), INTEGER int, MONEY int or Decimal, DATE date (no datetime:
    its day depends on the time zone). None is an empty cell everywhere, "" in a text column too.
    """

    TEXT = "text"
    INTEGER = "integer"
    MONEY = "money"
    DATE = "date"


@dataclass(frozen=True)
class Head:
    """One column: heading from top to bottom (equal neighbours merge), width in half-width characters."""

    path: tuple[str, ...]
    width: float
    kind: Kind
    total: bool = False

    def __post_init__(self) -> None:
        if not self.path or not all(self.path):
            raise ValueError("表头不能为空")
        if self.total and self.kind not in (Kind.INTEGER, Kind.MONEY):
            raise ValueError(f"“{self.name}”不是数字列，不能合计")

    @property
    def name(self) -> str:
        """The heading in one line, as the 数据版 shows it."""
        return "-".join(self.path)


class Subtotal(tuple):
    """A 小计 among the rows: bold, and not added up again in 合计."""

    __slots__ = ()


@dataclass(frozen=True)
class Look:
    """What stands around the rows of a 上报版. `unit` is the bare unit (元, 人, 元/人); `mark` is printed small at the head of
    every page: who made it, when, what for.
    """

    title: str
    reported_by: str
    reported_on: date
    unit: str
    notes: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ("单位负责人", "审核人", "填表人")
    mark: str = ""


@dataclass(frozen=True)
class Sheet:
    """One sheet. Without a look it is a 数据版: one heading row, filter, no merges, no total row.

    `rows` is read once and only when its turn comes, so the rows of a later sheet may depend on an
    earlier one. `total_first` puts 合计 above the rows. `stated` gives, by heading name, totals that are
    no sums: a person who gets two benefits is one person.
    """

    name: str
    heads: tuple[Head, ...]
    rows: Iterable[Sequence]
    look: Look | None
    hidden: bool = False
    total_first: bool = False
    stated: Mapping[str, Decimal | int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [head.name for head in self.heads]
        if not names:
            raise ValueError(f"“{self.name}”没有列")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"“{self.name}”的表头重复：{'、'.join(twice)}")
        unknown = sorted(set(self.stated) - {head.name for head in self.heads if head.total})
        if unknown:
            raise ValueError(f"“{self.name}”没有这些合计列：{'、'.join(unknown)}")


@dataclass(frozen=True)
class Written:
    """What was written: data rows per sheet, SHA-256 of the file, per sheet the totals by heading name."""

    rows: list[int]
    sha256: str
    totals: list[dict[str, Decimal]]
