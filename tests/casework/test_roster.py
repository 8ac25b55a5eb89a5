"""申请表 as a roster: lines become drafts of children who have none; undone as long as nobody has worked on them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.terms import Term
from students.imports import pipeline, undo
from students.imports.applied import BOXES
from students.models import ImportFile, Student
from subsidies.casework import form
from subsidies.models import Application
from subsidies.models.applications import ApplicationState, Box
from tests import make
from tests.casework import build
from tests.casework.conftest import Crew
from tests.students.spreadsheets import xlsx

TERM = Term.parse("2026-autumn")
HEAD = [
    "姓名", "身份证号", "学校标识码", "家庭人口", "家庭人均年收入", "特殊群体类型", "家庭住址", "家长手机号码", "困难原因",
    "申请日期",
]  # fmt: skip


def line(who: Student, **also: Any) -> list[str]:
    told = {
        "name": who.person.name, "id": who.person.id_number, "school": "", "size": "3", "income": "4200",
        "boxes": "烈士子女、残疾人子女", "address": "一村12号", "phone": "13912345678", "other": "父亲患病", "on": "2026-09-03",
    }  # fmt: skip
    return list({**told, **also}.values())


def bring(crew: Crew, folder: Path, *lines: list[str], commit_too: bool = True) -> ImportFile:
    path = folder / "申请表.xlsx"
    path.write_bytes(xlsx([HEAD, *lines]))
    with crew.acting("county_maker"):
        return pipeline.run_now(kind="applications", path=path, term=TERM, office=crew.county, commit_too=commit_too)


def rows(file: ImportFile) -> list[tuple]:
    return list(file.rows.order_by("number").values_list("state", "reasons"))


def take_back(crew: Crew, file: ImportFile) -> dict[str, Any]:
    with crew.acting("county_maker"):
        return undo.undo_now(file)


def test_the_boxes_are_the_forms():
    assert dict(Box.choices) == BOXES


def test_lines_become_drafts_and_go_again(crew: Crew, tmp_path: Path, browser: Any):
    one, other = (build.student(name, at=crew.school, term=TERM.code) for name in ("张小树", "李小草"))
    file = bring(crew, tmp_path, line(one), line(other, boxes="", income="没有"), commit_too=False)
    assert (file.state, file.counts["new"], Application.objects.count()) == ("previewed", 2, 0)
    page = browser("county_maker").get(reverse("import_detail", args=[file.pk])).content.decode()
    assert "残疾人子女、烈士子女" in page
    assert "一村12号" in page
    file = bring(crew, tmp_path, line(one), line(other, boxes="", income="没有"))
    made = Application.objects.get(student=one)
    assert (made.state, made.kind, made.term, made.school) == (ApplicationState.DRAFT, "applied", TERM.code, crew.school)
    assert (made.household_size, made.income_per_head) == (3, Decimal("4200.00"))
    assert (made.boxes, made.address, made.parent_phone) == (["disabled_parent", "martyr"], "一村12号", "13912345678")
    assert (made.other, made.promised_on.isoformat(), made.saved_by) == ("父亲患病", "2026-09-03", "县经办")
    assert (made.complete, [p.field for p in form.problems(made)]) == (False, ["family"])
    assert Application.objects.get(student=other).income_per_head is None
    again = bring(crew, tmp_path, line(one), line(other, boxes="", income="没有"))
    assert [state for state, _ in rows(again)] == ["unchanged", "unchanged"]
    with crew.acting("county_maker"):
        assert undo.expected(file.batch).restored == [{"what": "认定申请", "removed": 2, "changed": 0, "returned": 0}]
    told = take_back(crew, file)
    assert (told["restored"], told["alone"]) == ([{"what": "认定申请", "removed": 2, "changed": 0, "returned": 0}], True)
    assert not Application.objects.exists()


def test_what_a_line_may_not_do(crew: Crew, tmp_path: Path):
    """Nobody's form is written over; who is not enrolled here, or is somebody else, comes back with the reason."""
    mine, has = (build.student(name, at=crew.school, term=TERM.code) for name in ("张小树", "王小花"))
    away = build.student("外县生", at=crew.foreign, term=TERM.code)
    gone = make.student("旧生", at=crew.school, term="2025-autumn")
    before = build.application(has, at=crew.school, term=TERM.code)
    lines = (
        line(mine), line(mine), line(mine, size="4"), line(mine, name="张小数"), line(mine, school=crew.second.code),
        line(has), line(away), line(gone), line(mine, boxes="富裕"),
    )  # fmt: skip
    file = bring(crew, tmp_path, *lines)
    assert rows(file) == [
        ("new", []), ("unchanged", ["repeated"]), ("rejected", ["repeated"]), ("rejected", ["other name"]),
        ("rejected", ["other school"]), ("rejected", ["has applied"]), ("rejected", ["no enrolment"]),
        ("rejected", ["no enrolment"]), ("rejected", ["unknown word"]),
    ]  # fmt: skip
    assert Application.objects.count() == 2
    stays = Application.objects.get(pk=before.pk)
    assert (stays.household_size, stays.version) == (before.household_size, before.version)
    # Worked on by the school, it forbids the undo; everything else of the file stays with it.
    made = Application.objects.get(student=mine)
    with crew.acting("school_maker") as by:
        form.save(made, {"household_size": 5}, None, version=0, by=by)
    with pytest.raises(Refused, match="已有人填写或办理过的认定申请 1 份"):
        take_back(crew, file)
    file.refresh_from_db()
    assert (file.state, Application.objects.count()) == ("committed", 2)
