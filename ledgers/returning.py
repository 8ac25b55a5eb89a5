"""The 数据版 of a ledger of people as one that may come back: what each row said is kept beside the file.

It comes back as any 数据版 does, through students.imports.edits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from aidcases.scoping import current_actor
from aidcases.spans import of_terms
from ledgers.definition import ROW_KEY, Ledger, Listing, Table
from ledgers.models import LedgerIssue
from ledgers.workbook import Sheet
from students.exports import keep_rows, row_line
from students.imports.edited import said_in
from students.models import Export


@contextmanager
def kept(issue: LedgerIssue, ledger: Ledger, folder: Path) -> Iterator[Kept | None]:
    """What the issue's rows say on their way into the database, through a file of the folder; None of one that can't come
    back: of a year, which tells of two terms, none does."""
    if not (issue.flat and ledger.personal and of_terms(issue.term).kind == "term"):
        yield None
        return
    with (folder / "rows").open("w", encoding="utf-8") as lines:
        yield Kept(issue, ledger, lines)


class Kept:
    """The rows of an issue's first sheet, written down as they go by."""

    def __init__(self, issue: LedgerIssue, ledger: Ledger, lines: IO[str]):
        self.ledger, self.lines, self.rows, self.keyless = ledger, lines, 0, False
        self.carried: dict[str, int] = {}  # field of the roster → place of its column
        self.titles: list[str] = []
        self.export = Export.objects.filter(issue=issue.pk).first() or Export(  # of an attempt that died
            office_id=current_actor().office_id, path=issue.path, area_path=issue.area_path, term=issue.term,
            purpose=issue.purpose[:100], made_by=issue.requested_by, issue=issue.pk,
        )  # fmt: skip
        self.export.save()

    def sheet(self, table: Table, *, unmasked: bool) -> Sheet:
        assert isinstance(table, Listing)
        self.titles = [*(column.name for column in table.columns), ROW_KEY]
        self.carried = {column.roster: at for at, column in enumerate(table.columns) if column.roster}
        return table.sheet(None, unmasked=unmasked, keep=self._row)

    def _row(self, cells: list[Any], person: int | None) -> None:
        self.rows += 1
        if key := cells[-1]:
            said = said_in({name: cells[at] or "" for name, at in self.carried.items()})
            self.lines.write(row_line(self.export.pk, key, person, said))
        else:
            self.keyless = True

    def keep(self) -> None:
        """Into the database, with the issue's record."""
        self.lines.flush()
        self.export.rows = self.rows
        self.export.layout = {
            "title": self.ledger.title,
            "instead": self.ledger.instead,
            "keyless": self.keyless,
            "titles": self.titles,
            "mapping": {"key": ROW_KEY, **{name: self.titles[at] for name, at in self.carried.items()}},
        }
        self.export.save(update_fields=["rows", "layout"])
        keep_rows(self.export, Path(self.lines.name))
