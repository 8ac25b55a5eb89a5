"""A made-up city of any size, written by INSERT … SELECT in the proportions of the demo county's rosters."""

from aidcases import sql
from aidcases.actions import load_regions, open_office, region_named
from aidcases.crypto import seal
from aidcases.models import School
from aidcases.terms import Term
from students.models import Enrolment
from subsidies.actions import adopt_pack, load_pack

TERM = Term.parse("2018-autumn")
CITY = "6201"
COUNTIES = ("620102", "620103", "620104", "620105", "620111", "620121", "620122", "620123")

# stage: (share of all students, first age, grades, boarders, size of a school, fee a year, where its schools are)
STAGES = {
    "preschool": (0.16, 3, 3, 0.0, 150, 0, "home"),
    "primary": (0.38, 6, 6, 0.27, 450, 0, "home"),
    "junior": (0.20, 12, 3, 0.6, 700, 0, "home"),
    "senior": (0.10, 15, 3, 0.6, 1800, 800, "home"),
    "secondary_vocational": (0.07, 15, 3, 0.65, 1800, 1000, "home"),
    "higher_vocational": (0.04, 18, 3, 0.0, 6000, 5000, "away"),
    "undergraduate": (0.05, 18, 4, 0.0, 9000, 5000, "away"),
}
AWAY = ("620102", "620103", "610113", "510107")  # colleges stand in the city and in two other provinces

_PLACES = """
    CREATE TEMP TABLE bench_village AS
    SELECT code, path, left(code, 6) AS county, row_number() OVER by_county - 1 AS n, count(*) OVER by_county AS villages
    FROM aidcases_region WHERE level = 'village' AND left(code, 6) = ANY(%(counties)s)
    WINDOW by_county AS (PARTITION BY left(code, 6) ORDER BY code ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING);
    CREATE TEMP TABLE bench_school AS
    SELECT id AS school_id, path AS school_path, stages[1] AS stage, left(region_id, 6) AS county,
        row_number() OVER by_stage - 1 AS n, count(*) OVER by_stage AS schools
    FROM aidcases_school
    WINDOW by_stage AS (PARTITION BY stages[1], CASE WHEN stages[1] = ANY(%(away)s) THEN '' ELSE left(region_id, 6) END
        ORDER BY code ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING);
    ANALYZE bench_village, bench_school
"""

# Every fourth person is the head of a household, the others are students; neighbours in the table come from one
# county's roster. A number in [0, 1) hangs on the person and its purpose alone, so that a city can grow.
_PEOPLE = """
    CREATE TEMP TABLE bench_person AS
    WITH drawn AS (
        SELECT i AS id, (%(counties)s::text[])[1 + i / 4096 %% cardinality(%(counties)s)] AS county, i %% 4 = 0 AS adult,
            lot(i, 1) AS by_stage, lot(i, 2) AS by_grade, lot(i, 3) AS by_village, lot(i, 4) AS by_school,
            lot(i / 4, 5) AS by_poverty, lot(i / 4, 6) AS by_relief, lot(i, 7) AS by_boarding, lot(i, 8) AS by_day
        FROM generate_series(%(low)s::bigint, %(high)s::bigint) i
    )
    SELECT d.id, d.adult, d.by_poverty, d.by_relief, d.by_boarding < s.boarders AS boarding, v.code AS village,
        v.path AS home_path, d.county, s.stage, 1 + floor(d.by_grade * s.grades)::int AS grade,
        sch.school_id, sch.school_path,
        date '2018-08-31' - 365 * (CASE WHEN d.adult THEN 40 ELSE s.age + floor(d.by_grade * s.grades)::int END)
            - floor(d.by_day * 365)::int AS birth_on
    FROM drawn d
    JOIN bench_stage s ON d.by_stage >= s.low AND d.by_stage < s.high
    JOIN (SELECT DISTINCT county, villages FROM bench_village) vs ON vs.county = d.county
    JOIN bench_village v ON v.county = d.county AND v.n = floor(d.by_village * vs.villages)
    JOIN (SELECT DISTINCT stage, CASE WHEN stage = ANY(%(away)s) THEN '' ELSE county END AS county, schools
          FROM bench_school) ss ON ss.stage = s.stage AND ss.county IN ('', d.county)
    JOIN bench_school sch ON sch.stage = s.stage AND (ss.county = '' OR sch.county = d.county)
        AND sch.n = floor(d.by_school * ss.schools);
    ANALYZE bench_person;

    INSERT INTO students_person (id, id_number, id_hash, id_last4, name, initials, name_authority, name_undecided, sex,
        birth_on, ethnicity, hukou_region_id, household_path, found_path, home_path, school_path)
    SELECT id, %(sealed)s, sha256(int8send(id)), lpad((id %% 10000)::text, 4, '0'),
        substr('王李张刘陈杨赵黄周吴', 1 + (id %% 10)::int, 1)
            || substr('小明国强秀英建华丽娟志伟海燕文博', 1 + (id / 10 %% 16)::int, 1),
        chr((97 + id %% 26)::int) || chr((97 + id / 26 %% 26)::int), 3, false, CASE WHEN id %% 2 = 0 THEN '女' ELSE '男' END,
        birth_on, '汉族', village, CASE WHEN by_poverty < 0.18 THEN home_path ELSE '' END, home_path, home_path,
        CASE WHEN adult THEN '' ELSE school_path END
    FROM bench_person ORDER BY id;

    INSERT INTO students_student (person_id, roll_number, roll_hash, roll_last4)
    SELECT id, %(sealed)s, sha256(int8send(id)), lpad((id %% 10000)::text, 4, '0')
    FROM bench_person WHERE NOT adult ORDER BY id;

    INSERT INTO students_enrolment (student_id, term, school_id, stage, grade, class_name, boarding, rural_hukou,
        hukou_region_id, entered_on, left_behind, orphan, disability_hint, home_path, school_path)
    SELECT id, %(term)s, school_id, stage, grade, (id %% 4 + 1) || '班', boarding, by_relief < 0.9, village,
        CASE WHEN stage IN ('higher_vocational', 'undergraduate') THEN NULL
             ELSE make_date(2019 - grade, 9, 1) END, id %% 5 = 0, id %% 250 = 1, '', home_path, school_path
    FROM bench_person WHERE NOT adult ORDER BY id;

    INSERT INTO students_hardship (person_id, category, source, from_on, active, office_path, detail, proof_last4)
    SELECT p.id, h.category, h.source, h.from_on, h.active, '/62/6201/' || p.county || '/', '', ''
    FROM bench_person p CROSS JOIN LATERAL (VALUES
        ('registered_poor', 'poverty', date '2014-01-01', true, p.by_poverty < 0.18),
        ('dibao_rural', 'dibao', date '2016-05-01', true, p.by_relief < 0.055),
        ('dibao_rural', 'dibao', date '2018-03-01', false, p.by_relief < 0.005),
        ('dibao_urban', 'dibao', date '2017-02-01', true, p.by_relief BETWEEN 0.9 AND 0.905),
        ('tekun_rural', 'tekun', date '2017-11-01', true, p.by_relief BETWEEN 0.5 AND 0.508),
        ('disabled', 'disabled', date '2016-01-01', true, p.id %% 59 = 2)
    ) h (category, source, from_on, active, listed) WHERE h.listed ORDER BY p.id;

    SELECT setval(pg_get_serial_sequence('students_person', 'id'), %(high)s);
    DROP TABLE bench_person
"""


