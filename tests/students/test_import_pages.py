"""Rosters on their way in through the browser: upload, preview, confirmation, the file given back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from aidcases import crypto, jobs
from aidcases.models import AuditEvent, Job
from aidcases.roles import Role
from students.enums import RosterKind
from students.models import Enrolment, ImportFile, ImportRow
from tests import make
from tests.personas import CANARY, TERM, As, World
from tests.students.signed_in import COUNTS, imported

HERE = CANARY["620123"]
HTMX = {"HTTP_HX_REQUEST": "true"}


def rows_of(file: ImportFile) -> Iterator[ImportRow]:
    """A row in every state."""
    told = [
        ("new", "新增生", {"data": {"school_code": "0", "stage": "senior", "grade": 2, "boarding": True, "village_code": "62"}}),
        ("changed", "变更生", {
            "data": {"stage": "primary", "grade": 4},
            "changes": {"grade": [3, 4], "boarding": [False, True], "phone": ["aa" * 32, "bb" * 32], "class_name": [None, "2班"]},
        }),
        ("unchanged", "不变生", {}),
        ("review", "待核生", {"reasons": ["name"]}),
        ("rejected", "退回生", {"reasons": ["checksum"]}),
        ("rejected", "又退生", {"reasons": ["checksum"], "warnings": ["phone"]}),
    ]  # fmt: skip
    for number, (state, name, values) in enumerate(told, 4):
        yield file.rows.create(number=number, state=state, name=name, id_last4=f"100{number}", **values)


def text_of(response) -> str:
    return response.content.decode()


def names_on(response) -> set[str]:
    return set(re.findall(r'<td data-label="姓名">([^<]+)</td>', text_of(response)))


def csv(*rows: str) -> bytes:
    return "\n".join(("姓名,身份证件号,学校标识码,年级,班级", *rows)).encode()


def upload(client: Client, content: bytes = b"", *, follow: bool = True, **fields: Any):
    told = {"kind": "roll", "term": TERM.code, "file": SimpleUploadedFile("学籍.csv", content or csv("甲,1,2,3,4"))}
    return client.post(reverse("import_upload"), {name: value for name, value in (told | fields).items() if value is not None},
                       follow=follow)  # fmt: skip


# --- the way in -------------------------------------------------------------------------------------------------


def test_a_roster_goes_the_whole_way(as_: As, county: World):
    client = as_("maker")
    number = make.id_number()
    school = county.here.primary.code
    content = csv(f"新来生,{number},{school},三年级,2班", f"坏号生,620123201005010000,{school},一年级,1班")
    page = upload(client, content)
    file = ImportFile.objects.get()
    assert page.redirect_chain == [(reverse("import_detail", args=[file.pk]), 302)]
    assert "读取名单：学籍信息" in text_of(page)
    assert reverse("job_progress", args=[file.job_id]) in text_of(page)
    jobs.work_off(Job.objects.get(pk=file.job_id))

    preview = client.get(reverse("import_detail", args=[file.pk]))
    body = text_of(preview)
    assert "待确认入库" in body
    assert "身份证号校验位不对" in body
    assert names_on(preview) == {"新来生", "坏号生"}
    assert number not in body
    assert not Enrolment.objects.filter(student__person__name="新来生").exists()

    client.post(reverse("import_confirm", args=[file.pk]))
    file.refresh_from_db()
    jobs.work_off(Job.objects.get(pk=file.job_id))
    assert "已入库" in text_of(client.get(reverse("import_detail", args=[file.pk])))
    assert "新来生" in text_of(client.get(reverse("student_list")))

    client.post(reverse("import_return", args=[file.pk]))
    file.refresh_from_db()
    assert jobs.work_off(Job.objects.get(pk=file.job_id)).state == "done"
    returned = client.get(reverse("import_returned", args=[file.pk]))
    assert "attachment" in returned["Content-Disposition"]
    assert "身份证号校验位不对" in b"".join(returned.streaming_content).decode("utf-8-sig")
    assert AuditEvent.objects.filter(action="personal.read", data__page=reverse("import_returned", args=[file.pk])).count() == 1


def test_a_file_that_cannot_be_read_says_what_to_do(as_: As, county: World):
    client = as_("maker")
    upload(client, "不是,名单\n1,2".encode())
    file = ImportFile.objects.get()
    jobs.work_off(Job.objects.get(pk=file.job_id))
    body = text_of(client.get(reverse("import_detail", args=[file.pk])))
    assert "没有找到表头" in body
    assert "系统里的数据没有变化" in body
    assert f'href="{reverse("import_new")}?kind=roll"' in body
    assert reverse("import_confirm", args=[file.pk]) not in body


def test_the_same_file_twice_is_received_once(as_: As, county: World):
    client = as_("maker")
    upload(client)
    page = upload(client)
    assert ImportFile.objects.count() == Job.objects.count() == 1
    assert "同一份文件已经上传过" in text_of(page)
    upload(client, kind="present")
    assert ImportFile.objects.count() == 2


def test_the_same_bytes_committed_before_are_told(as_: As, county: World):
    client = as_("maker")
    upload(client)
    first = ImportFile.objects.get()
    ImportFile.objects.filter(pk=first.pk).update(state="committed", committed_at="2018-10-01T08:00Z")
    page = upload(client)
    assert ImportFile.objects.count() == 2
    assert "入过库" in text_of(page)
    assert reverse("import_detail", args=[first.pk]) in text_of(page)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": "nonsense"}, "没有这种名单"),
        ({"kind": ""}, "请选择名单种类"),
        ({"term": "2018-winter"}, "没有这个学期"),
        ({"file": None}, "请选择名单文件"),
        ({"file": SimpleUploadedFile("空.csv", b"")}, "文件是空的"),
    ],
)
def test_a_wrong_form_says_what_to_do(as_: As, fields: dict[str, Any], sentence: str):
    response = upload(as_("maker"), **fields)
    assert response.status_code == 422
    assert sentence in text_of(response)
    assert not ImportFile.objects.exists()


def test_too_large_a_file_is_not_kept(as_: As, settings):
    settings.UPLOAD_LIMIT_MB = 1
    response = upload(as_("maker"), b"x" * (3 << 19))
    assert response.status_code == 422
    assert "文件有 1.5 MB，最多 1 MB" in text_of(response)
    assert not ImportFile.objects.exists()


def test_a_number_in_the_name_of_a_file_is_masked(as_: As):
    number = make.id_number()
    upload(as_("maker"), file=SimpleUploadedFile(f"张三{number}.csv", csv("甲,1,2,3,4")))
    assert ImportFile.objects.get().filename == f"张三{'*' * 14}{number[-4:]}.csv"


@pytest.mark.parametrize("persona", ["checker", "school", "city", "auditor", "nobody"])
def test_only_makers_import(as_: As, county: World, persona: str):
    client, file = as_(persona), imported(county)
    assert client.get(reverse("import_new")).status_code == 403
    assert upload(client, follow=False).status_code == 403
    for step in ("confirm", "discard", "return", "reopen"):
        assert client.post(reverse(f"import_{step}", args=[file.pk])).status_code == 403
    file.refresh_from_db()
    assert file.state == "previewed"


def test_an_office_without_a_division_cannot_import(as_: As, county: World):
    office = make.school_office(county.here.primary)
    county.users["odd"] = make.user("odd", "校管理", office, Role.COUNTY_MAKER)
    assert "没有行政区划，不能导入名单" in text_of(upload(as_("odd")))
    assert not ImportFile.objects.exists()


def test_the_form_names_the_headings_of_every_kind(as_: As):
    body = text_of(as_("maker").get(reverse("import_new") + "?kind=dibao"))
    assert "成员姓名、成员证件号码、城乡类别" in body
    assert '<option value="dibao" selected>' in body
    assert f'<option value="{TERM.code}" selected>' in body
    assert body.count("必须有：") == len(RosterKind)


# --- the history ------------------------------------------------------------------------------------------------


def test_everybody_sees_the_imports_of_their_own_offices(as_: As, county: World):
    school = make.school_office(county.here.primary)
    imported(county, filename="县里的.xlsx")
    imported(county, filename="学校的.xlsx", office=school, path=school.path)
    seen = {
        persona: {name for name in ("县里的.xlsx", "学校的.xlsx") if name in text_of(as_(persona).get(reverse("import_list")))}
        for persona in ("maker", "city", "auditor", "school", "other_school", "other_maker")
    }
    both = {"县里的.xlsx", "学校的.xlsx"}
    assert seen == {
        "maker": both, "city": both, "auditor": both, "school": {"学校的.xlsx"}, "other_school": set(), "other_maker": set(),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "shown"), [("kind=roll", 1), ("kind=dibao", 1), ("state=refused", 1), ("term=2017-autumn", 1), ("", 2)]
)
def test_history_filters(as_: As, county: World, query: str, shown: int):
    imported(county, kind="roll")
    imported(county, kind="dibao", state="refused", problem="打不开", counts={}, term="2017-autumn")
    assert text_of(as_("maker").get(f"{reverse('import_list')}?{query}")).count("data-open") == shown


def test_the_rosters_of_the_term_are_ticked_off(as_: As, county: World):
    imported(county, kind="roll", state="committed", committed_at="2018-09-20T08:00Z")
    imported(county, kind="roll", state="previewed")
    imported(county, kind="dibao", state="discarded")
    body = text_of(as_("maker").get(reverse("import_list"))).split("</dl>")[0]
    assert body.count("<dt>") == 10
    assert "已入库" in body.split("<dt>学籍信息</dt>")[1].split("</div>")[0]
    assert f'{reverse("import_new")}?kind=dibao' in body
    assert "<dt>学籍信息</dt>" not in text_of(as_("city").get(reverse("import_list")))


def test_no_imports_yet(as_: As):
    assert "还没有导入名单" in text_of(as_("maker").get(reverse("import_list")))
    assert "本单位没有导入过名单" in text_of(as_("school").get(reverse("import_list")))


# --- the preview ------------------------------------------------------------------------------------------------


def test_the_preview_shows_counts_changes_and_reasons(as_: As, county: World):
    file = imported(county)
    list(rows_of(file))
    page = as_("maker").get(reverse("import_detail", args=[file.pk]))
    body = text_of(page)
    assert names_on(page) == {"新增生", "变更生", "不变生", "待核生", "退回生", "又退生"}
    changed = re.sub(r"\s+", " ", body.split("变更生")[1].split("</tr>")[0])
    assert '年级：<span class="old">三年级</span> → <b>四年级</b>' in changed
    assert '就读方式：<span class="old">走读</span> → <b>寄宿</b>' in changed
    assert '班级：<span class="old">—</span> → <b>2班</b>' in changed
    assert '联系电话：<span class="old">号码</span> → <b>号码</b>' in changed
    assert "aaaa" not in body
    assert "年级 高二" in body
    assert "这个证件号码在别的名单上是另一个姓名" in body
    assert "提醒：电话号码不对" in body
    assert "没有用到的列：备注" in body


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("state=new", {"新增生"}),
        ("state=rejected", {"退回生", "又退生"}),
        ("reason=name", {"待核生"}),
        ("warned=1", {"又退生"}),
        ("state=rejected&warned=1", {"又退生"}),
        ("state=unchanged&reason=name", set()),
        ("state=read", {"新增生", "变更生", "不变生", "待核生", "退回生", "又退生"}),
    ],
)
def test_rows_are_filtered_by_result_and_reason(as_: As, county: World, query: str, shown: set[str]):
    file = imported(county)
    list(rows_of(file))
    assert names_on(as_("maker").get(f"{reverse('import_detail', args=[file.pk])}?{query}")) == shown


def test_rows_of_schools_show_the_school(as_: As, county: World):
    file = imported(county, kind="schools")
    data = {"code": "2162009999", "name": "新建小学", "stages": ["primary", "junior"], "public": False}
    data |= {"region_code": "620123100"}
    file.rows.create(number=2, state="new", data=data)
    body = text_of(as_("maker").get(reverse("import_detail", args=[file.pk])))
    for part in ("新建小学", "2162009999", "小学、初中", "城关镇", "民办"):
        assert part in body


def test_the_preview_costs_the_same_for_many_rows(as_: As, county: World, django_assert_max_num_queries):
    file = imported(county)
    client, url = as_("maker"), reverse("import_detail", args=[file.pk])
    for _ in range(8):
        list(rows_of(file))
    with django_assert_max_num_queries(16):  # the page's own transaction among them
        assert client.get(url).status_code == 200


@pytest.mark.parametrize("persona", ["other_maker", "school"])
def test_an_import_of_another_office_is_not_found(as_: As, county: World, persona: str):
    file = imported(county, returned="imports/none")
    for name in ("import_detail", "import_returned"):
        assert as_(persona).get(reverse(name, args=[file.pk])).status_code == 404


def test_another_county_s_maker_moves_nothing(as_: As, county: World):
    file = imported(county)
    for step in ("confirm", "discard", "return", "reopen"):
        assert as_("other_maker").post(reverse(f"import_{step}", args=[file.pk])).status_code == 404


@pytest.mark.parametrize(("persona", "buttons"), [("maker", True), ("checker", False), ("city", False)])
def test_buttons_are_for_makers(as_: As, county: World, persona: str, buttons: bool):
    file = imported(county)
    body = text_of(as_(persona).get(reverse("import_detail", args=[file.pk])))
    for step in ("confirm", "discard", "return"):
        assert (reverse(f"import_{step}", args=[file.pk]) in body) == buttons


# --- the steps --------------------------------------------------------------------------------------------------


def step(client: Client, name: str, file: ImportFile, **extra: Any):
    return client.post(reverse(name, args=[file.pk]), follow=True, **extra)


def test_a_second_click_on_confirm_is_refused_with_a_sentence(as_: As, county: World):
    client, file = as_("maker"), imported(county)
    assert "入库中" in text_of(step(client, "import_confirm", file))
    refused = client.post(reverse("import_confirm", args=[file.pk]), **HTMX)
    assert (refused.status_code, text_of(refused)) == (409, "当前状态不能确认入库")
    assert "当前状态不能确认入库" in text_of(step(client, "import_confirm", file))
    assert Job.objects.filter(kind="students.import_commit").count() == 1


def test_confirming_drops_the_file_given_back_from_the_preview(as_: As, county: World, files, django_capture_on_commit_callbacks):
    (files / "imports").mkdir(exist_ok=True)
    crypto.write_sealed(files / "imports/made", [b"x"])
    file = imported(county, returned="imports/made")
    with django_capture_on_commit_callbacks(execute=True):
        step(as_("maker"), "import_confirm", file)
    file.refresh_from_db()
    assert file.returned == ""
    assert not (files / "imports/made").exists()


def test_discarding_stops_the_reading(as_: As, county: World):
    client = as_("maker")
    upload(client)
    file = ImportFile.objects.get()
    assert "已放弃“学籍.csv”" in text_of(step(client, "import_discard", file))
    assert Job.objects.get(pk=file.job_id).state == "cancelled"
    assert client.post(reverse("import_discard", args=[file.pk]), **HTMX).status_code == 409
    assert "重新上传" in text_of(client.get(reverse("import_detail", args=[file.pk])))


def test_a_commit_that_was_cancelled_goes_back_to_the_preview(as_: As, county: World):
    client, file = as_("maker"), imported(county)
    step(client, "import_confirm", file)
    reopen = reverse("import_reopen", args=[file.pk])
    assert text_of(client.post(reopen, **HTMX)) == "名单正在入库，请等它结束或先取消。"
    file.refresh_from_db()
    client.post(reverse("job_cancel", args=[file.job_id]))
    assert reopen in text_of(client.get(reverse("import_detail", args=[file.pk])))
    assert "已退回核对" in text_of(step(client, "import_reopen", file))
    file.refresh_from_db()
    assert file.state == "previewed"


def test_nothing_to_give_back(as_: As, county: World):
    counts = {**COUNTS, "rows": 3, "review": 0, "rejected": 0, "reasons": {}}
    client, file = as_("maker"), imported(county, counts=counts)
    assert reverse("import_return", args=[file.pk]) not in text_of(client.get(reverse("import_detail", args=[file.pk])))
    assert "不需要退回文件" in text_of(client.post(reverse("import_return", args=[file.pk]), **HTMX))
    assert client.get(reverse("import_returned", args=[file.pk])).status_code == 404
    file.rows.create(number=9, state="new", warnings=["phone"])
    assert reverse("import_return", args=[file.pk]) in text_of(client.get(reverse("import_detail", args=[file.pk])))


def test_a_failed_job_is_shown_with_its_sentence(as_: As, county: World):
    client, file = as_("maker"), imported(county, state="committing")
    told = {"label": "名单入库", "requested_by": "甲经办", "state": "failed", "error": "磁盘空间不足。"}
    job = Job(kind="students.import_commit", path=file.path, **told)
    job.save()
    ImportFile.objects.filter(pk=file.pk).update(job_id=job.pk)
    body = text_of(client.get(reverse("import_detail", args=[file.pk])))
    assert "磁盘空间不足。" in body
    assert reverse("job_resume", args=[job.pk]) in body


# --- the home page ----------------------------------------------------------------------------------------------


def test_home_shows_what_waits(as_: As, county: World):
    imported(county)
    body = text_of(as_("maker").get(reverse("home")))
    assert "等您确认入库" in body
    assert "<dt>在校学生</dt>" in body
    assert "名单导入</h2>" not in text_of(as_("school").get(reverse("home")))
    assert "等您确认入库" not in text_of(as_("other_maker").get(reverse("home")))
