"""A new term opened from the last: every stage and grade, both steps of the year, again, at once, undone, by whom."""

from __future__ import annotations

import re
import threading
from datetime import date

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aidcases import jobs, sql
from aidcases.flow import Refused
from aidcases.models import AuditEvent, Job
from aidcases.scoping import EVERYWHERE, Scope, acting_in
from aidcases.terms import Term
from students import carry
from students.carry import Choices, Fate, Onward, class_renamed, onward
from students.enums import Stage
from students.imports import undo
from students.models import Batch, Enrolment
from tests import make
from tests.personas import CANARY, TERM, As, World

AUTUMN, SPRING = Term.parse("2018-autumn"), Term.parse("2019-spring")
HERE = "/62/6201/620123/"
# Stage → years of it, by hand; and who goes on to another school rather than out of school.
YEARS = {
    "preschool": 3, "primary": 6, "junior": 3, "senior": 3, "secondary_vocational": 3, "higher_vocational": 3,
    "undergraduate": 5, "postgraduate": 3, "special_education": 9,
}  # fmt: skip
AWAITS = {"preschool", "primary", "junior"}


def oracle(stage: str, grade: int | None, stages: list[str], to_autumn: bool, choices: Choices) -> tuple:
    """(fate, stage, grade) said once more, in the plainest way."""
    if not to_autumn:
        return "on", stage, grade
    if grade is None or grade <= 0:
        return "unsaid", "", None
    years = 4 if stage == "undergraduate" and choices.four_years else YEARS[stage]
    if grade + 1 <= years:
        return "on", stage, grade + 1
    if stage == "primary" and "junior" in stages and choices.to_junior:
        return "kept", "junior", 1
    if stage == "junior" and "senior" in stages and choices.to_senior:
        return "kept", "senior", 1
    return ("await" if stage in AWAITS else "left"), "", None


choices_of = st.builds(Choices, st.booleans(), st.booleans(), st.booleans())
grades = st.one_of(st.none(), st.integers(0, 9))
stages_of = st.lists(st.sampled_from(list(YEARS)), unique=True, max_size=4)


@given(st.sampled_from(list(YEARS)), grades, stages_of, st.booleans(), choices_of)
def test_every_grade_goes_where_the_oracle_says(stage, grade, stages, to_autumn, choices):
    found = onward(stage, grade, stages, AUTUMN if to_autumn else SPRING, choices)
    assert (found.fate, found.stage, found.grade) == oracle(stage, grade, stages, to_autumn, choices)


@pytest.mark.parametrize(
    ("name", "stage", "grade", "to", "becomes"),
    [
        ("三年级2班", "primary", 3, ("primary", 4), "四年级2班"),
        ("三(2)班", "primary", 3, ("primary", 4), "四(2)班"),
        ("三（2）班", "primary", 3, ("primary", 4), "四（2）班"),
        ("3年级2班", "primary", 3, ("primary", 4), "4年级2班"),
        ("3.2班", "primary", 3, ("primary", 4), "4.2班"),
        ("三2班", "primary", 3, ("primary", 4), "四2班"),
        ("三一班", "primary", 3, ("primary", 4), "四一班"),
        ("301班", "primary", 3, ("primary", 4), "401班"),
        ("2班", "primary", 2, ("primary", 3), "2班"),
        ("三班", "primary", 3, ("primary", 4), "三班"),
        ("三十一班", "primary", 3, ("primary", 4), "三十一班"),
        ("22班", "primary", 2, ("primary", 3), "22班"),
        ("2018级3班", "primary", 2, ("primary", 3), "2018级3班"),
        ("火箭班", "primary", 5, ("primary", 6), "火箭班"),
        ("", "primary", 5, ("primary", 6), ""),
        ("六年级1班", "primary", 6, ("junior", 1), "七年级1班"),
        ("七年级1班", "junior", 1, ("junior", 2), "八年级1班"),
        ("初一(3)班", "junior", 1, ("junior", 2), "初二(3)班"),
        ("701班", "junior", 1, ("junior", 2), "801班"),
        ("九(3)班", "junior", 3, ("senior", 1), "高一(3)班"),
        ("高一(3)班", "senior", 1, ("senior", 2), "高二(3)班"),
        ("高一3班", "senior", 1, ("senior", 2), "高二3班"),
        ("小一班", "preschool", 1, ("preschool", 2), "中一班"),
        ("中班", "preschool", 2, ("preschool", 3), "大班"),
        ("大一", "undergraduate", 1, ("undergraduate", 2), "大二"),
        ("中职一年级2班", "secondary_vocational", 1, ("secondary_vocational", 2), "中职二年级2班"),
        ("一年级2班", "secondary_vocational", 1, ("secondary_vocational", 2), "二年级2班"),
        ("三年级2班", "primary", 3, ("primary", 3), "三年级2班"),
        ("四年级2班", "primary", 3, ("primary", 4), "四年级2班"),
    ],
)
def test_a_class_is_renamed_where_its_name_begins_with_its_grade(name, stage, grade, to, becomes):
    assert class_renamed(name, stage, grade, Onward(Fate.ON, *to)) == becomes


