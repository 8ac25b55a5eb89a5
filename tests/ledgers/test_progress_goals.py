"""Indicators: what is counted is what a plain loop counts, 巩固率 is that of dropout prevention, red is what misses."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.models import Region
from aidcases.scoping import EVERYWHERE, acting_in
from aidcases.terms import Term
from dropout import retention
from dropout.enums import Cohort
from dropout.indicators import Asked
from ledgers.models import AgeFigure, NamedArea
from ledgers.progress import goals, targets
from ledgers.progress.goals import GOALS
from students.enums import Stage
from students.models import Enrolment
from tests import make
from tests.ledgers.conftest import ActAs
from tests.ledgers.progress_build import CITY, HERE
from tests.personas import World

TERM, TODAY = Term.parse("2018-autumn"), date(2018, 11, 20)
THERE = "/62/6201/620121/"
NAMES = {"620121": "永登县", "620123": "榆中县"}
WROTE = {"year": 2018, "enrolled": None, "as_of": date(2018, 9, 1), "source": "县公安局", "today": TODAY}


def age_on(day: date, born: date) -> int:
    return day.year - born.year - ((born.month, born.day) > (day.month, day.day))


@pytest.fixture
def pupils(county: World) -> None:
    """Children of every stage and many ages, born around the day that ages are taken, at schools of both counties."""
    lot = random.Random(11)
    with acting_in(EVERYWHERE):
        schools = [county.here.primary, county.there.primary, make.school(place="620123101"), make.school(place="620123")]
        for _ in range(60):
            born = date(lot.randint(2000, 2015), 8, lot.choice([30, 31])) if lot.random() < 0.7 else date(2012, 9, 1)
            stage = lot.choice([*Stage])
            make.student(at=lot.choice(schools), stage=stage, grade=1, born=born, home="620123100001")
        cohort = [make.student(at=lot.choice(schools), term="2010-autumn", grade=1) for _ in range(12)]
        for child in cohort[:9]:
            make.enrolment(child, at=lot.choice(schools), term=TERM.code, stage=Stage.JUNIOR, grade=3)
        make.student(at=schools[1], stage=Stage.JUNIOR, grade=3)


def test_every_county_is_counted_as_a_loop_counts_it(county: World, pupils: None, act_as: ActAs) -> None:
    with act_as("maker"):
        by = county["maker"].memberships.get().actor
        for ages, number in (("3-5", 20), ("6-11", 30), ("15-17", 9)):
            targets.write_age(ages=ages, area=None, number=number, by=by, **WROTE)
        targets.write_age(ages="15-17", area=None, number=50, by=by, **{**WROTE, "enrolled": 44})
    with act_as("city"):
        asked = Asked(TERM, CITY, TODAY)
        with CaptureQueriesContext(connection) as caught:
            there, here = goals.counties(asked, NAMES)
        assert len(caught) <= 7
        few = {each.code: each for each in goals.counties(asked, {"620123": "榆中县"})}
        assert few["620123"].cells["nine"].figure == here.cells["nine"].figure
    rows = list(Enrolment._base_manager.filter(term=TERM.code).select_related("student__person"))
    for path, place in ((HERE, here), (THERE, there)):
        mine = [row for row in rows if row.school_path.startswith(path)]
        for code, ages in goals.OF_AGES.items():
            fits = [
                row for row in mine if row.stage in ages.stages
                and (not ages.net or ages.first <= age_on(TERM.age_day, row.student.person.birth_on) <= ages.last)
            ]  # fmt: skip
            wanted = 44 if (code, path) == ("senior", HERE) else len(fits)
            assert place.cells[code].figure.number == wanted, code
        with acting_in(EVERYWHERE):
            schools = retention.by_school(Cohort.NINE, TERM, path, TODAY)
            whole = retention.total(Cohort.NINE, TERM, path, "", schools, TODAY)
        nine = place.cells["nine"].figure
        assert (nine.of, nine.number) == (whole.of or 0, min(whole.graduates, whole.of or 0))
    assert (here.cells["senior"].figure.rate, here.cells["senior"].of_hand) == (Decimal("88.00"), True)
    assert there.cells["primary"].met is None
    assert here.cells["primary-net"].figure.of == here.cells["primary"].figure.of == 30


def test_targets_and_named_townships_make_red_what_misses(county: World, pupils: None, act_as: ActAs, as_) -> None:
    here = county.here
    with acting_in(EVERYWHERE):
        for _ in range(3):
            make.student(at=here.primary, stage=Stage.PRESCHOOL, born=date(2014, 5, 1))
        in_town = Enrolment.objects.filter(term=TERM.code, stage=Stage.PRESCHOOL, school_path__contains="/620123100/").count()
    maker, head, city = (county[name].memberships.get().actor for name in ("maker", "head", "city"))
    with act_as("head"):
        area = targets.name_area(name="贫困乡镇", codes=["620123100"], document="县发3号", by=head)
        with pytest.raises(Refused, match="本县的乡镇"):
            targets.name_area(name="别处", codes=["620121100"], document="", by=head)
    with act_as("maker"):
        targets.write_age(ages="3-5", area=area, number=in_town * 2, by=maker, **WROTE)
        targets.write_age(ages="6-11", area=None, number=1000, by=maker, **WROTE)
        with pytest.raises(Refused, match="3—5 周岁"):
            targets.write_age(ages="6-11", area=area, number=5, by=maker, **WROTE)
        with pytest.raises(Refused, match="不能晚于今天"):
            targets.write_age(ages="3-5", area=None, number=5, by=maker, **{**WROTE, "as_of": date(2018, 12, 1)})
    with act_as("city"):
        regions = list(Region.objects.filter(code__in=NAMES))
        aim = {"year": 2018, "document": "市发1号", "given_name": "市教育局", "by": city, "today": TODAY}
        assert targets.set_goal(regions, indicator="primary", target=Decimal(99), **aim) == 2
        [named] = goals.areas(Asked(TERM, CITY, TODAY))
        places = {each.code: each for each in goals.counties(Asked(TERM, CITY, TODAY), NAMES)}
        with pytest.raises(Refused, match="县级单位"):
            targets.write_age(ages="3-5", area=None, number=5, by=city, **WROTE)
    assert (named.cells["preschool"].figure.rate, named.cells["preschool"].met) == (Decimal("50.00"), False)
    assert (places["620123"].cells["primary"].met, places["620123"].missed >= 1) == (False, True)
    with act_as("head"), pytest.raises(Refused, match="本单位范围内的县区"):
        targets.set_goal(regions, indicator="primary", target=Decimal(90), **{**aim, "by": head})
    assert AgeFigure.objects.count() == 2


def test_the_pages_cost_few_queries_and_show_the_own_county_alone(
    county: World, pupils: None, act_as: ActAs, as_
) -> None:
    area = NamedArea(path=HERE, name="贫困乡镇", codes=["620123100"], made_by="甲")
    area.save()
    AgeFigure(path=HERE, ages="6-11", number=40, year=2018, as_of=TODAY, source="公安局", made_by="甲", made_on=TODAY).save()
    city, maker = as_("city"), as_("maker")
    spare = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SET LOCAL")
    asked = {}
    for name, client, url in (
        ("board", city, reverse("goal_board") + "?year=2018&indicator=primary"),
        ("own", maker, reverse("goal_board") + "?year=2018"),
        ("figures", city, reverse("goal_figures") + "?year=2018"),
        ("names", maker, reverse("goal_names") + f"?indicator=preschool&place=620123&year=2018&area={area.pk}"),
        ("county", maker, reverse("county_year", args=["620123"]) + "?year=2019"),
    ):
        with CaptureQueriesContext(connection) as caught:
            page = client.get(url)
        assert page.status_code == 200, name
        asked[name] = (len([each for each in caught if not each["sql"].startswith(spare)]), page.content.decode())
    most = {"board": 14, "own": 14, "figures": 10, "names": 8, "county": 16}  # two tables and two lists by hand on one page
    assert {name: number for name, (number, _) in asked.items() if number > most[name]} == {}
    assert ("永登县" in asked["board"][1], "永登县" in asked["own"][1]) == (True, False)
    assert "系统只知道已登记的孩子" in asked["own"][1]
    assert maker.get(reverse("county_year", args=["620121"])).status_code == 404
    assert as_("school").get(reverse("goal_board")).status_code == 404
    form = {"ages": "3-5", "number": "33", "as_of": "2018-09-01", "source": "县公安局", "area": "", "enrolled": ""}
    assert maker.post(reverse("agefigure_write") + "?year=2018", {**form, "number": ""}).status_code == 422
    assert maker.post(reverse("agefigure_write") + "?year=2018", form).status_code == 302
    assert maker.post(reverse("goal_set") + "?year=2018", {}).status_code == 403
    goal = {"indicator": "senior", "target": "90", "regions": ["620123"], "document": ""}
    assert as_("head").post(reverse("goal_set") + "?year=2018", goal).status_code == 302
    with act_as("maker"):
        place = goals.counties(Asked(TERM, HERE, TODAY), {"620123": "榆中县"})[0]
    assert place.cells["senior"].figure.target == Decimal(90)
    assert place.cells["preschool"].figure.of == 33
    assert GOALS["senior"].aim(Decimal(90)) == "不低于 90%"
