"""工作线 and tasks: naming, giving, changing, telling a month, and the steps from given to closed or sent back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from aidcases import audit, inbox, sql
from aidcases.flow import Refused
from aidcases.models import Organisation
from aidcases.roles import OfficeKind, P
from aidcases.scoping import Actor, current_scope
from aidcases.seen import compare
from dropout import rectifying
from ledgers.models import WorkLine, WorkMonth, WorkTask
from ledgers.models.progress import WORKING, Unit, WorkState
from ledgers.progress import spans
from ledgers.progress.sources import SOURCES
from students.places import codes_of
from subsidies.giving.common import said as without_numbers

S = WorkState
BELOW = {
    OfficeKind.CITY: (OfficeKind.COUNTY,),
    OfficeKind.COUNTY: (OfficeKind.COUNTY, OfficeKind.TOWNSHIP, OfficeKind.SCHOOL),
}
COUNTY = 3  # divisions on a county's path
MOST = 200  # characters of any text of a task
# What its owner may change; the rest is the giver's.
OWN = ("person", "money", "allotted_on", "transferred_on", "paid_on")
GIVEN = (*OWN, "title", "document", "target", "due_on", "note")


@dataclass(frozen=True)
class Said:
    """A task as it is given. source, benefit: codes, "" where figures are told by hand, and for all benefits."""

    title: str
    target: Decimal
    unit: str
    due_on: date
    person: str = ""
    document: str = ""
    source: str = ""
    benefit: str = ""
    money: str = ""
    allotted_on: date | None = None
    transferred_on: date | None = None
    paid_on: date | None = None
    note: str = ""


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Its texts without numbers of people."""
    return {name: without_numbers(each, MOST) if isinstance(each, str) else each for name, each in values.items()}


def may_be_given() -> QuerySet[Organisation]:
    """Offices that whoever acts may give a task: counties by a city; itself, its townships and schools by a county."""
    own = current_scope().path
    kinds = BELOW[OfficeKind.COUNTY] if len(codes_of(own)) >= COUNTY else BELOW[OfficeKind.CITY]
    return Organisation.objects.filter(kind__in=kinds, path__startswith=own).order_by("kind", "path")


@transaction.atomic
def name_line(*, year: int, name: str, document: str, by: Actor) -> WorkLine:
    """Raises Refused for a line there is already, or without its document."""
    if not by.may(P.PROGRESS_GIVE):
        raise Refused("您的角色不能建工作线。")
    name, document, path = without_numbers(name, 40), without_numbers(document, 120), current_scope().path
    if not name or not document:
        raise Refused("请填写工作线名称和政策依据（文号）。")
    made, new = WorkLine.objects.get_or_create(
        path=path, year=year, name=name, defaults={"document": document, "made_by": by.name}
    )
    if not new:
        raise Refused(f"{year} 年已有工作线“{name}”。")
    audit.record("workline.named", subject=made, path=path, year=year)
    return made


MONEY_ORDER = "资金要先下达、再拨付、再发放，请核对三个时间。"


def out_of_order(said: Said | WorkTask) -> bool:
    """The days of the money that are told do not follow one another."""
    days = [day for day in (said.allotted_on, said.transferred_on, said.paid_on) if day]
    return days != sorted(days)


