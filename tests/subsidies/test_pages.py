"""Policies, runs and entitlements in the browser: figures, reasons, who sees what, how many queries it costs."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aidcases import sql
from aidcases.models import AuditEvent, Job, SchoolFee
from aidcases.scoping import Scope, acting_in
from aidcases.searching import understood
from students.enums import Stage
from students.models import Enrolment
from subsidies import board, panels
from subsidies.actions import adopt_pack, publish
from subsidies.conditions import condition
from subsidies.explain import explain
from subsidies.funnel import facts_in_sight, funnel
from subsidies.models import ComputeRun, Entitlement, EntitlementChange, FactRow, MissingFigure, PackAdoption, Rule
from subsidies.rules import applied_rules
from tests import make
from tests.personas import CANARY, TERM, As, World, compute

HERE, THERE = CANARY["620123"], CANARY["620121"]
PAGES = (
    "home", "entitlement_list", "entitlement_totals", "coverage_list", "missing_list", "pack_list", "run_list", "change_list",
)  # fmt: skip


def text_of(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def page(client: Client, name: str, *args: object, **query: object) -> str:
    return text_of(client.get(reverse(name, args=args), query))


def plain(html: str) -> str:
    """Text without markup and blanks: 应助 4 人 and 应助 <b>4</b> 人 are the same."""
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", html))


def names_on(html: str) -> list[str]:
    """What stands in the first column of the lists."""
    return re.findall(r"data-open>([^<]+)</a></th>", html)


def recomputed(world: World, path: str = "/62/6201/620123/") -> ComputeRun:
    from aidcases import jobs
    from subsidies.actions import request_recompute

    job = jobs.work_off(request_recompute(term=TERM, path=path))
    return ComputeRun.objects.get(job_id=job.pk)


# --- home -------------------------------------------------------------------------------------------------------


def test_a_county_s_home_counts_what_is_due(as_: As, world: World):
    """Four pupils at school or at home here: three get fee, books and workbooks; one boards; one is at senior school."""
    html = page(as_("maker"), "home")
    shown = plain(html)
    assert "在读学生4人" in shown
    assert "应助学生4人12人次" in shown
    assert "应助金额1,900元" in shown  # boarding 500, senior fee 400, senior grant 1000
    assert "应助合计（12人次）4￥1,900.00" in shown
    assert "义务教育寄宿生生活补助发放到卡1￥500.00" in shown
    assert "享受按困难情况给的资助2人" in shown
    assert "只享受人人都有的项目1人" in shown


def test_loans_stand_apart_from_what_is_due(as_: As, county: World):
    college = make.school(place="620123100", name="职业学院", stages=(Stage.HIGHER_VOCATIONAL,), fee="5000")
    make.student(
        "贷款生", at=college, stage=Stage.HIGHER_VOCATIONAL, grade=2, home="620123100201", categories=("dibao_rural",)
    )
    compute(county)
    shown = plain(page(as_("maker"), "home"))
    assert "生源地信用助学贷款可申请，不计入应助1最多￥8,000.00" in shown
    assert "应助合计（12人次）4￥1,900.00" in shown
    assert "只可申请贷款1人" in shown
    total = plain(page(as_("maker"), "entitlement_totals"))
    assert total == "应助4人、12人次，合计￥1,900.00；另有1人可申请贷款，最多￥8,000.00（不计入应助）。"


def test_a_city_s_home_shows_every_county_and_counts_a_child_once(as_: As, world: World):
    """The child of two counties stands in both rows and once in the sum; counties without a roll say so."""
    html = page(as_("city"), "home")
    table = html.split("各县区应助", 1)[1].split("</table>", 1)[0]
    rows = {plain(row)[:3]: plain(row) for row in re.findall(r"<tr>(.*?)</tr>", table, flags=re.S)}
    assert rows["榆中县"].startswith("榆中县4412￥1,900.000")
    assert rows["永登县"].startswith("永登县4412￥1,900.000")
    assert rows["城关区"] == "城关区—————没有学籍数据"
    assert "全部7721￥3,800.000" in plain(html)
    assert "term=2018-autumn&amp;county=620123" in html
    assert html.count("chart-canvas") == 1


def test_what_a_county_sees_equals_its_line_at_the_city(as_: As, world: World):
    for county, persona in (("620123", "maker"), ("620121", "other_maker")):
        own = plain(page(as_(persona), "entitlement_totals"))
        assert own == plain(page(as_("city"), "entitlement_totals", county=county))


def test_a_school_sees_its_own_pupils_and_that_the_county_has_computed(as_: As, world: World):
    html = page(as_("school"), "home")
    assert "在读学生3人" in plain(html)
    assert "由上级单位测算" in html
    assert 'action="/recompute/"' not in html
    assert "在读学生1人" in plain(page(as_("other_school"), "home"))


def test_the_auditor_reads_the_same_board_without_its_buttons(as_: As, world: World):
    html = page(as_("auditor"), "home")
    assert "应助金额1,900元" in plain(html)
    assert 'action="/recompute/"' not in html
    assert 'action="/recompute/"' in page(as_("maker"), "home")


def test_the_home_page_tells_what_changed_since_the_last_run(as_: As, world: World):
    poor = world.here.students[0]
    Enrolment.objects.filter(student=poor).update(boarding=False)
    assert "资料有变化，待测算1人" in plain(page(as_("maker"), "home"))
    assert "资料有变化，待测算" not in page(as_("other_maker"), "home")
    run = recomputed(world)
    for persona in ("maker", "school"):
        html = page(as_(persona), "home")
        assert "改动或取消1条" in plain(html)
        assert f"{reverse('change_list')}?term=2018-autumn&amp;run={run.pk}" in html
    assert "没有谁的应享被改动或取消" in page(as_("other_school"), "home")


def test_before_the_first_run_nobody_is_said_to_get_nothing(as_: As, county: World):
    for persona, told in (
        ("maker", "学籍和各类困难名单入库以后点“测算”"),
        ("head", "测算由经办或审核岗进行"),
        ("school", "县学生资助管理中心测算以后"),
    ):
        html = page(as_(persona), "home")
        assert f"2018—2019学年秋季学期还没有测算过，所以还不知道谁应享什么、多少元。{told}" in plain(html)
        assert "一项都没有" not in html
        assert "应助学生" not in html
        assert "在读学生" in html
    compute(county)
    assert "一项都没有" in page(as_("maker"), "home")


def test_who_may_not_compute_is_told_who_does(as_: As, world: World):
    """The county's head: the colleagues, not an office above. A school: the office above."""
    run = recomputed(world)
    html = page(as_("head"), "run_list")
    assert "本单位的测算由经办或审核岗进行" in html
    assert "上级" not in html
    assert reverse("run_detail", args=[run.pk]) in html
    html = page(as_("school"), "run_list")
    assert "由上级单位进行" in html
    assert "经办或审核岗" not in html
    assert "经办或审核岗" not in page(as_("maker"), "run_list")


