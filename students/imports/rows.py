"""Rows of a roster → lines of PostgreSQL's COPY text format, with hashes and ciphertext for numbers."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

from aidcases.crypto import Keyring
from students.imports import cells
from students.imports.cells import Bad
from students.imports.columns import Fact, Kind
from students.imports.headings import Heading
from students.imports.people import Columns, People, Problem, Problems, Schools, escaped, problem
from students.imports.source import Raw, Row, Sheet

# The columns of a line, in this order.
COPY_COLUMNS = (
    *("file_id", "number", "state", "reasons", "cells", "warnings", "name"),
    *("id_hash", "id_last4", "id_cipher", "sex", "birth_on", "second_hash", "second_last4", "second_cipher"),
    *("phone_hash", "phone_cipher", "number_hash", "number_last4", "number_cipher", "data", "initials"),
)

Step = Callable[[Columns, Problems], list[str]]

# Results are remembered by the cell as the file spells it: "农业户口" is parsed once, not 50,000 times.
MEMORY = 2048
MOST_DAYS = 64  # different days that a list may name as its own

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Rows:
    """Makes lines of the rows of one sheet, some hundred at once and column by column: each step costs one call for all
    of them. Counts `rows` and `rejected`."""

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
        # The day of the whole list stands in every row and makes none filled.
        self._dated = self.columns.get(kind.dated)
        self._days: set[Raw] = set()
        self._counting = [place for name, place in self.columns.items() if name != kind.dated]
        stated = [fact for fact in kind.facts if self._is_stated(fact)]
        self._steps = list(map(self._step, stated))
        # As PostgreSQL keeps the keys of an object, which spares it the sorting.
        self._order = sorted(range(len(stated)), key=lambda place: _by_length(stated[place].fields[0]))
        self._merged = merged

    def _is_stated(self, fact: Fact) -> bool:
        return fact.always or any(name in self.columns for name in fact.fields)

    def _step(self, fact: Fact) -> Step:
        """What a fact's cells give, row for row, as the inside of a JSON object with a comma in front; "" for nothing."""
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

        def step(columns: Columns, problems: Problems) -> list[str]:
            raws = columns[places[0]] if is_single else list(zip(*(columns[place] for place in places), strict=True))
            found: list[Any] = list(map(memory.get, raws))
            if None in found:
                both = zip(raws, found, strict=True)
                found = [memory.get(raw) or compute(raw) if one is None else one for raw, one in both]
            if tuple in set(map(type, found)):
                for row, one in enumerate(found):
                    if one.__class__ is tuple:
                        problems.add(row, one)
                        found[row] = ""
            return found

        return step

    def lines(self, batch: list[Row]) -> list[str]:
        """Lines without line ends of some rows; empty rows give none."""
        numbers, columns = self._columns(batch)
        if not numbers:
            return []
        if self._dated is not None and len(self._days) < MOST_DAYS:
            self._days.update(columns[self._dated])
        problems = Problems()
        found = [step(columns, problems) for step in self._steps]
        who, letters, more = self._who(columns, problems)
        data = [joined[1:] for joined in map("".join, zip(*(found[place] for place in self._order), more, strict=True))]
        sound = self._sound
        self.rows += len(numbers)
        if not problems:
            return [
                f"{self.file_id}\t{number}\t{sound}\t{one}\t{{{told}}}\t{short}"
                for number, one, told, short in zip(numbers, who, data, letters, strict=True)
            ]
        lines = []
        for row, number in enumerate(numbers):
            judged = self._judged(problems[row], columns, row) if row in problems else sound
            if judged:
                lines.append(f"{self.file_id}\t{number}\t{judged}\t{who[row]}\t{{{data[row]}}}\t{letters[row]}")
        return lines

    def _columns(self, batch: list[Row]) -> tuple[list[int], Columns]:
        """Row numbers and raw cells by column, without rows that have no cell that counts. One column more is of blanks:
        where absent columns point."""
        columns = self._turned([raws for _, raws in batch])
        if not any(all(columns[place]) for place in self._counting):
            filled = list(map(any, zip(*(columns[place] for place in self._counting), strict=True)))
            batch = [row for row, is_filled in zip(batch, filled, strict=True) if is_filled]
            columns = self._turned([raws for _, raws in batch])
        numbers = [number for number, _ in batch]
        if self._merged:
            rows = [list(row) for row in zip(*columns, strict=True)]
            for number, row in zip(numbers, rows, strict=True):
                self._merged.fill(number, row)
            columns = list(zip(*rows, strict=True))
        return numbers, columns

    def _turned(self, rows: list[list[Raw]]) -> Columns:
        columns = list(zip_longest(*(raws[: self._width] for raws in rows)))
        return columns + [(None,) * len(rows)] * (self._width + 1 - len(columns))

    @property
    def data_on(self) -> str:
        """The latest day the rows say the list is of, not after today; "" when they name none."""
        found = []
        for raw in self._days:
            with contextlib.suppress(Bad):
                found.append(cells.day(self.sheet.value(raw)))
        return max((day for day in found if day <= self._today), default="")

    def _judged(self, problems: list[Problem], columns: Columns, row: int) -> str:
        """state, reasons, cells, warnings of a row with problems; "" where nothing stands in it but blanks."""
        reasons = dict.fromkeys(code for is_fatal, code, _ in problems if is_fatal)
        if reasons and not any(cells.is_filled(self.sheet.value(columns[place][row])) for place in self._counting):
            self.rows -= 1
            return ""
        warnings = dict.fromkeys(code for is_fatal, code, _ in problems if not is_fatal)
        places = dict.fromkeys(place for _, _, places in problems for place in places)
        self.rejected += bool(reasons)
        state = "rejected" if reasons else self._state
        return f"{state}\t{_array(reasons)}\t{{{','.join(map(str, places))}}}\t{_array(warnings)}"


def _by_length(key: str) -> tuple[int, str]:
    return len(key), key


def _json(found: dict[str, Any] | str) -> str:
    """The inside of a JSON object with a comma in front, escaped for COPY."""
    if isinstance(found, dict):
        found = _encode({key: found[key] for key in sorted(found, key=_by_length)})[1:-1]
    told = escaped(found)
    return f",{told}" if told else ""


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
