"""Statement-level triggers on the fact tables mark the students whose facts changed, per term they are enrolled in.

Facts: people (residence, household), hardship, enrolments, school fees, schools, lists of orphans, determinations,
refusals, decided top-ups, suspensions. Adoptions and packs are compared by
the rules digest instead (subsidies.compute.still_stands): a new rule concerns everyone, not a list of students.
"""

from django.db import migrations

# EXECUTE plans anew each time: a plan kept from a change of one row would join sixty thousand by a nested loop.
MARK = """
CREATE FUNCTION subsidies_mark_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {before}
    EXECUTE $mark$INSERT INTO subsidies_mark (term, student_id)
    {select}
    ON CONFLICT DO NOTHING$mark$;
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

# The certificate's part a student leaves behind is stale too. Nobody certifies or computes the term meanwhile
# (subsidies.compute, subsidies.runs lock the same words), or a part made of the old rows would come to stay.
FORGET = """
    EXECUTE $lock$SELECT pg_advisory_xact_lock(hashtextextended('certify|' || t.term, 0))
        FROM (SELECT DISTINCT term FROM ({left}) l ORDER BY term) t$lock$;
    EXECUTE $forget$DELETE FROM subsidies_certificatepart c USING ({left}) l
    WHERE c.term = l.term AND c.school_id = l.school_id AND c.home_county = l.home_county$forget$;
"""
LEFT = "SELECT DISTINCT o.term, o.school_id, left(o.home_path, 16) AS home_county FROM stale o"
MOVED = (
    LEFT + " JOIN fresh n ON n.id = o.id WHERE (n.term, n.student_id, n.school_id, left(n.home_path, 16)) "
    "IS DISTINCT FROM (o.term, o.student_id, o.school_id, left(o.home_path, 16))"
)


def of(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{column}" for column in columns.split())


def changed(keys: str, columns: str) -> str:
    """The keys, new and old, of updated rows that differ in a column. What no rule reads marks nobody."""
    return (
        f"SELECT k.* FROM fresh n JOIN stale o ON o.id = n.id CROSS JOIN LATERAL (VALUES ({of('n', keys)}), "
        f"({of('o', keys)})) k WHERE ({of('n', columns)}) IS DISTINCT FROM ({of('o', columns)})"
    )


OF_PEOPLE = "SELECT e.term, e.student_id FROM students_enrolment e WHERE e.student_id IN ({who})"
OF_SCHOOLS = "SELECT e.term, e.student_id FROM students_enrolment e WHERE e.school_id IN ({which})"

ENROLMENT = (
    "term student_id school_id stage grade boarding rural_hukou hukou_region_id entered_on orphan home_path school_path"
)
PERSON = "id_hash birth_on hukou_region_id household_path home_path"  # the certificate reads the hash
HARDSHIP = "person_id category source from_on active office_path"
FEE = "school_id annual_fee from_on"

# An autumn's determination counts in the spring of its school year as well.
OF_DETERMINATIONS = """
    SELECT e.term, e.student_id FROM ({which}) d JOIN students_enrolment e ON e.student_id = d.student_id
    WHERE e.term = d.term OR d.term LIKE '%-autumn' AND e.term = (left(d.term, 4)::int + 1) || '-spring'
"""
# A list of orphans that comes into force, or is undone, decides over the roll's own marks in its area.
COUNTS = "{0}.state IN ('committed', 'undoing')"
LISTS = f"""fresh n JOIN stale o ON o.id = n.id
    WHERE n.kind = 'orphans' AND ({COUNTS.format("n")}) <> ({COUNTS.format("o")})"""
ORPHANS = f"""SELECT e.term, e.student_id FROM students_enrolment e WHERE e.orphan
            AND EXISTS (SELECT FROM {LISTS} AND starts_with(e.home_path, n.path))"""

LEVELS = f"SELECT * FROM ({changed('student_id term', 'student_id term level')}) k (student_id, term)"
DECIDED = f"""SELECT k.term, k.student_id
    FROM ({changed("student_id term", "student_id term benefit_id state decided")}) k (student_id, term)"""

DETERMINED = "subsidies_determination"

# (table, verb, select, statement before)
MARKS = [
    ("students_enrolment", "insert", "SELECT term, student_id FROM fresh", ""),
    ("students_enrolment", "update", changed("term student_id", ENROLMENT), FORGET.format(left=MOVED)),
    ("students_enrolment", "delete", "SELECT term, student_id FROM stale", FORGET.format(left=LEFT)),
    ("students_person", "update", OF_PEOPLE.format(who=changed("id", PERSON)), ""),
    ("students_hardship", "insert", OF_PEOPLE.format(who="SELECT person_id FROM fresh"), ""),
    ("students_hardship", "update", OF_PEOPLE.format(who=changed("person_id", HARDSHIP)), ""),
    ("students_hardship", "delete", OF_PEOPLE.format(who="SELECT person_id FROM stale"), ""),
    ("aidcases_schoolfee", "insert", OF_SCHOOLS.format(which="SELECT school_id FROM fresh"), ""),
    ("aidcases_schoolfee", "update", OF_SCHOOLS.format(which=changed("school_id", FEE)), ""),
    ("aidcases_schoolfee", "delete", OF_SCHOOLS.format(which="SELECT school_id FROM stale"), ""),
    ("aidcases_school", "update", OF_SCHOOLS.format(which=changed("id", "public rural path")), ""),
    ("students_importfile", "update", ORPHANS, f"IF NOT EXISTS (SELECT FROM {LISTS}) THEN RETURN NULL; END IF;"),
    ("students_suspension", "insert", OF_PEOPLE.format(who="SELECT student_id FROM fresh"), ""),
    (DETERMINED, "insert", OF_DETERMINATIONS.format(which="SELECT student_id, term FROM fresh"), ""),
    (DETERMINED, "update", OF_DETERMINATIONS.format(which=LEVELS), ""),
    (DETERMINED, "delete", OF_DETERMINATIONS.format(which="SELECT student_id, term FROM stale"), ""),
    ("subsidies_refusal", "insert", "SELECT term, student_id FROM fresh", ""),
    ("subsidies_topupcase", "insert", "SELECT term, student_id FROM fresh WHERE state = 'approved'", ""),
    ("subsidies_topupcase", "update", DECIDED, ""),
    ("subsidies_topupcase", "delete", "SELECT term, student_id FROM stale WHERE state = 'approved'", ""),
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
        f"DROP TRIGGER mark_{verb} ON {table}; DROP FUNCTION subsidies_mark_{table}_{verb}();\n"
        for table, verb, *_ in MARKS
    )


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0001_initial")]
    operations = [migrations.RunSQL(forward(), backward())]
