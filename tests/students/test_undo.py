"""Taking a batch back: exactly where nothing was written since, cell by cell where something was, never over money."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from aidcases import sql
from aidcases.actions import open_office, region_named
from aidcases.flow import Refused
from aidcases.scoping import current_actor
from students.imports import journal, pipeline, undo
from students.imports.tracks import TABLES
from students.models import Enrolment, Hardship, ImportFile, ImportRow, Person, Student
from subsidies.actions import determine
from subsidies.enums import DeterminedBy, Level
from subsidies.giving import points
from tests import make
from tests.students.rosters import SAMPLE_FILES, adopt_lanzhou, bring_in, recompute

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everywhere")]
TERM, COUNTY = "2018-autumn", "620123"

Bring = Callable[..., ImportFile]
Dump = dict[str, dict[int, dict[str, Any]]]


def dump() -> Dump:
    """Every fact table, every column, derived and sealed ones included; of files' rows whether they wait."""
    found = {}
    for table, model in TABLES.items():
        columns = "jsonb_build_object('state', t.state, 'reasons', t.reasons)" if model is ImportRow else "to_jsonb(t)"
        rows = sql.rows(f"SELECT t.{model._meta.pk.column} AS id, {columns} AS row FROM {table} t")
        found[table] = {row["id"]: json.loads(row["row"], parse_float=str) for row in rows}
    return found


def facts_only(state: Dump) -> Dump:
    return {table: rows for table, rows in state.items() if table != "students_importrow"}


def take_back(file: ImportFile) -> dict[str, Any]:
    file.move("undo", by=current_actor())
    undo.undo_file(file)
    file.refresh_from_db()
    assert file.state == "undone"
    return file.batch.outcome


def sample(kind: str) -> ImportFile:
    return bring_in(kind, SAMPLE_FILES[kind], county=COUNTY, term=TERM)


def test_every_kind_of_the_sample_goes_back_exactly() -> None:
    """Nine lists in, nine lists out again, last first: after each the tables are as they were before it."""
    states, files = [], []
    for kind in SAMPLE_FILES:
        states.append(dump())
        files.append(sample(kind))
    for file, before in reversed(list(zip(files, states, strict=True))):
        expected = undo.expected(file.batch)
        assert expected.kept == []
        outcome = take_back(file)
        assert outcome["kept"] == []
        assert outcome["restored"] == expected.restored
        now = dump()
        assert facts_only(now) == facts_only(before), file.kind
        rows = now["students_importrow"]
        assert {pk: rows[pk] for pk in before["students_importrow"]} == before["students_importrow"]
    assert not Person.objects.exists()


# --- what was written since -------------------------------------------------------------------------------------

SCHOOL, OTHER = "2162004001", "2162004002"
SCHOOLS = "学校标识码,学校名称,学段,行政区划代码,学费标准"
ROLL = "姓名,身份证件号,学校标识码,年级,班级,就读方式,户口所在地行政区划,学籍号,联系电话,监护人姓名,监护人身份证件号"
POVERTY = "姓名,证件号码,户编号,与户主关系,户类型,主要致贫原因,首次识别时间"
DIBAO = "成员姓名,成员证件号码,城乡类别,起始年月,截止年月,户主姓名,户主证件号码"
DISABLED = "姓名,证件号码,残疾证号,有效期至"
POPULATION = "姓名,公民身份号码,户籍行政区划"
COLLEGE = "姓名,身份证号,院校代码,院校名称,层次,年级,院校所在省,户口所在地行政区划"
HEADS = {
    "schools": SCHOOLS, "roll": ROLL, "college": COLLEGE, "poverty": POVERTY, "dibao": DIBAO, "disabled": DISABLED,
    "population": POPULATION,
}  # fmt: skip
NUMBERS = [make.id_number("620123", date(2009, 5, day)) for day in range(1, 5)]
CHILD = NUMBERS[0]
PHONE = "13909310001"