# --- in the database --------------------------------------------------------------------------------------------


@pytest.fixture
def schools(db: None, everywhere: None) -> list:
    make.office("620123")
    return [
        make.school(name="九年一贯学校", stages=(Stage.PRIMARY, Stage.JUNIOR)),
        make.school(name="完全中学", stages=(Stage.JUNIOR, Stage.SENIOR)),
        make.school(name="完全小学", stages=(Stage.PRIMARY,)),
    ]


def opened(from_term: Term, choices: Choices = Choices(), *, path: str = HERE, seen: int | None = None):  # noqa: B008
    with acting_in(Scope(path)):
        return carry.open_term(from_term, choices, seen=seen)


def place(student, term: Term) -> tuple | None:
    row = Enrolment.objects.filter(student=student, term=term.code)
    return row.values_list("school", "stage", "grade", "class_name").first()


children = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(list(YEARS)), grades, st.sampled_from(["1班", "三年级2班", "六(1)班"]),
              st.booleans(), st.booleans()),
    min_size=1, max_size=7,
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(children, st.booleans(), choices_of)
def test_an_opened_term_holds_exactly_who_goes_on(schools, rows, to_autumn, choices):
    old = SPRING if to_autumn else AUTUMN
    with transaction.atomic():
        expected, fates = {}, dict.fromkeys(Fate.values, 0)
        for where, stage, grade, class_name, boarding, there in rows:
            student = make.student(at=schools[where], term=old.code, stage=stage, grade=grade, boarding=boarding)
            Enrolment.objects.filter(student=student).update(class_name=class_name)
            fate, to_stage, to_grade = oracle(stage, grade, schools[where].stages, to_autumn, choices)
            expected[student] = None
            if there:
                make.enrolment(student, at=schools[2], term=old.next.code, grade=5)
                expected[student], fate = (schools[2].pk, "primary", 5, "1班"), "there"
            elif fate in ("on", "kept"):
                renamed = class_renamed(class_name, stage, grade, Onward(Fate.ON, to_stage, to_grade))
                expected[student] = (schools[where].pk, to_stage, to_grade, renamed)
            fates[fate] += 1
        batch, counts = opened(old, choices)
        assert {student: place(student, old.next) for student in expected} == expected
        assert {fate: counts[fate] for fate in fates} == fates
        assert counts["enrolled"] == fates["on"] + fates["kept"]
        assert (batch is None) == (counts["enrolled"] == 0)
        again, counts = opened(old, choices)
        assert again is None
        assert counts["enrolled"] == 0
        transaction.set_rollback(True)


def test_what_the_roll_said_goes_along(schools):
    student = make.student(at=schools[0], term=SPRING.code, grade=6, boarding=True, phone="13912345678")
    Enrolment.objects.filter(student=student).update(
        left_behind=True, orphan=True, disability_hint="听力", entered_on=date(2013, 9, 1)
    )
    other = make.student(at=schools[0], term=SPRING.code, grade=2)
    Enrolment.objects.filter(student=other).update(entered_on=date(2017, 9, 1))
    opened(SPRING)
    old, new = Enrolment.objects.filter(student=student).order_by("term")
    if old.term != SPRING.code:
        old, new = new, old
    carried = ("boarding", "rural_hukou", "hukou_region_id", "left_behind", "orphan", "disability_hint", "phone", "row_id",
               "home_path", "school_path")  # fmt: skip
    assert [getattr(new, name) for name in carried] == [getattr(old, name) for name in carried]
    assert bytes(new.phone_hash) == bytes(old.phone_hash)
    assert (new.stage, new.grade, new.entered_on) == ("junior", 1, date(2019, 9, 1))  # a new entrant of its new stage
    assert Enrolment.objects.get(student=other, term="2019-autumn").entered_on == date(2017, 9, 1)


def test_the_new_term_is_computed_for_them(schools):
    student = make.student(at=schools[0], term=AUTUMN.code)
    opened(AUTUMN)
    marks = sql.rows("SELECT student_id FROM subsidies_mark WHERE term = %s", [SPRING.code])
    assert student.pk in {row["student_id"] for row in marks}


