"""The county's queue: checks beside each line, first look by the filter with vetoes, returns, taking back, who may."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.models import AuditEvent
from aidcases.scoping import EVERYWHERE, acting_in
from aidcases.terms import Term
from students.models import Enrolment, Suspect
from subsidies.casework import county
from subsidies.models import Application, Determination, Quota
from tests import make
from tests.casework import build
from tests.casework.conftest import Crew

Browser = Callable[[str], Client]
TERM = Term.parse(build.TERM)
LIST = "?term=2026-autumn"


def waiting(name: str = "", **also: Any) -> Application:
    return build.application(name, state="county_review", **also)


def names(client: Client, query: str = "") -> set[str]:
    text = client.get(reverse("county_list") + LIST + query).content.decode()
    return set(re.findall(r'<th scope="row"><a [^>]*data-open>([^<]+)</a>', text))


def bulk(client: Client, do: str, query: str = "", **data: Any) -> str:
    answer = client.post(reverse("county_bulk") + LIST + query, {"do": do, **data}, follow=True)
    assert answer.status_code == 200
    return re.sub(r"\s+", "", answer.content.decode())


def failing(application: Application) -> set[str]:
    [line] = county.lines([application.pk], TERM, county.checks(TERM))
    return {check.code for check in line["fails"]}


def determined(who: Any, level: str, at: Any) -> None:
    Determination(
        student=who, term=build.TERM, level=level, source="data_match", home_path=who.person.home_path, school_path=at.path
    ).save()


# ---------- checks ----------


def test_a_clean_line_passes_and_each_thing_wrong_is_named(crew: Crew):
    listed = build.student("清白", at=crew.school, categories=("registered_poor",))
    clean = waiting(listed, at=crew.school, boxes=["poor", "martyr"])
    with crew.acting("county_maker"):
        assert failing(clean) == set()
        assert failing(waiting(at=crew.school, notice_over=False)) == {"no_notice"}
        assert failing(waiting(at=crew.school, objections_open=1)) == {"objection"}
        assert failing(waiting(at=crew.school, boxes=["poor"])) == {"unlisted"}


def test_a_box_is_confirmed_by_its_own_list_or_the_roll_s_mark(crew: Crew, browser: Browser):
    """What one list confirms says nothing about another box; the roll's own mark is a list of orphans."""
    marked = build.student("学籍孤儿", at=crew.school)
    marked.enrolments.update(orphan=True)
    cases = {
        ("orphan",): set(), ("orphan", "martyr"): set(), ("orphan", "poor"): {"unlisted"}, ("martyr",): set(), (): set(),
    }  # fmt: skip
    made = waiting(marked, at=crew.school)
    other = waiting(build.student("另一个", at=crew.school, categories=("dibao_rural",)), at=crew.school, boxes=["dibao"])
    with crew.acting("county_maker"):
        for boxes, fails in cases.items():
            Application.objects.filter(pk=made.pk).update(boxes=list(boxes))
            assert failing(made) == fails, boxes
        Application.objects.filter(pk=other.pk).update(boxes=["orphan", "dibao"])
        assert failing(other) == {"unlisted"}
    maker = browser("county_maker")
    assert (names(maker, "&check=unlisted"), names(maker, "&check=clear")) == ({"另一个"}, {"学籍孤儿"})
    assert (names(maker, "&check=any"), names(maker, "&check=quota")) == ({"另一个"}, set())
    # A step meant for one line is never made for the whole list.
    for only in ("", "abc", "-1", "9" * 40):
        assert "已办0份" in bulk(maker, "check", only=only, note="已核实")


def test_the_ticked_boxes_are_told_apart(crew: Crew):
    who = build.student("有低保", at=crew.school, categories=("dibao_rural", "orphan"))
    made = waiting(who, at=crew.school, boxes=["poor", "dibao", "martyr"])
    [line] = county.lines([made.pk], TERM, county.checks(TERM))
    assert [line[name] for name in ("confirmed", "unconfirmed", "proved", "unticked")] == [
        ["低保家庭学生"], ["脱贫家庭学生"], ["烈士子女"], ["孤儿"]
    ]  # fmt: skip


def test_a_child_that_moved_on_is_not_enrolled_here(crew: Crew):
    made = waiting(at=crew.school)
    Enrolment.objects.filter(student=made.student_id).update(school=crew.second, school_path=crew.second.path)
    assert failing(made) == {"not_enrolled"}


def test_double_aid_across_two_homes_is_seen_past_the_own_scope(crew: Crew):
    elsewhere = waiting("别处已定", at=crew.school)
    determined(elsewhere.student, "hard", crew.foreign)
    set_back = waiting("别处不困难", at=crew.school)
    determined(set_back.student, "none", crew.foreign)
    here, there = waiting("双名", at=crew.school), waiting("双铭", at=crew.foreign, home="620121100001")
    first, second = sorted((here.student, there.student), key=lambda who: who.pk)
    Suspect(
        path=crew.foreign_county.path, first_id=first.pk, second_id=second.pk, first_name="双名", second_name="双铭",
        rung="similar",
    ).save()  # fmt: skip
    Application.objects.filter(pk=there.pk).update(home_path=there.student.person.home_path)
    with crew.acting("county_maker"):
        assert failing(elsewhere) == {"elsewhere"}
        assert failing(set_back) == set()
        assert failing(here) == {"elsewhere"}
        assert not Application.objects.filter(pk=there.pk).exists()


