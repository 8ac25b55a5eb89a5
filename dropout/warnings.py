"""Early warning: named conditions, each with the value seen for a child and the county's threshold; one statement writes
what differs from the last time. Nothing is weighed or guessed: a line is the list of the conditions that hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from aidcases import audit, jobs, sql
from aidcases.flow import Refused
from aidcases.jobs import Running
from aidcases.models import Job, Region
from aidcases.roles import P
from aidcases.scoping import Actor, Scope, acting_in, current_actor, current_scope
from aidcases.seen import compare
from aidcases.terms import Term
from dropout.enums import WarningCode
from dropout.models import Threshold, WarningLine
from dropout.models.cases import BACK
from students.models import Enrolment

KIND = "dropout.warnings"
MONTHS = 3  # of attendance that are looked at: a quarter, so that an illness long over warns nobody
C = WarningCode


@dataclass(frozen=True)
class Default:
    """From which value a condition warns where the county has set nothing, and why."""

    value: Decimal
    unit: str
    reason: str
    flag: bool = False  # yes or no: has no threshold to choose, and warns of nobody alone


DEFAULTS: dict[WarningCode, Default] = {
    C.ABSENCE: Default(Decimal(10), "天", f"近 {MONTHS} 个月缺勤满两周上课日，功课已经很难跟上。"),
    C.LATE: Default(Decimal(3), "天", "各地规定缺课三天以上就要联系核实。"),
    C.OVER_AGE: Default(Decimal(2), "岁", "大一岁是晚入学，大两岁以上多是留级或中断过。"),
    C.BEFORE: Default(Decimal(1), "次", "辍学过的孩子最容易再辍学。"),
    C.LEFT_BEHIND: Default(
        Decimal(1), "", "父母外出，平时无人督促。人数多，单独一项不预警，和别的条件一起才列出。", flag=True
    ),
    C.SIBLING: Default(Decimal(1), "人", "同户已有孩子不在校，兄弟姐妹往往跟着离校。"),
    C.HARDSHIP: Default(Decimal(2), "个", "贫困县近两成孩子有一个困难类别，两个以上才说明特别困难。"),
    C.EXAM: Default(Decimal(3), "门", "三门以上不及格，厌学的可能大。"),
}


@dataclass(frozen=True)
class Line:
    """What holds for a condition in an area: `row` is the county's own setting, or None."""

    code: WarningCode
    value: Decimal
    watched: bool
    default: Default
    row: Threshold | None


def in_force(path: str, today: date) -> list[Line]:
    """The thresholds of an area on a day, in the order of the codes: the nearest area's last row, else the default."""
    above = [path[: n + 1] for n, letter in enumerate(path) if letter == "/"]
    # A school goes by its county's: rows of the areas above are nobody's secret.
    rows = Threshold._base_manager.filter(path__in=above, from_on__lte=today).order_by("from_on")
    last = {C(row.code): row for row in sorted(rows, key=lambda row: (len(row.path), row.from_on))}
    return [
        Line(code, row.value if row else default.value, row.watched if row else True, default, row)
        for code, default in DEFAULTS.items()
        for row in [last.get(code)]
    ]


@transaction.atomic
def set_threshold(*, code: str, value: Decimal, watched: bool, by: Actor, today: date) -> Threshold:
    """From today on, in the area of whoever acts. Raises Refused."""
    if not by.may(P.DROPOUT_SET):
        raise Refused("您的角色不能设定预警条件。")
    if code not in C.values:
        raise Refused("没有这个预警条件。")
    if not 0 < value <= 366:
        raise Refused("预警数值要大于 0，不超过 366。")
    path = current_scope().path
    fields = {"value": value, "watched": watched, "set_by": by.name}
    row, _ = Threshold.objects.update_or_create(path=path, code=code, from_on=today, defaults=fields)
    audit.record("threshold.set", subject=row, path=path, code=code, value=str(value), watched=watched)
    return row


# --- what is seen --------------------------------------------------------------------------------------------------

