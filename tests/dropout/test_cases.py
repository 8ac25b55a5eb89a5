"""A child's case from the suspicion to the close-out: who may, what stands in the way, what its aid does meanwhile."""

from __future__ import annotations

from datetime import date

import pytest

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.models import Job
from aidcases.scoping import Actor
from aidcases.terms import Term
from dropout import cases
from dropout.models import DropoutCase
from students.models import Suspension
from subsidies.models import Entitlement
from tests.dropout.build import case

TODAY = date(2018, 10, 8)
ONE, OTHER = (Actor(name, pk, None, "/", all_powers=True) for name, pk in (("王一", 1), ("李二", 2)))


def states(student: int) -> set[str]:
    return set(Entitlement.objects.filter(student=student, term="2018-autumn").values_list("state", flat=True))


def worked_off() -> None:
    while (pk := jobs.next_waiting()) is not None:
        jobs.run_job.apply(kwargs={"job_id": pk})
    assert not Job.objects.filter(state="failed").exists()


def of(row: DropoutCase) -> object:
    return DropoutCase.objects.filter(pk=row.pk)


def ready(row: DropoutCase, **columns: object) -> DropoutCase:
    DropoutCase.objects.filter(pk=row.pk).update(**columns)
    row.refresh_from_db()
    return row


def test_aid_rests_while_the_child_is_out_and_is_due_again_from_the_return(world) -> None:
    poor = world.here.students[0]
    row = case(student=poor)
    assert states(poor.pk) == {"due"}
    assert cases.verify(of(row), by=ONE, today=TODAY).moved == 1
    with pytest.raises(Refused, match="还没有核查走访的记录"):
        cases.confirm(row, left_on=TODAY, cause="work", whereabouts="", by=ONE, today=TODAY)
    ready(row, visits_made=1)
    cases.confirm(row, left_on=date(2018, 9, 20), cause="work", whereabouts="外地打工", by=ONE, today=TODAY)
    worked_off()
    assert states(poor.pk) == {"suspended"}
    assert row.due_on == date(2018, 10, 11)  # three working days
    cases.persuade(ready(row, team_named=True), by=ONE, today=TODAY)
    assert Suspension.objects.filter(student=poor).count() == 1  # nothing new to say
    with pytest.raises(Refused, match="早于确认辍学"):
        cases.bring_back(row, returned_on=date(2018, 9, 25), school=row.school, by=ONE, today=TODAY)
    cases.bring_back(row, returned_on=TODAY, school=row.student.enrolments.get().school, by=ONE, today=TODAY)
    worked_off()
    assert states(poor.pk) == {"due"}
    cases.place(ready(row, placement_made=True), by=ONE, today=TODAY)
    cases.watch(row, by=ONE, today=TODAY)
    with pytest.raises(Refused, match="早于上次复学"):
        cases.relapse(row, note="又没来", left_on=date(2016, 10, 8), by=ONE, today=TODAY)
    cases.relapse(row, note="又没来", left_on=TODAY, by=ONE, today=TODAY)
    worked_off()
    assert (row.rounds, states(poor.pk)) == (2, {"suspended"})


def test_a_term_that_was_over_when_the_child_left_is_not_touched(world) -> None:
    poor = world.here.students[0]
    row = ready(case("verifying", student=poor), visits_made=1)
    cases.confirm(row, left_on=date(2019, 3, 4), cause="work", whereabouts="", by=ONE, today=date(2019, 3, 20))
    worked_off()
    assert states(poor.pk) == {"due"}


def test_without_proof_another_person_closes_and_it_is_counted(county) -> None:
    row = ready(case("watched"), watch_over=True)
    with pytest.raises(Refused, match="没有佐证"):
        cases.close(row, by=ONE, today=TODAY, recheck_on=TODAY)
    cases.ask_to_close(row, reason="校长和村干部都确认在校", by=ONE)
    with pytest.raises(Refused, match="不能自己批准"):
        cases.close(row, by=ONE, today=TODAY, recheck_on=TODAY)
    closed = cases.close(row, by=OTHER, today=TODAY, recheck_on=date(2018, 11, 5))
    assert (closed.state, closed.proof, closed.asked_by, closed.closed_by) == ("closed", "none", "王一", "李二")


def test_bulk_acquittal_says_which_could_not(county) -> None:
    rows = [case(), case("verifying"), case("closed")]
    with pytest.raises(Refused, match="核查结果"):
        cases.acquit(DropoutCase.objects.all(), alarm="", note="电话核实", by=ONE, today=TODAY)
    done = cases.acquit(DropoutCase.objects.all(), alarm="double_hukou", note="电话核实", by=ONE, today=TODAY)
    assert (done.moved, dict(done.stayed)) == (2, {"当前状态不能排除": 1})
    again = cases.reopen(
        DropoutCase.objects.get(pk=rows[0].pk), term=Term.parse("2018-autumn"), note="又有人反映", by=ONE, today=TODAY
    )
    assert (again.state, again.rounds, again.alarm) == ("suspected", 2, "")


def test_a_child_found_at_the_door_has_one_case(county) -> None:
    child = county.here.students[1]
    term = Term.parse("2018-autumn")
    made = cases.open_case(child, found_by="household", term=term, by=ONE, today=TODAY, note="入户发现")
    assert (made.school_id, made.stage) == (county.here.primary.pk, "primary")
    assert cases.open_case(child, found_by="tip", term=term, by=ONE, today=TODAY, note="群众来电").pk == made.pk
