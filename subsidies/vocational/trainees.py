"""What becomes of trainees: asked, enrolled, finished, at work. One step for one line or for all that a filter finds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Greatest

from aidcases import audit
from aidcases.conditions import All, Condition
from aidcases.flow import Refused
from aidcases.models import School
from aidcases.roles import P
from aidcases.scoping import HOME, Actor, current_scope
from subsidies.giving.common import day_wrong, refuse_if, said
from subsidies.models import Trainee, TraineeContact
from subsidies.models.vocational import PLACED, Schooling, TraineeState, Unwilling, Wage
from subsidies.vocational.leavers import AT_HOME

LONGEST = timedelta(days=366 * 7)  # of a course
CLEARED = "无"  # typed over a number that is wrong: blank means unchanged
_NUMBER = re.compile(r"[0-9+ -]{7,20}")
# How far somebody has got, for counting and for finding those counted.
REACHED: dict[str, tuple[str, Q]] = {
    "enrolled": ("入学（参训）", Q(state__in=PLACED)),
    "finished": ("结业", Q(state__in=PLACED[1:])),
    "employed": ("就业", Q(state="employed")),
    "studying_on": ("升学", Q(state="studying_on")),
    "neither": ("未就业未升学", Q(state="neither")),
}


@dataclass
class Done:
    """How many a step moved, and why the others stay: reason → lines (a line may count under several)."""

    moved: int
    reasons: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Step:
    """What a step writes: `columns(today, said)` gives the columns and, for days, what must hold of a line."""

    columns: Callable[[date, dict[str, Any]], tuple[dict[str, Any], tuple[Condition, ...]]]
    at_home: bool = False  # the home side's alone


Made = tuple[dict[str, Any], tuple[Condition, ...]]


def _nothing(_today: date, _said: dict[str, Any]) -> Made:
    return {}, ()


def _declined(_today: date, told: dict[str, Any]) -> Made:
    why, note = told.get("why", ""), told.get("note", "")
    refuse_if({
        "请选择不愿意的原因。": why not in Unwilling.values,
        "选择“其他”的，请写明原因。": why == Unwilling.OTHER and not note.strip(),
    })  # fmt: skip
    return {"why": why, "remark": said(note, 200)}, ()


def _enrolled(today: date, told: dict[str, Any]) -> Made:
    school, kind, begun, until = (told.get(name) for name in ("school", "kind", "from_on", "to_on"))
    refuse_if({
        "请填写院校。": not isinstance(school, School),
        "请选择学历教育或职业培训。": kind not in Schooling.values,
        "请填写入学（开班）日期。": begun is None,
    })  # fmt: skip
    assert isinstance(school, School)
    assert begun is not None
    refuse_if({
        **day_wrong(begun, today, "入学（开班）日期"),
        "计划结业日期早于入学（开班）日期。": until is not None and until < begun,
        "计划结业日期离入学超过七年，请核对年份。": until is not None and until > begun + LONGEST,
    })  # fmt: skip
    return {
        "school": school, "school_path": school.path, "kind": kind, "major": said(told.get("major", ""), 60),
        "from_on": begun, "to_on": until, "why": "",
    }, ()  # fmt: skip


_AWAY: dict[str, Any] = {
    "school": None, "school_path": "", "kind": "", "major": "", "from_on": None, "to_on": None,
}  # fmt: skip


def _quit(_today: date, _told: dict[str, Any]) -> Made:
    return dict(_AWAY), ()


def _finished(today: date, told: dict[str, Any]) -> Made:
    day, certificate = told.get("finished_on"), said(told.get("certificate", ""), 80)
    refuse_if({"请填写结业日期。": day is None, "请填写证书，没有的写“无证书”。": not certificate})
    assert day is not None
    refuse_if(day_wrong(day, today, "结业日期"))
    begun = Condition("begun", f"入学（开班）日期晚于结业日期 {day}", Q(from_on__lte=day))
    return {"finished_on": day, "certificate": certificate}, (begun,)


_NO_WORK = {"employer": "", "post": "", "wage": "", "place": "", "onward": ""}


def _outcome(today: date, told: dict[str, Any], **columns: Any) -> Made:
    day = told.get("outcome_on")
    if day is None:
        raise Refused("请填写日期。")
    refuse_if(day_wrong(day, today, "日期"))
    ended = Condition("ended", f"结业日期晚于 {day}", Q(finished_on__lte=day))
    return {**_NO_WORK, **columns, "outcome_on": day}, (ended,)


def _employed(today: date, told: dict[str, Any]) -> Made:
    texts = {"employer": 80, "post": 40, "place": 60}
    columns = {name: said(told.get(name, ""), most) for name, most in texts.items()}
    wage = told.get("wage", "")
    refuse_if({
        "请填写就业单位，自己干的写“自主创业”。": not columns["employer"],
        "月收入请从列表中选择。": wage not in ("", *Wage.values),
    })  # fmt: skip
    return _outcome(today, told, **columns, wage=wage)


def _studying(today: date, told: dict[str, Any]) -> Made:
    onward = said(told.get("onward", ""), 80)
    refuse_if({"请填写升入的院校。": not onward})
    return _outcome(today, told, onward=onward)


def _neither(today: date, told: dict[str, Any]) -> Made:
    return _outcome(today, told, remark=said(told.get("note", ""), 200))


def _restored(_today: date, _told: dict[str, Any]) -> Made:
    other = Trainee.objects.filter(student=OuterRef("student"), year=OuterRef("year")).exclude(state=TraineeState.STRUCK)
    return {}, (Condition("alone", "这个人本年度已有另一条记录", ~Q(Exists(other))),)


STEPS = {
    "agree": Step(lambda _today, _told: ({"why": ""}, ()), at_home=True),
    "decline": Step(_declined, at_home=True),
    "enrol": Step(_enrolled, at_home=True),
    "quit": Step(_quit),
    "finish": Step(_finished),
    "employ": Step(_employed),
    "study_on": Step(_studying),
    "neither": Step(_neither),
    "strike": Step(_nothing, at_home=True),
    "restore": Step(_restored, at_home=True),
}


def at_home() -> Condition:
    """A line of the own area's children, seen from the home side."""
    scope = current_scope()
    holds = Q(home_path__startswith=scope.path) if HOME in scope.sides else Q(pk=None)
    return Condition("at_home", AT_HOME, holds)