def test_children_of_one_household_at_two_levels_and_a_missing_quota(crew: Crew):
    older, younger = build.student(at=crew.second), waiting(at=crew.school)
    make.household(members=(older.person, younger.student.person))
    determined(older, "hard", crew.second)
    assert failing(younger) == set()
    Determination.objects.update(level="special")
    assert failing(younger) == {"household"}
    Quota(school=crew.school, path=crew.school.path, term=build.TERM, level="special", seats=3, set_by="甲").save()
    assert failing(younger) == {"household", "quota"}


# ---------- the list ----------


def test_the_queue_is_the_own_schools_and_filters_narrow_it(crew: Crew, browser: Browser):
    waiting("榆一", at=crew.school, level="special")
    waiting("榆二", at=crew.school, boxes=["poor"], kind="matched", checked_by_id=crew["county_maker"].pk)
    waiting("槐一", at=crew.second, notice_over=False)
    waiting("枫外读", at=crew.foreign, home="620123100001")
    build.application("已批", at=crew.school, state="approved")
    maker = browser("county_maker")
    for query, expected in (
        ("", {"榆一", "榆二", "槐一"}), (f"&school={crew.second.code}", {"槐一"}), ("&level=special", {"榆一"}),
        ("&kind=matched", {"榆二"}), ("&check=clear", {"榆一"}), ("&check=any", {"榆二", "槐一"}),
        ("&check=unlisted", {"榆二"}), ("&check=no_notice", {"槐一"}),
        ("&seen=no", {"榆一", "槐一"}), ("&seen=mine", {"榆二"}), ("&seen=others", set()),
    ):  # fmt: skip
        assert names(maker, query) == expected, query
    assert names(browser("county_checker"), "&seen=others") == {"榆二"}
    assert names(browser("foreign_county_maker")) == {"枫外读"}
    assert names(browser("school_maker")) == {"榆一", "榆二"}
    assert names(browser("second_maker")) == {"槐一"}


def test_the_page_asks_few_questions_however_many_lines(crew: Crew, browser: Browser):
    maker, counts = browser("county_maker"), []
    frame = re.compile(r"SAVEPOINT|SET LOCAL|django_session|aidcases_user\b|aidcases_membership")
    for more in (2, 30):
        build.applications(more, at=crew.school, prefix=f"名{more}号", state="county_review", boxes=["poor"])
        maker.get(reverse("county_list") + LIST)
        with CaptureQueriesContext(connection) as seen:
            assert maker.get(reverse("county_list") + LIST).status_code == 200
        counts.append(sum(not frame.search(query["sql"]) for query in seen.captured_queries))
    assert counts[0] == counts[1] <= 8


def test_a_name_is_searched_without_standing_in_the_address(crew: Crew, browser: Browser):
    waiting("王小明", at=crew.school)
    waiting("李小红", at=crew.school)
    answer = browser("county_maker").post(reverse("county_search"), {"search": "王小明"})
    assert "王小明" not in answer.url
    assert "%E7" not in answer.url


# ---------- first look ----------


def test_the_first_look_passes_what_nothing_stops_and_says_why_not(crew: Crew, browser: Browser):
    good = waiting("好一", at=crew.school)
    waiting("缺公示", at=crew.school, notice_over=False)
    waiting("有异议", at=crew.school, objections_open=1)
    twice = waiting("别处有", at=crew.school)
    determined(twice.student, "hard", crew.foreign)
    waiting("别人看过", at=crew.second, checked_by_id=crew["county_checker"].pk)
    text = bulk(browser("county_maker"), "check")
    assert "初核通过：已办1份" in text
    for reason in ("没有公示记录", "有没办结的异议", "可能在别处重复认定", "已经初核过"):
        assert f"1份没有办：{reason}" in text
    good.refresh_from_db()
    assert good.checked_by_id == crew["county_maker"].pk
    assert AuditEvent.objects.filter(action="application.check", subject_id=good.pk).count() == 1


def test_a_possible_double_passes_one_by_one_with_what_was_found_out(crew: Crew, browser: Browser):
    twice = waiting("别处有", at=crew.school)
    determined(twice.student, "hard", crew.foreign)
    maker = browser("county_maker")
    assert "可能在别处重复认定" in maker.get(reverse("county_detail", args=[twice.pk])).content.decode()
    assert "已办0份" in bulk(maker, "check", only=twice.pk)
    assert "已办0份" in bulk(maker, "check", note="已电话核实")  # not for a whole filter
    assert "已办1份" in bulk(maker, "check", only=twice.pk, note="已电话核实，对方已停发")
    assert "已电话核实，对方已停发" in AuditEvent.objects.get(action="application.check").note


