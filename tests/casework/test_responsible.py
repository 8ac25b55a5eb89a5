"""Who answers for a student: named for a class at once, an empty name changes nothing, shown and printed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.roles import Role
from aidcases.terms import Term
from students.models import Enrolment
from subsidies import urls_casework
from subsidies.casework import printing, responsible
from subsidies.models import Application, Approval, Responsible
from tests import make
from tests.casework import build
from tests.casework.conftest import Crew
from tests.subsidies.pdfs import Pdf

TERM = Term.parse(build.TERM)
LIST = "?term=2026-autumn&class_name=1班"


def test_a_class_is_named_in_one_statement(crew: Crew, django_assert_num_queries: Callable):
    one, two, other = [build.student(at=crew.school, class_name=name, contact="") for name in ("1班", "1班", "2班")]
    foreign = build.student(at=crew.second, contact="")
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
    with pytest.raises(Refused, match="由学校经办设定"):
        responsible.set_for(rows, contact="王", deputy="", principal="", by=crew.actor("county_head"))
    # Whoever sees only the own pupils does not name themselves for others.
    with pytest.raises(Refused, match="班主任只能看到设定给自己的学生"):
        responsible.set_for(rows, contact="班主任甲", deputy="", principal="", by=crew.actor("teacher"))


def test_a_class_teacher_sees_and_works_on_the_own_pupils_only(crew: Crew, browser: Callable[[str], Client]):
    mine = build.application("我班生", at=crew.school)
    other = build.application(build.student("别班生", at=crew.school, contact="班主任乙"), at=crew.school)
    build.student("没登记生", at=crew.school, contact="")
    teacher, maker = browser("teacher"), browser("school_maker")
    for name in ("application_list", "class_list"):
        url = reverse(name) + "?term=2026-autumn"
        text, all_of_it = teacher.get(url).content.decode(), maker.get(url).content.decode()
        if name == "application_list":
            assert ("我班生" in text, "别班生" in text, "没登记生" in text) == (True, False, False)
            assert "请学校经办" in text
            assert all(who in all_of_it for who in ("我班生", "别班生", "没登记生"))
        assert "bulk-who" not in text
    for name in ("application_detail", "application_edit"):
        assert teacher.get(reverse(name, args=[mine.pk])).status_code == 200
        assert teacher.get(reverse(name, args=[other.pk])).status_code == 404
    for name in ("application_move", "application_save", "application_print", "application_waiver"):
        assert teacher.post(reverse(name, args=[other.pk]), {"do": "withdraw", "note": "x"}).status_code == 404
    assert teacher.post(reverse("application_new", args=[other.student_id]) + LIST).status_code == 404
    teacher.post(reverse("application_bulk") + "?term=2026-autumn", {"do": "apply"})
    assert Application.objects.count() == 2  # none for the child that answers to nobody
    page = teacher.get(reverse("student_detail", args=[other.student_id]) + LIST).content.decode()
    assert reverse("application_detail", args=[other.pk]) not in page


def test_no_page_names_another_class_s_child_to_a_class_teacher(crew: Crew, browser: Callable[[str], Client]):
    """Neither lists nor the meeting, nor what the county decided on: of the pages of casework, none that has no key."""
    child = build.student("别班生", at=crew.school, contact="班主任乙")
    build.application(child, at=crew.school, state="submitted", boxes=["dibao"])
    meeting = build.closed(crew)
    build.application(build.student("别班批", at=crew.school, contact="班主任乙"), at=crew.school, state="approved")
    teacher, seen = browser("teacher"), 0
    pages = [p.name for p in urls_casework.urlpatterns if "GET" in p.callback.method and not p.pattern.converters]
    addresses = [reverse(name) for name in pages]
    addresses += [f"{reverse('meeting_detail', args=[meeting.pk])}?tab={tab}" for tab in ("todo", "done", "record")]
    addresses += [reverse("approval_detail", args=[each.pk]) for each in Approval.objects.all()]
    addresses += [reverse("score_detail", args=[meeting.pk, Application.objects.get(student=child).pk])]
    for address in addresses:
        answer = teacher.get(address + ("&" if "?" in address else "?") + "term=2026-autumn")
        seen += answer.status_code == 200
        text = answer.content.decode(errors="replace")
        assert "别班生" not in text, address
        assert "别班批" not in text, address
    assert seen > 10
    minutes = reverse("meeting_minutes", args=[meeting.pk])
    assert "由学校经办打印" in teacher.post(minutes, follow=True).content.decode()
    assert browser("school_maker").post(minutes)["Content-Type"] == "application/pdf"


def test_it_is_set_from_the_list_and_stands_on_the_student_and_on_the_form(crew: Crew, browser: Callable[[str], Client]):
    made = build.application("张小树", at=crew.school)
    data = {"do": "responsible", "contact": "王老师", "account": "", "deputy": "李副校长", "principal": "赵校长"}
    answer = browser("school_maker").post(reverse("application_bulk") + LIST, data, follow=True)
    assert "已为 1 名学生设定责任人" in answer.content.decode()
    for persona in ("school_maker", "county_maker"):
        page = browser(persona).get(reverse("student_detail", args=[made.student_id]) + "?term=2026-autumn").content.decode()
        assert all(name in page for name in ("王老师", "李副校长", "赵校长", "填写中")), persona
    loaded = Application.objects.select_related("student__person", "school").get()
    assert "第一责任人：赵校长" in Pdf(printing.print_forms([loaded], clear=False).pdf).pages[0]
    assert "王老师" in browser("school_maker").get(reverse("class_list") + "?term=2026-autumn").content.decode()
    assert browser("second_maker").get(reverse("student_detail", args=[made.student_id])).status_code == 404


def test_teachers_of_one_name_see_their_own_children_only(crew: Crew, browser: Callable[[str], Client]):
    """The account decides, chosen from the school's members; the name stands for print."""
    namesake = make.user("namesake", "班主任甲", crew.office("teacher"), Role.CLASS_TEACHER)
    for name, room in (("一班生", "1班"), ("二班生", "2班"), ("三班生", "3班")):
        build.application(build.student(name, at=crew.school, class_name=room, contact=""), at=crew.school)
    maker, bulk = browser("school_maker"), reverse("application_bulk") + "?term=2026-autumn&class_name="
    page = maker.get(reverse("application_list") + "?term=2026-autumn").content.decode()
    for user in (namesake, crew["teacher"]):
        assert f'<option value="{user.pk}">班主任甲（班主任，账号 {user.username}）</option>' in page
    assert f'<option value="{crew["second_maker"].pk}">' not in page
    said = {"do": "responsible", "contact": "", "deputy": "", "principal": "", "account": ""}
    maker.post(bulk + "1班", {**said, "account": namesake.pk})
    maker.post(bulk + "2班", {**said, "account": crew["teacher"].pk})
    maker.post(bulk + "3班", {**said, "contact": "班主任甲"})
    maker.post(bulk + "2班", {**said, "deputy": "李副校长"})  # leaves the contact and the account
    client = Client()
    client.force_login(namesake, backend="django.contrib.auth.backends.ModelBackend")
    for teacher, sees in ((client, [True, False, False]), (browser("teacher"), [False, True, False])):
        text = teacher.get(reverse("application_list") + "?term=2026-autumn").content.decode()
        assert [name in text for name in ("一班生", "二班生", "三班生")] == sees
    assert set(Responsible.objects.values_list("contact", "contact_user", "deputy")) == {
        ("班主任甲", namesake.pk, ""), ("班主任甲", crew["teacher"].pk, "李副校长"), ("班主任甲", None, ""),
    }  # fmt: skip
    for wrong, says in (
        ({"account": crew["second_maker"].pk}, "不是本单位的人员"), ({"account": "9" * 30}, "不是本单位的人员"),
        ({"account": namesake.pk, "contact": "王"}, "不要两样都填"), ({}, "至少填一位"),
    ):  # fmt: skip
        assert says in maker.post(bulk + "3班", {**said, **wrong}, follow=True).content.decode()
    # Whoever takes another class's child over again is the only one who sees it.
    maker.post(bulk + "1班", {**said, "account": crew["teacher"].pk})
    assert "一班生" not in client.get(reverse("application_list") + "?term=2026-autumn").content.decode()
