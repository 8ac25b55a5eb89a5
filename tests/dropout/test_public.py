"""The public's part: a tip and its reply by ticket, supervisors, the survey; nothing personal leaves, nothing is kept of who
came."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from aidcases.flow import Refused
from aidcases.models import Reminder
from aidcases.scoping import EVERYWHERE, Actor, Scope, acting_in
from dropout import answering, public, tips
from dropout.models import DropoutCase, Inspection, Supervisor, SurveyAnswer, Tip
from dropout.views.public import TOO_MANY
from tests import make
from tests.personas import TERM, As, World

TODAY = date(2018, 10, 8)
CLERK = Actor("甲经办", 1, None, "/62/6201/620123/", all_powers=True)
CODE = "620123"


@pytest.fixture(autouse=True)
def _nobody_came_before() -> None:
    cache.clear()


@pytest.fixture
def tip(county: World) -> Tip:
    at = public.county(CODE)
    assert at is not None
    with acting_in(at.scope, public.PUBLIC):
        return public.send_tip(at, text="三年级的李小花没来上学，电话 13812345678", contact="13911112222", today=TODAY)


def test_a_tip_is_answered_without_names_and_read_by_its_ticket(county: World, tip: Tip) -> None:
    scope, say = Scope(county.here.office.path), {"text": "已入户核实，孩子已返校"}
    child = make.student("李小花", at=county.here.primary, home="620123100201")
    with acting_in(scope, CLERK):
        assert (tip.due_on, len(tip.ticket)) == (date(2018, 10, 22), 10)
        shown = public.shown(tip.ticket).lower()
        assert public.reply_to(f" {shown} ") == {
            "ticket": shown.upper(), "received_on": TODAY, "due_on": tip.due_on, "answered": False, "answered_on": None,
            "reply": "",
        }  # fmt: skip
        with pytest.raises(Refused, match="没有这名"):
            tips.meant("李小")
        with pytest.raises(Refused, match="李小花"):
            tips.answer(tip, **say, reply="李小花已经回校上课", by=CLERK, today=TODAY)
        with pytest.raises(Refused, match="都要写明"):
            tips.answer(tip, **say, reply="好", by=CLERK, today=TODAY)
        made = tips.open_case(tip, tips.meant("李小花"), term=TERM, by=CLERK, today=TODAY)
        assert (made.student_id, made.found_by) == (child.pk, "tip")
        tip.refresh_from_db()
        tips.assign(tip, owner="王主任", by=CLERK)
        done = tips.answer(tip, **say, reply="孩子已经返校，电话 13812345678", by=CLERK, today=TODAY)
        assert (done.state, done.owner, done.reply) == ("done", "王主任", "孩子已经返校，电话 138******78")
        assert public.reply_to(tip.ticket)["reply"] == done.reply  # type: ignore[index]
        again = tips.reopen(done, note="又没去", by=CLERK, today=date(2018, 10, 9))
        assert ("返校" in again.told, again.reply, again.due_on) == (True, "", date(2018, 10, 23))
        assert public.reply_to(tip.ticket)["reply"] == ""  # type: ignore[index]
        tips.answer(again, **say, reply="孩子已经返校了", by=CLERK, today=TODAY)
        assert tips.close(again, by=CLERK).state == "closed"
    with acting_in(Scope(county.there.office.path), CLERK):
        assert public.reply_to(tip.ticket) is None  # another county's
        assert not Tip.objects.exists()
    with acting_in(scope, Actor("某", permissions=frozenset())), pytest.raises(Refused, match="收到反映的单位"):
        tips.close(tip, by=Actor("某", permissions=frozenset()))


def test_an_unanswered_tip_goes_to_the_office_above(tip: Tip, county: World) -> None:
    with acting_in(EVERYWHERE):
        assert answering.tips_due(datetime(2018, 10, 30, 4, tzinfo=UTC))["escalated"] == 1
        rows = Reminder.objects.open().filter(key__startswith="tip.").order_by("key")
        assert [(row.key, row.path) for row in rows] == [
            ("tip.due", county.here.office.path), ("tip.escalated", "/62/6201/"),
        ]  # fmt: skip


def test_anybody_may_send_a_tip_and_read_its_reply_but_not_too_often(county: World) -> None:
    client = Client()
    form = client.get(reverse("tip_new", args=[CODE]))
    assert (form.status_code, form["X-Robots-Tag"], form["Cache-Control"]) == (200, "noindex, nofollow", "no-store")
    assert client.get(reverse("tip_new", args=["999999"])).status_code == 404
    url, said = reverse("tip_send", args=[CODE]), {"text": "村里有孩子没上学"}
    assert client.post(url, {"text": "短"}).status_code == 422
    assert "已收到" in client.post(url, {**said, "website": "x"}).content.decode()
    assert not Tip.objects.exists()
    sent = client.post(url, said).content.decode()
    made = Tip.objects.get()
    assert public.shown(made.ticket) in sent
    assert made.ticket in {key.replace("-", "") for key in [public.shown(made.ticket)]}
    asked = reverse("tip_reply", args=[CODE])
    assert "正在办理" in client.post(asked, {"ticket": public.shown(made.ticket)}).content.decode()
    assert client.post(asked, {"ticket": "AAAAA-AAAAA"}).status_code == 404
    assert client.get(reverse("tip_ask", args=[CODE])).status_code == 200
    answers = [client.post(url, said).status_code for _ in range(public.A_HOUR["tip"])]
    assert answers[-1] == 429
    assert TOO_MANY in client.post(url, said).content.decode()
    assert "sessionid" not in client.cookies


def test_supervisors_are_public_by_name_and_office(county: World, as_: As) -> None:
    maker, url = as_("maker"), reverse("supervisors_public", args=[CODE])
    given = {"size": 1, "strata": [], "sha256": "ab" * 32, "drawn_on": date(2018, 10, 8), "drawn_by": "督查员"}
    Inspection(path="/62/6201/", term="2018-autumn", seed="彩票 7", **given).save()
    Inspection(path="/62/6201/620121/", term="2018-autumn", seed="邻县种子", **given).save()
    told = Client().get(url).content.decode()
    assert ("彩票 7" in told, "abababababababab" in told, "督查员" in told, "邻县种子" in told) == (True, True, False, False)
    told = {
        "name": "赵代表",
        "duty": "县人大代表",
        "hotline": "0931-5221234",
        "phone": "13812345678",
        "from_on": "2018-09-01",
    }
    maker.post(reverse("supervisor_appoint"), {**told, "from_on": "2026-09-01"})
    page = Client().get(url)
    text = page.content.decode()
    assert ("赵代表" in text, "0931-5221234" in text, "5678" in text) == (True, True, False)
    assert page["Cache-Control"].startswith("public")
    assert "赵代表" not in Client().get(reverse("supervisors_public", args=["620121"])).content.decode()
    row = Supervisor.objects.get()
    shown = maker.post(reverse("supervisor_reveal", args=[row.pk]), {"purpose": "联系"}).content.decode()
    assert "13812345678" in shown
    maker.post(reverse("supervisor_end", args=[row.pk]), {"ended_on": "2026-09-02"})
    assert "赵代表" not in Client().get(url).content.decode()
    assert "赵代表" in maker.get(reverse("supervisor_list")).content.decode()
    assert maker.post(reverse("supervisor_appoint"), {"name": "某"}).status_code == 422


def test_the_survey_takes_one_answer_of_a_browser_and_shows_no_small_numbers(county: World, as_: As) -> None:
    url, said = reverse("survey_send", args=[CODE]), {"who": "parent", "score": "5", "wish": "aid"}
    client = Client()
    assert client.get(reverse("survey_new", args=[CODE])).status_code == 200
    assert client.post(url, {"who": "parent"}).status_code == 422
    assert client.post(url, {**said, "score": "9"}).status_code == 422
    for _ in range(2):
        assert "已收到" in client.post(url, said).content.decode()
    assert SurveyAnswer.objects.count() == 1
    maker = as_("maker")
    assert "回答太少" in maker.get(reverse("survey_results")).content.decode()
    for _ in range(7):
        Client().post(url, said)
    found = public.results(SurveyAnswer.objects.get(pk=SurveyAnswer.objects.first().pk).year)
    assert (found.total, found.by_who["parent", 5], found.content) == (8, 8, 100)
    page = maker.get(reverse("survey_results")).content.decode()
    assert "最希望改进" in page
    statuses = [Client().post(url, said).status_code for _ in range(public.A_HOUR["survey"])]
    assert statuses[-1] == 429


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5)), max_size=60))
def test_no_small_number_can_be_worked_out(answers: list[tuple[str, int]]) -> None:
    counted = Counter(answers)
    counts = {(who, score): counted[who, score] for who in "abc" for score in range(1, 6)}
    table = public.hidden(counts)
    assert all(n is None or n == 0 or n >= public.SMALL for n in table.values())
    assert all(n is None or n == counts[cell] for cell, n in table.items())
    for side in (0, 1):
        for name in {cell[side] for cell in counts}:
            line = [cell for cell in counts if cell[side] == name]
            gone = [cell for cell in line if table[cell] is None]
            assert len(gone) != 1 or not any(table[cell] for cell in line)


def test_pages_inside(tip: Tip, county: World, as_: As) -> None:
    maker, city, other = as_("maker"), as_("city"), as_("other_maker")
    child = county.here.students[0]
    text = maker.get(reverse("tip_list")).content.decode()
    assert f"/tips/{CODE}/" in text
    detail = reverse("tip_detail", args=[tip.pk])
    page = maker.get(detail).content.decode()
    assert ("李小花" in page, "13911112222" in page, public.shown(tip.ticket) in page) == (False, False, False)
    assert "李小花" in maker.post(reverse("tip_reveal", args=[tip.pk]), {"purpose": "核实"}).content.decode()
    assert (
        "13911112222"
        in maker.post(reverse("tip_reveal", args=[tip.pk]) + "?what=contact", {"purpose": "核实"}).content.decode()
    )
    assert "只能查看" in city.get(detail).content.decode()
    assert city.post(reverse("tip_reveal", args=[tip.pk]), {"purpose": "x"}).status_code == 403
    assert other.get(detail).status_code == 404
    maker.post(reverse("tip_assign", args=[tip.pk]), {"owner": "王主任"})
    maker.post(reverse("tip_case", args=[tip.pk]), {"child": child.person.id_number})
    assert DropoutCase.objects.get(student=child).found_by == "tip"
    maker.post(reverse("tip_answer", args=[tip.pk]), {"answer": "已经入户核实情况", "reply": "孩子已经返校上课"})
    maker.post(reverse("tip_close", args=[tip.pk]))
    tip.refresh_from_db()
    assert (tip.state, tip.owner) == ("closed", "王主任")
    maker.post(reverse("tip_reopen", args=[tip.pk]), {"note": "又来反映"})
    assert "以前的办理" in maker.get(detail).content.decode()
