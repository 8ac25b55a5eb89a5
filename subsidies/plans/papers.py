"""A plan on paper (subsidies/plans/plan.typ): the household, what schooling costs, what is done, signatures."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from aidcases.paper import Printed, print_pdf
from subsidies.models import HouseholdPlan, PlanChild

TEMPLATE = Path(__file__).parent / "plan.typ"


def whole(lines: list[PlanChild]) -> dict[str, Decimal]:
    """What the children's lines (families.lines) come to, in yuan; unknown costs count nothing."""
    return {
        name: sum((getattr(line, name) or Decimal(0) for line in lines), Decimal(0))
        for name in ("fees", "board", "travel", "spent", "aid", "own")
    }


def _yuan(value: Decimal | None) -> str:
    return "" if value is None else f"{value:,.2f}"


def print_plan(
    plan: HouseholdPlan, lines: list[dict[str, Any]], measures: list[dict[str, Any]], *, facts: list[dict[str, str]], by: str,
    today: date,
) -> Printed:  # fmt: skip
    """`lines`: {"line", "enrolment"}; `measures`: {"measure", "whose"}; `facts`: {"label", "value"}. Raises Refused without a
    font."""
    head = plan.household.head
    money = ("fees", "board", "travel", "spent", "aid", "own")
    sums = whole([each["line"] for each in lines])
    return print_pdf(
        TEMPLATE,
        {
            "title": f"{head.name}户{plan.label}帮扶计划" if head else f"{plan.label}帮扶计划",
            "state": plan.get_state_display(),
            "facts": [[fact["label"], fact["value"] or "—"] for fact in facts],
            "children": [
                [
                    each["line"].student.person.name, _studies(each["enrolment"]),
                    *(_yuan(getattr(each["line"], name)) for name in money),
                ]
                for each in lines
            ],
            "sums": [_yuan(sums[name]) for name in money],
            "measures": [
                [
                    each["measure"].get_kind_display(), each["whose"], each["measure"].what, each["measure"].owner,
                    f"{each['measure'].due_on:%Y-%m-%d}",
                    f"{each['measure'].done_on:%Y-%m-%d} {each['measure'].effect}" if each["measure"].done_on else "",
                ]
                for each in measures
            ],
            "foot": f"{today.year}年{today.month}月{today.day}日 {by} 打印",
        },
    )  # fmt: skip


def _studies(enrolment: Any) -> str:
    return f"{enrolment.school.name} {enrolment.grade_label}" if enrolment else "本学期不在校"
