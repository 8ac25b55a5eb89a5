"""The home page's card of a school's panel: what is next between the submitted form and the county."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Exists, OuterRef, Q
from django.http import HttpRequest

from aidcases.roles import P
from aidcases.web import chosen_term
from subsidies.casework.classlist import in_a_school
from subsidies.casework.noticelists import RECOGNISED
from subsidies.models import Application, Assessment, Meeting
from subsidies.models.applications import ApplicationState


def panel_card(request: HttpRequest) -> dict[str, Any] | None:
    """For those of a school who run the panel or confirm what it found; two queries."""
    may = {"run": request.actor.may(P.PANEL_RUN), "confirm": request.actor.may(P.PANEL_CONFIRM)}
    if not (in_a_school() and any(may.values())):
        return None
    term = chosen_term(request)
    counts = Application.objects.in_term(term).aggregate(
        submitted=Count("pk", filter=Q(state=ApplicationState.SUBMITTED)),
        reviewed=Count("pk", filter=Q(state=ApplicationState.PANEL_REVIEWED, level__in=RECOGNISED)),
        closed=Count("pk", filter=Q(state=ApplicationState.NOTICE_CLOSED)),
    )
    unconfirmed = Assessment.objects.filter(meeting=OuterRef("pk"), confirmed_at=None)
    meetings = Meeting.objects.filter(panel__term=term.code).aggregate(
        to_close=Count("pk", filter=Q(closed_at=None)),
        to_confirm=Count("pk", filter=Q(Exists(unconfirmed), closed_at__isnull=False)),
    )
    return {"term": term, "may": may, **counts, **meetings}
