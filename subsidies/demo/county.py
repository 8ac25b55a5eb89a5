"""What the county's centre of the demo does: windows and seats, first look and approval, objections, letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from aidcases import jobs
from aidcases.models import Organisation, School
from aidcases.roles import Role
from aidcases.scoping import Actor, acting_in
from aidcases.terms import Term
from subsidies.casework import approvals, county, letters, objections, public, quota, windows
from subsidies.demo.school import at_work
from subsidies.models import Application, NoticeLine, Objection, PublicNotice
from subsidies.models.letters import LetterKind
from subsidies.models.notices import Finding

LOOK = "与户籍、民政名单核对一致，只在一处受助。"


@dataclass
class Centre:
    """The county's office in one term."""

    office: Organisation
    term: Term

    def maker(self, day: date | None = None) -> AbstractContextManager[Actor]:
        return at_work(self.office, Role.COUNTY_MAKER, day=day)

    def head(self, day: date | None = None) -> AbstractContextManager[Actor]:
        return at_work(self.office, Role.COUNTY_HEAD, day=day)

    def open_window(self, *, opens_on: date, closes_on: date) -> None:
        with self.maker() as by:
            windows.set_window(self.term, opens_on=opens_on, closes_on=closes_on, stamp_required=False, by=by)

    def seats(self, schools: Sequence[School], left: int) -> None:
        """As many of each level in each of the schools as are used, and so many more."""
        with self.head() as by:
            wanted = {(s, each.level): each.used + left for s in schools for each in quota.headroom(s, self.term.code)}
            quota.set_seats(wanted, self.term, by=by)

    def look_at(self, students: Sequence[int], *, on: date) -> None:
        """初核: all of them, those a check asks about with what was found out."""
        with self.maker(on) as by:
            rows = county.queue(self.term).filter(student__in=students)
            county.check(rows, self.term, by=by)
            for pk in rows.filter(checked_by_id=None).values_list("pk", flat=True)[:3]:
                county.check(county.queue(self.term).filter(pk=pk), self.term, by=by, note=LOOK)

    def approve(self, *, number: str, on: date, today: date) -> None:
        """What was looked at; the levels count at once."""
        with self.head(on) as by:
            done = approvals.approve(
                county.queue(self.term), self.term, number=number, decided_on=on, by=by, today=today
            )
        for job in done.jobs:
            jobs.work_off(job)

    def send_back(self, student: int, name: str, why: str, *, on: date) -> None:
        with self.maker(on) as by:
            county.send_back(county.queue(self.term).filter(student=student), name, by=by, note=why)

    def reject(self, student: int, why: str, *, today: date) -> None:
        with self.head() as by:
            approvals.reject(county.queue(self.term).filter(student=student), self.term, by=by, today=today, note=why)

    def cancel(self, student: int, why: str, *, today: date) -> None:
        with self.head() as by:
            approvals.cancel(Application.objects.in_term(self.term).get(student=student), by=by, note=why, today=today)

    def letters(self, about: Application, *, today: date) -> None:
        """A call answered, a visit that waits, a letter that is late, a family's appeal."""
        for kind, ago, subject, text, name, answer in LETTERS:
            with self.maker() as by:
                came = today - timedelta(days=ago)
                made = letters.register(
                    kind=kind, received_on=came, subject=subject, text=text, from_name=name, contact=f"139{ago:08d}", by=by,
                    today=today, application=about if kind == LetterKind.APPEAL else None,
                )  # fmt: skip
                if answer:
                    letters.answer(made, text=answer, by=by, today=min(today, came + timedelta(days=2)))


LETTERS = (
    (LetterKind.CALL, 12, "住校生生活补助什么时候发", "家长打热线询问本学期补助发放时间。", "杨先生",
     "名单正在公示和审批，批准后统一打到一卡通。"),
    (LetterKind.VISIT, 4, "孩子在外县读书，能不能申请资助", "户口在本县，孩子在永登县上初中。", "马女士", ""),
    (LetterKind.LETTER, 38, "反映学校评审不公开", "来信说没有看到评审小组名单上墙。", "匿名", ""),
    (LetterKind.APPEAL, 1, "对取消资格不服", "家长说车是借来的，请求复查。", "学生家长", ""),
)  # fmt: skip


def at(day: date, hour: int = 10) -> datetime:
    return timezone.make_aware(datetime.combine(day, time(hour)))


def object_to(notice: PublicNotice, line: NoticeLine, text: str, *, day: date) -> Objection:
    """Somebody writes on the public page."""
    with acting_in(notice.office.scope, public.PUBLIC):
        return objections.file(notice, text=text, line=line, contact="13900001234", now=at(day))


def answer(
    clerk: Callable[[], AbstractContextManager[Actor]], objection: Objection, outcome: str, *, day: date
) -> None:
    with clerk() as by:
        objections.answer(objection, finding=Finding.DISMISSED, outcome=outcome, by=by, now=at(day, 16))
        objection.refresh_from_db()
        objections.close(objection, by=by)
