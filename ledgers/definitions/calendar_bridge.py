"""学年与年度对账表: what was paid of a school year and in a calendar (fiscal) year, month by month, and why they differ."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import ExtractMonth, ExtractYear

from aidcases import spans
from aidcases.roles import P
from aidcases.spans import Span
from aidcases.terms import Term
from ledgers.areas import Area
from ledgers.definition import Column, Figures, Ledger, Listing, Shown, Summary
from ledgers.workbook import Kind
from subsidies.models import Payment

TITLE = "学年与年度资助资金对账表"
BOTH, YEAR_ONLY, OTHER_ONLY = "两边都计", "只计学年", "只计年度"
WORDS = {
    BOTH: "学年内的学期，年度内到账",
    YEAR_ONLY: "学年内的学期，年度外到账",
    OTHER_ONLY: "其他学年的学期，年度内到账",
}
NOTHING = Decimal("0.00")
SCHOOL_YEAR, CALENDAR_YEAR = "按学年", "按年度"
MONEY: dict[str, Any] = {"kind": Kind.MONEY, "total": True}
COLUMNS = (
    Column(("归属",), "side", 26),
    Column(("学期",), "term", 24),
    Column(("到账月份",), "month", 11),
    Column(("人次",), "times", 9, Kind.INTEGER, total=True, opens={}),
    Column((SCHOOL_YEAR, "计入学年"), "school", 16, **MONEY, opens={"figure": SCHOOL_YEAR}),
    Column((SCHOOL_YEAR, "其中不计入年度"), "school_alone", 16, **MONEY, opens={"figure": YEAR_ONLY}),
    Column((CALENDAR_YEAR, "计入年度"), "calendar", 16, **MONEY, opens={"figure": CALENDAR_YEAR}),
    Column((CALENDAR_YEAR, "其中不计入学年"), "calendar_alone", 16, **MONEY, opens={"figure": OTHER_ONLY}),
)


def _terms(term: Term) -> list[str]:
    return [f"{term.school_year}-autumn", f"{term.school_year + 1}-spring"]


def _here(area: Area) -> Q:
    """Of children with home or school in the area."""
    here = Q(school_path__startswith=area.path)
    return here if area.is_school else here | Q(home_path__startswith=area.path)


def _paid(term: Term, area: Area) -> QuerySet[Payment]:
    """Of the term's school year, or paid in its calendar year."""
    return Payment.objects.paid().filter(_here(area), Q(term__in=_terms(term)) | Q(paid_on__year=term.year))


def tie(when: Term | Span, area: Area) -> list[str]:
    """How what was paid of a span's terms comes to the figure of the bridge; nothing of a term. One query."""
    if isinstance(when, Term):
        return []
    terms, year = Q(term__in=[term.code for term in when.terms]), Q(paid_on__year=when.year)
    parts = {"paid": terms, "outside": terms & ~year, "others": year & ~terms, "calendar": year}
    sums = {name: Sum("amount", filter=part, default=NOTHING) for name, part in parts.items()}
    yuan = Payment.objects.paid().filter(_here(area), terms | year).aggregate(**sums)
    if when.kind == "school":
        return [f"已发放到账 {yuan['paid']:,.2f} 元，与《{TITLE}》的“计入学年”相同。"]
    return [
        f"各学期已发放到账 {yuan['paid']:,.2f} 元－不在 {when.year} 年内到账 {yuan['outside']:,.2f} 元＋其他学期在 {when.year} 年"
        f"到账 {yuan['others']:,.2f} 元＝{when.year} 年到账 {yuan['calendar']:,.2f} 元，与《{TITLE}》的“计入年度”相同。"
    ]


def paid(term: Term, area: Area) -> list[dict[str, Any]]:
    """{"term", "year", "month", "times", "yuan", "side"} per term and month; one query."""
    rows = (
        _paid(term, area)
        .order_by()
        .values("term", year=ExtractYear("paid_on"), month=ExtractMonth("paid_on"))
        .annotate(times=Count("pk"), yuan=Sum("amount", default=NOTHING))
    )
    found = [{**row, "side": _side(row["term"] in _terms(term), row["year"] == term.year)} for row in rows]
    return sorted(found, key=lambda row: (list(WORDS).index(row["side"]), row["year"], row["month"], row["term"]))


