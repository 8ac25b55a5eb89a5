"""Where a task's figures come from when nobody types them: named sets of rows in the system, counted in SQL, which open."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, DateField, DecimalField, F, IntegerField, Q, QuerySet, Sum, Value
from django.db.models.functions import Cast, Coalesce

from aidcases.roles import P
from dropout.indicators import is_school
from dropout.models import DropoutCase, Visit
from dropout.rounds import closed_in, returned_in
from ledgers.models import WorkTask
from ledgers.models.progress import Unit
from ledgers.progress.spans import Span
from students.places import codes_of
from subsidies.models import Gift, Payment

EXACT = DecimalField(max_digits=18, decimal_places=6)
Counted = Callable[[Q | None], Any]


def _days(column: str) -> Callable[[date, date], Q]:
    return lambda first, last: Q(**{f"{column}__gte": first, f"{column}__lte": last})


def _number(column: str, *, distinct: bool = False) -> Counted:
    return lambda which: Cast(Count(column, distinct=distinct, filter=which), EXACT)


def _wan(column: str) -> Counted:
    """Yuan as 万元, exactly."""
    return lambda which: Cast(Coalesce(Sum(column, filter=which), Decimal(0)), EXACT) / Value(Decimal(10000), EXACT)


@dataclass(frozen=True)
class Source:
    """`rows` of everything in sight, `during` those of some days, `counted` what they come to. home, school: owner paths,
    office: that of the county which did it; student: how a row leads to its student; day, yuan: columns that the list of
    names shows ("" for none of these); can: who may open the names; of_benefit: the task may name one benefit."""

    code: str
    label: str
    unit: Unit
    can: P
    rows: Callable[[], QuerySet]
    during: Callable[[date, date], Q]
    counted: Counted
    student: str = "student"
    home: str = "home_path"
    school: str = "school_path"
    office: str = ""
    day: str = ""
    yuan: str = ""
    of_benefit: bool = False

    def within(self, path: str) -> Q:
        """What counts for an office: a school's pupils, a township's or village's children at home there, of a county or
        city what it did itself, else both (each row once). The same for everybody who looks."""
        home, school = Q(**{f"{self.home}__startswith": path}), Q(**{f"{self.school}__startswith": path})
        if is_school(path):
            return school
        if len(codes_of(path)) > 3:
            return home
        return Q(**{f"{self.office}__startswith": path}) if self.office else home | school

    @property
    def whose(self) -> str:
        """In words."""
        of_county = "县、市按本地编制的发放批次" if self.office else "县、市按家或学校在本地的学生"
        return f"{of_county}，学校按本校学生，乡镇按家在本地的学生统计"

    def of(self, task: WorkTask, first: date, last: date) -> QuerySet:
        found = self.rows().filter(self.within(task.path), self.during(first, last))
        return found.filter(benefit__code=task.benefit) if self.of_benefit and task.benefit else found


_PAID: dict[str, Any] = {"can": P.PAYMENT_VIEW, "rows": lambda: Payment.objects.paid(), "day": "paid_on", "yuan": "amount",
                         "of_benefit": True, "office": "batch__path", "during": _days("paid_on")}  # fmt: skip
_CASE: dict[str, Any] = {"can": P.DROPOUT_VIEW, "unit": Unit.PEOPLE, "rows": lambda: DropoutCase.objects.all(),
                         "counted": _number("pk")}  # fmt: skip
SOURCES: dict[str, Source] = {
    source.code: source
    for source in (
        Source("paid-people", "已发放资助的学生（每人计一次）", Unit.PEOPLE, counted=_number("student", distinct=True), **_PAID),
        Source("paid-times", "已发放资助的人次", Unit.TIMES, counted=_number("pk"), **_PAID),
        Source("paid-money", "已发放资助的金额", Unit.WAN, counted=_wan("amount"), **_PAID),
        Source(
            "gift-money", "社会捐助发放的金额和物资价值", Unit.WAN, P.GIVING_VIEW, lambda: Gift.objects.all(),
            _days("given_on"), _wan("yuan"), day="given_on", yuan="yuan",
        ),
        Source("returned", "劝返复学的学生", during=lambda first, last: returned_in((first, last)), **_CASE),
        Source("closed", "辍学销号的学生", during=lambda first, last: closed_in((first, last)), **_CASE),
        Source(
            "visits", "控辍走访次数", Unit.TIMES, P.DROPOUT_VIEW, lambda: Visit.objects.all(), _days("visited_at__date"),
            _number("pk"), student="case__student", home="case__home_path", school="case__school_path", day="visited_at__date",
        ),
    )
}  # fmt: skip


def counted(tasks: Iterable[WorkTask], span: Span) -> dict[int, tuple[Decimal, Decimal]]:
    """Key of each task with a source → (in the span, since the year began), in one statement."""
    parts = []
    for task in tasks:
        source = SOURCES[task.source]
        rows = source.of(task, date(span.year, 1, 1), span.last).order_by()
        named = rows.annotate(task_key=Value(task.pk, IntegerField())).values("task_key")
        now = source.during(span.first, span.last)
        told = named.annotate(now=source.counted(now), so_far=source.counted(None))
        parts.append(told.values_list("task_key", "now", "so_far"))
    if not parts:
        return {}
    found = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]
    return {key: (now, so_far) for key, now, so_far in found}


def shown(source: Source, rows: QuerySet) -> QuerySet:
    """For the list of names: child (key), name, day, yuan."""
    student = source.student
    day = F(source.day) if source.day else Value(None, DateField())
    yuan = F(source.yuan) if source.yuan else Value(None, EXACT)
    return rows.order_by("pk").values(
        child=F(student), name=F(f"{student}__person__name"), day=day, yuan=yuan,
    )  # fmt: skip
