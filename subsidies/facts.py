"""Facts of a student in a term, each defined once, and the one SELECT that yields them for any set of students."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aidcases.terms import Term
from students.enums import Category, Stage


class FactKind(StrEnum):
    FLAG = "flag"
    CHOICE = "choice"
    NUMBER = "number"


@dataclass(frozen=True)
class Fact:
    """code: a field of FactRow. sql: over e (enrolment), p (person), s (school), h (hardship), fee.

    changeable: something the family or an office can bring about or prove (a category), not a circumstance of birth.
    shown_by: the document that would show it.
    """

    code: str
    label: str
    kind: FactKind
    sql: str
    changeable: bool = False
    shown_by: str = ""
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class AnyOf:
    """A fact that is so when one of several flags is; it has no column of its own."""

    code: str
    label: str
    flags: tuple[str, ...]


_HUKOU = "COALESCE(e.hukou_region_id, p.hukou_region_id, '')"
_FLAG, _CHOICE, _NUMBER = FactKind.FLAG, FactKind.CHOICE, FactKind.NUMBER


def _category(category: Category, shown_by: str, *, or_else: str = "") -> Fact:
    bit = 1 << list(Category).index(category)
    sql = f"(COALESCE(h.bits, 0) & {bit}) <> 0{or_else}"
    return Fact(category.value, category.label, _FLAG, sql, changeable=True, shown_by=shown_by)


FACTS: tuple[Fact, ...] = (
    Fact("stage", "学段", _CHOICE, "e.stage", choices=tuple(Stage.choices), shown_by="学籍"),
    Fact("grade", "年级", _NUMBER, "e.grade", shown_by="学籍"),
    Fact("boarding", "寄宿", _FLAG, "e.boarding", changeable=True, shown_by="学籍“就读方式”"),
    Fact("rural_hukou", "农业户口", _FLAG, "e.rural_hukou", shown_by="户口簿"),
    Fact("hukou_province", "户口所在省", _CHOICE, f"left({_HUKOU}, 2)", shown_by="户口簿"),
    Fact("hukou_county", "户口所在县", _CHOICE, f"left({_HUKOU}, 6)", shown_by="户口簿"),
    Fact("school_province", "学校所在省", _CHOICE, "split_part(e.school_path, '/', 2)", shown_by="学籍"),
    Fact("school_county", "学校所在县", _CHOICE, "split_part(e.school_path, '/', 4)", shown_by="学籍"),
    Fact(
        "same_province", "学校与户口同省", _FLAG, f"left({_HUKOU}, 2) = split_part(e.school_path, '/', 2)",
        shown_by="学籍和户口簿",
    ),
    Fact("public_school", "公办学校", _FLAG, "s.public", shown_by="学校名录"),
    # Entry in this school year by the roll; grade one where no month is given (college lists have none).
    Fact(
        "new_entrant", "本学年新生", _FLAG,
        "COALESCE(e.entered_on BETWEEN %(year_first)s AND %(year_last)s, e.grade = 1, false)", shown_by="学籍“入学年月”",
    ),
    Fact("age", "年龄（8月31日）", _NUMBER, "extract(year FROM age(%(age_day)s::date, p.birth_on))::int", shown_by="身份证"),
    Fact("annual_fee", "学校收费标准（元/年）", _NUMBER, "fee.annual_fee", shown_by="学校名录"),
    _category(Category.REGISTERED_POOR, "建档立卡（防返贫）名单"),
    _category(Category.MONITORED_UNSTABLE, "防返贫监测名单"),
    _category(Category.MONITORED_MARGINAL, "防返贫监测名单"),
    _category(Category.MONITORED_SUDDEN, "防返贫监测名单"),
    _category(Category.DIBAO_RURAL, "民政低保名单"),
    _category(Category.DIBAO_URBAN, "民政低保名单"),
    _category(Category.TEKUN_RURAL, "民政特困供养名单"),
    _category(Category.TEKUN_URBAN, "民政特困供养名单"),
    # The roll's own mark counts for its term until the civil-affairs list of orphans is kept.
    _category(Category.ORPHAN, "民政孤儿名单或学籍“是否孤儿”", or_else=" OR e.orphan"),
    _category(Category.UNSUPPORTED_CHILD, "民政事实无人抚养儿童名单"),
    _category(Category.DISABLED, "残联残疾人名单（本人）"),
)  # fmt: skip

ANY_OF: tuple[AnyOf, ...] = (
    AnyOf("dibao", "低保", ("dibao_rural", "dibao_urban")),
    AnyOf("tekun", "特困供养", ("tekun_rural", "tekun_urban")),
    AnyOf(
        "poor_family", "贫困家庭（建档立卡、低保、特困、孤儿之一）",
        ("registered_poor", "dibao_rural", "dibao_urban", "tekun_rural", "tekun_urban", "orphan"),
    ),
    AnyOf("any_category", "任一困难类别", tuple(category.value for category in Category)),
)  # fmt: skip

BY_CODE: dict[str, Fact | AnyOf] = {fact.code: fact for fact in (*FACTS, *ANY_OF)}

_BITS = "CASE category " + " ".join(f"WHEN '{c.value}' THEN {1 << n}" for n, c in enumerate(Category)) + " ELSE 0 END"

# A category counts when it is active on any day of the term: active on the first day, or starting within it.
# In force on the first day = the last row not after it; (days, active) as one number keeps this a plain aggregate.
_HARDSHIP = f"""
    SELECT person_id, bit_or(CASE WHEN at_start OR later THEN {_BITS} ELSE 0 END) AS bits
    FROM (
        SELECT r.person_id, r.category, r.source, r.office_path,
            COALESCE(max((r.from_on - date '1900-01-01') * 2 + r.active::int)
                FILTER (WHERE r.from_on <= %(first_day)s) %% 2 = 1, false) AS at_start,
            COALESCE(bool_or(r.active) FILTER (WHERE r.from_on > %(first_day)s AND r.from_on <= %(last_day)s), false) AS later
        FROM students_hardship r JOIN {{students}} t ON t.student_id = r.person_id
        GROUP BY r.person_id, r.category, r.source, r.office_path
    ) q GROUP BY person_id
