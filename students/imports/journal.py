"""Opens a batch: everything written to facts inside it is kept by the database's triggers, so that it can be undone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aidcases import sql
from aidcases.scoping import current_actor
from students.models import Batch

# Rows of files have no trigger, since a preview writes them over and over. A statement in which rows change sides
# keeps them itself: it ends its UPDATE in SIDES_RETURNED, names it `swung`, and has KEEP_SIDES beside it.
_SIDES = "jsonb_build_object('state', {0}.state, 'reasons', to_jsonb({0}.reasons))"
SIDES_RETURNED = f"r.id, r.id_hash, r.file_id, {_SIDES.format('old')} AS before, {_SIDES.format('new')} AS after"
KEEP_SIDES = """
    INSERT INTO students_written (step, batch_id, "table", verb, key, before, after)
    SELECT (SELECT nextval('students_written_step')), NULLIF(current_setting('aidcases.batch', true), '')::bigint,
        'students_importrow', 'update', id, before, after
    FROM swung WHERE current_setting('aidcases.batch', true) IS DISTINCT FROM '0'
"""


@contextmanager
def batch(kind: str, *, path: str, label: str, term: str = "") -> Iterator[Batch]:
    """A new batch of the office at `path`. Inside the caller's transaction, whose end or rollback also ends the batch;
    batches do not nest."""
    made = Batch(kind=kind, path=path, label=label[:200], term=term, made_by=current_actor().name)
    made.save()
    _name(str(made.pk))
    yield made
    _name("")


@contextmanager
def silence() -> Iterator[None]:
    """What an undo writes is not kept."""
    _name("0")
    yield
    _name("")


def _name(batch: str) -> None:
    sql.run("SELECT set_config('aidcases.batch', %s, true)", [batch])
