"""办理经过: everything that happened to a child's applications, notices, level and aid, in plain words, newest first.

Read through the scoped managers: what the other side wrote down stays with the other side."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db.models import Min
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from aidcases import audit
from aidcases.models import AuditEvent
from aidcases.templatetags.aid import money
from aidcases.terms import Term
from aidcases.wording import action_label, told
from students.models import Student
from subsidies.models import Application, Approval, Determination, EntitlementChange, Letter, NoticeLine, Objection
from subsidies.models.applications import ApplicationState
from subsidies.models.notices import ObjectionState

MOST = 60
# Steps that are told by what they are about: the notice itself, the determination.
_ELSEWHERE = ("application.announce", "application.close_notice", "application.created")
_TONES = {"application.approve": "good", "application.reject": "bad", "application.cancel": "bad"}

Told = dict[str, Any]


def events(student: Student) -> list[Told]:
    """.on (date) .title .by .text .tone and, where there is a page, .url; nine queries however many."""
    pks = list(Application.objects.filter(student=student).values_list("pk", flat=True))
    found = [
        *_steps(pks), *_notices(pks), *_objections(pks), *_letters(pks), *_determined(student), *_aid(student),
    ]  # fmt: skip
    return sorted(found, key=lambda event: event["on"], reverse=True)[:MOST]


def panel(_request: HttpRequest, student: Student) -> dict[str, Any] | None:
    """On the student's page; nothing where nothing was ever begun."""
    found = events(student)
    return {"events": found, "student": student} if found else None


def _event(on: date, title: str, *, by: str = "", text: str = "", tone: str = "", url: str = "") -> Told:
    event = {"on": on, "title": title, "by": by, "text": text, "tone": tone}
    return event | ({"url": url} if url else {})


def _steps(pks: list[int]) -> Iterator[Told]:
    rows = AuditEvent.objects.filter(subject_type="subsidies.application", subject_id__in=pks)
    for row in rows.filter(action__startswith="application.").exclude(action__in=_ELSEWHERE).order_by("-at")[:MOST]:
        back = row.action.startswith("application.return")
        tone = "warn" if back else _TONES.get(row.action, "")
        yield _event(audit.day_of(row), action_label(row.action), by=row.actor, text=told(row), tone=tone)


def _notices(pks: list[int]) -> Iterator[Told]:
    lines = NoticeLine.objects.filter(application__in=pks, notice__published_on__isnull=False)
    for line in lines.select_related("notice").defer("notice__page"):
        notice, url = line.notice, reverse("notice_detail", args=[line.notice_id])
        last = timezone.localtime(notice.ends_at).date()
        state = f"{notice.get_state_display()}，这一行{line.get_state_display()}"
        yield _event(notice.published_on, "列入公示", by=notice.published_by, text=f"{notice.title}（{state}）", url=url)
        if notice.state not in ("published", "recalled"):
            yield _event(last, "公示期满", text=notice.title, url=url)


def _objections(pks: list[int]) -> Iterator[Told]:
    rows = Objection.objects.filter(line__application__in=pks).defer("contact", "text", "notice")
    for row in rows:
        url = reverse("objection_detail", args=[row.pk])
        yield _event(timezone.localtime(row.received_at).date(), "收到异议", tone="warn", url=url)
        if row.answered_at and row.state in (ObjectionState.ANSWERED, ObjectionState.CLOSED):
            day = timezone.localtime(row.answered_at).date()
            yield _event(day, f"异议已答复：{row.get_finding_display()}", by=row.answered_by, url=url)


def _letters(pks: list[int]) -> Iterator[Told]:
    for row in Letter.objects.filter(application__in=pks).defer("contact"):
        url = reverse("letter_detail", args=[row.pk])
        yield _event(row.received_on, f"{row.get_kind_display()}：{row.subject}", by=row.owner, url=url)
        if row.answered_on:
            found = {True: "，申诉成立，重新认定", False: "，申诉不成立", None: ""}[row.upheld]
            yield _event(row.answered_on, f"已答复：{row.subject}{found}", by=row.answered_by, url=url)


def _determined(student: Student) -> Iterator[Told]:
    """The day of the document or of cancelling, else (lists matched by data) the first day of the term it counts from."""
    rows = list(Determination.objects.filter(student=student))
    days = dict(
        Approval._base_manager.filter(applications__student=student, approves=True).values_list("number")
        .annotate(day=Min("decided_on")).values_list("number", "day")
    )  # fmt: skip
    gone = Application.objects.filter(student=student, state=ApplicationState.CANCELLED)
    cancelled = {term: timezone.localtime(at).date() for term, at in gone.values_list("term", "moved_at")}
    for row in rows:
        term = Term.parse(row.term)
        day = days.get(row.basis) or cancelled.get(row.term, term.first_day)
        title = f"{term.label}认定为“{row.get_level_display()}”"
        tone = "" if row.level == "none" else "good"
        yield _event(day, title, by=row.get_source_display(), text=row.basis, tone=tone)


def _aid(student: Student) -> Iterator[Told]:
    rows = EntitlementChange.objects.filter(student=student, run__finished_at__isnull=False)
    for row in rows.select_related("benefit", "run")[:MOST]:
        day, term = timezone.localtime(row.run.finished_at).date(), Term.parse(row.term).label
        was = money(row.old_amount) if row.old_amount is not None else "有资格"
        now = "不再享受" if row.withdrawn else (money(row.new_amount) if row.new_amount is not None else "有资格")
        yield _event(day, f"应享资助变动：{row.benefit.name}", by="测算", text=f"{term} {was} → {now}", tone="info")
