"""What crosses upwards: apps fill this in AppConfig.ready(); the kernel and lower apps only read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aidcases.roles import P

# The order from which on entries of the navigation belong to a section; the first stand above all.
SECTIONS = {10: "名单和学生", 40: "认定和公示", 45: "资助和发放", 51: "控辍保学", 60: "台账和推进", 80: "系统"}


@dataclass(frozen=True)
class NavItem:
    """An entry of the main navigation, in the order of `order` (which also says its section), shown to who may open it."""

    order: int
    label: str
    url: str
    icon: str
    can: P
    active_for: tuple[str, ...] = ()

    @property
    def section(self) -> str:
        return next((label for start, label in reversed(SECTIONS.items()) if self.order >= start), "")


@dataclass(frozen=True)
class Card:
    """A part of a role's home page: `content(request)` → context for `template`, or None when there is nothing."""

    order: int
    can: P
    template: str
    content: Callable[[Any], dict | None]


@dataclass(frozen=True)
class Panel:
    """A part of the student page: `content(request, student)` → context for `template`."""

    order: int
    can: P
    template: str
    content: Callable[[Any, Any], dict | None]


@dataclass(frozen=True)
class HouseholdPanel:
    """A part of a household's page: `content(request, household)` → context for `template`, or None."""

    order: int
    can: P
    template: str
    content: Callable[[Any, Any], dict | None]


@dataclass(frozen=True)
class SearchSource:
    """Where the global search looks: `find(query, limit)` → hits with .label .detail .url."""

    order: int
    label: str
    can: P
    find: Callable[[Any, int], list]


@dataclass(frozen=True)
class Resting:
    """What stands on a batch of facts and forbids to take it back: how many of what, and the page that shows them."""

    label: str
    count: int
    unit: str = "条"
    url: str = ""


@dataclass(frozen=True)
class Merged:
    """What an upper app does with its rows when two students turn out to be one, and when that is taken back.

    `merge(keep, going)` moves the rows of the student `going` to `keep` (keys) and returns what `part(keep, going,
    told)` needs to move them back, as JSON. Both run inside the transaction, seeing everything.
    """

    merge: Callable[[int, int], Any]
    part: Callable[[int, int, Any], None]


@dataclass
class Registry:
    navigation: list[NavItem] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    household_panels: list[HouseholdPanel] = field(default_factory=list)
    searches: list[SearchSource] = field(default_factory=list)
    # Seeders of the demo by their dotted names, lower apps first: each is called with an aidcases.demo.Demo.
    demo: list[tuple[int, str]] = field(default_factory=list)
    # Term codes that have data, newest first, as far as whoever acts can see.
    terms: Callable[[], list[str]] = list
    office_opened: list[Callable[[Any], None]] = field(default_factory=list)
    # What rests on the facts of a students.Batch: each is called with it, seeing everything, before an undo.
    resting: list[Callable[[Any], list[Resting]]] = field(default_factory=list)
    # What is done every hour: each is called with the moment, seeing everything, and says what it did in numbers.
    daily: list[Callable[[datetime], dict[str, int]]] = field(default_factory=list)
    # What follows from changed facts of a few students in sight: each is called with a term they are enrolled in.
    facts_changed: list[Callable[[Any], Any]] = field(default_factory=list)
    # Of a student's key → an expression, true for those who answer to the class teacher who acts (of anybody else, for all).
    own_pupil: list[Callable[[Any], Any]] = field(default_factory=list)
    # The same of those a class teacher sees at all: also whom nobody answers for yet, and whose case they are on.
    pupil_in_sight: list[Callable[[Any], Any]] = field(default_factory=list)
    # name → how an app's rows follow when students are merged.
    merged: dict[str, Merged] = field(default_factory=dict)

    def add(self, *things: Any) -> None:
        homes = {
            NavItem: self.navigation, Card: self.cards, Panel: self.panels, HouseholdPanel: self.household_panels,
            SearchSource: self.searches,
        }  # fmt: skip
        for thing in things:
            home = homes[type(thing)]
            home.append(thing)
            home.sort(key=lambda each: each.order)

    def visible(self, things: Iterable, actor: Any) -> list:
        return [thing for thing in things if actor is not None and actor.may(thing.can)]


registry = Registry()
