"""Two records that are one child become one; or are told apart for good. A merge is a batch and can be taken back.

Everything that refers to the record that goes (found through the models) refers to the other one afterwards; where both
have a row of the same place, the one who stays keeps its own. Rows of earlier and later files under the number that goes
are the survivor's (PersonAlias).
"""

from __future__ import annotations

from typing import Any

from django.db import models, transaction
from django.utils import timezone

from aidcases import audit, sql
from aidcases.flow import Refused
from aidcases.registry import registry
from aidcases.scoping import EVERYWHERE, acting_in, current_actor
from students.imports import homes, journal
from students.imports import undo as undoing
from students.models import Batch, Household, Person, Student, Suspect
from students.models.batches import BatchKind
from students.models.reviews import SuspectState

OWN = "students"  # the app whose tables are moved here; upper apps say how theirs follow (registry.merged)


def people_of(suspect: Suspect) -> tuple[Person, Person]:
    """Both, as far as whoever acts can see. Raises Refused when one is gone."""
    found = Person.objects.in_bulk([suspect.first_id, suspect.second_id])
    if len(found) < 2:
        raise Refused("两条记录中有一条已经不在了（可能已合并到别人名下），不用再核对。")
    return found[suspect.first_id], found[suspect.second_id]


def proposed(first: Person, second: Person) -> Person:
    """Which record should stay: the one on the roll, of the name with more authority, the older one."""
    enrolled = set(
        Student.objects.filter(pk__in=[first.pk, second.pk], enrolments__isnull=False).values_list("pk", flat=True)
    )
    return max((first, second), key=lambda person: (person.pk in enrolled, person.name_authority, -person.pk))


@transaction.atomic
def part(suspect: Suspect, *, why: str) -> None:
    """They are two people; never asked again."""
    _reasoned(why)
    suspect.move("part", by=current_actor(), note=why.strip()[:200], **_signed(why))


@transaction.atomic
def merge(suspect: Suspect, *, keep: int, why: str) -> Batch:
    """They are one; the record with the key `keep` stays. Raises Refused without a reason or when somebody was faster."""
    _reasoned(why)
    sql.lock("import.commit")
    first, second = people_of(suspect)
    if keep not in (first.pk, second.pk):
        raise Refused("请选择保留哪一条记录。")
    survivor, going = (first, second) if keep == first.pk else (second, first)
    label = f"{going.name}（尾号 {going.id_last4}）并入 {survivor.name}（尾号 {survivor.id_last4}）"
    with journal.batch(BatchKind.MERGE, path=suspect.path, label=label) as batch:
        with acting_in(EVERYWHERE, current_actor()):
            told = _Merge(survivor, going, batch).run()
        suspect.move("merge", by=current_actor(), note=why.strip()[:200], batch=batch, evidence=told, **_signed(why))
    audit.record("person.merged", subject=survivor, path=suspect.path, going=going.pk)
    return batch


def undo(suspect: Suspect) -> None:
    """Two people again, each with what was theirs. Raises Refused where something rests on it."""
    with transaction.atomic():
        sql.lock("import.commit")
        suspect = Suspect.objects.select_for_update().get(pk=suspect.pk)
        if suspect.state != SuspectState.SAME or suspect.batch is None:
            raise Refused("这次合并已经撤销过了，请刷新后再看。")
        keep, going = suspect.evidence["keep"], suspect.evidence["going"]
        # What upper apps moved goes back first: then only what came since can rest on the merge.
        with acting_in(EVERYWHERE, current_actor()):
            for name, app in registry.merged.items():
                if name in suspect.evidence["apps"]:
                    app.part(keep, going, suspect.evidence["apps"][name])
            sql.run(_STAGED_BACK, {"keep": keep, "batch": suspect.batch.pk})
            # Rows of sheets have no journal; a merge of before this was kept names none.
            sql.run(_SHEETS_BACK, {"going": going, "keys": suspect.evidence.get("sheets", [])})
        undoing.undo(suspect.batch)
        had = {name: suspect.evidence.get(name, []) for name in ("cards", "refused")}
        sql.run(_CARDS_BACK, {"keep": keep, "going": going, "note": _CARDS_NOTE, **had})
        sql.run(_RESTED_BACK, {"keep": keep, "going": going, "rested": suspect.evidence.get("rested", [])})
        suspect.move("reopen", by=current_actor(), batch=None, evidence={}, why="", decided_by="", decided_at=None)


