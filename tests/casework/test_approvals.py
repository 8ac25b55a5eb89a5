"""Approval by a second person: what moves, determinations and the recompute of exactly these, races, certificates, cancelling."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.models import AuditEvent, Job
from aidcases.scoping import EVERYWHERE, acting_in
from aidcases.terms import Term
from students.models import Enrolment, Person, Student
from subsidies.actions import adopt_pack, publish, request_recompute
from subsidies.casework import approvals, county, telling
from subsidies.models import (
    Application,
    Approval,
    ComputeRun,
    Determination,
    Entitlement,
    Letter,
    Mark,
    NoticeLine,
    PublicNotice,
)
from tests import make
from tests.casework import build
from tests.casework.conftest import Crew, build_crew
from tests.subsidies.pdfs import Pdf

Browser = Callable[[str], Client]
TERM = Term.parse(build.TERM)
LIST = "?term=2026-autumn"
TODAY = date(2026, 10, 20)
SAID = {"number": "榆资批〔2026〕3号", "decided_on": date(2026, 10, 19), "today": TODAY}


def checked(crew: Crew, name: str = "", *, at: Any = None, by: str = "county_maker", **also: Any) -> Application:
    return build.application(name, at=at or crew.school, state="county_review", checked_by_id=crew[by].pk, **also)


def approve(crew: Crew, persona: str = "county_head", rows: Any = None, **said: Any) -> approvals.Decided:
    with crew.acting(persona) as by:
        return approvals.approve(county.queue(TERM) if rows is None else rows, TERM, by=by, **{**SAID, **said})


def text_of(pdf: bytes) -> str:
    return "".join(Pdf(pdf).pages)


# ---------- approving ----------


def test_a_second_person_approves_and_what_one_checked_oneself_stays(crew: Crew):
    mine, others = checked(crew, "我核", by="county_checker"), checked(crew, "他核")
    build.application("没核", at=crew.school, state="county_review")
    checked(crew, "有异议", objections_open=1)
    decided = approve(crew, "county_checker")
    assert decided.outcome.moved == 1
    assert decided.outcome.refusals == {approvals.OWN_WORK: 1, "经办还没有初核": 1, "还有没办结的异议": 1}
    others.refresh_from_db()
    mine.refresh_from_db()
    assert (others.state, mine.state) == ("approved", "county_review")
    assert others.approval == decided.approval
    assert (decided.approval.number, decided.approval.path) == ("榆资批〔2026〕3号", crew.county.path)
    assert decided.approval.decided_by_id == crew["county_checker"].pk


def test_the_levels_become_determinations_of_exactly_these(crew: Crew):
    poor, back = checked(crew, "困难", level="special"), checked(crew, "不困难", level="none")
    build.application("没核", at=crew.school, state="county_review")
    Determination(
        student=back.student, term=build.TERM, level="hard", source="data_match", home_path=back.home_path,
        school_path=back.school_path,
    ).save()
    approve(crew)
    found = {d.student_id: (d.level, d.source, d.basis) for d in Determination.objects.filter(term=build.TERM)}
    assert found == {
        poor.student_id: ("special", "application", "榆资批〔2026〕3号"),
        back.student_id: ("none", "application", "榆资批〔2026〕3号"),
    }


def test_nothing_to_approve_is_refused_with_the_reasons_and_leaves_no_document(crew: Crew):
    checked(crew, "我核", by="county_head")
    with pytest.raises(Refused) as refused:
        approve(crew)
    assert approvals.OWN_WORK in str(refused.value)
    assert not Approval.objects.exists()


def test_what_changed_since_the_first_look_stops_the_approval(crew: Crew):
    gone = checked(crew, "转走了")
    Enrolment.objects.filter(student=gone.student_id).update(school=crew.second, school_path=crew.second.path)
    checked(crew, "照批")
    decided = approve(crew)
    assert (decided.outcome.moved, decided.outcome.refusals) == (1, {"本学期学籍不在这所学校": 1})


def test_a_decision_is_dated_after_its_notice(crew: Crew):
    row, other = checked(crew, "公示中"), checked(crew, "另一名")
    ends = timezone.make_aware(datetime(2026, 10, 20))  # the nineteenth was the last day
    posted = {"kind": "determination", "office": crew.county, "path": crew.county.path, "term": TERM.code, "hotline": "1"}
    frozen = {"published_on": date(2026, 10, 9), "sha256": "0" * 64, "published_by": "乙", "made_by": "甲", "ends_at": ends}
    over = PublicNotice(**posted, **frozen, state="over", title="名单")
    over.save()
    NoticeLine(notice=over, order=1, name="公示中", application=row).save()
    early = approve(crew, decided_on=date(2026, 10, 18))
    assert (early.outcome.moved, early.outcome.refusals) == (1, {"批准日期 2026-10-18 早于公示期满": 1})
    assert Application.objects.get(pk=other.pk).state == "approved"
    assert approve(crew, decided_on=date(2026, 10, 19)).outcome.moved == 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"number": " "}, "请填写批准文号"), ({"number": "号" * 61}, "最多 60 个字"),
        ({"decided_on": date(2026, 10, 21)}, "不能晚于今天"), ({"decided_on": date(2025, 10, 1)}, "核对年份"),
    ],
)  # fmt: skip
def test_a_document_that_makes_no_sense_is_refused(crew: Crew, said: dict, why: str):
    checked(crew)
    with pytest.raises(Refused, match=why):
        approve(crew, **said)


def test_who_may_not_approve(crew: Crew):
    checked(crew)
    for persona, why in (("county_maker", "您的角色"), ("school_checker", "由县学生资助管理中心"), ("city", "您的角色")):
        with pytest.raises(Refused, match=why):
            approve(crew, persona)
    with pytest.raises(Refused, match="没有可以批准"):
        approve(crew, "county_checker", rows=Application.objects.none())


PACK = """
[pack]
code = "test-aid"
title = "困难学生补助"
document = "试"
[[rule]]
code = "test-aid-hard"
title = "困难补助"
clause = "一"
note = "每学期 500 元"
when = { determination = ["hard"] }
amount = { kind = "fixed", period = "term", values = [{ yuan = "500.00" }] }
"""


def test_the_approved_are_computed_anew_and_nobody_else(crew: Crew):
    publish(PACK)
    adopt_pack("test-aid", region=make.region("6201"), from_on=TERM.first_day)
    made = checked(crew, "有认定")
    build.student("没申请", at=crew.school)
    with crew.acting("county_head"):
        assert jobs.work_off(request_recompute(term=TERM, path=crew.county.path)).state == "done"
    assert not Entitlement.objects.exists()
    assert not Mark.objects.exists()
    [job] = approve(crew).jobs
    assert set(Mark.objects.filter(term=build.TERM).values_list("student_id", flat=True)) == {made.student_id}
    assert job.params["marked_only"] is True
    ended = jobs.work_off(job)
    assert (ended.state, ended.result["added"]) == ("done", 1)
    assert ComputeRun.objects.get(job_id=job.pk).marked_only
    assert [(e.student_id, e.amount) for e in Entitlement.objects.all()] == [(made.student_id, Decimal("500.00"))]


def test_a_recompute_that_runs_already_is_followed_by_another(crew: Crew):
    checked(crew)
    with crew.acting("county_head"):
        running = request_recompute(term=TERM, path=crew.county.path, marked_only=True)
    assert jobs.claim(running.pk)
    [job] = approve(crew).jobs
    assert (job.pk != running.pk, job.state) == (True, "queued")


def test_from_the_page_by_the_filter(crew: Crew, browser: Browser, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *_: TODAY)
    checked(crew, "特困", level="special")
    checked(crew, "一般", level="ordinary")
    head = browser("county_head")
    data = {"do": "approve", "number": "榆资批〔2026〕9号", "decided_on": "2026-10-19"}
    text = head.post(reverse("county_bulk") + LIST + "&level=special", data, follow=True).content.decode()
    assert "批准：已办 1 份" in text
    assert "榆资批〔2026〕9号" in text
    assert Application.objects.filter(state="approved").get().level == "special"
    again = head.post(reverse("county_bulk") + LIST, {**data, "decided_on": "昨天"}, follow=True).content.decode()
    assert "批准日期请写成" in again


def test_rejected_with_a_reason_keeps_the_earlier_level(crew: Crew, browser: Browser):
    made = checked(crew, "不通过")
    head = browser("county_head")
    assert "要写明原因" in head.post(reverse("county_bulk") + LIST, {"do": "reject"}, follow=True).content.decode()
    head.post(reverse("county_bulk") + LIST, {"do": "reject", "note": "收入超过标准"})
    made.refresh_from_db()
    assert (made.state, made.approval.approves, made.returned_why) == ("rejected", False, "收入超过标准")
    assert not Determination.objects.exists()


# ---------- many, and two at once ----------


def many(number: int, crew: Crew) -> None:
    """Applications the county maker has checked, made in sets."""
    at = crew.school
    people = Person._base_manager.bulk_create(
        Person(
            name=f"众{n}", name_authority=3, initials="Z", home_path=crew.county.path, found_path=crew.county.path,
            school_path=at.path,
        )
        for n in range(number)
    )  # fmt: skip
    students = Student._base_manager.bulk_create(Student(person=person) for person in people)
    paths = {"school": at, "school_path": at.path, "home_path": crew.county.path, "term": build.TERM}
    Enrolment._base_manager.bulk_create(
        Enrolment(student=who, stage="primary", grade=3, class_name="1班", **paths) for who in students
    )
    levels = ("special", "hard", "ordinary")
    Application._base_manager.bulk_create(
        Application(
            student=who, state="county_review", level=levels[n % 3], kind="matched", complete=True, notice_over=n % 100 != 0,
            boxes=["poor"], **paths,
        )
        for n, who in enumerate(students)
    )  # fmt: skip


def test_three_thousand_in_one_command_in_seconds(crew: Crew):
    many(3000, crew)
    checked(crew, "自己核的", by="county_head")
    with crew.acting("county_maker") as by:
        start = time.perf_counter()
        first = county.check(county.queue(TERM), TERM, by=by)
        check_took = time.perf_counter() - start
    assert (first.moved, first.refusals) == (2970, {"没有公示记录": 30, county.ALREADY: 1})
    start = time.perf_counter()
    decided = approve(crew)
    took = time.perf_counter() - start
    assert decided.outcome.moved == 2970
    assert decided.outcome.refusals == {"经办还没有初核": 30, approvals.OWN_WORK: 1}
    assert Determination.objects.count() == 2970
    assert AuditEvent.objects.filter(action="application.approve").count() == 2970
    print(f"check {check_took:.2f} s, approve {took:.2f} s")
    assert check_took < 5
    assert took < 5


@pytest.mark.django_db(transaction=True)
def test_of_two_who_approve_at_once_each_line_moves_once():
    with acting_in(EVERYWHERE):
        crew = build_crew()
        build.applications(4, at=crew.school, state="county_review", checked_by_id=crew["county_maker"].pk)
    told: list[Any] = []
    start = threading.Barrier(2)

    def work(persona: str) -> None:
        try:
            start.wait()
            told.append(approve(crew, persona).outcome.moved)
        except Refused as refused:
            told.append(str(refused))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(persona,)) for persona in ("county_head", "county_checker")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with acting_in(EVERYWHERE):
        assert 4 in told
        assert sum(isinstance(one, int) for one in told) == 1
        assert Approval.objects.count() == 1
        assert AuditEvent.objects.filter(action="application.approve").count() == 4


@pytest.mark.django_db(transaction=True)
def test_a_school_that_takes_back_while_the_county_checks_is_told():
    with acting_in(EVERYWHERE):
        crew = build_crew()
        made = build.application(at=crew.school, state="county_review")
    told: list[int] = []

    def take_back() -> None:
        with crew.acting("school_maker") as by:
            told.append(county.take_back(county.queue(TERM), by=by).moved)
        connection.close()

    with crew.acting("county_maker") as by, transaction.atomic():
        assert county.check(county.queue(TERM), TERM, by=by).moved == 1
        thread = threading.Thread(target=take_back)
        thread.start()
        time.sleep(0.4)
        assert told == []  # waits for the county's transaction
    thread.join()
    assert told == [0]
    with acting_in(EVERYWHERE):
        made.refresh_from_db()
        assert (made.state, made.checked_by_id) == ("county_review", crew["county_maker"].pk)


# ---------- documents ----------


def test_the_certificate_names_and_counts_and_holds_no_number(crew: Crew, browser: Browser):
    one = checked(crew, "名单甲", level="special")
    checked(crew, "名单乙")
    checked(crew, "外校丙", at=crew.second)
    approval = approve(crew).approval
    url = reverse("approval_print", args=[approval.pk])
    answer = browser("school_maker").post(url, {"school": crew.school.code})
    text = text_of(answer.content)
    assert all(word in text for word in ("榆资批〔2026〕3号", "榆树小学", "名单甲", "名单乙", "特别困难1人", "批准2名"))
    assert "外校丙" not in text
    assert one.student.person.id_number not in text
    refused = browser("school_maker").post(url, {"school": crew.second.code}, follow=True).content.decode()
    assert "没有这所学校已批准的学生" in refused
    assert browser("foreign_county_maker").post(url, {"school": crew.school.code}).status_code == 404


def test_a_school_sees_the_document_with_its_own_lines_only(crew: Crew, browser: Browser):
    checked(crew, "本校生")
    checked(crew, "外校生", at=crew.second)
    approval = approve(crew).approval
    detail = reverse("approval_detail", args=[approval.pk])
    for persona, sees, not_sees in (
        ("school_maker", ["本校生"], ["外校生", "槐树小学"]), ("county_maker", ["本校生", "外校生"], []),
    ):  # fmt: skip
        text = browser(persona).get(detail).content.decode()
        assert all(word in text for word in sees)
        assert not any(word in text for word in not_sees)
        assert approval.number in browser(persona).get(reverse("approval_list") + LIST).content.decode()
    assert browser("foreign_county_maker").get(detail).status_code == 404


# ---------- for cause ----------


def test_cancelling_sets_back_computes_anew_and_tells_the_family(crew: Crew, browser: Browser, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *_: TODAY)
    made = checked(crew, "查实生")
    approve(crew)
    url = reverse("county_cancel", args=[made.pk])
    assert browser("county_maker").post(url, {"note": "x"}).status_code == 403
    assert browser("foreign_county_maker").post(url, {"note": "x"}).status_code == 403
    head = browser("county_head")
    assert "要写明原因" in head.post(url, {}, follow=True).content.decode()
    Job.objects.all().delete()
    assert "打印告知书" in head.post(url, {"note": "查实有商品房两套"}, follow=True).content.decode()
    made.refresh_from_db()
    assert made.state == "cancelled"
    assert Determination.objects.get(student=made.student_id).level == "none"
    assert Job.objects.get().params["marked_only"] is True
    letter = Letter.objects.get()
    assert (letter.application_id, letter.subject, letter.state) == (made.pk, approvals.TOLD, "open")
    text = text_of(head.post(reverse("county_told", args=[made.pk])).content)
    assert all(word in text for word in ("查实生", "查实有商品房两套", "榆树小学", "3个工作日"))
    assert made.student.person.id_number not in text


def test_only_an_approved_application_is_cancelled(crew: Crew):
    made = checked(crew)
    with crew.acting("county_head") as by, pytest.raises(Refused, match="当前状态不能取消资格"):
        approvals.cancel(made, by=by, note="x", today=TODAY)
    with crew.acting("school_checker") as by, pytest.raises(Refused, match="由县学生资助管理中心"):
        approvals.cancel(made, by=by, note="x", today=TODAY)
    with pytest.raises(Refused, match="没有可以打印的告知书"):
        telling.print_told([made])
