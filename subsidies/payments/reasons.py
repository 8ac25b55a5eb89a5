"""未助原因: written for everyone who is due something that no step of the work explains; one child or all of a filter."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from aidcases import audit, sql
from aidcases.flow import Refused
from aidcases.scoping import Actor
from subsidies.models import UnpaidReason
from subsidies.models.reasons import Unaided
from subsidies.payments.board import ASKED, Question
from subsidies.payments.offered import Offered

NOBODY = "这里没有要写原因的人：已经发放、正在办理或者系统已经知道原因的，不用写。"
_SAY = f"""
    INSERT INTO subsidies_unpaidreason (student_id, term, benefit_id, reason, note, said_by, home_path, school_path)
    SELECT c.student_id, %(term)s, c.benefit_id, %(reason)s, %(note)s, %(by)s, n.home_path, n.school_path
    FROM cells c JOIN students_enrolment n ON n.student_id = c.student_id AND n.term = %(term)s
    WHERE {ASKED} AND (c.status = 'due' OR %(student)s <> 0 AND c.detail LIKE 'said:%%') ORDER BY 1, 3
    ON CONFLICT (student_id, benefit_id, term) DO UPDATE
        SET reason = EXCLUDED.reason, note = EXCLUDED.note, said_by = EXCLUDED.said_by, said_at = now()
    RETURNING id
"""


@transaction.atomic
def say(question: Question, *, reason: str, note: str, by: Actor) -> int:
    """Writes the reason for whoever of the cells asked for has none; of a single child (`question.student`) also anew.
    → person-times. Raises Refused when there is nobody, or "other" is not explained."""
    reason, note = Unaided(reason), note.strip()[:200]
    if reason == Unaided.OTHER and not note:
        raise Refused("选“其他”要写明是什么原因。")
    text, params = question.sql(Offered.of(question.term))
    told = {"reason": str(reason), "note": note, "by": by.name, "student": question.student}
    written = sql.rows(text + _SAY, {**params, **told})
    if not written:
        raise Refused(NOBODY)
    audit.record("unpaid.said", subject_type_seen="subsidies.unpaidreason", rows=len(written), term=question.term.code,
                 reason=str(reason), subject_ids=[row["id"] for row in written[:500]])  # fmt: skip
    return len(written)


@transaction.atomic
def take_back(rows: QuerySet[UnpaidReason], *, by: Actor) -> int:
    """The reason holds no longer: the child counts again as one of whom nobody has said why. → rows."""
    gone = [(row.pk, row.term) for row in rows.select_for_update(of=("self",)).order_by("pk")]
    UnpaidReason.objects.filter(pk__in=[pk for pk, _ in gone]).delete()
    if gone:
        audit.record("unpaid.taken_back", rows=len(gone), term=gone[0][1])
    return len(gone)
