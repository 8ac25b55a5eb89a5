"""The places of an invented county: its real villages, and schools made up for its townships."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from random import Random

PRESCHOOL, PRIMARY, JUNIOR = "学前教育", "小学", "初中"
SENIOR, VOCATIONAL, HIGHER_VOCATIONAL, UNDERGRADUATE = "普通高中", "中等职业", "高等职业", "本科"
COLLEGE = {HIGHER_VOCATIONAL, UNDERGRADUATE}

_NUMERALS = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十")
_PROVINCE_ENDINGS = ("壮族自治区", "回族自治区", "维吾尔自治区", "自治区", "省", "市")
_SENIOR_FEES = (800, 1000, 600)
# A school's usual size, and the share of all students its stage has: how many schools a township needs.
_LOCAL = {PRESCHOOL: (150, 0.16), PRIMARY: (450, 0.38), JUNIOR: (700, 0.20)}
_MOST_PER_TOWNSHIP = 10  # school codes leave three digits for a county


class NoTownships(ValueError):
    """The region list carries no village of the county; its text says so in Chinese."""


@dataclass(frozen=True, slots=True)
class Village:
    code: str
    name: str
    township: str
    township_name: str
    rural: bool


@dataclass(frozen=True, slots=True)
class School:
    """`fee`: yuan a year, None where nobody has set it; `county`: who keeps its roll, "" for colleges."""

    code: str
    name: str
    stage: str
    region: str
    fee: int | None
    public: bool = True
    county: str = ""

    @property
    def province(self) -> str:
        return f"{self.region[:2]}0000"


class Regions:
    """The region list by code; counties are cut out of it."""

    def __init__(self, rows: Iterable[tuple[str, str, str]]) -> None:
        self.names: dict[str, str] = {}
        self.counties: list[str] = []
        self._townships: dict[str, list[str]] = defaultdict(list)
        self._villages: dict[str, list[str]] = defaultdict(list)
        for code, name, level in rows:
            self.names[code] = name
            if level == "county":
                self.counties.append(code)
            elif level == "township":
                self._townships[code[:6]].append(code)
            elif level == "village":
                self._villages[code[:9]].append(code)

    def villages(self, county: str) -> list[Village]:
        """The county's villages, in the order of the list. Raises NoTownships when there is none."""
        found = [
            Village(code, self.names[code], township, self.names[township], is_rural(code))
            for township in self._townships[county]
            for code in self._villages[township]
        ]
        if not found:
            name = self.names.get(county, county)
            raise NoTownships(f"区划表里没有“{name}”的乡镇和村，编不出名单；请换一个有乡镇的县区。")
        return found

    def county_of_capital(self, province: str) -> str:
        return min(code for code in self.counties if code.startswith(f"{province}01"))

    def short_name(self, province: str) -> str:
        name = self.names[province]
        for ending in _PROVINCE_ENDINGS:
            name = name.removesuffix(ending)
        return name


def is_rural(village: str) -> bool:
    """GB/T 10114: residents' committees are numbered from 001, villagers' committees from 200."""
    return 200 <= int(village[9:]) < 400


