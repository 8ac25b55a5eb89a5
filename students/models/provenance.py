"""Where a fact came from."""

from __future__ import annotations

from django.db import models


def from_row() -> models.ForeignKey:
    """The staged row a fact rests on. The statement that writes the fact reads the row, and rows of a committed file are
    never deleted: a check and an index entry for each of a million facts would buy nothing."""
    return models.ForeignKey(
        "students.ImportRow", models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
