"""Due items come by themselves, figures are counted from the cases and freeze when handed up, what is late is told above."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.models import Organisation, Reminder
from aidcases.scoping import EVERYWHERE, SYSTEM, acting_in
from dropout import periods, reminding, reporting
from dropout.models import Report
from students.enums import Stage
from tests import make
from tests.dropout.build import case
from tests.ledgers.conftest import act_as  # noqa: F401  (a fixture)

TODAY = date(2018, 10, 20)


def at(*day: int) -> datetime:
    return datetime(*day, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.mark.parametrize(
    ("code", "rhythm"), [("2018-10", "month"), ("2018-Q4", "quarter"), ("2018-autumn", "term"), ("2018", "year")]
)
def test_a_period_is_read_back_from_its_code(code: str, rhythm: str) -> None:
    period = periods.parse(rhythm, code)
    assert (period.code, str(period.rhythm)) == (code, rhythm)
    assert period.first <= period.last


@pytest.mark.parametrize(
    ("kind", "day", "wanted"),
    [
        ("school", date(2018, 10, 1), [("2018-10", date(2018, 10, 28))]),
        ("school", date(2020, 2, 29), []),  # holidays
        ("school", date(2018, 12, 31), [("2018-12", date(2018, 12, 28))]),
        ("county", date(2018, 12, 31), [("2018-Q4", date(2018, 12, 28))]),
        ("city", date(2020, 2, 29), [("2019-autumn", date(2020, 2, 20)), ("2019", date(2020, 8, 31))]),
        ("township", date(2018, 10, 1), []),
    ],
)
def test_who_reports_what_when(kind: str, day: date, wanted: list) -> None:
    assert [(each.code, each.due_on) for each in periods.current(kind, day)] == wanted


def test_a_report_from_due_to_received(county, act_as, as_) -> None:  # noqa: F811
    school = make.school_office(county.here.primary)
    unproven = {"proof": "none", "close_reason": "校长确认"}
    for state, also in (("suspected", {}), ("persuading", {"poor": True}), ("closed", unproven)):
        case(state, student=make.student(at=county.here.primary), stage=Stage.PRIMARY, **also)
    reminding.reports_due(at(2018, 10, 10))
    told = reminding.reports_due(at(2018, 10, 22))
    assert (told["reports_made"], Report.objects.filter(office=school).count()) == (0, 1)
    assert Reminder.objects.open().filter(office=school, key="report.due").count() == 1
    with act_as("school"):
        by = county["school"].memberships.get().actor
        report = Report.objects.get(office=school)
        with pytest.raises(Refused, match="还没有生成数字"):
            reporting.submit(report, by=by, today=TODAY)
        filled = reporting.fill(report, by=by, today=TODAY)
        primary = filled.figures["primary"]
        assert (primary["found"], primary["confirmed"], primary["open"], primary["poor"]) == (3, 2, 1, 1)
        assert (primary["closed"], primary["unproven"], filled.figures["total"]["found"]) == (0, 0, 3)  # closed in January
        assert "新发现疑似辍学 3 人" in filled.text
        with acting_in(EVERYWHERE, SYSTEM):
            case("persuading", student=make.student(at=county.here.primary), stage="")  # on no roll: of no stage
        filled = reporting.fill(report, by=by, today=TODAY)
        assert "期末未复学 2 人（小学 1 人、初中 0 人、学段不清楚 1 人）" in filled.text
        page = as_("school").get(reverse("report_detail", args=[report.pk]))
        assert "学段不清楚</th>" in page.content.decode()
        for label, *parts, total in page.context["table"]:
            assert sum(parts) == total, label
        reporting.write(filled, words="我校情况说明。", by=by)
        again = reporting.fill(report, by=by, today=TODAY)
        assert again.text == "我校情况说明。"  # by hand: not overwritten
        reporting.submit(report, by=by, today=TODAY)
        for late in (reporting.fill, reporting.submit):
            with pytest.raises(Refused):
                late(report, by=by, today=TODAY)
        with pytest.raises(Refused, match="上级接收"):
            reporting.accept(report, by=by)
    assert not Reminder.objects.open().filter(office=school, key="report.due").exists()
    with act_as("maker"):
        by = county["maker"].memberships.get().actor
        mine = Report.objects.get(office=school)
        reporting.send_back(mine, note="人数不对", by=by)
    reminding.reports_due(at(2018, 10, 30))
    above = Organisation.objects.get(path="/62/6201/620123/", kind="county")
    assert Reminder.objects.open().filter(office=above, key="report.escalated", subject_id=mine.pk).count() == 1
    assert Report.objects.get(pk=mine.pk).escalated_on == date(2018, 10, 30)
    assert reminding.reports_due(at(2018, 10, 30))["reminded"] == 0


def test_the_county_text_names_who_is_late(county, act_as) -> None:  # noqa: F811
    make.school_office(county.here.primary)
    reminding.reports_due(at(2018, 10, 10))
    with act_as("maker"):
        by = county["maker"].memberships.get().actor
        mine = Report.objects.get(office__path="/62/6201/620123/", rhythm="quarter")
        filled = reporting.fill(mine, by=by, today=date(2018, 12, 20))
    assert f"逾期未报：{county.here.primary.name}" in filled.text
