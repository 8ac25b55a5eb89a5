"""Policies written, rehearsed and published in the browser: who may what, what is refused, nothing typed is lost."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from aidcases import jobs
from aidcases.models import AuditEvent, Job
from students.models import Enrolment, Person
from subsidies.actions import PACKS, adopt_pack, publish
from subsidies.models import DraftState, Entitlement, PackDraft, Rehearsal, RulePack
from tests import make
from tests.personas import CANARY, TERM, As, World, compute
from tests.subsidies.test_pages import names_on, page, plain, text_of

LOCAL = """
[pack]
code = "local"
title = "榆中热餐"
document = "榆中县热餐补助办法"

[[rule]]
code = "lc-hot-meal"
title = "热餐补助"
clause = "第一条"
note = "每学期 12.50 元"
when = { stage = ["primary"], boarding = true }
amount = { kind = "fixed", period = "term", values = [{ yuan = "12.50" }] }
shares = { city = 30, county = 70 }
"""
LANZHOU = (PACKS / "lanzhou.toml").read_text(encoding="utf-8")


def post(client: Client, name: str, *args: object, **data: object):
    return client.post(reverse(name, args=args), data)


def begun(client: Client, text: str = "", pack: str = "") -> PackDraft:
    """A draft made through the pages, its text saved."""
    post(client, "draft_create", pack=pack)
    draft = PackDraft.objects.latest("pk")
    if text:
        assert post(client, "draft_save", draft.pk, text=text, seen=draft.sha256).status_code == 302
    draft.refresh_from_db()
    return draft


def rehearsed(client: Client, draft: PackDraft, path: str = "/62/6201/620123/") -> Rehearsal:
    post(client, "draft_rehearse", draft.pk, term=TERM.code, place=path)
    draft.refresh_from_db()
    assert jobs.work_off(Job.objects.get(pk=draft.rehearsal.job_id)).state == "done"
    return Rehearsal.objects.get(pk=draft.rehearsal_id)


# --- reading ----------------------------------------------------------------------------------------------------


def test_a_policy_reads_as_a_document_with_its_rules_beside_the_clauses(as_: As, county: World):
    html = page(as_("maker"), "pack_detail", "lanzhou")
    shown = plain(html)
    assert "条款要点：每生每学年1000元。" in shown
    assert "如何理解：甘肃籍按户口所在地认定" in shown
    assert "各级分担省60%，县40%" in shown
    assert "从这份政策起草" in shown
    assert "从这份政策起草" not in plain(page(as_("school"), "pack_detail", "lanzhou"))


def test_two_versions_are_compared_rule_by_rule(as_: As, county: World):
    changed = LANZHOU.replace('values = [{ yuan = "8000.00" }]', 'values = [{ yuan = "12000.00" }]')
    changed = re.sub(r"\[\[rule\]\]\ncode = \"lz-compulsory-workbook\".*?(?=\[\[rule\]\])", "", changed, flags=re.S)
    publish(changed)
    html = page(as_("auditor"), "pack_changes", "lanzhou")
    shown = plain(html)
    assert "改动：生源地信用助学贷款（lz-loan）" in shown
    assert "给多少不高于8,000.00元/学年不高于12,000.00元/学年" in shown
    assert "删去：免费作业本（lz-compulsory-workbook）" in shown
    assert "lz-senior-fee" not in html.split("<details")[0]
    assert '<ins class="d-block text-decoration-none bg-success-subtle">+ ' in html
    assert "两版一样" in page(as_("auditor"), "pack_changes", "lanzhou", old=2, new=2)
    assert as_("auditor").get(reverse("pack_changes", args=["none"])).status_code == 404


# --- who --------------------------------------------------------------------------------------------------------


def test_drafts_stay_in_the_office_and_above(as_: As, county: World):
    draft = begun(as_("maker"), LOCAL)
    for persona in ("maker", "checker", "head", "auditor", "city"):
        assert names_on(page(as_(persona), "draft_list")) == ["榆中热餐"], persona
        assert "榆中县热餐补助办法" in page(as_(persona), "draft_detail", draft.pk)
    for persona in ("other_maker", "school"):
        assert names_on(page(as_(persona), "draft_list")) == []
        assert as_(persona).get(reverse("draft_detail", args=[draft.pk])).status_code == 404
    assert post(as_("other_maker"), "draft_save", draft.pk, text="x", seen=draft.sha256).status_code == 404
    for persona in ("head", "auditor", "school"):
        assert post(as_(persona), "draft_save", draft.pk, text="x", seen=draft.sha256).status_code == 403
        assert post(as_(persona), "draft_create").status_code == 403
    assert 'id="id_text"' not in page(as_("auditor"), "draft_detail", draft.pk)
    draft.refresh_from_db()
    assert draft.text == LOCAL


def test_a_new_draft_begins_with_a_policy_or_a_template_that_has_no_error(as_: As, county: World):
    maker = as_("maker")
    assert '<option value="lanzhou" selected>' in page(maker, "draft_new", pack="lanzhou")
    copied, empty = begun(maker, pack="lanzhou"), begun(maker)
    assert copied.text == LANZHOU
    assert (copied.title, copied.author, copied.path) == ("兰州市教育脱贫攻坚资助政策", "甲经办", "/62/6201/620123/")
    assert "写法没有问题" in text_of(post(maker, "draft_check", empty.pk, text=empty.text))
    post(maker, "draft_create", pack="lanzhou")
    assert PackDraft.objects.count() == 2  # the second click is the first draft again
    assert post(maker, "draft_create", pack="none").status_code == 302
    assert PackDraft.objects.count() == 2


# --- writing ----------------------------------------------------------------------------------------------------


def test_findings_come_with_their_lines_while_typing(as_: As, county: World):
    draft = begun(as_("maker"), LOCAL)
    typed = LOCAL.replace("boarding = true", "bording = true").replace("\n", "\r\n")
    html = text_of(post(as_("maker"), "draft_check", draft.pk, text=typed))
    line = typed.split("\r\n").index(next(row for row in typed.split("\r\n") if "bording" in row)) + 1
    assert f'data-line="{line}"' in html
    assert "1处错误，改好才能发布" in plain(html)
    draft.refresh_from_db()
    assert draft.text == LOCAL
    huge = post(as_("maker"), "draft_check", draft.pk, text="#" * 200_001)
    assert huge.status_code == 302


def test_every_rule_counts_the_own_students_condition_by_condition(as_: As, county: World):
    draft = begun(as_("maker"), LOCAL)
    shown = plain(text_of(post(as_("maker"), "draft_count", draft.pk, text=LOCAL)))
    assert "热餐补助：1人" in shown
    assert "本学期在读学生：4人" in shown
    assert "学段：小学：3人（少1）" in shown
    later = LOCAL.replace("[[rule]]\n", "[[rule]]\nfrom = 2030-09-01\n")
    assert "2030-09-01起执行，本学期还没有" in plain(text_of(post(as_("maker"), "draft_count", draft.pk, text=later)))
    assert "还没有能读懂的规则" in text_of(post(as_("maker"), "draft_count", draft.pk, text="[[["))


def test_of_two_editors_the_second_is_told_and_loses_nothing(as_: As, county: World):
    draft = begun(as_("maker"), LOCAL)
    mine = LOCAL.replace("12.50", "20.00")
    theirs = LOCAL.replace("12.50", "30.00")
    post(as_("checker"), "draft_save", draft.pk, text=theirs, seen=draft.sha256)
    answer = post(as_("maker"), "draft_save", draft.pk, text=mine, seen=draft.sha256)
    assert answer.status_code == 409
    html = answer.content.decode()
    assert "甲审核保存过这份草稿，所以您的文字没有保存" in html
    assert "yuan = &quot;20.00&quot;" in html.split("<textarea")[1].split("</textarea>")[0]
    assert "+ amount" in html  # what the other one saved stands beside
    draft.refresh_from_db()
    assert (draft.text, draft.author) == (theirs, "甲审核")
    seen = re.search(r'name="seen" value="(\w+)"', html)[1]
    assert post(as_("maker"), "draft_save", draft.pk, text=mine, seen=seen).status_code == 302
    draft.refresh_from_db()
    assert (draft.text, draft.author) == (mine, "甲经办")


def test_saving_keeps_the_lines_takes_the_title_and_changes_nothing_twice(as_: As, county: World):
    draft = begun(as_("maker"), LOCAL)
    assert draft.title == "榆中热餐"
    post(as_("checker"), "draft_save", draft.pk, text=LOCAL.replace("\n", "\r\n"), seen=draft.sha256)
    draft.refresh_from_db()
    assert (draft.text, draft.author) == (LOCAL, "甲经办")  # who changes no letter is not the author
    broken = post(as_("maker"), "draft_save", draft.pk, text="[pack\n", seen=draft.sha256)
    assert broken.status_code == 302  # half a sentence may be kept
    draft.refresh_from_db()
    assert draft.title == "榆中热餐"
    for wrong in ("", "#" * 200_001):
        assert post(as_("maker"), "draft_save", draft.pk, text=wrong, seen=draft.sha256).status_code == 422
    assert post(as_("maker"), "draft_rehearse", draft.pk, term=TERM.code, place=draft.path).status_code == 302
    assert not Rehearsal.objects.exists()


def test_a_draft_that_is_gone_keeps_what_was_typed(as_: As, county: World):
    draft = begun(as_("maker"), LOCAL)
    post(as_("checker"), "draft_discard", draft.pk)
    answer = post(as_("maker"), "draft_save", draft.pk, text="# 刚打的字", seen=draft.sha256)
    assert answer.status_code == 409
    assert "# 刚打的字" in answer.content.decode()
    assert "已放弃，不能再改" in answer.content.decode()
    draft.refresh_from_db()
    assert (draft.state, draft.text) == (DraftState.DISCARDED, LOCAL)
    assert names_on(page(as_("maker"), "draft_list")) == []
    assert names_on(page(as_("maker"), "draft_list", state="discarded")) == ["榆中热餐"]


# --- rehearsing -------------------------------------------------------------------------------------------------


def test_a_rehearsal_tells_who_gains_by_rule_stage_school_category_and_level(as_: As, world: World):
    draft = begun(as_("maker"), LOCAL)
    before = set(Entitlement.objects.values_list("student_id", "rule__code", "amount"))
    told = rehearsed(as_("maker"), draft)
    html = page(as_("maker"), "rehearsal_detail", told.pk)
    shown = plain(html)
    assert "增加的学生1人" in shown
    assert "共增加12.50元" in shown
    assert "热餐补助1￥12.50" in shown
    assert "榆槐中心小学1￥12.50" in shown
    assert "建档立卡（脱贫户）1￥12.50" in shown
    assert "市3.750县8.750" in shown
    rows = page(as_("maker"), "rehearsal_detail", told.pk, view="rows", side="gain", rule="lc-hot-meal")
    assert names_on(rows) == ["榆槐贫生"]
    assert names_on(page(as_("maker"), "rehearsal_detail", told.pk, view="rows", side="lose")) == []
    assert before == set(Entitlement.objects.values_list("student_id", "rule__code", "amount"))
    for persona in ("other_maker", "school"):
        assert as_(persona).get(reverse("rehearsal_detail", args=[told.pk])).status_code == 404


def test_a_rehearsal_under_way_shows_its_progress_and_is_not_asked_for_twice(as_: As, world: World):
    draft = begun(as_("maker"), LOCAL)
    for _ in range(2):
        post(as_("maker"), "draft_rehearse", draft.pk, term=TERM.code, place=draft.path)
    told = Rehearsal.objects.get()
    assert "hx-get" in page(as_("maker"), "rehearsal_detail", told.pk)
    assert "正在试算" in page(as_("maker"), "draft_list")
    outside = post(as_("maker"), "draft_rehearse", draft.pk, term=TERM.code, place="/62/6201/")
    empty = post(as_("maker"), "draft_rehearse", draft.pk, term="2017-autumn", place=draft.path)
    assert (outside.status_code, empty.status_code) == (302, 302)
    assert Rehearsal.objects.count() == 1


def test_the_sheet_is_masked_asks_for_its_purpose_and_is_recorded(as_: As, world: World):
    poor = Person.objects.get(name=f"{CANARY['620123']}贫生")
    Person.objects.filter(pk=poor.pk).update(name="=1+1")
    told = rehearsed(as_("maker"), begun(as_("maker"), LOCAL))
    assert post(as_("maker"), "rehearsal_sheet", told.pk).status_code == 302
    assert not AuditEvent.objects.filter(action="rehearsal.downloaded").exists()
    answer = post(as_("maker"), "rehearsal_sheet", told.pk, purpose="报局务会", side="gain")
    rows = list(load_workbook(BytesIO(b"".join(answer.streaming_content))).active.iter_rows())
    assert [cell.value for cell in rows[2]][:2] == ["=1+1", f"************{poor.id_last4}"]
    assert rows[2][0].data_type == "s"
    assert [float(rows[2][n].value) for n in (8, 9)] == [12.5, 12.5]
    assert len(rows) == 3
    event = AuditEvent.objects.get(action="rehearsal.downloaded")
    assert (event.data["purpose"], event.data["rows"]) == ("报局务会", 1)
    assert post(as_("auditor"), "rehearsal_sheet", told.pk, purpose="x").status_code == 403
    assert post(as_("other_maker"), "rehearsal_sheet", told.pk, purpose="x").status_code == 404


# --- publishing -------------------------------------------------------------------------------------------------


def ready(client: Client, draft: PackDraft) -> str:
    return plain(page(client, "draft_ready", draft.pk))


def test_maker_drafts_checker_publishes_and_a_recompute_applies_it(as_: As, world: World):
    draft = begun(as_("maker"), LOCAL)
    assert "还没有试算" in ready(as_("checker"), draft)
    told = rehearsed(as_("maker"), draft)
    assert "起草人不能发布自己的草稿" in ready(as_("maker"), draft)
    assert "已试算，检查没有错误，可以发布" in ready(as_("checker"), draft)
    assert post(as_("maker"), "draft_publish", draft.pk).status_code == 403
    for _ in range(2):  # the second click finds it published
        post(as_("checker"), "draft_publish", draft.pk)
    draft.refresh_from_db()
    assert (draft.state, draft.published_by, draft.pack.version) == (DraftState.PUBLISHED, "甲审核", 1)
    assert RulePack.objects.filter(code="local").count() == 1
    assert "还没有地区采用" in page(as_("checker"), "draft_detail", draft.pk)
    adopt_pack("local", region=make.region("620123"), from_on=TERM.first_day)
    assert reverse("run_list") in page(as_("checker"), "draft_detail", draft.pk)
    compute(world)
    lines = Entitlement.objects.filter(rule__code="lc-hot-meal").values_list("student_id", "amount")
    assert set(lines) == set(told.rows.values_list("student_id", "new_amount"))


def test_who_wrote_last_is_the_author_and_does_not_publish(as_: As, world: World):
    draft = begun(as_("maker"), LOCAL)
    post(as_("checker"), "draft_save", draft.pk, text=LOCAL + "# 改过\n", seen=draft.sha256)
    rehearsed(as_("maker"), draft)
    post(as_("checker"), "draft_publish", draft.pk)
    draft.refresh_from_db()
    assert draft.state == DraftState.DRAFT
    post(as_("head"), "draft_publish", draft.pk)
    draft.refresh_from_db()
    assert (draft.state, draft.author, draft.published_by) == (DraftState.PUBLISHED, "甲审核", "甲主任")


def test_what_the_checks_find_a_part_only_and_changed_facts_stop_publishing(as_: As, world: World):
    checker = as_("checker")
    wrong = begun(as_("maker"), LOCAL.replace("boarding = true", "determined_poor = true, determination = [\"none\"]"))
    rehearsed(as_("maker"), wrong)
    assert "检查出1处错误，先改好再发布" in ready(checker, wrong)
    draft = begun(as_("maker"), LOCAL)
    rehearsed(as_("maker"), draft, "/62/6201/620123/620123100/")
    assert "只试算了一部分地区" in ready(checker, draft)
    rehearsed(as_("maker"), draft)
    assert "可以发布" in ready(checker, draft)
    Enrolment.objects.filter(student=world.here.students[1]).update(boarding=True)
    answer = checker.post(reverse("draft_publish", args=[draft.pk]), follow=True)
    assert "试算以后资料有变化，请重新试算再发布" in answer.content.decode()
    for each in (wrong, draft):
        post(checker, "draft_publish", each.pk)
        each.refresh_from_db()
        assert each.state == DraftState.DRAFT


def test_a_county_leaves_its_city_s_policy_to_the_city(as_: As, world: World):
    draft = begun(as_("maker"), LANZHOU + "\n# 改\n")
    rehearsed(as_("maker"), draft)
    assert "请由上级单位发布" in ready(as_("checker"), draft)
    assert "只试算了一部分地区" in ready(as_("city"), draft)
    rehearsed(as_("city"), draft, "/62/6201/")
    assert "可以发布" in ready(as_("city"), draft)
    assert "上级单位" in page(as_("maker"), "draft_detail", draft.pk)


# --- cost -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "query", "most"),
    [
        ("pack_list", {}, 12), ("pack_changes", {}, 9), ("draft_list", {}, 10), ("draft_new", {}, 7),
        ("draft_detail", {}, 12), ("rehearsal_detail", {}, 8), ("rehearsal_detail", {"view": "rows"}, 12),
    ],
)  # fmt: skip
def test_the_pages_cost_few_queries(as_: As, world: World, name: str, query: dict[str, str], most: int):
    maker = as_("maker")
    draft = begun(maker, LOCAL)
    told = rehearsed(maker, draft)
    arguments = {"pack_changes": ["lanzhou"], "draft_detail": [draft.pk], "rehearsal_detail": [told.pk]}
    with CaptureQueriesContext(connection) as captured:
        page(maker, name, *arguments.get(name, []), **query)
    spare = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SET LOCAL", "CLOSE")
    assert sum(not each["sql"].startswith(spare) for each in captured) <= most
