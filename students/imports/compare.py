"""What each kind of row is held against: the cells that the system keeps of the same person or school, by kind.

A row is new where nothing is kept yet, unchanged where it says nothing else, changed otherwise. Encrypted values are
compared by their keyed hash. Placeholders: %(file)s, %(term)s, %(kind)s, %(office)s (the importing office's path),
%(first_day)s.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from students.enums import RosterKind

# What a row says of these does not stand in its `data`.
_SAID = {
    "name": "COALESCE(NULLIF(r.name, ''), r.data->>'name')",
    "phone": "r.phone_hash",
    "number": "r.number_hash",
}
_HASHES = ("phone", "number")


@dataclass(frozen=True)
class Kept:
    """`source`: FROM the rows `r` to what is kept, `there` when it is. `cells`: key of `data` → SQL of what is kept;
    `of_head`: the same for what only the line of a household's head is held to."""

    source: str
    there: str
    cells: dict[str, str]
    of_head: dict[str, str] = field(default_factory=dict)

    def may_differ(self) -> str:
        """SQL: whether a cell's text differs from what is kept. Cheap, and true of every row that does say something
        else; whoever it is true of is looked at closely."""
        of_head = " OR ".join(_differs(key, kept) for key, kept in self.of_head.items())
        said = [_differs(key, kept) for key, kept in self.cells.items()]
        return " OR ".join([*said, f"r.data->>'relation' = '户主' AND ({of_head})"] if of_head else said)

    def old(self) -> str:
        """SQL of a JSON with what is kept."""
        found = _object(self.cells)
        return (
            f"{found} || CASE WHEN r.data->>'relation' = '户主' THEN {_object(self.of_head)} ELSE '{{}}' END"
            if self.of_head
            else found
        )


def _differs(key: str, kept: str) -> str:
    if key in _SAID:
        return f"({_SAID[key]} IS NOT NULL AND {_SAID[key]} IS DISTINCT FROM {kept})"
    return f"(r.data ? '{key}' AND r.data->>'{key}' IS DISTINCT FROM ({kept})::text)"


def _object(cells: dict[str, str]) -> str:
    shown = {key: f"encode({kept}, 'hex')" if key in _HASHES else kept for key, kept in cells.items()}
    pairs = ", ".join(f"'{key}', {kept}" for key, kept in shown.items())
    return f"jsonb_build_object({pairs})"


_PERSON = "FROM students_importrow r LEFT JOIN students_person p ON p.id_hash = r.id_hash"

_ENROLMENT = Kept(
    f"""{_PERSON}
    LEFT JOIN students_student st ON st.person_id = p.id
    LEFT JOIN students_enrolment e ON e.student_id = p.id AND e.term = %(term)s
    LEFT JOIN aidcases_school s ON s.id = e.school_id
    LEFT JOIN students_guardian g ON g.student_id = p.id AND g.name = r.data->>'guardian_name'""",
    "e.id IS NOT NULL",
    {
        "name": "p.name", "ethnicity": "p.ethnicity", "school_code": "s.code", "stage": "e.stage", "grade": "e.grade",
        "class_name": "e.class_name", "boarding": "e.boarding", "rural_hukou": "e.rural_hukou",
        "hukou_code": "e.hukou_region_id", "entered_on": "e.entered_on", "left_behind": "e.left_behind",
        "orphan": "e.orphan", "disability_hint": "e.disability_hint", "phone": "e.phone_hash",
        "number": "st.roll_hash", "guardian_name": "g.name", "guardian_relation": "g.relation",
    },
)  # fmt: skip

# A register's household lines repeat on every member; they are compared on the line of the head only.
_POVERTY = Kept(
    f"""{_PERSON}
    LEFT JOIN students_household h ON h.number = r.data->>'household_number'
    LEFT JOIN students_member m ON m.person_id = p.id AND m.household_id = h.id""",
    "m.id IS NOT NULL",
    {
        "name": "p.name", "household_number": "h.number", "relation": "m.relation", "health": "m.health",
        "studying": "m.studying", "ethnicity": "p.ethnicity",
        "identified_on": """(SELECT min(d.from_on) FROM students_hardship d WHERE d.person_id = p.id
            AND d.source = 'poverty' AND d.category = 'registered_poor' AND d.active)""",
        "monitored": """COALESCE((SELECT d.category FROM students_hardship d WHERE d.person_id = p.id
            AND d.source = 'poverty' AND d.category LIKE 'monitored%%' ORDER BY d.from_on DESC, d.active LIMIT 1), '')""",
    },
    {
        "household_size": "h.size", "household_type": "h.kind", "exit_status": "h.exit_status", "cause": "h.cause",
        "risk_cleared": "h.risk_cleared", "income_per_head": "h.income_per_head::text", "phone": "h.phone_hash",
    },
)  # fmt: skip

