"""Entitlements over the API, and their explanation: whose, how amounts are written, filters, cost, the log."""

from __future__ import annotations

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from aidcases.models import AuditEvent
from subsidies.models import Entitlement
from tests import make
from tests.personas import As, World, compute

LIST, EXPLAIN = "/api/entitlements/", "/api/entitlements/explain/"
# Ten of them are the request's own (tests.students.test_api).
QUERIES = 13


def results(client: Client, **asked: object) -> list[dict]:
    answer = client.get(LIST, asked)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def test_everybody_gets_the_entitlements_of_their_own_side(world: World, as_: As):
    def students(persona: str) -> set[int]:
        return {row["student"] for row in results(as_(persona))}

    here = {student.pk for student in world.here.students} | {world.crossing.pk}
    there = {student.pk for student in world.there.students} | {world.crossing.pk}
    assert students("maker") == here
    assert students("other_maker") == there
    assert students("city") == here | there
    assert students("other_school") == {world.here.students[2].pk}
    assert as_("nobody").get(LIST).status_code == 403
    assert Client().get(EXPLAIN).status_code == 403


def test_amounts_are_decimal_text_or_nothing(world: World, as_: As):
    poor = world.here.students[0]
    for persona in ("maker", "school"):
        mine = {row["rule"]: row for row in results(as_(persona)) if row["student"] == poor.pk}
        assert mine["lz-compulsory-boarding"] == {
            "term": "2018-autumn",
            "student": poor.pk,
            "benefit": "compulsory-boarding",
            "rule": "lz-compulsory-boarding",
            "amount": "500.00",
            "state": "due",
            "delivery": "cash",
        }
        assert mine["lz-compulsory-textbook"]["amount"] is None
        assert mine["lz-compulsory-textbook"]["delivery"] == "in_kind"


def test_filters_are_the_pages_own(world: World, as_: As):
    for persona in ("maker", "city"):
        client = as_(persona)
        assert {row["benefit"] for row in results(client, benefit="senior-grant")} == {"senior-grant"}
        assert {row["rule"] for row in results(client, rule="lz-senior-fee")} == {"lz-senior-fee"}
        assert {row["benefit"] for row in results(client, stage="senior")} == {"senior-fee", "senior-grant"}
        teen = world.here.students[2].pk
        assert {row["student"] for row in results(client, school=world.here.senior.code)} == {teen}
        assert {row["delivery"] for row in results(client, delivery="cash")} == {"cash"}
        assert results(client, term="2019-spring") == []
    poor = {world.here.students[0].pk, world.crossing.pk}
    assert {row["student"] for row in results(as_("maker"), category="registered_poor")} == poor
    assert client.get(LIST, {"benefit": "nothing"}).status_code == 400
    assert client.get(LIST, {"rule": "nothing"}).status_code == 400


def test_pages_by_key_split_no_student(world: World, as_: As):
    for persona in ("maker", "city"):
        client, url, seen = as_(persona), f"{LIST}?page_size=2", []
        while url:
            answer = client.get(url).json()
            seen += [(row["student"], row["benefit"]) for row in answer["results"]]
            url = answer["next"]
        assert len(seen) == len(set(seen)) == len(results(client))
    assert len(seen) == Entitlement.objects.count()


def test_an_answer_costs_the_same_for_many_rows(world: World, as_: As):
    costs = []
    for size in (0, 30):
        for _ in range(size):
            make.student(at=world.here.primary, categories=("dibao_rural",))
        compute(world)
        for persona in ("maker", "school"):
            client = as_(persona)
            with CaptureQueriesContext(connection) as caught:
                results(client)
            costs.append(len(caught))
    assert max(costs) <= QUERIES
    assert len(set(costs)) == 1


def test_why_and_why_not(world: World, as_: As):
    poor = world.here.students[0]
    for persona in ("maker", "school"):
        answer = as_(persona).get(EXPLAIN, {"student": poor.pk, "term": "2018-autumn"})
        assert answer.status_code == 200
        rules = {row["rule"]: row for row in answer.json()}
        boarding = rules["lz-compulsory-boarding"]
        assert (boarding["eligible"], boarding["granted"], boarding["amount"]) == ("yes", "yes", "500.00")
        assert all(seen["holds"] for seen in boarding["conditions"])
        senior = rules["lz-senior-grant"]
        assert (senior["eligible"], senior["amount"]) == ("no", None)
        assert senior["missing_facts"]


def test_nobody_is_explained_to_the_other_side(world: World, as_: As):
    poor = world.here.students[0]
    assert as_("other_maker").get(EXPLAIN, {"student": poor.pk}).status_code == 404
    assert as_("other_maker").get(EXPLAIN, {"student": world.crossing.pk}).status_code == 200
    for persona in ("maker", "school"):
        for asked in (
            {},
            {"student": ""},
            {"student": "x"},
            {"student": 10**30},
            {"student": poor.pk, "term": "2019-spring"},
        ):
            assert as_(persona).get(EXPLAIN, asked).status_code == 404
        assert as_(persona).get(EXPLAIN, {"student": poor.pk, "term": "autumn"}).status_code == 400


def test_an_explanation_is_on_record(world: World, as_: As):
    poor = world.here.students[0]
    as_("maker").get(EXPLAIN, {"student": poor.pk})
    as_("other_maker").get(EXPLAIN, {"student": poor.pk})
    [event] = AuditEvent.objects.filter(action="personal.read")
    assert (event.actor, event.data["subject_ids"], event.data["page"]) == ("甲经办", [poor.pk], EXPLAIN)
