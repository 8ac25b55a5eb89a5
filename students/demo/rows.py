"""What the nine lists say of a family, row by row, written the way offices write it."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from .people import Child, Disability, Family
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
)
from .sheets import Row

SCHOOL_AGE = range(6, 15)
STATUS = {
    PRESCHOOL: "学前教育",
    PRIMARY: "小学",
    JUNIOR: "七至九年级",
    VOCATIONAL: "中职",
    HIGHER_VOCATIONAL: "高职高专",
    UNDERGRADUATE: "本科",
}
SENIOR_STATUS = {"高一": "普通高中一年级", "高二": "普通高中二年级", "高三": "普通高中三年级"}
MONTHLY = (("一类", 276), ("二类", 262), ("三类", 91), ("四类", 71))
REASONS = ("外出打工", "因病", "随父母外出")
KIND_DIGIT = {"视力": 1, "听力": 2, "言语": 3, "肢体": 4, "智力": 5, "精神": 6, "多重": 7}
LEVEL_DIGIT = {"一级": 1, "二级": 2, "三级": 3, "四级": 4}
FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in (*range(0x30, 0x3A), 0x58)})
KEPT_DIGITS = 15  # what a spreadsheet keeps of an identity number typed as a number


def school_row(school: School) -> Row:
    nature = "公办" if school.public else "民办"
    return school.code, school.name, school.stage, school.region, nature, school.fee


def family_rows(family: Family, home: County, rng: Random) -> Iterator[tuple[str, str, Row]]:
    """(county whose folder it goes to, kind, row) for everything the lists say of a family."""
    yield from ((home.code, "poverty", row) for row in poverty_rows(family, home))
    yield from ((home.code, "dibao", row) for row in dibao_rows(family, rng))
    yield from ((home.code, "tekun", row) for row in tekun_rows(family))
    if family.head_disability:
        head = family.head
        yield home.code, "disabled", disabled_row(head.name, head.number, family.head_disability)
    for child in family.children:
        if child.disability:
            yield home.code, "disabled", disabled_row(child.name, child.number, child.disability)
        if child.on_population and child.age in SCHOOL_AGE:
            yield home.code, "population", population_row(family, child)
        if child.study is None:
            continue
        school = child.study.school
        if school.stage in COLLEGE:
            yield home.code, "college", college_row(family, child, rng)
            continue
        yield school.county, "roll", roll_row(family, child, home, rng)
        if child.present and school.stage in (PRIMARY, JUNIOR):
            reason = rng.choice(REASONS) if child.present == "否" else None
            yield school.county, "present", present_row(child, reason)


def poverty_rows(family: Family, home: County) -> list[Row]:
    """The card's people: head, spouse, the children named on it; then its damaged rows, if any."""
    card, head, kin = family.poverty, family.head, family.head.relation.startswith("祖")
    if card is None:
        return []
    health = "残疾" if family.head_disability else "健康"
    people = [(head.name, head.number, "户主", "非在校生", health)]
    if family.spouse:
        people.append((family.spouse.name, family.spouse.number, "配偶", "非在校生", "健康"))
    for child in family.children:
        if child.on_poverty:
            relation = ("之孙" if kin else "之") + ("子" if child.male else "女")
            name = child.other_names.get("poverty", child.name)
            health = "残疾" if child.disability else "健康"
            people.append((name, child.number, relation, status(child), health))
    size = len(people)
    if card.damaged:
        destroyed = float(head.number[:KEPT_DIGITS] + "000")
        wrong = head.number[:-1] + ("0" if head.number[-1] == "1" else "1")
        numbers = zip(card.damaged, (destroyed, wrong), strict=True)
        people += [(name, number, "户主", "非在校生", "健康") for name, number in numbers]
        people.append(people[size - 1])
    return [poverty_row(family, home, person, place, size) for place, person in in_order(people)]


def in_order(people: list[tuple]) -> Iterator[tuple[int, tuple]]:
    """A repeat keeps the number its person had at first."""
    for person in people:
        yield people.index(person), person


