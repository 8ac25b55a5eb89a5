"""A county's care and what the public told it, in words of its own. Made once for a county: asked for again, the same."""

from __future__ import annotations

from datetime import date

from dropout.models import ActivityRoom, CareFile, CareVisit, FamilyRequest, Supervisor, SurveyAnswer, Tip
from tests.personas import CANARY, Side, World

DAY = date(2018, 10, 8)


def file(side: Side) -> CareFile:
    child, mark = side.students[0], CANARY[side.code]
    given = {
        "home_path": child.person.home_path, "school_path": child.person.school_path, "father_at": f"{mark}工地",
        "guardian": f"{mark}祖母", "phone": "13700009999", "helper": f"{mark}帮扶人", "note": f"{mark}备注",
        "disability": f"{mark}听力残疾", "from_on": DAY, "made_by": f"{mark}登记员",
    }  # fmt: skip
    return CareFile.objects.get_or_create(student=child, kind="disabled", defaults=given)[0]


def crossing(world: World) -> CareFile:
    """Of the child at home there and at school here: each side's facts in words of the other county than its reader's."""
    child = world.crossing
    given = {
        "home_path": child.person.home_path, "school_path": child.person.school_path, "from_on": DAY, "made_by": "甲",
        "father_at": f"{CANARY[world.there.code]}工地", "helper": f"{CANARY[world.here.code]}帮扶人",
    }  # fmt: skip
    return CareFile.objects.get_or_create(student=child, kind="left_behind", defaults=given)[0]


def visit(side: Side) -> CareVisit:
    child, mark = side.students[0], CANARY[side.code]
    given = {
        "home_path": child.person.home_path, "school_path": child.person.school_path, "path": side.primary.path,
        "who": f"{mark}老师", "text": f"{mark}情况", "made_by": f"{mark}登记员",
    }  # fmt: skip
    return CareVisit.objects.get_or_create(student=child, visited_on=DAY, defaults=given)[0]


def request(side: Side) -> FamilyRequest:
    made, mark = visit(side), CANARY[side.code]
    given = {"home_path": made.home_path, "school_path": made.school_path, "owner": f"{mark}村委", "due_on": DAY}
    return FamilyRequest.objects.get_or_create(visit=made, text=f"{mark}书桌", defaults=given)[0]


def room(side: Side) -> ActivityRoom:
    mark = CANARY[side.code]
    given = {"path": side.primary.path, "keeper": f"{mark}老师", "from_on": DAY}
    return ActivityRoom.objects.get_or_create(school=side.primary, name=f"{mark}活动室", defaults=given)[0]


def supervisor(side: Side) -> Supervisor:
    """Name and duty are public; who appointed, and the person's own telephone, are not."""
    given = {"duty": "家长代表", "hotline": "0931-5221234", "phone": "13700008888", "from_on": DAY}
    given |= {"made_by": f"{CANARY[side.code]}登记员"}
    return Supervisor.objects.get_or_create(path=side.office.path, name="赵代表", defaults=given)[0]


def tip(side: Side) -> Tip:
    mark = CANARY[side.code]
    given = {
        "text": f"{mark}孩子没上学", "contact": "13700007777", "received_on": DAY, "due_on": DAY, "owner": f"{mark}主任",
        "told": f"{mark}查办", "path": side.office.path,
    }  # fmt: skip
    SurveyAnswer.objects.get_or_create(path=side.office.path, year=2018, who="parent", score=5, wish="aid", answered_on=DAY)
    return Tip.objects.get_or_create(ticket=f"TCKET{side.code[-5:]}", defaults=given)[0]
