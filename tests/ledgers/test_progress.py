"""Tasks from given to closed, what the system counts opens into its rows, the reports and the rank are what they say."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.models import Job, Organisation, Reminder
from aidcases.scoping import SYSTEM
from aidcases.terms import Term
from dropout import rectifying
from dropout.models import Rectification
from ledgers.actions import open_file, request_issue
from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from ledgers.models import Talk, WorkLine, WorkMonth, WorkTask
from ledgers.progress import daily, figures, reports, sources, spans, talks, tasks
from ledgers.progress.tasks import Said
from subsidies.models import Entitlement, Payment
from subsidies.payments import listing
from tests import make
from tests.dropout.build import case
from tests.ledgers.conftest import ActAs
from tests.ledgers.progress_build import CITY, HERE, line, task
from tests.personas import World

THERE = "/62/6201/620121/"
DAY, DUE = date(2018, 9, 10), date(2018, 12, 20)
LATE = date(2018, 12, 27)
MANY = Said("政策宣讲", Decimal(600), "times", DUE)


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


def counties() -> list[Organisation]:
    return list(Organisation.objects.filter(kind="county", path__in=(HERE, THERE)).order_by("path"))


def given(county: World, act_as: ActAs, said: Said = MANY) -> dict[str, WorkTask]:
    """The same task to both counties, by the city: path → task."""
    with act_as("city"):
        by = county["city"].memberships.get().actor
        under = WorkLine.objects.filter(year=2018).first() or tasks.name_line(year=2018, name="资助", document="1号", by=by)
        assert tasks.give(under, counties(), said, by=by, given_name="市教育局", today=DAY) == 2
        return {each.path: each for each in WorkTask.objects.filter(title=said.title).select_related("line", "office")}


def queries(client: object, url: str) -> tuple[int, str]:
    with CaptureQueriesContext(connection) as caught:
        page = client.get(url)  # type: ignore[attr-defined]
    assert page.status_code == 200
    spare = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SET LOCAL")
    return len([query for query in caught if not query["sql"].startswith(spare)]), page.content.decode()


@pytest.mark.parametrize(
    ("code", "first", "last", "months"),
    [
        ("2018-02", date(2018, 2, 1), date(2018, 2, 28), ["2018-02"]),
        ("2018-Q4", date(2018, 10, 1), date(2018, 12, 31), ["2018-10", "2018-11", "2018-12"]),
        ("2020-H1", date(2020, 1, 1), date(2020, 6, 30), [f"2020-0{n}" for n in range(1, 7)]),
        ("2018", date(2018, 1, 1), date(2018, 12, 31), [f"2018-{n:02d}" for n in range(1, 13)]),
    ],
)
def test_spans_are_read_from_their_codes(code: str, first: date, last: date, months: list[str]) -> None:
    span = spans.parse(code)
    assert (span.first, span.last, span.months) == (first, last, months)
    assert spans.current(span.kind, last) == span
    for wrong in ("2018-13", "2018-Q5", "2018-H3", "18", "2018-1"):
        with pytest.raises(ValueError, match=wrong):
            spans.parse(wrong)


def test_a_month_is_due_on_the_fifth_of_the_next() -> None:
    assert (spans.due_on("2018-12"), spans.due_on("2018-09")) == (date(2019, 1, 5), date(2018, 10, 5))
    days = (date(2018, 10, 5), date(2018, 10, 6), date(2019, 1, 3), date(2019, 1, 6))
    assert [spans.last_due(day) for day in days] == ["2018-08", "2018-09", "2018-11", "2018-12"]
    assert spans.between("2018-11", "2019-02") == ["2018-11", "2018-12", "2019-01", "2019-02"]
    assert spans.between("2018-11", "2018-10") == []


def test_a_task_from_given_to_closed_and_back_for_rectification(county: World, act_as: ActAs) -> None:
    mine = given(county, act_as)[HERE]
    actor = {name: county[name].memberships.get().actor for name in ("maker", "checker", "head", "city", "other_maker")}
    with act_as("city"), pytest.raises(Refused, match="已有任务"):
        tasks.give(mine.line, counties(), MANY, by=actor["city"], given_name="市", today=DAY)
    with act_as("maker"):
        tasks.start(mine, by=actor["maker"])
        with pytest.raises(Refused, match="还没有填报过进度"):
            tasks.report(mine, by=actor["maker"], today=LATE)
        told = {"done": Decimal(200), "problem": "", "remedy": "", "by": actor["maker"], "today": date(2018, 10, 3)}
        for month, why in (("2018-08", "从下达当月"), ("2018-11", "从下达当月")):
            with pytest.raises(Refused, match=why):
                tasks.tell(mine, month=month, **told)
        with pytest.raises(Refused, match="整改措施"):
            tasks.tell(mine, month="2018-09", **{**told, "problem": "人手不够"})
        tasks.tell(mine, month="2018-09", **told)
        row = tasks.tell(mine, month="2018-09", **{**told, "done": Decimal(250), "today": date(2018, 10, 20)}, seen=None)
        assert (row.done, row.told_on) == (Decimal(250), date(2018, 10, 3))  # put right later, told in time
        with pytest.raises(Refused, match="有人改过"):
            tasks.tell(mine, month="2018-09", **told, seen="0" * 16)
        tasks.report(mine, by=actor["maker"], today=LATE)
        with pytest.raises(Refused, match="不能再填报"):
            tasks.tell(mine, month="2018-10", **told)
    with act_as("other_maker"):
        assert not WorkTask.objects.filter(pk=mine.pk).exists()
    with act_as("checker"):
        tasks.send_back(mine, note="名单没有签字", due_on=date(2019, 1, 10), by=actor["checker"], given_name="县", today=LATE)
        order = Rectification.objects.get(path=HERE)
        assert (mine.state, mine.rectification_id, order.due_on) == ("rectifying", order.pk, date(2019, 1, 10))
    with act_as("maker"):
        with pytest.raises(Refused, match="还没有报告整改情况"):
            tasks.report(mine, by=actor["maker"], today=LATE)
        rectifying.answer(order, text="已补齐签字", by=actor["maker"], today=LATE)
        tasks.report(mine, by=actor["maker"], today=LATE)
    with act_as("head"):
        with pytest.raises(Refused, match="市级单位复查"):
            tasks.recheck(mine, found="抽查了三所学校", by=actor["head"], today=LATE)
        tasks.self_check(mine, found="查了台账和名单", by=actor["head"], today=LATE)
        with pytest.raises(Refused, match="下达任务的单位"):
            tasks.close(mine, by=actor["head"], today=LATE)
    with act_as("city"):
        assert tasks.draw(year=2018, seed="双色球 08", size=5, by=actor["city"]) == 1
        mine.refresh_from_db()
        with pytest.raises(Refused, match="抽中市级复查"):
            tasks.close(mine, by=actor["city"], today=LATE)
        tasks.recheck(mine, found="抽查属实，数字一致", by=actor["city"], today=LATE)
    with act_as("checker"), pytest.raises(Refused, match="由市级单位退回"):
        tasks.send_back(mine, note="想再改一改", due_on=DUE, by=actor["checker"], given_name="县", today=LATE)
    with act_as("city"):
        tasks.close(mine, by=actor["city"], today=LATE)
    assert (mine.state, mine.closed_on, mine.checked_by) == ("closed", LATE, actor["head"].name)


def test_who_reports_does_not_check_and_changing_is_told_apart(county: World, act_as: ActAs) -> None:
    mine = task("reported", reported_by_id=county["head"].pk)
    head, maker = (county[name].memberships.get().actor for name in ("head", "maker"))
    with act_as("head"), pytest.raises(Refused, match="不能自己自查"):
        tasks.self_check(mine, found="查过台账和名单", by=head, today=LATE)
    open_one = task("under_way")
    with act_as("maker"):
        assert tasks.may_change(open_one, maker) == tasks.OWN
        changed = tasks.change(open_one, {"person": "王五", "target": Decimal(1)}, by=maker, seen=None)
        assert (changed.person, changed.target) == ("王五", Decimal(100))  # the target is the giver's
        with pytest.raises(Refused, match="先下达、再拨付"):
            tasks.change(open_one, {"allotted_on": DUE, "paid_on": DAY}, by=maker)
        with pytest.raises(Refused, match="不能修改"):
            tasks.change(mine, {"person": "王五"}, by=maker)
    with act_as("other_maker"):
        assert tasks.may_change(open_one, county["other_maker"].memberships.get().actor) == ()
    with act_as("city"):
        city = county["city"].memberships.get().actor
        tasks.cancel(open_one, note="下达错了", by=city)
        assert (open_one.state, reports.tasks_of(spans.parse("2018"), CITY).count()) == ("cancelled", 1)
        assert figures.due_months(open_one, "2018-11") == []
        again = Said(open_one.title, Decimal(5), "items", DUE)  # the right one may bear its name
        assert tasks.give(line(), [open_one.office], again, by=city, given_name="市", today=DAY) == 1
    slip = task(target=Decimal("0.01"))
    assert figures.Figure(slip, so_far=Decimal("999999999999")).rate == figures.MOST_RATE  # a sheet holds 15 digits


@pytest.mark.parametrize(
    ("also", "why"),
    [
        ({"target": Decimal(0)}, "大于 0"), ({"source": "paid-money"}, "改一致"), ({"source": "x"}, "数字来源"),
        ({"benefit": "compulsory-textbook"}, "不分资助项目"), ({"due_on": date(2021, 1, 1)}, "年度"), ({"unit": "?"}, "单位"),
        ({"allotted_on": DUE, "transferred_on": DAY}, "先下达、再拨付"),
    ],
)  # fmt: skip
def test_a_task_that_cannot_be_is_refused(county: World, act_as: ActAs, also: dict, why: str) -> None:
    with act_as("city"):
        by, said = county["city"].memberships.get().actor, Said(**{**vars(MANY), **also})
        with pytest.raises(Refused, match=why):
            tasks.give(line(), counties(), said, by=by, given_name="市", today=DAY)
    by = county["head"].memberships.get().actor
    with act_as("head"), pytest.raises(Refused, match="本单位范围"):
        tasks.give(line(HERE), counties(), MANY, by=by, given_name="县", today=DAY)


def test_what_the_system_counts_is_its_rows_and_the_same_for_everybody(world: World, act_as: ActAs, as_) -> None:
    """Paid lines of two counties: people once, lines, money to the fen; each figure is the size of what it opens."""
    for child in (*world.here.students, *world.there.students, world.crossing):
        make.account(child)
    for path, under in ((HERE, "620123"), (THERE, "620121")):
        listing.freeze(Entitlement.objects.filter(school_path__startswith=path), make.batch("bank", under=under))
    rows = Payment.objects.all()
    for move in ("approve", "send"):
        rows.move(move, by=SYSTEM)
    rows.move("pay", by=SYSTEM, paid_on=date(2018, 11, 20))
    Payment.objects.filter(pk=rows.order_by("pk").first().pk).update(paid_on=date(2018, 10, 8))
    case("returned", student=world.here.students[1], returned_on=date(2018, 11, 5))
    made = {}
    for n, (code, source) in enumerate(sources.SOURCES.items()):
        made[code] = given(world, act_as, Said(f"统计{n}", Decimal(10), source.unit.value, DUE, source=code))
    span, found = spans.parse("2018-11"), {}
    for persona in ("city", "maker"):
        with act_as(persona):
            mine = [each[HERE] for each in made.values()]
            with CaptureQueriesContext(connection) as caught:
                found[persona] = figures.of(mine, span, LATE)
            assert len(caught) == 2  # one for what was told, one for all that is counted
            for row in found[persona]:
                source = sources.SOURCES[row.task.source]
                lines = source.of(row.task, span.first, span.last)
                if source.yuan and source.unit == "wan":
                    assert 10000 * row.now == sum(getattr(each, source.yuan) or 0 for each in lines)
                elif row.task.source == "paid-people":
                    assert row.now == len({each.student_id for each in lines})
                else:
                    assert row.now == len(lines)
    assert [(row.now, row.so_far) for row in found["city"]] == [(row.now, row.so_far) for row in found["maker"]]
    by_code = {row.task.source: row for row in found["city"]}
    assert (by_code["returned"].now, by_code["paid-times"].so_far - by_code["paid-times"].now) == (1, 1)
    assert by_code["paid-people"].so_far > 0
    url = reverse("work_rows") + f"?task={made['paid-money'][HERE].pk}&span=2018&from=year"
    asked, text = queries(as_("maker"), url)
    assert asked <= 12
    assert world.here.students[0].person.name in text
    assert as_("other_maker").get(url).status_code == 404


def test_the_reports_name_who_is_behind_and_rank_by_the_formula(county: World, act_as: ActAs, as_) -> None:
    both = given(county, act_as)
    second = given(county, act_as, Said("专题培训", Decimal(10), "items", date(2018, 11, 30), document="专文2号"))
    maker, other = (county[name].memberships.get().actor for name in ("maker", "other_maker"))
    with act_as("maker"):
        for month, done, day in (("2018-09", 300, date(2018, 10, 4)), ("2018-10", 240, date(2018, 11, 20))):
            tasks.tell(both[HERE], month=month, done=Decimal(done), problem="", remedy="", by=maker, today=day)
        tasks.tell(second[HERE], month="2018-09", done=Decimal(12), problem="缺教师", remedy="外聘", by=maker, today=DAY)
    with act_as("other_maker"):
        tasks.tell(both[THERE], month="2018-09", done=Decimal(60), problem="", remedy="", by=other, today=DAY)
    today, year = date(2018, 12, 3), spans.parse("2018")
    with act_as("city"):
        rows = reports.rows_of(year, CITY, today)
        ranked = reports.by_office(rows, {HERE: Decimal("0.5")})
        here, there = ranked
        assert (here.office.path, here.rank, there.rank) == (HERE, 1, 2)
        # 540 of 600 and 12 of 10 (100 at most): 95; of September and October told in time: 2 of 4; half of the indicators.
        assert (here.rate, here.asked, here.in_time, here.late) == (Decimal("95.0"), 4, 2, 1)
        assert here.points == {"done": Decimal(57), "in_time": Decimal(10), "goals": Decimal(10), "late": Decimal(2)}
        assert here.score == Decimal(57) + 10 + 10 - 2
        # No indicators: 10 % and 0 % done, 1 of 4 in time; out of 80, one task late.
        assert there.points["goals"] is None
        assert (there.rate, there.score) == (Decimal("5.0"), (Decimal(3) + 5) * 100 / 80 - 2)
        [nothing] = reports.by_office([row for row in rows if row.task == second[THERE]], {})
        assert (nothing.rate, nothing.in_time, nothing.score) == (0, 0, 0)  # never below nought
        behind = reports.behind(reports.rows_of(spans.parse("2018-10"), CITY, today))
        assert behind[there.office.name] == [
            "“专题培训”逾期未完成（期限 2018-11-30，完成 0.0%）", "“专题培训”2018-10 没有填报", "“政策宣讲”2018-10 没有填报",
        ]  # fmt: skip
        [training, visits] = reports.by_line(rows)
        assert (training.unit, training.target, training.so_far, visits.so_far) == ("项", 20, 12, 600)
        told = reports.bulletin(spans.parse("2018-H2"), "市教育局", rows, CITY, today)
        text = "".join(words for part in told for words, _ in part)
        assert "任务共 4 项" in text
        assert "逾期未完成 2 项" in text
    city, mine = as_("city"), as_("maker")
    for code in ("2018-10", "2018-Q4", "2018-H2", "2018"):
        asked, text = queries(city, reverse("work_report", args=[code]))
        assert asked <= (13 if code == "2018" else 8), (code, asked)  # the year reckons the indicators, too
        assert there.office.name in text
        _, text = queries(mine, reverse("work_report", args=[code]))
        assert there.office.name not in text
    assert city.get(reverse("work_report", args=["2018-X"])).status_code == 404
    for year_of, client in (("2018", city), ("2018", mine)):
        asked, text = queries(client, reverse("worktask_list") + f"?year={year_of}")
        assert asked <= 12
    asked, text = queries(mine, reverse("worktask_list") + "?year=2018&late=due")
    assert ("专题培训" in text, asked <= 12) == (True, True)
    assert mine.get(reverse("worktask_new")).status_code == 403
    line_of = f"&line={both[HERE].line_id}"  # named by the city
    assert mine.get(reverse("worktask_list") + "?year=2018" + line_of).context["page"].paginator.count == 2


def test_time_reminds_the_owner_then_the_giver_and_ends_by_itself(county: World, act_as: ActAs) -> None:
    mine = given(county, act_as)[HERE]
    maker = county["maker"].memberships.get().actor
    soon, over = date(2018, 10, 3), date(2018, 10, 20)
    keys = Reminder.objects.open().filter(key__startswith="work")
    assert daily.months_due(at(soon)) == {"reminded": 2, "ended": 0}
    assert set(keys.values_list("key", "urgent")) == {("workmonth.due.2018-09", False)}
    daily.months_due(at(over))
    assert set(keys.filter(path=CITY).values_list("key", "title")) == {
        ("workmonth.below.2018-09", "下级逾期未填 2018-09 的进度：2 项工作任务，请督促")
    }
    assert keys.filter(path=HERE).get().urgent
    with act_as("maker"):
        tasks.tell(mine, month="2018-09", done=Decimal(1), problem="", remedy="", by=maker, today=over)
    daily.months_due(at(over))
    assert not keys.filter(path=HERE).exists()
    assert daily.tasks_due(at(date(2018, 12, 1)))["reminded"] == 0
    daily.tasks_due(at(LATE))
    mine.refresh_from_db()
    assert (mine.escalated_on, keys.filter(key="worktask.escalated", path=CITY).count()) == (LATE, 2)
    with act_as("maker"):
        tasks.report(mine, by=maker, today=LATE)
    assert not keys.filter(key__startswith="worktask.", subject_id=mine.pk).exists()


def test_a_talk_is_written_down_with_an_order(county: World, act_as: ActAs, as_) -> None:
    mine = given(county, act_as)[HERE]
    city = as_("city")
    said = {
        "office": mine.office_id, "held_on": "2026-01-08", "held_by": "副局长", "people": "中心主任", "about": "进度滞后",
        "minutes": "问明原因，限期补上", "result": "一月底前补上", "due_on": "2099-01-01",
    }  # fmt: skip
    url = reverse("talk_hold") + f"?task={mine.pk}"
    assert "一年以内" in city.post(url, said).content.decode()
    with act_as("city"):
        by = county["city"].memberships.get().actor
        order = {**said, "held_on": DAY, "due_on": date(2018, 9, 30)}
        del order["office"]
        made = talks.hold(mine.office, talks.Said(**order), task=mine, year=2018, by=by, given_name="市教育局", today=DAY)
        with pytest.raises(Refused, match="只能约谈下级"):
            talks.hold(make.office("6201"), talks.Said(**order), year=2018, by=by, given_name="市", today=DAY)
    assert (made.rectification.path, made.rectification.problem) == (HERE, "约谈要求：进度滞后")
    asked, text = queries(as_("maker"), reverse("talk_list") + "?year=2018")
    assert ("进度滞后" in text, asked <= 12) == (True, True)
    assert as_("other_maker").get(reverse("talk_detail", args=[made.pk])).status_code == 404
    assert Talk.objects.count() == 1


def test_the_pages_of_a_task_are_worked_by_those_it_concerns(county: World, act_as: ActAs, as_) -> None:
    """Through the pages: a line, a task, a month of it, done, checked, sent back."""
    city, maker, checker = as_("city"), as_("maker"), as_("checker")
    year = date.today().year
    city.post(reverse("workline_add"), {"year": year, "name": "控辍", "document": "2号文"})
    under = WorkLine.objects.get(name="控辍")
    office = Organisation.objects.get(path=HERE, kind="county")
    form = {"line": under.pk, "title": "家访", "offices": [office.pk], "target": "20", "unit": "times", "due_on": f"{year}-12-31"}
    assert city.post(reverse("worktask_give"), {**form, "unit": ""}).status_code == 422
    assert city.post(reverse("worktask_give"), form).status_code == 302
    made = WorkTask.objects.get(title="家访")
    where = reverse("worktask_detail", args=[made.pk])
    month = {"month": made.first_month, "done": "5", "problem": "", "remedy": "", "seen": maker.get(where).context["month"].seen}
    assert maker.post(reverse("workmonth_tell", args=[made.pk]), {**month, "done": ""}).status_code == 422
    assert maker.post(reverse("workmonth_tell", args=[made.pk]), month).status_code == 302
    assert WorkMonth.objects.get(task=made).done == 5
    asked, text = queries(maker, where)
    assert ("25.0%" in text, asked <= 14) == (True, True)
    seen = city.get(where).context["seen"]
    change = {"title": "家访", "target": "25", "due_on": f"{year}-12-31", "seen": seen}
    city.post(reverse("worktask_change", args=[made.pk]), change)
    assert city.post(reverse("worktask_change", args=[made.pk]), change).status_code == 422  # opened on the old target
    maker.post(reverse("worktask_step", args=[made.pk, "report"]))
    checker.post(reverse("worktask_send_back", args=[made.pk]), {"note": "名单没有签字", "due_on": ""})
    made.refresh_from_db()
    assert (made.state, made.target) == ("reported", 25)
    checker.post(reverse("worktask_check", args=[made.pk, "self_check"]), {"note": "查了三个村的记录"})
    city.post(reverse("worktask_step", args=[made.pk, "close"]))
    made.refresh_from_db()
    assert (made.state, made.found) == ("closed", "查了三个村的记录")
    assert "工作推进" in city.get(reverse("home")).content.decode()
    city.post(reverse("worktask_give"), {**form, "title": "误下达"})
    wrong = WorkTask.objects.get(title="误下达")
    city.post(reverse("worktask_step", args=[wrong.pk, "cancel"]), {"note": ""})
    assert WorkTask.objects.get(pk=wrong.pk).state == "given"  # a reason is asked for
    city.post(reverse("worktask_step", args=[wrong.pk, "cancel"]), {"note": "重复下达"})
    assert WorkTask.objects.get(pk=wrong.pk).state == "cancelled"
    assert as_("school").get(where).status_code == 404
    assert as_("auditor").post(reverse("worktask_step", args=[made.pk, "start"])).status_code in (302, 403)


def test_the_ledger_says_what_the_pages_say(county: World, act_as: ActAs) -> None:
    mine = given(county, act_as)[HERE]
    maker = county["maker"].memberships.get().actor
    ledger, term = LEDGERS["work-progress"], Term.parse("2018-autumn")
    with act_as("maker"):
        for month, done in (("2018-09", 100), ("2018-10", 50)):
            tasks.tell(mine, month=month, done=Decimal(done), problem="雨天", remedy="补讲", by=maker, today=date(2018, 11, 2))
        [table] = ledger.tables(term, area_at(HERE))
        [row] = table.lines
        figure = figures.of([mine], spans.parse("2018-10"), LATE)[0]
        wanted = {"now": figure.now, "so_far": figure.so_far, "rate": figure.rate, "problem": "雨天", "unit": "人次"}
        assert {name: row.cells[name] for name in wanted} == wanted
        assert (row.cells["now"], row.cells["so_far"]) == (50, 150)
        issue = request_issue(ledger, term, area_at(HERE), purpose="月调度", flat=False, unmasked=False)
        assert jobs.work_off(Job.objects.get(pk=issue.job_id)).state == "done"
        issue.refresh_from_db()
        with open_file(issue) as file:
            sheet = load_workbook(BytesIO(file.read())).worksheets[0]
        found = [[cell.value for cell in line] for line in sheet.iter_rows() if "政策宣讲" in [cell.value for cell in line]]
        assert [[line[at] for at in (6, 7, 12, 13, 14)] for line in found] == [[600, "人次", 50, 150, 25]]
    with act_as("city"):
        assert len(ledger.tables(term, area_at(CITY))[0].lines) == 2
