"""Facts of a student in a term, each defined once, and the one SELECT that yields them for any set of students."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aidcases import sql
from aidcases.terms import Term
from students.enums import Category, Stage
from subsidies.enums import Level


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
# The register's village, else the registered residence, whichever offices the system has; last the visible home.
_HOUSEHOLD = (
    "COALESCE(NULLIF(p.household_path, ''), (SELECT r.path FROM aidcases_region r WHERE r.code = p.hukou_region_id), "
    "e.home_path)"
)
# Special-education pupils follow primary (years one to six) or junior (seven to nine) by grade.
_SPECIAL = "e.stage = 'special_education' AND e.grade BETWEEN"
_STAGE = f"CASE WHEN {_SPECIAL} 1 AND 6 THEN 'primary' WHEN {_SPECIAL} 7 AND 9 THEN 'junior' ELSE e.stage END"
_GRADE = f"CASE WHEN {_SPECIAL} 7 AND 9 THEN e.grade - 6 ELSE e.grade END"
# Entry in this school year by the roll; grade one where no month is given (college lists have none).
_ENTRANT = "COALESCE(e.entered_on BETWEEN %(year_first)s AND %(year_last)s, e.grade = 1, false)"
_FLAG, _CHOICE, _NUMBER = FactKind.FLAG, FactKind.CHOICE, FactKind.NUMBER


# The roll's own mark of orphans counts until a list of orphans is kept for the child's home, from whose day only those on
# it are (students.facts.roll_orphans says the same): so it still counts for a term that began before that day.
_OR_ELSE = {Category.ORPHAN: " OR (e.orphan AND NOT e.home_path LIKE ANY (%(orphan_lists)s::text[]))"}


def _held(category: Category, bits: str) -> str:
    bit = 1 << list(Category).index(category)
    listed = f"(COALESCE(h.{bits}, 0) & {bit}) <> 0"
    return f"({listed}{_OR_ELSE[category]})" if category in _OR_ELSE else listed


def _category(category: Category, shown_by: str) -> Fact:
    return Fact(category.value, category.label, _FLAG, _held(category, "bits"), changeable=True, shown_by=shown_by)


FACTS: tuple[Fact, ...] = (
    Fact("stage", "学段", _CHOICE, _STAGE, choices=tuple(Stage.choices), shown_by="学籍"),
    Fact("grade", "年级", _NUMBER, _GRADE, shown_by="学籍"),
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
    Fact("new_entrant", "本学年新生", _FLAG, _ENTRANT, shown_by="学籍“入学年月”"),
    Fact("age", "年龄（8月31日）", _NUMBER, "extract(year FROM age(%(age_day)s::date, p.birth_on))::int", shown_by="身份证"),
    Fact("rural_school", "农村学校", _FLAG, "s.rural", shown_by="学校名录"),
    Fact(
        "pilot_area", "学校在营养改善计划试点地区", _FLAG, "e.school_path LIKE ANY (%(pilot)s::text[])",
        shown_by="县里的试点地区名单",
    ),
    Fact(
        "origin_area", "家在南部山区、移民区等名单上的地区", _FLAG, f"{_HOUSEHOLD} LIKE ANY (%(origin)s::text[])",
        shown_by="县里的生源地名单",
    ),
    Fact(
        "determination", "困难认定", _CHOICE, "COALESCE(d.level, '')", changeable=True, choices=tuple(Level.choices),
        shown_by="困难认定申请",
    ),
    Fact(
        "determined_poor", "认定为家庭经济困难", _FLAG, "COALESCE(d.level, 'none') <> 'none'", changeable=True,
        shown_by="困难认定申请",
    ),
    Fact("annual_fee", "学校收费标准（元/年）", _NUMBER, "fee.annual_fee", shown_by="学校名录"),
    _category(Category.REGISTERED_POOR, "建档立卡（防返贫）名单"),
    _category(Category.MONITORED_UNSTABLE, "防返贫监测名单"),
    _category(Category.MONITORED_MARGINAL, "防返贫监测名单"),
    _category(Category.MONITORED_SUDDEN, "防返贫监测名单"),
    _category(Category.DIBAO_RURAL, "民政低保名单"),
    _category(Category.DIBAO_URBAN, "民政低保名单"),
    _category(Category.TEKUN_RURAL, "民政特困供养名单"),
    _category(Category.TEKUN_URBAN, "民政特困供养名单"),
    _category(Category.ORPHAN, "民政孤儿名单或学籍“是否孤儿”"),
    _category(Category.UNSUPPORTED_CHILD, "民政事实无人抚养儿童名单"),
    _category(Category.DISABLED, "残联残疾人名单（本人）"),
)  # fmt: skip

ANY_OF: tuple[AnyOf, ...] = (
    AnyOf("dibao", "低保", ("dibao_rural", "dibao_urban")),
    AnyOf("tekun", "特困供养", ("tekun_rural", "tekun_urban")),
    AnyOf(
        "poor_family", "贫困家庭（建档立卡、低保、特困、孤儿、认定困难之一）",
        ("registered_poor", "dibao_rural", "dibao_urban", "tekun_rural", "tekun_urban", "orphan", "determined_poor"),
    ),
    AnyOf("any_category", "任一困难类别", tuple(category.value for category in Category)),
)  # fmt: skip

# Benefits granted once in a life that a new entrant had in an earlier autumn (what is paid once stands in autumn).
_HAD_BEFORE = f"""
    CASE WHEN cardinality(%(earlier)s::text[]) > 0 AND {_ENTRANT} THEN ARRAY(
        SELECT b.code FROM subsidies_entitlement o JOIN subsidies_rule r ON r.id = o.rule_id
        JOIN subsidies_benefit b ON b.id = o.benefit_id
        WHERE o.student_id = e.student_id AND o.term = ANY (%(earlier)s::text[]) AND r.period = 'once'
        ORDER BY b.code COLLATE "C"
    ) ELSE '{{}}'::text[] END
