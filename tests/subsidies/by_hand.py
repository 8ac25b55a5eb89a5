"""What a student is due under the five policy documents, worked out as a clerk would with the papers on the desk.
Written from the documents alone, one line a rule, sharing no code with the product, so that the two can be compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

LACKS, NOTHING = "lacks", "nothing"
FOUR = {"registered_poor", "disabled", "dibao_rural", "tekun_rural"}
POOR = {"registered_poor", "dibao_rural", "dibao_urban", "tekun_rural", "tekun_urban", "orphan"}
WATCHED = {"registered_poor", "monitored_unstable", "monitored_marginal", "monitored_sudden"}
DISTRICTS = {"640104", "640105", "640106"}


@dataclass
class Child:
    """One student. Places are codes of divisions, money is in fen. `lists`: (category, from, last day, office). `found`:
    the county that looks after a child of no household; "" where that is the residence's."""

    stage: str
    grade: int
    school: str
    hukou: str
    boarding: bool = False
    orphan: bool = False
    rural_hukou: bool = False
    entered: date | None = None
    public: bool = True
    rural_school: bool = False
    fee: int | None = None
    register: str | None = None
    lists: list[tuple[str, date, date | None, str]] = field(default_factory=list)
    levels: dict[str, str] = field(default_factory=dict)
    found: str = ""
    earlier: list[str] = field(default_factory=list)  # terms before, in the same school and grade


@dataclass
class World:
    """adopted: (pack, division or "", from, adopts); figures: (rule, division, level, from, fen); areas: (kind,
    division, from, listed). Of several rows on the same thing the last not after the day holds. orphan_lists:
    (division, day): from that day only those on the list are orphans there, whatever the roll says."""

    adopted: list[tuple[str, str, date, bool]]
    figures: list[tuple[str, str, str, date, int]]
    areas: list[tuple[str, str, date, bool]]
    orphan_lists: list[tuple[str, date]] = field(default_factory=list)


class Seen:
    """The child as the papers of one term show it."""

    def __init__(self, child: Child, term: str, world: World) -> None:
        self.child, self.world, self.term = child, world, term
        self.year, self.autumn = int(term[:4]), term.endswith("autumn")
        self.first = date(self.year, 9 if self.autumn else 3, 1)
        self.after = date(self.year + 1, 3, 1) if self.autumn else date(self.year, 9, 1)
        self.stage, self.grade = stage_of(child)
        offices = sorted(office for category, _, _, office in child.lists if category[:5] in ("dibao", "tekun"))
        self.home = child.register or (offices[0] if offices else child.hukou)
        in_term = [row for row in child.lists if row[1] < self.after and not (row[2] and row[2] < self.first)]
        self.on = {row[0] for row in in_term}
        county = child.register or (offices[0] if offices else child.found or child.hukou)
        listed = any(county.startswith(area) and day <= self.first for area, day in world.orphan_lists)
        self.on |= {"orphan"} if child.orphan and not listed else set()
        self.level = child.levels.get(term)
        if self.level is None and not self.autumn:
            self.level = child.levels.get(f"{self.year - 1}-autumn")
        self.poor = bool(self.on & POOR) or self.level in ("special", "hard", "ordinary")
        self.four = bool(self.on & FOUR)
        self.registered = "registered_poor" in self.on
        opened = self.year if self.autumn else self.year - 1
        if child.entered:
            self.new = date(opened, 9, 1) <= child.entered < date(opened + 1, 9, 1)
        else:
            self.new = child.grade == 1
        self.same_province = child.hukou[:2] == child.school[:2]

    def listed(self, kind: str, place: str) -> bool:
        """Any day of the term counts: rows up to its last day."""
        rows = [(area, day, on) for each, area, day, on in self.world.areas if each == kind and day < self.after]
        return any(place.startswith(area) for area, on in last_rows(rows).items() if on)

    def figure(self, rule: str, place: str, level: str = "") -> int | None:
        """What the lowest division above the place has set by the term's first day."""
        rows = [(area, day, fen) for each, area, lvl, day, fen in self.world.figures
                if (each, lvl) == (rule, level) and day <= self.first and place.startswith(area)]  # fmt: skip
        found = last_rows(rows)
        return found[max(found, key=len)] if found else None

    def half(self, fen: int) -> int:
        return fen // 2 if self.autumn else fen - fen // 2


