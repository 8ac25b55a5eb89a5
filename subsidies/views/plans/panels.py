"""Parts of other pages: a child's line of its household's plan, what is known of who studies elsewhere, the household's plans."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from aidcases.roles import P
from aidcases.scoping import HOME, current_scope
from aidcases.web import chosen_term
from students.models import Household, Student
from subsidies.models import HouseholdPlan, PlanChild, PlanMeasure, StudyAway
from subsidies.plans import away, families
from subsidies.views.plans.plans import TONES


def of_student(request: HttpRequest, student: Student) -> dict[str, Any] | None:
    """On the student's page: the child's own costs and measures, for its school too; the household's plan and where it
    studies for its home alone."""
    term = chosen_term(request)
    line = families.lines(PlanChild.objects.filter(student=student, year=term.school_year), term.school_year).first()
    home = request.actor.may(P.HOUSEHOLD_VIEW) and current_scope().covers(student.person.home_path, HOME)
    far = away.away(term, away.TOWNSHIP).filter(student=student).defer("phone").first() if home else None
    if line is None and far is None:
        return None
    record = StudyAway.objects.filter(term=term.code, student=student).first() if far else None
    measures = PlanMeasure.objects.filter(student=student, plan__year=term.school_year) if line else []
    return {
        "line": line, "measures": list(measures), "home": home, "far": far, "record": record,
        "may_plan": request.actor.may(P.PLAN_WRITE), "year": f"{term.school_year}—{term.school_year + 1}学年",
    }  # fmt: skip


def of_household(request: HttpRequest, household: Household) -> dict[str, Any]:
    """On the household's page: its plans, and the button for this school year's."""
    term = chosen_term(request)
    plans = list(HouseholdPlan.objects.filter(household=household))
    missing = not any(plan.year == term.school_year for plan in plans)
    may_plan = missing and request.actor.may(P.PLAN_WRITE) and families.poor(term).filter(pk=household.pk).exists()
    return {"plans": [{"plan": plan, "tone": TONES[plan.state]} for plan in plans], "may_plan": may_plan, "term": term}
