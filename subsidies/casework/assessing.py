"""What a meeting finds for each child: answers, score, level, rank, who leaves; closing it, and the second person.

Locks, always in this order: the meeting's row, the applications' rows by key, the school's seats (quota.lock)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import transaction
from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Count,
    DecimalField,
    Exists,
    F,
    Func,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Now

from aidcases import audit, sql
from aidcases.flow import Refused
from aidcases.scoping import Actor
from aidcases.terms import Term
from subsidies.casework import panel, quota
from subsidies.casework.applying import Outcome
from subsidies.casework.scoring import Index, Suggestion
from subsidies.enums import Level
from subsidies.models import Application, Assessment, Meeting, PanelMember
from subsidies.models.applications import ApplicationState

S = ApplicationState
OWN_WORK = "评审会议或评分由您录入，请本校另一人确认。"
CHANGED = "评审以后申请表改过，要重新评分"
AGAIN = "已确认过；退回的要另开会议重新评审"
# What a panel gave, taken off an application that goes back to it.
_UNDONE: dict[str, Any] = {"level": "", "score": None, "rank": None, "reviewed_by_id": None}
# Equal scores without an order of the panel: the lower income first, then whoever came first.
_RANKED = """
UPDATE subsidies_assessment a SET rank = ranked.n
FROM (
    SELECT one.id, row_number() OVER (
        PARTITION BY one.level
        ORDER BY one.score DESC, one.tie_order NULLS LAST, application.income_per_head NULLS LAST, one.application_id
    ) AS n
    FROM subsidies_assessment one JOIN subsidies_application application ON application.id = one.application_id
    WHERE one.meeting_id = %s
) ranked
WHERE a.id = ranked.id AND a.rank IS DISTINCT FROM ranked.n
"""


def given_by(meeting: Meeting) -> QuerySet[Assessment]:
    """What a meeting in sight gave. By its key alone: joined to applications for the scope, rows just written, of which
    nothing is counted yet, would be walked through once for every child."""
    return Assessment._base_manager.filter(meeting=meeting)


def of_school(meeting: Meeting) -> QuerySet[Application]:
    """The term's applications of the panel's school."""
    return Application.objects.in_term(Term.parse(meeting.panel.term)).filter(school=meeting.panel.school_id)


def _here(meeting: Meeting) -> Exists:
    return Exists(given_by(meeting).filter(application=OuterRef("pk")))


def waiting(meeting: Meeting) -> QuerySet[Application]:
    """Submitted, not yet looked at in this meeting."""
    return of_school(meeting).filter(~_here(meeting), state=S.SUBMITTED)


def looked_at(meeting: Meeting) -> QuerySet[Application]:
    return of_school(meeting).filter(_here(meeting))


def suggestions(index: Index, rows: QuerySet[Application]) -> dict[tuple[str, ...], Suggestion]:
    """ticked boxes → what they give alone, for every combination that occurs in the set. One query."""
    found = rows.order_by().values_list("boxes", flat=True).distinct()
    return {tuple(boxes): index.suggested(boxes) for boxes in found}


# --- looking at children -------------------------------------------------------------------------------------------


@transaction.atomic
def accept(meeting: Meeting, rows: QuerySet[Application], *, by: Actor) -> int:
    """Gives every waiting application of the set the level its boxes suggest. → how many. One INSERT however many."""
    held = panel.held_open(meeting)
    rows = waiting(held).filter(pk__in=rows.order_by().values("pk"))
    found = suggestions(Index.read(held.index), rows)
    if not found:
        return 0
    moved = sql.insert_from(
        Assessment, rows, application=F("pk"), meeting=Value(held.pk), form_version=F("version"),
        made_by_id=Value(by.user_id, BigIntegerField()), **_columns(found), **_blank(),
    )  # fmt: skip
    _leave(held)
    sql.run(_RANKED, [held.pk])
    audit.record("meeting.accepted", subject=held, path=held.panel.path, rows=moved)
    return moved


def _columns(found: dict[tuple[str, ...], Suggestion]) -> dict[str, Any]:
    codes, label = ArrayField(CharField()), CharField()
    score = DecimalField(max_digits=6, decimal_places=2)

    def by_boxes(value: Any, kind: Any) -> Case:
        whens = [When(boxes=list(boxes), then=Value(value(s), output_field=kind)) for boxes, s in found.items()]
        return Case(*whens, output_field=kind)

    level = by_boxes(lambda s: str(s.level), label)
    return {
        "answers": by_boxes(lambda s: s.answers, codes),
        "score": by_boxes(lambda s: s.score, score),
        "suggested": level,
        "level": level,
    }


def _blank() -> dict[str, Any]:
    return {"tie": Value(""), "why": Value(""), "away": Value([], output_field=ArrayField(CharField()))}


@transaction.atomic
def assess(
    meeting: Meeting, application: Application, *, answers: Collection[str], level: str, why: str = "",
    away: Iterable[str] = (), seen_version: int, by: Actor,
) -> Assessment:  # fmt: skip
    """One child. `level` "": the suggested one. `away`: members who leave besides its own parents; `seen_version`: of
    the form they looked at.
    Raises Refused: closed, form changed, contradicting answers, another level without a reason, not submitted."""
    held = panel.held_open(meeting)
    row = of_school(held).select_for_update(of=("self",)).filter(pk=application.pk).first()
    if row is None or row.state != S.SUBMITTED:
        raise Refused("这份申请现在不在待评审状态，请刷新页面再看。")
    if row.version != seen_version:
        raise Refused("申请表刚刚改过，请重新看过再评分。")
    index = Index.read(held.index)
    if wrong := index.problems(answers):
        raise Refused(*wrong)
    score = index.score(answers)
    suggested = index.suggest(score, row.boxes)
    level = level or suggested
    if level not in Level.values:
        raise Refused("没有这个等级，请重新选择。")
    if level != suggested and not why.strip():
        raise Refused(f"按分数建议“{suggested.label}”，定为“{Level(level).label}”要写明理由。")
    before = Assessment.objects.filter(meeting=held, application=row).first()
    made = before or Assessment(meeting=held, application=row)
    if before is None or (before.score, before.level) != (score, level):
        made.tie_order, made.tie = None, ""  # it stands among others now
    made.answers = [item.code for item in index.items if item.code in answers]
    made.score, made.suggested, made.level = score, suggested, level
    made.why = why.strip()[:200] if level != suggested else ""
    made.away, made.form_version, made.made_by_id = sorted(set(away)), row.version, by.user_id
    made.confirmed_at = None
    made.save()
    _leave(held)
    sql.run(_RANKED, [held.pk])
    made.refresh_from_db()
    return made


@transaction.atomic
def drop(assessment: Assessment) -> None:
    """The meeting does not decide on this child after all. Raises Refused."""
    held = panel.held_open(assessment.meeting)
    if Assessment.objects.filter(pk=assessment.pk).exclude(confirmed_at=None).exists():
        raise Refused("已经确认的评审不能删除。")
    assessment.delete()
    sql.run(_RANKED, [held.pk])


def _leave(held: Meeting) -> None:
    """A member's own child: the member is away."""
    members = PanelMember.objects.filter(panel=held.panel_id, children__isnull=False).distinct()
    for member in members:
        own = Assessment.objects.filter(meeting=held, application__student__in=member.children.values("pk"))
        own.exclude(away__contains=[member.name]).update(away=Func(F("away"), Value(member.name), function="array_append"))


