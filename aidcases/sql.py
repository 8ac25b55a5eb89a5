"""Set-based writing built from querysets: the only place where statements are put together by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, cast

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models.sql import UpdateQuery

from aidcases.audit import said_day


def compiled(queryset: models.QuerySet) -> tuple[str, list[Any]]:
    """SQL and parameters of a SELECT (scope included, as of now)."""
    sql, params = queryset.query.get_compiler(using=queryset.db).as_sql()
    return sql, list(params)


def column(model: type[models.Model], name: str) -> str:
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    return connection.ops.quote_name(cast(models.Field, field).column or name)


def table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def run(sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> int:
    """Executes one statement; returns the rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount


def rows(sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> list[dict[str, Any]]:
    """Executes one statement; returns its rows as dictionaries."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        names = [part.name for part in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def one(sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> dict[str, Any]:
    [row] = rows(sql, params)
    return row


def insert_from(model: type[models.Model], source: models.QuerySet, /, **columns: Any) -> int:
    """INSERT INTO model (columns) SELECT expressions FROM source. Returns the rows inserted."""
    selected = source.order_by().values_list(*columns.values()) if columns else source
    try:
        sql, params = compiled(selected)
    except EmptyResultSet:  # a set that Django itself knows to be empty, such as none()
        return 0
    names = ", ".join(column(model, name) for name in columns)
    return run(f"INSERT INTO {table(model)} ({names}) {sql}", params)


def update_recorded(source: models.QuerySet, changes: dict[str, Any], event: dict[str, Any]) -> int:
    """UPDATE … RETURNING old and new state, and one audit event per row, in a single statement.

    `source` is filtered on its own table; the model has `state` and, as its first owner path, a column of its own.
    `event` gives the constant columns of the event (actor, user_id, action, note, batch). Returns rows moved.
    """
    from aidcases.models import AuditEvent

    model = source.model
    query = source.order_by().query.chain(UpdateQuery)
    query.add_update_values(changes)
    try:
        update, params = query.get_compiler(using=source.db).as_sql()
    except EmptyResultSet:  # a set that Django itself knows to be empty, such as none()
        return 0
    owner = column(model, next(iter(model.OWNER_PATHS.values())))
    key, state = column(model, model._meta.pk.name), column(model, "state")
    constants = {**event, "subject_type": model._meta.label_lower, "data": json.dumps(said_day())}
    names = ", ".join(column(AuditEvent, name) for name in constants)
    holes = ", ".join(["%s"] * len(constants))
    return run(
        f"WITH moved AS ({update} RETURNING {key} AS id, old.{state} AS before, new.{state} AS after, {owner} AS path) "
        f"INSERT INTO {table(AuditEvent)} (path, subject_id, before, after, {names}) "
        f"SELECT path, id, before, after, {holes} FROM moved",
        [*params, *constants.values()],
    )


def copy_in(model: type[models.Model], names: Iterable[str], lines: Any) -> None:
    """COPY text lines (a readable binary file) into the model's table, columns in the order of `names`."""
    columns = ", ".join(column(model, name) for name in names)
    with connection.cursor() as cursor:
        cursor.cursor.copy_expert(f"COPY {table(model)} ({columns}) FROM STDIN", lines, size=1 << 16)


def temporary(name: str, definition: str, params: Sequence[Any] | dict[str, Any] = ()) -> None:
    """A temporary table, made anew, gone with the transaction: `definition` is `(columns)` or `AS SELECT …`."""
    if one("SELECT to_regclass(%s) IS NOT NULL AS there", [f"pg_temp.{name}"])["there"]:
        run(f"DROP TABLE pg_temp.{name} CASCADE")
    if definition.startswith("AS"):
        run(f"CREATE TEMP TABLE {name} ON COMMIT DROP {definition}", params)
    else:
        run(f"CREATE TEMP TABLE {name} {definition} ON COMMIT DROP")


def counts(**sets: models.QuerySet) -> dict[str, int]:
    """How many rows each of these has, in one statement; a set cut to [:1] says whether there is any."""
    texts, params = [], []
    for name, queryset in sets.items():
        try:
            text, values = compiled(queryset.values("pk"))
        except EmptyResultSet:
            text, values = "SELECT WHERE false", []
        texts.append(f"(SELECT count(*) FROM ({text}) counted) AS {connection.ops.quote_name(name)}")
        params += values
    return one(f"SELECT {', '.join(texts)}", params)


def lock(*words: Any) -> None:
    """A lock named by words until the transaction ends; waits for whoever holds it."""
    run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", ["|".join(map(str, words))])


def try_lock(*words: Any) -> bool:
    """The same without waiting: False when somebody else holds it."""
    return one("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0)) AS got", ["|".join(map(str, words))])["got"]
