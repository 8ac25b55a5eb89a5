"""The SQL of the board: every child of a priority category × every benefit, each with exactly one status."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BooleanField,
    Case,
    F,
    Func,
    IntegerField,
    Q,
    QuerySet,
    TextChoices,
    When,
)
from django.db.models.expressions import Combinable

from aidcases import sql
from aidcases.terms import Term
from students.enums import Category
from students.models import Enrolment
from subsidies.enums import EntitlementState
from subsidies.facts import facts_sql
from subsidies.models import Entitlement, FactRow
from subsidies.offers import named, offers_sql
from subsidies.payments.obstacles import UNDER_WAY, first_obstacle, settling
from subsidies.payments.offered import Offered


class Status(TextChoices):
    """Of a child and a benefit, exactly one."""

    ERROR = "error", "与政策不符"
    DUE = "due", "未助，没有写原因"
    UNPAID = "unpaid", "未助，有原因"
    SUSPENDED = "suspended", "暂停"
    BOUNCED = "bounced", "退票"
    SETTLE = "settle", "待结算"
    PROCESS = "process", "办理中"
    PAID = "paid", "已助"
    CLAIM = "claim", "可申请"
    NOT_DUE = "not_due", "不应助"
    NA = "na", "不适用"

    @property
    def tone(self) -> str:
        """Red: somebody may have been forgotten. Amber: not aided, for a reason or not yet. Blue: under way. Green: aided."""
        bad, warn = (Status.ERROR, Status.DUE), (Status.UNPAID, Status.SUSPENDED, Status.BOUNCED, Status.SETTLE)
        tones = {**dict.fromkeys(bad, "bad"), **dict.fromkeys(warn, "warn"), Status.PROCESS: "info", Status.PAID: "good"}
        return tones.get(self, "none")

    @property
    def short(self) -> str:
        """In a cell."""
        return {"due": "没写原因", "unpaid": "未助", "error": "不符"}.get(self.value, self.label)


# 应助: what a child has a right to, whatever became of it.
OWED = (Status.DUE, Status.UNPAID, Status.SUSPENDED, Status.BOUNCED, Status.SETTLE, Status.PROCESS, Status.PAID)

# The columns of the board in order; a child stands in each that holds for it.
COLUMNS: dict[str, tuple[str, tuple[Category, ...]]] = {
    "registered_poor": ("建档立卡", (Category.REGISTERED_POOR,)),
    "monitored_unstable": ("脱贫不稳定", (Category.MONITORED_UNSTABLE,)),
    "monitored_marginal": ("边缘易致贫", (Category.MONITORED_MARGINAL,)),
    "monitored_sudden": ("突发严重困难", (Category.MONITORED_SUDDEN,)),
    "dibao": ("低保", (Category.DIBAO_RURAL, Category.DIBAO_URBAN)),
    "tekun": ("特困", (Category.TEKUN_RURAL, Category.TEKUN_URBAN)),
    "orphan": ("孤儿", (Category.ORPHAN,)),
    "unsupported_child": ("事实无人抚养", (Category.UNSUPPORTED_CHILD,)),
    "disabled": ("残疾", (Category.DISABLED,)),
}
BIT = {code: 1 << n for n, code in enumerate(COLUMNS)}

# What is listed and what is owed beyond it has to be what the rules give now; what is not listed is what they give.
_WRONG = """CASE WHEN e.frozen THEN p.student_id IS NULL OR (NOT COALESCE(outcome BETWEEN 1 AND 999, false)
        AND COALESCE(a.amount, 0) - p.listed + COALESCE(b.yuan, 0) <> COALESCE(d.difference, 0))
    ELSE p.student_id IS NOT NULL OR (a.rule_id, a.amount) IS DISTINCT FROM (e.rule_id, e.amount) END"""
# Of what is offered, stored or listed: state|detail.
_STATUS = f"""CASE
    WHEN {_WRONG} THEN 'error|' || CASE WHEN m.student_id IS NULL THEN 'differs' ELSE 'marked' END
    WHEN p.bounced THEN 'bounced|state:bounced'
    WHEN p.state < '6' THEN 'process|state:' || substr(p.state, 2)
    WHEN p.state = '6paid' AND COALESCE(d.difference, 0) <= 0 THEN 'paid|'
    WHEN p.state = '6paid' AND u.reason IS NULL THEN 'due|back_pay'
    WHEN p.state = '6paid' THEN 'unpaid|said:' || u.reason
    WHEN e.rule_id IN (SELECT id FROM subsidies_rule WHERE delivery = 'loan') THEN 'claim|'
    WHEN e.state = 'suspended' THEN 'suspended|'
    WHEN e.state <> 'due' THEN 'unpaid|not_paid'
    WHEN w.obstacle = ANY (%(under_way)s) THEN 'process|wait:' || w.obstacle
    WHEN u.reason IS NOT NULL THEN 'unpaid|said:' || u.reason
    WHEN w.obstacle IS NOT NULL THEN 'unpaid|wait:' || w.obstacle
    WHEN e.rule_id IN (SELECT id FROM subsidies_rule WHERE delivery = ANY (%(settling)s)) THEN 'settle|settle'
    ELSE 'due|ready'
