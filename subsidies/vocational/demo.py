"""The demo's 两后生: a plan of the city, young people found and asked, some at an institution, at work and to be called."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from aidcases.models import Organisation, School
from aidcases.roles import OfficeKind, Role
from aidcases.scoping import Actor, acting_in
from aidcases.terms import SPRING, Term
from students.enums import Stage
from students.models import Enrolment, Student
from subsidies.demo.school import at_work
from subsidies.models import FollowUp, Trainee
from subsidies.models.vocational import Outcome, Schooling, Unwilling
from subsidies.vocational import following, leavers, planning, trainees

PEOPLE = 12
MAJORS = ("汽车运用与维修", "中餐烹饪", "护理")


def seed(demo: Any) -> None:
    """For the demo's county, in the school year of its term."""
    year, today = demo.term.school_year, date.today()
    city = Organisation.objects.get(kind=OfficeKind.CITY, region_id=demo.city)
    office = Organisation.objects.get(kind=OfficeKind.COUNTY, region_id=demo.county)
    schools = School.objects.filter(stages__contains=[Stage.SECONDARY_VOCATIONAL], path__startswith=city.path)
    centres = sorted(schools, key=lambda school: (not school.path.startswith(office.path), school.code))[:2]
    with acting_in(office.scope):
        if not (centres and leavers.begun(year)):
            return  # a demo of a few children
    _past(year, office)
    with at_work(city, Role.CITY_OFFICER) as by:
        _plan(year, centres, by)
    with at_work(office, Role.COUNTY_MAKER) as by:
        found = leavers.find(year, by=by)
        rows = list(Trainee.objects.filter(year=year, home_path__startswith=office.path).order_by("pk"))
        _asked(rows, centres[0], by, max(today - timedelta(days=80), Term(year, SPRING).first_day), today)
    with acting_in(city.scope):
        following.make_calls(today)
    with at_work(office, Role.COUNTY_MAKER) as by:
        for call in FollowUp.objects.filter(number=1).order_by("pk")[:1]:
            told = {"employer": "榆中县某建筑公司", "post": "焊工", "wage": "from3000", "place": "兰州市城关区"}
            following.record(call, called_on=today, result=Outcome.EMPLOYED, by=by, today=today, **told)
    demo.say(f"两后生：登记 {found} 人")


def _past(year: int, office: Organisation) -> None:
    """The demo's lists begin with one term: some of the young people on no roll left school the summer before."""
    junior = School.objects.filter(stages__contains=[Stage.JUNIOR], path__startswith=office.path).order_by("code").first()
    born = (date(year - 19, 9, 1), date(year - 14, 8, 31))
    poor = Student.objects.filter(
        person__home_path__startswith=office.path, person__birth_on__range=born, person__hardships__category__in=leavers.POOR
    )
    away = poor.exclude(enrolments__in=leavers.in_year(year)).distinct().order_by("pk").select_related("person")
    for student in away.defer("roll_number", "person__id_number")[:PEOPLE] if junior else ():
        before = Enrolment(
            student=student, term=Term(year, SPRING).code, school=junior, stage=Stage.JUNIOR, grade=3, class_name="九年级1班",
            home_path=student.person.home_path, school_path=junior.path,
        )  # fmt: skip
        if not Enrolment.objects.filter(student=student, term=before.term).exists():
            before.save()


def _plan(year: int, centres: list[School], by: Actor) -> None:
    plan = planning.set_plan(
        year, degree=8 * len(centres), training=4 * len(centres), document="市教育局职业教育扶贫工作方案", by=by
    )
    for centre in centres:
        planning.set_place(plan, centre, degree=8, training=4, by=by)
    plan.refresh_from_db()
    planning.move(plan, "fix", by=by)


def _asked(rows: list[Trainee], centre: School, by: Actor, start: date, today: date) -> None:
    """Of every six two are at the institution, one is back from it and at work, one does not want to, two wait."""
    for place, row in enumerate(rows):
        told: dict[str, Any] = {"by": by, "today": today}
        if place % 6 == 5:
            continue
        trainees.contact(
            row, contacted_on=start, way="visit", who="李干事", note="到家里讲了免学费和补助政策，本人和家长都在。", **told
        )
        if place % 6 == 3:
            trainees.only(row, "decline", why=Unwilling.WORKING, note="在兰州打工", **told)
        elif place % 6 < 3:
            short = place % 6 == 2
            trainees.only(
                row, "enrol", school=centre, kind=Schooling.TRAINING if short else Schooling.DEGREE, from_on=start,
                major="焊工" if short else MAJORS[place % len(MAJORS)], to_on=start + timedelta(days=45 if short else 1030),
                **told,
            )  # fmt: skip
            if short and start + timedelta(days=60) <= today:
                trainees.only(row, "finish", finished_on=start + timedelta(days=45), certificate="焊工初级证", **told)
                trainees.only(
                    row, "employ", employer="榆中县某建筑公司", post="焊工", wage="from3000", place="兰州市城关区",
                    outcome_on=start + timedelta(days=60), **told,
                )  # fmt: skip