def emptied() -> None:
    """Takes everybody, every school and every office away; rules, divisions and the log stay."""
    sql.run(
        "TRUNCATE students_person, students_importfile, aidcases_school, aidcases_organisation, aidcases_job CASCADE"
    )
    sql.run("TRUNCATE subsidies_entitlement, subsidies_computerun, subsidies_mark CASCADE")


def forgotten() -> None:
    """Takes everybody away, and what `build` keeps for growing on: another city may be built."""
    emptied()
    sql.run("DROP TABLE bench_stage, bench_village, bench_school")
    sql.run("DROP FUNCTION pg_temp.lot(bigint, bigint)")


def build(students: int) -> None:
    """Divisions, offices, schools, the lanzhou pack adopted by the city; schools enough for so many students."""
    load_regions()
    for code in (CITY, *COUNTIES):
        open_office(region=region_named(code))
    load_pack("lanzhou")
    adopt_pack("lanzhou", region=region_named(CITY))
    for stage, row in STAGES.items():
        _schools(stage, row, students)
    sql.run("CREATE TEMP TABLE bench_stage (stage text, low float, high float, age int, grades int, boarders float)")
    low = 0.0
    for stage, (share, age, grades, boarders, *_) in STAGES.items():
        sql.run(
            "INSERT INTO bench_stage VALUES (%s, %s, %s, %s, %s, %s)", [stage, low, low + share, age, grades, boarders]
        )
        low = round(low + share, 6)
    sql.run(
        "CREATE FUNCTION pg_temp.lot(bigint, bigint) RETURNS float LANGUAGE sql IMMUTABLE "
        "RETURN (hashint8extended($1, $2) & 4294967295) / 4294967296.0::float"
    )
    away = [stage for stage, row in STAGES.items() if row[6] == "away"]
    sql.run(_PLACES, {"counties": list(COUNTIES), "away": away})


def _schools(stage: str, row: tuple, students: int) -> None:
    share, _, _, _, size, fee, where = row
    counties = COUNTIES if where == "home" else AWAY
    each = max(1, round(students * share / size / len(counties)))
    sql.run(
        """
        WITH made AS (
            INSERT INTO aidcases_school (code, name, initials, stages, region_id, path, public)
            SELECT c.code || lpad((%(first)s + n)::text, 5, '0'), r.name || %(stage)s || n, '', ARRAY[%(stage)s], r.code,
                r.path || c.code || lpad((%(first)s + n)::text, 5, '0') || '/', true
            FROM unnest(%(counties)s) c(code) JOIN aidcases_region r ON r.code = c.code, generate_series(1, %(each)s) n
            RETURNING id
        )
        INSERT INTO aidcases_schoolfee (school_id, from_on, annual_fee) SELECT id, '2016-09-01', %(fee)s FROM made
        """,
        {
            "first": School.objects.count(),
            "stage": stage,
            "counties": list(counties),
            "each": each,
            "fee": fee,
        },
    )


def grow(students: int) -> None:
    """Adds people until the term has so many students; what facts were marked on the way is forgotten."""
    now = Enrolment._base_manager.filter(term=TERM.code).count()
    away = [stage for stage, row in STAGES.items() if row[6] == "away"]
    span = {"low": now * 4 // 3 + 1, "high": students * 4 // 3}
    sql.run(
        _PEOPLE.replace("lot(", "pg_temp.lot("),
        {**span, "counties": list(COUNTIES), "away": away, "term": TERM.code, "sealed": seal("620123200901011234")},
    )
    sql.run("TRUNCATE subsidies_mark")
    sql.run("VACUUM (FREEZE, ANALYZE)")
