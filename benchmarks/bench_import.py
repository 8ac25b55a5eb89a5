"""A roll of 23 columns: preview, commit, the same bytes again, the same rows in a file saved anew; django-import-export
with the same file, into one flat table and into the same tables.

Each import runs in a process of its own; its peak memory and that of the limited child it starts are told.
python -m benchmarks --only import
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

COUNTY, TERM = "620123", "2018-autumn"
COLUMNS = 23
ROLL_SHARE = 0.8  # of the students a made-up county has, at a school that keeps a roll


def written(folder: Path, rows: int) -> dict[str, Path]:
    """A county's rosters whose roll has about so many rows."""
    from aidcases.models import Region
    from students.demo.rosters import make_rosters

    regions = [tuple(row) for row in Region.objects.order_by("code").values_list("code", "name", "level")]
    return make_rosters(
        folder, county=COUNTY, neighbour=None, students=round(rows / ROLL_SHARE), seed=1, regions=regions, term=TERM
    )


def ours(schools: Path, roll: Path, steps: int) -> dict[str, Any]:
    """Seconds of preview, commit, preview of the same bytes again and of the same rows in a file saved anew (`steps` 1:
    the first alone)."""
    from aidcases.actions import open_office, region_named
    from aidcases.scoping import EVERYWHERE, acting_in, current_actor
    from aidcases.terms import Term
    from students.imports import pipeline

    def received(path: Path, kind: str) -> Any:
        chunks = [path.read_bytes()]
        return pipeline.receive(kind=kind, term=Term.parse(TERM), office=office, filename=path.name, chunks=chunks)

    with acting_in(EVERYWHERE):
        office = open_office(region=region_named(COUNTY))
        pipeline.run_now(kind="schools", path=schools, term=Term.parse(TERM), office=office, commit_too=True)
        file, again, anew = received(roll, "roll"), received(roll, "roll"), received(_saved_anew(roll), "roll")
        found = {"preview_s": _took(lambda: pipeline.preview(file))}
        file.refresh_from_db()
        assert file.counts["new"] > 0.9 * file.counts["rows"], (file.state, file.problem, file.counts)
        if steps > 1:
            file.move("confirm", by=current_actor())
            found["commit_s"] = _took(lambda: pipeline.commit(file))
            found["unchanged_s"] = _took(lambda: pipeline.preview(again))
            found["saved_anew_s"] = _took(lambda: pipeline.preview(anew))
            for each in (again, anew):
                each.refresh_from_db()
                assert each.counts["unchanged"] > 0.9 * each.counts["rows"], each.counts
    return {"rows": file.counts["rows"], **found}


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
        name: _took(lambda dry=dry: resource.import_data(data, dry_run=dry, raise_errors=True))
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
    from import_export import fields, resources, widgets
    from openpyxl import load_workbook

    from aidcases.actions import open_office, region_named
    from aidcases.models import Region, School
    from aidcases.scoping import EVERYWHERE, acting_in
    from aidcases.terms import Term
    from students.imports import pipeline
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
            name: _took(lambda dry=dry: Roll().import_data(data, dry_run=dry, raise_errors=True))
            for name, dry in steps.items()
        }
        assert Enrolment.objects.filter(term=TERM).count() == len(data)
    return {"rows": len(data), **found}


def _sound(row: tuple[Any, ...]) -> bool:
    """A row that nothing is wrong with: this peer has nobody to ask."""
    plain = all(len(str(row[at] or "")) == length for at, length in ((4, 8), (7, 18), (13, 6)))
    return plain and row[9] in _grades()


def _grades() -> dict[str, tuple[str, int]]:
    from students.enums import GRADE_LABELS

    return {label: (stage, n) for stage, labels in GRADE_LABELS.items() for n, label in enumerate(labels, 1)}


def _student(row: dict[str, Any]) -> int:
    """Person, student and guardian of a row, found by their numbers or made. → the student's key"""
    from datetime import datetime

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
    from datetime import date

    made.stage, made.grade = _grades()[row["年级"]]
    made.boarding, made.rural_hukou = row["就读方式"] == "住校", row["户口性质"] == "农业户口"
    made.left_behind, made.orphan = row["是否留守儿童"] != "非留守", row["是否孤儿"] == "是"
    made.school_path = made.school.path
    if (entered := row["入学年月"] or "").isdecimal():
        made.entered_on = date(int(entered[:4]), int(entered[4:]), 1)


def _saved_anew(roll: Path) -> Path:
    """The same rows in other bytes."""
    copy = roll.with_name(f"又存_{roll.name}")
    shutil.copyfile(roll, copy)
    with zipfile.ZipFile(copy, "a") as book:
        book.comment = b"saved anew"
    return copy


def _text(cell: Any) -> str | None:
    return None if cell is None else str(cell)


def _took(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return round(time.perf_counter() - start, 2)


# ---- each in a process of its own ---------------------------------------------------------------------------------


def _peak_mb(pid: int | str) -> float:
    """Peak resident memory of a process so far, 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0)


class Children(threading.Thread):
    """Looks every 20 ms how much the children of this process have taken at most."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_mb, self.over = 0.0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            for tasks in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
                children = tasks.read_text().split() if tasks.exists() else []
                self.peak_mb = max([self.peak_mb, *map(_peak_mb, children)])


def _alone(case: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    import django

    django.setup()
    children = Children()
    children.start()
    found = case(*arguments)
    children.over.set()
    children.join()
    return {**found, "parent_mb": round(_peak_mb("self")), "child_mb": round(children.peak_mb)}


def measured(case: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """What `case(*arguments)` returns, run in a fresh process, with peak memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return {"name": case.__name__, **pool.apply(_alone, (case, *arguments))}


def main(rows: int = 50_000) -> dict[str, Any]:
    """The speed at `rows`, memory at 20,000 and 100,000 (two fifths and twice as many of it), the peer at a tenth."""
    from benchmarks.population import emptied

    with tempfile.TemporaryDirectory() as place:
        sizes = {size: written(Path(place) / str(size), size) for size in (rows, rows * 2 // 5, rows * 2)}
        memory = []
        for size in (rows * 2 // 5, rows * 2):
            emptied()
            memory.append(measured(ours, sizes[size]["schools"], sizes[size]["roll"], 3))
        emptied()
        best = measured(ours, sizes[rows]["schools"], sizes[rows]["roll"], 3)
        flat = measured(import_export, sizes[rows]["schools"], sizes[rows]["roll"], rows // 10)
        emptied()
        same = measured(same_tables, sizes[rows]["schools"], sizes[rows]["roll"], rows // 25)
        emptied()
    steps = ("preview_s", "commit_s", "unchanged_s")
    peers = {"one flat table, no checks": flat, "the same tables": same}
    times = {
        name: {step: round(peer[step] / peer["rows"] / (best[step] / best["rows"]), 1) for step in steps}
        for name, peer in peers.items()
    }
    grown = {who: round(memory[1][who] / memory[0][who], 2) for who in ("parent_mb", "child_mb")}
    return {
        "columns": COLUMNS,
        "speed": [best, flat, same],
        "times_faster_than_peer": times,
        "memory": memory,
        "growth": grown,
    }
