"""A case's steps: each one move for one child or many, with what belongs to the new state, the next deadline, and the word
to those who pay (a child out of school has its aid suspended until it is back)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import DateField, F, QuerySet, Value
from django.db.models.functions import Now

from aidcases import audit, sql
from aidcases.flow import Refused
from aidcases.models import School
from aidcases.registry import registry
from aidcases.scoping import Actor, current_scope
from aidcases.terms import Term
from dropout import rounds, suspicions
from dropout.deadlines import Deadlines
from dropout.enums import Alarm, CaseState, Cause, FoundBy, LegalKind, Proof
from dropout.models import DropoutCase
from dropout.models.cases import OUT_OF_SCHOOL, WATCH_DAYS
from students.models import Enrolment, Student, Suspension

S = CaseState
RECHECK_SCHOOL_DAYS = 20  # after a close-out somebody looks again
LIVE = (S.SUSPECTED, S.VERIFYING, *OUT_OF_SCHOOL, S.RETURNED, S.PLACED, S.WATCHED)
OWN_WORK = "提出无佐证销号的人不能自己批准，请另一人办理。"
FASTER = "已被他人处理，请刷新后再看。"
ELSEWHERE = "这名学生已经有控辍案件，由案件的责任人办理。要参与请联系学校经办。"


@dataclass
class Outcome:
    """What a step did: `moved` cases, and reason → cases for those that stayed."""

    moved: int
    stayed: Counter[str] = field(default_factory=Counter)


def moved(rows: QuerySet[DropoutCase], name: str, *, by: Actor, today: date, note: str = "", **also: Any) -> Outcome:
    """One move of every case that may make it; the others keep their reasons. Raises Refused without the permission."""
    keys = list(rows.order_by("pk").values_list("pk", flat=True))
    held = DropoutCase.objects.filter(pk__in=keys)
    list(held.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    stayed = held.unmoved(name)
    target = DropoutCase.FLOW[name].target
    path = current_scope().path
    due = Deadlines.read(today, [path]).due(target, path, today)
    ready = list(held.filter(state__in=DropoutCase.FLOW[name].sources).filter(DropoutCase.FLOW[name].guards.hold))
    count = DropoutCase.objects.filter(pk__in=[case.pk for case in ready]).move(
        name, by=by, note=note, due_on=due, level=0, moved_on=today, **also
    )
    _tell_who_pays([case.pk for case in ready], target, by=by, today=also.get("left_on") or today)
    return Outcome(count, stayed)


def _one(case: DropoutCase, name: str, *, by: Actor, today: date, note: str = "", **also: Any) -> DropoutCase:
    """The same for one case: raises Refused with the reasons why it can't be done now."""
    rows = DropoutCase.objects.filter(pk=case.pk)
    if not moved(rows, name, by=by, today=today, note=note, **also).moved:
        raise Refused(*(case.blockers(name) or [FASTER]))
    case.refresh_from_db()
    return case


def _tell_who_pays(keys: list[int], target: str, *, by: Actor, today: date) -> None:
    """Out of school or not any more: the fact that entitlements rest on, where it says something else now; the terms it
    concerns are computed anew for these children alone."""
    out = target in OUT_OF_SCHOOL
    cases = DropoutCase.objects.filter(pk__in=keys).order_by()
    students = set(cases.values_list("student_id", flat=True))
    told = Suspension._base_manager.filter(student__in=students).order_by("pk")
    said = list(told.values_list("student_id", "active", "from_on"))
    known = {student: active for student, active, _ in said}  # of each child what was said last
    first = today if out else min([since for _, active, since in said if active] + [today])
    differs = [pk for pk in students if known.get(pk, False) != out]
    if not differs:
        return
    sql.insert_from(
        Suspension,
        cases.filter(student__in=differs),
        student=F("student_id"),
        active=Value(out),
        from_on=Value(today, DateField()),
        home_path=F("home_path"),
        school_path=F("school_path"),
        made_by=Value(by.name),
        made_at=Now(),
    )
    enrolled = Enrolment.objects.filter(student__in=differs).order_by().values_list("term", flat=True).distinct()
    for term in filter(lambda term: term.last_day >= first, map(Term.parse, enrolled)):
        for follow in registry.facts_changed:
            follow(term)


# --- opening -------------------------------------------------------------------------------------------------------


