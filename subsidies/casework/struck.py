"""Lines of notices whose applications families take back: struck at once, whoever published them."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from aidcases.scoping import EVERYWHERE, acting_in, current_actor
from subsidies.casework import notices
from subsidies.models import Application, NoticeLine, PublicNotice
from subsidies.models.notices import LineState, NoticeState


def hold(rows: QuerySet[Application]) -> None:
    """Locks the notices on which the applications stand, whoever publishes them; before the applications themselves."""
    lines_of = NoticeLine.objects.filter(application__in=list(rows.order_by().values_list("pk", flat=True)))
    with acting_in(EVERYWHERE, current_actor()):
        held = PublicNotice.objects.filter(pk__in=lines_of.order_by().values("notice")).order_by("pk")
        list(held.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))


def strike_withdrawn(applications: Iterable[int]) -> None:
    """Families took their applications back: from now on the lines say so and name nobody, on the page and in the
    archive. The notices are held; whoever published them, it is the applicant's own decision."""
    with acting_in(EVERYWHERE, current_actor()):
        lines = NoticeLine.objects.filter(
            application__in=applications, state__in=(LineState.STANDING, LineState.PAUSED),
            notice__state__in=(NoticeState.PUBLISHED, NoticeState.OVER),
        )  # fmt: skip
        touched = list(lines.order_by().values_list("notice", flat=True).distinct())
        lines.update(state=LineState.WITHDRAWN)
        running = PublicNotice.objects.running().filter(pk__in=touched).select_related("office").order_by("pk")
        for notice in running:
            notices.refresh_page(notice)