def test_a_loan_on_a_run_s_page_is_a_ceiling_and_the_certificate_is_folded_away(as_: As, county: World):
    college = make.school(place="620123100", name="职业学院", stages=(Stage.HIGHER_VOCATIONAL,), fee="5000")
    make.student(
        "贷款生", at=college, stage=Stage.HIGHER_VOCATIONAL, grade=2, home="620123100201", categories=("dibao_rural",)
    )
    run = recomputed(county)
    html = page(as_("maker"), "run_detail", run.pk)
    assert "最多￥8,000.00" in plain(html)
    assert run.certificate in html.split("<summary>证书号", 1)[1].split("</details>", 1)[0]
    assert run.certificate[:12] not in page(as_("maker"), "home")


def test_a_missing_figure_is_counted_and_named_with_its_school(as_: As, county: World):
    SchoolFee.objects.filter(school=county.here.senior).delete()
    compute(county)
    assert "待补数据，算不出金额1人" in plain(page(as_("maker"), "home"))
    html = page(as_("maker"), "missing_list")
    assert names_on(html) == [county.here.senior.name]
    assert "学校收费标准（元/年）" in html
    assert names_on(page(as_("other_maker"), "missing_list")) == []
    assert MissingFigure.objects.count() == 1


# --- entitlements -----------------------------------------------------------------------------------------------


