"""Databases of the browser tests: filled once for a test process, copied for every module."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from django.db import connection

from aidcases.models import School
from aidcases.roles import Role
from aidcases.scoping import EVERYWHERE, acting_in
from tests import make
from tests.conventions import counties
from tests.students import rosters

COUNTY, NEIGHBOUR, CITY, TERM = "620123", "620121", "6201", "2018-autumn"
SCHOOL = "2162004050"  # whose clerk has an account


def offices() -> None:
    """The clerks of two counties and of their city, which has adopted its policies."""
    make.user("maker", "甲经办", make.office(COUNTY), Role.COUNTY_MAKER)
    make.user("other_maker", "乙经办", make.office(NEIGHBOUR), Role.COUNTY_MAKER)
    make.user("city", "市专员", make.office(CITY), Role.CITY_OFFICER)
    rosters.adopt_lanzhou(CITY)


def county() -> None:
    """The nine rosters of the sample county, computed, and the clerk of one of its schools."""
    for kind, path in rosters.SAMPLE_FILES.items():
        rosters.bring_in(kind, path, county=COUNTY, term=TERM)
    rosters.recompute(TERM, COUNTY)
    school_clerk()


def school_clerk() -> None:
    make.user("school", "校经办", make.school_office(School.objects.get(code=SCHOOL)), Role.SCHOOL_MAKER)


def two_counties() -> None:
    """Something of everything a page could show."""
    counties.build()


FILLS: dict[str, tuple[Callable[[], None], ...]] = {
    "offices": (offices,),
    "county": (offices, county),
    "two counties": (two_counties,),
}


class Databases:
    """`copy("county")` is a database that lasts as long as its block; pytest-django's own one is never touched."""

    def __init__(self, blocker: object):
        self.blocker = blocker
        self.bare = connection.settings_dict["NAME"]
        self.filled: dict[str, str] = {}
        self.kept = ExitStack()

    @contextmanager
    def copy(self, kind: str) -> Iterator[None]:
        """A copy of the database filled in this way, used by all that happens in the block."""
        name = f"{self.bare}_now"
        with self._made(name, self._template(kind)), self._used(name):
            yield

    def _template(self, kind: str) -> str:
        if kind not in self.filled:
            name = f"{self.bare}_{kind.replace(' ', '_')}"
            self.kept.enter_context(self._made(name, self.bare))
            with self._used(name):
                for fill in FILLS[kind]:
                    fill()
            self.filled[kind] = name
        return self.filled[kind]

    @contextmanager
    def _made(self, name: str, template: str) -> Iterator[None]:
        drop = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'
        self._run(drop, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield
        finally:
            self._run(drop)

    def _run(self, *statements: str) -> None:
        """Outside the database itself: what is copied or dropped must have no connection."""
        connection.close()
        with self.blocker.unblock(), connection._nodb_cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    @contextmanager
    def _used(self, name: str) -> Iterator[None]:
        """Every connection that this process and its children open goes to this database."""
        connection.close()
        connection.settings_dict["NAME"], before = name, connection.settings_dict["NAME"]
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright keeps an event loop in this thread
        try:
            with self.blocker.unblock(), acting_in(EVERYWHERE):
                yield
        finally:
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
            connection.close()
            connection.settings_dict["NAME"] = before
