"""A 数据版 goes out, is edited offline and comes back: exported × file × now, cell by cell, nothing overwritten unseen."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from aidcases import jobs, sql
from aidcases.flow import Refused
from aidcases.models import AuditEvent, Job
from aidcases.scoping import SYSTEM, acting_in
from aidcases.terms import EARLIEST
from students.exports import areas, open_sheet, request_export, said_of, text_of, texts
from students.imports import cells, edits, pipeline
from students.imports.checks import parameters
from students.imports.edited import COLUMNS, EDITABLE, EDITS, TITLES
from students.imports.facts import TODO
from students.imports.undo import undo_now
from students.models import Enrolment, Export, ExportRow, ImportFile, ImportRow, Written
from students.sheet import workbook
from tests import make
from tests.personas import TERM, As, World

HEADING, FIRST = 2, 3
COLUMN = {one.key: place for place, one in enumerate(COLUMNS, 1)}

Change = Callable[[Any], None]


def acting(county: World, persona: str):
    membership = county[persona].memberships.select_related("organisation", "user").get()
    return acting_in(membership.organisation.scope, membership.actor)


def exported(county: World, persona: str = "maker", *, area: str = "", purpose: str = "核对班级") -> Export:
    with acting(county, persona):
        export = request_export(TERM, area or areas()[0][0], purpose=purpose)
        job = jobs.work_off(Job.objects.get(pk=export.job_id))
        assert job.state == "done", job.error
        export.refresh_from_db()
    return export


def content_of(export: Export) -> bytes:
    with open_sheet(export) as plain:
        return plain.read()


def sheet_of(export: Export) -> Any:
    return load_workbook(io.BytesIO(content_of(export)))


def bytes_of(book: Any) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def row_of(book: Any, name: str) -> int:
    sheet = book["数据版"]
    return next(n for n in range(FIRST, sheet.max_row + 1) if sheet.cell(n, COLUMN["name"]).value == name)


def put(book: Any, whose: str, **values: Any) -> None:
    number = row_of(book, whose)
    for key, value in values.items():
        book["数据版"].cell(number, COLUMN[key]).value = value


def came_back(county: World, content: bytes, filename: str = "数据版.xlsx", persona: str = "maker") -> ImportFile:
    with acting(county, persona):
        office = county[persona].memberships.get().organisation
        file = pipeline.receive(kind="edits", term=TERM, office=office, filename=filename, chunks=[content])
    return pipeline.preview(file)


def returned(county: World, export: Export, change: Change = lambda book: None) -> ImportFile:
    book = sheet_of(export)
    change(book)
    return came_back(county, bytes_of(book))


def commit(file: ImportFile) -> ImportFile:
    file.refresh_from_db()
    with acting_in(file.office.scope):
        file.move("confirm", by=SYSTEM)
    return pipeline.commit(file)


def line(file: ImportFile, name: str) -> ImportRow:
    return ImportRow.objects.get(file=file, name=name)


def now_of(name: str) -> Enrolment:
    return Enrolment.objects.get(student__person__name=name, term=TERM.code)


POOR, PLAIN, TEEN = "榆槐贫生", "榆槐普生", "榆槐高生"


# --- going out --------------------------------------------------------------------------------------------------


def test_the_sheet_holds_the_offices_pupils_and_no_number_of_theirs(county: World):
    export = exported(county)
    book = sheet_of(export)
    sheet = book["数据版"]
    assert [cell.value for cell in sheet[HEADING]] == [one.title for one in COLUMNS]
    names = {sheet.cell(n, COLUMN["name"]).value for n in range(FIRST, sheet.max_row + 1)}
    assert names == {POOR, PLAIN, TEEN, "跨县生"}  # the last studies here, whoever keeps the home
    told = " ".join(str(cell.value) for one in book for row in one.iter_rows() for cell in row)
    for enrolment in Enrolment.objects.select_related("student__person"):
        assert enrolment.student.person.id_number not in told
        assert enrolment.student.person.id_last4 not in told
        assert str(enrolment.phone) not in told
    assert "班级" in sheet["B1"].value
    assert "数据键" in sheet["B1"].value
    properties = {prop.name: prop.value for prop in book.custom_doc_props.props}
    assert properties == {"数据版": str(export.key), "学期": TERM.code}
    assert export.rows == ExportRow.objects.filter(export=export).count() == 4


def test_nothing_of_it_lies_in_clear_on_the_disk(county: World):
    export = exported(county)
    stored = (settings.FILES / export.stored).read_bytes()
    assert not stored.startswith(b"PK")
    for path in (path for path in settings.FILES.rglob("*") if path.is_file()):
        assert POOR.encode() not in path.read_bytes()


def test_a_key_says_nothing_and_is_never_the_same(county: World):
    first, second = exported(county), exported(county, purpose="再导一次")
    keys = [set(ExportRow.objects.filter(export=one).values_list("key", flat=True)) for one in (first, second)]
    assert not keys[0] & keys[1]
    assert all(len(key) == 22 and key.isalpha() for key in keys[0] | keys[1])


def test_a_school_exports_its_own_pupils_and_the_county_takes_them_back(county: World):
    export = exported(county, "school")
    sheet = sheet_of(export)["数据版"]
    names = {sheet.cell(n, COLUMN["name"]).value for n in range(FIRST, sheet.max_row + 1)}
    assert names == {POOR, PLAIN, "跨县生"}
    file = returned(county, export, lambda book: put(book, PLAIN, class_name="5班"))
    assert line(file, PLAIN).state == "changed"


@pytest.mark.parametrize(
    ("persona", "area", "purpose", "sentence"),
    [
        ("maker", "", "  ", "写明用途"),
        ("maker", "/62/6201/620121/", "核对", "本单位范围"),
        ("city", "", "核对", "学校或县"),
        ("auditor", "", "核对", "角色不能导出"),
    ],
)
def test_who_may_not_export_hears_why(county: World, persona: str, area: str, purpose: str, sentence: str):
    with acting(county, persona), pytest.raises(Refused, match=sentence):
        request_export(TERM, area or areas()[0][0], purpose=purpose)
    assert not Export.objects.exists()


def test_a_name_that_looks_like_a_formula_stays_a_text(county: World):
    school = county.here.primary
    make.student("=cmd|'/c calc'!A1", at=school)
    Enrolment.objects.filter(student__person__name=PLAIN).update(class_name="+1班")
    export = exported(county)
    sheet = sheet_of(export)["数据版"]
    found = [sheet.cell(n, c) for n in range(FIRST, sheet.max_row + 1) for c in range(1, len(COLUMNS) + 1)]
    assert all(
        cell.data_type in ("s", "inlineStr", "n") and str(cell.value)[:1] not in "=+-@" for cell in found if cell.value
    )
    file = returned(county, export)
    assert set(file.rows.values_list("state", flat=True)) == {"unchanged"}


def test_what_is_said_reads_back_as_it_was(county: World):
    """For every stage and grade: the cells of an unchanged row parse to what the export keeps."""
    from students.enums import GRADE_LABELS

    facts = {fact.fields: fact.parse for fact in EDITS.facts}
    for stage, labels in GRADE_LABELS.items():
        for grade in (*range(1, len(labels) + 1), None):
            for flag in (True, False):
                said = said_of(
                    "张三", "男", "某小学", stage, grade, "1-2", flag, flag, date(2018, 9, 3 if flag else 1), flag, ""
                )
                told = dict(zip([one.key for one in COLUMNS], texts("k", said), strict=True))
                read: dict[str, Any] = {}
                for fields, parse in facts.items():
                    if fields != ("key",):
                        found = parse(*(told[field] or None for field in fields))
                        read |= found if isinstance(found, dict) else json.loads(f"{{{found}}}")
                assert {key: value for key, value in said.items() if key in read} == read


# --- coming back ------------------------------------------------------------------------------------------------


def test_an_unchanged_sheet_changes_nothing(county: World):
    before = list(Enrolment.objects.order_by("pk").values())
    export = exported(county)
    file = came_back(county, content_of(export))
    assert file.state == "previewed", file.problem
    assert file.counts["unchanged"] == file.counts["rows"] == 4
    assert file.counts["cells"]["taken"] == file.counts["cells"]["conflicts"] == 0
    assert not file.rows.exclude(warnings=[]).exists()
    commit(file)
    assert list(Enrolment.objects.order_by("pk").values()) == before


# exported, file, now → (changes to show, state)
CASES = [
    ("1班", "1班", "1班", None, "unchanged"),
    ("1班", "1班", "2班", None, "unchanged"),  # somebody else changed it: the system's word stays
    ("1班", "2班", "1班", ["1班", "2班", "1班"], "changed"),
    ("1班", "2班", "2班", None, "unchanged"),  # both changed it alike
    ("1班", "2班", "3班", ["3班", "2班", "1班"], "review"),
    ("1班", None, "1班", None, "unchanged"),  # a blank cell says nothing
    ("1班", "无", "1班", ["1班", "", "1班"], "changed"),
    ("1班", "无", "3班", ["3班", "", "1班"], "review"),
]


@pytest.mark.parametrize(("was", "file", "now", "changes", "state"), CASES)
def test_a_cell_is_merged_three_ways(county: World, was: str, file: str | None, now: str, changes: Any, state: str):
    Enrolment.objects.update(class_name=was)
    export = exported(county)
    Enrolment.objects.filter(student__person__name=PLAIN).update(class_name=now)
    back = returned(county, export, lambda book: put(book, PLAIN, class_name=file))
    row = line(back, PLAIN)
    assert (row.state, row.changes) == (state, {"class_name": changes} if changes else {})
    assert ("blank kept" in row.warnings) == (file is None)
    if state != "review":
        commit(back)
        assert now_of(PLAIN).class_name == (changes[1] if changes else now)


def test_every_editable_cell_goes_into_place_and_says_where_it_came_from(county: World):
    export = exported(county)
    change = {
        "grade": "四年级", "class_name": "4-2", "boarding": "住校", "left_behind": "是", "entered_on": "2016年9月",
        "rural_hukou": "非农业户口", "disability_hint": "肢体残疾",
    }  # fmt: skip
    assert set(change) == set(EDITABLE)
    file = commit(returned(county, export, lambda book: put(book, PLAIN, **change)))
    assert file.state == "committed", file.problem
    found = now_of(PLAIN)
    assert (found.grade, found.class_name, found.boarding, found.left_behind) == (4, "4-2", True, True)
    assert (found.entered_on, found.rural_hukou, found.disability_hint) == (date(2016, 9, 1), False, "肢体残疾")
    assert found.row_id == line(file, PLAIN).pk
    assert now_of(POOR).row_id is None
    kept = Written.objects.get(batch=file.batch, table="students_enrolment")
    assert kept.before["class_name"] == "1班"
    assert kept.after["class_name"] == "4-2"


def test_conflicts_wait_until_they_are_decided(county: World):
    export = exported(county)
    Enrolment.objects.filter(student__person__name__in=[PLAIN, POOR]).update(class_name="8班")

    def change(book: Any) -> None:
        put(book, PLAIN, class_name="2班", left_behind="是")
        put(book, POOR, class_name="3班")

    file = returned(county, export, change)
    assert file.counts["cells"]["conflicts"] == 2
    edits.choose(file, [(line(file, PLAIN).pk, "class_name", True), (line(file, POOR).pk, "class_name", False)])
    pipeline.recount(file.pk)
    assert [line(file, name).state for name in (PLAIN, POOR)] == ["changed", "unchanged"]
    commit(file)
    assert now_of(PLAIN).class_name == "2班"
    assert now_of(PLAIN).left_behind is True
    assert now_of(POOR).class_name == "8班"


def test_an_ordinary_change_can_be_declined(county: World):
    export = exported(county)
    file = returned(county, export, lambda book: put(book, PLAIN, class_name="2班", left_behind="是"))
    edits.choose(file, [(line(file, PLAIN).pk, "class_name", False)])
    pipeline.recount(file.pk)
    commit(file)
    found = now_of(PLAIN)
    assert (found.class_name, found.left_behind) == ("1班", True)


def test_all_conflicts_or_changes_of_a_filter_at_once(county: World):
    export = exported(county)
    Enrolment.objects.filter(student__person__name=PLAIN).update(class_name="8班", left_behind=False)

    def change(book: Any) -> None:
        put(book, PLAIN, class_name="2班", left_behind="是")
        put(book, POOR, class_name="3班", left_behind="是")

    file = returned(county, export, change)
    rows = list(file.rows.values_list("pk", flat=True))
    edits.choose_all(file, rows, conflicts=True, taken=True)
    edits.choose_all(file, rows, conflicts=False, taken=False, key="left_behind")
    pipeline.recount(file.pk)
    commit(file)
    assert (now_of(PLAIN).class_name, now_of(PLAIN).left_behind) == ("2班", False)
    assert (now_of(POOR).class_name, now_of(POOR).left_behind) == ("3班", False)


@pytest.mark.parametrize("meanwhile", ["9班", "2班"])
def test_a_world_that_moved_on_sends_the_sheet_back_to_be_looked_at(county: World, meanwhile: str):
    """Whether the cell is a conflict now or needs nothing any more: nobody has confirmed that."""
    export = exported(county)
    file = returned(county, export, lambda book: put(book, PLAIN, class_name="2班"))
    Enrolment.objects.filter(student__person__name=PLAIN).update(class_name=meanwhile)
    file = commit(file)
    assert file.state == "previewed"
    assert "系统里的数据有了变化" in file.problem
    assert now_of(PLAIN).class_name == meanwhile


def test_a_decision_holds_only_for_the_values_it_was_made_on(county: World):
    export = exported(county)
    Enrolment.objects.filter(student__person__name=PLAIN).update(class_name="8班")
    file = returned(county, export, lambda book: put(book, PLAIN, class_name="2班"))
    edits.choose(file, [(line(file, PLAIN).pk, "class_name", False)])
    pipeline.recount(file.pk)
    Enrolment.objects.filter(student__person__name=PLAIN).update(class_name="1班")  # as exported: no conflict any more
    file = commit(file)
    assert file.state == "previewed"
    assert line(file, PLAIN).changes == {"class_name": ["1班", "2班", "1班"]}
    assert now_of(PLAIN).class_name == "1班"


def test_two_clerks_with_two_sheets(county: World):
    """The second to come back finds the first's word: other cells go in, the same cell is a conflict."""
    one, two = exported(county), exported(county, purpose="另一位")
    first = returned(county, one, lambda book: put(book, PLAIN, class_name="2班", left_behind="是"))
    second = returned(county, two, lambda book: put(book, PLAIN, class_name="3班", boarding="住校"))
    assert commit(first).state == "committed"
    assert commit(second).state == "previewed"  # what it was confirmed on is not so any more
    row = line(second, PLAIN)
    assert row.changes == {"class_name": ["2班", "3班", "1班"], "boarding": [False, True, False]}
    assert row.state == "review"
    edits.choose(second, [(row.pk, "class_name", False)])
    pipeline.recount(second.pk)
    assert commit(second).state == "committed"
    found = now_of(PLAIN)
    assert (found.class_name, found.left_behind, found.boarding) == ("2班", True, True)


