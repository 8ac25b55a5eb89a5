"""The first rows of a file as the limited process handed them over: what the page of columns shows and offers.

Nothing of the file itself is read here.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from aidcases import crypto
from students.imports import headings
from students.imports.columns import Kind
from students.imports.headings import TextRow, Titles
from students.imports.sheets import column_letters

SAMPLES = 5  # rows shown under a heading
LONGEST_SAMPLE = 18


@dataclass(frozen=True)
class Sheet:
    """A sheet's first rows with long numbers masked, and where its heading is thought to stand."""

    name: str
    row: int
    height: int
    rows: list[TextRow]

    def titles(self, row: int, height: int) -> Titles | None:
        """The heading that ends in this row and is so many rows high; None when there is none."""
        found = (titles for titles in headings.candidates(self.rows) if (titles.row, titles.height) == (row, height))
        return next(found, None)

    def offered(self) -> list[tuple[str, str]]:
        """Rows that may be the heading, as (code for `place`, words)."""
        found = []
        for titles in headings.candidates(self.rows):
            named = [title for title in titles.titles if title]
            if len(named) > 1:
                first = titles.row - 1 if titles.height > 1 else titles.row
                rows = f"第 {first}–{titles.row} 行" if titles.height > 1 else f"第 {titles.row} 行"
                words = f"{rows}：{'、'.join(named[:4])}"[:40]
                found.append((titles.row, titles.height, words))
        return [(f"{row}-{height}", words) for row, height, words in sorted(found)]

    def below(self, row: int) -> list[TextRow]:
        """The first rows of data under a heading."""
        return [(number, texts) for number, texts in self.rows if number > row][:SAMPLES]

    def columns(self, titles: Titles) -> list[tuple[str, str]]:
        """(zero-based column, its letters, title and an example of what stands in it) of columns with anything in them."""
        below = self.below(titles.row)
        found = []
        for place, label in enumerate(headings.labels(titles.titles)):
            values = [texts[place] for _, texts in below if place < len(texts) and texts[place]]
            if titles.titles[place] or values:
                example = f"（例：{values[0][:LONGEST_SAMPLE]}）" if values else ""
                found.append((str(place), f"{column_letters(place)} 列 {titles.titles[place] or label}{example}"))
        return found


@dataclass(frozen=True)
class Place:
    """Where a clerk says the heading stands: the sheet, by its place among those shown, and the titles."""

    number: int
    sheet: Sheet
    titles: Titles

    @property
    def row(self) -> str:
        return f"{self.titles.row}-{self.titles.height}"

    def guess(self, kind: Kind, mapping: dict[str, str]) -> dict[str, str]:
        """Field → column, as the file was read, else by the headings."""
        told = self.titles.as_told(kind, mapping)
        found = told if told.columns else self.titles.guessed(kind)
        return {name: str(place) for name, place in found.columns.items()}


def sheets(summary: dict[str, Any]) -> list[Sheet]:
    """What was seen of a file; [] of a file read before such things were kept."""
    if not summary.get("looked"):
        return []
    told = json.loads(crypto.unseal(base64.b64decode(summary["looked"])))
    return [
        Sheet(each["name"], each["row"], each["height"], [(number, texts) for number, texts in each["rows"]])
        for each in told
    ]


def place(found: list[Sheet], sheet: str, row: str) -> Place:
    """The place two codes of a form name; the usual one where they name none. `found` is not empty."""
    number = int(sheet) if sheet.isascii() and sheet.isdigit() and int(sheet) < len(found) else 0
    chosen = found[number]
    last, _, height = row.partition("-")
    titles = None
    if last.isascii() and last.isdigit() and height in ("1", "2"):
        titles = chosen.titles(int(last), int(height))
    titles = titles or chosen.titles(chosen.row, chosen.height) or headings.candidates(chosen.rows)[0]
    return Place(number, chosen, titles)