@transaction.atomic
def give(line: WorkLine, offices: Iterable[Organisation], said: Said, *, by: Actor, given_name: str, today: date) -> int:
    """The same task to each of the offices. → how many. Raises Refused; an office that has it already is told."""
    offices, own = list(offices), current_scope().path
    allowed = set(may_be_given().filter(pk__in=[office.pk for office in offices]).values_list("pk", flat=True))
    source = SOURCES.get(said.source)
    wrong = {
        "您的角色不能下达工作任务。": not by.may(P.PROGRESS_GIVE),
        "只能在本单位的工作线下下达任务。": line.path != own,
        "请选择责任单位。": not offices,
        "只能向本单位范围内的单位下达任务。": len(allowed) != len(offices),
        "目标要大于 0。": said.target <= 0,
        "完成时限要在工作线的年度内或下一年。": said.due_on.year not in (line.year, line.year + 1),
        "请从列表中选择数字来源。": bool(said.source) and source is None,
        "目标的单位和数字来源的单位不同，请改一致。": bool(source and source.unit != said.unit),
        "这个数字来源不分资助项目。": bool(said.benefit and not (source and source.of_benefit)),
        "请选择目标的单位。": said.unit not in Unit.values,
        MONEY_ORDER: out_of_order(said),
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    sql.lock("worktask.given", line.pk)  # the same task by two at once
    known = WorkTask.objects.standing().filter(line=line, title=said.title, office__in=offices).select_related("office")
    if names := [task.office.name for task in known]:
        raise Refused(f"{'、'.join(names)}已有任务“{said.title}”。")
    first = max(spans.month_of(today), f"{line.year}-01")
    for office in offices:
        made = WorkTask(
            line=line, office=office, path=office.path, given_path=own, given_name=given_name[:80], first_month=first,
            made_by=by.name, made_on=today, **_plain(vars(said)),
        )  # fmt: skip
        made.save()
        audit.record("worktask.given", subject=made, path=office.path, due=said.due_on.isoformat())
    return len(offices)


def may_change(task: WorkTask, by: Actor) -> tuple[str, ...]:
    """The columns that whoever acts may change now."""
    own = current_scope().path
    if task.state not in WORKING:
        return ()
    if task.given_path == own and by.may(P.PROGRESS_GIVE):
        return GIVEN
    return OWN if task.path == own and by.may(P.PROGRESS_WRITE) else ()


def told(task: WorkTask) -> tuple[object, ...]:
    """What a form of the task shows."""
    return tuple(str(getattr(task, name)) for name in GIVEN)


@transaction.atomic
def change(task: WorkTask, values: dict[str, object], *, by: Actor, seen: str | None = None) -> WorkTask:
    """Raises Refused, or Changed where somebody has written since."""
    held = WorkTask.objects.select_for_update(of=("self",)).select_related("line").get(pk=task.pk)
    allowed = may_change(held, by)
    if not allowed:
        raise Refused("任务已报完成或不归本单位，不能修改。")
    compare(seen, *told(held))
    values = _plain(values)
    changed = {name: value for name, value in values.items() if name in allowed and getattr(held, name) != value}
    if "target" in changed and Decimal(str(changed["target"])) <= 0:
        raise Refused("目标要大于 0。")
    sql.lock("worktask.given", held.line_id)
    same = WorkTask.objects.standing().filter(line=held.line, office=held.office_id, title=changed.get("title", ""))
    if "title" in changed and same.exists():
        raise Refused("这个单位已有同名的任务。")
    if "due_on" in changed:
        changed["escalated_on"] = None
    for name, value in changed.items():
        setattr(held, name, value)
    if out_of_order(held):
        raise Refused(MONEY_ORDER)
    held.save(update_fields=list(changed)) if changed else None
    audit.record("worktask.changed", subject=held, path=held.path, columns=sorted(changed))
    return held


@transaction.atomic
def tell(
    task: WorkTask, *, month: str, done: Decimal | None, problem: str, remedy: str, by: Actor, today: date,
    seen: str | None = None,
) -> WorkMonth:  # fmt: skip
    """What was done in a month; told again, it is put right. Raises Refused, or Changed."""
    held = WorkTask.objects.select_for_update(of=("self",)).select_related("line").get(pk=task.pk)
    row = WorkMonth.objects.filter(task=held, month=month).first()
    compare(seen, *shown(row))
    wrong = {
        "由责任单位填报进度。": held.path != current_scope().path or not by.may(P.PROGRESS_WRITE),
        "任务已报完成，不能再填报；要改请退回。": held.state not in WORKING,
        "只能填报任务年度内、从下达当月到本月的月份。": not (
            held.first_month <= month <= min(spans.month_of(today), f"{held.line.year}-12")
        ),
        "请填写本月完成数（0 或正数）。": not held.source and (done is None or done < 0),
        "写了存在问题的，请写整改措施。": bool(problem.strip()) and not remedy.strip(),
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    row = row or WorkMonth(task=held, path=held.path, month=month, told_on=today)
    row.done = None if held.source else done
    row.problem, row.remedy, row.told_by = without_numbers(problem, 400), without_numbers(remedy, 400), by.name
    row.save()
    held.last_month = max(held.last_month, month)
    held.save(update_fields=["last_month"])
    audit.record("workmonth.told", subject=held, path=held.path, month=month, done=str(row.done))
    if held.state == S.GIVEN:
        held.move("start", by=by)
    return row


def shown(row: WorkMonth | None) -> tuple[str, ...]:
    """What the form of a month shows."""
    return (str(row.done), row.problem, row.remedy) if row else ()


# --- steps ---------------------------------------------------------------------------------------------------------


def _own(task: WorkTask) -> None:
    if task.path != current_scope().path:
        raise Refused("由责任单位办理。")


def _by_giver(task: WorkTask) -> None:
    if task.given_path != current_scope().path:
        raise Refused("由下达任务的单位办理。")


def _level(task: WorkTask, *, county: bool) -> None:
    own = current_scope().path
    if not task.path.startswith(own) or (len(codes_of(own)) == COUNTY) != county:
        raise Refused("由县级单位自查。" if county else "由市级单位复查。")


def _words(text: str, what: str) -> str:
    if len(text.strip()) < 5:
        raise Refused(f"请写明{what}（至少 5 个字）。")
    return without_numbers(text, 400)


@transaction.atomic
def start(task: WorkTask, *, by: Actor) -> None:
    _own(task)
    task.move("start", by=by)


@transaction.atomic
def report(task: WorkTask, *, by: Actor, today: date) -> None:
    """The owner says that it is done."""
    _own(task)
    task.move(
        "report", by=by, reported_on=today, reported_by=by.name, reported_by_id=by.user_id, checked_by_id=None,
        escalated_on=None,
    )  # fmt: skip
    inbox.done(task)


@transaction.atomic
def self_check(task: WorkTask, *, found: str, by: Actor, today: date) -> None:
    """The county's second person looks, also at what the county itself has done."""
    _level(task, county=True)
    said = _words(found, "自查情况")
    if task.reported_by_id is not None and task.reported_by_id == by.user_id:
        raise Refused("报告完成的人不能自己自查，请换一个人。")
    task.move("self_check", by=by, found=said, checked_on=today, checked_by=by.name, checked_by_id=by.user_id)


@transaction.atomic
def recheck(task: WorkTask, *, found: str, by: Actor, today: date) -> None:
    _level(task, county=False)
    task.move("recheck", by=by, refound=_words(found, "复查情况"), rechecked_on=today, rechecked_by=by.name)


@transaction.atomic
def close(task: WorkTask, *, by: Actor, today: date) -> None:
    _by_giver(task)
    task.move("close", by=by, closed_on=today)


@transaction.atomic
def cancel(task: WorkTask, *, note: str, by: Actor) -> None:
    """Given by mistake, or no longer to be done: it counts nowhere any more."""
    _by_giver(task)
    task.move("cancel", by=by, note=without_numbers(note, 200))
    inbox.done(task)


def checked_above(task: WorkTask) -> bool:
    """Passed by the city's second look, which the county it looked at can't undo."""
    own = current_scope().path
    return task.state == S.RECHECKED and len(codes_of(own)) >= COUNTY and task.given_path != own


@transaction.atomic
def send_back(task: WorkTask, *, note: str, due_on: date, by: Actor, given_name: str, today: date) -> None:
    """限期整改: an order with a day of its own, which is urged like those of inspections. By who checks or gave it."""
    own = current_scope().path
    if task.path == own and task.given_path != own and len(codes_of(own)) != COUNTY:
        raise Refused("由检查单位退回。")
    if checked_above(task):
        raise Refused("市级复查已通过，由市级单位退回。")
    note = _words(note, "要整改的问题")
    problem = f"{task.title}：{note}"
    made = rectifying.give(task.office, problem=problem, due_on=due_on, by=by, given_name=given_name, today=today)
    task.move("send_back", by=by, note=note, rectification=made, spot=False)


def drawn(rows: QuerySet[WorkTask], seed: str, size: int) -> list[int]:
    """Keys of the tasks a seed draws: those with the smallest SHA-256 of "seed|key"; anybody can do it again."""
    keys = rows.order_by("pk").values_list("pk", flat=True)
    return sorted(keys, key=lambda key: hashlib.sha256(f"{seed}|{key}".encode()).hexdigest())[:size]


@transaction.atomic
def draw(*, year: int, seed: str, size: int, by: Actor) -> int:
    """Draws tasks for the city's second look from those that the counties have checked. → how many. Raises Refused."""
    if not by.may(P.PROGRESS_CHECK) or len(codes_of(current_scope().path)) >= COUNTY:
        raise Refused("由市级单位抽取复查任务。")
    seed = seed.strip()[:60]
    if not seed or size < 1:
        raise Refused("请填写种子和抽取数量。")
    rows = WorkTask.objects.of_year(year).filter(state=S.SELF_CHECKED, spot=False)
    keys = drawn(rows, seed, size)
    WorkTask.objects.filter(pk__in=keys, state=S.SELF_CHECKED).update(spot=True)
    audit.record("worktask.drawn", path=current_scope().path, seed=seed, year=year, drawn=keys)
    return len(keys)


def soon(today: date, days: int = 7) -> QuerySet[WorkTask]:
    """Tasks whose owner still has to act and whose day is near or over."""
    return WorkTask.objects.filter(state__in=WORKING, due_on__lte=today + timedelta(days=days)).select_related("line")