def test_a_sheet_committed_twice_changes_nothing_the_second_time(county: World):
    export = exported(county)
    file = returned(county, export, lambda book: put(book, PLAIN, class_name="2班"))
    commit(file)
    book = sheet_of(export)
    put(book, PLAIN, class_name="2班")
    again = came_back(county, bytes_of(book))
    assert again.counts["unchanged"] == 4


# --- what people do to sheets -----------------------------------------------------------------------------------


def test_rows_may_be_sorted_and_deleted_and_columns_added(county: World):
    export = exported(county)
    book = sheet_of(export)
    put(book, PLAIN, class_name="2班")
    sheet = book["数据版"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=FIRST)]
    kept = sorted((row for row in rows if row[1] != TEEN), key=lambda row: row[1], reverse=True)
    other = Workbook()
    other.active.title = "改好的"
    other.active.append(["备注", *reversed([one.title for one in COLUMNS])])
    for row in kept:
        other.active.append(["我的备注", *reversed(row)])
    file = came_back(county, bytes_of(other))
    assert file.state == "previewed", file.problem
    assert (file.counts["rows"], file.counts["changed"], file.counts["unchanged"]) == (3, 1, 2)
    commit(file)
    assert now_of(PLAIN).class_name == "2班"
    assert Enrolment.objects.filter(student__person__name=TEEN).count() == 1


