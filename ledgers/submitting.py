"""Handing a finished ledger up, receiving it, putting it right with a new one, and who below has and has not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from aidcases import audit, inbox
from aidcases.flow import Refused
from aidcases.models import Organisation
from aidcases.roles import OfficeKind, P
from aidcases.scoping import Actor, current_scope
from aidcases.seen import compare
from ledgers.definitions import LEDGERS
from ledgers.enums import Rhythm, SubmissionState
from ledgers.models import Due, LedgerIssue, Submission
from ledgers.schedules import BELOW, named, parse, running
from subsidies.giving.common import said as without_numbers
from subsidies.models import PublicNotice

S = SubmissionState
AHEAD = 31  # days the board looks ahead
MOST_COLUMNS = 8
DOWN = {4: OfficeKind.COUNTY, 6: OfficeKind.SCHOOL}  # length of a place's code → the offices below


def own() -> QuerySet[Due]:
    """What the own office has to hand up."""
    return Due.objects.filter(path=current_scope().path)


def below() -> QuerySet[Due]:
    return Due.objects.exclude(path=current_scope().path)


def candidates(due: Due) -> QuerySet[LedgerIssue]:
    """Issues of the own office that answer a due item, newer than what was handed up for it, the newest first: `obstacles`
    has nothing against them."""
    period = parse(due.rhythm, due.period)
    same = {"path": due.path, "area_path": due.path, "ledger": due.ledger, "term": due.term, "flat": False}
    made = LedgerIssue.objects.finished().filter(**same, finished_at__date__gte=period.first)
    newest = Submission.objects.filter(due=due).order_by("-issue").values_list("issue", flat=True).first()
    return made.filter(pk__gt=newest or 0).order_by("-pk")


def answers(issue: LedgerIssue) -> list[Due]:
    """The own office's open or answered items that a finished issue can answer, the most urgent first."""
    if issue.finished_at is None or issue.flat or issue.path != issue.area_path:
        return []
    dues = own().filter(path=issue.path, ledger=issue.ledger, term=issue.term).exclude(submissions__issue=issue)
    return [due for due in dues.with_last().order_by("due_on", "pk") if not obstacles(due, issue)]


def obstacles(due: Due, issue: LedgerIssue) -> list[str]:
    """Why an issue can't be handed up for a due item; [] when it can."""
    period = parse(due.rhythm, due.period)
    wrong = {
        "只能上报本单位的台账。": due.path != current_scope().path or issue.path != due.path,
        "这份台账还没有生成好。": issue.finished_at is None,
        "这份台账不是要上报的那一种。": issue.ledger != due.ledger,
        "这份台账不是要上报的那个学期或年度的。": issue.term != due.term,
        "要上报的是本单位全部范围的台账。": issue.area_path != due.path,
        "上报要用上报版，这份是数据版。": issue.flat,
        f"这份台账是 {period.first} 以前生成的，请重新生成一份。": (
            issue.finished_at is not None and timezone.localdate(issue.finished_at) < period.first
        ),
    }
    return [reason for reason, holds in wrong.items() if holds]


@transaction.atomic
def submit(
    due: Due, issue: LedgerIssue, *, by: Actor, today: date, why: str = "", seen: str | None = None
) -> Submission:
    """Hands the issue up; it can't change from now on. Where one was handed up before, it is a correction and says why.
    seen: `mark` of what stood there as the form was opened. Raises Refused, Changed."""
    if not by.may(P.LEDGER_SUBMIT):
        raise Refused("您的角色不能上报，请审核人或负责人办理。")
    why = without_numbers(why, 200)
    Due.objects.select_for_update().get(pk=due.pk)  # two who hand up at once
    former = Submission.objects.filter(due=due).order_by("-pk").first()
    compare(seen, former.pk if former else None)
    reasons = obstacles(due, issue)
    if Submission.objects.filter(due=due, issue=issue).exists():
        reasons.append("这份台账已经上报过，更正请重新生成一份。")
    if former and not why:
        reasons.append("已经上报过一份，请写明这次更正了什么。")
    if reasons:
        raise Refused(*reasons)
    if former and former.state in (S.SUBMITTED, S.ACCEPTED):
        former.move("replace", by=by, note=why)
    made = Submission(
        due=due, issue=issue, path=due.path, replaces=former, why=why, submitted_on=today, submitted_by=by.name
    )
    made.save()
    told = {"code": issue.ledger, "period": due.period, "issue": issue.pk, "sha256": issue.sha256}
    audit.record("submission.submitted", subject=made, path=due.path, note=made.why, **told)
    inbox.done(due)
    if former:
        inbox.done(former)
    return made


