"""月调度、季汇总、半年通报、年底排名: the tasks of a stretch of time by office, the text made of their figures, the rank."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.urls import reverse

from aidcases.models import Organisation
from aidcases.scoping import Actor
from dropout.enums import TaskState
from dropout.models import Rectification
from ledgers.models import Talk, WorkTask
from ledgers.models.progress import WorkState
from ledgers.progress import figures
from ledgers.progress.figures import TENTH, Figure
from ledgers.progress.spans import Span

DONE, IN_TIME, GOALS, LATE = 60, 20, 20, 2
FORMULA = (
    f"得分 = 任务完成率平均数（每项最多按 100% 算）× {DONE} 分 + 按时填报的月份 ÷ 应填报的月份 × {IN_TIME} 分"
    f" + 达到目标的指标 ÷ 有数据的指标 × {GOALS} 分 − 每项逾期任务 {LATE} 分；最低 0 分。"
    f"没有指标的单位，前两项按 {DONE + IN_TIME} 分折算成 100 分；没有应填报月份的，按时填报计满分。得分相同，逾期少的在前。"
)
WHENCE = "文件只要求年底排名，没有规定算法；本办法由系统给出，各项分值都列在表里，可以核对。"
Part = tuple[str, str]  # words, and the address they open ("" for none)


def tasks_of(span: Span, path: str) -> QuerySet[WorkTask]:
    """Tasks of the year that concern an office, given by the end of the span."""
    rows = WorkTask.objects.standing().of_year(span.year).concerning(path).filter(first_month__lte=span.months[-1])
    return rows.select_related("line", "office").order_by("line__pk", "title", "office__path", "pk")


@dataclass
class OfficeLine:
    """An office with its tasks. share: of its indicators, those that meet their targets; None where it has none."""

    office: Organisation
    rows: list[Figure] = field(default_factory=list)
    share: Decimal | None = None
    rank: int = 0

    @property
    def rate(self) -> Decimal:
        """完成率平均数 in per cent, each task at most 100."""
        return (sum((min(row.rate, Decimal(100)) for row in self.rows), Decimal(0)) / len(self.rows)).quantize(TENTH)

    @property
    def closed(self) -> int:
        return sum(row.task.state == WorkState.CLOSED for row in self.rows)

    @property
    def late(self) -> int:
        return sum(row.late for row in self.rows)

    @property
    def missing(self) -> int:
        return sum(len(row.missing) for row in self.rows)

    @property
    def asked(self) -> int:
        return sum(row.asked for row in self.rows)

    @property
    def in_time(self) -> int:
        return sum(row.in_time for row in self.rows)

    @property
    def points(self) -> dict[str, Decimal | None]:
        """done, in_time, goals: what FORMULA gives for each, goals None of who has none; late: what it takes away."""
        told = Decimal(self.in_time) / self.asked if self.asked else Decimal(1)
        return {
            "done": _point(self.rate * DONE / 100),
            "in_time": _point(told * IN_TIME),
            "goals": None if self.share is None else _point(self.share * GOALS),
            "late": Decimal(self.late * LATE),
        }

    @property
    def score(self) -> Decimal:
        points, nought = self.points, Decimal(0)
        base = (points["done"] or nought) + (points["in_time"] or nought)
        whole = base * 100 / (DONE + IN_TIME) if points["goals"] is None else base + points["goals"]
        return max(_point(whole - (points["late"] or nought)), Decimal("0.0"))


def _point(value: Decimal) -> Decimal:
    return value.quantize(TENTH, ROUND_HALF_UP)


def by_office(rows: Iterable[Figure], shares: Mapping[str, Decimal | None]) -> list[OfficeLine]:
    """Ranked, the best first; equal scores share a rank. shares: path of an office → share of its indicators met."""
    found: dict[int, OfficeLine] = {}
    for row in rows:
        office = row.task.office
        found.setdefault(office.pk, OfficeLine(office, share=shares.get(office.path))).rows.append(row)
    told = sorted(found.values(), key=lambda line: (-line.score, line.late, line.office.path))
    for place, line in enumerate(told, 1):
        before = told[place - 2] if place > 1 else None
        same = before is not None and (before.score, before.late) == (line.score, line.late)
        line.rank = before.rank if before is not None and same else place
    return told


@dataclass
class LineSum:
    """A line of work and unit: what its tasks aim at and have come to. Different units are never added up."""

    name: str
    document: str
    unit: str
    tasks: int = 0
    target: Decimal = Decimal(0)
    now: Decimal = Decimal(0)
    so_far: Decimal = Decimal(0)

    @property
    def rate(self) -> Decimal:
        return (100 * self.so_far / self.target).quantize(TENTH, ROUND_HALF_UP)


def by_line(rows: Iterable[Figure]) -> list[LineSum]:
    found: dict[tuple[int, str], LineSum] = {}
    for row in rows:
        line, unit = row.task.line, row.task.get_unit_display()
        each = found.setdefault((line.pk, unit), LineSum(line.name, line.document, unit))
        each.tasks += 1
        each.target += row.task.target
        each.now += row.now
        each.so_far += row.so_far
    return list(found.values())


def behind(rows: Iterable[Figure]) -> dict[str, list[str]]:
    """Office → what it is behind with, in words."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.late:
            found[row.task.office.name].append(f"“{row.task.title}”逾期未完成（期限 {row.task.due_on}，完成 {row.rate}%）")
        if row.missing:
            found[row.task.office.name].append(f"“{row.task.title}”{'、'.join(row.missing)} 没有填报")
    return dict(found)


