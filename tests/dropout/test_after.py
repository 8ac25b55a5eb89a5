"""After the return: placement with a plan, proof from other sources, close-out, looking again; what time alone makes due."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import AuditEvent, Reminder
from aidcases.scoping import SYSTEM, Actor
from aidcases.terms import Term
from dropout import board, cases, daily, deadlines, papers, placing, proving, rounds, suspicions
from dropout.deadlines import Deadlines
from dropout.indicators import Asked
from dropout.models import CareFile, CaseRound, Deadline, DropoutCase, LegalStep, Placement, Visit
from dropout.placing import Said
from students.models import Attendance, Enrolment, ImportFile, ImportRow, Person
from students.models.imports import FileState
from tests import make
from tests.casework.conftest import Crew, crew  # noqa: F401
from tests.dropout.build import case
from tests.dropout.test_legal import VILLAGE, text_of, with_township

BACK = date(2018, 10, 8)
TODAY = date(2019, 1, 10)
ONE, OTHER = (Actor(name, pk, None, "/", all_powers=True) for name, pk in (("王一", 1), ("李二", 2)))


@pytest.fixture
def town(crew: Crew) -> Crew:  # noqa: F811
    return with_township(crew)


def watched(made: Crew, state: str = "watched", **values: Any) -> DropoutCase:
    child = make.student("王小花", at=made.school, home=VILLAGE)
    given = {"returned_on": BACK, "returned_to": made.school, "school": made.school, "watch_over": True, **values}
    return case(state, student=child, **given)


def moment(on: date) -> datetime:
    return timezone.make_aware(datetime(on.year, on.month, on.day, 9))


def row_of(made: Crew, by: str, on: date, name: str = "考勤.xlsx") -> ImportRow:
    """A row of a list that somebody brought in on a day."""
    file = ImportFile(
        kind="roll", term="2018-autumn", office=made.county, path=made.county.path, filename=name, sha256="0" * 64,
        stored="x", state=FileState.COMMITTED, committed_at=moment(on), uploaded_by=by,
    )  # fmt: skip
    file.save()
    row = ImportRow(file=file, number=2, state="new")
    row.save()
    return row


def on_roll(row: DropoutCase, source: ImportRow) -> None:
    Enrolment.objects.filter(student=row.student, term="2018-autumn").update(row=source)


def attended(row: DropoutCase, source: ImportRow | None, month: str, absent: int, due: int = 20) -> None:
    Attendance(
        student=row.student, month=month, school=row.returned_to, school_path=row.returned_to.path, row=source,
        days_due=Decimal(due), days_absent=Decimal(absent),
    ).save()  # fmt: skip


def visited(row: DropoutCase, on: date, **also: Any) -> None:
    given = {"photos": 1, "result": "back", "place": "榆树小学", **also}
    number = Visit.objects.count() + 1
    Visit(
        case=row, key=f"{number:032d}", number=number, visited_at=moment(on), kind="home", people="李主任", said="在班里",
        made_by="村干部", **given,
    ).save()  # fmt: skip


def sources(row: DropoutCase) -> list[str]:
    return [str(found.proof) for found in proving.find(row, today=TODAY)]


# ---------- placement ----------


def plan(made: Crew, **also: Any) -> Said:
    words = "每周三、五下午补数学。\n每月家访一次。"
    return Said(**{"kind": "class", "school": made.school, "from_on": BACK, "plan": words, "mentor": "李老师", **also})


def test_a_placement_has_a_plan_and_lets_the_case_go_on(town: Crew) -> None:
    row = watched(town, "returned", watch_over=False)
    vocational = make.school(name="榆中职专", stages=("secondary_vocational",))
    wrong = plan(town, kind="vocational", from_on=BACK - timedelta(days=1), plan="补", mentor="")
    with pytest.raises(Refused) as refused:
        placing.put(row, wrong, by=ONE, today=TODAY)
    assert len(refused.value.reasons) == 5
    assert "“榆树小学”不是中等职业学校，请核对安置方式。" in refused.value.reasons
    assert not Placement.objects.exists()
    made = placing.put(
        row,
        plan(town, kind="vocational", school=vocational, certificate="榆中职专 2018-10-08 第12号"),
        by=ONE,
        today=TODAY,
    )
    row.refresh_from_db()
    assert (row.state, row.placement_made, placing.in_force(row, TODAY)) == ("placed", True, made)
    with pytest.raises(Refused, match="换一个日期"):
        placing.put(row, plan(town), by=ONE, today=TODAY)
    cases.watch(row, by=ONE, today=TODAY)
    later = placing.put(row, plan(town, from_on=date(2018, 12, 3)), by=ONE, today=TODAY)
    assert (placing.in_force(row, TODAY), placing.in_force(row, date(2018, 11, 1))) == (later, made)
    words = text_of(papers.print_plan(made, row).pdf)
    for part in ("个人学习计划", "王小花", "每周三、五下午补数学。", "每月家访一次。", "榆中职专2018-10-08第12号"):
        assert part in words


# ---------- proof ----------


def test_only_what_somebody_else_brought_since_the_return_is_a_proof(town: Crew) -> None:
    row = watched(town)
    assert sources(row) == []
    on_roll(row, row_of(town, "学籍员", date(2018, 9, 5), "在校生.xlsx"))
    assert sources(row) == []  # the roll is older than the return
    on_roll(row, row_of(town, "学籍员", date(2018, 11, 5), "在校生.xlsx"))
    [found] = proving.find(row, today=TODAY)
    assert (found.label, found.text) == ("学籍", "2018—2019学年秋季学期学籍在榆树小学三年级1班")
    assert found.source == "学籍员 2018-11-05 导入的《在校生.xlsx》"
    AuditEvent._base_manager.create(
        path=row.home_path, subject_type="dropout.dropoutcase", subject_id=row.pk, action="dropoutcase.bring_back",
        actor="学籍员",
    )  # fmt: skip
    assert sources(row) == []  # by the hand that said the child is back
    brought = row_of(town, "考勤员", date(2018, 12, 3))
    attended(row, brought, "2018-10", 0)  # the month of the return is no whole one
    assert sources(row) == []
    attended(row, brought, "2018-11", 3)
    assert sources(row) == ["attendance"]
    attended(row, row_of(town, "学籍员", date(2019, 1, 3)), "2018-12", 4)  # gone again since, whoever says so
    assert sources(row) == []
    for also in ({"photos": 0}, {"result": "willing"}, {"place": ""}):
        visited(row, date(2018, 12, 20), **also)
    visited(row, date(2018, 10, 7))  # before the return
    assert sources(row) == []
    visited(row, date(2018, 12, 21), result="enrolled")
    [found] = proving.find(row, today=TODAY)
    assert found.text == "2018-12-21 09:00 在榆树小学走访：核实在校就读，照片 1 张"


def test_a_close_out_rests_on_what_was_found_then(town: Crew) -> None:
    row = watched(town)
    with pytest.raises(Refused, match="没有找到佐证"):
        proving.close(row, by=ONE, today=TODAY)
    cases.ask_to_close(row, reason="学校和村都确认在校", by=ONE)
    with pytest.raises(Refused, match="不能自己批准"):
        proving.close(row, by=ONE, today=TODAY)
    on_roll(row, row_of(town, "学籍员", date(2018, 11, 5)))
    attended(row, row_of(town, "考勤员", date(2018, 12, 3)), "2018-11", 1)
    closed = proving.close(row, by=ONE, today=TODAY)  # what was asked for is not needed any more
    assert (closed.state, closed.proof, closed.close_reason, closed.asked_by) == ("closed", "roll", "", "")
    assert (
        closed.proof_note == "学籍：2018—2019学年秋季学期学籍在榆树小学三年级1班；考勤：2018-11 应到 20 天，缺勤 1 天"
    )
    assert closed.recheck_on == date(2019, 3, 28)  # twenty school days, from the first of the new term on


def test_without_a_proof_a_second_person_and_an_early_close_is_refused(town: Crew) -> None:
    row = watched(town, watch_over=False)
    on_roll(row, row_of(town, "学籍员", date(2018, 11, 5)))
    with pytest.raises(Refused, match="不满 90 天"):
        proving.close(row, by=ONE, today=TODAY)
    Enrolment.objects.update(row=None)
    DropoutCase.objects.filter(pk=row.pk).update(watch_over=True)
    with pytest.raises(Refused, match="没有找到佐证"):
        proving.close(row, by=ONE, today=TODAY)
    cases.ask_to_close(row, reason="学校和村都确认在校", by=ONE)
    assert proving.close(row, by=OTHER, today=TODAY).proof == "none"


def test_looking_again_ends_it_or_opens_it_anew(town: Crew) -> None:
    first, second = (
        watched(town, "closed", recheck_on=TODAY),
        watched(town, "closed", recheck_on=TODAY + timedelta(days=1)),
    )
    assert list(proving.due(TODAY)) == [first]
    with pytest.raises(Refused, match="怎么复查"):
        proving.recheck(first, in_school=True, note="", by=ONE, today=TODAY)
    with pytest.raises(Refused, match="起才到复查时间"):
        proving.recheck(second, in_school=True, note="到班里看了", by=ONE, today=TODAY)
    assert proving.recheck(first, in_school=True, note="到班里看了", by=ONE, today=TODAY).rechecked_on == TODAY
    with pytest.raises(Refused, match="不用复查"):
        proving.recheck(first, in_school=True, note="到班里看了", by=ONE, today=TODAY)
    gone = proving.recheck(second, in_school=False, note="班主任说没来", by=ONE, today=TODAY)
    assert (gone.state, gone.rounds, gone.term, gone.recheck_on) == ("suspected", 2, Term.containing(TODAY).code, None)


def test_what_an_earlier_round_was_stays_counted(town: Crew) -> None:
    """A close-out without proof and a dropout of the year are not wiped away by opening the case again and acquitting."""
    row = watched(town, "closed", closed_on=TODAY, proof="none", close_reason="校长确认", stage="primary")
    case("verifying", student=make.student(at=town.school, home=VILLAGE), confirmed_on=BACK, left_on=BACK)
    asked = Asked(Term.containing(TODAY), town.county.path, TODAY)
    days = (date(2018, 9, 1), TODAY)

    def told() -> tuple[int, ...]:
        figures = board.figures(asked)[""]
        cards = DropoutCase.objects.aggregate(**board.counts(asked))
        sums = DropoutCase.objects.filter(rounds.left_in(days)).count(), DropoutCase.objects.filter(rounds.found_in(days)).count()
        return figures["unproven"].number, figures["dropout-primary"].number, cards["unproven"], cards["closed"], *sums

    before = told()
    assert before == (1, 1, 1, 1, 1, 2)  # the one that was not confirmed, whatever its columns say, is none
    held = DropoutCase.objects.filter(pk=row.pk)
    suspicions.reopen(held, term=asked.term, today=TODAY, due=None, note="有人反映")
    assert told() == before
    for move in ("verify", "acquit"):
        held.move(move, by=ONE, note="派出所证明", moved_on=TODAY, **({"alarm": "double_hukou"} if move == "acquit" else {}))
    assert told() == before
    [kept] = CaseRound.objects.all()
    assert (kept.number, kept.state, kept.proof, kept.ended_on) == (1, "closed", "none", TODAY)
    assert held.get().rounds == 2


@pytest.mark.parametrize(
    ("closed", "looked"),
    [(date(2018, 9, 3), date(2018, 9, 30)), (date(2018, 6, 29), date(2018, 9, 26)), (date(2020, 1, 9), date(2020, 3, 27))],
)
def test_nobody_is_looked_for_in_class_in_the_holidays(db: None, closed: date, looked: date) -> None:
    """Twenty school days: 24 September 2018 is free and the weekend after it is worked; February 2020 has a 29th."""
    assert proving.recheck_day(closed) == looked


# ---------- time ----------


@pytest.fixture
def acting(town: Crew) -> Crew:
    """Offices of the school, the village, the township, two counties and the city."""
    make.office(VILLAGE)
    return town


def reminded(key: str) -> list[tuple[str, bool]]:
    return list(
        Reminder.objects.open().filter(key__startswith=key).order_by("pk").values_list("office__name", "urgent")
    )


def test_a_case_over_its_day_climbs_level_by_level_and_once(acting: Crew) -> None:
    child = make.student("王小花", at=acting.school, home=VILLAGE)
    row = case("verifying", student=child, due_on=date(2018, 10, 12))  # a Friday
    asleep = case("watched", due_on=None)
    seen = []
    for day in (12, 13, 15, 16, 17, 18, 19, 22):
        first = daily.cases_late(moment(date(2018, 10, day)))
        again = daily.cases_late(moment(date(2018, 10, day)))
        assert (again["escalated"], again["reminded"], again["ended"]) == (0, 0, 0)
        row.refresh_from_db()
        seen.append((day, row.level, first["escalated"]))
    assert seen == [(12, 0, 0), (13, 0, 0), (15, 1, 1), (16, 1, 0), (17, 2, 1), (18, 2, 0), (19, 3, 1), (22, 3, 0)]
    asleep.refresh_from_db()
    assert asleep.level == 0
    names = [name for name, urgent in reminded("dropout.late.") if urgent]
    assert names == ["榆树小学", "兴隆山村委会", "兰州市教育局"]
    urged = AuditEvent.objects.filter(action="dropoutcase.escalated", subject_id=row.pk).order_by("pk")
    assert list(urged.values_list("note", flat=True)) == ["乡镇督办", "县级督办", "市级督办"]
    DropoutCase.objects.filter(pk=row.pk).update(due_on=date(2018, 10, 30), level=0)
    assert daily.cases_late(moment(date(2018, 10, 22)))["ended"] == 3
    DropoutCase.objects.filter(pk=row.pk).update(due_on=date(2018, 10, 12))
    assert daily.cases_late(moment(date(2018, 10, 22)))["escalated"] == 1  # days on which nobody asked are made up for
    row.refresh_from_db()
    assert row.level == 3


def test_a_case_goes_with_the_child_whose_home_has_moved(acting: Crew) -> None:
    child = make.student("王小花", at=acting.school, home=VILLAGE)
    row, over = case("persuading", student=child), case("closed", student=make.student(at=acting.school, home=VILLAGE))
    file = CareFile(student=child, kind="left_behind", from_on=TODAY, home_path=row.home_path, made_by="甲")
    file.save()
    elsewhere = make.region("620121100201").path
    Person.objects.filter(pk__in=[child.pk, over.student_id]).update(home_path=elsewhere)
    assert daily.homes_follow(moment(TODAY)) == {"cases_moved": 1, "files_moved": 1}
    assert daily.homes_follow(moment(TODAY)) == {"cases_moved": 0, "files_moved": 0}
    row.refresh_from_db()
    assert (row.home_path, row.school_path) == (elsewhere, acting.school.path)
    assert CareFile.objects.get().home_path == elsewhere
    assert DropoutCase.objects.get(pk=over.pk).home_path != elsewhere
    assert AuditEvent.objects.filter(action="dropoutcase.moved_home").values_list("subject_id", "path").get() == (
        row.pk,
        elsewhere,
    )


def test_the_watch_ends_rechecks_and_deadlines_of_the_law_are_reminded_of(acting: Crew) -> None:
    row = watched(acting, watch_over=False, watch_until=date(2019, 1, 6))
    done = watched(acting, "closed", recheck_on=date(2019, 1, 7))
    law = watched(acting, "legal", returned_on=None, returned_to=None, legal_step=1)
    LegalStep(
        case=law, path="/62/6201/620123/620123100/", step=1, issuer="镇政府", issued_on=date(2018, 12, 20),
        deadline_on=date(2019, 1, 4), made_by="镇干部",
    ).save()  # fmt: skip
    assert daily.watches_end(moment(date(2019, 1, 5)))["watches_over"] == 0
    assert daily.rechecks_due(moment(date(2019, 1, 6)))["reminded"] == 0
    assert daily.law_waits(moment(date(2019, 1, 4)))["reminded"] == 0
    for hook in (daily.watches_end, daily.rechecks_due, daily.law_waits):
        told = hook(moment(date(2019, 1, 7)))
        assert told["reminded"] == 1
        assert hook(moment(date(2019, 1, 7)))["reminded"] == 0
    row.refresh_from_db()
    assert row.watch_over
    offices = dict(Reminder.objects.open().values_list("key", "office__name"))
    assert offices == {"dropout.watched": acting.county.name, "dropout.recheck": "榆树小学", "dropout.law": "城关镇"}
    proving.recheck(done, in_school=True, note="到班里看了", by=SYSTEM, today=date(2019, 1, 7))
    assert set(Reminder.objects.open().values_list("key", flat=True)) == {"dropout.watched", "dropout.law"}


def test_a_county_sets_its_own_days_from_a_day_on(acting: Crew) -> None:
    today = date(2018, 10, 8)
    with acting.acting("county_maker") as maker, pytest.raises(Refused, match="您的角色不能"):
        deadlines.settle(state="verifying", days=8, from_on=today, by=maker, today=today)
    with acting.acting("county_head") as head:
        for wrong in ({"state": "watched"}, {"days": 0}, {"from_on": date(2018, 10, 7)}):
            with pytest.raises(Refused):
                deadlines.settle(**{"state": "verifying", "days": 8, "from_on": today, **wrong}, by=head, today=today)
        deadlines.settle(state="verifying", days=8, from_on=today, by=head, today=today)
        coming = deadlines.settle(state="verifying", days=2, from_on=date(2018, 11, 1), by=head, today=today)
        with pytest.raises(Refused, match="已经开始执行"):
            deadlines.drop(Deadline.objects.get(days=8), by=head, today=today)
    here = Deadlines.read(today, [acting.school.path])
    assert (here.days("verifying", acting.school.path), here.days("suspected", acting.school.path)) == (8, 3)
    assert here.due("verifying", acting.school.path, today) == date(2018, 10, 18)
    assert here.due("watched", acting.school.path, today) is None
    assert Deadlines.read(date(2018, 11, 2), [acting.school.path]).days("verifying", acting.school.path) == 2
    assert Deadlines.read(today, [acting.foreign.path]).days("verifying", acting.foreign.path) == 5
    far = Deadlines.read(date(2040, 10, 8), [acting.school.path])
    assert far.due("confirmed", acting.foreign.path, date(2040, 10, 8)) == date(2040, 10, 11)  # no calendar: weekdays
    with acting.acting("county_head") as head:
        deadlines.drop(coming, by=head, today=today)
    assert Deadline.objects.count() == 1
