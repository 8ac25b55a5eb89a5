"""The lower rungs of the matching ladder: people new in a file who may be somebody the office knows already.

A valid number is always a person of its own and counts at once; these rungs only ask (Suspect), they never hold up a
row. Whoever stands beside another in one register or on one roll is somebody else: twins are not suspected.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import Q
from psycopg2.errors import QueryCanceled

from aidcases import sql
from students.enums import RosterKind
from students.imports.checks import parameters
from students.models import ImportFile, ImportRow, Person
from students.models.imports import RowState

ROLL_NUMBER, SAME_CHILD, SIMILAR_NAME = "roll number", "same child", "similar name"
RUNGS = {
    ROLL_NUMBER: "学籍号相同",
    SAME_CHILD: "姓名、出生日期、性别和监护人（或户主）都相同",
    SIMILAR_NAME: "同校或同村，出生日期和性别相同，姓名相同、同音首字母或只差一个字",
}

PATIENCE = "20s"

# More people than this on one village or school, birth date and name are no clue any more.
CROWD = 30

_IN_SIGHT = "(starts_with(o.home_path, %(scope)s) OR starts_with(o.school_path, %(scope)s))"

_FRESH = """AS
    SELECT p.id, p.name, p.birth_on, p.sex FROM students_person p WHERE p.id > %(known)s
"""

_SAME_ROLL_NUMBER = f"""
    SELECT n.id AS one, o.id AS other FROM fresh n JOIN students_student s ON s.person_id = n.id
    JOIN students_student t ON t.roll_hash = s.roll_hash AND t.person_id <> n.id
    JOIN students_person o ON o.id = t.person_id WHERE {_IN_SIGHT}
"""

# Who looks after a child: the guardian of the roll, the head of the household.
_CARED = """
    SELECT student_id AS child, person_id AS carer FROM students_guardian WHERE person_id IS NOT NULL
    UNION
    SELECT m.person_id, h.head_id FROM students_member m JOIN students_household h ON h.id = m.household_id
    WHERE h.head_id IS NOT NULL AND h.head_id <> m.person_id
"""

_SAME_CHILD = f"""
    WITH cared AS MATERIALIZED ({_CARED})
    SELECT n.id AS one, o.id AS other FROM fresh n
    JOIN students_person o ON o.name = n.name AND o.birth_on = n.birth_on AND o.sex = n.sex AND o.id <> n.id
    JOIN cared a ON a.child = n.id JOIN cared b ON b.child = o.id AND b.carer = a.carer
    WHERE {_IN_SIGHT}
"""

# Names meet on the name itself, its pinyin initials, and the name with one character taken away.
_KEYS = """CROSS JOIN LATERAL (
        SELECT {one}.name AS key UNION SELECT length({one}.name) || {one}.initials WHERE {one}.initials <> ''
        UNION SELECT left({one}.name, g) || substr({one}.name, g + 2) FROM generate_series(0, length({one}.name) - 1) g
        WHERE length({one}.name) > 2
    ) k"""

_SIMILAR_NAME = f"""
    WITH born AS (SELECT DISTINCT birth_on, sex FROM fresh WHERE birth_on IS NOT NULL),
    near AS (
        SELECT o.id, o.name, o.initials, o.birth_on, o.sex, l.place,
            count(*) OVER (PARTITION BY o.birth_on, o.sex, l.place) AS born_here
        FROM students_person o JOIN born USING (birth_on, sex)
        CROSS JOIN LATERAL (VALUES (o.school_path), (o.home_path)) l (place)
        WHERE {_IN_SIGHT} AND (l.place ~ '/[0-9]{{12}}/$' OR l.place = o.school_path AND l.place <> '')
    ),
    keyed AS MATERIALIZED (
        SELECT id, birth_on, sex, place, key, count(*) OVER (PARTITION BY birth_on, sex, place, key) AS crowd
        FROM (SELECT DISTINCT n.id, n.birth_on, n.sex, n.place, k.key FROM near n {_KEYS.format(one="n")}
              WHERE n.born_here > 1) each
    )
    SELECT DISTINCT a.id AS one, b.id AS other FROM keyed a
    JOIN keyed b USING (birth_on, sex, place, key) JOIN fresh n ON n.id = a.id
    WHERE a.id <> b.id AND a.crowd BETWEEN 2 AND {CROWD}
