"""三年跟踪 of poor vocational graduates: three yearly calls, made from the roll and the trainings; who is late; figures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db import transaction
from django.db.models import Count, DateField, Exists, F, Func, IntegerField, Max, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Left
from django.urls import reverse
from django.utils import timezone

from aidcases import inbox, sql
from aidcases.flow import Refused
from aidcases.inbox import Task
from aidcases.models.places import above
from aidcases.roles import OfficeKind, P
from aidcases.scoping import Actor
from aidcases.terms import SPRING, Term
from aidcases.urging import offices
from students.enums import Stage
from students.models import Enrolment
from subsidies.giving.common import day_wrong, refuse_if, said
from subsidies.models import FollowUp, Trainee
from subsidies.models.vocational import ENDED, CallState, Outcome, Wage
from subsidies.vocational.leavers import left, poor_in

VOCATIONAL = (Stage.SECONDARY_VOCATIONAL, Stage.HIGHER_VOCATIONAL)
CALLS = 3  # Lanzhou: “实行贫困家庭中高职院校毕业生就业3年跟踪服务计划”
DUE_MONTH, DUE_DAY = 6, 30  # a year after the summer of graduation, and each year on
ASK_FROM = timedelta(days=90)
COUNTY = len("/62/6201/620123/")
FAMILY = "followup."
AT_WORK = (Outcome.EMPLOYED, Outcome.OWN)
TEXTS = ("result", "employer", "post", "wage", "place", "remark", "called_by")


# --- whom to call --------------------------------------------------------------------------------------------------


def graduates(year: int) -> QuerySet[Enrolment]:
    """Poor students of a last vocational grade in the school year that ended in the summer of `year`, and who is not on
    the roll of the same stage again in the term after."""
    term = Term(year, SPRING)
    again = Enrolment.objects.in_term(term.next).filter(student=OuterRef("student"), stage=OuterRef("stage"))
    return left(year, VOCATIONAL).filter(poor_in(year - 1), ~Exists(again))


def trained(year: int) -> QuerySet[Trainee]:
    """Trainees who finished in the calendar year: courses end all year round."""
    rows = Trainee.objects.filter(state__in=ENDED, finished_on__year=year).order_by()
    return Trainee.objects.filter(pk__in=rows.values("student").annotate(last=Max("pk")).values("last"))


@transaction.atomic
def make_calls(today: date) -> int:
    """The three calls of the last summer's graduates and of who finished this year, where they are missing. → how many."""
    latest = today.year if today > Term(today.year, SPRING).last_day else today.year - 1
    sql.lock("vocational.calls")
    made = 0
    for year in sorted({latest, today.year}):
        sources: list[tuple[QuerySet, Any]] = [(graduates(year), F("stage"))] if year == latest else []
        for rows, stage in [*sources, (trained(year), Value(""))]:
            known = FollowUp.objects.filter(student=OuterRef("student"), year=year)
            made += sql.insert_from(FollowUp, rows.filter(~Exists(known)), **_columns(year, stage))
    return made


def _columns(year: int, stage: Any) -> dict[str, Any]:
    """Three rows of each: the two series of the SELECT run side by side."""
    due = f"make_date(%(expressions)s, {DUE_MONTH}, {DUE_DAY})"
    series = Func(Value(year + 1), Value(year + CALLS), function="generate_series", output_field=IntegerField())
    return {
        "student_id": F("student_id"), "year": Value(year, IntegerField()),
        "number": Func(Value(1), Value(CALLS), function="generate_series", output_field=IntegerField()),
        "due_on": Func(series, template=due, output_field=DateField()),
        "stage": stage, "school_id": F("school_id"), "school_path": F("school_path"),
        "home_path": F("student__person__home_path"), "state": Value(CallState.DUE.value), **{name: Value("") for name in TEXTS},
    }  # fmt: skip


# --- calling -------------------------------------------------------------------------------------------------------


@transaction.atomic
def record(call: FollowUp, *, called_on: date, result: str, by: Actor, today: date, **told: str) -> FollowUp:
    """What a call found: employer or school, post or subject, wage, place, remark. Raises Refused."""
    texts = {"employer": 80, "post": 40, "place": 60, "remark": 200}
    columns = {name: said(told.get(name, ""), most) for name, most in texts.items()}
    wage = told.get("wage", "")
    refuse_if({
        **day_wrong(called_on, today, "回访日期"),
        f"回访日期早于毕业的 {call.year} 年。": called_on < date(call.year, 1, 1),
        "请选择去向。": result not in Outcome.values,
        "请填写就业单位或升入的院校。": result in (Outcome.EMPLOYED, Outcome.STUDYING) and not columns["employer"],
        "月收入请从列表中选择。": wage not in ("", *Wage.values),
    })  # fmt: skip
    call.move("record", by=by, called_on=called_on, called_by=by.name, result=result, wage=wage, **columns)
    return call