def test_only_the_offices_own_children_go_up(schools):
    """Its schools, and colleges elsewhere that its own list named; no school of the neighbour, not for any home."""
    there = make.school(place="620121100", stages=(Stage.PRIMARY,))
    college = make.school(place="51", stages=(Stage.UNDERGRADUATE,))
    mine = make.student(at=schools[0], home="620121100001")
    away = make.student(at=there, home="620123100001")
    stray = make.student(at=college, stage=Stage.UNDERGRADUATE, grade=1)
    listed = make.student(at=college, stage=Stage.UNDERGRADUATE, grade=1)
    own_office = make.office("620123")
    file = own_file(own_office)
    Enrolment.objects.filter(student=listed).update(row=file.rows.create(number=2, state="new"))
    batch, counts = opened(AUTUMN)
    assert counts["enrolled"] == 2
    assert [bool(place(who, SPRING)) for who in (mine, away, stray, listed)] == [True, False, False, True]
    assert batch.path == HERE


def own_file(office):
    from students.models import ImportFile

    file = ImportFile(
        kind="college", term=TERM.code, office=office, path=office.path, filename="高校.xlsx", sha256="0" * 64, stored="x",
        uploaded_by="甲",
    )  # fmt: skip
    file.save()
    return file


def test_an_undo_leaves_no_trace(schools):
    for grade in range(1, 7):
        make.student(at=schools[0], term=SPRING.code, grade=grade)
    before = facts()
    batch, counts = opened(SPRING)
    assert counts["enrolled"] == 6
    assert facts() != before
    undo.undo(batch)
    assert facts() == before
    batch.refresh_from_db()
    assert batch.state == "undone"
    assert opened(SPRING)[1]["enrolled"] == 6


def facts() -> list:
    tables = ("students_enrolment", "students_person", "students_student")
    return [sql.rows(f"SELECT to_jsonb(t) - 'id' AS row FROM {table} t ORDER BY to_jsonb(t)::text") for table in tables]


def test_a_count_that_no_longer_holds_opens_nothing(schools):
    make.student(at=schools[0])
    with pytest.raises(Refused, match="您核对以后"):
        opened(AUTUMN, seen=2)
    assert not Enrolment.objects.in_term(SPRING).exists()
    assert opened(AUTUMN, seen=1)[1]["enrolled"] == 1


@pytest.mark.parametrize("to", ["2018-spring", "2018-autumn", "2019-autumn"])
def test_only_the_next_term_is_opened(to: str):
    with pytest.raises(Refused, match="2018—2019学年秋季学期之后是 2019-spring"):
        carry.next_only(AUTUMN, Term.parse(to))


@pytest.mark.django_db(transaction=True)
def test_two_at_once_open_one_term():
    with acting_in(EVERYWHERE):
        make.office("620123")
        school = make.school()
        for _ in range(30):
            make.student(at=school)
    results, start = [], threading.Barrier(2)

    def one() -> None:
        start.wait()
        try:
            results.append(opened(AUTUMN)[1]["enrolled"])
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [0, 30]
    with acting_in(EVERYWHERE):
        assert Enrolment.objects.in_term(SPRING).count() == 30
        assert Batch.objects.filter(kind="carry").count() == 1


# --- pages ------------------------------------------------------------------------------------------------------


def text_of(response) -> str:
    return response.content.decode()


def work_off() -> Job:
    return jobs.work_off(Job.objects.order_by("-pk").first())


def start_of(page) -> str:
    return re.search(rf'action="({reverse("carry_start")}\?[^"]+)"', text_of(page))[1].replace("&amp;", "&")


def test_a_maker_opens_looks_and_takes_back(as_: As, county: World):
    client = as_("maker")
    page = client.get(reverse("carry_new"), {"from": TERM.code, "to_junior": "on"})
    body = text_of(page)
    assert "同一学年的下学期" in body
    assert CANARY["620123"] + "中心小学" in body
    assert CANARY["620121"] not in body
    assert "4 名学生会登记到2018—2019学年春季学期" in body
    asked = {"from": TERM.code, "school": county.here.primary.code, "stage": "primary", "grade": 3}
    names = client.get(reverse("carry_names"), asked)
    assert {"榆槐贫生", "榆槐普生", "跨县生"} <= set(re.findall(r"data-open>([^<]+)</a>", text_of(names)))

    assert client.post(start_of(page)).url == reverse("carry_new")
    assert "开新学期：2018—2019学年春季学期" in text_of(client.get(reverse("carry_new")))
    job = work_off()
    assert (job.state, job.result["enrolled"], job.result["there"]) == ("done", 4, 0)
    batch = Batch.objects.get()
    body = text_of(client.get(reverse("carry_detail", args=[batch.pk])))
    assert "现在仍在读" in body
    assert "没有可以升级的学生" in text_of(client.get(reverse("carry_new"), {"from": TERM.code}))
    assert AuditEvent.objects.get(action="carry.opened").data["enrolled"] == 4

    client.post(reverse("carry_undo", args=[batch.pk]))
    assert work_off().state == "done"
    assert not Enrolment.objects.filter(term=SPRING.code).exists()
    assert "已撤销" in text_of(client.get(reverse("carry_detail", args=[batch.pk])))


