"""A region adopts a pack or ends it: asked for by one person of the office, confirmed by another, then one dated row."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils import timezone

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import Job, Region
from aidcases.scoping import current_actor, current_scope
from aidcases.terms import EARLIEST, Term
from subsidies.actions import adopt_pack, request_rehearsal
from subsidies.models import AdoptionRequest, AdoptionState, PackAdoption, Rehearsal, RulePack
from subsidies.packwords import LATEST

NOT_YOURS = "申请人不能处理自己的申请，请由另一人确认。"


def newest_of(code: str) -> RulePack | None:
    return RulePack.objects.filter(code=code).order_by("-version").first()


def standing(code: str, path: str, day: date) -> PackAdoption | None:
    """The region's own adoption of the pack in force on the day; what regions above it have adopted is theirs."""
    return PackAdoption.objects.in_force_on(day).filter(pack_code=code, path=path).first()


def against(*, code: str, region: Region, from_on: date, active: bool) -> list[str]:
    """Why a region cannot adopt a pack, or end it, from the day; each a sentence."""
    pack, own = newest_of(code), standing(code, region.path, from_on)
    first = pack.first_day if pack else None
    wrong = {
        "没有这份政策。": pack is None,
        "只能登记本单位范围内的地区。": not current_scope().covers(region.path),
        f"日期的年份不对：{from_on.isoformat()}。": not EARLIEST <= from_on < LATEST,
        f"这份政策 {first} 起执行，不能从更早的日期采用。": bool(active and first and from_on < first),
        f"{region.name}在 {from_on} 已经采用这份政策，不用再申请。": active and own is not None,
        f"{region.name}在 {from_on} 没有自己采用这份政策，不能停用；上级采用的要由上级停用。": not active and own is None,
    }
    return [reason for reason, holds in wrong.items() if holds]


@transaction.atomic
def ask(*, code: str, region: Region, from_on: date, active: bool) -> AdoptionRequest:
    """Asks for it. One request of a pack and region waits at a time: the same again is that one. Raises Refused."""
    actor = current_actor()
    if reasons := against(code=code, region=region, from_on=from_on, active=active):
        raise Refused(*reasons)
    asked, new = AdoptionRequest.objects.get_or_create(
        pack_code=code,
        path=region.path,
        state=AdoptionState.ASKED,
        defaults={
            "region": region, "from_on": from_on, "active": active, "asked_by": actor.name, "asked_by_id": actor.user_id,
        },
    )  # fmt: skip
    if new:
        told = {"code": code, "region": region.code, "from_on": str(from_on), "active": active}
        audit.record("adoption.asked", subject=asked, **told)
    elif (asked.from_on, asked.active) != (from_on, active):
        raise Refused(f"{region.name}已有一份申请在等待确认（{asked.from_on} 起{asked.verb}），请先确认或撤回那一份。")
    return asked


def is_own(asked: AdoptionRequest) -> bool:
    """Whether whoever acts has asked for it."""
    actor = current_actor()
    return actor.user_id is not None and actor.user_id == asked.asked_by_id


def against_confirming(asked: AdoptionRequest) -> list[str]:
    """Why whoever acts can't confirm it now, each a sentence; [] if they can."""
    if blockers := asked.blockers("confirm"):
        return blockers
    mine = [NOT_YOURS] if is_own(asked) else []
    return mine + against(code=asked.pack_code, region=asked.region, from_on=asked.from_on, active=asked.active)


@transaction.atomic
def confirm(asked: AdoptionRequest) -> PackAdoption:
    """A second person confirms: the dated row of adopt_pack is written, and the request moved. Raises Refused."""
    actor = current_actor()
    if reasons := against_confirming(asked):
        raise Refused(*reasons)
    adoption = adopt_pack(asked.pack_code, region=asked.region, from_on=asked.from_on, active=asked.active)
    asked.move("confirm", by=actor, adoption=adoption, **_decided())
    return adoption


@transaction.atomic
def decline(asked: AdoptionRequest, reason: str) -> None:
    """A second person does not agree, and says why. Raises Refused."""
    if is_own(asked):
        raise Refused("申请人不能处理自己的申请；不要了请撤回。")
    asked.move("decline", by=current_actor(), note=reason, reason=reason, **_decided())


def withdraw(asked: AdoptionRequest) -> None:
    """Whoever asked takes it back. Raises Refused."""
    if not is_own(asked):
        raise Refused("只有申请人可以撤回；不同意的请写明原因退回。")
    asked.move("withdraw", by=current_actor())


def _decided() -> dict:
    actor = current_actor()
    return {"decided_by": actor.name, "decided_by_id": actor.user_id, "decided_at": timezone.now()}


def last_rehearsal(asked: AdoptionRequest) -> Rehearsal | None:
    return Rehearsal.objects.filter(request=asked).defer("text").order_by("-pk").first()


def rehearse_asked(asked: AdoptionRequest, term: Term) -> Rehearsal:
    """Queues a rehearsal of the request in a term, unless the same one is under way. Raises Refused."""
    if asked.state != AdoptionState.ASKED:
        raise Refused("这份申请已经处理过，不能再试算。")
    last = last_rehearsal(asked)
    if last and last.term == term.code and last.finished_at is None and Job.objects.open().filter(pk=last.job_id).exists():
        return last
    pack = newest_of(asked.pack_code)
    return request_rehearsal(text=pack.text, term=term, path=asked.path, asked=asked)
