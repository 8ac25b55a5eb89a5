"""A region adopts a policy in the browser: one person asks, another confirms, and nothing happens twice."""

from __future__ import annotations

import threading
from datetime import date

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.models import AuditEvent, Job
from aidcases.scoping import Actor, Scope, acting_in
from aidcases.terms import Term
from subsidies import adopting
from subsidies.actions import adopt_pack, load_pack, publish
from subsidies.models import (
    AdoptionRequest,
    AdoptionState,
    Entitlement,
    PackAdoption,
    Rehearsal,
    RehearsalRow,
    RulePack,
)
from tests import make
from tests.personas import TERM, As, World, compute
from tests.subsidies.test_draft_pages import LOCAL, begun, post, rehearsed
from tests.subsidies.test_pages import names_on, page, plain

HERE = "/62/6201/620123/"


@pytest.fixture
def world(county: World) -> World:
    publish(LOCAL)
    compute(county)
    return county


def asked(client: Client, day: str = "2018-09-01", what: str = "adopt", code: str = "local") -> AdoptionRequest:
    answer = post(client, "adoption_ask", code, what=what, from_on=day)
    assert answer.status_code == 302
    return AdoptionRequest.objects.latest("pk")


def own_rows(code: str = "local") -> list[tuple]:
    return list(PackAdoption.objects.filter(pack_code=code, path=HERE).values_list("from_on", "active"))


def test_one_asks_another_confirms_and_a_recompute_follows(as_: As, world: World):
    request = asked(as_("maker"))
    assert (request.state, request.asked_by, str(request)) == (AdoptionState.ASKED, "甲经办", "榆中县 2018-09-01 起采用")
    assert own_rows() == []
    assert "1份申请等待确认" in plain(page(as_("checker"), "pack_list"))
    assert "榆中县2018-09-01起采用" in plain(page(as_("checker"), "pack_detail", "local"))
    html = plain(page(as_("checker"), "adoption_detail", request.pk))
    assert "榆中县2018—2019学年秋季学期有4名学生" in html
    assert "您现在不能确认" not in html
    for _ in range(2):  # the second click finds it confirmed
        assert post(as_("checker"), "adoption_confirm", request.pk).status_code == 302
    request.refresh_from_db()
    assert (request.state, request.decided_by, request.adoption.from_on) == (
        AdoptionState.CONFIRMED, "甲审核", date(2018, 9, 1),
    )  # fmt: skip
    assert own_rows() == [(date(2018, 9, 1), True)]
    for action in ("adoption.asked", "pack.adopted", "adoptionrequest.confirm"):
        events = AuditEvent.objects.filter(action=action, user_id__isnull=False)
        assert events.count() == 1, action
    compute(world)
    assert Entitlement.objects.filter(rule__code="lc-hot-meal").count() == 1


def test_who_asked_does_not_confirm_nor_decline_and_nobody_else_withdraws(as_: As, world: World):
    request = asked(as_("checker"))
    assert "申请人不能处理自己的申请，请由另一人确认。" in page(as_("checker"), "adoption_detail", request.pk)
    post(as_("checker"), "adoption_confirm", request.pk)
    post(as_("checker"), "adoption_decline", request.pk, note="不要")
    post(as_("maker"), "adoption_withdraw", request.pk)
    request.refresh_from_db()
    assert (request.state, own_rows()) == (AdoptionState.ASKED, [])
    post(as_("checker"), "adoption_withdraw", request.pk)
    request.refresh_from_db()
    assert request.state == AdoptionState.WITHDRAWN
    post(as_("head"), "adoption_confirm", request.pk)
    assert own_rows() == []


def test_declining_needs_a_reason_which_is_shown(as_: As, world: World):
    request = asked(as_("maker"))
    post(as_("head"), "adoption_decline", request.pk, note=" ")
    request.refresh_from_db()
    assert request.state == AdoptionState.ASKED
    post(as_("head"), "adoption_decline", request.pk, note="等市里的通知")
    request.refresh_from_db()
    assert (request.state, request.reason, request.decided_by) == (AdoptionState.DECLINED, "等市里的通知", "甲主任")
    assert "退回原因等市里的通知" in plain(page(as_("maker"), "adoption_detail", request.pk))
    assert asked(as_("maker")).pk != request.pk  # may be asked anew


