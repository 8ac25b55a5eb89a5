"""Kinds of rosters whose rows become rows of an upper app: it fills this in AppConfig.ready(), the pipeline only reads it.

The file is uploaded, read, mapped, previewed, committed and undone like any other; what its rows mean is said from above.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aidcases.registry import Resting
from students.imports.tracks import Track
from students.models import ImportFile


@dataclass(frozen=True)
class Upper:
    """`check`: staged rows to exactly one state each, repeatable. `write`: the new rows' records, inside the import's
    batch. `made`: how many of its records an undo would take away; `take_back` does, and says how many; `resting`: what
    forbids it. `what`: the records' name for people."""

    what: str
    check: Callable[[ImportFile], None]
    write: Callable[[ImportFile], None]
    made: Callable[[ImportFile], int]
    take_back: Callable[[ImportFile], int]
    resting: Callable[[ImportFile], list[Resting]]


KINDS: dict[str, Upper] = {}


def _of(track: Track) -> tuple[Upper, ImportFile] | None:
    """The kind of a batch's file, where it is one of these, and the file."""
    if track.kind not in KINDS:
        return None
    return KINDS[track.kind], ImportFile.objects.select_related("office__region").get(pk=track.file)


def resting(track: Track) -> list[Resting]:
    """What forbids to take the batch back."""
    found = _of(track)
    return found[0].resting(found[1]) if found else []


def restored(track: Track, *, now: bool = False) -> list[dict[str, Any]]:
    """The line of an undo's account (telling.restored) for a file of such a kind; `now`: done, too."""
    found = _of(track)
    if found is None:
        return []
    kind, file = found
    removed = kind.take_back(file) if now else kind.made(file)
    return [{"what": kind.what, "removed": removed, "changed": 0, "returned": 0}] if removed else []