"""

_FACTS = """
    SELECT e.student_id, e.id AS enrolment_id, p.id_hash, e.school_id, e.home_path, e.school_path,
        COALESCE(NULLIF(p.household_path, ''), hukou.path, e.home_path) AS household_path, {columns}
    FROM {students} t
    JOIN students_enrolment e ON e.student_id = t.student_id AND e.term = %(term)s
    JOIN students_person p ON p.id = e.student_id
    JOIN aidcases_school s ON s.id = e.school_id
    LEFT JOIN aidcases_region hukou ON hukou.code = p.hukou_region_id
    LEFT JOIN (
        SELECT DISTINCT ON (f.school_id) f.school_id, f.annual_fee FROM aidcases_schoolfee f
        ORDER BY f.school_id, f.from_on <= %(first_day)s DESC, abs(f.from_on - %(first_day)s::date)
    ) fee ON fee.school_id = e.school_id
    LEFT JOIN ({hardship}) h ON h.person_id = e.student_id
"""


def facts_sql(students: str) -> str:
    """The SELECT of FactRow rows for the students of a table or sub-select with a column student_id."""
    return _FACTS.format(
        students=students,
        columns=", ".join(f"{fact.sql} AS {fact.code}" for fact in FACTS),
        hardship=_HARDSHIP.format(students=students),
    )


def facts_params(term: Term) -> dict[str, Any]:
    """What facts_sql names: the days of the term."""
    year_first, year_last = term.school_year_days
    return {
        "term": term.code,
        "first_day": term.first_day,
        "last_day": term.last_day,
        "year_first": year_first,
        "year_last": year_last,
        "age_day": term.age_day,
    }
