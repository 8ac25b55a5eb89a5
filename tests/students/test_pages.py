"""Students, households and schools in the browser: who sees what, what stays masked, how many queries it costs."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from aidcases import crypto
from aidcases.models import AuditEvent
from aidcases.roles import Role
from aidcases.terms import Term
from students.enums import Category, Stage
from students.facts import categories_in
from students.models import Enrolment, Hardship, Household, ImportFile, Student
from tests import make
from tests.personas import CANARY, TERM, As, World
from tests.students.signed_in import imported

HERE, THERE = CANARY["620123"], CANARY["620121"]


def text_of(response) -> str:
    return response.content.decode()


def names_on(response) -> set[str]:
    """The names in the first column of a list."""
    return set(re.findall(r'data-open>([^<]+)</a></th>', text_of(response)))


def search(client: Client, url: str, **posted: str):
    return client.post(reverse(url), posted, follow=True)


# --- the list of students ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("persona", "shown"),
    [
        ("maker", {f"{HERE}贫生", f"{HERE}普生", f"{HERE}高生", "跨县生"}),
        ("other_maker", {f"{THERE}贫生", f"{THERE}普生", f"{THERE}高生", "跨县生"}),
        ("school", {f"{HERE}贫生", f"{HERE}普生", "跨县生"}),
        ("other_school", {f"{HERE}高生"}),
        ("city", {f"{side}{name}" for side in (HERE, THERE) for name in ("贫生", "普生", "高生")} | {"跨县生"}),
    ],
)
def test_everybody_sees_the_students_of_their_own_side(as_: As, persona: str, shown: set[str]):
    assert names_on(as_(persona).get(reverse("student_list"))) == shown


def test_without_an_office_there_is_no_list(as_: As):
    assert as_("nobody").get(reverse("student_list")).status_code == 403


def test_the_list_shows_school_grade_boarding_category_and_home(as_: As, county: World):
    body = text_of(as_("maker").get(reverse("student_list") + "?category=registered_poor&away=0"))
    assert names_on(as_("maker").get(reverse("student_list") + "?category=registered_poor&away=0")) == {f"{HERE}贫生"}
    place = make.region("620123100201")
    for part in (county.here.primary.name, "三年级", "寄宿", "建档立卡（脱贫户）", "2010-05-17", place.name[:-2]):
        assert part in body


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("stage=senior", {f"{HERE}高生"}),
        ("grade=senior-1", {f"{HERE}高生"}),
        ("grade=primary-4", set()),
        ("school={senior}", {f"{HERE}高生"}),
        ("school=0000000000", set()),
        ("class_name=1班&stage=senior", {f"{HERE}高生"}),
        ("boarding=1", {f"{HERE}贫生"}),
        ("category=dibao_rural", {f"{HERE}高生"}),
        ("category=any", {f"{HERE}贫生", f"{HERE}高生", "跨县生"}),
        ("category=orphan", set()),
        ("away=1", {"跨县生"}),
        ("place=620123100", {f"{HERE}贫生", f"{HERE}普生", f"{HERE}高生"}),
        ("place=620123100201&boarding=1", {f"{HERE}贫生"}),
        ("place=nonsense", set()),
        ("stage=nonsense&boarding=1", {f"{HERE}贫生"}),
    ],
)
def test_filters(as_: As, county: World, query: str, shown: set[str]):
    query = query.format(senior=county.here.senior.code)
    assert names_on(as_("maker").get(f"{reverse('student_list')}?{query}")) == shown


def test_the_rolls_own_mark_of_an_orphan_counts(as_: As, county: World):
    plain = county.here.students[1]
    Enrolment.objects.filter(student=plain).update(orphan=True)
    response = as_("maker").get(reverse("student_list") + "?category=orphan")
    assert names_on(response) == {f"{HERE}普生"}
    assert "孤儿" in text_of(response)


def test_a_school_has_no_filter_for_schools(as_: As):
    assert 'type="hidden" name="school"' in text_of(as_("school").get(reverse("student_list")))
    assert 'type="hidden" name="school"' not in text_of(as_("maker").get(reverse("student_list")))


def test_the_register_s_village_of_a_child_from_elsewhere_is_neither_shown_nor_searchable(as_: As, county: World):
    """The roll says only the county; the register of the home side knows the village."""
    village, home_county = make.region("620121100001"), make.region("620121")
    Enrolment.objects.filter(student=county.crossing).update(hukou_region=home_county)
    body = text_of(as_("maker").get(reverse("student_list")))
    assert home_county.name in body
    assert village.name[:-2] not in body
    assert names_on(as_("maker").get(f"{reverse('student_list')}?place={village.code}")) == set()
    assert names_on(as_("maker").get(f"{reverse('student_list')}?place=620121")) == {"跨县生"}
    there = as_("other_maker").get(f"{reverse('student_list')}?place={village.code}")
    assert "跨县生" in names_on(there)


@pytest.mark.parametrize(
    ("rows", "counts"),
    [
        ([(date(2017, 1, 1), True)], True),
        ([(date(2017, 1, 1), True), (date(2018, 9, 1), False)], False),  # over before the term
        ([(date(2017, 1, 1), True), (date(2018, 9, 2), False)], True),  # held on its first day
        ([(date(2019, 2, 28), True)], True),  # its last day
        ([(date(2019, 3, 1), True)], False),
        ([(date(2016, 1, 1), True), (date(2017, 1, 1), False), (date(2018, 12, 1), True)], True),
        ([(date(2016, 1, 1), True), (date(2017, 1, 1), False)], False),
    ],
)
def test_a_category_counts_on_any_day_of_the_term(county: World, rows: list, counts: bool):
    who = county.here.students[1].person
    for from_on, active in rows:
        make.hardship(who, Category.TEKUN_RURAL, from_on=from_on, active=active)
    assert categories_in(TERM, [who.pk])[who.pk] == (["农村特困供养"] if counts else [])


def test_the_school_cannot_see_another_school_s_pupil_by_filter(as_: As, county: World):
    assert names_on(as_("school").get(f"{reverse('student_list')}?school={county.here.senior.code}")) == set()


def test_own_schools_come_before_those_elsewhere(as_: As, county: World):
    make.student("外出生", at=county.there.primary, home="620123100201")
    shown = re.findall(r"data-open>([^<]+)</a></th>", text_of(as_("maker").get(reverse("student_list"))))
    assert shown[-1] == "外出生"
    assert len(shown) == 5


def test_a_large_county_pages_through_its_own_schools(as_: As, county: World, monkeypatch: pytest.MonkeyPatch):
    make.student("外出生", at=county.there.primary, home="620123100201")
    monkeypatch.setattr("students.views.students.COUNT_CAP", 3)
    client, url = as_("maker"), reverse("student_list")
    plain = client.get(url)
    assert "外出生" not in names_on(plain)
    assert "到外地就读的，请在" in text_of(plain)
    assert names_on(client.get(f"{url}?away=1")) == {"外出生", "跨县生"}
    assert names_on(client.get(f"{url}?stage=primary")) == {f"{HERE}贫生", f"{HERE}普生", "跨县生", "外出生"}


# --- searches ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["{name}", " {name} ", "{number}", "{small}", "{wide}", "{last}", "{roll}", "hjps"])
def test_searching_finds_one_and_keeps_the_words_out_of_the_address(as_: As, county: World, typed: str):
    poor = county.here.students[0]
    number = poor.person.id_number
    poor.person.initials = "hjps"
    poor.person.save()
    Student.objects.filter(pk=poor.pk).update(**_roll("G" + number))
    wide = "".join(chr(ord(c) + 0xFEE0) for c in number)
    posted = typed.format(
        name=poor.person.name, number=number, small=number.lower(), wide=wide, last=number[-4:], roll="G" + number
    )
    response = search(as_("maker"), "student_search", search=posted, stage="primary")
    [(address, _)] = response.redirect_chain
    assert re.fullmatch(r"/students/\?stage=primary&q=[\w-]{8}", address)
    assert f"{HERE}贫生" in names_on(response)
    assert number not in text_of(response)
    assert names_on(as_("other_maker").get(address)) == set()


def _roll(number: str) -> dict[str, object]:
    return {"roll_number": number, "roll_hash": crypto.blind(number, "roll_number"), "roll_last4": number[-4:]}


def test_a_search_survives_other_filters_and_is_taken_back(as_: As):
    client = as_("maker")
    first = search(client, "student_search", search=f"{HERE}贫")
    key = re.search(r"q=([\w-]+)", first.redirect_chain[0][0])[1]
    again = search(client, "student_search", search=f"{HERE}贫", q=key, boarding="1")
    assert again.redirect_chain[0][0] == f"/students/?boarding=1&q={key}"
    assert names_on(again) == {f"{HERE}贫生"}
    assert search(client, "student_search", search="", q=key).redirect_chain[0][0] == "/students/"


def test_a_whole_number_is_shown_by_its_last_four_and_kept(as_: As, county: World):
    client, number = as_("maker"), county.here.students[0].person.id_number
    first = search(client, "student_search", search=number)
    key = re.search(r"q=([\w-]+)", first.redirect_chain[0][0])[1]
    assert f'value="证件号码 …{number[-4:]}"' in text_of(first)
    again = search(client, "student_search", search=f"证件号码 …{number[-4:]}", q=key)
    assert names_on(again) == {f"{HERE}贫生"}


def test_an_expired_search_shows_nothing_and_says_why(as_: As):
    response = as_("maker").get(reverse("student_list") + "?q=gone")
    assert names_on(response) == set()
    assert "这次搜索已过期" in text_of(response)


def test_words_in_the_address_are_no_search(as_: As):
    response = as_("maker").get(reverse("student_list") + f"?search={HERE}贫生")
    assert len(names_on(response)) == 4
    assert f'value="{HERE}贫生"' not in text_of(response)


def test_an_empty_term_says_what_to_do_to_those_who_can(as_: As):
    empty = reverse("student_list") + "?term=2031-autumn"
    assert reverse("import_new") in text_of(as_("maker").get(empty))
    body = text_of(as_("school").get(empty))
    assert "这个学期还没有学生" in body
    assert reverse("import_new") not in body


# --- queries ----------------------------------------------------------------------------------------------------

LISTS = ("student_list", "household_list", "school_list", "import_list")


def queries_of(client: Client, url: str) -> int:
    """Statements that ask something; the page's own transaction (a savepoint in tests) costs no look-up."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    spare = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SET LOCAL")
    return sum(not query["sql"].startswith(spare) for query in captured)


