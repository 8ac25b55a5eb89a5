"""The public's part: what anybody may send to a county without signing in (a tip, an answer to the survey) and read of it
(the reply by its ticket, who supervises). Nothing says who sent it: no address is kept."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import Organisation
from aidcases.models.places import above
from aidcases.roles import OfficeKind
from aidcases.scoping import Actor, Scope, current_scope
from aidcases.terms import Term
from dropout import asking
from dropout.enums import Answerer, Score, TaskState, Wish
from dropout.models import Inspection, Supervisor, SurveyAnswer, Tip

PUBLIC = Actor("公众")
DRAWS = 10  # draws of inspections that are told
TIP_DAYS = 10  # working days a county has for a tip
SHORTEST, LONGEST = 5, 1000  # characters of a tip
A_HOUR = {"tip": 5, "ticket": 30, "survey": 20}  # from one address to one county
SMALL = 5  # fewer answers than this are not shown
LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that a voice or a pen confuses
TICKET = 10


@dataclass(frozen=True)
class County:
    """A county that has an office here, as the public sees it."""

    code: str
    name: str
    office: str
    path: str

    @property
    def scope(self) -> Scope:
        return Scope(self.path)


def county(code: str) -> County | None:
    found = Organisation.objects.select_related("region").filter(kind=OfficeKind.COUNTY, region_id=code).first()
    return County(code, found.region.name, found.name, found.path) if found and found.region else None


# --- tips ----------------------------------------------------------------------------------------------------------


def shown(ticket: str) -> str:
    """ABCDE-FGHJK: as it is read out and written down."""
    return f"{ticket[: TICKET // 2]}-{ticket[TICKET // 2 :]}"


@transaction.atomic
def send_tip(to: County, *, text: str, contact: str, today: date) -> Tip:
    """A tip for a county, sealed. Raises Refused."""
    if not SHORTEST <= len(text.strip()) <= LONGEST:
        raise Refused(f"请写 {SHORTEST}—{LONGEST} 个字。")
    made = Tip(
        path=to.path, text=text.strip(), contact=contact.strip()[:100] or None, received_on=today,
        ticket="".join(secrets.choice(LETTERS) for _ in range(TICKET)), due_on=asking.due(today, TIP_DAYS),
    )  # fmt: skip
    made.save()
    audit.record("tip.received", subject=made, path=to.path)
    return made


def reply_to(ticket: str) -> dict[str, Any] | None:
    """What whoever holds a ticket may read: how far it is, by when, the reply; None for no ticket of the county in scope."""
    typed = "".join(letter for letter in ticket.upper() if letter in LETTERS)
    found = Tip.objects.filter(ticket=typed).defer("text", "contact").first() if len(typed) == TICKET else None
    if found is None:
        return None
    answered = found.state in (TaskState.DONE, TaskState.CLOSED)
    return {
        "ticket": shown(typed), "received_on": found.received_on, "due_on": found.due_on, "answered": answered,
        "answered_on": found.answered_on, "reply": found.reply if answered else "",
    }  # fmt: skip


# --- supervisors ---------------------------------------------------------------------------------------------------


def supervisors(today: date) -> list[Supervisor]:
    """Those of the county in scope who hold office today; their own telephone is not read."""
    rows = Supervisor.objects.filter(from_on__lte=today).exclude(ended_on__lte=today)
    return list(rows.defer("phone").order_by("pk"))


def draws() -> list[Inspection]:
    """The draws that concern the county in scope, its own and those of offices above it: the seed, the strata, the checksum of
    the list. Anybody who is given the list can draw it again; nobody who was drawn is told here."""
    return list(Inspection._base_manager.filter(path__in=above(current_scope().path)).order_by("-pk")[:DRAWS])


# --- survey --------------------------------------------------------------------------------------------------------


def school_year(today: date) -> int:
    return Term.containing(today).school_year


@transaction.atomic
def vote(to: County, *, who: str, score: int, wish: str, today: date) -> None:
    """One answer of nobody. Raises Refused for what the form does not offer."""
    if who not in Answerer.values or score not in Score.values or wish not in Wish.values:
        raise Refused("请三道题都选好再提交。")
    SurveyAnswer(path=to.path, year=school_year(today), who=who, score=score, wish=wish, answered_on=today).save()


Table = dict[tuple[str, Any], int | None]  # (row, column) → answers; None: not shown


def hidden(counts: dict[tuple[str, Any], int]) -> Table:
    """Counts with the small ones (1 to 4) left out, and as many more that nobody can work them out from the sums of the
    rows and columns, which are shown."""
    table: Table = {cell: None if 0 < n < SMALL else n for cell, n in counts.items()}
    lines = [[c for c in counts if c[side] == name] for side in (0, 1) for name in {c[side] for c in counts}]
    while True:
        # One hidden alone in a line is the difference to its sum: the smallest beside it goes, too.
        lonely = (line for line in lines if sum(table[cell] is None for cell in line) == 1)
        rest = next(filter(None, ([cell for cell in line if table[cell]] for line in lonely)), None)
        if rest is None:
            return table
        table[min(rest, key=lambda cell: (counts[cell], str(cell)))] = None


@dataclass(frozen=True)
class Results:
    """The answers of a school year: by who and how content, and what should become better."""

    year: int
    total: int
    by_who: Table
    wishes: dict[str, int | None]
    content: int | None  # per cent of answers that are 满意 or better; None where it would tell a small number

    @property
    def enough(self) -> bool:
        """Whether any number may be shown."""
        return any(self.by_who.values())


def results(year: int) -> Results:
    """One query for whoever acts; below five answers nothing but the number."""
    rows = SurveyAnswer.objects.filter(year=year).values_list("who", "score", "wish")
    answers = list(rows)
    counted = Counter((who, score) for who, score, _ in answers)
    wished = Counter(wish for *_, wish in answers)
    cells = hidden({(who, score): counted[who, score] for who in Answerer.values for score in Score.values})
    wishes = hidden({("", wish): wished[wish] for wish in Wish.values})
    good = sum(n for (_, score), n in counted.items() if score >= Score.GOOD)
    return Results(
        year, len(answers), cells, {wish: n for (_, wish), n in wishes.items()},
        round(100 * good / len(answers)) if answers and not any(0 < n < SMALL for n in (good, len(answers) - good)) else None,
    )  # fmt: skip