@pytest.fixture
def bring(everywhere: None, tmp_path: Path) -> Bring:
    """Brings a roster of the county in as csv: kind, rows."""

    def brought(kind: str, *rows: str) -> ImportFile:
        path = tmp_path / f"{kind}.csv"
        path.write_text("\n".join((HEADS[kind], *rows)))
        return bring_in(kind, path, county=COUNTY, term=TERM)

    return brought


@pytest.fixture
def schools(bring: Bring) -> None:
    bring("schools", f"{SCHOOL},榆槐小学,小学,620123100,800", f"{OTHER},榆槐二小,小学,620123100,0")


def roll(
    number: str = CHILD, *, name: str = "张小明", school: str = SCHOOL, grade: str = "三年级", room: str = "1班",
    boards: str = "住校", phone: str = PHONE,
) -> str:  # fmt: skip
    return f"{name},{number},{school},{grade},{room},{boards},620123100201,G{number},{phone}"


def test_cells_written_since_stay_and_are_named_the_others_go_back(bring: Bring, schools: None) -> None:
    bring("roll", roll())
    second = bring("roll", roll(grade="四年级", room="2班", phone="13909310002"))
    third = bring("roll", roll(grade="四年级", room="3班", phone="13909310002"))
    found = undo.expected(second.batch)
    told = [{"name": "张小明", "what": "在读", "cell": "班级", "why": "入库后又改过"}]
    assert found.examples == told
    outcome = take_back(second)
    now = Enrolment.objects.get()
    assert (now.grade, now.class_name, now.phone) == (3, "3班", PHONE)
    assert [(line["cell"], line["count"], line["examples"]) for line in outcome["kept"]] == [("班级", 1, ["张小明"])]
    assert outcome["restored"] == found.restored
    assert third.rows.get().state == "changed"


def test_the_same_number_sealed_again_is_still_the_same(bring: Bring, schools: None) -> None:
    """The cipher of a phone differs each time; whether it was changed since is told by its hash, and both go back."""
    bring("roll", roll(phone=""))
    second = bring("roll", roll())
    bring("roll", roll(room="9班"))
    take_back(second)
    now = Enrolment.objects.get()
    assert (now.phone, now.phone_hash, now.class_name) == (None, None, "9班")


def test_a_row_somebody_changed_since_stays_with_what_it_needs(bring: Bring, schools: None) -> None:
    before = dump()
    first = bring("roll", roll(), roll(NUMBERS[1], name="李小红"))
    bring("roll", roll(boards="走读"))
    found = undo.expected(first.batch)
    outcome = take_back(first)
    assert outcome["restored"] == found.restored
    assert list(Enrolment.objects.values_list("student__person__name", "boarding")) == [("张小明", False)]
    assert list(Person.objects.values_list("name", flat=True)) == ["张小明"]
    kept = {(line["what"], line["why"]): (line["count"], line["examples"]) for line in outcome["kept"]}
    assert kept == {
        ("在读", "入库后又改过"): (1, ["张小明"]),
        ("学生", "还有在读要用到"): (1, ["张小明"]),
        ("人员", "还有学生要用到"): (1, ["张小明"]),
    }
    assert set(dump()["aidcases_school"]) == set(before["aidcases_school"])


def test_whoever_has_a_history_of_money_stays_a_person(bring: Bring, schools: None) -> None:
    adopt_lanzhou()
    poor = bring("poverty", f"张小明,{CHILD},62012310020100001,户主,一般贫困户,因病,2015-01-01")
    take_back(poor)
    file = bring("roll", roll())
    bring("poverty", f"张小明,{CHILD},62012310020100001,户主,一般贫困户,因病,2015-01-01")
    assert recompute(TERM, COUNTY)["students"] == 1
    assert sql.one("SELECT count(*) AS n FROM subsidies_entitlement")["n"]
    outcome = take_back(file)
    assert ("学生", "还有应享要用到") in {(line["what"], line["why"]) for line in outcome["kept"]}
    assert not Enrolment.objects.exists()
    assert Student.objects.count() == 1
    # The mark that the undo left makes the next run withdraw what is due no more.
    assert sql.one("SELECT count(*) AS n FROM subsidies_mark")["n"]
    recompute(TERM, COUNTY)
    assert sql.one("SELECT count(*) AS n FROM subsidies_entitlement")["n"] == 0


