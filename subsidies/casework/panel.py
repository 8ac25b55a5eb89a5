"""The panel of a school and term: its members by kind, their own children in the school, its posted list, its meetings'
attendance and quorum."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from aidcases import audit, files
from aidcases.flow import Refused
from aidcases.models import School, StoredFile
from aidcases.scoping import Actor
from aidcases.terms import Term, chronological
from students.models import Enrolment, Student
from subsidies.casework import scoring
from subsidies.models import Meeting, Panel, PanelMember
from subsidies.models.panels import MemberKind

LEAST = 10  # 专班 of the school plan: ≥ 10 people, these kinds among them
KINDS = (MemberKind.LEADER, MemberKind.CLASS_TEACHER, MemberKind.VILLAGE_CADRE, MemberKind.PARENT)
PHOTO = "meeting_photo"
FROZEN = "已有定稿的评审会议，成员名单不能再改。"


@transaction.atomic
def make(school: School, term: Term, *, by: Actor, copy: bool = False) -> Panel:
    """The school's panel of the term; `copy`: with the members of its last one, and their children who are still here.
    Raises Refused where there is one already, or none to copy."""
    if Panel.objects.filter(school=school, term=term.code).exists():
        raise Refused(f"{school.name}{term.label}的评审小组已经建好了。")
    last = previous(school, term) if copy else None
    if copy and last is None:
        raise Refused("以前的学期没有评审小组，请新建。")
    made = Panel(school=school, path=school.path, term=term.code, made_by=by.name)
    made.save()
    for member in last.members.all() if last else ():
        again = PanelMember(panel=made, name=member.name, kind=member.kind, unit=member.unit)
        again.save()
        again.children.set(_pupils(made).filter(pk__in=member.children.values("pk")))
    audit.record("panel.made", subject=made, path=made.path, term=term.code)
    return made


def previous(school: School, term: Term) -> Panel | None:
    """The school's newest panel of an earlier term."""
    rows = Panel.objects.filter(school=school).order_by(*chronological())
    return next((panel for panel in rows if Term.parse(panel.term).first_day < term.first_day), None)


def _pupils(panel: Panel) -> QuerySet[Student]:
    here = Enrolment.objects.filter(school=panel.school_id, term=panel.term)
    return Student.objects.filter(pk__in=here.values("student"))


def problems(members: Iterable[PanelMember]) -> list[str]:
    """What the panel still lacks, in words."""
    kinds = [member.kind for member in members]
    found = [] if len(kinds) >= LEAST else [f"小组至少 {LEAST} 人，现在 {len(kinds)} 人，还差 {LEAST - len(kinds)} 人。"]
    if missing := [kind.label for kind in KINDS if kind not in kinds]:
        found.append(f"还没有{'、'.join(missing)}。")
    return found


# --- members -------------------------------------------------------------------------------------------------------


def _changing(panel: Panel) -> Panel:
    held = Panel.objects.select_for_update().get(pk=panel.pk)
    if held.meetings.exclude(closed_at=None).exists():
        raise Refused(FROZEN)
    return held


@transaction.atomic
def add(panel: Panel, *, name: str, kind: str, unit: str = "") -> PanelMember:
    """Raises Refused: frozen, there already."""
    held = _changing(panel)
    if held.members.filter(name=name, kind=kind).exists():
        raise Refused(f"{name}（{MemberKind(kind).label}）已在名单上。")
    made = PanelMember(panel=held, name=name, kind=kind, unit=unit)
    made.save()
    Panel.objects.filter(pk=held.pk).update(posted_on=None)  # another list than the one on the wall
    return made


@transaction.atomic
def remove(member: PanelMember) -> None:
    """Raises Refused: frozen."""
    held = _changing(member.panel)
    member.delete()
    Panel.objects.filter(pk=held.pk).update(posted_on=None)


@transaction.atomic
def add_child(member: PanelMember, *, name: str, class_name: str = "") -> Student:
    """The member's child in the school, by name (and class, where several are called so). Raises Refused."""
    here = Enrolment.objects.filter(
        school=member.panel.school_id, term=member.panel.term, student__person__name=name.strip()
    )  # fmt: skip
    found = list(here.select_related("student__person").defer("phone"))
    if class_name.strip():
        found = [e for e in found if class_name.replace(" ", "") in (e.class_name, f"{e.grade_label}{e.class_name}")]
    if not found:
        raise Refused("本校这个学期没有这名学生，请核对姓名和班级。")
    if len(found) > 1:
        classes = "、".join(f"{e.grade_label}{e.class_name}" for e in found)
        raise Refused(f"有 {len(found)} 名同名学生（{classes}），请同时填写班级。")
    member.children.add(found[0].student)
    return found[0].student


