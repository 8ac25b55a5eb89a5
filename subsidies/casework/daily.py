"""What time alone makes due in casework, asked for every hour by aidcases.daily: each concern says what is to be done now;
what is no more to be done ends by itself."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Min, Q
from django.urls import reverse
from django.utils import timezone

from aidcases import inbox
from aidcases.inbox import Task
from aidcases.models import Organisation
from aidcases.roles import OfficeKind, P
from aidcases.scoping import current_actor
from aidcases.terms import Term
from aidcases.urging import Urging, offices, urge
from aidcases.workdays import Workdays
from students.places import county_of
from subsidies.casework import appeals, notices, public
from subsidies.casework.windows import OPEN, Windows
from subsidies.models import Application, Letter, Objection, PublicNotice
from subsidies.models.applications import ApplicationState
from subsidies.models.letters import LetterState
from subsidies.models.notices import NoticeState

# Working days before an application window ends on which schools are reminded.
BEFORE_WINDOW = (5, 1)
COUNTY_WORKING_DAYS = 10  # that an application may wait at the county
WORKING = (OfficeKind.SCHOOL, OfficeKind.COUNTY, OfficeKind.CITY)


# ---------- notices ----------


def end_notices(now: datetime) -> dict[str, int]:
    """Takes down what is over; applications without an open objection go on."""
    done = notices.end_due(now=now, by=current_actor())
    return {
        "notices_ended": done["notices"],
        "applications_closed": done["closed"],
        "applications_held": done["held"],
    }


def notices_end(now: datetime) -> dict[str, int]:
    """On a running notice's last working day: it ends, somebody must be there to take the sheet off the wall."""
    today, calendar = timezone.localdate(now), Workdays.read()
    tasks = []
    running = PublicNotice.objects.running().filter(ends_at__gt=now).select_related("office").defer("page")
    for notice in running.filter(ends_at__lte=now + timedelta(days=30)):
        last = public.last_day(notice.ends_at)
        if today >= calendar.back(last, 1):
            title = f"公示{last:%Y-%m-%d} 24 时期满，之后撤下纸质公示：{notice.title}"
            tasks.append(_of_notice(notice, "notice.ends", title, last))
    return inbox.keep("notice.ends", tasks, today=today)


def papers_hang(now: datetime) -> dict[str, int]:
    """Notices that are over and whose sheet nobody has said was taken down: by the first working day after."""
    today, calendar = timezone.localdate(now), Workdays.read()
    over = (
        PublicNotice.objects.filter(state=NoticeState.OVER, paper_removed_on=None)
        .select_related("office")
        .defer("page")
    )
    tasks = [
        _of_notice(
            notice, "notice.paper", f"公示已期满，请撤下纸质公示并登记：{notice.title}",
            calendar.after(public.last_day(notice.ends_at), 1),
        )
        for notice in over
    ]  # fmt: skip
    return inbox.keep("notice.paper", tasks, today=today)


def _of_notice(notice: PublicNotice, key: str, title: str, due_on: date) -> Task:
    url = reverse("notice_detail", args=[notice.pk])
    return Task(notice.office, key, title, url, due_on, notice, P.NOTICE_WRITE)


# ---------- what must be answered by a day ----------


OBJECTIONS = Urging(
    "objection", lambda row: f"对“{row.notice.title}”的异议", WORKING, P.OBJECTION_HANDLE, P.OBJECTION_HANDLE
)
LETTERS = Urging(
    "letter", lambda row: f"{row.get_kind_display()}：{row.subject}", WORKING, P.LETTER_WRITE, P.LETTER_WRITE
)


def objections_due(now: datetime) -> dict[str, int]:
    """Open objections; overdue ones also go to the office above (a school's to its county, a county's to its city)."""
    rows = Objection.objects.holding().select_related("notice").defer("notice__page", "contact")
    return urge(rows, OBJECTIONS, today=timezone.localdate(now))


def letters_due(now: datetime) -> dict[str, int]:
    """Letters, visits and calls without an answer; overdue ones also go to the office above."""
    return urge(Letter.objects.filter(state=LetterState.OPEN).defer("contact"), LETTERS, today=timezone.localdate(now))


