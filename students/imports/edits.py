"""A 数据版 coming back: as exported × as in the file × as it is now, cell by cell, and what somebody chose of it.

A row's `changes` holds only cells that somebody would have to know of: key → [now, file, exported]. Where now is what
was exported it is a change, taken unless declined; otherwise a conflict, which waits until somebody decides. What was
decided stands in data["_accept"], key → taken?, until one of the three values moves.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aidcases import audit, sql
from students.imports.checks import parameters
from students.imports.edited import EDITABLE, FIXED, HEX, LETTERS, OF_EXPORT, REJECTS, ROW_KEY, WARNINGS
from students.imports.facts import own_row
from students.models import Export, ImportFile


def _words(codes: tuple[str, ...]) -> str:
    return "ARRAY[" + ", ".join(f"'{code}'" for code in codes) + "]::varchar[]"


_KEYS = _words(EDITABLE)
# True, false, or NULL: a conflict nobody has decided.
_TAKEN = "COALESCE((r.data->'_accept'->>c.key)::boolean, CASE WHEN c.value->0 = c.value->2 THEN true END)"

# Codes of COLLEGE_STAGES: there False means that nobody has said anything (students.exports.said_of).
_NOW = """jsonb_build_object('grade', e.grade, 'class_name', e.class_name,
    'boarding', CASE WHEN e.boarding OR e.stage NOT IN ('higher_vocational', 'undergraduate', 'postgraduate')
        THEN e.boarding END,
    'left_behind', e.left_behind, 'entered_on', e.entered_on, 'rural_hukou', e.rural_hukou,
    'disability_hint', e.disability_hint)"""

_PREFIX = f"translate(left(replace(x.key::text, '-', ''), {OF_EXPORT}), '{HEX}', '{LETTERS}')"
OURS = f"(starts_with(e.school_path, %(scope)s) OR {own_row('e.row_id')})"

# The office's export that most rows come from: a sheet belongs to one.
_EXPORT = f"""
    SELECT x.id, x.term FROM students_importrow r
    JOIN students_export x ON {_PREFIX} = left(r.data->>'key', {OF_EXPORT}) AND starts_with(x.path, %(office)s)
    WHERE r.file_id = %(file)s GROUP BY x.id ORDER BY count(*) DESC, x.id LIMIT 1
"""

# Of a ledger the issue its sheet names; where that was lost (a csv), the one it differs least from.
_LEDGER = """SELECT x.id, x.term, x.issue, x.layout->>'title' AS title, x.layout->>'instead' AS instead,
    (x.layout->>'keyless')::boolean AS keyless FROM students_export x"""
_OF_ISSUE = f"{_LEDGER} WHERE x.issue = %(issue)s AND starts_with(x.path, %(office)s)"
_LIKEST = f"""
    {_LEDGER} JOIN students_exportrow s ON s.export_id = x.id
    JOIN students_importrow r ON r.file_id = %(file)s AND r.data->>'key' = s.key
    CROSS JOIN LATERAL (SELECT count(*) AS cells FROM jsonb_each(r.data) d
        WHERE d.key = ANY({_KEYS}) AND d.value <> s.said->d.key) differing
    WHERE x.issue IS NOT NULL AND starts_with(x.path, %(office)s)
    GROUP BY x.id ORDER BY count(*) DESC, sum(differing.cells), x.id DESC LIMIT 1
"""

# Nobody else writes these enrolments between the comparison and the commit.
_LOCK = """
    SELECT e.id FROM students_importrow r JOIN students_exportrow x ON x.id = (r.data->>'_row')::bigint
    JOIN students_enrolment e ON e.student_id = x.student_id AND e.term = %(term)s
    WHERE r.file_id = %(file)s AND r.changes <> '{}' ORDER BY e.id FOR NO KEY UPDATE OF e
