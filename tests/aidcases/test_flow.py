"""Every state × move × role; sets and rows; refusals in words; two clerks at once; what the database refuses."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aidcases import checks
from aidcases.conditions import All, Condition
from aidcases.flow import Flow, Move, Moving, Refused
from aidcases.models import AuditEvent, Job, SchoolFee
from aidcases.models.records import JobState
from aidcases.roles import PERMISSIONS, P, Role
from aidcases.scoping import EVERYWHERE, SYSTEM, Actor, Scope, acting_in
from ledgers.models import LedgerIssue
from students.models import Attendance, Batch, Decision, ImportFile, ImportRow, Missing, Suspect
from students.models.batches import BatchState
from students.models.imports import FileState
from students.models.reviews import DecisionState, MissingState, SuspectState
from subsidies.models import (
    Adjustment,
    AdoptionRequest,
    AdoptionState,
    CountyFigure,
    DraftState,
    Entitlement,
    Objection,
    PackAdoption,
    PackDraft,
    PublicNotice,
    Rehearsal,
    RulePack,
)
from subsidies.models.notices import NoticeState, ObjectionState
from tests import make

HERE = "/62/6201/620123/"

# Written out by hand: the table of moves must not be able to change unseen.
MAY_GO = {
    Job: {
        "cancel": ({"queued", "running", "waiting"}, "cancelled"),
        "resume": ({"failed", "cancelled"}, "queued"),
    },
    ImportFile: {
        "preview": ({"uploaded", "previewed"}, "previewed"),
        "refuse": ({"uploaded"}, "refused"),
        "confirm": ({"previewed"}, "committing"),
        "commit": ({"committing"}, "committed"),
        "reopen": ({"committing"}, "previewed"),
        "ask": ({"uploaded"}, "mapping"),
        "map": ({"mapping", "previewed"}, "uploaded"),
        "discard": ({"uploaded", "mapping", "previewed"}, "discarded"),
        "undo": ({"committed"}, "undoing"),
        "keep": ({"undoing"}, "committed"),
        "undone": ({"undoing"}, "undone"),
    },
    PackDraft: {
        "publish": ({"draft"}, "published"),
        "discard": ({"draft"}, "discarded"),
    },
    AdoptionRequest: {
        "confirm": ({"asked"}, "confirmed"),
        "decline": ({"asked"}, "declined"),
        "withdraw": ({"asked"}, "withdrawn"),
    },
    Batch: {"undo": ({"standing"}, "undone")},
    Decision: {
        "apply": ({"asked"}, "applied"),
        "decline": ({"asked"}, "declined"),
        "withdraw": ({"asked"}, "withdrawn"),
        "undo": ({"applied"}, "undone"),
    },
    Suspect: {
        "merge": ({"open"}, "same"),
        "part": ({"open"}, "different"),
        "reopen": ({"same", "different"}, "open"),
    },
    Missing: {
        "end": ({"open"}, "ended"),
        "keep": ({"open"}, "kept"),
        "reopen": ({"ended", "kept"}, "open"),
    },
    PublicNotice: {
        "preview": ({"draft", "previewed"}, "previewed"),
        "revise": ({"previewed"}, "draft"),
        "publish": ({"previewed"}, "published"),
        "recall": ({"published"}, "recalled"),
        "end": ({"published"}, "over"),
        "archive": ({"over"}, "archived"),
        "drop": ({"draft", "previewed"}, "recalled"),
    },
    Objection: {
        "assign": ({"open", "assigned"}, "assigned"),
        "answer": ({"open", "assigned", "appealed"}, "answered"),
        "appeal": ({"answered"}, "appealed"),
        "close": ({"answered"}, "closed"),
    },
}
DECIDE = {Role.COUNTY_MAKER, Role.COUNTY_CHECKER, Role.CITY_OFFICER}
MAKES_NOTICES = {Role.SCHOOL_MAKER, Role.COUNTY_MAKER, Role.CITY_OFFICER}
PUBLISHES = {Role.SCHOOL_CHECKER, Role.COUNTY_CHECKER, Role.COUNTY_HEAD, Role.CITY_OFFICER}
WHO_MAY = {
    PublicNotice: {
        **dict.fromkeys(("preview", "revise", "archive", "drop"), MAKES_NOTICES),
        **dict.fromkeys(("publish", "recall", "end"), PUBLISHES),
    },
    Objection: MAKES_NOTICES | PUBLISHES,
    Job: {
        Role.COUNTY_MAKER, Role.COUNTY_CHECKER, Role.COUNTY_HEAD, Role.SCHOOL_MAKER, Role.CITY_OFFICER,
        Role.SYSTEM_ADMIN,
    },
    ImportFile: {Role.COUNTY_MAKER},
    Batch: {Role.COUNTY_MAKER},
    Decision: DECIDE,
    Suspect: DECIDE,
    Missing: DECIDE,
    PackDraft: {
        "publish": {Role.COUNTY_CHECKER, Role.COUNTY_HEAD, Role.CITY_OFFICER},
        "discard": {Role.COUNTY_MAKER, Role.COUNTY_CHECKER, Role.CITY_OFFICER},
    },
    AdoptionRequest: {
        "confirm": {Role.COUNTY_CHECKER, Role.COUNTY_HEAD, Role.CITY_OFFICER},
        "decline": {Role.COUNTY_CHECKER, Role.COUNTY_HEAD, Role.CITY_OFFICER},
        "withdraw": {Role.COUNTY_MAKER, Role.COUNTY_CHECKER, Role.CITY_OFFICER},
    },
}  # fmt: skip
STATES = {
    PublicNotice: list(NoticeState), Objection: list(ObjectionState),
    Job: list(JobState), ImportFile: list(FileState), PackDraft: list(DraftState), Batch: list(BatchState),
    AdoptionRequest: list(AdoptionState),
    Decision: list(DecisionState), Suspect: list(SuspectState), Missing: list(MissingState),
}  # fmt: skip
MATRIX = [(model, move, state) for model in MAY_GO for move in MAY_GO[model] for state in STATES[model]]


def job(state: str = "queued", path: str = HERE, **values: object) -> Job:
    if state == "running":
        values |= {"claim": uuid.uuid4(), "lease_until": timezone.now()}
    made = Job(kind="x", label="测算", path=path, requested_by="甲", state=state, **values)
    made.save()
    return made


def file(state: str = "uploaded", path: str = HERE, **values: object) -> ImportFile:
    office = make.office(path.strip("/").split("/")[-1])
    moment = timezone.now() if state in ("committed", "undoing", "undone") else None
    given: dict = {"uploaded_by": "甲", "committed_at": moment} | values
    made = ImportFile(
        kind="roll", term="2018-autumn", office=office, path=path, filename="在校生.xlsx", sha256="0" * 64,
        stored="imports/x", state=state, **given,
    )  # fmt: skip
    made.save()
    return made


def pack() -> RulePack:
    fields = {"title": "政策", "document": "文件", "text": "", "sha256": "0" * 64}
    return RulePack.objects.get_or_create(code="x", version=1, defaults=fields)[0]


def draft(state: str = "draft", **values: object) -> PackDraft:
    """Rehearsed as it stands, by somebody else than number 7."""
    seen = Rehearsal(
        pack_code="x", title="政策", text="", sha256="0" * 64, term="2018-autumn", path=HERE, requested_by="甲",
        finished_at=timezone.now(),
    )  # fmt: skip
    seen.save()
    given: dict = belonging(PackDraft, state) | values
    made = PackDraft(
        title="政策", text="", sha256="0" * 64, path=HERE, state=state, author="甲", author_id=5, rehearsal=seen, **given
    )
    made.save()
    return made


def batch(state: str = "standing", **values: object) -> Batch:
    given: dict = belonging(Batch, state) | values
    made = Batch(kind="import", path=HERE, label="学籍信息", made_by="甲", state=state, **given)
    made.save()
    return made


def decision(state: str = "asked") -> Decision:
    row = ImportRow(file=file("committed"), number=3, state="review", reasons=["name"])
    row.save()
    made = Decision(row=row, path=HERE, reason="name", outcome="row", why="查过户口本", state=state, decided_by="甲")
    made.save()
    return made


def suspect(state: str = "open") -> Suspect:
    first = Suspect.objects.count() * 2
    made = Suspect(path=HERE, first_id=first, second_id=first + 1, first_name="甲", second_name="乙", rung="same", state=state)
    made.save()
    return made


def missing(state: str = "open") -> Missing:
    made = Missing(file=file("committed"), path=HERE, person=make.person(), from_on=date(2024, 9, 1), state=state)
    made.save()
    return made


def adoption_request(state: str = "asked", **values: object) -> AdoptionRequest:
    """Asked for by number 5, each of another pack."""
    given: dict = belonging(AdoptionRequest, state) | values
    made = AdoptionRequest(
        pack_code=uuid.uuid4().hex[:30], region=make.region("620123"), path=HERE, from_on=date(2026, 9, 1), state=state,
        asked_by="甲", asked_by_id=5, **given,
    )  # fmt: skip
    made.save()
    return made


def notice(state: str = "draft", **values: object) -> PublicNotice:
    """Nothing stands against any move; its time was up yesterday."""
    frozen: dict = belonging(PublicNotice, "published") | values
    made = PublicNotice(
        kind="benefit", office=make.office("620123"), path=HERE, term="2018-autumn", title="公示", hotline="0931-5221234",
        state=state, made_by="甲", photos=1, paper_removed_on=date(2026, 10, 19), **frozen,
    )  # fmt: skip
    made.save()
    return made


def objection(state: str = "open", **values: object) -> Objection:
    given: dict = {"finding": "dismissed", "outcome": "经核实无误"} | values
    made = Objection(notice=notice(), path=HERE, text="不属实", state=state, due_on=date(2026, 10, 15), **given)
    made.save()
    return made


MAKERS = {
    PublicNotice: notice, Objection: objection,
    AdoptionRequest: adoption_request,
    Job: job, ImportFile: file, PackDraft: draft, Batch: batch, Decision: decision, Suspect: suspect, Missing: missing,
}  # fmt: skip


def attendance(due: str, absent: str, unexcused: str) -> Attendance:
    enrolment = make.enrolment()
    made = Attendance(
        student=enrolment.student, month="2024-03", school=enrolment.school, school_path=enrolment.school_path,
        days_due=Decimal(due), days_absent=Decimal(absent), days_unexcused=Decimal(unexcused),
    )  # fmt: skip
    made.save()
    return made


def a_row(model: type[models.Model], state: str) -> models.Model:
    return MAKERS[model](state)


def who_may(model: type[models.Model], move: str) -> set[Role]:
    roles = WHO_MAY[model]
    return roles[move] if isinstance(roles, dict) else roles


def belonging(model: type[models.Model], target: str) -> dict:
    """Columns that the new state demands."""
    if (model, target) == (PackDraft, "published"):
        return {"pack": pack(), "published_by": "乙", "published_by_id": 7}
    if (model, target) == (AdoptionRequest, "confirmed"):
        there = PackAdoption.objects.settle("x", make.region("620123"), date(2026, 9, 1), active=True)
        return {"adoption": there, "decided_by": "乙", "decided_by_id": 7}
    if (model, target) in {(PublicNotice, "published"), (PublicNotice, "over"), (PublicNotice, "archived")}:
        ended = timezone.now() - timedelta(days=1)
        return {"published_on": date(2026, 10, 9), "ends_at": ended, "sha256": "0" * 64, "published_by": "乙"}
    if (model, target) == (Batch, "undone"):
        return {"undone_by": "甲", "undone_at": timezone.now()}
    return {"committed_at": timezone.now()} if (model, target) == (ImportFile, "committed") else {}


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
    row, (sources, target) = a_row(model, state), MAY_GO[model][name]
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
        assert (event.path, event.user_id, event.note, event.actor in PERMISSIONS) == (HERE, 7, "因为", True)
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
            row = a_row(model, sorted(sources)[0])
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


# ---------- what a state demands is a law of the database ----------

BROKEN: dict[str, list[Callable[[], object]]] = {
    "job_running_is_claimed": [lambda: Job.objects.filter(pk=job().pk).update(state="running")],
    "committed_has_a_moment": [
        lambda: file("committed", committed_at=None),
        lambda: file("uploaded", committed_at=timezone.now()),
        lambda: file("committing").move("commit", by=SYSTEM),
    ],
    "published_notice_is_frozen": [
        lambda: notice("published", sha256=""),
        lambda: notice("over", ends_at=None),
        lambda: notice("archived", published_by=""),
    ],
    "notice_second_person": [lambda: notice("published", made_by_id=7, published_by_id=7)],
    "answered_objection_has_a_finding": [
        lambda: objection("answered", finding=""),
        lambda: objection("closed", outcome=""),
    ],
    "undone_has_a_moment": [
        lambda: batch("undone", undone_at=None),
        lambda: batch("standing", undone_at=timezone.now()),
    ],
    "absent_within_due": [
        lambda: attendance("3", "4", "0"),
        lambda: attendance("20", "2", "3"),
        lambda: attendance("20", "-1", "0"),
    ],
    "suspects_in_order": [
        lambda: Suspect(path=HERE, first_id=2, second_id=1, first_name="甲", second_name="乙", rung="same").save()
    ],
    "fee_not_negative": [
        lambda: SchoolFee.objects.create(school=make.school(), from_on=date(2020, 1, 1), annual_fee=Decimal("-0.01"))
    ],
    "figure_not_negative": [
        lambda: CountyFigure.objects.create(
            rule_code="x", region=make.region("620123"), path=HERE, from_on=date(2020, 1, 1), yuan=Decimal("-0.01")
        )
    ],
    "adjustment_is_the_difference": [
        lambda: adjustment(due="5", listed="3", difference="1"),
        lambda: adjustment(due="3", listed="3", difference="0"),
    ],
    "published_draft_has_pack": [
        lambda: draft("published", pack=None),
        lambda: draft("published", published_by=""),
    ],
    "confirmed_request_has_adoption": [
        lambda: adoption_request("confirmed", adoption=None),
        lambda: adoption_request("confirmed", decided_by=""),
    ],
    "adoption_second_person": [
        lambda: adoption_request("confirmed", decided_by_id=5),
        lambda: adoption_request("declined", decided_by="甲", decided_by_id=5),
    ],
    "draft_second_person": [lambda: draft("published", published_by_id=5)],
    "entitlement_not_negative": [lambda: entitlement(Decimal("-0.01"))],
    "ledger_issue_has_a_purpose": [lambda: issue(purpose="")],
    "ledger_issue_finished_has_a_file": [
        lambda: issue(finished_at=timezone.now()),
        lambda: issue(finished_at=timezone.now(), rows=1, sha256="0", filename="x"),
        lambda: issue(stored="ledgers/x"),
    ],
}


def issue(**values: object) -> None:
    given: dict = {"purpose": "上报"} | values
    LedgerIssue.objects.create(
        ledger="poverty-register", title="台账", term="2018-autumn", path=HERE, area_path=HERE, area_name="榆中县",
        reported_by="甲", requested_by="甲", job_id=1, **given,
    )  # fmt: skip


def adjustment(**yuan: str) -> None:
    Adjustment.objects.create(
        term="2018-autumn", student_id=1, benefit_id=1, run_id=1, home_path=HERE, school_path=HERE,
        **{name: Decimal(value) for name, value in yuan.items()},
    )  # fmt: skip


def entitlement(amount: Decimal) -> None:
    Entitlement.objects.create(
        term="2018-autumn", student_id=1, benefit_id=1, rule_id=1, school_id=1, run_id=1, amount=amount, home_path=HERE,
        school_path=HERE,
    )  # fmt: skip


def test_every_check_constraint_is_broken_below():
    laws = {
        constraint.name
        for app in checks.OURS
        for model in apps.get_app_config(app).get_models()
        for constraint in model._meta.constraints
        if isinstance(constraint, models.CheckConstraint)
    }
    assert laws == set(BROKEN)


@pytest.mark.parametrize(("law", "breaking"), [(law, breaking) for law, ways in BROKEN.items() for breaking in ways])
def test_the_database_refuses(db: None, everywhere: None, law: str, breaking: Callable[[], object]):
    with pytest.raises(IntegrityError, match=law), transaction.atomic():
        breaking()


def test_an_amount_of_nothing_is_no_negative_amount(db: None, everywhere: None):
    entitlement(Decimal(0))


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
