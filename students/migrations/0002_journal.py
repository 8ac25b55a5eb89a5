"""Statement-level triggers keep what every batch wrote (students.models.batches.Written), so that it can be undone.

`aidcases.batch` (set for the transaction by students.imports.journal) names the batch; 0 stops the journal while an
undo writes. Without it an UPDATE is still kept, without a batch: whoever undoes later must see that a hand was there.
"""

from django.db import migrations

FUNCTION = r"""
CREATE SEQUENCE students_written_step;

CREATE FUNCTION students_journal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    batch bigint := NULLIF(current_setting('aidcases.batch', true), '')::bigint;
    pk text := TG_ARGV[0];
    step bigint;
    same text;
    said text;
    was text;
BEGIN
    IF batch = 0 OR (batch IS NULL AND TG_OP <> 'UPDATE') THEN RETURN NULL; END IF;
    step := nextval('students_written_step');
    IF TG_OP = 'INSERT' THEN
        EXECUTE format('INSERT INTO students_written (step, batch_id, "table", verb, keys)
            SELECT $1, $2, $3, ''insert'', array_agg(%I) FROM fresh HAVING count(*) > 0', pk)
            USING step, batch, TG_TABLE_NAME;
    ELSIF TG_OP = 'DELETE' THEN
        EXECUTE format('INSERT INTO students_written (step, batch_id, "table", verb, key, before)
            SELECT $1, $2, $3, ''delete'', %I, to_jsonb(o) FROM stale o', pk)
            USING step, batch, TG_TABLE_NAME;
    ELSE
        -- Both images lose what is the same in them and what is derived; no row is taken apart.
        SELECT string_agg(format('CASE WHEN n.%1$I IS NOT DISTINCT FROM o.%1$I THEN %1$L END', attname), ', '),
            string_agg(format('n.%I', attname), ', '), string_agg(format('o.%I', attname), ', ') INTO same, said, was
        FROM pg_attribute WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped
            AND attname <> ALL(string_to_array(TG_ARGV[1], ' '));
        EXECUTE format('INSERT INTO students_written (step, batch_id, "table", verb, key, before, after)
            SELECT $1, $2, $3, ''update'', d.key, d.was - d.same, d.said - d.same
            FROM (SELECT n.%1$I AS key, to_jsonb(o) AS was, to_jsonb(n) AS said, ARRAY[%4$s] || $4 AS same
                FROM fresh n JOIN stale o ON o.%1$I = n.%1$I
                WHERE (%2$s) IS DISTINCT FROM (%3$s) OFFSET 0) d', pk, said, was, same)
            USING step, batch, TG_TABLE_NAME, string_to_array(TG_ARGV[1], ' ');
    END IF;
    RETURN NULL;
END $$;
"""

TRIGGER = """
CREATE TRIGGER journal_{verb} AFTER {verb} ON {table} REFERENCING {referencing}
    FOR EACH STATEMENT EXECUTE FUNCTION students_journal('{pk}', '{derived}');
"""
REFERENCING = {
    "insert": "NEW TABLE AS fresh",
    "update": "OLD TABLE AS stale NEW TABLE AS fresh",
    "delete": "OLD TABLE AS stale",
}
# table → (key, columns that are derived from other facts)
TABLES = {
    "students_person": ("id", "hukou_region_id household_path home_path school_path"),
    "students_student": ("person_id", ""),
    "students_guardian": ("id", ""),
    "students_household": ("id", ""),
    "students_member": ("id", ""),
    "students_hardship": ("id", ""),
    "students_enrolment": ("id", "home_path"),
    "students_rosterentry": ("id", ""),
    "students_attendance": ("id", ""),
    "students_personalias": ("id", ""),
    "aidcases_school": ("id", ""),
    "aidcases_schoolfee": ("id", ""),
}


def forward() -> str:
    return FUNCTION + "".join(
        TRIGGER.format(verb=verb, table=table, referencing=REFERENCING[verb], pk=pk, derived=derived)
        for table, (pk, derived) in TABLES.items()
        for verb in REFERENCING
    )


def backward() -> str:
    drops = "".join(f"DROP TRIGGER journal_{verb} ON {table};" for table in TABLES for verb in REFERENCING)
    return drops + "DROP FUNCTION students_journal(); DROP SEQUENCE students_written_step;"


class Migration(migrations.Migration):
    dependencies = [("students", "0001_initial")]
    operations = [migrations.RunSQL(forward(), backward())]
