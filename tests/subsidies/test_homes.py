"""When the registers move a home to the next county, what the home side keeps goes along: they see it, we no longer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from aidcases.models import AuditEvent
from aidcases.scoping import acting_in
from students.models import Household, Person
from students.models.students import Enrolment
from subsidies.homes import homes_follow
from subsidies.models import FollowUp, HouseholdPlan, PlanChild, PlanMeasure, Trainee
from tests.personas import As, World
from tests.subsidies import plan_traces
from tests.vocational import traces


def seen(world: World, persona: str, student: int) -> dict[str, int]:
    """What a persona sees of a child and of their household."""
    membership = world[persona].memberships.select_related("organisation", "user").get()
    with acting_in(membership.organisation.scope, membership.actor):
        household = HouseholdPlan.objects.filter(children__student=student).count()
        rows = {model.__name__: model.objects.filter(student=student).count() for model in (PlanChild, Trainee, FollowUp)}
        return {**rows, "HouseholdPlan": household, "PlanMeasure": PlanMeasure.objects.filter(student=None).count()}


def test_what_the_home_keeps_goes_with_the_home(
    county: World, as_: As, settings: Any, tmp_path: Path, django_assert_max_num_queries: CaptureQueriesContext
) -> None:
    settings.FILES = tmp_path
    here, there = county.here, county.there
    child, crossing = here.students[0], county.crossing
    plan, line, call = plan_traces.plan(here), traces.trainee(here), traces.call(here)
    Trainee.objects.filter(pk=line.pk).update(school_path=there.primary.path, school=there.primary)
    FollowUp.objects.filter(pk=call.pk).update(school_path=there.primary.path)
    record = plan_traces.record(county)  # of the child at home there
    now = timezone.now()
    still = {"plans_moved": 0, "trainees_moved": 0, "calls_moved": 0, "away_moved": 0}
    assert homes_follow(now) == still
    assert seen(county, "maker", child.pk) == {
        "PlanChild": 1, "Trainee": 1, "FollowUp": 1, "HouseholdPlan": 1, "PlanMeasure": 1,
    }  # fmt: skip

    moved, back = "/62/6201/620121/620121100/620121100001/", "/62/6201/620123/620123100/620123100201/"
    Household.objects.filter(pk=plan.household_id).update(path=moved, region_id="620121100001")
    Person.objects.filter(pk=child.pk).update(home_path=moved, school_path=there.primary.path)
    for who, path in ((child, moved), (crossing, back)):
        Person.objects.filter(pk=who.pk).update(home_path=path)
        Enrolment.objects.filter(student=who).update(home_path=path)
    with django_assert_max_num_queries(6):
        assert homes_follow(now) == {"plans_moved": 1, "trainees_moved": 1, "calls_moved": 1, "away_moved": 1}
    assert homes_follow(now) == still
    assert set(seen(county, "maker", child.pk).values()) == {0}
    assert seen(county, "other_maker", child.pk) == {
        "PlanChild": 1, "Trainee": 1, "FollowUp": 1, "HouseholdPlan": 1, "PlanMeasure": 1,
    }  # fmt: skip
    assert as_("maker").get(reverse("plan_detail", args=[plan.pk])).status_code == 404
    assert as_("other_maker").get(reverse("plan_detail", args=[plan.pk])).status_code == 200
    line.refresh_from_db()
    assert (line.home_path, line.phone_path) == (moved, here.office.path)  # the telephone stays whose it was
    told = AuditEvent.objects.filter(action__endswith=".moved_home").values_list("action", "subject_id", "path")
    assert set(told) == {
        ("householdplan.moved_home", plan.pk, moved), ("trainee.moved_home", line.pk, moved),
        ("followup.moved_home", call.pk, moved),
    }  # fmt: skip

    proof = reverse("away_proof", args=[record.pk])
    paper = as_("maker").get(proof)  # it goes along with the record
    assert (paper.status_code, len(b"".join(paper.streaming_content))) == (200, 43)
    assert as_("other_maker").get(proof).status_code == 404
    record.refresh_from_db()
    assert record.home_path == back

    # What is over stays with whoever did it.
    HouseholdPlan.objects.filter(pk=plan.pk).update(
        state="closed", effect="x", result="solved", reviewed_by="甲", reviewed_on=now, path=back
    )
    Trainee.objects.filter(pk=line.pk).update(state="struck", home_path=back)
    FollowUp.objects.filter(pk=call.pk).update(state="void", home_path=back)
    assert homes_follow(now) == still