_HARDSHIP = Kept(
    f"""{_PERSON}
    LEFT JOIN LATERAL (SELECT * FROM students_hardship h WHERE h.person_id = p.id AND h.source = %(kind)s
        AND h.office_path = %(office)s AND h.active ORDER BY h.from_on DESC LIMIT 1) h ON true""",
    "h.id IS NOT NULL",
    {
        "name": "p.name", "from_on": "h.from_on", "rural": "(h.category LIKE '%%_rural')", "category": "h.category",
        "class": "h.detail", "support_form": "h.detail", "disability_kind": "h.detail", "number": "h.proof_hash",
        "until_on": """(SELECT min(c.from_on) - 1 FROM students_hardship c WHERE c.person_id = h.person_id
            AND c.category = h.category AND c.source = h.source AND c.office_path = h.office_path
            AND NOT c.active AND c.from_on > h.from_on)""",
    },
)  # fmt: skip

_ROSTER = Kept(
    f"""{_PERSON}
    LEFT JOIN students_rosterentry e ON e.person_id = p.id AND e.kind = %(kind)s AND e.term = %(term)s""",
    "e.id IS NOT NULL",
    {"name": "p.name", "hukou_code": "e.region_id", "present": "e.present", "absence_reason": "e.reason"},
)

_SCHOOL = Kept(
    "FROM students_importrow r LEFT JOIN aidcases_school s ON s.code = r.data->>'code'",
    "s.id IS NOT NULL",
    {
        "name": "s.name", "stages": "to_jsonb(s.stages)", "region_code": "s.region_id", "public": "s.public",
        "rural_school": "s.rural",
        "annual_fee": """(SELECT f.annual_fee::text FROM aidcases_schoolfee f WHERE f.school_id = s.id
            ORDER BY (f.from_on <= %(first_day)s) DESC, abs(f.from_on - %(first_day)s) LIMIT 1)""",
    },
)  # fmt: skip

_ATTENDANCE = Kept(
    f"""{_PERSON}
    LEFT JOIN students_attendance a ON a.student_id = p.id AND a.month = r.data->>'month'
    LEFT JOIN aidcases_school s ON s.id = a.school_id""",
    "a.id IS NOT NULL",
    {
        "name": "p.name", "school_code": "s.code", "month": "a.month", "days_due": "a.days_due::text",
        "days_absent": "a.days_absent::text", "days_unexcused": "a.days_unexcused::text", "reason": "a.reason",
    },
)  # fmt: skip

KEPT: dict[str, Kept] = {
    RosterKind.SCHOOLS: _SCHOOL,
    RosterKind.POVERTY: _POVERTY,
    RosterKind.ROLL: _ENROLMENT,
    RosterKind.COLLEGE: _ENROLMENT,
    RosterKind.DIBAO: _HARDSHIP,
    RosterKind.TEKUN: _HARDSHIP,
    RosterKind.DISABLED: _HARDSHIP,
    RosterKind.POPULATION: _ROSTER,
    RosterKind.PRESENT: _ROSTER,
    RosterKind.ORPHANS: _HARDSHIP,
    RosterKind.ATTENDANCE: _ATTENDANCE,
    RosterKind.STUDENTS: _ENROLMENT,
}

# `said` is what the row says on the same keys; a key the file does not carry says nothing. Only rows that may differ are
# taken apart, and only those that end otherwise than they were are written.
_CLASSIFY = """
    WITH judged AS (
        SELECT r.id AS row, r.state AS was, r.changes AS is, ({there}) IS NOT TRUE AS fresh,
            CASE WHEN {there} AND ({may_differ}) THEN COALESCE((
                SELECT jsonb_object_agg(one.key, jsonb_build_array(it.old->one.key, one.value))
                FROM (SELECT {old} AS old, r.data || jsonb_strip_nulls(jsonb_build_object(
                    'name', NULLIF(r.name, ''), 'phone', encode(r.phone_hash, 'hex'),
                    'number', encode(r.number_hash, 'hex'))) AS said OFFSET 0) it CROSS JOIN jsonb_each(it.said) one
                WHERE it.old ? one.key AND it.old->one.key IS DISTINCT FROM one.value), '{{}}') ELSE '{{}}' END AS differs
        {source}
        WHERE r.file_id = %(file)s AND r.state IN ('read', 'new', 'changed', 'unchanged')
          AND NOT 'repeated' = ANY(r.reasons) {only} OFFSET 0
    ), verdict_of AS MATERIALIZED (
        SELECT row, state, differs FROM (SELECT judged.*, CASE WHEN fresh THEN 'new' WHEN differs = '{{}}' THEN 'unchanged'
            ELSE 'changed' END AS state FROM judged OFFSET 0) v
        WHERE (was, v.is) IS DISTINCT FROM (state, differs)
    )
    UPDATE students_importrow r SET state = v.state, changes = v.differs FROM verdict_of v WHERE r.id = v.row
"""


def classify(kind: str, only: str = "") -> str:
    """UPDATE of the file's rows that wait for nothing to new, changed or unchanged; `only`: AND … on `r`."""
    kept = KEPT[kind]
    return _CLASSIFY.format(
        source=kept.source, there=kept.there, may_differ=kept.may_differ(), old=kept.old(), only=only
    )