END"""
# Of what is not.
_ELSE = """CASE WHEN outcome IS NULL THEN 'na' WHEN outcome >= 1000 THEN 'not_due' WHEN outcome > 0 THEN 'unpaid'
    WHEN benefit_id = ANY (%(claims)s) THEN 'claim' ELSE 'error' END"""
_LINES = """
    SELECT p.student_id, p.benefit_id, sum(COALESCE(p.amount, 0)) AS listed, bool_or(p.state = 'bounced') AS bounced,
        min(CASE p.state WHEN 'listed' THEN '1listed' WHEN 'approved' THEN '2approved' WHEN 'reissued' THEN '3reissued'
            WHEN 'sent' THEN '4sent' WHEN 'bounced' THEN '5bounced' ELSE '6paid' END) AS state
    FROM subsidies_payment p JOIN chosen USING (student_id)
    WHERE p.term = %(term)s AND p.state <> 'cancelled' AND (%(benefit)s = 0 OR p.benefit_id = %(benefit)s) GROUP BY 1, 2"""
_CELLS = f"""
WITH chosen AS MATERIALIZED ({{chosen}}),
    facts AS MATERIALIZED ({{facts}}),
    seen AS MATERIALIZED ({{seen}}),
    anew AS MATERIALIZED ({{offers}}),
    stored AS MATERIALIZED (
        SELECT e.* FROM subsidies_entitlement e JOIN chosen USING (student_id)
        WHERE e.term = %(term)s AND (%(benefit)s = 0 OR e.benefit_id = %(benefit)s)
    ),
    lines AS MATERIALIZED ({_LINES}),
    back AS (
        SELECT r.student_id, r.benefit_id, sum(r.yuan) AS yuan FROM subsidies_recovery r JOIN chosen USING (student_id)
        WHERE r.term = %(term)s AND r.state <> 'cancelled' GROUP BY 1, 2
    ),
    marked AS (SELECT DISTINCT m.student_id FROM subsidies_mark m JOIN chosen USING (student_id) WHERE m.term = %(term)s),
    waiting AS MATERIALIZED ({{waiting}}),
    held AS MATERIALIZED (
        SELECT student_id, benefit_id FROM anew UNION SELECT student_id, benefit_id FROM stored
        UNION SELECT student_id, benefit_id FROM lines
    ),
    placed AS MATERIALIZED (
        SELECT student_id, mask, benefit_id, outcomes[array_position(%(known)s::bigint[], benefit_id)] AS outcome
        FROM held JOIN seen USING (student_id)
    ),
    cells AS MATERIALIZED (
        SELECT student_id, mask, benefit_id, split_part(told, '|', 1) AS status, split_part(told, '|', 2) AS detail, 1 AS n
        FROM (
            SELECT student_id, j.mask, benefit_id, {_STATUS} AS told FROM placed j
            LEFT JOIN anew a USING (student_id, benefit_id)
            LEFT JOIN stored e USING (student_id, benefit_id)
            LEFT JOIN lines p USING (student_id, benefit_id)
            LEFT JOIN back b USING (student_id, benefit_id)
            LEFT JOIN waiting w USING (student_id, benefit_id)
            LEFT JOIN marked m USING (student_id)
            LEFT JOIN (SELECT * FROM subsidies_adjustment WHERE term = %(term)s) d USING (student_id, benefit_id)
            LEFT JOIN (SELECT * FROM subsidies_unpaidreason WHERE term = %(term)s) u USING (student_id, benefit_id)
        ) k
        UNION ALL {{rest}}
    )
