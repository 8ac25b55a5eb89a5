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
        Column(("毕业生数",), "graduates", 10, Kind.INTEGER),
        Column((f"{years}年前招生数",), "intake", 12, Kind.INTEGER),
        Column(("转入",), "moved_in", 8, Kind.INTEGER),
        Column(("转出",), "moved_out", 8, Kind.INTEGER),
        Column(("巩固率（%）",), "rate", 11, Kind.MONEY),
        Column(("备注",), "note", 40),
    )


def _figures(row: retention.Row, *, label: str = "") -> Figures:
    cells = {name: getattr(row, name) for name in ("graduates", "intake", "moved_in", "moved_out", "rate", "note")}
    return Figures({**cells, "label": label or row.label}, subtotal=bool(label))


def _tables(term: Term, area: Area) -> list[Summary]:
    made = []
    for cohort, name in NAMES.items():
        rows = retention.by_school(cohort, term, area.path, LATEST)
        whole = retention.total(cohort, term, area.path, area.name, rows, LATEST)
        # A school that takes in and one that graduates are two: of the nine years the area is told alone.
        lines = () if cohort == Cohort.NINE else tuple(map(_figures, rows))
        made.append(Summary(name, _columns(cohort), _figures(whole, label=WHOLE), lines or (_figures(whole),)))
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
