"""Ledgers of care: a row for each left-behind child, each side's facts its own; disabled children counted by school."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from dropout.models import CareFile
from ledgers.areas import area_at
from ledgers.definition import HIDDEN_PHONE, NOT_OURS, Listing, Summary
from ledgers.definitions import LEDGERS
from ledgers.preview import preview
from students.models import Enrolment
from tests import make
from tests.ledgers.conftest import ActAs
from tests.personas import TERM, World

HERE, THERE = "/62/6201/620123/", "/62/6201/620121/"


def rows(term_table: Any) -> list[dict[str, Any]]:
    assert isinstance(term_table, Listing)
    names = [column.name for column in term_table.columns]
    return [dict(zip(names, cells, strict=True)) for cells in term_table.first(100)]


@pytest.fixture
def marked(county: World) -> World:
    """The child who lives there and learns here is left behind, with a file; a deaf child is on no roll."""
    child = county.crossing
    Enrolment.objects.filter(student=child).update(left_behind=True)
    CareFile(
        student=child, kind="left_behind", home_path=child.person.home_path, school_path=child.person.school_path,
        father_at="广东", guardian="祖母", parents_phone="13912345678", phone="13712345678", helper="王老师",
        from_on=date(2018, 10, 8), made_by="甲",
    ).save()  # fmt: skip
    deaf = make.student("失学生", at=county.here.primary, home="620123100201", born=date(2009, 1, 1))
    Enrolment.objects.filter(student=deaf).delete()
    make.hardship(deaf.person, "disabled")
    deaf.person.hardships.update(detail="听力")
    Enrolment.objects.filter(student=county.here.students[0]).update(disability_hint="视力残疾")
    return county


def test_each_side_sees_what_it_wrote(marked: World, act_as: ActAs) -> None:
    ledger = LEDGERS["left-behind"]
    with act_as("maker"):
        [row] = rows(ledger.tables(TERM, area_at(HERE))[0])
    assert (row["姓名"], row["父亲务工地点"], row["委托监护人"], row["父母电话"]) == (
        "跨县生",
        NOT_OURS,
        NOT_OURS,
        NOT_OURS,
    )
    assert (row["帮扶责任人"], row["联系电话"], row["建档日期"]) == ("王老师", HIDDEN_PHONE, date(2018, 10, 8))
    with act_as("other_maker"):
        [row] = rows(ledger.tables(TERM, area_at(THERE))[0])
        sheet = ledger.tables(TERM, area_at(THERE))[0].sheet(None, unmasked=True)
        clear = [cell for line in sheet.rows for cell in line]
    assert (row["父亲务工地点"], row["父母电话"], row["联系电话"]) == ("广东", HIDDEN_PHONE, NOT_OURS)
    assert "13912345678" in clear
    assert "13712345678" not in clear
    with act_as("school"):
        [row] = rows(ledger.tables(TERM, area_at(marked.here.primary.path))[0])
    assert (row["帮扶责任人"], row["村"]) == ("王老师", NOT_OURS)


def test_disabled_children_by_school_open_their_names(marked: World, act_as: ActAs) -> None:
    ledger = LEDGERS["disabled-enrolment"]
    with act_as("maker"):
        [table] = ledger.tables(TERM, area_at(HERE))
        assert isinstance(table, Summary)
        shown = preview(table, TERM, area_at(HERE))
        [school] = ledger.tables(TERM, area_at(marked.here.primary.path))
    with act_as("city"):
        [of_county] = ledger.tables(TERM, area_at(HERE))
        closed = preview(of_county, TERM, area_at(HERE))  # type: ignore[arg-type]
    names = [column.name for column in table.columns]
    whole = dict(zip(names, shown.total, strict=True))
    assert {name: whole[name].text for name in ("残疾儿童总数", "已入学视力", "未入学听力", "入学率")} == {
        "残疾儿童总数": "2", "已入学视力": "1", "未入学听力": "1", "入学率": "50.0%",
    }  # fmt: skip
    assert whole["未入学听力"].url == "/care/?term=2018-autumn&kind=disabled&marked=1&age=1&enrolled=0&what=hearing"
    assert [cells[0].text for _, cells in shown.rows] == [marked.here.primary.name, "城关镇（没有入学）"]
    assert "place=620123100" in shown.rows[1][1][1].url
    assert school.lines[0].cells["total"] == 1  # type: ignore[attr-defined]
    assert [cell.url for cell in closed.total if cell.url] == []
