"""The part of the country a ledger is about: a region or one school."""

from __future__ import annotations

from dataclasses import dataclass

from aidcases.models import Organisation, Region, School
from aidcases.models.places import LEVELS, RegionQuerySet
from aidcases.scoping import current_scope

COUNTY = 3  # steps of a county's path


@dataclass(frozen=True)
class Area:
    """A region (the children at home there) or a school (its pupils). `within`: the county of a township or village."""

    path: str
    name: str
    is_school: bool = False
    within: str = ""

    @property
    def full_name(self) -> str:
        """As a title names it: 榆中县城关镇."""
        return f"{self.within}{self.name}"

    @property
    def reported_by(self) -> str:
        """The office of the place, for an issue nobody's office asked for."""
        office = Organisation.objects.filter(path=self.path).exclude(kind="auditor").order_by("pk").first()
        return office.name if office else self.full_name


def area_at(path: str) -> Area:
    """The area of a path."""
    name = School.objects.filter(path=path).values_list("name", flat=True).first()
    return Area(path, name, is_school=True) if name else _regions(Region.objects.filter(path=path))[0]


def areas() -> dict[str, list[Area]]:
    """What whoever acts may choose, by group, their own place first: the level below, and a county's schools."""
    own = current_scope().path
    regions = _regions(Region.objects.under(own).filter(level__in=_levels(own)).order_by("path"))
    schools = []
    if _depth(own) >= COUNTY:
        rows = School.objects.filter(path__startswith=own).order_by("path").values_list("path", "name")
        schools = [Area(path, name, is_school=True) for path, name in rows]
    return {"地区": regions, "学校": schools}


def _regions(found: RegionQuerySet) -> list[Area]:
    names = dict(found.values_list("path", "name"))
    counties = {path: _county(path) for path in names if _depth(path) > COUNTY}
    unknown = set(counties.values()) - set(names)
    known = names | (dict(Region.objects.filter(path__in=unknown).values_list("path", "name")) if unknown else {})
    return [Area(path, name, within=known.get(counties.get(path, ""), "")) for path, name in names.items()]


def _county(path: str) -> str:
    return "/".join(path.split("/")[: COUNTY + 1]) + "/"


def _depth(path: str) -> int:
    return len([step for step in path.split("/") if step])


def _levels(own: str) -> list[str]:
    """Names of the level of a path and of the one below it."""
    names = list(LEVELS.values())
    depth = _depth(own)
    return names[max(depth - 1, 0) : depth + 1]
