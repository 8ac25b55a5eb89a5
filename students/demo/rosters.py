"""Writes the nine rosters of an invented county, or of two neighbouring ones that share pupils."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from random import Random

from aidcases.terms import Term

from .boundary import Boundary
from .families import Families
from .identity import IdentityNumbers
from .people import Family
from .places import County, NoTownships, Regions
from .rows import family_rows, school_row
from .sheets import KINDS, Sheets

__all__ = ["FEWEST", "KINDS", "NoTownships", "make_neighbours", "make_rosters", "neighbour_size"]

FEWEST = 100  # the planted children alone are half of it
FORMATS = ("xlsx", "csv")

RegionRows = Iterable[tuple[str, str, str]]


def neighbour_size(students: int) -> int:
    """How many students the neighbour gets beside a county of `students`."""
    return max(FEWEST, students // 4)


def make_rosters(
    folder: Path,
    *,
    county: str,
    neighbour: str | None,
    students: int,
    seed: int,
    regions: RegionRows,
    term: str,
    format: str = "xlsx",
) -> dict[str, Path]:
    """Writes one county's rosters into `folder`: kind → file.

    `students`: persons at a school or college whose home is the county, at least, a family's children more at
    most. `regions`: (code, name, level) rows. The same arguments write the same rows. With a `neighbour` the
    rosters are the county's half of what make_neighbours writes. Memory does not grow with the county.
    Raises ValueError (NoTownships, UnknownTerm among them) with a sentence in Chinese."""
    made = _write({county: folder}, (county, neighbour), students, seed, regions, term, format)
    return made[county]


def make_neighbours(
    root: Path,
    *,
    county: str,
    neighbour: str,
    students: int,
    seed: int,
    regions: RegionRows,
    term: str,
    format: str = "xlsx",
) -> dict[str, dict[str, Path]]:
    """Writes both counties' rosters into root/<code>: county → kind → file. Some children of each study in
    the other: on the other's roll, with their 户口所在地 and their poverty row at home. See make_rosters."""
    folders = {code: root / code for code in (county, neighbour)}
    return _write(folders, (county, neighbour), students, seed, regions, term, format)


def _write(
    folders: dict[str, Path],
    codes: tuple[str, str | None],
    students: int,
    seed: int,
    regions: RegionRows,
    term: str,
    format: str,
) -> dict[str, dict[str, Path]]:
    if students < FEWEST:
        raise ValueError(f"学生至少 {FEWEST} 人，才放得下各种边界情形。")
    if format not in FORMATS:
        raise ValueError(f"不认识的格式“{format}”，请用 {' 或 '.join(FORMATS)}。")
    if codes[0] == codes[1]:
        raise ValueError("相邻县不能是本县自己。")
    when, known, rng = Term.parse(term), Regions(regions), Random(seed)
    sizes = {code: students if code == codes[0] else neighbour_size(students) for code in codes if code}
    counties = {code: County(code, known, students=size) for code, size in sizes.items()}
    sheets = {code: Sheets(folders.get(code), excel=format == "xlsx") for code in counties}
    try:
        for home, family in _all_families(counties, sizes, rng, when):
            for keeper, kind, row in family_rows(family, home, rng):
                sheets[keeper].add(kind, row)
        for code, county in counties.items():
            for school in chain(county.schools, county.colleges):
                sheets[code].add("schools", school_row(school))
    finally:
        for county_sheets in sheets.values():
            county_sheets.close()
    return {code: sheets[code].paths for code in folders}


def _all_families(
    counties: dict[str, County], sizes: dict[str, int], rng: Random, term: Term
) -> Iterator[tuple[County, Family]]:
    numbers = IdentityNumbers()
    for code, county in counties.items():
        other = next((counties[beside] for beside in counties if beside != code), None)
        for family in _families(Families(rng, county, numbers, term, other), sizes[code]):
            yield county, family


def _families(make: Families, students: int) -> Iterator[Family]:
    """The planted families, spread among the drawn ones, until there are enough students."""
    planted = list(Boundary(make).families())
    missing = students - sum(family.students for family in planted)
    apart = max(1, missing // (2 * len(planted)))
    drawn = 0
    while planted or missing > 0:
        if planted and (missing <= 0 or drawn % apart == 0):
            yield planted.pop(0)
        if missing > 0:
            family, drawn = make.draw(), drawn + 1
            missing -= family.students
            yield family
