"""Pages of cases: ledgers, the case with its steps, the team, measures, approved absences; who sees and may do what."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import AuditEvent
from aidcases.roles import Role
from aidcases.scoping import SYSTEM, Actor
from dropout import deferrals, measures, teams
from dropout.models import Deferral, DropoutCase, Measure, TeamMember
from tests import make
from tests.dropout.build import case
from tests.payments.county import asks
from tests.personas import As, World

TODAY = timezone.localdate()
TEAM = {"name-teacher": "王老师", "name-cadre": "李村长", "name-parent": "张父", "phone-parent": "139 1234 5678"}


def shown(client: Client, query: str = "") -> list[str]:
    text = client.get(reverse("case_list") + query).content.decode()
    return re.findall(r'<th scope="row"><a [^>]*data-open>([^<]+)</a>', text)


def said(answer: Any) -> str:
    return re.sub(r"\s+", "", answer.content.decode())


def step(client: Client, row: DropoutCase, name: str, *, status: int = 200, **data: Any) -> str:
    answer = client.post(reverse("case_step", args=[row.pk, name]), data, follow=True)
    assert answer.status_code == status
    return said(answer)


@pytest.fixture
def ledgers(county: World) -> dict[str, DropoutCase]:
    """A case in each ledger, of children of both counties."""
    here, there = county.here.students, county.there.students
    late = {"due_on": TODAY - timedelta(days=3)}
    return {
        "late": case("suspected", student=here[0], school=county.here.primary, stage="primary", **late),
        "new": case("verifying", student=here[1], due_on=TODAY + timedelta(days=2), kind="absent", visits_made=1),
        "out": case("persuading", student=here[2], team_named=False),
        "foreign": case("suspected", student=there[0]),
        "crossing": case("closed", student=county.crossing, proof="none", close_reason="都说在校", rounds=2),
    }


def test_three_ledgers_what_is_overdue_first_and_the_unproven_beside_the_zero(ledgers: dict[str, DropoutCase], as_: As):
    maker, other = as_("maker"), as_("other_maker")
    assert asks(maker, reverse("case_list")) <= 12
    assert shown(maker) == ["榆槐贫生", "榆槐普生"]
    assert shown(maker, "?tab=dropout") == ["榆槐高生"]
    assert shown(maker, "?tab=closed") == shown(other, "?tab=closed&proof=none") == ["跨县生"]
    assert shown(other) == ["登枫贫生"]
    assert shown(as_("school")) == ["榆槐贫生", "榆槐普生"]
    assert shown(maker, "?overdue=1") == shown(maker, "?stage=primary") == ["榆槐贫生"]
    assert shown(maker, "?kind=absent") == shown(maker, "?overdue=0") == ["榆槐普生"]
    assert shown(maker, "?place=620123100") == ["榆槐贫生", "榆槐普生"]
    # Of the child at home in the other county no village can be asked for.
    assert shown(maker, "?tab=closed&place=620121100") == []
    text = said(maker.get(reverse("case_list")))
    assert '在辍学生</span><spanclass="stat-number">1' in text
    assert '无佐证销号</span><spanclass="stat-number">1' in text
    found = maker.post(reverse("case_search"), {"search": "榆槐普", "tab": "suspected"})
    assert "榆槐" not in found.url
    assert shown(maker, found.url[found.url.index("?") :]) == ["榆槐普生"]
    assert as_("nobody").get(reverse("case_list")).status_code == 403


def test_three_thousand_are_a_set_of_one_and_what_could_not_is_told(ledgers: dict[str, DropoutCase], as_: As):
    maker, checker = as_("maker"), as_("checker")
    url = reverse("case_bulk") + "?tab=suspected"
    assert "请先勾选案件" in said(maker.post(url, {"do": "verify"}, follow=True))
    told = said(maker.post(url, {"do": "verify", "take": [ledgers["late"].pk, ledgers["foreign"].pk]}, follow=True))
    assert "开始核查：1件中办了1件。" in told
    told = said(maker.post(url, {"do": "verify", "which": "all"}, follow=True))
    assert "2件中办了0件。" in told
    assert "2件没有办：当前状态不能开始核查。" in told
    acquit = {"do": "acquit", "which": "all", "alarm": "dead", "note": "派出所证明"}
    assert "您的角色不能排除" in said(maker.post(url, acquit, follow=True))
    told = said(checker.post(url, acquit, follow=True))
    assert "排除：2件中办了2件。" in told
    assert DropoutCase.objects.get(pk=ledgers["foreign"].pk).state == "suspected"


def test_a_case_goes_its_way_on_its_page(ledgers: dict[str, DropoutCase], county: World, as_: As):
    row, maker, checker = ledgers["new"], as_("maker"), as_("checker")
    page = reverse("case_detail", args=[row.pk])
    assert asks(checker, page) <= 30
    assert "确认辍学" in said(checker.get(page))
    assert "已排除" not in said(maker.get(page))
    assert "由别的岗位办理的：排除、确认辍学：县级审核、县中心负责人。" in said(maker.get(page))
    assert "请选择辍学原因" in step(checker, row, "confirm", status=422, left_on=str(TODAY), cause="")
    assert "请写成2026-10-20" in step(checker, row, "confirm", status=422, left_on="昨天", cause="work")
    assert "确认辍学：已办理" in step(
        checker, row, "confirm", left_on=str(TODAY), cause="work", whereabouts="在餐馆打工"
    )
    assert "在餐馆打工" in said(maker.get(page))
    assert "“三帮一”还没有配齐" in step(maker, row, "persuade")
    saved = maker.post(reverse("case_team_save", args=[row.pk]), TEAM, follow=True)
    assert "已保存：帮扶教师、帮扶村干部、家长（监护人）。" in said(saved)
    assert "开始劝返：已办理" in step(maker, row, "persuade")
    DropoutCase.objects.filter(pk=row.pk).update(persuasions=1)
    assert "您的角色不能进入法律程序" in step(maker, row, "go_to_law", note="拒不返校")
    assert "进入法律程序：已办理" in step(checker, row, "go_to_law", note="拒不返校")
    assert "撤回法律程序：已办理" in step(checker, row, "back_from_law", note="家长愿意")
    back = {"returned_on": str(TODAY), "school": county.here.primary.code}
    assert "复学：已办理" in step(maker, row, "bring_back", **back)
    assert "再次辍学：已办理" in step(maker, row, "relapse", left_on=str(TODAY), note="又没来")
    text = maker.get(page).content.decode()
    order = ["再次辍学", "复学", "撤回法律程序", "进入法律程序", "开始劝返", "指定责任人", "确认辍学"]
    story = text[text.index("办理经过") :]
    places = [story.index(f"<strong>{label}</strong>") for label in order]
    assert places == sorted(places)
    assert "第 2 次" in text
    closed = ledgers["crossing"]
    assert "重新核查：已办理" in step(as_("other_maker"), closed, "reopen", note="又有人反映")
    assert maker.post(reverse("case_step", args=[ledgers["foreign"].pk, "verify"])).status_code == 404
    assert maker.post(reverse("case_step", args=[row.pk, "close"])).status_code == 404


def test_the_team_is_named_at_once_and_its_chain_copied(ledgers: dict[str, DropoutCase], county: World, as_: As):
    row, by = ledgers["late"], Actor("校经办", 1, None, county.here.office.path, all_powers=True)
    here = county.here
    teacher = make.user("teacher", "班主任甲", make.school_office(here.primary), Role.CLASS_TEACHER)
    assert shown(as_("maker")).count("榆槐贫生") == 1
    client = Client()
    client.force_login(teacher, backend="django.contrib.auth.backends.ModelBackend")
    assert shown(client) == []
    chain = {"name-principal": "赵校长", "name-village_head": "钱村长", "phone-village_head": "0931-5221234"}
    sent = {**TEAM, **chain, "name-class_teacher": "班主任甲", "user-class_teacher": teacher.pk}
    as_("school").post(reverse("case_team_save", args=[row.pk]), sent)
    row.refresh_from_db()
    assert row.team_named
    assert shown(client) == ["榆槐贫生"]
    parent = TeamMember.objects.get(case=row, seat="parent")
    assert (parent.phone, parent.set_path) == ("13912345678", here.primary.path)
    # Whoever opened the page before that is told, and has what was typed before them.
    stale = as_("maker").post(reverse("case_team_save", args=[row.pk]), {"name-principal": "孙校长", "seen": "of before"})
    assert (stale.status_code, "有人改过这一部分" in said(stale), "孙校长" in said(stale)) == (422, True, True)
    assert not TeamMember.objects.filter(name="孙校长").exists()
    again = {"name-principal": "孙校长", "seen": stale.context["seen"]}
    assert as_("maker").post(reverse("case_team_save", args=[row.pk]), again).status_code == 302
    teams.name_team(row, [teams.Named("principal", "赵校长")], by=by, today=TODAY)
    # Saved again without a number it stays; another person has another one.
    assert teams.name_team(row, [teams.Named("parent", "张父")], by=by, today=TODAY) == []
    assert teams.name_team(row, [teams.Named("parent", "张母")], by=by, today=TODAY) == ["家长（监护人）"]
    assert TeamMember.objects.get(case=row, seat="parent").phone is None
    teams.name_team(row, [teams.Named("parent", "")], by=by, today=TODAY)
    assert not row.team_named
    second = case("verifying", student=make.student(at=here.primary, home="620123100201"), school=here.primary)
    known = teams.suggested(second)
    named = {"principal": "赵校长", "class_teacher": "班主任甲", "village_head": "钱村长"}
    assert {seat: member.name for seat, member in known.items()} == named
    assert "赵校长" in as_("maker").get(reverse("case_team", args=[second.pk])).content.decode()
    teams.name_team(second, [teams.Named("village_head", "钱村长")], by=by, today=TODAY)
    assert TeamMember.objects.get(case=second, seat="village_head").phone == "0931-5221234"
    with pytest.raises(Refused, match="电话不对"):
        teams.name_team(row, [teams.Named("cadre", "李", phone="123")], by=by, today=TODAY)
    with pytest.raises(Refused, match="不是这所学校的"):
        teams.name_team(row, [teams.Named("teacher", "李", user_id=county["other_maker"].pk)], by=by, today=TODAY)
    with pytest.raises(Refused, match="姓名"):
        teams.name_team(row, [teams.Named("cadre", "", duty="主任")], by=by, today=TODAY)


def test_a_telephone_is_shown_on_record_and_stays_with_the_county_that_has_it(county: World, as_: As):
    row = case("verifying", student=county.crossing, school=county.here.primary)
    as_("school").post(reverse("case_team_save", args=[row.pk]), TEAM)
    parent = TeamMember.objects.get(case=row, seat="parent")
    url = reverse("team_reveal", args=[parent.pk])
    for persona in ("maker", "other_maker"):
        text = as_(persona).get(reverse("case_detail", args=[row.pk])).content.decode()
        assert "139******78" in text
        assert "13912345678" not in text
    assert "13912345678" in as_("maker").post(url, {"purpose": "联系家庭"}).content.decode()
    assert AuditEvent.objects.filter(action="secret.reveal", subject_id=parent.pk).count() == 1
    refused = as_("other_maker").post(url, {"purpose": "联系家庭"}, follow=True).content.decode()
    assert "13912345678" not in refused
    assert "由对方县登记" in refused


def test_a_child_is_registered_from_its_page_and_the_teacher_sees_it(county: World, as_: As):
    child = county.here.students[1]
    user = make.user("teacher", "班主任甲", make.school_office(county.here.primary), Role.CLASS_TEACHER)
    teacher = Client()
    teacher.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert (
        reverse("case_new", args=[child.pk]) in teacher.get(reverse("student_detail", args=[child.pk])).content.decode()
    )
    assert teacher.get(reverse("case_new", args=[child.pk])).status_code == 200
    url, sent = reverse("case_open", args=[child.pk]), {"found_by": "attendance", "note": "三天没来"}
    assert teacher.post(url, {"found_by": "comparison", "note": ""}).status_code == 422
    assert "已登记疑似辍学" in said(teacher.post(url, sent, follow=True))
    assert "已经有办理中的案件" in said(as_("maker").post(url, sent, follow=True))
    row = DropoutCase.objects.get(student=child)
    assert (row.found_by, row.teammembers.get().name) == ("attendance", "班主任甲")
    TeamMember.objects.filter(case=row).update(user_id=None)
    assert "已经有控辍案件" in said(teacher.post(url, sent, follow=True))
    text = as_("maker").get(reverse("student_detail", args=[child.pk])).content.decode()
    assert reverse("case_detail", args=[row.pk]) in text
    assert reverse("case_new", args=[child.pk]) not in text


def test_measures_are_listed_by_kind(ledgers: dict[str, DropoutCase], as_: As):
    row, maker = ledgers["out"], as_("maker")
    url = reverse("measure_take", args=[row.pk])
    sent = {
        "kind": "labour",
        "done_on": str(TODAY),
        "done_by": "劳动监察大队",
        "text": "到餐馆检查",
        "effect": "责令清退",
    }
    assert "童工专项查处要写明用工单位" in said(maker.post(url, sent))
    maker.post(url, {**sent, "workplace": "兴隆餐馆"})
    maker.post(url, {**sent, "kind": "learning", "workplace": "兴隆餐馆"})
    assert list(Measure.objects.order_by("pk").values_list("kind", "workplace")) == [
        ("labour", "兴隆餐馆"),
        ("learning", ""),
    ]
    assert asks(maker, reverse("measure_list") + "?kind=labour") <= 12
    text = maker.get(reverse("measure_list") + "?kind=labour").content.decode()
    assert text.count("到餐馆检查") == 1
    assert "兴隆餐馆" in text
    assert "还没有帮扶措施" in as_("other_maker").get(reverse("measure_list")).content.decode()
    assert "到餐馆检查" in maker.get(reverse("case_detail", args=[row.pk])).content.decode()
    with pytest.raises(Refused, match="日期不能晚于今天"):
        measures.take(
            row, kind="aid", done_on=TODAY + timedelta(days=1), done_by="甲", text="落实", by=SYSTEM, today=TODAY
        )


def test_an_approved_absence_is_no_dropout(ledgers: dict[str, DropoutCase], county: World, as_: As):
    young = make.student("晚学", at=county.here.primary, born=date(TODAY.year - 6, 1, 15))
    case("suspected", student=young)
    head, url = as_("head"), reverse("deferral_approve", args=[young.pk])
    sent = {
        "kind": "later", "from_on": str(TODAY), "until_on": str(deferrals.last_day(young.person.birth_on) + timedelta(days=1)),
        "reason": "身体原因", "approved_by": "城关镇人民政府", "approved_on": str(TODAY), "document": "",
    }  # fmt: skip
    text = said(head.post(url, sent))
    assert "延缓入学最晚到年满七周岁" in text
    assert "请填写批准文号，或上传批准文件" in text
    paper = SimpleUploadedFile("批准.jpg", b"\xff\xd8\xff" + b"0" * 40)
    sent["until_on"] = str(deferrals.last_day(young.person.birth_on))
    told = said(head.post(url, {**sent, "papers": paper}, follow=True))
    assert "疑似辍学案件已排除：延缓入学。" in told
    row = DropoutCase.objects.get(student=young)
    assert (row.state, row.alarm) == ("false_alarm", "deferred")
    made = Deferral.objects.get()
    answer = head.get(reverse("deferral_paper", args=[made.pk]))
    assert b"".join(answer.streaming_content).startswith(b"\xff\xd8\xff")
    for page in (reverse("deferral_list"), reverse("case_detail", args=[row.pk])):
        assert reverse("deferral_paper", args=[made.pk]) in head.get(page).content.decode()
    assert "日期不能重叠" in said(head.post(url, {**sent, "document": "1号"}))
    assert "休学一次最长一年" in said(
        head.post(url, {**sent, "kind": "leave", "document": "1号", "until_on": str(TODAY + timedelta(days=400))})
    )
    assert as_("maker").post(url, sent).status_code == 403
    assert asks(head, reverse("deferral_list")) <= 12
    assert "晚学" in as_("school").get(reverse("deferral_list")).content.decode()
    assert "晚学" not in as_("other_maker").get(reverse("deferral_list") + "?tab=all").content.decode()
    ill = ledgers["late"]
    fields = {**sent, "kind": "leave", "document": "榆教休〔2026〕1号", "until_on": str(TODAY + timedelta(days=90))}
    head.post(reverse("deferral_approve", args=[ill.student_id]), fields)
    ill.refresh_from_db()
    assert (ill.state, ill.alarm) == ("false_alarm", "ill")


@pytest.mark.parametrize(
    ("born", "last"),
    # On 31 August of the year the child is seven it enters; born on 1 September it is seven a year later.
    [
        (date(2012, 8, 31), date(2019, 8, 31)),
        (date(2012, 9, 1), date(2020, 8, 31)),
        (date(2012, 2, 29), date(2019, 8, 31)),
    ],
)
def test_school_is_put_off_to_seven_at_most(born: date, last: date):
    assert deferrals.last_day(born) == last
