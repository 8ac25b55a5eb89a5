"""The minutes of a panel's meeting on paper (subsidies/minutes.typ): names and levels, never a number of anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.utils import timezone

from aidcases import audit, crypto
from aidcases.paper import Printed, print_pdf
from aidcases.terms import Term
from subsidies.casework import assessing, meetinglist, panel
from subsidies.enums import Level
from subsidies.models import Assessment, Meeting, Quota

TEMPLATE = Path(__file__).parent.parent / "minutes.typ"


def print_minutes(meeting: Meeting) -> Printed:
    """Attendance, what was said, the list with scores and levels, who left for whom, lines to sign. Raises Refused."""
    members = list(meeting.panel.members.all())
    there = {member.pk for member in meeting.present.all()}
    count = panel.Quorum(len(there), len(members))
    lines = _lines(meeting)
    data = {
        "school": meeting.panel.school.name,
        "term": Term.parse(meeting.panel.term).label,
        "held": f"{timezone.localtime(meeting.held_at):%Y-%m-%d %H:%M}",
        "place": meeting.place, "chair": meeting.chair, "recorder": meeting.recorder,
        "index": str(meeting.index), "closed": meeting.closed_at is not None,
        "members": [
            {"name": m.name, "kind": m.get_kind_display(), "unit": m.unit, "there": m.pk in there} for m in members
        ],
        "present": count.present, "all": count.members, "needed": count.needed,
        "minutes": [crypto.mask_numbers(line) for line in meeting.minutes.splitlines() if line.strip()],
        "totals": _totals(meeting, lines),
        "lines": lines,
        "away": [{"name": line["name"], "place": line["place"], "who": line["away"]} for line in lines if line["away"]],
    }  # fmt: skip
    audit.record("meeting.printed", subject=meeting, path=meeting.panel.path)
    return print_pdf(TEMPLATE, data)


def _lines(meeting: Meeting) -> list[dict[str, Any]]:
    """Every child by level and rank. Two queries."""
    rows = Assessment.objects.filter(meeting=meeting).select_related("application__student__person")
    rows = rows.defer(
        "application__phone", "application__parent_phone", "application__student__roll_number",
        "application__student__person__id_number",
    )  # fmt: skip
    placed = meetinglist.placed(assessing.looked_at(meeting), meeting).only("pk", "student")
    places = {row.pk: meetinglist.place_label(row) for row in placed}
    order = {level: n for n, level in enumerate(Level)}
    return [
        {
            "level": a.get_level_display(), "rank": str(a.rank or ""), "name": a.application.student.person.name,
            "place": places.get(a.application_id, ""), "score": f"{a.score.normalize():f}", "tie": a.tie, "why": a.why,
            "suggested": a.get_suggested_display() if a.level != a.suggested else "", "away": "、".join(a.away),
        }
        for a in sorted(rows, key=lambda a: (order[Level(a.level)], a.rank or 0, a.pk))
    ]  # fmt: skip


def _totals(meeting: Meeting, lines: list[dict[str, Any]]) -> list[dict[str, str]]:
    seats = dict(
        Quota.objects.filter(school=meeting.panel.school_id, term=meeting.panel.term).values_list("level", "seats")
    )
    return [
        {
            "level": level.label,
            "n": str(sum(line["level"] == level.label for line in lines)),
            "seats": str(seats[level]) if level in seats else "",
        }
        for level in Level
    ]
