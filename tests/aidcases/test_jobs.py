"""Jobs: claimed once, seen while they run, cancelled, resumed, survived; with threads and with real processes."""

from __future__ import annotations

import logging
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection, transaction
from django.utils import timezone

from aidcases import jobs, sql
from aidcases.flow import Refused
from aidcases.jobs import KINDS, Cancelled, Kind, Running
from aidcases.models import Job, Region
from aidcases.models.records import JobState
from aidcases.roles import PERMISSIONS, Role
from aidcases.scoping import EVERYWHERE, SYSTEM, Actor, Scope, acting_in, current_actor, current_scope
from students.enums import Stage
from students.models import ImportFile
from subsidies.actions import adopt_pack, load_pack, request_recompute
from subsidies.models import Entitlement, EntitlementChange
from tests import make
from tests.aidcases.processes import running, until, waits_for_a_lock
from tests.personas import TERM

HERE = Scope("/62/6201/620123/", frozenset({"home", "office"}))
CLERK = Actor("甲经办", 7, 8, HERE.path, PERMISSIONS[Role.COUNTY_MAKER])


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def register(run: Callable | None = None, **more: object) -> None:
        monkeypatch.setitem(KINDS, "test", Kind("试验", run=run or (lambda _: None), **more))

    return register


def queued(**params: object) -> Job:
    with acting_in(HERE, CLERK):
        return jobs.enqueue("test", **params)


def deliver(job: Job) -> Job:
    """What a worker does with the bell's message."""
    assert jobs.run_job.apply(kwargs={"job_id": job.pk, "of_a_later_version": True}).successful()
    return again(job)


def again(job: Job) -> Job:
    return Job._base_manager.get(pk=job.pk)


def parts_of(job: Job) -> list[Job]:
    return list(Job._base_manager.filter(parent=job).order_by("pk"))


def steer(job: Job, move: str) -> None:
    """As the pages do: the move and what follows from it in one transaction."""
    with acting_in(EVERYWHERE), transaction.atomic():
        again(job).move(move, by=SYSTEM)
        {"cancel": jobs.cancel_parts, "resume": jobs.resume}[move](job.pk)


# ---------- one job ----------


def test_a_job_runs_as_its_requester_in_their_scope(db: None, kind: Callable[..., None]):
    seen = []
    kind(lambda job: seen.append((current_scope(), current_actor(), job.params)) or {"rows": 3})
    done = deliver(job := queued(n=1))
    assert (job.label, job.requested_by, job.office_id) == ("试验", "甲经办", 8)
    [(scope, actor, params)] = seen
    assert (scope, params) == (HERE, {"n": 1})
    assert (actor.name, actor.user_id, actor.office_id, actor.path) == ("甲经办", 7, 8, HERE.path)
    assert (done.state, done.result, done.error, done.attempts) == ("done", {"rows": 3}, "", 1)
    assert done.took >= timedelta(0)
    assert (done.percent, done.lease_until) == (100, None)


def test_a_double_delivery_does_nothing(db: None, kind: Callable[..., None]):
    runs = []
    kind(lambda job: runs.append(job.job.pk))
    job = queued()
    for _ in range(3):
        deliver(job)
    assert runs == [job.pk]
    assert again(job).attempts == 1


def test_only_one_of_two_claims_wins_until_the_lease_runs_out(db: None, kind: Callable[..., None]):
    kind()
    job = queued()
    assert jobs.claim(job.pk).attempts == 1
    assert jobs.claim(job.pk) is None
    assert jobs.next_waiting() is None
    Job._base_manager.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert jobs.next_waiting() == job.pk
    assert jobs.claim(job.pk).attempts == 2


def test_a_job_that_kills_every_worker_is_given_up_until_somebody_resumes_it(db: None, kind: Callable[..., None]):
    runs = []
    kind(lambda job: runs.append(job.job.attempts))
    job = queued()
    for _ in range(jobs.MOST_ATTEMPTS):
        assert jobs.claim(job.pk)  # and then the worker dies
        Job._base_manager.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    given_up = deliver(job)
    assert (given_up.state, runs) == ("failed", [])
    assert given_up.error == "执行时中断了 5 次，已停止。请报给管理员，处理后再点“继续”。"
    steer(job, "resume")
    assert deliver(job).state == "done"
    assert runs == [1]


