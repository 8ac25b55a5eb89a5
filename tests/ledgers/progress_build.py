"""Tasks in any state, and something of every kind of a county's progress, in words of its own."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import count

from dropout.models import Rectification
from ledgers.models import AgeFigure, IndicatorGoal, NamedArea, Talk, WorkLine, WorkMonth, WorkTask
from tests import make
from tests.personas import CANARY, Side

HERE, CITY = "/62/6201/620123/", "/62/6201/"
DAY, DUE = date(2018, 10, 8), date(2018, 12, 20)
_titles = count(1)


def line(path: str = CITY, year: int = 2018, name: str = "学生资助") -> WorkLine:
    given = {"document": "兰教发〔2018〕1号", "made_by": "丙"}
    return WorkLine.objects.get_or_create(path=path, year=year, name=name, defaults=given)[0]


def order(path: str = HERE) -> Rectification:
    """An order that was answered, so that it stands against nothing."""
    made = Rectification(
        path=path, given_path=CITY, given_name="市教育局", problem="进度滞后", due_on=DAY, made_by="丙", made_on=DAY,
        state="done", answer="已整改到位", answered_on=DAY, answered_by="甲",
    )  # fmt: skip
    made.save()
    return made


def task(state: str = "given", **values: object) -> WorkTask:
    """Given to the county by the city, a month told; with nothing but its state against any move."""
    given: dict = {
        "title": f"任务{next(_titles)}", "target": Decimal(100), "unit": "people", "due_on": DUE, "first_month": "2018-09",
        "last_month": "2018-09", "given_path": CITY, "given_name": "市教育局", "made_by": "丙", "made_on": DAY, "path": HERE,
        **task_columns(state), **values,
    }  # fmt: skip
    if "office" not in given:
        given["office"] = make.office("620123")
    made = WorkTask(line=given.pop("line", None) or line(), state=state, **given)
    made.save()
    return made


def task_columns(state: str) -> dict:
    """What the state demands."""
    found: dict = {}
    if state in ("reported", "self_checked", "rechecked", "closed"):
        found |= {"reported_on": DAY, "reported_by": "甲", "reported_by_id": 5}
    if state in ("self_checked", "rechecked", "closed"):
        found |= {"checked_on": DAY, "checked_by": "乙", "found": "查过台账和名单"}
    if state == "rechecked":
        found |= {"rechecked_on": DAY, "rechecked_by": "丙", "refound": "抽查属实"}
    if state == "closed":
        found |= {"closed_on": DAY}
    return found | ({"rectification": order()} if state == "rectifying" else {})


# --- traces of a county --------------------------------------------------------------------------------------------


def county_task(side: Side) -> WorkTask:
    """Given by the county to its school, told once with a problem."""
    mark, path = CANARY[side.code], side.office.path
    under = line(path, name=f"{mark}工作线")
    school = make.school_office(side.primary)
    given = {
        "office": school, "path": school.path, "given_path": path, "given_name": f"{mark}中心", "person": f"{mark}责任人",
        "target": Decimal(10), "unit": "items", "due_on": DUE, "first_month": "2018-09", "last_month": "2018-09",
        "made_by": f"{mark}主任", "made_on": DAY, "state": "under_way",
    }  # fmt: skip
    made, new = WorkTask.objects.get_or_create(line=under, title=f"{mark}工程", defaults=given)
    if new:
        told = {"done": Decimal(3), "problem": f"{mark}难处", "remedy": "加派人手", "told_on": DAY, "told_by": "甲"}
        WorkMonth(task=made, path=made.path, month="2018-09", **told).save()
        _by_hand(side, mark)
    return made


def talk(side: Side) -> Talk:
    of = county_task(side)
    mark = CANARY[side.code]
    given = {
        "path": of.path, "given_path": of.given_path, "given_name": f"{mark}中心", "year": 2018, "held_on": DAY,
        "held_by": f"{mark}主任", "people": f"{mark}校长", "minutes": f"{mark}谈话", "result": "限期完成", "made_by": "甲",
    }  # fmt: skip
    return Talk.objects.get_or_create(office=of.office, task=of, about=f"{mark}约谈", defaults=given)[0]


def area(side: Side) -> NamedArea:
    county_task(side)
    return NamedArea.objects.get(path=side.office.path)


def _by_hand(side: Side, mark: str) -> None:
    path = side.office.path
    named = NamedArea(path=path, name=f"{mark}乡镇", codes=[side.primary.region_id], made_by="甲")
    named.save()
    written = {"year": 2018, "number": 40, "as_of": DAY, "source": f"{mark}公安局", "made_by": f"{mark}办事员", "made_on": DAY}
    AgeFigure(path=path, ages="6-11", **written).save()
    AgeFigure(path=path, area=named, ages="3-5", **written).save()
    aim = {"document": f"{mark}批文", "given_name": f"{mark}中心", "made_by": "甲", "made_on": DAY}
    IndicatorGoal(path=path, year=2018, indicator="primary", target=Decimal(99), **aim).save()