def test_everyone_sees_the_entitlements_of_their_own_children(as_: As, world: World):
    here = {f"{HERE}贫生", f"{HERE}普生", f"{HERE}高生", "跨县生"}
    there = {f"{THERE}贫生", f"{THERE}普生", f"{THERE}高生", "跨县生"}
    seen = {
        persona: set(names_on(page(as_(persona), "entitlement_list"))) for persona in world.users if persona != "nobody"
    }
    assert seen["maker"] == seen["auditor"] == seen["head"] == here
    assert seen["other_maker"] == there
    assert seen["city"] == here | there
    assert seen["school"] == here - {f"{HERE}高生"}
    assert seen["other_school"] == {f"{HERE}高生"}


@pytest.mark.parametrize(
    ("query", "lines", "total"),
    [
        ({"benefit": "compulsory-boarding"}, 1, "应助1人、1人次，合计￥500.00。"),
        ({"rule": "lz-senior-grant"}, 1, "应助1人、1人次，合计￥1,000.00。"),
        ({"stage": "senior"}, 2, "应助1人、2人次，合计￥1,400.00。"),
        ({"delivery": "fee_waiver"}, 1, "应助1人、1人次，合计￥400.00。"),
        ({"delivery": "in_kind"}, 9, "应助3人、9人次，合计￥0.00。"),
        ({"category": "dibao_rural"}, 2, "应助1人、2人次，合计￥1,400.00。"),
        ({"category": "any", "delivery": "cash"}, 2, "应助2人、2人次，合计￥1,500.00。"),
        ({"stage": "preschool"}, 0, "没有应助。"),
    ],
)
def test_filters_narrow_list_and_totals_alike(as_: As, world: World, query: dict, lines: int, total: str):
    assert len(names_on(page(as_("maker"), "entitlement_list", **query))) == lines
    assert plain(page(as_("maker"), "entitlement_totals", **query)) == total


def test_a_school_filters_the_county_s_list(as_: As, world: World):
    html = page(as_("maker"), "entitlement_list", school=world.here.senior.code)
    assert set(names_on(html)) == {f"{HERE}高生"}
    assert 'name="school"' in html
    assert 'name="school"' not in page(as_("other_school"), "entitlement_list")


def test_only_the_city_chooses_among_counties(as_: As, world: World):
    html = page(as_("city"), "entitlement_list", county="620123")
    assert f"{THERE}普生" not in html
    assert "榆中县" in html
    assert 'name="county"' not in page(as_("maker"), "entitlement_list", county="620121")


def test_a_posted_name_or_number_stays_out_of_the_address(as_: As, world: World):
    poor = world.here.students[0].person
    for typed in (poor.name, poor.id_number):
        answer = as_("maker").post(
            reverse("entitlement_search"), {"search": typed, "term": "2018-autumn", "delivery": "cash"}
        )
        assert re.fullmatch(
            r"/entitlements/\?(?=.*term=2018-autumn)(?=.*delivery=cash)[\w=&-]*&q=[\w-]{8}", answer["Location"]
        )
    client = as_("maker")
    found = text_of(client.post(reverse("entitlement_search"), {"search": poor.id_number}, follow=True))
    assert set(names_on(found)) == {poor.name}
    assert poor.id_number not in found
    others = as_("other_maker").post(reverse("entitlement_search"), {"search": poor.id_number}, follow=True)
    assert names_on(text_of(others)) == []


def test_children_who_get_nothing_are_named(as_: As, world: World):
    lonely = make.student(
        "孤单生", at=world.here.senior, stage=Stage.SENIOR, grade=2, home="620123100201", categories=("orphan",)
    )
    compute(world)
    assert board.coverage(TERM)["none"] == 1
    html = page(as_("maker"), "coverage_list", covered="none")
    assert names_on(html) == ["孤单生"]
    assert reverse("student_why", args=[lonely.pk]) in html
    assert set(names_on(page(as_("maker"), "coverage_list", covered="own"))) == {f"{HERE}贫生", f"{HERE}高生"}
    assert names_on(page(as_("maker"), "coverage_list", covered="universal")) == ["跨县生"]
    assert names_on(page(as_("other_maker"), "coverage_list", covered="none")) == []
    answer = as_("maker").post(reverse("coverage_search"), {"search": "孤单", "covered": "none", "term": "2018-autumn"})
    assert "covered=none" in answer["Location"]
    assert "孤单" not in answer["Location"]