def test_a_hand_outside_any_batch_counts_as_written_since(bring: Bring, schools: None) -> None:
    file = bring("roll", roll())
    Enrolment.objects.update(class_name="改过")
    outcome = take_back(file)
    assert ("在读", "入库后又改过") in {(line["what"], line["why"]) for line in outcome["kept"]}
    assert Enrolment.objects.get().class_name == "改过"


def test_a_deleted_row_comes_back_unless_its_place_is_taken(bring: Bring, schools: None) -> None:
    """A renewed certificate takes the old end away; the undo brings it back."""
    number = NUMBERS[1]
    bring("disabled", f"老人,{number},{number}41,2019-12-31")
    ends = Hardship.objects.filter(active=False)
    [end] = ends
    renewed = bring("disabled", f"老人,{number},{number}41,2029-12-31")
    assert [each.from_on.year for each in ends.all()] == [2030]
    before = dump()
    outcome = take_back(renewed)
    assert (outcome["kept"], ends.get()) == ([], end)
    # And the other way: the same end is there again, made by a later list.
    again = bring("disabled", f"老人,{number},{number}41,2029-12-31")
    bring("disabled", f"老人,{number},{number}41,2019-12-31")
    assert before["students_person"].keys() == dump()["students_person"].keys()
    outcome = take_back(again)
    assert ("困难类别", "原来的位置已有别的记录") in {(line["what"], line["why"]) for line in outcome["kept"]}
    assert {each.from_on.year for each in ends.all()} == {2020}


def test_rows_of_other_files_change_back_with_it(bring: Bring, schools: None) -> None:
    """The roll's name sends the dibao row to review; without the roll it stands again, and its facts with it."""
    low = bring("dibao", f"张晓明,{CHILD},农村低保,2018-01,")
    before = dump()
    high = bring("roll", roll())
    low.refresh_from_db()
    assert (low.rows.get().state, low.counts["review"]) == ("review", 1)
    assert not Hardship.objects.exists()
    take_back(high)
    low.refresh_from_db()
    assert (low.rows.get().state, low.counts["review"], low.counts["new"]) == ("new", 0, 1)
    now = dump()
    assert facts_only(now) == facts_only(before)
    assert Person.objects.get().name == "张晓明"


def test_the_same_file_can_come_again(bring: Bring, schools: None) -> None:
    file = bring("roll", roll())
    take_back(file)
    again = bring("roll", roll())
    assert again.counts["new"] == 1
    assert pipeline.same_file(file) == again


def test_who_said_the_same_later_is_named(bring: Bring, schools: None) -> None:
    file = bring("roll", roll())
    later = bring("roll", roll(), roll(NUMBERS[1], name="李小红"))
    assert undo.expected(file.batch).repeats == [{"id": later.pk, "filename": later.filename, "rows": 1}]


def test_a_batch_of_any_kind_is_undone_once(bring: Bring, schools: None) -> None:
    bring("roll", roll())
    before = dump()
    office = open_office(region=region_named(COUNTY))
    with journal.batch("merge", path=office.path, label="甲并入乙") as batch:
        sql.run("UPDATE students_enrolment SET class_name = '合并'")
        sql.run("DELETE FROM students_guardian")
    assert undo.undo(batch)["kept"] == []
    assert dump() == before
    batch.refresh_from_db()
    assert (batch.state, batch.undone_by) == ("undone", "系统")
    with pytest.raises(Refused, match="已经撤销过了"):
        undo.undo(batch)


