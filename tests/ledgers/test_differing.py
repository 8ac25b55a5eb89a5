"""Two issues of one ledger held against each other: cells, rows that came and went, totals; layouts, masks, sheets."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import Settings
from django.urls import reverse
from openpyxl import load_workbook

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.jobs import Cancelled, Running
from aidcases.models import AuditEvent, Job
from aidcases.models.records import JobState
from ledgers import comparisons, differing
from ledgers.actions import request_issue
from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from ledgers.issuerows import Part, parts
from ledgers.models import Comparison, LedgerIssue
from ledgers.sheets import Head, Kind, Look, Sheet, Subtotal
from ledgers.workbook import write_workbook
from students.models import Person
from tests import make
from tests.ledgers.conftest import ActAs
from tests.personas import CANARY, TERM, As, World, compute

HERE = "/62/6201/620123/"
POOR = f"{CANARY['620123']}贫生"
HEADS = (
    Head(("序号",), 5, Kind.INTEGER), Head(("学生", "姓名"), 9, Kind.TEXT), Head(("学生", "证件号码"), 19, Kind.TEXT),
    Head(("学生", "出生日期"), 11, Kind.TEXT), Head(("村",), 9, Kind.TEXT), Head(("金额",), 9, Kind.MONEY, True),
)  # fmt: skip
LOOK = Look("花名册", "县中心", date(2018, 9, 1), "元", ("注",))
Row = tuple[str, str, str, str, int]
ANN: Row = ("安", "1111", "2010-01-01", "东村", 5)
BEN: Row = ("本", "2222", "2010-01-02", "东村", 6)
CEM: Row = ("岑", "3333", "2010-01-03", "西村", 7)


def book(path: Path, rows: list[Row], *, flat: bool = False) -> list[Part]:
    """The parts of a workbook of numbered rows, numbers of people masked."""
    cells = [
        [n, name, f"**************{last}", born, place, Decimal(yuan)]
        for n, (name, last, born, place, yuan) in enumerate(rows, 1)
    ]
    heads = tuple(replace(head, path=head.path[-1:]) for head in HEADS) if flat else HEADS
    write_workbook(path, [Sheet("名册", heads, cells, None if flat else LOOK)])
    return parts(io.BytesIO(path.read_bytes()), hidden="核验")


def compared(tmp_path: Path, was: list[Row], now: list[Row], *, flat: bool = False) -> differing.Compared:
    return differing._compared(book(tmp_path / "was.xlsx", was), book(tmp_path / "now.xlsx", now, flat=flat))


def said(found: differing.Compared) -> list[tuple[str, str, str, str, str]]:
    return [(each.kind, each.who, each.heading, each.was, each.now) for each in found.changes]


def test_rows_find_their_like(tmp_path: Path):
    """However they moved; a corrected name or number is a change of the row, another child is another row."""
    assert compared(tmp_path, [ANN, BEN, CEM], [CEM, ANN, BEN]).nothing
    found = compared(tmp_path, [ANN, BEN, CEM], [("安", "1111", "2010-01-01", "西村", 9), CEM])
    assert said(found) == [
        ("changed", "安 **************1111", "村", "东村", "西村"), ("changed", "安 **************1111", "金额", "5", "9"),
        ("missing", "本 **************2222", "整行", "", ""),
    ]  # fmt: skip
    assert found.rows == {"changed": 1, "added": 0, "missing": 1}
    assert found.totals == [("名册", "金额", "18", "16")]
    renamed = compared(tmp_path, [ANN, BEN], [("案", *ANN[1:]), ("本", "9999", *BEN[2:])])
    assert said(renamed) == [
        ("changed", "案 **************1111", "姓名", "安", "案"),
        ("changed", "本 **************9999", "证件号码", "**************2222", "**************9999"),
    ]
    other = compared(tmp_path, [ANN], [("案", "4444", "2011-01-01", "东村", 5)])
    assert [each.kind for each in other.changes] == ["missing", "added"]
    twice = compared(tmp_path, [ANN, ANN, BEN], [ANN, BEN])
    assert said(twice) == [("missing", "安 **************1111", "整行", "", "")]


def test_layouts_and_masks_do_not_count_as_changes(tmp_path: Path):
    assert compared(tmp_path, [ANN, BEN], [ANN, BEN], flat=True).changes == []
    assert compared(tmp_path, [], []).nothing
    assert said(compared(tmp_path, [], [ANN])) == [("added", "安 **************1111", "整行", "", "")]
    assert differing._same("**************1111", "620123201001011111")
    assert differing._same("***********", "13912345678")
    assert not differing._same("**************1112", "620123201001011111")
    assert not differing._same("**************1112", "**************1111")
    cell = differing._cell("名册", "安", "证件号码", "620123201001011111", "620123201001021111")
    assert (cell.was, cell.now) == ("**************1111", "**************1111（遮住的数字有变）")


def test_lines_of_a_summary_are_told_by_their_labels(tmp_path: Path):
    heads = (
        Head(("学段",), 9, Kind.TEXT), Head(("项目",), 9, Kind.TEXT), Head(("人数", "应"), 9, Kind.INTEGER, True),
        Head(("人数", "实"), 9, Kind.INTEGER, True),
    )  # fmt: skip

    def made(name: str, rows: list) -> list:
        write_workbook(tmp_path / name, [Sheet("汇总", heads, rows, LOOK, total_first=True, stated={"人数-应": 3, "人数-实": 1})])
        return parts(io.BytesIO((tmp_path / name).read_bytes()), hidden="核验")

    was = made("was.xlsx", [["小学", "寄宿", 3, 1], Subtotal(["小学", "小计", 3, 1])])
    now = made("now.xlsx", [["小学", "寄宿", 3, 2], ["小学", "营养", 1, 1], Subtotal(["小学", "小计", 4, 3])])
    assert said(differing._compared(was, now)) == [
        ("changed", "小学 寄宿", "实", "1", "2"), ("changed", "小学 小计", "应", "3", "4"),
        ("changed", "小学 小计", "实", "1", "3"), ("added", "小学 营养", "整行", "", ""),
    ]  # fmt: skip


def made(act_as: ActAs, code: str = "poverty-register", **also: object) -> LedgerIssue:
    with act_as("checker"):
        issue = request_issue(LEDGERS[code], TERM, area_at(HERE), purpose="核对", **also)
    jobs.work_off(Job.objects.get(pk=issue.job_id))
    issue.refresh_from_db()
    return issue


def test_from_issue_to_issue_on_the_page_and_as_a_sheet(world: World, act_as: ActAs, as_: As):
    first, summed = made(act_as), made(act_as, "aid-summary")
    poor = world.here.students[0]
    assert poor.person.name == POOR
    Person.objects.filter(pk=poor.person_id).update(name="榆槐改名生")
    make.student("榆槐新生", at=world.here.primary, home="620123100201", categories=("registered_poor",), boarding=True)
    compute(world)
    second, clear, later = made(act_as), made(act_as, unmasked=True), made(act_as, "aid-summary")
    with act_as("checker"):
        found = differing.compare_issues(first, second)
        assert [(each.kind, each.heading) for each in found.changes] == [("changed", "学生姓名"), ("added", "整行")]
        assert (found.changes[0].was, found.changes[0].now) == (POOR, "榆槐改名生")
        assert [name for _, name, was, now in found.totals] == ["本学期资助金额"]
        assert differing.compare_issues(second, clear).nothing  # the same numbers, one masked
        assert differing.compare_issues(first, made(act_as, flat=True)).rows == found.rows
        totals = {name: (was, now) for sheet, name, was, now in differing.compare_issues(summed, later).totals if sheet == "汇总"}
        assert Decimal(totals["应资助人数"][1]) == Decimal(totals["应资助人数"][0]) + 1
        with pytest.raises(Refused, match="同一种台账"):
            differing.compare_issues(first, summed)
    with act_as("city"), pytest.raises(Refused, match="还没有上报"):
        differing.compare_issues(first, second)
    page = as_("maker").get(reverse("issue_compare", args=[second.pk])).content.decode()
    assert "榆槐改名生" in page
    assert "看差异" in as_("maker").get(reverse("issue_detail", args=[second.pk])).content.decode()
    assert "还没有上报" in as_("city").get(reverse("issue_compare", args=[second.pk])).content.decode()
    assert "没有差异" in as_("checker").get(reverse("issue_compare", args=[clear.pk]), {"with": second.pk}).content.decode()
    assert "不能下载" in as_("maker").get(reverse("issue_compare", args=[clear.pk])).content.decode()
    url = reverse("issue_compare_sheet", args=[second.pk])
    assert as_("maker").post(url, {"purpose": " "}).status_code == 302
    answer = as_("maker").post(url, {"with": first.pk, "purpose": "核对更正"})
    cells = [[c.value for c in row] for row in load_workbook(io.BytesIO(b"".join(answer.streaming_content))).active]
    assert [row[2] for row in cells[3:6]] == ["合计", "改动", "新增"]
    assert AuditEvent.objects.get(action="ledger.compared").data["purpose"] == "核对更正"
    assert as_("other_maker").get(reverse("issue_compare", args=[second.pk])).status_code == 404


def test_large_ones_are_compared_by_a_job(
    world: World, act_as: ActAs, as_: As, monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
):
    settings.FILES = tmp_path / "files"
    monkeypatch.setattr(comparisons, "LARGE", 1)
    first = made(act_as)
    Person.objects.filter(pk=world.here.students[0].person_id).update(name="榆槐改名生")
    second, clear = made(act_as), made(act_as, unmasked=True)
    maker, url = as_("maker"), reverse("issue_compare", args=[second.pk])
    sheet = reverse("issue_compare_sheet", args=[second.pk])
    assert "开始比较" in maker.get(url).content.decode()
    assert "榆槐改名生" not in maker.get(url).content.decode()
    maker.post(sheet, {"purpose": "核对"})
    start = reverse("issue_compare_start", args=[second.pk])
    for _ in range(2):  # a double click
        maker.post(start, {"with": first.pk})
    asked = Comparison.objects.get()
    assert "排队中" in maker.get(url).content.decode()
    job = Running(jobs.claim(asked.job_id))
    job._lost.set()
    with act_as("maker"), pytest.raises(Cancelled):
        comparisons.generate(job)
    assert not [path for path in (settings.FILES / "comparisons").rglob("*") if path.is_file()]
    Job.objects.filter(pk=asked.job_id).update(state=JobState.QUEUED, claim=None, lease_until=None)
    assert jobs.work_off(Job.objects.get(pk=asked.job_id)).state == JobState.DONE
    asked.refresh_from_db()
    assert asked.rows == {"changed": 1, "added": 0, "missing": 0}
    page = maker.get(url).content.decode()
    assert "逐行的变化在下载的表里" in page
    taken = b"".join(maker.post(sheet, {"purpose": "核对"}).streaming_content)
    cells = [cell.value for row in load_workbook(io.BytesIO(taken)).active for cell in row]
    assert "榆槐改名生" in cells
    assert "榆槐改名生".encode() not in (settings.FILES / "comparisons" / asked.stored).read_bytes()
    maker.post(reverse("issue_compare_start", args=[clear.pk]), {"with": second.pk})
    as_("city").post(start, {"with": first.pk})
    assert Comparison.objects.count() == 1  # not of what one may not open
    with act_as("head"):
        assert comparisons.request_comparison(first, second) == asked
