"""教育扶贫基本情况汇总台账: people, person-times and money by stage and benefit; loans in a sheet of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Exists,
    F,
    FilteredRelation,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Concat

from aidcases import sql
from aidcases.spans import Span, terms_of
from aidcases.terms import Term
from ledgers.areas import Area
from ledgers.definition import Column, Figures, Ledger, Listing, Summary, labelled, last_four
from ledgers.definitions import calendar_bridge
from ledgers.definitions.payment_roll import GRADES, TERM
from ledgers.facts import one_each
from ledgers.workbook import Kind
from students.enums import Category, Stage
from students.facts import hardships_in, roll_orphans
from students.models import Enrolment, Student
from subsidies.enums import MAY_CLAIM, EntitlementState
from subsidies.models import Entitlement, Payment

GRANTS, LOANS = "汇总", "可申请（贷款）"
OTHER = "其他"
# Each student is counted once, under the first of these that holds; what holds is read as in subsidies.facts.
CATEGORIES: dict[str, tuple[Category, ...]] = {
    "脱贫/监测": (
        Category.REGISTERED_POOR, Category.MONITORED_UNSTABLE, Category.MONITORED_MARGINAL, Category.MONITORED_SUDDEN,
    ),
    "低保": (Category.DIBAO_RURAL, Category.DIBAO_URBAN),
    "特困": (Category.TEKUN_RURAL, Category.TEKUN_URBAN),
    "孤儿": (Category.ORPHAN,),
    "残疾": (Category.DISABLED,),
}  # fmt: skip
# Why a line is not paid; a child's line of a benefit is in exactly one of these, or paid.
WAYS = {
    "unlisted": "没有列入发放", "process": "正在发放", "bounced": "退票", EntitlementState.SUSPENDED: "暂停",
    EntitlementState.NOT_PAID: "不发放",
}  # fmt: skip
MORE = "见各项目"  # the reasons of several benefits do not add up to people
NOTHING = {
    "people": 0, "times": 0, "yuan": Decimal("0.00"), "paid": 0, "paid_yuan": Decimal("0.00"),
    **dict.fromkeys((*CATEGORIES, OTHER, *WAYS), 0),
}  # fmt: skip

OF_PEOPLE, OF_APPLICANTS = "应资助人数其中（每人只计一类）", "可申请人数其中（每人只计一类）"
HEADS = (
    Column(("学段",), "stage", 11),
    Column(("资助项目",), "benefit", 26),
)
PEOPLE: dict[str, Any] = {"kind": Kind.INTEGER, "total": True}


def _by_category(head: str, width: float) -> Iterator[Column]:
    for number, name in enumerate((*CATEGORIES, OTHER)):
        yield Column((head, name), name, width, **PEOPLE, opens={"figure": f"category-{number}"})


COLUMNS = (
    *HEADS,
    Column(("应资助人数",), "people", 9, **PEOPLE, opens={"figure": "people"}),
    Column(("实资助人数",), "paid", 9, **PEOPLE, opens={"figure": "paid"}),
    Column(("人次",), "times", 9, **PEOPLE, opens={"figure": "times"}),
    Column(("金额",), "yuan", 15, Kind.MONEY, total=True, opens={"figure": "times"}),
    Column(("实发金额",), "paid_yuan", 15, Kind.MONEY, total=True, opens={"figure": "paid_yuan"}),
    *_by_category(OF_PEOPLE, 8),
    Column(("未资助人数",), "unpaid", 9, **PEOPLE, opens={"figure": "unpaid"}),
    Column(("未资助原因",), "reason", 20),
)
LOAN_COLUMNS = (
    *HEADS,
    Column(("可申请人数",), "people", 12, **PEOPLE, opens={"figure": "people"}),
    Column(("可申请最高额",), "yuan", 18, Kind.MONEY, total=True, opens={"figure": "times"}),
    *_by_category(OF_APPLICANTS, 10),
)


_COUNTED = """
    WITH entitled AS MATERIALIZED ({lines}),
    paying AS (
        SELECT student_id, benefit_id, term, bool_or(state = 'paid') AS paid, bool_or(state = 'bounced') AS bounced,
            sum(amount) FILTER (WHERE state = 'paid') AS paid_yuan
        FROM subsidies_payment WHERE term = ANY(%s) AND state <> 'cancelled' GROUP BY student_id, benefit_id, term
    ),
    lines AS MATERIALIZED (
        SELECT e.*, COALESCE(p.paid, false) AS paid, p.paid_yuan, CASE WHEN p.paid THEN 'paid' WHEN p.bounced THEN 'bounced'
            WHEN p.student_id IS NOT NULL THEN 'process' WHEN e.state = 'due' THEN 'unlisted' ELSE e.state END AS way,
            {open} AS open
        FROM entitled e LEFT JOIN paying p USING (student_id, benefit_id, term) {same}
    ),
    counted AS (
        SELECT loan, stage, benefit_id, GROUPING(stage) = 1 AS whole, GROUPING(benefit_id) = 1 AS subtotal,
            count(DISTINCT student_id) AS people, count(*) AS times, COALESCE(sum(amount), 0)::numeric(14,2) AS yuan,
            count(DISTINCT student_id) FILTER (WHERE paid) AS paid,
            COALESCE(sum(paid_yuan), 0)::numeric(14,2) AS paid_yuan, {categories}, {ways}
        FROM lines GROUP BY GROUPING SETS ((loan), (loan, stage), (loan, stage, benefit_id))
    )
    SELECT c.*, b.name AS benefit, b.code FROM counted c LEFT JOIN subsidies_benefit b ON b.id = c.benefit_id
    ORDER BY b."order", b.code
