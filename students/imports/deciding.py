"""A clerk's word on rows that wait: decided at once, or asked of the office whose facts would change; and taken back.

    decide(rows, outcome=…, why=…) -> Done     rows of committed files, a queryset; one row is a set of one
    agree(decisions) / decline / withdraw      the other office's answer, the own office's second thought
    undo(batch)                                decisions of one batch taken back together

What a decision writes is a batch (students.imports.journal), the rows' own states included.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from aidcases import audit, sql
from aidcases.flow import Refused
from aidcases.scoping import EVERYWHERE, acting_in, current_actor, current_scope
from aidcases.terms import EARLIEST
from students.enums import NAME_AUTHORITY, RosterKind
from students.imports import checks, compare, decided, facts, guards, homes, journal, names, persons, pipeline
from students.imports import undo as undoing
from students.models import Batch, Decision, ImportFile, ImportRow
from students.models.batches import BatchKind
from students.models.imports import FileState, RowState
from students.models.reviews import DecisionState, Outcome

MOST = 5000  # rows of one bulk decision

NO_NAME_STANDS = "还没有一个姓名成立，请选“以这一行的姓名为准”或“不采用”"
TWO_OFFICES = "涉及两个别的单位，请由它们的上级单位决定"
ASKED_BEFORE = "已经请对方单位确认，等答复"
NOT_SO = "这个原因不能这样决定"


@dataclass
class Done:
    """What a decision did: rows applied, rows that wait for another office, and why others were left (reason → rows)."""

    applied: int = 0
    asked: int = 0
    left: Counter[str] = field(default_factory=Counter)


# What no word can mend: the row waits for another list and is imported again.
NOT_BY_WORD = frozenset({"not enrolled"})


def outcomes_for(reasons: list[str]) -> list[str]:
    """What can be decided of a row that waits for these reasons."""
    if NOT_BY_WORD & set(reasons):
        return [Outcome.REFUSE]
    known = [Outcome.KNOWN] if names.NAME in reasons else []
    return [Outcome.ROW, *known, Outcome.REFUSE]


def waiting(rows: QuerySet[ImportRow]) -> QuerySet[ImportRow]:
    """Those that a clerk has to decide on."""
    return rows.filter(state=RowState.REVIEW, file__state=FileState.COMMITTED).exclude(file__kind=RosterKind.EDITS)


@transaction.atomic
def decide(rows: QuerySet[ImportRow], *, outcome: str, why: str) -> Done:
    """Decides on waiting rows of one reason. Where facts of another office would change and whoever acts is not above
    it, the decision is asked of that office. Raises Refused without a reason or when nobody waits any more."""
    if not why.strip():
        raise Refused("请写明理由。")
    sql.lock("import.commit")  # what a file says and what is decided of it never pass each other
    pks = list(waiting(rows).order_by("pk").values_list("pk", flat=True)[: MOST + 1])
    if len(pks) > MOST:
        raise Refused(f"一次最多办理 {MOST:,} 行，请用条件分几次办理。")
    if not pks:
        raise Refused("这些行已被他人处理，请刷新后再看。")
    done, made = Done(), []
    for file in ImportFile.objects.filter(rows__in=pks).distinct().order_by("pk"):
        made += _recorded(file, pks, outcome, why.strip()[:200], done)
    at_once = [decision["id"] for decision in made if not _must_ask(decision["other_path"])]
    done.asked = len(made) - len(at_once)
    done.applied = _apply(Decision.objects.filter(pk__in=at_once)) if at_once else 0
    audit.record("review.decided", rows=len(made), outcome=outcome, note=why.strip()[:200])
    return done


def _must_ask(other: str) -> bool:
    return bool(other) and not current_scope().covers(other)


_CONCERNED = f"""
    SELECT r.id, r.reasons, {decided.KEEPER} AS keeper, CASE WHEN %(outcome)s = 'row' AND '{names.NAME}' = ANY(r.reasons)
            THEN {decided.NAMED_BY} ELSE '' END AS named_by,
        EXISTS (SELECT FROM students_person p WHERE p.id_hash = r.id_hash AND p.name_undecided) AS undecided,
        EXISTS (SELECT FROM students_decision d WHERE d.row_id = r.id AND d.state = 'asked') AS before
    FROM students_importrow r JOIN students_importfile f ON f.id = r.file_id
    WHERE r.file_id = %(file)s AND r.id = ANY(%(rows)s) AND r.state = 'review' ORDER BY r.id
"""


_AGAIN = """
    SELECT d.id FROM students_decision d JOIN students_importrow r ON r.id = d.row_id
    WHERE r.id = ANY(%(rows)s) AND d.state = 'applied' AND d.reason = array_to_string(r.reasons, '+')
