"""An uploaded roster, read by a limited process: lines for COPY and a summary, or the sentence why not."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from aidcases.crypto import Keyring, open_sealed
from students.imports.rows import COPY_COLUMNS as COPY_COLUMNS
from students.imports.sandbox import Child, Followed, started
from students.imports.source import Asked as Asked
from students.imports.source import Limits as Limits
from students.imports.source import Refused as Refused

Sink = Callable[[BinaryIO], Any]
Progress = Callable[[int, int], Any]


@dataclass(frozen=True)
class Summary:
    """What was read: `mapping` field → heading, `unused` headings, `heading_row` as Excel numbers it.

    `is_told`: mapped by what a clerk said. `looked`: the first rows, masked and sealed. `looks_like`: the kind the file
    seems to be instead, or "". `data_on`: the day the list itself names (ISO), or "". `issue`: the ledger's issue it says
    it is, or None.
    """

    rows: int
    rejected: int
    sheet: str
    heading_row: int
    headings: list[str]
    mapping: dict[str, str]
    unused: list[str]
    is_told: bool = False
    looked: str = ""
    looks_like: str = ""
    data_on: str = ""
    issue: int | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_roster(
    path: Path | str, kind: str, file_id: int, *, filename: str, keyring: Keyring, sink: Sink | None = None,
    limits: Limits | None = None, today: datetime.date | None = None, on_progress: Progress | None = None,
    choice: dict[str, Any] | None = None, saved: dict[str, dict[str, str]] | None = None, state: str = "read",
) -> Summary:  # fmt: skip
    """Read a sealed upload. `sink` gets a file of COPY lines (columns COPY_COLUMNS) and reads it to its end;
    `on_progress(done, total)` is called while it does. Without a sink only the heading is looked at, and
    `rows` is about how many there are.

    `choice` is what a clerk said of this file (choosing.Choice as a dict), `saved` the office's mappings by fingerprint,
    `state` what a row that can be used is staged as.

    Raises Refused with one sentence, or Asked when a clerk has to choose; then reading the lines has failed too, so that
    the COPY is undone.
    """
    limits = limits or Limits()
    order = {
        "task": "read",
        "keys": keyring.dump(),
        "kind": str(kind),
        "file_id": file_id,
        "filename": filename,
        "today": (today or datetime.date.today()).isoformat(),
        "look_only": sink is None,
        "choice": choice or None,
        "saved": saved or {},
        "state": state,
    }
    with open_sealed(path, keyring) as source, started(order, source, limits) as child:
        child.input.close()
        if sink is not None:
            _pour(child, sink, on_progress)
        return Summary(**child.result()["summary"])


def _pour(
    child: Child, sink: Callable[[BinaryIO], Any], on_progress: Callable[[int, int], Any] | None
) -> None:
    """The child's lines into the sink. What ended the child is told rather than what the sink made of it."""
    total, done = child.first().get("total", 0), 0

    def count(lines: int) -> None:
        nonlocal done
        done += lines
        if on_progress:
            on_progress(done, max(total, done))

    try:
        sink(io.BufferedReader(Followed(child, count), 1 << 18))
    except Exception:
        if child.has_failed():
            child.result()
        raise
