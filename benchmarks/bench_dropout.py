"""Rosters of a city's 300,000 children compared: home register against roll against those present, the early warning, and
the lists of what was found as a county's clerk opens them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import Any

from aidcases import sql
from aidcases.actions import region_named
from aidcases.crypto import seal
from benchmarks import population
from benchmarks.bench_pages import clerks, measure
from benchmarks.population import CITY, COUNTIES, TERM
from dropout import comparing, warnings

TODAY = date(2018, 10, 8)
PAGES = ("case_list", "difference_list", "warning_list", "dropout_board")
CLERKS = ("county", "city")

# Of a thousand children ten are on no roll, ten on the roll are not present, one is on no roster but the poor's.
_CHILDREN = """
    CREATE TEMP TABLE bench_child AS
    SELECT i AS id, v.code AS village, v.path AS home_path, v.county, i %% 9 AS year, i %% 100 = 0 AS unenrolled,
        i %% 100 = 1 AS absent, i %% 1000 = 3 AS alone, i %% 5 IN (0, 3) AS poor, s.school_id, s.school_path, s.stage
    FROM generate_series(1, %(children)s) i
    JOIN bench_village v ON v.county = (%(counties)s::text[])[1 + i / 4096 %% cardinality(%(counties)s)]
        AND v.n = i %% v.villages
    JOIN bench_school s ON s.county = v.county AND s.stage = CASE WHEN i %% 9 < 6 THEN 'primary' ELSE 'junior' END
        AND s.n = i / 9 %% s.schools;
    ANALYZE bench_child;
    INSERT INTO students_person (id, id_number, id_hash, id_last4, name, initials, name_authority, name_undecided, sex,
        birth_on, ethnicity, hukou_region_id, household_path, found_path, home_path, school_path)
    SELECT id, %(sealed)s, sha256(int8send(id)), lpad((id %% 10000)::text, 4, '0'),
        substr('王李张刘陈杨赵黄周吴', 1 + (id %% 10)::int, 1) || substr('小明国强秀英建华丽娟', 1 + (id / 10 %% 10)::int, 1),
        'zx', 3, false, '男', date '2012-08-01' - 365 * year::int, '汉族', village, '', home_path, home_path,
        CASE WHEN unenrolled OR alone THEN '' ELSE school_path END
    FROM bench_child ORDER BY id;
    INSERT INTO students_student (person_id, roll_number, roll_hash, roll_last4)
    SELECT id, NULL, NULL, '' FROM bench_child ORDER BY id;
    INSERT INTO students_enrolment (student_id, term, school_id, stage, grade, class_name, boarding, rural_hukou,
        hukou_region_id, left_behind, orphan, disability_hint, home_path, school_path)
    SELECT id, %(term)s, school_id, stage, 1 + CASE stage WHEN 'primary' THEN year ELSE year - 6 END, '1班', false, true, village,
        id %% 5 = 0, false, '', home_path, school_path
    FROM bench_child WHERE NOT unenrolled AND NOT alone ORDER BY id;
    INSERT INTO students_household (number, region_id, path, kind, exit_status, cause, monitored)
    SELECT village || lpad(id::text, 8, '0'), village, home_path, '', '', '', '' FROM bench_child WHERE poor ORDER BY id;
    INSERT INTO students_member (household_id, person_id, relation, health, studying, from_on)
    SELECT h.id, c.id, '之子', '', '', date '2014-01-01' FROM bench_child c
    JOIN students_household h ON h.number = c.village || lpad(c.id::text, 8, '0') WHERE c.poor;
    INSERT INTO students_attendance (student_id, month, school_id, school_path, days_due, days_absent, days_unexcused, reason)
    SELECT id, '2018-09', school_id, school_path, 20,
        CASE WHEN id %% 20 = 0 THEN 12 ELSE 1 END, 0, '' FROM bench_child WHERE NOT unenrolled AND NOT alone