def poverty_row(family: Family, home: County, person: tuple, place: int, size: int) -> Row:
    card, village = family.poverty, family.village
    name, number, relation, at_school, health = person
    return (
        home.province_name,
        home.city_name,
        home.name,
        village.township_name,
        village.name,
        card.number,
        f"{card.number}{place:06d}",
        name.replace("·", "•"),  # the poverty system writes another dot than the schools
        number,
        relation,
        family.line.people,
        at_school,
        health,
        size,
        card.attribute,
        card.lifted,
        card.cause,
        family.phone,
        f"{card.year}年",
    )


def status(child: Child) -> str:
    if child.study is None:
        return "非在校生"
    stage = child.study.school.stage
    return SENIOR_STATUS[child.study.grade] if stage == SENIOR else STATUS[stage]


def dibao_rows(family: Family, rng: Random) -> Iterator[Row]:
    relief, head = family.dibao, family.head
    if relief is None:
        return
    people = [(head.name, head.number, "户主")]
    for child in family.children:
        people.append((child.other_names.get("dibao", child.name), child.number, "子女"))
    for name, number, relation in people:
        level, amount = rng.choice(MONTHLY)
        place = "城市" if relief.urban else "农村"
        yield head.name, head.number, name, number, relation, level, place, amount, relief.since


def tekun_rows(family: Family) -> Iterator[Row]:
    relief = family.tekun
    if relief is None:
        return
    for person in (family.head, *family.children):
        yield person.name, person.number, "城市" if relief.urban else "农村", "分散供养", relief.since


def disabled_row(name: str, number: str, disability: Disability) -> Row:
    """The certificate's number: the identity number, a digit for the kind, one for the level."""
    kind, level = disability.kind, disability.level
    certificate = f"{number}{KIND_DIGIT[kind]}{LEVEL_DIGIT[level]}"
    return name, number, certificate, kind, level, disability.until.isoformat()


def population_row(family: Family, child: Child) -> Row:
    return (
        child.name,
        child.number,
        sex(child),
        child.born.isoformat(),
        family.village.name,
        family.village.code,
        family.head.name,
        family.phone,
    )


def college_row(family: Family, child: Child, rng: Random) -> Row:
    school = child.study.school
    return (
        typed_name(child.name, rng),
        typed(child.number, rng),
        school.name,
        school.code,
        school.stage,
        child.study.grade,
        school.province,
        family.phone,
        family.head.name,
        family.head.number,
        child.hukou,
        "农村" if child.rural else "城镇",
        "是" if child.orphan else "否",
    )


def roll_row(family: Family, child: Child, home: County, rng: Random) -> Row:
    study, head = child.study, family.head
    return (
        study.school.code,
        study.school.name,
        typed_name(child.name, rng),
        sex(child),
        f"{child.born:%Y%m%d}",
        family.line.people,
        "居民身份证",
        typed(child.number, rng),
        f"G{child.number}",
        study.grade,
        study.form,
        study.entered,
        "住校" if study.boarding else "走读",
        child.hukou,
        "农业户口" if child.rural else "非农业户口",
        child.left_behind,
        "是" if child.orphan else "否",
        child.hint,
        home.address + family.village.name,
        family.phone,
        head.name,
        head.relation,
        head.number,
    )


def present_row(child: Child, reason: str | None) -> Row:
    study = child.study
    return study.school.code, study.grade, study.form, child.name, child.number, child.present, reason


def sex(child: Child) -> str:
    return "男" if child.male else "女"


def typed(number: str, rng: Random) -> str:
    """A number as clerks type it: now and then full-width, with an apostrophe, with a small x."""
    lot = rng.random()
    if lot < 0.006:
        return number.translate(FULL_WIDTH)
    if lot < 0.012:
        return f"'{number}"
    return number.lower() if lot > 0.7 else number


def typed_name(name: str, rng: Random) -> str:
    return f" {name} " if rng.random() < 0.015 else name
