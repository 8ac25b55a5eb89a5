"""Two records of one child in dropout prevention: nothing is lost when they become one, and all comes back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import models, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aidcases import sql
from aidcases.scoping import SYSTEM
from dropout import merged, resting
from dropout.enums import CaseState
from dropout.models import (
    CareFile,
    CareVisit,
    CaseRound,
    Deferral,
    Difference,
    DropoutCase,
    ExamResult,
    Inspection,
    InspectionLine,
    LegalStep,
    Measure,
    Placement,
    Rectification,
    TeamMember,
    Visit,
    VisitDraft,
    WarningLine,
)
from students.models import ImportFile, Person, Student, Suspension
from tests import make
from tests.dropout.build import case
from tests.students.test_import_guards import Office, here, schools, there  # noqa: F401
from tests.students.test_merging import merge as merge_pair
from tests.students.test_merging import pair  # noqa: F401
from tests.students.test_merging import undo as part_pair

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everywhere")]
ON = date(2018, 10, 8)


def tables() -> list[str]:
    return [model._meta.db_table for model in apps.get_app_config("dropout").get_models()]


def everything() -> dict[str, list]:
    names = [*tables(), "students_suspension"]
    return {t: sql.rows(f"SELECT to_jsonb(t) AS row FROM {t} t ORDER BY to_jsonb(t)::text") for t in names}


def filled(child: Student, n: int, state: str, draw: Inspection, *, rows: bool = True) -> DropoutCase:
    """A child with a case in the state and a row of everything that refers to either."""
    paths = {"home_path": child.person.home_path, "school_path": child.person.school_path}
    made = case(state, student=child, visits_made=n + 1, persuasions=n, team_named=bool(n), last_visit_on=ON)
    line = InspectionLine(inspection=draw, order=n, stratum="x", student=child, case=made, **paths)
    line.save()
    given: dict[str, Any] = {"given_path": "/62/", "given_name": "市", "due_on": ON, "made_by": "甲", "made_on": ON}
    Rectification(path="/62/6201/620123/", line=line, case=made, problem=f"问题{n}", **given).save()
    if not rows:
        return made
    Difference(term="2018-autumn", student=child, kind="absent", area="/62/", case=made, found_on=ON, **paths).save()
    Deferral(
        student=child, kind="leave", from_on=ON, until_on=ON, reason="病", approved_by="镇", approved_on=ON, made_by="甲", **paths
    ).save()  # fmt: skip
    WarningLine(
        term="2018-autumn", student=child, values={"late": n}, number=1, since_on=ON, changed_on=ON, **paths
    ).save()
    ExamResult(student=child, term="2018-autumn", failed=n, school_path=paths["school_path"], made_by="甲").save()
    CareFile(student=child, kind="left_behind", from_on=ON, phone=f"1390931000{n}", made_by="甲", **paths).save()
    CareVisit(student=child, visited_on=ON, who="甲", text=f"情况{n}", made_by="甲", **paths).save()
    TeamMember(case=made, seat="teacher", name=f"教师{n}", phone=f"1390931001{n}", from_on=ON, set_by="甲").save()
    TeamMember(case=made, seat="cadre" if n else "parent", name=f"其他{n}", from_on=ON, set_by="甲").save()
    at = timezone.make_aware(datetime(2018, 10, 8, 9))
    for number in (1, 2):
        Visit(
            case=made, key=f"{child.pk:016d}{number:016d}", number=number, visited_at=at, place="家", kind="home", people="甲",
            said=f"{n}", result="willing", made_by="甲",
        ).save()  # fmt: skip
    CaseRound(case=made, number=1, state="closed", found_on=ON, moved_on=ON, ended_on=ON).save()
    VisitDraft(path="/62/", case=made, user_id=7, key="1" * 32, typed=f"草稿{n}").save()
    Measure(case=made, kind="aid", done_on=ON, done_by="甲", text=f"{n}", made_by="甲").save()
    LegalStep(case=made, path="/62/", step=1, issuer="镇", issued_on=ON, deadline_on=ON, made_by="甲").save()
    Placement(case=made, kind="class", school=make.school(), from_on=ON, plan="补课", mentor="甲", made_by="甲").save()
    return made


@pytest.fixture
def two() -> Iterator[tuple[Student, Student, Inspection]]:
    school = make.school()
    draw = Inspection(
        path="/62/6201/", term="2018-autumn", seed="x", size=1, sha256="0" * 64, drawn_on=ON, drawn_by="甲"
    )
    draw.save()
    return make.student("甲", at=school), make.student("乙", at=school), draw


def test_whatever_refers_to_a_child_or_a_case_is_moved() -> None:
    """A table that somebody adds has to be said here."""
    wanted: dict[type[models.Model], set[str]] = {Student: set(), DropoutCase: set()}
    for model in apps.get_app_config("dropout").get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, models.ForeignKey) and field.related_model in wanted:
                wanted[field.related_model].add(model._meta.db_table)
    assert wanted[Student] - {"dropout_dropoutcase"} == set(merged._OF_STUDENT)
    assert wanted[DropoutCase] == set(merged._OF_CASE)


def test_the_further_case_stands_with_all_that_the_other_had(two: Any) -> None:
    keep, going, draw = two
    first, second = filled(keep, 0, "verifying", draw), filled(going, 1, "persuading", draw)
    before = everything()
    told = merged.merge(keep.pk, going.pk)
    held = DropoutCase.objects.get()
    assert (held.pk, held.student_id, held.state) == (second.pk, keep.pk, "persuading")
    assert (held.visits_made, held.persuasions, held.team_named) == (3, 1, True)
    assert list(Visit.objects.order_by("number").values_list("number", "said")) == [
        (1, "1"),
        (2, "1"),
        (3, "0"),
        (4, "0"),
    ]
    assert set(TeamMember.objects.values_list("seat", "name")) == {
        ("teacher", "教师1"),
        ("cadre", "其他1"),
        ("parent", "其他0"),
    }
    assert (Measure.objects.count(), LegalStep.objects.count(), Placement.objects.count()) == (2, 2, 1)
    assert (CareVisit.objects.count(), CareFile.objects.count(), Difference.objects.count()) == (2, 1, 1)
    assert Rectification.objects.filter(line__student=keep.pk, case=held).count() == 2
    assert Suspension.objects.get().active  # the aid of the child rests, which its record did not say
    assert not any(
        sql.one(f"SELECT count(*) AS n FROM {table} WHERE student_id = {going.pk}")["n"] for table in merged._OF_STUDENT
    )
    merged.part(keep.pk, going.pk, told)
    assert everything() == before
    assert first.pk != second.pk


def test_what_came_since_stays_with_the_case_that_stood(two: Any) -> None:
    keep, going, draw = two
    first = filled(keep, 0, "persuading", draw)
    filled(going, 1, "verifying", draw)
    told = merged.merge(keep.pk, going.pk)
    at = timezone.make_aware(datetime(2018, 11, 1, 9))
    Visit(
        case=first, key="9" * 32, number=5, visited_at=at, place="家", kind="home", people="甲", said="新", result="back",
        made_by="甲",
    ).save()  # fmt: skip
    DropoutCase.objects.filter(pk=first.pk).update(visits_made=4, persuasions=2, last_visit_on=date(2018, 11, 1))
    merged.part(keep.pk, going.pk, told)
    mine, theirs = DropoutCase.objects.get(student=keep), DropoutCase.objects.get(student=going)
    assert (mine.visits_made, mine.persuasions, mine.last_visit_on) == (2, 1, date(2018, 11, 1))
    assert list(mine.visits.order_by("number").values_list("number", flat=True)) == [1, 2, 5]
    assert list(theirs.visits.order_by("number").values_list("number", flat=True)) == [1, 2]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    states=st.tuples(*(st.sampled_from(["", *CaseState.values]) for _ in range(2))),
    rows=st.tuples(st.booleans(), st.booleans()),
    said=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=2),
)
def test_any_two_come_back_exactly(two: Any, states: tuple[str, str], rows: tuple[bool, bool], said: list) -> None:
    keep, going, draw = two
    with transaction.atomic():
        for n, (child, state) in enumerate(zip((keep, going), states, strict=True)):
            if state:
                filled(child, n, state, draw, rows=rows[n])
        for of_keep, active in said:
            child = keep if of_keep else going
            Suspension(
                student=child, active=active, from_on=ON, home_path="/62/", school_path="/62/", made_by="甲"
            ).save()
        before = everything()
        Suspension.objects.filter(student=going).update(student=keep)  # students.merging has moved its own
        told = merged.merge(keep.pk, going.pk)
        assert not DropoutCase.objects.filter(student=going.pk).exists()
        assert DropoutCase.objects.count() == bool(any(states))
        out = DropoutCase.objects.out_of_school().exists()
        last = Suspension.objects.filter(student=keep).order_by("-pk").first()
        assert not any(states) or bool(last and last.active) == out
        merged.part(keep.pk, going.pk, told)
        after = everything()
        del before["students_suspension"], after["students_suspension"]
        assert after == before
        transaction.set_rollback(True)


def test_through_the_merge_of_students(pair: Any) -> None:  # noqa: F811
    keep, going = Student.objects.get(person__name="张小明"), Student.objects.get(person__name="张晓明")
    for child, state in ((keep, "false_alarm"), (going, "legal")):
        case(state, student=child)
    Suspension(student=going, active=True, from_on=ON, home_path="/62/", school_path="/62/", made_by="甲").save()
    before = everything()
    merge_pair(pair[2], keep.pk)
    assert DropoutCase.objects.get().state == "legal"
    assert Suspension.objects.get().student_id == keep.pk
    part_pair(pair[2])
    assert everything() == before


def test_a_case_somebody_worked_on_keeps_its_rosters(pair: Any) -> None:  # noqa: F811
    file = ImportFile.objects.filter(kind="roll").earliest("pk")
    child = Person.objects.get(name="张小明").student
    row = case("suspected", student=child)
    line = Difference(
        term="2018-autumn", student=child, kind="absent", area="/62/", case=row, found_on=ON, home_path="/62/",
        school_path="/62/", enrolment=child.enrolments.get(),
    )  # fmt: skip
    line.save()
    assert resting.on_batch(file.batch) == []  # nobody has looked at it yet
    row.move("verify", by=SYSTEM)
    [told] = resting.on_batch(file.batch)
    assert (told.label, told.count, told.unit) == ("控辍案件", 1, "件")
    Difference.objects.filter(pk=line.pk).update(enrolment=None)
    assert resting.on_batch(file.batch) == []
