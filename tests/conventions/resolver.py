"""Every address of the project, flat: what the conventions walk over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver


@dataclass(frozen=True)
class Address:
    """A pattern with the routes of its includes before it."""

    name: str
    route: str
    view: Callable[..., Any]
    arguments: tuple[str, ...]

    @property
    def drawn_from(self) -> Any:
        """What carries `can`: a function itself, or the class behind an API view."""
        return getattr(self.view, "cls", None) or getattr(self.view, "view_class", None) or self.view

    @property
    def is_api(self) -> bool:
        return self.drawn_from is not self.view

    @property
    def methods(self) -> set[str]:
        """HTTP methods it answers."""
        if actions := getattr(self.view, "actions", None):
            return {method.upper() for method in actions}
        return set(self.view.method.split())


def addresses() -> list[Address]:
    return list(_walk(get_resolver().url_patterns, "", ()))


def _walk(patterns: list[Any], before: str, given: tuple[str, ...]) -> Iterator[Address]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        arguments = (*given, *pattern.pattern.converters, *_groups(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route, arguments)
        elif isinstance(pattern, URLPattern):
            yield Address(pattern.name or "", route, pattern.callback, arguments)


def _groups(pattern: Any) -> tuple[str, ...]:
    regex = getattr(pattern, "regex", None)
    return tuple(regex.groupindex) if regex is not None and not pattern.converters else ()
