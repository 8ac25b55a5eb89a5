"""The parts of a case's page that are of the law, of the return and of the close-out."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.utils import timezone

from aidcases.models import StoredFile
from aidcases.roles import P
from aidcases.scoping import Actor
from dropout import legal, placing, proving
from dropout.enums import CaseState, Paper, Proof, Serving
from dropout.models import DropoutCase, LegalStep, Placement

S = CaseState


def law(case: DropoutCase, actor: Actor) -> dict[str, Any] | None:
    """Steps of every round, the newest last; nothing where the law was never called in."""
    taken = list(LegalStep.objects.filter(case=case).order_by("round", "step", "pk"))
    if not taken and case.state != S.LEGAL:
        return None
    kept: dict[tuple[int, str], list[StoredFile]] = defaultdict(list)
    for file in _files(taken):
        kept[file.subject_id, file.what].append(file)
    now = [step for step in taken if step.round == case.rounds]
    here, today = case.state == S.LEGAL, timezone.localdate()
    writes = actor.may(P.DROPOUT_WRITE)
    lines = []
    for step in taken:
        running, passed = here and step in now and not step.outcome, bool(step.deadline_on and step.deadline_on < today)
        to_serve = writes and step.paper not in ("", Paper.COURT_LIST) and not step.served_on
        line = {"step": step, "paper": bool(kept[step.pk, "paper"]), "receipts": kept[step.pk, "receipt"]}
        line["serve"] = f"serve-{step.pk}" if to_serve else ""
        line["conclude"] = f"conclude-{step.pk}" if writes and running and legal.may_conclude(step) else ""
        lines.append(line | {"late": running and passed and step == now[-1]})
    return {
        "lines": lines,
        "forms": {line[form] for line in lines for form in ("serve", "conclude")},
        "may_take": here and writes,
        "waits": legal.waits_for(now, today) if here else "",
        "servings": Serving.choices,
        "today": today,
    }


def _files(steps: list[LegalStep]) -> list[StoredFile]:
    """Papers and receipts as far as whoever acts sees where they are kept; for a whole page one query."""
    kept = StoredFile.objects.filter(
        subject_type=LegalStep._meta.label_lower, subject_id__in=[step.pk for step in steps]
    )
    return list(kept.filter(removed_at=None).order_by("pk")) if steps else []


def placement(case: DropoutCase, actor: Actor) -> dict[str, Any] | None:
    if not case.returned_on:
        return None
    rows = list(Placement.objects.filter(case=case).select_related("school"))
    if not rows and case.state == S.CLOSED:
        return None
    return {"placements": rows, "may_place": case.state in placing.PLACEABLE and actor.may(P.DROPOUT_WRITE)}


def proof(case: DropoutCase, actor: Actor) -> dict[str, Any] | None:
    """What other sources show, with where it comes from; what may be done with it."""
    if case.state not in (S.RETURNED, S.PLACED, S.WATCHED):
        return None
    found = proving.find(case, today=timezone.localdate())
    watched = case.state == S.WATCHED
    asked = case.proof == Proof.NONE
    own = asked and case.asked_by_id is not None and case.asked_by_id == actor.user_id
    blocked = "" if case.watch_over else f"观察到 {case.watch_until} 期满才能销号" if watched else ""
    may_ask = watched and not found and not asked and actor.may(P.DROPOUT_WRITE)
    return {
        "forms": ["proof_ask"] if may_ask else [],
        "findings": found,
        "watched": watched,
        "asked": asked and not found,
        "may_ask": may_ask,
        "may_close": watched and actor.may(P.DROPOUT_CONFIRM) and (bool(found) or asked),
        "blocked": blocked or ("提出人不能自己批准，请另一人办理" if own and not found else ""),
    }


def recheck(case: DropoutCase, actor: Actor) -> dict[str, Any] | None:
    if case.state != S.CLOSED:
        return None
    due = bool(case.recheck_on and case.recheck_on <= timezone.localdate() and not case.rechecked_on)
    may_recheck = not case.rechecked_on and actor.may(P.DROPOUT_WRITE)
    return {
        "forms": ["recheck"] if may_recheck else [],
        "due": due,
        "may_recheck": may_recheck,
        "unproven": case.proof == Proof.NONE,
    }
