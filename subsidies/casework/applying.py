"""What a school does with applications: submit, take back, withdraw, decline, open again; a child or all classes at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from aidcases.flow import Refused
from aidcases.scoping import SCHOOL, Actor, current_scope
from aidcases.terms import Term
from subsidies.casework import concluding, form, matched, refusing, struck
from subsidies.casework.windows import Windows
from subsidies.models import Application
from subsidies.models.applications import ApplicationState

# What the panel, the notice and the county added to a form that goes back to be filled in.
_FRESH: dict[str, Any] = {
    "level": "", "score": None, "rank": None, "notice_over": False, "reviewed_by_id": None, "handed_by_id": None,
    "checked_by_id": None,
}  # fmt: skip
# Moves of this module → the columns they set besides the state.
ALSO: dict[str, dict[str, Any]] = {
    "take_back": {}, "withdraw": {}, "decline": {}, "reopen": {**_FRESH, "returned_why": ""}, "reassess": _FRESH,
    "conclude": {}, "return_panel": _FRESH,
}  # fmt: skip
TOLD = ("conclude", "return_panel")  # whose reason stands on the application


@dataclass
class Outcome:
    """How many moved; why others did not: sentence → how many (one may count under several)."""

    moved: int
    refusals: Counter[str] = field(default_factory=Counter)

    def or_refuse(self) -> None:
        """Of a single application: Refused with the reasons when it did not move."""
        if not self.moved:
            raise Refused(*(self.refusals or ["已被他人处理，请刷新后再看。"]))


def of_school_side(rows: QuerySet[Application]) -> QuerySet[Application]:
    """Those whose school lies in the own scope: the home side looks on, the school's side works."""
    scope = current_scope()
    if SCHOOL not in scope.sides:
        return rows.none()
    return rows if scope.path == "/" else rows.filter(school_path__startswith=scope.path)


def submit(rows: QuerySet[Application], term: Term, *, by: Actor, today: date, late_reason: str = "") -> Outcome:
    """Submits what is complete and in time; what is late needs a reason, its own or `late_reason`.

    The lists are looked at once more: a box they tick needs no paper, one they no longer tick does.
    """
    rows, windows = of_school_side(rows.in_term(term)), Windows.read(term)  # type: ignore[attr-defined]
    matched.refresh(rows, term)
    form.mark(rows, term)
    dated = rows.alias(opens=windows.column("opens_on"), closes=windows.column("closes_on"))
    drafts = dated.filter(state=ApplicationState.DRAFT, complete=True)
    if late_reason.strip():
        late = drafts.filter(closes__lt=today, late_reason="")
        Application.objects.filter(pk__in=late.order_by().values("pk")).update(late_reason=late_reason.strip()[:200])
    early = drafts.filter(opens__gt=today)
    unexcused = drafts.filter(closes__lt=today, late_reason="")
    refusals = rows.unmoved("submit")
    refusals += _dated(early, unexcused, windows, term)
    ready = dated.filter(Q(opens__lte=today), Q(closes__gte=today) | ~Q(late_reason=""))
    moved = ready.move("submit", by=by, submitted_by_id=by.user_id, moved_at=Now(), returned_why="")
    return Outcome(moved, refusals)


def _dated(early: QuerySet, unexcused: QuerySet, windows: Windows, term: Term) -> Counter[str]:
    found: Counter[str] = Counter()
    for rows, says in (
        (early, lambda w: f"{term.label}的申请从 {w.opens_on} 开始，现在还不能提交。"),
        (unexcused, lambda w: f"{term.label}的申请 {w.closes_on} 已截止，逾期提交要写明原因。"),
    ):
        for path in rows.order_by().values_list("school_path", flat=True):
            found[says(windows.of(path))] += 1
    return found


@transaction.atomic
def move(rows: QuerySet[Application], name: str, *, by: Actor, note: str = "") -> Outcome:
    """One of ALSO's moves for every row of the set that may make it, with what follows from it: a line before the
    public is struck, a refusal said or taken back, 不困难 determined. Raises Refused."""
    rows = rows if name == "reassess" else of_school_side(rows)
    if name == "return_panel":  # what has come further the county sends back (county.send_back)
        rows = rows.filter(state=ApplicationState.NOT_HARD)
    if name == "withdraw":
        struck.hold(rows)
    refusals = rows.unmoved(name)
    before = dict(rows.order_by("pk").select_for_update(of=("self",), no_key=True).values_list("pk", "state"))
    found = Application.objects.keyed(before)
    told = {"returned_why": note.strip()[:200]} if name in TOLD else {}
    moved = found.move(name, by=by, note=note, moved_at=Now(), **{**ALSO[name], **told})
    if moved and name in _FOLLOWS:
        target = Application.FLOW[name].target
        gone = [pk for pk in found.filter(state=target).values_list("pk", flat=True) if before[pk] != target]
        _FOLLOWS[name]([(pk, before[pk]) for pk in gone], by, note)
    return Outcome(moved, refusals)


def _withdrawn(gone: list[tuple[int, str]], _by: Actor, _note: str) -> None:
    struck.strike_withdrawn([pk for pk, _ in gone])


def _declined(gone: list[tuple[int, str]], by: Actor, note: str) -> None:
    refusing.of_applications([pk for pk, _ in gone], by=by, why=note.strip()[: refusing.LONGEST])


def _reopened(gone: list[tuple[int, str]], by: Actor, _note: str) -> None:
    declined = [pk for pk, before in gone if before == ApplicationState.DECLINED]
    refusing.of_applications(declined, by=by, why="", active=False)


def _concluded(gone: list[tuple[int, str]], _by: Actor, _note: str) -> None:
    concluding.determined([pk for pk, _ in gone])


_FOLLOWS = {"withdraw": _withdrawn, "decline": _declined, "reopen": _reopened, "conclude": _concluded}