"""

_GRADE_STAYS = "(d.key <> 'grade' OR (r.data->>'of_stage' = x.said->>'of_stage' AND e.stage = x.said->>'of_stage'))"

_MET = f"""
    SELECT r.id, r.data, r.state, r.reasons, r.changes AS was, x.id AS sheet_row,
        CASE WHEN x.id IS NULL AND EXISTS (SELECT FROM students_export x WHERE starts_with(x.path, %(office)s)
                AND x.id <> %(export)s AND {_PREFIX} = left(r.data->>'key', {OF_EXPORT})) THEN 'key of another sheet'
            WHEN x.id IS NULL THEN 'unknown key'
            WHEN r.data->>'key' IN (SELECT n.data->>'key' FROM students_importrow n WHERE n.file_id = %(file)s
                GROUP BY 1 HAVING count(*) > 1) THEN 'repeated key'
            WHEN e.id IS NULL AND NOT x.said ? 'elsewhere' THEN 'not ours any more' END AS wrong,
        CASE WHEN e.id IS NULL THEN '{{}}' ELSE COALESCE((
            SELECT jsonb_object_agg(d.key, jsonb_build_array(n.now->d.key, d.value, x.said->d.key))
            FROM jsonb_each(r.data) d
            WHERE d.key = ANY({_KEYS}) AND d.value <> x.said->d.key AND d.value <> n.now->d.key AND {_GRADE_STAYS}),
            '{{}}') END AS changes,
        ARRAY(SELECT w FROM unnest(r.warnings) w WHERE w <> ALL({_words(WARNINGS)}))
        || ARRAY(SELECT 'fixed ' || k FROM unnest({_words(FIXED)}) k
            WHERE x.id IS NOT NULL AND r.data->k <> x.said->k)
        || ARRAY(SELECT 'blank kept' WHERE EXISTS (SELECT FROM unnest({_KEYS}) k
            WHERE NOT r.data ? k AND k = ANY(%(columns)s) AND x.said->k NOT IN ('null', '""')))
        || ARRAY(SELECT 'grade of another stage' WHERE r.data->'grade' <> x.said->'grade'
            AND (r.data->>'of_stage' <> x.said->>'of_stage' OR e.stage <> x.said->>'of_stage'))
        || ARRAY(SELECT 'kept elsewhere' WHERE e.id IS NULL AND x.said ? 'elsewhere'
            AND EXISTS (SELECT FROM unnest({_KEYS}) k WHERE r.data->k <> x.said->k))
        AS warnings
    FROM students_importrow r
    LEFT JOIN students_exportrow x ON x.export_id = %(export)s AND x.key = r.data->>'key'
    LEFT JOIN students_enrolment e ON e.student_id = x.student_id AND e.term = %(term)s AND {OURS}
    LEFT JOIN LATERAL (SELECT {_NOW} AS now) n ON e.id IS NOT NULL
    WHERE r.file_id = %(file)s AND (r.state <> 'rejected' OR r.reasons && {_words(REJECTS)})
"""

_COMPARE = f"""
    WITH met AS MATERIALIZED ({_MET}), judged AS (
        SELECT m.id, m.wrong, m.warnings, CASE WHEN m.wrong IS NULL THEN m.changes ELSE '{{}}' END AS changes,
            (m.data - '_accept') || jsonb_strip_nulls(jsonb_build_object('_row', m.sheet_row, '_accept',
                (SELECT jsonb_object_agg(a.key, a.value) FROM jsonb_each(m.data->'_accept') a
                 WHERE m.was->a.key = m.changes->a.key))) AS data
        FROM met m
    )
    UPDATE students_importrow r SET data = j.data, changes = j.changes, warnings = j.warnings,
        state = CASE WHEN j.wrong IS NULL THEN 'unchanged' ELSE 'rejected' END,
        reasons = CASE WHEN j.wrong IS NULL THEN '{{}}' ELSE ARRAY[j.wrong]::varchar[] END
    FROM judged j WHERE r.id = j.id AND (r.state = 'read' OR (j.wrong IS NULL) = (r.state = 'rejected')
        OR (r.data, r.changes, r.warnings) IS DISTINCT FROM (j.data, j.changes, j.warnings)
        OR (j.wrong IS NOT NULL AND r.reasons <> ARRAY[j.wrong]::varchar[]))
"""

# In a ledger a student may have several rows.
_DISAGREE = """
    UPDATE students_importrow r SET state = 'rejected', reasons = ARRAY['rows disagree']::varchar[], changes = '{}'
    FROM students_exportrow x, (
        SELECT x.student_id, c.key FROM students_importrow r
        JOIN students_exportrow x ON x.id = (r.data->>'_row')::bigint CROSS JOIN LATERAL jsonb_each(r.changes) c
        WHERE r.file_id = %(file)s GROUP BY 1, 2 HAVING count(DISTINCT c.value->1) > 1
    ) told
    WHERE r.file_id = %(file)s AND x.id = (r.data->>'_row')::bigint
      AND told.student_id = x.student_id AND r.changes ? told.key
