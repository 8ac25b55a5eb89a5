"""The figures of a term for a home page: a few aggregate statements over what whoever acts can see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    Func,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)

from aidcases import sql
from aidcases.models import Region
from aidcases.models.places import above
from aidcases.scoping import current_scope
from aidcases.terms import Term
from students.facts import hardships_in, roll_orphans
from students.models import Enrolment
from subsidies.enums import MAY_CLAIM, Delivery
from subsidies.models import ComputeRun, Entitlement, EntitlementChange, Mark, MissingFigure

# How a child of a priority category stands, best first: the first that holds.
COVERED = {
    "own": "享受按困难情况给的资助",
    "universal": "只享受人人都有的项目",
    "loan": "只可申请贷款",
    "none": "一项都没有",
}


DUE = ~Q(rule__delivery__in=MAY_CLAIM)


def above_counties() -> bool:
    """Whether whoever acts looks after more than one county."""
    return len(current_scope().path.strip("/").split("/")) < 3


def priority(term: Term) -> QuerySet[Enrolment]:
    """Enrolments of children with any hardship category in the term, the roll's own mark of orphans included (the
    fact any_category says the same of one child)."""
    listed = hardships_in(term).order_by().values("person_id")
    return Enrolment.objects.in_term(term).filter(Q(student_id__in=listed) | roll_orphans(term))


def standing(term: Term) -> QuerySet:
    """{"student_id", "covered"} of everyone with an entitlement: the first key of COVERED that holds, never none."""
    return (
        Entitlement.objects.in_term(term)
        .order_by()
        .values("student_id")
        .annotate(
            own=Count("benefit_id", filter=DUE & Q(rule__universal=False)),
            granted=Count("benefit_id", filter=DUE),
        )
        .annotate(
            covered=Case(
                When(own__gt=0, then=Value("own")),
                When(granted__gt=0, then=Value("universal")),
                default=Value("loan"),
                output_field=CharField(),
            )
        )
        .values("student_id", "covered")
    )


def standing_as(covered: str, term: Term) -> Q:
    """Rows with a student_id who stand so."""
    known = standing(term)
    if covered == "none":
        return ~Q(student_id__in=known.values("student_id"))
    return Q(student_id__in=known.filter(covered=covered).values("student_id"))


def coverage(term: Term) -> dict[str, int]:
    """{key of COVERED: children of the priority categories}; every key is there."""
    children, values = sql.compiled(priority(term).order_by().values("student_id"))
    known, more = sql.compiled(standing(term))
    rows = sql.rows(
        f"WITH children AS MATERIALIZED ({children}), known AS MATERIALIZED ({known}) "
        "SELECT COALESCE(known.covered, 'none') AS covered, count(*) AS students "
        "FROM children LEFT JOIN known USING (student_id) GROUP BY 1",
        [*values, *more],
    )
    return dict.fromkeys(COVERED, 0) | {row["covered"]: row["students"] for row in rows}


def marked(term: Term) -> QuerySet[Enrolment]:
    """Enrolments whose facts changed since the term was last computed."""
    return Enrolment.objects.in_term(term).filter(
        student_id__in=Mark.objects.filter(term=term.code).values("student_id")
    )


def counted(term: Term) -> dict[str, int]:
    """People, each kind in sight, in one statement: students, aided, marked, lacking (a figure is not set)."""
    granted = Entitlement.objects.in_term(term).granted()
    sets = {
        "students": Enrolment.objects.in_term(term).values("student_id"),
        "aided": granted.values("student_id").distinct(),
        "marked": marked(term).values("student_id"),
        "lacking": MissingFigure.objects.filter(term=term.code).values("student_id").distinct(),
    }
    texts, params = [], []
    for name, rows in sets.items():
        text, values = sql.compiled(rows.order_by())
        texts.append(f"(SELECT count(*) FROM ({text}) x) AS {name}")
        params += values
    return sql.one(f"SELECT {', '.join(texts)}", params)


def by_benefit(term: Term) -> list[dict[str, Any]]:
    """Per benefit and delivery in order: code, name, delivery, how (its label), students, amount (None where nothing is
    counted in money), loan."""
    rows = (
        Entitlement.objects.in_term(term)
        .order_by("benefit__order", "rule__delivery")
        .values(code=F("benefit__code"), name=F("benefit__name"), delivery=F("rule__delivery"))
        .annotate(students=Count("student_id"), amount=Sum("amount"))
    )
    return [{**row, "how": Delivery(row["delivery"]).label, "loan": row["delivery"] in MAY_CLAIM} for row in rows]


def totals(rows: QuerySet[Entitlement]) -> dict[str, Any]:
    """Of some entitlements: people, lines (人次) and money of what is due; loans and loan_money apart."""
    return rows.order_by().aggregate(
        people=Count("student_id", filter=DUE, distinct=True),
        lines=Count("student_id", filter=DUE),
        money=Sum("amount", filter=DUE, default=Decimal("0.00")),
        loans=Count("student_id", filter=~DUE),
        loan_money=Sum("amount", filter=~DUE, default=Decimal("0.00")),
    )


def last_run(term: Term) -> ComputeRun | None:
    """The newest run of the term that covers whoever acts: the own office's or one above it, of which only the day is
    told. `own`: it may be opened; `altered`: rows in sight it changed or withdrew."""
    altered = EntitlementChange.objects.filter(run=OuterRef("pk")).order_by().values("run").annotate(n=Count("pk"))
    # Beyond the own scope on purpose: a school has to know that its county has computed.
    runs = ComputeRun._base_manager.filter(term=term.code, path__in=above(current_scope().path))
    run = runs.annotate(altered=Subquery(altered.values("n"))).order_by("-pk").first()
    if run:
        run.own = current_scope().covers(run.path)
    return run


def last_run_seen(request: Any, term: Term) -> ComputeRun | None:
    """The same, looked up once a request: several cards of a home page ask."""
    seen: dict[str, ComputeRun | None] = request.__dict__.setdefault("last_runs", {})
    if term.code not in seen:
        seen[term.code] = last_run(term)
    return seen[term.code]


@dataclass
class County:
    """A county's line on a city's home page; `students` 0: no roll yet, `computed_at` None: not computed yet."""

    code: str
    name: str
    students: int = 0
    people: int = 0
    lines: int = 0
    amount: Decimal = Decimal("0.00")
    loans: int = 0
    computed_at: datetime | None = None


# A child counts in the county of the school and in the county of the home, as both counties' own pages do.
_COUNTIES = """
    WITH pupils AS MATERIALIZED (
        SELECT at_school, at_home, count(*) AS students FROM ({pupils}) p GROUP BY at_school, at_home
    ),
    due AS MATERIALIZED (
        SELECT at_school, at_home, count(*) FILTER (WHERE lines > 0) AS people, sum(lines) AS lines,
            sum(amount) AS amount, sum(loans) AS loans
        FROM (
            SELECT student_id, count(*) FILTER (WHERE NOT loan) AS lines,
                sum(amount) FILTER (WHERE NOT loan) AS amount, count(*) FILTER (WHERE loan) AS loans,
                min(at_school) AS at_school, min(at_home) AS at_home
            FROM ({lines}) n GROUP BY student_id
        ) s GROUP BY at_school, at_home
    )
    SELECT code, sum(students)::int AS students, sum(people)::int AS people, sum(lines)::int AS lines,
        COALESCE(sum(amount), 0)::numeric(14,2) AS amount, sum(loans)::int AS loans
    FROM (
        SELECT code, students, 0 AS people, 0 AS lines, 0 AS amount, 0 AS loans
        FROM pupils CROSS JOIN LATERAL ({places})
        UNION ALL
        SELECT code, 0, people, lines, amount, loans FROM due CROSS JOIN LATERAL ({places})
    ) counted GROUP BY code
