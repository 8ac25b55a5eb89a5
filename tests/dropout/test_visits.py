"""Visits: sent twice they are one, numbered and counted; drafts are sealed, each person's own, gone once sent."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import StoredFile
from aidcases.roles import OfficeKind, Role
from aidcases.scoping import SYSTEM
from dropout import visits
from dropout.models import DropoutCase, Visit, VisitDraft
from dropout.visits import Said
from tests import make
from tests.dropout.build import case
from tests.personas import As, World

NOW = timezone.now().replace(second=0, microsecond=0)
JPEG = b"\xff\xd8\xff" + b"0" * 40


def typed(**also: Any) -> dict[str, Any]:
    at = timezone.localtime(NOW - timedelta(hours=2))
    return {
        "key": str(uuid.uuid4()), "visited_at": f"{at:%Y-%m-%dT%H:%M}", "kind": "home", "place": "榆树村三社", "people": "王老师",
        "met": "奶奶", "said": "孩子想去打工", "result": "wavering", "next_step": "周五再去", "next_on": "", **also,
    }  # fmt: skip


def sent(client: Client, row: DropoutCase, data: dict[str, Any]) -> Any:
    return client.post(reverse("visit_send", args=[row.pk]), data, headers={"Accept": "application/json"})


def kept(client: Client, row: DropoutCase, data: dict[str, Any]) -> Any:
    return client.post(reverse("visit_draft", args=[row.pk]), data, headers={"Accept": "application/json"}).json()


@pytest.fixture
def row(county: World) -> DropoutCase:
    return case("verifying", student=county.here.students[0], school=county.here.primary)


def test_a_visit_sent_twice_is_one_and_counts_on_the_case(row: DropoutCase, as_: As):
    school, data = as_("school"), typed(said="家长电话 13912345678，说孩子想去打工")
    photo = SimpleUploadedFile("1.jpg", JPEG)
    assert sent(school, row, {**data, "photos": photo}).json() == {
        "url": f"{reverse('case_detail', args=[row.pk])}#visits"
    }
    photo.seek(0)
    assert sent(school, row, {**data, "photos": photo}).status_code == 200
    visit = Visit.objects.get()
    row.refresh_from_db()
    assert (visit.number, visit.photos, visit.persuading, row.visits_made, row.persuasions) == (1, 1, False, 1, 0)
    assert row.last_visit_on == timezone.localdate(visit.visited_at)
    assert "13912345678" not in visit.said
    DropoutCase.objects.filter(pk=row.pk).update(state="persuading", confirmed_on=NOW.date(), cause="work")
    earlier = timezone.localtime(NOW - timedelta(days=9))
    plain = as_("maker").post(reverse("visit_send", args=[row.pk]), typed(visited_at=f"{earlier:%Y-%m-%dT%H:%M}"))
    assert plain.status_code == 302
    before = row.last_visit_on
    row.refresh_from_db()
    assert (row.visits_made, row.persuasions, row.last_visit_on) == (2, 1, before)
    # One of before the child was gone, typed in now, is on record and persuaded nobody; of long before, nobody looked.
    gone, found = {"left_on": NOW.date() - timedelta(days=3)}, {"found_on": NOW.date() + timedelta(days=40)}
    for values, counted in ((gone, (3, 1)), (found, (3, 1))):
        DropoutCase.objects.filter(pk=row.pk).update(**values)
        as_("maker").post(reverse("visit_send", args=[row.pk]), typed(visited_at=f"{earlier:%Y-%m-%dT%H:%M}"))
        row.refresh_from_db()
        assert (row.visits_made, row.persuasions) == counted
    assert Visit.objects.count() == 4
    text = as_("school").get(reverse("case_detail", args=[row.pk])).content.decode()
    assert text.index("第 1 次走访") < text.index("第 2 次走访")  # the later day first
    [file] = StoredFile.objects.filter(subject_id=visit.pk)
    for persona, status in (("maker", 200), ("school", 200), ("other_maker", 404)):
        answer = as_(persona).get(reverse("visit_photo", args=[visit.pk, file.pk]))
        assert answer.status_code == status
        if answer.streaming:
            assert b"".join(answer.streaming_content) == JPEG
    assert as_("auditor").post(reverse("visit_send", args=[row.pk]), data).status_code == 403
    assert sent(as_("other_maker"), row, typed()).status_code == 404


def test_the_village_visits_and_the_school_sees_it(row: DropoutCase, as_: As):
    user = make.user("cadre", "村干部", make.office("620123100201", OfficeKind.VILLAGE), Role.CADRE)
    cadre = Client()
    cadre.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert cadre.get(reverse("visit_new", args=[row.pk])).status_code == 200
    assert "at" in kept(cadre, row, typed())
    assert sent(cadre, row, typed(photos=SimpleUploadedFile("1.jpg", JPEG))).status_code == 200
    [file] = StoredFile.objects.filter(what=visits.PHOTO)
    assert file.path == row.home_path
    url = reverse("visit_photo", args=[file.subject_id, file.pk])
    page = as_("school").get(reverse("case_detail", args=[row.pk])).content.decode()
    assert url in page
    assert b"".join(as_("school").get(url).streaming_content) == JPEG


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_written(row: DropoutCase, as_: As):
    maker = as_("maker")
    wrong = sent(maker, row, typed(said="", result="", place="")).json()["errors"]
    assert set(wrong) == {"said", "result", "place"}
    page = maker.post(reverse("visit_send", args=[row.pk]), typed(said=""))
    assert page.status_code == 422
    assert "榆树村三社" in page.content.decode()
    later = timezone.localtime(NOW + timedelta(hours=3))
    ways = [
        (typed(visited_at=f"{later:%Y-%m-%dT%H:%M}"), "不能晚于现在"), (typed(visited_at="2016-01-01T10:00"), "早于一年前"),
        (typed(next_on="2016-01-01"), "下次走访日期"), (typed(key="x"), "重新打开"),
        (typed(photos=SimpleUploadedFile("1.jpg", b"not a photo")), "不是照片"),
        (typed(photos=[SimpleUploadedFile(f"{n}.jpg", JPEG) for n in range(10)]), "最多 9 张"),
    ]  # fmt: skip
    for data, reason in ways:
        answer = sent(maker, row, data)
        assert (answer.status_code, reason in "".join(answer.json()["refused"])) == (422, True)
    assert not Visit.objects.exists()
    other = case("suspected")
    key = uuid.uuid4()
    fields = {name: value for name, value in typed().items() if name not in ("key", "next_on", "visited_at")}
    visits.record(row, Said(visited_at=NOW, **fields), key=key, by=SYSTEM, now=NOW)
    with pytest.raises(Refused, match="另一个案件"):
        visits.record(other, Said(visited_at=NOW, **fields), key=key, by=SYSTEM, now=NOW)


def test_a_draft_is_sealed_comes_back_and_goes_with_the_visit(row: DropoutCase, as_: As, county: World):
    maker, school, data = as_("maker"), as_("school"), typed(said="还没写完")
    assert set(kept(maker, row, data)) == {"at"}
    kept(maker, row, {**data, "said": "还没写完的"})
    kept(school, row, typed(said="学校写的"))
    assert VisitDraft.objects.count() == 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT typed FROM dropout_visitdraft")
        assert all("写".encode() not in bytes(typed) for (typed,) in cursor.fetchall())
    url = reverse("visit_new", args=[row.pk])
    page = maker.get(url).content.decode()
    assert "还没写完的" in page
    assert data["key"] in page
    assert "学校写的" not in page
    assert "接着填没发出的走访" in maker.get(reverse("case_detail", args=[row.pk])).content.decode()
    sent(maker, row, data)
    assert VisitDraft.objects.get().user_id == county["school"].pk
    # An answer that was lost on the way: what is saved again with the key of a sent visit is told so, and not kept.
    assert kept(maker, row, data) == {"url": f"{reverse('case_detail', args=[row.pk])}#visits"}
    assert VisitDraft.objects.count() == 1
    assert kept(school, row, {"drop": "1"}) == {"at": ""}
    assert not VisitDraft.objects.exists()
    long = maker.post(
        reverse("visit_draft", args=[row.pk]), typed(said="长" * 30_000), headers={"Accept": "application/json"}
    )
    assert (long.status_code, "太长" in json.loads(long.content)["refused"][0]) == (422, True)
    assert as_("other_maker").post(reverse("visit_draft", args=[row.pk]), data).status_code == 404


def test_the_key_of_the_browser_is_a_person_s_and_a_case_s(row: DropoutCase, county: World):
    mine, others = (county[name].memberships.get().actor for name in ("maker", "school"))
    name, key = visits.browser_key(row, mine)
    assert visits.browser_key(row, mine) == (name, key)
    assert len(bytes.fromhex(key)) == 32
    told = {visits.browser_key(of, by)[1] for of in (row, case("suspected")) for by in (mine, others)}
    assert len(told) == 4
