"""Students over the API: whom each persona gets, what is shown and what never is, filters, paging, cost, the log."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from aidcases.models import AuditEvent
from students.models import Student
from tests import make
from tests.personas import CANARY, As, World

LIST = "/api/students/"
# Ten of them are the request's: session, user, memberships, the read-only transaction (as a savepoint), the idle clock.
# The others: terms, townships to choose from, rows, categories, the log's insert, and what begins and ends it.
QUERIES = 16


def results(client: Client, **asked: str) -> list[dict]:
    answer = client.get(LIST, asked)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def names(client: Client, **asked: str) -> set[str]:
    return {row["name"] for row in results(client, **asked)}


def test_everybody_gets_the_children_of_their_own_side(county: World, as_: As):
    here, there = CANARY["620123"], CANARY["620121"]
    own = {f"{here}贫生", f"{here}普生", f"{here}高生", "跨县生"}
    other = {f"{there}贫生", f"{there}普生", f"{there}高生", "跨县生"}
    assert names(as_("maker")) == own
    assert names(as_("other_maker")) == other
    assert names(as_("city")) == own | other
    assert names(as_("school")) == own - {f"{here}高生"}
    assert names(as_("other_school")) == {f"{here}高生"}


def test_who_may_not_is_told_so_in_json(county: World, as_: As):
    for client in (Client(), as_("nobody")):
        answer = client.get(LIST)
        assert answer.status_code == 403
        assert answer.json()["detail"]
    assert as_("maker").post(LIST, {}).status_code in (403, 405)


def test_what_is_shown_of_a_child(county: World, as_: As):
    child = county.here.students[0]
    [row] = [row for row in results(as_("maker")) if row["id"] == child.pk]
    assert row == {
        "id": child.pk,
        "term": "2018-autumn",
        "name": child.person.name,
        "sex": "男",
        "birth_on": "2010-05-17",
        "id_last4": child.person.id_number[-4:],
        "school": {"code": county.here.primary.code, "name": county.here.primary.name},
        "stage": "primary",
        "grade": 3,
        "class_name": "1班",
        "boarding": True,
        "categories": ["registered_poor"],
    }


def test_no_answer_holds_a_whole_number(county: World, as_: As):
    for persona in ("maker", "city"):
        client = as_(persona)
        child = county.here.students[0]
        text = client.get(LIST).content.decode() + client.get(f"{LIST}{child.pk}/").content.decode()
        assert child.person.id_number not in text
        assert "13800001234" not in text


def test_a_category_that_has_ended_is_not_told(county: World, as_: As):
    child = county.here.students[0]
    make.hardship(child.person, "registered_poor", from_on=date(2018, 1, 1), active=False)
    assert {tuple(row["categories"]) for row in results(as_("maker")) if row["id"] == child.pk} == {()}


def test_filters_are_the_pages_own(county: World, as_: As):
    here = CANARY["620123"]
    maker, city = as_("maker"), as_("city")
    assert names(maker, stage="senior") == {f"{here}高生"}
    assert names(maker, category="registered_poor") == {f"{here}贫生", "跨县生"}
    assert names(maker, school=county.here.senior.code) == {f"{here}高生"}
    assert names(maker, boarding="1") == {f"{here}贫生"}
    assert names(maker, grade="senior-1") == {f"{here}高生"}
    assert names(city, away="1") == {"跨县生"}
    assert names(maker, school="9999999999") == set()
    assert names(maker, term="2018-spring") == set()


def test_a_name_or_number_is_no_filter(county: World, as_: As):
    everyone = names(as_("maker"))
    child = county.here.students[0]
    for persona in ("maker", "other_maker"):
        client = as_(persona)
        asked = {"name": child.person.name, "search": child.person.name, "q": child.person.id_number}
        assert names(client, **asked) == names(client)
    assert len(everyone) == 4


@pytest.mark.parametrize(("asked", "field"), [({"term": "2018"}, "term"), ({"stage": "none"}, "stage")])
def test_a_wrong_condition_is_told_and_which(asked: dict, field: str, county: World, as_: As):
    for persona in ("maker", "city"):
        answer = as_(persona).get(LIST, asked)
        assert answer.status_code == 400
        assert field in answer.json()


def test_one_child(county: World, as_: As):
    child = county.here.students[0]
    assert as_("maker").get(f"{LIST}{child.pk}/").json()["name"] == child.person.name
    assert as_("other_maker").get(f"{LIST}{child.pk}/").status_code == 404
    assert as_("other_maker").get(f"{LIST}{county.crossing.pk}/").status_code == 200
    assert as_("maker").get(f"{LIST}{child.pk}/", {"term": "2019-spring"}).status_code == 404
    assert as_("maker").get(f"{LIST}{10**30}/").status_code == 404


def test_pages_by_key_leave_nobody_out(county: World, as_: As):
    for n in range(7):
        make.student(f"多{n}", at=county.here.primary)
    for persona, everyone in (("maker", 11), ("school", 10)):
        client, url, seen = as_(persona), f"{LIST}?page_size=3", []
        while url:
            answer = client.get(url).json()
            assert len(answer["results"]) <= 3
            seen += [row["id"] for row in answer["results"]]
            url = answer["next"]
        assert len(seen) == len(set(seen)) == everyone
        assert seen == sorted(seen)


@pytest.mark.parametrize("cursor", ["nonsense", "cD1hYmM=", "cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5"])
def test_a_cursor_of_ones_own_making_is_not_found(cursor: str, county: World, as_: As):
    for persona in ("maker", "city"):
        assert as_(persona).get(LIST, {"cursor": cursor}).status_code == 404


def test_an_answer_costs_the_same_for_many_children(county: World, as_: As):
    costs = []
    for size in (0, 30):
        for _ in range(size):
            make.student(at=county.here.primary, categories=("dibao_rural",))
        for persona in ("maker", "school"):
            client = as_(persona)
            with CaptureQueriesContext(
                connection,
            ) as caught:
                results(client)
            costs.append(len(caught))
    assert max(costs) <= QUERIES
    assert len(set(costs)) == 1


def test_who_read_whom_is_on_record(county: World, as_: As):
    child = county.here.students[0]
    rows = results(as_("maker"))
    as_("school").get(f"{LIST}{child.pk}/")
    as_("other_maker").get(f"{LIST}{child.pk}/")
    events = list(AuditEvent.objects.filter(action="personal.read").order_by("pk"))
    assert [event.actor for event in events] == ["甲经办", "校经办"]
    assert set(events[0].data["subject_ids"]) == {row["id"] for row in rows}
    assert events[1].data == {
        "subject_ids": [child.pk],
        "subject_type_seen": "students.student",
        "page": f"{LIST}{child.pk}/",
    }
    assert Student._meta.label_lower == events[1].data["subject_type_seen"]


def test_the_view_itself_cannot_write(county: World, as_: As, monkeypatch: pytest.MonkeyPatch):
    from django.db import InternalError

    from students.api import Students

    def writing(self: Students, rows: list) -> list:
        county.here.students[0].person.save()
        return rows

    monkeypatch.setattr(Students, "complete", writing)
    for persona in ("maker", "city"):
        with pytest.raises(InternalError, match="read-only"):
            as_(persona).get(LIST)