class County:
    """A county with its villages and schools, sized for a number of students."""

    def __init__(self, code: str, regions: Regions, *, students: int) -> None:
        self.code, self.province = code, code[:2]
        self.villages = regions.villages(code)
        self.name = regions.names[code]
        self.province_name = regions.names[code[:2]]
        city = regions.names[code[:4]]
        self.city_name = self.province_name if city in {"市辖区", "县"} else city
        self.address = "".join(dict.fromkeys((self.province_name, self.city_name, self.name)))
        self.siblings = [c for c in regions.counties if c[:4] == code[:4] and c != code] or [code]
        self._townships = list(dict.fromkeys(village.township for village in self.villages))
        self._local: dict[tuple[str, str], list[School]] = {}
        self.schools: list[School] = []
        self._add_local(students, {village.township: village.township_name for village in self.villages})
        self.seniors = self._add_seniors(students)
        self.vocational = self._add(f"{self.name}职业教育中心", VOCATIONAL, code, 2200)
        self.colleges = colleges(code[:2], regions)

    def school(self, rng: Random, stage: str, township: str) -> School:
        """Where a child of the township goes: mostly near home, sometimes to the county town."""
        if stage == SENIOR:
            return rng.choice(self.seniors)
        if stage == VOCATIONAL:
            return self.vocational
        if stage in COLLEGE:
            return rng.choice([college for college in self.colleges if college.stage == stage])
        near = township if township in self._townships and rng.random() < 0.85 else self._townships[0]
        return rng.choice(self._local[stage, near])

    def _add(self, name: str, stage: str, region: str, fee: int | None, *, public: bool = True) -> School:
        code = f"2{self.code}{len(self.schools) + 1:03d}"
        self.schools.append(School(code, name, stage, region, fee, public, self.code))
        return self.schools[-1]

    def _add_local(self, students: int, names: dict[str, str]) -> None:
        """A kindergarten and a primary school in every township, a junior school in every second one."""
        count = len(self._townships)
        for place, township in enumerate(self._townships):
            title = self.name + names[township]
            for stage, (size, share) in _LOCAL.items():
                if stage == JUNIOR and place % 2:
                    self._local[stage, township] = self._local[stage, self._townships[place - 1]]
                    continue
                per_township = students * share / count * (2 if stage == JUNIOR else 1)
                wanted = min(_MOST_PER_TOWNSHIP, max(1, round(per_township / size)))
                self._local[stage, township] = [
                    self._add_one(title, stage, township, number) for number in range(wanted)
                ]

    def _add_one(self, title: str, stage: str, township: str, number: int) -> School:
        kind = {PRESCHOOL: "幼儿园", PRIMARY: "小学", JUNIOR: "初级中学"}[stage]
        if number:
            private = stage == PRESCHOOL  # further kindergartens are private ones
            name = f"{title}第{_NUMERALS[number]}{kind}"
            return self._add(name, stage, township, 3000 if private else 0, public=not private)
        return self._add(f"{title}{'' if stage == JUNIOR else '中心'}{kind}", stage, township, 0)

    def _add_seniors(self, students: int) -> list[School]:
        count = min(10, max(3, ceil(students * 0.1 / 1800)))
        return [
            self._add(f"{self.name}第{_NUMERALS[place]}中学", SENIOR, self.code, _SENIOR_FEES[place % 3])
            for place in range(count)
        ]

    def free_senior(self) -> School:
        """A school whose approved fee is nought; made when a planted child asks for it."""
        return self._add(f"{self.name}民族中学", SENIOR, self.code, 0)

    def senior_without_fee(self) -> School:
        """A private school whose fee nobody has approved yet."""
        return self._add(f"{self.name}育才高级中学", SENIOR, self.code, None, public=False)


def colleges(province: str, regions: Regions) -> list[School]:
    """Colleges inside and outside the province: the same codes and names whichever county lists them."""
    outside = [code for code in ("61", "51", "37") if code != province][:2]
    plan = {
        province: (
            ("职业技术学院", HIGHER_VOCATIONAL),
            ("建筑职业技术学院", HIGHER_VOCATIONAL),
            ("理工大学", UNDERGRADUATE),
            ("师范大学", UNDERGRADUATE),
        ),
        outside[0]: (("工业职业技术学院", HIGHER_VOCATIONAL), ("科技大学", UNDERGRADUATE)),
        outside[1]: (("农林大学", UNDERGRADUATE),),
    }
    return [
        School(
            f"41{code}09{place:04d}",
            regions.short_name(code) + ending,
            stage,
            regions.county_of_capital(code),
            5000,
        )
        for code, kinds in plan.items()
        for place, (ending, stage) in enumerate(kinds, 1)
    ]
