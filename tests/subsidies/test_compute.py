"""The recompute: only what differs is written, only who is concerned is touched, in any order and by any number of hands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from random import Random

import pytest
from django.db import connection, transaction

from aidcases import jobs, sql
from aidcases.models import Job, SchoolFee
from aidcases.scoping import EVERYWHERE, acting_in
from aidcases.terms import Term
from students.enums import Category, Stage
from students.models import Enrolment, Hardship, Student
from subsidies import blocks, compute
from subsidies.actions import adopt_pack, request_recompute
from subsidies.certificate import certify
from subsidies.models import ComputeRun, Entitlement, EntitlementChange, Mark, MissingFigure
from tests import make
from tests.subsidies.results import AUTUMN, NOTHING, differences, from_scratch, lines, marked, more

SPRING = Term(2019, "spring")
CITY, COUNTY, NEIGHBOUR = "/62/6201/", "/62/6201/620123/", "/62/6201/620121/"


def written() -> dict[str, int]:
    """Where every row of the results lies: a row that was written again lies elsewhere."""
    rows = sql.rows("SELECT student_id, benefit_id, ctid::text, xmin::text FROM subsidies_entitlement")
    return {f"{row['student_id']} {row['benefit_id']}": f"{row['ctid']} {row['xmin']}" for row in rows}


@pytest.fixture
def pupils(db: None, everywhere: None) -> list[Student]:
    """Of two counties, with results on record."""
    here, there = make.school(place="620123100"), make.school(place="620121100")
    home = {"home": "620123100201"}, {"home": "620121100001"}
    made = [
        make.student(at=at, boarding=boarding, categories=categories, **home[n])
        for n, at in enumerate((here, there))
        for boarding in (True, False)
        for categories in ((), ("registered_poor",))
    ]
    make.adopt_lanzhou()
    make.recompute()
    assert len(lines()) == 8 * 3 + 2
    return made


def boarding_flag(who: Student, boards: bool) -> None:
    Enrolment.objects.filter(student=who).update(boarding=boards)


# ---------- only what differs ----------


def test_a_second_run_writes_nothing(pupils: list[Student]):
    before, proof = written(), certify(AUTUMN, CITY)
    again = make.recompute()
    assert (again["students"], again["unchanged"]) == (8, 26)
    assert differences(again) == NOTHING
    assert written() == before
    assert not EntitlementChange.objects.exists()
    assert again["certificate"] == proof["certificate"]


@pytest.mark.parametrize("marked_only", [False, True])
def test_one_boarding_flag_changes_only_that_student(pupils: list[Student], marked_only: bool):
    before, who = written(), pupils[3]
    boarding_flag(who, True)
    assert marked() == {who.pk}
    result = make.recompute(marked_only=marked_only)
    assert result["students"] == (1 if marked_only else 8)
    assert differences(result) == {"added": 1, "changed": 0, "withdrawn": 0}
    after = written()
    assert {key: after[key] for key in before} == before
    assert [key.split()[0] for key in after.keys() - before.keys()] == [str(who.pk)]
    assert not EntitlementChange.objects.exists()  # an added row carries its first run itself
    boarding_flag(who, False)
    result = make.recompute(marked_only=marked_only)
    assert differences(result) == {"added": 0, "changed": 0, "withdrawn": 1}
    [change] = EntitlementChange.objects.all()
    assert (change.student_id, change.old_rule.code, change.old_amount) == (who.pk, "lz-compulsory-boarding", 500)
    assert (change.withdrawn, change.new_amount, change.run_id) == (True, None, result["run"])
    assert written() == before
    assert marked() == set()


def test_a_changed_amount_is_one_changed_row(pupils: list[Student]):
    before, who = written(), pupils[1]
    Enrolment.objects.filter(student=who).update(stage=Stage.JUNIOR)
    result = make.recompute()
    assert differences(result) == {"added": 0, "changed": 1, "withdrawn": 0}
    [change] = EntitlementChange.objects.all()
    assert (change.student_id, change.old_amount, change.new_amount) == (who.pk, Decimal("500.00"), Decimal("625.00"))
    assert (change.old_rule_id, change.run_id) == (change.new_rule_id, result["run"])
    assert len([key for key, place in written().items() if before[key] != place]) == 1


def test_another_school_of_the_county_is_no_change_of_what_is_due(pupils: list[Student]):
    who, other = pupils[1], make.school(place="620123101")
    Enrolment.objects.filter(student=who).update(school=other, school_path=other.path)
    result = make.recompute()
    assert differences(result) == NOTHING
    assert result["moved"] == 4
    assert not EntitlementChange.objects.exists()
    assert {(line[3], line[5]) for line in lines() if line[0] == who.pk} == {(other.pk, other.path)}


def test_who_leaves_loses_everything_with_a_change_row_each(pupils: list[Student]):
    who = pupils[1]
    Enrolment.objects.filter(student=who).delete()
    assert marked() == {who.pk}
    result = make.recompute(marked_only=True)
    assert differences(result) == {"added": 0, "changed": 0, "withdrawn": 4}
    assert result["students"] == 0
    assert make.entitled(who) == {}
    assert {(c.student_id, c.withdrawn, c.home_path) for c in EntitlementChange.objects.all()} == {
        (who.pk, True, who.person.home_path)
    }
    assert EntitlementChange.objects.count() == 4
    assert (len(lines()), marked()) == (22, set())
    assert result["certificate"] == from_scratch()["certificate"]


def test_nothing_is_left_of_who_had_only_a_missing_figure(pupils: list[Student]):
    who = make.student(at=make.school(fee=None), stage=Stage.SECONDARY_VOCATIONAL)
    make.recompute()
    assert list(MissingFigure.objects.values_list("student_id", "rule__code")) == [(who.pk, "lz-vocational-fee")]
    Enrolment.objects.filter(student=who).delete()
    make.recompute()
    assert not MissingFigure.objects.exists()
    assert marked() == set()


def test_a_figure_that_is_set_later_turns_the_review_line_into_an_entitlement(pupils: list[Student]):
    school = make.school(fee=None)
    who = make.student(at=school, stage=Stage.SECONDARY_VOCATIONAL)
    make.recompute()
    assert (make.entitled(who), MissingFigure.objects.get().figure) == ({}, "annual_fee")
    SchoolFee.objects.create(school=school, from_on=date(2018, 9, 1), annual_fee=Decimal("1250"))
    make.recompute(marked_only=True)
    assert (make.entitled(who), MissingFigure.objects.count()) == ({"lz-vocational-fee": "625.00"}, 0)


def test_each_term_is_a_result_of_its_own(pupils: list[Student]):
    for who in pupils[:4]:
        make.enrolment(who, at=make.school(), term=SPRING.code, boarding=True)
    autumn = lines()
    make.recompute(SPRING.code)
    assert lines() == autumn
    assert len(lines(SPRING)) == 4 * 3 + 2
    assert {term for (term,) in Entitlement.objects.values_list("term").distinct()} == {AUTUMN.code, SPRING.code}


# ---------- only who is concerned ----------


def test_a_region_touches_only_who_lives_or_learns_there(pupils: list[Student]):
    here, there = pupils[:4], pupils[4:]
    crossing = make.student(at=here[0].enrolments.get().school, home="620121100001", categories=("registered_poor",))
    crossing_out = make.student(at=there[0].enrolments.get().school, home="620123100201")
    for who in (here[1], there[1]):
        boarding_flag(who, False)
    before = written()
    result = make.recompute(under="620123")
    assert result["students"] == 4 + 2
    assert differences(result) == {"added": 6, "changed": 0, "withdrawn": 1}
    assert {key: written()[key] for key in before if key in written()} == {
        key: place for key, place in before.items() if key in written()
    }
    assert make.entitled(there[1])["lz-compulsory-boarding"] == "500.00"
    assert len(make.entitled(crossing)) == len(make.entitled(crossing_out)) == 3
    assert marked() == {there[1].pk}
    assert result["rules"]["lz-compulsory-fee"] == {"students": 6, "amount": "0.00"}


def test_a_region_never_withdraws_what_is_another_regions(pupils: list[Student]):
    for who in pupils[4:]:
        Enrolment.objects.filter(student=who).delete()
    kept = [line for line in lines() if line[0] >= pupils[4].pk]
    assert differences(make.recompute(under="620123")) == NOTHING
    assert [line for line in lines() if line[0] >= pupils[4].pk] == kept
    assert differences(make.recompute(under="620121"))["withdrawn"] == len(kept) == 13


def test_who_moved_to_another_county_is_counted_there_and_no_longer_here(pupils: list[Student]):
    who, far = pupils[1], make.school(place="620121100")
    home = make.region("620121100001").path
    Enrolment.objects.filter(student=who).update(school=far, school_path=far.path, home_path=home)
    result = make.recompute(under="620123")
    assert result["students"] == 3
    assert result["rules"]["lz-compulsory-fee"]["students"] == 3
    assert differences(result) == NOTHING
    result = make.recompute(under="620121")
    assert (result["students"], result["rules"]["lz-compulsory-fee"]["students"]) == (5, 5)
    assert result["rules"]["lz-compulsory-boarding"] == {"students": 2, "amount": "1000.00"}
    assert result["certificate"] == from_scratch("620121")["certificate"]


def test_a_school_outside_every_region_asked_for_is_left_alone(pupils: list[Student]):
    before = written()
    assert make.recompute(under="5101")["students"] == 0
    assert written() == before


# ---------- marked students only ----------


def runs() -> list[bool]:
    return list(ComputeRun.objects.order_by("pk").values_list("marked_only", flat=True))


def test_marked_only_needs_a_whole_run_first(db: None, everywhere: None):
    make.adopt_lanzhou()
    make.student(at=make.school())
    assert differences(make.recompute(marked_only=True))["added"] == 3
    assert make.recompute(marked_only=True)["students"] == 0
    assert runs() == [False, True]


def test_a_new_rule_concerns_those_who_are_not_marked(pupils: list[Student]):
    more("ten", "10.00")
    assert marked() == set()
    assert differences(make.recompute(marked_only=True))["added"] == 8


def test_a_county_computed_by_new_rules_does_not_speak_for_its_neighbour(pupils: list[Student]):
    more("ten", "10.00")
    make.recompute(under="620123")
    assert differences(make.recompute(under="620121", marked_only=True))["added"] == 4


def test_rules_that_came_and_went_leave_nothing_behind(pupils: list[Student]):
    more("ten", "10.00")
    make.recompute(under="620123")
    adopt_pack("more-ten", region=make.region("6201"), active=False)
    result = make.recompute(marked_only=True)
    assert differences(result) == {"added": 0, "changed": 0, "withdrawn": 4}
    assert result["certificate"] == from_scratch()["certificate"]


def test_rules_that_change_while_a_run_is_under_way_end_it(pupils: list[Student]):
    job = request_recompute(term=AUTUMN, path=CITY)
    jobs.run_job.apply(kwargs={"job_id": job.pk})
    more("ten", "10.00")
    job = jobs.work_off(Job.objects.get(pk=job.pk))
    assert (job.state, "政策" in job.error) == ("failed", True)
    assert not Entitlement.objects.filter(rule__code="more-ten").exists()
    assert differences(make.recompute())["added"] == 8


# ---------- in any order, by any number of hands ----------


@contextmanager
def far_apart() -> Iterator[None]:
    """Keys given out from the end of a block on: few students lie in two blocks."""
    [last] = sql.rows("SELECT last_value FROM students_person_id_seq")
    block = last["last_value"] // blocks.BLOCK + 1
    sql.run("SELECT setval('students_person_id_seq', %s)", [block * blocks.BLOCK - 4])
    try:
        yield
    finally:
        sql.run("SELECT setval('students_person_id_seq', %s)", [last["last_value"]])


def opened() -> tuple[ComputeRun, list[list[int]]]:
    """A run and the blocks of its parts, before any of them is worked on."""
    job = request_recompute(term=AUTUMN, path=CITY)
    jobs.run_job.apply(kwargs={"job_id": job.pk})
    parts = Job._base_manager.filter(parent=job).order_by("pk").values_list("params", flat=True)
    return ComputeRun.objects.get(job_id=job.pk), [part["blocks"] for part in parts]


@pytest.fixture
def two_blocks(db: None, everywhere: None) -> Iterator[list[Student]]:
    make.adopt_lanzhou()
    with far_apart():
        schools = [make.school(), make.school(stages=(Stage.SENIOR,), fee="801")]
        made = [
            make.student(
                at=schools[n % 2], stage=Stage.SENIOR if n % 2 else Stage.PRIMARY, boarding=n % 3 == 0,
                categories=("registered_poor",) if n < 4 else (),
            )
            for n in range(8)
        ]  # fmt: skip
        yield made


def test_blocks_in_any_order_and_twice_come_to_the_same(two_blocks: list[Student]):
    run, parts = opened()
    assert len(parts) == 2
    assert len({who.pk // blocks.BLOCK for who in two_blocks}) == 2
    found = []
    for seed in range(3):
        sql.run("DELETE FROM subsidies_entitlement")
        sql.run("DELETE FROM subsidies_certificatepart")
        order = parts + parts[:1]
        Random(seed).shuffle(order)
        counts = [compute.compute_block(run, *part) for part in order]
        assert sum(count["added"] for count in counts) == 4 * 3 + 1 + 2 * 2
        assert sum(count["withdrawn"] + count["changed"] for count in counts) == 0
        found.append((lines(), certify(AUTUMN, CITY)))
    assert found[0] == found[1] == found[2]


def test_the_block_is_not_part_of_the_certificate(two_blocks: list[Student], monkeypatch: pytest.MonkeyPatch):
    wide = make.recompute()["certificate"]
    monkeypatch.setattr(blocks, "BLOCK", 2)
    narrow = from_scratch()
    assert narrow["certificate"] == wide
    last = Job.objects.roots().latest("pk")
    assert Job._base_manager.filter(parent=last).count() >= 5
    Hardship.objects.filter(person=two_blocks[0].person).update(active=False)
    Hardship.objects.filter(person=two_blocks[3].person).update(active=False)
    marked = make.recompute(marked_only=True)
    assert (marked["students"], marked["withdrawn"]) == (2, 3)
    assert marked["certificate"] == from_scratch()["certificate"]


def in_thread(work: Callable[[], object]) -> threading.Thread:
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
def test_two_workers_on_one_term_at_once(everywhere: None):
    make.adopt_lanzhou()
    with far_apart():
        school = make.school()
        for n in range(12):
            make.student(at=school, boarding=True, categories=("registered_poor",) if n % 2 else ())
    gate = threading.Barrier(2)
    asked = [request_recompute(term=AUTUMN, path=path) for path in (CITY, COUNTY)]
    done: list[Job] = []

    def work(job: Job) -> None:
        gate.wait(10)
        done.append(jobs.work_off(job))

    for thread in [in_thread(lambda job=job: work(job)) for job in asked]:
        thread.join(30)
    assert [job.state for job in done] == ["done", "done"], [job.error for job in done]
    assert sum(job.result["added"] for job in done) == len(lines()) == 12 * 3 + 6
    assert not EntitlementChange.objects.exists()
    assert marked() == set()
    assert {job.result["certificate"] for job in done} == {from_scratch()["certificate"]}


@pytest.mark.django_db(transaction=True)
def test_a_change_written_while_its_student_is_computed_is_not_forgotten(everywhere: None):
    """The student is marked already, the change is not yet committed when the marks are consumed."""
    make.adopt_lanzhou()
    who = make.student(at=make.school(), boarding=True)
    make.recompute()
    make.hardship(who.person, Category.DISABLED)
    assert marked() == {who.pk}
    written_down, go_on = threading.Event(), threading.Event()

    def clerk() -> None:
        with transaction.atomic():
            make.hardship(who.person, Category.DIBAO_RURAL)
            written_down.set()
            assert go_on.wait(10)

    thread = in_thread(clerk)
    assert written_down.wait(10)
    assert make.recompute(marked_only=True)["students"] == 1
    go_on.set()
    thread.join(10)
    make.hardship(who.person, Category.TEKUN_RURAL)
    assert Mark.objects.filter(student_id=who.pk).count() == 2  # one a transaction
    result = make.recompute(marked_only=True)
    assert (result["students"], result["added"], marked()) == (1, 1, set())
