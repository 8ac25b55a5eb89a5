"""A whole register against what its office recorded before: who is not on it any more waits for a decision.

Nobody is deleted and nobody ends without a decision; an end is a closing row from the register's date. Who was ended
and stands on a newer register begins anew from that register's date.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from aidcases import sql
from aidcases.flow import Refused
from aidcases.scoping import Actor, current_actor
from students.enums import RosterKind
from students.imports import homes, journal
from students.imports.source import Refused as NotReadable
from students.models import Batch, ImportFile, Missing
from students.models.batches import BatchKind
from students.models.imports import FileState
from students.models.reviews import MissingState

# Registers that put people into categories; the source of a hardship row is their kind.
REGISTERS = (RosterKind.POVERTY, RosterKind.DIBAO, RosterKind.TEKUN, RosterKind.DISABLED, RosterKind.ORPHANS)

_SAME = """{0}.person_id = {1}.person_id AND {0}.category = {1}.category AND {0}.source = {1}.source
    AND {0}.office_path = {1}.office_path"""


def _in_force(row: str, day: str) -> str:
    """A row of hardship that counts on the day: begun and not closed since."""
    return f"""{row}.active AND {row}.from_on <= {day} AND NOT EXISTS (SELECT FROM students_hardship c
        WHERE {_SAME.format("c", row)} AND NOT c.active AND c.from_on > {row}.from_on AND c.from_on <= {day})"""


# Everybody the file names by a number, whatever became of the row, and those whose number a merge took over.
_NAMED = """
    SELECT p.id AS person FROM students_importrow r JOIN students_person p ON p.id_hash = r.id_hash
    WHERE r.file_id = %(file)s
    UNION SELECT a.person_id FROM students_importrow r JOIN students_personalias a ON a.id_hash = r.id_hash
    WHERE r.file_id = %(file)s
"""
_STANDING = f"""
    SELECT DISTINCT h.person_id AS person FROM students_hardship h
    WHERE h.source = %(kind)s AND h.office_path LIKE %(under)s AND {_in_force("h", "%(day)s")}
"""
_GONE = f"SELECT person FROM ({_STANDING}) s EXCEPT SELECT person FROM ({_NAMED}) n"

# A question that an older register has put and nobody has answered stands: it is not put twice.
_ASKED = """EXISTS (SELECT FROM students_missing o JOIN students_importfile f ON f.id = o.file_id
    WHERE o.person_id = gone.person AND o.state = 'open' AND f.kind = %(kind)s AND f.state = 'committed'
      AND o.path LIKE %(under)s)"""

_ASK = f"""
    INSERT INTO students_missing (file_id, path, person_id, from_on, state, decided_by, why)
    SELECT %(file)s, %(path)s, gone.person, %(day)s, 'open', '', '' FROM ({_GONE}) gone WHERE NOT {_ASKED}
    ON CONFLICT (file_id, person_id) DO NOTHING
"""

# A row sent back for its number, probably the missing person: of the same name in the village (or anywhere, on lists
# that name no household), of a name that sounds alike in the same household.
_SAME_HOUSEHOLD = """EXISTS (SELECT FROM students_member m JOIN students_household h ON h.id = m.household_id
    WHERE m.person_id = p.id AND h.number = r.data->>'household_number')"""
_NEAR = f"""(r.data->>'household_number' IS NULL
    OR strpos(p.household_path, '/' || (r.data->>'village_code') || '/') > 0 OR {_SAME_HOUSEHOLD})"""
_LIKE = "JOIN students_importrow r ON r.file_id = x.file_id AND r.state = 'rejected' AND r.id_hash IS NULL AND "
_HINTS = f"""
    UPDATE students_missing SET hint_row = found.number
    FROM (
        SELECT DISTINCT ON (id) id, number FROM (
            SELECT x.id, r.number, 1 AS rank FROM students_missing x JOIN students_person p ON p.id = x.person_id
            {_LIKE} r.name = p.name WHERE x.file_id = %(file)s AND {_NEAR}
            UNION ALL
            SELECT x.id, r.number, 2 FROM students_missing x JOIN students_person p ON p.id = x.person_id
            {_LIKE} r.initials = p.initials AND r.initials <> '' WHERE x.file_id = %(file)s
                AND {_SAME_HOUSEHOLD}
        ) likely ORDER BY id, rank, number
    ) found WHERE found.id = students_missing.id