"""
# Over several terms a child is unpaid who was not paid in any, and the reason is that of the last term.
_OPEN_OVER = """NOT bool_or(COALESCE(p.paid, false)) OVER same AND rank() OVER (
                PARTITION BY e.student_id, e.benefit_id, e.stage, e.loan ORDER BY array_position(%s, e.term) DESC) = 1"""
_SAME = "WINDOW same AS (PARTITION BY e.student_id, e.benefit_id, e.stage, e.loan)"


def _in_category(terms: tuple[Term, ...], categories: tuple[Category, ...]) -> Q:
    """Of students for whom one of them holds in one of the terms, so that each has one category in all."""
    found = Q()
    for term in terms:
        found |= Q(student__in=hardships_in(term).filter(category__in=categories).values("person"))
        if Category.ORPHAN in categories:
            marked = Enrolment.objects.in_term(term).filter(roll_orphans(term))
            found |= Q(student__in=marked.values("student"))
    return found


def _entitled(when: Term | Span, area: Area) -> QuerySet[Entitlement]:
    """student × benefit × term with loan or grant, and the number of the student's first category."""
    terms = terms_of(when)
    first = [When(_in_category(terms, held), then=Value(n)) for n, held in enumerate(CATEGORIES.values())]
    return (
        Entitlement.objects.filter(term__in=[term.code for term in terms])
        .of(area.path)
        .order_by()
        .annotate(
            loan=Case(When(rule__delivery__in=MAY_CLAIM, then=Value(True)), default=Value(False)),
            category=Case(*first, default=Value(len(CATEGORIES)), output_field=IntegerField()),
        )
    )


def _figures(when: Term | Span, area: Area) -> list[dict[str, Any]]:
    """People, lines and money per (loan or grant, stage, benefit), with the subtotals, in one statement.

    Subtotals and totals count people once, so they are no sums of their lines.
    """
    lines, params = sql.compiled(
        _entitled(when, area).values(
            "student_id", "benefit_id", "term", "amount", "state", "loan", "category", stage=F("enrolment__stage")
        )
    )
    names = (*CATEGORIES, OTHER)
    categories = ", ".join(
        f'count(DISTINCT student_id) FILTER (WHERE category = {n}) AS "{name}"' for n, name in enumerate(names)
    )
    ways = ", ".join(f"count(DISTINCT student_id) FILTER (WHERE open AND way = '{way}') AS {way}" for way in WAYS)
    codes = [term.code for term in terms_of(when)]
    over = len(codes) > 1
    counted = _COUNTED.format(
        lines=lines, categories=categories, ways=ways, open=_OPEN_OVER if over else "true", same=_SAME if over else ""
    )
    return sql.rows(counted, [*params, codes, *([codes] if over else [])])


def _row(
    counted: dict[str, Any], stage: str, benefit: str, opens: dict[str, str], *, subtotal: bool = False
) -> Figures:
    unpaid = counted["people"] - counted["paid"]
    waiting = {word: counted[way] for way, word in WAYS.items() if counted[way]}
    reason = "；".join(waiting) if len(waiting) == 1 else "；".join(f"{word} {n} 人" for word, n in waiting.items())
    if subtotal and len(waiting) > 1:
        reason = MORE
    figures = {**counted, "stage": stage, "benefit": benefit, "unpaid": unpaid, "reason": reason}
    return Figures(figures, subtotal, opens)


def _block(name: str, columns: tuple[Column, ...], counted: list[dict[str, Any]]) -> Summary:
    """A sheet: per stage its benefits and their 小计."""
    whole = next((row for row in counted if row["whole"]), NOTHING)
    lines = []
    for stage in Stage:
        rows = [row for row in counted if row["stage"] == stage and not row["subtotal"]]
        lines += [_row(row, stage.label, row["benefit"], {"stage": stage, "benefit": row["code"]}) for row in rows]
        lines += [
            _row(row, stage.label, "小计", {"stage": stage}, subtotal=True)
            for row in counted
            if row["stage"] == stage and row["subtotal"]
        ]
    if columns is LOAN_COLUMNS:
        lines = [replace(line, opens={**(line.opens or {}), "loan": "1"}) for line in lines]
    opens = {"loan": "1"} if columns is LOAN_COLUMNS else {}
    return Summary(name, columns, _row(whole, "合计", "", opens, subtotal=True), tuple(lines))