@pytest.mark.parametrize("name", LISTS)
def test_lists_cost_at_most_twelve_queries_however_long(as_: As, county: World, name: str):
    client, url = as_("maker"), reverse(name)
    few = queries_of(client, url)
    for n in range(30):
        pupil = make.student(f"添{n}", at=county.here.primary, home="620123100201", categories=("disabled",))
        make.household(village="620123100201", members=(pupil.person,), head=make.person(f"户{n}", home="620123100201"))
        make.school(place="620123101", name=f"添校{n}")
    many = queries_of(client, url)
    assert many <= max(few, 12)
    assert few <= 12


def test_the_student_s_page_costs_the_same_for_many_members_and_terms(as_: As, county: World):
    client, poor = as_("maker"), county.here.students[0]
    url = reverse("student_detail", args=[poor.pk])
    few = queries_of(client, url)
    home = poor.person.memberships.get().household
    for n in range(5):
        sibling = make.student(f"妹{n}", at=county.here.primary, home="620123100201")
        home.members.create(person=sibling.person, relation="之女", from_on=date(2015, 1, 1))
        make.enrolment(poor, at=county.here.primary, term=f"{2019 + n}-autumn")
    assert queries_of(client, url) == few


# --- one student's file -----------------------------------------------------------------------------------------


