"""What of the money, of confirmed need and of applications rests on a batch of facts, and forbids to take it back."""

from __future__ import annotations

from django.urls import reverse

from aidcases import sql
from aidcases.registry import Resting
from students.imports.tracks import Track
from students.models import Batch

_PLANNED = ("subsidies_planchild", "subsidies_planmeasure", "subsidies_studyaway")
_GIVEN = ("subsidies_loan", "subsidies_topupcase", "subsidies_gift", "subsidies_pairing", "subsidies_pointsaccount")


def on_batch(batch: Batch) -> list[Resting]:
    """Lines of payment batches listed since, and determinations made since, for whom it wrote about; and of students or
    enrolments that it brought, which can only have been made since: applications, refusals, lines of notices. (Who else
    refers to a student, such as a panel's member whose child it is, keeps the student: students.imports.planning.)"""
    track = Track(batch)
    student, enrolment = track.made("students_student"), track.made("students_enrolment")
    brought = f"t.student_id IN ({student})"
    in_term = f"""({brought} OR EXISTS (SELECT FROM students_enrolment e WHERE e.student_id = t.student_id
        AND e.term = t.term AND e.id IN ({enrolment})))"""
    about = f"t.student_id IN ({track.people()})"
    given, planned = (
        " UNION ALL ".join(f"SELECT student_id FROM {table}" for table in tables) for tables in (_GIVEN, _PLANNED)
    )
    counted = {
        ("已列入发放的资助", "笔", "entitlement_list"): ("subsidies_payment",
            f"t.state <> 'cancelled' AND t.listed_at >= b.made_at AND {about}"),
        ("困难认定", "人", "student_list"): ("subsidies_determination", f"t.made_at >= b.made_at AND {about}"),
        ("认定申请", "份", "application_list"): ("subsidies_application", in_term),
        ("登记的放弃资助", "条", "application_list"): ("subsidies_refusal", in_term),
        ("公示名单", "条", "notice_list"): ("subsidies_noticeline", brought),
        ("捐助、结对和贷款记录", "条", "giving_totals"): (f"({given})", brought),
        ("帮扶计划和在外就读登记", "条", "plan_list"): (f"({planned})", brought),
    }  # fmt: skip
    counts = ", ".join(
        f"(SELECT count(*) FROM {table} t WHERE {which})::int AS n{n}"
        for n, (table, which) in enumerate(counted.values())
    )
    found = sql.one(f"SELECT {counts} FROM students_batch b WHERE b.id = %s", [batch.pk]).values()
    return [
        Resting(label, count, unit, reverse(page))
        for (label, unit, page), count in zip(counted, found, strict=True)
        if count
    ]