def stage_of(child: Child) -> tuple[str, int]:
    """Special education follows primary in years one to six, junior in years seven to nine."""
    if child.stage != "special_education":
        return child.stage, child.grade
    return ("primary", child.grade) if child.grade <= 6 else ("junior", child.grade - 6)


def last_rows(rows: list[tuple[str, date, Any]]) -> dict[str, Any]:
    return {area: value for area, _, value in sorted(rows, key=lambda row: row[1])}


# ---------- how much ----------

Pay = Callable[[Seen, "Rule"], Any]


@dataclass(frozen=True)
class Rule:
    code: str
    benefit: str
    who: Callable[[Seen], bool]
    pay: Pay
    where: str = "school"

    def place(self, seen: Seen) -> str:
        return seen.child.school if self.where == "school" else seen.home


def in_kind(seen: Seen, rule: Rule) -> None:
    return None


def yuan(amount: int) -> Pay:
    """So much a school year, half each term."""
    return lambda seen, rule: seen.half(amount * 100)


def dated(*steps: tuple[str, int]) -> Pay:
    """So much a school year since a day."""
    return lambda seen, rule: halved(seen, since(seen, steps))


def since(seen: Seen, steps: tuple[tuple[str, int], ...]) -> int | None:
    """Fen of the last step begun by the term's first day."""
    begun = [amount * 100 for day, amount in steps if date.fromisoformat(day) <= seen.first]
    return begun[-1] if begun else None


def halved(seen: Seen, fen: int | None) -> Any:
    return NOTHING if fen is None else seen.half(fen)


def by_stage(**stages: Pay) -> Pay:
    return lambda seen, rule: stages[seen.stage](seen, rule)


def fee(seen: Seen, rule: Rule) -> Any:
    return LACKS if seen.child.fee is None else seen.half(seen.child.fee)


def fee_up_to_public(seen: Seen, rule: Rule) -> Any:
    standard = seen.figure(rule.code, rule.place(seen))
    if seen.child.fee is None or (standard is None and not seen.child.public):
        return LACKS
    return seen.half(seen.child.fee if seen.child.public else min(seen.child.fee, standard))


def set_by_county(seen: Seen, rule: Rule) -> Any:
    fen = seen.figure(rule.code, rule.place(seen))
    return LACKS if fen is None else seen.half(fen)


def at_least(amount: int) -> Pay:
    def pay(seen: Seen, rule: Rule) -> int:
        fen = seen.figure(rule.code, rule.place(seen))
        return seen.half(amount * 100 if fen is None else fen)

    return pay


def at_most(*steps: tuple[str, int]) -> Pay:
    """A loan's ceiling, once a school year, in autumn."""

    def pay(seen: Seen, rule: Rule) -> Any:
        ceiling = since(seen, steps)
        if ceiling is None or not seen.autumn:
            return NOTHING
        fen = seen.figure(rule.code, rule.place(seen))
        return ceiling if fen is None else fen

    return pay


def around(*steps: tuple[str, int]) -> Pay:
    """An average; a determined student gets the county's tier of a term, where there is one."""

    def pay(seen: Seen, rule: Rule) -> Any:
        average = since(seen, steps)
        tier = seen.figure(rule.code, rule.place(seen), seen.level) if seen.level else None
        return tier if tier is not None and average is not None else halved(seen, average)

    return pay


def days(*steps: tuple[str, int]) -> Pay:
    """So much a day, two hundred days a school year."""
    return dated(*((day, amount * 200) for day, amount in steps))


