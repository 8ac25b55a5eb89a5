"""The audit log can only grow: the database itself refuses UPDATE, DELETE and TRUNCATE."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION aidcases_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % refused', TG_OP;
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON aidcases_auditevent
    FOR EACH ROW EXECUTE FUNCTION aidcases_append_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON aidcases_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION aidcases_append_only();
"""
BACKWARD = """
DROP TRIGGER audit_no_truncate ON aidcases_auditevent;
DROP TRIGGER audit_append_only ON aidcases_auditevent;
DROP FUNCTION aidcases_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("aidcases", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