def test_deleted_columns_say_nothing(county: World):
    export = exported(county)
    book = sheet_of(export)
    put(book, PLAIN, class_name="2班")
    sheet = book["数据版"]
    for key in ("disability_hint", "rural_hukou", "boarding", "school", "sex"):
        place = next(c for c in range(1, sheet.max_column + 1) if sheet.cell(HEADING, c).value == TITLES[key])
        sheet.delete_cols(place)
    file = came_back(county, bytes_of(book))
    assert line(file, PLAIN).changes == {"class_name": ["1班", "2班", "1班"]}
    assert line(file, PLAIN).warnings == []


def test_a_csv_of_it_works_too(county: World):
    export = exported(county)
    sheet = sheet_of(export)["数据版"]
    text = "\n".join(",".join(str(cell.value or "") for cell in row) for row in sheet.iter_rows(min_row=HEADING))
    file = came_back(county, text.replace(f"{PLAIN},男", f"{PLAIN},女").encode("gb18030"), "数据版.csv")
    assert file.counts["unchanged"] == 4
    assert line(file, PLAIN).warnings == ["fixed sex"]


def test_columns_that_are_only_looked_at_are_not_taken(county: World):
    export = exported(county)
    change = {"name": "改了名", "school": "别的学校", "sex": "女", "class_name": "2班"}
    file = returned(county, export, lambda book: put(book, PLAIN, **change))
    row = line(file, "改了名")
    assert sorted(row.warnings) == ["fixed name", "fixed school", "fixed sex"]
    assert row.changes == {"class_name": ["1班", "2班", "1班"]}
    commit(file)
    found = now_of(PLAIN)
    assert (found.school, found.student.person.sex, found.class_name) == (county.here.primary, "男", "2班")


