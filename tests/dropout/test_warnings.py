"""Early warning: exactly the conditions that hold, with the values seen; again nothing changes; what a person does with it."""

from __future__ import annotations

import random
from datetime import date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.models import AuditEvent, Job
from aidcases.scoping import Actor, Scope, acting_in
from aidcases.seen import mark
from aidcases.terms import Term
from dropout import exams, warnings
from dropout.models import DropoutCase, ExamResult, Threshold, WarningLine
from students.models import Attendance, Enrolment, ImportFile, ImportRow, RosterEntry, Student, Suspension
from tests import make
from tests.dropout.build import case

TERM, TODAY = Term.parse("2018-autumn"), date(2018, 10, 8)
HERE = "/62/6201/620123/"
ONE = Actor("王一", 1, None, HERE, all_powers=True)


def look(today: date = TODAY, path: str = HERE) -> dict[str, int]:
    return warnings.look(term=TERM, path=path, today=today)


def lines() -> dict[int, dict]:
    return dict(WarningLine.objects.standing().values_list("student_id", "values"))


def roster_row(office: object, on: date) -> ImportRow:
    file = ImportFile(
        kind="present", term=TERM.code, office=office, path=HERE, filename="在校.xlsx", sha256="0", stored="-", state="committed",
        data_on=on, committed_at=timezone.make_aware(datetime(2018, 9, 20)), uploaded_by="甲",
    )  # fmt: skip
    file.save()
    made = ImportRow(file=file, number=7, state="new")
    made.save()
    return made


def test_exactly_the_conditions_that_hold_with_the_values_seen(county) -> None:
    """Twenty children with facts drawn by lot, and what a slow reading of the rules in Python says of each."""
    lot = random.Random(7)
    at = make.school()
    row = roster_row(county.here.office, date(2018, 9, 12))
    expected: dict[int, dict[str, list]] = {}
    for _ in range(20):
        stage, grade = lot.choice([("primary", 3), ("primary", 6), ("junior", 1)])
        age = lot.randint(6, 16)
        child = make.student(at=at, stage=stage, grade=grade, born=date(2018 - age, 8, 31))
        seen: dict[str, int | float] = {"over_age": age - (grade + (5 if stage == "primary" else 11))}
        months = {"2018-07": lot.randint(0, 9), "2018-08": lot.randint(0, 6), "2018-10": lot.choice([0, 4.5, 9])}
        for month, days in months.items():
            Attendance(student=child, month=month, school=at, school_path=at.path, days_due=20, days_absent=days).save()
        seen["absence"] = months["2018-08"] + months["2018-10"]
        if lot.random() < 0.3:
            RosterEntry(kind="present", term=TERM.code, person=child.person, present=False, row=row).save()
            seen["late"] = 11
        if lot.random() < 0.3:
            Enrolment.objects.filter(student=child).update(left_behind=True)
            seen["left_behind"] = 1
        if lot.random() < 0.4:
            sibling = make.person()
            make.household(head=make.person(), members=(child.person, sibling))
            other = Student(person=sibling)
            other.save()
            state = lot.choice(["persuading", "suspected"])
            case(state, student=other)
            seen["sibling"] = int(state == "persuading")
        held = lot.sample(["registered_poor", "dibao_rural", "disabled"], lot.randint(0, 3))
        for category in held:
            make.hardship(child.person, category)
        if held and lot.random() < 0.4:
            make.hardship(child.person, held[0], from_on=date(2018, 8, 1), active=False)
            held = held[1:]
        seen["hardship"] = len(held)
        if lot.random() < 0.4:
            before, now = lot.randint(0, 6), lot.choice([None, 1, 4])
            ExamResult(student=child, term="2018-spring", failed=before, school_path=at.path, made_by="甲").save()
            if now is not None:
                ExamResult(student=child, term=TERM.code, failed=now, school_path=at.path, made_by="甲").save()
            seen["exam"] = before if now is None else now
        if lot.random() < 0.4:
            state = lot.choice(["returned", "suspected", "persuading"])
            case(state, student=child, rounds=2)
            for active in (True, False, True, False)[: 3 if state == "persuading" else 4]:
                Suspension(student=child, active=active, from_on=TODAY, made_by="甲", **_paths(child)).save()
            if state == "returned":  # after the list was made
                seen.pop("late", None)
            seen["before"] = {"returned": 2, "suspected": 1, "persuading": 1}[state]
        least = {code: default.value for code, default in warnings.DEFAULTS.items()}
        met = {code: [value, int(least[code])] for code, value in seen.items() if value >= least[code]}
        if met.keys() - {"left_behind"}:  # which warns of nobody alone
            expected[child.pk] = met
    told = look()
    assert {pk: values for pk, values in lines().items() if pk in expected} == expected
    assert lines().keys() - expected.keys() <= set(Enrolment.objects.exclude(school=at).values_list("student_id", flat=True))
    assert {code for met in expected.values() for code in met} == set(warnings.DEFAULTS)  # each condition was met by somebody
    kept = list(WarningLine.objects.order_by("pk").values())
    assert look(date(2018, 10, 15)) == {"warned": told["warned"], "changed": 0}
    assert list(WarningLine.objects.order_by("pk").values()) == kept