@transaction.atomic
def step(rows: QuerySet[Trainee], name: str, *, by: Actor, today: date, note: str = "", **told: Any) -> Done:
    """Makes the step on every line that may. Raises Refused when what was said is wrong."""
    one = STEPS[name]
    columns, conditions = one.columns(today, {"note": note, **told})
    told_of = All((*((at_home(),) if one.at_home else ()), *conditions))
    reasons: Counter[str] = Counter()
    # Counted first: a filter by state no longer finds what has moved.
    if conditions or one.at_home:
        right_state = rows.filter(state__in=Trainee.FLOW[name].sources)
        failing = told_of.funnel(right_state)
        reasons.update({each.label: failing[each.code] for each in told_of if failing[each.code]})
    reasons.update(rows.unmoved(name))  # type: ignore[attr-defined]
    moved = rows.filter(told_of.hold).move(name, by=by, note=said(note, 200), **columns)  # type: ignore[attr-defined]
    return Done(moved, reasons)


def only(trainee: Trainee, name: str, *, by: Actor, today: date, **told: Any) -> Trainee:
    """The same for one line. Raises Refused with the reasons when it stays."""
    done = step(Trainee.objects.filter(pk=trainee.pk), name, by=by, today=today, **told)
    if not done.moved:
        raise Refused(*(done.reasons or ["已被他人处理，请刷新后再看。"]))
    trainee.refresh_from_db()
    return trainee


# --- visits, calls, the phone --------------------------------------------------------------------------------------


@transaction.atomic
def contact(
    trainee: Trainee, *, contacted_on: date, way: str, who: str, note: str, by: Actor, today: date
) -> TraineeContact:
    """A visit or call, by the home side or the institution. Raises Refused."""
    refuse_if({
        "您的角色不能登记联系。": not by.may(P.VOCATIONAL_WRITE),
        **day_wrong(contacted_on, today, "联系日期"),
        "请填写联系人。": not who.strip(),
        "请写明了解到的情况。": len(note.strip()) < 2,
    })  # fmt: skip
    made = TraineeContact(
        trainee=trainee, contacted_on=contacted_on, way=way, who=said(who, 60), note=said(note, 300), made_by=by.name
    )
    made.save()
    last = Greatest("contacted_on", contacted_on)  # NULL counts as nothing
    Trainee.objects.filter(pk=trainee.pk).update(contacted_on=last)
    audit.record("trainee.contacted", subject=trainee, path=trainee.home_path)
    return made


@transaction.atomic
def set_phone(trainee: Trainee, typed: str, *, by: Actor) -> None:
    """The person's own number; it is shown to the side that wrote it down alone. Raises Refused."""
    typed = typed.strip()
    refuse_if({
        "您的角色不能登记电话。": not by.may(P.VOCATIONAL_WRITE),
        f"电话号码只写数字，例如 13800001234；要删除号码，写“{CLEARED}”。": typed != CLEARED and not _NUMBER.fullmatch(typed),
    })  # fmt: skip
    held = Trainee.objects.select_for_update(of=("self",)).get(pk=trainee.pk)
    held.phone = None if typed == CLEARED else typed
    held.phone_path = "" if typed == CLEARED else current_scope().path
    held.save(update_fields=["phone", "phone_hash", "phone_path"])
    audit.record("trainee.phone", subject=held, path=held.home_path)


def wrote_phone(trainee: Trainee) -> bool:
    """Whether the number was written down in the area of whoever acts, or by an office of theirs above."""
    return bool(trainee.phone_path) and current_scope().covers(trainee.phone_path)
