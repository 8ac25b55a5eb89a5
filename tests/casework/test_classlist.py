"""The class list: every child with its state, steps for a whole filter with their report, moves of one, who sees whom."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.models import AuditEvent
from aidcases.terms import Term
from subsidies.casework import applying, classlist
from subsidies.models import Application, Determination
from tests.casework import build
from tests.casework.conftest import Crew

Browser = Callable[[str], Client]
TERM = Term.parse(build.TERM)
LIST = "?term=2026-autumn"


@pytest.fixture
def september(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *_: date(2026, 9, 10))


@pytest.fixture
def october(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *_: date(2026, 10, 10))


def listed(name: str = "", **also: Any) -> Any:
    return build.student(name, categories=("registered_poor",), **also)


def names(client: Client, query: str = "", page: str = "application_list") -> list[str]:
    text = client.get(reverse(page) + LIST + query).content.decode()
    return re.findall(r'<th scope="row"><a [^>]*data-open>([^<]+)</a>', text)


def bulk(client: Client, do: str, query: str = "", **data: str) -> str:
    answer = client.post(reverse("application_bulk") + LIST + query, {"do": do, **data}, follow=True)
    return re.sub(r"\s+", "", answer.content.decode())


# ---------- the list ----------


def test_every_child_stands_on_the_list_with_its_state(crew: Crew, browser: Browser):
    build.application("写着呢", at=crew.school)
    build.application("填完了", at=crew.school, complete=True)
    build.application("退回的", at=crew.school, returned_why="缺收入")
    build.application("交上去", at=crew.school, state="submitted")
    listed("名单生", at=crew.school)
    build.student("普通生", at=crew.school)
    build.application("别校生", at=crew.second)
    school = browser("school_maker")
    assert sorted(names(school)) == sorted(["写着呢", "填完了", "退回的", "交上去", "名单生", "普通生"])
    for state, expected in (
        ("listed", ["名单生"]), ("none", ["名单生", "普通生"]), ("incomplete", ["写着呢", "退回的"]), ("ready", ["填完了"]),
        ("returned", ["退回的"]), ("submitted", ["交上去"]), ("approved", []),
    ):  # fmt: skip
        assert names(school, f"&state={state}") == expected, state
    assert names(school, "&category=registered_poor") == ["名单生"]
    assert set(names(browser("county_maker"))) > {"写着呢", "别校生"}
    assert names(browser("second_maker")) == ["别校生"]


def test_the_last_level_comes_from_the_terms_before(crew: Crew, browser: Browser):
    build.student("从没有", at=crew.school)
    for name, term, level in (("去年困难", "2025-autumn", "hard"), ("今春特困", "2026-spring", "special")):
        who = build.student(name, at=crew.school)
        for when, what in (("2025-spring", "ordinary"), (term, level), ("2026-autumn", "none")):
            Determination(
                student=who, term=when, level=what, source="application", home_path=who.person.home_path,
                school_path=crew.school.path,
            ).save()  # fmt: skip
    school = browser("school_maker")
    assert names(school, "&last=hard") == ["去年困难"]
    assert names(school, "&last=special") == ["今春特困"]
    assert names(school, "&last=never") == ["从没有"]
    assert "特别困难" in school.get(reverse("application_list") + LIST).content.decode()


def test_a_name_is_searched_without_standing_in_the_address(crew: Crew, browser: Browser):
    build.student("王小明", at=crew.school)
    build.student("李小红", at=crew.school)
    school = browser("school_maker")
    school.get(reverse("application_list") + LIST)
    session = school.session
    session["term"] = TERM.code
    session.save()
    answer = school.post(reverse("application_search"), {"search": "王小明"})
    assert "王小明" not in answer.url
    assert "%E7%8E%8B" not in answer.url
    page = school.get(answer.url).content.decode()
    assert ">王小明</a>" in page
    assert ">李小红</a>" not in page


def test_children_at_home_here_who_study_elsewhere_are_found_by_the_filter(crew: Crew, browser: Browser):
    build.application("外读生", at=crew.foreign, home="620123100001")
    build.application("本地生", at=crew.school)
    county = browser("county_maker")
    assert names(county) == ["本地生"]
    assert names(county, "&away=1") == ["外读生"]


def test_the_page_asks_few_questions_however_many_children(crew: Crew, browser: Browser):
    school, counts = browser("school_maker"), []
    for more in (2, 30):
        for _ in range(more):
            build.application(listed(at=crew.school), at=crew.school)
        school.get(reverse("application_list") + LIST)
        with CaptureQueriesContext(connection) as seen:
            assert school.get(reverse("application_list") + LIST).status_code == 200
        counts.append(asked(seen))
    assert counts[0] == counts[1] <= 9, counts


def asked(seen: CaptureQueriesContext) -> int:
    """Questions of the page, without the frame of a request: savepoints, session, user, membership."""
    frame = re.compile(r"SAVEPOINT|SET LOCAL|django_session|aidcases_user\b|aidcases_membership")
    return sum(not frame.search(query["sql"]) for query in seen.captured_queries)


def test_classes_and_schools_are_counted(crew: Crew, browser: Browser, django_assert_num_queries: Callable):
    build.application("甲", at=crew.school)
    build.application("乙", at=crew.school, complete=True)
    build.application("丙", at=crew.school, state="submitted", class_name="2班")
    build.application("丁", at=crew.school, state="declined", class_name="2班")
    listed("戊", at=crew.school, class_name="2班")
    build.student("己", at=crew.second)
    with crew.acting("school_maker"), django_assert_num_queries(1):
        groups = classlist.overview(TERM)
    assert [group["label"] for group in groups] == ["三年级 1班", "三年级 2班"]
    assert groups[0]["counts"] == {
        "all": 2, "listed": 0, "none": 0, "incomplete": 1, "ready": 1, "submitted": 0, "declined": 0, "returned": 0,
    }  # fmt: skip
    assert groups[1]["counts"] == {
        "all": 3, "listed": 1, "none": 0, "incomplete": 0, "ready": 0, "submitted": 1, "declined": 1, "returned": 0,
    }  # fmt: skip
    assert names(browser("school_maker"), page="class_list") == ["三年级 1班", "三年级 2班"]
    county = browser("county_maker")
    assert names(county, page="class_list") == ["榆树小学", "槐树小学"]
    assert names(county, "&school=2162000102", page="class_list") == ["三年级 1班"]
    assert names(browser("foreign_maker"), page="class_list") == []


# ---------- a whole filter ----------


def test_children_on_lists_are_applied_for_and_submitted_by_the_filter(crew: Crew, browser: Browser, september: None):
    for name in ("名单甲", "名单乙"):
        listed(name, at=crew.school)
    listed("别班生", at=crew.school, class_name="2班")
    build.student("普通生", at=crew.school)
    teacher = browser("teacher")
    text = bulk(teacher, "match", "&class_name=1班")
    assert "免申即享：生成2份申请" in text
    assert "1人没有生成：不在名单上或已有申请" in text
    assert "新建申请表：生成1份申请" in bulk(teacher, "apply", "&class_name=1班")
    text = bulk(teacher, "submit")
    assert "提交：已办2份" in text
    assert "1份没有办：申请表还没有填完整" in text
    assert Application.objects.filter(state="submitted").count() == 2
    again = bulk(teacher, "submit")
    assert "提交：已办0份" in again
    assert "2份没有办：当前状态不能提交" in again
    assert "收回修改：已办2份" in bulk(teacher, "take_back", "&class_name=1班")
    text = bulk(teacher, "match", "&state=listed")  # as the home page's card asks: afterwards nobody is there
    assert "免申即享：生成1份申请" in text
    assert "没有生成" not in text
    assert "别班生" in text
    assert Application.objects.get(student__person__name="别班生").complete


def test_a_late_class_is_submitted_with_one_reason(crew: Crew, browser: Browser, october: None):
    listed("名单甲", at=crew.school)
    teacher = browser("teacher")
    bulk(teacher, "match")
    assert "逾期提交要写明原因" in bulk(teacher, "submit")
    assert "提交：已办1份" in bulk(teacher, "submit", late_reason="暴雨停课")
    assert Application.objects.get().late_reason == "暴雨停课"


def test_a_filter_that_has_expired_moves_nothing(crew: Crew, browser: Browser):
    listed(at=crew.school)
    assert "这次搜索已过期" in bulk(browser("teacher"), "match", "&q=gone")
    assert not Application.objects.exists()


@pytest.mark.parametrize("persona", ["county_maker", "city", "school_checker"])
def test_only_who_writes_works_on_a_filter(crew: Crew, browser: Browser, persona: str):
    listed(at=crew.school)
    answer = browser(persona).post(reverse("application_bulk") + LIST, {"do": "match"})
    assert answer.status_code == 403
    assert not Application.objects.exists()


def test_a_school_moves_only_its_own(crew: Crew):
    for school in (crew.school, crew.second, crew.foreign):
        build.application(at=school, state="submitted")
    with crew.acting("school_maker") as maker:
        assert applying.move(Application.objects.all(), "take_back", by=maker).moved == 1
    with crew.acting("school_maker") as maker:
        assert applying.submit(Application.objects.all(), TERM, by=maker, today=date(2026, 9, 9)).moved == 0
    assert Application.objects.filter(state="submitted").count() == 2


# ---------- one ----------


def move(client: Client, made: Application, do: str, note: str = "") -> str:
    url = reverse("application_move", args=[made.pk])
    answer = client.post(url, {"do": do, "note": note}, HTTP_REFERER=reverse("application_detail", args=[made.pk]), follow=True)
    made.refresh_from_db()
    return answer.content.decode()


def test_a_family_declines_with_a_reason_and_may_come_back(crew: Crew, browser: Browser):
    made, teacher = build.application("张小树", at=crew.school), browser("teacher")
    assert "要写明原因" in move(teacher, made, "decline")
    assert made.state == "draft"
    move(teacher, made, "decline", "已有稳定收入")
    assert made.state == "declined"
    assert AuditEvent.objects.get(action="application.decline").note == "已有稳定收入"
    assert teacher.post(reverse("application_waiver", args=[made.pk])).content.startswith(b"%PDF")
    move(teacher, made, "reopen")
    assert (made.state, made.level) == ("draft", "")


def test_withdrawn_taken_back_and_too_late(crew: Crew, browser: Browser):
    teacher = browser("teacher")
    made = build.application(at=crew.school, state="submitted")
    move(teacher, made, "take_back")
    assert made.state == "draft"
    move(teacher, made, "withdraw", "转学")
    assert made.state == "withdrawn"
    approved = build.application(at=crew.school, state="approved")
    assert "当前状态不能撤回申请" in move(teacher, approved, "withdraw", "转学")
    assert "没有这一步" in move(teacher, approved, "approve")
    assert approved.state == "approved"


def test_an_approved_one_is_opened_again_by_the_county_alone(crew: Crew, browser: Browser):
    made = build.application(at=crew.school, state="approved", score=70, checked_by_id=7)
    who = made.student
    Determination(
        student=who, term=TERM.code, level="hard", source="application", home_path=who.person.home_path,
        school_path=crew.school.path,
    ).save()  # fmt: skip
    assert "您的角色不能重新认定" in move(browser("teacher"), made, "reassess", "父亲去世")
    assert "重新认定" not in browser("teacher").get(reverse("application_detail", args=[made.pk])).content.decode()
    move(browser("county_head"), made, "reassess", "父亲去世")
    assert (made.state, made.level, made.score, made.notice_over, made.checked_by_id) == ("draft", "", None, False, None)
    assert Determination.objects.get().level == "hard"  # until the next approval replaces it
    with crew.acting("foreign_county_maker") as other, pytest.raises(Refused):
        applying.move(Application.objects.all(), "reassess", by=other, note="x")


def test_beginning_one_child_twice_gives_one_application(crew: Crew, browser: Browser):
    who, teacher = listed("名单生", at=crew.school), browser("teacher")
    url = reverse("application_new", args=[who.pk]) + LIST
    first, second = teacher.post(url), teacher.post(url)
    made = Application.objects.get()
    assert first.url == second.url == reverse("application_edit", args=[made.pk])
    assert made.kind == "matched"
    stranger = build.student(at=crew.second)
    assert teacher.post(reverse("application_new", args=[stranger.pk]) + LIST).status_code == 404


def test_a_filter_is_printed_and_an_empty_one_says_so(crew: Crew, browser: Browser):
    teacher, url = browser("teacher"), reverse("application_print_all") + LIST
    assert "没有可以打印的" in teacher.post(url, HTTP_REFERER=reverse("application_list"), follow=True).content.decode()
    build.applications(2, at=crew.school)
    build.application(at=crew.second)
    answer = teacher.post(url)
    assert answer["Content-Type"] == "application/pdf"
    assert AuditEvent.objects.get(action="application.printed").data == {"rows": 2}


def test_the_card_at_home_counts_what_waits(crew: Crew, browser: Browser, september: None):
    listed(at=crew.school)
    build.application(at=crew.school, returned_why="缺收入")
    text = re.sub(r"<[^>]+>|\s+", "", browser("teacher").get(reverse("home") + LIST).content.decode())
    assert "在名单上，还没有申请1人" in text
    assert "退回修改1份" in text
    assert "还剩20天" in text
    assert "家庭经济困难认定申请" not in browser("county_maker").get(reverse("home") + LIST).content.decode()


def test_the_student_page_offers_to_begin_and_shows_the_state(crew: Crew, browser: Browser):
    who = build.student("从头来", at=crew.school)
    page = browser("teacher").get(reverse("student_detail", args=[who.pk]) + LIST).content.decode()
    assert reverse("application_new", args=[who.pk]) in page
    assert reverse("application_new", args=[who.pk]) not in browser("county_maker").get(
        reverse("student_detail", args=[who.pk]) + LIST
    ).content.decode()
    made = build.application(who, at=crew.school, state="submitted")
    page = browser("county_maker").get(reverse("student_detail", args=[who.pk]) + LIST).content.decode()
    assert reverse("application_detail", args=[made.pk]) in page
    assert "已提交，待评审" in page