def list_url(span: Span, **also: str) -> str:
    return f"{reverse('worktask_list')}?{urlencode({'year': span.year, **also})}"


def bulletin(span: Span, name: str, rows: list[Figure], path: str, today: date) -> list[list[Part]]:
    """通报: paragraphs of words and figures; every figure opens what it counts."""
    lines, told = by_office(rows, {}), []
    states = [row.task.state for row in rows]
    told.append([
        (f"{span.label}，{name}推进的教育扶贫工作任务共 ", ""), (f"{len(rows)}", list_url(span)),
        (" 项，其中已办结 ", ""), (f"{states.count(WorkState.CLOSED)}", list_url(span, state="closed")),
        (" 项，限期整改 ", ""), (f"{states.count(WorkState.RECTIFYING)}", list_url(span, state="rectifying")),
        (" 项，逾期未完成 ", ""), (f"{sum(row.late for row in rows)}", list_url(span, late="due")), (" 项。", ""),
    ])  # fmt: skip
    for each in by_line(rows):
        told.append([
            (f"{each.name}（{each.document}）：任务 {each.tasks} 项，目标 {_said(each.target)} {each.unit}，本期完成 "
             f"{_said(each.now)} {each.unit}，年初以来累计 {_said(each.so_far)} {each.unit}，完成率 {each.rate}%。", ""),
        ])  # fmt: skip
    if lines:
        best = [line for line in lines if line.rank == 1]
        told.append([(f"进度在前的是{'、'.join(line.office.name for line in best)}（完成率平均 {best[0].rate}%）。", "")])
    slow = behind(rows)
    words = [f"{office}：{'；'.join(what)}。" for office, what in slow.items()]
    told.append([("进度滞后：" + "".join(words) if words else "没有逾期未完成的任务，各月进度都已填报。", "")])
    return [*told, _after(span, path, today)]


def _after(span: Span, path: str, today: date) -> list[Part]:
    """What was done about it."""
    talks = Talk.objects.filter(given_path=path, held_on__gte=span.first, held_on__lte=span.last).count()
    given = Rectification.objects.filter(given_path=path, made_on__gte=span.first, made_on__lte=span.last)
    states = list(given.values_list("state", "due_on"))
    over = sum(state == TaskState.OPEN and due < today for state, due in states)
    return [
        ("本期约谈 ", ""), (f"{talks}", f"{reverse('talk_list')}?year={span.year}"), (" 次，下达限期整改 ", ""),
        (f"{len(states)}", reverse("rectification_list")), (f" 项，其中已核实办结 "
        f"{sum(state == TaskState.CLOSED for state, _ in states)} 项、逾期未整改 {over} 项。", ""),
    ]  # fmt: skip


def _said(number: Decimal) -> str:
    return f"{number:,.2f}".rstrip("0").rstrip(".")


def rows_of(span: Span, path: str, today: date, by: Actor | None = None) -> list[Figure]:
    return figures.of(tasks_of(span, path), span, today, by)
