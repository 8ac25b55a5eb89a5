"""What lies in the database before the browser opens, and a database of its own for every module."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from aidcases.models import School
from aidcases.roles import Role
from aidcases.scoping import EVERYWHERE, acting_in
from tests import make
from tests.students import rosters

COUNTY, NEIGHBOUR, CITY, TERM = "620123", "620121", "6201", "2018-autumn"
SCHOOL = "2162004050"  # 榆中县第一中学


def offices() -> None:
    """The clerks of two counties and of their city, which has adopted its policies."""
    make.user("maker", "甲经办", make.office(COUNTY), Role.COUNTY_MAKER)
    make.user("other_maker", "乙经办", make.office(NEIGHBOUR), Role.COUNTY_MAKER)
    make.user("city", "市专员", make.office(CITY), Role.CITY_OFFICER)
    rosters.adopt_lanzhou(CITY)


def county() -> None:
    """The offices; the nine rosters of the sample county, computed; the clerk of one of its schools."""
    offices()
    for kind, path in rosters.SAMPLE_FILES.items():
        rosters.bring_in(kind, path, county=COUNTY, term=TERM)
    rosters.recompute(TERM, COUNTY)
    make.user("school", "校经办", make.school_office(School.objects.get(code=SCHOOL)), Role.SCHOOL_MAKER)


@contextmanager
def filled(fill: Callable[[], Any], blocker: object) -> Iterator[Any]:
    """A copy of the test database, which stays empty; what this process and its children do in the block goes there.
    Yields what `fill` returns."""
    empty = connection.settings_dict["NAME"]
    name = f"{empty}_browser"
    drop = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'
    with blocker.unblock():
        _outside(drop, f'CREATE DATABASE "{name}" TEMPLATE "{empty}"')
        connection.settings_dict["NAME"] = name
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright keeps an event loop in this thread
        try:
            with acting_in(EVERYWHERE):
                yield fill()
        finally:
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
            _outside(drop)
            connection.settings_dict["NAME"] = empty


def _outside(*statements: str) -> None:
    """A database that is copied or dropped must have no connection, ours included."""
    connection.close()
    with connection._nodb_cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
