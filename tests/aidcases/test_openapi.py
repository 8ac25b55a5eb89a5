"""The API against its own document: valid, without warnings, and true whatever is asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from io import StringIO

import pytest
import schemathesis
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from tests.personas import World, compute

SCHEMA = "/api/schema/"
EXAMPLES = 15


def test_the_document_is_valid_and_nothing_in_it_was_guessed():
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out)
    assert set(json.loads(out.getvalue())["paths"]) == {
        "/api/students/",
        "/api/students/{id}/",
        "/api/entitlements/",
        "/api/entitlements/explain/",
    }


def test_it_is_for_whoever_is_signed_in(county: World):
    client = Client()
    assert client.get(SCHEMA).status_code == 403
    for persona in ("maker", "city"):
        client.force_login(county[persona], backend="django.contrib.auth.backends.ModelBackend")
        assert client.get(SCHEMA, headers={"accept": "application/json"}).json()["openapi"].startswith("3.")


def test_no_parameter_is_a_name_or_a_number_of_a_person():
    out = StringIO()
    call_command("spectacular", "--format", "openapi-json", stdout=out)
    asked = {
        parameter["name"]
        for path in json.loads(out.getvalue())["paths"].values()
        for parameter in path["get"]["parameters"]
    }
    assert asked == {
        "term", "stage", "grade", "class_name", "boarding", "category", "school", "place", "away", "benefit", "rule",
        "delivery", "county", "student", "id", "cursor", "page_size",
    }  # fmt: skip


@pytest.fixture
def one_connection() -> Iterator[None]:
    """A server closes old connections around each request; here that is the test's own, with its transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("persona", ["maker", "school"])
def test_whatever_is_asked_the_answer_is_as_documented(persona: str, county: World, one_connection: None):
    """No 500, no undocumented status, every body as described."""
    compute(county)
    client = Client()
    client.force_login(county[persona], backend="django.contrib.auth.backends.ModelBackend")
    cookie, application = f"sessionid={client.cookies['sessionid'].value}", get_wsgi_application()

    def signed_in(environ: dict, start_response: Callable) -> Iterable[bytes]:
        return application({**environ, "HTTP_COOKIE": cookie}, start_response)

    api = schemathesis.openapi.from_wsgi(SCHEMA, signed_in)
    asked = 0
    for operation in api.get_all_operations():

        @given(case=operation.ok().as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def holds(case: schemathesis.Case) -> None:
            # Signed in from outside, so nothing can be taken away; codes of rules are data, which no schema lists.
            case.call_and_validate(excluded_checks=[ignored_auth, positive_data_acceptance])

        holds()
        asked += 1
    assert asked == 4