"""

# What somebody decided for the student in the term, of benefits without a standard: {benefit code: yuan}.
_AWARDED = """
    SELECT w.student_id, jsonb_object_agg(b.code, w.decided) AS awarded
    FROM subsidies_topupcase w{chosen_w} JOIN subsidies_benefit b ON b.id = w.benefit_id
    WHERE w.term = %(term)s AND w.state = 'approved'{block_w} GROUP BY w.student_id
"""

# Column of FactRow → SQL: every fact, each category on the term's first day, what was had before and what was decided.
COLUMNS: dict[str, str] = {
    **{fact.code: fact.sql for fact in FACTS},
    **{f"{category.value}_first": _held(category, "first_bits") for category in Category},
    "had_before": _HAD_BEFORE,
    "awarded": "COALESCE(aw.awarded, '{}'::jsonb)",
}

BY_CODE: dict[str, Fact | AnyOf] = {fact.code: fact for fact in (*FACTS, *ANY_OF)}

_BITS = "CASE r.category " + " ".join(f"WHEN '{c.value}' THEN {1 << n}" for n, c in enumerate(Category)) + " ELSE 0 END"

# A category counts when it is active on any day of the term: begun by its last day, not closed by its first
# (students.facts.hardships_in says the same). A closing row closes per person, category, source and office.
_HARDSHIP = f"""
    SELECT r.person_id, bit_or({_BITS}) AS bits,
        COALESCE(bit_or({_BITS}) FILTER (WHERE r.from_on <= %(first_day)s), 0) AS first_bits
    FROM students_hardship r{{chosen_r}}
    WHERE r.active AND r.from_on <= %(last_day)s{{block_r}}
      AND NOT EXISTS (
        SELECT FROM students_hardship c
        WHERE NOT c.active AND c.from_on > r.from_on AND c.from_on <= %(first_day)s{{block_c}}
          AND (c.person_id, c.category, c.source, c.office_path) = (r.person_id, r.category, r.source, r.office_path)
      )
    GROUP BY r.person_id