def test_a_grade_of_another_stage_is_not_taken(county: World):
    export = exported(county)
    file = returned(county, export, lambda book: put(book, PLAIN, grade="七年级"))
    row = line(file, PLAIN)
    assert (row.state, row.changes, row.warnings) == ("unchanged", {}, ["grade of another stage"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"boarding": "不知道"}, "unknown word"),
        ({"entered_on": "明年"}, "date"),
        ({"grade": "很高"}, "unknown stage"),
        ({"class_name": "班" * 41}, "text too long"),
        ({"key": None}, "missing key"),
        ({"key": "bcdfghjkmnpqrstvbcdfgh"}, "unknown key"),
        ({"key": "620123201005010011"}, "unknown key"),
    ],
)
def test_what_cannot_be_understood_is_sent_back(county: World, change: dict[str, Any], reason: str):
    export = exported(county)
    file = returned(county, export, lambda book: put(book, PLAIN, **change))
    row = line(file, PLAIN)
    assert (row.state, row.reasons, row.changes) == ("rejected", [reason], {})
    assert line(file, POOR).state == "unchanged"
    commit(file)
    assert now_of(PLAIN).class_name == "1班"


def test_the_same_key_twice_is_sent_back(county: World):
    export = exported(county)
    book = sheet_of(export)
    key = book["数据版"].cell(row_of(book, PLAIN), 1).value
    put(book, POOR, key=key, class_name="2班")
    file = came_back(county, bytes_of(book))
    assert {line(file, name).reasons[0] for name in (PLAIN, POOR)} == {"repeated key"}