def test_the_older_import_first_and_the_later_after_it_leaves_nothing(bring: Bring, schools: None) -> None:
    """The rows of the first stay while the second needs them; its values do not come back once it is undone."""
    bring("roll", roll(room="1班"))
    before = dump()
    first = bring("roll", roll(room="2班", phone="13909310002"), roll(NUMBERS[1], name="李小红"))
    second = bring("roll", roll(room="3班", phone="13909310003"), roll(NUMBERS[1], name="李小红", room="2班"))
    kept = {(line["what"], line["cell"]): line["examples"] for line in take_back(first)["kept"]}
    assert kept[("在读", "")] == ["李小红"]
    assert kept[("在读", "班级")] == kept[("在读", "联系电话")] == ["张小明"]
    expected = undo.expected(second.batch)
    outcome = take_back(second)
    assert (outcome["kept"], expected.kept) == ([], [])
    assert outcome["restored"] == expected.restored
    told = {line["what"]: (line["removed"], line["changed"]) for line in outcome["restored"]}
    assert told == {"在读": (1, 1), "学生": (1, 0), "人员": (1, 0)}
    assert facts_only(dump()) == facts_only(before)


def test_a_value_that_a_later_import_wrote_again_stays(bring: Bring, schools: None) -> None:
    """The class is 2 because the third import says so, whatever becomes of the first that said so, too."""
    bring("roll", roll(room="1班"))
    first = bring("roll", roll(room="2班"))
    bring("roll", roll(room="3班"))
    bring("roll", roll(room="2班"))
    take_back(first)
    assert Enrolment.objects.get().class_name == "2班"


def test_a_deleted_row_comes_back_when_its_place_is_free_again(bring: Bring, schools: None) -> None:
    """The end of a certificate, taken away by a renewal, while a later list has made another for the same day."""
    rows = {until: f"老人,{NUMBERS[1]},{NUMBERS[1]}41,{until}" for until in ("2019-12-31", "2029-12-31")}
    bring("disabled", rows["2019-12-31"])
    before = dump()
    renewed = bring("disabled", rows["2029-12-31"])
    shortened = bring("disabled", rows["2019-12-31"])
    take_back(renewed)
    assert {each.from_on.year for each in Hardship.objects.filter(active=False)} == {2020}
    outcome = take_back(shortened)
    assert {"what": "困难类别", "removed": 1, "changed": 1, "returned": 1} in outcome["restored"]
    assert facts_only(dump()) == facts_only(before)


def test_what_must_be_unique_is_not_forced(bring: Bring, schools: None) -> None:
    bring("population", f"张小明,{CHILD},620123100201", f"李小红,{NUMBERS[1]},620123100201")
    one, two = Person.objects.order_by("pk")
    office = open_office(region=region_named(COUNTY))
    sql.run("DELETE FROM students_rosterentry WHERE person_id = %s", [two.pk])
    with journal.batch("merge", path=office.path, label="甲并入乙") as batch:
        sql.run("UPDATE students_rosterentry SET person_id = %s", [two.pk])
    make_entry = "INSERT INTO students_rosterentry (kind, term, person_id, reason) VALUES ('population', %s, %s, '')"
    sql.run(make_entry, [TERM, one.pk])
    [line] = undo.undo(batch)["kept"]
    assert (line["cell"], line["why"], line["count"]) == ("人员", "原来的位置已有别的记录", 1)


# --- what forbids it --------------------------------------------------------------------------------------------


def freeze(student: Student) -> None:
    from subsidies.models import Benefit, Payment, Rule

    rule = Rule.objects.select_related("benefit").first()
    assert isinstance(rule.benefit, Benefit)
    at = student.enrolments.get()
    batch = make.batch(term=TERM)
    Payment(
        student=student, term=TERM, benefit=rule.benefit, rule=rule, amount=500, other=500, batch=batch, school=at.school,
        home_path=at.home_path, school_path=at.school_path,
    ).save()  # fmt: skip


