"""Who answers for a student: named for a class at once, an empty name changes nothing, shown and printed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.terms import Term
from students.models import Enrolment
from subsidies.casework import printing, responsible
from subsidies.models import Application, Responsible
from tests.casework import build
from tests.casework.conftest import Crew
from tests.subsidies.pdfs import Pdf

TERM = Term.parse(build.TERM)
LIST = "?term=2026-autumn&class_name=1班"


def test_a_class_is_named_in_one_statement(crew: Crew, django_assert_num_queries: Callable):
    one, two, other = [build.student(at=crew.school, class_name=name) for name in ("1班", "1班", "2班")]
    foreign = build.student(at=crew.second)
    with crew.acting("school_maker") as maker:
        rows = Enrolment.objects.in_term(TERM).filter(class_name="1班")
        with django_assert_num_queries(2):  # and one line in the log
            assert responsible.set_for(rows, contact="王老师", deputy="李副校长", principal="赵校长", by=maker) == 2
        responsible.set_for(rows.filter(student=one), contact="陈老师", deputy="", principal="", by=maker)
    assert {r.pk: (r.contact, r.deputy, r.principal) for r in Responsible.objects.all()} == {
        one.pk: ("陈老师", "李副校长", "赵校长"), two.pk: ("王老师", "李副校长", "赵校长"),
    }  # fmt: skip
    assert responsible.of(other.pk) is None
    assert responsible.of(foreign.pk) is None


def test_nobody_named_is_refused_and_so_is_who_may_not(crew: Crew):
    rows = Enrolment.objects.in_term(TERM)
    with pytest.raises(Refused, match="至少填一位"):
        responsible.set_for(rows, contact=" ", deputy="", principal="", by=crew.actor("school_maker"))
    with pytest.raises(Refused, match="最多 40 个字"):
        responsible.set_for(rows, contact="王" * 41, deputy="", principal="", by=crew.actor("school_maker"))
    with pytest.raises(Refused, match="您的角色"):
        responsible.set_for(rows, contact="王", deputy="", principal="", by=crew.actor("county_head"))


def test_it_is_set_from_the_list_and_stands_on_the_student_and_on_the_form(crew: Crew, browser: Callable[[str], Client]):
    made = build.application("张小树", at=crew.school)
    data = {"do": "responsible", "contact": "王老师", "deputy": "李副校长", "principal": "赵校长"}
    answer = browser("teacher").post(reverse("application_bulk") + LIST, data, follow=True)
    assert "已为 1 名学生设定责任人" in answer.content.decode()
    for persona in ("school_maker", "county_maker"):
        page = browser(persona).get(reverse("student_detail", args=[made.student_id]) + "?term=2026-autumn").content.decode()
        assert all(name in page for name in ("王老师", "李副校长", "赵校长", "填写中")), persona
    loaded = Application.objects.select_related("student__person", "school").get()
    assert "第一责任人：赵校长" in Pdf(printing.print_forms([loaded], clear=False).pdf).pages[0]
    assert "王老师" in browser("school_maker").get(reverse("class_list") + "?term=2026-autumn").content.decode()
    assert browser("second_maker").get(reverse("student_detail", args=[made.student_id])).status_code == 404
