"""巩固率统计表: graduates against the intake of their cohort, school by school; the nine years for the area alone."""

from __future__ import annotations

from datetime import date

from aidcases.roles import P
from aidcases.terms import Term
from dropout import retention
from dropout.enums import Cohort
from ledgers.areas import Area
from ledgers.definition import Column, Figures, Ledger, Summary
from ledgers.workbook import Kind

NAMES = {Cohort.PRIMARY: "小学", Cohort.JUNIOR: "初中", Cohort.NINE: "九年义务教育"}
WHOLE = "合计"
LATEST = date.max  # of figures entered by hand the last word counts


def _columns(cohort: Cohort) -> tuple[Column, ...]:
    years = retention.WAYS[cohort].years
    return (
        Column(("学校名称",), "label", 30),
        Column(("毕业生数",), "graduates", 10, Kind.INTEGER, opens={"set": "graduates"}),
        Column((f"{years}年前招生数",), "intake", 12, Kind.INTEGER, opens={"set": "intake"}),
        Column(("转入",), "moved_in", 8, Kind.INTEGER, opens={"set": "in"}),
        Column(("转出",), "moved_out", 8, Kind.INTEGER, opens={"set": "out"}),
        Column(("巩固率（%）",), "rate", 11, Kind.MONEY),
        Column(("备注",), "note", 40),
    )


def _figures(row: retention.Row, cohort: Cohort, kind: str, *, label: str = "") -> Figures:
    """`kind`: school or place. Figures that a school has written in stand for no rows."""
    cells = {name: getattr(row, name) for name in ("graduates", "intake", "moved_in", "moved_out", "rate", "note")}
    last = row.path.strip("/").rpartition("/")[2]
    opens = None if row.entered else {"cohort": cohort.value, **({kind: last} if last else {})}
    return Figures({**cells, "label": label or row.label}, subtotal=bool(label), opens=opens)


def _tables(term: Term, area: Area) -> list[Summary]:
    made = []
    for cohort, name in NAMES.items():
        rows = retention.by_school(cohort, term, area.path, LATEST)
        whole = retention.total(cohort, term, area.path, area.name, rows, LATEST)
        # A school that takes in and one that graduates are two: of the nine years the area is told alone.
        lines = () if cohort == Cohort.NINE else tuple(_figures(row, cohort, "school") for row in rows)
        kind = "school" if area.is_school else "place"
        lines = lines or (_figures(whole, cohort, kind),)
        total = _figures(whole, cohort, kind, label=WHOLE)
        made.append(Summary(name, _columns(cohort), total, lines, lists="indicator_names", where={}))
    return made


def _notes(term: Term, area: Area, part: str) -> list[str]:
    cohort = next(cohort for cohort, name in NAMES.items() if name == part)
    return [
        f"{term.label}毕业班；{retention.WAYS[cohort].formula}，不超过 100%。",
        "在本地学校之间转学的，合计中不算转入转出；招生早于系统数据的，用学校填报的招生数，备注中注明。",
    ]


RETENTION = Ledger(
    code="retention",
    title="义务教育巩固率统计表",
    use="按学校统计小学、初中和九年义务教育巩固率，用于上报。",
    unit="人、%",
    tables=_tables,
    notes=_notes,
    can=P.DROPOUT_VIEW,
)
