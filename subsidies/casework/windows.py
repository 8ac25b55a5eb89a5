"""申请时间: when applications of a term are taken in an area; a county's own window before the default."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import BooleanField, Case, DateField, Expression, Value, When

from aidcases.flow import Refused
from aidcases.scoping import Actor, current_scope
from aidcases.terms import Term
from subsidies.models import ApplicationWindow

EARLY, OPEN, LATE = "early", "open", "late"


@dataclass(frozen=True)
class Window:
    """Both days count. `path`: whose it is, "" for the default."""

    path: str
    opens_on: date
    closes_on: date
    stamp_required: bool = False

    def state(self, today: date) -> str:
        """EARLY, OPEN or LATE."""
        if today < self.opens_on:
            return EARLY
        return OPEN if today <= self.closes_on else LATE


def default(term: Term) -> Window:
    """Autumn: the month of September. Spring: February, before the term's formal first day."""
    if term.autumn:
        return Window("", date(term.year, 9, 1), date(term.year, 9, 30))
    return Window("", date(term.year, 2, 1), term.first_day - timedelta(days=1))


@dataclass(frozen=True)
class Windows:
    """Those of a term, the nearest office's first."""

    default: Window
    own: tuple[Window, ...]

    @classmethod
    def read(cls, term: Term) -> Windows:
        """One query. Windows are set by the offices above a school, so they are read past the scope."""
        rows = ApplicationWindow._base_manager.filter(term=term.code).values_list(
            "path", "opens_on", "closes_on", "stamp_required"
        )
        found = sorted((Window(*row) for row in rows), key=lambda window: -len(window.path))
        return cls(default(term), tuple(found))

    def of(self, path: str) -> Window:
        """The window that holds for a school (or an office) by its path."""
        return next((window for window in self.own if path.startswith(window.path)), self.default)

    def column(self, name: str) -> Expression:
        """`opens_on`, `closes_on` or `stamp_required` for rows with a school_path."""
        kind = BooleanField() if name == "stamp_required" else DateField()
        whens = [When(school_path__startswith=w.path, then=Value(getattr(w, name))) for w in self.own]
        return Case(*whens, default=Value(getattr(self.default, name)), output_field=kind)


def set_window(term: Term, *, opens_on: date, closes_on: date, stamp_required: bool, by: Actor) -> ApplicationWindow:
    """The own office's window of a term. Raises Refused."""
    if closes_on < opens_on:
        raise Refused("截止日期不能早于开始日期。")
    if not term.first_day - timedelta(days=180) <= opens_on <= term.last_day:
        raise Refused(f"开始日期 {opens_on} 离{term.label}太远，请核对年份。")
    said = {"opens_on": opens_on, "closes_on": closes_on, "stamp_required": stamp_required, "set_by": by.name}
    window, _ = ApplicationWindow.objects.update_or_create(path=current_scope().path, term=term.code, defaults=said)
    return window
