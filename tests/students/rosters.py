"""Importing whole folders of rosters in a test, and what the system then says of them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from aidcases import jobs, sql
from aidcases.actions import open_office, region_named
from aidcases.terms import Term
from students.imports import pipeline
from students.models import ImportFile
from subsidies.actions import adopt_pack, load_pack, request_recompute
from subsidies.models import Entitlement

SAMPLE = Path(__file__).parents[1] / "data" / "yuzhong-2018"
TITLES = {
    "schools": "学校名录",
    "poverty": "建档立卡贫困人口",
    "roll": "学籍信息",
    "college": "高校就读学生",
    "dibao": "低保名单",
    "tekun": "特困供养名单",
    "disabled": "残疾人名单",
    "population": "户籍适龄人口",
    "present": "在校学生",
}
SAMPLE_FILES = {kind: SAMPLE / f"{title}.xlsx" for kind, title in TITLES.items()}


def bring_in(kind: str, path: Path, *, county: str, term: str) -> ImportFile:
    """Imports and commits one roster for a county's office."""
    office = open_office(region=region_named(county))
    file = pipeline.run_now(kind=kind, path=path, term=Term.parse(term), office=office, commit_too=True)
    assert file.state == "committed", file.problem
    return file


def adopt_lanzhou(region: str = "6201") -> None:
    load_pack("lanzhou")
    adopt_pack("lanzhou", region=region_named(region))


def recompute(term: str, county: str) -> dict[str, Any]:
    job = jobs.work_off(request_recompute(term=Term.parse(term), path=region_named(county).path))
    assert job.state == "done", job.error
    return job.result


def entitlements(term: str, county: str) -> dict[str, dict[str, str | None]]:
    """ID number → rule → amount, as `manage.py entitlements` writes them."""
    found: dict[str, dict[str, str | None]] = {}
    rows = Entitlement.objects.in_term(Term.parse(term)).of(region_named(county).path)
    for number, rule, amount, kind in rows.values_list(
        "student__person__id_number", "rule__code", "amount", "rule__amount_kind"
    ):
        found.setdefault(number, {})[rule] = None if kind == "none" else f"{Decimal(amount):.2f}"
    return found


FACTS = """
    SELECT 'person', encode(id_hash, 'hex') || ' ' || name || ' ' || name_undecided || ' ' || home_path || ' ' || school_path
        || ' ' || household_path || ' ' || COALESCE(hukou_region_id, '') FROM students_person WHERE name_authority > 0
    UNION ALL
    SELECT 'hardship', encode(p.id_hash, 'hex') || ' ' || h.category || h.source || h.from_on || h.active || h.office_path
    FROM students_hardship h JOIN students_person p ON p.id = h.person_id
    UNION ALL
    SELECT 'enrolment', encode(p.id_hash, 'hex') || ' ' || e.term || s.code || e.stage || e.grade || e.boarding || e.home_path
    FROM students_enrolment e JOIN students_person p ON p.id = e.student_id JOIN aidcases_school s ON s.id = e.school_id
    UNION ALL
    SELECT 'member', encode(p.id_hash, 'hex') || ' ' || h.number || m.relation
    FROM students_member m JOIN students_person p ON p.id = m.person_id JOIN students_household h ON h.id = m.household_id
    WHERE h.number IS NOT NULL
    UNION ALL
    SELECT 'roster', encode(p.id_hash, 'hex') || ' ' || r.kind || r.term
        || COALESCE(r.present::text, '') || COALESCE(r.region_id, '')
    FROM students_rosterentry r JOIN students_person p ON p.id = r.person_id
    UNION ALL
    SELECT 'student', encode(p.id_hash, 'hex') FROM students_student s JOIN students_person p ON p.id = s.person_id
"""


def facts() -> set[tuple[str, str]]:
    """The final facts in natural codes, to compare two ways of arriving at them."""
    return {tuple(row.values()) for row in sql.rows(f"SELECT kind, fact FROM ({FACTS}) AS f(kind, fact)")}