@pytest.mark.parametrize("state", [s for s in JobState if s not in ("queued", "running")])
def test_a_job_that_needs_nobody_is_not_claimed(db: None, kind: Callable[..., None], state: str):
    kind()
    job = queued()
    Job._base_manager.filter(pk=job.pk).update(state=state)
    assert jobs.claim(job.pk) is None
    assert deliver(job).state == state


def test_a_refusal_is_told_in_its_own_words(db: None, kind: Callable[..., None]):
    def refuse(_: Running) -> None:
        Region.objects.filter(code="62").update(name="改过")
        raise Refused("没有在校生名单", "请先导入")

    kind(refuse)
    failed = deliver(queued())
    assert (failed.state, failed.error) == ("failed", "没有在校生名单；请先导入")
    assert failed.finished_at

    def fill(_: Running) -> None:
        with open("/dev/full", "wb") as disk:
            disk.write(b"x")

    kind(fill)
    assert "存储空间已满" in deliver(queued()).error


def test_any_other_failure_is_a_number_that_leads_to_the_log(
    db: None, kind: Callable[..., None], caplog: pytest.LogCaptureFixture
):
    def break_down(_: Running) -> None:
        raise ValueError("私密的内容")

    kind(break_down)
    with caplog.at_level(logging.ERROR, "aidcases.jobs"):
        failed = deliver(queued())
    reference = re.fullmatch(r"系统出错，请把编号 (\w{8}) 报给管理员；已入库的数据没有改变。", failed.error)
    assert failed.state == "failed"
    assert reference[1] in caplog.text
    assert "ValueError" in caplog.text


def test_a_kind_this_version_does_not_know_ends_and_is_not_tried_for_ever(db: None, kind: Callable[..., None]):
    kind()
    job = queued()
    Job._base_manager.filter(pk=job.pk).update(kind="gone")
    assert deliver(job).state == "failed"
    assert jobs.next_waiting() is None


def test_a_failed_job_is_resumed_from_a_clean_slate(db: None, kind: Callable[..., None]):
    tries = []

    def second_time(job: Running) -> None:
        tries.append(job.job.finished_at)
        if len(tries) == 1:
            raise Refused("还没有名单")

    kind(second_time)
    job = deliver(queued())
    steer(job, "resume")
    assert again(job).state == "queued"
    done = deliver(job)
    assert (done.state, done.error, tries) == ("done", "", [None, None])
    assert done.took >= timedelta(0)


def test_the_last_progress_stays_as_the_total(db: None, kind: Callable[..., None]):
    def work(job: Running) -> None:
        job.progress(3, 10, "读取")
        job.progress(9, stage="入库")

    kind(work)
    done = deliver(queued())
    assert (done.done, done.total, done.percent) == (10, 10, 100)


def test_what_is_left_is_told_from_the_pace_so_far():
    now = timezone.now()
    job = Job(state="running", started_at=now - timedelta(seconds=30), done=25, total=100)
    assert job.percent == 25
    assert job.seconds_left == pytest.approx(90, abs=2)
    assert Job(state="running", done=100, total=100).percent == 99  # 100 is for what has ended
    assert Job(state="running", started_at=now).seconds_left is None
    assert Job(state="done", started_at=now, done=1, total=2).seconds_left is None


def test_an_open_job_with_the_same_parameters_is_found_again(db: None, kind: Callable[..., None]):
    kind()
    first = queued(once=True, term="2018-autumn")
    assert queued(once=True, term="2018-autumn") == first
    assert queued(once=True, term="2019-spring") != first
    assert queued(term="2018-autumn") != first
    with acting_in(EVERYWHERE):
        assert jobs.enqueue("test", once=True, term="2018-autumn") != first
    deliver(first)
    Job._base_manager.exclude(pk=first.pk).delete()
    assert queued(once=True, term="2018-autumn") != first


def test_without_a_broker_nothing_is_published(db: None, kind: Callable[..., None], settings: object):
    kind()
    settings.CELERY_BROKER_URL = ""
    assert queued().state == "queued"
    assert connection.run_on_commit == []


# ---------- a job in parts ----------


def split_kind(kind: Callable[..., None], parts: int = 3, run: Callable | None = None) -> list[str]:
    calls: list[str] = []

    def part(job: Running) -> dict:
        calls.append(f"part {job.params['n']}")
        if run:
            run(job)
        return {"n": job.params["n"]}

    def finish(job: Running) -> dict:
        calls.append("finish")
        return {"sum": sum(part.result["n"] for part in parts_of(job.job))}

    kind(part, split=lambda job: [{"n": n} for n in range(parts)], finish=finish)
    return calls


