"""销号依据: what other sources show of a child that is said to be back; the close-out that rests on it; the look again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from aidcases import audit, inbox
from aidcases.flow import Refused
from aidcases.models import AuditEvent
from aidcases.roles import P
from aidcases.scoping import Actor
from aidcases.terms import Term
from dropout import cases
from dropout.cases import RECHECK_SCHOOL_DAYS
from dropout.deadlines import SchoolDays
from dropout.enums import CaseState, Proof, VisitKind, VisitResult
from dropout.models import DropoutCase, Placement, Visit
from students.models import Attendance, Enrolment

# A month that shows a child in school: enough school days in it, and no more days absent than a school may let pass
# before it has to ask the family (three).
LEAST_DUE, MOST_ABSENT = 10, 3
SHOWS = (VisitResult.BACK, VisitResult.ENROLLED)
# Who said that the child is back does not prove it with an own list.
_SAID_BACK = ("dropoutcase.bring_back", "dropoutcase.place", "dropoutcase.watch")
NOT_PROVEN = (
    "没有找到佐证：学籍、考勤名单里都没有这个孩子返校后的记录，也没有返校后有时间、地点、照片的走访。"
    "请先补走访，或写明理由提出无佐证销号，由另一人批准。"
)


@dataclass(frozen=True)
class Finding:
    """`proof`: which source. `text`: what it shows. `source`: whose list or visit it is, and of when."""

    proof: Proof
    text: str
    source: str

    @property
    def label(self) -> str:
        return str(self.proof.label)


def find(case: DropoutCase, *, today: date) -> list[Finding]:
    """What shows the child at the school it came back to, the strongest first; of lists only those that somebody else
    than the hands of the case has brought in since the return."""
    if not case.returned_on or not case.returned_to_id:
        return []
    hands = _hands(case)
    found = (_on_roll(case, hands, today), _attended(case, hands), _visited(case))
    return [each for each in found if each]


def _hands(case: DropoutCase) -> set[str]:
    # The events lie at the home's path; whoever closes from the school's side would not see whose hands they were.
    events = AuditEvent._base_manager.filter(
        subject_type="dropout.dropoutcase", subject_id=case.pk, action__in=_SAID_BACK
    )
    return {
        *events.values_list("actor", flat=True),
        *Placement.objects.filter(case=case).values_list("made_by", flat=True),
    }


def _on_roll(case: DropoutCase, hands: set[str], today: date) -> Finding | None:
    term = Term.containing(today)
    rows = Enrolment.objects.in_term(term).filter(student=case.student_id, school=case.returned_to_id)
    rows = rows.filter(row__file__committed_at__date__gte=case.returned_on).exclude(row__file__uploaded_by__in=hands)
    row = rows.select_related("school", "row__file").defer("phone").first()
    if row is None:
        return None
    text = f"{term.label}学籍在{row.school.name}{row.grade_label}{row.class_name}"
    return Finding(Proof.ROLL, text, _brought(row.row.file))  # type: ignore[union-attr]


def _attended(case: DropoutCase, hands: set[str]) -> Finding | None:
    """The newest whole month after the return that another hand brought in; a good month before a bad one, whoever
    brought that in, shows nothing."""
    first = f"{case.returned_on:%Y-%m}"
    rows = Attendance.objects.filter(student=case.student_id, school=case.returned_to_id, month__gt=first)
    months = rows.select_related("row__file").order_by("-month")
    last = months.filter(row__isnull=False).exclude(row__file__uploaded_by__in=hands).first()
    if last is None or last.days_due < LEAST_DUE:
        return None
    if any(month.days_absent > MOST_ABSENT for month in months.filter(month__gte=last.month)):
        return None
    text = f"{last.month} 应到 {last.days_due.normalize():f} 天，缺勤 {last.days_absent.normalize():f} 天"
    return Finding(Proof.ATTENDANCE, text, _brought(last.row.file))  # type: ignore[union-attr]


def _brought(file: object) -> str:
    """The list a row came with, for people."""
    on = timezone.localdate(file.committed_at)  # type: ignore[attr-defined]
    return f"{file.uploaded_by} {on} 导入的《{file.filename}》"  # type: ignore[attr-defined]


def _visited(case: DropoutCase) -> Finding | None:
    rows = Visit.objects.filter(case=case, visited_at__date__gte=case.returned_on, photos__gt=0, result__in=SHOWS)
    rows = rows.exclude(kind=VisitKind.PHONE)  # a voice is not seen in school
    last = rows.exclude(place="").order_by("-visited_at", "-pk").first()
    if last is None:
        return None
    at = timezone.localtime(last.visited_at)
    text = f"{at:%Y-%m-%d %H:%M} 在{last.place}走访：{last.get_result_display()}，照片 {last.photos} 张"
    return Finding(Proof.VISIT, text, f"{last.people}；{last.made_by} 登记")


# ---------- closing ----------


def recheck_day(today: date) -> date:
    return SchoolDays.read().after(today, RECHECK_SCHOOL_DAYS)


@transaction.atomic
def close(case: DropoutCase, *, by: Actor, today: date) -> DropoutCase:
    """Looks for the proof anew and closes with it; without any, only what one person has asked for and another one now
    grants: counted as 无佐证销号. Raises Refused."""
    held = DropoutCase.objects.select_for_update(of=("self",)).get(pk=case.pk)
    found = find(held, today=today)
    if found:
        told = "；".join(f"{each.label}：{each.text}" for each in found)[:200]
        said = {"proof": found[0].proof, "proof_note": told, "close_reason": "", "asked_by": "", "asked_by_id": None}
        DropoutCase.objects.filter(pk=held.pk).update(**said)
    elif held.state == CaseState.WATCHED and held.proof != Proof.NONE:
        raise Refused(NOT_PROVEN)
    return cases.close(held, by=by, today=today, recheck_on=recheck_day(today))


# ---------- looking again ----------


def due(today: date) -> QuerySet[DropoutCase]:
    """Closed cases that somebody has to look at again by now."""
    return DropoutCase.objects.filter(state=CaseState.CLOSED, recheck_on__lte=today, rechecked_on=None)


@transaction.atomic
def recheck(case: DropoutCase, *, in_school: bool, note: str, by: Actor, today: date) -> DropoutCase:
    """In school: noted, and over. Gone again: the case is opened anew. `note`: how it was found out. Raises Refused."""
    held = DropoutCase.objects.select_for_update(of=("self",)).get(pk=case.pk)
    if not by.may(P.DROPOUT_WRITE):
        raise Refused("您的角色不能登记复查。")
    if len(note.strip()) < 2:
        raise Refused("请写明怎么复查的（到校看、问班主任、电话）。")
    if held.state != CaseState.CLOSED or held.rechecked_on or not held.recheck_on:
        raise Refused("这个案件现在不用复查，请刷新后再看。")
    if not in_school:
        return cases.reopen(
            held, term=Term.containing(today), note=f"复查不在校：{note.strip()}"[:200], by=by, today=today
        )
    if today < held.recheck_on:
        raise Refused(f"{held.recheck_on} 起才到复查时间；孩子已经不在校的，现在就可以登记。")
    held.rechecked_on = today
    held.save(update_fields=["rechecked_on"])
    inbox.done(held)
    audit.record("dropoutcase.rechecked", subject=held, note=note.strip()[:200])
    return held
