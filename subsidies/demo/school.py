"""What the people of one school of the demo do in a term: forms, panel, meetings, notices; each step by whoever may."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from aidcases.audit import happened_on
from aidcases.models import Membership, Organisation, School
from aidcases.roles import PERMISSIONS, Role
from aidcases.scoping import Actor, acting_in
from aidcases.terms import Term
from aidcases.workdays import NotAnnounced
from students.demo.names import Names
from students.models import Enrolment, Student
from subsidies.casework import applying, assessing, notices, panel, prefill, responsible
from subsidies.casework.scoring import Index
from subsidies.demo import families
from subsidies.models import Application, Meeting, NoticeLine, Panel, PublicNotice
from subsidies.models.applications import ApplicationKind, ApplicationState
from subsidies.models.notices import LineState, NoticeKind
from subsidies.models.panels import MemberKind

KINDS = (
    MemberKind.LEADER, MemberKind.AID_STAFF, MemberKind.CLASS_TEACHER, MemberKind.CLASS_TEACHER, MemberKind.TEACHER,
    MemberKind.VILLAGE_CADRE, MemberKind.VILLAGE_CADRE, MemberKind.PARENT, MemberKind.PARENT, MemberKind.LEAGUE_SECRETARY,
)  # fmt: skip
UNITS = {
    MemberKind.LEADER: "副校长", MemberKind.AID_STAFF: "资助专干", MemberKind.VILLAGE_CADRE: "村委会",
    MemberKind.PARENT: "家长委员会",
}  # fmt: skip
MINUTES = "会议听取资助专干对申请情况的说明，逐份查看申请表和名单比对结果，评议后举手表决，到会成员一致通过。"
SMALL = "已逐人核对，班级和年级不涉及隐私，可以公示。"


@contextmanager
def at_work(office: Organisation, role: Role, name: str = "", day: date | None = None) -> Iterator[Actor]:
    """One command of whoever holds the role in the office: the demo's account, else a colleague without one; on a day."""
    if held := Membership.objects.filter(organisation=office, role=role).order_by("pk").first():
        actor = held.actor
    else:
        actor = Actor(name, None, office.pk, office.path, PERMISSIONS[role])
    with transaction.atomic(), acting_in(office.scope, actor), happened_on(day):
        yield actor