"""

_FACTS = f"""
    SELECT e.student_id, e.id AS enrolment_id, p.id_hash, e.school_id, e.home_path, e.school_path,
        {_HOUSEHOLD} AS household_path,
        {{columns}}
    FROM students_enrolment e{{chosen_e}}
    JOIN students_person p ON p.id = e.student_id
    LEFT JOIN aidcases_school s ON s.id = e.school_id
    LEFT JOIN (
        SELECT DISTINCT ON (f.school_id) f.school_id, f.annual_fee FROM aidcases_schoolfee f
        ORDER BY f.school_id, f.from_on <= %(first_day)s DESC, abs(f.from_on - %(first_day)s::date)
    ) fee ON fee.school_id = e.school_id
    LEFT JOIN ({{hardship}}) h ON h.person_id = e.student_id
    LEFT JOIN (
        SELECT DISTINCT ON (t.student_id) t.student_id, t.level FROM subsidies_determination t{{chosen_t}}
        WHERE t.term = ANY (%(determined_in)s::text[]){{block_t}} ORDER BY t.student_id, t.term = %(term)s DESC
    ) d ON d.student_id = e.student_id
    LEFT JOIN ({{awarded}}) aw ON aw.student_id = e.student_id
    WHERE e.term = %(term)s{{block_e}}{{block_p}}
"""
_KEYS = {"e": "e.student_id", "p": "p.id", "r": "r.person_id", "c": "c.person_id", "t": "t.student_id", "w": "w.student_id"}


def facts_sql(students: str = "", *, block: bool = False) -> str:
    """The SELECT of FactRow rows of a term, for the students of a table or sub-select with a column student_id.

    `block`: of keys in low … high (parameters of those names). Said of each table: the planner knows that equal keys
    are equal, not that they lie in the same range, and would walk each table from its start.
    """
    places: dict[str, str] = {}
    for table, key in _KEYS.items():
        places[f"chosen_{table}"] = f" JOIN {students} t{table} ON t{table}.student_id = {key}" if students else ""
        places[f"block_{table}"] = f" AND {key} >= %(low)s AND {key} < %(high)s" if block else ""
    return _FACTS.format(
        columns=", ".join(f"{expression} AS {name}" for name, expression in COLUMNS.items()),
        hardship=_HARDSHIP.format(**places),
        awarded=_AWARDED.format(**places),
        **places,
    )


# The areas on the lists kept by counties and those that keep a list of orphans, as patterns of paths; and the autumns in
# which something was granted once.
_KEPT = """
    WITH area AS (
        SELECT DISTINCT ON (kind, path) kind, path || '%%' AS under, active FROM subsidies_listedarea
        WHERE from_on <= %(last_day)s ORDER BY kind, path, from_on DESC
    )
    SELECT ARRAY(SELECT under FROM area WHERE active AND kind = 'pilot' ORDER BY under) AS pilot,
        ARRAY(SELECT under FROM area WHERE active AND kind = 'origin' ORDER BY under) AS origin,
        ARRAY(SELECT DISTINCT path || '%%' FROM students_importfile
              WHERE kind = 'orphans' AND state IN ('committed', 'undoing') AND %(first_day)s >= COALESCE(data_on,
                  make_date(left(term, 4)::int, CASE WHEN term LIKE '%%-autumn' THEN 9 ELSE 3 END, 1))
              ORDER BY 1) AS orphan_lists,
        ARRAY(SELECT DISTINCT term FROM subsidies_computerun
              WHERE term < %(term)s AND term LIKE '%%-autumn'
                AND EXISTS (SELECT FROM subsidies_rule WHERE period = 'once')) AS earlier
"""


def facts_params(term: Term, **also: str) -> dict[str, Any]:
    """What facts_sql names: the days of the term, and what counties and earlier terms hold ready (one query). `also`:
    further columns of that query, name → SQL."""
    year_first, year_last = term.school_year_days
    days = {"term": term.code, "first_day": term.first_day, "last_day": term.last_day}
    return {
        **days,
        "year_first": year_first,
        "year_last": year_last,
        "age_day": term.age_day,
        "determined_in": [term.code] if term.autumn else [term.code, f"{term.school_year}-autumn"],
        **sql.one(_KEPT + "".join(f", ({text}) AS {name}" for name, text in also.items()), days),
    }