def detail(client: Client, student: Student):
    return client.get(reverse("student_detail", args=[student.pk]))


def test_the_file_shows_the_child_masked_and_is_recorded(as_: As, county: World):
    poor = county.here.students[0]
    body = text_of(detail(as_("maker"), poor))
    for part in (poor.person.name, f"{HERE}户主", "户编号", "建档立卡（脱贫户）", county.here.primary.name, "138******34"):
        assert part in body
    assert poor.person.id_number not in body
    assert "13800001234" not in body
    event = AuditEvent.objects.filter(action="personal.read").first()
    assert event.data["subject_ids"] == [poor.pk]


@pytest.mark.parametrize("persona", ["other_maker", "other_school"])
def test_a_child_of_somebody_else_is_not_found(as_: As, county: World, persona: str):
    assert detail(as_(persona), county.here.students[0]).status_code == 404


def test_the_household_of_a_child_from_elsewhere_stays_with_its_county(as_: As, county: World):
    body = text_of(detail(as_("maker"), county.crossing))
    assert "跨县户主" not in body
    assert county.crossing.person.memberships.get().household.number not in body
    assert "由家庭所在地（永登县）掌握" in body
    there = text_of(detail(as_("other_maker"), county.crossing))
    assert "跨县户主" in there


def test_the_phone_stays_with_the_school_s_side(as_: As, county: World):
    url = reverse("student_reveal", args=[county.crossing.pk]) + "?what=phone"
    assert url in text_of(detail(as_("maker"), county.crossing))
    there = text_of(detail(as_("other_maker"), county.crossing))
    assert url not in there
    assert "138******34" not in there