def grades(**steps: Pay) -> Pay:
    """grade_1=…: another step for each grade; none for the others."""
    return lambda seen, rule: steps.get(f"grade_{seen.grade}", lambda *_: NOTHING)(seen, rule)


def journey(seen: Seen, rule: Rule) -> Any:
    """Once in a life, in the autumn of entry."""
    if not seen.autumn or had_before(seen, rule.benefit):
        return NOTHING
    return 500_00 if seen.same_province else 1000_00


def had_before(seen: Seen, benefit: str) -> bool:
    earlier = [term for term in seen.child.earlier if term < seen.term and term.endswith("autumn")]
    return any(benefit in {BENEFIT[code] for code in due(seen.child, term, seen.world)[0]} for term in earlier)


def only_since(day: str, pay: Pay) -> Pay:
    return lambda seen, rule: pay(seen, rule) if seen.first >= date.fromisoformat(day) else NOTHING


# ---------- for whom ----------


def at(*stages: str, **marks: Any) -> Callable[[Seen], bool]:
    """In one of the stages, and every mark of Seen as wanted."""
    return lambda seen: seen.stage in stages and all(getattr(seen, name) == wanted for name, wanted in marks.items())


def registered_at(*stages: str) -> Callable[[Seen], bool]:
    return at(*stages, registered=True)


def poor_at(*stages: str) -> Callable[[Seen], bool]:
    return at(*stages, poor=True)


def both(*tests: Callable[[Seen], bool]) -> Callable[[Seen], bool]:
    return lambda seen: all(test(seen) for test in tests)


def boards(seen: Seen) -> bool:
    return seen.child.boarding


def day_pupil(seen: Seen) -> bool:
    return not seen.child.boarding


def on(*names: str) -> Callable[[Seen], bool]:
    return lambda seen: bool(seen.on & set(names))


def rural_or_poor(seen: Seen) -> bool:
    return seen.child.rural_hukou or seen.poor


def from_mountains(seen: Seen) -> bool:
    return seen.registered or seen.listed("origin", seen.home)


def poor_or_disabled(seen: Seen) -> bool:
    return seen.poor or "disabled" in seen.on


COMPULSORY, VOCATIONAL = ("primary", "junior"), "secondary_vocational"
COLLEGE = ("higher_vocational", "undergraduate")
PRIMARY, JUNIOR = (("2011-09-01", 1000), ("2024-03-01", 1250)), (("2011-09-01", 1250), ("2024-03-01", 1500))
EARLY = "2000-09-01"  # as long as the document is adopted
free = both(at(VOCATIONAL), from_mountains)
LOANS = (("2014-09-01", 8000), ("2021-09-01", 12000), ("2023-09-01", 16000), ("2024-09-01", 20000))
LOANS_AFTER = (("2014-09-01", 12000), ("2021-09-01", 16000), ("2023-09-01", 20000), ("2024-09-01", 25000))
TWO_GRADES = dated(("2015-03-01", 2000), ("2025-03-01", 2300))

