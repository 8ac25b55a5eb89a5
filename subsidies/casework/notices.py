"""A notice's life: draft, previewed as the public will see it, published by a second person, over, archived, handed up.

Locks: who changes a notice or anything whose guard looks at it holds the notice's row first, then its lines'
applications; so the counters of objections are exact and nothing moves on past an objection that is just coming in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from aidcases import audit, files, inbox
from aidcases.flow import Refused
from aidcases.models import Organisation, School, StoredFile
from aidcases.scoping import Actor
from aidcases.terms import Term
from aidcases.workdays import NotAnnounced, Workdays
from subsidies.casework import noticefile, noticelists, poster, public
from subsidies.casework.leak import Allowed, Leak, scan, scan_page, scan_pdf, scan_sheet
from subsidies.models import Application, Benefit, NoticeLine, Panel, PublicNotice
from subsidies.models.notices import OFF, LineState, NoticeKind, NoticeState

LEAST_WORKING_DAYS = 5  # 不少于5个工作日
CHANGED = "预览以后名单或文字有变化，请重新预览。"
OWN_WORK = "编制人不能发布自己编的公示，请另一人发布。"
SMALL = "名单里有的组只有一名学生，看的人会认出是谁；请写明已核对可以公示的理由。"
TELEPHONE = re.compile(r"(?:0\d{2,3}[- ]?)?\d{3,8}(?:(?:-|转)\d{1,5})?|1[3-9]\d{9}")
INTRO = {
    NoticeKind.DETERMINATION: "经评审小组评审，现将家庭经济困难学生认定名单公示如下，请监督。",
    NoticeKind.BENEFIT: "现将受助学生名单和资助金额公示如下，请监督。",
    NoticeKind.FUNDS: "现将资助资金发放名单和金额公示如下，请监督。",
    NoticeKind.PANEL: "现将学生资助评审小组成员名单公示如下，请监督。",
}
MOST_SHOWN = 8  # leaks that a refusal names


@dataclass
class Outcome:
    """What a step did: `moved` rows, and reason → rows for those that stayed."""

    moved: int
    stayed: Counter[str] = field(default_factory=Counter)


# --- making and changing -------------------------------------------------------------------------------------------


@transaction.atomic
def draft(
    kind: NoticeKind,
    *,
    office: Organisation,
    term: Term,
    by: Actor,
    schools: Iterable[School] = (),
    benefits: Iterable[Benefit] = (),
    batch: str = "",
) -> PublicNotice:
    """A new notice with its list; hotline and length as in the office's last one. Raises Refused for an empty list or
    somebody else's school."""
    schools = list(schools)
    if strange := [school.name for school in schools if not school.path.startswith(office.path)]:
        raise Refused(f"{strange[0]}不在本单位范围内。")
    last = PublicNotice.objects.filter(office=office).first()
    notice = PublicNotice(
        kind=kind,
        office=office,
        path=office.path,
        term=term.code,
        title=noticelists.title(NoticeKind(kind), office, term),
        intro=INTRO[kind],
        hotline=last.hotline if last else "",
        working_days=last.working_days if last else LEAST_WORKING_DAYS,
        days=last.days if last else 7,
        made_by=by.name,
        made_by_id=by.user_id,
    )
    notice.save()
    lines = noticelists.fill(notice, schools=schools, benefits=benefits, batch=batch)
    audit.record("publicnotice.drafted", subject=notice, path=notice.path, lines=lines, kind=str(kind))
    return notice


def _open(notice: PublicNotice, by: Actor) -> PublicNotice:
    """The notice, held and back in draft: what was previewed is no longer what it says."""
    held = PublicNotice.objects.select_for_update().get(pk=notice.pk)
    if held.state == NoticeState.PREVIEWED:
        held.move("revise", by=by, sha256="")
    if held.state != NoticeState.DRAFT:
        raise Refused("已经发布或作废的公示不能再改；要改请撤回，重新编一份。")
    return held


