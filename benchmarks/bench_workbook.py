"""A styled 上报版 of 30 columns: this engine, XlsxWriter with constant memory, openpyxl's write-only mode.

Each case runs in a process of its own, whose peak memory is measured: python -m benchmarks.bench_workbook
"""

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from ledgers.workbook import Head, Kind, Look, Sheet, write_workbook

T, N, M, D = Kind.TEXT, Kind.INTEGER, Kind.MONEY, Kind.DATE
COLUMNS = [
    ("序号", 6, N),
    ("户籍地", "县区", 10, T),
    ("户籍地", "乡镇", 10, T),
    ("户籍地", "村", 10, T),
    ("家庭", "户编号", 14, T),
    ("家庭", "户主姓名", 9, T),
    ("家庭", "户主证件号码", 20, T),
    ("学生", "姓名", 9, T),
    ("学生", "性别", 6, T),
    ("学生", "民族", 8, T),
    ("学生", "证件号码", 20, T),
    ("学生", "出生日期", 11, D),
    ("学生", "与户主关系", 8, T),
    ("家庭", "户类型", 12, T),
    ("家庭", "致贫原因", 12, T),
    ("就读", "学段", 8, T),
    ("就读", "年级", 8, T),
    ("就读", "学校名称", 24, T),
    ("就读", "学校标识码", 13, T),
    ("就读", "全国学籍号", 21, T),
    ("就读", "班级", 8, T),
    ("就读", "就读方式", 8, T),
    ("就读", "在校状态", 8, T),
    ("资助", "享受资助项目", 24, T),
    ("资助", "本学期", "应发金额", 12, M),
    ("资助", "本学期", "实发金额", 12, M),
    ("资助", "本学期", "项目数", 8, N),
    ("联系人", 9, T),
    ("联系电话", 13, T),
    ("备注", 16, T),
]
HEADS = tuple(Head(tuple(column[:-2]), column[-2], column[-1], column[-1] is M) for column in COLUMNS)
LOOK = Look("××县建档立卡贫困受教育人口基本信息台账", "××县学生资助中心", date(2025, 9, 30), "元")
SURNAMES, GIVEN = "王李张刘陈杨赵黄周吴", "小明国强秀英建华丽娟志伟海燕文博"
NOTES = (None, None, None, "脱贫不稳定户", "随父母在省外务工 就读", "A&B 待核实")
BIRTH = date(2006, 9, 1)