"""
_UNNESTED = "unnest(%(known)s::bigint[]) AS benefit_id, unnest(outcomes) AS outcome"
# The cells of what is neither offered nor stored nor listed: one by one, with the condition that fails …
_EACH = f"""
    SELECT student_id, mask, benefit_id, {_ELSE}, CASE WHEN outcome > 0 THEN 'outcome:' || outcome
        WHEN outcome = 0 AND benefit_id <> ALL (%(claims)s) THEN 'differs' ELSE '' END, 1
    FROM (SELECT student_id, mask, {_UNNESTED} FROM seen) j
    WHERE NOT EXISTS (SELECT FROM held h WHERE (h.student_id, h.benefit_id) = (j.student_id, j.benefit_id))
"""
# … or counted: of all children alike in one row, less those above. Who lacks something is one of the people of the board, so
# only what nobody lacks is counted so.
_QUIET = "(outcome IS NULL OR outcome >= 1000 OR outcome = 0 AND benefit_id = ANY (%(claims)s))"
_COUNTED = f"""
    {_EACH} AND NOT {_QUIET}
    UNION ALL SELECT NULL, mask, benefit_id, {_ELSE}, '', n
    FROM (SELECT mask, {_UNNESTED}, n FROM (SELECT mask, outcomes, count(*) AS n FROM seen GROUP BY 1, 2) g) j
    WHERE {_QUIET}
    UNION ALL SELECT NULL, mask, benefit_id, {_ELSE}, '', -1 FROM placed WHERE {_QUIET}
"""


def cells_sql(
    offered: Offered, children: QuerySet[Enrolment], day: date, benefit: int = 0, *, counted: bool = False
) -> tuple[str, dict[str, Any]]:
    """`WITH … cells AS (student_id, mask, benefit_id, status, detail, n)` of these children, and its parameters: a row per
    child and benefit in force (or only the one); `counted`: rows to be added up by `n`, those of nobody with student_id
    NULL. The scope is compiled in; the children are of `offered.term`."""
    of = offered if not benefit else offered.only(benefit)
    params: dict[str, Any] = {
        **of.params, "benefit": benefit, "known": [each.pk for each in of.benefits],
        "claims": list(of.claims), "under_way": list(UNDER_WAY),
        "settling": [str(each) for each in settling(of.term, day)],
    }  # fmt: skip
    parts = {
        "chosen": children.order_by().values("student_id"),
        "seen": FactRow.objects.order_by().values("student_id", mask=_mask(), outcomes=_outcomes(of)),
        "waiting": _waiting(of.term, day, benefit),
    }
    texts = {name: named(*sql.compiled(rows), params) for name, rows in parts.items()}
    offers = offers_sql(of.giving, "SELECT * FROM facts", params)
    rest = _COUNTED if counted else _EACH
    return _CELLS.format(**texts, facts=facts_sql("chosen"), offers=offers, rest=rest), params


def _mask() -> Combinable:
    """The columns a child stands in, as bits."""
    held = [Case(When(_any(categories), then=BIT[code]), default=0) for code, (_, categories) in COLUMNS.items()]
    return sum(held[1:], start=held[0])


def _any(categories: tuple[Category, ...]) -> Q:
    found = Q()
    for category in categories:
        found |= Q(**{category.value: True})
    return found


def _outcomes(offered: Offered) -> Func:
    said = [offered.outcome(benefit) for benefit in offered.benefits]
    return Func(*said, template="ARRAY[%(expressions)s]::int[]", output_field=ArrayField(IntegerField()))


def _waiting(term: Term, day: date, benefit: int) -> QuerySet:
    """Of what is due and not listed: the first thing that keeps it from being listed."""
    due = Entitlement.objects.in_term(term).granted().filter(_chosen("student_id"), frozen=False, state=EntitlementState.DUE)
    due = due.filter(benefit=benefit) if benefit else due
    return due.order_by().values("student_id", "benefit_id", obstacle=first_obstacle(term, day))


def _chosen(field: str) -> Func:
    """Among the children of the statement around it."""
    return Func(F(field), template="%(expressions)s IN (SELECT student_id FROM chosen)", output_field=BooleanField())
