"""Parts of a case's page, each by the module that knows it, in the order of `order`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aidcases.roles import P
from aidcases.scoping import Actor
from dropout.models import DropoutCase


@dataclass(frozen=True)
class Part:
    """`content(case, actor)` → context for `template`, or None when there is nothing to show. Its "forms" name those whose
    commands answer a refusal with this page, where they are open: each shows again what was typed (unsaved)."""

    order: int
    can: P
    template: str
    content: Callable[[DropoutCase, Actor], dict[str, Any] | None]


PARTS: list[Part] = []


def add(*parts: Part) -> None:
    PARTS.extend(parts)
    PARTS.sort(key=lambda part: part.order)
