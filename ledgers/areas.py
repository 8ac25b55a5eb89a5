"""The part of the country a ledger is about: a region or one school."""

from __future__ import annotations

from dataclasses import dataclass

from aidcases.models import Organisation, Region, School
from aidcases.models.places import LEVELS
from aidcases.scoping import current_scope

COUNTY = 3  # steps of a county's path


@dataclass(frozen=True)
class Area:
    """A region (the children at home there) or a school (its pupils)."""

    path: str
    name: str
    is_school: bool = False

    @property
    def reported_by(self) -> str:
        """The office of the place, for an issue nobody's office asked for."""
        office = Organisation.objects.filter(path=self.path).exclude(kind="auditor").order_by("pk").first()
        return office.name if office else self.name


def area_at(path: str) -> Area:
    """The area of a path."""
    name = School.objects.filter(path=path).values_list("name", flat=True).first()
    return Area(path, name, is_school=True) if name else Area(path, Region.objects.get(path=path).name)


def areas() -> dict[str, list[Area]]:
    """What whoever acts may choose, by group, their own place first: the level below, and a county's schools."""
    own = current_scope().path
    places = Region.objects.under(own).filter(level__in=_levels(own)).order_by("path")
    regions = [Area(path, name) for path, name in places.values_list("path", "name")]
    schools = []
    if _depth(own) >= COUNTY:
        rows = School.objects.filter(path__startswith=own).order_by("path").values_list("path", "name")
        schools = [Area(path, name, is_school=True) for path, name in rows]
    return {"地区": regions, "学校": schools}


def _depth(path: str) -> int:
    return len([step for step in path.split("/") if step])


def _levels(own: str) -> list[str]:
    """Names of the level of a path and of the one below it."""
    names = list(LEVELS.values())
    depth = _depth(own)
    return names[max(depth - 1, 0) : depth + 1]
