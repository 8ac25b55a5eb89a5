"""A case's history in order: every move with its reason, visits, measures, legal steps, placements, over all rounds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.utils import timezone

from aidcases import audit
from aidcases.models import AuditEvent
from aidcases.wording import action_label
from dropout.models import DropoutCase, LegalStep, Measure, Placement

TONES = {
    "dropoutcase.confirm": "bad", "dropoutcase.relapse": "bad", "dropoutcase.go_to_law": "warn",
    "dropoutcase.close_unproven": "warn", "dropoutcase.reopen": "warn", "dropoutcase.opened": "warn",
    "dropoutcase.bring_back": "good", "dropoutcase.close": "good", "dropoutcase.acquit": "good", "dropoutcase.watch": "info",
}  # fmt: skip

Told = dict[str, Any]


def events(case: DropoutCase, visits: list[dict[str, Any]]) -> list[Told]:
    """.on (date) .title .text .by .tone, newest first. `visits` as dropout.visits.of gives them; four queries more."""
    found = [*_moves(case), *_visits(visits), *_law(case), *_placed(case), *_measures(case)]
    return sorted(found, key=lambda event: event["at"], reverse=True)


def _event(at: Any, title: str, *, by: str = "", text: str = "", tone: str = "", day: date | None = None) -> Told:
    """Within a day what has only a date comes before the moves that followed from it. `day`: the one a step says of itself,
    where it was written down later."""
    timed = hasattr(at, "hour")
    day = day or (timezone.localtime(at).date() if timed else at)
    moment = f"{day.isoformat()}T{timezone.localtime(at).time().isoformat() if timed else '00:00'}"
    return {"on": day, "at": moment, "title": title, "by": by, "text": text, "tone": tone}


def _moves(case: DropoutCase) -> Iterator[Told]:
    # Of a case in sight, whichever side made the step: the reasons are written for both.
    rows = AuditEvent._base_manager.filter(subject_type=DropoutCase._meta.label_lower, subject_id=case.pk)
    for row in (
        rows.filter(action__startswith="dropoutcase.").exclude(action="dropoutcase.measure").order_by("-at", "-pk")
    ):
        tone = TONES.get(row.action, "")
        yield _event(row.at, action_label(row.action), by=row.actor, text=row.note, tone=tone, day=audit.day_of(row))


def _visits(visits: list[dict[str, Any]]) -> Iterator[Told]:
    for each in visits:
        visit = each["visit"]
        text = f"{visit.place}，{visit.get_result_display()}" + (
            f"；下一步：{visit.next_step}" if visit.next_step else ""
        )
        title = f"{visit}（{visit.get_kind_display()}{'，劝返' if visit.persuading else ''}）"
        yield _event(visit.visited_at, title, by=visit.made_by, text=text, tone="info")


def _law(case: DropoutCase) -> Iterator[Told]:
    for step in LegalStep.objects.filter(case=case):
        text = "，".join(filter(None, [step.number, step.issuer, step.outcome]))
        yield _event(step.issued_on, step.get_step_display(), by=step.made_by, text=text, tone="warn")
        if step.served_on:
            yield _event(
                step.served_on, "文书送达", by=step.served_by, text=f"{step.number}，{step.get_served_how_display()}"
            )


def _placed(case: DropoutCase) -> Iterator[Told]:
    for placement in Placement.objects.filter(case=case).select_related("school"):
        text = f"{placement.school.name} {placement.class_name}".strip()
        yield _event(
            placement.from_on, f"安置：{placement.get_kind_display()}", by=placement.made_by, text=text, tone="good"
        )


def _measures(case: DropoutCase) -> Iterator[Told]:
    for each in Measure.objects.filter(case=case):
        text = "；".join(filter(None, [each.workplace, each.text, each.effect]))
        yield _event(each.done_on, each.get_kind_display(), by=each.done_by, text=text, tone="info")
