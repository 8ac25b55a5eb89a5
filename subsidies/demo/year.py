"""The demo's year: a term that is done, and one in which everything is under way. The same seed tells the same story."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from django.db.models import Count
from django.utils import timezone

from aidcases import daily
from aidcases.actions import open_office, region_named
from aidcases.demo import Demo, home_school
from aidcases.models import School
from aidcases.scoping import SYSTEM
from aidcases.terms import Term
from students.models import Enrolment
from subsidies.casework import notices, windows
from subsidies.demo import payments
from subsidies.demo.county import Centre, answer, object_to
from subsidies.demo.school import SchoolYear
from subsidies.models import Application, Panel, PublicNotice
from subsidies.models.applications import ApplicationState
from subsidies.models.notices import NoticeState

FEWEST, SMALLEST = 30, 12  # pupils of the first school, and of the others
HOTLINES = ("0931-5221101", "0931-5221102", "0931-5221103")
CLEAN = "到村核实：家里是旧砖房，没有车辆，情况与申请一致。"


def seed(demo: Demo) -> None:
    """Three schools and their county, up to today; nothing in a county too small for it. Raises Refused where a step
    can't be made."""
    today = timezone.localdate()
    schools = _schools(demo)
    if not schools:
        demo.say("学校太小，没有装认定申请的演示；学生多一些再试。")
        return
    office = open_office(region=region_named(demo.county))
    years = [_year(school, demo.term, demo.seed, hotline) for school, hotline in zip(schools, HOTLINES, strict=False)]
    _term_before(_year(schools[0], _before(demo.term), demo.seed, HOTLINES[0]), Centre(office, _before(demo.term)))
    centre = Centre(office, demo.term)
    default = windows.default(demo.term)
    centre.open_window(
        opens_on=min(default.opens_on, today - timedelta(days=40)),
        closes_on=max(default.closes_on, today + timedelta(days=12)),
    )
    _busy(years[0], centre, today)
    for year in years[1:]:
        _handing_up(year, centre, today, last=year is years[-1])
    centre.seats(schools, 12)
    lines = payments.seed(centre, years[0], today)
    daily.round(now=timezone.now(), by=SYSTEM)
    told = Application.objects.in_term(demo.term).count()
    demo.say(f"资金发放：{demo.term.label} {lines} 笔")
    demo.say(f"认定申请：{demo.term.label} {told} 份，{len(years)} 所学校")


def _schools(demo: Demo) -> list[School]:
    """The one whose clerk has an account, then the two largest others of compulsory schooling."""
    home = home_school(demo.county)
    here = School.objects.filter(path__startswith=region_named(demo.county).path)
    rows = Enrolment.objects.in_term(demo.term).filter(school__in=here, stage__in=("primary", "junior")).order_by()
    sizes = dict(rows.values_list("school").annotate(n=Count("pk")))
    if home is None or sizes.get(home.pk, 0) < FEWEST:
        return []
    others = [pk for pk, n in sizes.items() if pk != home.pk and n >= SMALLEST]
    found = School.objects.in_bulk(sorted(others, key=lambda pk: (-sizes[pk], pk))[:2])
    return [home, *found.values()]


def _year(school: School, term: Term, seed: int, hotline: str) -> SchoolYear:
    return SchoolYear(school, open_office(school=school), term, seed, hotline)


def _before(term: Term) -> Term:
    return Term.containing(term.first_day - timedelta(days=1))


