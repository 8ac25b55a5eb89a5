"""Children in care: who is listed, files made in bulk, each side its own facts, requests followed to an answer."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aidcases import inbox
from aidcases.flow import Refused
from aidcases.models import AuditEvent, Reminder
from aidcases.scoping import EVERYWHERE, Actor, acting_in
from dropout import answering, asking, caring, rooms
from dropout.carelists import disabled_by_school, migrants_by_school
from dropout.enums import CareKind
from dropout.models import ActivityRoom, CareFile, CareVisit, FamilyRequest
from students.models import Enrolment
from tests import make
from tests.ledgers.conftest import ActAs, act_as  # noqa: F401 - the fixture
from tests.personas import TERM, As, World
from tests.subsidies.pdfs import Pdf

TODAY = date(2018, 10, 8)
CLERK = Actor("甲经办", 1, None, "/62/6201/620123/", all_powers=True)
K = CareKind


def listed(kind: str) -> set[str]:
    return set(caring.children(kind, TERM).values_list("person__name", flat=True))


@pytest.fixture
def marked(county: World) -> World:
    """One left behind, three disabled (one on no roll, one in a kindergarten), one from another province."""
    side = county.here
    poor, plain, _ = side.students
    Enrolment.objects.filter(student__in=[poor, county.crossing]).update(left_behind=True)
    make.hardship(plain.person, "disabled")
    plain.person.hardships.update(detail="听力")
    Enrolment.objects.filter(student=poor).update(disability_hint="视力残疾二级")
    away = make.student("失学生", at=side.primary, home="620123100201", born=date(2009, 1, 1))
    Enrolment.objects.filter(student=away).delete()
    make.hardship(away.person, "disabled")
    Enrolment.objects.filter(student=plain).update(hukou_region="510107")
    return county


def test_who_is_listed_and_files_made_for_all_at_once(marked: World, act_as: ActAs) -> None:  # noqa: F811
    mark = marked.here.students[0].person.name[:2]
    with act_as("maker"):
        assert listed(K.LEFT_BEHIND) == {f"{mark}贫生", "跨县生"}
        assert listed(K.DISABLED) == {f"{mark}贫生", f"{mark}普生", "失学生"}
        assert listed(K.MIGRANT) == {f"{mark}普生", "跨县生"}
        rows = caring.children(K.DISABLED, TERM)
        assert caring.make_files(K.DISABLED, rows, by=CLERK, today=TODAY) == 3
        assert caring.make_files(K.DISABLED, rows, by=CLERK, today=TODAY) == 0
        said = dict(CareFile.objects.values_list("student__person__name", "disability"))
        assert said == {f"{mark}贫生": "视力残疾二级", f"{mark}普生": "听力", "失学生": ""}
        Enrolment.objects.update(disability_hint="")
        assert f"{mark}贫生" in listed(K.DISABLED)  # by its file now
    with act_as("school"), pytest.raises(Refused, match="不能建立"):
        caring.make_files(K.DISABLED, caring.children(K.DISABLED, TERM), by=Actor("某"), today=TODAY)


def test_tables_say_who_learns_where_and_where_they_come_from(marked: World, act_as: ActAs) -> None:  # noqa: F811
    with act_as("maker"):
        whole, *lines = disabled_by_school(TERM)
        assert (whole["total"], whole["rate"]) == (3, 66.7)
        assert whole["enrolled"] == {"vision": 1, "hearing": 1, "mind": 0, "other": 0, "all": 2}
        assert whole["out"]["other"] == whole["out"]["all"] == 1
        assert [(line["school"] or line["place"], line["total"]) for line in lines] == [
            (marked.here.primary.code, 2), ("620123100", 1),
        ]  # fmt: skip
        schools, origins = migrants_by_school(TERM)
        assert [(line["near"], line["far"], line["all"]) for line in schools] == [(1, 1, 2)]
        assert {(line["province"], line["county"], line["n"]) for line in origins} == {
            ("四川省", "成都市武侯区", 1), ("甘肃省", "兰州市永登县", 1),
        }  # fmt: skip


def test_each_side_writes_and_sees_its_own_facts(marked: World, act_as: ActAs) -> None:  # noqa: F811
    child = marked.crossing  # at home there, at school here
    with acting_in(EVERYWHERE):
        caring.make_files(K.LEFT_BEHIND, caring.children(K.LEFT_BEHIND, TERM), by=CLERK, today=TODAY)
    row = CareFile.objects.get(student=child)
    with act_as("other_maker"):
        assert caring.sides(row) == ("home",)
        told = {"father_at": "广东 13812345678", "parents_phone": "13911112222", "phone": "1"}
        assert caring.save(row, "home", told, by=CLERK, today=TODAY) == ["father_at", "parents_phone"]
        with pytest.raises(Refused, match="另一方"):
            caring.save(row, "school", {"helper": "王老师"}, by=CLERK, today=TODAY)
    with act_as("school"):
        assert caring.sides(row) == ("school",)
        with pytest.raises(Refused, match="只写数字"):
            caring.save(row, "school", {"phone": "没有"}, by=CLERK, today=TODAY)
        caring.save(row, "school", {"phone": "13733334444", "helper": "王老师"}, by=CLERK, today=TODAY)
        caring.save(row, "school", {"phone": ""}, by=CLERK, today=TODAY)  # blank: as it was
    row.refresh_from_db()
    assert (row.father_at, row.parents_phone, row.phone) == ("广东 138******78", "13911112222", "13733334444")
    with act_as("maker"):
        caring.save(row, "school", {"phone": "无"}, by=CLERK, today=TODAY)
        with pytest.raises(Refused, match="早于建档日期"):
            caring.end(row, ended_on=date(2018, 10, 1), why="父母返乡", by=CLERK, today=TODAY)
        assert caring.end(row, ended_on=TODAY, why="父母返乡", by=CLERK, today=TODAY).phone is None
        with pytest.raises(Refused, match="已经结束"):
            caring.save(row, "school", {"helper": "李老师"}, by=CLERK, today=TODAY)


def test_a_request_is_answered_or_goes_up(county: World, act_as: ActAs) -> None:  # noqa: F811
    child = county.here.students[0]
    with act_as("school"):
        said = {"visited_on": TODAY, "who": "王老师", "met": "祖母", "text": "祖母 13812345678 照看"}
        wanted = [caring.Wanted("想要一张书桌", "李明（村委会）", 5)]
        visit = caring.visit(child, **said, by=CLERK, today=TODAY, wanted=wanted)
        row = visit.requests.get()
        assert (visit.text, row.due_on) == ("祖母 138******78 照看", date(2018, 10, 15))
        with pytest.raises(Refused, match="不能晚于今天"):
            caring.visit(child, **{**said, "visited_on": date(2018, 10, 9)}, by=CLERK, today=TODAY)
    with acting_in(EVERYWHERE):
        soon, late = (datetime(2018, 10, day, 4, tzinfo=UTC) for day in (10, 17))
        assert answering.requests_due(soon) == {"escalated": 0, "reminded": 1, "ended": 0}
        assert answering.requests_due(late) == {"escalated": 1, "reminded": 1, "ended": 0}
        assert answering.requests_due(late)["escalated"] == 0
        keys = Reminder.objects.open().filter(key__startswith="familyrequest.").order_by("key")
        assert [(r.key.split(".")[1], r.path, r.urgent) for r in keys] == [
            ("due", visit.path, True), ("escalated", county.here.office.path, True),
        ]  # fmt: skip
    with act_as("school"):
        with pytest.raises(Refused, match="写明办理结果"):
            asking.answer(row, text="", by=CLERK, today=TODAY)
        asking.answer(row, text="村里送去一张", by=CLERK, today=date(2018, 10, 18))
        held = asking.reopen(row, note="桌子是坏的", days=5, by=CLERK, today=date(2018, 10, 19))
        assert held.told == "【2018-10-18 甲经办 答复】村里送去一张\n【2018-10-19 继续办理】桌子是坏的"
        assert (held.state, held.escalated_on, held.due_on) == ("open", None, date(2018, 10, 26))
        asking.answer(row, text="换了新的", by=CLERK, today=date(2018, 10, 20))
        assert asking.accept(row, by=CLERK).state == "closed"
    with acting_in(EVERYWHERE):
        assert not Reminder.objects.open().filter(key__startswith="familyrequest.").exists()
        assert inbox.done(row) == 0


def test_rooms_open_and_close(county: World, act_as: ActAs) -> None:  # noqa: F811
    facts = {"name": "亲情视频室", "keeper": "王老师", "area": None, "opens": "", "equipment": "", "from_on": TODAY}
    with act_as("school"):
        room = rooms.open_room(school=county.here.primary, facts=facts, by=CLERK, today=TODAY)
        with pytest.raises(Refused, match="同名"):
            rooms.open_room(school=county.here.primary, facts=facts, by=CLERK, today=TODAY)
        with pytest.raises(Refused, match="本单位"):
            rooms.open_room(school=county.there.primary, facts=facts, by=CLERK, today=TODAY)
        assert rooms.close_room(room, ended_on=TODAY, by=CLERK, today=TODAY).ended_on == TODAY
    with act_as("other_maker"):
        assert not ActivityRoom.objects.exists()


def asked(client: object, name: str, *args: object, most: int, **query: str) -> str:
    """A page, in at most so many queries."""
    with CaptureQueriesContext(connection) as seen:
        answer = client.get(reverse(name, args=args), query)  # type: ignore[attr-defined]
    assert answer.status_code == 200
    asks = [query["sql"][:90] for query in seen if not query["sql"].startswith(("SAVEPOINT", "RELEASE", "SET LOCAL"))]
    assert len(asks) <= most, asks
    return answer.content.decode()


def test_pages(marked: World, as_: As) -> None:
    maker, school = as_("maker"), as_("school")
    mark = marked.here.students[0].person.name[:2]
    maker.get(reverse("home"))  # the session is touched once a minute
    text = asked(maker, "care_list", most=12, kind="disabled", term="2018-autumn")
    assert "失学生" in text
    assert "没有学籍" in text
    narrow = {
        "kind": "disabled",
        "term": "2018-autumn",
        "marked": "1",
        "enrolled": "0",
        "age": "1",
        "place": "620123100",
    }
    text = asked(maker, "care_list", most=12, **narrow)
    assert ("失学生" in text, f"{mark}普生" in text) == (True, False)
    assert f"{mark}普生" in asked(maker, "care_list", most=12, kind="migrant", origin="510107", term="2018-autumn")
    assert "跨县生" in asked(
        maker, "care_list", most=12, kind="migrant", origin="in", stage="primary", term="2018-autumn"
    )
    answer = maker.post(f"{reverse('care_make')}?kind=disabled&term=2018-autumn", {"kind": "disabled"})
    assert (answer.status_code, CareFile.objects.count()) == (302, 3)
    row = CareFile.objects.get(student__person__name=f"{mark}贫生")
    url = reverse("carefile_save", args=[row.pk])
    maker.post(url, {"side": "home", "father_at": "广东", "parents_phone": "13911112222", "guardian": "祖母"})
    text = asked(maker, "carefile_detail", row.pk, most=17)
    assert ("139******22" in text, "13911112222" in text, "广东" in text) == (True, False, True)
    assert "广东" not in asked(school, "carefile_detail", row.pk, most=17)  # what the home side wrote
    assert maker.post(url, {"side": "home", "away_since": "去年"}).status_code == 422
    stale = maker.post(url, {"side": "home", "father_at": "福建", "seen": "of before"})
    assert (stale.status_code, "有人改过这一部分" in stale.content.decode()) == (422, True)
    assert "福建" in stale.content.decode()
    assert CareFile.objects.get(pk=row.pk).father_at == "广东"
    shown = maker.post(reverse("carefile_reveal", args=[row.pk]) + "?what=parents_phone", {"purpose": "联系家庭"})
    assert "13911112222" in shown.content.decode()
    assert (
        "另一方"
        in school.post(
            reverse("carefile_reveal", args=[row.pk]) + "?what=parents_phone",
            {"purpose": "x"},
            headers={"HX-Request": "true"},
        ).content.decode()
    )
    card = maker.post(reverse("carefile_card", args=[row.pk]), {"purpose": "交监护人"})
    assert card.content[:5] == b"%PDF-"
    printed = "".join(Pdf(card.content).pages)
    assert "13911112222" in printed
    assert "＿＿＿" in printed  # what nobody knows yet is filled in by hand
    assert AuditEvent.objects.filter(action="secret.reveal", data={"what": "card"}).count() == 1
    told = {
        "visited_on": "2018-10-08",
        "who": "王老师",
        "text": "祖母照看",
        "request": "想要书桌",
        "owner": "李明",
        "days": "5",
    }
    for _ in range(2):  # sent twice it is one
        maker.post(reverse("carevisit_save", args=[row.student_id]), {**told, "visited_on": "2026-11-20"})
    visit, request = CareVisit.objects.get(), FamilyRequest.objects.get()
    assert maker.post(reverse("carevisit_save", args=[row.student_id]), {**told, "owner": ""}).status_code == 422
    assert "想要书桌" in asked(maker, "familyrequest_list", most=12)
    assert "王老师" in asked(maker, "carevisit_list", most=12, term="2026-autumn")
    for name, pk in (
        ("carevisit_detail", visit.pk),
        ("familyrequest_detail", request.pk),
        ("carevisit_new", row.student_id),
    ):
        asked(maker, name, pk, most=12)
    assert "想要书桌" in asked(school, "student_detail", row.student_id, most=45)
    facts = {"school": marked.here.primary.pk, "name": "活动室", "keeper": "王", "from_on": "2018-09-03", "area": "50"}
    maker.post(reverse("room_open"), facts)
    assert "50" in asked(maker, "room_list", most=12)
    assert maker.post(reverse("room_open"), {**facts, "area": "-1"}).status_code == 422
    assert "enrolled=0" in asked(maker, "care_tables", most=12, term="2018-autumn")
