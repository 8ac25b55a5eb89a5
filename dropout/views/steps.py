"""A case's steps from its page: what is open now, what stands in the way, what each asks for and does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as dc_field
from datetime import date
from typing import Any

from django.http import HttpRequest

from aidcases.flow import Refused
from aidcases.models import School
from aidcases.roles import PERMISSIONS, ROLE_LABELS
from aidcases.scoping import Actor
from aidcases.web import chosen_term
from dropout import cases
from dropout.enums import Alarm, Cause
from dropout.forms import read_day
from dropout.models import DropoutCase

Typed = dict[str, str]


@dataclass(frozen=True)
class Field:
    """An input of a step's dialog. `kind`: text, area, date, select, school."""

    name: str
    label: str
    kind: str = "text"
    required: bool = True
    options: tuple[tuple[str, str], ...] = ()
    help: str = ""


@dataclass(frozen=True)
class Step:
    """What a step asks for, what it does to the case, how it looks."""

    run: Callable[[DropoutCase, Typed, HttpRequest, date], Any]
    fields: tuple[Field, ...] = ()
    text: str = ""
    kind: str = "plain"


WHY = Field("note", "原因", "area")
LEFT = Field("left_on", "辍学日期", "date", help="最后一次到校的第二天。资助从这一天起暂停。")


def _one(case: DropoutCase) -> Any:
    return DropoutCase.objects.filter(pk=case.pk)


def _single(outcome: cases.Outcome) -> None:
    """Raises Refused: of one case the reasons are the answer."""
    if not outcome.moved:
        raise Refused(*(outcome.stayed or [cases.FASTER]))


def _verify(case: DropoutCase, _said: Typed, request: HttpRequest, today: date) -> None:
    _single(cases.verify(_one(case), by=request.actor, today=today))


def _acquit(case: DropoutCase, said: Typed, request: HttpRequest, today: date) -> None:
    _single(cases.acquit(_one(case), alarm=said["alarm"], note=said["note"], by=request.actor, today=today))


def _confirm(case: DropoutCase, said: Typed, request: HttpRequest, today: date) -> None:
    left = read_day(said["left_on"], "辍学日期")
    cases.confirm(
        case, left_on=left, cause=said["cause"], whereabouts=said["whereabouts"], by=request.actor, today=today
    )


def _bring_back(case: DropoutCase, said: Typed, request: HttpRequest, today: date) -> None:
    if not (school := School.objects.filter(code=said["school"]).first()):
        raise Refused("请选择复学学校。")
    back = read_day(said["returned_on"], "复学日期")
    cases.bring_back(case, returned_on=back, school=school, by=request.actor, today=today)


def _relapse(case: DropoutCase, said: Typed, request: HttpRequest, today: date) -> None:
    left = read_day(said["left_on"], "辍学日期")
    cases.relapse(case, note=said["note"], left_on=left, by=request.actor, today=today)


def _reopen(case: DropoutCase, said: Typed, request: HttpRequest, today: date) -> None:
    cases.reopen(case, term=chosen_term(request), note=said["note"], by=request.actor, today=today)


def _plain(move: Callable[..., Any]) -> Callable[[DropoutCase, Typed, HttpRequest, date], Any]:
    return lambda case, _said, request, today: move(case, by=request.actor, today=today)


def _noted(move: Callable[..., Any]) -> Callable[[DropoutCase, Typed, HttpRequest, date], Any]:
    return lambda case, said, request, today: move(case, note=said["note"], by=request.actor, today=today)


STEPS: dict[str, Step] = {
    "verify": Step(_verify, kind="primary"),
    "acquit": Step(
        _acquit,
        (
            Field("alarm", "核查结果", "select", options=tuple(Alarm.choices)),
            Field("note", "怎么核实的", "area", help="电话、入户、户籍部门、外地学校证明。"),
        ),
        "排除后这名孩子不算辍学。以后又发现问题可以重新核查。",
    ),
    "confirm": Step(
        _confirm,
        (
            LEFT,
            Field("cause", "辍学原因", "select", options=tuple(Cause.choices)),
            Field("whereabouts", "孩子现在在哪里", required=False),
        ),
        "确认后进入辍学台账，学生的资助暂停，复学后恢复。",
        "primary",
    ),
    "unconfirm": Step(_noted(cases.unconfirm), (WHY,), "退回核查，资助恢复。"),
    "persuade": Step(_plain(cases.persuade), kind="primary"),
    "go_to_law": Step(
        _noted(cases.go_to_law), (WHY,), "劝返无效的，依法按四步办理：宣传教育、责令改正、行政处罚、司法。"
    ),
    "back_from_law": Step(_noted(cases.back_from_law), (WHY,), "回到劝返。"),
    "bring_back": Step(
        _bring_back,
        (Field("returned_on", "复学日期", "date"), Field("school", "复学学校", "school")),
        "从复学那天起恢复资助。",
        "primary",
    ),
    "watch": Step(_plain(cases.watch), kind="primary"),
    "relapse": Step(_relapse, (LEFT, WHY), "回到劝返，前面的记录都保留。", "bad"),
    "reopen": Step(_reopen, (WHY,), "从核查开始重新办理，前面的记录都保留。"),
}


@dataclass(frozen=True)
class Unsaved:
    """What was refused of a form on the case's page: which (a step's name, or the part), what was typed, and why."""

    form: str = ""
    typed: Typed = dc_field(default_factory=dict)
    problems: tuple[str, ...] = ()


def steps_of(case: DropoutCase, actor: Actor, unsaved: Unsaved) -> list[dict[str, Any]]:
    """Moves open from the case's state to whoever acts: .name .label .blocked (why not now) and, where this page makes the
    move, .step with its .fields (each with what was typed) and .again (its dialog stands open); without a step the part
    below makes it (placing, closing)."""
    found = []
    for move in case.FLOW.open_from(case.state):
        if not actor.may(move.permission):
            continue
        failing = [condition.label for condition in move.guards.failing(_one(case))]
        step, again = STEPS.get(move.name), move.name == unsaved.form
        typed = unsaved.typed if again else {}
        fields = [(each, typed.get(each.name, "")) for each in step.fields] if step else []
        shown = {"blocked": "；".join(failing), "step": step, "fields": fields, "again": again}
        found.append({"name": move.name, "label": move.label, **shown})
    return found


def for_others(case: DropoutCase, actor: Actor) -> list[str]:
    """Moves open from the case's state that somebody else makes: “排除、确认辍学：县级审核、县中心负责人”."""
    found: dict[str, list[str]] = {}
    for move in case.FLOW.open_from(case.state):
        if not actor.may(move.permission):
            roles = "、".join(label for role, label in ROLE_LABELS.items() if move.permission in PERMISSIONS[role])
            found.setdefault(roles, []).append(move.label)
    return [f"{'、'.join(labels)}：{roles}" for roles, labels in found.items()]


def typed_in(step: Step, request: HttpRequest) -> Typed:
    return {field.name: request.POST.get(field.name, "").strip()[:200] for field in step.fields}
