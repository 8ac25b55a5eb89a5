"""Lines of a comparison become cases: a new child's is opened, one that comes up anew in a later term is looked at again."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import F

from aidcases import sql
from aidcases.scoping import current_actor
from aidcases.terms import Term
from dropout import rounds
from dropout.deadlines import Deadlines
from dropout.enums import Alarm, CaseState, FoundBy
from dropout.models import DropoutCase

S = CaseState
# What was found out once and stays so: the same line in a later term asks nobody again.
LASTING = (Alarm.DEAD, Alarm.EMPTY_HUKOU, Alarm.DOUBLE_HUKOU, Alarm.WRONG_ID, Alarm.UNKNOWN_PERSON, Alarm.OVER_AGE)
AGAIN = "新学期比对再次出现"

# The roll's row of the term, else the last one before: where the child was in school.
_OPEN = """
    WITH made AS (
        INSERT INTO dropout_dropoutcase (student_id, home_path, school_path, state, rounds, term, found_by, kind, poor,
            found_on, school_id, stage, grade, class_name, alarm, cause, whereabouts, legal_step, due_on, level,
            visits_made, persuasions, team_named, placement_made, watch_over, proof, proof_note, close_reason, asked_by,
            closed_by, made_by, moved_on)
        SELECT d.student_id, d.home_path, d.school_path, 'suspected', 1, d.term, 'comparison', d.kind, d.poor,
            %(today)s, e.school_id, COALESCE(e.stage, ''), e.grade, COALESCE(e.class_name, ''), '', '', '', 0, %(due)s, 0,
            0, 0, false, false, false, '', '', '', '', '', %(actor)s, %(today)s
        FROM dropout_difference d
        LEFT JOIN LATERAL (SELECT * FROM students_enrolment e WHERE e.student_id = d.student_id AND e.term <= d.term
            ORDER BY e.term DESC LIMIT 1) e ON true
        WHERE d.term = %(term)s AND d.area LIKE %(under)s AND d.gone_on IS NULL
          AND NOT EXISTS (SELECT FROM dropout_dropoutcase c WHERE c.student_id = d.student_id)
        ON CONFLICT (student_id) DO NOTHING
        RETURNING id, home_path
    )
    INSERT INTO aidcases_auditevent (path, subject_type, subject_id, action, actor, user_id, before, after, note, data, batch)
    SELECT home_path, 'dropout.dropoutcase', id, 'dropoutcase.opened', %(actor)s, %(user)s, '', 'suspected', '', '{}',
        gen_random_uuid() FROM made
"""
_TIE = """
    UPDATE dropout_difference d SET case_id = c.id FROM dropout_dropoutcase c
    WHERE d.term = %(term)s AND d.area LIKE %(under)s AND c.student_id = d.student_id AND d.case_id IS DISTINCT FROM c.id
"""


def follow(term: Term, path: str, today: date) -> dict[str, int]:
    """After the lines of an area are written. → opened, reopened, elsewhere: of how many children the case lies with others, so
    that none could be opened here."""
    actor = current_actor()
    due = Deadlines.read(today, [path]).due(S.SUSPECTED, path, today)
    params: dict[str, Any] = {
        "term": term.code, "under": path + "%", "today": today, "due": due, "actor": actor.name, "user": actor.user_id,
    }  # fmt: skip
    opened = sql.run(_OPEN, params)
    again = DropoutCase.objects.filter(
        differences__term=term.code, differences__area__startswith=path, differences__gone_on=None
    )
    # Tied to this term's line already: it was looked at with this line in hand.
    fresh = list(
        DropoutCase.objects.filter(
            student__differences__term=term.code,
            student__differences__area__startswith=path,
            student__differences__gone_on=None,
            state__in=(S.FALSE_ALARM, S.CLOSED),
        )
        .exclude(state=S.FALSE_ALARM, alarm__in=LASTING)
        .exclude(pk__in=again.values("pk"))
        .values_list("pk", flat=True)
    )
    reopened = reopen(DropoutCase.objects.filter(pk__in=fresh), term=term, today=today, due=due, note=AGAIN)
    sql.run(_TIE, params)
    tied = DropoutCase.objects.filter(
        differences__term=term.code, differences__area__startswith=path, differences__gone_on=None
    )
    elsewhere = tied.exclude(home_path__startswith=path).exclude(school_path__startswith=path).count()
    return {"opened": opened, "reopened": reopened, "elsewhere": elsewhere}


def reopen(rows: Any, *, term: Term, today: date, due: date | None, note: str, found_by: str = FoundBy.COMPARISON) -> int:
    """Cases that are over are looked at anew: what was found out and done before stays in their history. → how many."""
    over = DropoutCase.objects.filter(pk__in=rows.values("pk"), state__in=DropoutCase.FLOW["reopen"].sources).order_by("pk")
    held = DropoutCase.objects.filter(pk__in=list(over.select_for_update(of=("self",)).values_list("pk", flat=True)))
    rounds.keep(held, today)
    return held.move(
        "reopen", by=current_actor(), note=note, rounds=F("rounds") + 1, term=term.code, found_by=found_by, found_on=today,
        alarm="", cause="", left_on=None, confirmed_on=None, legal_step=0, due_on=due, level=0, visits_made=0,
        persuasions=0, returned_on=None, returned_to=None, placement_made=False, watch_until=None, watch_over=False,
        proof="", proof_note="", close_reason="", asked_by="", asked_by_id=None, closed_on=None, closed_by="",
        recheck_on=None, rechecked_on=None, moved_on=today,
    )  # fmt: skip
