"""State machines as tables of moves: one UPDATE and one audit INSERT … SELECT for one row or three thousand."""

from __future__ import annotations

import errno
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.db.models import Q

from aidcases import crypto
from aidcases.conditions import All
from aidcases.scoping import Actor


class Refused(Exception):
    """Something can't be done now; `reasons` are sentences a clerk can act on."""

    def __init__(self, *reasons: str):
        super().__init__("；".join(reasons))
        self.reasons = list(reasons)


def disk_full(problem: OSError) -> Refused | None:
    """What to say where there is no room to write; None of any other problem."""
    full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
    return Refused("服务器存储空间已满，没有保存。请告诉管理员，腾出空间后再办一次。") if full else None


@dataclass(frozen=True)
class Move:
    """A row of a flow's table."""

    name: str
    label: str
    sources: frozenset[str] | set[str]
    target: str
    permission: str
    guards: All = field(default_factory=All)
    note_required: bool = False


class Flow:
    """The moves of one kind of record, by name."""

    def __init__(self, *moves: Move):
        self.moves = {move.name: move for move in moves}

    def __getitem__(self, name: str) -> Move:
        return self.moves[name]

    def open_from(self, state: str) -> list[Move]:
        return [move for move in self.moves.values() if state in move.sources]

    def mermaid(self) -> str:
        """The diagram for the documents; a test holds the stored one against it."""
        lines = [
            f"    {source} --> {move.target}: {move.label}"
            for move in self.moves.values()
            for source in sorted(move.sources)
        ]
        return "\n".join(["stateDiagram-v2", *lines])


class Moving(models.Model):
    """A record with a flow: the model has a column `state` and a table of moves `FLOW`."""

    FLOW: Flow

    class Meta:
        abstract = True

    def move(self, name: str, *, by: Actor, note: str = "", **also: Any) -> None:
        """Moves this one row, or raises Refused with the reasons."""
        rows = type(self).objects.filter(pk=self.pk)
        if not rows.move(name, by=by, note=note, **also):
            raise Refused(*(self.blockers(name) or ["已被他人处理，请刷新后再看。"]))
        self.refresh_from_db()

    def blockers(self, name: str) -> list[str]:
        """Why the move can't be made now: the button's tooltip and the API's 409."""
        move = self.FLOW[name]
        rows = type(self).objects.filter(pk=self.pk)
        state = rows.values_list("state", flat=True).first()
        wrong = [] if state in move.sources else [f"当前状态不能{move.label}"]
        return wrong + [condition.label for condition in move.guards.failing(rows)]


class FlowQuerySet(models.QuerySet):
    def move(self, name: str, *, by: Actor, note: str = "", **also: Any) -> int:
        """Moves every row that may move; returns how many did. `also`: columns that belong to the new state."""
        from aidcases.sql import update_recorded

        move = self.model.FLOW[name]
        if not by.may(move.permission):
            raise Refused(f"您的角色不能{move.label}")
        if move.note_required and not note.strip():
            raise Refused(f"{move.label}要写明原因")
        ready = self.order_by().filter(move.guards.hold).values("pk")
        # `state` stands in the UPDATE itself, not in the subquery: after waiting for a row lock PostgreSQL
        # re-checks only the outer WHERE, so the second of two clerks moves nothing.
        return update_recorded(
            self.model._base_manager.filter(pk__in=ready, state__in=move.sources),
            {"state": move.target, **also},
            {
                "batch": uuid.uuid4(),
                "actor": by.name,
                "user_id": by.user_id,
                "action": f"{self.model._meta.model_name}.{name}",
                "note": crypto.mask_numbers(note),
            },
        )

    def unmoved(self, name: str) -> Counter[str]:
        """Why rows of this set can't make the move: reason → rows (a row may count under several)."""
        move = self.model.FLOW[name]
        reasons: Counter[str] = Counter()
        if wrong := self.exclude(state__in=move.sources).count():
            reasons[f"当前状态不能{move.label}"] = wrong
        labels = {condition.code: condition.label for condition in move.guards}
        counted = move.guards.funnel(self.filter(Q(state__in=move.sources))) if labels else {}
        reasons.update({labels[code]: count for code, count in counted.items() if count})
        return reasons
