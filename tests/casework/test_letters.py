"""来信来访: due in working days, answered, closed, opened again; contacts sealed; who sees whose."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import AuditEvent
from subsidies.casework import appeals, letters
from subsidies.models import Application, Letter
from subsidies.models.letters import LetterKind
from tests.casework import build
from tests.casework.conftest import Crew

Browser = Callable[[str], Client]
FRIDAY = date(2026, 9, 18)
SAID = {"subject": "没收到补助", "text": "孩子的补助没有到账", "from_name": "王某", "contact": "13912345678"}


def letter(crew: Crew, persona: str = "county_maker", kind: str = "call", on: date = FRIDAY, **also: object) -> Letter:
    with crew.acting(persona) as by:
        return letters.register(kind=LetterKind(kind), received_on=on, by=by, today=on, **{**SAID, **also})


@pytest.fixture
def autumn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *_: date(2026, 9, 21))


@pytest.mark.parametrize(
    # 2026: 20 September (a Sunday) is worked; 25–27 September, 1–7 October are off; 10 October (a Saturday) is worked.
    ("kind", "due"),
    [("call", date(2026, 10, 15)), ("visit", date(2026, 10, 15)), ("appeal", date(2026, 9, 22))],
)
def test_days_to_answer_are_working_days(crew: Crew, kind: str, due: date):
    assert letter(crew, kind=kind).due_on == due


def test_numbers_are_masked_and_the_contact_is_sealed(crew: Crew):
    made = letter(crew, text="身份证 620123201605010014，电话 13912345678")
    assert "620123201605010014" not in made.text
    assert "13912345678" not in made.text
    made.refresh_from_db()
    assert made.contact == "13912345678"
    assert b"13912345678" not in bytes(Letter.objects.values_list("contact_hash", flat=True).get())


def test_answered_closed_opened_again_with_a_reason(crew: Crew):
    made = letter(crew)
    with crew.acting("county_maker") as by:
        with pytest.raises(Refused, match="请写明答复内容"):
            letters.answer(made, text=" ", by=by, today=FRIDAY)
        with pytest.raises(Refused, match="当前状态不能办结"):
            letters.close(made, by=by)
        letters.answer(made, text="已补发", by=by, today=FRIDAY)
        with pytest.raises(Refused, match="已被他人处理"):
            letters.answer(made, text="再答", by=by, today=FRIDAY)
        made.refresh_from_db()
        letters.close(made, by=by)
        with pytest.raises(Refused, match="要写明原因"):
            letters.reopen(made, note=" ", by=by, today=date(2026, 11, 2))
        again = letters.reopen(made, note="仍未到账", by=by, today=date(2026, 11, 2))
    assert (again.state, again.answer, again.answered_on, again.due_on) == ("open", "", None, date(2026, 11, 23))
    assert "已补发" in again.text
    assert "仍未到账" in again.text


@pytest.mark.parametrize(
    ("also", "why"),
    [
        ({"subject": " "}, "请填写事由"), ({"received_on": date(2026, 9, 19)}, "不能晚于今天"),
        ({"received_on": date(2025, 9, 1)}, "核对年份"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(crew: Crew, also: dict, why: str):
    with crew.acting("county_maker") as by, pytest.raises(Refused, match=why):
        letters.register(**{"kind": "call", "received_on": FRIDAY, "by": by, "today": FRIDAY, **SAID, **also})


def test_the_register_shows_what_is_overdue_first(crew: Crew, browser: Browser, autumn: None):
    letter(crew, subject="下月到期")
    letter(crew, subject="早就到期", on=date(2026, 8, 3))
    answered = letter(crew, subject="答复过的")
    with crew.acting("county_maker") as by:
        letters.answer(answered, text="好", by=by, today=FRIDAY)
    text = browser("county_maker").get(reverse("letter_list")).content.decode()
    assert text.index("早就到期") < text.index("下月到期")
    assert text.count(">已逾期<") == 1
    assert "答复过的" not in text
    assert "答复过的" in browser("county_maker").get(reverse("letter_list") + "?state=answered").content.decode()
    home = browser("county_head").get(reverse("home")).content.decode()
    assert "待答复" in home


def test_from_form_to_answer_in_the_browser(crew: Crew, browser: Browser, autumn: None):
    about = build.application("说的孩子", at=crew.school, state="approved")
    maker = browser("county_maker")
    assert "说的孩子" in maker.get(reverse("letter_new") + f"?application={about.pk}").content.decode()
    url, data = reverse("letter_create"), {**SAID, "kind": "visit", "received_on": "2026-09-21", "application": about.pk}
    wrong = maker.post(url, {**data, "subject": ""})
    assert (wrong.status_code, "说的孩子" in wrong.content.decode()) == (422, True)
    page = maker.post(url, data, follow=True).content.decode()
    assert "请在 2026-10-19 前答复" in page
    assert "说的孩子" in page
    assert "13912345678" not in page
    made = Letter.objects.get()
    answered = maker.post(reverse("letter_answer", args=[made.pk]), {"answer": "已答复家长"}, follow=True).content.decode()
    assert "已答复家长" in answered
    maker.post(reverse("letter_close", args=[made.pk]))
    maker.post(reverse("letter_reopen", args=[made.pk]), {"note": "家长又来"})
    made.refresh_from_db()
    assert (made.state, made.due_on) == ("open", date(2026, 10, 19))


def test_the_contact_is_revealed_with_a_purpose_on_record(crew: Crew, browser: Browser):
    made = letter(crew)
    url, maker = reverse("letter_contact", args=[made.pk]), browser("county_maker")
    assert "用途" in maker.post(url, headers={"HX-Request": "true"}).content.decode()
    assert "13912345678" in maker.post(url, {"purpose": "联系家庭"}).content.decode()
    event = AuditEvent.objects.get(action="secret.reveal")
    assert (event.subject_id, event.data["what"]) == (made.pk, "contact")


def test_the_county_sees_its_schools_letters_and_no_one_elses_business(crew: Crew, browser: Browser):
    at_school, at_county = letter(crew, "school_maker", subject="校里的"), letter(crew, subject="县里的")
    listed = reverse("letter_list")
    assert all(word in browser("county_maker").get(listed).content.decode() for word in ("校里的", "县里的"))
    school = browser("school_maker").get(listed).content.decode()
    assert "校里的" in school
    assert "县里的" not in school
    assert "校里的" not in browser("second_maker").get(listed).content.decode()
    for persona, made, status in (
        ("foreign_county_maker", at_school, 404), ("second_maker", at_school, 404), ("school_maker", at_county, 404),
        ("teacher", at_school, 403), ("county_maker", at_school, 200),
    ):  # fmt: skip
        assert browser(persona).get(reverse("letter_detail", args=[made.pk])).status_code == status, persona
    text = browser("county_maker").post(reverse("letter_answer", args=[at_school.pk]), {"answer": "代答"}, follow=True)
    assert "由登记的单位办理" in text.content.decode()
    at_school.refresh_from_db()
    assert at_school.state == "open"


def test_an_appeal_upheld_has_the_child_assessed_anew(crew: Crew, browser: Browser):
    """The answer itself sends the application back; who is to do what next is told until it is decided anew."""
    child, rejected, mine = (
        build.application(name, at=crew.school, state=state, level="none")
        for name, state in (("申诉生", "not_hard"), ("未通过生", "rejected"), ("校内生", "not_hard"))
    )
    head, school = browser("county_maker"), browser("school_maker")
    made = letter(crew, kind="appeal", subject="收入算错了", application=child, on=timezone.localdate())
    url = reverse("letter_answer", args=[made.pk])
    assert "退回学校评审小组重新评议" in head.get(reverse("letter_detail", args=[made.pk])).content.decode()
    assert "请选择申诉是否成立" in head.post(url, {"answer": "低保已停发，收入有误"}, follow=True).content.decode()
    page = head.post(url, {"answer": "低保已停发，收入有误", "upheld": "1"}, follow=True).content.decode()
    assert "学校召开评审会议，重新评议。新的认定批准以前，仍按原来的等级测算。" in page
    assert "申诉成立" in page
    child.refresh_from_db()
    assert (child.state, child.level, child.returned_why) == ("submitted", "", "申诉成立：低保已停发，收入有误")
    assert "家庭申诉成立，请重新评审：收入算错了" in school.get(reverse("inbox")).content.decode()
    assert "申诉成立：低保已停发" in school.get(reverse("application_detail", args=[child.pk])).content.decode()
    assert "申诉成立，重新认定" in head.get(reverse("student_detail", args=[child.student_id])).content.decode()
    # Twice is once; dismissed changes nothing; a school does not overturn its county.
    assert "已被他人处理" in head.post(url, {"answer": "再答", "upheld": "1"}, follow=True).content.decode()
    for persona, about, upheld, says in (
        ("school_maker", rejected, "", "rejected"), ("county_maker", rejected, "1", "draft"),
        ("school_maker", mine, "0", "not_hard"), ("school_maker", mine, "1", "submitted"),
    ):  # fmt: skip
        again = letter(crew, persona, kind="appeal", application=about, on=timezone.localdate())
        browser(persona).post(reverse("letter_answer", args=[again.pk]), {"answer": "已核实", "upheld": upheld})
        about.refresh_from_db()
        again.refresh_from_db()
        assert (about.state, again.state) == (says, "answered")
    with crew.acting("school_maker") as by:
        late = letters.register(kind="appeal", received_on=FRIDAY, by=by, today=FRIDAY, application=mine, **SAID)
        with pytest.raises(Refused, match="请刷新页面"):
            letters.answer(late, text="成立", by=by, today=FRIDAY, upheld=True)
    assert appeals.tasks()
    Application.objects.filter(state__in=("submitted", "draft")).update(state="not_hard", level="none")
    assert appeals.tasks() == []
    assert "已经重新办完" in head.get(reverse("letter_detail", args=[made.pk])).content.decode()
