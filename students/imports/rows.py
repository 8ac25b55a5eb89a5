"""One row of a roster → one line of PostgreSQL's COPY text format, with hashes and ciphertext for numbers."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from aidcases.crypto import Keyring
from students.imports import cells
from students.imports.cells import Bad
from students.imports.columns import Fact, Kind
from students.imports.headings import Heading
from students.imports.people import People, Problem, Schools, escaped, problem
from students.imports.source import Raw, Sheet

# The columns of a line, in this order.
COPY_COLUMNS = (
    *("file_id", "number", "state", "reasons", "cells", "warnings", "name"),
    *("id_hash", "id_last4", "id_cipher", "sex", "birth_on", "second_hash", "second_last4", "second_cipher"),
    *("phone_hash", "phone_cipher", "number_hash", "number_last4", "number_cipher", "data", "initials"),
)

Step = tuple[Callable[[list[Raw]], Any], dict[Any, Any], Callable[[Any], Any]]

# Results are remembered by the cell as the file spells it: "农业户口" is parsed once, not 50,000 times.
MEMORY = 2048
MOST_DAYS = 64  # different days that a list may name as its own

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Rows:
    """Makes lines of the rows of one sheet. Counts `rows` and `rejected`."""

    def __init__(
        self,
        kind: Kind,
        heading: Heading,
        sheet: Sheet,
        ring: Keyring,
        merged: Merged,
        file_id: int,
        today: str,
        state: str,
    ):
        self.kind, self.columns, self.sheet, self.file_id = kind, heading.columns, sheet, file_id
        self._today, self._state = today, state
        self._sound = f"{state}\t{{}}\t{{}}\t{{}}"  # state, reasons, cells, warnings of a row without problems
        self.rows = self.rejected = 0
        people = People(kind, self.columns, sheet, ring, today) if kind.people else Schools(self.columns, sheet)
        self._who = people.columns_of
        self._width = max(self.columns.values()) + 1
        self._padding = [[None] * (missing + 1) for missing in range(self._width + 1)]
        # The day of the whole list stands in every row and makes none filled.
        self._dated = self.columns.get(kind.dated)
        self._days: set[Raw] = set()
        self._picked = itemgetter(*(place for name, place in self.columns.items() if name != kind.dated))
        self._steps = [self._step(fact) for fact in kind.facts if self._is_stated(fact)]
        self._merged = merged

    def _is_stated(self, fact: Fact) -> bool:
        return fact.always or any(name in self.columns for name in fact.fields)

    def _step(self, fact: Fact) -> Step:
        """How to pick a fact's cells, what they gave before, and how to find out."""
        places = tuple(self.columns.get(name, self._width) for name in fact.fields)
        present = tuple(place for place in places if place < self._width)
        value, is_single = self.sheet.value, len(places) == 1
        memory: dict[Any, str | Problem] = {}

        def compute(raw: Any) -> str | Problem:
            result: str | Problem
            try:
                result = _json(fact.parse(value(raw)) if is_single else fact.parse(*map(value, raw)))
            except Bad as bad:
                result = problem(bad, *present)
            if len(memory) >= MEMORY:
                memory.clear()
            memory[raw] = result
            return result

        return itemgetter(*places), memory, compute

    def line(self, number: int, raws: list[Raw]) -> str | None:
        """A line without its line end; None for an empty row."""
        row = raws[: self._width]
        row += self._padding[self._width - len(row)]  # one None more: where absent columns point
        if not any(self._picked(row)):
            return None
        if self._merged:
            self._merged.fill(number, row)
        if self._dated is not None and len(self._days) < MOST_DAYS:
            self._days.add(row[self._dated])
        data: list[str] = []
        problems: list[Problem] = []
        for pick, memory, compute in self._steps:
            raw = pick(row)
            result = memory.get(raw)
            if result is None:
                result = compute(raw)
            if result.__class__ is not str:
                problems.append(result)
            elif result:
                data.append(result)
        who, letters = self._who(row, problems, data)
        if not problems:
            self.rows += 1
            found = ",".join(data)
            return f"{self.file_id}\t{number}\t{self._sound}\t{who}\t{{{found}}}\t{letters}"
        if any(is_fatal for is_fatal, _, _ in problems) and self._is_blank(row):
            return None
        return f"{self.file_id}\t{number}\t{self._judged(problems)}\t{who}\t{{{','.join(data)}}}\t{letters}"

    @property
    def data_on(self) -> str:
        """The latest day the rows say the list is of, not after today; "" when they name none."""
        found = []
        for raw in self._days:
            with contextlib.suppress(Bad):
                found.append(cells.day(self.sheet.value(raw)))
        return max((day for day in found if day <= self._today), default="")

    def _judged(self, problems: list[Problem]) -> str:
        """state, reasons, cells, warnings of a row with problems."""
        self.rows += 1
        reasons = dict.fromkeys(code for is_fatal, code, _ in problems if is_fatal)
        warnings = dict.fromkeys(code for is_fatal, code, _ in problems if not is_fatal)
        places = dict.fromkeys(place for _, _, places in problems for place in places)
        self.rejected += bool(reasons)
        state = "rejected" if reasons else self._state
        return f"{state}\t{_array(reasons)}\t{{{','.join(map(str, places))}}}\t{_array(warnings)}"

    def _is_blank(self, row: list[Raw]) -> bool:
        return not any(cells.is_filled(self.sheet.value(raw)) for raw in self._picked(row))


def _json(found: dict[str, Any] | str) -> str:
    """The inside of a JSON object, escaped for COPY."""
    return escaped(found if found.__class__ is str else _encode(found)[1:-1])


def _array(codes: dict[str, None]) -> str:
    quoted = ",".join(f'"{code}"' for code in codes)
    return f"{{{quoted}}}"


class Merged:
    """Merged cells that reach over several rows: the lower rows take the value of the top one."""

    def __init__(self, ranges: list[tuple[int, int, int, int]], columns: set[int]):
        self._tops: dict[int, list[tuple[int, int]]] = {}
        for top, left, bottom, _ in ranges:
            if left in columns:
                self._tops.setdefault(top, []).append((left, bottom))
        self._held: dict[int, tuple[int, Raw]] = {}

    def __bool__(self) -> bool:
        return bool(self._tops or self._held)

    def fill(self, number: int, row: list[Raw]) -> None:
        for place, (bottom, raw) in list(self._held.items()):
            if number > bottom:
                del self._held[place]
            elif row[place] is None or row[place] == "":
                row[place] = raw
        for place, bottom in self._tops.pop(number, ()):
            self._held[place] = (bottom, row[place])
