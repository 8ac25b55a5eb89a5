"""Children placed on the edges of the rules, so that a wrong reading shows in the figures of any county."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from .families import Families
from .people import Child, Family, Relief
from .places import HIGHER_VOCATIONAL, JUNIOR, PRESCHOOL, PRIMARY, SENIOR, UNDERGRADUATE, VOCATIONAL, School


class Boundary:
    """Plants one family per edge with a county's own family maker."""

    def __init__(self, families: Families) -> None:
        self._make = families
        self._term = families.term

    def families(self) -> Iterator[Family]:
        """Every planted family, in a fixed order; the first carries the damaged poverty rows."""
        yield self._damaged_card()
        for part in (
            self._every_rule,
            self._starts,
            self._certificates,
            self._town_and_country,
            self._names,
            self._outside_the_lists,
            self._fees,
            self._colleges,
            self._not_in_class,
            self._other_county,
        ):
            yield from part()

    # ---- helpers --------------------------------------------------------------------------------------

    def _family(self, *, eldest: int, poor: bool = False, rural: bool = True, **more) -> Family:
        family = self._make.family(eldest=eldest, rural=rural, **more)
        if poor:
            self._make.poverty_card(family)
        return family

    def _pupil(self, family: Family, stage: str, age: int, **more) -> Child:
        return self._make.child(family, age, stage=stage, **more)

    def _one(self, stage: str, age: int, *, poor: bool = False, rural: bool = True, **more) -> Family:
        family = self._family(eldest=age, poor=poor, rural=rural)
        self._pupil(family, stage, age, **more)
        return family

    def _college(self, stage: str, *, inside: bool) -> School:
        county = self._make.county
        found = (college for college in county.colleges if college.stage == stage)
        return next(college for college in found if (college.region[:2] == county.province) == inside)

    def _month(self, later: int) -> str:
        first = self._term.first_day
        months = first.year * 12 + first.month - 1 + later
        return f"{months // 12}{months % 12 + 1:02d}"

    # ---- one edge each --------------------------------------------------------------------------------

    def _damaged_card(self) -> Family:
        """Followed by a number destroyed by a spreadsheet, a wrong check character and an exact repeat."""
        family = self._family(eldest=20, poor=True, line=self._make.names.line("汉族"))
        self._pupil(family, UNDERGRADUATE, 20)
        self._pupil(family, PRESCHOOL, 5)
        family.poverty.damaged = tuple(self._make.names.elder(family.line, True) for _ in range(2))
        return family

    def _every_rule(self) -> Iterator[Family]:
        """So that the smallest county has somebody under each rule."""
        twins = self._family(eldest=9, poor=True, line=self._make.names.line("维吾尔族"))
        for _ in range(2):
            self._pupil(twins, PRIMARY, 9, boarding=True)
        yield twins
        yield self._one(PRESCHOOL, 4, poor=True)
        yield self._one(JUNIOR, 13, poor=True, boarding=True)
        yield self._one(JUNIOR, 13, poor=True, boarding=False)
        double = self._family(eldest=16, poor=True, line=self._make.names.line("汉族", double=True))
        self._pupil(double, SENIOR, 16)
        yield double
        yield self._one(VOCATIONAL, 16, poor=True)
        family = self._one(VOCATIONAL, 15)
        family.dibao = Relief(False, "201601")
        yield family

    def _starts(self) -> Iterator[Family]:
        """Lists that start with the term, within it and after it."""
        for later in (0, 1, 6):
            family = self._one(PRIMARY, 8, boarding=True)
            family.dibao = Relief(False, self._month(later))
            yield family
        for year in (self._term.last_day.year, self._term.last_day.year + 1):
            family = self._one(PRIMARY, 10, boarding=True)
            self._make.poverty_card(family, year=year)
            yield family

    def _certificates(self) -> Iterator[Family]:
        first = self._term.first_day
        for until in (first, first - timedelta(days=1)):
            family = self._one(SENIOR, 16)
            family.children[0].disability = self._make.certificate("肢体", until)
            yield family
        hinted = self._one(SENIOR, 16)
        hinted.children[0].hint = "肢体残疾"  # the school's note alone makes nobody disabled
        yield hinted
        parent = self._one(SENIOR, 17)
        parent.head_disability = self._make.certificate("视力")
        yield parent

    def _town_and_country(self) -> Iterator[Family]:
        """The list says whether aid is rural, not the hukou."""
        for rural in (True, False):
            for kind in ("dibao", "tekun"):
                family = self._one(SENIOR, 16, rural=rural)
                setattr(family, kind, Relief(rural, "201601"))
                yield family

    def _names(self) -> Iterator[Family]:
        """One number under two names: the school's name stands, the other list's row waits."""
        family = self._one(SENIOR, 17)
        family.dibao = Relief(False, "201601")
        family.children[0].other_names["dibao"] = self._make.other_name(family, family.children[0])
        yield family
        family = self._one(SENIOR, 16, poor=True)
        family.children[0].other_names["poverty"] = self._make.other_name(family, family.children[0])
        yield family

    def _outside_the_lists(self) -> Iterator[Family]:
        orphan = self._family(eldest=10, kin=True)
        self._pupil(orphan, PRIMARY, 10, boarding=True).orphan = True
        yield orphan
        later = self._family(eldest=11, poor=True)  # the second child was never added to the card
        self._pupil(later, PRIMARY, 11, boarding=True)
        self._pupil(later, PRIMARY, 7, boarding=True).on_poverty = False
        yield later
        elsewhere = self._family(eldest=5, hukou="610113")
        self._pupil(elsewhere, PRESCHOOL, 5)
        yield elsewhere

    def _fees(self) -> Iterator[Family]:
        """A school that charges nothing, and one whose fee nobody has set."""
        county = self._make.county
        for school in (county.free_senior(), county.senior_without_fee()):
            yield self._one(SENIOR, 16, poor=True, school=school)
            yield self._one(SENIOR, 17, school=school)

    def _colleges(self) -> Iterator[Family]:
        vocational = self._college(HIGHER_VOCATIONAL, inside=True)
        university, far = (self._college(UNDERGRADUATE, inside=inside) for inside in (True, False))
        far_vocational = self._college(HIGHER_VOCATIONAL, inside=False)
        yield self._one(HIGHER_VOCATIONAL, 18, poor=True, school=vocational)
        yield self._one(UNDERGRADUATE, 18, poor=True, school=university)
        yield self._one(UNDERGRADUATE, 18, poor=True, school=far)
        yield self._one(UNDERGRADUATE, 19, poor=True, school=far)
        yield self._one(HIGHER_VOCATIONAL, 18, poor=True, school=far_vocational)
        moved = self._one(UNDERGRADUATE, 18, poor=True, school=far)  # took the hukou along to the college
        moved.children[0].hukou = far.region
        yield moved
        listed = self._one(UNDERGRADUATE, 18, school=university)  # home is where the dibao list is kept
        listed.children[0].hukou, listed.dibao = far.region, Relief(True, "201601")
        yield listed
        orphan = self._one(UNDERGRADUATE, 18, school=university)  # no household here, registered elsewhere
        orphan.children[0].hukou, orphan.children[0].orphan = far.region, True
        yield orphan

    def _not_in_class(self) -> Iterator[Family]:
        for poor, present in ((True, "否"), (False, "否"), (True, ""), (False, "")):
            family = self._one(JUNIOR, 13, poor=poor)
            family.children[0].present = present
            yield family
        for poor in (True, False):  # on the home register, at no school
            family = self._family(eldest=13, poor=poor)
            self._make.child(family, 13 if poor else 6)
            yield family
        nowhere = self._family(eldest=8, poor=True)
        self._make.child(nowhere, 8).on_population = False
        yield nowhere

    def _other_county(self) -> Iterator[Family]:
        """Home here, school in the neighbouring county: both counties see the child."""
        if self._make.neighbour is None:
            return
        for stage, age in ((JUNIOR, 13), (SENIOR, 16)):
            for poor in (True, False):
                yield self._one(stage, age, poor=poor, at=self._make.neighbour, boarding=True)
        disabled = self._one(SENIOR, 17, at=self._make.neighbour, boarding=True)
        disabled.children[0].disability = self._make.certificate("听力")
        yield disabled
