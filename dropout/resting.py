"""What of the cases rests on a batch of facts, and forbids to take it back."""

from __future__ import annotations

from django.urls import reverse

from aidcases import sql
from aidcases.registry import Resting
from students.imports.tracks import Track
from students.models import Batch

_ROWS = {"listed_id": "students_rosterentry", "enrolment_id": "students_enrolment", "member_id": "students_member"}


def on_batch(batch: Batch) -> list[Resting]:
    """Cases that somebody has worked on and whose line of a comparison stands on a row that the batch brought."""
    track = Track(batch)
    stands = " OR ".join(f"d.{column} IN ({track.made(table)})" for column, table in _ROWS.items())
    count = sql.one(
        f"""SELECT count(DISTINCT c.id)::int AS count FROM dropout_dropoutcase c
            JOIN dropout_difference d ON d.case_id = c.id WHERE c.state <> 'suspected' AND ({stands})"""
    )["count"]
    return [Resting("控辍案件", count, "件", reverse("case_list"))] if count else []