_HOUSEMATES = """
    SELECT DISTINCT m.person_id AS student_id, o.person_id AS other FROM pupils u
    JOIN students_member m ON m.person_id = u.student_id
    JOIN students_member o ON o.household_id = m.household_id AND o.person_id <> m.person_id
    JOIN dropout_dropoutcase c ON c.student_id = o.person_id AND c.state IN ('confirmed', 'persuading', 'legal')
"""
# A closing row closes per person, category, source and office (students.facts.hardships_in).
_HARDSHIPS = """
    SELECT h.person_id, h.category FROM pupils u JOIN students_hardship h ON h.person_id = u.student_id
    WHERE h.active AND h.from_on <= %(last_day)s AND NOT EXISTS (
        SELECT FROM students_hardship e WHERE NOT e.active AND e.from_on > h.from_on AND e.from_on <= %(first_day)s
          AND (e.person_id, e.category, e.source, e.office_path) = (h.person_id, h.category, h.source, h.office_path))
"""
# How often out of school before: what was told to those who pay, at most the rounds of the case that came to it. A
# suspicion is none, and who is out now is out for this time.
_BEFORE = """
    SELECT c.student_id, LEAST(
        (SELECT count(*) FROM students_suspension s WHERE s.student_id = c.student_id AND s.active) - n.now,
        c.rounds - (c.state IN ('suspected', 'verifying', 'false_alarm'))::int - n.now) AS times
    FROM pupils u JOIN dropout_dropoutcase c ON c.student_id = u.student_id,
        LATERAL (SELECT (c.state IN ('confirmed', 'persuading', 'legal'))::int AS now) n
"""
_LATE = """
    SELECT r.person_id AS student_id,
        LEAST(COALESCE(f.data_on, f.committed_at::date), %(today)s) - %(first_day)s::date AS days
    FROM pupils u JOIN students_rosterentry r ON r.person_id = u.student_id
        AND r.kind = 'present' AND r.term = %(term)s AND r.present IS FALSE
    JOIN students_importrow i ON i.id = r.row_id JOIN students_importfile f ON f.id = i.file_id
    WHERE NOT EXISTS (SELECT FROM dropout_dropoutcase c WHERE c.student_id = r.person_id AND c.state = ANY(%(back)s)
        AND c.returned_on >= COALESCE(f.data_on, f.committed_at::date))
"""  # who has come back since the list was made is not late any more
# Whole years on the 31 August before the school year, over six (twelve) for the first grade of primary (junior) school.
_OVER = """
    SELECT u.student_id, date_part('year', age(%(age_day)s::date, u.birth_on))::int
        - (u.grade + CASE u.stage WHEN 'primary' THEN 5 ELSE 11 END) AS years
    FROM pupils u WHERE u.grade IS NOT NULL AND u.birth_on IS NOT NULL
"""
_PUPILS = """AS
    SELECT e.student_id, e.stage, e.grade, e.left_behind, e.school_path, p.birth_on, p.home_path
    FROM students_enrolment e JOIN students_person p ON p.id = e.student_id
    WHERE e.term = %(term)s AND e.stage IN ('primary', 'junior') AND e.school_path LIKE %(under)s
"""
_SEEN = f"""AS
    SELECT 'absence' AS code, a.student_id, sum(a.days_absent) AS value FROM students_attendance a
        JOIN pupils u ON u.student_id = a.student_id
        WHERE a.month >= %(from_month)s AND a.month <= %(to_month)s GROUP BY a.student_id
    UNION ALL SELECT 'late', student_id, days FROM ({_LATE}) l
    UNION ALL SELECT 'over_age', student_id, years FROM ({_OVER}) o
    UNION ALL SELECT 'before', student_id, times FROM ({_BEFORE}) b
    UNION ALL SELECT 'left_behind', student_id, 1 FROM pupils WHERE left_behind
    UNION ALL SELECT 'sibling', student_id, count(*) FROM ({_HOUSEMATES}) s GROUP BY student_id
    UNION ALL SELECT 'hardship', person_id, count(DISTINCT category) FROM ({_HARDSHIPS}) h GROUP BY person_id
    UNION ALL SELECT 'exam', student_id, failed FROM (
        SELECT DISTINCT ON (x.student_id) x.student_id, x.failed FROM dropout_examresult x
        JOIN pupils u ON u.student_id = x.student_id WHERE x.term IN (%(term)s, %(before)s)
        ORDER BY x.student_id, x.term = %(term)s DESC) x
"""
_WARNED = """AS
    SELECT s.student_id, u.home_path, u.school_path, count(*) AS number,
        jsonb_object_agg(s.code, jsonb_build_array(trim_scale(s.value), trim_scale(t.value))) AS values
    FROM seen s JOIN unnest(%(codes)s::text[], %(values)s::numeric[]) t(code, value) ON t.code = s.code AND s.value >= t.value
    JOIN pupils u ON u.student_id = s.student_id GROUP BY s.student_id, u.home_path, u.school_path
    HAVING bool_or(s.code <> ALL(%(flags)s::text[]))
"""
_END = """
    UPDATE dropout_warningline w SET gone_on = %(today)s
    WHERE w.term = %(term)s AND w.school_path LIKE %(under)s AND w.gone_on IS NULL
      AND NOT EXISTS (SELECT FROM warned f WHERE f.student_id = w.student_id)
"""
_WRITE = """
    INSERT INTO dropout_warningline AS w (term, student_id, values, number, since_on, changed_on, answer, answered_by,
        home_path, school_path)
    SELECT %(term)s, student_id, values, number, %(today)s, %(today)s, '', '', home_path, school_path FROM warned
    ON CONFLICT (term, student_id) DO UPDATE SET values = EXCLUDED.values, number = EXCLUDED.number,
        changed_on = EXCLUDED.changed_on, gone_on = NULL, home_path = EXCLUDED.home_path, school_path = EXCLUDED.school_path
    WHERE w.gone_on IS NOT NULL OR (w.values, w.home_path, w.school_path)
        IS DISTINCT FROM (EXCLUDED.values, EXCLUDED.home_path, EXCLUDED.school_path)
"""


