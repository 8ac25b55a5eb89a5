"""四查三比对: the rosters of a term as sets of persons; each difference a line with both its sources.

户籍∖学籍 (on no roll of any stage): not enrolled. 学籍∖在校: absent. 贫困∖(学籍∪户籍): poor children on no other roster.
A child of the first two on the poverty register is poor. School-age is 6 to 14 on the 31 August before the school year.
Whose a line is (`area`): the office's that listed the child, the school's, the register's village.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import transaction

from aidcases import audit, sql
from aidcases.flow import Refused
from aidcases.jobs import Running
from aidcases.scoping import EVERYWHERE, acting_in, current_actor, current_scope
from aidcases.terms import Term
from dropout import suspicions
from dropout.models import Comparison, Difference
from students.enums import RosterKind
from students.models import Person

KIND = "dropout.compare"
NEEDED = (RosterKind.POPULATION, RosterKind.ROLL, RosterKind.PRESENT)

_SCHOOL_AGE = "p.birth_on <= %(six)s AND p.birth_on > %(fifteen)s"
_ENROLLED = "EXISTS (SELECT FROM students_enrolment e WHERE e.term = %(term)s AND e.student_id = {who})"
_ON_REGISTER = """EXISTS (SELECT FROM students_member n JOIN students_household k ON k.id = n.household_id
    WHERE n.person_id = {who} AND k.number IS NOT NULL)"""
_DEFERRED = """EXISTS (SELECT FROM dropout_deferral d WHERE d.student_id = {who} AND d.kind = '{kind}'
    AND d.from_on <= %(last_day)s AND d.until_on >= %(first_day)s)"""
# A child put off school (延缓入学) may be so until seven (义务教育法 第十一条).
_PUT_OFF = f"({_DEFERRED.format(who='p.id', kind='later')} AND p.birth_on > %(seven)s)"

# A village's register is part of its county's file; what a file says lies elsewhere is still its own office's.
_LISTED_AT = "CASE WHEN starts_with(g.path, f.path) THEN g.path ELSE f.path END"

_NOT_ENROLLED = f"""
    SELECT p.id AS student_id, 'not_enrolled' AS kind, {_LISTED_AT} AS area, r.id AS listed_id,
        NULL::bigint AS enrolment_id, NULL::bigint AS member_id
    FROM students_rosterentry r JOIN students_person p ON p.id = r.person_id
    JOIN students_importrow i ON i.id = r.row_id JOIN students_importfile f ON f.id = i.file_id
    LEFT JOIN aidcases_region g ON g.code = r.region_id
    WHERE r.kind = 'population' AND r.term = %(term)s AND {_LISTED_AT} LIKE %(under)s
      AND {_SCHOOL_AGE} AND NOT {_ENROLLED.format(who="p.id")} AND NOT {_PUT_OFF}
"""
_ABSENT = f"""
    SELECT e.student_id, 'absent', e.school_path, r.id, e.id, NULL::bigint
    FROM students_enrolment e
    LEFT JOIN students_rosterentry r ON r.kind = 'present' AND r.term = %(term)s AND r.person_id = e.student_id
    WHERE e.term = %(term)s AND e.stage IN ('primary', 'junior') AND e.school_path LIKE %(under)s
      AND r.present IS NOT TRUE AND NOT {_DEFERRED.format(who="e.student_id", kind="leave")}
"""
# Of several households the register has, the one that the system takes as the child's home.
_OFF_ROSTER = f"""
    SELECT DISTINCT ON (p.id) p.id, 'off_roster', k.path, NULL::bigint, NULL::bigint, n.id
    FROM students_member n JOIN students_household k ON k.id = n.household_id AND k.number IS NOT NULL
    JOIN students_person p ON p.id = n.person_id
    WHERE k.path LIKE %(under)s AND {_SCHOOL_AGE} AND NOT {_ENROLLED.format(who="p.id")}
      AND NOT EXISTS (SELECT FROM students_rosterentry r
          WHERE r.kind = 'population' AND r.term = %(term)s AND r.person_id = p.id)
      AND NOT {_PUT_OFF} AND NOT EXISTS (
          SELECT FROM students_hardship h WHERE h.person_id = p.id AND h.source = 'poverty'
          HAVING count(*) > 0 AND NOT bool_or(h.active AND NOT EXISTS (
              SELECT FROM students_hardship c WHERE NOT c.active AND c.from_on > h.from_on AND c.from_on <= %(first_day)s
                AND (c.person_id, c.category, c.source, c.office_path) = (h.person_id, h.category, h.source, h.office_path))))
    ORDER BY p.id, k.path = p.household_path DESC, n.id
"""
_FOUND = f"""AS
    SELECT f.student_id, f.kind, f.area, f.listed_id, f.enrolment_id, f.member_id, p.home_path, p.school_path,
        f.kind = 'off_roster' OR {_ON_REGISTER.format(who="f.student_id")} AS poor
    FROM ({_NOT_ENROLLED} UNION ALL {_ABSENT} UNION ALL ({_OFF_ROSTER})) f JOIN students_person p ON p.id = f.student_id
"""

_NAMES = ["term", "student_id", "kind", "poor", "area", "home_path", "school_path", "listed_id", "enrolment_id", "member_id"]
_SAID = ", ".join(name for name in _NAMES if name not in ("term", "student_id"))
_END = """
    UPDATE dropout_difference d SET gone_on = GREATEST(%(today)s, d.found_on)
    WHERE d.term = %(term)s AND d.area LIKE %(under)s AND d.gone_on IS NULL
      AND NOT EXISTS (SELECT FROM found f WHERE f.student_id = d.student_id)
