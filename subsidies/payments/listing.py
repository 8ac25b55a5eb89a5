"""Entitlements and back-pay onto a batch and off it again: set-based, a few thousand lines a statement."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from aidcases import audit, sql
from aidcases.scoping import Actor
from students.models import Account
from subsidies.enums import Delivery, EntitlementState
from subsidies.models import Adjustment, Entitlement, Payment, PaymentBatch, Rule
from subsidies.models.payments import FUNDING, Channel
from subsidies.payments.steps import Steps
from subsidies.shares import split

# How a benefit reaches the child decides by which kind of batch; loans by none.
DELIVERED = {Channel.BANK: (Delivery.CASH,), Channel.SETTLEMENT: (Delivery.FEE_WAIVER, Delivery.IN_KIND)}

_COLUMNS = "student_id, term, benefit_id, rule_id, school_id, amount, home_path, school_path"
_LEVELS = ", ".join(FUNDING)
_BEFORE = """AS
    SELECT o.term, o.student_id, o.benefit_id, max(o.instalment) AS instalment
    FROM subsidies_payment o JOIN chosen c USING (term, student_id, benefit_id)
    WHERE o.state <> 'cancelled' GROUP BY o.term, o.student_id, o.benefit_id
"""
_LIST = f"""
    WITH listed AS (
        INSERT INTO subsidies_payment ({_COLUMNS}, {_LEVELS}, batch_id, instalment, account_id, state, attempt, bounce,
            bounce_text, fixed, fixed_by)
        SELECT {", ".join(f"c.{name}" for name in _COLUMNS.split(", "))},
            {", ".join(f"COALESCE(d.{level}, 0)" for level in FUNDING)},
            %(batch)s, 1 + COALESCE(before.instalment, 0), a.id, 'listed', 0, '', '', '', ''
        FROM (SELECT * FROM chosen WHERE place BETWEEN %(first)s AND %(last)s) c
        LEFT JOIN divided d ON d.rule_id = c.rule_id AND d.amount = c.amount
        LEFT JOIN cards a ON a.student_id = c.student_id
        LEFT JOIN before ON (before.term, before.student_id, before.benefit_id) = (c.term, c.student_id, c.benefit_id)
        RETURNING student_id, term, benefit_id, school_id, school_path
    ),
    schools AS (
        INSERT INTO subsidies_batchpart (batch_id, school_id, school_path, agreed_by, objection)
        SELECT DISTINCT %(batch)s::bigint, school_id, school_path, '', '' FROM listed ON CONFLICT DO NOTHING
    ),
    settled AS (
        DELETE FROM subsidies_adjustment d USING listed l
        WHERE (d.term, d.student_id, d.benefit_id) = (l.term, l.student_id, l.benefit_id)
    )
    UPDATE subsidies_entitlement e SET frozen = true FROM listed l
    WHERE (e.term, e.student_id, e.benefit_id) = (l.term, l.student_id, l.benefit_id)