@transaction.atomic
def move(call: FollowUp, name: str, *, by: Actor, note: str) -> None:
    """again, drop or restore. Raises Refused."""
    others = FollowUp.objects.filter(student=call.student_id, year=call.year, number=call.number).exclude(pk=call.pk)
    if name == "restore" and others.exclude(state=CallState.VOID).exists():
        raise Refused("这一年已有另一次回访。")
    call.move(name, by=by, note=said(note, 200))


def before(call: FollowUp) -> FollowUp | None:
    """The last call that was made before: what it found is shown beside the form and offered in it."""
    rows = FollowUp.objects.filter(student=call.student_id, state=CallState.DONE).exclude(pk=call.pk)
    return rows.order_by("-called_on", "-pk").first()


# --- figures -------------------------------------------------------------------------------------------------------


def late(today: date) -> Q:
    return Q(state=CallState.DUE, due_on__lt=today)


def totals(today: date) -> list[dict[str, Any]]:
    """A line for each summer and year after it: due (all calls), done, late, one for each Outcome, rate (of those reached
    at work, in per cent with one decimal; None where nobody was reached). One query, newest first."""
    reached = {each.value: Count("pk", filter=Q(state=CallState.DONE, result=each)) for each in Outcome}
    rows = FollowUp.objects.exclude(state=CallState.VOID).order_by().values("year", "number")
    counted = rows.annotate(
        all=Count("pk"), done=Count("pk", filter=Q(state=CallState.DONE)), late=Count("pk", filter=late(today)),
        due_on=Max("due_on"), **reached,
    )  # fmt: skip
    return [{**row, "rate": _rate(row)} for row in counted.order_by("-year", "number")]


def _rate(row: dict[str, Any]) -> float | None:
    known = row["done"] - row[Outcome.LOST]
    return round(100 * sum(row[each] for each in AT_WORK) / known, 1) if known else None


# --- what time makes due -------------------------------------------------------------------------------------------


def calls_made(now: datetime) -> dict[str, int]:
    """Whoever graduated is to be called."""
    return {"calls": make_calls(timezone.localdate(now))}


def calls_due(now: datetime) -> dict[str, int]:
    """One reminder a county and year for the calls that fall due within ninety days, urgent once their day is over; then
    the office above hears of it as well."""
    today = timezone.localdate(now)
    waiting = FollowUp.objects.filter(state=CallState.DUE, due_on__lte=today + ASK_FROM).order_by()
    rows = list(
        waiting.annotate(county=Left("home_path", COUNTY)).values("county", "year", "number", "due_on").annotate(n=Count("pk"))
    )
    known = offices((path for row in rows for path in above(row["county"])), (OfficeKind.COUNTY, OfficeKind.CITY))
    tasks = [task for row in rows for task in _tasks(row, known, today)]
    return inbox.keep(FAMILY, tasks, today=today)


def _tasks(row: dict[str, Any], known: dict[str, Any], today: date) -> Iterable[Task]:
    over = row["due_on"] < today
    own, *higher = (known.get(path) for path in above(row["county"]))
    where = {"year": row["year"], "number": row["number"], "state": CallState.DUE.value}
    what = {"url": f"{reverse('followup_list')}?{urlencode(where)}", "due_on": row["due_on"], "urgent": over}
    told = f"{row['year']} 届贫困家庭中高职毕业生第 {row['number']} 年跟踪，还有 {row['n']} 人没有回访"
    key = f"{row['year']}.{row['number']}"
    if own:
        title = f"{'逾期：' if over else ''}{told}"
        yield Task(own, f"{FAMILY}due.{key}", title, permission=P.VOCATIONAL_WRITE, **what)
    if over and (next_up := next((each for each in higher if each), None)):
        code = row["county"].strip("/").rpartition("/")[2]
        title = f"{own.name if own else '下级'}逾期：{told}，请督办"
        yield Task(next_up, f"{FAMILY}late.{key}.{code}", title, permission=P.VOCATIONAL_VIEW, **what)


HOOKS = (calls_made, calls_due)
