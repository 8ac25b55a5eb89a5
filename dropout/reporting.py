"""常态化报告: figures of a period counted from the cases, the text made of them, handing up, receiving, what is overdue."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from aidcases import audit, inbox
from aidcases.flow import Refused
from aidcases.models import Organisation
from aidcases.scoping import Actor, current_scope
from aidcases.seen import compare
from dropout import periods
from dropout.enums import ReportState
from dropout.models import DropoutCase, LegalStep, Measure, Report, Visit
from dropout.models.cases import OUT_OF_SCHOOL
from dropout.periods import Period
from dropout.rounds import acquitted_in, closed_in, found_in, left_in, returned_in
from students.enums import Stage
from students.models import Enrolment

R = ReportState
# The columns of the province's monthly statistics, for each of the two stages; and what is counted for both together.
FIGURES = {
    "pupils": "在籍学生",
    "found": "新发现疑似",
    "acquitted": "排除",
    "confirmed": "确认辍学",
    "returned": "劝返复学",
    "closed": "销号",
    "unproven": "其中无佐证销号",
    "open": "期末未复学",
    "poor": "其中贫困户子女",
    "overdue": "逾期未办",
}
MORE = {"visits": "走访次数", "papers": "法律文书", "measures": "帮扶措施"}
STAGES = (Stage.PRIMARY, Stage.JUNIOR)


def _in(period: Period, column: str) -> Q:
    return Q(**{f"{column}__gte": period.first, f"{column}__lte": period.last})


def figures(period: Period, path: str, today: date) -> dict[str, dict[str, int]]:
    """{"primary": …, "junior": …, "total": …} with the numbers of FIGURES (and MORE in the total) for the children whose
    school or home lies under the path. Whoever has no stage yet counts in the total alone. Six queries."""
    rows = DropoutCase.objects.filter(Q(home_path__startswith=path) | Q(school_path__startswith=path)).order_by()
    days = (period.first, period.last)
    counts = {
        "found": found_in(days),
        "acquitted": acquitted_in(days),
        "confirmed": left_in(days),
        "returned": returned_in(days),
        "closed": closed_in(days),
        "unproven": closed_in(days, unproven=True),
        "open": Q(state__in=OUT_OF_SCHOOL),
        "poor": Q(state__in=OUT_OF_SCHOOL, poor=True),
        "overdue": Q(due_on__lt=today),
    }
    asked = {name: Count("pk", filter=which) for name, which in counts.items()}
    by_stage = {row["stage"]: row for row in rows.values("stage").annotate(**asked)}
    pupils = dict(
        Enrolment.objects.in_term(period.term)
        .filter(school_path__startswith=path, stage__in=STAGES)
        .order_by()
        .values_list("stage")
        .annotate(n=Count("pk"))
    )
    told = {
        stage.value: {
            "pupils": pupils.get(stage.value, 0),
            **{name: by_stage.get(stage.value, {}).get(name, 0) for name in counts},
        }
        for stage in STAGES
    }
    told["total"] = {
        "pupils": sum(pupils.values()),
        **{name: sum(row[name] for row in by_stage.values()) for name in counts},
        **_more(period, path),
    }
    return told


def unclear(figures: dict[str, dict[str, int]], name: str) -> int:
    """Of a number in all, who is of neither stage: not on the roll, or the stage is not known yet."""
    return figures["total"][name] - figures["primary"][name] - figures["junior"][name]


def _more(period: Period, path: str) -> dict[str, int]:
    here = Q(case__home_path__startswith=path) | Q(case__school_path__startswith=path)
    return {
        "visits": Visit.objects.filter(here, _in(period, "visited_at__date")).count(),
        "papers": LegalStep.objects.filter(here, _in(period, "issued_on")).exclude(paper="").count(),
        "measures": Measure.objects.filter(here, _in(period, "done_on")).count(),
    }


def text(period: Period, name: str, counted: dict[str, dict[str, int]], below: Iterable[dict[str, Any]] = ()) -> str:
    """情况说明: sentences of nothing but the figures; of an office with others below it, who is behind."""
    total = counted["total"]
    others = f"、学段不清楚 {gone} 人" if (gone := unclear(counted, "open")) else ""
    said = [
        f"{period.label}，{name}义务教育在籍学生 {total['pupils']:,} 人（小学 {counted['primary']['pupils']:,} 人、"
        f"初中 {counted['junior']['pupils']:,} 人）。",
        f"新发现疑似辍学 {total['found']} 人，经核查排除 {total['acquitted']} 人，确认辍学 {total['confirmed']} 人；"
        f"走访 {total['visits']} 次，发出法律文书 {total['papers']} 份，采取帮扶措施 {total['measures']} 项。",
        f"劝返复学 {total['returned']} 人，销号 {total['closed']} 人（其中无佐证 {total['unproven']} 人）。",
        f"期末未复学 {total['open']} 人（小学 {counted['primary']['open']} 人、初中 {counted['junior']['open']} 人{others}），"
        f"其中贫困户子女 {total['poor']} 人；逾期未办 {total['overdue']} 件。",
    ]
    late = [row["name"] for row in below if row["late"]]
    said += [f"逾期未报：{'、'.join(late)}。"] if late else []
    return "".join(said)


# --- making, handing up, receiving ---------------------------------------------------------------------------------


def own() -> QuerySet[Report]:
    return Report.objects.filter(path=current_scope().path)


@transaction.atomic
def fill(report: Report, *, by: Actor, today: date) -> Report:
    """Counts anew; the text follows the figures unless somebody has changed it. Raises Refused for one handed up."""
    held = _held(report)
    period = periods.parse(held.rhythm, held.period)
    if today < period.first:
        raise Refused("还没有到这个报告的时间。")
    name, below = held.office.name, list(statuses(period_children(held), today))
    made = text(period, name, held.figures, below) if held.figures else ""
    held.figures = figures(period, held.path, today)
    if not held.text or held.text == made:
        held.text = text(period, name, held.figures, below)
    held.save(update_fields=["figures", "text"])
    audit.record("report.filled", subject=held, path=held.path, period=held.period)
    return held


def _held(report: Report) -> Report:
    """Locked, of the own office, not handed up."""
    held = Report.objects.select_for_update(of=("self",)).select_related("office").get(pk=report.pk)
    if held.path != current_scope().path:
        raise Refused("由填报单位办理。")
    if held.state not in (R.DUE, R.RETURNED):
        raise Refused("已经上报，不能再改；要改请上级退回。")
    return held


@transaction.atomic
def write(report: Report, *, words: str, by: Actor, seen: str | None = None) -> Report:
    held = _held(report)
    compare(seen, held.text)
    held.text = words.strip()[:4000]
    held.save(update_fields=["text"])
    audit.record("report.written", subject=held, path=held.path)
    return held


@transaction.atomic
def submit(report: Report, *, by: Actor, today: date) -> Report:
    """Freezes the figures as they stand."""
    held = _held(report)
    held.move("submit", by=by, submitted_on=today, submitted_by=by.name, returned_why="")
    inbox.done(held)
    return held


def _from_below(report: Report) -> None:
    if report.path == current_scope().path:
        raise Refused("自己填报的报告由上级接收。")


@transaction.atomic
def accept(report: Report, *, by: Actor) -> Report:
    _from_below(report)
    report.move("accept", by=by, accepted_by=by.name)
    return report


@transaction.atomic
def send_back(report: Report, *, note: str, by: Actor) -> Report:
    _from_below(report)
    report.move("send_back", by=by, note=note, returned_why=note.strip()[:200])
    return report


# --- who has and who has not ---------------------------------------------------------------------------------------


def period_children(report: Report) -> QuerySet[Report]:
    """Reports of the offices below for periods that end in this one's."""
    period = periods.parse(report.rhythm, report.period)
    below = Report.objects.filter(path__startswith=report.path).exclude(path=report.path)
    return below.filter(due_on__gte=period.first, due_on__lte=period.last).select_related("office")


def statuses(rows: QuerySet[Report], today: date) -> list[dict[str, Any]]:
    """Each with its name and whether it is late."""
    return [
        {"report": row, "name": row.office.name, "late": row.state in (R.DUE, R.RETURNED) and row.due_on < today}
        for row in rows
    ]


def ensure(offices: Iterable[Organisation], today: date) -> int:
    """The due items of the time that is running, made where they are missing. → how many."""
    made = [
        Report(office=office, path=office.path, rhythm=each.rhythm, period=each.code, due_on=each.due_on)
        for office in offices
        for each in periods.current(office.kind, today)
    ]
    before = Report.objects.count()
    Report.objects.bulk_create(made, ignore_conflicts=True, batch_size=1000)
    return Report.objects.count() - before
