"""Two records of one child with casework on both: nothing is lost when they become one, and all comes back."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from aidcases import sql
from aidcases.flow import Refused
from aidcases.models import School
from aidcases.scoping import EVERYWHERE, acting_in
from students.imports import undo
from students.models import Export, ExportRow, ImportFile, Person, Student
from subsidies.casework import timeline
from subsidies.models import (
    Application,
    FamilyMember,
    NoticeLine,
    PanelMember,
    PublicNotice,
    Quota,
    Refusal,
    Responsible,
    StudyAway,
)
from tests import make
from tests.casework import build
from tests.students.test_import_guards import Office, here, schools, there  # noqa: F401
from tests.students.test_merging import HERE, merge, pair  # noqa: F401
from tests.students.test_merging import undo as part
from tests.students.test_reviews import browser

pytestmark = pytest.mark.django_db
TERM = "2018-autumn"
TABLES = (
    "application", "familymember", "assessment", "noticeline", "letter", "objection", "responsible", "refusal",
    "panelmember_children", "quota",
)  # fmt: skip


def everything() -> dict[str, list]:
    told = {t: sql.rows(f"SELECT to_jsonb(t) AS row FROM subsidies_{t} t ORDER BY to_jsonb(t)::text") for t in TABLES}
    return told | {"sheets": sql.rows("SELECT to_jsonb(t) AS row FROM students_exportrow t ORDER BY id")}


def both_applied(keep: Student, going: Student, *, first: str, second: str) -> tuple[Application, Application]:
    """Applications of one term in these states, and one of the term after of who goes; a notice's line, names, a panel
    member's child, refusals and a sheet's row on both sides."""
    school = School.objects.get(code=keep.enrolments.first().school.code)  # type: ignore[union-attr]
    made = []
    office = make.school_office(school)
    notice = PublicNotice(
        kind="determination", office=office, path=school.path, term=TERM, title="名单", hotline="1",
        made_by="甲",
    )  # fmt: skip
    notice.save()
    export = Export(path=school.path, area_path=school.path, office=office, term=TERM, purpose="核对", made_by="甲")
    export.save()
    for n, (child, state) in enumerate(((keep, first), (going, second))):
        found = build.application(child, at=school, state=state, term=TERM, level="hard" if state != "draft" else "")
        made.append(found)
        FamilyMember(application=found, order=0, name=f"家人{n}").save()
        NoticeLine(notice=notice, order=n, name=child.person.name, application=found, student=child).save()
        Responsible(student=child, contact=f"老师{n}", set_by="甲").save()
        Refusal(
            student=child, term=TERM, why=str(n), home_path=child.person.home_path, school_path=school.path, set_by="甲"
        ).save()
        ExportRow(export=export, key=f"k{n}", student=child, said={}).save()
    build.panel_traces(made[1], "评")
    PanelMember.objects.get(kind="leader").children.add(keep, going)
    build.county_traces(made[1], "/".join(school.path.split("/")[:4]) + "/", "信")
    build.application(going, at=school, state="submitted", term="2019-spring")
    return made[0], made[1]


@pytest.mark.parametrize(("first", "second", "stands"), [("draft", "approved", 1), ("submitted", "submitted", 0)])
def test_all_that_both_had_is_the_one_s_and_comes_back(pair: Any, first: str, second: str, stands: int):  # noqa: F811
    keep, going = Student.objects.get(person__name="张小明"), Student.objects.get(person__name="张晓明")
    applied = both_applied(keep, going, first=first, second=second)
    Quota(school=applied[0].school, path=applied[0].school_path, term=TERM, level="hard", seats=9, set_by="甲").save()
    Quota.objects.update(used=Application.objects.filter(state="approved").count())
    before = everything()
    merge(pair[2], keep.pk)
    assert set(Application.objects.values_list("student", flat=True)) == {keep.pk}
    assert Application.objects.count() == 3
    assert FamilyMember.objects.count() == 2
    standing = Application.objects.filter(term=TERM).exclude(state="doubled").get()
    assert standing == applied[stands]
    assert Quota.objects.get().used == (standing.state == "approved")
    assert NoticeLine.objects.filter(student=keep.pk).count() == Refusal.objects.filter(student=keep.pk).count() == 2
    assert ExportRow.objects.filter(student=keep.pk).count() == 2
    assert Responsible.objects.get().contact == "老师0"
    assert list(PanelMember.objects.get(kind="leader").children.all()) == [keep]
    with acting_in(EVERYWHERE):
        assert len(timeline.events(keep)) > 0
    client = browser(HERE)
    gone = next(each for each in applied if each != standing)
    assert "这一份留作档案" in client.get(reverse("application_detail", args=[gone.pk])).content.decode()
    assert client.get(reverse("application_list") + f"?term={TERM}").status_code == 200
    part(pair[2])
    assert everything() == before
    merge(pair[2], going.pk)  # and the other way round
    assert set(Application.objects.values_list("student", flat=True)) == {going.pk}
    part(pair[2])
    assert everything() == before


def test_a_seat_taken_meanwhile_forbids_to_part_them(pair: Any):  # noqa: F811
    keep, going = Student.objects.get(person__name="张小明"), Student.objects.get(person__name="张晓明")
    applied = both_applied(keep, going, first="approved", second="panel_reviewed")
    Quota(school=applied[0].school, path=applied[0].school_path, term=TERM, level="hard", seats=2, used=2, set_by="甲").save()
    merge(pair[2], keep.pk)
    build.application("占名额", at=applied[0].school, state="panel_reviewed", level="hard", term=TERM)
    with pytest.raises(Refused, match="名额已经用完"):
        part(pair[2])
    assert Application.objects.filter(state="doubled").count() == 1


def test_what_a_child_s_application_rests_on_is_not_undone(pair: Any):  # noqa: F811
    file = ImportFile.objects.filter(kind="roll").earliest("pk")
    child = Person.objects.get(name="张小明").student
    school = child.enrolments.get().school
    assert undo.resting(file.batch) == []
    found = build.application(child, at=school, term=TERM)
    Refusal(student=child, term=TERM, home_path="/62/", school_path=school.path, set_by="甲").save()
    told = {each.label: each.count for each in undo.resting(file.batch)}
    assert told == {"认定申请": 1, "登记的放弃资助": 1}
    with pytest.raises(Refused, match="认定申请 1 份"):
        undo.refuse_resting(file.batch)
    Application.objects.filter(pk=found.pk).delete()
    Refusal.objects.all().delete()
    assert undo.resting(file.batch) == []
    StudyAway(student=child, term=TERM, home_path="/62/", made_by="甲").save()
    assert [(each.label, each.count) for each in undo.resting(file.batch)] == [("帮扶计划和在外就读登记", 1)]