def test_the_priority_children_are_those_the_fact_says(world: World):
    """One list by dated records, one by the facts of the rules; the roll's mark, ends and late starts included."""
    at, home = world.here.primary, "620123100201"
    marked = make.student("学籍孤儿", at=at, home=home)
    Enrolment.objects.filter(student=marked).update(orphan=True)
    ended = make.student("已退出", at=at, home=home, categories=("dibao_rural",))
    make.hardship(ended.person, "dibao_rural", from_on=date(2018, 8, 1), active=False)
    ending = make.student("学期中退出", at=at, home=home, categories=("dibao_rural",))
    make.hardship(ending.person, "dibao_rural", from_on=date(2018, 10, 1), active=False)
    late = make.student("新识别", at=at, home=home)
    make.hardship(late.person, "disabled", from_on=date(2019, 2, 1))
    facts, values = facts_in_sight(TERM)
    text, more = sql.compiled(FactRow.objects.filter(condition("any_category", True).holds).values("student_id"))
    by_facts = {row["student_id"] for row in sql.rows(f"{facts} {text}", [*values, *more])}
    assert set(board.priority(TERM).values_list("student_id", flat=True)) == by_facts
    assert {marked.pk, ending.pk, late.pk} <= by_facts
    assert ended.pk not in by_facts


# --- why and why not --------------------------------------------------------------------------------------------


def test_why_shows_arithmetic_clause_version_and_what_is_missing(as_: As, world: World):
    _, plain_pupil, teen = world.here.students
    html = plain(page(as_("maker"), "student_why", teen.pk))
    assert "享受2项，本学期合计￥1,400.00" in html
    assert "学校收费标准800.00元/学年÷2=400.00元" in html
    assert "不低于2,000.00元/学年÷2=1,000.00元（秋季学期）" in html
    assert "兰州市教育脱贫攻坚实施方案四（三）2普通高中·兰州市教育脱贫攻坚资助政策第1版" in html
    assert "其他学段的政策11条" in html
    html = plain(page(as_("maker"), "student_why", plain_pupil.pk))
    assert "要享受，下面任何一条成立就可以" in html
    assert "寄宿：是，并且建档立卡（脱贫户）：是" in html
    assert "能证明的材料：困难认定申请、学籍“就读方式”、建档立卡（防返贫）名单" in html


def test_why_is_for_both_sides_of_a_child_and_nobody_else(as_: As, world: World):
    url = reverse("student_why", args=[world.crossing.pk])
    for persona in ("maker", "other_maker", "school", "city"):
        assert as_(persona).get(url).status_code == 200
    assert as_("other_school").get(url).status_code == 404
    assert as_("other_maker").get(reverse("student_why", args=[world.here.students[0].pk])).status_code == 404


def test_who_was_looked_at_is_on_record(as_: As, world: World):
    pk = world.here.students[0].pk
    as_("maker").get(reverse("student_why", args=[pk]))
    event = AuditEvent.objects.filter(action="personal.read").first()
    assert (event.actor, event.data["subject_ids"]) == ("甲经办", [pk])


def test_why_says_when_the_list_is_older_than_the_facts(as_: As, world: World):
    poor = world.here.students[0]
    assert "与应享名单不一致" not in page(as_("maker"), "student_why", poor.pk)
    Enrolment.objects.filter(student=poor).update(boarding=False)
    assert "与应享名单不一致" in page(as_("maker"), "student_why", poor.pk)


def test_why_of_a_term_without_enrolment(as_: As, world: World):
    assert "这个学期没有学籍" in page(as_("maker"), "student_why", world.here.students[0].pk, term="2020-autumn")


def test_of_two_documents_the_lesser_says_by_which_it_is_outbid(as_: As, world: World):
    publish(SECOND_PACK)
    adopt_pack("second", region=make.region("620123"), from_on=date(2018, 9, 1))
    compute(world)
    teen = world.here.students[2]
    html = page(as_("maker"), "student_why", teen.pk)
    assert '已按<a href="#x-grant">“县定助学金”</a>享受' in html
    assert Entitlement.objects.get(student=teen, benefit__code="senior-grant").amount == Decimal("1500.00")
    steps = plain(page(as_("maker"), "rule_detail", "lz-senior-grant"))
    assert "应助0人，￥0.00。按现在的资料，符合全部条件的有1人" in steps


