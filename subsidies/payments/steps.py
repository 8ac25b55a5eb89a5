"""Long work on a batch's lines in steps of a few thousand, all in one transaction: how far it is, and when to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import QuerySet

STEP = 10_000  # lines


def _nobody(*_: Any) -> None:
    pass


class Steps:
    """`tell(done, total, stage)` in lines, such as Running.progress; what it raises ends the work."""

    def __init__(self, tell: Callable[..., None] = _nobody):
        self.tell, self.done, self.total = tell, 0, 0

    def begin(self, lines: int, stage: str) -> None:
        """So many more lines are to be done, under this name."""
        self.total += lines
        self.tell(self.done, self.total, stage)

    def ranges(self, lines: int) -> Iterator[tuple[int, int]]:
        """(first, last) of so many numbered lines, from 1; each is done when the next is asked for."""
        for first in range(1, lines + 1, STEP):
            last = min(first + STEP - 1, lines)
            yield first, last
            self.done += last - first + 1
            self.tell(self.done)

    def through(self, rows: QuerySet, stage: str) -> Iterator[QuerySet]:
        """The rows as sets of at most STEP by their keys."""
        keys = list(rows.order_by("pk").values_list("pk", flat=True))
        self.begin(len(keys), stage)
        for first, last in self.ranges(len(keys)):
            yield rows.filter(pk__gte=keys[first - 1], pk__lte=keys[last - 1])