def test_a_job_is_split_once_and_finished_once(db: None, kind: Callable[..., None]):
    calls = split_kind(kind)
    job = deliver(queued())
    assert (job.state, job.total, job.done) == ("waiting", 3, 0)
    begun = job.started_at
    parts = parts_of(job)
    assert {(p.path, tuple(p.sides), p.requested_by, p.office_id) for p in parts} == {
        (HERE.path, ("home", "office"), "甲经办", 8)
    }
    assert deliver(job).state == "waiting"  # nothing to claim while its parts wait
    deliver(parts[0])
    assert (again(job).done, again(job).percent) == (1, 33)
    job = jobs.work_off(job)
    assert calls == ["part 0", "part 1", "part 2", "finish"]
    assert (job.state, job.result, job.attempts) == ("done", {"sum": 3}, 2)
    assert (job.started_at, job.done, job.total) == (begun, 3, 3)  # the end goes on from the parts


def test_a_job_without_parts_goes_straight_to_its_end(db: None, kind: Callable[..., None]):
    calls = split_kind(kind, parts=0)
    job = deliver(queued())
    assert (job.state, job.result, calls) == ("done", {"sum": 0}, ["finish"])


def test_parts_come_before_new_work_and_a_tree_keeps_to_itself(db: None, kind: Callable[..., None]):
    split_kind(kind)
    waiting, newer = deliver(queued()), queued()
    assert jobs.next_waiting() == parts_of(waiting)[0].pk
    assert jobs.next_waiting(newer.pk) == newer.pk
    jobs.work_off(waiting)
    assert again(newer).state == "queued"


def test_a_failed_part_fails_the_whole_and_is_resumed_alone(db: None, kind: Callable[..., None]):
    broken = {1}

    def run(job: Running) -> None:
        if job.params["n"] in broken:
            raise Refused("第二片坏了")

    calls = split_kind(kind, run=run)
    job = jobs.work_off(queued())
    assert (job.state, job.error) == ("failed", "第二片坏了")
    assert [part.state for part in parts_of(job)] == ["done", "failed", "cancelled"]
    broken.clear()
    steer(job, "resume")
    assert (again(job).state, again(job).error, again(job).finished_at) == ("waiting", "", None)
    job = jobs.work_off(again(job))
    assert (job.state, job.result, job.error) == ("done", {"sum": 3}, "")
    assert calls == ["part 0", "part 1", "part 1", "part 2", "finish"]


def test_a_failed_end_is_resumed_without_its_parts(db: None, kind: Callable[..., None]):
    calls = split_kind(kind)
    good, broken = KINDS["test"], iter([True])

    def finish(job: Running) -> dict:
        if next(broken, False):
            raise Refused("校验不了")
        return good.finish(job)

    kind(good.run, split=good.split, finish=finish)
    job = jobs.work_off(queued())
    assert (job.state, job.error) == ("failed", "校验不了")
    steer(job, "resume")
    job = jobs.work_off(again(job))
    assert (job.state, calls) == ("done", ["part 0", "part 1", "part 2", "finish"])


def test_cancelling_the_whole_cancels_its_parts_and_resuming_brings_back_what_is_left(
    db: None, kind: Callable[..., None]
):
    calls = split_kind(kind)
    job = deliver(queued())
    deliver(parts_of(job)[0])
    steer(job, "cancel")
    assert [part.state for part in parts_of(job)] == ["done", "cancelled", "cancelled"]
    assert jobs.next_waiting() is None
    steer(job, "resume")
    assert jobs.work_off(again(job)).result == {"sum": 3}
    assert calls == ["part 0", "part 1", "part 2", "finish"]


# ---------- threads with connections of their own ----------


