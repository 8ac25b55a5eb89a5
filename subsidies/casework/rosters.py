"""申请表 brought in as a roster: a draft for each child that has none yet, filled in by the row and, where the row says
nothing, as prefill would. What a child has already applied with is never changed from here.

The kind's columns stand in students.imports.applied; the seam is students.imports.upper.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse

from aidcases import audit, sql
from aidcases.models import StoredFile
from aidcases.registry import Resting
from aidcases.scoping import current_actor
from aidcases.terms import Term
from students.imports import checks, decided
from students.imports.identity import REPEATED
from students.imports.upper import Upper
from students.models import Enrolment, ImportFile
from subsidies.casework import form, prefill
from subsidies.casework.matched import IN_ORDER
from subsidies.models import Application
from subsidies.models.applications import ApplicationKind, ApplicationState, Box

MADE = "_application"  # in a row's data: the key of the draft it became

# Reasons that depend on the system's data and are found anew each time.
_OURS = ("no enrolment", "other school", "other name", "has applied", REPEATED)
_AGAIN = """
    UPDATE students_importrow SET state = 'read', reasons = '{}', changes = '{}'
    WHERE file_id = %(file)s AND (state <> 'rejected' OR reasons && %(ours)s::varchar[])
"""

_PERSON = "SELECT FROM students_person p WHERE p.id_hash = r.id_hash"
_ENROLMENT = """SELECT FROM students_person p JOIN students_enrolment e ON e.student_id = p.id AND e.term = %(term)s
    AND starts_with(e.school_path, %(scope)s) JOIN aidcases_school s ON s.id = e.school_id WHERE p.id_hash = r.id_hash"""
_SAID_SCHOOL = "AND s.code = r.data->>'school_code'"
_CHECKS = (
    checks.send(f"EXISTS ({_PERSON} AND p.name <> r.name AND p.name_authority > 0)", "other name"),
    checks.send(f"NOT EXISTS ({_ENROLMENT})", "no enrolment"),
    checks.send(f"r.data ? 'school_code' AND NOT EXISTS ({_ENROLMENT} {_SAID_SCHOOL})", "other school"),
)
# A roster's repeats that differ wait for a decision; here the clerk says which line counts.
_DIFFERENT_REPEATS = "UPDATE students_importrow SET state = 'rejected' WHERE file_id = %(file)s AND state = 'review'"

_TEXTS = (
    "address", "postcode", "native_place", "department", "major", "disaster", "accident", "weakness", "unemployment", "debt",
    "other",
)  # fmt: skip
# column of the application → SQL of what the row says of it, NULL where it says nothing
_SAID = {
    **{name: f"r.data->>'{name}'" for name in _TEXTS},
    "household_size": "(r.data->>'household_size')::smallint",
    "income_per_head": "(r.data->>'income_per_head')::numeric",
    "rural_hukou": "(r.data->>'rural_hukou')::boolean",
    "promised_on": "(r.data->>'promised_on')::date",
    "parent_phone_hash": "r.phone_hash",
}
_BOXES = "ARRAY(SELECT jsonb_array_elements_text(r.data->'boxes'))::varchar[]"

_SAME = " AND ".join(f"({said} IS NULL OR {said} = a.{name})" for name, said in _SAID.items())
_CLASSIFY = f"""
    WITH held AS (
        SELECT r.id, a.id IS NOT NULL AS there, (({_SAME}) AND (NOT r.data ? 'boxes' OR {_BOXES} <@ a.boxes)) IS TRUE AS same
        FROM students_importrow r JOIN students_person p ON p.id_hash = r.id_hash
        LEFT JOIN subsidies_application a ON a.student_id = p.id AND a.term = %(term)s AND a.state <> 'doubled'
        WHERE r.file_id = %(file)s AND r.state = 'read'
    )
    UPDATE students_importrow r
    SET state = CASE WHEN NOT held.there THEN 'new' WHEN held.same THEN 'unchanged' ELSE 'rejected' END,
        reasons = CASE WHEN held.there AND NOT held.same THEN ARRAY['has applied']::varchar[] ELSE r.reasons END
    FROM held WHERE held.id = r.id
"""

_FILL = f"""
    WITH row AS (
        SELECT r.*, p.id AS student_id FROM students_importrow r JOIN students_person p ON p.id_hash = r.id_hash
        WHERE r.file_id = %(file)s AND r.state = 'new'
    ), filled AS (
        UPDATE subsidies_application a SET {", ".join(f"{name} = COALESCE({said}, a.{name})" for name, said in _SAID.items())},
            parent_phone = COALESCE(r.phone_cipher, a.parent_phone),
            boxes = CASE WHEN r.data ? 'boxes' THEN {IN_ORDER.format(codes=f"a.listed_boxes || {_BOXES}")} ELSE a.boxes END
        FROM row r WHERE a.id = ANY (%(made)s) AND a.student_id = r.student_id RETURNING a.id, r.id AS row
    )
    UPDATE students_importrow r SET data = r.data || jsonb_build_object('{MADE}', filled.id)
    FROM filled WHERE filled.row = r.id
"""
# Whoever was faster since the last look has a form of their own, which stays.
_TOO_LATE = f"""
    UPDATE students_importrow SET state = 'rejected', reasons = ARRAY['has applied']::varchar[]
    WHERE file_id = %(file)s AND state = 'new' AND NOT data ? '{MADE}'
"""


def check(file: ImportFile) -> None:
    """From staged rows to rows that are new, unchanged or rejected; inside a transaction, repeatable."""
    params = checks.parameters(file)
    decided.begin(params)
    sql.run(_AGAIN, {**params, "ours": list(_OURS)})
    for statement in (*_CHECKS, checks.REPEATED, _DIFFERENT_REPEATS, _CLASSIFY):
        sql.run(statement, params)


def write(file: ImportFile) -> None:
    """A draft for every new row, and what the row says into it."""
    term = Term.parse(file.term)
    new = file.rows.filter(state="new", id_hash=OuterRef("student__person__id_hash"))
    enrolments = Enrolment.objects.in_term(term).filter(Exists(new))
    made = prefill.drafts(enrolments, term, kind=ApplicationKind.APPLIED, by=current_actor())
    sql.run(_FILL, {"file": file.pk, "made": made, "order": list(Box.values)})
    sql.run(_TOO_LATE, {"file": file.pk})
    form.mark(Application.objects.keyed(made), term)


def _made(file: ImportFile) -> Any:
    """The drafts that the file's rows became and that are there."""
    keys = file.rows.filter(data__has_key=MADE).values_list(f"data__{MADE}", flat=True)
    return Application.objects.filter(pk__in=list(keys))


def made(file: ImportFile) -> int:
    return _made(file).count()


def take_back(file: ImportFile) -> int:
    """Takes the drafts away; → how many. What forbids it (`resting`) has been looked at."""
    rows = _made(file)
    count = rows.count()
    rows.delete()
    audit.record("application.import_undone", subject=file, path=file.path, applications=count)
    return count


def resting(file: ImportFile) -> list[Resting]:
    """Drafts of the file that somebody has worked on since: saved, sent on, or with papers added."""
    papers = StoredFile.objects.filter(
        subject_type=Application._meta.label_lower, subject_id=OuterRef("pk"), removed_at=None
    )
    touched = ~Q(state=ApplicationState.DRAFT) | Q(version__gt=0) | ~Q(returned_why="") | Exists(papers)
    count = _made(file).filter(touched).count()
    return [Resting("已有人填写或办理过的认定申请", count, "份", reverse("application_list"))] if count else []


KIND = Upper("认定申请", check, write, made, take_back, resting)
