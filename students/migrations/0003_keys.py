"""The keys of facts, looked at once a statement instead of once a row: a check for each of 250,000 rows of a roll would
take a quarter of its commit.

What refers to a staged row or a division is not checked at all, because neither is ever deleted. What refers to people,
pupils and schools is: the foreign keys stay declared, and triggers do what the database's own would do. An INSERT is
checked as a set, at its end, and holds whom it refers to until the transaction ends. Keys that change and rows that are
taken away are few; they are checked row by row at the transaction's end, so that an undo may take its steps in any order.
"""

from django.db import migrations

# What an INSERT refers to, by (column, table, key) …: rows made by this very transaction need not be held.
REFERS = r"""
CREATE FUNCTION students_refers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said bigint;
    own bigint;
    held bigint;
BEGIN
    FOR place IN 0 .. TG_NARGS - 1 BY 3 LOOP
        EXECUTE format('SELECT count(DISTINCT %I) FROM fresh', TG_ARGV[place]) INTO said;
        EXECUTE format('SELECT count(*) FROM %2$I t WHERE t.%3$I IN (SELECT %1$I FROM fresh)
            AND t.xmin = pg_current_xact_id()::xid', TG_ARGV[place], TG_ARGV[place + 1], TG_ARGV[place + 2]) INTO own;
        CONTINUE WHEN own = said;
        EXECUTE format('WITH held AS MATERIALIZED (SELECT FROM %2$I t WHERE t.%3$I IN (SELECT %1$I FROM fresh)
            AND t.xmin <> pg_current_xact_id()::xid FOR KEY SHARE OF t) SELECT count(*) FROM held',
            TG_ARGV[place], TG_ARGV[place + 1], TG_ARGV[place + 2]) INTO held;
        IF own + held < said THEN
            RAISE foreign_key_violation USING TABLE = TG_TABLE_NAME, COLUMN = TG_ARGV[place],
                MESSAGE = format('insert on %s: %s names a row that %s has not', TG_TABLE_NAME, TG_ARGV[place],
                    TG_ARGV[place + 1]);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
"""

# One key that changed, or one row that went.
STANDS = r"""
CREATE FUNCTION {table}_{column}_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    one bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN one := OLD.{key}; ELSE one := NEW.{column}; END IF;
    PERFORM FROM {target} WHERE {key} = one FOR KEY SHARE;
    IF NOT FOUND AND EXISTS (SELECT FROM {table} WHERE {column} = one) THEN
        RAISE foreign_key_violation USING TABLE = '{table}', COLUMN = '{column}',
            MESSAGE = '{table}: {column} names a row that {target} has not';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER {column}_stands AFTER UPDATE OF {column} ON {table} DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.{column} IS DISTINCT FROM NEW.{column}) EXECUTE FUNCTION {table}_{column}_stands();
CREATE CONSTRAINT TRIGGER {table}_{column}_stands AFTER DELETE ON {target} DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION {table}_{column}_stands();
"""
ENFORCED = """
DO $$ BEGIN EXECUTE (SELECT format('ALTER TABLE {table} ALTER CONSTRAINT %I {how}', c.conname) FROM pg_constraint c
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    WHERE c.contype = 'f' AND c.conrelid = '{table}'::regclass AND a.attname = '{column}'); END $$;
"""
PERSON, STUDENT, SCHOOL = ("students_person", "id"), ("students_student", "person_id"), ("aidcases_school", "id")
# table → column → (table, key) it refers to
KEYS = {
    "students_student": {"person_id": PERSON},
    "students_enrolment": {"student_id": STUDENT, "school_id": SCHOOL},
    "students_guardian": {"student_id": STUDENT, "person_id": PERSON},
    "students_rosterentry": {"person_id": PERSON},
    "students_hardship": {"person_id": PERSON},
    "students_member": {"person_id": PERSON},
    "students_attendance": {"student_id": STUDENT, "school_id": SCHOOL},
}


def forward() -> str:
    parts = [REFERS]
    for table, columns in KEYS.items():
        told = ", ".join(f"'{column}', '{target}', '{key}'" for column, (target, key) in columns.items())
        parts.append(
            f"CREATE TRIGGER refers AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh "
            f"FOR EACH STATEMENT EXECUTE FUNCTION students_refers({told});"
        )
        for column, (target, key) in columns.items():
            parts.append(ENFORCED.format(table=table, column=column, how="NOT ENFORCED"))
            parts.append(STANDS.format(table=table, column=column, target=target, key=key))
    return "".join(parts)


def backward() -> str:
    parts = []
    for table, columns in KEYS.items():
        parts.append(f"DROP TRIGGER refers ON {table};")
        for column in columns:
            parts.append(f"DROP FUNCTION {table}_{column}_stands() CASCADE;")
            parts.append(ENFORCED.format(table=table, column=column, how="ENFORCED"))
    return "".join(parts) + "DROP FUNCTION students_refers();"


class Migration(migrations.Migration):
    dependencies = [("students", "0002_journal")]
    operations = [migrations.RunSQL(forward(), backward())]
