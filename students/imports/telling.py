"""What an undo brings back and what stays, in the words of a clerk: kinds of records, columns, people's names."""

from __future__ import annotations

from typing import Any

from django.apps import apps

from aidcases import sql
from students.imports.tracks import PEOPLE, TABLES, Track, key
from students.models import ImportFile

MOST_KEYS = 50

# Columns whose field has no name for people. None: nothing a clerk would miss, such as the row a fact came from.
WORDS: dict[str, str | None] = {
    "row_id": None, "found_path": None, "initials": None, "id_last4": None, "office_path": None, "path": None,
    "hukou_region_id": "户口所在地", "active": "有效或终止", "person_id": "人员", "student_id": "学生", "kind": "种类",
    "region_id": "所在地", "stages": "学段", "home_path": None, "batch_id": None, "file_id": None, "head_id": "户主",
    "household_id": "家庭", "school_id": "学校", "stage": "学段和年级", "days_due": "天数", "state": "是否待核对",
    "household_path": None, "school_path": None,
}  # fmt: skip

WHY = {
    "changed": "入库后又改过",
    "gone": "后来已删除",
    "taken": "原来的位置已有别的记录",
    "lost": "原来对应的记录已不存在",
}

# The other lists' rows are no records of people: what changed there is whether they wait.
ROWS = "别的名单的行"


def kind_of(table: str) -> str:
    return ROWS if table == "students_importrow" else str(TABLES[table]._meta.verbose_name)


def cell_label(table: str, column: str) -> str | None:
    """The cell's name for people; None when it is nothing to tell; '' is the whole record."""
    if not column or column in WORDS:
        return WORDS.get(column, "")
    field = next(field for field in TABLES[table]._meta.concrete_fields if field.column == column)
    return str(field.verbose_name)


def reason(why: str) -> str:
    code, _, table = why.partition(":")
    if not table:
        return WHY[code]
    model = next(model for model in apps.get_models() if model._meta.db_table == table)
    return f"还有{model._meta.verbose_name}要用到"


def grouped(plan: str) -> list[dict[str, Any]]:
    """The lines of a plan (students.imports.planning) by what is done, table, cell and reason: op, tbl, what, why,
    count, and the first keys."""
    return sql.rows(
        f"SELECT op, tbl, what, why, count(*)::int AS count, (array_agg(key ORDER BY key))[1:{MOST_KEYS}] AS keys "
        f"FROM {plan} k GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    )


def _told(plan: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        g for g in plan if g["op"] == "stay" and g["why"] != "follows" and cell_label(g["tbl"], g["what"]) is not None
    ]


def lines(plan: list[dict[str, Any]], *, examples: int = 0) -> list[dict[str, Any]]:
    """What stays: table, what, cell ('' the whole record), why, count, and up to so many names of each."""
    told = _told(plan)
    merged: dict[str, list[int]] = {}
    for group in told:
        merged.setdefault(group["tbl"], []).extend(group["keys"][:examples])
    names = _names(merged) if examples else {}
    return [
        {
            "table": g["tbl"],
            "what": kind_of(g["tbl"]),
            "cell": cell_label(g["tbl"], g["what"]),
            "why": reason(g["why"]),
            "count": g["count"],
            "examples": [names[g["tbl"], one] for one in g["keys"][:examples] if (g["tbl"], one) in names],
        }
        for g in told
    ]


def examples(plan: list[dict[str, Any]], most: int) -> list[dict[str, str]]:
    """The first of what stays, one by one: name, what, cell, why."""
    chosen = [(g, one) for g in _told(plan) for one in g["keys"]][:most]
    wanted: dict[str, list[int]] = {}
    for group, one in chosen:
        wanted.setdefault(group["tbl"], []).append(one)
    names = _names(wanted)
    return [
        {
            "name": names.get((g["tbl"], one), ""),
            "what": kind_of(g["tbl"]),
            "cell": cell_label(g["tbl"], g["what"]) or "",
            "why": reason(g["why"]),
        }
        for g, one in chosen
    ]


def _names(wanted: dict[str, list[int]]) -> dict[tuple[str, int], str]:
    """(table, key) → whose record it is: a query per table."""
    found = {}
    for table, keys in wanted.items():
        pk = key(TABLES[table])
        name, join = "t.name", ""
        if table in PEOPLE and table != "students_person":
            name, join = "p.name", f"JOIN students_person p ON p.id = t.{PEOPLE[table]}"
        elif table == "students_household":
            name, join = "p.name || '户'", "JOIN students_person p ON p.id = t.head_id"
        elif table == "aidcases_schoolfee":
            name, join = "s.name", "JOIN aidcases_school s ON s.id = t.school_id"
        for row in sql.rows(
            f"SELECT t.{pk} AS id, {name} AS name FROM {table} t {join} WHERE t.{pk} = ANY(%s)", [keys]
        ):
            found[table, row["id"]] = row["name"]
    return found


def restored(plan: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records an undo removes, changes back and returns, by kind: what, removed, changed, returned."""
    figures = {(group["tbl"], group["op"]): group["count"] for group in plan if group["op"] != "stay"}
    verbs = {"removed": "insert", "changed": "update", "returned": "delete"}
    told = [(table, {name: figures.get((table, verb), 0) for name, verb in verbs.items()}) for table in TABLES]
    return [{"what": kind_of(table), **line} for table, line in told if any(line.values())]


def repeats(track: Track) -> list[dict[str, Any]]:
    """Later files of the same kind that said the same and therefore wrote nothing: what they say would be gone too."""
    file = ImportFile._base_manager.filter(pk=track.file).first()
    if file is None:
        return []
    return sql.rows(
        f"""
        SELECT f.id, f.filename, count(*)::int AS rows FROM students_importfile f
        JOIN students_importrow r ON r.file_id = f.id AND r.state = 'unchanged'
        JOIN students_person p ON p.id_hash = r.id_hash
        WHERE f.kind = %s AND f.path = %s AND f.state = 'committed' AND f.committed_at > %s AND f.id <> %s
          AND p.id IN ({track.people()})
        GROUP BY 1, 2 ORDER BY 1
        """,
        [file.kind, file.path, file.committed_at, file.pk],
    )
