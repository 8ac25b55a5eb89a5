"""Every page × every persona on two populated counties: nobody meets a word of those they have no business with."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from aidcases.models import Job
from aidcases.scoping import EVERYWHERE, Scope, acting_in
from students.models import Household, ImportFile
from subsidies.models import AdoptionRequest, ClauseText, ListedArea, PackDraft, Rule
from tests.conventions import counties
from tests.conventions.counties import Counties
from tests.conventions.resolver import Address, addresses
from tests.personas import CANARY

ANONYMOUS = "anonymous"
# 286: a poll that need not come again.
FINE = {200, 286, 302, 403, 404}
FOREIGN = {302, 403, 404}

Samples = Callable[[Counties], list[tuple[str, list[Any]]]]


def each(what: Callable[[Counties, Any], Any]) -> Samples:
    """(county code, arguments) of an object of either county."""
    return lambda made: [(side.code, [what(made, side)]) for side in made.sides]


def students(made: Counties) -> list[tuple[str, list[Any]]]:
    own = [(side.code, [side.students[0].pk]) for side in made.sides]
    return [*own, ("both", [made.world.crossing.pk])]


def households(made: Counties) -> list[tuple[str, list[Any]]]:
    rows = Household.objects.order_by("pk")
    found = [(side.code, [rows.filter(path__startswith=side.office.path).first().pk]) for side in made.sides]
    return [*found, ("620121", [rows.last().pk])]  # of the child who goes to school here


def adoptions(made: Counties) -> list[tuple[str, list[Any]]]:
    """A request of either county, asked for by a clerk with a name of its own."""
    return [(side.code, [_asked(side.code, side.office.path).pk]) for side in made.sides]


def _asked(code: str, path: str) -> AdoptionRequest:
    fields = {"region_id": code, "from_on": "2030-09-01", "asked_by": f"{CANARY[code]}办事员"}
    return AdoptionRequest.objects.get_or_create(pack_code="lanzhou", path=path, defaults=fields)[0]


def clause_texts(made: Counties) -> list[tuple[str, list[Any]]]:
    return [(side.code, [_pasted(side.code, side.office.path).pk]) for side in made.sides]


def _pasted(code: str, path: str) -> ClauseText:
    clause = Rule.objects.filter(pack__code="lanzhou").order_by("order").first().clause
    fields = {"text": "原文", "office": "中心", "written_by": "某人"}  # schools below may read it
    return ClauseText.objects.get_or_create(pack_code="lanzhou", clause=clause, path=path, version=1, defaults=fields)[0]


SAMPLES: dict[str, Samples] = {
    "student_detail": students,
    "student_why": students,
    "student_reveal": students,
    "api_student_detail": students,
    "household_detail": households,
    "household_slip": households,
    "household_reveal": households,
    "school_detail": lambda made: [("both", [side.primary.code]) for side in made.sides],
    "area_end": lambda made: [("both", [ListedArea.objects.order_by("pk").first().pk])],
    "pack_detail": lambda made: [("both", ["lanzhou"])],
    "rule_detail": lambda made: [("both", [rule.code]) for rule in Rule.objects.order_by("pk")[:2]],
    "ledger_detail": lambda made: [("both", [code]) for code in ("poverty-register", "aid-summary")],
    "ledger_issue": lambda made: [("both", [code]) for code in ("poverty-register", "aid-summary")],
    "search_results": lambda made: [("both", ["nosuchkey"])],
    **dict.fromkeys(
        ("job_detail", "job_progress", "job_cancel", "job_resume", "slip_download"), each(lambda m, s: m.traces[s.code].job.pk)
    ),
    **dict.fromkeys(
        (
            "import_detail", "import_confirm", "import_reopen", "import_discard", "import_return", "import_returned",
        ),
        each(lambda m, s: m.traces[s.code].file.pk),
    ),
    **dict.fromkeys(("carry_detail", "carry_undo"), each(lambda m, s: m.traces[s.code].carried.pk)),
    **dict.fromkeys(("pack_changes", "clause_save", "adoption_ask"), lambda made: [("both", ["lanzhou"])]),
    **dict.fromkeys(
        ("adoption_detail", "adoption_rehearse", "adoption_confirm", "adoption_decline", "adoption_withdraw"), adoptions,
    ),
    "clause_history": clause_texts,
    **dict.fromkeys(
        (
            "draft_detail", "draft_save", "draft_check", "draft_count", "draft_rehearse", "draft_ready", "draft_publish",
            "draft_discard",
        ),
        each(lambda m, s: m.traces[s.code].draft.pk),
    ),
    **dict.fromkeys(("rehearsal_detail", "rehearsal_sheet"), each(lambda m, s: m.traces[s.code].draft.rehearsal_id)),
    "run_detail": each(lambda m, s: m.traces[s.code].run.pk),
    **dict.fromkeys(("issue_detail", "issue_download"), each(lambda m, s: m.traces[s.code].issue.pk)),
}  # fmt: skip

# Addresses that are nothing without a question.
ASKED: dict[str, Callable[[Counties], list[tuple[str, str]]]] = {
    "api_explain": lambda made: [(owner, f"?student={pk}") for owner, [pk] in students(made)],
}

# What a person could type to find the other side (and then the numbers of a child of either county).
SEARCHES = ("登枫", "榆槐", "Z")
SEEKERS = ("maker", "other_maker", "school")


@pytest.fixture
def made(db: None) -> Counties:
    with acting_in(EVERYWHERE):
        return counties.build()


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
    }


def test_no_search_finds_what_is_not_theirs(made: Counties, visitors: dict[str, tuple[Client, Scope | None]]):
    with acting_in(EVERYWHERE):
        secrets = counties.secrets_of_all()
        hidden = {name: counties.hidden_from(scope) for name, (_, scope) in visitors.items()}
        children = [side.students[0].person for side in made.sides]
        numbers = [number for child in children for number in (child.id_last4, child.id_number)]
    searches = [a.name for a in addresses() if a.name == "search" or a.name.endswith(("_search", "_pick"))]
    assert len(searches) > 3
    problems = []
    for name in SEEKERS:
        client, _ = visitors[name]
        for search in searches:
            for typed in (*SEARCHES, *numbers):
                answer = client.post(reverse(search), {"q": typed}, follow=True)
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
