"""The list of students in a term, and one student's file (一生一档)."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, QuerySet, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from aidcases import crypto
from aidcases.flow import Refused
from aidcases.registry import registry
from aidcases.roles import PERMISSIONS, P, Role
from aidcases.scoping import SCHOOL, current_scope
from aidcases.terms import Term, chronological
from aidcases.web import COUNT_CAP, PERSONAL, chosen_term, command, page, paginate, saw
from students.facts import categories_in
from students.filters import EXPIRED, EnrolmentFilter, narrowed, searched
from students.models import Enrolment, Guardian, Student
from students.places import Places, codes_of, home_shown
from students.views.secrets import hidden, masked_fact, reveal

ORDER = ("school_path", "stage", "grade", "class_name", "pk")
# An area of more than one county is read along the index, which an order of its own would forbid.
COUNTY_DEPTH = 3


@page(can=P.STUDENT_VIEW)
def student_list(request: HttpRequest) -> HttpResponse:
    term = chosen_term(request)
    found = EnrolmentFilter(request.GET, Enrolment.objects.in_term(term), request=request, term=term)
    own_only = _is_own_only(found)
    # Sorting and cutting happen on the enrolments alone; the names are joined to one page of them.
    shown = paginate(_in_order(found, own_only).values_list("pk", flat=True), request)
    context = {
        "found": found,
        "page": shown,
        "rows": _lines(list(shown), term),
        "term": term,
        "own_only": own_only,
        "narrowed": narrowed(found),
        "teacher": request.actor.permissions == PERMISSIONS[Role.CLASS_TEACHER],
        "expired": EXPIRED,
    }
    return render(request, "students/student_list.html", context)


@command(can=P.STUDENT_VIEW)
def student_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "student_list", EnrolmentFilter)


def _is_own_only(found: EnrolmentFilter) -> bool:
    """Whether the unfiltered list of a county has more children in its own schools than anybody pages through.

    It is those schools then, read along the index; children elsewhere are found by a filter, and the page says so.
    """
    here = current_scope().path
    if narrowed(found) or len(codes_of(here)) < COUNTY_DEPTH:
        return False
    return found.qs.filter(school_path__startswith=here)[: COUNT_CAP + 1].values("pk").count() > COUNT_CAP


def _in_order(found: EnrolmentFilter, own_only: bool) -> QuerySet:
    """School by school; in a county its own schools before those elsewhere, for which all rows have to be sorted."""
    here = current_scope().path
    if own_only:
        return found.qs.filter(school_path__startswith=here).order_by(*ORDER)
    if len(codes_of(here)) < COUNTY_DEPTH:
        return found.qs.order_by(*ORDER)
    return found.qs.order_by(Case(When(school_path__startswith=here, then=0), default=1), *ORDER)


def _lines(pks: list[int], term: Term) -> list[dict[str, Any]]:
    """What the list shows of each enrolment, in the order given: three queries, however many lines."""
    rows = Enrolment.objects.for_list().select_related("school__region", "hukou_region")
    found = rows.defer("phone", "student__roll_number", "student__person__id_number").in_bulk(pks)
    enrolments = [found[pk] for pk in pks if pk in found]
    homes = {e.pk: home_shown(e.home_path, e.hukou_region) for e in enrolments}
    places = Places([*homes.values(), *(e.school.region.path for e in enrolments)])
    marked = [e.student_id for e in enrolments if e.orphan]
    held = categories_in(term, (e.student_id for e in enrolments), marked)
    here = current_scope().path
    return [
        {
            "enrolment": each,
            "person": each.student.person,
            "home": places.label(homes[each.pk]),
            "elsewhere": "" if each.school_path.startswith(here) else places.label(each.school.region.path),
            "categories": held[each.student_id],
        }
        for each in enrolments
    ]


@page(can=P.STUDENT_VIEW, reads=PERSONAL)
def student_detail(request: HttpRequest, pk: int) -> HttpResponse:
    student, term = _student(pk), chosen_term(request)
    saw(request, "students.student", [student.pk])
    rows = Enrolment.objects.filter(student=student).select_related("school__region", "hukou_region")
    enrolments = list(rows.order_by(*chronological()))
    now = next((e for e in enrolments if e.term == term.code), None)
    marked = [student.pk] if now and now.orphan else []
    context = {"student": student, "person": student.person, "term": term, "now": now}
    panels = _panels(request, student, {**context, "enrolments": enrolments})
    context |= {
        "facts": _facts(request, student, enrolments),
        "categories": categories_in(term, [student.pk], marked)[student.pk],
    }
    return render(request, "students/student_detail.html", {**context, "panels": panels})


def _student(pk: int) -> Student:
    """In scope now, or through an enrolment that is: a former school keeps its own terms."""
    if student := Student.objects.select_related("person__hukou_region").filter(pk=pk).first():
        return student
    rows = Enrolment.objects.select_related("student__person__hukou_region").filter(student=pk)
    if (enrolment := rows.first()) is None:
        raise Http404
    return enrolment.student


def _panels(request: HttpRequest, student: Student, context: dict[str, Any]) -> list[SafeString]:
    """The parts of the page that the apps have registered, each with its own context."""
    return [
        render_to_string(panel.template, {**context, **content}, request)
        for panel in registry.visible(registry.panels, request.actor)
        if (content := panel.content(request, student)) is not None
    ]


def _facts(request: HttpRequest, student: Student, enrolments: list[Enrolment]) -> list[dict[str, Any]]:
    """The head card: who the child is, where it learns, where it is at home, who looks after it."""
    person = student.person
    latest = enrolments[0] if enrolments else None
    home = home_shown(person.home_path, latest.hukou_region if latest else None)
    hukou = person.hukou_region.path if person.hukou_region else ""
    places = Places([home, hukou, latest.school.region.path if latest else ""])
    guardians = Guardian.objects.filter(student=student).order_by("pk").values_list("name", "relation")
    phone = _phone(enrolments)
    return [
        {"label": "性别", "value": person.sex},
        {"label": "出生日期", "value": f"{person.birth_on:%Y-%m-%d}" if person.birth_on else ""},
        {"label": "民族", "value": person.ethnicity},
        masked_fact(request, student, "id", "证件号码", hidden(person.id_last4)),
        masked_fact(request, student, "roll", "全国学籍号", hidden(student.roll_last4)),
        masked_fact(request, student, "phone", "联系电话", crypto.mask_phone(phone or "")),
        {"label": "监护人", "value": "、".join(f"{n}（{r}）" if r else n for n, r in guardians)},
        {"label": "学校所在地", "value": places.label(latest.school.region.path) if latest else ""},
        {"label": "家庭所在地", "value": places.label(home)},
        {"label": "户口所在地", "value": places.label(hukou)},
    ]


def _phone(enrolments: list[Enrolment]) -> str | None:
    """The newest phone number that a school of the own side has recorded."""
    ours = (e.phone for e in enrolments if current_scope().covers(e.school_path, SCHOOL))
    return next((phone for phone in ours if phone), None)


@command(can=P.SECRET_REVEAL)
def student_reveal(request: HttpRequest, pk: int) -> HttpResponse:
    """One value in clear: ?what=id, roll or phone. The phone is for the school's side alone."""
    student = get_object_or_404(Student.objects.select_related("person"), pk=pk)
    what = request.GET.get("what", "")
    if what == "id":
        return reveal(request, student, what=what, label="证件号码", value=student.person.id_number)
    if what == "roll":
        return reveal(request, student, what=what, label="全国学籍号", value=student.roll_number)
    if what == "phone":
        rows = Enrolment.objects.filter(student=student).order_by(*chronological())
        return reveal(request, student, what=what, label="联系电话", value=_phone(list(rows)))
    raise Refused("没有这一项可以查看。")