@transaction.atomic
def put_before(assessment: Assessment, *, why: str) -> None:
    """One place up among those of the same level and score, with the panel's reason. Raises Refused."""
    panel.held_open(assessment.meeting)
    if not why.strip():
        raise Refused("请写明同分排在前面的理由。")
    row = Assessment.objects.get(pk=assessment.pk)
    same = Assessment.objects.filter(meeting=row.meeting_id, level=row.level, score=row.score)
    order = list(same.order_by("rank").values_list("pk", flat=True))
    place = order.index(row.pk)
    if place == 0:
        raise Refused("前面没有同等级、同分的学生。")
    order[place - 1 : place + 1] = [row.pk, order[place - 1]]
    positions = Case(*[When(pk=pk, then=n) for n, pk in enumerate(order, 1)])
    same.update(tie_order=positions)
    Assessment.objects.filter(pk=row.pk).update(tie=why.strip()[:100])
    sql.run(_RANKED, [row.meeting_id])


# --- closing and confirming ----------------------------------------------------------------------------------------


def planned(meeting: Meeting) -> Counter[str]:
    """level → what the meeting gives and nobody has confirmed yet."""
    rows = given_by(meeting).filter(confirmed_at=None, application__state=S.SUBMITTED).order_by()
    return Counter(dict(rows.values_list("level").annotate(n=Count("pk"))))


def against_closing(meeting: Meeting, *, now: datetime) -> list[str]:
    """Why the meeting can't be closed yet, in words."""
    found = panel.against_closing(meeting, now=now)
    rows = given_by(meeting)
    if not rows.exists():
        found.append("还没有评审任何一份申请。")
    found += _too_few(meeting, rows)
    school, given = meeting.panel.school, planned(meeting)
    found += [seats.refusal() for seats in quota.headroom(school, meeting.panel.term, given) if seats.over]
    if stale := rows.exclude(form_version=F("application__version")).count():
        found.append(f"{stale} 份申请{CHANGED}。")
    return found


def _too_few(meeting: Meeting, rows: QuerySet[Assessment]) -> list[str]:
    """Children for whom too many leave."""
    members = {member.name for member in meeting.panel.members.all()}
    there, all_there = {member.name for member in meeting.present.all()}, panel.quorum(meeting)
    found = []
    groups = rows.exclude(away=[]).order_by("away").values_list("away").annotate(n=Count("pk"))
    for away, n in groups:
        left = all_there.without(len(members & set(away)), len(there & set(away)))
        if not left.there:
            names = "、".join(away)
            found.append(f"{names}回避后到会 {left.present} 人，不够 {left.needed} 人，{n} 名学生不能在这次会上评审。")
    return found