def test_a_school_sees_no_household(as_: As, county: World):
    body = text_of(detail(as_("school"), county.here.students[0]))
    assert f"{HERE}户主" not in body
    assert "掌握，这里不显示" in body


def test_a_former_school_keeps_its_term_and_nothing_else(as_: As, county: World):
    poor = county.here.students[0]
    make.enrolment(poor, at=county.here.senior, term="2019-autumn", stage=Stage.SENIOR, grade=1)
    poor.person.school_path = county.here.senior.path
    poor.person.save()
    response = detail(as_("school"), poor)
    body = text_of(response)
    assert response.status_code == 200
    assert "2018—2019" in body
    assert county.here.senior.name not in body
    assert reverse("student_reveal", args=[poor.pk]) not in body
    assert as_("school").post(reverse("student_reveal", args=[poor.pk]) + "?what=id", {"purpose": "核对身份"}).status_code == 404


def test_hardship_says_where_it_comes_from_to_the_office_that_imported_it(as_: As, county: World):
    poor = county.here.students[0]
    file = imported(county, kind="poverty", filename="贫困户.xlsx")
    row = file.rows.create(number=7, state="new", name=poor.person.name)
    Hardship.objects.filter(person=poor.person).update(row=row)
    body = text_of(detail(as_("maker"), poor))
    assert "《建档立卡贫困人口》贫困户.xlsx 第 7 行" in body
    assert reverse("import_detail", args=[file.pk]) in body
    school = text_of(detail(as_("school"), poor))
    assert "贫困户.xlsx" not in school
    assert "建档立卡贫困人口" in school


# --- revealing --------------------------------------------------------------------------------------------------


def ask(client: Client, student: Student, what: str, purpose: str = "核对身份"):
    url = reverse("student_reveal", args=[student.pk]) + f"?what={what}"
    return client.post(url, {"purpose": purpose}, HTTP_HX_REQUEST="true")


def test_a_number_is_shown_once_for_a_purpose_and_on_record(as_: As, county: World):
    poor = county.here.students[0]
    response = ask(as_("maker"), poor, "id")
    assert poor.person.id_number in text_of(response)
    assert response["Cache-Control"] == "no-store"
    event = AuditEvent.objects.get(action="secret.reveal")
    assert (event.actor, event.subject_id, event.note, event.data) == ("甲经办", poor.pk, "核对身份", {"what": "id"})


def test_a_number_in_the_purpose_is_masked_on_record(as_: As, county: World):
    number = county.here.students[0].person.id_number
    ask(as_("maker"), county.here.students[0], "phone", f"核对 {number}")
    assert number not in AuditEvent.objects.get(action="secret.reveal").note