@transaction.atomic
def submit_extra(issue: LedgerIssue, *, by: Actor, today: date) -> Submission:
    """Hands up what no schedule asks for, for the day. Raises Refused."""
    office = Organisation.objects.filter(pk=by.office_id).first()
    if office is None or office.kind not in BELOW.values() or office.path != issue.path:
        raise Refused("只能上报本单位的台账。")
    period = running(Rhythm.EXTRA, today)
    due, _ = Due.objects.get_or_create(
        office=office, ledger=issue.ledger, rhythm=Rhythm.EXTRA, period=period.code,
        defaults={"path": office.path, "term": issue.term, "due_on": today},
    )  # fmt: skip
    if due.term != issue.term:
        raise Refused("今天已经临时上报过另一个学期或年度的这种台账，请明天再报。")
    former = Submission.objects.filter(due=due).exists()
    if issue.finished_at and timezone.localdate(issue.finished_at) < period.first:
        raise Refused("临时上报请用今天生成的台账。")
    return submit(due, issue, by=by, today=today, why="当日再次上报" if former else "")


def receives(due: Due, by: Actor) -> bool:
    """Whether whoever acts works in the office that the item is handed up to: the one right above, no other further up."""
    office = Organisation.objects.filter(pk=by.office_id).first()
    own = current_scope().path
    return office is not None and BELOW.get(OfficeKind(office.kind)) == due.office.kind and due.path.startswith(own)


def _from_below(submission: Submission, by: Actor) -> None:
    if submission.path == current_scope().path:
        raise Refused("自己上报的台账由上级接收。")
    if not receives(submission.due, by):
        raise Refused("由填报单位的直接上级接收或退回。")


@transaction.atomic
def accept(submission: Submission, *, by: Actor, today: date) -> Submission:
    _from_below(submission, by)
    submission.move("accept", by=by, decided_on=today, decided_by=by.name)
    return submission


@transaction.atomic
def send_back(submission: Submission, *, note: str, by: Actor, today: date) -> Submission:
    """The item is open again, and its office is told at once; a new one handed up ends that."""
    _from_below(submission, by)
    note = without_numbers(note, 200)
    submission.move(
        "send_back", by=by, note=note, returned_why=note, decided_on=today, decided_by=by.name
    )
    due = submission.due
    inbox.remind(
        due.office, key="ledger.returned", subject=submission, title=f"上级已退回，请改正后重新上报：{named(due)}",
        url=reverse("due_detail", args=[due.pk]), due_on=due.due_on, today=today, permission=P.LEDGER_ISSUE,
        urgent=due.due_on < today,
    )  # fmt: skip
    return submission


# --- who has and who has not ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Status:
    """How a due item stands: `rank` 0 is the reddest."""

    label: str
    tone: str
    rank: int

    @property
    def missing(self) -> bool:
        return self.rank <= 1


def status(due: Due, today: date) -> Status:
    """Of an item `with_last()`."""
    if due.last_state in (S.SUBMITTED, S.ACCEPTED):
        late = (due.last_on - due.due_on).days
        done = "已接收" if due.last_state == S.ACCEPTED else "待接收"
        if late > 0:
            return Status(f"{done}，迟报 {late} 天", "warn", 3)
        return Status(f"{done}，按时", "good" if due.last_state == S.ACCEPTED else "info", 5)
    over = (today - due.due_on).days
    if due.last_state == S.RETURNED:
        return Status(f"已退回，逾期 {over} 天" if over > 0 else "已退回", "bad", 0 if over > 0 else 2)
    if over > 0:
        return Status(f"未报，逾期 {over} 天", "bad", 1)
    return Status(f"{due.due_on:%m-%d} 前报", "", 4)


@dataclass(frozen=True)
class Cell:
    """label: what is due, in words."""

    due: Due
    status: Status
    label: str


