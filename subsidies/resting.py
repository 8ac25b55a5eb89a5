"""What of the money and of confirmed need rests on a batch of facts, and forbids to take it back."""

from __future__ import annotations

from django.urls import reverse

from aidcases import sql
from aidcases.registry import Resting
from students.imports.tracks import Track
from students.models import Batch


def on_batch(batch: Batch) -> list[Resting]:
    """Lines of payment batches listed since for whom it wrote about; determinations of students or enrolments that it
    brought, which can only have been made since."""
    track = Track(batch)
    listed = sql.one(
        f"""SELECT count(*)::int AS lines FROM subsidies_payment l
        WHERE l.state <> 'cancelled' AND l.listed_at >= %s AND l.student_id IN ({track.people()})""",
        [batch.made_at],
    )["lines"]
    determined = sql.one(
        f"""SELECT count(*)::int AS levels FROM subsidies_determination d
        WHERE d.student_id IN ({track.made("students_student")})
           OR EXISTS (SELECT FROM students_enrolment e WHERE e.student_id = d.student_id AND e.term = d.term
                      AND e.id IN ({track.made("students_enrolment")}))"""
    )["levels"]
    tables = ("subsidies_loan", "subsidies_topupcase", "subsidies_gift", "subsidies_pairing", "subsidies_pointsaccount")
    given = " UNION ALL ".join(f"SELECT student_id FROM {table}" for table in tables)
    helped = sql.one(
        f"SELECT count(*)::int AS n FROM ({given}) g WHERE g.student_id IN ({track.made('students_student')})"
    )["n"]
    found = [
        Resting("已列入发放的资助", listed, "笔", reverse("entitlement_list")),
        Resting("困难认定", determined, "人", reverse("student_list")),
        Resting("捐助、结对和贷款记录", helped, "条", reverse("giving_totals")),
    ]
    return [each for each in found if each.count]