@pytest.mark.parametrize(
    ("persona", "what", "purpose", "status"),
    [
        ("maker", "id", "", 409),
        ("maker", "id", "  ", 409),
        ("maker", "card", "核对身份", 409),
        ("maker", "roll", "核对身份", 409),  # none is known
        ("school", "phone", "联系家庭", 200),
        ("auditor", "id", "检查", 403),
        ("city", "id", "检查", 403),
        ("other_maker", "id", "核对身份", 404),
        ("nobody", "id", "核对身份", 403),
    ],
)
def test_who_may_reveal(as_: As, county: World, persona: str, what: str, purpose: str, status: int):
    assert ask(as_(persona), county.here.students[0], what, purpose).status_code == status
    assert AuditEvent.objects.filter(action="secret.reveal").exists() == (status == 200)


def test_both_sides_may_see_the_number_but_only_one_the_phone(as_: As, county: World):
    assert ask(as_("other_maker"), county.crossing, "id").status_code == 200
    assert ask(as_("other_maker"), county.crossing, "phone").status_code == 409
    assert "13800001234" in text_of(ask(as_("maker"), county.crossing, "phone"))


def test_revealing_is_no_page(as_: As, county: World):
    assert as_("maker").get(reverse("student_reveal", args=[county.crossing.pk])).status_code == 405


# --- households -------------------------------------------------------------------------------------------------


def test_households_belong_to_the_home_side(as_: As):
    assert names_on(as_("maker").get(reverse("household_list"))) == {f"{HERE}户主"}
    assert names_on(as_("other_maker").get(reverse("household_list"))) == {f"{THERE}户主", "跨县户主"}
    assert as_("school").get(reverse("household_list")).status_code == 403


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("place=620123100", True),
        ("place=620123101", False),
        ("kind=一般贫困户", True),
        ("kind=脱贫户", False),
        ("studying=1", True),
        ("studying=0", False),
    ],
)
def test_household_filters(as_: As, query: str, found: bool):
    assert bool(names_on(as_("maker").get(f"{reverse('household_list')}?{query}"))) == found


def test_households_are_found_by_number_head_and_member(as_: As, county: World):
    poor = county.here.students[0].person
    number = poor.memberships.get().household.number
    for typed in (number, number[:14], f"{HERE}户", poor.name, poor.id_number, poor.id_number[-4:]):
        response = search(as_("maker"), "household_search", search=typed)
        assert f"{HERE}户主" in names_on(response), typed
        assert typed not in response.redirect_chain[0][0]
        assert f"{HERE}户主" not in names_on(search(as_("other_maker"), "household_search", search=typed))


def test_the_household_s_page(as_: As, county: World):
    household = county.here.students[0].person.memberships.get().household
    url = reverse("household_detail", args=[household.pk])
    body = text_of(as_("maker").get(url))
    for part in (household.number, f"{HERE}户主", f"{HERE}贫生", "139******78", "一般贫困户", "建档立卡（脱贫户）"):
        assert part in body
    assert "13900005678" not in body
    assert as_("other_maker").get(url).status_code == 404
    assert as_("school").get(url).status_code == 403
    assert len(AuditEvent.objects.get(action="personal.read").data["subject_ids"]) == 2


def test_the_household_s_phone_is_revealed_on_record(as_: As, county: World):
    household = county.here.students[0].person.memberships.get().household
    url = reverse("household_reveal", args=[household.pk])
    assert "13900005678" in text_of(as_("maker").post(url, {"purpose": "联系家庭"}, HTTP_HX_REQUEST="true"))
    assert AuditEvent.objects.get(action="secret.reveal").subject_type == "students.household"
    assert as_("other_maker").post(url, {"purpose": "联系家庭"}).status_code == 404
    assert as_("maker").post(url, {}, HTTP_HX_REQUEST="true").status_code == 409


def test_no_household_yet(as_: As, county: World):
    county.users["far"] = make.user("far", "丙经办", make.office("620102"), Role.COUNTY_MAKER)
    assert "还没有家庭" in text_of(as_("far").get(reverse("household_list")))
    assert "还没有学校" in text_of(as_("far").get(reverse("school_list")))


