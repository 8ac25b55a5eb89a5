"""Kernel actions: the divisions of the country, opening an office."""

from __future__ import annotations

import csv
from pathlib import Path

from django.db import transaction

from aidcases import audit
from aidcases.models import Organisation, Region, School
from aidcases.models.places import cut, region_path
from aidcases.registry import registry
from aidcases.roles import OFFICE_LABELS, OfficeKind
from aidcases.scoping import EVERYWHERE, current_scope

REGIONS = Path(__file__).parent / "data" / "regions.csv"


class UnknownRegion(ValueError):
    """Its text tells a clerk how to write a region code."""


def load_regions() -> int:
    """Writes the shipped divisions (GB/T 2260) that are not there yet; returns how many. Runs after every migrate."""
    known = set(Region.objects.values_list("code", flat=True))
    with REGIONS.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if cut(row["code"]) not in known]
    made = [
        Region(code=cut(row["code"]), name=row["name"], level=row["level"], path=region_path(row["code"]))
        for row in rows
    ]
    Region.objects.bulk_create(made, ignore_conflicts=True, batch_size=2000)
    return len(made)


def region_named(code: str) -> Region:
    """The region of a code a person typed, or UnknownRegion."""
    found = Region.objects.filter(code=cut(code)).first() if str(code).isdigit() else None
    if found is None:
        raise UnknownRegion(f"行政区划代码“{code}”不在区划表里，请写县级 6 位代码，例如 620123。")
    return found


KIND_OF_LEVEL = {4: OfficeKind.CITY, 6: OfficeKind.COUNTY, 9: OfficeKind.TOWNSHIP, 12: OfficeKind.VILLAGE}


@transaction.atomic
def open_office(
    *, region: Region | None = None, school: School | None = None, kind: OfficeKind | None = None
) -> Organisation:
    """The organisation of a place, made when absent. A new one may become the home of people known already."""
    if school is not None:
        place, kind, name = school.path, OfficeKind.SCHOOL, school.name
    elif region is not None:
        place, kind = region.path, kind or KIND_OF_LEVEL.get(len(region.code), OfficeKind.SYSTEM)
        name = region.name + OFFICE_LABELS[kind].removeprefix("县").removeprefix("市")
        if kind in (OfficeKind.TOWNSHIP, OfficeKind.VILLAGE):
            name = region.name
    else:
        place, kind, name = EVERYWHERE.path, OfficeKind.SYSTEM, "系统"
    office, made = Organisation.objects.get_or_create(
        kind=kind, path=place, defaults={"name": name, "region": region, "school": school}
    )
    if made:
        audit.record("office.opened", subject=office, path=current_scope().path)
        for follow in registry.office_opened:
            follow(office)
    return office
