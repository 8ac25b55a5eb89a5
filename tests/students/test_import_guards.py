"""Two offices and one child: what a roster of one county may never change of what the other keeps."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

from aidcases import jobs
from aidcases.actions import open_office, region_named
from aidcases.models import Job, School
from aidcases.roles import Role
from aidcases.scoping import current_actor
from aidcases.terms import Term
from students.imports import pipeline
from students.models import Enrolment, Hardship, Household, ImportFile, Member, Person, RosterEntry, Student
from tests import make
from tests.personas import As
from tests.students.rosters import SAMPLE_FILES, bring_in, facts
from tests.students.signed_in import imported

HERE, THERE, TERM = "620123", "620121", "2018-autumn"
SCHOOL_HERE, SCHOOL_THERE = "2162004001", "2162004901"
SCHOOLS = "学校标识码,学校名称,学段,行政区划代码,学费标准"
ROLL = "姓名,身份证件号,学校标识码,年级,就读方式,户口所在地行政区划"
POVERTY = "姓名,证件号码,户编号,与户主关系,户类型,主要致贫原因,首次识别时间"
DIBAO = "成员姓名,成员证件号码,城乡类别,起始年月,截止年月"

pytestmark = pytest.mark.django_db


class Office:
    """Brings rosters of a county in through the pipeline, as csv."""

    def __init__(self, county: str, folder: Path):
        self.county, self.folder = county, folder / county
        self.folder.mkdir()
        open_office(region=region_named(county))

    def bring(self, kind: str, head: str, *rows: str) -> ImportFile:
        path = self.folder / f"{kind}.csv"
        path.write_text("\n".join((head, *rows)))
        return bring_in(kind, path, county=self.county, term=TERM)


@pytest.fixture
def here(everywhere: None, tmp_path: Path) -> Office:
    return Office(HERE, tmp_path)


@pytest.fixture
def there(everywhere: None, tmp_path: Path) -> Office:
    return Office(THERE, tmp_path)


@pytest.fixture
def schools(here: Office, there: Office) -> None:
    here.bring("schools", SCHOOLS, f"{SCHOOL_HERE},榆槐小学,小学,620123100,800")
    there.bring("schools", SCHOOLS, f"{SCHOOL_THERE},登枫小学,小学,620121100,0")


@pytest.fixture
def child(schools: None, here: Office) -> str:
    """At home and at school here, of a registered household, boarding; the number."""
    number = make.id_number("620123", date(2009, 5, 1))
    here.bring("roll", ROLL, f"张小明,{number},{SCHOOL_HERE},三年级,住校,620123100201")
    here.bring("poverty", POVERTY, f"张小明,{number},62012310020100001,户主,一般贫困户,因病,2015-01-01")
    return number


def state_of(file: ImportFile) -> tuple[str, list[str]]:
    row = file.rows.get()
    assert row.changes == {}
    return row.state, row.reasons


def waits(file: ImportFile, *reasons: str) -> bool:
    assert state_of(file) == ("review", list(reasons))
    return True


# --- schools ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        f"{SCHOOL_HERE},榆槐小学,小学,620121100,800",  # moved over
        f"{SCHOOL_HERE},榆槐小学,小学,620123100,0",  # another fee
        f"{SCHOOL_HERE},改名小学,小学,620123100,800",
        f"{SCHOOL_HERE},榆槐小学,初中,620123100,800",
    ],
)
def test_a_school_of_another_office_is_never_changed(schools: None, there: Office, row: str):
    assert waits(there.bring("schools", SCHOOLS, row), "school of another office")
    school = School.objects.get(code=SCHOOL_HERE)
    assert (school.name, school.region_id, school.stages) == ("榆槐小学", "620123100", ["primary"])
    assert school.path == f"/62/6201/620123/620123100/{SCHOOL_HERE}/"
    assert [fee.annual_fee for fee in school.fees.all()] == [800]


def test_an_equal_row_of_another_office_s_school_is_unchanged(schools: None, there: Office):
    assert state_of(there.bring("schools", SCHOOLS, f"{SCHOOL_HERE},榆槐小学,小学,620123100,800")) == ("unchanged", [])


def test_where_a_school_may_be_placed(schools: None, there: Office):
    ours = f"{SCHOOL_THERE},登枫小学,小学,620123100,0"
    assert waits(there.bring("schools", SCHOOLS, ours), "region of another office")
    assert waits(there.bring("schools", SCHOOLS, "2162004902,插入小学,小学,620123100,0"), "region of another office")
    assert state_of(there.bring("schools", SCHOOLS, "2162004903,远方小学,小学,510107,0"))[0] == "new"
    assert state_of(there.bring("schools", SCHOOLS, "2162000903,榆中学院,本科,620123,5000"))[0] == "new"
    college = School.objects.get(code="2162000903")
    assert college.path == "/62/6201/620123/2162000903/"
    assert [fee.annual_fee for fee in college.fees.all()] == [5000]


def test_a_new_office_becomes_the_home_of_those_it_covers_and_of_their_enrolments(here: Office, tmp_path: Path):
    here.bring("schools", SCHOOLS, f"{SCHOOL_HERE},榆槐小学,小学,620123100,800")
    number = make.id_number("620121", date(2009, 5, 1))
    here.bring("roll", ROLL, f"张小明,{number},{SCHOOL_HERE},三年级,住校,{THERE}100001")
    enrolment = Enrolment.objects.get()
    assert enrolment.home_path == enrolment.student.person.home_path == f"/62/6201/{HERE}/"
    Office(THERE, tmp_path)
    enrolment = Enrolment.objects.get()
    assert enrolment.home_path == enrolment.student.person.home_path
    assert enrolment.home_path.startswith(f"/62/6201/{THERE}/")


def test_an_office_changes_its_own_school_and_a_city_every_one(schools: None, here: Office, tmp_path: Path):
    assert here.bring("schools", SCHOOLS, f"{SCHOOL_HERE},新名小学,小学,620123100,900").counts["changed"] == 1
    city = Office("6201", tmp_path)
    assert city.bring("schools", SCHOOLS, f"{SCHOOL_HERE},市定小学,小学,620123100,700").counts["changed"] == 1
    school = School.objects.get(code=SCHOOL_HERE)
    assert (school.name, school.fees.get().annual_fee) == ("市定小学", 700)


def test_the_page_says_who_manages_the_school(as_: As, county: Any):
    file = imported(county, kind="schools")
    data = {"code": county.there.primary.code, "name": "改名小学"}
    file.rows.create(number=2, state="review", reasons=["school of another office"], data=data)
    body = as_("maker").get(reverse("import_detail", args=[file.pk])).content.decode()
    assert "这所学校已由永登县管理" in body


# --- names ------------------------------------------------------------------------------------------------------


def test_a_wrong_name_from_another_county_unseats_nothing(child: str, there: Office):
    before = facts()
    file = there.bring("roll", ROLL, f"李小红,{child},{SCHOOL_THERE},三年级,走读,620121100")
    assert waits(file, "enrolled elsewhere", "name")
    file = there.bring("dibao", DIBAO, f"李小红,{child},农村,201801,")
    assert waits(file, "household elsewhere", "name")
    assert facts() == before
    assert not ImportFile.objects.get(kind="roll", path="/62/6201/620123/").rows.exclude(state="new").exists()


def test_the_other_office_s_name_stands_though_the_own_list_counts_more(schools: None, here: Office, there: Office):
    """Known here from a list of the lowest authority only."""
    number = make.id_number("620123", date(2009, 5, 1))
    here.bring("disabled", "姓名,证件号码", f"张小明,{number}")
    file = there.bring("roll", ROLL, f"李小红,{number},{SCHOOL_THERE},三年级,走读,620121100")
    assert waits(file, "name")
    assert Person.objects.get(id_last4=number[-4:]).name == "张小明"
    assert Hardship.objects.get().active
    assert not Enrolment.objects.exists()
    # Under the name that stands the row counts.
    assert there.bring("roll", ROLL, f"张小明,{number},{SCHOOL_THERE},三年级,走读,620121100").counts["new"] == 1


@pytest.mark.parametrize("order", [("roll", "dibao"), ("dibao", "roll")])
def test_within_an_office_the_higher_list_s_name_stands_whatever_came_first(schools: None, here: Office, order: tuple):
    number = make.id_number("620123", date(2009, 5, 1))
    rows = {
        "roll": (ROLL, f"张小明,{number},{SCHOOL_HERE},三年级,住校,620123100201"),
        "dibao": (DIBAO, f"李小红,{number},农村,201701,"),
    }
    files = {kind: here.bring(kind, *rows[kind]) for kind in order}
    assert Person.objects.get(id_last4=number[-4:]).name == "张小明"
    assert files["dibao"].rows.get().reasons == ["name"]
    assert not Hardship.objects.exists()
    assert Enrolment.objects.get().boarding


def test_two_names_in_one_office_do_not_hold_up_another(child: str, here: Office, there: Office):
    """Undecided here, so nothing stands; what the other office says of its own pupil counts."""
    number = make.id_number("620121", date(2009, 6, 1))
    for name in ("甲名", "乙名"):
        here.bring("disabled", "姓名,证件号码", f"{name},{number}")
    assert Person.objects.get(id_last4=number[-4:]).name_undecided
    file = there.bring("roll", ROLL, f"甲名,{number},{SCHOOL_THERE},三年级,走读,620121100")
    assert file.counts["new"] == 1
    person = Person.objects.get(id_last4=number[-4:])
    assert (person.name, person.name_undecided, person.home_path) == ("甲名", False, "/62/6201/620121/620121100/")


def test_a_row_that_waits_for_two_reasons_does_not_count_when_one_is_gone(schools: None, here: Office, there: Office):
    """The name is decided in its favour; its stage is still wrong."""
    number = make.id_number("620123", date(2009, 5, 1))
    right = here.bring("roll", ROLL, f"张小明,{number},{SCHOOL_HERE},三年级,住校,620123100201")
    wrong = here.bring("roll", ROLL, f"李小红,{number},{SCHOOL_HERE},七年级,住校,620123100201")
    assert waits(right, "name")
    assert waits(wrong, "school stage", "name")
    there.bring("disabled", "姓名,证件号码", f"李小红,{number}")
    here.bring("population", "姓名,身份证号,户籍行政区划", f"张小明,{number},620123100201")
    assert waits(right, "name")
    assert waits(wrong, "school stage")
    assert not Enrolment.objects.exists()


# --- enrolments -------------------------------------------------------------------------------------------------


def test_a_child_at_a_school_of_another_office_is_left_alone(child: str, there: Office):
    before = facts()
    file = there.bring("roll", ROLL, f"张小明,{child},{SCHOOL_HERE},一年级,走读,620121100")
    assert waits(file, "school elsewhere")
    file = there.bring("present", "姓名,身份证号,学校标识码,是否在校", f"张小明,{child},{SCHOOL_HERE},否")
    assert waits(file, "school elsewhere")
    assert facts() == before


def test_nobody_is_put_on_the_roll_of_another_office_s_school(schools: None, here: Office, there: Office):
    number = make.id_number("620121", date(2009, 6, 1))
    row = f"新来的,{number},{SCHOOL_HERE},一年级,走读,"
    assert waits(there.bring("roll", ROLL, row), "school elsewhere")
    assert not Enrolment.objects.exists()
    # Having been named by the neighbour gives the child no home there.
    assert here.bring("roll", ROLL, row).counts["new"] == 1
    assert Person.objects.get(id_last4=number[-4:]).home_path == "/62/6201/620123/"


def test_a_college_list_is_imported_at_home_and_takes_nobody_from_elsewhere(child: str, here: Office, there: Office):
    head = "姓名,身份证号,院校代码,院校名称,层次,年级,院校所在省,户口所在地行政区划"
    student = make.id_number("620123", date(1999, 6, 1))
    assert here.bring("college", head, f"张大明,{student},2162000060,四川大学,本科,大一,510000,620123").counts["new"] == 1
    before = facts()
    taken = f"张大明,{student},2162000061,成都学院,本科,大三,510000,620121"
    assert waits(there.bring("college", head, taken), "enrolled elsewhere")
    pupil = f"张小明,{child},2162000060,四川大学,本科,大一,510000,620121"
    assert waits(there.bring("college", head, pupil), "enrolled elsewhere")
    pupil = f"张小明,{child},{SCHOOL_HERE},榆槐小学,小学,大一,620000,620121"
    assert state_of(there.bring("college", head, pupil)) == ("rejected", ["no college"])
    school = f"张小明,{child},{SCHOOL_HERE},榆槐小学,本科,大一,620000,620121"
    assert waits(there.bring("college", head, school), "school stage")
    assert facts() == before
    assert here.bring("college", head, f"张大明,{student},2162000060,四川大学,本科,大二,510000,620123").counts["changed"] == 1


# --- households, residence, hardship ----------------------------------------------------------------------------


def test_nobody_is_pulled_out_of_another_office_s_household(child: str, there: Office):
    before = facts()
    invented = f"张小明,{child},62012110020100001,户主,一般贫困户,因残,2018-01-01"
    assert waits(there.bring("poverty", POVERTY, invented), "household elsewhere")
    for kind, head, row in (
        ("dibao", DIBAO, f"张小明,{child},农村,201701,"),
        ("tekun", "姓名,证件号码,城乡类别", f"张小明,{child},农村"),
        ("disabled", "姓名,证件号码", f"张小明,{child}"),
        ("population", "姓名,身份证号,户籍行政区划", f"张小明,{child},620121100"),
    ):
        assert waits(there.bring(kind, head, row), "household elsewhere")
    assert facts() == before
    assert Person.objects.get(id_last4=child[-4:]).home_path.startswith("/62/6201/620123/")


def test_a_household_of_another_office_is_neither_changed_nor_shown(child: str, there: Office):
    someone = make.id_number("620121", date(1980, 6, 1))
    for who in (f"张小明,{child}", f"陌生人,{someone}"):
        file = there.bring("poverty", POVERTY, f"{who},62012310020100001,户主,一般农户,因残,2018-01-01")
        assert waits(file, "village elsewhere")
    household = Household.objects.get()
    assert (household.kind, household.cause, Member.objects.count()) == ("一般贫困户", "因病", 1)


def test_aid_that_has_ended_elsewhere_holds_nobody(schools: None, here: Office, there: Office):
    number = make.id_number("620123", date(2009, 5, 1))
    here.bring("dibao", DIBAO, f"张小明,{number},农村,201601,201712")
    assert waits(there.bring("dibao", DIBAO, f"张小明,{number},农村,201710,"), "household elsewhere")
    assert there.bring("dibao", DIBAO, f"张小明,{number},农村,201801,").counts["new"] == 1


def test_residence_and_presence_stay_with_who_recorded_them(schools: None, here: Office, there: Office):
    number = make.id_number("620123", date(2009, 5, 1))
    population, present = "姓名,身份证号,户籍行政区划", "姓名,身份证号,学校标识码,是否在校"
    here.bring("population", population, f"张小明,{number},620123100201")
    here.bring("present", present, f"张小明,{number},{SCHOOL_HERE},否")
    assert waits(there.bring("population", population, f"张小明,{number},620121100"), "home elsewhere")
    assert waits(there.bring("population", population, f"张小明,{number},620123100"), "region of another office")
    assert waits(there.bring("present", present, f"张小明,{number},{SCHOOL_THERE},是"), "enrolled elsewhere")
    entries = RosterEntry.objects.order_by("kind").values_list("kind", "region_id", "present")
    assert list(entries) == [("population", "620123100201", None), ("present", None, False)]


@pytest.mark.parametrize(
    "row",
    [
        f"张小明,{{}},{SCHOOL_HERE},一年级,走读,620121100",
        f"张小明,{{}},{SCHOOL_THERE},一年级,走读,620121100",
    ],
)
def test_the_preview_shows_nothing_of_another_office_s_record(child: str, county_there: Client, row: str):
    content = f"{ROLL}\n{row.format(child)}".encode()
    told = {"kind": "roll", "term": TERM, "file": SimpleUploadedFile("学籍.csv", content)}
    county_there.post(reverse("import_upload"), told)
    file = ImportFile.objects.first()
    assert jobs.work_off(Job.objects.get(pk=file.job_id)).state == "done"
    body = county_there.get(reverse("import_detail", args=[file.pk])).content.decode()
    assert "待核对" in body
    for kept in ("三年级", "寄宿", "620123100201", "榆中", "因病"):
        assert kept not in body.replace("这所学校已由榆中县管理", "")
    assert file.rows.get().changes == {}


@pytest.fixture
def county_there(there: Office) -> Client:
    client = Client()
    user = make.user("there", "乙经办", open_office(region=region_named(THERE)), Role.COUNTY_MAKER)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


# --- periods ----------------------------------------------------------------------------------------------------


def test_an_end_before_the_start_is_sent_back(schools: None, here: Office):
    backwards, fine = make.id_number("620123", date(2009, 5, 1)), make.id_number("620123", date(2009, 5, 2))
    file = here.bring("dibao", DIBAO, f"倒着的,{backwards},农村,201809,201808", f"一个月,{fine},农村,201809,201809")
    rows = {row.name: (row.state, row.reasons, row.cells) for row in file.rows.all()}
    assert rows == {"倒着的": ("rejected", ["period"], [3, 4]), "一个月": ("new", [], [])}
    assert Hardship.objects.filter(active=True).count() == 1
    tekun = here.bring("tekun", "姓名,证件号码,城乡类别,起始年月,截止年月", f"倒着的,{backwards},农村,2018-09-02,2018-09-01")
    assert state_of(tekun) == ("rejected", ["period"])


def test_a_certificate_that_ran_out_long_ago_ends(schools: None, here: Office):
    number = make.id_number("620123", date(1960, 5, 1))
    row = ("disabled", "姓名,证件号码,有效期至", f"老人,{number},1989-12-31")
    here.bring(*row)
    found = Hardship.objects.order_by("from_on").values_list("from_on", "active")
    assert list(found) == [(date(1989, 12, 31), True), (date(1990, 1, 1), False)]
    assert here.bring(*row).counts["unchanged"] == 1


# --- steps of a file --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("new", "says"), [(0, "再入一次不会有变化"), (1, "现在再入库，会改动下面")])
def test_that_nothing_will_change_is_said_only_when_it_is_so(as_: As, county: Any, new: int, says: str):
    imported(county, state="committed", committed_at="2018-10-01T08:00Z")
    file = imported(county, counts={"rows": 1, "new": new, "changed": 0, "unchanged": 1 - new, "review": 0, "rejected": 0})
    body = as_("maker").get(reverse("import_detail", args=[file.pk])).content.decode()
    assert "入过库" in body
    assert says in body
    assert ("不会有变化" in body) == (new == 0)


@pytest.mark.parametrize("ended", ["failed", "cancelled", None])
def test_a_commit_that_did_not_end_says_so_and_goes_back(as_: As, county: Any, ended: str | None):
    client, file = as_("maker"), imported(county, state="committing")
    if ended:
        job = Job(kind="students.import_commit", path=file.path, label="名单入库", requested_by="甲经办", state=ended)
        job.save()
        ImportFile.objects.filter(pk=file.pk).update(job_id=job.pk)
    page = client.get(reverse("import_detail", args=[file.pk])).content.decode()
    assert "入库没有完成，系统里的数据没有变化" in page
    assert "入库中" not in page
    assert reverse("import_reopen", args=[file.pk]) in page
    back = client.post(reverse("import_reopen", args=[file.pk]), follow=True).content.decode()
    assert "待确认入库" in back
    assert reverse("import_discard", args=[file.pk]) in back


@pytest.mark.django_db(transaction=True)
def test_two_uploads_of_one_roster_at_once_are_received_once(everywhere: None):
    office = make.office(HERE)
    clients = [Client(), Client()]
    for number, client in enumerate(clients):
        user = make.user(f"maker{number}", f"经办{number}", office, Role.COUNTY_MAKER)
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    gate = threading.Barrier(2)
    answers: list[str] = []
    content = f"{ROLL}\n张小明,620123200905010000,{SCHOOL_HERE},三年级,住校,".encode()

    def upload(client: Client) -> None:
        told = {"kind": "roll", "term": TERM, "file": SimpleUploadedFile("学籍.csv", content)}
        gate.wait(10)
        answers.append(client.post(reverse("import_upload"), told)["Location"])
        connection.close()

    threads = [threading.Thread(target=upload, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    file = ImportFile.objects.get()
    assert answers == [reverse("import_detail", args=[file.pk])] * 2
    assert Job.objects.filter(kind="students.import_preview").count() == 1


# ---------- what was confirmed is what was seen ----------


def test_a_preview_that_no_longer_holds_goes_back_to_be_looked_at(db: None, everywhere: None):
    """The roll was looked at before its schools were there: all of it was to be sent back."""
    office, term = make.office("620123"), Term.parse("2018-autumn")
    path = SAMPLE_FILES["roll"]
    seen = pipeline.preview(pipeline.receive(
        kind="roll", term=term, office=office, filename=path.name, chunks=[path.read_bytes()]))  # fmt: skip
    assert (seen.counts["new"], seen.counts["rejected"]) == (0, seen.counts["rows"])
    bring_in("schools", SAMPLE_FILES["schools"], county="620123", term="2018-autumn")
    seen.move("confirm", by=current_actor())
    back = pipeline.commit(seen)
    assert (back.state, Student.objects.count()) == ("previewed", 0)
    assert back.counts["new"] > 900
    assert "重新核对" in back.problem
    back.move("confirm", by=current_actor(), problem="")
    assert pipeline.commit(back).state == "committed"
    assert Student.objects.count() > 900