SECOND_PACK = """
[pack]
code = "second"
title = "县定政策"
document = "县定政策"
first_day = 2018-09-01

[[rule]]
code = "x-grant"
benefit = "senior-grant"
title = "县定助学金"
clause = "第一条"
when = { stage = ["senior"], any = ["dibao_rural"] }
amount = { kind = "fixed", period = "school_year", values = [{ yuan = "3000.00" }] }
"""


def test_the_student_s_page_lists_what_is_due(as_: As, world: World):
    poor = world.here.students[0]
    html = page(as_("maker"), "student_detail", poor.pk)
    assert "应助合计￥500.00" in plain(html)
    assert f"{reverse('student_why', args=[poor.pk])}?term=2018-autumn#lz-compulsory-boarding" in html
    assert "下次测算后上表才会更新" not in html
    Enrolment.objects.filter(student=poor).update(boarding=False)
    assert "下次测算后上表才会更新" in page(as_("maker"), "student_detail", poor.pk)


# --- policies ---------------------------------------------------------------------------------------------------


def test_a_policy_reads_as_text_with_clauses_and_adoption(as_: As, county: World):
    html = page(as_("school"), "pack_list")
    assert "兰州市：2018-09-01起采用" in plain(html)
    html = plain(page(as_("school"), "pack_detail", "lanzhou"))
    assert "2018-09-01起小学：1,000.00元/学年2018-09-01起初中：1,250.00元/学年2024-03-01起小学：1,250.00元/学年" in html
    assert "学校与户口同省：500.00元其他学生：1,000.00元" in html
    assert "如何理解：甘肃籍按户口所在地认定，不看身份证号前两位。" in html
    assert "小学1,000.00元/学年；初中1,250.00元/学年" in html
    html = plain(page(as_("school"), "pack_detail", "lanzhou", term="2024-spring"))
    assert "小学1,250.00元/学年；初中1,500.00元/学年" in html


def test_an_older_version_stays_readable(as_: As, county: World):
    publish(SECOND_PACK)
    publish(SECOND_PACK.replace("3000.00", "3500.00"))
    assert "3,500.00" in page(as_("maker"), "pack_detail", "second")
    html = page(as_("maker"), "pack_detail", "second", version=1)
    assert "3,000.00" in html
    assert "旧版本" in html
    assert as_("maker").get(reverse("pack_detail", args=["second"]), {"version": "9"}).status_code == 404
    assert as_("maker").get(reverse("pack_detail", args=["nothing"])).status_code == 404


@pytest.mark.parametrize("path", ["/", "/62/6201/620123/", "/62/6201/620121/"])
def test_the_funnel_ends_with_whom_the_rule_is_explained_yes(world: World, path: str):
    with acting_in(Scope(path)):
        pupils = [enrolment.student for enrolment in Enrolment.objects.in_term(TERM).select_related("student")]
        yes = [one.rule.code for pupil in pupils for one in explain(pupil, TERM) if one.eligible]
        for applied in applied_rules(TERM):
            steps = funnel(applied, TERM)
            assert steps[0].left == len(pupils)
            assert steps[-1].left == yes.count(applied.rule.code)
            assert [step.left for step in steps] == sorted((step.left for step in steps), reverse=True)
            assert steps[0].left - sum(step.lost for step in steps) == steps[-1].left


def test_a_rule_s_page_counts_within_the_own_scope(as_: As, world: World):
    for persona, everyone, last in (("maker", 4, 1), ("city", 7, 2), ("other_school", 1, 0)):
        html = plain(page(as_(persona), "rule_detail", "lz-compulsory-boarding"))
        assert f"本学期在读学生{everyone}学校所在地采用本政策（兰州市）{everyone}" in html
        assert f"应助{last}人，￥{500 * last:,}.00。" in html


def test_a_rule_that_does_not_apply_says_so(as_: As, world: World):
    html = page(as_("maker"), "rule_detail", "lz-loan", term="2019-spring")
    assert "本规则在这个学期不执行" in html
    assert "chart-canvas" not in html
    assert as_("maker").get(reverse("rule_detail", args=["no-such"])).status_code == 404


def test_rules_are_found_by_the_name_people_use(county: World):
    [hit] = panels.rules_found(understood("滋惠"), 20)
    assert hit.url == reverse("rule_detail", args=["lz-zihui"])
    assert panels.rules_found(understood("6201"), 20) == []


