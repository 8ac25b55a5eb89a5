"""Every state × move × role; sets and rows; refusals in words; two clerks at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.apps import apps
from django.db import connection, models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aidcases import checks
from aidcases.conditions import All, Condition
from aidcases.flow import Flow, Move, Moving, Refused
from aidcases.models import AuditEvent, Job
from aidcases.roles import PERMISSIONS, P, Role
from aidcases.scoping import EVERYWHERE, SYSTEM, Actor, Scope, acting_in
from students.models import ImportFile, ImportRow
from tests.aidcases.flows.rows import HERE, a_row, belonging, file, job, path_of
from tests.aidcases.flows.tables import MATRIX, MAY_GO, STATES, who_may


def actor(role: Role) -> Actor:
    return Actor(role.value, 7, 8, HERE, PERMISSIONS[role])


# ---------- the matrix ----------


def test_the_matrix_covers_every_flow_state_and_move():
    moving = {m for app in checks.OURS for m in apps.get_app_config(app).get_models() if issubclass(m, Moving)}
    assert moving == set(MAY_GO)
    for model, moves in MAY_GO.items():
        assert {name: (set(move.sources), move.target) for name, move in model.FLOW.moves.items()} == moves
        assert set(model._meta.get_field("state").choices) == {(s.value, s.label) for s in STATES[model]}


@pytest.mark.parametrize(("model", "name", "state"), MATRIX, ids=lambda part: getattr(part, "__name__", str(part)))
def test_a_move_is_made_from_its_states_only(
    db: None, everywhere: None, model: type[models.Model], name: str, state: str
):
    row, (sources, target) = a_row(model, state, name), MAY_GO[model][name]
    also = belonging(model, target)
    events = AuditEvent.objects.filter(subject_id=row.pk, subject_type=model._meta.label_lower)
    if state in sources:
        row.move(name, by=actor(next(iter(who_may(model, name)))), note="因为", **also)
        assert row.state == target
        [event] = events
        assert (event.action, event.before, event.after) == (
            f"{model._meta.model_name}.{name}",
            state,
            target,
        )
        assert (event.path, event.user_id, event.note, event.actor in PERMISSIONS) == (path_of(row), 7, "因为", True)
        return
    with pytest.raises(Refused, match=rf"^当前状态不能{model.FLOW[name].label}$"):
        row.move(name, by=SYSTEM, note="因为", **also)
    row.refresh_from_db()
    assert row.state == state
    assert not events.exists()
    assert name not in {move.name for move in model.FLOW.open_from(state)}


@pytest.mark.parametrize("role", list(Role))
def test_who_may_make_a_move(db: None, everywhere: None, role: Role):
    for model, moves in MAY_GO.items():
        for name, (sources, target) in moves.items():
            row = a_row(model, sorted(sources)[0], name)
            if role in who_may(model, name):
                row.move(name, by=actor(role), note="因为", **belonging(model, target))
                assert row.state == target
            else:
                with pytest.raises(Refused, match=f"您的角色不能{model.FLOW[name].label}"):
                    row.move(name, by=actor(role), note="因为")
                row.refresh_from_db()
                assert row.state in sources


def test_nobody_in_particular_may_nothing(db: None, everywhere: None):
    with pytest.raises(Refused, match="您的角色不能取消"):
        job().move("cancel", by=Actor("外人"))


# ---------- sets ----------


def test_a_set_is_moved_and_recorded_by_one_statement(db: None, everywhere: None):
    rows = [job() for _ in range(5)] + [job("done")]
    with CaptureQueriesContext(connection) as caught:
        assert Job.objects.move("cancel", by=SYSTEM, note="重复") == 5
    [statement] = [query["sql"] for query in caught]
    assert statement.startswith("WITH moved AS (UPDATE ")
    assert statement.count("UPDATE") == statement.count("INSERT INTO") == 1
    # `state` is tested by the UPDATE itself, after the subquery has closed: the race depends on it.
    assert statement.index("IN (SELECT") < statement.index(') AND "aidcases_job"."state" IN (')
    events = AuditEvent.objects.filter(action="job.cancel")
    assert set(events.values_list("subject_id", flat=True)) == {row.pk for row in rows[:5]}
    assert events.values("batch").distinct().count() == 1


def test_a_set_respects_its_own_filter_and_order(db: None, everywhere: None):
    wanted, other = job(stage="甲"), job(stage="乙")
    assert Job.objects.filter(stage="甲").order_by("-pk").select_related("parent").move("cancel", by=SYSTEM) == 1
    wanted.refresh_from_db()
    other.refresh_from_db()
    assert (wanted.state, other.state) == ("cancelled", "queued")


@pytest.mark.parametrize(
    "empty",
    [lambda: Job.objects.none(), lambda: Job.objects.filter(pk__in=[]), lambda: Job.objects.filter(pk=0)],
)
def test_an_empty_set_moves_nobody(db: None, everywhere: None, empty: Callable[[], models.QuerySet]):
    assert empty().move("cancel", by=SYSTEM) == 0
    assert empty().unmoved("cancel") == {}
    assert not AuditEvent.objects.exists()


def test_a_row_out_of_scope_is_refused_without_a_word_about_it(db: None, everywhere: None):
    foreign = job(path="/62/6201/620121/")
    with acting_in(Scope(HERE)), pytest.raises(Refused, match=r"^当前状态不能取消$"):
        foreign.move("cancel", by=SYSTEM)
    foreign.refresh_from_db()
    assert foreign.state == "queued"


def test_the_columns_of_the_new_state_are_written_with_it(db: None, everywhere: None):
    row = file("committing", counts={"rows": 3})
    now = timezone.now()
    row.move("commit", by=SYSTEM, committed_at=now, counts={"rows": 4}, problem=F("filename"))
    assert (row.committed_at, row.counts, row.problem) == (now, {"rows": 4}, "在校生.xlsx")


# ---------- guards ----------


HAS_ROWS = Condition("has_rows", "名单里没有一行", Q(Exists(ImportRow._base_manager.filter(file=OuterRef("pk")))))
HAS_COUNTS = Condition("counts", "还没有核对", Q(counts__rows__gt=0), F("counts__rows"))
NOT_OWN = Condition("not_own", "不能确认自己上传的名单", ~Q(uploaded_by="甲"))
GUARDED = Flow(
    Move(
        "confirm",
        "确认入库",
        {"previewed"},
        "committing",
        P.IMPORT_WRITE,
        All((HAS_ROWS, HAS_COUNTS, NOT_OWN)),
    ),
    Move("discard", "放弃", {"previewed"}, "discarded", P.IMPORT_WRITE, note_required=True),
)


@pytest.fixture
def guarded(db: None, everywhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImportFile, "FLOW", GUARDED)


def ready(**values: object) -> ImportFile:
    made = file("previewed", **{"counts": {"rows": 1}, "uploaded_by": "乙", **values})
    ImportRow(file=made, number=1, state="new").save()
    ImportRow(file=made, number=2, state="new").save()
    return made


def test_guards_select_refuse_and_explain_with_the_same_labels(guarded: None):
    bare = file("previewed", uploaded_by="乙")
    labels = ["名单里没有一行", "还没有核对"]
    assert bare.blockers("confirm") == labels
    with pytest.raises(Refused) as refused:
        bare.move("confirm", by=SYSTEM)
    assert refused.value.reasons == labels
    assert str(refused.value) == "名单里没有一行；还没有核对"
    whole = ready()
    assert whole.blockers("confirm") == []
    whole.move("confirm", by=SYSTEM)
    assert whole.state == "committing"
    assert whole.blockers("confirm") == ["当前状态不能确认入库"]


def test_whoever_does_not_move_is_counted_by_reason(guarded: None):
    ready()
    file("previewed", uploaded_by="乙")
    ready(uploaded_by="甲", counts={})
    file("uploaded")
    everything = ImportFile.objects.all()
    assert everything.unmoved("confirm") == {
        "当前状态不能确认入库": 1,
        "名单里没有一行": 1,
        "还没有核对": 2,
        "不能确认自己上传的名单": 1,
    }
    assert everything.move("confirm", by=SYSTEM) == 1
    # Each of the others had its reasons; nobody moved who had one.
    assert ImportFile.objects.filter(state="committing").count() == 1


@pytest.mark.parametrize("note", ["", "  ", "\n"])
def test_a_move_that_needs_a_reason_is_refused_without_one(guarded: None, note: str):
    row = ready()
    with pytest.raises(Refused, match="放弃要写明原因"):
        row.move("discard", by=SYSTEM, note=note)
    row.move("discard", by=SYSTEM, note="传错了")
    assert AuditEvent.objects.get(action="importfile.discard").note == "传错了"


# ---------- two clerks at once ----------


def in_thread(work: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        try:
            with acting_in(EVERYWHERE):
                work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_the_second_of_two_clerks_moves_nothing(everywhere: None):
    row, moved = job(), {}
    begun = threading.Event()

    def second() -> None:
        begun.set()
        moved["second"] = Job.objects.filter(path__startswith="/62/").move("cancel", by=SYSTEM)

    with transaction.atomic():
        moved["first"] = Job.objects.move("cancel", by=SYSTEM)
        thread = in_thread(second)
        begun.wait(10)
        thread.join(0.3)
        assert thread.is_alive()  # waits for the first clerk's row lock
    thread.join(10)
    assert moved == {"first": 1, "second": 0}
    assert AuditEvent.objects.filter(action="job.cancel", subject_id=row.pk).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_crowd_moves_every_row_once_and_records_it_once(everywhere: None):
    rows = Job.objects.bulk_create(Job(kind="x", label="x", path=HERE, requested_by="甲") for _ in range(300))
    start, moved = threading.Barrier(4), []

    def clerk(order: str) -> Callable[[], None]:
        def work() -> None:
            start.wait(10)
            for part in range(5):
                these = [row.pk for row in rows[part * 60 : part * 60 + 60]]
                moved.append(Job.objects.filter(pk__in=these).order_by(order).move("cancel", by=SYSTEM))

        return work

    for thread in [
        in_thread(clerk("pk")),
        in_thread(clerk("-pk")),
        in_thread(clerk("label")),
        in_thread(clerk("pk")),
    ]:
        thread.join(30)
    assert sum(moved) == len(rows)
    assert AuditEvent.objects.filter(action="job.cancel").count() == len(rows)
    assert not Job.objects.exclude(state="cancelled").exists()


# ---------- tables ----------


def test_open_moves_and_the_diagram_come_from_the_table():
    assert [move.name for move in Job.FLOW.open_from("failed")] == ["resume"]
    assert Job.FLOW.open_from("done") == []
    assert Job.FLOW.mermaid().splitlines()[:3] == [
        "stateDiagram-v2", "    queued --> cancelled: 取消", "    running --> cancelled: 取消",
    ]  # fmt: skip


def test_every_move_names_a_known_permission_and_reachable_states():
    for model in MAY_GO:
        states = {state.value for state in STATES[model]}
        for move in model.FLOW.moves.values():
            assert move.permission in set(P)
            assert set(move.sources) | {move.target} <= states
            assert move.label
            # The report counts by label: two guards of one move must not say the same.
            assert len({condition.label for condition in move.guards}) == len(move.guards.conditions)
