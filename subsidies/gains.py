"""What a rehearsal's changes of grants come to by stage, school, hardship category and level of government."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q

from aidcases import sql
from aidcases.models import School
from aidcases.terms import Term
from students.enums import Category, Stage
from students.facts import hardships_in, roll_orphans
from students.models import Enrolment
from subsidies.models import Rehearsal, Rule
from subsidies.packdiff import LEVEL_NAMES
from subsidies.packtext import read
from subsidies.shares import split

SCHOOLS = 20  # those where most money moves
NO_CATEGORY = "none"
NO_SHARES = "没有写分担"

# A change is a gain or a loss by its yuan; where nothing is counted in money, by whether it comes or goes.
GAIN = Q(difference__gt=0) | Q(difference=0, old_rule__isnull=True)
LOSE = Q(difference__lt=0) | Q(difference=0, new_rule__isnull=True)
SIDE = """CASE WHEN difference > 0 OR difference = 0 AND old_rule IS NULL THEN 'gain'
               WHEN difference < 0 OR difference = 0 AND new_rule IS NULL THEN 'lose' END"""

_PARTS = f"""
    WITH moved AS MATERIALIZED (
        SELECT student_id, school_path, abs(difference) AS yuan, {SIDE} AS side
        FROM subsidies_rehearsalrow WHERE rehearsal_id = %s AND NOT loan
    ),
    studying AS ({{studying}}),
    held AS (
        SELECT DISTINCT person_id, category FROM ({{held}}) h WHERE person_id IN (SELECT student_id FROM moved)
        UNION SELECT student_id, '{Category.ORPHAN}' FROM studying WHERE marked
    )
    SELECT 'stage' AS kind, s.stage AS part, side, count(DISTINCT student_id) AS students, sum(yuan) AS yuan
        FROM moved JOIN studying s USING (student_id) GROUP BY 2, 3
    UNION ALL SELECT 'school', school_path, side, count(DISTINCT student_id), sum(yuan) FROM moved GROUP BY 2, 3
    UNION ALL SELECT 'category', COALESCE(h.category, '{NO_CATEGORY}'), side, count(DISTINCT student_id), sum(yuan)
        FROM moved LEFT JOIN held h ON h.person_id = student_id GROUP BY 2, 3
"""
_AMOUNTS = """
    SELECT old_rule, new_rule, old_amount, new_amount, count(*) AS lines FROM subsidies_rehearsalrow
    WHERE rehearsal_id = %s AND NOT loan AND difference <> 0 GROUP BY 1, 2, 3, 4
"""
_NAMED = """
    SELECT old_rule AS rule FROM subsidies_rehearsalrow WHERE rehearsal_id = %s
    UNION SELECT new_rule FROM subsidies_rehearsalrow WHERE rehearsal_id = %s
"""


def parts(rehearsal: Rehearsal) -> dict[str, list[dict[str, Any]]]:
    """{"stage" | "school" | "category" | "level": [{"label", "gain", "gain_yuan", "lose", "lose_yuan"}, …]}: students
    and yuan as text; a level has yuan only. A student of several categories counts in each."""
    found: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in _counted(rehearsal):
        if row["side"]:
            part = found[row["kind"]].setdefault(row["part"], _empty())
            part |= {row["side"]: row["students"], f"{row['side']}_yuan": str(row["yuan"])}
    return {
        "stage": _labelled(found["stage"], dict(Stage.choices)),
        "school": _schools(found["school"]),
        "category": _labelled(found["category"], {**dict(Category.choices), NO_CATEGORY: "没有困难类别"}),
        "level": _levels(rehearsal),
    }


def _empty() -> dict[str, Any]:
    return {"gain": 0, "gain_yuan": "0.00", "lose": 0, "lose_yuan": "0.00"}


def _counted(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    term = Term.parse(rehearsal.term)
    marked = ExpressionWrapper(roll_orphans(term), BooleanField())
    rows = Enrolment.objects.in_term(term).order_by().values("student_id", "stage", marked=marked)
    studying, of_term = sql.compiled(rows)
    held, of_category = sql.compiled(hardships_in(term).order_by().values("person_id", "category"))
    return sql.rows(_PARTS.format(studying=studying, held=held), [rehearsal.pk, *of_term, *of_category])


def _labelled(found: dict[str, dict[str, Any]], labels: dict[str, str]) -> list[dict[str, Any]]:
    return [{"label": label, **found[code]} for code, label in labels.items() if code in found]


def _schools(found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    most = sorted(found, key=lambda path: (-_moved(found[path]), -found[path]["gain"] - found[path]["lose"], path))
    names = dict(School.objects.filter(path__in=most[:SCHOOLS]).values_list("path", "name"))
    return [{"label": names.get(path, path), **found[path]} for path in most[:SCHOOLS]]


def _moved(part: dict[str, Any]) -> Decimal:
    return Decimal(part["gain_yuan"]) + Decimal(part["lose_yuan"])


def _levels(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    """Before and after are divided line by line, each by its own rule's shares."""
    old, new = rules_before(rehearsal), rules_after(rehearsal)
    found: dict[str, dict[str, Decimal]] = defaultdict(lambda: {"gain_yuan": Decimal(0), "lose_yuan": Decimal(0)})
    for row in sql.rows(_AMOUNTS, [rehearsal.pk]):
        differences: dict[str, Decimal] = defaultdict(Decimal)
        for sign, rules, side in ((-1, old, "old"), (1, new, "new")):
            for level, yuan in _borne(rules.get(row[f"{side}_rule"]), row[f"{side}_amount"]).items():
                differences[level] += sign * yuan
        for level, yuan in differences.items():
            found[level]["gain_yuan" if yuan > 0 else "lose_yuan"] += abs(yuan) * row["lines"]
    return [
        {"label": name, **{side: str(yuan) for side, yuan in found[level].items()}}
        for level, name in {**LEVEL_NAMES, "": NO_SHARES}.items()
        if level in found
    ]


def _borne(rule: Rule | None, yuan: Decimal | None) -> dict[str, Decimal]:
    if not yuan:
        return {}
    return split(yuan, rule.shares) if rule and rule.shares else {"": yuan}


def rules_before(rehearsal: Rehearsal) -> dict[str, Rule]:
    """Code → the rule as it was published when the rehearsal was asked for."""
    then = Rule.objects.filter(pack__published_at__lte=rehearsal.requested_at)
    return {rule.code: rule for rule in then.order_by("code", "-pack__version", "-pk").distinct("code")}


def rules_after(rehearsal: Rehearsal) -> dict[str, Rule]:
    """Code → the rule as it would be; of other packs as it is."""
    return rules_before(rehearsal) | {rule.code: rule for rule in read(rehearsal.text)[1]}


def titles(rehearsal: Rehearsal) -> dict[str, str]:
    """Code → title of every rule the rehearsal's rows name."""
    named = {row["rule"] for row in sql.rows(_NAMED, [rehearsal.pk] * 2)}
    return {code: rule.title for code, rule in rules_after(rehearsal).items() if code in named}