LANZHOU = [
    Rule("lz-preschool-fee", "preschool-fee", both(at("preschool"), lambda s: s.child.hukou[:2] == "62"), yuan(1000)),
    Rule("lz-preschool-poor", "preschool-topup", registered_at("preschool"), yuan(1000)),
    Rule("lz-compulsory-fee", "compulsory-fee", at(*COMPULSORY), in_kind),
    Rule("lz-compulsory-textbook", "compulsory-textbook", at(*COMPULSORY), in_kind),
    Rule("lz-compulsory-workbook", "compulsory-workbook", at(*COMPULSORY), in_kind),
    Rule("lz-compulsory-boarding", "compulsory-boarding", both(poor_at(*COMPULSORY), boards),
         by_stage(primary=dated(("2018-09-01", 1000), ("2024-03-01", 1250)),
                  junior=dated(("2018-09-01", 1250), ("2024-03-01", 1500)))),
    Rule("lz-senior-fee", "senior-fee", at("senior", four=True), fee),
    Rule("lz-senior-grant", "senior-grant", at("senior", four=True), at_least(2000)),
    Rule("lz-vocational-fee", "vocational-fee", at(VOCATIONAL), fee),
    Rule("lz-vocational-grant", "vocational-grant", poor_at(VOCATIONAL), yuan(2000)),
    Rule("lz-college-fee", "college-fee",
         both(registered_at("higher_vocational"), lambda s: s.child.school[:2] == "62"), yuan(5000), "home"),
    Rule("lz-loan", "loan", poor_at(*COLLEGE, "postgraduate"), at_most((EARLY, 8000)), "home"),
    Rule("lz-zihui", "zihui", at(*COLLEGE, poor=True, new=True), journey, "home"),
]  # fmt: skip
ANSHAN = [
    Rule("as-preschool-base", "preschool-living", registered_at("preschool"), yuan(1200)),
    Rule("as-preschool-topup", "preschool-topup", registered_at("preschool"), yuan(1000)),
    Rule("as-compulsory-fee", "compulsory-fee", registered_at(*COMPULSORY), in_kind),
    Rule("as-compulsory-textbook", "compulsory-textbook", registered_at(*COMPULSORY), in_kind),
    Rule("as-compulsory-boardingfee", "compulsory-boardingfee", both(registered_at(*COMPULSORY), boards), in_kind),
    Rule("as-compulsory-boarding", "compulsory-boarding", both(registered_at(*COMPULSORY), boards),
         by_stage(primary=yuan(1000), junior=yuan(1250))),
    Rule("as-compulsory-topup", "compulsory-topup", registered_at(*COMPULSORY), yuan(1000)),
    Rule("as-senior-grant", "senior-grant", registered_at("senior"), yuan(2000)),
    Rule("as-senior-topup", "senior-topup", registered_at("senior"), yuan(1000)),
    Rule("as-vocational-fee", "vocational-fee", both(registered_at(VOCATIONAL), lambda s: s.grade in (1, 2, 3)), fee),
    Rule("as-vocational-grant", "vocational-grant", registered_at(VOCATIONAL), yuan(2000)),
    Rule("as-vocational-topup", "vocational-topup", registered_at(VOCATIONAL), yuan(1000)),
    Rule("as-college-topup", "college-topup", registered_at(*COLLEGE), yuan(1000), "home"),
    Rule("as-loan", "loan", poor_at(*COLLEGE, "postgraduate"), at_most((EARLY, 8000)), "home"),
]  # fmt: skip
YINCHUAN = [
    Rule("yc-preschool", "preschool-living", poor_at("preschool"), set_by_county),
    Rule("yc-vocational-free", "vocational-fee", free, fee),
    Rule("yc-vocational-textbook", "vocational-textbook", free, in_kind),
    Rule("yc-vocational-board", "vocational-board", both(free, boards), in_kind),
    Rule("yc-senior-fee", "senior-fee",
         both(at("senior"), lambda s: s.child.rural_hukou and s.child.hukou[:6] in DISTRICTS),
         only_since("2016-09-01", fee)),
    Rule("yc-living", "transport-living",
         both(registered_at("junior", "senior", VOCATIONAL, *COLLEGE), on("tekun_rural", "tekun_urban")),
         yuan(1000), "home"),
]  # fmt: skip
PREFECTURE = [
    Rule("pf-preschool-aid", "preschool-living", both(at("preschool"), poor_or_disabled), set_by_county),
    Rule("pf-senior-textbook", "senior-textbook", registered_at("senior"), in_kind),
    Rule("pf-textbook", "compulsory-textbook", both(at(*COMPULSORY), lambda s: bool(s.on)), in_kind),
    Rule("pf-materials", "materials", both(at(*COMPULSORY, "senior"), lambda s: bool(s.on)), in_kind),
    Rule("pf-senior-fee", "senior-fee", registered_at("senior"), fee),
    Rule("pf-vocational-fee", "vocational-fee", registered_at(VOCATIONAL), fee),
]
NATIONAL = [
    Rule("cn-compulsory-boarding", "compulsory-boarding", both(poor_at(*COMPULSORY), boards),
         by_stage(primary=dated(*PRIMARY), junior=dated(*JUNIOR))),
    Rule("cn-compulsory-day", "compulsory-day", both(at(*COMPULSORY, four=True), day_pupil),
         by_stage(primary=dated(("2019-09-01", 500), ("2024-03-01", 625)),
                  junior=dated(("2019-09-01", 625), ("2024-03-01", 750)))),
    Rule("cn-nutrition", "nutrition",
         both(at(*COMPULSORY), lambda s: s.child.rural_school and s.listed("pilot", s.child.school)),
         days(("2011-09-01", 3), ("2015-03-01", 4), ("2021-09-01", 5))),
    Rule("cn-senior-grant", "senior-grant", both(at("senior"), poor_or_disabled),
         around(("2015-03-01", 2000), ("2025-03-01", 2300))),
    Rule("cn-senior-fee", "senior-fee", at("senior", four=True), only_since("2016-09-01", fee)),
    Rule("cn-vocational-fee", "vocational-fee", both(at(VOCATIONAL), rural_or_poor), fee),
    Rule("cn-vocational-grant", "vocational-grant", both(at(VOCATIONAL), rural_or_poor),
         grades(grade_1=TWO_GRADES, grade_2=TWO_GRADES, grade_3=dated(("2025-03-01", 2300)))),
    Rule("cn-undergraduate-grant", "undergraduate-grant", poor_at(*COLLEGE),
         around((EARLY, 3000), ("2019-03-01", 3300), ("2024-09-01", 3700)), "home"),
    Rule("cn-loan", "loan", poor_at(*COLLEGE, "postgraduate"),
         by_stage(higher_vocational=at_most(*LOANS), undergraduate=at_most(*LOANS), postgraduate=at_most(*LOANS_AFTER)),
         "home"),
    Rule("cn-preschool-last-year", "preschool-fee", at("preschool", grade=3), only_since("2025-09-01", fee_up_to_public)),
    Rule("cn-zihui", "zihui", at(*COLLEGE, poor=True, new=True), journey, "home"),
    Rule("cn-yulu", "yulu", both(at(VOCATIONAL, "higher_vocational"), on(*WATCHED)), yuan(3000), "home"),
]  # fmt: skip
DOCUMENTS = {
    "lanzhou": (100, LANZHOU),
    "anshan": (100, ANSHAN),
    "yinchuan": (100, YINCHUAN),
    "prefecture": (200, PREFECTURE),
    "national": (300, NATIONAL),
}
BENEFIT = {rule.code: rule.benefit for _, rules in DOCUMENTS.values() for rule in rules}
# These have no amount before somebody decides.
DECIDED = {"as-foundation", "cn-vocational-scholarship", "cn-inspirational", "cn-national-scholarship"}


def due(child: Child, term: str, world: World) -> tuple[dict[str, int | None], set[str]]:
    """({rule: fen, or None where it is not counted in money}, rules whose amount waits for a figure)."""
    seen = Seen(child, term, world)
    lacking: set[str] = set()
    offers: dict[str, list[tuple]] = {}
    for document, (priority, rules) in DOCUMENTS.items():
        places = [(place, day, on) for pack, place, day, on in world.adopted if pack == document and day <= seen.first]
        adopting = [place for place, adopts in last_rows(places).items() if adopts]
        for order, rule in enumerate(rules):
            depths = [len(place) for place in adopting if rule.place(seen).startswith(place)]
            if not depths or not rule.who(seen):
                continue
            amount = rule.pay(seen, rule)
            if amount == LACKS:
                lacking.add(rule.code)
            elif amount != NOTHING:
                rank = (amount is not None, amount or 0, max(depths), -priority, -order)
                offers.setdefault(rule.benefit, []).append((rank, rule.code, amount))
    best = [max(rivals) for rivals in offers.values()]
    return {code: amount for _, code, amount in best}, lacking
