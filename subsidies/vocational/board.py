"""Target, enrolled, finished and at work, institution by institution: every figure is a filter of the list of trainees."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count

from aidcases.models import School
from subsidies.models import Trainee, TrainingPlace
from subsidies.models.vocational import Schooling
from subsidies.vocational.trainees import REACHED

COUNTED = ("enrolled", "finished", "employed", "studying_on")


@dataclass
class Line:
    """An institution: `planned` and `counts` by kind (degree, training), in people."""

    school: School | None
    planned: dict[str, int] = field(default_factory=lambda: dict.fromkeys(Schooling.values, 0))
    counts: dict[str, dict[str, int]] = field(
        default_factory=lambda: {kind: dict.fromkeys(COUNTED, 0) for kind in Schooling.values}
    )

    def rate(self, kind: str) -> int | None:
        """Enrolled against planned, in whole per cent, rounded down; None without a plan."""
        planned = self.planned[kind]
        return self.counts[kind]["enrolled"] * 100 // planned if planned else None


def by_institution(year: int) -> list[Line]:
    """Everybody with places in the year or with trainees, the largest plan first. Three queries."""
    counted = {name: Count("pk", filter=REACHED[name][1]) for name in COUNTED}
    placed = Trainee.objects.filter(year=year, school__isnull=False).order_by()
    counts = list(placed.values("school", "kind").annotate(**counted))
    places = list(TrainingPlace.objects.filter(year=year))
    wanted = {row["school"] for row in counts} | {place.school_id for place in places}
    lines = {school.pk: Line(school) for school in School.objects.filter(pk__in=wanted).order_by("path")}
    for place in places:
        lines[place.school_id].planned = {"degree": place.degree, "training": place.training}
    for row in counts:
        if row["kind"]:
            lines[row["school"]].counts[row["kind"]] = {name: row[name] for name in COUNTED}
    return sorted(lines.values(), key=lambda line: (-sum(line.planned.values()), line.school.path if line.school else ""))


def total(lines: list[Line]) -> Line:
    """Everything together: nobody is in two institutions in one year."""
    whole = Line(None)
    sums: dict[str, Any] = defaultdict(int)
    for line in lines:
        for kind in Schooling.values:
            whole.planned[kind] += line.planned[kind]
            for name in COUNTED:
                sums[kind, name] += line.counts[kind][name]
    for kind in Schooling.values:
        whole.counts[kind] = {name: sums[kind, name] for name in COUNTED}
    return whole
