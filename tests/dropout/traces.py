"""Something of every kind of a county's dropout work, in words of its own, about one of its children. Made once for a
county: asked for again, the same."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime

from django.core.files.uploadedfile import SimpleUploadedFile

from aidcases import files
from dropout.models import (
    Deadline,
    Deferral,
    Difference,
    DropoutCase,
    Inspection,
    InspectionLine,
    LegalStep,
    Measure,
    Placement,
    Rectification,
    Report,
    TeamMember,
    Threshold,
    Visit,
    WarningLine,
)
from tests.dropout.build import case
from tests.personas import CANARY, TERM, Side

DAY = date(2018, 10, 8)


def child_case(side: Side) -> DropoutCase:
    child = side.students[1]
    found = DropoutCase.objects.filter(student=child).first()
    mark = CANARY[side.code]
    return found or case("persuading", student=child, whereabouts=f"{mark}打工", school=side.primary, made_by=f"{mark}责任人")


def report(side: Side) -> Report:
    given = {"path": side.office.path, "due_on": DAY, "text": f"{CANARY[side.code]}说明"}
    return Report.objects.get_or_create(office=side.office, rhythm="quarter", period="2018-Q4", defaults=given)[0]


def inspection(side: Side) -> Inspection:
    mark = CANARY[side.code]
    given = {"size": 1, "strata": [], "sha256": "0" * 64, "drawn_on": DAY, "drawn_by": f"{mark}督查"}
    return Inspection.objects.get_or_create(path=side.office.path, term=TERM.code, seed=f"{mark}种子", defaults=given)[0]


def inspection_line(side: Side) -> InspectionLine:
    child = side.students[1]
    given = {
        "order": 1, "stratum": "其他在校生·小学", "home_path": child.person.home_path,
        "school_path": child.person.school_path, "found": f"{CANARY[side.code]}情况",
    }  # fmt: skip
    return InspectionLine.objects.get_or_create(inspection=inspection(side), student=child, defaults=given)[0]


def rectification(side: Side) -> Rectification:
    mark = CANARY[side.code]
    given = {
        "given_path": side.office.path, "given_name": f"{mark}督查室", "line": inspection_line(side), "due_on": DAY,
        "problem": f"{mark}问题", "made_by": f"{mark}督查", "made_on": DAY,
    }  # fmt: skip
    return Rectification.objects.get_or_create(path=side.primary.path, case=child_case(side), defaults=given)[0]


def legal_step(side: Side) -> LegalStep:
    mark = CANARY[side.code]
    given = {
        "path": side.office.path, "paper": "return_notice", "number": f"{mark}控复〔2018〕1号", "issuer": f"{mark}教育局",
        "addressee": f"{mark}家长", "issued_on": DAY, "deadline_on": DAY, "outcome": f"{mark}结果", "made_by": f"{mark}责任人",
    }  # fmt: skip
    made, new = LegalStep.objects.get_or_create(case=child_case(side), step=1, defaults=given)
    if new:
        for what in ("paper", "receipt"):
            upload = SimpleUploadedFile(f"{mark}文书.jpg", b"\xff\xd8\xff" + b"0" * 40)
            files.attach(made, upload, what=what, path=side.office.path)
    return made


def placement(side: Side) -> Placement:
    mark = CANARY[side.code]
    given = {"kind": "class", "school": side.primary, "plan": f"{mark}计划", "mentor": f"{mark}老师", "made_by": f"{mark}责任人"}
    return Placement.objects.get_or_create(case=child_case(side), from_on=DAY, defaults=given)[0]


def deadline(side: Side) -> Deadline:
    given = {"days": 7, "set_by": f"{CANARY[side.code]}主任"}
    return Deadline.objects.get_or_create(path=side.office.path, state="verifying", from_on=DAY, defaults=given)[0]


def difference(side: Side) -> Difference:
    child, row = side.students[1], child_case(side)
    given = {
        "kind": "absent", "area": side.primary.path, "home_path": child.person.home_path, "case": row,
        "school_path": child.person.school_path, "enrolment": child.enrolments.get(term=TERM.code), "found_on": DAY,
    }  # fmt: skip
    return Difference.objects.get_or_create(term=TERM.code, student=child, defaults=given)[0]


def warning(side: Side) -> WarningLine:
    """Seen to, under a threshold that the county has set."""
    child, mark = side.students[1], CANARY[side.code]
    set_now = {"value": 8, "set_by": f"{mark}办事员"}
    Threshold.objects.get_or_create(path=side.office.path, code="absence", from_on=DAY, defaults=set_now)
    given = {
        "values": {"absence": [12, 8]}, "number": 1, "since_on": DAY, "changed_on": DAY, "answered_on": DAY,
        "answer": f"{mark}说明", "answered_by": f"{mark}关注人", "home_path": child.person.home_path,
        "school_path": child.person.school_path,
    }  # fmt: skip
    return WarningLine.objects.get_or_create(term=TERM.code, student=child, defaults=given)[0]


def team_member(side: Side) -> TeamMember:
    """A parent, with a telephone that the county's office wrote down."""
    given = {
        "name": f"{CANARY[side.code]}家长", "phone": "13700009999", "from_on": DAY, "set_by": "甲", "set_path": side.office.path,
    }  # fmt: skip
    return TeamMember.objects.get_or_create(case=child_case(side), seat="parent", defaults=given)[0]


def visit(side: Side) -> Visit:
    """With a photo."""
    mark = CANARY[side.code]
    given = {
        "key": uuid.uuid4(), "visited_at": datetime(2018, 10, 8, 2, tzinfo=UTC), "place": f"{mark}村口", "kind": "home",
        "people": f"{mark}老师", "said": f"{mark}想去打工", "result": "wavering", "photos": 1, "made_by": f"{mark}责任人",
    }  # fmt: skip
    made, new = Visit.objects.get_or_create(case=child_case(side), number=1, defaults=given)
    if new:
        upload = SimpleUploadedFile(f"{mark}照片.jpg", b"\xff\xd8\xff" + b"0" * 40)
        files.attach(made, upload, what="photo", path=side.primary.path)
    return made


def followed_case(side: Side) -> DropoutCase:
    """With a team, a visit, a measure, and an approved leave that has ended."""
    mark, row = CANARY[side.code], child_case(side)
    team_member(side)
    visit(side)
    deferral(side)
    done = {"done_on": DAY, "done_by": f"{mark}监察队", "text": f"{mark}检查", "workplace": f"{mark}餐馆", "made_by": "甲"}
    Measure.objects.get_or_create(case=row, kind="labour", defaults=done)
    return row


def deferral(side: Side) -> Deferral:
    child, mark = side.students[1], CANARY[side.code]
    given = {
        "kind": "leave", "until_on": DAY, "reason": f"{mark}病休", "approved_by": f"{mark}教育局", "approved_on": DAY,
        "home_path": child.person.home_path, "school_path": child.person.school_path, "made_by": f"{mark}主任",
    }  # fmt: skip
    made, new = Deferral.objects.get_or_create(student=child, from_on=date(2018, 9, 3), defaults=given)
    if new:
        upload = SimpleUploadedFile(f"{mark}批准.jpg", b"\xff\xd8\xff" + b"0" * 40)
        files.attach(made, upload, what="deferral", path=made.home_path)
    return made