"""
_RECORD = """
    INSERT INTO students_decision (row_id, path, other_path, reason, id_hash, name, outcome, why, state, decided_by)
    SELECT r.id, %(office)s, c.other, array_to_string(r.reasons, '+'), r.id_hash,
        COALESCE(NULLIF(r.name, ''), left(r.data->>'name', 60), ''), %(outcome)s, %(why)s, 'asked', %(by)s
    FROM jsonb_to_recordset(%(chosen)s::jsonb) AS c (id bigint, other text)
    JOIN students_importrow r ON r.id = c.id ORDER BY r.id RETURNING id, other_path
"""


def _recorded(file: ImportFile, rows: list[int], outcome: str, why: str, done: Done) -> list[dict[str, Any]]:
    """The decisions (id, other_path) on a file's rows, as asked; `done.left` counts those that can't be decided so."""
    chosen, params = [], {**checks.parameters(file), "rows": rows, "outcome": outcome}
    for row in sql.rows(_CONCERNED, params):
        others = {row["keeper"], row["named_by"]} - {""} if outcome != Outcome.REFUSE else set()
        if (against := _against(row, outcome, others)) is not None:
            done.left[against] += 1
        else:
            # Of two, the one that whoever acts does not stand above must answer.
            chosen.append({"id": row["id"], "other": max(others, default="", key=_must_ask)})
    if not chosen:
        return []
    # A row that waits for the same reason once more: what was decided then holds no longer.
    again = sql.rows(_AGAIN, {"rows": [row["id"] for row in chosen]})
    Decision.objects.filter(pk__in=[row["id"] for row in again]).move("undo", by=current_actor(), note="重新核对")
    told = {"why": why, "by": current_actor().name, "chosen": json.dumps(chosen)}
    return sql.rows(_RECORD, {**params, **told})


def _against(row: dict[str, Any], outcome: str, others: set[str]) -> str | None:
    """Why a row can't be decided so; None if it can."""
    wrong = {
        ASKED_BEFORE: row["before"],
        NOT_SO: outcome not in outcomes_for(row["reasons"]),
        NO_NAME_STANDS: outcome == Outcome.KNOWN and row["undecided"],
        TWO_OFFICES: sum(map(_must_ask, others)) > 1,
    }
    return next((reason for reason, holds in wrong.items() if holds), None)


def must_agree(row: ImportRow) -> list[str]:
    """Paths of the offices whose consent the row's own word would need; [] where whoever acts decides alone."""
    params = {**checks.parameters(row.file), "rows": [row.pk], "outcome": Outcome.ROW}
    found = sql.rows(_CONCERNED, params)
    return sorted({path for each in found for path in (each["keeper"], each["named_by"]) if _must_ask(path)})


# --- the answer of the other office -----------------------------------------------------------------------------


@transaction.atomic
def agree(decisions: QuerySet[Decision]) -> int:
    """The asked office (or one above it) agrees: the decisions are applied. → rows."""
    sql.lock("import.commit")
    return _apply(_for_answer(decisions))


@transaction.atomic
def decline(decisions: QuerySet[Decision], *, note: str) -> int:
    """The rows go on waiting; the asking office sees why."""
    return _for_answer(decisions).move("decline", by=current_actor(), note=note)


@transaction.atomic
def withdraw(decisions: QuerySet[Decision]) -> int:
    """The asking office changes its mind before there is an answer."""
    own = [d.pk for d in decisions.filter(state=DecisionState.ASKED) if current_scope().covers(d.path)]
    return Decision.objects.filter(pk__in=own).move("withdraw", by=current_actor())


def _for_answer(decisions: QuerySet[Decision]) -> QuerySet[Decision]:
    mine = [d.pk for d in decisions.filter(state=DecisionState.ASKED) if current_scope().covers(d.other_path)]
    if not mine:
        raise Refused("没有等您答复的请求，可能已被他人处理，请刷新后再看。")
    return Decision.objects.filter(pk__in=mine)


# --- applying ---------------------------------------------------------------------------------------------------