# ---------- applications ----------


def windows_end(now: datetime) -> dict[str, int]:
    """Five working days and one before a window ends: schools that have drafts left, or no application at all."""
    today, calendar = timezone.localdate(now), Workdays.read()
    term = Term.containing(today)
    tasks = [task for each in (term, term.next) for task in _ending(each, today, calendar)]
    return inbox.keep("window.", tasks, today=today)


def _ending(term: Term, today: date, calendar: Workdays) -> list[Task]:
    windows = Windows.read(term)
    running = [window for window in (windows.default, *windows.own) if window.state(today) == OPEN]
    marks = {window: _mark(window.closes_on, today, calendar) for window in running}
    if not any(marks.values()):
        return []
    counted = Application.objects.in_term(term).order_by().values("school_path")
    drafts = {
        row["school_path"]: row["drafts"]
        for row in counted.annotate(drafts=Count("pk", filter=Q(state=ApplicationState.DRAFT)))
    }
    tasks = []
    for office in Organisation.objects.filter(kind=OfficeKind.SCHOOL):
        window = windows.of(office.path)
        mark, left = marks.get(window), drafts.get(office.path)
        if not mark or left == 0:
            continue
        rest = f"还有 {left} 份没有提交" if left else "还没有一份申请"
        title = f"{term.label}认定申请 {window.closes_on} 截止，{rest}"
        url = f"{reverse('application_list')}?term={term.code}"
        key = f"window.{mark}.{term.code}"
        tasks.append(Task(office, key, title, url, window.closes_on, permission=P.APPLICATION_WRITE))
    return tasks


def _mark(closes_on: date, today: date, calendar: Workdays) -> int | None:
    """1 or 5, the nearest mark that has been reached; None before. A window that ends on a day off is reminded of
    before its last working day."""
    last = calendar.back(closes_on, 1)
    return next((mark for mark in sorted(BEFORE_WINDOW) if calendar.between(today, last) <= mark), None)


def county_waits(now: datetime) -> dict[str, int]:
    """Applications that have stood at the county for more than ten working days."""
    today, calendar = timezone.localdate(now), Workdays.read()
    first = calendar.back(today, COUNTY_WORKING_DAYS + 1)
    before = timezone.make_aware(datetime.combine(first, time.min))
    waiting = Application.objects.filter(state=ApplicationState.COUNTY_REVIEW, moved_at__lt=before).order_by()
    counted = waiting.values("school_path", "term").annotate(number=Count("pk"), oldest=Min("moved_at"))
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in counted:
        groups.setdefault((county_of(row["school_path"]), row["term"]), []).append(row)
    known = offices((path for path, _ in groups), WORKING)
    tasks = [
        _waiting(known[path], Term.parse(term), rows, calendar)
        for (path, term), rows in groups.items()
        if path in known
    ]
    return inbox.keep("county.waiting", tasks, today=today)


def _waiting(office: Organisation, term: Term, rows: list[dict[str, Any]], calendar: Workdays) -> Task:
    number, came = sum(row["number"] for row in rows), timezone.localdate(min(row["oldest"] for row in rows))
    return Task(
        office,
        f"county.waiting.{term.code}",
        f"{term.label}有 {number:,} 份认定申请在县级审核超过 {COUNTY_WORKING_DAYS} 个工作日，最早 {came} 上报",
        f"{reverse('application_list')}?term={term.code}&state=county_review",
        calendar.after(came, COUNTY_WORKING_DAYS),
        permission=P.APPLICATION_CHECK,
    )


def appeals_again(now: datetime) -> dict[str, int]:
    """Schools whose families' appeals were upheld, until the panel has assessed anew."""
    return inbox.keep(appeals.KEY, appeals.tasks(), today=timezone.localdate(now))


HOOKS = (
    end_notices, notices_end, papers_hang, objections_due, letters_due, appeals_again, windows_end, county_waits,
)  # fmt: skip
