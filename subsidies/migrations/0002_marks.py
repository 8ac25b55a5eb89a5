"""Statement-level triggers on the fact tables mark the students whose facts changed, per term they are enrolled in.

Facts: people (residence, household), hardship, enrolments, school fees, schools. Adoptions and packs are compared by
the rules digest instead (subsidies.compute.still_stands): a new rule concerns everyone, not a list of students.
"""

from django.db import migrations

MARK = """
CREATE FUNCTION subsidies_mark_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {before}
    INSERT INTO subsidies_mark (term, student_id)
    {select}
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
"""

TRIGGER = """
CREATE TRIGGER mark_{verb} AFTER {verb} ON {table} REFERENCING {referencing}
    FOR EACH STATEMENT EXECUTE FUNCTION subsidies_mark_{name}();
"""

REFERENCING = {
    "insert": "NEW TABLE AS fresh",
    "update": "OLD TABLE AS stale NEW TABLE AS fresh",
    "delete": "OLD TABLE AS stale",
}

# The certificate's part a student leaves behind is stale too.
FORGET = """
    DELETE FROM subsidies_certificatepart c USING stale e
    WHERE c.term = e.term AND c.school_id = e.school_id
      AND c.home_county = COALESCE(substring(e.home_path from '^(/[^/]+/[^/]+/[^/]+/)'), e.home_path);
"""

OF_PEOPLE = "SELECT e.term, e.student_id FROM students_enrolment e JOIN ({who}) w ON w.id = e.student_id"

# (table, verb, select, statement before)
MARKS = [
    ("students_enrolment", "insert", "SELECT term, student_id FROM fresh", ""),
    (
        "students_enrolment",
        "update",
        # What no rule reads (class, phone, provenance) marks nobody.
        "SELECT n.term, n.student_id FROM fresh n JOIN stale o ON o.id = n.id WHERE (n.school_id, n.stage, n.grade, "
        "n.boarding, n.rural_hukou, n.hukou_region_id, n.entered_on, n.orphan, n.home_path, n.school_path) IS DISTINCT FROM "
        "(o.school_id, o.stage, o.grade, o.boarding, o.rural_hukou, o.hukou_region_id, o.entered_on, o.orphan, "
        "o.home_path, o.school_path)",
        FORGET,
    ),
    ("students_enrolment", "delete", "SELECT term, student_id FROM stale", FORGET),
    (
        "students_person",
        "update",
        OF_PEOPLE.format(
            who="SELECT n.id FROM fresh n JOIN stale o ON o.id = n.id WHERE (n.birth_on, n.hukou_region_id, "
            "n.household_path, n.home_path) IS DISTINCT FROM (o.birth_on, o.hukou_region_id, o.household_path, o.home_path)"
        ),
        "",
    ),
    ("students_hardship", "insert", OF_PEOPLE.format(who="SELECT DISTINCT person_id AS id FROM fresh"), ""),
    (
        "students_hardship",
        "update",
        OF_PEOPLE.format(
            who="SELECT DISTINCT n.person_id AS id FROM fresh n JOIN stale o ON o.id = n.id WHERE (n.person_id, n.category, "
            "n.source, n.from_on, n.active) IS DISTINCT FROM (o.person_id, o.category, o.source, o.from_on, o.active)"
        ),
        "",
    ),
    ("students_hardship", "delete", OF_PEOPLE.format(who="SELECT DISTINCT person_id AS id FROM stale"), ""),
    (
        "aidcases_schoolfee",
        "insert",
        "SELECT e.term, e.student_id FROM students_enrolment e WHERE e.school_id IN (SELECT school_id FROM fresh)",
        "",
    ),
    (
        "aidcases_schoolfee",
        "update",
        "SELECT e.term, e.student_id FROM students_enrolment e WHERE e.school_id IN (SELECT n.school_id FROM fresh n "
        "JOIN stale o ON o.id = n.id WHERE n.annual_fee <> o.annual_fee OR n.from_on <> o.from_on)",
        "",
    ),
    (
        "aidcases_schoolfee",
        "delete",
        "SELECT e.term, e.student_id FROM students_enrolment e WHERE e.school_id IN (SELECT school_id FROM stale)",
        "",
    ),
    (
        "aidcases_school",
        "update",
        "SELECT e.term, e.student_id FROM students_enrolment e WHERE e.school_id IN (SELECT n.id FROM fresh n "
        "JOIN stale o ON o.id = n.id WHERE n.public <> o.public OR n.path <> o.path)",
        "",
    ),
]


def forward() -> str:
    statements = []
    for table, verb, select, before in MARKS:
        name = f"{table}_{verb}"
        statements.append(MARK.format(name=name, select=select, before=before))
        statements.append(TRIGGER.format(name=name, table=table, verb=verb, referencing=REFERENCING[verb]))
    return "".join(statements)


def backward() -> str:
    return "".join(
        f"DROP TRIGGER mark_{verb} ON {table}; DROP FUNCTION subsidies_mark_{table}_{verb}();\n" for table, verb, *_ in MARKS
    )


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0001_initial"), ("students", "0001_initial"), ("aidcases", "0002_append_only")]
    operations = [migrations.RunSQL(forward(), backward())]