def post(panel: Panel, *, on: date, today: date) -> None:
    """That the list was put on the wall. Raises Refused."""
    if wrong := problems(panel.members.all()):
        raise Refused(*wrong)
    if not Term.parse(panel.term).first_day.replace(day=1) <= on <= today:
        raise Refused("上墙日期要在本学期以内，不晚于今天。")
    Panel.objects.filter(pk=panel.pk).update(posted_on=on)
    audit.record("panel.posted", subject=panel, path=panel.path, on=on.isoformat())


# --- meetings ------------------------------------------------------------------------------------------------------


def needed(members: int) -> int:
    """Two thirds, rounded up."""
    return -(-2 * members // 3)


@dataclass(frozen=True)
class Quorum:
    """Who leaves for a child counts neither among those present nor among the members."""

    present: int
    members: int

    @property
    def needed(self) -> int:
        return needed(self.members)

    @property
    def there(self) -> bool:
        return self.present >= self.needed

    def without(self, away: int, away_present: int) -> Quorum:
        return Quorum(self.present - away_present, self.members - away)


def quorum(meeting: Meeting) -> Quorum:
    return Quorum(meeting.present.count(), meeting.panel.members.count())


@transaction.atomic
def open_meeting(panel: Panel, *, by: Actor, present: Iterable[PanelMember], **said: Any) -> Meeting:
    """said: held_at, place, chair, recorder, minutes. Raises Refused where the panel lacks somebody."""
    held = Panel.objects.select_for_update().get(pk=panel.pk)
    if wrong := problems(held.members.all()):
        raise Refused(*wrong)
    made = Meeting(panel=held, index=scoring.newest(), made_by=by.name, made_by_id=by.user_id, **said)
    made.save()
    made.present.set(present)
    audit.record("meeting.opened", subject=made, path=held.path, term=held.term)
    return made


def held_open(meeting: Meeting) -> Meeting:
    """The meeting's row, locked, to be written in. Raises Refused once it is closed."""
    held = Meeting.objects.select_for_update(of=("self",)).select_related("panel__school", "index").get(pk=meeting.pk)
    if held.closed_at is not None:
        raise Refused("会议已定稿，不能再改；要改请先取消定稿。")
    return held


@transaction.atomic
def edit_meeting(meeting: Meeting, *, present: Iterable[PanelMember], **said: Any) -> None:
    held = held_open(meeting)
    for name, value in said.items():
        setattr(held, name, value)
    held.save()
    held.present.set(present)


def against_closing(meeting: Meeting, *, now: datetime) -> list[str]:
    """What the meeting itself lacks; the children are assessing's business."""
    members = list(meeting.panel.members.all())
    there = {member.name for member in meeting.present.all()}
    found, count = problems(members), Quorum(meeting.present.count(), len(members))
    if meeting.panel.posted_on is None:
        found.append("评审小组名单还没有上墙公布。")
    if not count.there:
        found.append(f"到会 {count.present} 人，不够三分之二（{count.members} 人的小组至少 {count.needed} 人到会）。")
    for label, name in (("主持人", meeting.chair), ("记录人", meeting.recorder)):
        if name not in there:
            found.append(f"{label}{name}不在到会成员里。")
    if meeting.held_at > now:
        found.append(f"会议时间 {timezone.localtime(meeting.held_at):%Y-%m-%d %H:%M} 还没有到。")
    if not meeting.minutes.strip():
        found.append("还没有写会议记录。")
    return found


def add_photo(meeting: Meeting, upload: Any) -> StoredFile:
    """Raises Refused: not a photo."""
    return files.attach(meeting, upload, what=PHOTO, path=meeting.panel.path)


def by_term(term: Term) -> QuerySet[Panel]:
    """Panels in sight, by school."""
    rows = Panel.objects.filter(term=term.code).select_related("school")
    return rows.order_by(F("path"), "pk")