def test_listed_money_forbids_it_in_one_sentence(bring: Bring, schools: None) -> None:
    adopt_lanzhou()
    file = bring("roll", roll())
    freeze(Student.objects.get())
    before = dump()
    assert [(each.label, each.count, each.unit) for each in undo.resting(file.batch)] == [("已列入发放的资助", 1, "笔")]
    with pytest.raises(Refused) as refused:
        take_back(file)
    assert refused.value.reasons == ["还不能撤销，请先撤销以它为依据的内容：已列入发放的资助 1 笔。"]
    assert dump() == before
    sql.run("UPDATE subsidies_payment SET state = 'cancelled', cancelled_at = now()")
    assert undo.resting(file.batch) == []


def test_money_listed_before_the_batch_does_not_forbid_it(bring: Bring, schools: None) -> None:
    adopt_lanzhou()
    bring("roll", roll())
    freeze(Student.objects.get())
    sql.run("UPDATE subsidies_payment SET listed_at = now() - interval '1 day'")
    file = bring("roll", roll(room="5班"))
    assert undo.resting(file.batch) == []
    take_back(file)
    assert Enrolment.objects.get().class_name == "1班"


def test_a_determination_made_since_forbids_it(bring: Bring, schools: None) -> None:
    file, other = bring("roll", roll()), bring("roll", roll(NUMBERS[1], name="李小红"))
    low = bring("dibao", f"张小明,{CHILD},农村低保,2018-01,")
    child = Enrolment.objects.filter(student__person__name="张小明")
    make.determination(child.get())
    for each, found in ((file, [("困难认定", 1, "人")]), (low, [("困难认定", 1, "人")]), (other, [])):
        assert [(one.label, one.count, one.unit) for one in undo.resting(each.batch)] == found
    points.account_of(student=child.get().student)
    assert ("捐助、结对和贷款记录", 1) in [(one.label, one.count) for one in undo.resting(file.batch)]
    later = bring("roll", roll(room="5班"))
    assert undo.resting(later.batch) == []
    determine(child, level=Level.HARD, source=DeterminedBy.DATA_MATCH)
    assert [one.count for one in undo.resting(later.batch)] == [1]


@pytest.mark.parametrize("kind", ["decision", "merge", "ending"])
def test_a_later_decision_on_the_same_records_comes_first(bring: Bring, schools: None, kind: str) -> None:
    file, other = bring("roll", roll()), bring("roll", roll(NUMBERS[1], name="李小红"))
    office = open_office(region=region_named(COUNTY))
    with journal.batch(kind, path=office.path, label="张小明") as batch:
        of_one = "student_id = (SELECT id FROM students_person WHERE name = '张小明')"
        sql.run(f"UPDATE students_enrolment SET class_name = '甲' WHERE {of_one}")
    [found] = undo.resting(file.batch)
    assert found.label.startswith(f"{batch.get_kind_display()}：张小明（系统 ")
    assert undo.resting(other.batch) == []
    undo.undo(batch)
    assert undo.resting(file.batch) == []


def test_an_opened_term_rests_on_the_roll_it_was_opened_from(bring: Bring, schools: None) -> None:
    file = bring("roll", roll())
    low = bring("dibao", f"张小明,{CHILD},农村低保,2018-01,")
    office = open_office(region=region_named(COUNTY))
    with journal.batch("carry", path=office.path, label="2019 春"):
        sql.run(
            "INSERT INTO students_enrolment (student_id, term, school_id, stage, grade, class_name, boarding, rural_hukou, "
            "left_behind, orphan, disability_hint, home_path, school_path) SELECT student_id, '2019-spring', school_id, "
            "stage, grade, class_name, boarding, rural_hukou, left_behind, orphan, disability_hint, home_path, school_path "
            "FROM students_enrolment"
        )
    assert [each.count for each in undo.resting(file.batch)] == [1]
    assert undo.resting(low.batch) == []