"""

# Which categories a row of a register names.
_SAID = """CROSS JOIN LATERAL (
    SELECT 'registered_poor' AS category WHERE %(kind)s = 'poverty' AND (r.data->>'registered_poor')::boolean
    UNION ALL SELECT r.data->>'monitored' WHERE %(kind)s = 'poverty' AND r.data->>'monitored' <> ''
    UNION ALL SELECT 'disabled' WHERE %(kind)s = 'disabled'
    UNION ALL SELECT r.data->>'category' WHERE %(kind)s = 'orphans'
    UNION ALL SELECT %(kind)s || CASE WHEN (r.data->>'rural')::boolean THEN '_rural' ELSE '_urban' END
        WHERE %(kind)s IN ('dibao', 'tekun')) said"""

# Ended for want of an older register, on this one again: begins anew, unless the row itself has begun it already.
_RETURNED = f"""
    INSERT INTO students_hardship AS t (person_id, category, source, from_on, active, office_path, detail, proof,
        proof_hash, proof_last4, row_id)
    SELECT DISTINCT ON (h.person_id, h.category, h.office_path) h.person_id, h.category, h.source, %(day)s::date, true,
        h.office_path, was.detail, was.proof, was.proof_hash, was.proof_last4, NULL::bigint
    FROM students_missing m JOIN students_importfile f ON f.id = m.file_id AND f.kind = %(kind)s
    JOIN students_hardship h ON h.person_id = m.person_id AND h.source = f.kind AND h.from_on = m.from_on AND NOT h.active
    JOIN students_person p ON p.id = m.person_id
    JOIN students_importrow r ON r.id_hash = p.id_hash AND r.file_id = %(file)s
        AND r.state IN ('new', 'changed', 'unchanged')
    {_SAID}
    JOIN LATERAL (SELECT o.* FROM students_hardship o WHERE {_SAME.format("o", "h")} AND o.active
        AND o.from_on < h.from_on ORDER BY o.from_on DESC LIMIT 1) was ON true
    WHERE m.state = 'ended' AND m.path LIKE %(under)s AND h.office_path LIKE %(under)s AND m.from_on <= %(day)s
      AND said.category = h.category AND NOT EXISTS (SELECT FROM students_hardship l
        WHERE {_SAME.format("l", "h")} AND l.from_on > h.from_on AND l.from_on <= %(day)s)
    ORDER BY h.person_id, h.category, h.office_path
    ON CONFLICT (person_id, category, source, from_on, office_path) DO UPDATE SET active = true
"""


def _params(file: ImportFile) -> dict[str, Any]:
    return {
        "file": file.pk,
        "kind": file.kind,
        "path": file.path,
        "under": file.path + "%",  # a path holds no wildcard
        "day": file.data_on,
    }


def outdated(*, kind: str, path: str, data_on: date) -> str:
    """Why a whole register of that date comes too late, in a sentence; "" when none of the office is newer."""
    wholes = ImportFile.objects.committed().filter(kind=kind, path=path, whole=True)
    if (newest := wholes.filter(data_on__gt=data_on).order_by("-data_on").first()) is None:
        return ""
    return (
        f"已经有数据日期 {newest.data_on} 的整册名单，这份的数据日期 {data_on} 更早，不能再当作整册。"
        "请改上传更新的整册名单，或去掉“整册名单”。"
    )


def too_late(file: ImportFile, data_on: date | None) -> str:
    """Why a received file can't be the whole register of that date, in a sentence; "" when it can or is none."""
    if not file.whole:
        return ""
    return outdated(kind=file.kind, path=file.path, data_on=data_on) if data_on else "整册名单要写明数据日期。请重新上传。"


def foreseen(file: ImportFile, data_on: date | None) -> dict[str, int]:
    """For the preview of a whole register: how many people it leaves out. {} for other files.

    Raises students.imports.source.Refused when the register is older than one the office has.
    """
    if late := too_late(file, data_on):
        raise NotReadable(late)
    if not file.whole:
        return {}
    return {"missing": sql.one(f"SELECT count(*) AS n FROM ({_GONE}) gone", _params(file) | {"day": data_on})["n"]}


def compare(file: ImportFile, *, at: datetime) -> int:
    """In the transaction and batch of a commit: who is missing gets a question, who returned begins anew, questions of
    older registers about people who are on this one are answered. Returns the questions put."""
    if file.data_on is None or file.kind not in REGISTERS:
        return 0
    params = _params(file)
    sql.run(_RETURNED, params)
    if not file.whole:
        return 0
    sql.run("ANALYZE students_hardship (person_id, category, source, from_on, active)")
    older = Missing.objects.filter(file__kind=file.kind, path__startswith=file.path).exclude(file=file)
    named = [row["person"] for row in sql.rows(
        f"SELECT m.person_id AS person FROM students_missing m JOIN students_importfile f ON f.id = m.file_id "
        f"WHERE m.state = 'open' AND f.kind = %(kind)s AND m.path LIKE %(under)s AND m.person_id IN ({_NAMED})", params
    )]  # fmt: skip
    older.filter(person__in=named).move(
        "keep", by=current_actor(), why=f"在数据日期 {file.data_on} 的新名单上", decided_by=current_actor().name, decided_at=at
    )
    asked = sql.run(_ASK, params)
    sql.run(_HINTS, params)
    return asked