def _paths(child: Student) -> dict[str, str]:
    return {"home_path": child.person.home_path, "school_path": child.person.school_path}


def absent(child: Student, days: int, month: str = "2018-09") -> None:
    at = child.enrolments.get().school
    Attendance(student=child, month=month, school=at, school_path=at.path, days_due=22, days_absent=days).save()


def test_a_county_sets_its_own_thresholds_and_a_line_ends_and_comes_back(county) -> None:
    child = county.here.students[1]
    absent(child, 12)
    assert look()["warned"] == 1
    line = WarningLine.objects.get()
    assert warnings.words(line) == ["缺勤天数 12 天（≥10 天）"]
    warnings.answer(line, text="电话联系家长，病假", by=ONE, today=TODAY)
    with acting_in(Scope(HERE), ONE):
        warnings.set_threshold(code="absence", value=Decimal(15), watched=True, by=ONE, today=date(2018, 10, 10))
        with pytest.raises(Refused, match="大于 0"):
            warnings.set_threshold(code="absence", value=Decimal(0), watched=True, by=ONE, today=TODAY)
    assert look(date(2018, 10, 9))["warned"] == 1  # not yet in force
    assert look(date(2018, 10, 10)) == {"warned": 0, "changed": 1}
    line.refresh_from_db()
    assert (line.gone_on, line.answer) == (date(2018, 10, 10), "电话联系家长，病假")
    absent(child, 4, "2018-10")
    look(date(2018, 10, 20))
    line.refresh_from_db()
    assert (line.gone_on, line.values, line.since_on) == (None, {"absence": [16, 15]}, TODAY)
    with acting_in(Scope(HERE), ONE):
        warnings.set_threshold(code="absence", value=Decimal(15), watched=False, by=ONE, today=date(2018, 10, 21))
    assert look(date(2018, 10, 21))["warned"] == 0
    with pytest.raises(Refused, match="本单位"), acting_in(Scope("/62/6201/620121/"), ONE):
        look()


def test_once_a_week_a_job_for_each_county(county) -> None:
    monday, thursday = (timezone.make_aware(datetime(2018, 10, day, 7)) for day in (8, 11))
    absent(county.here.students[1], 12)
    assert warnings.weekly(monday) == {"warnings_asked": 2}
    assert warnings.weekly(thursday) == {"warnings_asked": 0}
    assert warnings.weekly(timezone.make_aware(datetime(2018, 10, 15, 7))) == {"warnings_asked": 2}
    while (pk := jobs.next_waiting()) is not None:
        jobs.run_job.apply(kwargs={"job_id": pk})
    assert set(Job.objects.filter(kind=warnings.KIND).values_list("state", flat=True)) == {"done"}
    assert WarningLine.objects.count() == 1