def test_roles_without_the_policies_are_refused(as_: As, county: World):
    teacher = make.user("teacher", "班主任", make.school_office(county.here.primary), "class_teacher")
    client = Client()
    client.force_login(teacher, backend="django.contrib.auth.backends.ModelBackend")
    for name in PAGES[1:]:
        assert client.get(reverse(name)).status_code == 403
    assert client.get(reverse("home")).status_code == 200


# --- runs -------------------------------------------------------------------------------------------------------


def test_a_double_click_starts_one_job_and_the_page_shows_it(as_: As, county: World):
    client = as_("maker")
    for _ in range(2):
        answer = client.post(reverse("recompute"), {"term": "2018-autumn"})
        assert answer["Location"] == "/runs/?term=2018-autumn"
    job = Job.objects.get(kind="subsidies.recompute")
    assert (job.path, job.params["marked_only"]) == ("/62/6201/620123/", False)
    html = page(client, "run_list")
    assert reverse("job_progress", args=[job.pk]) in html
    assert reverse("job_progress", args=[job.pk]) not in page(as_("other_maker"), "run_list")


def test_only_changed_students_can_be_asked_for(as_: As, world: World):
    Enrolment.objects.filter(student=world.here.students[0]).update(boarding=False)
    assert 'name="marked_only"' in page(as_("city"), "run_list")
    as_("city").post(reverse("recompute"), {"term": "2018-autumn", "marked_only": "on"})
    job = Job.objects.get(state="queued")
    assert (job.path, job.params["marked_only"]) == ("/62/6201/", True)


@pytest.mark.parametrize("persona", ["school", "head", "auditor"])
def test_who_may_not_compute_is_refused(as_: As, county: World, persona: str):
    assert as_(persona).post(reverse("recompute"), {"term": "2018-autumn"}).status_code == 403
    assert not Job.objects.exists()


@pytest.mark.parametrize(("term", "reason"), [("2018", "学期“2018”认不出"), ("2030-autumn", "还没有学籍数据")])
def test_a_run_that_cannot_be_says_why(as_: As, county: World, term: str, reason: str):
    html = text_of(as_("maker").post(reverse("recompute"), {"term": term}, follow=True))
    assert reason in html
    assert not Job.objects.exists()


def test_a_run_shows_what_it_changed_and_filters_it(as_: As, world: World):
    poor = world.here.students[0]
    Enrolment.objects.filter(student=poor).update(boarding=False)
    Enrolment.objects.filter(student=world.crossing).update(boarding=True)
    SchoolFee.objects.filter(school=world.here.senior).update(annual_fee=1000)
    run = recomputed(world)
    html = page(as_("maker"), "run_detail", run.pk)
    assert "新增1条" in plain(html)
    assert "改动1条" in plain(html)
    assert "取消1条" in plain(html)
    assert set(names_on(html)) >= {f"{HERE}贫生", f"{HERE}高生"}
    assert "不再享受￥500.00—" in plain(html)
    assert "金额变了￥400.00￥500.00" in plain(html)
    assert run.certificate in html
    changed = page(as_("maker"), "run_detail", run.pk, kind="changed")
    assert f"{HERE}贫生" not in changed
    assert f"{HERE}高生" in changed
    boarding = page(as_("maker"), "run_detail", run.pk, benefit="compulsory-boarding")
    assert f"{HERE}高生" not in boarding
    added = page(as_("maker"), "entitlement_list", run=run.pk)
    assert names_on(added) == ["跨县生"]
    answer = as_("maker").post(reverse("change_search"), {"run": run.pk, "kind": "changed"})
    assert answer["Location"].startswith(url_of_run := reverse("run_detail", args=[run.pk]))
    assert "kind=changed" in answer["Location"].removeprefix(url_of_run)


def test_a_run_belongs_to_its_office_its_changes_to_their_children(as_: As, world: World):
    Enrolment.objects.filter(student=world.here.students[0]).update(boarding=False)
    run = recomputed(world)
    url = reverse("run_detail", args=[run.pk])
    answers = {
        persona: as_(persona).get(url).status_code for persona in ("maker", "auditor", "city", "other_maker", "school")
    }
    assert answers == {"maker": 200, "auditor": 200, "city": 200, "other_maker": 404, "school": 404}
    assert names_on(page(as_("school"), "change_list")) == [f"{HERE}贫生"]
    assert names_on(page(as_("other_maker"), "change_list")) == []
    assert names_on(page(as_("other_school"), "change_list", run=run.pk)) == []


