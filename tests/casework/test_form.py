"""The application form: what it lacks, what was typed, two people at once, papers, what each role may, on paper."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from aidcases import files
from aidcases.flow import Refused
from aidcases.scoping import EVERYWHERE, SYSTEM, acting_in
from aidcases.terms import Term
from subsidies.casework import form, printing, typed
from subsidies.casework.form import Conflict, Line, income_per_head
from subsidies.casework.relations import RELATIONS, meant
from subsidies.casework.windows import set_window
from subsidies.models import Application, FamilyMember
from tests.casework import build
from tests.casework.conftest import Crew, build_crew
from tests.subsidies.pdfs import Pdf

Browser = Callable[[str], Client]
TERM = Term.parse(build.TERM)
FATHER = Line("张大山", 40, "父子", "务农", "农民", Decimal("8000.00"), "健康")
MOTHER = Line("李小花", 38, "母子", "务农", "农民", Decimal("1000.00"), "患病")
FULL: dict[str, Any] = {
    "household_size": 3, "address": "榆树乡一村三社12号", "parent_phone": "13912345678", "other": "母亲常年患病",
    "promised_on": date(2026, 9, 3),
}  # fmt: skip


def filled(crew: Crew, *, family: tuple[Line, ...] = (FATHER, MOTHER), **columns: Any) -> Application:
    """A draft with everything but `columns`."""
    made = build.application("张小树", at=crew.school)
    return form.save(made, {**FULL, **columns}, list(family), version=0, by=SYSTEM)


def lacking(application: Application) -> list[str]:
    return [problem.field for problem in form.problems(application)]


# ---------- what is lacking ----------


def test_a_full_form_is_complete(crew: Crew):
    made = filled(crew)
    assert form.problems(made) == []
    assert made.complete
    assert made.income_per_head == Decimal("3000.00")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"household_size": None}, "household_size"),
        ({"household_size": 4}, "family"),
        ({"family": (FATHER,)}, "family"),
        ({"family": (FATHER, Line("李小花", 38, "母亲", annual_income=Decimal(0)))}, "family"),
        ({"family": (FATHER, Line("李小花", None, "母子", annual_income=Decimal(0)))}, "family"),
        ({"family": (FATHER, Line("李小花", 38, "母子"))}, "family"),
        ({"address": ""}, "address"),
        ({"parent_phone": None}, "parent_phone"),
        ({"other": ""}, "other"),
        ({"boxes": ["disabled_parent"], "other": ""}, "boxes"),
        ({"promised_on": None}, "promised_on"),
    ],
)
def test_each_thing_that_is_missing_is_named_at_its_field(crew: Crew, change: dict[str, Any], field: str):
    made = filled(crew, **change)
    assert lacking(made) == [field]
    assert not made.complete


def test_the_sentence_counts_the_members(crew: Crew):
    made = filled(crew, household_size=5)
    assert [p.sentence for p in form.problems(made)] == [
        "家庭人口填了 5 人，家庭成员应有 4 行（不含学生本人），现在有 2 行。"
    ]


def test_a_box_of_a_list_needs_no_paper_and_another_an_explanation_or_a_paper(crew: Crew):
    made = filled(crew, other="")
    Application.objects.filter(pk=made.pk).update(boxes=["dibao", "martyr"], listed_boxes=["dibao"])
    assert lacking(made) == ["boxes"]
    photo = SimpleUploadedFile("证.jpg", b"\xff\xd8\xff" + b"0" * 40, "image/jpeg")
    files.attach(made, photo, what="paper", path=made.school_path)
    assert lacking(made) == []
    files.remove(files.files_of(made).get())
    Application.objects.filter(pk=made.pk).update(boxes=["dibao"])
    assert lacking(made) == []


def test_a_child_on_a_list_is_confirmed_without_a_form(crew: Crew):
    made = build.application(at=crew.school, kind="matched", boxes=["poor"], listed_boxes=["poor"])
    assert form.problems(made) == []
    assert form.mark(Application.objects.all(), TERM) == 1
    Application.objects.update(boxes=[], listed_boxes=[])
    assert "household_size" in lacking(made)


def test_a_stamp_is_asked_for_only_where_a_county_says_so(crew: Crew):
    made = filled(crew)
    with crew.acting("county_head") as head:
        set_window(TERM, opens_on=date(2026, 9, 1), closes_on=date(2026, 9, 30), stamp_required=True, by=head)
    assert lacking(made) == ["stamp"]
    assert form.save(made, {"stamp": True}, None, version=made.version, by=SYSTEM).complete


def test_marking_says_the_same_as_the_list_of_problems(crew: Crew):
    made = [filled(crew)] + [build.application(at=crew.school) for _ in range(3)]
    Application.objects.update(complete=False)
    assert form.mark(Application.objects.all(), TERM) == 1
    assert form.mark(Application.objects.all(), TERM) == 0
    assert [a.pk for a in made if not form.problems(a)] == [a.pk for a in Application.objects.filter(complete=True)]


# ---------- arithmetic ----------

MONEY = st.decimals(0, 10**7, places=2)


@given(st.lists(MONEY, min_size=1, max_size=14), st.integers(1, 15))
def test_income_per_head_is_the_sum_shared_out_to_the_fen(incomes: list[Decimal], size: int):
    share = income_per_head(incomes, size)
    assert share is not None
    assert abs(share * size - sum(incomes)) <= Decimal("0.005") * size
    assert share == share.quantize(Decimal("0.01"))
    assert income_per_head([*incomes, None], size) is None
    assert income_per_head(incomes, None) is None


@given(st.lists(st.sampled_from(["", "张三", "李四"]), max_size=18), st.one_of(st.none(), st.integers(0, 17)))
def test_rows_with_a_word_in_them_are_members_and_no_others(names: list[str], last: int | None):
    post = QueryDict(mutable=True)
    post["family-sent"] = "1"
    for name in typed.COLUMNS:
        post.setlist(f"family-{name}", names if name == "name" else [""] * len(names))
    read = typed.read(post, sex="男", listed=[], last=last)
    kept = [name for number, name in enumerate(names) if name and number != last]
    assert [line.name for line in read.family or []] == kept[: form.MOST_MEMBERS]
    assert ("family" in read.errors) == (len(kept) > form.MOST_MEMBERS)


# ---------- what is typed ----------


def read(sex: str = "女", **values: str) -> typed.Typed:
    post = QueryDict(mutable=True)
    for name, value in values.items():
        post[name.replace("__", "-")] = value
    return typed.read(post, sex=sex, listed=[])


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("household_size", "４", 4), ("household_size", "", None), ("postcode", "７３０１００", "730100"),
        ("parent_phone", "139 1234 5678", "13912345678"), ("phone", "0931-5221234", "09315221234"), ("phone", "无", None),
        ("promised_on", "2026-09-03", date(2026, 9, 3)), ("promised_on", "", None), ("rural_hukou", "0", False),
        ("address", " 一村 ", "一村"),
    ],
)  # fmt: skip
def test_what_people_write_is_understood(name: str, text: str, value: Any):
    found = read(**{name: text})
    assert found.columns == {name: value}
    assert found.errors == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("household_size", "0"), ("household_size", "三"), ("household_size", "99"), ("postcode", "7301"), ("phone", "12345"),
        ("promised_on", "9月3日"), ("other", "身份证620123201005010015"), ("debt", "电话13912345678"), ("address", "字" * 201),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_not_stored_and_said(name: str, text: str):
    found = read(**{name: text})
    assert name in found.errors
    assert name not in found.columns


def test_an_empty_phone_leaves_the_number_as_it_is():
    assert read(phone="", parent_phone=" ").columns == {}


@pytest.mark.parametrize(
    ("text", "value"), [("12,000元", "12000.00"), ("1.2万", "12000.00"), ("０", "0.00"), ("", None), ("￥8", "8.00")]
)
def test_money_as_people_write_it(text: str, value: str | None):
    assert typed._money(text) == (Decimal(value) if value else None, "")


@pytest.mark.parametrize("text", ["-1", "很多", "NaN", "1e12", "Infinity"])
def test_money_that_is_none(text: str):
    assert typed._money(text)[1]


def test_relations_are_written_as_the_form_wants_them():
    assert [meant("父亲", "女"), meant("妈妈", "男"), meant("哥哥", "女"), meant("奶奶", "男")] == [
        "父女", "母子", "兄妹", "祖孙",
    ]  # fmt: skip
    assert meant("父女", "女") == "父女"
    assert meant("邻居", "女") == "邻居" not in RELATIONS
    assert meant("父亲", "") == "父亲"


# ---------- two people ----------


def test_who_saves_later_is_told_and_nothing_is_lost(crew: Crew):
    made = build.application(at=crew.school)
    form.save(made, {"address": "一村"}, None, version=0, by=crew.actor("school_maker"))
    with pytest.raises(Conflict) as told:
        form.save(made, {"address": "二村", "other": "病"}, [FATHER], version=0, by=crew.actor("teacher"))
    assert {d.name: (d.theirs, d.mine) for d in told.value.differences} | {"family": ""} == {
        "address": ("一村", "二村"), "other": ("（空）", "病"), "family": "",
    }  # fmt: skip
    assert "张大山" in told.value.differences[-1].mine
    made.refresh_from_db()
    assert (made.address, made.version, made.saved_by) == ("一村", 1, "校经办")
    again = form.save(made, {"address": "二村"}, None, version=1, by=crew.actor("teacher"))
    assert (again.address, again.version) == ("二村", 2)


def test_the_same_typed_twice_is_no_conflict_and_no_new_version(crew: Crew):
    made = build.application(at=crew.school)
    form.save(made, {"address": "一村"}, [FATHER], version=0, by=SYSTEM)
    assert form.save(made, {"address": "一村"}, [FATHER], version=0, by=SYSTEM).version == 1


def test_a_phone_in_a_conflict_is_masked(crew: Crew):
    made = build.application(at=crew.school)
    form.save(made, {"phone": "13912345678"}, None, version=0, by=SYSTEM)
    with pytest.raises(Conflict) as told:
        form.save(made, {"phone": "13812345678"}, None, version=0, by=SYSTEM)
    assert "12345678" not in str([vars(d) for d in told.value.differences])


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_at_the_same_moment_one_is_told():
    with acting_in(EVERYWHERE):
        crew = build_crew()
        made = build.application(at=crew.school)
    outcomes, gate = [], threading.Barrier(2)

    def one(address: str) -> None:
        with acting_in(EVERYWHERE):
            gate.wait()
            try:
                with transaction.atomic():
                    form.save(made, {"address": address}, None, version=0, by=SYSTEM)
                outcomes.append("saved")
            except Conflict:
                outcomes.append("told")
            finally:
                connection.close()

    clerks = [threading.Thread(target=one, args=(name,)) for name in ("一村", "二村")]
    [clerk.start() for clerk in clerks]
    [clerk.join() for clerk in clerks]
    assert sorted(outcomes) == ["saved", "told"]
    with acting_in(EVERYWHERE):
        assert Application.objects.get().version == 1


# ---------- pages ----------


def post(client: Client, made: Application, *, json: bool = False, **values: Any) -> Any:
    data = {name.replace("__", "-"): value for name, value in values.items()}
    headers = {"Accept": "application/json"} if json else {}
    return client.post(reverse("application_save", args=[made.pk]), data, headers=headers)


def family(*lines: Line) -> dict[str, list[str]]:
    rows = [["" if getattr(line, name) is None else str(getattr(line, name)) for line in lines] for name in typed.COLUMNS]
    return {f"family__{name}": row for name, row in zip(typed.COLUMNS, rows, strict=True)} | {"family__sent": ["1"]}


def test_the_page_saves_itself_what_it_can_read(crew: Crew, browser: Browser):
    made = build.application("张小树", at=crew.school)
    answer = post(browser("teacher"), made, json=True, version="0", address="一村", household_size="三")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["version"], list(told["errors"]), told["complete"]) == (1, ["household_size"], False)
    made.refresh_from_db()
    assert (made.address, made.household_size, made.saved_by) == ("一村", None, "班主任甲")
    later = post(browser("school_maker"), made, json=True, version="0", address="二村")
    assert later.status_code == 409
    assert later.json()["differences"] == [{"name": "address", "label": "详细通讯地址", "theirs": "一村", "mine": "二村"}]
    assert later.json()["stored"]["address"] == "一村"


def test_by_hand_a_conflict_shows_both_and_keeps_what_was_typed(crew: Crew, browser: Browser):
    made = build.application("张小树", at=crew.school)
    form.save(made, {"address": "一村"}, None, version=0, by=SYSTEM)
    answer = post(browser("teacher"), made, version="0", address="二村")
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "对方填“一村”，您填“二村”" in text
    assert 'name="address" value="二村"' in text
    assert 'name="version" value="1"' in text


def test_without_scripts_rows_are_added_and_taken_away(crew: Crew, browser: Browser):
    made, teacher = build.application("张小树", at=crew.school), browser("teacher")
    answer = post(teacher, made, version="0", do="add", rows="3", **family(FATHER, MOTHER))
    assert teacher.get(answer.url).content.decode().count('name="family-name"') == 3 + 1  # and the template's own
    post(teacher, made, version="1", do="remove-0", **family(FATHER, MOTHER))
    assert [line.name for line in form.lines_of(made)] == ["李小花"]


def test_errors_come_back_at_their_field_with_what_was_typed(crew: Crew, browser: Browser):
    made = build.application("张小树", at=crew.school)
    answer = post(browser("teacher"), made, version="0", parent_phone="123", address="一村", **family(Line("张大山")))
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "号码不对" in text
    assert 'value="123"' in text
    made.refresh_from_db()
    assert made.address == "一村"


def test_save_and_submit_in_one_and_a_second_click(crew: Crew, browser: Browser, september: None):
    made, teacher = filled(crew), browser("teacher")
    answer = post(teacher, made, version=str(made.version), do="submit", address="二村")
    assert answer.url == reverse("application_detail", args=[made.pk])
    made.refresh_from_db()
    assert (made.state, made.submitted_by_id) == ("submitted", crew["teacher"].pk)
    again = teacher.post(reverse("application_save", args=[made.pk]), {"do": "submit", "version": "9"}, follow=True)
    assert "不能再改" in again.content.decode()
    assert post(teacher, made, json=True, version="9", address="三村").status_code == 422


def test_an_incomplete_form_is_stored_and_not_submitted(crew: Crew, browser: Browser):
    made = build.application("张小树", at=crew.school)
    answer = browser("teacher").post(
        reverse("application_save", args=[made.pk]), {"do": "submit", "version": "0", "address": "一村"}, follow=True
    )
    assert "申请表还没有填完整" in answer.content.decode()
    made.refresh_from_db()
    assert made.state == "draft"


@pytest.fixture
def september(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day within the window."""
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *_: date(2026, 9, 10))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("表.docx", b"PK\x03\x04 word", "不是照片或 PDF"), ("假.jpg", b"MZ\x90 program", "不是照片或 PDF"),
        ("空.pdf", b"", "空文件"),
        ("大.pdf", b"%PDF-" + b"0" * (10 << 20), "超过 10 MB"),
    ],
)  # fmt: skip
def test_a_paper_that_is_none_is_refused_in_words(crew: Crew, browser: Browser, name: str, content: bytes, says: str):
    made = build.application(at=crew.school)
    url = reverse("application_attach", args=[made.pk])
    answer = browser("teacher").post(url, {"what": "paper", "file": SimpleUploadedFile(name, content)}, follow=True)
    assert says in answer.content.decode()
    assert not files.files_of(made).exists()


