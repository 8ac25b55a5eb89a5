"""Families drawn at random, in proportions believable for a county in the west."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import accumulate
from random import Random

from aidcases.terms import Term

from .identity import IdentityNumbers
from .names import Line, Names
from .people import Adult, Child, Disability, Family, PovertyCard, Relief, Study
from .places import (
    COLLEGE,
    HIGHER_VOCATIONAL,
    JUNIOR,
    PRESCHOOL,
    PRIMARY,
    SENIOR,
    UNDERGRADUATE,
    VOCATIONAL,
    County,
    School,
    Village,
)

# Stage → the age it starts at and its grades.
GRADES = {
    PRESCHOOL: (3, ("小班", "中班", "大班")),
    PRIMARY: (6, ("一年级", "二年级", "三年级", "四年级", "五年级", "六年级")),
    JUNIOR: (12, ("七年级", "八年级", "九年级")),
    SENIOR: (15, ("高一", "高二", "高三")),
    VOCATIONAL: (15, ("中职一年级", "中职二年级", "中职三年级")),
    HIGHER_VOCATIONAL: (18, ("大一", "大二", "大三")),
    UNDERGRADUATE: (18, ("大一", "大二", "大三", "大四")),
}
YOUNGEST, OLDEST = 3, 21
BOARDING = {PRESCHOOL: 0.0, PRIMARY: 0.27, JUNIOR: 0.6, SENIOR: 0.6, VOCATIONAL: 0.65}
STUDYING = {PRESCHOOL: 0.88, PRIMARY: 0.997, JUNIOR: 0.994, SENIOR: 0.93, VOCATIONAL: 0.93}
STUDYING |= dict.fromkeys(COLLEGE, 0.55)
CHILDREN = list(accumulate((0.38, 0.42, 0.15, 0.05)))  # one to four
BORN_ELSEWHERE = ("610113", "510107")
CAUSES = ("因病", "因残", "缺劳力", "因学", "缺资金", "缺技术")
DISABILITIES = ("视力", "听力", "言语", "肢体", "肢体", "肢体", "智力", "精神", "多重")
PARENTS = ("母亲", "父亲")
LEVELS = ("一级", "二级", "三级", "四级")

POOR = 0.20  # of families with rural hukou
ORPHANED, MIGRANT, TWINS, ABROAD = 0.004, 0.03, 0.012, 0.03
DISABLED, ABSENT, OVER_AGE, ALONE = 0.02, 0.005, 0.02, 0.2


class Families:
    """Makes the families of one county. `neighbour` is where some of its children go to school."""

    def __init__(
        self, rng: Random, county: County, numbers: IdentityNumbers, term: Term, neighbour: County | None
    ) -> None:
        self.rng, self.county, self.term, self.neighbour = rng, county, term, neighbour
        self.names, self._numbers = Names(rng, county.province), numbers
        self._cards = 0
        self._elsewhere = [code for code in BORN_ELSEWHERE if code != county.code]

    # ---- at random ------------------------------------------------------------------------------------

    def draw(self) -> Family:
        """The next family, with its lists, its children and their schools."""
        rng = self.rng
        village = rng.choice(self.county.villages)
        rural = rng.random() < (0.97 if village.rural else 0.15)
        eldest = max(rng.randint(YOUNGEST, OLDEST), rng.randint(YOUNGEST, 13))
        orphans, migrant = rng.random() < ORPHANED, rng.random() < MIGRANT
        hukou = rng.choice(self._elsewhere) if migrant else ""
        family = self.family(eldest=eldest, rural=rural, village=village, kin=orphans, hukou=hukou)
        if not migrant:
            self._put_on_lists(family)
        for age in self._ages(eldest):
            child = self._draw_child(family, age)
            child.orphan = orphans
        return family

    def _ages(self, eldest: int) -> list[int]:
        rng = self.rng
        ages = [eldest]
        for _ in range(rng.choices((0, 1, 2, 3), cum_weights=CHILDREN)[0]):
            if rng.random() < TWINS:
                ages.append(ages[-1])  # born on the same day: see child()
            elif ages[-1] - 2 >= YOUNGEST:
                ages.append(max(YOUNGEST, ages[-1] - rng.randint(2, 5)))
        return ages

    def _draw_child(self, family: Family, age: int) -> Child:
        rng = self.rng
        stage = self._stage(age)
        # Migrants' grown children study from their own county's list.
        studies = rng.random() < STUDYING[stage] and not (family.hukou and stage in COLLEGE)
        behind = rng.random() < OVER_AGE and age > GRADES[stage][0]
        abroad = self.neighbour if rng.random() < ABROAD and stage in (JUNIOR, SENIOR, VOCATIONAL) else None
        child = self.child(family, age, stage=stage if studies else None, behind=behind, at=abroad)
        if rng.random() < DISABLED:
            child.hint = f"{rng.choice(DISABILITIES)}残疾"
            if rng.random() < 0.85:
                child.disability = self.certificate(child.hint[:2])
        if rng.random() < ABSENT:
            child.present = rng.choice(("否", ""))
        child.left_behind = "双亲留守" if rng.random() < 0.2 else "非留守"
        child.on_poverty = rng.random() > 0.02
        return child

    def _stage(self, age: int) -> str:
        if age < 15:
            return PRESCHOOL if age < 6 else PRIMARY if age < 12 else JUNIOR
        if age < 18:
            return SENIOR if self.rng.random() < 0.58 else VOCATIONAL
        return UNDERGRADUATE if age > 20 or self.rng.random() < 0.55 else HIGHER_VOCATIONAL

    def _put_on_lists(self, family: Family) -> None:
        rng = self.rng
        poor = family.rural and rng.random() < POOR
        if poor:
            self.poverty_card(family)
        relief = rng.random()
        listed_urban = rng.random() < 0.02  # some lists disagree with the hukou
        urban = family.rural == listed_urban
        if relief < (0.20 if poor else 0.028):
            family.dibao = Relief(urban, self._since())
        elif relief < (0.23 if poor else 0.033):
            family.tekun = Relief(urban, self._since())
        if rng.random() < 0.02:
            family.head_disability = self.certificate(rng.choice(DISABILITIES))

    def _since(self) -> str:
        return f"{self.term.school_year - self.rng.randint(1, 4)}{self.rng.randint(1, 12):02d}"

    # ---- to order -------------------------------------------------------------------------------------

    def family(
        self,
        *,
        eldest: int,
        rural: bool = True,
        village: Village | None = None,
        kin: bool = False,
        hukou: str = "",
        line: Line | None = None,
    ) -> Family:
        """A family without children. `eldest`: the age its eldest child will have; `kin`: a grandparent keeps
        the house; `hukou`: the county it is registered in, if another."""
        rng = self.rng
        village = village or rng.choice(self._villages(rural))
        line = line or self.names.line()
        division = hukou or self.county.code
        years = eldest + rng.randint(22, 32)
        male = rng.random() < 0.88
        if kin or rng.random() < 0.05:
            head = self._adult(line, division, years + rng.randint(20, 26), male, ("祖母", "祖父"))
            spouse = None
        else:
            head = self._adult(line, division, years, male, PARENTS)
            spouse = self._adult(line, division, years + rng.randint(-3, 1), not male, PARENTS)
        if rng.random() < ALONE:
            spouse = None
        phone = f"13{int(rng.random() * 1_000_000_000):09d}"
        return Family(village, line, rural, head, spouse, phone, hukou)

    def child(
        self,
        family: Family,
        age: int,
        *,
        stage: str | None = None,
        behind: bool = False,
        at: County | None = None,
        school: School | None = None,
        boarding: bool | None = None,
    ) -> Child:
        """Adds a child of `age` on the school year's reference day. `stage` None: at no school; `at`: the
        county it studies in, if another; `behind`: one grade below its age."""
        rng = self.rng
        male = rng.random() < 0.52
        twin = next((child for child in family.children if child.age == age), None)
        born = twin.born if twin else self._birthday(age)
        name = self.names.child(family.line, male)
        while any(name == sibling.name for sibling in family.children):
            name += self.names.child(family.line, male)[-1]
        number = self._numbers.take(self._birthplace(family), born, male=male)
        code = family.hukou or self.county.code
        written = f"{code}000000" if rng.random() < 0.02 else code  # some schools write all twelve digits
        child = Child(name, number, male, age, born, written, family.rural)
        child.on_population = not family.hukou
        if stage:
            near = family.village.township
            school = school or (at or self.county).school(rng, stage, near)
            child.study = self._study(age - behind, stage, school, boarding)
        family.children.append(child)
        return child

    def poverty_card(self, family: Family, *, year: int | None = None) -> PovertyCard:
        """Puts the family on the poverty register, identified in `year`."""
        rng = self.rng
        self._cards += 1
        year = year or self.term.school_year - rng.choice((4, 4, 4, 3, 2, 1))
        family.poverty = PovertyCard(
            f"{family.village.code}{self._cards:05d}",
            year,
            "低保贫困户" if rng.random() < 0.15 else "一般贫困户",
            rng.choice(("已脱贫", "未脱贫")),
            rng.choice(CAUSES),
        )
        return family.poverty

    def certificate(self, kind: str, until: date | None = None) -> Disability:
        """A disability certificate, running some years beyond the term unless told otherwise."""
        later = date(self.term.last_day.year + self.rng.randint(1, 8), 12, 31)
        return Disability(kind, self.rng.choice(LEVELS), until or later)

    def other_name(self, family: Family, child: Child) -> str:
        """A name the child does not have."""
        while (name := self.names.child(family.line, child.male)) == child.name:
            pass
        return name

    # ---- parts ----------------------------------------------------------------------------------------

    def _birthday(self, age: int) -> date:
        last = date(self.term.age_day.year - age, 8, 31)  # who is one day younger is a year younger
        first = date(last.year - 1, 9, 1)
        return first + timedelta(days=int(self.rng.random() * ((last - first).days + 1)))

    def _birthplace(self, family: Family) -> str:
        if family.hukou:
            return family.hukou
        lot = self.rng.random()
        if lot < 0.04:
            return self.rng.choice(self._elsewhere)
        return self.rng.choice(self.county.siblings) if lot > 0.96 else self.county.code

    def _villages(self, rural: bool) -> list[Village]:
        return [v for v in self.county.villages if v.rural == rural] or self.county.villages

    def _adult(self, line: Line, division: str, age: int, male: bool, relations: tuple[str, str]) -> Adult:
        own = line if male else self.names.line(line.people)  # a mother keeps her own surname
        number = self._numbers.take(division, self._birthday(age), male=male)
        return Adult(self.names.elder(own, male), number, male, relations[male])

    def _study(self, age: int, stage: str, school: School, boarding: bool | None) -> Study:
        rng = self.rng
        youngest, grades = GRADES[stage]
        place = min(max(age - youngest, 0), len(grades) - 1)
        if boarding is None:
            far = school.county != self.county.code
            boarding = rng.random() < (0.9 if far else BOARDING[stage])
        form = f"{rng.randint(1, 4)}班"
        return Study(school, grades[place], form, f"{self.term.school_year - place}09", boarding)
