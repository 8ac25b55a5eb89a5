"""What has gone up does not change any more."""

from django.db import migrations

# Whatever writes to the table: what the office above has read stays as it was.
FROZEN = """
CREATE FUNCTION ledgers_issue_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ledgers_submission s WHERE s.issue_id = OLD.id) THEN
        RAISE EXCEPTION 'an issue that was handed up does not change';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON ledgers_ledgerissue
    FOR EACH ROW EXECUTE FUNCTION ledgers_issue_frozen();

-- Nor does what says so: that it was handed up, which one, for what, when and by whom. Where it stands moves on.
CREATE FUNCTION ledgers_submission_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was handed up stays handed up';
END $$;
CREATE TRIGGER stays BEFORE DELETE ON ledgers_submission
    FOR EACH ROW EXECUTE FUNCTION ledgers_submission_stays();
CREATE TRIGGER stays_as_it_was BEFORE UPDATE ON ledgers_submission
    FOR EACH ROW WHEN (
        (OLD.due_id, OLD.issue_id, OLD.path, OLD.replaces_id, OLD.why, OLD.submitted_on, OLD.submitted_by)
        IS DISTINCT FROM
        (NEW.due_id, NEW.issue_id, NEW.path, NEW.replaces_id, NEW.why, NEW.submitted_on, NEW.submitted_by)
    ) EXECUTE FUNCTION ledgers_submission_stays();

-- A pack is read for its figures, too.
CREATE FUNCTION ledgers_bundle_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a finished pack does not change';
END $$;
CREATE TRIGGER frozen BEFORE UPDATE ON ledgers_bundle
    FOR EACH ROW WHEN (OLD.finished_at IS NOT NULL) EXECUTE FUNCTION ledgers_bundle_frozen();
"""


class Migration(migrations.Migration):
    dependencies = [("ledgers", "0001_initial")]
    operations = [
        migrations.RunSQL(
            FROZEN,
            "DROP FUNCTION ledgers_issue_frozen() CASCADE; DROP FUNCTION ledgers_submission_stays() CASCADE;"
            "DROP FUNCTION ledgers_bundle_frozen() CASCADE",
        )
    ]
