"""django-import-export beside our import of a roll: into one flat table, and into the tables that ours writes."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

COUNTY, TERM = "620123", "2018-autumn"


def took(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return round(time.perf_counter() - start, 2)


def _text(cell: Any) -> str | None:
    return None if cell is None else str(cell)


def import_export(_schools: Path, roll: Path, rows: int) -> dict[str, Any]:
    """django-import-export with its advice for speed: bulk, no diff, unchanged rows skipped; the first `rows` rows."""
    import tablib
    from django.db import connection, models
    from import_export import resources
    from openpyxl import load_workbook

    sheet = load_workbook(roll, read_only=True).worksheets[0].iter_rows(values_only=True, max_row=rows + 1)
    names = [f"c{n}" for n in range(len(next(sheet)))]
    fields: dict[str, Any] = {name: models.CharField(max_length=120, null=True) for name in names}
    fields["c7"] = models.CharField(max_length=120, unique=True)
    meta = type("Meta", (), {"app_label": "students", "managed": False, "db_table": "bench_peer"})
    peer = type("BenchPeer", (models.Model,), {**fields, "Meta": meta, "__module__": __name__})
    with connection.schema_editor() as editor:
        editor.create_model(peer)
    options = {"model": peer, "import_id_fields": ["c7"], "fields": names, "use_bulk": True, "skip_diff": True}
    options |= {"skip_unchanged": True, "report_skipped": False, "batch_size": 1000}
    resource = resources.modelresource_factory(peer, meta_options=options)()
    # Its own checks of numbers aside, each row goes in once: a repeated number would stop a bulk insert.
    data = tablib.Dataset(*{row[7]: [_text(cell) for cell in row] for row in sheet}.values(), headers=names)
    steps = {"preview_s": True, "commit_s": False, "unchanged_s": False}
    found = {
        name: took(lambda dry=dry: resource.import_data(data, dry_run=dry, raise_errors=True))
        for name, dry in steps.items()
    }
    assert peer.objects.count() == len(data)
    with connection.schema_editor() as editor:
        editor.delete_model(peer)
    return {"rows": len(data), **found}


def same_tables(schools: Path, roll: Path, rows: int) -> dict[str, Any]:
    """django-import-export doing the same job, as its documentation shows it: schools and regions by their codes, person,
    student and guardian written beside the row, a preview that is rolled back. No checks of its own, no undo."""
    import tablib
    from openpyxl import load_workbook

    from aidcases.actions import open_office, region_named
    from aidcases.models import School
    from aidcases.scoping import EVERYWHERE, acting_in
    from aidcases.terms import Term
    from students.imports import pipeline
    from students.models import Enrolment

    resource = _resource()
    with acting_in(EVERYWHERE):
        office = open_office(region=region_named(COUNTY))
        pipeline.run_now(kind="schools", path=schools, term=Term.parse(TERM), office=office, commit_too=True)
        known = set(School.objects.values_list("code", flat=True))
        sheet = load_workbook(roll, read_only=True).worksheets[0].iter_rows(values_only=True, max_row=rows + 1)
        names = next(sheet)
        told = {row[7]: [*map(_text, row), "", TERM] for row in sheet if row[0] in known and _sound(row)}
        data = tablib.Dataset(*told.values(), headers=[*names, "student", "term"])
        steps = {"preview_s": True, "commit_s": False, "unchanged_s": False}
        found = {
            name: took(lambda dry=dry: resource().import_data(data, dry_run=dry, raise_errors=True))
            for name, dry in steps.items()
        }
        assert Enrolment.objects.filter(term=TERM).count() == len(data)
    return {"rows": len(data), **found}


def _resource() -> Any:
    from import_export import fields, resources, widgets

    from aidcases.models import Region, School
    from students.models import Enrolment

    class Roll(resources.ModelResource):  # type: ignore[misc]
        school = fields.Field("school", "学校标识码", widgets.CachedForeignKeyWidget(School, "code"))
        hukou_region = fields.Field("hukou_region", "户口所在地行政区划", widgets.CachedForeignKeyWidget(Region, "code"))
        class_name = fields.Field("class_name", "班级")
        phone = fields.Field("phone", "联系电话")
        student = fields.Field("student_id", "student")
        term = fields.Field("term", "term")

        class Meta:
            model = Enrolment
            fields = ("school", "hukou_region", "class_name", "phone", "student", "term")
            import_id_fields = ("student", "term")
            skip_unchanged, report_skipped, skip_diff, use_bulk, batch_size = True, False, True, True, 1000

        def before_import_row(self, row: dict[str, Any], **_more: Any) -> None:
            row["student"] = _student(row)

        def before_save_instance(self, instance: Any, row: dict[str, Any], **_more: Any) -> None:
            _enrolled(instance, row)

    return Roll


def _sound(row: tuple[Any, ...]) -> bool:
    """A row that nothing is wrong with: this peer has nobody to ask."""
    plain = all(len(str(row[at] or "")) == length for at, length in ((4, 8), (7, 18), (13, 6)))
    return plain and row[9] in _grades()


def _grades() -> dict[str, tuple[str, int]]:
    from students.enums import GRADE_LABELS

    return {label: (stage, n) for stage, labels in GRADE_LABELS.items() for n, label in enumerate(labels, 1)}


def _student(row: dict[str, Any]) -> int:
    """Person, student and guardian of a row, found by their numbers or made. → the student's key"""
    from aidcases import crypto
    from students.models import Guardian, Person, Student

    def person(number: str, name: str, **also: Any) -> Any:
        facts = {"id_number": number, "name": name, "id_last4": number[-4:], **also}
        return Person.objects.get_or_create(id_hash=crypto.blind(number), defaults=facts)[0]

    born = datetime.strptime(row["出生日期"], "%Y%m%d").date()
    child = person(row["身份证件号"], row["姓名"], sex=row["性别"], birth_on=born, ethnicity=row["民族"])
    student = Student.objects.get_or_create(person=child, defaults={"roll_number": row["全国学籍号"]})[0]
    if name := row["成员1姓名"]:
        wards = person(row["成员1身份证件号"], name) if row["成员1身份证件号"] else None
        about = {"person": wards, "relation": row["成员1关系"] or ""}
        Guardian.objects.get_or_create(student=student, name=name, defaults=about)
    return student.pk


def _enrolled(made: Any, row: dict[str, Any]) -> None:

    made.stage, made.grade = _grades()[row["年级"]]
    made.boarding, made.rural_hukou = row["就读方式"] == "住校", row["户口性质"] == "农业户口"
    made.left_behind, made.orphan = row["是否留守儿童"] != "非留守", row["是否孤儿"] == "是"
    made.school_path = made.school.path
    if (entered := row["入学年月"] or "").isdecimal():
        made.entered_on = date(int(entered[:4]), int(entered[4:]), 1)
