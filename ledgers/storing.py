"""Files that are made in private, sealed, and only then recorded: nothing half-written is ever under a name."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from aidcases import crypto
from aidcases.models import Job

LEFTOVER_AGE = 24 * 3600
PIECE = 1 << 16


@contextmanager
def workshop(place: str, token: str) -> Iterator[Path]:
    """A folder under FILES/<place>/making only this account can enter, gone afterwards; a killed worker's is removed by
    whoever comes next. token: number of the record, "-", something of the attempt's own."""
    making = settings.FILES / place / "making"
    for folder in (making.parent, making):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    record = token.partition("-")[0]
    for left in making.iterdir():
        mine = left.name.startswith(f"{record}-")
        if mine or time.time() - left.stat().st_mtime > LEFTOVER_AGE:
            shutil.rmtree(left, ignore_errors=True)
    folder = making / token
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Attempt:
    """One claim's try at the file of a record: made in `folder`, sealed as `stored`."""

    folder: Path
    stored: Path

    @contextmanager
    def sealed(self, made: Path) -> Iterator[str]:
        """The file sealed, its SHA-256; gone again where what stands inside fails to record it."""
        try:
            yield crypto.write_sealed(self.stored, pieces(made))
        except BaseException:
            self.stored.unlink(missing_ok=True)
            raise


@contextmanager
def attempt(place: str, record: int, job: Job, ending: str) -> Iterator[Attempt]:
    """By whoever holds the job's claim; what earlier ones left goes first."""
    assert job.claim is not None
    token = f"{record}-{job.claim.hex[:12]}"
    forget_attempts(place, record, ending)
    with workshop(place, token) as folder:
        yield Attempt(folder, settings.FILES / place / f"{token}{ending}")


def forget_attempts(place: str, record: int, ending: str) -> None:
    """What an earlier attempt sealed without living to record it; that attempt can't record it any more."""
    folder = settings.FILES / place
    # Under its name, and what a killed worker was still sealing (crypto.write_sealed).
    for left in (*folder.glob(f"{record}-*{ending}"), *folder.glob(f".{record}-*{ending}.*")):
        left.unlink(missing_ok=True)


def pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
