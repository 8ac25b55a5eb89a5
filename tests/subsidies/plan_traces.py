"""A county's plan of a household and what it found out of a child far away, in words of its own. Made once for a county:
asked for again, the same."""

from __future__ import annotations

from datetime import date

from django.core.files.uploadedfile import SimpleUploadedFile

from aidcases import files
from students.models import Enrolment, Household
from subsidies.models import HouseholdPlan, PlanChild, PlanMeasure, StudyAway
from subsidies.plans import away
from tests.personas import CANARY, Side, World

DAY = date(2018, 10, 8)


def plan(side: Side) -> HouseholdPlan:
    child, mark = side.students[0], CANARY[side.code]
    home = Household.objects.get(members__person=child.person)
    given = {
        "path": home.path,
        "owner": f"{mark}书记",
        "cause": "因学",
        "planned": 2,
        "undone": 2,
        "made_by": f"{mark}办事员",
    }
    made, new = HouseholdPlan.objects.get_or_create(household=home, year=2018, defaults=given)
    if new:
        PlanChild(plan=made, student=child, year=2018, fees=100, board=1200, travel=50).save()
        told = {"plan": made, "due_on": DAY, "made_by": f"{mark}办事员"}
        PlanMeasure(kind="work", what=f"{mark}还账", owner="甲", **told).save()
        PlanMeasure(kind="tutoring", what=f"{mark}课业", owner="甲", student=child, **told).save()
    return made


def measure(side: Side) -> PlanMeasure:
    return plan(side).measures.get(student=None)


def record(world: World) -> StudyAway:
    """Of the child at home there and at school here: the home's alone."""
    child, mark = world.crossing, CANARY[world.there.code]
    given = {"home_path": child.person.home_path, "note": f"{mark}去信", "made_by": f"{mark}办事员"}
    made, new = StudyAway.objects.get_or_create(student=child, term=world.term.code, defaults=given)
    if new:
        upload = SimpleUploadedFile("1.jpg", b"\xff\xd8\xff" + b"0" * 40)
        files.attach(made, upload, what=away.PROOF, path=made.home_path)
    return made


def enrolment(world: World) -> Enrolment:
    record(world)
    return Enrolment.objects.get(student=world.crossing, term=world.term.code)
