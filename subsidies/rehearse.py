"""What a pack's text would change: the same computation under today's rules and under the text's, compared.

Nothing is granted. A known pack's text is its next version, in force wherever that pack is adopted; a new one counts as
adopted by the region asked for from the term's first day. A request to adopt or end a pack counts as confirmed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone

from aidcases import sql
from aidcases.flow import Refused
from aidcases.models.places import region_path
from aidcases.terms import Term
from subsidies import blocks
from subsidies.certificate import facts_digest
from subsidies.compute import rules_digest
from subsidies.enums import MAY_CLAIM
from subsidies.facts import facts_params, facts_sql
from subsidies.gains import SIDE, parts, titles
from subsidies.models import AdoptionRequest, PackAdoption, Rehearsal, Rule, RulePack
from subsidies.offers import offers_sql
from subsidies.packtext import read
from subsidies.rules import Applied, adoptions_in_force, applied, applied_rules

_SHARD = """AS
    SELECT student_id FROM students_enrolment
    WHERE term = %(term)s AND student_id >= %(low)s AND student_id < %(high)s
      AND (home_path LIKE %(under)s OR school_path LIKE %(under)s)
"""

# Rules are told apart by code: the next version of a rule that pays the same changes nothing.
_COMPARE = """
    INSERT INTO subsidies_rehearsalrow (rehearsal_id, student_id, benefit_code, old_rule, new_rule, old_amount, new_amount,
        difference, loan, home_path, school_path)
    SELECT %(rehearsal)s, student_id, benefit, o.code, n.code, o.amount, n.amount,
        COALESCE(n.amount, 0) - COALESCE(o.amount, 0), COALESCE(n.loan, o.loan),
        COALESCE(n.home_path, o.home_path), COALESCE(n.school_path, o.school_path)
    FROM (SELECT x.*, r.code, r.benefit, r.loan FROM ({now}) x JOIN (VALUES {now_rules}) r (id, code, benefit, loan)
            ON r.id = x.rule_id) o
    FULL JOIN (SELECT x.*, r.code, r.benefit, r.loan FROM ({then}) x JOIN (VALUES {then_rules}) r (id, code, benefit, loan)
            ON r.id = x.rule_id) n USING (student_id, benefit)
    WHERE (o.code, o.amount) IS DISTINCT FROM (n.code, n.amount)
"""

_SUMMARY = f"""
    SELECT rule, loan, side, count(DISTINCT student_id) AS students, sum(abs(difference))::numeric(14,2)::text AS amount
    FROM (
        SELECT student_id, difference, loan, COALESCE(new_rule, old_rule) AS rule,
            {SIDE} AS side
        FROM subsidies_rehearsalrow WHERE rehearsal_id = %(rehearsal)s
    ) r WHERE side IS NOT NULL
    GROUP BY GROUPING SETS ((side, loan), (rule, side, loan)) ORDER BY rule NULLS FIRST, side
"""


def proposed(text: str, term: Term, path: str) -> tuple[list[Applied], list[Applied]]:
    """(rules that apply today, rules that would apply). Raises PackError for a text that can't be used.

    The text's rules have negative keys: they stand in no table.
    """
    pack, rules = read(text)
    adopted = adopted_as_if(pack.code, term, path)
    newest = RulePack.objects.newest().exclude(code=pack.code).values("pk")
    others = RulePack.objects.filter(pk__in=newest)
    kept = Rule.objects.filter(pack__in=others).select_related("pack", "benefit").order_by("pack__code", "order")
    return applied_rules(term), applied([*kept, *numbered(rules)], term, adopted)


def numbered(rules: list[Rule]) -> list[Rule]:
    """A text's rules and new benefits with negative keys of their own."""
    benefits: dict[str, int] = {}
    for number, rule in enumerate(rules, start=1):
        rule.pk, benefit = -number, rule.benefit
        if benefit.pk is None:
            benefit.pk = benefits.setdefault(benefit.code, -number)
        rule.benefit = benefit
    return rules


def adopted_as_if(pack_code: str, term: Term, path: str) -> dict[str, list[PackAdoption]]:
    """The adoptions of the term; a pack nobody knows yet counts as adopted by the region from the term's first day."""
    adopted = adoptions_in_force(term)
    if not RulePack.objects.filter(code=pack_code).exists():
        code = path.strip("/").split("/")[-1]
        region = code if code.isdigit() and region_path(code) == path else None
        adopted[pack_code] = [PackAdoption(pack_code=pack_code, path=path, region_id=region, from_on=term.first_day)]
    return adopted