@dataclass(frozen=True)
class Line:
    """An office and how its items stand, in the order of the board's columns; None where it has no such item."""

    office: Organisation
    phone: str
    cells: tuple[Cell | None, ...]

    @property
    def name(self) -> str:
        """A county's by its place, a school's own."""
        return self.office.region.name if self.office.region and self.office.kind == OfficeKind.COUNTY else self.office.name

    @property
    def red(self) -> list[Cell]:
        return [cell for cell in self.cells if cell and cell.status.missing]

    @property
    def missing(self) -> int:
        return len(self.red)


@dataclass(frozen=True)
class Board:
    columns: tuple[dict[str, Any], ...]
    lines: tuple[Line, ...]
    more: int  # columns left out

    @property
    def cells(self) -> list[Cell]:
        return [cell for line in self.lines for cell in line.cells if cell]

    @property
    def counts(self) -> dict[str, int]:
        """What was asked for up to now, and how it stands."""
        told = [cell.status for cell in self.cells]
        return {
            "asked": len(told),
            "handed": sum(each.rank in (3, 5) for each in told),
            "in_time": sum(each.rank == 5 for each in told),
            "missing": sum(each.missing for each in told),
            "returned": sum(cell.due.last_state == S.RETURNED for cell in self.cells),
            "waiting": sum(cell.due.last_state == S.SUBMITTED for cell in self.cells),
        }


def offices_below(path: str) -> list[Organisation]:
    """The offices one level down, by code: a city's counties, a county's schools."""
    kind = DOWN.get(len(path.strip("/").rpartition("/")[2]))
    rows = Organisation.objects.filter(path__startswith=path, kind=kind).select_related("region").order_by("path")
    return list(rows) if kind else []


def board(today: date, *, ledger: str = "", period: str = "", path: str = "") -> Board:
    """Offices below × what is due, of one ledger or period ("month:2018-10") if told, the reddest offices first. What lies
    further ahead than a month is left out unless its period is asked for; what somebody is late with comes first. Three
    queries."""
    offices = offices_below(path or current_scope().path)
    rows = Due.objects.filter(office__in=offices).select_related("office").with_last()
    rows = rows.filter(ledger=ledger) if ledger else rows
    rhythm, _, code = period.partition(":")
    rows = rows.filter(rhythm=rhythm, period=code) if code else rows.filter(due_on__lte=today + timedelta(days=AHEAD))
    found: dict[tuple[str, str, str], dict[int, Due]] = {}
    for due in rows.order_by("-due_on", "ledger", "rhythm", "pk"):
        found.setdefault((due.ledger, due.rhythm, due.period), {})[due.office_id] = due
    shown = sorted(found.items(), key=lambda each: not any(status(due, today).missing for due in each[1].values()))
    shown = shown[: None if code else MOST_COLUMNS]
    phones = _phones(offices)
    lines = [Line(office, phones.get(office.pk, ""), _cells(office, shown, today)) for office in offices]
    lines.sort(key=lambda line: (-line.missing, line.office.path))
    return Board(tuple(_column(key, each) for key, each in shown), tuple(lines), len(found) - len(shown))


def _cells(office: Organisation, shown: Iterable[tuple[Any, dict[int, Due]]], today: date) -> tuple[Cell | None, ...]:
    found = [each.get(office.pk) for _, each in shown]
    return tuple(Cell(due, status(due, today), named(due)) if due else None for due in found)


def _column(key: tuple[str, str, str], dues: dict[int, Due]) -> dict[str, Any]:
    ledger, rhythm, code = key
    due = next(iter(dues.values()))
    title = LEDGERS[ledger].title if ledger in LEDGERS else ledger
    return {"title": title, "said": parse(rhythm, code).said, "due_on": due.due_on}


def _phones(offices: list[Organisation]) -> dict[int, str]:
    """office → the telephone it last gave in a public notice."""
    said = PublicNotice.objects.filter(office__in=offices).exclude(hotline="").order_by("office", "-pk")
    return dict(said.distinct("office").values_list("office", "hotline"))


def phone_of(office: Organisation) -> str:
    return _phones([office]).get(office.pk, "")


def known_periods() -> list[tuple[str, str]]:
    """("month:2018-10", "2018 年 10 月月报") of the items in sight, the newest first."""
    found = below().order_by().values_list("rhythm", "period").distinct()
    known = [parse(rhythm, code) for rhythm, code in found]
    known.sort(key=lambda period: (period.last, period.first), reverse=True)
    return [(f"{period.rhythm.value}:{period.code}", period.said) for period in known]
