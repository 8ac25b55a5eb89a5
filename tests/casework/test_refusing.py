"""放弃: a refused benefit stays due and is not paid; with a declined application all that need gives is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from aidcases import jobs
from aidcases.models import Job
from aidcases.scoping import EVERYWHERE, SYSTEM, acting_in
from aidcases.terms import Term
from students.models import Enrolment, Student
from subsidies.actions import adopt_pack, publish, request_recompute
from subsidies.casework import applying
from subsidies.models import Application, Entitlement, Payment, Refusal
from subsidies.payments import listing
from tests import make
from tests.casework import build
from tests.casework.conftest import Crew

Browser = Callable[[str], Client]
TERM = Term.parse(build.TERM)
RULE = """
[[rule]]
code = "{code}"
title = "{code}"
clause = "一"
note = "每学期 {yuan} 元"
when = {{ {when} }}
amount = {{ kind = "fixed", period = "term", values = [{{ yuan = "{yuan}.00" }}] }}
"""
PACK = """
[pack]
code = "test-aid"
title = "困难学生补助"
document = "试"
""" + "".join(
    RULE.format(code=code, yuan=yuan, when=when)
    for code, yuan, when in (
        ("by-level", 500, 'determination = ["hard"]'), ("by-list", 300, "registered_poor = true"),
        ("by-stage", 100, 'stage = ["primary"]'),
    )
).replace('code = "by-stage"', 'code = "by-stage"\nuniversal = true')  # fmt: skip


@pytest.fixture
def child(crew: Crew) -> Student:
    """Of a list and determined by an approved application: 500, 300 and what everybody gets, 100 yuan are due."""
    publish(PACK)
    adopt_pack("test-aid", region=make.region("6201"), from_on=TERM.first_day)
    made = build.student("王小放", at=crew.school, categories=("registered_poor",))
    build.application(made, at=crew.school, state="approved", level="hard")
    make.determination(Enrolment.objects.get(student=made), "hard")
    build.student("别的孩子", at=crew.school, categories=("registered_poor",))
    jobs.work_off(request_recompute(term=TERM, path="/62/6201/"))
    return made


def states(who: Student) -> dict[str, str]:
    with acting_in(EVERYWHERE):
        for job in Job.objects.filter(state="queued"):
            assert jobs.work_off(job).state == "done"
        return dict(Entitlement.objects.filter(student=who).values_list("rule__code", "state"))


def test_a_declined_application_refuses_what_need_gives_until_it_is_opened_again(crew: Crew, child: Student):
    assert states(child) == {"by-level": "due", "by-list": "due", "by-stage": "due"}
    with crew.acting("teacher") as by:
        done = applying.move(Application.objects.filter(student=child), "decline", by=by, note="家里条件好了")
    assert done.moved == 1
    refused = {"by-level": "not_paid", "by-list": "not_paid", "by-stage": "due"}
    assert states(child) == refused
    assert Entitlement.objects.filter(state="not_paid").count() == 2  # nobody else's
    assert listing.freeze(Entitlement.objects.filter(student=child), make.batch()) == 1
    jobs.work_off(request_recompute(term=TERM, path="/62/6201/"))  # a whole run reads the same
    assert states(child) == refused
    with crew.acting("teacher") as by:
        applying.move(Application.objects.filter(student=child), "reopen", by=by)
    assert set(states(child).values()) == {"due"}
    assert Refusal.objects.count() == 2


def test_one_benefit_is_refused_on_the_page_and_taken_back(crew: Crew, child: Student, browser: Browser):
    teacher, url = browser("teacher"), reverse("refusal_detail", args=[child.pk])
    page = teacher.get(url + f"?term={TERM.code}").content.decode()
    assert "by-list" in page
    assert "by-stage" not in page  # what everybody gets
    do = reverse("refusal_set", args=[child.pk]) + f"?term={TERM.code}"
    code = Entitlement.objects.get(student=child, rule__code="by-list").benefit.code
    said = {"do": "refuse", "benefit": code, "note": "不需要"}
    assert "请写明放弃的原因" in teacher.post(do, {**said, "note": " "}, follow=True).content.decode()
    assert "请选择资助项目" in teacher.post(do, {**said, "benefit": "x"}, follow=True).content.decode()
    for persona, status in (("county_head", 403), ("school_checker", 403), ("second_maker", 404), ("foreign_maker", 404)):
        assert browser(persona).post(do, said).status_code == status, persona
    assert "已登记放弃" in teacher.post(do, said, follow=True).content.decode()
    assert states(child) == {"by-level": "due", "by-list": "not_paid", "by-stage": "due"}
    for other in ("county_head", "teacher"):
        assert "不需要" in browser(other).get(reverse("student_detail", args=[child.pk])).content.decode()
    assert "收回放弃" in teacher.get(url).content.decode()
    teacher.post(do, {"do": "back", "benefit": code})
    assert set(states(child).values()) == {"due"}


def test_what_a_batch_has_listed_stays_until_it_is_taken_off(crew: Crew, child: Student):
    with acting_in(EVERYWHERE):
        assert listing.freeze(Entitlement.objects.filter(student=child, rule__code="by-level"), make.batch()) == 1
    with crew.acting("teacher") as by:
        applying.move(Application.objects.filter(student=child), "decline", by=by, note="不要了")
    assert states(child) == {"by-level": "due", "by-list": "not_paid", "by-stage": "due"}
    with acting_in(EVERYWHERE):
        listing.cancel(Payment.objects.all(), by=SYSTEM, note="放弃")
        jobs.work_off(request_recompute(term=TERM, path="/62/6201/", marked_only=True))
    assert states(child)["by-level"] == "not_paid"