"""
_WRITE = f"""
    INSERT INTO dropout_difference AS d ({", ".join(_NAMES)}, found_on)
    SELECT %(term)s, {", ".join(_NAMES[1:])}, %(today)s FROM found
    ON CONFLICT (term, student_id) DO UPDATE SET ({_SAID}, gone_on) =
        ({", ".join(f"EXCLUDED.{name}" for name in _SAID.split(", "))}, NULL)
    WHERE (d.gone_on IS NOT NULL) OR ({", ".join(f"d.{name}" for name in _SAID.split(", "))})
        IS DISTINCT FROM ({", ".join(f"EXCLUDED.{name}" for name in _SAID.split(", "))})
"""
_COUNTS = """
    SELECT count(*) FILTER (WHERE kind = 'not_enrolled') AS not_enrolled, count(*) FILTER (WHERE kind = 'absent') AS absent,
        count(*) FILTER (WHERE poor AND kind <> 'off_roster') AS poor,
        count(*) FILTER (WHERE kind = 'off_roster') AS off_roster
    FROM found
"""
# County by county: a list that the next county has imported says nothing of this one's pupils.
_ROSTERS = """
    WITH county AS (
        SELECT DISTINCT left(school_path, 16) AS path FROM students_enrolment
        WHERE term = %(term)s AND stage IN ('primary', 'junior') AND school_path LIKE %(under)s
    )
    SELECT EXISTS (SELECT FROM county) AS roll,
        NOT EXISTS (SELECT FROM county c WHERE NOT EXISTS (
            SELECT FROM students_importfile f JOIN students_importrow i ON i.file_id = f.id
            JOIN students_rosterentry r ON r.row_id = i.id AND r.kind = 'population' AND r.term = %(term)s
            WHERE f.kind = 'population' AND f.term = %(term)s AND starts_with(c.path, f.path))) AS population,
        NOT EXISTS (SELECT FROM county c WHERE NOT EXISTS (
            SELECT FROM students_rosterentry r
            JOIN students_enrolment e ON e.student_id = r.person_id AND e.term = r.term
            WHERE r.kind = 'present' AND r.term = %(term)s AND left(e.school_path, 16) = c.path)) AS present
"""


def _years_before(day: date, years: int) -> date:
    return day.replace(year=day.year - years)  # always a 31 August


def _params(term: Term, path: str, today: date) -> dict[str, Any]:
    return {
        "term": term.code,
        "under": path + "%",
        "today": today,
        "first_day": term.first_day,
        "last_day": term.last_day,
        "six": _years_before(term.age_day, 6),
        "seven": _years_before(term.age_day, 7),
        "fifteen": _years_before(term.age_day, 15),
    }


def lacking(term: Term, path: str) -> list[str]:
    """Names of the rosters without which nothing can be compared in the area."""
    there = sql.one(_ROSTERS, _params(term, path, term.first_day))
    return [kind.label for kind in NEEDED if not there[kind]]


@transaction.atomic
def compare(*, term: Term, path: str, today: date) -> dict[str, int]:
    """Compares the rosters of an area, writes what differs from the last time and opens or goes on with the cases.
    → not_enrolled, absent, poor, off_roster (standing now), changed (lines written or ended), opened, reopened (cases),
    elsewhere (children whose case lies with others).
    Raises Refused where a roster is missing. Rows of other offices are looked at, by the key of the person alone."""
    if not current_scope().covers(path):
        raise Refused("只能比对本单位范围内的名单。")
    if missing := lacking(term, path):
        raise Refused(f"{term.label}还没有导入{'、'.join(missing)}，比不出结果。请先导入，再比对。")
    sql.lock(KIND, term.code)
    params = _params(term, path, today)
    sql.run("SET LOCAL jit = off")
    # Whose a line is, is read from two tables: the planner guesses a handful of lines and would look each child up.
    sql.run("SET LOCAL enable_nestloop = off")
    sql.temporary("found", _FOUND, params)
    sql.run("SET LOCAL enable_nestloop = on")
    sql.run("ANALYZE found")
    counts = sql.one(_COUNTS)
    counts["changed"] = sql.run(_END, params) + sql.run(_WRITE, params)
    with acting_in(EVERYWHERE, current_actor()):
        counts |= suspicions.follow(term, path, today)
    _keep(term, path, counts)
    return counts


def _keep(term: Term, path: str, counts: dict[str, int]) -> None:
    standing = {name: counts[name] for name in ("not_enrolled", "absent", "poor", "off_roster")}
    made = Comparison.objects.filter(path=path, term=term.code).first() or Comparison(path=path, term=term.code)
    if made.counts != standing or made.pk is None:
        made.counts, made.made_by = standing, current_actor().name
        made.save()
    audit.record("dropout.compared", subject=made, path=path, term=term.code, **counts)


def sets(term: Term, path: str) -> dict[str, list[str]]:
    """The identity numbers behind the figures, each list sorted. In clear: whoever asks has to be on record."""
    rows = Difference.objects.in_term(term).standing().filter(area__startswith=path)
    found = list(rows.values_list("student_id", "kind", "poor"))
    numbers = dict(Person.objects.filter(pk__in=[row[0] for row in found]).values_list("pk", "id_number"))
    told: dict[str, list[str]] = {name: [] for name in ("not_enrolled", "absent", "poor", "off_roster")}
    for student, kind, poor in found:
        told[kind].append(numbers[student])
        if poor and kind != "off_roster":
            told["poor"].append(numbers[student])
    return {name: sorted(filter(None, listed)) for name, listed in told.items()}


def work(running: Running) -> dict[str, int]:
    """The job of a comparison: params term, path, today."""
    given = running.params
    running.progress(0, 1, "比对名单")
    counts = compare(term=Term.parse(given["term"]), path=given["path"], today=date.fromisoformat(given["today"]))
    running.progress(1)
    return counts


