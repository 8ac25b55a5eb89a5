"""Objections to a notice: filed by anybody or taken down by the office, answered in three working days, appealed to the
office above. An open one holds its line back and no other. Every step holds the notice's row first (see notices)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Length
from django.utils import timezone

from aidcases import audit, inbox
from aidcases.flow import Refused
from aidcases.models import Membership, Organisation, User
from aidcases.models.places import above
from aidcases.roles import PERMISSIONS, OfficeKind, P, Role
from aidcases.scoping import OFFICE, Actor, current_scope
from aidcases.workdays import NotAnnounced, Workdays
from subsidies.casework import notices
from subsidies.models import Application, NoticeLine, Objection, PublicNotice
from subsidies.models.applications import ApplicationState
from subsidies.models.notices import HOLDING, OFF, Finding, LineState, NoticeState

WORKING_DAYS = 3
LONGEST = 1000  # characters
A_HOUR = 5  # from one address to one notice
SHORTEST = 5
OVER = "公示已经结束，不再在线受理异议。请联系{office}，监督电话：{hotline}。"
NOT_YOURS = "已向上级申诉，由{office}答复。"
NOBODY_ABOVE = "{office}没有上级单位在系统中，不能转上级办理；请告知当事人向上级教育主管部门提出。"
APPROVED = "这名学生的申请已经批准，异议成立的要在申请页面取消资格。"


def due(today: date, working_days: int = WORKING_DAYS) -> date:
    """The day to answer by. Into a year not announced yet weekdays are counted: nobody's objection waits for that."""
    calendar = Workdays.read()
    try:
        return calendar.after(today, working_days)
    except NotAnnounced as unknown:
        return Workdays(calendar.years | {unknown.year}, calendar.changed).after(today, working_days)


def line_named(notice: PublicNotice, number: int | None, name: str) -> NoticeLine | None:
    """The line meant by a number and a name; None means the whole list. Raises Refused when they don't fit."""
    lines = notice.lines.exclude(state__in=OFF)
    if number is None and not name:
        return None
    lines = lines.filter(order=number) if number is not None else lines
    found = list(lines.filter(name=name)[:2] if name else lines[:2])
    if len(found) == 1:
        return found[0]
    if found:
        raise Refused(f"名单里不止一个“{name}”，请再填序号。")
    raise Refused("名单里没有这个序号和姓名，请对照名单填写；对整份名单有意见，两项都不填。")


@transaction.atomic
def file(
    notice: PublicNotice,
    *,
    text: str,
    now: datetime,
    line: NoticeLine | None = None,
    contact: str = "",
    by: Actor | None = None,
) -> Objection:
    """A new objection; `by` an office takes it down from a call or letter, also after the end. Raises Refused."""
    held = PublicNotice.objects.select_for_update(of=("self",)).select_related("office").get(pk=notice.pk)
    late = held.ends_at is not None and now >= held.ends_at
    taken = {NoticeState.PUBLISHED, NoticeState.OVER} if by else {NoticeState.PUBLISHED}
    if held.state not in taken or (late and by is None):
        raise Refused(OVER.format(office=held.office.name, hotline=held.hotline))
    if not SHORTEST <= len(text.strip()) <= LONGEST:
        raise Refused(f"异议内容请写 {SHORTEST}—{LONGEST} 个字。")
    made = Objection(
        notice=held, line=line, path=held.path, text=text.strip(), contact=contact.strip()[:100] or None, late=late,
        due_on=due(timezone.localdate(now)), received_at=now,
    )  # fmt: skip
    made.save()
    _hold(made, 1)
    if line is not None:
        NoticeLine.objects.filter(pk=line.pk, state=LineState.STANDING).update(state=LineState.PAUSED)
    audit.record("objection.filed", subject=made, path=held.path, late=late, whole=line is None)
    return made


def _hold(objection: Objection, by: int) -> None:
    """The counters that hold a notice's archive and an application's next step back, in the transaction of the cause."""
    PublicNotice.objects.filter(pk=objection.notice_id).update(objections_open=F("objections_open") + by)
    # Who answers an appeal is an office above, in whose scope line and application lie, too.
    if objection.line_id and objection.line.application_id:
        found = Application.objects.filter(pk=objection.line.application_id)
        found.update(objections_open=F("objections_open") + by)


def _held(objection: Objection) -> Objection:
    """The objection as it stands, its notice held first."""
    PublicNotice.objects.select_for_update().get(pk=objection.notice_id)
    rows = Objection.objects.select_for_update(of=("self",)).select_related("notice__office", "line__application")
    held = rows.get(pk=objection.pk)
    if not current_scope().covers(held.path, OFFICE):
        raise Refused(NOT_YOURS.format(office=office_named(held.path)))
    return held


# --- handling ------------------------------------------------------------------------------------------------------

HANDLERS = tuple(role for role in Role if P.OBJECTION_HANDLE in PERMISSIONS[role])


