"""Small ledgers and a reader for the tests of the workbook engine."""

import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

from python_calamine import CalamineWorkbook

from ledgers.workbook import Head, Kind, Look, Sheet, Written, write_workbook

REPORTED_ON = date(2025, 9, 30)
LOOK = Look(
    "××县学生资助台账",
    "××县学生资助管理中心",
    REPORTED_ON,
    "元",
    ("一人享受两项计 1 人、2 人次。", "学期按秋季。"),
)
HEADS = (
    Head(("序号",), 6, Kind.INTEGER),
    Head(("学生", "姓名"), 10, Kind.TEXT),
    Head(("学生", "证件号码"), 20, Kind.TEXT),
    Head(("学生", "出生日期"), 11, Kind.DATE),
    Head(("资助", "秋季", "金额"), 12, Kind.MONEY, total=True),
    Head(("资助", "秋季", "人次"), 8, Kind.INTEGER, total=True),
    Head(("备注",), 30, Kind.TEXT),
)
ROWS = [
    (1, "王小明", "620123201003150011", date(2010, 3, 15), Decimal("625.10"), 1, None),
    (2, "欧阳·阿依古丽", "62012320110101002X", None, Decimal("0.20"), 2, "随父母在外"),
    (3, None, "", date(2011, 12, 31), None, None, "A&B <寄宿>"),
]
SUM_COLUMNS = {"资助-秋季-金额": Decimal("625.30"), "资助-秋季-人次": Decimal(3)}
FIRST = 6  # title, 填报单位, three heading rows


def write(path: Path, rows=ROWS, look=LOOK, heads=HEADS, **options) -> Written:
    return write_workbook(path, [Sheet("台账", heads, rows, look, **options)])


def values(path: Path, sheet: int = 0) -> list[list]:
    """What a reader that knows nothing of us sees, empty cells as None."""
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(sheet).to_python(skip_empty_area=False)
    return [[None if value == "" else value for value in row] for row in rows]


def member(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name).decode()