def in_thread(work: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_progress_is_seen_while_the_work_is_open_and_cancelling_undoes_it(kind: Callable[..., None]):
    stopped, halt = threading.Event(), threading.Event()

    def work(job: Running) -> dict:
        with transaction.atomic():
            Region.objects.create(code="ZZ", name="半截", level="x", path="/ZZ/")
            for n in range(1, 400):
                if halt.is_set():
                    break
                try:
                    job.progress(n, 500, "入库")
                except Cancelled:
                    stopped.set()
                    raise
                time.sleep(0.05)
        return {"rows": 500}

    kind(work)
    job = queued()
    thread = in_thread(lambda: deliver(job))
    until(lambda: again(job).done > 0)
    seen = again(job)
    assert (seen.state, seen.total, seen.stage) == ("running", 500, "入库")
    assert seen.seconds_left > 0
    assert not Region.objects.filter(code="ZZ").exists()  # the work's own transaction is still open
    steer(job, "cancel")
    assert stopped.wait(3)
    thread.join(5)
    assert (again(job).state, again(job).result) == ("cancelled", {})
    assert not Region.objects.filter(code="ZZ").exists()
    steer(job, "resume")
    halt.set()
    assert deliver(job).result == {"rows": 500}
    assert Region.objects.get(code="ZZ").name == "半截"


@pytest.mark.django_db(transaction=True)
def test_cancelling_interrupts_a_long_statement(kind: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jobs, "LOOK_EVERY", 0.1)

    def work(_: Running) -> None:
        make.region("620123100201")
        sql.run("SELECT pg_sleep(60)")

    kind(work)
    job = queued()
    began = time.monotonic()
    thread = in_thread(lambda: deliver(job))
    until(lambda: sql.one("SELECT count(*) AS n FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'")["n"] == 1)
    steer(job, "cancel")
    thread.join(20)
    assert time.monotonic() - began < 20
    assert (again(job).state, again(job).error) == ("cancelled", "")
    kind(lambda _: {"next": "well"})
    assert deliver(queued()).result == {"next": "well"}


@pytest.mark.django_db(transaction=True)
def test_a_long_step_keeps_its_lease_and_a_lost_one_is_given_up(kind: Callable[..., None], settings: object):
    settings.JOB_LEASE_SECONDS = 2
    first, go_on = threading.Event(), threading.Event()

    def work(job: Running) -> dict:
        if job.job.attempts > 1:
            return {"by": "second"}
        first.set()
        go_on.wait(10)
        return {"by": "first"}

    kind(work)
    job = queued()
    thread = in_thread(lambda: deliver(job))
    assert first.wait(5)
    time.sleep(2.5)  # longer than the lease: only the beat can have renewed it
    assert jobs.claim(job.pk) is None
    # The machine sleeps, another takes over; then the first wakes up.
    Job._base_manager.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert deliver(job).result == {"by": "second"}
    go_on.set()
    thread.join(5)
    ended = again(job)
    assert (ended.state, ended.result, ended.attempts) == ("done", {"by": "second"}, 2)


@pytest.mark.django_db(transaction=True)
def test_parts_that_end_at_the_same_moment_wake_the_whole_once(kind: Callable[..., None]):
    gate = threading.Barrier(4)
    calls = split_kind(kind, parts=4, run=lambda _: gate.wait(10))
    for _ in range(5):
        job = deliver(queued())
        threads = [in_thread(lambda part=part: deliver(part)) for part in parts_of(job)]
        for thread in threads:
            thread.join(10)
        assert (again(job).state, again(job).done) == ("queued", 4)
        racers = [in_thread(lambda job=job: deliver(job)) for _ in range(3)]
        for thread in racers:
            thread.join(10)
        assert (again(job).state, again(job).result) == ("done", {"sum": 6})
    assert calls.count("finish") == 5
    assert len(calls) == 25


@pytest.mark.django_db(transaction=True)
def test_cancelling_while_a_part_ends_neither_locks_up_nor_loses(kind: Callable[..., None]):
    almost, end = threading.Event(), threading.Event()

    def run(_: Running) -> None:
        almost.set()
        end.wait(10)

    split_kind(kind, parts=2, run=run)
    job = deliver(queued())
    thread = in_thread(lambda: deliver(parts_of(job)[0]))
    assert almost.wait(5)
    with acting_in(EVERYWHERE), transaction.atomic():
        again(job).move("cancel", by=SYSTEM)
        end.set()
        thread.join(0.5)  # the part wants to end now, and waits for us
        jobs.cancel_parts(job.pk)
    thread.join(10)
    assert not thread.is_alive()
    assert {part.state for part in parts_of(job)} == {"cancelled"}
    assert again(job).state == "cancelled"


@pytest.mark.django_db(transaction=True)
def test_a_double_click_makes_one_job(kind: Callable[..., None]):
    kind()
    gate, made = threading.Barrier(4), []

    def click() -> None:
        gate.wait(10)
        with transaction.atomic():
            made.append(queued(once=True, term="2018-autumn").pk)
            time.sleep(0.05)

    for thread in [in_thread(click) for _ in range(4)]:
        thread.join(10)
    assert len(made) == 4
    assert len(set(made)) == 1


# ---------- processes ----------


@pytest.fixture
def many_blocks(transactional_db: None):
    """Students whose keys lie so far apart that each is a block, hence a part, of its own."""
    with acting_in(EVERYWHERE):
        sql.run("ALTER SEQUENCE students_person_id_seq INCREMENT BY 70000")
        school = make.school(stages=(Stage.PRIMARY,))
        for _ in range(12):
            make.student(at=school, categories=("registered_poor",), boarding=True)
        load_pack("lanzhou")
        adopt_pack("lanzhou", region=make.region("6201"))
        yield
        sql.run("ALTER SEQUENCE students_person_id_seq INCREMENT BY 1")


def lines() -> list[tuple]:
    return sorted(Entitlement.objects.order_by().values_list("student_id", "benefit__code", "rule__code", "amount"))


def test_a_runner_killed_half_way_is_replaced_and_nothing_is_lost_or_doubled(many_blocks: None):
    job = request_recompute(term=TERM, path="/62/6201/620123/")
    jobs.run_job.apply(kwargs={"job_id": job.pk})
    parts = parts_of(job)
    assert len(parts) == 12
    with transaction.atomic():
        # Its seventh block is ours for now: the runner stands still in the middle of a part.
        sql.lock("compute", TERM.code, *parts[6].params["blocks"])
        with running("manage.py", "runner") as first:
            until(lambda: again(parts[6]).state == "running" and waits_for_a_lock())
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
        assert [part.state for part in parts_of(job)].count("done") == 6
        assert again(job).state == "waiting"
    with running("manage.py", "runner"):
        until(lambda: not again(job).is_open)
    ended = again(job)
    assert (ended.state, ended.error) == ("done", "")
    assert [part.attempts for part in parts_of(job)] == [1] * 6 + [2] + [1] * 5
    assert ended.result["students"] == 12
    assert ended.result["added"] == Entitlement.objects.count() > 12
    kept = lines()
    second = jobs.work_off(request_recompute(term=TERM, path="/62/6201/620123/"))
    assert {name: second.result[name] for name in ("added", "changed", "withdrawn")} == {
        "added": 0, "changed": 0, "withdrawn": 0,
    }  # fmt: skip
    assert second.result["certificate"] == ended.result["certificate"]
    assert lines() == kept
    assert not EntitlementChange.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_runners_share_two_hundred_jobs_and_each_is_done_once(everywhere: None):
    office = make.office("620123")
    file = ImportFile(kind="roll", term=TERM.code, office=office, path=office.path, filename="在校生.xlsx", sha256="0",
                      stored="imports/x", uploaded_by="甲", state="committed", committed_at=timezone.now())  # fmt: skip
    file.save()
    with running("manage.py", "runner", "--idle", "0.02"), running("manage.py", "runner", "--idle", "0.02"):
        until(lambda: others() == 2)
        with transaction.atomic():
            for _ in range(200):  # nothing is left to do for a file in place, so these are as small as jobs get
                jobs.enqueue("students.import_commit", file=file.pk)
        until(lambda: not Job.objects.open().exists())
    done = list(Job.objects.order_by("started_at"))
    assert [(job.state, job.attempts, job.error) for job in done] == [("done", 1, "")] * 200
    assert len({job.claim for job in done}) == 200
    together = [a for a, b in pairwise(done) if b.started_at < a.finished_at]
    assert together  # both had a share


@pytest.mark.django_db(transaction=True)
def test_a_runner_outlives_its_database_connection(everywhere: None):
    with running("manage.py", "runner", "--idle", "0.05") as process:
        until(lambda: others() == 1)
        sql.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND backend_type = 'client backend' AND pid <> pg_backend_pid()")  # fmt: skip
        job = request_recompute(term=TERM, path="/62/6201/620123/")
        until(lambda: not again(job).is_open)
        assert again(job).state == "done"
        assert process.poll() is None
        process.terminate()  # ends of its own accord
        assert process.wait(40) == 0


def others() -> int:
    return sql.one(
        "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )["n"]


def test_once_ends_when_nothing_waits(transactional_db: None, everywhere: None):
    job = request_recompute(term=TERM, path="/62/6201/620123/")
    with running("manage.py", "runner", "--once") as process:
        assert process.wait(40) == 0
    assert again(job).state == "done"
