"""Builders of casework: an application in any state with its student, and the people who work on it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from aidcases import files
from aidcases.models import Organisation, School, User
from aidcases.terms import Term
from students.enums import Stage
from students.models import Student
from subsidies.casework import assessing, notices, scoring
from subsidies.casework import panel as panels
from subsidies.models import (
    Application,
    Approval,
    Assessment,
    Letter,
    Meeting,
    NoticeLine,
    Objection,
    Panel,
    PanelMember,
    PublicNotice,
    Responsible,
)
from subsidies.models.notices import NoticeKind
from tests import make

TERM = "2026-autumn"
BEYOND_PANEL = ("panel_reviewed", "in_notice", "notice_closed", "county_review", "approved")
DECIDED = ("approved", "rejected", "cancelled")
_numbers = count(1)


def student(
    name: str = "",
    *,
    at: School,
    term: str = TERM,
    grade: int = 3,
    class_name: str = "1班",
    stage: str = Stage.PRIMARY,
    home: str = "620123100001",
    categories: tuple[str, ...] = (),
    born: date = date(2016, 5, 1),
    contact: str = "班主任甲",
) -> Student:
    """A pupil of a class in a term, who answers to a class teacher ("": to nobody)."""
    made = make.student(name, at=at, term=term, grade=grade, stage=stage, home=home, categories=categories, born=born)
    made.enrolments.filter(term=term).update(class_name=class_name)
    if contact:
        account = User.objects.filter(full_name=contact).first()
        Responsible(student=made, contact=contact, contact_user=account, set_by="甲").save()
    return made


def application(
    who: Student | str = "",
    *,
    at: School,
    state: str = "draft",
    level: str = "",
    term: str = TERM,
    kind: str = "applied",
    grade: int = 3,
    class_name: str = "1班",
    home: str = "620123100001",
    **also: Any,
) -> Application:
    """An application in the state, complete from `submitted` on, levelled (困难 unless told) beyond the panel; one that
    was decided has an approval of its own. `also`: any other column."""
    pupil = who if isinstance(who, Student) else student(
        who, at=at, term=term, grade=grade, class_name=class_name, home=home
    )  # fmt: skip
    columns: dict[str, Any] = {
        "complete": state != "draft",
        "level": level or ("hard" if state in BEYOND_PANEL else ""),
        "notice_over": state in ("notice_closed", "county_review", "approved"),
        **also,
    }
    if state in DECIDED:
        columns.setdefault("approval", approval(at.path, term=term, approves=state != "rejected"))
    made = Application(
        student=pupil, term=term, school=at, school_path=at.path, home_path=pupil.person.home_path, state=state,
        kind=kind, **columns,
    )  # fmt: skip
    made.save()
    return made


def applications(number: int, *, at: School, prefix: str = "甲", **also: Any) -> list[Application]:
    """So many, with names of their own."""
    return [application(f"{prefix}{n}", at=at, **also) for n in range(1, number + 1)]


def approval(path: str, *, term: str = TERM, approves: bool = True) -> Approval:
    """By the county the path lies in."""
    county = "".join(path.split("/")[3:4])
    made = Approval(
        path=make.region(county).path, term=term, number=f"榆资批〔2026〕{next(_numbers)}号", approves=approves,
        decided_on=date(2026, 10, 20), decided_by="甲主任",
    )  # fmt: skip
    made.save()
    return made


def office_of(at: School) -> Organisation:
    """The school's office."""
    return make.school_office(at)


def notice(crew: Any, number: int = 6, *, state: str = "draft", today: date = date(2026, 10, 9), **also: Any) -> PublicNotice:
    """The school's determination list of so many applications, as its maker and its checker would leave it in the state
    draft, previewed or published (on `today`, a Friday after the holidays)."""
    applications(number, at=crew.school, state="panel_reviewed", **also)
    with crew.acting("school_maker") as maker:
        made = notices.draft(
            NoticeKind.DETERMINATION, office=crew.office("school_maker"), term=Term.parse(TERM), by=maker
        )
        made = notices.edit(made, by=maker, hotline="0931-5221234")
        if state != "draft":
            made = notices.preview(made, by=maker, today=today)
    if state == "published":
        with crew.acting("school_checker") as checker:
            made = notices.publish(made, by=checker, today=today, small_groups="已逐人核对")
    return made