def test_a_row_of_another_export_is_sent_back(county: World):
    one, two = exported(county), exported(county, purpose="另一次")
    book, other = sheet_of(one), sheet_of(two)
    put(book, PLAIN, key=other["数据版"].cell(row_of(other, PLAIN), 1).value, class_name="2班")
    file = came_back(county, bytes_of(book))
    assert line(file, PLAIN).reasons == ["key of another sheet"]
    assert line(file, POOR).state == "unchanged"


def test_another_countys_sheet_says_nothing_of_it_here(county: World):
    export = exported(county, "other_maker")
    file = returned(county, export, lambda book: put(book, "登枫普生", class_name="2班"))
    assert file.counts["rejected"] == file.counts["rows"]
    assert file.counts["reasons"] == {"unknown key": file.counts["rows"]}
    assert not file.rows.exclude(changes={}).exists()


def test_a_child_that_has_left_is_sent_back(county: World):
    export = exported(county)
    away = county.there.primary
    Enrolment.objects.filter(student__person__name=PLAIN).update(school=away, school_path=away.path)
    file = returned(county, export, lambda book: put(book, PLAIN, class_name="2班"))
    assert line(file, PLAIN).reasons == ["not ours any more"]


def test_the_sheet_says_of_which_term_it_is(county: World):
    export = exported(county)
    Export.objects.filter(pk=export.pk).update(term="2019-spring")
    file = came_back(county, content_of(export))
    assert file.term == "2019-spring"
    assert file.counts["reasons"] == {"not ours any more": 4}


def test_formula_cells_give_their_values(county: World):
    export = exported(county)
    book = sheet_of(export)
    put(book, PLAIN, class_name='="2"&"班"')
    file = came_back(county, bytes_of(book))  # never calculated, so the cell is blank
    assert line(file, PLAIN).changes == {}


def test_another_sheet_in_front_does_no_harm(county: World):
    export = exported(county)
    book = sheet_of(export)
    put(book, PLAIN, class_name="2班")
    front = book.create_sheet("草稿", 0)
    front["A1"] = "随手记"
    assert line(came_back(county, bytes_of(book)), PLAIN).state == "changed"
    del book["数据版"]
    file = came_back(county, bytes_of(book))
    assert file.state == "refused"
    assert file.problem


