"""Visits: recorded once however often they are sent, numbered, counted on the case; unsent ones kept as sealed drafts."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Case, F, Max, QuerySet, Value, When
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from aidcases import crypto, files
from aidcases.flow import Refused
from aidcases.models import StoredFile
from aidcases.roles import P
from aidcases.scoping import HOME, Actor, current_scope
from dropout.enums import VisitKind, VisitResult
from dropout.models import DropoutCase, Visit, VisitDraft
from dropout.models.cases import OUT_OF_SCHOOL

PHOTO = "photo"
MOST_PHOTOS = 9
OLDEST = timedelta(days=366)
BEFORE_FOUND = timedelta(days=30)  # whoever was at the door first and registered then
MOST_TYPED = 20_000  # characters of a draft
NOT_OURS = "您的角色不能登记走访。"


@dataclass(frozen=True)
class Said:
    """A visit as it was typed. `visited_at` has a time zone."""

    visited_at: datetime
    place: str
    kind: str
    people: str
    said: str
    result: str
    met: str = ""
    next_step: str = ""
    next_on: date | None = None


@transaction.atomic
def record(
    case: DropoutCase, said: Said, *, key: uuid.UUID, by: Actor, now: datetime, photos: Sequence[UploadedFile] = ()
) -> Visit:
    """The visit with this key; sent twice it is one. Counts on the case, and the person's draft goes, in the same
    transaction. Raises Refused."""
    if not by.may(P.DROPOUT_WRITE):
        raise Refused(NOT_OURS)
    held = _held(case)
    if known := Visit.objects.filter(key=key).first():
        if known.case_id != case.pk:
            raise Refused("这份走访记录属于另一个案件，请重新打开页面再填。")
        return known
    if reasons := [reason for reason, holds in _wrong(said, now, photos).items() if holds]:
        raise Refused(*reasons)
    made = _made(held, said, key, by, len(photos))
    made.save()
    for photo in photos:
        files.attach(made, photo, what=PHOTO, path=_side(held))
    _count(made)
    VisitDraft.objects.filter(case=case, user_id=by.user_id or 0).delete()
    case.refresh_from_db()
    return made


def _held(case: DropoutCase) -> DropoutCase:
    """Locked: of two that are sent at once the second sees the first."""
    return DropoutCase.objects.select_for_update(of=("self",), no_key=True).get(pk=case.pk)


def _side(case: DropoutCase) -> str:
    """Whose the photos are: of the side that visits."""
    return case.home_path if current_scope().covers(case.home_path, HOME) else case.school_path


def _wrong(said: Said, now: datetime, photos: Sequence[UploadedFile]) -> dict[str, bool]:
    return {
        "走访时间不能晚于现在。": said.visited_at > now + timedelta(minutes=5),
        "走访时间早于一年前，请核对年份。": said.visited_at < now - OLDEST,
        "请填写走访地点。": not said.place.strip(),
        "请选择走访方式。": said.kind not in VisitKind.values,
        "请填写参加人员。": not said.people.strip(),
        "请填写过程和家长意见。": not said.said.strip(),
        "请选择走访结果。": said.result not in VisitResult.values,
        "下次走访日期不能早于这次走访。": said.next_on is not None
        and said.next_on < timezone.localdate(said.visited_at),
        f"照片最多 {MOST_PHOTOS} 张。": len(photos) > MOST_PHOTOS,
    }


def _made(case: DropoutCase, said: Said, key: uuid.UUID, by: Actor, photos: int) -> Visit:
    last = Visit.objects.filter(case=case).aggregate(last=Max("number"))["last"] or 0
    plain = crypto.mask_numbers  # identity numbers and telephones have fields of their own
    return Visit(
        case=case, key=key, number=last + 1, visited_at=said.visited_at, place=plain(said.place.strip())[:100],
        kind=said.kind, persuading=case.state in OUT_OF_SCHOOL, people=plain(said.people.strip())[:200],
        met=plain(said.met.strip())[:100], said=plain(said.said.strip()), result=said.result,
        next_step=plain(said.next_step.strip())[:200], next_on=said.next_on, photos=photos, made_by=by.name,
        made_by_id=by.user_id,
    )  # fmt: skip


def _count(visit: Visit) -> None:
    day = timezone.localdate(visit.visited_at)
    # An old one, typed in late, is told and counts for nothing: neither that somebody looked, nor that they persuaded.
    looked = Case(When(found_on__lte=day + BEFORE_FOUND, then=1), default=0)
    persuaded = Case(When(gone_on__lte=day, then=1), default=0) if visit.persuading else Value(0)
    DropoutCase.objects.filter(pk=visit.case_id).annotate(gone_on=Coalesce("left_on", "found_on")).update(
        visits_made=F("visits_made") + looked,
        persuasions=F("persuasions") + persuaded,
        last_visit_on=Greatest("last_visit_on", Value(day)),  # PostgreSQL: the greatest of those that are known
    )


def of(case: DropoutCase) -> list[dict[str, Any]]:
    """Visits of a case with their photos, the last first: two queries. Whoever sees the case sees them all."""
    rows = list(Visit.objects.filter(case=case))
    photos: dict[int, list[StoredFile]] = {row.pk: [] for row in rows}
    for photo in photos_of(row.pk for row in rows):
        photos[photo.subject_id].append(photo)
    return [{"visit": row, "photos": photos[row.pk]} for row in rows]


def photos_of(visits: Any) -> QuerySet[StoredFile]:
    """Photos of visits that the caller sees, whichever side took them."""
    rows = StoredFile._base_manager.filter(subject_type=Visit._meta.label_lower, subject_id__in=list(visits))
    return rows.filter(what=PHOTO, removed_at=None).order_by("pk")


# --- drafts --------------------------------------------------------------------------------------------------------


def draft_of(case: DropoutCase, by: Actor) -> tuple[uuid.UUID, dict[str, str], datetime] | None:
    """(key, what was typed, when it was saved) of the person's unsent visit."""
    found = VisitDraft.objects.filter(case=case, user_id=by.user_id or 0).first()
    if found is None or not found.typed or Visit.objects.filter(key=found.key).exists():
        return None
    return found.key, json.loads(found.typed), found.saved_at