def test_papers_are_kept_opened_and_removed(crew: Crew, browser: Browser):
    made, teacher = build.application(at=crew.school), browser("teacher")
    photo = b"\x89PNG\r\n\x1a\n" + b"1" * 30
    url = reverse("application_attach", args=[made.pk])
    teacher.post(url, {"what": "promise", "file": SimpleUploadedFile("承诺.png", photo)})
    file = files.files_of(made).get()
    opened = teacher.get(reverse("application_file", args=[made.pk, file.pk]))
    assert b"".join(opened.streaming_content) == photo
    assert opened["Cache-Control"] == "no-store"
    assert browser("foreign_maker").get(reverse("application_file", args=[made.pk, file.pk])).status_code == 404
    assert browser("second_maker").get(reverse("application_file", args=[made.pk, file.pk])).status_code == 404
    teacher.post(reverse("application_file_remove", args=[made.pk, file.pk]))
    assert not files.files_of(made).exists()


def test_the_home_side_sees_how_far_it_is_and_not_what_the_school_wrote_down(crew: Crew, browser: Browser):
    away = build.application("外读生", at=crew.foreign, home="620123100001", address="枫树路9号", phone="13912345678")
    FamilyMember(application=away, order=0, name="外读父").save()
    text = browser("county_maker").get(reverse("application_detail", args=[away.pk])).content.decode()
    text = re.sub(r'"(?:/[^"]*|\w{64})"|&quot;\w{64}&quot;', "", text)  # keys of rows and tokens hold any digits
    assert "外读生" in text
    assert "填写中" in text
    assert not any(word in text for word in ("枫树路", "外读父", "139", "打印申请表"))
    with crew.acting("county_maker"):
        assert not FamilyMember.objects.exists()
    theirs = browser("foreign_county_maker").get(reverse("application_detail", args=[away.pk])).content.decode()
    assert "枫树路" in theirs
    assert "外读父" in theirs
    assert "13912345678" not in theirs
    assert browser("county_maker").post(reverse("application_print", args=[away.pk]))["Content-Type"] != "application/pdf"