"""

# A ledger whose rows may not tell whose they are has nothing that could be changed.
_KEYLESS = """
    UPDATE students_importrow SET state = 'unchanged', reasons = '{}', cells = '{}'
    WHERE file_id = %(file)s AND reasons = ARRAY['missing key']::varchar[]
"""

# From what is taken, declined or undecided to the state of the row.
_RESTATE = f"""
    UPDATE students_importrow r SET state = s.state,
        reasons = CASE WHEN s.state = 'review' THEN ARRAY['conflict'] ELSE '{{}}' END::varchar[]
    FROM (SELECT r.id, CASE WHEN bool_or({_TAKEN} IS NULL) THEN 'review' WHEN bool_or({_TAKEN}) THEN 'changed'
              ELSE 'unchanged' END AS state
          FROM students_importrow r CROSS JOIN LATERAL jsonb_each(r.changes) c
          WHERE r.file_id = %(file)s AND r.state <> 'rejected' GROUP BY r.id) s
    WHERE r.id = s.id AND r.state <> s.state
"""


def check(file: ImportFile) -> None:
    """From read rows to rows that are each in exactly one state; inside a transaction, repeatable. The file's term
    becomes the export's: the sheet says itself of what term it is, and of which ledger."""
    params = parameters(file)
    if of_ledger := file.summary.get("mapping", {}).get("key") == ROW_KEY:
        issue = file.summary.get("issue")
        export = next(iter(sql.rows(_OF_ISSUE if issue else _LIKEST, params | {"issue": issue})), None)
    else:
        export = next(iter(sql.rows(_EXPORT, params)), None)
    if export and export["term"] != file.term:
        file.term = export["term"]
        file.save(update_fields=["term"])
    columns = [key for key in EDITABLE if key in file.summary.get("mapping", {})]
    params |= {"term": file.term, "export": export["id"] if export else 0, "columns": columns}
    sql.run(_LOCK, params)
    sql.run(_COMPARE, params)
    if export and of_ledger:
        told = {name: export[name] for name in ("title", "instead")}
        file.summary = file.summary | {"issue": export["issue"], "ledger": told}
        sql.run(_DISAGREE, params)
        if export["keyless"]:
            sql.run(_KEYLESS, params)
    sql.run(_RESTATE, params)
    # Else the planner, who knows of read rows only, walks whole tables for each row that is to be written.
    sql.run("ANALYZE students_importrow (file_id, state)")


def layouts() -> dict[str, dict[str, str]]:
    """Headings of ledgers' 数据版, joined by line ends, whoever made them → which of them is which field."""
    kept = Export.objects.exclude(layout={}).values_list("layout", flat=True).order_by().distinct()
    return {"\n".join(layout["titles"]): layout["mapping"] for layout in kept}


_CELLS = f"""
    SELECT count(*) FILTER (WHERE c.key IS NOT NULL AND {_TAKEN}) AS taken,
        count(*) FILTER (WHERE NOT {_TAKEN}) AS declined,
        count(*) FILTER (WHERE c.key IS NOT NULL AND {_TAKEN} IS NULL) AS conflicts,
        md5(string_agg(concat_ws('|', r.number, c.key, c.value), ',' ORDER BY r.id, c.key)) AS seen,
        md5(string_agg(concat_ws('|', r.number, c.key, c.value, {_TAKEN}), ',' ORDER BY r.id, c.key)) AS chosen
    FROM students_importfile f LEFT JOIN students_importrow r ON r.file_id = f.id AND r.changes <> '{{}}'
    LEFT JOIN LATERAL jsonb_each(r.changes) c ON true
    WHERE f.id = %s AND f.kind = 'edits' GROUP BY f.id
"""


def counted(pk: int) -> dict[str, Any]:
    """{"cells": {"taken", "declined", "conflicts", "seen", "chosen"}} of a returned 数据版, {} of another file.

    `seen` stands for the values that were compared, `chosen` for what was decided as well: whoever decides or confirms
    names what they had before them.
    """
    return {"cells": found[0]} if (found := sql.rows(_CELLS, [pk])) else {}


