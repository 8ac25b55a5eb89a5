"""What an area gave and who helps whom, in figures: of a county, or of each county below."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Left

from aidcases.models.places import region_names
from subsidies.giving.loans import COUNTY
from subsidies.models import Donation, DonationProject, Gift, HelperVisit, Pairing, SchoolPair
from subsidies.models.giving import Form

CASH, GOODS = Q(form=Form.CASH), Q(form=Form.GOODS)
NAMES = (
    "pledge", "received", "received_goods", "given", "given_goods", "gifted", "paired", "pairings", "visits", "schools",
)  # fmt: skip


def by_county() -> list[dict[str, Any]]:
    """County → NAMES: yuan of pledges, of money and goods in and out; children given something; children with a helper,
    helpers, visits; pairs of schools. A child's rows count where the child is at home."""
    found: dict[str, dict[str, Any]] = {}
    for rows, path, columns in _counted():
        grouped = rows.annotate(county=Left(path, COUNTY)).order_by().values("county").annotate(**columns)
        for row in grouped:
            found.setdefault(row.pop("county"), {}).update(row)
    names = region_names(path.strip("/").split("/")[-1] for path in found)
    lines = []
    for path in sorted(found):
        figures = {name: found[path].get(name) or 0 for name in NAMES}
        lines.append({"name": names.get(path.strip("/").split("/")[-1], "其他地区"), **figures})
    return lines


def _counted() -> list[tuple[QuerySet, str, dict[str, Any]]]:
    """(rows in sight, whose they are, figures): a query each."""
    standing = Pairing.objects.standing()
    in_ = {"received": Sum("yuan", filter=CASH), "received_goods": Sum("yuan", filter=GOODS)}
    out = {
        "given": Sum("yuan", filter=CASH), "given_goods": Sum("yuan", filter=GOODS),
        "gifted": Count("student", distinct=True),
    }  # fmt: skip
    return [
        (DonationProject.objects.all(), "path", {"pledge": Sum("pledge")}),
        (Donation.objects.all(), "project__path", in_),
        (Gift.objects.all(), "home_path", out),
        (standing, "home_path", {"paired": Count("student", distinct=True), "pairings": Count("pk")}),
        (HelperVisit.objects.all(), "pairing__home_path", {"visits": Count("pk")}),
        (SchoolPair.objects.standing(), "path", {"schools": Count("pk")}),
    ]


def whole(lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: sum(line[name] for line in lines) for name in NAMES}
