"""名额: seats of a school, term and level. `used` is counted by a trigger on the applications (migration 0008), so every
move frees or takes its seat by itself; here seats are set, and a set of new levels is held against what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count, IntegerField, Q, QuerySet, Value
from django.db.models.functions import Cast

from aidcases import audit, sql
from aidcases.flow import Refused
from aidcases.models import School
from aidcases.scoping import OFFICE, Actor, current_scope
from aidcases.terms import Term
from subsidies.casework.scoring import LEVELS
from subsidies.enums import Level
from subsidies.models import Application, Quota
from subsidies.models.applications import ApplicationState

S = ApplicationState
# In these states an application holds a seat of its level: the list SEATED of migration 0008.
SEATED = (S.PANEL_REVIEWED, S.IN_NOTICE, S.NOTICE_CLOSED, S.COUNTY_REVIEW, S.APPROVED)
MOST_SEATS = 100_000


@dataclass(frozen=True)
class Seats:
    """`planned`: what a meeting has given and nobody has confirmed yet. `seats` None: no quota is set."""

    level: Level
    seats: int | None
    used: int
    planned: int = 0

    @property
    def left(self) -> int | None:
        return None if self.seats is None else self.seats - self.used

    @property
    def over(self) -> int:
        """How many more than there are seats."""
        return 0 if self.left is None else max(self.planned - self.left, 0)

    def refusal(self) -> str:
        return (
            f"“{self.level.label}”名额 {self.seats} 个，已用 {self.used} 个，还剩 {self.left} 个，这次要通过 {self.planned} 个，"
            f"多 {self.over} 个。请调整等级，或请县学生资助管理中心增加名额。"
        )


def lock(school: School, term: str) -> None:
    """Nobody takes, frees or sets a seat of the school until the transaction ends. After the applications' own locks."""
    sql.lock("quota", school.pk, term)


def headroom(school: School, term: str, planned: Mapping[str, int] | None = None) -> list[Seats]:
    """The three levels of a school, as of now. One query."""
    number = IntegerField()
    seated = Application.objects.in_term(Term.parse(term)).filter(school=school, state__in=SEATED).order_by()
    used = seated.values_list("level").annotate(seats=Value(None, number), n=Cast(Count("pk"), number))
    held = Quota.objects.filter(school=school, term=term).order_by().values_list("level", "seats", Value(0, number))
    rows = list(held.union(used, all=True))
    seats = {level: most for level, most, _ in rows if most is not None}
    taken = Counter({level: n for level, most, n in rows if most is None})
    return [Seats(level, seats.get(level), taken[level], (planned or {}).get(level, 0)) for level in LEVELS]


def counted(which: Q, term: str) -> Counter[tuple[int, str]]:
    """(school, level) → applications that hold a seat."""
    rows = Application.objects.in_term(Term.parse(term)).filter(which, state__in=SEATED).order_by()
    groups = rows.values("school", "level").annotate(n=Count("pk"))
    return Counter({(row["school"], row["level"]): row["n"] for row in groups})


def must_fit(school: School, term: str, planned: Mapping[str, int]) -> None:
    """Raises Refused with how many seats are left. Hold lock() while it matters."""
    if over := [seats.refusal() for seats in headroom(school, term, planned) if seats.over]:
        raise Refused(*over)


# --- the county ----------------------------------------------------------------------------------------------------


def schools() -> QuerySet[School]:
    """Those of the own area."""
    scope = current_scope()
    return School.objects.filter(path__startswith=scope.path).order_by("region__path", "name", "pk")


def lines(found: Iterable[School], term: Term) -> list[dict[str, Any]]:
    """Of each school: its three levels and how many applications wait for its panel. Three queries, however many."""
    found = list(found)
    rows = {(q.school_id, q.level): q for q in Quota.objects.filter(school__in=found, term=term.code)}
    used = counted(Q(school__in=found), term.code)
    waiting = Application.objects.in_term(term).filter(school__in=found, state=S.SUBMITTED).order_by()
    waits = dict(waiting.values_list("school").annotate(n=Count("pk")))
    return [
        {
            "school": school,
            "waiting": waits.get(school.pk, 0),
            "levels": [
                Seats(
                    level,
                    rows[school.pk, level].seats if (school.pk, level) in rows else None,
                    used[school.pk, level],
                )
                for level in LEVELS
            ],
        }
        for school in found
    ]