def _tables(when: Term | Span, area: Area) -> list[Summary]:
    counted = _figures(when, area)
    loans = [row for row in counted if row["loan"]]
    tables = [_block(GRANTS, COLUMNS, [row for row in counted if not row["loan"]])]
    return tables + ([_block(LOANS, LOAN_COLUMNS, loans)] if loans else [])


# What a figure's list shows of a child, and of a line.
_GRADE = Concat("here__stage", Value("-"), "here__grade", output_field=CharField())
OF_CHILD = (
    Column(("姓名",), F("person__name"), 10),
    Column(("证件号码",), F("person__id_number"), 19, masked=last_four("person__id_last4")),
    Column(("学校",), F("here__school__name"), 20),
    Column(("学段",), labelled(F("here__stage"), dict(Stage.choices)), 9),
    Column(("年级",), labelled(_GRADE, GRADES), 9),
)
OF_LINE = (
    Column(("姓名",), F("student__person__name"), 10),
    Column(("证件号码",), F("student__person__id_number"), 19, masked=last_four("student__person__id_last4")),
    Column(("学校",), F("school__name"), 20),
    Column(("学段",), labelled(F("enrolment__stage"), dict(Stage.choices)), 9),
    Column(("资助项目",), F("benefit__name"), 24),
    TERM,
    Column(("金额",), F("amount"), 12, Kind.MONEY, total=True),
    Column(("实发金额",), F("paid_yuan"), 12, Kind.MONEY, total=True),
)


def _here(when: Term | Span) -> Q:
    """Each child's enrolment of the last of the terms it has one in."""
    if isinstance(when, Term):
        return Q(enrolments__term=when.code)
    order = Case(*(When(term=term.code, then=Value(n)) for n, term in enumerate(terms_of(when))), default=Value(-1))
    rows = Enrolment.objects.filter(term__in=[term.code for term in terms_of(when)]).annotate(at=order)
    return Q(enrolments__in=one_each(rows, "student", newest="at"))


def _behind(when: Term | Span, area: Area, asked: Mapping[str, str]) -> Listing:
    """A line for each child of a number of people, for each entitlement of person-times and money."""
    paying = Payment.objects.filter(student=OuterRef("student"), benefit=OuterRef("benefit"), term=OuterRef("term"), state="paid")
    yuan = paying.order_by().values("student").annotate(yuan=Sum("amount")).values("yuan")
    lines = _entitled(when, area).filter(loan=asked.get("loan") == "1")
    if asked.get("stage"):
        lines = lines.filter(enrolment__stage=Stage(asked["stage"]))
    if asked.get("benefit"):
        lines = lines.filter(benefit__code=asked["benefit"])
    figure, about = asked.get("figure", "people"), ("aid-summary", when.code)
    if figure in ("times", "paid_yuan"):
        lines = lines.filter(Exists(paying)) if figure == "paid_yuan" else lines
        lines = lines.annotate(paid_yuan=Subquery(yuan)).order_by(
            "school_path", "student_id", "benefit__order", "benefit_id", "term"
        )
        return Listing("明细", OF_LINE, lines, "student__person__id_hash", about)
    given = lines.filter(Exists(paying)).values("student")
    if figure.startswith("category-"):
        lines = lines.filter(category=int(figure.removeprefix("category-")))
    here = FilteredRelation("enrolments", condition=_here(when))
    children = Student.objects.filter(pk__in=lines.values("student")).annotate(here=here)
    if figure in ("paid", "unpaid"):
        paid = Q(pk__in=given)
        children = children.filter(paid if figure == "paid" else ~paid)
    elif figure != "people" and not figure.startswith("category-"):
        raise KeyError(figure)
    found = children.order_by("here__school_path", "here__stage", "here__grade", "pk")
    return Listing("名单", OF_CHILD, found, "person__id_hash", about)


def _notes(when: Term | Span, area: Area, part: str) -> list[str]:
    whom = "本校在读学生" if area.is_school else "户籍或学校在本地的在读学生（户籍、学校分属两地的，两地各统计一次）"
    if part == LOANS:
        return [
            f"统计{when.label}的{whom}。",
            "助学贷款由学生自愿申请，金额为本学年可申请的最高额，单位元；不是应享资助，不与汇总表相加。",
        ]
    return [
        f"统计{when.label}的{whom}。",
        "人数按人计，同一学生享受几项，小计、合计中只计 1 人；人次按项目计，每人每项计 1 人次。",
        f"金额为{'本学期' if isinstance(when, Term) else '各学期'}应享金额，实发金额为已发放到账的金额，单位元；"
        "免费和实物项目不计金额，以结算登记为已资助。",
        *calendar_bridge.tie(when, area),
        "实资助人数为至少有一笔已发放的人数；未资助人数为应资助人数减实资助人数。",
        "助学贷款属于可申请项目，另列一表，不计入应资助人数、人次和金额。",
    ]


AID_SUMMARY = Ledger(
    code="aid-summary",
    title="教育扶贫基本情况汇总台账",
    use="按学段和资助项目汇总应资助人数、人次、金额和困难类别，用于上报和对账。",
    unit="人、人次、元",
    tables=_tables,
    notes=_notes,
    behind=_behind,
    several=True,
)
