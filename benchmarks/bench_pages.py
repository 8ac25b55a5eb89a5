"""List pages and API lists at full size: queries and time of a request, as a county's and as a school's clerk.

Sequential requests of Django's test client, whole stack included: python -m benchmarks --only pages
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from django.db import connection, reset_queries
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aidcases.actions import open_office, region_named
from aidcases.models import Membership, School, User
from aidcases.roles import Role
from benchmarks.population import TERM

COUNTY = "620123"
FEWEST, LONGEST_MS = 5, 10_000  # a page that takes seconds is not asked for forty times
PAGES: list[tuple[str, dict[str, str]]] = [
    ("home", {}),
    ("student_list", {}),
    ("student_list", {"page": "20"}),
    ("student_list", {"stage": "junior"}),
    ("student_list", {"category": "registered_poor"}),
    ("school_list", {}),
    ("entitlement_list", {}),
    ("entitlement_list", {"page": "20"}),
    ("entitlement_list", {"benefit": "compulsory-boarding"}),
    ("entitlement_totals", {}),
    ("coverage_list", {}),
    ("run_list", {}),
    ("api_student_list", {}),
    ("api_entitlement_list", {}),
]


def clerks() -> dict[str, Client]:
    """A signed-in browser each for a county's maker, a school's maker and a city's officer."""
    school = School.objects.filter(region_id=COUNTY, stages=["primary"]).order_by("code").first()
    offices = {
        "county": (open_office(region=region_named(COUNTY)), Role.COUNTY_MAKER),
        "school": (open_office(school=school), Role.SCHOOL_MAKER),
        "city": (open_office(region=region_named(COUNTY[:4])), Role.CITY_OFFICER),
    }
    found = {}
    for name, (office, role) in offices.items():
        user, _ = User.objects.get_or_create(username=f"bench-{name}")
        Membership.objects.get_or_create(user=user, organisation=office, role=role)
        found[name] = Client(SERVER_NAME="localhost")
        found[name].force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return found


def measure(client: Client, page: str, asked: dict[str, str], repeats: int, *args: int) -> dict[str, Any]:
    """{"queries", "p50_ms", "p95_ms"} of a page (of the record `args`) that answers 200; without, the status."""
    url, asked = reverse(page, args=args), {"term": TERM.code, **asked}
    with CaptureQueriesContext(connection) as caught:
        answer = client.get(url, asked)
    queries = len(caught)
    if answer.status_code != 200:
        return {"status": answer.status_code}
    reset_queries()
    took: list[float] = []
    while len(took) < repeats and (len(took) < FEWEST or sum(took) < LONGEST_MS):
        start = time.perf_counter()
        client.get(url, asked)
        took.append((time.perf_counter() - start) * 1000)
    return {
        "queries": queries,
        "p50_ms": round(statistics.median(took), 1),
        "p95_ms": round(statistics.quantiles(took, n=20, method="inclusive")[-1], 1),
    }


def main(repeats: int = 40) -> list[dict[str, Any]]:
    """One row per page and clerk, over whatever the database holds."""
    return [
        {"page": page, "asked": asked, "clerk": name, **measure(client, page, asked, repeats)}
        for name, client in clerks().items()
        for page, asked in PAGES
    ]