@transaction.atomic
def set_seats(wanted: Mapping[tuple[School, Level], int | None], term: Term, *, by: Actor) -> int:
    """Sets (None: takes away) the seats of many schools at once; all or nothing. → rows changed. Raises Refused where a
    school lies outside, a number is impossible or smaller than what is used."""
    touched = sorted({school for school, _ in wanted}, key=lambda school: school.pk)
    if outside := [school.name for school in touched if not current_scope().covers(school.path, OFFICE)]:
        raise Refused(f"{'、'.join(outside[:5])}不在本辖区。")
    for school in touched:
        lock(school, term.code)
    used = counted(Q(school__in=touched), term.code)
    wrong = [text for (school, level), seats in wanted.items() if (text := _wrong(school, level, seats, used))]
    if wrong:
        raise Refused(*wrong[:10])
    held = {(q.school_id, q.level): q for q in Quota.objects.filter(school__in=touched, term=term.code)}
    changed = sum(
        _set(held.get((school.pk, level)), school, level, seats, used[school.pk, level], term, by)
        for (school, level), seats in wanted.items()
    )
    audit.record("quota.set", term=term.code, rows=changed)
    return changed


def _wrong(school: School, level: Level, seats: int | None, used: Counter[tuple[int, str]]) -> str:
    if seats is None:
        return ""
    if not 0 <= seats <= MOST_SEATS:
        return f"{school.name}“{level.label}”的名额 {seats} 不对，请填 0 到 {MOST_SEATS:,} 的整数。"
    if (n := used[school.pk, level]) > seats:
        return f"{school.name}“{level.label}”已通过 {n} 人，名额不能少于 {n}。"
    return ""


def _set(held: Quota | None, school: School, level: Level, seats: int | None, used: int, term: Term, by: Actor) -> int:
    if (held.seats if held else None) == seats:
        return 0
    if seats is None and held:
        held.delete()
    elif held:
        Quota.objects.filter(pk=held.pk).update(seats=seats, used=used, set_by=by.name)
    else:
        Quota(
            school=school, path=school.path, term=term.code, level=level, seats=seats or 0, used=used, set_by=by.name
        ).save()
    return 1


def pasted(text: str) -> dict[tuple[School, Level], int | None]:
    """Lines from a sheet: school code or name, then the seats of 特别困难, 困难, 一般困难 (empty: no quota), divided by
    tabs, commas or spaces. Raises Refused naming every line that can't be read."""
    rows = [(n, _cells(line)) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    named = {key for _, cells in rows for key in cells[:1]}
    found: dict[str, list[School]] = {}
    for school in schools().filter(Q(code__in=named) | Q(name__in=named)):
        found.setdefault(school.code, []).append(school)
        found.setdefault(school.name, []).append(school)
    wanted: dict[tuple[School, Level], int | None] = {}
    wrong = []
    for n, (name, *numbers) in rows:
        if len(match := found.get(name, [])) != 1:
            several = f"有 {len(match)} 所学校叫“{name}”，请写学校标识码。"
            wrong.append(f"第 {n} 行：" + (several if match else f"没有学校“{name}”。"))
        elif len(numbers) > 3 or any(number and not number.isdecimal() for number in numbers):
            wrong.append(f"第 {n} 行：“{name}”后面请写三个整数（特别困难、困难、一般困难）。")
        else:
            numbers += [""] * (3 - len(numbers))
            wanted.update({(match[0], level): int(s) if s else None for level, s in zip(LEVELS, numbers, strict=True)})
    if wrong or not wanted:
        raise Refused(*(wrong[:10] or ["没有读到名额。每行写：学校标识码或名称、特别困难、困难、一般困难。"]))
    return wanted


def _cells(line: str) -> list[str]:
    """A sheet's line by its tabs; typed by hand, by commas or spaces."""
    if "\t" in line:
        return [cell.strip() for cell in line.split("\t")]
    return [cell for cell in line.replace("，", " ").replace(",", " ").split() if cell]
