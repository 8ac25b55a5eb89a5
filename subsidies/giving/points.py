"""爱心超市积分: a household or a child earns points and spends them on goods; nobody spends what they have not."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.db.models import QuerySet

from aidcases import audit
from aidcases.flow import Refused
from aidcases.scoping import Actor
from students.models import Household, Student
from subsidies.giving.common import day_wrong, owners, refuse_if, said
from subsidies.models import PointsAccount, PointsEntry

MOST = 100_000


@transaction.atomic
def account_of(*, student: Student | None = None, household: Household | None = None) -> PointsAccount:
    """The account of a child or of a household (seen by the home side only), opened when absent."""
    if household is not None:
        held = Household.objects.select_for_update(of=("self",)).get(pk=household.pk)
        found = PointsAccount.objects.filter(household=held).first()
        return found or _opened(PointsAccount(household=held, home_path=held.path))
    if student is None:
        raise Refused("请选择家庭或学生。")
    Student.objects.select_for_update(of=("self",)).get(pk=student.pk)
    found = PointsAccount.objects.filter(student=student).first()
    return found or _opened(PointsAccount(student=student, **owners(student)))


def _opened(account: PointsAccount) -> PointsAccount:
    account.save()
    audit.record("points.opened", subject=account)
    return account


@transaction.atomic
def enter(account: PointsAccount, *, points: int, what: str, on: date, by: Actor, today: date) -> PointsEntry:
    """Points earned (above nought) or spent (below). Raises Refused."""
    held = PointsAccount.objects.select_for_update(of=("self",)).get(pk=account.pk)
    refuse_if({
        "积分不能是 0。": points == 0,
        f"一次最多 {MOST:,} 分。": abs(points) > MOST,
        "请写明事由或物品。": not what.strip(),
        **day_wrong(on, today, "日期"),
        f"积分不够：只有 {held.balance:,} 分，要用 {-points:,} 分。": points < 0 and held.balance + points < 0,
    })  # fmt: skip
    made = PointsEntry(account=held, points=points, what=said(what, 120), on=on, made_by=by.name)
    made.save()
    audit.record("points.entered", subject=held)
    return made


def named(rows: QuerySet[PointsAccount]) -> QuerySet[PointsAccount]:
    """With the names a list shows, and nobody's numbers."""
    related = rows.select_related("student__person", "household__head")
    return related.defer(
        "student__roll_number", "student__person__id_number", "household__phone", "household__head__id_number"
    )