@pytest.mark.libreoffice
def test_a_sheet_saved_again_by_libreoffice_still_works(county: World, tmp_path: Path):
    export = exported(county)
    book = sheet_of(export)
    put(book, PLAIN, class_name="2班", entered_on=date(2016, 9, 1))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.xlsx").write_bytes(bytes_of(book))
    (tmp_path / "in" / "plain.xlsx").write_bytes(content_of(export))
    if not shutil.which("soffice"):
        pytest.skip("soffice is not installed")
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", "xlsx", "--outdir", str(tmp_path / "out")]
    subprocess.run(
        [*command, *map(str, sorted((tmp_path / "in").iterdir()))], check=True, capture_output=True, timeout=180
    )
    file = came_back(county, (tmp_path / "out" / "a.xlsx").read_bytes())
    assert line(file, PLAIN).changes == {"class_name": ["1班", "2班", "1班"], "entered_on": [None, "2016-09-01", None]}
    assert file.counts["unchanged"] == 3
    assert came_back(county, (tmp_path / "out" / "plain.xlsx").read_bytes()).counts["unchanged"] == 4


# --- by hand and at random --------------------------------------------------------------------------------------

WORDS = {
    "class_name": ["1班", "2班", "3班"],
    "grade": ["二年级", "三年级", "四年级"],
    "left_behind": ["是", "否"],
    "entered_on": ["2016-09", "2017-09"],
}
VALUES = {
    "class_name": ["1班", "2班", "3班"],
    "grade": [2, 3, 4],
    "left_behind": [True, False],
    "entered_on": [date(2016, 9, 1), date(2017, 9, 1)],
}
picked = {key: st.integers(0, len(words) - 1) for key, words in WORDS.items()}
worlds = st.fixed_dictionaries(picked)


def by_hand(was: int, file: int, now: int, decided: bool) -> int:
    """What a careful clerk with three sheets of paper would leave in the system."""
    if file in (was, now):
        return now
    return file if now == was or decided else now


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(was=worlds, file=worlds, now=worlds, decided=st.fixed_dictionaries({key: st.booleans() for key in WORDS}))
def test_the_merge_is_the_one_made_by_hand(county: World, was: dict, file: dict, now: dict, decided: dict):
    def set_to(world: dict[str, int]) -> None:
        Enrolment.objects.filter(student__person__name=PLAIN).update(
            **{key: VALUES[key][at] for key, at in world.items()}
        )

    set_to(was)
    export = exported(county, area=county.here.primary.path, purpose=f"第{Export.objects.count()}次")
    set_to(now)
    book = sheet_of(export)
    put(book, PLAIN, **{key: WORDS[key][at] for key, at in file.items()})
    back = came_back(county, bytes_of(book))
    row = line(back, PLAIN)
    chosen = [(row.pk, key, decided[key]) for key in row.changes if row.changes[key][0] != row.changes[key][2]]
    edits.choose(back, chosen)
    pipeline.recount(back.pk)
    back.refresh_from_db()
    assert back.counts["cells"]["conflicts"] == 0
    assert commit(back).state == "committed"
    found = now_of(PLAIN)
    assert {key: getattr(found, key) for key in WORDS} == {
        key: VALUES[key][by_hand(was[key], file[key], now[key], decided[key])] for key in WORDS
    }


# --- the pages --------------------------------------------------------------------------------------------------


def body(answer: Any) -> str:
    return answer.content.decode()


def upload(client: Client, content: bytes) -> ImportFile:
    told = {"kind": "edits", "term": TERM.code, "file": SimpleUploadedFile("数据版.xlsx", content)}
    client.post(reverse("import_upload"), told)
    file = ImportFile.objects.latest("pk")
    jobs.work_off(Job.objects.get(pk=file.job_id))
    file.refresh_from_db()
    return file