def test_a_double_click_is_one_job(as_: As, county: World):
    client = as_("maker")
    url = start_of(client.get(reverse("carry_new"), {"from": TERM.code, "to_junior": "on"}))
    client.post(url)
    client.post(url)
    assert Job.objects.filter(kind="students.carry").count() == 1


def test_what_was_seen_is_what_is_opened(as_: As, county: World):
    client = as_("maker")
    url = start_of(client.get(reverse("carry_new"), {"from": TERM.code, "to_junior": "on"}))
    make.student(at=county.here.primary)
    client.post(url)
    job = work_off()
    assert (job.state, job.error) == ("failed", carry.OTHERWISE)
    assert not Batch.objects.exists()


@pytest.mark.parametrize("persona", ["checker", "head", "school", "city", "auditor", "nobody"])
def test_only_makers_open_terms(as_: As, county: World, persona: str):
    batch, _ = opened(AUTUMN)
    client = as_(persona)
    assert client.get(reverse("carry_new")).status_code == 403
    assert client.get(reverse("carry_names")).status_code == 403
    assert client.post(reverse("carry_start") + "?from=2018-autumn&seen=4").status_code == 403
    assert client.post(reverse("carry_undo", args=[batch.pk])).status_code == 403
    looks = client.get(reverse("carry_detail", args=[batch.pk])).status_code
    assert looks == {"nobody": 403, "school": 404}.get(persona, 200)


def test_a_neighbour_finds_nothing_of_it(as_: As, county: World):
    batch, _ = opened(AUTUMN)
    client = as_("other_maker")
    assert client.get(reverse("carry_detail", args=[batch.pk])).status_code == 404
    assert client.post(reverse("carry_undo", args=[batch.pk])).status_code == 404
    asked = {"from": TERM.code, "school": county.here.primary.code, "stage": "primary", "grade": 3}
    assert "没有这样的学生" in text_of(client.get(reverse("carry_names"), asked))


@pytest.mark.parametrize(
    "query", ["", "?from=2018-autumn", "?from=x&seen=3", "?from=2018-autumn&seen=0", "?from=1999-autumn&seen=1"]
)
def test_a_made_up_start_opens_nothing(as_: As, county: World, query: str):
    client = as_("maker")
    client.post(reverse("carry_start") + query)
    assert not Job.objects.filter(kind="students.carry").exists()
    assert client.get(reverse("carry_names") + query).status_code == 404


def test_pages_cost_the_same_however_many(as_: As, county: World):
    client = as_("maker")
    url = reverse("carry_new") + f"?from={TERM.code}"

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(url).status_code == 200
        return len(seen)

    queries()
    few = queries()
    for grade in range(1, 7):
        make.student(at=make.school(), grade=grade)
    assert queries() == few <= 14


def test_the_home_page_says_which_term_can_be_opened(as_: As, county: World):
    client = as_("maker")
    told = "2018—2019学年春季学期还没有开"
    assert told in text_of(client.get(reverse("home")))
    assert told in text_of(client.get(reverse("import_list")))
    assert told not in text_of(as_("checker").get(reverse("import_list")))
    opened(AUTUMN)
    assert told not in text_of(client.get(reverse("import_list")))


def test_the_command_line_opens_a_term_once(county: World, capsys):
    import json

    from django.core.management import CommandError, call_command

    told = {"region": "620123", "from_term": "2018-autumn", "to_term": "2019-spring", "json": True}
    call_command("carry_over", **told)
    first = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (first["enrolled"], first["on"]) == (4, 4)
    call_command("carry_over", **told)
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (again["enrolled"], again["there"], again["batch"]) == (0, 4, None)
    with pytest.raises(CommandError, match="之后是 2019-spring"):
        call_command("carry_over", **told | {"to_term": "2019-autumn"})
