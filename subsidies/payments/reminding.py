"""Who waits for whom on the way of the money: a school's list to confirm, a batch to approve, cards to confirm.

Asked for every hour by aidcases.daily; ended by the thing being done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Model, QuerySet
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from aidcases import inbox
from aidcases.inbox import Task
from aidcases.models import Membership, Organisation, Reminder
from aidcases.models.places import above
from aidcases.roles import PERMISSIONS, OfficeKind, P
from aidcases.scoping import EVERYWHERE, HOME, Actor, acting_in, current_actor, current_scope
from students.models import Account
from students.models.accounts import AccountState
from subsidies.models import BatchPart, PaymentBatch
from subsidies.models.payments import BatchState

DAYS = 7  # for each step
PART, APPROVAL, CARDS = "payment.part", "payment.approval", "payment.cards"
MOST = 3  # lists named on the home page


def able(permission: P) -> QuerySet[Membership]:
    """Of those with an account who may do it, at whatever office."""
    roles = [role for role, powers in PERMISSIONS.items() if permission in powers]
    return Membership.objects.filter(role__in=roles, user__is_active=True)


def parts_wait(now: datetime) -> dict[str, int]:
    """Schools whose list waits for their word; those with nobody who could say it are the county's (agree_instead)."""
    today = timezone.localdate(now)
    rows = list(_parts().filter(school_path__in=able(P.PAYMENT_CONFIRM).values("organisation__path")))
    offices = Organisation.objects.filter(path__in={row.school_path for row in rows}, kind=OfficeKind.SCHOOL)
    known = {each.path: each for each in offices}
    tasks = [_part(known[row.school_path], row, today) for row in rows if row.school_path in known]
    return inbox.keep(PART, tasks, today=today)


def _parts() -> QuerySet[BatchPart]:
    waiting = BatchPart.objects.filter(agreed_at=None, batch__state=BatchState.PREPARED)
    return waiting.select_related("batch").order_by("batch__prepared_at", "pk")


def _part(office: Organisation, part: BatchPart, today: date) -> Task:
    title, url = f"发放名单待本校确认：{part.batch.title}", reverse("part_detail", args=[part.pk])
    return _task(office, PART, title, url, part.batch.prepared_at, part, P.PAYMENT_CONFIRM, today)


def _task(
    office: Organisation, key: str, title: str, url: str, since: datetime, subject: Model, permission: P, today: date
) -> Task:
    due = timezone.localdate(since) + timedelta(days=DAYS)
    return Task(office, key, title, url, due, subject, permission, urgent=due < today)


def approvals_wait(now: datetime) -> dict[str, int]:
    """Batches that every school has agreed to, for the office's second person."""
    today = timezone.localdate(now)
    agreed = Coalesce(Max("parts__agreed_at"), "prepared_at")
    rows = PaymentBatch.objects.filter(state=BatchState.CONFIRMED).select_related("office").annotate(agreed=agreed)
    tasks = [
        _task(
            each.office, APPROVAL, f"发放批次待审批：{each.title}", reverse("batch_detail", args=[each.pk]), each.agreed, each,
            P.PAYMENT_APPROVE, today,
        )
        for each in rows
    ]  # fmt: skip
    return inbox.keep(APPROVAL, tasks, today=today)


def cards_wait(now: datetime) -> dict[str, int]:
    """Cards that wait for a second person: of the office that wrote them down, or where nobody there may, of the next
    above it."""
    today = timezone.localdate(now)
    proposed = Account.objects.filter(state=AccountState.PROPOSED).order_by().values("path")
    rows = list(proposed.annotate(n=Count("pk"), since=Min("proposed_at")))
    paths = {path for row in rows for path in above(row["path"])}
    offices = Organisation.objects.filter(path__in=paths, pk__in=able(P.ACCOUNT_CONFIRM).values("organisation"))
    known = {each.path: each for each in offices}
    found: dict[str, tuple[int, datetime]] = {}
    for row in rows:
        if path := next((each for each in above(row["path"]) if each in known), ""):
            n, since = found.get(path, (0, row["since"]))
            found[path] = (n + row["n"], min(since, row["since"]))
    return inbox.keep(CARDS, _cards(known, found, today), today=today)


def _cards(known: dict[str, Organisation], found: dict[str, tuple[int, datetime]], today: date) -> Iterator[Task]:
    url = f"{reverse('account_list')}?state={AccountState.PROPOSED}"
    for path, (n, since) in found.items():
        office = known[path]
        yield _task(office, CARDS, f"{n:,} 个一卡通账户待复核", url, since, office, P.ACCOUNT_CONFIRM, today)


HOOKS = (parts_wait, approvals_wait, cards_wait)


def cards_done(by: Actor) -> None:
    """After a second person's word on cards: nothing in sight waits any more."""
    if by.office_id is not None and not Account.objects.filter(state=AccountState.PROPOSED).exists():
        inbox.done(Organisation(pk=by.office_id), CARDS)


def again(key: str, subjects: Iterable[int]) -> None:
    """What had been done and is to be done anew."""
    with acting_in(EVERYWHERE, current_actor()):
        for reminder in Reminder.objects.filter(key=key, subject_id__in=list(subjects), done_at__isnull=False):
            inbox.take_out(reminder)


def card(request: Any) -> dict[str, Any] | None:
    """Home of a school: lists that wait for its second person's word, and cards."""
    if HOME in current_scope().sides:
        return None
    by = current_actor()
    lists = list(_parts()[: MOST + 1]) if by.may(P.PAYMENT_CONFIRM) else []
    cards = Account.objects.filter(state=AccountState.PROPOSED).count() if by.may(P.ACCOUNT_CONFIRM) else 0
    return {"lists": lists[:MOST], "more": len(lists) > MOST, "cards": cards} if lists or cards else None