def test_the_whole_way_in_the_browser(as_: As, county: World):
    client = as_("maker")
    page = client.get(reverse("export_list"))
    assert "还没有导出过数据版" in body(page)
    answer = client.post(reverse("export_make"), {"term": TERM.code, "area": county.here.office.path, "purpose": ""})
    assert answer.status_code == 422
    assert "请写明用途" in body(answer)
    client.post(reverse("export_make"), {"term": TERM.code, "area": county.here.office.path, "purpose": "核对班级"})
    export = Export.objects.get()
    assert "正在导出" in body(client.get(reverse("export_list")))
    assert client.get(reverse("export_download", args=[export.pk])).status_code == 404
    jobs.work_off(Job.objects.get(pk=export.job_id))
    answer = client.get(reverse("export_download", args=[export.pk]))
    content = b"".join(answer.streaming_content)
    assert answer["Cache-Control"] == "private, no-store"
    read = AuditEvent.objects.get(action="personal.read", data__page=reverse("export_download", args=[export.pk]))
    assert read.data["subject_ids"] == [export.pk]

    Enrolment.objects.filter(student__person__name=POOR).update(class_name="8班")
    book = load_workbook(io.BytesIO(content))
    put(book, PLAIN, class_name="2班")
    put(book, POOR, class_name="3班")
    file = upload(client, bytes_of(book))
    url = reverse("import_detail", args=[file.pk])
    page = body(client.get(url))
    assert "冲突" in page
    assert "导出时 1班；系统现在 <b>8班</b>；文件 <b>3班</b>" in page
    assert "1班 → <b>2班</b>" in page
    told = file.counts["cells"]
    refused = client.post(reverse("import_confirm", args=[file.pk]), {"chosen": told["chosen"]}, follow=True)
    assert "冲突没有选" in body(refused)
    name = f"cell-{line(file, POOR).pk}-class_name"
    client.post(reverse("import_choose", args=[file.pk]), {"seen": told["seen"], name: "file"})
    stale = client.post(reverse("import_confirm", args=[file.pk]), {"chosen": told["chosen"]}, follow=True)
    assert "不是最新的" in body(stale)
    file.refresh_from_db()
    client.post(reverse("import_confirm", args=[file.pk]), {"chosen": file.counts["cells"]["chosen"]})
    file.refresh_from_db()
    jobs.work_off(Job.objects.get(pk=file.job_id))
    assert (now_of(POOR).class_name, now_of(PLAIN).class_name) == ("3班", "2班")
    page = body(client.get(url))
    assert "已入库" in page
    assert "<select" not in page.partition("<main")[2]


def test_bulk_choice_follows_the_filter(as_: As, county: World):
    client = as_("maker")
    export = exported(county)
    Enrolment.objects.update(class_name="8班", left_behind=True)

    def change(book: Any) -> None:
        put(book, PLAIN, class_name="2班", grade="四年级")
        put(book, POOR, class_name="3班", grade="四年级")

    book = sheet_of(export)
    change(book)
    file = upload(client, bytes_of(book))
    url, seen = reverse("import_choose", args=[file.pk]), file.counts["cells"]["seen"]
    answer = client.post(f"{url}?key=class_name", {"seen": seen, "which": "conflicts", "take": "file"})
    assert answer.url == f"{reverse('import_detail', args=[file.pk])}?key=class_name"
    file.refresh_from_db()
    assert (file.counts["cells"]["taken"], file.counts["cells"]["conflicts"]) == (4, 0)
    client.post(f"{url}?key=grade", {"seen": seen, "which": "changes", "take": "system"})
    file.refresh_from_db()
    assert (file.counts["cells"]["taken"], file.counts["cells"]["declined"]) == (2, 2)
    stale = client.post(url, {"seen": "0" * 32, "which": "changes", "take": "file"}, follow=True)
    assert "不是最新的" in body(stale)
    assert AuditEvent.objects.filter(action="import.chosen").count() == 2


def test_neither_cells_of_other_files_nor_unknown_columns_can_be_chosen(as_: As, county: World):
    client = as_("maker")
    export = exported(county)
    file = returned(county, export, lambda book: put(book, PLAIN, class_name="2班"))
    other = returned(county, export, lambda book: put(book, POOR, class_name="2班"))
    names = {f"cell-{line(other, POOR).pk}-class_name": "system", f"cell-{line(file, PLAIN).pk}-name": "system",
             f"cell-{line(file, PLAIN).pk}-grade": "system", "cell-9-": "file"}  # fmt: skip
    client.post(reverse("import_choose", args=[file.pk]), {"seen": file.counts["cells"]["seen"], **names})
    assert not file.rows.filter(data__has_key="_accept").exists()
    assert not other.rows.filter(data__has_key="_accept").exists()


def test_pages_ask_few_questions(as_: As, county: World):
    client = as_("maker")
    export = exported(county)
    Enrolment.objects.filter(student__person__name=PLAIN).update(class_name="8班")

    def change(book: Any) -> None:
        for name in (PLAIN, POOR, TEEN):
            put(book, name, class_name="2班", left_behind="是")

    file = returned(county, export, change)
    for url in (reverse("export_list"), reverse("import_detail", args=[file.pk])):
        client.get(url)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(url).status_code == 200
        queries = [one for one in asked.captured_queries if "SAVEPOINT" not in one["sql"]]
        assert len(queries) <= 16, [one["sql"][:90] for one in queries]