def adopted_as_asked(asked: AdoptionRequest, term: Term) -> dict[str, list[PackAdoption]]:
    """The adoptions of the term once the request is confirmed: its row is written, read and taken back. A day after the
    term's first counts as that first day, so that any term shows what is to come."""
    with transaction.atomic():
        from_on = min(asked.from_on, term.first_day)
        PackAdoption.objects.settle(asked.pack_code, asked.region, from_on, active=asked.active)
        adopted = adoptions_in_force(term)
        transaction.set_rollback(True)
    return adopted


@transaction.atomic
def rehearse(rehearsal: Rehearsal, report: Callable[[int, int], None] = lambda done, total: None) -> dict[str, Any]:
    """Fills a rehearsal: its rows, summary, digests; again, it begins anew. `report`: blocks done, blocks in all.

    → {"gain": {"students", "amount"}, "lose": {…}, "by_rule": {code: {"gain", "lose", "loan"}}, "loan": {…}}
    """
    term, path = Term.parse(rehearsal.term), rehearsal.path
    if rehearsal.request:
        now, then = applied_rules(term), applied_rules(term, adopted=adopted_as_asked(rehearsal.request, term))
    else:
        now, then = proposed(rehearsal.text, term, path)
    # Also keeps everybody from computing the term meanwhile. An import may still change facts: seen at the end.
    digest = facts_digest(term, path)
    sql.run("DELETE FROM subsidies_rehearsalrow WHERE rehearsal_id = %s", [rehearsal.pk])
    numbers = blocks.blocks_of(term, path)
    for done, number in enumerate(numbers):
        report(done, len(numbers))
        _compare(rehearsal, term, number, now, then)
    report(len(numbers), len(numbers))
    if facts_digest(term, path) != digest:
        raise Refused("试算途中资料有变化，请再试算一次。")
    rehearsal.facts_digest = digest
    rehearsal.rules_digest = rules_digest(term, now)
    told = summary(rehearsal)
    rehearsal.summary = {**told, "parts": parts(rehearsal), "titles": titles(rehearsal)}
    rehearsal.finished_at = timezone.now()
    rehearsal.save()
    return told


def _compare(rehearsal: Rehearsal, term: Term, number: int, now: list[Applied], then: list[Applied]) -> None:
    params: dict[str, Any] = {
        **facts_params(term), "rehearsal": rehearsal.pk, "under": rehearsal.path + "%",
        "low": number * blocks.BLOCK, "high": (number + 1) * blocks.BLOCK,
    }  # fmt: skip
    sql.temporary("shard", _SHARD, params)
    sql.run("ANALYZE shard")
    facts = facts_sql("shard", block=True)
    sql.run(
        _COMPARE.format(
            now=offers_sql(now, facts, params), then=offers_sql(then, facts, params),
            now_rules=_told(now, params), then_rules=_told(then, params),
        ),
        params,
    )  # fmt: skip


def _told(rules: list[Applied], params: dict[str, Any]) -> str:
    """VALUES of key, code, benefit, whether it is only a loan; codes go into `params`."""
    rows = []
    for applied_rule in rules:
        rule = applied_rule.rule
        code, benefit = f"q{len(params)}", f"q{len(params) + 1}"
        params |= {code: rule.code, benefit: rule.benefit.code}
        rows.append(f"({rule.pk}, %({code})s, %({benefit})s, {rule.delivery in MAY_CLAIM})")
    return ", ".join(rows) or "(0, '', '', false)"


def summary(rehearsal: Rehearsal) -> dict[str, Any]:
    """Gainers and losers with their money, in all and by rule; loans apart."""

    def empty() -> dict[str, dict[str, Any]]:
        return {side: {"students": 0, "amount": "0.00"} for side in ("gain", "lose")}

    found: dict[str, Any] = {**empty(), "by_rule": {}, "loan": empty()}
    for row in sql.rows(_SUMMARY, {"rehearsal": rehearsal.pk}):
        told = {"students": row["students"], "amount": row["amount"]}
        if row["rule"] is not None:
            found["by_rule"].setdefault(row["rule"], {**empty(), "loan": row["loan"]})[row["side"]] = told
        else:
            (found["loan"] if row["loan"] else found)[row["side"]] = told
    return found


def same_rules(rehearsal: Rehearsal) -> bool:
    """Whether the rules in force are still those the rehearsal saw."""
    return rules_digest(Term.parse(rehearsal.term)) == rehearsal.rules_digest


def same_facts(rehearsal: Rehearsal) -> bool:
    """Whether everybody's facts are still those the rehearsal saw."""
    return facts_digest(Term.parse(rehearsal.term), rehearsal.path) == rehearsal.facts_digest
