"""教育扶贫工作推进情况台账: a row a task, from the same figures as the pages; every figure opens what it counts."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import Max

from aidcases.roles import P
from aidcases.terms import Term
from ledgers.areas import Area
from ledgers.definition import Column, Figures, Ledger, Summary
from ledgers.models import WorkMonth, WorkTask
from ledgers.progress import figures, spans
from ledgers.progress.figures import Figure
from ledgers.workbook import Kind

MONEY, DONE = "资金", "完成情况"
COLUMNS = (
    Column(("序号",), "number", 5, Kind.INTEGER),
    Column(("工作线",), "line", 9),
    Column(("工作任务",), "title", 20),
    Column(("政策依据（文号）",), "basis", 16),
    Column(("责任单位",), "office", 13),
    Column(("责任人",), "person", 7),
    Column(("目标任务", "目标"), "target", 10, Kind.MONEY),
    Column(("目标任务", "目标单位"), "unit", 6),
    Column((MONEY, "资金来源"), "money", 12),
    Column((MONEY, "下达时间"), "allotted_on", 10.5, Kind.DATE),
    Column((MONEY, "拨付时间"), "transferred_on", 10.5, Kind.DATE),
    Column((MONEY, "发放时间"), "paid_on", 10.5, Kind.DATE),
    Column((DONE, "本月完成"), "now", 10, Kind.MONEY, opens={}),
    Column((DONE, "累计完成"), "so_far", 10, Kind.MONEY, opens={"from": "year"}),
    Column((DONE, "完成率（%）"), "rate", 8, Kind.MONEY),
    Column(("存在问题",), "problem", 18),
    Column(("整改措施",), "remedy", 18),
    Column(("完成时限",), "due_on", 10.5, Kind.DATE),
    Column(("备注",), "note", 14),
)


def _of(term: Term, area: Area) -> list[WorkTask]:
    rows = WorkTask.objects.standing().of_year(term.year).filter(path__startswith=area.path)
    return list(rows.select_related("line", "office").order_by("path", "line__pk", "due_on", "pk"))


def month_of(term: Term, area: Area) -> str:
    """本月: the newest month of the term's calendar year that has been told, not after the term; else its first."""
    first, last = spans.month_of(term.first_day), min(spans.month_of(term.last_day), f"{term.year}-12")
    told = WorkMonth.objects.filter(path__startswith=area.path, month__gte=first, month__lte=last)
    return told.aggregate(newest=Max("month"))["newest"] or first


def _row(number: int, figure: Figure) -> Figures:
    task = figure.task
    cells = {
        "number": number, "line": task.line.name, "title": task.title, "basis": task.basis, "office": task.office.name,
        "person": task.person, "target": task.target, "unit": task.get_unit_display(), "money": task.money,
        "allotted_on": task.allotted_on, "transferred_on": task.transferred_on, "paid_on": task.paid_on,
        "now": _fen(figure.now), "so_far": _fen(figure.so_far), "rate": figure.rate, "problem": figure.problem,
        "remedy": figure.remedy, "due_on": task.due_on, "note": "；".join(filter(None, (task.get_state_display(), task.note))),
    }  # fmt: skip
    return Figures(cells, opens={"task": str(task.pk)})


def _fen(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"))


def _tables(term: Term, area: Area) -> list[Summary]:
    span = spans.parse(month_of(term, area))
    found = figures.of(_of(term, area), span, span.last)
    lines = tuple(_row(number, figure) for number, figure in enumerate(found, 1))
    whole: dict[str, object] = dict.fromkeys((column.value for column in COLUMNS), None)
    done = sum(row.rate >= 100 for row in found)
    whole |= {"title": f"共 {len(lines)} 项，完成 {done} 项", "line": "合计", "note": span.label}
    named = dict.fromkeys(("basis", "office", "person", "unit", "money", "problem", "remedy"), "")
    return [
        Summary(
            "工作推进", COLUMNS, Figures({**whole, **named}, subtotal=True), lines, lists="work_rows",
            where={"span": span.code},
        )
    ]  # fmt: skip


def _notes(term: Term, area: Area, part: str) -> list[str]:
    label = spans.parse(month_of(term, area)).label
    return [
        f"统计 {term.year} 年（日历年）下达给本地单位的任务；“本月”为{label}，累计从当年 1 月算起。",
        "单位各不相同（人、人次、万元、项、所），写在“目标单位”一列，不相加；完成率 = 累计完成 ÷ 目标 × 100%。",
        "系统统计的任务，完成数按日期从发放、案件等记录数出；其余由责任单位每月填报。",
    ]


WORK_PROGRESS = Ledger(
    code="work-progress",
    title="教育扶贫工作推进情况台账",
    use="逐项登记工作任务的目标、资金、进度、问题和整改，用于月调度和上报。",
    unit="人、人次、万元、项、所",
    tables=_tables,
    notes=_notes,
    can=P.PROGRESS_VIEW,
)
