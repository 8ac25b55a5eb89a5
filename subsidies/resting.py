"""What of the money, of confirmed need and of applications rests on a batch of facts, and forbids to take it back."""

from __future__ import annotations

from django.urls import reverse

from aidcases import sql
from aidcases.registry import Resting
from students.imports.tracks import Track
from students.models import Batch


def on_batch(batch: Batch) -> list[Resting]:
    """Lines of payment batches listed since, and determinations made since, for whom it wrote about; and of students or
    enrolments that it brought, which can only have been made since: applications, refusals, lines of notices. (Who else
    refers to a student, such as a panel's member whose child it is, keeps the student: students.imports.planning.)"""
    track = Track(batch)
    listed = sql.one(
        f"""SELECT count(*)::int AS lines FROM subsidies_payment l
        WHERE l.state <> 'cancelled' AND l.listed_at >= %s AND l.student_id IN ({track.people()})""",
        [batch.made_at],
    )["lines"]
    student, enrolment = track.made("students_student"), track.made("students_enrolment")
    brought = f"t.student_id IN ({student})"
    in_term = f"""({brought} OR EXISTS (SELECT FROM students_enrolment e WHERE e.student_id = t.student_id
        AND e.term = t.term AND e.id IN ({enrolment})))"""
    since = f"""t.student_id IN ({track.people()})
        AND t.made_at >= (SELECT made_at FROM students_batch WHERE id = {batch.pk:d})"""
    tables = ("subsidies_loan", "subsidies_topupcase", "subsidies_gift", "subsidies_pairing", "subsidies_pointsaccount")
    given = " UNION ALL ".join(f"SELECT student_id FROM {table}" for table in tables)
    found = [
        Resting("已列入发放的资助", listed, "笔", reverse("entitlement_list")),
        Resting("困难认定", _count("subsidies_determination", since), "人", reverse("student_list")),
        Resting("认定申请", _count("subsidies_application", in_term), "份", reverse("application_list")),
        Resting("登记的放弃资助", _count("subsidies_refusal", in_term), "条", reverse("application_list")),
        Resting("公示名单", _count("subsidies_noticeline", brought), "条", reverse("notice_list")),
        Resting("捐助、结对和贷款记录", _count(f"({given})", brought), "条", reverse("giving_totals")),
    ]
    return [each for each in found if each.count]


def _count(table: str, which: str) -> int:
    return sql.one(f"SELECT count(*)::int AS n FROM {table} t WHERE {which}")["n"]
