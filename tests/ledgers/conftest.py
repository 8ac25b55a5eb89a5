"""Two computed counties, and ways to act as one of their people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from aidcases.scoping import acting_in
from tests.personas import World

ActAs = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def act_as(county: World) -> ActAs:
    """Everything inside runs as a persona, in the scope of their office."""

    @contextmanager
    def acting(persona: str) -> Iterator[None]:
        membership = county[persona].memberships.select_related("organisation", "user").get()
        with acting_in(membership.organisation.scope, membership.actor):
            yield

    return acting