def _apply(decisions: QuerySet[Decision]) -> int:
    """Moves and lays the facts, a batch for each file. The rows may be another office's: whoever acts was asked."""
    pks, moved = list(decisions.values_list("pk", flat=True)), 0
    with acting_in(EVERYWHERE, current_actor()):
        for file in ImportFile.objects.filter(rows__decisions__in=pks).distinct().order_by("pk"):
            mine = Decision.objects.filter(pk__in=pks, row__file=file, state=DecisionState.ASKED)
            label = f"{file.get_kind_display()}：{file.filename}"
            with journal.batch(BatchKind.DECISION, path=file.path, label=label, term=file.term) as batch:
                here = list(mine.filter(row__state=RowState.REVIEW).values_list("pk", flat=True))
                if n := Decision.objects.filter(pk__in=here).move("apply", by=current_actor(), batch=batch):
                    _Laid(file, batch).lay()
                # A row that was undone with its file meanwhile waits for nobody.
                mine.exclude(pk__in=here).move("withdraw", by=current_actor())
            moved += n
    return moved


# Every row whose state may change: the decided ones, those of the same people, and of the same schools in the file.
_BEFORE = """AS SELECT r.id, to_jsonb(r) AS row FROM students_importrow r WHERE r.id = ANY(%(rows)s)
    OR r.id_hash IN (SELECT id_hash FROM students_importrow WHERE id = ANY(%(rows)s))
    OR r.file_id = %(file)s AND r.id_hash IS NULL
        AND r.data->>'code' IN (SELECT data->>'code' FROM students_importrow WHERE id = ANY(%(rows)s))"""

_ROWS_WRITTEN = """
    INSERT INTO students_written (step, batch_id, "table", verb, key, before, after)
    SELECT s.step, %(batch)s, 'students_importrow', 'update', w.id, jsonb_object_agg(o.key, o.value),
        jsonb_object_agg(o.key, to_jsonb(r)->o.key)
    FROM was w JOIN students_importrow r ON r.id = w.id CROSS JOIN (SELECT nextval('students_written_step') AS step) s
    CROSS JOIN LATERAL jsonb_each(w.row) o WHERE to_jsonb(r)->o.key IS DISTINCT FROM o.value GROUP BY w.id, s.step
"""

# Another row of the same child in the file stands no more when this one is to stand.
_RIVALS = f"""
    WITH rivals AS (
        SELECT o.id, o.file_id, o.id_hash, o.name, d.path, d.why, d.decided_by FROM students_decision d
        JOIN students_importrow r ON r.id = d.row_id AND d.reason = 'repeated' AND d.outcome = 'row'
        JOIN students_importrow o ON o.file_id = r.file_id AND o.id <> r.id AND o.name = r.name AND o.state <> 'rejected'
            AND {decided.SAME.format("o", "r")}
        WHERE d.batch_id = %(batch)s
    ), refused AS (
        UPDATE students_importrow r SET state = 'rejected', changes = '{{}}', reasons = ARRAY['{names.DECIDED}']::varchar[]
        FROM rivals WHERE r.id = rivals.id
    )
    INSERT INTO students_decision (row_id, path, other_path, reason, id_hash, name, outcome, why, state, decided_by, batch_id)
    SELECT DISTINCT ON (id) id, path, '', 'repeated', id_hash, name, 'refuse', why, 'applied', decided_by, %(batch)s
    FROM rivals ORDER BY id ON CONFLICT DO NOTHING
"""

_REFUSE = f"""
    UPDATE students_importrow r SET state = 'rejected', changes = '{{}}', reasons = ARRAY['{names.DECIDED}']::varchar[]
    FROM students_decision d WHERE d.row_id = r.id AND d.batch_id = %(batch)s AND d.outcome = 'refuse'
"""

_TAKE = f"""
    UPDATE students_importrow r SET state = 'read', changes = '{{}}', reasons = '{{}}',
        warnings = array_append(array_remove(r.warnings, '{names.DECIDED}'), '{names.DECIDED}')
    FROM students_decision d WHERE d.row_id = r.id AND d.batch_id = %(batch)s AND d.outcome <> 'refuse'
"""

# The conflict of this reason was decided. With what was decided now another may come to light, and waits in its turn.
_DECIDED_SO = """EXISTS (SELECT FROM students_decision d WHERE d.row_id = r.id AND d.state = 'applied'
    AND d.outcome <> 'refuse' AND split_part(d.reason, '+', 1) = %(reason)s)"""

_UNSEAT = """
    WITH unseated AS (
        UPDATE students_importrow o SET state = 'review', changes = '{}', reasons = ARRAY['name']::varchar[]
        FROM students_decision d, students_importfile f
        WHERE d.batch_id = %(batch)s AND d.outcome = 'row' AND 'name' = ANY(string_to_array(d.reason, '+'))
          AND o.id_hash = d.id_hash AND o.name <> d.name AND o.state IN ('new', 'changed', 'unchanged')
          AND f.id = o.file_id AND f.state = 'committed' AND NOT starts_with(f.path, %(office)s)
        RETURNING o.id_hash, o.file_id, f.path
    )
    SELECT DISTINCT p.id AS person, u.file_id AS file, u.path FROM unseated u JOIN students_person p ON p.id_hash = u.id_hash
"""


