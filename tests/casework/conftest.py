"""People of one school, its county and a neighbour county, and browsers and actors for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from django.test import Client

from aidcases.models import Organisation, School, User
from aidcases.roles import Role
from aidcases.scoping import EVERYWHERE, Actor, acting_in
from tests import make


@dataclass
class Crew:
    """`school` is the one most tests work in; `second` lies in the same county, `foreign` in another."""

    school: School
    second: School
    foreign: School
    county: Organisation
    foreign_county: Organisation
    users: dict[str, User] = field(default_factory=dict)

    def __getitem__(self, persona: str) -> User:
        return self.users[persona]

    def actor(self, persona: str) -> Actor:
        return self.users[persona].memberships.get().actor

    def office(self, persona: str) -> Organisation:
        return self.users[persona].memberships.get().organisation

    @contextmanager
    def acting(self, persona: str) -> Iterator[Actor]:
        """Everything inside is done by the persona, in their scope."""
        with acting_in(self.office(persona).scope, self.actor(persona)):
            yield self.actor(persona)


PERSONAS = {
    "school_maker": ("school", "校经办", Role.SCHOOL_MAKER),
    "school_checker": ("school", "校审核", Role.SCHOOL_CHECKER),
    "teacher": ("school", "班主任甲", Role.CLASS_TEACHER),
    "second_maker": ("second", "二校经办", Role.SCHOOL_MAKER),
    "second_checker": ("second", "二校审核", Role.SCHOOL_CHECKER),
    "foreign_maker": ("foreign", "外校经办", Role.SCHOOL_MAKER),
    "county_maker": ("county", "县经办", Role.COUNTY_MAKER),
    "county_checker": ("county", "县审核", Role.COUNTY_CHECKER),
    "county_head": ("county", "县主任", Role.COUNTY_HEAD),
    "foreign_county_maker": ("foreign_county", "外县经办", Role.COUNTY_MAKER),
}


def build_crew() -> Crew:
    crew = Crew(
        make.school("2162000101", name="榆树小学"),
        make.school("2162000102", name="槐树小学", place="620123101"),
        make.school("2162000201", name="枫树小学", place="620121100"),
        make.office("620123"),
        make.office("620121"),
    )
    for persona, (where, name, role) in PERSONAS.items():
        place = getattr(crew, where)
        office = place if isinstance(place, Organisation) else make.school_office(place)
        crew.users[persona] = make.user(persona, name, office, role)
    crew.users["city"] = make.user("city", "市专员", make.office("6201"), Role.CITY_OFFICER)
    return crew


@pytest.fixture
def crew(db: None) -> Iterator[Crew]:
    """Rows are made as the system; pages run as the persona of `browser`."""
    with acting_in(EVERYWHERE):
        yield build_crew()


@pytest.fixture
def browser(crew: Crew) -> Callable[[str], Client]:
    """browser("school_maker") is a browser in which that persona is signed in."""

    def signed_in(persona: str) -> Client:
        client = Client()
        client.force_login(crew[persona], backend="django.contrib.auth.backends.ModelBackend")
        return client

    return signed_in
