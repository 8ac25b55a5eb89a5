"""核验: a copy of a ledger held against the stored issue by the limited process (ledgers.comparing), never in this one.

The file's own manifest only says which issue it wants to be.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from aidcases.flow import Refused
from ledgers.comparing import ADDED, CHANGED, MISSING, WHOLE_SHEET, Copy, Difference
from ledgers.models import LedgerIssue
from students.imports.sandbox import started
from students.imports.source import Limits
from students.imports.source import Refused as NotReadable

__all__ = ["ADDED", "CHANGED", "MISSING", "WHOLE_SHEET", "Copy", "Difference", "Found", "compare", "held", "issue_of"]

LIMITS = Limits(memory=3 << 30, cpu=90, wall=60)  # both files of 100,000 rows at once
PATIENT = Limits(memory=6 << 30, cpu=600, wall=600)  # of the command line
NOT_OURS = "这个文件里没有台账的生成记录，不知道和哪一期比。请写明生成记录的编号（命令行用 --issue）。"


@dataclass(frozen=True)
class Found:
    """The first differences, and how many there are in all."""

    differences: list[Difference]
    count: int


def _asked(file: BinaryIO, stored: BinaryIO | None = None, limits: Limits = LIMITS) -> dict[str, Any]:
    order = {"task": "ledgers.comparing", "stored": f"/proc/self/fd/{stored.fileno()}" if stored else ""}
    try:
        with started(order, file, limits, *([stored] if stored else [])) as child:
            child.input.close()
            return child.result()
    except NotReadable as wrong:
        raise Refused(*wrong.reasons) from None


def _digest(file: BinaryIO) -> bytes:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").digest()


def held(stored: BinaryIO, copy: BinaryIO, limits: Limits = LIMITS) -> Found:
    """What differs between the stored issue and a copy, both open files; the same bytes are not looked into. Raises Refused
    for one that can't be read."""
    if _digest(stored) == _digest(copy):
        return Found([], 0)
    told = _asked(copy, stored, limits)
    return Found([Difference(*each) for each in told["found"]], told["count"])


def compare(stored: Path, copy: Path) -> list[Difference]:
    """The same of two files on the disk."""
    with stored.open("rb") as was, copy.open("rb") as now:
        return held(was, now).differences


def issue_of(copy: BinaryIO, number: int | None) -> LedgerIssue:
    """The issue that a copy is held against. Raises Refused where there is none in sight."""
    named = number if number is not None else _asked(copy)["issue"]
    if named is None:
        raise Refused(NOT_OURS)
    found = LedgerIssue.objects.finished().filter(pk=named).first()
    if found is None:
        raise Refused(f"没有编号为 {named} 的台账生成记录，或者不在您的范围内。")
    return found
