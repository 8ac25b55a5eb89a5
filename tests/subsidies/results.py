"""What the recompute left behind, and another policy document beside the city's own."""

from __future__ import annotations

from aidcases import sql
from aidcases.terms import Term
from students.models import Student
from subsidies.actions import adopt_pack, publish
from subsidies.explain import explain
from subsidies.models import Entitlement, Mark, MissingFigure
from tests import make

AUTUMN = Term(2018, "autumn")
NOTHING = {"added": 0, "changed": 0, "withdrawn": 0}


def lines(term: Term = AUTUMN) -> list[tuple]:
    rows = Entitlement.objects.filter(term=term.code).order_by("student_id", "benefit_id")
    return list(rows.values_list("student_id", "rule__code", "amount", "school_id", "home_path", "school_path"))


def differences(result: dict) -> dict[str, int]:
    return {name: result[name] for name in NOTHING}


def marked(term: Term = AUTUMN) -> set[int]:
    return set(Mark.objects.filter(term=term.code).values_list("student_id", flat=True))


def missing() -> list[tuple]:
    return sorted(MissingFigure.objects.values_list("student_id", "rule__code", "figure"))


def from_scratch(under: str = "6201", term: Term = AUTUMN) -> dict:
    """Everything forgotten, everything computed again."""
    sql.run("DELETE FROM subsidies_entitlement WHERE term = %s", [term.code])
    sql.run("DELETE FROM subsidies_certificatepart WHERE term = %s", [term.code])
    sql.run("DELETE FROM subsidies_missingfigure WHERE term = %s", [term.code])
    sql.run("DELETE FROM subsidies_mark WHERE term = %s", [term.code])
    sql.run("DELETE FROM subsidies_entitlementchange")
    sql.run("DELETE FROM subsidies_runpart")
    sql.run("DELETE FROM subsidies_computerun")
    return make.recompute(term.code, under=under)


def assert_explained(who: Student) -> None:
    """Selected ⇔ explained yes, with the same amount; a missing figure ⇔ explained as one."""
    told = explain(who, AUTUMN)
    granted = {one.rule.code: None if one.amount is None else str(one.amount) for one in told if one.granted}
    assert granted == make.entitled(who)
    lacks = set(MissingFigure.objects.filter(student=who).values_list("rule__code", flat=True))
    assert {one.rule.code for one in told if one.missing_figure} == lacks
    for one in told:
        assert one.granted or one.missing or one.missing_figure or one.outbid_by, one.rule.code
        assert one.eligible == all(seen.holds for seen in one.conditions)


MORE = """
[pack]
code = "more-{code}"
title = "另一份文件"
document = "另一份文件"
first_day = 2018-09-01
priority = {priority}

[[rule]]
code = "more-{code}"
benefit = "{benefit}"
title = "另一份文件的资助"
clause = "一"
when = {{ stage = ["primary", "junior", "senior"]{when} }}
amount = {{ kind = "{kind}", period = "term"{values} }}
"""


def more(code: str, yuan: str | None, *, benefit: str = "senior-grant", region: str | None = "6201", priority: int = 100,
         when: str = "", kind: str = "") -> None:  # fmt: skip
    """Another document, adopted: so many yuan a term (None: nothing in money), for every pupil unless `when` says so."""
    values = f', values = [{{ yuan = "{yuan}" }}]' if yuan else ""
    kind = kind or ("fixed" if yuan else "none")
    publish(MORE.format(code=code, benefit=benefit, priority=priority, when=when, kind=kind, values=values))
    adopt_pack(f"more-{code}", region=make.region(region) if region else None)
