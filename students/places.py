"""Names of places for people to read."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aidcases.models import Region
from aidcases.models.places import LEVELS, region_names
from aidcases.scoping import HOME, current_scope

SHORTER = re.compile(r"(?<=村)委会$|(?<=社区)居委会$")  # the register names the committee, people the village
SILENT = ("市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划")


def codes_of(path: str) -> list[str]:
    """Division codes along a path; a school's code at its end is none."""
    return [step for step in path.strip("/").split("/") if step.isdigit() and len(step) in LEVELS]


class Places:
    """Names of the divisions on some paths."""

    def __init__(self, paths: Iterable[str]):
        self.names = region_names(code for path in paths for code in codes_of(path))

    def label(self, path: str, seen_from: str | None = None) -> str:
        """As seen from where whoever acts works: 马坡乡窑坡村 in the own county, 永登县中堡镇何家营村 in the
        next one, 四川省成都市武侯区 far away; "" for no path.
        """
        known = set(codes_of(current_scope().path if seen_from is None else seen_from))
        codes = codes_of(path)
        shown = [code for code in codes if code not in known] or codes[-1:]
        names = (self.names.get(code, "") for code in shown)
        return "".join(SHORTER.sub("", name) for name in names if name not in SILENT)


def full_label(path: str) -> str:
    """From the province down."""
    return Places([path]).label(path, seen_from="")


def home_shown(home_path: str, on_roll: Region | None) -> str:
    """Where a child is at home, as a path: for the home side the register's village, for the school's side
    what its own roll says, else the county alone."""
    if current_scope().covers(home_path, HOME):
        return home_path
    return on_roll.path if on_roll else county_of(home_path)


def county_of(path: str) -> str:
    """The path cut to its county; "" for no path."""
    codes = codes_of(path)[:3]
    return "/".join(["", *codes, ""]) if codes else ""