@pytest.mark.parametrize(
    ("persona", "detail", "edit"),
    [
        ("school_maker", 200, 200), ("teacher", 200, 200), ("school_checker", 200, 403), ("county_maker", 200, 403),
        ("city", 200, 403), ("second_maker", 404, 404), ("foreign_maker", 404, 404), ("foreign_county_maker", 404, 403),
    ],
)  # fmt: skip
def test_who_reads_and_who_writes(crew: Crew, browser: Browser, persona: str, detail: int, edit: int):
    made, client = build.application(at=crew.school), browser(persona)
    assert client.get(reverse("application_detail", args=[made.pk])).status_code == detail
    assert client.get(reverse("application_edit", args=[made.pk])).status_code == edit


def test_a_phone_is_shown_once_for_a_purpose(crew: Crew, browser: Browser):
    made = build.application(at=crew.school, parent_phone="13912345678")
    url = reverse("application_reveal", args=[made.pk]) + "?what=parent_phone"
    shown = browser("school_maker").post(url, {"purpose": "联系家庭"}, headers={"HX-Request": "true"})
    assert "13912345678" in shown.content.decode()
    assert browser("school_maker").post(url, headers={"HX-Request": "true"}).status_code == 409
    assert browser("teacher").post(url, {"purpose": "联系家庭"}).status_code == 403
    assert b"13912345678" not in browser("school_maker").get(reverse("application_edit", args=[made.pk])).content


