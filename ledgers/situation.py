"""情况汇报 of a pack: sentences of nothing but its figures, each with the page it opens; the same on paper."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from aidcases.paper import Printed, print_pdf

TEMPLATE = Path(__file__).parent / "situation.typ"
Piece = list[str]  # [text, address or ""]
NAMED = 3  # offices named at either end of the ranking
FIGURES = {"应资助人数": "人", "人次": "人次", "金额": "元", "实资助人数": "人", "实发金额": "元"}


def paragraphs(said: str, report: dict[str, Any], missing: list[list[str]], listed: str) -> list[list[Piece]]:
    """Paragraphs of pieces. said: where and when; missing: [office, ledger, how it stands, address]; listed: the board."""
    found = [_handed(said, report["counts"], report["offices"], listed)]
    found += [_missing(missing)] if missing else []
    summary = next((each for each in report["roll_ups"] if each["code"] == "aid-summary"), None)
    found += [_aided(summary)] if summary else []
    found += _ends(report["ranking"])
    return found


def _handed(said: str, counts: dict[str, int], offices: int, listed: str) -> list[Piece]:
    return [
        [f"{said}，{offices} 个单位应上报台账 ", ""], [str(counts["asked"]), listed], [" 份，已报 ", ""],
        [str(counts["handed"]), listed], [" 份（按时 ", ""], [str(counts["in_time"]), listed], [" 份），未报 ", ""],
        [str(counts["asked"] - counts["handed"]), listed], [" 份。", ""],
    ]  # fmt: skip


def _missing(missing: list[list[str]]) -> list[Piece]:
    found: list[Piece] = [["逾期未报或退回未改：", ""]]
    for number, (office, title, state, url) in enumerate(missing):
        found += [["；" if number else "", ""], [f"{office}《{title}》", url], [f"（{state}）", ""]]
    return [*found, ["。", ""]]


def _aided(summary: dict[str, Any]) -> list[Piece]:
    """The sums of the offices that have handed up; each figure opens the roll-up it is the sum of."""
    found: list[Piece] = [[f"已报的 {len(summary['lines'])} 个单位：", ""]]
    names = [name for name in FIGURES if name in summary["total"]]
    for number, name in enumerate(names):
        figure, unit = summary["total"][name], FIGURES[name]
        shown = f"{Decimal(figure):,.2f}" if isinstance(figure, str) else f"{figure:,}"
        found += [[f"{'，' if number else ''}{name} ", ""], [shown, f"#roll-{summary['code']}"], [f" {unit}", ""]]
    return [*found, ["。人数为各单位数相加，户籍和学校分属两地的学生两地各计一次。", ""]]


def _ends(ranking: list[dict[str, Any]]) -> list[list[Piece]]:
    """Who leads and who is behind in paying out; with few offices only who leads."""
    ranked = [row for row in ranking if row["paid_share"]]
    if not ranked:
        return []
    first, last = ranked[:NAMED], ranked[NAMED:][-NAMED:]
    found = [["发放率居前：", ""], *_named(first)]
    found += [["；居后：", ""], *_named(last)] if last else []
    return [[*found, ["。", ""]]]


def _named(rows: list[dict[str, Any]]) -> list[Piece]:
    found: list[Piece] = []
    for number, row in enumerate(rows):
        found += [["、" if number else "", ""], [row["office"], row["url"]], [f"（{row['paid_share']}%）", ""]]
    return found


def said(report: dict[str, Any]) -> list[str]:
    """The paragraphs without their addresses."""
    return ["".join(text for text, _ in paragraph) for paragraph in report.get("paragraphs", [])]


def printed(title: str, report: dict[str, Any], *, by: str, at: datetime) -> Printed:
    """On A4, with the ranking. by: the place; at: when the figures were taken. Raises Refused without a font."""
    return print_pdf(
        TEMPLATE,
        {
            "title": f"{title}情况汇报", "by": by, "day": f"{at.year}年{at.month}月{at.day}日",
            "paragraphs": said(report),
            "ranking": [_ranked(row) for row in report.get("ranking", [])],
            "foot": f"按 {at:%Y-%m-%d %H:%M} 的上报情况生成，数字取自已上报的台账；排名依次按发放率、资助率、按时上报。",
        },
    )  # fmt: skip


def _ranked(row: dict[str, Any]) -> list[str]:
    counts = [f"{row[name]:,}" if row[name] is not None else "—" for name in ("due", "aided")]
    yuan = [f"{Decimal(row[name]):,.2f}" if row[name] is not None else "—" for name in ("yuan", "paid")]
    shares = [f"{row[name]}%" if row[name] else "—" for name in ("aided_share", "paid_share")]
    in_time = f"{row['in_time']}/{row['asked']}"
    return [str(row["place"]), row["office"], *counts, shares[0], *yuan, shares[1], in_time]
