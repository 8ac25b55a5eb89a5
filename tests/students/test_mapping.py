"""Columns named by hand: asked, answered, kept for the office's next file; another kind of list; nobody else's business."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from aidcases import jobs
from aidcases.models import AuditEvent, Job
from students.models import ImportFile, SavedMapping
from tests import make
from tests.personas import TERM, As, World
from tests.students.spreadsheets import xlsx

SAMPLE = Path(__file__).parents[1] / "data" / "yuzhong-2018"
ODD = ["校码", "学生", "号码", "在读", "宿"]


def text_of(response: Any) -> str:
    return response.content.decode()


def rows_of(county: World, count: int = 2) -> list[list[str]]:
    return [[county.here.primary.code, f"新来{'甲乙丙丁'[n]}", make.id_number(), "三年级", "住校"] for n in range(count)]


def upload(client: Client, rows: list[list[str]] | bytes, kind: str = "roll", name: str = "名单.xlsx") -> ImportFile:
    content = rows if isinstance(rows, bytes) else xlsx(rows)
    told = {"kind": kind, "term": TERM.code, "file": SimpleUploadedFile(name, content)}
    client.post(reverse("import_upload"), told)
    return work_off(ImportFile.objects.latest("pk"))


def work_off(file: ImportFile) -> ImportFile:
    file.refresh_from_db()
    assert jobs.work_off(Job.objects.get(pk=file.job_id)).state == "done"
    file.refresh_from_db()
    return file


def columns(**places: int) -> dict[str, str]:
    return {f"column-{name}": str(place) for name, place in places.items()}


RIGHT = columns(school_code=0, name=1, id=2, grade=3, boarding=4)


def say(client: Client, file: ImportFile, follow: bool = True, **fields: Any) -> Any:
    return client.post(reverse("import_map", args=[file.pk]), {"sheet": "0", "row": "1-1", **fields}, follow=follow)


def page_of(client: Client, file: ImportFile, query: str = "") -> str:
    response = client.get(reverse("import_columns", args=[file.pk]) + query)
    assert response.status_code == 200
    return text_of(response)


def options(body: str, name: str) -> list[tuple[str, str]]:
    """(value, label) of a select, the chosen one with a star."""
    inside = re.search(rf'<select[^>]* name="{name}".*?</select>', body, re.DOTALL)
    assert inside, name
    found = re.findall(r'<option value="([^"]*)"( selected)?>([^<]*)', inside[0])
    return [(value, f"*{label}" if chosen else label) for value, chosen, label in found]


# --- asked and answered -----------------------------------------------------------------------------------------


def test_unknown_columns_are_asked_for_answered_and_remembered(as_: As, county: World):
    client, rows = as_("maker"), rows_of(county)
    file = upload(client, [ODD, *rows])
    assert file.state == "mapping"
    detail = text_of(client.get(reverse("import_detail", args=[file.pk])))
    assert "没有找到表头。学籍信息的表头要有：姓名、身份证件号、学校标识码、年级" in detail
    assert reverse("import_columns", args=[file.pk]) in detail

    body = page_of(client, file)
    assert rows[0][2] not in body
    assert f"**************{rows[0][2][-4:]}" in body
    assert options(body, "column-name")[:3] == [
        ("", "*没有这一列"), ("0", f"A 列 校码（例：{'*' * 8}{rows[0][0][-2:]}）"), ("1", "B 列 学生（例：新来甲）"),
    ]  # fmt: skip

    after = say(client, file, **RIGHT)
    assert after.redirect_chain == [(reverse("import_detail", args=[file.pk]), 302)]
    assert work_off(file).state == "previewed"
    assert sorted(file.rows.values_list("name", "state")) == [("新来乙", "new"), ("新来甲", "new")]
    assert all(row.data["boarding"] for row in file.rows.all())
    saved = SavedMapping.objects.get()
    assert (saved.office_id, saved.kind, saved.saved_by) == (county.here.office.pk, "roll", "甲经办")
    assert saved.mapping == {"school_code": "校码", "name": "学生", "id": "号码", "grade": "在读", "boarding": "宿"}
    assert AuditEvent.objects.filter(action="mapping.saved").count() == 1

    following = upload(client, [["下个月的名单"], ODD, *rows_of(county, 3)], name="下月.xlsx")
    assert (following.state, following.summary["is_told"], following.counts["rows"]) == ("previewed", True, 3)
    assert "列名按本单位说明过的对应读取" in text_of(client.get(reverse("import_detail", args=[following.pk])))


def test_a_required_column_left_out_is_named_with_a_link_to_it(as_: As, county: World):
    client = as_("maker")
    file = upload(client, [ODD, *rows_of(county)])
    response = say(client, file, **RIGHT | columns(id=1) | {"column-name": ""})
    body = text_of(response)
    assert response.status_code == 422
    assert 'role="alert"' in body
    assert '<a href="#id_column-name">姓名</a>：必须有这一列，请选择。' in body
    assert options(body, "column-id")[2][1].startswith("*B 列 学生")
    file.refresh_from_db()
    assert file.state == "mapping"
    assert not SavedMapping.objects.exists()


def test_one_column_serves_one_field(as_: As, county: World):
    client = as_("maker")
    file = upload(client, [ODD, *rows_of(county)])
    assert "这一列已经对应“姓名”。一列只能对应一项，请改选。" in text_of(say(client, file, **RIGHT | columns(id=1)))
    assert "文件里没有这一列" in text_of(say(client, file, **RIGHT | columns(id=99)))


def test_of_two_columns_that_will_do_one_is_enough(as_: As, county: World):
    client, rows = as_("maker"), [[county.here.primary.name, *row[1:]] for row in rows_of(county)]
    file = upload(client, [["就学处", *ODD[1:]], *rows], "students")
    assert file.state == "mapping"
    told = columns(name=1, id=2, grade=3)
    assert "这几列至少要有一列" in text_of(say(client, file, **told))
    say(client, file, **told | columns(school_name=0))
    assert work_off(file).counts["new"] == 2


def test_the_sheet_and_the_row_of_the_heading_can_be_changed(as_: As, county: World):
    def second(book: Any) -> None:
        sheet = book.create_sheet("二班")
        for row in (["某某学校"], ["基本信息", None, None, "就读", None], ODD, *rows_of(county)):
            sheet.append(row)

    client = as_("maker")
    file = upload(client, xlsx([ODD, *rows_of(county)], second, "一班"))
    body = page_of(client, file)
    assert [name for _, name in options(body, "sheet")] == ["*一班", "二班"]
    assert "新来乙" in body
    body = page_of(client, file, "?sheet=1&row=3-2")
    assert ("3-2", "*第 2–3 行：基本信息校码、基本信息学生、基本信息号码、就读在读") in options(body, "row")
    assert "<th scope=\"col\">就读宿</th>" in body
    say(client, file, **RIGHT | {"sheet": "1", "row": "3-2"})
    assert (work_off(file).state, file.summary["sheet"], file.summary["heading_row"]) == ("previewed", "二班", 3)


@pytest.mark.parametrize("query", ["?sheet=9", "?sheet=-1", "?sheet=²", "?row=77-1", "?row=x", "?row=1-9"])
def test_a_place_that_is_not_there_shows_the_usual_one(as_: As, county: World, query: str):
    client = as_("maker")
    file = upload(client, [ODD, *rows_of(county)])
    assert "B 列 学生" in page_of(client, file, query)


def test_a_preview_can_be_mapped_anew(as_: As, county: World):
    client, rows = as_("maker"), rows_of(county)
    titles = ["学校标识码", "姓名", "身份证件号", "年级", "曾用名"]
    file = upload(client, [titles, *[[*row[:4], f"曾{row[1]}"] for row in rows]])
    assert file.state == "previewed"
    assert reverse("import_columns", args=[file.pk]) in text_of(client.get(reverse("import_detail", args=[file.pk])))
    body = page_of(client, file)
    assert ("1", "*B 列 姓名（例：新来甲）") in options(body, "column-name")
    say(client, file, **columns(school_code=0, name=4, id=2, grade=3))
    assert sorted(work_off(file).rows.values_list("name", flat=True)) == ["曾新来乙", "曾新来甲"]
    assert ("4", "*E 列 曾用名（例：曾新来甲）") in options(page_of(client, file), "column-name")


def test_the_page_is_closed_when_the_file_has_gone_on(as_: As, county: World):
    client = as_("maker")
    file = upload(client, [ODD, *rows_of(county)])
    say(client, file, **RIGHT)
    response = client.get(reverse("import_columns", args=[file.pk]))
    assert response.url == reverse("import_detail", args=[file.pk])
    assert "这份名单现在不能对应列名" in text_of(say(client, file, **RIGHT))
    work_off(file)
    client.post(reverse("import_confirm", args=[file.pk]))
    work_off(file)
    assert client.get(reverse("import_columns", args=[file.pk])).status_code == 302


def test_a_file_that_waits_can_be_given_up(as_: As, county: World):
    client = as_("maker")
    file = upload(client, [ODD, *rows_of(county)])
    client.post(reverse("import_discard", args=[file.pk]))
    file.refresh_from_db()
    assert file.state == "discarded"


# --- another kind -----------------------------------------------------------------------------------------------


def test_a_list_of_another_kind_is_read_again_as_what_it_is(as_: As, county: World):
    client = as_("maker")
    file = upload(client, (SAMPLE / "低保名单.xlsx").read_bytes())
    body = text_of(client.get(reverse("import_detail", args=[file.pk])))
    assert "看起来是低保名单，不是学籍信息。请改选名单种类。" in body
    assert "改为“低保名单”重新读取" in body
    client.post(reverse("import_rekind", args=[file.pk]), {"kind": "dibao"})
    assert (work_off(file).state, file.kind, file.counts["rows"]) == ("previewed", "dibao", 209)


def test_a_preview_of_the_wrong_kind_says_so(as_: As, county: World):
    client = as_("maker")
    file = upload(client, (SAMPLE / "特困供养名单.xlsx").read_bytes(), "disabled")
    assert file.state == "previewed"
    assert "看起来是特困供养名单，不是残疾人名单" in text_of(client.get(reverse("import_detail", args=[file.pk])))
    client.post(reverse("import_rekind", args=[file.pk]), {"kind": "nonsense"})
    file.refresh_from_db()
    assert (file.state, file.kind) == ("previewed", "disabled")
    client.post(reverse("import_rekind", args=[file.pk]), {"kind": "tekun"})
    assert work_off(file).kind == "tekun"
    assert "看起来是" not in text_of(client.get(reverse("import_detail", args=[file.pk])))


# --- who may ----------------------------------------------------------------------------------------------------


def test_others_wait_for_the_maker(as_: As, county: World):
    rows = rows_of(county)
    file = upload(as_("maker"), [ODD, *rows])
    body = text_of(as_("checker").get(reverse("import_detail", args=[file.pk])))
    assert "等经办对应列名" in body
    assert reverse("import_columns", args=[file.pk]) not in body
    say(as_("maker"), file, **RIGHT)
    work_off(file)
    body = text_of(as_("checker").get(reverse("import_detail", args=[file.pk])))
    assert "等经办确认" in body
    assert "列名对应不对" not in body
    assert "等经办确认" not in text_of(as_("maker").get(reverse("import_detail", args=[file.pk])))


@pytest.mark.parametrize(("persona", "status"), [("checker", 403), ("school", 403), ("city", 403), ("other_maker", 404)])
def test_nobody_else_names_columns(as_: As, county: World, persona: str, status: int):
    file = upload(as_("maker"), [ODD, *rows_of(county)])
    say(as_("maker"), file, **RIGHT)
    work_off(file)
    saved, client = SavedMapping.objects.get(), as_(persona)
    assert client.get(reverse("import_columns", args=[file.pk])).status_code == status
    assert say(client, file, **RIGHT, follow=False).status_code == status
    assert client.post(reverse("import_rekind", args=[file.pk]), {"kind": "dibao"}).status_code == status
    assert client.post(reverse("mapping_delete", args=[saved.pk])).status_code == status
    listed = client.get(reverse("mapping_list"))
    assert "校码" not in text_of(listed)
    assert SavedMapping.objects.count() == 1


def test_what_an_office_has_said_serves_no_other(as_: As, county: World):
    file = upload(as_("maker"), [ODD, *rows_of(county)])
    say(as_("maker"), file, **RIGHT)
    assert upload(as_("other_maker"), [ODD, *rows_of(county)]).state == "mapping"


# --- what is kept -----------------------------------------------------------------------------------------------


def test_saved_mappings_are_listed_and_can_be_deleted(as_: As, county: World, django_assert_max_num_queries: Any):
    client = as_("maker")
    assert "还没有保存过列名对应" in text_of(client.get(reverse("mapping_list")))
    file = upload(client, [ODD, *rows_of(county)])
    say(client, file, **RIGHT)
    with django_assert_max_num_queries(12):
        body = text_of(client.get(reverse("mapping_list")))
    assert "校码 → 学校标识码" in body
    assert "共 5 列" in body
    client.post(reverse("mapping_delete", args=[SavedMapping.objects.get().pk]))
    assert not SavedMapping.objects.exists()
    assert AuditEvent.objects.filter(action="mapping.deleted").count() == 1
    work_off(file)
    assert upload(client, [ODD, *rows_of(county)]).state == "mapping"


def test_the_same_headings_said_twice_are_kept_once(as_: As, county: World):
    client = as_("maker")
    for _ in range(2):
        file = upload(client, [ODD, *rows_of(county)])
        say(client, file, **RIGHT)
        work_off(file)
    assert SavedMapping.objects.count() == 1


def test_the_first_rows_are_sealed_in_the_database(as_: As, county: World):
    file = upload(as_("maker"), [ODD, *rows_of(county)])
    assert "新来" not in str(file.summary)


# --- repeated rows ----------------------------------------------------------------------------------------------


def test_a_repeated_row_names_the_row_it_repeats(as_: As, county: World):
    client, [row] = as_("maker"), rows_of(county, 1)
    other = [*row[:3], "四年级", "走读"]
    file = upload(client, [["学校标识码", "姓名", "身份证件号", "年级", "就读方式"], row, row, other])
    body = text_of(client.get(reverse("import_detail", args=[file.pk])))
    assert body.count("与第 2 行重复。") == 2
    assert list(file.rows.order_by("number").values_list("state", flat=True)) == ["new", "unchanged", "review"]
    client.post(reverse("import_return", args=[file.pk]))
    work_off(file)
    returned = client.get(reverse("import_returned", args=[file.pk]))
    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(returned.streaming_content))).active
    assert sheet["F4"].value.startswith("与第 2 行重复。内容相同的只算一次")
