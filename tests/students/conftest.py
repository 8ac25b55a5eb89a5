"""Fixtures of the pages of students, households, schools and imports."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.personas import TERM, As, World


@pytest.fixture
def as_(county: World) -> As:
    """A browser in which a persona is signed in and works in the personas' term."""

    def signed_in(persona: str) -> Client:
        client = Client()
        client.force_login(county[persona], backend="django.contrib.auth.backends.ModelBackend")
        client.post(reverse("term_choose"), {"term": TERM.code})
        return client

    return signed_in