@transaction.atomic
def keep_draft(case: DropoutCase, typed: dict[str, str], *, key: uuid.UUID, by: Actor, now: datetime) -> Visit | None:
    """Stores what has been typed so far, sealed; → the visit, where it has been sent already. Raises Refused."""
    if not by.may(P.DROPOUT_WRITE):
        raise Refused(NOT_OURS)
    text = json.dumps(typed, ensure_ascii=False)
    if len(text) > MOST_TYPED:
        raise Refused(f"内容太长，最多 {MOST_TYPED:,} 字。")
    _held(case)
    if sent := Visit.objects.filter(key=key, case=case).first():
        return sent
    row = VisitDraft.objects.filter(case=case, user_id=by.user_id or 0).first()
    row = row or VisitDraft(case=case, user_id=by.user_id or 0, path=current_scope().path)
    row.key, row.typed, row.saved_at, row.path = key, text, now, current_scope().path
    row.save()
    return None


def drop_draft(case: DropoutCase, *, by: Actor) -> None:
    VisitDraft.objects.filter(case=case, user_id=by.user_id or 0).delete()


def browser_key(case: DropoutCase, by: Actor) -> tuple[str, str]:
    """(name, key) under which the browser of this person keeps an unsent visit of this case: the key opens AES-256-GCM (64
    hex digits), comes with the page and is kept by no browser; the name tells nothing of either."""
    of_whom = f"{by.user_id or 0}:{case.pk}"
    derive = crypto.default_keyring().derive
    return f"visit-{derive(f'visit-name:{of_whom}')[:16]}", derive(f"visit-draft:{of_whom}")
