"""The 数据版 going out: asking for one, making it, what its cells say. It comes back through students.imports.edits."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Q, When
from django.utils import timezone

from aidcases import audit, crypto, jobs, sql
from aidcases.flow import Refused
from aidcases.jobs import Cancelled, Running
from aidcases.models import Organisation, School
from aidcases.roles import OfficeKind, P
from aidcases.scoping import current_actor, current_scope
from aidcases.terms import Term
from students.enums import COLLEGE_STAGES, Stage, grade_label
from students.imports import cells
from students.imports.edited import COLUMNS, EMPTY, KEY_LENGTH, OF_EXPORT, in_letters
from students.imports.edits import OURS
from students.models import Enrolment, Export, ExportRow
from students.models.students import EnrolmentQuerySet

OFFICES = (OfficeKind.COUNTY, OfficeKind.SCHOOL)  # who keeps enrolments: the county's office takes the sheet back
FOLDER = "exports"
BATCH = 2000
KEPT = ("export", "key", "student", "said")
MOST_PURPOSE = 100
YES_NO = {"boarding": ("住校", "走读"), "left_behind": ("是", "否"), "rural_hukou": ("农业户口", "非农业户口")}

_FIELDS = (
    "student_id", "student__person__name", "student__person__sex", "school__name", "stage", "grade", "class_name",
    "boarding", "left_behind", "entered_on", "rural_hukou", "disability_hint",
)  # fmt: skip


def areas() -> list[tuple[str, str]]:
    """(path, name) of what whoever acts may export: the whole of the own office, then each of its schools."""
    own = current_scope().path
    office = Organisation.objects.filter(pk=current_actor().office_id).first()
    schools = School.objects.filter(path__startswith=own).exclude(path=own).order_by("name", "code")
    return [(own, f"{office or '本单位'}（全部）"), *schools.values_list("path", "name")]


@transaction.atomic
def request_export(term: Term, area: str, *, purpose: str) -> Export:
    """Queues a 数据版 for whoever acts; the same request while it is under way is the same export.

    Raises Refused without the right, without a purpose, outside the own area, by an office that keeps no enrolments.
    """
    actor, scope, purpose = current_actor(), current_scope(), purpose.strip()[:MOST_PURPOSE]
    office = Organisation.objects.filter(pk=actor.office_id, kind__in=OFFICES).first()
    wrong = {
        "您的角色不能导出数据版。": not actor.may(P.LEDGER_ISSUE),
        "数据版由学校或县学生资助管理中心导出。": office is None,
        "请写明用途，例如：核对班级和住宿情况。": not purpose,
        "只能导出本单位范围内的学生。": not area.startswith(scope.path),
    }
    if office is None or any(wrong.values()):
        raise Refused(*(reason for reason, holds in wrong.items() if holds))
    sql.lock("export.requested", scope.path, term.code, area)
    job = jobs.enqueue("students.export", once=True, term=term.code, area=area, purpose=purpose)
    if export := Export.objects.filter(job_id=job.pk).first():
        return export
    export = Export(
        office=office, path=office.path, area_path=area, term=term.code, purpose=purpose, made_by=actor.name, job_id=job.pk,
    )  # fmt: skip
    export.save()
    audit.record("export.requested", subject=export, term=term.code, area=area, purpose=crypto.mask_numbers(purpose))
    return export


def make(job: Running) -> dict[str, Any]:
    """The job: the sealed workbook and what it says, row by row, or nothing of either."""
    export = Export.objects.get(job_id=job.job.pk)
    if not export.stored:
        folder = settings.FILES / FOLDER
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in folder.glob(f"{export.pk}-*"):  # of an attempt that died before it was recorded
            left.unlink(missing_ok=True)
        stored = f"{FOLDER}/{export.pk}-{secrets.token_hex(8)}"
        try:
            with transaction.atomic():
                _write(export, stored, job)
        except BaseException:
            (settings.FILES / stored).unlink(missing_ok=True)
            raise
        export.refresh_from_db()
    return {"export": export.pk, "rows": export.rows}


def _write(export: Export, stored: str, job: Running) -> None:
    from students.sheet import workbook  # openpyxl: a sixth of the time a command takes to start

    found = in_export(export)
    total = found.count()
    job.progress(0, total, "写入表格")
    rows = _Rows(export, found, job)
    properties = {"数据版": str(export.key), "学期": export.term}
    crypto.write_sealed(settings.FILES / stored, workbook(rows, total, properties=properties, about=_about(export)))
    sql.run("ANALYZE students_exportrow (export_id, key)")
    job.check()
    if not Export.objects.filter(pk=export.pk, stored="").update(stored=stored, rows=rows.done):
        raise Cancelled
    audit.record("export.made", subject=export, term=export.term, rows=rows.done)


def in_export(export: Export) -> EnrolmentQuerySet:
    """Whose cells the office may change: pupils of the schools of the area, and for a whole county also its students
    elsewhere (colleges) whose enrolment rests on its own lists."""
    mine = Q(school_path__startswith=export.area_path)
    if export.area_path == export.path and export.office.kind == OfficeKind.COUNTY:
        mine |= Q(home_path__startswith=export.path, row__file__path__startswith=export.path)
    rows = Enrolment.objects.in_term(Term.parse(export.term)).filter(mine)
    elsewhere = Case(When(school_path__startswith=export.area_path, then=0), default=1)
    return rows.order_by(elsewhere, "school_path", "stage", "grade", "class_name", "student__person__initials", "pk")


class _Rows:
    """The sheet's rows from one cursor; beside each batch, what they say goes into the table."""

    def __init__(self, export: Export, found: EnrolmentQuerySet, job: Running):
        self.export, self.found, self.job, self.done = export, found, job, 0
        self._first = key_prefix(export)

    def __iter__(self) -> Iterator[list[str]]:
        stream = self.found.values_list(*_FIELDS).iterator(chunk_size=BATCH)
        while batch := list(islice(stream, BATCH)):
            told = [(self._key(), values[0], said_of(*values[1:])) for values in batch]
            lines = "".join(row_line(self.export.pk, *one) for one in told)
            sql.copy_in(ExportRow, KEPT, io.BytesIO(lines.encode()))
            for key, _, said in told:
                yield texts(key, said)
            self.done += len(batch)
            self.job.progress(self.done)

    def _key(self) -> str:
        return self._first + in_letters(secrets.token_hex((KEY_LENGTH - OF_EXPORT) // 2))


def key_prefix(export: Export) -> str:
    """How the row keys of an export begin; students.imports.edits finds the export by it."""
    return in_letters(export.key.hex[:OF_EXPORT])


def row_line(export: int, key: str, student: int | None, said: dict[str, Any]) -> str:
    """A line of ExportRow for COPY, in the order of KEPT."""
    value = json.dumps(said, ensure_ascii=False).replace("\\", "\\\\")
    whose = "\\N" if student is None else student
    return f"{export}\t{key}\t{whose}\t{value}\n"


# Who was no student of the office's schools when the ledger was made: of such a row nothing can be changed.
_ELSEWHERE = f"""
    UPDATE students_exportrow x SET said = x.said || '{{"elsewhere": true}}',
        student_id = (SELECT s.person_id FROM students_student s WHERE s.person_id = x.student_id)
    WHERE x.export_id = %(export)s AND NOT EXISTS (SELECT FROM students_enrolment e
        WHERE e.student_id = x.student_id AND e.term = %(term)s AND {OURS})
"""


def keep_rows(export: Export, lines: Path) -> None:
    """What a ledger's 数据版 says, from a file of lines for COPY, with the ledger's record: in its transaction."""
    with lines.open("rb") as source:
        sql.copy_in(ExportRow, KEPT, source)
    told = {"export": export.pk, "term": export.term, "scope": export.path, "office": export.path}
    sql.run(_ELSEWHERE, told)
    sql.run("ANALYZE students_exportrow (export_id, key)")


def said_of(
    name: str, sex: str, school: str, stage: str, grade: int | None, class_name: str, boarding: bool, left_behind: bool,
    entered_on: date | None, rural_hukou: bool, disability_hint: str,
) -> dict[str, Any]:  # fmt: skip
    """What a row says, as reading the unchanged sheet gives it (students.imports.edited). `of_stage` is the code.

    Lists of college students say nothing of boarding, so there False is "not known": None.
    """
    return {
        "name": cells.text(name, 80),
        "sex": sex,
        "school": cells.text(school, 80),
        "stage": Stage(stage).label,
        "of_stage": stage,
        "grade": grade,
        "class_name": cells.text(class_name, 40),
        "boarding": boarding if boarding or stage not in COLLEGE_STAGES else None,
        "left_behind": left_behind,
        "entered_on": entered_on.isoformat() if entered_on else None,
        "rural_hukou": rural_hukou,
        "disability_hint": cells.text(disability_hint, 40),
    }


def texts(key: str, said: dict[str, Any]) -> list[str]:
    """The cells of a row, in the order of COLUMNS."""
    return [key, *(text_of(one.key, said[one.key], said["of_stage"]) for one in COLUMNS[1:])]


def text_of(key: str, value: Any, stage: str) -> str:
    """A value as the sheet writes it; "" for none."""
    if value is None or value == "":
        return ""
    if key == "grade":
        return grade_label(stage, value)
    if key == "entered_on":
        return value.removesuffix("-01")  # a month, as the roll has it
    if key in YES_NO:
        return YES_NO[key][0 if value else 1]
    return str(value)


def _about(export: Export) -> list[str]:
    from students.sheet import note, told_columns

    editable, fixed = ["、".join(one.title for one in some) for some in told_columns()]
    return [
        f"{Term.parse(export.term).label}学生数据版，第 {export.pk} 号",
        f"导出：{export.office}，{export.made_by}，{timezone.localtime(export.made_at):%Y-%m-%d %H:%M}；用途：{export.purpose}",
        note(),
        f"可以改的列：{editable}。没有列出的列改了也不采用：{fixed}。",
        f"入学年月写成 2018-09；年级写成“三年级”“高一”这样，学段不能在这里改；要清除班级、入学年月、残疾标注，请写“{EMPTY}”。",
        "可以排序、筛选、增加自己的列，也可以删除不用改的行：没有回传的行不会有任何变化。",
        "改好后由县学生资助管理中心在“数据版”页面上传；上传后逐格核对，确认以前不会改动任何数据。",
        "表里没有证件号码、电话和银行卡号。表里有学生姓名，请妥善保管。",
    ]


def open_sheet(export: Export) -> BinaryIO:
    """The workbook in clear, in memory only. Raises Refused when there is none."""
    if not export.stored:
        raise Refused("这份数据版还没有生成好，不能下载。")
    try:
        return crypto.open_sealed(settings.FILES / export.stored)
    except (OSError, crypto.SealBroken):
        raise Refused("数据版文件丢失或被改动，不能下载，请重新导出并告诉管理员。") from None
