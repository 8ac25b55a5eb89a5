"""The audit log only grows, says who did what where, and holds no value in clear."""

from __future__ import annotations

import pytest
from django.db import InternalError, connection, transaction

from aidcases import audit
from aidcases.models import AuditEvent, Region
from aidcases.scoping import EVERYWHERE, SYSTEM, Actor, NobodyIsActing, OutOfScope, Scope, acting_in
from tests import make

HERE = Scope("/62/6201/620123/")
CLERK = Actor("甲经办", 7, 8, HERE.path)


@pytest.fixture
def event(db: None) -> AuditEvent:
    with acting_in(HERE, CLERK):
        return audit.record("test.done", note="试", count=3)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE aidcases_auditevent SET actor = 'x'",
        "UPDATE aidcases_auditevent SET id = id WHERE false OR actor = '甲经办'",
        "DELETE FROM aidcases_auditevent",
        "DELETE FROM aidcases_auditevent WHERE actor = '甲经办'",
        "INSERT INTO aidcases_auditevent SELECT * FROM aidcases_auditevent ON CONFLICT (id) DO UPDATE SET actor = 'x'",
        "MERGE INTO aidcases_auditevent a USING (SELECT 1) s ON a.actor = '甲经办' WHEN MATCHED THEN DELETE",
    ],
)
def test_the_database_refuses_to_change_or_remove_an_event(event: AuditEvent, statement: str):
    with (
        pytest.raises(InternalError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    with acting_in(EVERYWHERE):
        assert AuditEvent.objects.filter(actor="甲经办").count() == 1


def test_the_database_refuses_to_empty_the_log(event: AuditEvent):
    with connection.cursor() as cursor:
        # The test runner alone switches this trigger off, to empty tables after a test.
        cursor.execute("ALTER TABLE aidcases_auditevent ENABLE TRIGGER audit_no_truncate")
        with pytest.raises(InternalError, match="append-only: TRUNCATE refused"), transaction.atomic():
            cursor.execute("TRUNCATE aidcases_auditevent CASCADE")


def test_the_models_cannot_either(event: AuditEvent):
    with acting_in(EVERYWHERE):
        for forbidden in (
            lambda: AuditEvent.objects.update(note="x"),
            lambda: AuditEvent.objects.all().delete(),
            lambda: event.delete(),
            lambda: event.save(),
        ):
            with pytest.raises(InternalError, match="append-only"), transaction.atomic():
                forbidden()


def test_an_event_says_who_where_and_what(event: AuditEvent):
    event.refresh_from_db()
    assert (event.actor, event.user_id, event.path) == ("甲经办", 7, HERE.path)
    assert (event.action, event.note, event.data) == ("test.done", "试", {"count": 3})
    assert (event.subject_type, event.subject_id) == ("", None)
    assert event.at is not None
    assert "甲经办 test.done" in str(event)


def test_what_was_typed_loses_numbers_of_people(db: None, everywhere: None):
    typed, masked = "核对 620123201005010011 一人", "核对 **************0011 一人"
    made = audit.record("test.done", note=typed, purpose=typed, count=1)
    assert (made.note, made.data["purpose"]) == (masked, masked)


def test_an_event_names_its_subject_and_may_lie_below_its_actor(db: None, everywhere: None):
    child = make.person(home="620123100201")
    with acting_in(Scope("/62/"), Actor("省", path="/62/")):
        made = audit.record("person.seen", subject=child, path=HERE.path)
    assert (made.subject_type, made.subject_id, made.path) == ("students.person", child.pk, HERE.path)


def test_the_system_writes_where_it_works(db: None):
    with acting_in(HERE, SYSTEM):
        assert audit.record("x").path == HERE.path
    with acting_in(EVERYWHERE, SYSTEM):
        assert audit.record("x").path == "/"


def test_nobody_leaves_no_trace_elsewhere(db: None):
    with pytest.raises(NobodyIsActing):
        audit.record("x")
    with acting_in(HERE, CLERK), pytest.raises(OutOfScope):
        audit.record("x", path="/62/6201/620121/")


def test_an_undone_transaction_leaves_no_event(db: None):
    def broken() -> None:
        with transaction.atomic():
            audit.record("x")
            Region.objects.create(code="62")

    with acting_in(EVERYWHERE):
        with pytest.raises(Exception, match="duplicate key"):
            broken()
        assert not AuditEvent.objects.exists()


def test_newest_first(db: None, everywhere: None):
    first, second = audit.record("a"), audit.record("b")
    assert list(AuditEvent.objects.all()) == [second, first]