def rows(count: int) -> Iterator[tuple]:
    """Rows like a register's: names, ID numbers as text, dates, exact amounts, some empty cells."""
    for at in range(count):
        name = SURNAMES[at % 10] + GIVEN[at % 16] + GIVEN[at // 16 % 16]
        day = BIRTH + timedelta(at * 7 % 4000)
        number = f"620123{day:%Y%m%d}{at % 10000:04d}"
        yield (
            at + 1,
            "××县",
            "城关镇",
            f"第{at % 40}村",
            f"6201230{at // 3:07d}",
            name[0] + "国强",
            f"62012319750312{at % 10000:04d}",
            name,
            "男" if at % 2 else "女",
            "汉族",
            number,
            day,
            "之子",
            "脱贫户",
            "因学",
            "小学",
            f"{at % 6 + 1}年级",
            f"××县第{at % 90}中心小学",
            f"21620{at % 90:05d}",
            f"G{number}",
            f"{at % 8 + 1}班",
            "寄宿" if at % 3 else "走读",
            "在校",
            "义务教育家庭经济困难学生生活补助",
            Decimal(62500 + at % 7 * 12500).scaleb(-2),
            Decimal("625.00"),
            at % 3 + 1,
            name[0] + "国强",
            f"138{at % 100000000:08d}",
            NOTES[at % 6],
        )


def only_rows(path: str, count: int) -> None:
    """What making the rows costs alone."""
    for _ in rows(count):
        pass


def this_engine(path: str, count: int) -> None:
    write_workbook(path, [Sheet("台账", HEADS, rows(count), LOOK)])


def xlsxwriter_constant_memory(path: str, count: int) -> None:
    """The rival made for this: rows go to disk as they come."""
    import xlsxwriter

    book = xlsxwriter.Workbook(path, {"constant_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet("台账")
    base = {"font_name": "宋体", "font_size": 10, "border": 1, "valign": "vcenter"}
    looks = {
        T: {"num_format": "@", "align": "center", "text_wrap": True},
        N: {"num_format": "0", "align": "right"},
        M: {"num_format": "#,##0.00", "align": "right"},
        D: {"num_format": "yyyy-mm-dd", "align": "center"},
    }
    formats = {kind: book.add_format(base | look) for kind, look in looks.items()}
    head = book.add_format(base | {"bold": True, "align": "center", "text_wrap": True, "bg_color": "#D9E1F2"})
    title = book.add_format({"font_name": "黑体", "font_size": 18, "bold": True, "align": "center"})
    sheet.merge_range(0, 0, 0, len(HEADS) - 1, LOOK.title, title)
    for at, one in enumerate(HEADS):
        sheet.set_column(at, at, one.width)
        sheet.write_string(1, at, one.name, head)
    for at, row in enumerate(rows(count), 2):
        sheet.set_row(at, 20)
        for column, (value, one) in enumerate(zip(row, HEADS, strict=True)):
            if value is None:
                sheet.write_blank(at, column, None, formats[one.kind])
            elif one.kind is T:
                sheet.write_string(at, column, value, formats[T])
            elif one.kind is D:
                sheet.write_datetime(at, column, value, formats[D])
            else:
                sheet.write_number(at, column, value, formats[one.kind])
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(1)
    sheet.freeze_panes(2, 0)
    book.close()


def openpyxl_write_only(path: str, count: int) -> None:
    """openpyxl at its fastest: write-only mode, one ready style shared by a column's cells."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import NamedStyle

    from ledgers.look import BODY_FONT, BOLD_FONT, BOX, FORMATS, TITLE_FONT, Alignment

    book = Workbook(write_only=True)
    sheet = book.create_sheet("台账")
    for kind in Kind:
        align = Alignment("right" if kind in (M, N) else "center", "center", wrap_text=kind is T)
        book.add_named_style(
            NamedStyle(kind.value, BODY_FONT, border=BOX, alignment=align, number_format=FORMATS[kind])
        )
    book.add_named_style(NamedStyle("head", BOLD_FONT, border=BOX))
    book.add_named_style(NamedStyle("title", TITLE_FONT))

    shared = {}
    for name in book.named_styles:
        sample = WriteOnlyCell(sheet)
        sample.style = name
        shared[name] = sample._style

    def cell(value: object, style: str) -> WriteOnlyCell:
        made = WriteOnlyCell(sheet, value)
        made._style = shared[style]  # assigning the name to each cell takes openpyxl much longer
        return made

    sheet.freeze_panes, sheet.print_title_rows = "A3", "2:2"
    sheet.append([cell(LOOK.title, "title")])
    sheet.append([cell(head.name, "head") for head in HEADS])
    for row in rows(count):
        sheet.append([cell(value, head.kind.value) for value, head in zip(row, HEADS, strict=True)])
    book.save(path)


def _peak_mb() -> float:
    """Peak resident memory of this process; VmHWM leaves out what the parent held before exec."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _run(case: Callable[[str, int], None], count: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        case(str(Path(folder) / "台账.xlsx"), count)
        return time.perf_counter() - start, _peak_mb()


def measure(case: Callable[[str, int], None], count: int, repeats: int) -> dict:
    """The best of some runs, each in a fresh process."""
    context = multiprocessing.get_context("spawn")
    runs = []
    for _ in range(repeats):
        with context.Pool(1) as pool:
            runs.append(pool.apply(_run, (case, count)))
    seconds = min(run[0] for run in runs)
    return {
        "name": case.__name__,
        "seconds": round(seconds, 2),
        "rows": count,
        "cells_per_s": round(count * len(HEADS) / seconds),
        "peak_mb": round(max(run[1] for run in runs)),
    }


def main(count: int = 100_000) -> dict:
    """One row per case. The rivals draw one heading row and no total; openpyxl gets a tenth of the rows."""
    cases = [
        measure(only_rows, count, 2),
        measure(this_engine, count, 3),
        measure(xlsxwriter_constant_memory, count, 1),
        measure(openpyxl_write_only, count // 10, 1),
    ]
    ours = next(case for case in cases if case["name"] == "this_engine")
    times = {case["name"]: round(ours["cells_per_s"] / case["cells_per_s"], 1) for case in cases[2:]}
    return {"columns": len(HEADS), "rows": cases, "times_faster_than": times}


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:])), ensure_ascii=False, indent=1))