@transaction.atomic
def edit(notice: PublicNotice, *, by: Actor, **words: Any) -> PublicNotice:
    """Title, intro, hotline, document, working_days, days. Raises Refused."""
    held = _open(notice, by)
    for name, value in words.items():
        if name not in ("title", "intro", "hotline", "document", "working_days", "days"):
            raise ValueError(f"{name} of a notice is not edited")
        setattr(held, name, value)
    wrong = {
        "请填写标题。": not held.title.strip(),
        "请填写监督电话，公示页上要有。": not held.hotline.strip(),
        f"公示不少于 {LEAST_WORKING_DAYS} 个工作日。": held.working_days < LEAST_WORKING_DAYS,
        "公示最长 60 天。": held.days > 60 or held.working_days > 40,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    held.save(update_fields=list(words))
    return held


@transaction.atomic
def strike(line: NoticeLine, *, by: Actor) -> None:
    """Takes a line off the list of a notice that is not yet published. Raises Refused."""
    held = _open(line.notice, by)
    if held.lines.count() == 1:
        raise Refused("名单里只剩这一条，请作废整份公示。")
    held.lines.filter(pk=line.pk).delete()
    PublicNotice.objects.filter(pk=held.pk).update(small_groups="")


@transaction.atomic
def rename_benefit(notice: PublicNotice, old: str, new: str, *, by: Actor) -> int:
    """What the public reads for a benefit; → lines. Raises Refused."""
    held = _open(notice, by)
    if not new.strip():
        raise Refused("请填写公示用的资助项目名称。")
    return held.lines.filter(benefit=old).update(benefit=new.strip()[:60])


# --- the gate ------------------------------------------------------------------------------------------------------


def allowed(notice: PublicNotice, today: date) -> Allowed:
    """Exact values that may stand on this notice whatever they look like."""
    ours = School.objects.filter(path__startswith=notice.path)
    listed = set(notice.lines.order_by().values_list("school", flat=True).distinct())
    schools = list(ours.filter(name__in=listed).values_list("code", "name"))
    return Allowed(
        today=today,
        numbers=frozenset({*_telephones(notice.hotline), notice.document, notice.key, *(code for code, _ in schools)}),
        names=frozenset({notice.office.name, *(name for _, name in schools)}),
        columns=noticelists.heads(notice.kind),
    )


def _telephones(hotline: str) -> list[str]:
    return [part.strip() for part in re.split("[、,，;；/]|或", hotline) if part.strip()]


def _hotline_leaks(notice: PublicNotice) -> list[Leak]:
    """What stands as hotline is let through everywhere, so it has to be a telephone and nothing else."""
    strange = [part for part in _telephones(notice.hotline) if not TELEPHONE.fullmatch(part)]
    return [Leak("监督电话", "不是电话号码", part[:3] + "…") for part in strange]


def gate(notice: PublicNotice, *, published: date, last: date, html: str = "", files_too: bool = True) -> list[Leak]:
    """Every layer as it would go out: page, and with `files_too` posters and sheet. → what may not be public."""
    may = allowed(notice, published)
    found = [*_hotline_leaks(notice), *scan(notice.document, "文号", Allowed(published))]
    found += scan_page(html or public.render(notice, published=published, last=last), may)
    if files_too:
        found += scan_pdf(poster.poster(notice, published=published, last=last).pdf, may)
        found += scan_sheet(noticefile.sheet(notice, published=published, last=last), may)
    return list(dict.fromkeys(found))


def _refuse(leaks: list[Leak]) -> None:
    if leaks:
        more = [f"还有 {len(leaks) - MOST_SHOWN} 处。"] if len(leaks) > MOST_SHOWN else []
        raise Refused("有不能公示的内容，请改好再预览：", *map(str, leaks[:MOST_SHOWN]), *more)


def days_of(notice: PublicNotice, published: date, calendar: Workdays | None = None) -> date:
    """The last day of a notice published on the day. Raises NotAnnounced."""
    calendar = calendar or Workdays.read()
    return calendar.last_day(published, working_days=notice.working_days, days=notice.days)


@transaction.atomic
def preview(notice: PublicNotice, *, by: Actor, today: date) -> PublicNotice:
    """Passes every layer through the gate and remembers what was previewed. Raises Refused with what it found."""
    held = _open(notice, by)
    if not held.hotline.strip():
        raise Refused("请先填写监督电话，公示页上要有。")
    _refuse(gate(held, published=today, last=days_of(held, today)))
    held.move("preview", by=by, sha256=noticelists.digest(held))
    return held


def file_of(notice: PublicNotice, what: str, *, today: date) -> bytes:
    """A poster ("a4", "a3") or the sheet ("xlsx"); nothing goes out without passing the gate. Raises Refused."""
    published = notice.published_on or today
    last = public.last_day(notice.ends_at) if notice.ends_at else days_of(notice, published)
    if what == "xlsx":
        content = noticefile.sheet(notice, published=published, last=last)
        leaks = scan_sheet(content, allowed(notice, today))
    else:
        content = poster.poster(notice, published=published, last=last, paper=what).pdf
        leaks = scan_pdf(content, allowed(notice, today))
    _refuse(leaks)
    return content


# --- publishing ----------------------------------------------------------------------------------------------------


def against_publishing(notice: PublicNotice, *, by: Actor, today: date) -> list[str]:
    """Why whoever acts can't publish it now; the button's tooltip."""
    reasons = notice.blockers("publish")
    if notice.made_by_id is not None and notice.made_by_id == by.user_id:
        reasons.append(OWN_WORK)
    try:
        days_of(notice, today)
    except NotAnnounced as unknown:
        reasons += unknown.reasons
    return reasons


def holiday(today: date) -> bool:
    """Whether publishing today is publishing on a day off; allowed, but nobody may be there to answer the telephone."""
    try:
        return not Workdays.read().works(today)
    except NotAnnounced:
        return False


@transaction.atomic
def publish(notice: PublicNotice, *, by: Actor, today: date, small_groups: str = "") -> PublicNotice:
    """Freezes the list, stores the page, moves the applications. `small_groups`: why lines that reveal one child may
    stand. Raises Refused; of two who publish at once one does."""
    held = PublicNotice.objects.select_for_update(of=("self",)).select_related("office").get(pk=notice.pk)
    if reasons := against_publishing(held, by=by, today=today):
        raise Refused(*reasons)
    if noticelists.digest(held) != held.sha256:
        raise Refused(CHANGED)
    if noticelists.small_groups(held) and not small_groups.strip():
        raise Refused(SMALL)
    last = days_of(held, today)
    html = public.render(held, published=today, last=last)
    _refuse(gate(held, published=today, last=last, html=html, files_too=False))
    _announce(held, by)
    ends_at = timezone.make_aware(datetime.combine(last + timedelta(days=1), datetime.min.time()))
    held.move(
        "publish", by=by, published_on=today, ends_at=ends_at, page=html, etag=public.etag_of(html), published_by=by.name,
        published_by_id=by.user_id, small_groups=small_groups.strip()[:200],
    )  # fmt: skip
    if held.kind == NoticeKind.PANEL:
        Panel.objects.filter(path=held.path, term=held.term).update(posted_on=today)
    _forget(held)
    return held


def _announce(notice: PublicNotice, by: Actor) -> None:
    """All of the list or nothing: an application that went elsewhere since makes the list wrong."""
    found = applications(notice)
    wanted = found.count()
    moved = found.move("announce", by=by, notice_over=False, moved_at=timezone.now())
    if moved != wanted:
        raise Refused(f"名单里有 {wanted - moved} 人的申请在编制以后有变化，请作废这份公示，重新编制名单。")


def applications(notice: PublicNotice, *states: LineState) -> QuerySet[Application]:
    """Those on the notice's lines, without the ones that were taken out; only of lines in `states` when given."""
    lines = NoticeLine.objects.filter(notice=notice, application__isnull=False)
    lines = lines.filter(state__in=states) if states else lines.exclude(state__in=OFF)
    return Application.objects.filter(pk__in=lines.order_by().values("application"))


def _forget(notice: PublicNotice) -> None:
    public.forget(notice.key)
    transaction.on_commit(lambda: public.forget(notice.key))


@transaction.atomic
def recall(notice: PublicNotice, *, by: Actor, note: str) -> PublicNotice:
    """Takes a running notice back: the page is gone, its applications wait for another notice. Raises Refused."""
    held = PublicNotice.objects.select_for_update().get(pk=notice.pk)
    held.move("recall", by=by, note=note)
    applications(held).move("unannounce", by=by, note=f"公示撤回：{note}", notice_over=False, moved_at=timezone.now())
    inbox.done(held)
    _forget(held)
    return held


def drop(notice: PublicNotice, *, by: Actor) -> PublicNotice:
    """Gives up a draft; its applications were never moved. Raises Refused."""
    notice.move("drop", by=by)
    return notice


def refresh_page(notice: PublicNotice) -> None:
    """Stores the page anew after a line was taken out; only ever shows less, and passes the gate again."""
    published, last = notice.published_on, public.last_day(notice.ends_at)
    html = public.render(notice, published=published, last=last)
    _refuse(gate(notice, published=published, last=last, html=html, files_too=False))
    PublicNotice.objects.filter(pk=notice.pk).update(page=html, etag=public.etag_of(html))
    _forget(notice)


def intact(notice: PublicNotice) -> bool:
    """Whether list and heading still are what was published."""
    return noticelists.digest(notice) == notice.sha256


# --- the end -------------------------------------------------------------------------------------------------------


@transaction.atomic
def end_due(*, now: datetime, by: Actor) -> dict[str, int]:
    """Every notice whose time is up, in whoever's scope: over; its applications closed where no objection is open.
    → {"notices", "closed", "held"}: notices ended, applications moved, applications an objection holds back."""
    due = PublicNotice.objects.running().filter(ends_at__lte=now)
    ending = list(due.select_for_update().order_by("pk").values_list("pk", "key"))
    pks = [pk for pk, _ in ending]
    ended = PublicNotice.objects.filter(pk__in=pks).move("end", by=by)
    lines = NoticeLine.objects.filter(notice__in=pks, notice__state=NoticeState.OVER, application__isnull=False)
    found = Application.objects.filter(pk__in=lines.exclude(state__in=OFF).order_by().values("application"))
    found.filter(state="in_notice").update(notice_over=True)
    closed = found.move("close_notice", by=by, moved_at=timezone.now())
    for _, key in ending:
        public.forget(key)
    return {"notices": ended, "closed": closed, "held": found.filter(state="in_notice").count()}


@transaction.atomic
def paper_removed(notice: PublicNotice, *, by: Actor, on: date, today: date) -> None:
    """That the sheet was taken off the wall, and when. Raises Refused."""
    if notice.state != NoticeState.OVER:
        raise Refused("公示期满以后再登记撤下。")
    if not public.last_day(notice.ends_at) < on <= today:
        raise Refused("撤下日期要在公示期满以后，不晚于今天。")
    PublicNotice.objects.filter(pk=notice.pk).update(paper_removed_on=on, paper_removed_by=by.name)
    audit.record("publicnotice.paper_removed", subject=notice, path=notice.path, on=on.isoformat())
    inbox.done(notice, "notice.paper")


@transaction.atomic
def add_photo(notice: PublicNotice, upload: UploadedFile) -> StoredFile:
    """A photo of the board. Raises Refused."""
    if notice.state not in (NoticeState.PUBLISHED, NoticeState.OVER):
        raise Refused("公示发布以后、归档以前，可以上传公示栏照片。")
    photo = files.attach(notice, upload, what="board_photo", path=notice.path)
    PublicNotice.objects.filter(pk=notice.pk).update(photos=F("photos") + 1)
    return photo


@transaction.atomic
def remove_photo(notice: PublicNotice, photo: StoredFile) -> None:
    if notice.state not in (NoticeState.PUBLISHED, NoticeState.OVER):
        raise Refused("已归档的照片不能删除。")
    files.remove(photo)
    PublicNotice.objects.filter(pk=notice.pk).update(photos=F("photos") - 1)


@transaction.atomic
def archive(notice: PublicNotice, *, by: Actor) -> PublicNotice:
    """Raises Refused: objections, paper, photos."""
    held = PublicNotice.objects.select_for_update().get(pk=notice.pk)
    held.move("archive", by=by)
    inbox.done(held)
    return held


@transaction.atomic
def hand_up(notice: PublicNotice, *, by: Actor) -> Outcome:
    """The notice's applications to the county. → what moved, and why the rest did not."""
    held = PublicNotice.objects.select_for_update().get(pk=notice.pk)
    found = applications(held)
    stayed = found.unmoved("hand_up")
    moved = found.move("hand_up", by=by, handed_by_id=by.user_id, moved_at=timezone.now())
    for state, reason in ((LineState.REMOVED, "异议成立，已撤出名单"), (LineState.WITHDRAWN, "已撤回申请")):
        if gone := held.lines.filter(state=state).count():
            stayed[reason] = gone
    return Outcome(moved, stayed)


def pack(notice: PublicNotice, *, today: date) -> bytes:
    """The archive pack (zip) of a notice that is over. Raises Refused."""
    if notice.state not in (NoticeState.OVER, NoticeState.ARCHIVED):
        raise Refused("公示期满以后才有归档材料。")
    made = noticefile.archive_pack(
        notice, poster=file_of(notice, "a4", today=today), listed=file_of(notice, "xlsx", today=today)
    )
    audit.record("publicnotice.pack", subject=notice, path=notice.path)
    return made
