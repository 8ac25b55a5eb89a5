"""Who sees which rows. The condition is added by the manager and decided when the SQL is compiled: it fails closed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.db.models.expressions import F, Func

from aidcases.registry import registry

# The sides an owner path can stand for. A child has two homes: `home` (registers) and `school` (roll).
HOME, SCHOOL, OFFICE = "home", "school", "office"
ALL_SIDES = frozenset({HOME, SCHOOL, OFFICE})


_PATH = re.compile(r"/([0-9A-Za-z-]+/)*")


class NobodyIsActing(RuntimeError):
    """A scoped query ran outside acting_in(): a bug, never a reason to show everything."""


class OutOfScope(PermissionError):
    """A row is written that does not belong to whoever is acting."""


@dataclass(frozen=True)
class Scope:
    """A part of the country seen from one side: a path such as `/62/6201/620123/` and the sides it looks from."""

    path: str
    sides: frozenset[str] = field(default=ALL_SIDES)

    def __post_init__(self) -> None:
        # An empty path would cover everything, one without its last slash its neighbours, a wildcard anything.
        if not _PATH.fullmatch(str(self.path)):
            raise ValueError(f"not a path of a scope: {self.path!r}")

    def covers(self, path: str | None, side: str = OFFICE) -> bool:
        return self.path == "/" or (side in self.sides and bool(path) and str(path).startswith(self.path))


EVERYWHERE = Scope("/")


@dataclass(frozen=True)
class Actor:
    """Who acts, for the audit log: a person with the role taken on, or the system."""

    name: str
    user_id: int | None = None
    office_id: int | None = None
    path: str = "/"
    permissions: frozenset[str] = frozenset()
    all_powers: bool = False

    def may(self, permission: str) -> bool:
        return self.all_powers or permission in self.permissions


SYSTEM = Actor("系统", all_powers=True)

_acting: ContextVar[tuple[Scope, Actor] | None] = ContextVar("acting", default=None)


@contextmanager
def acting_in(scope: Scope, actor: Actor = SYSTEM) -> Iterator[None]:
    """Everything inside runs with this scope; nests, and restores the former one."""
    token = _acting.set((scope, actor))
    try:
        yield
    finally:
        _acting.reset(token)


def current_scope() -> Scope:
    if (now := _acting.get()) is None:
        raise NobodyIsActing("a scoped query ran while nobody is acting: wrap it in acting_in(scope)")
    return now[0]


def current_actor() -> Actor:
    if (now := _acting.get()) is None:
        raise NobodyIsActing("nobody is acting")
    return now[1]


class InScope(Func):
    """True for rows one of whose owner paths lies under the scope of whoever acts *when the query runs*."""

    output_field = models.BooleanField()
    conditional = True

    def __init__(self, *paths: Any, sides: tuple[str, ...]):
        super().__init__(*paths)
        self.sides = sides

    def __repr__(self) -> str:
        return f"InScope({', '.join(self.sides)})"

    def as_sql(self, compiler: Any, connection: Any, **_extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        scope = current_scope()
        if scope.path == "/":
            return "(1=1)", []
        parts, params = [], []
        for side, path in zip(self.sides, self.source_expressions, strict=True):
            if side in scope.sides:
                sql, values = compiler.compile(path)
                # A scope's path holds no wildcard, so LIKE needs no escape; the column is COLLATE "C".
                parts.append(f"{sql} LIKE %s")
                params += [*values, scope.path + "%"]
        return (f"({' OR '.join(parts)})", params) if parts else ("(1=0)", [])


class OwnClass(Func):
    """True for rows by a student's key: of a class teacher those that an entry of the registry's own_pupil is true of (or of
    its pupil_in_sight), of anybody else all. Read as the query runs: querysets are made before all apps are ready, too."""

    output_field = models.BooleanField()
    conditional = True

    def __init__(self, key: Any, seam: str = "own_pupil"):
        super().__init__(key)
        self.seam = seam

    def as_sql(self, compiler: Any, connection: Any, **_extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        key = self.source_expressions[0]
        found = [compiler.compile(answers(key)) for answers in getattr(registry, self.seam)]
        return f"({' OR '.join(sql for sql, _ in found)})", [value for _, params in found for value in params]


class ScopedQuerySet(models.QuerySet):
    """Base of every scoped model's queryset."""


class ScopedManager(models.Manager):
    def get_queryset(self) -> models.QuerySet:
        owners = self.model.OWNER_PATHS
        return super().get_queryset().filter(InScope(*(F(path) for path in owners.values()), sides=tuple(owners)))


class Scoped(models.Model):
    """A model that belongs to someone. OWNER_PATHS: side → field (may cross forward foreign keys)."""

    OWNER_PATHS: dict[str, str]

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self._must_be_ours()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        self._must_be_ours()
        return super().delete(*args, **kwargs)

    def owner_path(self, side: str) -> str | None:
        owner: Any = self
        for step in self.OWNER_PATHS[side].split("__"):
            owner = getattr(owner, step, None)
        return owner

    def _must_be_ours(self) -> None:
        scope = current_scope()
        if not any(scope.covers(self.owner_path(side), side) for side in self.OWNER_PATHS):
            raise OutOfScope(f"{self._meta.label} does not belong to {scope.path}")


def scoped_manager(queryset: type[models.QuerySet] = ScopedQuerySet) -> models.Manager:
    """The manager a scoped model declares as `objects`."""
    return ScopedManager.from_queryset(queryset)()


class PathField(models.CharField):
    """An owner path; COLLATE "C", so that a btree index serves prefix search."""

    def __init__(self, *args: Any, **kwargs: Any):
        kwargs.setdefault("max_length", 80)
        kwargs.setdefault("db_collation", "C")
        super().__init__(*args, **kwargs)