def _reasoned(why: str) -> None:
    if not why.strip():
        raise Refused("请写明理由。")


def _signed(why: str) -> dict[str, Any]:
    return {"decided_by": current_actor().name, "decided_at": timezone.now(), "why": why.strip()[:200]}


# Files not yet committed: their rows were read as the survivor's.
_STAGED_BACK = """
    UPDATE students_importrow r SET id_hash = a.id_hash, id_last4 = a.id_last4, id_cipher = a.id_number
    FROM students_personalias a, students_person p, students_importfile f
    WHERE a.batch_id = %(batch)s AND p.id = %(keep)s AND r.id_hash = p.id_hash AND f.id = r.file_id
      AND 'merged number' = ANY(r.warnings) AND f.state IN ('uploaded', 'mapping', 'previewed', 'committing')
      AND r.name = a.name
"""

_SHEETS_BACK = "UPDATE students_exportrow SET student_id = %(going)s WHERE id = ANY(%(keys)s)"

_ROWS = """
    WITH was AS (
        SELECT id, jsonb_build_object('{side}_hash', {side}_hash, '{side}_last4', {side}_last4, '{side}_cipher', {side}_cipher)
            AS before FROM students_importrow WHERE {side}_hash = (SELECT id_hash FROM students_person WHERE id = %(going)s)
    ), now AS (
        UPDATE students_importrow r SET {side}_hash = p.id_hash, {side}_last4 = p.id_last4, {side}_cipher = p.id_number
        FROM was, students_person p WHERE r.id = was.id AND p.id = %(keep)s
        RETURNING r.id, jsonb_build_object('{side}_hash', r.{side}_hash, '{side}_last4', r.{side}_last4,
            '{side}_cipher', r.{side}_cipher) AS after
    )
    INSERT INTO students_written (step, batch_id, "table", verb, key, before, after)
    SELECT s.step, %(batch)s, 'students_importrow', 'update', was.id, was.before, now.after
    FROM was JOIN now USING (id) CROSS JOIN (SELECT nextval('students_written_step') AS step) s
"""

# Cards stand in no journal: whose they were the merge itself remembers. Of two that wait for their second person (a child has
# one) that of the record that goes is not used.
_CARDS = """
    UPDATE students_account a SET student_id = %(keep)s,
        (state, why) = (SELECT CASE WHEN b.both THEN 'refused' ELSE a.state END,
            CASE WHEN b.both THEN left(%(note)s || a.why, 200) ELSE a.why END
            FROM (SELECT a.state = 'proposed' AND EXISTS (SELECT FROM students_account k
                WHERE k.student_id = %(keep)s AND k.state = 'proposed') AS both) b)
    WHERE student_id = %(going)s RETURNING a.id, old.state <> a.state AS refused
"""
_CARDS_NOTE = "两条学生记录合并，另一个账户在等复核。"
_CARDS_BACK = """
    UPDATE students_account SET student_id = %(going)s, why = replace(why, %(note)s, ''),
        state = CASE WHEN id = ANY(%(refused)s) AND state = 'refused' THEN 'proposed' ELSE state END
    WHERE student_id = %(keep)s AND id = ANY(%(cards)s)
"""

# Neither does whose aid rested.
_RESTED = "SELECT id FROM students_suspension WHERE student_id = %(going)s ORDER BY id"
_RESTED_BACK = "UPDATE students_suspension SET student_id = %(going)s WHERE student_id = %(keep)s AND id = ANY(%(rested)s)"

_ALIAS = """
    INSERT INTO students_personalias (person_id, id_number, id_hash, id_last4, name, batch_id)
    SELECT %(keep)s, id_number, id_hash, id_last4, name, %(batch)s FROM students_person
    WHERE id = %(going)s AND id_hash IS NOT NULL
"""

_FILLED = """
    UPDATE students_person k SET birth_on = COALESCE(k.birth_on, g.birth_on), sex = COALESCE(NULLIF(k.sex, ''), g.sex),
        ethnicity = COALESCE(NULLIF(k.ethnicity, ''), g.ethnicity),
        found_path = COALESCE(LEAST(NULLIF(k.found_path, ''), NULLIF(g.found_path, '')), '')
    FROM students_person g WHERE k.id = %(keep)s AND g.id = %(going)s
"""

