"""A rehearsal's rows as a sheet: who gains and who loses how much, numbers masked."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from django.db.models import QuerySet

from aidcases.models import School
from aidcases.templatetags.aid import masked
from aidcases.terms import Term
from students.enums import Stage
from students.models import Enrolment
from students.places import Places
from subsidies.models import Rehearsal, RehearsalRow

MOST = 10_000  # rows a page can wait for
HEAD = {
    "姓名": 10, "证件号": 20, "学校": 28, "学段": 10, "年级": 8, "现在的规则": 26, "现在（元）": 12, "以后的规则": 26,
    "以后（元）": 12, "增减（元）": 12, "备注": 14,
}  # fmt: skip
MONEY = "#,##0.00"


def sheet(rehearsal: Rehearsal, rows: QuerySet[RehearsalRow]) -> BytesIO:
    """The workbook, from its beginning."""
    from openpyxl import Workbook  # here, not above: every command imports this module

    book = Workbook(write_only=True)
    page = book.create_sheet("试算名单")
    page.freeze_panes = "A3"
    for n, width in enumerate(HEAD.values()):
        page.column_dimensions["ABCDEFGHIJK"[n]].width = width
    place = Places([rehearsal.path]).label(rehearsal.path) or "全部地区"
    page.append([_text(page, f"试算：{rehearsal.title}，{place}，{Term.parse(rehearsal.term).label}（没有执行）", bold=True)])
    page.append([_text(page, name, bold=True) for name in HEAD])
    for line in _lines(rehearsal, rows):
        page.append([_number(page, cell) if n in (6, 8, 9) else _text(page, cell) for n, cell in enumerate(line)])
    file = BytesIO()
    book.save(file)
    file.seek(0)
    return file


def _text(page: Any, value: str, *, bold: bool = False) -> Any:
    """Never a formula, whatever a name begins with."""
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(page, value)
    cell.data_type = "s"
    if bold:
        from openpyxl.styles import Font

        cell.font = Font(bold=True)
    return cell


def _number(page: Any, value: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(page, value)
    cell.number_format = MONEY
    return cell


def _lines(rehearsal: Rehearsal, rows: QuerySet[RehearsalRow]) -> Iterator[list[Any]]:
    titles = rehearsal.summary["titles"]
    known = rows.select_related("student__person").defer("student__roll_number", "student__person__id_number")
    found = list(known.order_by("school_path", "student_id", "benefit_code")[:MOST])
    schools = dict(School.objects.filter(path__in={row.school_path for row in found}).values_list("path", "name"))
    of_term = Enrolment.objects.filter(term=rehearsal.term, student__in={row.student_id for row in found})
    studies = {each.student_id: each for each in of_term.defer("phone")}
    for row in found:
        study = studies.get(row.student_id)
        yield [
            row.student.person.name,
            masked(row.student.person.id_last4),
            schools.get(row.school_path, ""),
            Stage(study.stage).label if study else "",
            study.grade_label if study else "",
            titles.get(row.old_rule, "没有"),
            row.old_amount,
            titles.get(row.new_rule, "没有"),
            row.new_amount,
            row.difference,
            "贷款，可申请" if row.loan else "",
        ]