def test_an_unfinished_run_shows_its_progress(as_: As, county: World):
    from aidcases import jobs
    from subsidies.actions import request_recompute

    job = request_recompute(term=TERM, path="/62/6201/620123/")
    jobs.run_job.apply(kwargs={"job_id": job.pk})  # splits: the run is open, its parts wait
    run = ComputeRun.objects.get(job_id=job.pk)
    html = page(as_("maker"), "run_detail", run.pk)
    assert reverse("job_progress", args=[job.pk]) in html
    assert "校验证书" not in html
    assert "还没有完成" in page(as_("maker"), "home")
    jobs.cancel_parts(job.pk)
    Job.objects.filter(pk=job.pk).update(state="cancelled")
    assert "上次测算没有完成，请再测算一次" in page(as_("maker"), "run_list")
    assert reverse("job_resume", args=[job.pk]) in page(as_("maker"), "run_detail", run.pk)


def test_changed_rules_are_announced(as_: As, world: World):
    recomputed(world)
    assert "政策在上次测算后有变化" not in plain(page(as_("maker"), "run_list"))
    publish(SECOND_PACK)
    adopt_pack("second", region=make.region("620123"), from_on=date(2018, 9, 1))
    html = page(as_("maker"), "run_list")
    assert "政策在上次测算后有变化" in plain(html)
    assert 'name="marked_only"' not in html
    assert PackAdoption.objects.count() == 2


# --- nothing there yet ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_pages_of_an_empty_county_say_what_to_do(db: None, everywhere: None, name: str):
    user = make.user("fresh", "新经办", make.office("620122"), "county_maker")
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    html = page(client, name)
    wanted = {"home": "本学期还没有学籍数据", "pack_list": "还没有载入政策", "run_list": "本学期还没有测算"}
    assert wanted.get(name, "没有") in plain(html)
    assert not EntitlementChange.objects.exists()


def test_a_county_that_has_not_been_computed_sees_its_pupils(as_: As, county: World):
    shown = plain(page(as_("maker"), "home"))
    assert "在读学生4人" in shown
    assert "还没有测算过，所以还不知道谁应享什么" in shown
    assert "没有测算" in plain(page(as_("city"), "home"))
    assert Rule.objects.exists()


# --- queries ----------------------------------------------------------------------------------------------------


def queries_of(client: Client, url: str) -> int:
    """Statements that ask something; the page's own transaction (a savepoint in tests) costs no look-up."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    spare = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SET LOCAL", "CLOSE")
    return sum(not query["sql"].startswith(spare) for query in captured)


@pytest.mark.parametrize("persona", ["maker", "school", "city"])
def test_pages_cost_few_queries_however_many_children(as_: As, world: World, persona: str):
    client = as_(persona)

    def costs() -> dict[str, int]:
        return {name: queries_of(client, reverse(name)) for name in PAGES}

    costs()  # the first request keeps the time in the session
    few = costs()
    for n in range(30):
        make.student(
            f"添{n}", at=world.here.primary, home="620123100201", categories=("disabled",), boarding=n % 2 == 0
        )
    compute(world)
    many = costs()
    most = dict.fromkeys(PAGES, 12) | {"home": 24}  # the home page is a dozen cards, each a count or two
    assert {name: (few[name], many[name]) for name in PAGES if many[name] > few[name] or few[name] > most[name]} == {}


@pytest.mark.parametrize(
    ("name", "args", "most"),
    [
        ("student_why", True, 14),
        ("rule_detail", "lz-senior-grant", 14),
        ("pack_detail", "lanzhou", 12),
        ("run_detail", None, 12),
    ],
)
def test_detail_pages_cost_a_fixed_number_of_queries(as_: As, world: World, name: str, args: object, most: int):
    run = recomputed(world)
    pk = {True: world.here.students[0].pk, None: run.pk}.get(args, args)
    client, url = as_("maker"), reverse(name, args=[pk])
    queries_of(client, url)
    assert queries_of(client, url) <= most
