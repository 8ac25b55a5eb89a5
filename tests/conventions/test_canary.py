"""Every page × every persona on two populated counties: nobody meets a word of those they have no business with."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from aidcases.models import Job
from aidcases.scoping import EVERYWHERE, Scope, acting_in
from students.models import ImportFile
from subsidies.models import (
    AdoptionRequest,
    Meeting,
    PackDraft,
    Panel,
    PublicNotice,
)
from tests.conventions import counties
from tests.conventions.counties import Counties
from tests.conventions.resolver import Address, addresses
from tests.conventions.samples import ASKED, SAMPLES
from tests.kept import Kept

ANONYMOUS = "anonymous"
# 286: a poll that need not come again.
FINE = {200, 286, 302, 403, 404}
FOREIGN = {302, 403, 404}
# What a person could type to find the other side (and then the numbers of a child of either county).
SEARCHES = ("登枫", "榆槐", "Z")
SEEKERS = ("maker", "other_maker", "school")


@pytest.fixture(scope="module")
def kept_counties(django_db_setup: None, django_db_blocker: Any) -> Kept:
    with django_db_blocker.unblock(), acting_in(EVERYWHERE):
        return Kept(counties.build)


@pytest.fixture
def made(kept_counties: Kept, db: None) -> Counties:
    return kept_counties.put_back()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """A walk ends at many closed doors."""
    caplog.set_level(logging.CRITICAL, "django.request")


@pytest.fixture
def visitors(made: Counties) -> dict[str, tuple[Client, Scope | None]]:
    """Everyone with an account, and whoever has none; with the scope they may see."""
    found: dict[str, tuple[Client, Scope | None]] = {ANONYMOUS: (Client(raise_request_exception=False), None)}
    for name, user in made.world.users.items():
        client = Client(raise_request_exception=False)
        client.force_login(user)
        membership = user.memberships.select_related("organisation").first()
        found[name] = (client, membership.organisation.scope if membership else None)
    return found


def requests_of(address: Address, made: Counties) -> Iterator[tuple[str, str]]:
    """(whose object, URL) for each sample of an address."""
    if not address.arguments:
        yield "both", reverse(address.name)
        for owner, question in ASKED.get(address.name, lambda _: [])(made):
            yield owner, reverse(address.name) + question
        return
    assert address.name in SAMPLES, f"{address.name} has no sample: add one to SAMPLES"
    for owner, arguments in SAMPLES[address.name](made):
        yield owner, reverse(address.name, args=arguments)


def foreign_to(owner: str, scope: Scope | None) -> bool:
    return owner != "both" and (scope is None or not _touches(scope, f"/62/6201/{owner}/"))


def _touches(scope: Scope, county: str) -> bool:
    return scope.path.startswith(county) or county.startswith(scope.path)


def text_of(answer: Any) -> str:
    if answer.streaming:
        return b"".join(answer.streaming_content).decode(errors="replace")
    return answer.content.decode(errors="replace")


def test_no_page_shows_anybody_what_is_not_theirs(made: Counties, visitors: dict[str, tuple[Client, Scope | None]]):
    with acting_in(EVERYWHERE):
        pages = [(a, list(requests_of(a, made))) for a in addresses() if "GET" in a.methods]
        secrets = counties.secrets_of_all()
        hidden = {name: counties.hidden_from(scope) for name, (_, scope) in visitors.items()}
    problems, shown = [], defaultdict(int)
    for name, (client, scope) in visitors.items():
        for address, urls in pages:
            for owner, url in urls:
                answer = client.get(url)
                text = text_of(answer)
                fine = FOREIGN if foreign_to(owner, scope) else FINE
                if answer.status_code not in fine:
                    problems.append(f"{name} {url}: {answer.status_code}")
                problems += [f"{name} {url}: {word}" for word in sorted(hidden[name] | secrets) if word in text]
                shown[address.name] += answer.status_code in (200, 286)
    assert problems == []
    # A walk that is only ever sent away proves nothing.
    assert {address.name for address, _ in pages if not shown[address.name]} <= {
        "search_results",
        "issue_download",
        "import_returned",
        "missing_batch",  # the list of missing people, asked for one batch
        "import_undo",  # of a committed import; tests/students/test_undo_pages.py walks it
    }


def test_no_search_finds_what_is_not_theirs(made: Counties, visitors: dict[str, tuple[Client, Scope | None]]):
    with acting_in(EVERYWHERE):
        secrets = counties.secrets_of_all()
        hidden = {name: counties.hidden_from(scope) for name, (_, scope) in visitors.items()}
        children = [side.students[0].person for side in made.sides]
        numbers = [number for child in children for number in (child.id_last4, child.id_number)]
        searches = [
            (a.name, url)
            for a in addresses()
            if a.name == "search" or a.name.endswith(("_search", "_pick"))
            for _, url in (requests_of(a, made) if a.arguments else [(None, reverse(a.name))])
        ]
    assert len(searches) > 3
    problems = []
    for name in SEEKERS:
        client, _ = visitors[name]
        for search, url in searches:
            for typed in (*SEARCHES, *numbers):
                answer = client.post(url, {"q": typed}, follow=True)
                text = text_of(answer)
                if answer.status_code not in FINE:
                    problems.append(f"{name} {search} {typed}: {answer.status_code}")
                problems += [f"{name} {search} {typed}: {word}" for word in hidden[name] | secrets if word in text]
    assert problems == []


def test_no_command_reaches_what_is_not_theirs(made: Counties, visitors: dict[str, tuple[Client, Scope | None]]):
    with acting_in(EVERYWHERE):
        commands = [a for a in addresses() if "POST" in a.methods and a.arguments]
        urls = [(a.name, owner, url) for a in commands for owner, url in requests_of(a, made)]
        before = _states()
        secrets = counties.secrets_of_all()
    assert len(commands) > 3
    problems = []
    for name, (client, scope) in visitors.items():
        for command, owner, url in urls:
            if not foreign_to(owner, scope):
                continue
            with transaction.atomic():
                answer = client.post(url, {"purpose": "核对", "note": "核对"})
            if answer.status_code not in FOREIGN or any(secret in text_of(answer) for secret in secrets):
                problems.append(f"{name} {command} {url}: {answer.status_code}")
    assert problems == []
    with acting_in(EVERYWHERE):
        assert _states() == before


def _states() -> list[tuple]:
    return [
        *Job.objects.order_by("pk").values_list("pk", "state"),
        *ImportFile.objects.values_list("pk", "state"),
        *PackDraft.objects.values_list("pk", "state", "sha256", "rehearsal"),
        *AdoptionRequest.objects.values_list("pk", "state"),
        *PublicNotice.objects.values_list("pk", "state", "title", "photos", "objections_open"),
        *Panel.objects.values_list("pk", "posted_on", "members__name", "members__children").order_by("pk", "members"),
        *Meeting.objects.values_list("pk", "closed_at", "minutes", "assessments__level").order_by("pk"),
    ]


def test_the_canaries_sing(made: Counties, visitors: dict[str, tuple[Client, Scope | None]]):
    """The words hidden from one side are shown to the other, else their absence would prove nothing."""
    with acting_in(EVERYWHERE):
        here = counties.hidden_from(visitors["other_maker"][1]) - counties.hidden_from(visitors["city"][1])
        assert {"榆槐贫生", "榆槐户主", "榆槐监贫人", "榆槐任务", "榆槐在校生.xlsx"} <= here
        assert "跨县生" not in here
        assert "跨县户主" in counties.hidden_from(visitors["maker"][1])
        assert {"榆槐普生", "榆槐户主", "跨县生"} <= counties.hidden_from(visitors["other_school"][1])
        assert "榆槐户主" in counties.hidden_from(visitors["school"][1])
        side = made.world.here
        pages = {
            reverse("student_list"): "榆槐贫生",
            reverse("student_detail", args=[side.students[0].pk]): "榆槐监贫人",
            reverse("job_list"): "榆槐任务",
            reverse("import_list"): "榆槐在校生.xlsx",
            reverse("draft_list"): "榆槐草案",
        }
    for url, word in pages.items():
        assert word in text_of(visitors["maker"][0].get(url))