"""
_ROSTER = """
    INSERT INTO students_importfile (kind, term, office_id, path, filename, sha256, stored, returned, state, summary, counts,
        problem, data_on, uploaded_by, committed_at)
    SELECT %(kind)s, %(term)s, o.id, o.path, %(kind)s, '', '', '', 'committed', '{}', '{}', '', '2018-09-10', '', now()
    FROM aidcases_organisation o JOIN aidcases_region r ON r.path = o.path WHERE r.code = ANY(%(counties)s);
    INSERT INTO students_importrow (file_id, number, state, reasons, cells, warnings, name, id_last4, sex, second_last4,
        number_last4, data, id_hash)
    SELECT f.id, c.id, 'new', '{}', '{}', '{}', '', '', '', '', '', '{}', NULL FROM bench_child c
    JOIN students_importfile f ON f.kind = %(kind)s AND f.path = '/62/6201/' || c.county || '/'
    WHERE NOT alone AND (%(kind)s <> 'present' OR NOT unenrolled);
    INSERT INTO students_rosterentry (kind, term, person_id, region_id, present, reason, row_id)
    SELECT %(kind)s, %(term)s, c.id, c.village, CASE %(kind)s WHEN 'present' THEN NOT absent END, '', i.id
    FROM bench_child c JOIN students_importfile f ON f.kind = %(kind)s AND f.path = '/62/6201/' || c.county || '/'
    JOIN students_importrow i ON i.file_id = f.id AND i.number = c.id
"""


def main(children: int, repeats: int = 40) -> dict[str, Any]:
    """Seconds of a comparison and of the same again; of the warning; milliseconds of the lists."""
    population.build(children)
    _children(children)
    city = region_named(CITY).path

    def compare() -> dict[str, int]:
        return comparing.compare(term=TERM, path=city, today=TODAY)

    first, counts = _seconds(compare)
    sql.run("VACUUM (ANALYZE) dropout_difference, dropout_dropoutcase")
    again, same = _seconds(compare)
    wanted = {"not_enrolled": children // 100, "off_roster": len(range(3, children + 1, 1000)), "changed": counts["opened"]}
    if any(counts[name] != number for name, number in wanted.items()) or same["changed"] or same["opened"]:
        raise AssertionError(f"not what was put in: {counts}, then {same}")
    warned, told = _seconds(lambda: warnings.look(term=TERM, path=city, today=TODAY))
    unwarned, quiet = _seconds(lambda: warnings.look(term=TERM, path=city, today=TODAY))
    if quiet["changed"]:
        raise AssertionError(f"warnings changed without a reason: {quiet}")
    sql.run("VACUUM (ANALYZE) dropout_warningline")
    pages = [
        {"page": page, "clerk": name, **measure(client, page, {}, repeats)}
        for name, client in clerks().items()
        if name in CLERKS
        for page in PAGES
    ]
    population.emptied()
    sql.run("DROP TABLE bench_child, bench_stage, bench_village, bench_school")
    sql.run("DROP FUNCTION pg_temp.lot(bigint, bigint)")
    return {
        "children on each roster": children, "comparison (s)": first, "lines": counts["changed"], "cases": counts["opened"],
        "unchanged (s)": again, "early warning (s)": warned, "pupils warned": told["warned"], "warning unchanged (s)": unwarned,
        "pages": pages,
    }  # fmt: skip


def _seconds(step: Callable[[], dict[str, int]]) -> tuple[float, dict[str, int]]:
    started = time.perf_counter()
    told = step()
    return round(time.perf_counter() - started, 1), told


def _children(number: int) -> None:
    params = {"children": number, "counties": list(COUNTIES), "term": TERM.code, "sealed": seal("620123200901011234")}
    sql.run(_CHILDREN, params)
    for kind in ("population", "present"):
        sql.run(_ROSTER, {**params, "kind": kind})
    sql.run("TRUNCATE subsidies_mark")
    sql.run("VACUUM (FREEZE, ANALYZE)")