def test_results_of_a_class_are_entered_by_its_school(as_, county) -> None:
    pupils = county.here.students[:2]
    school, other = as_("school"), as_("other_school")
    listed = school.get(reverse("exam_class")).content.decode()
    key = f"{county.here.primary.pk}.primary.3.1班"
    assert "1班" in listed
    page = school.get(reverse("exam_class"), {"of": key}).content.decode()
    assert all(child.person.name in page for child in pupils)
    given = {f"failed-{pupils[0].pk}": "4", f"failed-{pupils[1].pk}": ""}
    school.post(reverse("exam_save") + f"?of={key}", given)
    assert list(ExamResult.objects.values_list("student_id", "failed")) == [(pupils[0].pk, 4)]
    other.post(reverse("exam_save"), {f"failed-{pupils[0].pk}": "0"})
    school.post(reverse("exam_save"), {f"failed-{pupils[0].pk}": "21"})
    assert ExamResult.objects.get().failed == 4
    school.post(reverse("exam_save"), {f"failed-{pupils[0].pk}": ""})
    assert not ExamResult.objects.exists()
    with pytest.raises(Refused, match="不在本校"), acting_in(county.here.office.scope, ONE):
        exams.enter(TERM, {county.there.students[0].pk: 1}, by=ONE)


def test_the_pages_of_the_warning(as_, county) -> None:
    child = county.here.students[0]
    head = as_("head")
    typed = {f"value-{code}": str(default.value) for code, default in warnings.DEFAULTS.items()}
    watched = {f"watched-{code}": "1" for code in warnings.DEFAULTS if code != "left_behind"}
    head.post(reverse("threshold_set"), {**typed, **watched, "value-absence": "8"})
    set_now = {("absence", HERE, True), ("left_behind", HERE, False)}
    assert set(Threshold.objects.values_list("code", "path", "watched")) == set_now
    as_("school").post(reverse("threshold_set"), {"value-absence": "1"})
    assert Threshold.objects.count() == 2
    absent(child, 12)
    for n in range(20):
        absent(make.student(f"缺{n}", at=county.here.primary, home="620123100201"), 10)
    look(TODAY)
    maker = as_("maker")
    with CaptureQueriesContext(connection) as caught:
        page = maker.get(reverse("warning_list"), {"least": ""})
    asked = [query for query in caught if not query["sql"].startswith(("SAVEPOINT", "RELEASE", "ROLLBACK", "SET LOCAL"))]
    text = page.content.decode()
    assert "缺勤天数 12 天（≥10 天）" in text
    assert len(asked) <= 12
    assert child.person.name not in as_("other_maker").get(reverse("warning_list")).content.decode()
    line = WarningLine.objects.get(student=child)
    assert "近 3 个月缺勤" in maker.get(reverse("warning_detail", args=[line.pk])).content.decode()
    maker.post(reverse("warning_answer", args=[line.pk]), {"answer": "已家访"})
    assert [row.pk for row in maker.get(reverse("warning_list"), {"answered": "yes"}).context["page"]] == [line.pk]
    stale = maker.post(reverse("warning_answer", args=[line.pk]), {"answer": "已电话", "seen": mark("")})
    assert (stale.status_code, "有人改过这一部分" in stale.content.decode()) == (422, True)
    assert "已电话" in stale.content.decode()
    assert WarningLine.objects.get(pk=line.pk).answer == "已家访"
    maker.post(reverse("warning_open", args=[line.pk]), {"note": "三天没来"})
    opened = DropoutCase.objects.get(student=child)
    assert (opened.found_by, opened.state) == ("warning", "suspected")
    event = AuditEvent.objects.get(action="dropoutcase.opened")
    assert event.note == "预警：缺勤天数 12 天（≥10 天）。三天没来"