def test_unticked_and_held_lines_stay(crew: Crew, browser: Browser):
    one, two, three = (waiting(name, at=crew.school) for name in ("甲", "乙", "丙"))
    maker = browser("county_maker")
    hold = reverse("county_hold")
    assert maker.post(hold, {"pk": one.pk}, headers={"HX-Request": "true"}).status_code == 204
    assert names(maker, "&seen=held") == {"甲"}
    text = bulk(maker, "check", shown=[two.pk, three.pk], take=[three.pk])
    assert "已办1份" in text
    assert "2份由您暂缓，没有办" in text
    assert list(Application.objects.exclude(checked_by_id=None)) == [three]
    maker.post(hold, {"pk": one.pk, "take": [one.pk, two.pk]}, headers={"HX-Request": "true"})
    assert "已办2份" in bulk(maker, "check")


# ---------- back ----------


@pytest.mark.parametrize(
    ("do", "state", "level"),
    [("return_form", "draft", ""), ("return_panel", "submitted", ""), ("return_notice", "panel_reviewed", "hard")],
)
def test_the_county_returns_to_any_earlier_step_with_the_reason(crew: Crew, browser: Browser, do: str, state: str, level: str):
    made = waiting("退我", at=crew.school, checked_by_id=7, handed_by_id=8, score=50)
    maker = browser("county_maker")
    assert "退回" in bulk(maker, do)  # without a reason nothing happens
    made.refresh_from_db()
    assert made.state == "county_review"
    assert "已办1份" in bulk(maker, do, note="收入写错")
    made.refresh_from_db()
    assert (made.state, made.level, made.returned_why, made.notice_over) == (state, level, "收入写错", False)
    assert (made.checked_by_id, made.handed_by_id) == (None, None)
    assert "收入写错" in AuditEvent.objects.get(action=f"application.{do}").note


def test_the_school_takes_back_until_the_county_has_begun(crew: Crew, browser: Browser):
    free = waiting("可收回", at=crew.school)
    waiting("已初核", at=crew.school, checked_by_id=7)
    text = bulk(browser("school_maker"), "take_back_up")
    assert "收回上报：已办1份" in text
    assert "1份没有办：县级已经初核，不能收回" in text
    free.refresh_from_db()
    assert (free.state, free.handed_by_id) == ("notice_closed", None)


def test_who_may_do_what(crew: Crew, browser: Browser):
    made = waiting("谁能办", at=crew.school)
    for persona, do, says in (
        ("teacher", "check", "您的角色不能初核通过"), ("school_checker", "return_form", "退回由县学生资助管理中心办理"),
        ("county_maker", "reject", "您的角色不能不予通过"), ("city", "check", "您的角色不能初核通过"),
        ("county_maker", "nonsense", "请选择要办理的步骤"), ("county_maker", "take_back_up", "您的角色不能收回上报"),
    ):  # fmt: skip
        assert says in bulk(browser(persona), do, note="试试"), persona
    assert "已办0份" in bulk(browser("foreign_county_maker"), "check")
    made.refresh_from_db()
    assert (made.state, made.checked_by_id) == ("county_review", None)
    assert browser("foreign_county_maker").get(reverse("county_detail", args=[made.pk])).status_code == 404
    page = browser("school_maker").get(reverse("county_detail", args=[made.pk])).content.decode()
    assert "自动检查" not in page
    with acting_in(EVERYWHERE), pytest.raises(Refused, match="您的角色"):
        county.check(Application.objects.all(), TERM, by=crew.actor("school_maker"))


def test_who_was_aided_and_has_not_applied_is_listed(crew: Crew, browser: Browser):
    def aided(name: str, *levels: tuple[str, str], at: Any = None) -> Any:
        who = build.student(name, at=at or crew.school)
        for term, level in levels:
            Determination(
                student=who, term=term, level=level, source="application", home_path=who.person.home_path,
                school_path=crew.school.path,
            ).save()  # fmt: skip
        return who

    aided("漏下的", ("2026-spring", "hard"))
    aided("已不困难", ("2025-autumn", "hard"), ("2026-spring", "none"))
    build.application(aided("已申请", ("2026-spring", "special")), at=crew.school)
    build.student("没困难过", at=crew.school)
    aided("别校的", ("2026-spring", "hard"), at=crew.second)
    text = browser("school_maker").get(reverse("county_again") + LIST).content.decode()
    assert set(re.findall(r"data-open>([^<]+)</a>", text)) == {"漏下的"}
    assert "别校的" in browser("county_maker").get(reverse("county_again") + LIST).content.decode()


def test_the_home_page_counts_what_waits(crew: Crew, browser: Browser):
    waiting(at=crew.school)
    waiting(at=crew.school, checked_by_id=crew["county_maker"].pk)
    county_home = browser("county_checker").get(reverse("home") + LIST).content.decode()
    assert "别人初核，待您批准" in county_home
    assert "已上报，等县里审核" in browser("school_maker").get(reverse("home") + LIST).content.decode()