def _term_before(year: SchoolYear, centre: Centre) -> None:
    """From the forms to the approval, all of it in its time."""
    closes = windows.default(year.term).closes_on
    pupils = year.pupils()
    students = year.apply_for(pupils[: len(pupils) // 2], typed=12, signed_on=closes - timedelta(days=8))
    year.submit(students, today=closes - timedelta(days=3))
    posted = closes + timedelta(days=8)
    made = year.make_panel(posted_on=posted, today=posted)
    year.parent_of(made, students[0])
    year.meet(made, closes + timedelta(days=10))
    notice = year.announce(closes + timedelta(days=12), document="榆城小〔公示〕1号")
    if _ended(notice):
        on = timezone.localdate(notice.ends_at)
        year.file_away(notice, on=on, today=on)
        year.hand_up(notice)
        centre.look_at(students, on=closes + timedelta(days=27))
        day = closes + timedelta(days=29)
        centre.approve(number=f"榆资批〔{day.year}〕{day.month}号", on=day, today=day)


def _ended(notice: PublicNotice) -> bool:
    """Takes what is over off the public page; whether this notice was."""
    notices.end_due(now=timezone.now(), by=SYSTEM)
    notice.refresh_from_db()
    return notice.state == NoticeState.OVER


def _busy(year: SchoolYear, centre: Centre, today: date) -> None:
    """A school with a list approved, one in its week, one waiting to be announced, one before the panel, and the rest."""
    year.name_responsible()
    waves = _waves(year.pupils())
    made = year.make_panel(posted_on=max(today - timedelta(days=36), year.term.first_day), today=today)
    _approved(year, centre, made, waves[0], today)
    _wave(year, made, waves[1], today, meets=9, typed=3)
    notice = year.announce(today - timedelta(days=2), document="榆城小〔公示〕3号")
    if notice.state == NoticeState.PUBLISHED:
        lines = year.lines(notice)
        told = object_to(notice, lines[0], "他家开了小卖部，收入不低，请核实。", day=today - timedelta(days=1))
        answer(year.clerk, told, CLEAN, day=today)
        object_to(notice, lines[-1], "听说这家去年买了小轿车。", day=today)
    _wave(year, made, waves[2], today, meets=4, typed=3)
    year.draft(document="榆城小〔公示〕4号")
    waiting = year.apply_for(waves[3], typed=4, signed_on=today - timedelta(days=5))
    year.submit(waiting, today=today - timedelta(days=4))
    year.meet(made, today - timedelta(days=1), students=waiting[: len(waiting) // 2], finish=False)
    _unfinished(year, waves[4], today)


def _waves(pupils: Sequence[Enrolment]) -> list[list[Enrolment]]:
    """Six parts by class; nobody has begun with the last."""
    size = max(1, len(pupils) // 6)
    return [list(pupils[n * size : (n + 1) * size]) for n in range(6)]


def _wave(
    year: SchoolYear, made: Panel, pupils: Sequence[Enrolment], today: date, *, meets: int, typed: int
) -> list[int]:
    day = today - timedelta(days=meets)
    students = year.apply_for(pupils, typed=typed, signed_on=day - timedelta(days=4))
    year.submit(students, today=day - timedelta(days=2))
    year.meet(made, day, students=students)
    return students


def _approved(year: SchoolYear, centre: Centre, made: Panel, pupils: Sequence[Enrolment], today: date) -> None:
    """Handed up and decided: approved, one not, one sent back, one cancelled since."""
    students = _wave(year, made, pupils, today, meets=33, typed=5)
    notice = year.announce(today - timedelta(days=31), document="榆城小〔公示〕2号")
    if notice.state != NoticeState.PUBLISHED:
        return
    lines = year.lines(notice)
    told = object_to(notice, lines[0], "这家在县城有楼房，不应该算困难。", day=today - timedelta(days=29))
    answer(year.clerk, told, CLEAN, day=today - timedelta(days=27))
    if not _ended(notice):
        return
    year.hand_up(notice)
    rows = year.applications(students, state=ApplicationState.COUNTY_REVIEW)
    up = list(rows.order_by("pk").values_list("student", flat=True))
    *passing, _, _, rejected, returned = up
    day = today - timedelta(days=12)
    centre.send_back(returned, "return_form", "家庭人口和家庭成员对不上，请核对后重报。", on=day)
    centre.reject(rejected, "学籍已转出本校，由现在的学校办理。", today=today)
    centre.look_at(passing, on=day)
    day = today - timedelta(days=10)
    centre.approve(number=f"榆资批〔{day.year}〕18号", on=day, today=today)
    cancelled = year.applications(state=ApplicationState.APPROVED).order_by("pk")[0]
    centre.cancel(cancelled.student_id, "查实名下有非营运轿车。", today=today)
    centre.letters(cancelled, today=today)


def _unfinished(year: SchoolYear, pupils: Sequence[Enrolment], today: date) -> None:
    """Complete and not yet submitted, not signed yet, taken back, and families that want no aid."""
    half = len(pupils) // 2
    ready = year.apply_for(pupils[:half], typed=3, signed_on=today - timedelta(days=1))
    year.apply_for(pupils[half:], typed=3, signed_on=None)
    year.decline(ready[:2], "家庭收入已好转，家长书面放弃。")
    year.withdraw(ready[2:3], "家长要求撤回。")


def _handing_up(year: SchoolYear, centre: Centre, today: date, *, last: bool) -> None:
    """A whole school's list: of one it lies with the county, of the last the period is over and nobody has handed it up."""
    pupils = year.pupils()
    made = year.make_panel(posted_on=max(today - timedelta(days=30), year.term.first_day), today=today)
    students = _wave(year, made, pupils[: len(pupils) * 2 // 3], today, meets=26, typed=6)
    notice = year.announce(today - timedelta(days=24), document="")
    if notice.state == NoticeState.PUBLISHED and last:
        object_to(notice, year.lines(notice)[1], "家里有商铺出租，请调查。", day=today - timedelta(days=20))
    if _ended(notice) and not last:
        year.hand_up(notice)
        centre.look_at(students[: len(students) // 4], on=today - timedelta(days=3))