"""


@transaction.atomic
def freeze(entitlements: QuerySet[Entitlement], batch: PaymentBatch, steps: Steps | None = None) -> int:
    """Lists what is due on a batch of its channel: from now on a recompute that disagrees writes an adjustment.
    → lines. What is suspended, listed already or may only be claimed (loans) is left out."""
    due = entitlements.filter(state=EntitlementState.DUE, frozen=False, rule__delivery__in=DELIVERED[batch.channel])
    return _list(due, "amount", F("school_id"), batch, steps or Steps())


@transaction.atomic
def back_pay(adjustments: QuerySet[Adjustment], batch: PaymentBatch, steps: Steps | None = None) -> int:
    """Lists what is due beyond what was listed as the next instalment, by the school of the entitlement. → lines."""
    owed = adjustments.filter(difference__gt=0, rule__delivery__in=DELIVERED[batch.channel])
    same = Entitlement.objects.filter(
        term=OuterRef("term"), student_id=OuterRef("student_id"), benefit_id=OuterRef("benefit_id")
    )
    return _list(owed, "difference", Subquery(same.values("school_id")), batch, steps or Steps())


def _list(rows: QuerySet, amount: str, school: F | Subquery, batch: PaymentBatch, steps: Steps) -> int:
    names = ("student_id", "term", "benefit_id", "rule_id", "at_school", amount, "home_path", "school_path")
    chosen = rows.annotate(at_school=school).order_by().select_for_update(of=("self",)).values_list(*names)
    text, params = sql.compiled(chosen)
    sql.temporary("chosen", f"AS SELECT *, row_number() OVER () AS place FROM ({text}) c ({_COLUMNS})", params)
    _divide()
    _cards(batch)
    # A table of its own: read within the INSERT, a small table of lines would be scanned anew for each row while it grows.
    sql.temporary("before", _BEFORE)
    for name in ("chosen", "divided", "cards", "before"):
        sql.run(f"ANALYZE {name}")
    chosen_lines = sql.one("SELECT count(*) AS n FROM chosen")["n"]
    steps.begin(chosen_lines, "列入名单")
    lines = sum(
        sql.run(_LIST, {"batch": batch.pk, "first": first, "last": last}) for first, last in steps.ranges(chosen_lines)
    )
    audit.record("payment.listed", subject=batch, rows=lines)
    return lines


def _cards(batch: PaymentBatch) -> None:
    """The table `cards`: each child's account in force; of no matter for what is settled with schools."""
    if batch.channel != Channel.BANK:
        sql.temporary("cards", "(id bigint, student_id bigint)")
        return
    force = Account.objects.in_force_on(timezone.localdate()).order_by().values_list("pk", "student_id")
    text, params = sql.compiled(force)
    sql.temporary("cards", f"AS SELECT * FROM ({text}) a (id, student_id)", params)


def _divide() -> None:
    """The table `divided`: each amount of a rule by the levels that bear it, whole fen (subsidies.shares)."""
    sql.temporary("divided", f"(rule_id bigint, amount numeric(12,2), {', '.join(f'{e} numeric(12,2)' for e in FUNDING)})")
    pairs = sql.rows("SELECT DISTINCT rule_id, amount FROM chosen WHERE amount IS NOT NULL")
    shares = {rule.pk: rule.shares for rule in Rule.objects.filter(pk__in={pair["rule_id"] for pair in pairs})}
    for pair in pairs:
        parts = split(pair["amount"], shares[pair["rule_id"]] or {"other": 100})
        sql.run(
            f"INSERT INTO divided VALUES (%s, %s, {', '.join(['%s'] * len(FUNDING))})",
            [pair["rule_id"], pair["amount"], *(parts.get(level, 0) for level in FUNDING)],
        )


_THAW = """
    WITH cancelled AS ({chosen}),
    thawed AS (
        UPDATE subsidies_entitlement e SET frozen = false FROM cancelled c
        WHERE (e.term, e.student_id, e.benefit_id) = (c.term, c.student_id, c.benefit_id) AND NOT EXISTS (
            SELECT FROM subsidies_payment o
            WHERE (o.term, o.student_id, o.benefit_id) = (c.term, c.student_id, c.benefit_id) AND o.state <> 'cancelled')
    )
    INSERT INTO subsidies_mark (term, student_id) SELECT DISTINCT term, student_id FROM cancelled ON CONFLICT DO NOTHING
"""


@transaction.atomic
def cancel(payments: QuerySet[Payment], *, by: Actor, note: str, move: str = "cancel") -> int:
    """Takes lines off their batches by the move of that name: nothing listed is left → the entitlement follows the rules
    again at the next recompute, for which its student is marked. → lines cancelled. Raises Refused without a note."""
    keys = list(payments.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    rows = Payment.objects.filter(pk__in=keys)
    standing = list(rows.standing().values_list("pk", flat=True))
    moved = rows.move(move, by=by, note=note, cancelled_at=timezone.now())
    if not standing:
        return moved
    gone = Payment.objects.filter(pk__in=standing, state="cancelled").order_by()
    text, params = sql.compiled(gone.values_list("term", "student_id", "benefit_id"))
    sql.run(_THAW.format(chosen=f"SELECT * FROM ({text}) c (term, student_id, benefit_id)"), params)
    return moved