# --- schools ----------------------------------------------------------------------------------------------------


def test_schools_count_the_students_in_sight(as_: As, county: World):
    body = text_of(as_("maker").get(reverse("school_list")))
    assert county.here.primary.name in body
    assert THERE not in body
    row = body.split(county.here.primary.name)[1].split("</tr>")[0]
    assert re.findall(r">(\d+)</a></td>", row) == ["3", "1", "2"]


def test_schools_elsewhere_are_those_with_children_from_here(as_: As, county: World):
    shown = names_on(as_("other_maker").get(reverse("school_list") + "?where=away"))
    assert shown == {county.here.primary.name}


@pytest.mark.parametrize(
    ("query", "shown"),
    [("name=中心", ["primary"]), ("name={code}", ["senior"]), ("stage=senior", ["senior"]), ("public=0", []),
     ("place=620123100", ["primary", "senior"])],
)  # fmt: skip
def test_school_filters(as_: As, county: World, query: str, shown: list[str]):
    query = query.format(code=county.here.senior.code)
    expected = {getattr(county.here, name).name for name in shown}
    assert names_on(as_("maker").get(f"{reverse('school_list')}?{query}")) == expected


def test_the_school_s_page_counts_classes_of_the_own_side(as_: As, county: World):
    url = reverse("school_detail", args=[county.here.primary.code])
    body = text_of(as_("maker").get(url))
    assert "小学 三年级" in body
    assert "￥0.00" in body
    assert re.search(r'合计</th><td class="num" data-label="学生（人）">3<', body)
    there = text_of(as_("other_maker").get(url))
    assert re.search(r'合计</th><td class="num" data-label="学生（人）">1<', there)
    assert "这个学期看不到学生" in text_of(as_("other_school").get(url))
    assert as_("maker").get(reverse("school_detail", args=["nonsense"])).status_code == 404


def test_a_class_opens_its_pupils(as_: As, county: World):
    body = text_of(as_("maker").get(reverse("school_detail", args=[county.here.senior.code])))
    link = re.search(r'href="([^"]+)" data-open>1班', body)[1].replace("&amp;", "&")
    assert names_on(as_("maker").get(link)) == {f"{HERE}高生"}


def test_boxes_offer_schools_and_places_by_post(as_: As, county: World):
    client = as_("maker")
    found = client.post(reverse("school_pick"), {"q": "第一中学"}).json()["results"]
    assert found[0] == {"value": county.here.senior.code, "text": county.here.senior.name, "hint": "城关镇"}
    [place] = client.post(reverse("place_pick"), {"q": "620123100201"}).json()["results"]
    assert (place["value"], place["hint"]) == ("620123100201", "城关镇")
    assert client.post(reverse("school_pick"), {"q": ""}).json() == {"results": []}
    assert client.post(reverse("place_pick"), {"q": " "}).json() == {"results": []}
    assert client.get(reverse("school_pick")).status_code == 405
    assert Client().post(reverse("school_pick"), {"q": "第一"}).status_code == 302


# --- what the app adds elsewhere --------------------------------------------------------------------------------


def test_the_global_search_finds_students_households_and_schools(as_: As, county: World):
    poor = county.here.students[0]
    hits = text_of(search(as_("maker"), "search", q=HERE))
    for url in (
        reverse("student_detail", args=[poor.pk]),
        reverse("household_detail", args=[poor.person.memberships.get().household_id]),
    ):
        assert url in hits
    assert county.here.primary.name in text_of(search(as_("maker"), "search", q="中心小学"))
    by_number = text_of(search(as_("maker"), "search", q=poor.person.id_number))
    assert reverse("student_detail", args=[poor.pk]) in by_number
    assert poor.person.name not in text_of(search(as_("other_maker"), "search", q=poor.person.id_number))
    assert f"{HERE}户主" not in text_of(search(as_("school"), "search", q=HERE))