def _side(of_year: bool, in_calendar: bool) -> str:
    if of_year:
        return BOTH if in_calendar else YEAR_ONLY
    return OTHER_ONLY


def _figures(rows: list[dict[str, Any]], **labels: str) -> dict[str, Any]:
    """What rows add up to, with what they are called."""

    def yuan(*sides: str) -> Decimal:
        return sum((row["yuan"] for row in rows if row["side"] in sides), NOTHING)

    return {
        "term": "", "month": "", "times": sum(row["times"] for row in rows), "school": yuan(BOTH, YEAR_ONLY),
        "school_alone": yuan(YEAR_ONLY), "calendar": yuan(BOTH, OTHER_ONLY), "calendar_alone": yuan(OTHER_ONLY), **labels,
    }  # fmt: skip


def _tables(term: Term, area: Area) -> list[Summary]:
    rows, lines = paid(term, area), []
    for side, words in WORDS.items():
        mine = [row for row in rows if row["side"] == side]
        for row in mine:
            labels = {"side": words, "term": Term.parse(row["term"]).label, "month": f"{row['year']}-{row['month']:02d}"}
            opens = {"side": side, "of": row["term"], "month": f"{row['year']}-{row['month']:02d}"}
            lines.append(Figures(_figures([row], **labels), opens=opens))
        if mine:
            lines.append(Figures(_figures(mine, side=words, term="小计"), subtotal=True, opens={"side": side}))
    whole = Figures(_figures(rows, side="合计"), subtotal=True)
    return [Summary("对账", COLUMNS, whole, tuple(lines))]


OF_PAYMENT = (
    Column(("姓名",), F("student__person__name"), 10),
    Column(("学校",), F("school__name"), 20),
    Column(("学期",), Shown(F("term"), lambda code: Term.parse(code).label), 24),
    Column(("资助项目",), F("benefit__name"), 24),
    Column(("批次号",), F("batch__number"), 14),
    Column(("到账日期",), F("paid_on"), 11, Kind.DATE),
    Column(("金额",), F("amount"), 12, **MONEY),
)


def _behind(term: Term, area: Area, asked: Mapping[str, str]) -> Listing:
    """The payments behind a figure: of one side, of a term, of the month they were paid in."""
    terms = Q(term__in=_terms(term))
    in_year = Q(paid_on__year=term.year)
    sides = {
        BOTH: terms & in_year, YEAR_ONLY: terms & ~in_year, OTHER_ONLY: in_year & ~terms, SCHOOL_YEAR: terms,
        CALENDAR_YEAR: in_year, "": Q(),
    }  # fmt: skip
    rows = _paid(term, area).filter(sides[asked.get("side", "")], sides[asked.get("figure", "")])
    if asked.get("of"):
        rows = rows.filter(term=asked["of"])
    if asked.get("month"):
        month = spans.parse(asked["month"])
        rows = rows.filter(paid_on__gte=month.first, paid_on__lte=month.last)
    about = ("calendar-bridge", term.code)
    return Listing("明细", OF_PAYMENT, rows.order_by("paid_on", "school_path", "pk"), "student__person__id_hash", about)


def _notes(term: Term, area: Area, _part: str) -> list[str]:
    whole = _figures(paid(term, area))
    whom = "本校学生" if area.is_school else "户籍或学校在本地的学生"
    return [
        f"学年为 {term.school_year}—{term.school_year + 1} 学年（秋季、春季两个学期），不论何时到账；"
        f"年度为 {term.year} 年（公历，与财政年度相同），按到账日期，不论哪个学期。{whom}，已发放到账的，单位元。",
        f"学年 {whole['school']:,.2f} 元－其中不计入年度 {whole['school_alone']:,.2f} 元＋不计入学年 "
        f"{whole['calendar_alone']:,.2f} 元＝年度 {whole['calendar']:,.2f} 元。",
        "人次按笔计；实物和减免没有金额的，只计人次。",
    ]


CALENDAR_BRIDGE = Ledger(
    code="calendar-bridge",
    title=TITLE,
    use="逐月说明同一笔钱计入哪个学年、哪个年度，学年数和年度数为什么不同。",
    unit="人次、元",
    tables=_tables,
    notes=_notes,
    can=P.PAYMENT_VIEW,
    behind=_behind,
)
