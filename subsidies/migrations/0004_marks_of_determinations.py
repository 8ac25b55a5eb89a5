"""Determinations, schools' rural mark and lists of orphans are facts too: a change marks the students (as migration 0002
does).

An autumn's determination counts in the spring of its school year as well.
"""

from importlib import import_module

from django.db import migrations

marks = import_module("subsidies.migrations.0002_marks")

OF_DETERMINATIONS = """
    SELECT e.term, e.student_id FROM ({which}) d JOIN students_enrolment e ON e.student_id = d.student_id
    WHERE e.term = d.term OR d.term LIKE '%-autumn' AND e.term = (left(d.term, 4)::int + 1) || '-spring'
"""
# A list of orphans that comes into force, or is undone, decides over the roll's own marks in its area.
COUNTS = "{0}.state IN ('committed', 'undoing')"
LISTS = f"""fresh n JOIN stale o ON o.id = n.id
    WHERE n.kind = 'orphans' AND ({COUNTS.format("n")}) <> ({COUNTS.format("o")})"""
KEYS, LEVEL = "student_id term", "student_id term level"

MARKS = [
    ("subsidies_determination", "insert", OF_DETERMINATIONS.format(which="SELECT student_id, term FROM fresh"), ""),
    (
        "subsidies_determination", "update",
        OF_DETERMINATIONS.format(which=f"SELECT * FROM ({marks.changed(KEYS, LEVEL)}) k (student_id, term)"), "",
    ),
    ("subsidies_determination", "delete", OF_DETERMINATIONS.format(which="SELECT student_id, term FROM stale"), ""),
    (
        "students_importfile", "update",
        f"""SELECT e.term, e.student_id FROM students_enrolment e WHERE e.orphan
            AND EXISTS (SELECT FROM {LISTS} AND starts_with(e.home_path, n.path))""",
        f"IF NOT EXISTS (SELECT FROM {LISTS}) THEN RETURN NULL; END IF;",
    ),
]  # fmt: skip
SCHOOL = ("aidcases_school", "update", marks.OF_SCHOOLS.format(which=marks.changed("id", "public rural path")), "")
BEFORE = ("aidcases_school", "update", marks.OF_SCHOOLS.format(which=marks.changed("id", "public path")), "")


def function_of(mark: tuple[str, str, str, str]) -> str:
    table, verb, select, before = mark
    text = marks.MARK.format(name=f"{table}_{verb}", select=select, before=before)
    return text.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


def forward() -> str:
    triggers = (
        marks.TRIGGER.format(name=f"{table}_{verb}", table=table, verb=verb, referencing=marks.REFERENCING[verb])
        for table, verb, *_ in MARKS
    )
    return "".join([*map(function_of, MARKS), *triggers, function_of(SCHOOL)])


def backward() -> str:
    drops = (
        f"DROP TRIGGER mark_{verb} ON {table}; DROP FUNCTION subsidies_mark_{table}_{verb}();\n"
        for table, verb, *_ in MARKS
    )
    return "".join([*drops, function_of(BEFORE)])


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0003_rules_in_full"), ("aidcases", "0003_school_rural")]
    operations = [migrations.RunSQL(forward(), backward())]
