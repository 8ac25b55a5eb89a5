"""Pages of casework with 20,000 applications of one county: overviews, the county's queue by each check, a document of all.

Sequential requests of Django's test client, whole stack included: python -m benchmarks --only casework
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.test import Client

from aidcases import sql
from aidcases.actions import open_office, region_named
from aidcases.models import Membership, Organisation, School, User
from aidcases.roles import Role
from benchmarks import population
from benchmarks.bench_pages import COUNTY, measure
from benchmarks.population import CITY, TERM
from subsidies.models import Approval

# Drawn by the student's key: the boxes of the lists and, of every twentieth, one that may be on none; every twenty-fifth has
# an open objection, every fortieth no notice; every third household is in the register, with siblings' levels of their own.
_APPLIED = """
    INSERT INTO students_household (number, region_id, path, head_id, kind, exit_status, cause, monitored)
    SELECT 'H' || p.id, p.hukou_region_id, p.home_path, p.id, '', '', '', ''
    FROM students_person p LEFT JOIN students_student s ON s.person_id = p.id
    WHERE s.person_id IS NULL AND p.home_path LIKE %(county)s AND p.id %% 3 = 0;

    INSERT INTO students_member (household_id, person_id, relation, health, studying, from_on)
    SELECT h.id, s.person_id, '子女', '', '', date '2016-01-01'
    FROM students_household h JOIN students_student s ON s.person_id BETWEEN h.head_id + 1 AND h.head_id + 3;

    INSERT INTO subsidies_application (student_id, term, school_id, school_path, home_path, state, kind, late_reason,
        department, major, native_place, address, postcode, boxes, listed_boxes, disaster, accident, weakness,
        unemployment, debt, other, stamp, complete, version, saved_by, level, notice_over, objections_open,
        returned_why, checked_by_id)
    SELECT e.student_id, e.term, e.school_id, e.school_path, e.home_path, 'county_review', 'applied', '',
        '', '', '', '', '', CASE WHEN e.student_id %% 20 = 1 THEN ARRAY['dibao'] ELSE '{}' END || ARRAY(
            SELECT DISTINCT CASE h.category WHEN 'registered_poor' THEN 'poor' ELSE split_part(h.category, '_', 1) END
            FROM students_hardship h WHERE h.person_id = e.student_id AND h.active), '{}', '', '', '',
        '', '', '家庭困难', false, true, 1, '', (ARRAY['special', 'hard', 'ordinary'])[1 + e.student_id %% 3],
        e.student_id %% 40 <> 3, CASE WHEN e.student_id %% 25 = 1 THEN 1 ELSE 0 END, '',
        CASE WHEN e.student_id %% 2 = 0 THEN 1 END
    FROM students_enrolment e WHERE e.term = %(term)s AND e.school_path LIKE %(county)s
    ORDER BY hashint8(e.student_id) LIMIT %(number)s;

    INSERT INTO subsidies_determination (student_id, term, level, source, basis, home_path, school_path)
    SELECT a.student_id, '2017-autumn', a.level, 'application', '', a.home_path, a.school_path
    FROM subsidies_application a WHERE a.id %% 2 = 0;
    INSERT INTO subsidies_determination (student_id, term, level, source, basis, home_path, school_path)
    SELECT a.student_id, a.term, 'ordinary', 'matched', '', a.home_path, a.school_path
    FROM subsidies_application a WHERE a.id %% 10 = 0
"""
CHECKS = ("clear", "any", "no_notice", "objection", "not_enrolled", "elsewhere", "unlisted", "quota", "household")


COUNTY_PATH = f"/{CITY[:2]}/{CITY}/{COUNTY}/"


def main(applications: int, repeats: int) -> list[dict[str, Any]]:
    """One row per page and clerk."""
    build(applications)
    clerks = _clerks()
    pages: list[tuple[str, str, dict[str, str]]] = [
        *(("county", name, {}) for name in ("home", "class_list", "application_list", "county_list", "county_again")),
        *(("county", "county_list", {"check": check}) for check in CHECKS),
        ("county", "county_list", {"seen": "others"}),
        ("county", "application_list", {"state": "county_review"}),
        ("county", "application_list", {"state": "listed"}),
        ("county", "archive_list", {}),
        ("city", "class_list", {}),
        *(("school", name, {}) for name in ("home", "class_list", "application_list", "county_list")),
    ]  # fmt: skip
    found = [_row(clerks[who], who, name, asked, repeats) for who, name, asked in pages]
    document = _decided()
    found += [_row(clerks[who], who, "approval_detail", {}, repeats, document) for who in ("county", "school")]
    found.append(_row(clerks["county"], "county", "approval_list", {}, repeats))
    population.forgotten()
    sql.run("TRUNCATE subsidies_approval CASCADE")
    return found


def build(applications: int) -> None:
    """A county of half as many children again as have applied, in a city of eight such."""
    population.build(applications * 12)
    population.grow(applications * 12)
    sql.run(_APPLIED, {"county": f"{COUNTY_PATH}%", "term": TERM.code, "number": applications})
    sql.run("VACUUM (ANALYZE)")


def _row(client: Client, who: str, name: str, asked: dict[str, str], repeats: int, *args: int) -> dict[str, Any]:
    return {"page": name, "asked": asked, "clerk": who, **measure(client, name, asked, repeats, *args)}


def _clerks() -> dict[str, Client]:
    """A signed-in browser each for the county's checker, the city's officer and the biggest school's maker."""
    school = School.objects.filter(region_id=COUNTY, stages=["primary"]).order_by("code")[0]
    offices: dict[str, tuple[Organisation, Role]] = {
        "county": (open_office(region=region_named(COUNTY)), Role.COUNTY_CHECKER),
        "city": (open_office(region=region_named(CITY)), Role.CITY_OFFICER),
        "school": (open_office(school=school), Role.SCHOOL_MAKER),
    }
    found = {}
    for name, (office, role) in offices.items():
        user, _ = User.objects.get_or_create(username=f"bench-casework-{name}")
        Membership.objects.get_or_create(user=user, organisation=office, role=role)
        found[name] = Client(SERVER_NAME="localhost")
        found[name].force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return found


def _decided() -> int:
    """Every application approved by one document."""
    made = Approval(path=COUNTY_PATH, term=TERM.code, number="测速1号", decided_on=date(2018, 10, 20), decided_by="甲")
    made.save()
    sql.run("UPDATE subsidies_application SET state = 'approved', approval_id = %s", [made.pk])
    sql.run("VACUUM (ANALYZE) subsidies_application")
    return made.pk
