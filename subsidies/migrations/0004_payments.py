"""The database itself keeps a batch's figures, lines that do not change, and the balance: figures are counted anew by the
statement that changed the lines.
"""

from django.db import migrations

_FIGURES = """
CREATE FUNCTION subsidies_count_batches(bigint[]) RETURNS void LANGUAGE sql AS $$
    UPDATE subsidies_paymentbatch b SET lines = p.lines, total = p.total, lines_open = p.open
    FROM (
        SELECT k.id, count(n.id) FILTER (WHERE n.state <> 'cancelled') AS lines,
            COALESCE(sum(n.amount) FILTER (WHERE n.state <> 'cancelled'), 0) AS total,
            count(n.id) FILTER (WHERE n.state NOT IN ('paid', 'cancelled')) AS open
        FROM unnest($1) k (id) LEFT JOIN subsidies_payment n ON n.batch_id = k.id GROUP BY k.id
    ) p
    WHERE b.id = p.id AND (b.lines, b.total, b.lines_open) IS DISTINCT FROM (p.lines, p.total, p.open);
    UPDATE subsidies_paymentbatch b SET parts_open = p.open
    FROM (
        SELECT k.id, count(n.id) AS open FROM unnest($1) k (id)
        LEFT JOIN subsidies_batchpart n ON n.batch_id = k.id AND n.agreed_at IS NULL AND EXISTS (
            SELECT FROM subsidies_payment l
            WHERE l.batch_id = n.batch_id AND l.school_path = n.school_path AND l.state <> 'cancelled')
        GROUP BY k.id
    ) p
    WHERE b.id = p.id AND b.parts_open <> p.open;
$$;
"""

# Lines come and go while a batch is prepared, and only then; amounts and whose they are never change.
_FROZEN = {
    "insert": """
    IF EXISTS (SELECT FROM fresh n JOIN subsidies_paymentbatch b ON b.id = n.batch_id WHERE b.state <> 'prepared') THEN
        RAISE EXCEPTION 'no line is added to a batch after its preparation';
    END IF;""",
    "update": "",  # row by row (_UNCHANGED): a join of 100,000 old rows with the new ones may be planned for one
    "delete": """
    IF EXISTS (SELECT FROM stale n JOIN subsidies_paymentbatch b ON b.id = n.batch_id WHERE b.state <> 'prepared') THEN
        RAISE EXCEPTION 'no line is removed from a batch after its preparation';
    END IF;""",
}
_REFERENCING = {
    "insert": ("NEW TABLE AS fresh", "fresh"),
    "update": ("OLD TABLE AS stale NEW TABLE AS fresh", "fresh"),
    "delete": ("OLD TABLE AS stale", "stale"),
}

_KEPT = ("batch_id", "term", "benefit_id", "amount", "central", "province", "city", "county", "other")
_UNCHANGED = """
CREATE FUNCTION subsidies_payment_unchanged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a line of a batch does not change';
END $$;
CREATE TRIGGER unchanged BEFORE UPDATE ON subsidies_payment FOR EACH ROW
    WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION subsidies_payment_unchanged();
""".format(old=", ".join(f"OLD.{name}" for name in _KEPT), new=", ".join(f"NEW.{name}" for name in _KEPT))


def _trigger(table: str, verb: str, first: str = "") -> str:
    referencing, rows = _REFERENCING[verb]
    name = f"{table}_{verb}_counted"
    return f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN{first}
    PERFORM subsidies_count_batches(ARRAY(SELECT DISTINCT batch_id FROM {rows} ORDER BY 1));
    RETURN NULL;
END $$;
CREATE TRIGGER counted_{verb} AFTER {verb} ON {table} REFERENCING {referencing}
    FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""


# Of a column that is the sum of another table's rows: the rows' owner is counted anew.
def _summed(table: str, owner: str, key: str, column: str) -> str:
    name = f"{table}_summed"
    return f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE which bigint := COALESCE(NEW.{key}, OLD.{key});
BEGIN
    UPDATE {owner} SET {column} = (SELECT COALESCE(sum(yuan), 0) FROM {table} WHERE {key} = which) WHERE id = which;
    RETURN NULL;
END $$;
CREATE TRIGGER summed AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}();
"""


# approved = paid + pending + bounced + cancelled, per batch and level of funding: `short` is always 0.
_LEVELS = ("central", "province", "city", "county", "other")
_BALANCE = """
CREATE VIEW subsidies_balance AS
SELECT b.id AS batch_id, v.funding, v.approved,
    COALESCE(sum(v.yuan) FILTER (WHERE p.state = 'paid'), 0) AS paid,
    COALESCE(sum(v.yuan) FILTER (WHERE p.state IN ('approved', 'sent', 'reissued')), 0) AS pending,
    COALESCE(sum(v.yuan) FILTER (WHERE p.state = 'bounced'), 0) AS bounced,
    COALESCE(sum(v.yuan) FILTER (WHERE p.state = 'cancelled'), 0) AS cancelled,
    v.approved - COALESCE(sum(v.yuan), 0) AS short
FROM subsidies_paymentbatch b
LEFT JOIN subsidies_payment p ON p.batch_id = b.id AND p.approved_at IS NOT NULL
CROSS JOIN LATERAL (VALUES {values}) v (funding, approved, yuan)
WHERE b.approved_at IS NOT NULL
GROUP BY b.id, v.funding, v.approved;
""".format(values=", ".join(f"('{level}', b.{level}, p.{level})" for level in _LEVELS))

PAYMENTS = "".join(
    (
        _FIGURES,
        _UNCHANGED,
        *(_trigger("subsidies_payment", verb, _FROZEN[verb]) for verb in _REFERENCING),
        *(_trigger("subsidies_batchpart", verb) for verb in _REFERENCING),
        _summed("subsidies_indicatoruse", "subsidies_indicator", "indicator_id", "used"),
        _summed("subsidies_receipt", "subsidies_recovery", "recovery_id", "collected"),
        _BALANCE,
        # Room on each page for its lines' next versions: what a step changes stands in no index.
        *(f"ALTER TABLE {table} SET (fillfactor = 50);" for table in ("subsidies_payment", "subsidies_sending")),
    )
)


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0003_seats")]
    operations = [migrations.RunSQL(PAYMENTS, migrations.RunSQL.noop)]