@transaction.atomic
def open_case(student: Student, *, found_by: str, term: Term, by: Actor, today: date, note: str = "") -> DropoutCase:
    """A case that no comparison found: at the door, by attendance, a warning, a tip. One that is over is opened anew;
    one that is open already is returned. Raises Refused: no reason; the child has a case that whoever acts does not see."""
    if not by.may("dropout.write"):
        raise Refused("您的角色不能登记疑似辍学。")
    if not note.strip():
        raise Refused("请写明怎么发现的。")
    sql.lock("dropout.open", student.pk)
    if DropoutCase._base_manager.filter(student=student).exclude(pk__in=DropoutCase.objects.values("pk")).exists():
        raise Refused(ELSEWHERE)
    path = current_scope().path
    due = Deadlines.read(today, [path]).due(S.SUSPECTED, path, today)
    if held := DropoutCase.objects.filter(student=student).first():
        if held.state in (S.FALSE_ALARM, S.CLOSED):
            rows = DropoutCase.objects.filter(pk=held.pk)
            suspicions.reopen(rows, term=term, today=today, due=due, note=note, found_by=found_by)
            held.refresh_from_db()
        return held
    last = Enrolment.objects.filter(student=student, term__lte=term.code).order_by("-term").defer("phone").first()
    made = DropoutCase(
        student=student, home_path=student.person.home_path, school_path=student.person.school_path, term=term.code,
        found_by=FoundBy(found_by), found_on=today, due_on=due, made_by=by.name, moved_on=today,
        **({"school": last.school, "stage": last.stage, "grade": last.grade, "class_name": last.class_name} if last else {}),
    )  # fmt: skip
    made.save()
    audit.record("dropoutcase.opened", subject=made, note=note)
    return made


# --- verifying -----------------------------------------------------------------------------------------------------


@transaction.atomic
def verify(rows: QuerySet[DropoutCase], *, by: Actor, today: date) -> Outcome:
    return moved(rows, "verify", by=by, today=today)


@transaction.atomic
def acquit(rows: QuerySet[DropoutCase], *, alarm: str, note: str, by: Actor, today: date) -> Outcome:
    """No dropout, for one of the codes of the field; `note` says how it was found out. Raises Refused."""
    if alarm not in Alarm.values:
        raise Refused("请选择核查结果。")
    if not note.strip():
        raise Refused("请写明怎么核实的（电话、入户、户籍部门、外地学校证明）。")
    return moved(rows, "acquit", by=by, today=today, note=note.strip()[:200], alarm=alarm)


