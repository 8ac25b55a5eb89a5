"""How many seats of a quota are taken is what the applications say."""

from django.db import migrations

# Quota.used is what the applications themselves say, counted anew by whatever statement takes or frees a seat, whoever
# makes it. One lock per school and term, always after the applications' own row locks, makes the count exact when two
# clerks act at once; the CHECK quota_has_headroom refuses the seat that is not there.
SEATED = "('panel_reviewed', 'in_notice', 'notice_closed', 'county_review', 'approved')"
COUNT = f"""
CREATE FUNCTION subsidies_count_seats(of_school bigint, of_term text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('quota|' || of_school || '|' || of_term, 0));
    UPDATE subsidies_quota q SET used = counted.n
    FROM (
        SELECT held.id, (SELECT count(*) FROM subsidies_application a WHERE a.school_id = held.school_id
            AND a.term = held.term AND a.level = held.level AND a.state IN {SEATED}) AS n
        FROM subsidies_quota held WHERE held.school_id = of_school AND held.term = of_term
    ) counted
    WHERE q.id = counted.id AND q.used <> counted.n;
END $$;
"""


def seats(table):
    return f"SELECT id, school_id, term, level FROM {table} WHERE state IN {SEATED}"


def changed(before, after):
    return f"({seats(before)} EXCEPT {seats(after)}) UNION ALL ({seats(after)} EXCEPT {seats(before)})"


def trigger(event, tables, rows):
    """Counts anew for each school and term whose seats an INSERT, UPDATE or DELETE touched."""
    name = f"subsidies_seats_{event.lower()}"
    return f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE touched record;
BEGIN
    FOR touched IN SELECT DISTINCT school_id, term FROM ({rows}) c ORDER BY school_id, term LOOP
        PERFORM subsidies_count_seats(touched.school_id, touched.term);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER {name} AFTER {event} ON subsidies_application REFERENCING {tables}
    FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""


COUNTING = (
    COUNT
    + trigger("INSERT", "NEW TABLE AS after_rows", seats("after_rows"))
    + trigger("UPDATE", "OLD TABLE AS before_rows NEW TABLE AS after_rows", changed("before_rows", "after_rows"))
    + trigger("DELETE", "OLD TABLE AS before_rows", seats("before_rows"))
)
NOT_COUNTING = "".join(
    f"DROP TRIGGER subsidies_seats_{event} ON subsidies_application; DROP FUNCTION subsidies_seats_{event}();"
    for event in ("insert", "update", "delete")
) + "DROP FUNCTION subsidies_count_seats(bigint, text);"


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0002_marks")]
    operations = [migrations.RunSQL(COUNTING, NOT_COUNTING)]