def test_requests_stay_in_the_office_and_above(as_: As, world: World):
    request = asked(as_("maker"))
    url = reverse("adoption_detail", args=[request.pk])
    for persona, status in (("maker", 200), ("auditor", 200), ("city", 200), ("other_maker", 404), ("school", 404)):
        assert as_(persona).get(url).status_code == status, persona
    for persona in ("other_maker", "school"):
        assert "甲经办" not in page(as_(persona), "pack_detail", "local") + page(as_(persona), "pack_list")
    for persona, name in (("maker", "confirm"), ("auditor", "confirm"), ("school", "withdraw"), ("head", "withdraw")):
        assert post(as_(persona), f"adoption_{name}", request.pk).status_code == 403, (persona, name)
    for persona in ("school", "auditor", "head"):
        assert post(as_(persona), "adoption_ask", "local", what="adopt", from_on="2019-09-01").status_code == 403
        assert "提交申请" not in page(as_(persona), "pack_detail", "local")
    post(as_("city"), "adoption_confirm", request.pk)
    assert own_rows() == [(date(2018, 9, 1), True)]


def test_one_request_waits_at_a_time_and_a_second_click_is_the_first(as_: As, world: World):
    first = asked(as_("maker"))
    assert asked(as_("maker")) == first
    answer = as_("checker").post(
        reverse("adoption_ask", args=["local"]), {"what": "adopt", "from_on": "2019-09-01"}, follow=True
    )
    assert "榆中县已有一份申请在等待确认（2018-09-01 起采用）" in answer.content.decode()
    assert AdoptionRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("code", "what", "day", "told"),
    [
        ("lanzhou", "adopt", "2018-08-31", "这份政策 2018-09-01 起执行，不能从更早的日期采用。"),
        ("lanzhou", "end", "2019-09-01", "榆中县在 2019-09-01 没有自己采用这份政策，不能停用；上级采用的要由上级停用。"),
        ("local", "adopt", "2020-09-01", "榆中县在 2020-09-01 已经采用这份政策，不用再申请。"),
        ("local", "adopt", "1889-09-01", "年份不对"),
        ("local", "adopt", "明天", "请写成 2026-09-01 这样的日期。"),
        ("none", "adopt", "2020-09-01", "没有这份政策。"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(as_: As, world: World, code: str, what: str, day: str, told: str):
    adopt_pack("local", region=make.region("620123"), from_on=date(2019, 9, 1))
    answer = as_("maker").post(reverse("adoption_ask", args=[code]), {"what": what, "from_on": day}, follow=True)
    assert told in answer.content.decode()
    assert not AdoptionRequest.objects.exists()


def test_ending_is_a_closing_row_and_the_former_one_stays(as_: As, world: World):
    adopt_pack("local", region=make.region("620123"), from_on=date(2018, 9, 1))
    assert '<option value="end" selected>' in page(as_("maker"), "pack_detail", "local")
    request = asked(as_("maker"), "2019-03-01", "end")
    post(as_("checker"), "adoption_confirm", request.pk)
    assert own_rows() == [(date(2018, 9, 1), True), (date(2019, 3, 1), False)]
    in_force = PackAdoption.objects.in_force_on
    assert in_force(date(2019, 2, 28)).filter(pack_code="local").exists()
    assert not in_force(date(2019, 3, 1)).filter(pack_code="local").exists()


def test_what_has_been_settled_meanwhile_is_not_confirmed(as_: As, world: World):
    request = asked(as_("maker"))
    adopt_pack("local", region=make.region("620123"), from_on=date(2018, 9, 1))
    answer = as_("checker").post(reverse("adoption_confirm", args=[request.pk]), follow=True)
    assert "榆中县在 2018-09-01 已经采用这份政策" in answer.content.decode()
    request.refresh_from_db()
    assert request.state == AdoptionState.ASKED


# --- rehearsing -------------------------------------------------------------------------------------------------


def rehearsal_of(client: Client, request: AdoptionRequest, term: str = TERM.code) -> Rehearsal:
    assert post(client, "adoption_rehearse", request.pk, term=term).status_code == 302
    found = Rehearsal.objects.latest("pk")
    assert jobs.work_off(Job.objects.get(pk=found.job_id)).state == "done"
    found.refresh_from_db()
    return found


def lines() -> set[tuple]:
    return set(Entitlement.objects.in_term(TERM).values_list("student_id", "benefit__code", "rule__code", "amount"))


@pytest.mark.parametrize("day", ["2018-09-01", "2018-10-08"])
def test_a_rehearsal_of_adopting_tells_exactly_what_a_recompute_does(as_: As, world: World, day: str):
    """A day within the term counts as its first for the rehearsal, and is said to."""
    load_pack("prefecture")
    before, adoptions = lines(), PackAdoption.objects.count()
    request = asked(as_("maker"), day, code="prefecture")
    told = rehearsal_of(as_("maker"), request)
    assert (lines(), PackAdoption.objects.count()) == (before, adoptions)
    rows = RehearsalRow.objects.filter(rehearsal=told).values_list("student_id", "benefit_code", "new_rule", "new_amount")
    assert rows.exists()
    html = page(as_("maker"), "rehearsal_detail", told.pk)
    assert f"试算榆中县 {day} 起采用" in html
    assert reverse("adoption_detail", args=[request.pk]) in html
    assert "看谁增谁减" in page(as_("checker"), "adoption_detail", request.pk)
    adopt_pack("prefecture", region=make.region("620123"), from_on=date(2018, 9, 1))
    compute(world)
    assert lines() - before == {row for row in rows if row[2]}


def test_a_rehearsal_of_ending_names_who_loses(as_: As, world: World):
    adopt_pack("local", region=make.region("620123"), from_on=date(2018, 9, 1))
    compute(world)
    request = asked(as_("maker"), "2019-09-01", "end")
    told = rehearsal_of(as_("maker"), request)
    assert names_on(page(as_("maker"), "rehearsal_detail", told.pk, view="rows", side="lose")) == ["榆槐贫生"]
    assert told.summary["lose"] == {"students": 1, "amount": "12.50"}
    post(as_("checker"), "adoption_confirm", request.pk)
    compute(world)
    assert Entitlement.objects.filter(rule__code="lc-hot-meal").exists()  # this term is before the day


def test_rules_that_change_make_a_rehearsal_old(as_: As, world: World):
    request = asked(as_("maker"))
    rehearsal_of(as_("maker"), request)
    assert "试算以后政策有变化" not in page(as_("maker"), "adoption_detail", request.pk)
    adopt_pack("local", region=make.region("620121"), from_on=date(2018, 9, 1))
    assert "试算以后政策有变化" in page(as_("maker"), "adoption_detail", request.pk)


def test_a_term_without_students_is_not_rehearsed_and_one_under_way_not_twice(as_: As, world: World):
    request = asked(as_("maker"))
    for term in ("2017-autumn", "nonsense"):
        post(as_("maker"), "adoption_rehearse", request.pk, term=term)
    assert not Rehearsal.objects.exists()
    for _ in range(2):
        post(as_("maker"), "adoption_rehearse", request.pk, term=TERM.code)
    assert Rehearsal.objects.count() == 1
    assert "hx-get" in page(as_("maker"), "adoption_detail", request.pk)


# --- the draft leads here ---------------------------------------------------------------------------------------


def test_a_published_draft_leads_to_where_it_is_adopted(as_: As, county: World):
    compute(county)
    draft = begun(as_("maker"), LOCAL)
    rehearsed(as_("maker"), draft)
    post(as_("checker"), "draft_publish", draft.pk)
    html = page(as_("checker"), "draft_detail", draft.pk)
    assert f'{reverse("pack_detail", args=["local"])}#adoption' in html
    assert "adopt_pack" not in html
    assert 'id="adoption"' in page(as_("maker"), "pack_detail", "local")


def test_regions_elsewhere_are_counted_not_named(as_: As, world: World):
    adopt_pack("local", region=make.region("6201"), from_on=date(2018, 9, 1))
    adopt_pack("local", region=make.region("2103"), from_on=date(2018, 9, 1))
    html = plain(page(as_("maker"), "pack_detail", "local"))
    assert "兰州市：2018-09-01起采用" in html
    assert "鞍山市" not in html
    assert "另有1个其他地区登记过" in html


# --- two clerks at once -----------------------------------------------------------------------------------------


def clerk(number: int) -> Actor:
    return Actor(f"审核{number}", number, None, HERE, all_powers=True)


@pytest.mark.django_db(transaction=True)
def test_two_who_confirm_at_once_write_one_row(everywhere: None):
    RulePack.objects.create(code="x", version=1, title="政策", document="文件", text="", sha256="0" * 64)
    with acting_in(Scope(HERE), clerk(1)):
        request = adopting.ask(code="x", region=make.region("620123"), from_on=Term(2018, "autumn").first_day, active=True)
    refused: list[str] = []
    begun = threading.Event()

    def second() -> None:
        try:
            with acting_in(Scope(HERE), clerk(3)):
                begun.set()
                adopting.confirm(AdoptionRequest.objects.get(pk=request.pk))
        except Refused as reason:
            refused.extend(reason.reasons)
        finally:
            connection.close()

    thread = threading.Thread(target=second)
    with acting_in(Scope(HERE), clerk(2)), transaction.atomic():
        adopting.confirm(AdoptionRequest.objects.get(pk=request.pk))
        thread.start()
        begun.wait(10)
        thread.join(0.3)
        assert thread.is_alive()  # waits for the first
    thread.join(10)
    assert len(refused) == 1
    assert PackAdoption.objects.filter(pack_code="x").count() == 1
    for action in ("pack.adopted", "adoptionrequest.confirm"):
        assert AuditEvent.objects.filter(action=action).count() == 1, action
    request.refresh_from_db()
    assert request.decided_by == "审核2"
