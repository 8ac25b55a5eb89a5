"""Files of a notice for the office: the list as .xlsx, and the archive pack that is handed up and kept."""

from __future__ import annotations

import zipfile
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

from django.utils import timezone

from aidcases import crypto, files
from aidcases.paper import print_pdf
from subsidies.casework import noticelists, public
from subsidies.models import PublicNotice
from subsidies.models.notices import OFF

COVER = Path(__file__).parent.parent / "noticecover.typ"
WIDTHS = {
    "序号": 7,
    "姓名": 14,
    "学校": 32,
    "年级": 10,
    "班级": 14,
    "等级": 12,
    "资助项目": 34,
    "金额（元）": 14,
    "身份": 22,
}


def sheet(notice: PublicNotice, *, published: date, last: date) -> bytes:
    """The public list as .xlsx: title, period, heads, lines; one sheet, nothing hidden, no names in its properties but
    the office's."""
    # Here, not above: openpyxl takes a fifth of a second, and every command imports this module.
    from openpyxl import Workbook
    from openpyxl.styles import Border, Font, PatternFill, Side
    from openpyxl.utils import get_column_letter

    thin = Side(style="thin", color="FFB9C2CD")
    grid = Border(left=thin, right=thin, top=thin, bottom=thin)
    book = Workbook(write_only=True)
    book.properties.title, book.properties.creator = notice.title, notice.office.name
    page = book.create_sheet("公示名单")
    heads = noticelists.heads(notice.kind)
    for number, head in enumerate(heads, start=1):
        page.column_dimensions[get_column_letter(number)].width = WIDTHS[head]
    period = f"公示时间：{published:%Y-%m-%d} 至 {last:%Y-%m-%d}　监督电话：{notice.hotline}"
    page.freeze_panes = "A4"
    page.print_title_rows = "3:3"
    page.append([_cell(page, notice.title, font=Font(bold=True, size=16))])
    page.append([_cell(page, period)])
    page.append(
        [_cell(page, head, font=Font(bold=True), fill=PatternFill("solid", "FFEAEFF5"), border=grid) for head in heads]
    )
    for row in noticelists.table(notice):
        page.append([_value(page, head, text) for head, text in zip(heads, row, strict=True)])
    held = BytesIO()
    book.save(held)
    return held.getvalue()


def _cell(page: Any, text: str, **look: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(page, text)
    cell.data_type = "s"  # also what begins with = is a text
    for name, value in look.items():
        setattr(cell, name, value)
    return cell


def _value(page: Any, head: str, text: str) -> Any:
    """Numbers as numbers, everything else as the text it is."""
    if head == "序号":
        return int(text)
    if head == "金额（元）":
        return Decimal(text.replace(",", "")) if text else None
    return _cell(page, text) if text.startswith("=") else text


# --- archive -------------------------------------------------------------------------------------------------------


def archive_pack(notice: PublicNotice, *, poster: bytes, listed: bytes) -> bytes:
    """A zip in binding order: first page, list (PDF and .xlsx), the page as published, photos of the board. Objections
    stand on the first page with their results; nobody's way to be reached is in it."""
    held = BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("1-公示情况.pdf", print_pdf(COVER, _cover(notice)).pdf)
        pack.writestr("2-公示名单.pdf", poster)
        pack.writestr("3-公示名单.xlsx", listed)
        pack.writestr("4-公示网页.html", notice.page)
        for number, photo in enumerate(files.files_of(notice, "board_photo"), start=1):
            ending = photo.filename.rpartition(".")[2]
            pack.writestr(f"5-公示栏照片/{number}.{ending}", files.content(photo))
    return held.getvalue()


def _cover(notice: PublicNotice) -> dict[str, Any]:
    """The first page's facts. What people wrote is masked of numbers."""
    published, last = notice.published_on, public.last_day(notice.ends_at)
    told = {
        "标题": notice.title,
        "公示单位": notice.office.name,
        "种类": notice.get_kind_display(),
        "名单": f"{notice.lines.count()} 条，校验码 {notice.sha256[:16]}",
        "公示时间": f"{published:%Y-%m-%d} 至 {last:%Y-%m-%d} 24 时",
        "编制人": notice.made_by,
        "发布人": notice.published_by,
        "监督电话": notice.hotline,
        "纸质公示撤下": f"{notice.paper_removed_on or '未登记'} {notice.paper_removed_by}",
        "公示栏照片": f"{notice.photos} 张",
        "人数少的组": notice.small_groups or "无",
        **_gone(notice),
    }
    objections = [
        {
            "number": str(number),
            "line": f"第 {objection.line.order} 号" if objection.line else "整份名单",
            "received": f"{timezone.localtime(objection.received_at):%Y-%m-%d}",
            "text": crypto.mask_numbers(objection.text),
            "finding": objection.get_finding_display() or objection.get_state_display(),
            "outcome": crypto.mask_numbers(objection.outcome),
            "answered": f"{objection.answered_by} {_day(objection.answered_at)}",
        }
        for number, objection in enumerate(notice.objections.select_related("line").order_by("pk"), start=1)
    ]
    facts = [{"label": label, "value": str(value)} for label, value in told.items()]
    return {"title": notice.title, "office": notice.office.name, "facts": facts, "objections": objections}


def _gone(notice: PublicNotice) -> dict[str, str]:
    """Numbers of the lines that no longer stand, by why; nobody's name."""
    told = {}
    for state in OFF:
        if orders := notice.lines.filter(state=state).order_by("order").values_list("order", flat=True):
            told[state.label] = "第 " + "、".join(map(str, orders)) + " 号"
    return told


def _day(moment: Any) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d}" if moment else ""
