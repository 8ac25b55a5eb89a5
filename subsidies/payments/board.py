"""应助、已助、未助: the completeness matrix of a term, and the names behind each of its figures. No cell is empty."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import QuerySet

from aidcases import sql
from aidcases.terms import Term
from students.models import Enrolment
from subsidies.board import priority
from subsidies.models import Benefit
from subsidies.payments.cells import BIT, COLUMNS, OWED, Status, cells_sql
from subsidies.payments.offered import Offered

ALL = "all"  # the column of all children, each counted once
ORDER = tuple(Status)
_EACH = ", ".join(f"COALESCE(sum(n) FILTER (WHERE mask & {bit} <> 0), 0)::int AS {code}" for code, bit in BIT.items())
# What several states are together; the board counts people and person-times of each.
GROUPS: dict[str, tuple[str, tuple[Status, ...]]] = {
    "owed": ("应助", OWED),
    "aided": ("已助", (Status.PAID,)),
    "unaided": ("未助", (Status.DUE, Status.UNPAID, Status.SUSPENDED)),
    "settle": ("待结算", (Status.SETTLE,)),
    "silent": ("没有写原因", (Status.DUE,)),
    "underway": ("办理中（含退票）", (Status.PROCESS, Status.BOUNCED)),
    "bounces": ("退票", (Status.BOUNCED,)),
    "wrong": ("与政策不符", (Status.ERROR,)),
}
_PEOPLE = ", ".join(
    f"'{name}', count(*) FILTER (WHERE states && ARRAY[{', '.join(repr(str(s)) for s in statuses)}])"
    for name, (_, statuses) in GROUPS.items()
)
_MATRIX = f"""
    SELECT benefit_id, status, sum(n)::int AS "all", {_EACH}, NULL::jsonb AS people FROM cells GROUP BY 1, 2
    UNION ALL SELECT benefit_id, 'ready', sum(n)::int, {_EACH}, NULL FROM cells WHERE status = 'due' AND detail = 'ready'
        GROUP BY 1
    UNION ALL SELECT NULL, 'children', count(*)::int, {_EACH}, NULL FROM (SELECT mask, 1 AS n FROM seen) s
    UNION ALL SELECT NULL, 'people', 0, {", ".join("0" for _ in BIT)}, jsonb_build_object({_PEOPLE})
        FROM (SELECT array_agg(DISTINCT status) AS states FROM cells
              WHERE student_id IS NOT NULL AND status <> 'claim' GROUP BY student_id) s
"""


@dataclass
class Cell:
    """Children of a category and what became of a benefit: status → children, only those that occur; together `whole`.
    `ready`: of those without a word (due) whom nothing stops from being listed."""

    category: str
    whole: int
    counts: dict[str, int] = field(default_factory=dict)
    ready: int = 0

    @property
    def label(self) -> str:
        return COLUMNS[self.category][0] if self.category in COLUMNS else "合计（不重复）"

    @property
    def owed(self) -> int:
        return sum(self.counts.get(status, 0) for status in OWED)

    @property
    def paid(self) -> int:
        return self.counts.get(Status.PAID, 0)

    @property
    def tone(self) -> str:
        """That of the worst in it."""
        return next(status.tone for status in ORDER if status in self.counts) if self.counts else "none"

    @property
    def told(self) -> list[tuple[Status, int]]:
        """What it says, the worst first."""
        return [(status, self.counts[status]) for status in ORDER if status in self.counts]

    @property
    def links(self) -> Iterator[tuple[Status, str, str, int]]:
        """The same as links: (status, detail, in words, children). Who is due without a word can be listed now, else has
        back-pay to come."""
        for status, count in self.told:
            if status == Status.DUE and self.ready:
                yield status, "ready", "可以编入批次", self.ready
                if count > self.ready:
                    yield status, "back_pay", "待补发", count - self.ready
            else:
                yield status, "", status.short, count


@dataclass
class Line:
    """A benefit's line; `cells` of all children, then by category in the order of COLUMNS."""

    benefit: Benefit
    claim: bool
    cells: list[Cell]

    @property
    def whole(self) -> Cell:
        return self.cells[0]


@dataclass
class Matrix:
    """`people`: children with at least one such benefit (人数); `times`: child × benefit (人次), by the keys of GROUPS.
    `children`: of each category."""

    term: Term
    lines: list[Line]
    children: dict[str, int]
    people: dict[str, int]
    times: dict[str, int]

    @property
    def grants(self) -> list[Line]:
        """Those that concern somebody here first."""
        found = [line for line in self.lines if not line.claim]
        return sorted(found, key=lambda line: not (line.whole.owed or Status.ERROR in line.whole.counts))

    @property
    def claims(self) -> list[Line]:
        return [line for line in self.lines if line.claim]