@transaction.atomic
def close(meeting: Meeting, *, now: datetime) -> None:
    """The record is final; the second person may confirm. Raises Refused with everything that is missing."""
    held = panel.held_open(meeting)
    _leave(held)
    if wrong := against_closing(held, now=now):
        raise Refused(*wrong)
    Meeting.objects.filter(pk=held.pk).update(closed_at=now)
    audit.record("meeting.closed", subject=held, path=held.panel.path)


@transaction.atomic
def reopen(meeting: Meeting) -> None:
    """Before anything was confirmed. Raises Refused."""
    held = _held(meeting)
    if held.assessments.exclude(confirmed_at=None).exists():
        raise Refused("评审已经确认，不能取消定稿；要改请确认人先收回评审。")
    Meeting.objects.filter(pk=held.pk).update(closed_at=None)
    audit.record("meeting.reopened", subject=held, path=held.panel.path)


def _held(meeting: Meeting) -> Meeting:
    return Meeting.objects.select_for_update(of=("self",)).select_related("panel__school", "index").get(pk=meeting.pk)


def against_confirming(meeting: Meeting, *, by: Actor) -> list[str]:
    if meeting.closed_at is None:
        return ["会议还没有定稿。"]
    makers = set(meeting.assessments.order_by().values_list("made_by_id", flat=True).distinct()) | {meeting.made_by_id}
    return [OWN_WORK] if by.user_id is not None and by.user_id in makers else []


@transaction.atomic
def confirm(meeting: Meeting, *, by: Actor) -> Outcome:
    """Passes everything the closed meeting found, in one UPDATE; what stayed and why is told. Raises Refused: not
    closed, own work, more than there are seats (nothing moves then)."""
    held = _held(meeting)
    if wrong := against_confirming(held, by=by):
        raise Refused(*wrong)
    rows = looked_at(held)
    pks = list(rows.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    rows = Application.objects.filter(pk__in=rows.order_by().values("pk"))
    quota.lock(held.panel.school, held.panel.term)
    mine = given_by(held).filter(application=OuterRef("pk"))
    ready = rows.filter(
        Exists(mine.filter(confirmed_at=None, form_version=OuterRef("version"))), state=S.SUBMITTED
    )  # fmt: skip
    stayed = _stayed(held, rows)
    quota.must_fit(held.panel.school, held.panel.term, _levels(held, ready))
    going = list(ready.order_by().values_list("pk", flat=True))
    moved = ready.move(
        "review", by=by, level=_given(mine, "level"), score=_given(mine, "score"), rank=_given(mine, "rank"),
        reviewed_by_id=by.user_id, moved_at=Now(),
    )  # fmt: skip
    given_by(held).filter(application__in=going).update(confirmed_at=Now())
    audit.record("meeting.confirmed", subject=held, path=held.panel.path, rows=moved, of=len(pks))
    return Outcome(moved, stayed)


def _given(mine: QuerySet[Assessment], name: str) -> Subquery:
    return Subquery(mine.values(name)[:1])


def _levels(held: Meeting, ready: QuerySet[Application]) -> Counter[str]:
    rows = given_by(held).filter(application__in=ready.order_by().values("pk")).order_by()
    return Counter(dict(rows.values_list("level").annotate(n=Count("pk"))))


def _stayed(held: Meeting, rows: QuerySet[Application]) -> Counter[str]:
    stayed = rows.unmoved("review")
    given = given_by(held).filter(application__in=rows.filter(state=S.SUBMITTED).values("pk"))
    if stale := given.filter(confirmed_at=None).exclude(form_version=F("application__version")).count():
        stayed[CHANGED] = stale
    if again := given.exclude(confirmed_at=None).count():
        stayed[AGAIN] = again
    return stayed


@transaction.atomic
def take_back(meeting: Meeting, *, by: Actor) -> Outcome:
    """What this meeting passed goes back to it, unless a notice has it; the seats are free again, the meeting open."""
    held = _held(meeting)
    later = Assessment.objects.filter(application=OuterRef("application"), confirmed_at__gt=OuterRef("confirmed_at"))
    passed = Assessment.objects.filter(meeting=held).exclude(confirmed_at=None).filter(~Exists(later))
    rows = Application.objects.filter(pk__in=passed.values("application"))
    list(rows.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    stayed = rows.unmoved("take_back_review")
    going = list(rows.filter(state=S.PANEL_REVIEWED).order_by().values_list("pk", flat=True))
    moved = Application.objects.keyed(going).move("take_back_review", by=by, moved_at=Now(), **_UNDONE)
    if moved:
        given_by(held).filter(application__in=going).update(confirmed_at=None)
        Meeting.objects.filter(pk=held.pk).update(closed_at=None)
        audit.record("meeting.taken_back", subject=held, path=held.panel.path, rows=moved)
    return Outcome(moved, stayed)
