"""The database itself keeps the sums, so that no project gives more money than it received and nobody spends points they
have not.
"""

from django.db import migrations

# (rows, owner, key, sum, column of the owner): counted anew for the owner of then and of now.
SUMS = [
    ("subsidies_donation", "subsidies_donationproject", "project_id", "sum(yuan) FILTER (WHERE form = 'cash')", "received"),
    ("subsidies_gift", "subsidies_donationproject", "project_id", "sum(yuan) FILTER (WHERE form = 'cash')", "given"),
    ("subsidies_pointsentry", "subsidies_pointsaccount", "account_id", "sum(points)", "balance"),
]
SUM = """
CREATE FUNCTION {rows}_summed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE {owner} o SET {column} = COALESCE((SELECT {sum} FROM {rows} WHERE {key} = o.id), 0)
    WHERE o.id IN (COALESCE(NEW.{key}, OLD.{key}), COALESCE(OLD.{key}, NEW.{key}));
    RETURN NULL;
END $$;
CREATE TRIGGER summed AFTER INSERT OR UPDATE OR DELETE ON {rows} FOR EACH ROW EXECUTE FUNCTION {rows}_summed();
"""


FORWARD = "".join(SUM.format(rows=r, owner=o, key=k, sum=s, column=c) for r, o, k, s, c in SUMS)
BACKWARD = "\n".join(f"DROP TRIGGER summed ON {rows}; DROP FUNCTION {rows}_summed();" for rows, *_ in SUMS)


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0004_payments")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