def handlers(objection: Objection) -> list[User]:
    """People of the office that must answer."""
    found = Membership.objects.filter(organisation__path=objection.path, role__in=HANDLERS, user__is_active=True)
    return list(User.objects.filter(pk__in=found.values("user")).order_by("full_name", "pk"))


@transaction.atomic
def assign(objection: Objection, owner: User, *, by: Actor) -> Objection:
    """Raises Refused for somebody of another office."""
    held = _held(objection)
    if owner not in handlers(held):
        raise Refused("请指定本单位能办理异议的人。")
    held.move("assign", by=by, owner=str(owner), owner_id=owner.pk)
    return held


@transaction.atomic
def answer(objection: Objection, *, finding: Finding, outcome: str, by: Actor, now: datetime) -> list[str]:
    """Finding and outcome; upheld takes the line out and the application back, else the line stands again. → what else
    has to be done by hand. Raises Refused."""
    held = _held(objection)
    if len(outcome.strip()) < SHORTEST:
        raise Refused("请写明调查情况和处理结果。")
    if held.notice.state == NoticeState.ARCHIVED:
        raise Refused("公示已经归档。")
    Objection.objects.filter(pk=held.pk).update(finding=finding, outcome=outcome.strip())
    owner = {} if held.owner else {"owner": by.name, "owner_id": by.user_id}
    held.move("answer", by=by, answered_by=by.name, answered_at=now, **owner)
    _hold(held, -1)
    inbox.done(held)
    if finding == Finding.UPHELD:
        return _take_out(held, by, now)
    _stand_again(held, by)
    return []


# The consequence of a finding is whoever answers', whatever else their role may do.
def _consequence(by: Actor) -> Actor:
    return replace(by, all_powers=True)


def _take_out(objection: Objection, by: Actor, now: datetime) -> list[str]:
    if objection.line is None:
        return ["异议针对整份名单：需要改正的，请撤回公示，重新编制。"]
    NoticeLine.objects.filter(pk=objection.line_id).exclude(state__in=OFF).update(state=LineState.REMOVED)
    notice = objection.notice
    if notice.state == NoticeState.PUBLISHED and now < notice.ends_at:
        notices.refresh_page(notice)
    if not objection.line.application_id:
        return []
    found, reason = Application.objects.filter(pk=objection.line.application_id), "公示异议成立"
    told = {"note": reason, "notice_over": False, "returned_why": reason, "moved_at": now}
    who = _consequence(by)
    moved = found.move("unannounce", by=who, **told) or found.move("return_notice", by=who, **told)
    return [APPROVED] if not moved and found.filter(state="approved").exists() else []


def still_approved(objection: Objection) -> int | None:
    """The application that an upheld objection leaves to be cancelled by hand: approved before, and still so."""
    if objection.finding != Finding.UPHELD or objection.state in HOLDING or objection.line is None:
        return None
    rows = Application.objects.filter(pk=objection.line.application_id, state=ApplicationState.APPROVED)
    return rows.values_list("pk", flat=True).first()


def _stand_again(objection: Objection, by: Actor) -> None:
    """Unless another objection still holds the line; where the notice is over the application follows at once."""
    line = objection.line
    if line is None or Objection.objects.holding().filter(line=line).exists():
        return
    NoticeLine.objects.filter(pk=line.pk, state=LineState.PAUSED).update(state=LineState.STANDING)
    if objection.notice.state in (NoticeState.OVER, NoticeState.ARCHIVED) and line.application_id:
        Application.objects.filter(pk=line.application_id).move(
            "close_notice", by=_consequence(by), note="异议已办结", moved_at=timezone.now()
        )


def above_of(path: str) -> Organisation | None:
    """The nearest office above that handles objections: a county's or a city's."""
    found = Organisation.objects.filter(path__in=above(path)[1:], kind__in=(OfficeKind.COUNTY, OfficeKind.CITY))
    return found.order_by(Length("path").desc()).first()


def office_named(path: str) -> str:
    """The name of the office that works at the path."""
    kinds = (OfficeKind.SCHOOL, OfficeKind.COUNTY, OfficeKind.CITY)
    found = Organisation.objects.filter(path=path, kind__in=kinds).first()
    return found.name if found else "上级单位"


@transaction.atomic
def appeal(objection: Objection, *, note: str, by: Actor, today: date) -> Objection:
    """Whoever objected, or the family, does not accept the answer: the office above the one that gave it (the county
    for a school's, the city for a county's) looks at it anew, in three working days. Raises Refused."""
    held = _held(objection)
    if (above := above_of(held.path)) is None:
        raise Refused(NOBODY_ABOVE.format(office=office_named(held.path)))
    held.move(
        "appeal", by=by, note=note, path=above.path, due_on=due(today), owner="", owner_id=None, escalated_on=None
    )
    _hold(held, 1)
    if held.line_id:
        NoticeLine.objects.filter(pk=held.line_id, state=LineState.STANDING).update(state=LineState.PAUSED)
    return held


@transaction.atomic
def close(objection: Objection, *, by: Actor) -> Objection:
    """Whoever objected has been told and does not appeal. Raises Refused."""
    held = _held(objection)
    held.move("close", by=by)
    return held
