"""The demo's work: two lines of the city's and one of the county's, months told and one forgotten, age groups, a talk."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from aidcases.models import Organisation, Region
from aidcases.roles import OfficeKind, Role
from aidcases.terms import AUTUMN, Term
from dropout.demo import at_work
from dropout.indicators import Asked
from ledgers.models import WorkTask
from ledgers.progress import spans, talks, targets, tasks
from ledgers.progress.goals import GOALS, pupils, school_years
from ledgers.progress.tasks import Said

AGES = {"3-5": ("preschool", 130), "6-11": ("primary", 103), "12-14": ("junior", 101), "15-17": ("senior", 112)}
CITY_DOCUMENT = "市教育局年度教育扶贫工作要点"


def seed(demo: Any) -> None:
    """For the demo's county and its neighbour, given by their city."""
    today = date.today()
    start = max(date(today.year, 1, 6), today - timedelta(days=100))
    city = Organisation.objects.get(kind=OfficeKind.CITY, region_id=demo.city)
    counties = list(Organisation.objects.filter(kind=OfficeKind.COUNTY, region_id__in=(demo.county, demo.neighbour)))
    with at_work(city, Role.CITY_OFFICER, start) as by:
        _given(city, counties, by, start)
        regions = Region.objects.filter(code__in=(demo.county, demo.neighbour))
        targets.set_goal(
            regions, indicator="preschool", year=school_years(today)[0], target=Decimal(85), document=CITY_DOCUMENT,
            given_name=city.name, by=by, today=start,
        )  # fmt: skip
    here = next(office for office in counties if office.region_id == demo.county)
    _told(here, start, today)
    _spoken(city, next(office for office in counties if office != here), today)
    demo.say("工作推进：市里下达任务，县里填报了进度")


def _given(city: Organisation, counties: list[Organisation], by: Any, start: date) -> None:
    aid = tasks.name_line(year=start.year, name="学生资助", document=CITY_DOCUMENT, by=by)
    keep = tasks.name_line(year=start.year, name="控辍保学", document="国办发〔2017〕72号", by=by)
    year_end = date(start.year, 12, 20)
    for line, said in (
        (aid, Said("足额发放学生资助", Decimal(1500), "people", year_end, source="paid-people", money="中央、省、市、县分担")),
        (aid, Said("资助政策入户宣讲", Decimal(600), "times", year_end, person="王经办")),
        (keep, Said("劝返辍学学生", Decimal(2), "people", year_end, source="returned")),
        (keep, Said("控辍保学专题培训", Decimal(12), "items", start + timedelta(days=60))),
    ):
        tasks.give(line, counties, said, by=by, given_name=city.name, today=start)


def _told(here: Organisation, start: date, today: date) -> None:
    """Every month but the last of the visits; the training only once, with a problem."""
    with at_work(here, Role.COUNTY_MAKER, today) as by:
        months = spans.between(spans.month_of(start), spans.last_due(today))
        for task in WorkTask.objects.filter(office=here, source="", line__year=start.year).order_by("pk"):
            slow = task.unit == "items"
            for month in months[:1] if slow else months[:-1] or months:
                tasks.tell(
                    task, month=month, done=Decimal(3 if slow else 140), problem="培训场地紧张" if slow else "",
                    remedy="借用中心小学会议室" if slow else "", by=by, today=min(today, spans.due_on(month)),
                )  # fmt: skip
        year = school_years(today)[0]
        asked = Asked(Term(year, AUTUMN), here.path, today)
        for ages, (code, share) in AGES.items():
            people = pupils(asked, GOALS[code]).count() * share // 100 + 1  # a little more than are enrolled
            targets.write_age(
                ages=ages, area=None, year=year, number=people, enrolled=None, as_of=today - timedelta(days=30),
                source="县公安局户籍人口", by=by, today=today,
            )  # fmt: skip


def _spoken(city: Organisation, office: Organisation, today: date) -> None:
    task = WorkTask.objects.filter(office=office, unit="items").order_by("pk")[0]
    with at_work(city, Role.CITY_OFFICER, today) as by:
        said = talks.Said(
            held_on=today, held_by="刘专员", people="中心负责人", about="控辍保学专题培训进度滞后",
            minutes="市局通报各县培训进度，问明原因：教师抽不出时间。", result="十日内补上培训计划，并报市局。",
            due_on=today + timedelta(days=10),
        )  # fmt: skip
        talks.hold(office, said, task=task, year=task.line.year, by=by, given_name=city.name, today=today)