class _Laid:
    """The facts of one file's freshly applied decisions."""

    def __init__(self, file: ImportFile, batch: Batch):
        self.file, self.batch = file, batch
        rows = Decision.objects.filter(batch=batch)
        self.rows = list(rows.values_list("row_id", flat=True))
        authority = NAME_AUTHORITY.get(RosterKind(file.kind), 0)
        self.params = {
            **checks.parameters(file), "authority": authority, "earliest": EARLIEST, "batch": batch.pk, "rows": self.rows,
        }  # fmt: skip
        disputed = Q(reason__contains=names.NAME) | Q(reason=decided.REPEATED)
        self.people = _people(rows.filter(disputed).values_list("id_hash", flat=True))
        self.named = rows.filter(reason__contains=names.NAME).exists()

    def lay(self) -> None:
        """Rows to their states, names judged anew, facts of those that stand, paths; every file counted again."""
        sql.temporary("was", _BEFORE, self.params)
        sql.temporary("todo", facts.TODO)
        files = self._rows()
        standing = "SELECT id FROM students_importrow WHERE id = ANY(%(rows)s) AND state IN ('new', 'changed')"
        if self.file.kind != RosterKind.SCHOOLS:
            # A second time for the people these rows bring along, each statement limited to them.
            sql.run(_limited(persons.SECOND_PEOPLE), self.params)
        pipeline.lay_rows(self.file.kind, standing, self.params)
        pipeline.apply_agreed(
            self.file.kind, decided.agreed_rows(self.file.kind) + " AND r.id = ANY(%(rows)s)", self.params
        )
        if self.people:
            pipeline.lay_anew(self.people, self.params)
        self._derive()
        sql.run(_ROWS_WRITTEN, self.params)
        for pk in {self.file.pk, *files}:
            pipeline.recount(pk)

    def _rows(self) -> set[int]:
        """Where the rows end; returns other files whose rows changed sides."""
        for statement in (_REFUSE, _TAKE, _RIVALS):
            sql.run(statement, self.params)
        for condition, reason in guards.GUARDS[self.file.kind]:
            where = f"r.id = ANY(%(rows)s) AND ({condition}) AND NOT {_DECIDED_SO}"
            sql.run(checks.send(where, reason, RowState.REVIEW), {**self.params, "reason": reason})
        sql.run(compare.classify(self.file.kind, "AND r.id = ANY(%(rows)s)"), self.params)
        if not self.named:
            return set()
        unseated = sql.rows(_UNSEAT, self.params)
        for path in {row["path"] for row in unseated}:
            people = [row["person"] for row in unseated if row["path"] == path]
            pipeline.lay_anew(people, {**self.params, "office": path, "scope": path})
        names.dispute(
            "SELECT DISTINCT id_hash FROM students_decision WHERE batch_id = %(batch)s AND reason LIKE '%%name'",
            self.params,
        )
        names.judge(self.file)
        self.people = sorted(
            {*self.people, *names.settle(self.file, committed=True), *(row["person"] for row in unseated)}
        )
        names.keep_known(self.file)
        return {row["file"] for row in unseated}

    def _derive(self) -> None:
        """Owner paths of everyone concerned, whom these rows now give a home."""
        hashes = ImportRow.objects.filter(pk__in=self.rows).values_list("id_hash", flat=True)
        people = sorted({*self.people, *_people(hashes)})
        sql.run(persons.FOUND, {**self.params, "people": people})
        homes.derive("SELECT p.* FROM students_person p WHERE p.id = ANY(%(people)s)", {"people": people})


def _limited(statement: str) -> str:
    """The same for the decided rows alone."""
    return statement.replace("WHERE r.file_id", "WHERE r.id = ANY(%(rows)s) AND r.file_id", 1)


def _people(hashes: Any) -> list[int]:
    found = [bytes(value) for value in hashes if value]
    return [row["id"] for row in sql.rows("SELECT id FROM students_person WHERE id_hash = ANY(%s)", [found])]


# --- taking back ------------------------------------------------------------------------------------------------


@transaction.atomic
def undo(batch: Batch) -> int:
    """Takes back the decisions of a batch of the own office: facts and rows are as they were before. Raises Refused
    where something rests on it. → decisions."""
    decisions = Decision.objects.filter(batch=batch, state=DecisionState.APPLIED)
    if not decisions.exists():
        raise Refused("这些决定已经撤销过了，请刷新后再看。")
    undoing.undo(batch)
    return decisions.move("undo", by=current_actor())