def _before(term: Term) -> str:
    return Term.containing(term.first_day - timedelta(days=1)).code


def _params(term: Term, path: str, today: date) -> dict[str, Any]:
    day = min(today, term.last_day)  # of a term that is over, what was known at its end
    first = day.year * 12 + day.month - MONTHS  # of the first month that is looked at, counted from 0
    watched = [line for line in in_force(path, today) if line.watched]
    return {
        "term": term.code, "before": _before(term), "under": path + "%", "today": day, "first_day": term.first_day,
        "last_day": term.last_day, "age_day": term.age_day, "from_month": f"{first // 12}-{first % 12 + 1:02d}",
        "to_month": f"{day:%Y-%m}", "codes": [line.code.value for line in watched], "values": [line.value for line in watched],
        "flags": [code.value for code, default in DEFAULTS.items() if default.flag], "back": [str(state) for state in BACK],
    }  # fmt: skip


@transaction.atomic
def look(*, term: Term, path: str, today: date) -> dict[str, int]:
    """Looks at the pupils of an area's schools; a county's schools go by the county's thresholds. Writes what differs.
    → warned (standing now), changed (lines written or ended). Raises Refused outside the own area. Facts of other offices
    (a register's household, a case) are looked at, by the key of the person alone."""
    if not current_scope().covers(path):
        raise Refused("只能查看本单位范围内的预警。")
    sql.lock(KIND, term.code)
    counties = Region.objects.under(path).filter(level="county").order_by("code")
    areas = [path] if len(path.strip("/").split("/")) > 2 else [county.path for county in counties]
    told = {"warned": 0, "changed": 0}
    for area in areas:
        params = _params(term, area, today)
        sql.run("SET LOCAL jit = off")
        for name, text in (("pupils", _PUPILS), ("seen", _SEEN), ("warned", _WARNED)):
            sql.temporary(name, text, params)
            sql.run(f"ANALYZE {name}")
        told["changed"] += sql.run(_END, params) + sql.run(_WRITE, params)
        told["warned"] += sql.one("SELECT count(*) AS n FROM warned")["n"]
    audit.record("warnings.looked", path=path, term=term.code, **told)
    return told


def work(running: Running) -> dict[str, int]:
    """The job: params term, path, today, and the week it was asked for in."""
    given = running.params
    running.progress(0, 1, "核对预警条件")
    told = look(term=Term.parse(given["term"]), path=given["path"], today=date.fromisoformat(given["today"]))
    running.progress(1)
    return told


def weekly(now: datetime) -> dict[str, int]:
    """Once a week, with the first round of it, for each county that has pupils this term."""
    today = timezone.localdate(now)
    term, week = Term.containing(today), f"{today:%G-W%V}"
    asked = 0
    for county in Region.objects.filter(level="county", pk__in=_with_pupils(term)).order_by("pk"):
        if Job.objects.filter(kind=KIND, path=county.path, params__week=week).exists():
            continue
        with acting_in(Scope(county.path), current_actor()):
            jobs.enqueue(KIND, term=term.code, path=county.path, today=today.isoformat(), week=week)
        asked += 1
    return {"warnings_asked": asked}


def _with_pupils(term: Term) -> list[str]:
    """Codes of counties whose schools have pupils in the term."""
    paths = Enrolment.objects.in_term(term).order_by().values_list("school_path", flat=True).distinct()
    return sorted({parts[2] for path in paths if len(parts := path.strip("/").split("/")) > 2})


# --- what is done about it -----------------------------------------------------------------------------------------


def words(line: WarningLine) -> list[str]:
    """缺勤天数 12 天（≥10 天）, in the order of the codes."""
    told = []
    for code, default in DEFAULTS.items():
        if code in line.values:
            seen, least = line.values[code]
            label = code.label.split("（")[0]
            told.append(label if default.flag else f"{label} {seen} {default.unit}（≥{least} {default.unit}）")
    return told


@transaction.atomic
def answer(line: WarningLine, *, text: str, by: Actor, today: date, seen: str | None = None) -> WarningLine:
    """已关注: what was done. Raises Refused."""
    if not by.may(P.DROPOUT_WRITE):
        raise Refused("您的角色不能登记关注情况。")
    if len(text.strip()) < 2:
        raise Refused("请写明做了什么，例如：电话联系家长，说是生病，已补假条。")
    line = WarningLine.objects.select_for_update(of=("self",)).get(pk=line.pk)
    compare(seen, line.answer)
    line.answered_on, line.answer, line.answered_by = today, text.strip()[:200], by.name
    line.save(update_fields=["answered_on", "answer", "answered_by"])
    audit.record("warning.answered", subject=line, path=line.school_path, note=line.answer)
    return line