def test_the_navigation_offers_what_one_may_open(as_: As):
    maker, school = (text_of(as_(persona).get(reverse("student_list"))) for persona in ("maker", "school"))
    assert f'href="{reverse("household_list")}"' in maker
    assert f'href="{reverse("household_list")}"' not in school
    assert f'href="{reverse("school_list")}"' in school


def test_terms_are_those_with_data_in_sight(as_: As, county: World):
    make.enrolment(county.there.students[0], at=county.there.primary, term="2019-spring")
    assert 'value="2019-spring"' in text_of(as_("other_maker").get(reverse("school_list")))
    assert 'value="2019-spring"' not in text_of(as_("maker").get(reverse("school_list")))
    assert Term.parse("2018-autumn").label in text_of(as_("maker").get(reverse("school_list")))


# --- what a newcomer reads --------------------------------------------------------------------------------------


def roster(county: World, kind: str, state: str, term: str = "2018-autumn") -> ImportFile:
    moment = {"committed_at": timezone.now()} if state == "committed" else {}
    file = ImportFile(
        kind=kind, term=term, office=county.here.office, path=county.here.office.path, filename=f"{kind}.xlsx", sha256="0",
        stored="x", state=state, uploaded_by="甲经办", **moment,
    )  # fmt: skip
    file.save()
    return file


def test_a_committed_roster_leads_on_to_computing_its_term(as_: As, county: World):
    for kind in ("schools", "roll"):
        roster(county, kind, "committed")
    roster(county, "roll", "committed", term="2017-spring")
    html = text_of(as_("maker").get(reverse("import_list")))
    steps = re.findall(r'href="([^"]+)">下一步：去测算', html)
    assert steps == [f"{reverse('run_list')}?term={code}" for code in ("2017-spring", "2018-autumn")]
    assert "下一步：去测算" not in text_of(as_("head").get(reverse("import_list")))


def test_a_waiting_roster_is_named_with_its_term_and_whose_turn_it_is(as_: As, county: World):
    file = roster(county, "dibao", "previewed", term="2017-spring")
    told = f'<a href="{reverse("import_detail", args=[file.pk])}">低保名单（2016—2017学年春季学期）</a>已核对，'
    assert told + "等您确认入库" in text_of(as_("maker").get(reverse("home")))
    for persona in ("checker", "head"):
        assert told + "等经办确认入库" in text_of(as_(persona).get(reverse("home")))
        assert "等经办确认" in text_of(as_(persona).get(reverse("import_list")))
    assert "等经办确认" not in text_of(as_("maker").get(reverse("import_list")))


def test_a_college_student_not_known_to_board_is_not_said_to_live_at_home(as_: As, county: World):
    college = make.school(place="620123100", name="大学", stages=(Stage.UNDERGRADUATE,))
    far = make.student("大学生", at=college, stage=Stage.UNDERGRADUATE, grade=1, home="620123100201")
    html = text_of(as_("maker").get(reverse("student_list"), {"stage": "undergraduate"}))
    assert '<td data-label="寄宿">—</td>' in html
    assert '<td data-label="寄宿">—</td>' in text_of(as_("maker").get(reverse("student_detail", args=[far.pk])))
    assert '<td data-label="寄宿">走读</td>' in text_of(as_("maker").get(reverse("student_list"), {"stage": "primary"}))


def test_a_household_outside_the_register_says_so_instead_of_a_number(as_: As, county: World):
    known = Household.objects.filter(path__startswith="/62/6201/620123/").first()
    Household.objects.filter(pk=known.pk).update(number="")
    assert "不在防返贫系统" in text_of(as_("maker").get(reverse("household_list")))


def test_schools_of_one_name_are_told_apart_while_picking(as_: As, county: World):
    twins = [make.school(place="620123100", name="城关小学") for _ in range(2)]
    found = as_("maker").post(reverse("school_pick"), {"q": "城关小学"}).json()["results"]
    assert {each["hint"] for each in found} == {f"城关镇 {school.code}" for school in twins}
    [alone] = as_("maker").post(reverse("school_pick"), {"q": county.here.primary.name}).json()["results"]
    assert alone["hint"] == "城关镇"