@dataclass
class SchoolYear:
    """One school in one term."""

    school: School
    office: Organisation
    term: Term
    seed: int
    hotline: str
    rng: Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = Random(f"{self.seed}-{self.school.code}-{self.term.code}")

    def clerk(self, day: date | None = None) -> AbstractContextManager[Actor]:
        return at_work(self.office, Role.SCHOOL_MAKER, "周老师", day)

    def head(self, day: date | None = None) -> AbstractContextManager[Actor]:
        return at_work(self.office, Role.SCHOOL_CHECKER, "吴校长", day)

    # ---------- forms ----------

    def pupils(self) -> list[Enrolment]:
        """Enrolments by class."""
        rows = Enrolment.objects.in_term(self.term).filter(school=self.school)
        return list(rows.defer("phone").order_by("stage", "grade", "class_name", "pk"))

    def apply_for(self, pupils: Sequence[Enrolment], *, typed: int, signed_on: date | None) -> list[int]:
        """Who is on a list is confirmed, who applied before says no change, so many others write a form. → students."""
        rows = Enrolment.objects.filter(pk__in=[each.pk for each in pupils])
        with self.clerk(signed_on) as by:
            prefill.create(rows, self.term, kind=ApplicationKind.MATCHED, by=by)
            prefill.create(rows, self.term, kind=ApplicationKind.RENEWED, by=by, promised_on=signed_on)
            made = set(self._of(rows).values_list("student", flat=True))
            others = [each.pk for each in pupils if each.student_id not in made][:typed]
            if others:
                prefill.create(Enrolment.objects.filter(pk__in=others), self.term, kind=ApplicationKind.APPLIED, by=by)
            for application in self._of(rows).filter(kind=ApplicationKind.APPLIED).order_by("student"):
                families.fill_in(application, seed=self.seed, promised_on=signed_on, by=by)
            return list(self._of(rows).order_by("student").values_list("student", flat=True))

    def _of(self, rows: QuerySet[Enrolment]) -> QuerySet[Application]:
        mine = Application.objects.in_term(self.term).filter(student__in=rows.order_by().values("student"))
        return mine.select_related("student__person__hukou_region")

    def applications(self, students: Sequence[int] = (), **only: str) -> QuerySet[Application]:
        """The school's applications of the term, of these students when given."""
        rows = Application.objects.in_term(self.term).filter(school=self.school, **only)
        return rows.filter(student__in=students) if students else rows

    def submit(self, students: Sequence[int], *, today: date) -> None:
        with self.clerk(today) as by:
            applying.submit(self.applications(students), self.term, by=by, today=today)

    def name_responsible(self) -> None:
        """Contact teachers class by class (the first the one with an account), deputy and principal of the school."""
        names, teachers = Names(self.rng, "62"), Membership.objects.filter(role=Role.CLASS_TEACHER)
        account = teachers.filter(organisation__school=self.school).values_list("user", flat=True).first()
        with self.clerk() as by:
            for grade, class_name in sorted({(each.grade, each.class_name) for each in self.pupils()}):
                rows = Enrolment.objects.in_term(self.term).filter(
                    school=self.school, grade=grade, class_name=class_name
                )
                contact = names.elder(names.line("汉族"), self.rng.random() < 0.5)
                told = {"contact": "" if account else contact, "account": account}
                responsible.set_for(rows, **told, deputy="杨树林", principal="吴建国", by=by)
                account = None

    # ---------- panel ----------

    def make_panel(self, *, posted_on: date, today: date) -> Panel:
        """Ten members, one of whom has a child in the school; as in the term before where there was one."""
        names = Names(self.rng, "62")
        with self.clerk() as by:
            again = panel.previous(self.school, self.term) is not None
            made = panel.make(self.school, self.term, by=by, copy=again)
            for kind in () if again else KINDS:
                name = names.elder(names.line("汉族"), kind != MemberKind.AID_STAFF)
                panel.add(made, name=name, kind=kind, unit=UNITS.get(kind, self.school.name))
            panel.post(made, on=posted_on, today=today)
        return made

    def parent_of(self, made: Panel, student: int) -> None:
        """One of the parents on the panel is this child's; a name the school has twice is left alone."""
        child = Student.objects.select_related("person").get(pk=student)
        here = Enrolment.objects.in_term(self.term).filter(school=self.school, student__person__name=child.person.name)
        member = made.members.filter(kind=MemberKind.PARENT).first()
        if member and here.count() == 1:
            panel.add_child(member, name=child.person.name)

    def meet(self, made: Panel, day: date, *, students: Sequence[int] = (), finish: bool = True) -> Meeting:
        """A meeting on the day over what was submitted, closed and confirmed unless it is not finished."""
        held = timezone.make_aware(datetime.combine(day, time(15)))
        with self.clerk(day) as by:
            members = list(made.members.all())
            meeting = panel.open_meeting(
                made, by=by, present=members[: 9 if finish else 8], held_at=held, place="学校会议室", chair=members[0].name,
                recorder=members[1].name, minutes=MINUTES if finish else "",
            )  # fmt: skip
            self._judge(meeting, students, by)
            assessing.accept(meeting, self.applications(students), by=by)
            if finish:
                assessing.close(meeting, now=held + timedelta(hours=3))
        if finish:
            with self.head(day) as by:
                assessing.confirm(meeting, by=by)
        return meeting

    def _judge(self, meeting: Meeting, students: Sequence[int], by: Actor) -> None:
        """Those on no list, one by one, by what their forms say."""
        index = Index.read(meeting.index)
        rows = assessing.waiting(meeting).filter(listed_boxes=[])
        for row in rows.filter(student__in=students) if students else rows:
            said = {*families.HOME, *families.reason_of(row, self.seed)[3], *index.answers_of(row.boxes)}
            assessing.assess(meeting, row, answers=said, level="", seen_version=row.version, by=by)

    # ---------- notices ----------

    def draft(self, *, document: str) -> PublicNotice:
        with self.clerk() as by:
            made = notices.draft(NoticeKind.DETERMINATION, office=self.office, term=self.term, by=by)
            return notices.edit(made, by=by, hotline=self.hotline, document=document)

    def announce(self, day: date, *, document: str) -> PublicNotice:
        """Published on the day; only a draft where nobody has announced yet which days of its week are worked."""
        made = self.draft(document=document)
        try:
            with self.clerk(day) as by:
                made = notices.preview(made, by=by, today=day)
            with self.head(day) as by:
                return notices.publish(made, by=by, today=day, small_groups=SMALL)
        except NotAnnounced:
            return made

    def file_away(self, notice: PublicNotice, *, on: date, today: date) -> None:
        """Paper off the wall, a picture of the board, into the archive."""
        with self.clerk(on) as by:
            notices.paper_removed(notice, by=by, on=on, today=today)
            scan = SimpleUploadedFile("公示栏.pdf", notices.file_of(notice, "a4", today=today))
            notices.add_photo(notice, scan)
            notices.archive(notice, by=by)

    def hand_up(self, notice: PublicNotice) -> None:
        """The day after its week."""
        with self.clerk(min(timezone.localdate(notice.ends_at), timezone.localdate())) as by:
            notices.hand_up(notice, by=by)

    def lines(self, notice: PublicNotice) -> list[NoticeLine]:
        return list(NoticeLine.objects.filter(notice=notice, state=LineState.STANDING).order_by("order"))

    def decline(self, students: Sequence[int], why: str) -> None:
        with self.clerk() as by:
            rows = self.applications(students, state=ApplicationState.DRAFT)
            applying.move(rows, "decline", by=by, note=why)

    def withdraw(self, students: Sequence[int], why: str) -> None:
        with self.clerk() as by:
            applying.move(self.applications(students), "withdraw", by=by, note=why)
