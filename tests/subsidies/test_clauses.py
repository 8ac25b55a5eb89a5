"""The documents' own words: pasted by an office, seen by it and below, kept in every version, never lost while typing."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from aidcases.models import AuditEvent
from aidcases.scoping import Actor, Scope, acting_in
from subsidies import clauses
from subsidies.actions import PACKS, publish
from subsidies.models import ClauseText, Rule
from tests.personas import As, World
from tests.subsidies.test_pages import page, plain

SENIOR = "四（三）2 普通高中"
SHARED = "四（三）2 义务教育（三免一补）"  # of several rules
FIRST = "第一段。\n第二段 <b>不是粗体</b>。"


def paste(client: Client, text: str, *, seen: int = 0, clause: str = SENIOR, code: str = "lanzhou"):
    return client.post(reverse("clause_save", args=[code]), {"clause": clause, "text": text, "seen": seen})


def test_what_an_office_pastes_stands_beside_the_clause(as_: As, county: World):
    answer = paste(as_("maker"), FIRST.replace("\n", "\r\n"))
    assert answer["Location"] == f"{reverse('pack_detail', args=['lanzhou'])}#lz-senior-fee"
    html = page(as_("checker"), "pack_detail", "lanzhou")
    assert "<p>第一段。<br>第二段 &lt;b&gt;不是粗体&lt;/b&gt;。</p>" in html
    assert "条款原文榆中县学生资助管理中心甲经办，" in plain(html)
    assert "条款原文见“家庭经济困难学生免学杂费”" in plain(html)  # the second rule of the clause
    assert "第一段" in page(as_("maker"), "rule_detail", "lz-senior-grant")
    event = AuditEvent.objects.get(action="clause.written")
    assert (event.actor, event.data["code"], event.data["clause"]) == ("甲经办", "lanzhou", SENIOR)


def test_an_explanation_opens_the_clause_of_each_rule(as_: As, county: World):
    teen = county.here.students[2]
    assert "查看条款原文" not in page(as_("maker"), "student_why", teen.pk)
    paste(as_("maker"), FIRST)
    for persona in ("maker", "other_school", "auditor"):
        html = page(as_(persona), "student_why", teen.pk)
        assert html.count("查看条款原文") == 2, persona  # of the fee and of the grant
        assert "第一段。<br>" in html


def test_an_office_sees_its_own_text_first_and_those_above_never_those_beside_or_below(as_: As, county: World):
    for persona, text in (("city", "市里的原文"), ("maker", "榆中的原文"), ("other_maker", "永登的原文")):
        assert paste(as_(persona), text).status_code == 302
    seen = {persona: page(as_(persona), "pack_detail", "lanzhou") for persona in ("city", "maker", "other_maker", "school")}
    assert "榆中的原文" not in seen["city"]
    assert "永登的原文" not in seen["city"] + seen["maker"] + seen["school"]
    for persona in ("maker", "school"):
        assert seen[persona].index("榆中的原文") < seen[persona].index("市里的原文"), persona
    theirs = ClauseText.objects.get(text="永登的原文")
    assert as_("other_maker").get(reverse("clause_history", args=[theirs.pk])).status_code == 200
    for persona in ("maker", "city", "school"):
        assert as_(persona).get(reverse("clause_history", args=[theirs.pk])).status_code == 404


@pytest.mark.parametrize("persona", ["school", "auditor"])
def test_who_may_not_write_is_refused_and_sees_no_editor(as_: As, county: World, persona: str):
    assert paste(as_(persona), FIRST).status_code == 403
    assert "clause/" not in page(as_(persona), "pack_detail", "lanzhou")
    assert not ClauseText.objects.exists()


def test_the_head_and_the_checker_may_paste_too(as_: As, county: World):
    paste(as_("head"), "一")
    paste(as_("checker"), "二", seen=1)
    assert list(ClauseText.objects.order_by("version").values_list("written_by", "text")) == [("甲主任", "一"), ("甲审核", "二")]


def test_every_version_is_kept_and_shown_with_what_changed(as_: As, county: World):
    for seen, text in enumerate(["每学年 2000 元。", "每学年 2500 元。", ""]):
        paste(as_("maker"), text, seen=seen)
    assert list(ClauseText.objects.order_by("version").values_list("text", flat=True)) == [
        "每学年 2000 元。", "每学年 2500 元。", "",
    ]  # fmt: skip
    assert "条款原文</strong>" not in page(as_("maker"), "pack_detail", "lanzhou")  # taken away again
    html = page(as_("maker"), "clause_history", ClauseText.objects.earliest("pk").pk)
    assert html.index("每学年 2500 元。") < html.rindex("每学年 2000 元。")
    assert "− 每学年 2000 元。" in html
    assert "+ 每学年 2500 元。" in html


def test_of_two_editors_the_second_is_told_and_loses_nothing(as_: As, county: World):
    paste(as_("maker"), "原来的")
    paste(as_("checker"), "审核改的", seen=1)
    answer = paste(as_("maker"), "经办改的", seen=1)
    assert answer.status_code == 409
    html = answer.content.decode()
    assert "本单位另有人改过这一条" in html
    assert "经办改的</textarea>" in html
    assert 'name="seen" value="2"' in html
    assert ClauseText.objects.latest("version").text == "审核改的"
    assert paste(as_("maker"), "经办改的", seen=2).status_code == 302
    assert ClauseText.objects.latest("version").text == "经办改的"


def test_a_second_click_writes_nothing_and_an_empty_or_too_long_text_is_refused(as_: As, county: World):
    client = as_("maker")
    for _ in range(2):
        assert paste(client, FIRST).status_code == 302
    assert ClauseText.objects.count() == AuditEvent.objects.filter(action="clause.written").count() == 1
    answer = paste(client, "长" * (clauses.LONGEST + 1), seen=1)
    assert answer.status_code == 422
    assert f"原文有 {clauses.LONGEST + 1} 个字，最多 {clauses.LONGEST} 个字" in answer.content.decode()
    assert paste(client, "字" * clauses.LONGEST, clause=SHARED).status_code == 302
    nowhere, nothing = {"clause": "没有这一条", "text": "字"}, {"clause": "四（三）2 高职", "text": ""}
    for wrong in (nowhere, nothing, {"clause": SENIOR, "text": "字", "seen": "x"}):
        assert client.post(reverse("clause_save", args=["lanzhou"]), {"seen": 0} | wrong).status_code == 302
    assert paste(client, "字", code="none").status_code == 404
    assert ClauseText.objects.count() == 2


def test_a_new_version_of_the_document_keeps_the_text(as_: As, county: World):
    paste(as_("maker"), FIRST)
    text = (PACKS / "lanzhou.toml").read_text(encoding="utf-8")
    publish(text.replace('values = [{ yuan = "8000.00" }]', 'values = [{ yuan = "9000.00" }]'))
    assert "第一段。<br>" in page(as_("maker"), "pack_detail", "lanzhou")
    assert "粘贴条款原文" not in page(as_("maker"), "pack_detail", "lanzhou", version=1)  # an old version is only read
    assert "第一段。<br>" in page(as_("maker"), "pack_detail", "lanzhou", version=1)


def test_the_number_taken_meanwhile_is_not_written_twice(county: World):
    """Both began with nothing: one writes version 1, the other is told."""
    clause, path = Rule.objects.get(code="lz-loan").clause, county.here.office.path
    with acting_in(Scope(path), Actor("甲", 1, county.here.office.pk, path)):
        assert clauses.write(pack_code="lanzhou", clause=clause, text="甲写的", seen=0).version == 1
    with acting_in(Scope(path), Actor("乙", 2, county.here.office.pk, path)):
        assert clauses.write(pack_code="lanzhou", clause=clause, text="乙写的", seen=0) is None