def test_who_sees_which_exports(as_: As, county: World):
    export = exported(county, "school")
    county_wide = exported(county)
    assert f"第 {export.pk} 号" in body(as_("maker").get(reverse("export_list")))
    school = body(as_("school").get(reverse("export_list")))
    assert f"第 {export.pk} 号" in school
    assert f"第 {county_wide.pk} 号" not in school
    for persona in ("other_maker", "other_school"):
        assert as_(persona).get(reverse("export_download", args=[export.pk])).status_code == 404
    assert as_("auditor").get(reverse("export_download", args=[export.pk])).status_code == 403
    assert as_("school").post(reverse("export_make"), {"term": TERM.code, "area": county.here.office.path, "purpose": "x"},
                              ).status_code == 422  # fmt: skip


def test_memory_and_bytes_do_not_hang_together():
    """The workbook comes in pieces however many rows there are."""
    said = said_of("张三", "男", "某小学", "primary", 3, "1班", False, False, None, True, "")
    rows = (texts("b" * 22, said) for _ in range(20_000))
    pieces = list(workbook(rows, 20_000, properties={}, about=["说明"]))
    assert len(pieces) > 5
    assert max(map(len, pieces)) < 1 << 18
    sheet = load_workbook(io.BytesIO(b"".join(pieces)), read_only=True)["数据版"]
    assert sum(1 for _ in sheet.iter_rows(min_row=FIRST)) == 20_000


def test_a_job_that_comes_again_does_nothing(county: World):
    export = exported(county)
    job = Job.objects.get(pk=export.job_id)
    before = (export.stored, ExportRow.objects.count())
    Job.objects.filter(pk=job.pk).update(state="queued")
    with acting(county, "maker"):
        assert jobs.work_off(job).state == "done"
    export.refresh_from_db()
    assert (export.stored, ExportRow.objects.count()) == before


def test_a_committed_sheet_can_be_undone(county: World):
    """Only cells that still hold what the sheet wrote go back."""
    export = exported(county)
    file = commit(returned(county, export, lambda book: put(book, PLAIN, class_name="2班", left_behind="是")))
    Enrolment.objects.filter(student__person__name=PLAIN).update(left_behind=False, grade=5)
    undo_now(file)
    file.refresh_from_db()
    assert file.state == "undone"
    found = now_of(PLAIN)
    assert (found.class_name, found.left_behind, found.grade) == ("1班", False, 5)
    again = returned(county, export, lambda book: put(book, PLAIN, class_name="2班"))
    assert line(again, PLAIN).changes == {"class_name": ["1班", "2班", "1班"]}


def roll(county: World, number: str, class_name: str) -> ImportFile:
    text = f"姓名,身份证件号,学校标识码,年级,班级\n名册生,{number},{county.here.primary.code},三年级,{class_name}"
    with acting(county, "maker"):
        file = pipeline.receive(
            kind="roll", term=TERM, office=county.here.office, filename="学籍.csv", chunks=[text.encode()]
        )
    return commit(pipeline.preview(file))


def laid_anew(file: ImportFile) -> None:
    """As when a name is decided anew: this office's rows of the child are taken away and laid again."""
    with transaction.atomic():
        sql.temporary("todo", TODO)
        params = {**parameters(file), "authority": 3, "earliest": EARLIEST}
        pipeline.lay_anew([now_of("名册生").student_id], params)


def test_an_edit_survives_when_lists_are_laid_anew(county: World):
    number = make.id_number()
    first = roll(county, number, "1班")
    commit(returned(county, exported(county), lambda book: put(book, "名册生", class_name="2班")))
    laid_anew(first)
    assert now_of("名册生").class_name == "2班"
    newer = roll(county, number, "3班")
    laid_anew(newer)
    assert now_of("名册生").class_name == "3班"  # the list that came after the edit has the last word


def test_text_of_a_value_is_what_the_sheet_writes():
    assert text_of("boarding", None, "undergraduate") == ""
    assert text_of("entered_on", "2018-09-15", "primary") == "2018-09-15"
    assert text_of("entered_on", "2018-09-01", "primary") == "2018-09"
    assert cells.day("2018-09") == "2018-09-01"
