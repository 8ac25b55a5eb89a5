"""两后生职业教育/培训台账: a row for each trainee of the year, calls beside it, homes only for the home side."""

from __future__ import annotations

from datetime import date
from typing import Any

from ledgers.areas import area_at
from ledgers.definition import NOT_OURS, Listing
from ledgers.definitions import LEDGERS
from subsidies.models import FollowUp, Trainee
from tests import make
from tests.ledgers.conftest import ActAs
from tests.personas import TERM, World

HERE, THERE = "/62/6201/620123/", "/62/6201/620121/"


def rows(table: Any) -> list[dict[str, Any]]:
    assert isinstance(table, Listing)
    names = [column.name for column in table.columns]
    return [dict(zip(names, cells, strict=True)) for cells in table.first(100)]


def test_a_row_for_each_trainee_with_what_the_calls_found(county: World, act_as: ActAs) -> None:
    child, school = county.crossing, county.here.senior  # at home there, trained here
    line: dict[str, Any] = {"year": 2018, "left_year": 2018, "left_stage": "junior", "left_school": school, "made_by": "甲"}
    homes = {"student": child, "home_path": child.person.home_path}
    Trainee(
        **line, **homes, state="employed", kind="training", school=school, school_path=school.path, major="焊工",
        from_on=date(2018, 9, 3), finished_on=date(2018, 10, 30), certificate="焊工证", employer="某厂", post="焊工",
        wage="from3000", outcome_on=date(2018, 11, 1), remark="家里的事",
    ).save()  # fmt: skip
    other = make.student("待联系生", at=school, home="620123100201")
    Trainee(**line, student=other, home_path=other.person.home_path).save()
    gone = make.student("不在范围生", at=school, home="620123100201")
    Trainee(**line, student=gone, home_path=gone.person.home_path, state="struck").save()
    for number, result in ((1, "employed"), (2, "lost")):
        FollowUp(
            **homes, year=2018, number=number, school=school, school_path=school.path, due_on=date(2018 + number, 6, 30),
            state="done", result=result, employer="某厂" if number == 1 else "", called_on=date(2019, 6, 1), called_by="甲",
        ).save()  # fmt: skip
    ledger = LEDGERS["vocational"]
    with act_as("maker"):
        [table] = ledger.tables(TERM, area_at(HERE))
        assert table.size() == 2
        by_name = {row["姓名"]: row for row in rows(table)}
        trained, waiting = by_name["跨县生"], by_name["待联系生"]
        assert trained["毕业年份"] == "2018"  # a year has no thousands
        flat = table.sheet(None, unmasked=False)
        assert [head.name for head in flat.heads][-1] == "行键"
        assert child.person.id_number not in str([list(row) for row in flat.rows])
        assert ledger.tables(TERM.next.next, area_at(HERE))[0].size() == 0  # of another year
    assert [trained[name] for name in ("状态", "院校", "类别", "专业（工种）", "证书", "就业单位（升入院校）", "月收入")] == [
        "已就业", school.name, "职业培训", "焊工", "焊工证", "某厂", "3000—4999 元/月",
    ]  # fmt: skip
    assert [trained[name] for name in ("第一年", "第二年", "第三年")] == ["就业 某厂", "联系不上 ", None]
    assert (trained["村"], trained["备注"], trained["县区"]) == (NOT_OURS, NOT_OURS, "永登县")
    assert (waiting["状态"], waiting["院校"], waiting["村"]) == ("待联系", None, make.region("620123100201").name)
    with act_as("other_maker"):
        [row] = rows(ledger.tables(TERM, area_at(THERE))[0])
    assert (row["姓名"], row["备注"]) == ("跨县生", "家里的事")
    with act_as("other_school"):  # the institution
        [row] = rows(ledger.tables(TERM, area_at(school.path))[0])
    assert (row["姓名"], row["备注"]) == ("跨县生", NOT_OURS)