# --- decisions --------------------------------------------------------------------------------------------------

_END = f"""
    INSERT INTO students_hardship (person_id, category, source, from_on, active, office_path, detail, proof_last4)
    SELECT DISTINCT h.person_id, h.category, h.source, m.from_on, false, h.office_path, '', ''
    FROM students_missing m JOIN students_importfile f ON f.id = m.file_id
    JOIN students_hardship h ON h.person_id = m.person_id AND h.source = f.kind AND h.office_path LIKE m.path || '%%'
    WHERE m.batch_id = %(batch)s AND {_in_force("h", "m.from_on")}
    ON CONFLICT (person_id, category, source, from_on, office_path) DO UPDATE SET active = false
"""

# What an ending wrote for some of its people: closing rows it made, rows of the very day it made closing ones.
_WROTE = """w.batch_id = m.batch_id AND w."table" = 'students_hardship' AND h.person_id = m.person_id
    AND m.id = ANY(%(rows)s) AND NOT h.active"""
_REOPEN = (
    f"""UPDATE students_hardship h SET active = true FROM students_missing m, students_written w
    WHERE {_WROTE} AND w.verb = 'update' AND w.key = h.id AND w.after->>'active' = 'false'""",
    f"""DELETE FROM students_hardship h USING students_missing m, students_written w
    WHERE {_WROTE} AND w.verb = 'insert' AND h.id = ANY(w.keys)""",
)
_TOUCHED = "SELECT p.* FROM students_person p JOIN students_missing m ON m.person_id = p.id WHERE m.{0} = {1}"


def decidable(rows: QuerySet) -> QuerySet:
    """Of some questions those whose register stands: an import that was undone asks nothing any more, but who was ended
    by it can still be taken back."""
    return rows.filter(Q(file__state=FileState.COMMITTED) | Q(state=MissingState.ENDED))


@transaction.atomic
def end(rows: QuerySet, *, by: Actor, why: str, at: datetime) -> int:
    """Ends the open ones from their register's date, in every category of its source; a batch per office. Returns how
    many people."""
    ended = 0
    for path, kind, day in _registers(rows):
        label = f"终止不在新名单的人员：{RosterKind(kind).label}（{day}）"
        with journal.batch(BatchKind.ENDING, path=path, label=label) as batch:
            mine = rows.filter(path=path, file__kind=kind, from_on=day)
            said = why.strip() or f"不在数据日期 {day} 的整册名单上"
            moved = mine.move("end", by=by, note=said, why=said, decided_by=by.name, decided_at=at, batch=batch)
            sql.run(_END, {"batch": batch.pk})
            homes.derive(_TOUCHED.format("batch_id", "%(batch)s"), {"batch": batch.pk})
        if not moved:
            batch.delete()
        ended += moved
    return ended


def _registers(rows: QuerySet) -> list[tuple[str, str, date]]:
    open_rows = decidable(rows).filter(state=MissingState.OPEN).order_by("path", "file__kind", "from_on")
    return list(open_rows.values_list("path", "file__kind", "from_on").distinct())


def keep(rows: QuerySet, *, by: Actor, why: str, at: datetime) -> int:
    """The open ones stay as they are. Raises Refused without a reason."""
    if not why.strip():
        raise Refused("仍保留要写明理由，例如“仍在享受，名单漏报”。")
    return decidable(rows).move("keep", by=by, note=why, why=why, decided_by=by.name, decided_at=at)


@transaction.atomic
def reopen(rows: QuerySet, *, by: Actor, at: datetime) -> int:
    """Takes decisions back: what an ending wrote for these people is gone, and the question stands again. An ending of
    which nobody is left counts as undone. Returns how many."""
    found = list(decidable(rows).order_by("pk").select_for_update(of=("self",)).values_list("pk", "state", "batch"))
    ended = [pk for pk, state, _ in found if state == MissingState.ENDED]
    with journal.silence():  # the ending's own journal, read backwards
        for statement in _REOPEN:
            sql.run(statement, {"rows": ended})
    homes.derive(_TOUCHED.format("id", "ANY(%(rows)s)"), {"rows": ended})
    reopened = Missing.objects.filter(pk__in=[pk for pk, *_ in found]).move(
        "reopen", by=by, batch=None, why="", decided_by="", decided_at=None
    )
    left = Missing.objects.filter(batch=OuterRef("pk"))
    empty = Batch.objects.standing().filter(~Exists(left), pk__in={batch for *_, batch in found if batch})
    # Whoever may decide may take a decision back, also where the batch's own undo is the maker's.
    empty.move("undo", by=replace(by, all_powers=True), undone_by=by.name, undone_at=at)
    return reopened