# --- what somebody chose ----------------------------------------------------------------------------------------

_CHOOSE = """
    UPDATE students_importrow r SET data = r.data || jsonb_build_object('_accept',
        COALESCE(r.data->'_accept', '{{}}') || chosen.cells)
    FROM ({chosen}) chosen WHERE r.id = chosen.row AND r.file_id = %(file)s AND r.state <> 'rejected'
"""
_BY_CELL = """
    SELECT r.id AS row, jsonb_object_agg(d.key, d.taken) AS cells
    FROM jsonb_to_recordset(%(cells)s::jsonb) AS d(row bigint, key text, taken boolean)
    JOIN students_importrow r ON r.id = d.row AND r.changes ? d.key GROUP BY r.id
"""
_BY_FILTER = """
    SELECT r.id AS row, jsonb_object_agg(c.key, %(taken)s) AS cells
    FROM students_importrow r CROSS JOIN LATERAL jsonb_each(r.changes) c
    WHERE r.id = ANY(%(rows)s) AND (c.value->0 <> c.value->2) = %(conflicts)s
      AND (%(key)s = '' OR c.key = %(key)s) GROUP BY r.id
"""


def choose(file: ImportFile, cells: list[tuple[int, str, bool]]) -> None:
    """Takes or declines cells: (row, key, taken). The caller holds the file and counts it anew."""
    told = json.dumps([{"row": row, "key": key, "taken": taken} for row, key, taken in cells])
    _chosen(file, _BY_CELL, cells=told)


def choose_all(file: ImportFile, rows: list[int], *, conflicts: bool, taken: bool, key: str = "") -> None:
    """The same for all conflicts, or all changes, of some rows; of one column where `key` names it."""
    _chosen(file, _BY_FILTER, rows=rows, conflicts=conflicts, taken=taken, key=key)


def _chosen(file: ImportFile, which: str, **params: Any) -> None:
    touched = sql.run(_CHOOSE.format(chosen=which), {"file": file.pk, **params})
    sql.run(_RESTATE, {"file": file.pk})
    audit.record("import.chosen", subject=file, path=file.path, rows=touched)


# --- into place -------------------------------------------------------------------------------------------------

_CELLS_TAKEN = f"""
    SELECT x.student_id, o.term, max(r.id) AS row, jsonb_object_agg(c.key, c.value->1 ORDER BY r.id) AS cells
    FROM students_importrow r JOIN students_importfile f ON f.id = r.file_id AND f.kind = 'edits'
    JOIN students_exportrow x ON x.id = (r.data->>'_row')::bigint JOIN students_export o ON o.id = x.export_id
    CROSS JOIN LATERAL jsonb_each(r.changes) c
    WHERE r.state = 'changed' AND {_TAKEN} AND {{which}} GROUP BY x.student_id, o.term
"""


def _set(column: str, kind: str) -> str:
    return f"{column} = CASE WHEN t.cells ? '{column}' THEN (t.cells->>'{column}')::{kind} ELSE e.{column} END"


_TYPES = {"grade": "smallint", "class_name": "varchar", "disability_hint": "varchar", "entered_on": "date"}
_WRITE = f"""
    UPDATE students_enrolment e SET {", ".join(_set(key, _TYPES.get(key, "boolean")) for key in EDITABLE)}, row_id = t.row
    FROM ({_CELLS_TAKEN}) t WHERE e.student_id = t.student_id AND e.term = t.term
"""


def write(file: ImportFile, progress: Callable[..., Any]) -> None:
    """The taken cells into the enrolments, each with the row it came from."""
    progress(0, None, "入库")
    sql.run(_WRITE.format(which="r.file_id = %(file)s"), {"file": file.pk})


def lay_again(people: list[int], params: dict[str, Any]) -> None:
    """After the lists of these people were laid anew: what this office's sheets had changed since those lists."""
    since = "r.id > (SELECT n.row_id FROM students_enrolment n WHERE n.student_id = x.student_id AND n.term = o.term)"
    ours = "f.state = 'committed' AND starts_with(f.path, %(office)s) AND x.student_id = ANY(%(people)s)"
    sql.run(_WRITE.format(which=f"{ours} AND {since}"), {**params, "people": people})
