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
from subsidies import sheets
from subsidies.models import Rehearsal, RehearsalRow

MOST = 10_000  # rows a page can wait for
HEAD = {
    "姓名": 10, "证件号": 20, "学校": 28, "学段": 10, "年级": 8, "现在的规则": 26, "现在（元）": 12, "以后的规则": 26,
    "以后（元）": 12, "增减（元）": 12, "备注": 14,
}  # fmt: skip


def sheet(rehearsal: Rehearsal, rows: QuerySet[RehearsalRow]) -> BytesIO:
    """The workbook, from its beginning."""
    place = Places([rehearsal.path]).label(rehearsal.path) or "全部地区"
    title = f"试算：{rehearsal.title}，{place}，{Term.parse(rehearsal.term).label}（没有执行）"
    return sheets.book("试算名单", title, HEAD, _lines(rehearsal, rows))


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
