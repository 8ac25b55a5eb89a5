"""What the home side keeps of a child or a household goes along when the registers move the home to another place."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from aidcases.models import StoredFile
from aidcases.scoping import current_actor
from aidcases.sql import update_recorded
from students.models import Enrolment, Household, Person
from subsidies.models import FollowUp, HouseholdPlan, StudyAway, Trainee
from subsidies.models.plans import PlanState
from subsidies.models.vocational import CallState, TraineeState

# Over: whoever did the work keeps it in the figures of its year.
TRAINED = (TraineeState.EMPLOYED, TraineeState.STUDYING_ON, TraineeState.STRUCK)


def homes_follow(_now: datetime) -> dict[str, int]:
    """Plans that are not closed go with their household; lines of 两后生 and calls that are not over, with the child; what is
    known of studying elsewhere, with the child's enrolment of the term. The place that is the home now answers for them;
    a telephone stays the office's that wrote it down."""
    household = Subquery(Household.objects.filter(pk=OuterRef("household")).values("path"))
    child = Subquery(Person.objects.filter(pk=OuterRef("student")).values("home_path"))
    of_term = Enrolment.objects.filter(student=OuterRef("student"), term=OuterRef("term"))  # one at most
    enrolled = Subquery(of_term.order_by().values("home_path"))
    plans = HouseholdPlan.objects.exclude(state=PlanState.CLOSED).exclude(path=household)
    trainees = Trainee.objects.exclude(state__in=TRAINED).exclude(home_path=child)
    calls = FollowUp.objects.filter(state=CallState.DUE).exclude(home_path=child)
    elsewhere = StudyAway.objects.filter(Exists(of_term)).exclude(home_path=enrolled)
    found = {
        "plans_moved": _moved(plans, "householdplan", {"path": household}),
        "trainees_moved": _moved(trainees, "trainee", {"home_path": child}),
        "calls_moved": _moved(calls, "followup", {"home_path": child}),
        "away_moved": elsewhere.update(home_path=enrolled),
    }
    record = Subquery(StudyAway.objects.filter(pk=OuterRef("subject_id")).values("home_path"))
    papers = StoredFile.objects.filter(subject_type=StudyAway._meta.label_lower).exclude(path=record)
    papers.update(path=record)
    return found


def _moved(rows: QuerySet, word: str, changes: dict[str, Any]) -> int:
    actor = current_actor()
    who = {"batch": uuid.uuid4(), "actor": actor.name, "user_id": actor.user_id}
    return update_recorded(rows, changes, {**who, "action": f"{word}.moved_home", "note": "家庭所在地变更"})