"""
_PLACES = "SELECT '' AS code UNION ALL SELECT at_school UNION ALL SELECT at_home WHERE at_home <> at_school"


def by_county(term: Term) -> tuple[County, list[County]]:
    """(everything in sight, each child once; the counties under whoever acts, those without data included)."""
    places = {"at_school": _county("school_path"), "at_home": _county("home_path")}
    lines, values = sql.compiled(
        Entitlement.objects.in_term(term)
        .order_by()
        .values("student_id", "amount", loan=Case(When(DUE, then=Value(False)), default=Value(True)), **places)
    )
    pupils, more = sql.compiled(Enrolment.objects.in_term(term).order_by().values(**places))
    text = _COUNTIES.format(lines=lines, pupils=pupils, places=_PLACES)
    found = {row["code"]: row for row in sql.rows(text, [*more, *values])}
    runs = dict(
        ComputeRun.objects.filter(term=term.code, finished_at__isnull=False)
        .order_by()
        .values_list("path")
        .annotate(at=Max("finished_at"))
    )
    regions = Region.objects.under(current_scope().path).filter(level="county").order_by("code")
    counties = [
        County(
            **{**found.get(region.code, {}), "code": region.code, "name": region.name},
            computed_at=_newest(runs, region.path),
        )
        for region in regions
    ]
    return County(**{**found.get("", {}), "code": "", "name": "合计"}), counties


def _county(path: str) -> Func:
    return Func(F(path), Value("/"), Value(4), function="split_part", output_field=CharField())


def _newest(runs: dict[str, datetime], path: str) -> datetime | None:
    return max((at for under, at in runs.items() if path.startswith(under)), default=None)
