"""The nine rosters as files: their headings and the writers."""

from __future__ import annotations

import csv
from pathlib import Path

from .workbook import OneSheet

Cell = str | int | float | None
Row = tuple[Cell, ...]

# Kind → title of the file and the headings of the real systems' exports.
KINDS = {
    "schools": ("学校名录", "学校标识码 学校名称 学段 行政区划代码 办学性质 学费标准（元/年）"),
    "poverty": (
        "建档立卡贫困人口",
        "省 市 县 乡 行政村 户编号 人编号 姓名 证件号码 与户主关系 民族 在校生状况 健康状况 户人口数"
        " 贫困户属性 脱贫属性 主要致贫原因 联系电话 识别年度",
    ),
    "roll": (
        "学籍信息",
        "学校标识码 学校名称 姓名 性别 出生日期 民族 身份证件类型 身份证件号 全国学籍号 年级 班级 入学年月"
        " 就读方式 户口所在地行政区划 户口性质 是否留守儿童 是否孤儿 残疾类型 现住址 联系电话"
        " 成员1姓名 成员1关系 成员1身份证件号",
    ),
    "college": (
        "高校就读学生",
        "姓名 身份证号 院校名称 院校代码 层次 年级 院校所在省 联系电话 家长姓名 家长身份证号"
        " 户口所在地行政区划 户口性质 是否孤儿",
    ),
    "dibao": (
        "低保名单",
        "户主姓名 户主证件号码 成员姓名 成员证件号码 与户主关系 保障类别 城乡类别 月保障金（元） 起始年月",
    ),
    "tekun": ("特困供养名单", "姓名 证件号码 城乡类别 供养方式 起始年月"),
    "disabled": ("残疾人名单", "姓名 证件号码 残疾证号 残疾类别 残疾等级 有效期至"),
    "population": (
        "户籍适龄人口",
        "姓名 公民身份号码 性别 出生日期 户籍村（社区） 户籍行政区划 监护人 联系电话",
    ),
    "present": ("在校学生", "学校标识码 年级 班级 姓名 身份证件号 是否在校 未到校原因"),
}


class Sheets:
    """Nine open files of one county; rows go straight to disk. Without a folder everything is dropped."""

    def __init__(self, folder: Path | None, *, excel: bool) -> None:
        self.paths: dict[str, Path] = {}
        self._append = dict.fromkeys(KINDS, _drop)
        self._close = []
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        for kind, (title, headings) in KINDS.items():
            path = self.paths[kind] = folder / f"{title}.{'xlsx' if excel else 'csv'}"
            (self._open_excel if excel else self._open_csv)(kind, path)
            self.add(kind, tuple(headings.split()))

    def add(self, kind: str, row: Row) -> None:
        self._append[kind](row)

    def close(self) -> None:
        for close in self._close:
            close()

    def _open_excel(self, kind: str, path: Path) -> None:
        book = OneSheet(path)
        self._append[kind] = book.append
        self._close.append(book.close)

    def _open_csv(self, kind: str, path: Path) -> None:
        file = path.open("w", encoding="utf-8-sig", newline="")
        self._append[kind] = csv.writer(file).writerow
        self._close.append(file.close)


def _drop(row: Row) -> None:
    """For a county whose rosters nobody asked for."""