@transaction.atomic
def confirm(
    case: DropoutCase, *, left_on: date, cause: str, whereabouts: str, by: Actor, today: date
) -> DropoutCase:
    """It is a dropout, since when, why, where the child is. The aid of the child rests from that day. Raises Refused."""
    wrong = {
        "请选择辍学原因。": cause not in Cause.values,
        "辍学日期不能晚于今天。": left_on > today,
        "辍学日期早于三年前，请核对年份。": left_on < today - timedelta(days=1096),
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    said = {"left_on": left_on, "cause": cause, "whereabouts": whereabouts.strip()[:100], "confirmed_on": today}
    return _one(case, "confirm", by=by, today=today, **said)


@transaction.atomic
def unconfirm(case: DropoutCase, *, note: str, by: Actor, today: date) -> DropoutCase:
    return _one(case, "unconfirm", by=by, today=today, note=note)


# --- persuading, law, return ---------------------------------------------------------------------------------------


@transaction.atomic
def persuade(case: DropoutCase, *, by: Actor, today: date) -> DropoutCase:
    return _one(case, "persuade", by=by, today=today)


@transaction.atomic
def go_to_law(case: DropoutCase, *, note: str, by: Actor, today: date) -> DropoutCase:
    """Steps and papers are dropout.legal's; this only lets them begin."""
    return _one(case, "go_to_law", by=by, today=today, note=note, legal_step=LegalKind.EDUCATION)


@transaction.atomic
def back_from_law(case: DropoutCase, *, note: str, by: Actor, today: date) -> DropoutCase:
    return _one(case, "back_from_law", by=by, today=today, note=note, legal_step=0)


@transaction.atomic
def bring_back(case: DropoutCase, *, returned_on: date, school: School, by: Actor, today: date) -> DropoutCase:
    """The child is in school again since a day; its aid is due again. Raises Refused."""
    if returned_on > today:
        raise Refused("复学日期不能晚于今天。")
    if case.left_on and returned_on < case.left_on:
        raise Refused(f"复学日期早于辍学日期（{case.left_on}），请核对。")
    if case.confirmed_on and case.rounds == 1 and returned_on < case.confirmed_on:
        raise Refused(f"复学日期早于确认辍学的日期（{case.confirmed_on}）；那时已经在校的，请退回核查后排除。")
    return _one(case, "bring_back", by=by, today=today, returned_on=returned_on, returned_to=school)


@transaction.atomic
def place(case: DropoutCase, *, by: Actor, today: date) -> DropoutCase:
    """After dropout.placing has written where the child sits and its study plan."""
    return _one(case, "place", by=by, today=today)


@transaction.atomic
def watch(case: DropoutCase, *, by: Actor, today: date) -> DropoutCase:
    """Ninety days from the return on; a child that came back long ago has them behind it."""
    start = case.returned_on or today
    until = start + timedelta(days=WATCH_DAYS)
    return _one(case, "watch", by=by, today=today, watch_until=until, watch_over=until <= today)


@transaction.atomic
def relapse(case: DropoutCase, *, note: str, left_on: date, by: Actor, today: date) -> DropoutCase:
    """Gone again before the case was closed: persuading begins anew, all before stays. Raises Refused."""
    if left_on > today:
        raise Refused("辍学日期不能晚于今天。")
    if case.returned_on and left_on < case.returned_on:
        raise Refused(f"辍学日期早于上次复学的日期（{case.returned_on}），请核对。")
    held = DropoutCase.objects.filter(pk=case.pk, state__in=DropoutCase.FLOW["relapse"].sources)
    list(held.select_for_update(of=("self",)).values_list("pk"))
    rounds.keep(held, today)
    return _one(
        case, "relapse", by=by, today=today, note=note, rounds=F("rounds") + 1, left_on=left_on, legal_step=0,
        persuasions=0, placement_made=False, watch_until=None, watch_over=False, proof="", proof_note="",
        close_reason="", asked_by="", asked_by_id=None,
    )  # fmt: skip


@transaction.atomic
def reopen(case: DropoutCase, *, term: Term, note: str, by: Actor, today: date) -> DropoutCase:
    if not note.strip():
        raise Refused("请写明重新核查的原因。")
    path = current_scope().path
    due = Deadlines.read(today, [path]).due(S.SUSPECTED, path, today)
    rows = DropoutCase.objects.filter(pk=case.pk)
    if not suspicions.reopen(rows, term=term, today=today, due=due, note=note, found_by=FoundBy.HOUSEHOLD):
        raise Refused(*(case.blockers("reopen") or [FASTER]))
    case.refresh_from_db()
    return case


# --- closing -------------------------------------------------------------------------------------------------------


@transaction.atomic
def ask_to_close(case: DropoutCase, *, reason: str, by: Actor) -> DropoutCase:
    """No other source shows the child in school: one says why it should be closed all the same, another decides."""
    held = DropoutCase.objects.select_for_update(of=("self",)).get(pk=case.pk)
    if held.state != S.WATCHED:
        raise Refused("观察期的案件才能提出销号。")
    if not by.may("dropout.write"):
        raise Refused("您的角色不能提出销号。")
    if len(reason.strip()) < 5:
        raise Refused("请写明没有佐证也要销号的理由（至少 5 个字）。")
    held.proof, held.close_reason = Proof.NONE, reason.strip()[:200]
    held.asked_by, held.asked_by_id = by.name, by.user_id
    held.save(update_fields=["proof", "close_reason", "asked_by", "asked_by_id"])
    audit.record("dropoutcase.asked", subject=held, note=held.close_reason)
    return held


@transaction.atomic
def close(case: DropoutCase, *, by: Actor, today: date, recheck_on: date) -> DropoutCase:
    """With the proof that dropout.proving found; or, without any, what another person has asked for. Raises Refused."""
    held = DropoutCase.objects.select_for_update(of=("self",)).get(pk=case.pk)
    if held.proof == Proof.NONE and by.user_id is not None and held.asked_by_id == by.user_id:
        raise Refused(OWN_WORK)
    said = {"closed_on": today, "closed_by": by.name, "recheck_on": recheck_on}
    if held.proof == Proof.NONE:
        return _one(held, "close_unproven", by=by, today=today, note=held.close_reason, **said)
    return _one(held, "close", by=by, today=today, **said)