def traces(code: str, path: str, child: Student) -> tuple[PublicNotice, PublicNotice]:
    """A county's notice in draft, whose line names the child, with an objection and a photo; and one that runs, with a
    name that is nobody's. Made once."""
    office = Organisation.objects.get(path=path, kind="county")
    common = {"kind": NoticeKind.BENEFIT, "office": office, "path": path, "term": TERM, "hotline": "0931-5221234"}
    quiet, new = PublicNotice.objects.get_or_create(title=f"{code}受助学生名单", defaults={**common, "made_by": "甲"})
    if new:
        line = NoticeLine(notice=quiet, order=1, name=child.person.name, student=child)
        line.save()
        Objection(notice=quiet, line=line, path=path, text=f"{child.person.name}的情况不属实", due_on=date(2026, 10, 12)).save()
        files.attach(quiet, SimpleUploadedFile("x.pdf", b"%PDF-1.7"), what="board_photo", path=path)
    today = timezone.localdate()
    frozen = {
        "state": "published", "published_on": today, "ends_at": timezone.now() + timedelta(days=7), "sha256": "0" * 64,
        "published_by": "乙", "made_by": "甲", "page": "<p>张三</p>", "etag": code,
    }  # fmt: skip
    running, new = PublicNotice.objects.get_or_create(title=f"{code}公示中的名单", defaults={**common, **frozen})
    return quiet, running


KINDS = (
    "leader", "aid_staff", "class_teacher", "class_teacher", "teacher", "village_cadre", "village_cadre", "parent", "parent",
    "league_secretary",
)  # fmt: skip


def panel(at: School, *, term: str = TERM, posted: bool = True, number: int = 10) -> Panel:
    """A school's panel, complete unless a smaller number is told: 委员1 … 委员10 with the kinds above."""
    made = Panel(school=at, path=at.path, term=term, made_by="校经办", posted_on=date(2026, 9, 5) if posted else None)
    made.save()
    for n, kind in enumerate(KINDS[:number], 1):
        PanelMember(panel=made, name=f"委员{n}", kind=kind, unit=at.name).save()
    return made


def meeting(
    crew: Any, *, at: School | None = None, posted: bool = True, present: int = 10, by: str = "school_maker", **also: Any
) -> Meeting:
    """A meeting of the school's panel (made when absent), opened by its maker, with the first so many members there."""
    of = at or crew.school
    with crew.acting(by) as maker:
        found = Panel.objects.filter(school=of, term=TERM).first() or panel(of, posted=posted)
        members = list(found.members.all())
        said = {
            "held_at": datetime(2026, 10, 8, 15, tzinfo=UTC), "place": "会议室", "chair": "委员1", "recorder": "委员2",
            "minutes": "逐份评议，举手表决。", **also,
        }  # fmt: skip
        return panels.open_meeting(found, by=maker, present=members[:present], **said)


def closed(crew: Any, *, at: School | None = None, by: str = "school_maker", **also: Any) -> Meeting:
    """A meeting that gave every submitted application what its boxes suggest, closed."""
    made = meeting(crew, at=at, by=by, **also)
    with crew.acting(by) as maker:
        assessing.accept(made, Application.objects.all(), by=maker)
        assessing.close(made, now=datetime(2026, 10, 8, 18, tzinfo=UTC))
    made.refresh_from_db()
    return made


def panel_traces(application: Application, mark: str) -> Assessment:
    """A meeting of the application's school with a photo, whose members bear the mark, that scored it. Made once."""
    school = application.school
    found = Panel.objects.filter(school=school, term=application.term).first()
    if found is None:
        found = panel(school, term=application.term)
        PanelMember(panel=found, name=f"{mark}委员", kind="teacher").save()
        made = Meeting(
            panel=found, index=scoring.newest(), held_at=datetime(2026, 10, 8, tzinfo=UTC), place=f"{mark}会场",
            chair=f"{mark}委员", recorder="委员1", made_by="甲",
        )  # fmt: skip
        made.save()
        made.present.set(found.members.all())
        files.attach(made, SimpleUploadedFile("x.pdf", b"%PDF-1.7"), what=panels.PHOTO, path=school.path)
    row = Assessment.objects.filter(application=application).first()
    if row is None:
        row = Assessment(
            application=application, meeting=found.meetings.get(), score=0, suggested="none", level="none"
        )  # fmt: skip
        row.save()
    return row


def county_traces(application: Application, path: str, mark: str) -> tuple[Approval, Letter]:
    """A county's document and a letter, with its mark in their words. Made once."""
    office = {"path": path, "term": application.term}
    document, _ = Approval.objects.get_or_create(
        number=f"{mark}批文", defaults={**office, "decided_on": date(2026, 10, 20), "decided_by": f"{mark}办事员"}
    )
    told = {"path": path, "kind": "call", "received_on": date(2026, 10, 20), "due_on": date(2026, 11, 10), "made_by": "甲"}
    letter, _ = Letter.objects.get_or_create(
        subject=f"{mark}来信", defaults={**told, "application": application, "contact": "13900009876"}
    )
    return document, letter
