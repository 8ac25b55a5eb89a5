"""Pages cannot write, commands are one transaction, both say who may; lists, terms, search, jobs, error pages."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import pytest
from django.contrib.messages import get_messages
from django.db import DatabaseError, InternalError, connection
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.test import Client, RequestFactory
from django.urls import path, reverse

from aidcases import searching
from aidcases import urls as project
from aidcases.flow import Refused
from aidcases.models import AuditEvent, Job, Region, School, User
from aidcases.models.records import JobState
from aidcases.roles import P, Role
from aidcases.scoping import EVERYWHERE, acting_in, current_actor, current_scope
from aidcases.terms import Term
from aidcases.views import broken
from aidcases.web import (
    COUNT_CAP,
    PERSONAL,
    PUBLIC,
    SIGNED_IN,
    CappedPaginator,
    chosen_term,
    command,
    page,
    paginate,
    saw,
)
from students.models import Person
from subsidies.models import Entitlement
from tests import make

PATH = "/62/6201/620123/"


def write() -> None:
    Region.objects.update_or_create(code="ZZ", defaults={"name": "写", "level": "x", "path": "/ZZ/"})


def written() -> bool:
    return Region.objects.filter(code="ZZ").exists()


@page(can=P.STUDENT_VIEW)
def writing_page(request: HttpRequest) -> HttpResponse:
    write()
    return HttpResponse("written")


@page(can=P.STUDENT_VIEW)
def writing_while_rendering(request: HttpRequest) -> HttpResponse:
    response = TemplateResponse(request, "404.html")
    response.add_post_render_callback(lambda _: write())
    return response


@page(can=P.STUDENT_VIEW, reads=PERSONAL)
def personal_page(request: HttpRequest) -> HttpResponse:
    people = Person.objects.order_by("pk")
    if request.GET.get("show"):
        saw(request, "students.person", people.values_list("pk", flat=True))
    if request.GET.get("break"):
        raise ZeroDivisionError
    return HttpResponse(",".join(person.name for person in people))


@page(can=PUBLIC)
def public_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("all")


@page(can=SIGNED_IN)
def signed_in_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


@command(can=P.RECOMPUTE)
def do(request: HttpRequest) -> HttpResponse:
    write()
    match request.POST.get("end"):
        case "refuse":
            raise Refused("还没有核对", "名单是空的")
        case "break":
            raise ZeroDivisionError
        case "full":
            with open("/dev/full", "wb") as disk:
                disk.write(b"x")
    return HttpResponse(f"{current_actor().name} {current_scope().path}")


urlpatterns = [
    *project.urlpatterns,
    path("x/write/", writing_page),
    path("x/render/", writing_while_rendering),
    path("x/personal/", personal_page, name="personal"),
    path("x/public/", public_page),
    path("x/signed-in/", signed_in_page),
    path("x/do/", do),
]
handler403, handler404, handler500 = project.handler403, project.handler404, project.handler500
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def people(db: None) -> dict[str, User]:
    with acting_in(EVERYWHERE):
        county, other = make.office("620123"), make.office("620121")
        school = make.school("2162000001", place="620123100", name="甲小学")
        make.student("甲生", at=school, home="620123100201")
        return {
            "maker": make.user("maker", "甲经办", county, Role.COUNTY_MAKER),
            "auditor": make.user("auditor", "审计员", county, Role.AUDITOR),
            "school": make.user("school", "校经办", make.school_office(school), Role.SCHOOL_MAKER),
            "other": make.user("other", "乙经办", other, Role.COUNTY_MAKER),
            "admin": make.user("admin", "管理员", county, Role.SYSTEM_ADMIN),
            "nobody": User.objects.create_user("nobody", password=make.PASSWORD),
        }


@pytest.fixture
def everyone(people: dict[str, User]) -> dict[str, Client]:
    made = {"anonymous": Client()}
    for name, user in people.items():
        made[name] = Client()
        made[name].force_login(user)
    return made


@pytest.fixture
def maker(everyone: dict[str, Client]) -> Client:
    return everyone["maker"]


# ---------- pages ----------


@pytest.mark.parametrize("address", ["/x/write/", "/x/render/"])
def test_a_page_that_tries_to_write_is_stopped_by_the_database(maker: Client, address: str):
    with pytest.raises(InternalError, match="read-only transaction"):
        maker.get(address)
    assert not written()
    write()  # the connection itself is not read-only afterwards
    assert written()


@pytest.mark.django_db(transaction=True)
def test_a_page_leaves_the_connection_as_it_was(rf: RequestFactory):
    assert public_page(rf.get("/")).content == b"all"
    write()
    assert written()


def test_who_gets_in(everyone: dict[str, Client]):
    expected = {
        "/x/public/": dict.fromkeys(everyone, 200),
        "/x/signed-in/": dict.fromkeys(everyone, 200) | {"anonymous": 302},
        "/x/personal/": dict.fromkeys(everyone, 200) | {"anonymous": 302, "nobody": 403, "admin": 403},
    }
    for address, answers in expected.items():
        assert {name: client.get(address).status_code for name, client in everyone.items()} == answers
    asked = everyone["anonymous"].get("/x/personal/?show=1")
    assert asked["Location"] == "/login/?next=/x/personal/%3Fshow%3D1"


def test_who_may_command(everyone: dict[str, Client]):
    answers = {name: client.post("/x/do/").status_code for name, client in everyone.items()}
    assert answers == {
        "anonymous": 302, "maker": 200, "auditor": 403, "school": 403, "other": 200, "admin": 403, "nobody": 403,
    }  # fmt: skip


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_page_is_only_got(maker: Client, method: str):
    assert getattr(maker, method)("/x/personal/").status_code == 405


def test_a_page_may_be_asked_for_its_head(maker: Client):
    assert maker.head("/x/personal/").status_code == 200


@pytest.mark.parametrize("method", ["get", "head", "put", "delete"])
def test_a_command_is_only_posted(maker: Client, method: str):
    assert getattr(maker, method)("/x/do/").status_code == 405
    assert not written()


def test_a_command_needs_the_token_of_its_form(people: dict[str, User]):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(people["maker"])
    refused = strict.post("/x/do/")
    assert refused.status_code == 403
    assert "已经过期" in refused.text
    assert not written()


def test_views_say_who_may_and_how():
    assert (personal_page.can, personal_page.reads, personal_page.method) == (P.STUDENT_VIEW, PERSONAL, "GET")
    assert (do.can, do.reads, do.method) == (P.RECOMPUTE, None, "POST")


# ---------- personal data ----------


def test_showing_personal_data_is_one_event_that_names_the_rows(everyone: dict[str, Client], people: dict[str, User]):
    assert everyone["school"].get("/x/personal/?show=1").text == "甲生"
    with acting_in(EVERYWHERE):
        [event] = AuditEvent.objects.filter(action="personal.read")
        assert event.data["subject_ids"] == [Person.objects.get().pk]
        assert event.data["subject_type_seen"] == "students.person"
    assert (event.actor, event.user_id) == ("校经办", people["school"].pk)
    assert event.path == "/62/6201/620123/620123100/2162000001/"
    assert "甲生" not in str(event.data)


def test_what_shows_nothing_records_nothing(everyone: dict[str, Client]):
    everyone["maker"].get("/x/personal/")
    everyone["nobody"].get("/x/personal/?show=1")
    everyone["maker"].post("/x/personal/?show=1")
    with pytest.raises(ZeroDivisionError):
        everyone["maker"].get("/x/personal/?show=1&break=1")
    with acting_in(EVERYWHERE):
        assert not AuditEvent.objects.filter(action="personal.read").exists()


def test_what_cannot_be_recorded_is_not_shown(maker: Client):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE aidcases_auditevent ADD CONSTRAINT full_disk CHECK (false) NOT VALID")
    with pytest.raises(DatabaseError, match="full_disk"):
        maker.get("/x/personal/?show=1")


# ---------- commands ----------


def test_a_command_acts_as_the_person_in_the_scope_of_the_office(everyone: dict[str, Client]):
    assert everyone["maker"].post("/x/do/").text == f"甲经办 {PATH}"
    assert written()


def test_a_refused_command_undoes_and_says_why_where_the_person_was(maker: Client):
    answer = maker.post("/x/do/", {"end": "refuse"}, headers={"Referer": "http://testserver/x/personal/"})
    assert (answer.status_code, answer["Location"]) == (302, "http://testserver/x/personal/")
    assert [str(m) for m in get_messages(answer.wsgi_request)] == ["还没有核对", "名单是空的"]
    assert not written()


def test_a_refused_command_answers_htmx_with_the_reasons(maker: Client):
    answer = maker.post("/x/do/", {"end": "refuse"}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.text) == (409, "还没有核对；名单是空的")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert not written()


def test_a_full_disk_is_said_and_nothing_is_kept(maker: Client):
    answer = maker.post("/x/do/", {"end": "full"}, headers={"HX-Request": "true"})
    assert (answer.status_code, "存储空间已满" in answer.text) == (409, True)
    assert not written()


def test_a_broken_command_undoes(maker: Client):
    with pytest.raises(ZeroDivisionError):
        maker.post("/x/do/", {"end": "break"})
    assert not written()


@pytest.mark.parametrize(
    ("fields", "referer", "goes"),
    [
        ({"next": "/students/"}, "/x/personal/", "/students/"),
        ({"next": "https://evil.example/"}, "", "/"),
        ({"next": "//evil.example/"}, "", "/"),
        ({"next": "javascript:alert(1)"}, "", "/"),
        ({}, "https://evil.example/", "/"),
        ({}, "", "/"),
    ],
)
def test_a_person_is_never_sent_to_another_site(maker: Client, fields: dict, referer: str, goes: str):
    answer = maker.post("/x/do/", {"end": "refuse", **fields}, headers={"Referer": referer})
    assert answer["Location"] == goes


# ---------- lists ----------


@pytest.fixture
def schools(db: None, everywhere: None) -> list[School]:
    return [make.school(f"99{n:04d}", fee=None) for n in range(7)]


@pytest.mark.parametrize(
    ("asked", "number", "shown"),
    [
        (None, 1, 3),
        ("2", 2, 3),
        ("3", 3, 1),
        ("99999999999999999999", 3, 1),
        ("0", 3, 1),
        ("-1", 3, 1),
        ("x", 1, 3),
    ],
)
def test_any_page_number_gives_the_nearest_page(schools: list, rf: RequestFactory, asked: str, number: int, shown: int):
    found = paginate(School.objects.order_by("code"), rf.get("/", {"page": asked} if asked else {}), size=3)
    assert (found.number, len(found), found.paginator.count, found.paginator.more) == (
        number,
        shown,
        7,
        False,
    )


def test_a_list_costs_two_queries_and_none_more_for_its_count(
    schools: list, rf: RequestFactory, django_assert_num_queries
):
    with django_assert_num_queries(2):
        found = paginate(School.objects.order_by("code"), rf.get("/"), size=3)
        assert len(list(found)) == 3
        assert found.has_next()
        assert (found.paginator.num_pages, found.paginator.more) == (3, False)


def test_an_empty_list_has_one_page(db: None, rf: RequestFactory):
    found = paginate(School.objects.order_by("code"), rf.get("/"))
    assert (found.number, list(found), found.paginator.more) == (1, [], False)


def test_counting_stops_at_ten_thousand(db: None, everywhere: None, rf: RequestFactory):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO students_person (name, initials, id_last4, name_authority, name_undecided, sex, ethnicity, "
            "household_path, found_path, home_path, school_path) SELECT 'x', '', '', 0, false, '', '', '', '', '', '' "
            "FROM generate_series(1, %s)",
            [COUNT_CAP + 5],
        )
    paginator = CappedPaginator(Person.objects.order_by("pk"), 50)
    assert (paginator.count, paginator.more) == (COUNT_CAP, True)
    fewer = Person.objects.filter(pk__lt=Person.objects.latest("pk").pk - 4).order_by("pk")
    assert fewer.count() == COUNT_CAP
    assert CappedPaginator(fewer, 50).more is False


@pytest.mark.parametrize(
    "rows",
    [
        lambda: Entitlement.objects.order_by("pk"),
        lambda: Person.objects.values_list("pk", flat=True).order_by("pk"),
        lambda: Person.objects.order_by("name").distinct(),
        lambda: Job.objects.select_related("parent"),
    ],
)
def test_any_kind_of_list_can_be_counted(
    people: dict, everywhere: None, rf: RequestFactory, rows: Callable[[], QuerySet]
):
    found = paginate(rows(), rf.get("/"))
    assert found.paginator.count == len(list(found))


# ---------- terms ----------


def asking(rf: RequestFactory, address: str = "/", session: dict | None = None) -> HttpRequest:
    request = rf.get(address)
    request.session = session or {}
    return request


def test_the_term_is_asked_for_else_remembered_else_the_newest_with_data(
    people: dict, everywhere: None, rf: RequestFactory
):
    assert chosen_term(asking(rf, "/?term=2017-spring", {"term": "2016-autumn"})) == Term(2017, "spring")
    assert chosen_term(asking(rf, "/?term=xx", {"term": "2016-autumn"})) == Term(2016, "autumn")
    assert chosen_term(asking(rf, "/?term=xx", {"term": "yy"})) == Term(2018, "autumn")


def test_without_data_the_term_is_todays(db: None, everywhere: None, rf: RequestFactory, time_machine: object):
    time_machine.move_to("2026-01-15")
    assert chosen_term(asking(rf)) == Term(2025, "autumn")


def test_a_chosen_term_is_kept_and_a_wrong_one_explained(maker: Client):
    maker.post("/term/", {"term": "2017-spring"})
    assert maker.session["term"] == "2017-spring"
    answer = maker.post("/term/", {"term": "春天"}, follow=True)
    assert "学期“春天”认不出" in answer.text
    assert maker.session["term"] == "2017-spring"


# ---------- search ----------


def test_a_number_searched_for_stands_in_no_address_and_not_in_the_session(maker: Client):
    number = make.id_number()
    answer = maker.post("/search/", {"q": f" {number} "})
    assert answer.status_code == 302
    assert number not in answer["Location"]
    assert number not in str(dict(maker.session))
    shown = maker.get(answer["Location"])
    assert shown.status_code == 200
    assert f"…{number[-4:]}" in shown.text
    assert number not in shown.text


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("张三", "张三"), (" ZS ", "ZS"), ("００１Ｘ", "尾号 001X"), ("", ""), ("   ", ""), ("1234", "尾号 1234"),
        ("62012310020100001", "62012310020100001"), ("620123 19900101 001x", "证件号码 …001X"),
        ("G62012319900101001X", "证件号码 …001X"), ("62012319900101001X43", "证件号码 …001X"),
    ],
)  # fmt: skip
def test_what_is_typed_is_understood(typed: str, expected: str):
    query = searching.understood(typed)
    assert query.shown == expected
    if "证件" in expected:
        assert query.text == ""
        assert (query.roll_hash is not None) == typed.startswith("G")
        assert (query.id_hash is not None) != typed.startswith("G")


def test_a_certificate_number_finds_whoever_has_the_identity_number():
    assert searching.understood("62012319900101001X43") == searching.understood("62012319900101001X")


def test_a_search_belongs_to_its_session_and_is_forgotten_after_twenty(everyone: dict[str, Client]):
    address = everyone["maker"].post("/search/", {"q": "甲生"})["Location"]
    assert everyone["maker"].get(address).status_code == 200
    assert everyone["other"].get(address).status_code == 404
    for n in range(searching.KEPT):
        everyone["maker"].post("/search/", {"q": f"甲{n}"})
    assert len(everyone["maker"].session["searches"]) == searching.KEPT
    assert everyone["maker"].get(address).status_code == 404


def test_an_empty_search_says_what_to_type(maker: Client):
    answer = maker.post("/search/", {"q": " "}, follow=True)
    assert "请输入姓名、拼音首字母、证件号码" in answer.text


# ---------- jobs ----------


def a_job(path: str = PATH, state: str = "queued", parent: Job | None = None, **values: object) -> Job:
    with acting_in(EVERYWHERE):
        made = Job(
            kind="x",
            label="测算某学期",
            path=path,
            requested_by="甲经办",
            state=state,
            parent=parent,
            **values,
        )
        if state == JobState.RUNNING:
            made.claim = uuid.uuid4()
        made.save()
        return made


def test_jobs_are_seen_by_their_office_and_those_above(everyone: dict[str, Client]):
    job = a_job()
    assert "测算某学期" in everyone["maker"].get(reverse("job_list")).text
    assert everyone["maker"].get(reverse("job_detail", args=[job.pk])).status_code == 200
    for name in ("other", "school"):
        assert "测算某学期" not in everyone[name].get(reverse("job_list")).text
        for view in ("job_detail", "job_progress"):
            assert everyone[name].get(reverse(view, args=[job.pk])).status_code == 404
        assert everyone[name].post(reverse("job_cancel", args=[job.pk])).status_code == 404
    job.refresh_from_db()
    assert job.state == "queued"


def test_polling_stops_when_the_job_has_ended(maker: Client):
    address = reverse("job_progress", args=[a_job(state="running", done=1, total=4).pk])
    assert maker.get(address).status_code == 200
    answer = maker.get(reverse("job_progress", args=[a_job(state="done").pk]))
    assert (answer.status_code, answer["HX-Refresh"]) == (286, "true")


def test_a_job_is_cancelled_and_resumed_from_its_page(everyone: dict[str, Client]):
    job = a_job(state="waiting")
    part = a_job(state="queued", parent=job)
    cancel, resume = (reverse(name, args=[job.pk]) for name in ("job_cancel", "job_resume"))
    assert everyone["auditor"].post(cancel).status_code == 403
    assert "已取消" in everyone["maker"].post(cancel, follow=True).text
    assert "当前状态不能取消" in everyone["maker"].post(cancel, follow=True).text
    for each in (job, part):
        each.refresh_from_db()
    assert (job.state, part.state) == ("cancelled", "cancelled")
    assert "已继续" in everyone["maker"].post(resume, follow=True).text
    for each in (job, part):
        each.refresh_from_db()
    assert (job.state, part.state) == ("waiting", "queued")
    with acting_in(EVERYWHERE):
        events = AuditEvent.objects.filter(subject_type="aidcases.job", subject_id=job.pk).order_by("pk")
        moves = list(events.values_list("action", flat=True))
    assert moves == ["job.cancel", "job.resume"]


def test_a_part_is_not_steered_alone(maker: Client):
    """The whole would wait for it for ever."""
    part = a_job(parent=a_job(state="waiting"))
    for name in ("job_cancel", "job_resume", "job_detail"):
        send = maker.get if name == "job_detail" else maker.post
        assert send(reverse(name, args=[part.pk])).status_code == 404
    part.refresh_from_db()
    assert part.state == "queued"


# ---------- health, errors ----------


def test_probes(client: Client, db: None, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/healthz").text == "ok"
    assert client.get("/readyz").json() == {"database": "ok"}
    assert client.get("/robots.txt").text == "User-agent: *\nDisallow: /\n"


def test_the_process_says_it_lives_without_a_database(client: Client):
    """No database mark: any query would fail this test."""
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("name", ["anonymous", "nobody", "maker"])
def test_what_is_not_there_is_a_page_of_ours(everyone: dict[str, Client], name: str):
    answer = everyone[name].get("/no/such/page/")
    assert answer.status_code == 404
    assert "<title>" in answer.text
    assert "Traceback" not in answer.text


def test_what_one_may_not_is_a_page_of_ours(everyone: dict[str, Client]):
    answer = everyone["admin"].get("/x/personal/")
    assert answer.status_code == 403
    assert "不归当前身份办理" in answer.text


def test_a_broken_page_is_plain(maker: Client):
    maker.raise_request_exception = False
    answer = maker.get("/x/write/")
    assert answer.status_code == 500
    assert "系统出错" in answer.text
    assert not re.search(r"Traceback|psycopg|read-only|Region", answer.text)


def test_the_error_page_asks_nothing_of_a_database_that_is_away(maker: Client):
    request = maker.get("/x/personal/").wsgi_request
    with connection.execute_wrapper(_away):
        assert "系统出错" in broken(request).text


def _away(*_: object) -> None:
    raise AssertionError("the error page asked the database")


def test_the_chrome_shows_what_the_role_may_open(everyone: dict[str, Client]):
    seen = {name: everyone[name].get("/jobs/").text for name in ("maker", "auditor", "school")}
    assert all(f'href="{reverse("job_list")}"' in text for text in seen.values())
    audit = f'href="{reverse("audit_list")}"'
    assert [audit in seen[name] for name in ("maker", "auditor", "school")] == [False, True, False]


def test_whoever_has_no_office_is_told_so(everyone: dict[str, Client]):
    answer = everyone["nobody"].get("/")
    assert answer.status_code == 200
    assert "aidcases/no_membership.html" in {template.name for template in answer.templates}
