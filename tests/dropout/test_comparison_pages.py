"""The comparison's pages: what is there and what lacks, both sources of a line in words, filters, who sees what, undo."""

from __future__ import annotations

from datetime import date, datetime

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from aidcases import jobs
from aidcases.models import Job
from aidcases.terms import Term
from dropout.models import Difference
from students.models import Enrolment, ImportFile, ImportRow, Member, RosterEntry, Student
from tests import make

TERM, HERE = Term.parse("2018-autumn"), "/62/6201/620123/"


def row(county, kind: str, number: int) -> ImportRow:
    file, _ = ImportFile.objects.get_or_create(
        kind=kind, term=TERM.code, office=county.here.office, path=HERE, state="committed",
        defaults={
            "filename": f"{kind}.xlsx", "sha256": "0", "stored": "-", "data_on": date(2018, 9, 8), "uploaded_by": "甲",
            "committed_at": timezone.make_aware(datetime(2018, 9, 10, 9)),
        },
    )  # fmt: skip
    made = ImportRow(file=file, number=number, state="new")
    made.save()
    return made


def rosters(county) -> dict[str, Student]:
    """Everybody in school but one; one on the home register only, one on the register of the poor only."""
    pupils = Enrolment.objects.filter(stage="primary", school_path__startswith=HERE)
    gone = county.here.students[1]
    for n, enrolment in enumerate(pupils, 2):
        there = enrolment.student_id != gone.pk
        RosterEntry(kind="present", term=TERM.code, person_id=enrolment.student_id, present=there, row=row(county, "present", n),
                    reason="" if there else "随父母外出").save()  # fmt: skip
    made = {"absent": gone}
    for name in ("not_enrolled", "off_roster"):
        who = make.person(f"榆{name}", home="620123100201", born=date(2010, 5, 1))
        made[name] = Student(person=who)
        made[name].save()
    RosterEntry(kind="population", term=TERM.code, person=made["not_enrolled"].person, row=row(county, "population", 35)).save()
    make.household(village="620123100201", head=make.person(born=date(1980, 1, 2)), members=(made["off_roster"].person,))
    Member.objects.filter(person=made["off_roster"].person).update(row=row(county, "poverty", 4))
    return made


def compare(client) -> Job:
    client.post(reverse("comparison_run"))
    job = Job.objects.filter(kind="dropout.compare").latest("pk")
    jobs.run_job.apply(kwargs={"job_id": job.pk})
    return Job.objects.get(pk=job.pk)


def test_from_the_rosters_to_a_line_with_both_its_sources(as_, county) -> None:
    maker, school, other = as_("maker"), as_("school"), as_("other_maker")
    start = maker.get(reverse("comparison")).content.decode()
    assert "先导入" in start
    assert "本学期还没有比对过" in start
    failed = compare(maker)
    assert "还没有导入户籍适龄人口、在校学生" in failed.error
    found = rosters(county)
    assert compare(maker).state == "done"
    with CaptureQueriesContext(connection) as caught:
        page = maker.get(reverse("difference_list"))
    asked = [query for query in caught if not query["sql"].startswith(("SAVEPOINT", "RELEASE", "ROLLBACK", "SET LOCAL"))]
    assert len(asked) <= 12
    told = {line["line"].student_id: line["words"] for line in page.context["rows"]}
    name, number = county.here.primary.name, RosterEntry.objects.get(present=False).row.number
    assert told == {
        found["absent"].pk: f"学籍：{name}三年级1班；在校名单（2018-09-10 导入，第 {number} 行）：否，原因：随父母外出",
        found["not_enrolled"].pk: "户籍名单（2018-09-10 导入，第 35 行）有；学籍没有",
        found["off_roster"].pk: "贫困人口名单（2018-09-10 导入，第 4 行）有；户籍名单没有；学籍没有",
    }
    # The school sees its own pupil; the county's file is none of its rows.
    seen = school.get(reverse("difference_list")).context["rows"]
    assert [(line["line"].student_id, line["words"]) for line in seen] == [
        (found["absent"].pk, f"学籍：{name}三年级1班；在校名单：否，原因：随父母外出")
    ]
    assert not other.get(reverse("difference_list")).context["rows"]
    for ask, wanted in (
        ({"kind": "absent"}, {"absent"}), ({"poor": "1"}, {"off_roster"}), ({"case": "suspected"}, set(found)),
        ({"case": "none"}, set()), ({"school": county.here.primary.code}, {"absent"}), ({"standing": "gone"}, set()),
        ({"place": "620123100201"}, {"absent", "not_enrolled", "off_roster"}),
    ):  # fmt: skip
        shown = maker.get(reverse("difference_list"), ask).context["rows"]
        assert {line["line"].student_id for line in shown} == {found[key].pk for key in wanted}, ask
    for kind, student in found.items():
        line = Difference.objects.get(student=student)
        text = maker.get(reverse("difference_detail", args=[line.pk])).content.decode()
        assert "没有找到这个孩子" in text or kind == "absent"
        assert other.get(reverse("difference_detail", args=[line.pk])).status_code == 404
    again = maker.get(reverse("comparison")).content.decode()
    assert "2018-09-08" in again
    file = ImportFile.objects.get(kind="present")
    ImportFile.objects.filter(pk=file.pk).update(data_on=None)  # a list that names no day
    again = maker.get(reverse("comparison")).content.decode()
    assert f'<a href="{reverse("import_detail", args=[file.pk])}">导入日期 2018-09-10</a>' in again


def test_an_import_taken_back_ends_its_lines_with_the_next_comparison(as_, county) -> None:
    maker = as_("maker")
    found = rosters(county)
    compare(maker)
    RosterEntry.objects.filter(person=found["absent"].person, kind="present").update(present=True)
    listed = RosterEntry.objects.get(person=found["not_enrolled"].person, kind="population")
    listed.delete()
    RosterEntry(kind="population", term=TERM.code, person=make.person(born=date(1990, 1, 1)), row=listed.row).save()
    line = Difference.objects.get(student=found["not_enrolled"])
    assert "户籍名单有；学籍没有" in maker.get(reverse("difference_detail", args=[line.pk])).content.decode()
    compare(maker)
    gone = maker.get(reverse("difference_list"), {"standing": "gone"})
    assert {row["line"].student_id for row in gone.context["rows"]} == {found["absent"].pk, found["not_enrolled"].pk}
    earlier = Difference.objects.get(student=found["absent"])
    Difference(
        term="2018-spring", student=found["absent"], kind="absent", area=earlier.area, home_path=earlier.home_path,
        school_path=earlier.school_path, found_on=date(2018, 4, 2), gone_on=date(2018, 5, 2), case=earlier.case,
    ).save()  # fmt: skip
    page = maker.get(reverse("difference_detail", args=[earlier.pk])).content.decode()
    assert "2017—2018学年春季学期" in page