# ---------- on paper ----------


def test_the_form_on_paper_has_every_field(crew: Crew):
    made = filled(crew, boxes=["dibao", "disabled_parent"], debt="欠亲友三万元", native_place="甘肃省榆中县")
    made = Application.objects.select_related("student__person", "school").get(pk=made.pk)
    printed = printing.print_forms([made], clear=True)
    [text] = Pdf(printed.pdf).pages
    assert printed.blanks == ""
    person = made.student.person
    for word in (
        "家庭经济困难学生认定申请表", "张小树", person.id_number, "2016-05", "甘肃省榆中县", "13912345678", "榆树乡一村三社12号",
        "张大山",
        "8000.00", "父子", "患病", "☑低保家庭学生", "☑残疾人子女", "□孤儿", "欠亲友三万元", "3000.00", "家庭遭受自然灾害情况：无",
        "本人承诺以上所填写资料真实", "2026年9月3日", "榆树小学", "三年级", "1班", "学校认定意见",
    ):  # fmt: skip
        assert word in text, word
    masked = Pdf(printing.print_forms([made], clear=False).pdf).pages[0]
    assert person.id_number not in masked
    assert "13912345678" not in masked


def test_the_empty_form_and_the_waiver(crew: Crew):
    [empty] = Pdf(printing.print_blank(crew.school, TERM).pdf).pages
    assert "☑" not in empty
    assert empty.count("□") >= 15 + 2 + 4
    made = build.application("张小树", at=crew.school)
    [waiver] = Pdf(printing.print_waiver(made).pdf).pages
    assert "自愿放弃本学期的学生资助" in waiver
    assert "张小树" in waiver


def test_printing_is_on_record_and_a_teacher_gets_masked_numbers(crew: Crew, browser: Browser):
    made = filled(crew)
    url = reverse("application_print", args=[made.pk])
    number = made.student.person.id_number
    assert number in Pdf(browser("school_maker").post(url).content).pages[0]
    assert number not in Pdf(browser("teacher").post(url).content).pages[0]
    assert Pdf(browser("teacher").get(reverse("application_blank")).content).pages


def test_only_a_draft_is_written_and_only_by_the_side_of_the_school(crew: Crew):
    made = build.application(at=crew.school, state="submitted")
    with pytest.raises(Refused, match="不能再改"):
        form.save(made, {"address": "一村"}, None, version=0, by=SYSTEM)
    away = build.application(at=crew.foreign, home="620123100001")
    with crew.acting("county_maker") as maker, pytest.raises(Refused, match="由学校填写"):
        form.save(away, {"address": "一村"}, None, version=0, by=maker)