_STUDENT = """
    INSERT INTO students_student AS s (person_id, roll_number, roll_hash, roll_last4)
    SELECT %(keep)s, roll_number, roll_hash, roll_last4 FROM students_student WHERE person_id = %(going)s
    ON CONFLICT (person_id) DO UPDATE SET roll_number = EXCLUDED.roll_number, roll_hash = EXCLUDED.roll_hash,
        roll_last4 = EXCLUDED.roll_last4 WHERE s.roll_hash IS NULL AND EXCLUDED.roll_hash IS NOT NULL
"""


class _Merge:
    """One merge, inside its batch, seeing everything."""

    def __init__(self, keep: Person, going: Person, batch: Batch):
        self.ids = {"keep": keep.pk, "going": going.pk, "batch": batch.pk}
        self.going_is_student = Student.objects.filter(pk=going.pk).exists()

    def run(self) -> dict[str, Any]:
        """Moves everything; → what an undo needs besides the journal."""
        for side in ("id", "second"):
            sql.run(_ROWS.format(side=side), self.ids)
        sql.run(_ALIAS, self.ids)
        sql.run(_FILLED, self.ids)
        self._households()
        apps: dict[str, Any] = {}
        sheets = sql.rows("SELECT id FROM students_exportrow WHERE student_id = %(going)s", self.ids)
        cards: list[dict[str, Any]] = []
        rested = [row["id"] for row in sql.rows(_RESTED, self.ids)]
        if self.going_is_student:
            sql.run(_STUDENT, self.ids)
            cards = sql.rows(_CARDS, {**self.ids, "note": _CARDS_NOTE})
            self._refer_to(Student)
            apps = {name: app.merge(self.ids["keep"], self.ids["going"]) for name, app in registry.merged.items()}
            sql.run("DELETE FROM students_student WHERE person_id = %(going)s", self.ids)
        self._refer_to(Person)
        sql.run("DELETE FROM students_person WHERE id = %(going)s", self.ids)
        homes.derive("SELECT p.* FROM students_person p WHERE p.id = %(keep)s", self.ids)
        return {
            "keep": self.ids["keep"],
            "going": self.ids["going"],
            "apps": apps,
            "cards": [row["id"] for row in cards],
            "refused": [row["id"] for row in cards if row["refused"]],
            "sheets": [row["id"] for row in sheets],
            "rested": rested,
        }

    def _households(self) -> None:
        """Both heads of an unnumbered household: its people move into the survivor's."""
        mine = Household.objects.filter(number=None, head=self.ids["keep"]).values_list("pk", flat=True).first()
        theirs = Household.objects.filter(number=None, head=self.ids["going"]).values_list("pk", flat=True).first()
        if mine and theirs:
            both = {"mine": mine, "theirs": theirs}
            sql.run(
                "DELETE FROM students_member m WHERE household_id = %(theirs)s AND person_id IN "
                "(SELECT person_id FROM students_member WHERE household_id = %(mine)s)",
                both,
            )
            sql.run("UPDATE students_member SET household_id = %(mine)s WHERE household_id = %(theirs)s", both)
            sql.run("DELETE FROM students_household WHERE id = %(theirs)s", both)

    def _refer_to(self, model: type[models.Model]) -> None:
        """Every foreign key of this app onto the model, save the student's own onto its person."""
        for relation in model._meta.get_fields(include_hidden=True):
            if not (relation.auto_created and not relation.concrete and (relation.one_to_many or relation.one_to_one)):
                continue
            other = relation.related_model._meta
            if other.app_label != OWN or relation.related_model is Student:
                continue
            self._refer(other, relation.field.column)

    def _refer(self, other: Any, column: str) -> None:
        for others in _unique_with(other, column):
            same = " AND ".join(f"k.{name} = g.{name}" for name in others) or "true"
            sql.run(
                f"DELETE FROM {other.db_table} g USING {other.db_table} k "
                f"WHERE g.{column} = %(going)s AND k.{column} = %(keep)s AND {same}",
                self.ids,
            )
        sql.run(f"UPDATE {other.db_table} SET {column} = %(keep)s WHERE {column} = %(going)s", self.ids)


def _unique_with(other: Any, column: str) -> list[list[str]]:
    """The other columns of each unconditional rule of uniqueness that the column is part of."""
    found = []
    for constraint in other.total_unique_constraints:
        columns = [other.get_field(name).column for name in constraint.fields]
        if column in columns:
            found.append([name for name in columns if name != column])
    return found
