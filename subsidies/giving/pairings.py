"""结对: one-to-one helpers of a child with their visits, and partner schools with what they do together."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.db.models import Max, QuerySet

from aidcases import audit
from aidcases.models import School
from aidcases.scoping import Actor
from students.models import Student
from subsidies.giving.common import day_wrong, owners, refuse_if, said
from subsidies.models import HelperVisit, PairActivity, Pairing, PairingEnd, SchoolPair, SchoolPairEnd
from subsidies.models.written import Ending


@transaction.atomic
def pair(
    student: Student, *, kind: str, helper: str, unit: str, from_on: date, plan: str, by: Actor, today: date
) -> Pairing:
    """A helper for a child from a day on. Raises Refused."""
    helper = helper.strip()[:60]
    Student.objects.select_for_update(of=("self",)).get(pk=student.pk)
    standing = Pairing.objects.standing().filter(student=student, helper=helper)
    refuse_if({
        "请填写结对人。": not helper,
        **day_wrong(from_on, today, "结对日期"),
        f"“{helper}”已经和这名学生结对。": standing.exists(),
    })  # fmt: skip
    made = Pairing(
        student=student, kind=kind, helper=helper, unit=unit.strip()[:80], from_on=from_on, plan=said(plan, 200),
        made_by=by.name, **owners(student),
    )  # fmt: skip
    made.save()
    audit.record("pairing.made", subject=made)
    return made


def _held(pairing: Pairing) -> tuple[Pairing, PairingEnd | None]:
    held = Pairing.objects.select_for_update(of=("self",)).get(pk=pairing.pk)
    return held, PairingEnd.objects.filter(pairing=held).first()


@transaction.atomic
def visit(pairing: Pairing, *, visited_on: date, note: str, by: Actor, today: date) -> HelperVisit:
    """Raises Refused; a visit lies within the days of the pairing."""
    held, end = _held(pairing)
    refuse_if({
        "请写明走访情况。": not note.strip(),
        **day_wrong(visited_on, today, "走访日期"),
        "走访日期早于结对日期。": visited_on < held.from_on,
        "结对在这以前已经结束。": end is not None and visited_on > end.from_on,
    })  # fmt: skip
    made = HelperVisit(pairing=held, visited_on=visited_on, note=said(note, 500), made_by=by.name)
    made.save()
    audit.record("pairing.visited", subject=held)
    return made


@transaction.atomic
def end(pairing: Pairing, *, from_on: date, why: str, by: Actor, today: date) -> PairingEnd:
    """Raises Refused: no reason, before it began or was last lived, ended already."""
    held, ended = _held(pairing)
    last = held.visits.aggregate(day=Max("visited_on"))["day"]
    refuse_if(_end_wrong(held, ended, from_on=from_on, why=why, today=today, last=last, what="走访"))
    made = PairingEnd(pairing=held, from_on=from_on, why=said(why, 200), made_by=by.name)
    made.save()
    audit.record("pairing.ended", subject=held)
    return made


def _end_wrong(
    held: Pairing | SchoolPair, ended: Ending | None, *, from_on: date, why: str, today: date, last: date | None, what: str
) -> dict[str, bool]:
    return {
        "请写明结束原因。": not why.strip(),
        **day_wrong(from_on, today, "结束日期"),
        "结束日期早于结对日期。": from_on < held.from_on,
        f"结束日期早于最近一次{what}（{last}）。": last is not None and from_on < last,
        "结对已经结束。": ended is not None,
    }


def with_visits(rows: QuerySet[Pairing]) -> QuerySet[Pairing]:
    """Each with the day of its last visit: a join of its own table, so that the scope stays the pairing's."""
    return rows.annotate(last_visit=Max("visits__visited_on"))


@transaction.atomic
def pair_schools(school: School, *, partner: str, from_on: date, plan: str, by: Actor, today: date) -> SchoolPair:
    """A partner of a school from a day on. Raises Refused."""
    partner = partner.strip()[:80]
    School.objects.select_for_update(of=("self",), no_key=True).get(pk=school.pk)
    same = SchoolPair.objects.filter(school=school, partner=partner)
    refuse_if({
        "请填写结对学校（单位）。": not partner,
        "一所学校不能和自己结对。": partner == school.name,
        **day_wrong(from_on, today, "结对日期"),
        "这两所学校已经结对。": same.standing().exists(),  # type: ignore[attr-defined]
        "这两所学校在这以后才结束上一次结对。": SchoolPairEnd.objects.filter(pair__in=same, from_on__gt=from_on).exists(),
        "这两所学校这一天登记过结对，请换一个日期。": same.filter(from_on=from_on).exists(),
    })  # fmt: skip
    made = SchoolPair(
        school=school, path=school.path, partner=partner, from_on=from_on, plan=said(plan, 200), made_by=by.name
    )
    made.save()
    audit.record("schoolpair.made", subject=made)
    return made


@transaction.atomic
def did(pair: SchoolPair, *, held_on: date, note: str, by: Actor, today: date) -> PairActivity:
    """What two schools did together on a day. Raises Refused."""
    held, ended = _held_schools(pair)
    refuse_if({
        "请写明活动内容。": not note.strip(),
        **day_wrong(held_on, today, "活动日期"),
        "活动日期早于结对日期。": held_on < held.from_on,
        "结对在这以前已经结束。": ended is not None and held_on > ended.from_on,
    })  # fmt: skip
    made = PairActivity(pair=held, held_on=held_on, note=said(note, 300), made_by=by.name)
    made.save()
    audit.record("schoolpair.activity", subject=held)
    return made


def _held_schools(pair: SchoolPair) -> tuple[SchoolPair, SchoolPairEnd | None]:
    held = SchoolPair.objects.select_for_update(of=("self",)).get(pk=pair.pk)
    return held, SchoolPairEnd.objects.filter(pair=held).first()


@transaction.atomic
def end_schools(pair: SchoolPair, *, from_on: date, why: str, by: Actor, today: date) -> SchoolPairEnd:
    """Raises Refused: no reason, before it began or something was last done together, ended already."""
    held, ended = _held_schools(pair)
    last = held.activities.aggregate(day=Max("held_on"))["day"]
    refuse_if(_end_wrong(held, ended, from_on=from_on, why=why, today=today, last=last, what="活动"))
    made = SchoolPairEnd(pair=held, from_on=from_on, why=said(why, 200), made_by=by.name)
    made.save()
    audit.record("schoolpair.ended", subject=held)
    return made