def children_of(term: Term, path: str = "/") -> QuerySet[Enrolment]:
    """Enrolments of children of the priority categories, in sight, with home or school under the path."""
    return priority(term).of(path)


def matrix(term: Term, day: date, path: str = "/") -> Matrix:
    """One statement over everything in sight, whatever its size."""
    offered = Offered.of(term)
    sql.run("SET LOCAL jit = off")  # compiling it takes longer than running it
    text, params = cells_sql(offered, children_of(term, path), day, counted=True)
    rows = sql.rows(text + _MATRIX, params)
    benefits = {benefit.pk: benefit for benefit in offered.benefits}
    held = {row["benefit_id"] for row in rows if row["benefit_id"]} - benefits.keys()
    benefits |= Benefit.objects.in_bulk(held) if held else {}
    children = next(row for row in rows if row["status"] == "children")
    counted: dict[int, dict[str, dict[str, int]]] = {key: {} for key in benefits}
    for row in rows:
        if row["benefit_id"]:
            counted[row["benefit_id"]][row["status"]] = row
    ordered = sorted(benefits.values(), key=lambda benefit: (benefit.order, benefit.code))
    lines = [_line(benefit, benefit.pk in offered.claims, counted[benefit.pk], children) for benefit in ordered]
    people = json.loads(next(row for row in rows if row["status"] == "people")["people"])
    times = {
        name: sum(counted[key].get(status, {}).get(ALL, 0) for key in benefits for status in statuses)
        for name, (_, statuses) in GROUPS.items()
    }
    return Matrix(term, lines, {code: children[code] for code in (ALL, *COLUMNS)}, people, times)


def _line(benefit: Benefit, claim: bool, counted: dict[str, dict[str, int]], children: dict[str, int]) -> Line:
    cells = []
    for code in (ALL, *COLUMNS):
        counts = {status: counted[status][code] for status in ORDER if counted.get(status, {}).get(code)}
        # A benefit that came from a rule no longer in force is nobody's else.
        if rest := children[code] - sum(counts.values()):
            counts[Status.NA] = counts.get(Status.NA, 0) + rest
        cells.append(Cell(code, children[code], counts, counted.get("ready", {}).get(code, 0)))
    return Line(benefit, claim, cells)


@dataclass(frozen=True)
class Question:
    """Some cells of the board: which children's, of which benefit, in which state, for which reason; "" and 0 are any."""

    term: Term
    day: date
    path: str = "/"
    category: str = ""
    benefit: int = 0
    statuses: tuple[str, ...] = ()
    detail: str = ""
    student: int = 0

    def sql(self, offered: Offered) -> tuple[str, dict[str, Any]]:
        """The statement up to `FROM cells WHERE …`, without its SELECT: (WITH …, WHERE …), parameters."""
        children = children_of(self.term, self.path)
        children = children.filter(student=self.student) if self.student else children
        text, params = cells_sql(offered, children, self.day, self.benefit)
        return text, {
            **params, "bit": BIT.get(self.category, 0), "statuses": list(self.statuses), "detail": self.detail,
        }  # fmt: skip


ASKED = """(%(bit)s = 0 OR mask & %(bit)s <> 0) AND (%(benefit)s = 0 OR benefit_id = %(benefit)s)
    AND (%(statuses)s::text[] = '{}' OR status = ANY (%(statuses)s::text[])) AND (%(detail)s = '' OR detail = %(detail)s)"""


@dataclass(frozen=True)
class Name:
    """A child's cell, by keys."""

    student_id: int
    benefit_id: int
    status: Status
    detail: str
    school_path: str


def names(question: Question, offered: Offered) -> list[Name]:
    """The cells asked for, by school, class and child; a county's are few enough to be listed whole."""
    text, params = question.sql(offered)
    rows = sql.rows(
        f"{text} SELECT c.student_id, c.benefit_id, c.status, c.detail, n.school_path FROM cells c "
        f"JOIN students_enrolment n ON n.student_id = c.student_id AND n.term = %(term)s WHERE {ASKED} "
        "ORDER BY n.school_path, n.stage, n.grade, n.class_name, c.student_id, c.benefit_id",
        params,
    )
    return [Name(row["student_id"], row["benefit_id"], Status(row["status"]), row["detail"], row["school_path"]) for row in rows]