"""

# Beside each other in one file, or in one household of a register.
_SIDE_BY_SIDE = """EXISTS (SELECT FROM students_importrow x JOIN students_importrow y ON y.file_id = x.file_id
        JOIN students_importfile f ON f.id = x.file_id AND (f.state = 'committed' OR f.id = %(file)s)
        WHERE x.id_hash = p.id_hash AND y.id_hash = q.id_hash AND x.state <> 'rejected' AND y.state <> 'rejected')
    OR EXISTS (SELECT FROM students_member x JOIN students_member y USING (household_id)
        WHERE x.person_id = p.id AND y.person_id = q.id)"""

_SUSPECT = """
    INSERT INTO students_suspect (path, first_id, second_id, first_name, second_name, rung, evidence, file_id, state,
        decided_by, why)
    SELECT %(office)s, p.id, q.id, p.name, q.name, %(rung)s, '{{}}', %(file)s, 'open', '', ''
    FROM (SELECT DISTINCT LEAST(one, other) AS first, GREATEST(one, other) AS second FROM ({pairs}) found) pair
    JOIN students_person p ON p.id = pair.first JOIN students_person q ON q.id = pair.second
    WHERE (EXISTS (SELECT FROM students_student s WHERE s.person_id IN (p.id, q.id)))
      AND NOT ({beside})
    ON CONFLICT (first_id, second_id) DO NOTHING
"""


def last_known() -> int:
    """The highest key of a person before a file is committed."""
    return sql.one("SELECT COALESCE(max(id), 0) AS id FROM students_person")["id"]


def suspect(file: ImportFile, known: int) -> int:
    """After a commit's facts: asks about people with keys above `known` who may be somebody in sight of the office.
    → pairs found. A rung that takes too long (hundreds of like names with one birth date) asks nothing: the rows count
    all the same, and no other office waits for it."""
    if file.kind == RosterKind.SCHOOLS:
        return 0
    params: dict[str, Any] = {**parameters(file), "known": known}
    # People of one file stand beside each other: whoever may be meant was there before.
    if not sql.run(f"SELECT FROM students_person o WHERE o.id <= %(known)s AND {_IN_SIGHT} LIMIT 1", params):
        return 0
    sql.temporary("fresh", _FRESH, params)
    if not sql.run("SELECT FROM fresh LIMIT 1"):
        return 0
    sql.run("ANALYZE fresh")
    return sum(
        _in_time(_SUSPECT.format(pairs=pairs, beside=_SIDE_BY_SIDE), {**params, "rung": rung})
        for rung, pairs in ((ROLL_NUMBER, _SAME_ROLL_NUMBER), (SAME_CHILD, _SAME_CHILD), (SIMILAR_NAME, _SIMILAR_NAME))
    )


def _in_time(statement: str, params: dict[str, Any]) -> int:
    """Runs a statement of the open transaction for at most PATIENCE; 0, and nothing of it written, if that is not enough."""
    before = sql.one("SELECT current_setting('statement_timeout') AS value")["value"]
    try:
        with transaction.atomic():
            sql.run("SELECT set_config('statement_timeout', %s, true)", [PATIENCE])
            pairs = sql.run(statement, params)
            sql.run("SELECT set_config('statement_timeout', %s, true)", [before])
            return pairs
    except OperationalError as problem:
        if not isinstance(problem.__cause__, QueryCanceled) or "statement timeout" not in str(problem):
            raise
        return 0


@dataclass(frozen=True)
class Likely:
    """Somebody a rejected row may mean."""

    where: str  # 同校, 同村 or 同县
    name: str
    last4: str


def likely(rows: Iterable[ImportRow]) -> dict[int, list[Likely]]:
    """Row (id) → people in sight of whoever acts whom a row with an unusable number may mean: of that name and, if the
    row says so, at that school or in that village. Help for the eye only; one query however many rows."""
    lost = [row for row in rows if row.state == RowState.REJECTED and row.id_hash is None and row.name]
    if not lost:
        return {}
    wanted = Q(name__in={row.name for row in lost}, birth_on__isnull=False)
    found: dict[str, list[Person]] = {}
    for person in Person.objects.filter(wanted).defer("id_number").order_by("pk")[:500]:
        found.setdefault(person.name, []).append(person)
    return {row.pk: here for row in lost if (here := _fitting(row, found.get(row.name, [])))}


MOST = 3  # beyond that a name is no clue


def _fitting(row: ImportRow, people: list[Person]) -> list[Likely]:
    """At the school the row names, else in its village; nobody where it names neither."""
    school = row.data.get("school_code") or ""
    village = row.data.get("village_code") or row.data.get("hukou_code") or ""
    for where, mark, path in (("同校", school, "school_path"), ("同村", village, "home_path")):
        here = [person for person in people if mark and f"/{mark}/" in getattr(person, path)]
        if here:
            return [Likely(where, person.name, person.id_last4) for person in here] if len(here) <= MOST else []
    return []
