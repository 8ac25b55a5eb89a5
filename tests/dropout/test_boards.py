"""Indicators, boards and 巩固率: every figure is the number of names it opens into, counted anew in Python."""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.models import School
from aidcases.roles import OfficeKind, Role
from aidcases.scoping import Actor, acting_in
from aidcases.terms import Term
from dropout import board, retention
from dropout.enums import Cohort
from dropout.indicators import INDICATORS, Asked
from dropout.models import DropoutCase, IntakeFigure
from students.enums import Stage
from students.models import Enrolment, Hardship, RosterEntry
from tests import make
from tests.dropout.build import case

TERM, TODAY, HERE = Term.parse("2018-autumn"), date(2019, 3, 20), "/62/6201/620123/"
YEAR = (date(2018, 9, 1), date(2019, 8, 31))
OUT, BACK = {"confirmed", "persuading", "legal"}, {"returned", "placed", "watched", "closed"}
VILLAGES = ("620123100001", "620123100201", "620123101201", "620121100001")
ONE = Actor("王一", 1, None, HERE, all_powers=True)


def queries(client, url: str, **data: str) -> tuple[int, str]:
    with CaptureQueriesContext(connection) as caught:
        page = client.get(url, data)
    assert page.status_code == 200
    spare = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SET LOCAL")
    return len([query for query in caught if not query["sql"].startswith(spare)]), page.content.decode()


def drawn(lot: random.Random, schools: list[School], number: int = 60) -> None:
    """Children with homes, schools, ages, hardships and cases by lot."""
    for _ in range(number):
        at, home = lot.choice(schools), lot.choice(VILLAGES)
        stage = lot.choice([Stage.PRIMARY, Stage.JUNIOR, Stage.PRESCHOOL, Stage.SENIOR])
        age = lot.randint(4, 16)
        child = make.student(at=at, stage=stage, grade=1, home=home, born=date(2018 - age, 8, lot.choice([30, 31])))
        if lot.random() < 0.2:
            Enrolment.objects.filter(student=child).delete()
        if lot.random() < 0.7:
            RosterEntry(kind="population", term=TERM.code, person=child.person, region=child.person.hukou_region).save()
        if lot.random() < 0.5:
            Hardship(person=child.person, category="disabled", source="disabled", from_on=date(2017, 1, 1), office_path=HERE,
                     detail=lot.choice(["视力", "听力残疾", "智力二级", "肢体", ""])).save()  # fmt: skip
        if lot.random() < 0.6:
            state = lot.choice(["suspected", "false_alarm", *sorted(OUT), *sorted(BACK), "closed", "closed", "closed"])
            dates: dict = {}
            if state in OUT | BACK:
                confirmed = date(2018, 6, 1) + timedelta(days=lot.randint(0, 200))
                dates = {"confirmed_on": confirmed, "left_on": confirmed + timedelta(days=lot.choice([-5, 150]))}
                if state in BACK or lot.random() < 0.3:
                    dates["returned_on"] = date(2018, 8, 1) + timedelta(days=lot.randint(0, 200))
            if state == "closed":
                dates |= {"closed_on": date(2018, 8, 20) + timedelta(days=lot.randint(0, 100)),
                          "proof": lot.choice(["roll", "none"]), "close_reason": "校长确认在校"}  # fmt: skip
            case(state, student=child, school=at, stage=stage, poor=lot.random() < 0.5, **dates)


def expected() -> dict[str, tuple[set[int], set[int]]]:
    """indicator → (numerator, denominator) of the county as sets of persons, by the plain words of the formulas."""
    on_roll = list(Enrolment.objects.filter(term=TERM.code).select_related("school"))
    cases = list(DropoutCase.objects.select_related("school", "student__person"))
    studies = {row.student_id for row in on_roll if row.stage != "preschool"}

    def here(path: str) -> bool:
        return path.startswith(HERE)

    def within(day: date | None) -> bool:
        return day is not None and YEAR[0] <= day <= YEAR[1]

    def age_fits(born: date | None) -> bool:
        return born is not None and date(2003, 8, 31) < born <= date(2012, 8, 31)

    stood = [row for row in cases if row.state in OUT | BACK]
    dropped = [row for row in stood if within(row.confirmed_on) or (within(row.left_on) and row.left_on > row.confirmed_on)]
    listed = {row.person_id for row in RosterEntry.objects.select_related("person")
              if age_fits(row.person.birth_on) and here(row.person.home_path)}  # fmt: skip
    three = {row.person_id for row in Hardship.objects.filter(category="disabled").select_related("person")
             if any(word in row.detail for word in ("视力", "听力", "言语", "智力")) and age_fits(row.person.birth_on)
             and here(row.person.home_path)}  # fmt: skip
    closed = [row for row in cases if row.state == "closed" and within(row.closed_on)]
    held = [row for row in stood if row.returned_on and YEAR[0] <= row.returned_on <= TODAY - timedelta(days=90)]

    def of(rows: list, *, school: bool = False) -> set[int]:
        return {row.student_id for row in rows if here(row.school.path if school else row.home_path)}

    told = {
        f"dropout-{stage}": (
            of([row for row in dropped if row.stage == stage], school=True),
            {row.student_id for row in on_roll if row.stage == stage and here(row.school.path)},
        )
        for stage in ("primary", "junior")
    }
    return told | {
        "out-now": (of([row for row in cases if row.state in OUT]), set()),
        "poor-out": (of([row for row in cases if row.state in OUT and row.poor]), set()),
        "unproven": (of([row for row in closed if row.proof == "none"]), set()),
        "enrolled": (listed & studies, listed),
        "disabled": (three & studies, three),
        "returned": (of([row for row in dropped if row.state in BACK]), of(dropped)),
        "held": (of([row for row in held if row.state in BACK]), of(held)),
    }


def test_every_figure_is_the_number_of_its_names(as_, county) -> None:
    schools = [make.school(place=place) for place in ("620123100", "620123101", "620121100")]
    drawn(random.Random(11), schools)
    asked = Asked(TERM, HERE, TODAY)
    told, wanted = board.figures(asked)[""], expected()
    assert wanted.keys() == INDICATORS.keys()
    for code, (number, of) in wanted.items():
        one = INDICATORS[code]
        for side, people in ((one.number, number), (one.out_of, of)):
            if side:
                rows = side.of(asked)
                assert set(rows.values_list(f"{side.person}__pk" if side.person else "pk", flat=True)) == people, code
        assert (told[code].number, told[code].of) == (len(number), len(of) if one.out_of else None)
        assert number, code  # the lot drew somebody for each
    # The places of the area add up to the whole, and each opens into as many names.
    for by in ("township", "school"):
        places = board.figures(asked, by)
        for code, figure in told.items():
            if by == "township" or code.startswith("dropout"):
                assert sum(each[code].number for each in places.values()) == figure.number, (by, code)
        for key, figures in places.items():
            if key:
                inside = Asked(TERM, key if by == "school" else make.region(key).path, TODAY)
                counted = {code: INDICATORS[code].number.of(inside).count() for code in figures}
                if by == "township":
                    assert counted == {code: figure.number for code, figure in figures.items()}
    assert board.whole(asked, board.places(asked, "township"), "township") == told
    assert board.places(asked, "township")[0].missed >= board.places(asked, "township")[-1].missed


def test_a_target_is_missed_by_a_hair_and_not_by_rounding() -> None:
    from dropout.indicators import Figure

    assert not Figure(6, 1000, Decimal("0.6"), least=False).missed
    assert Figure(6001, 1_000_000, Decimal("0.6"), least=False).missed
    assert Figure(6001, 1_000_000, Decimal("0.6"), least=False).rate == Decimal("0.60")
    assert not Figure(0, 0, Decimal("0.6"), least=False).missed
    assert Figure(90, 100, Decimal(91), least=True).missed
    assert not Figure(91, 100, Decimal(91), least=True).missed


def test_the_boards_cost_few_queries_and_show_red(as_, county) -> None:
    schools = [make.school(place=place) for place in ("620123100", "620123101", "620121100")]
    drawn(random.Random(5), schools, 24)
    for persona, places in (("maker", "城关镇"), ("city", "榆中县")):
        client = as_(persona)
        client.get(reverse("dropout_board"))
        asked, text = queries(client, reverse("dropout_board"))
        assert asked <= 14, persona
        assert "没有达到" in text
        assert re.search(r'class="shade-[34]"', text), places
    maker = as_("maker")
    asked, text = queries(maker, reverse("indicator_names"), indicator="out-now", side="number")
    assert asked <= 12
    assert text.count("data-open") == DropoutCase.objects.filter(state__in=OUT, home_path__startswith=HERE).count()
    empty = maker.get(reverse("indicator_names"), {"indicator": "out-now", "school": county.here.senior.code})
    assert "没有这样的学生" in empty.content.decode()
    assert maker.get(reverse("indicator_names"), {"indicator": "out-now", "place": "620121"}).status_code == 404
    assert maker.get(reverse("indicator_names"), {"indicator": "none"}).status_code == 404
    home = maker.get(reverse("home")).content.decode()
    assert "控辍保学" in home
    village = make.user("cadre", "村干部", make.office("620123100201", OfficeKind.VILLAGE), Role.CADRE)
    client = as_("maker")
    client.force_login(village, backend="django.contrib.auth.backends.ModelBackend")
    mine = client.get(reverse("home")).content.decode()
    shown = Counter(re.findall(r'href="/dropout/cases/(\d+)/"', mine))
    own = DropoutCase.objects.filter(home_path__startswith=make.region("620123100201").path)
    assert len(shown) == min(8, own.exclude(state__in=("false_alarm", "closed")).count()) > 0
    assert "入学率" in client.get(reverse("dropout_board")).content.decode()


def cohort(at: School, other: School, started: Term) -> None:
    """Six taken in: three leave with their school, one moved to another school, one sits lower, one is gone; one came."""
    pupils = [make.student(at=at, term=started.code, grade=1) for _ in range(6)]
    for child in pupils[:3]:
        make.enrolment(child, at=at, term=TERM.code, grade=6)
    make.enrolment(pupils[3], at=other, term=TERM.code, grade=6)
    make.enrolment(pupils[4], at=at, term=TERM.code, grade=5)
    make.student(at=at, term=TERM.code, grade=6)


def test_retention_never_exceeds_a_hundred_and_opens_into_names(county) -> None:
    at, near, far = (make.school(place=place) for place in ("620123100", "620123101", "620121100"))
    started = retention.began(Cohort.PRIMARY, TERM)
    assert (started.code, retention.began(Cohort.NINE, TERM).code) == ("2013-autumn", "2010-autumn")
    cohort(at, near, started)
    cohort(near, far, started)
    with acting_in(county.here.office.scope, ONE):
        rows = {row.path: row for row in retention.by_school(Cohort.PRIMARY, TERM, HERE, TODAY)}
        assert [(r.graduates, r.intake, r.moved_in, r.moved_out, r.rate) for r in (rows[at.path], rows[near.path])] == [
            (4, 6, 1, 1, Decimal("66.67")), (5, 6, 2, 1, Decimal("71.43")),
        ]  # fmt: skip
        whole = retention.total(Cohort.PRIMARY, TERM, HERE, "合计", rows.values(), TODAY)
        # The one who changed schools inside the county has moved nowhere.
        assert (whole.graduates, whole.intake, whole.moved_in, whole.moved_out, whole.of) == (9, 12, 2, 1, 13)
        names = set(retention.cohort_of(Cohort.PRIMARY, TERM, HERE).values_list("student_id", flat=True))
        assert len(names) == 13
        left = retention.graduates(Cohort.PRIMARY, TERM, HERE)
        assert set(left.values_list("student_id", flat=True)) <= names


def test_an_intake_before_the_system_is_entered_by_hand(as_, county) -> None:
    at = county.here.primary
    for _ in range(4):
        make.student(at=at, grade=6)
    school = as_("school")
    empty = school.get(reverse("retention_table")).content.decode()
    assert "没有招生数，请填报" in empty
    url = reverse("intake_save") + "?cohort=primary&term=2018-autumn"
    school.post(url, {"school": at.code, "intake": "5", "moved_in": "1", "moved_out": "7"})
    assert not IntakeFigure.objects.exists()
    school.post(url, {"school": at.code, "intake": "3", "moved_in": "0", "moved_out": "0"})
    asked, text = queries(school, reverse("retention_table"))
    assert asked <= 14
    assert "手工填报" in text
    assert "100%" in text
    assert "毕业生多于应毕业人数" in text
    assert as_("other_school").post(url, {"school": at.code, "intake": "9"}).status_code == 404
    made = IntakeFigure.objects.get()
    assert (made.intake, made.year, made.cohort) == (3, 2013, "primary")
    cohort(at, county.here.senior, Term.parse("2013-autumn"))
    with pytest.raises(Refused, match="已在系统里"):
        retention.enter(at, cohort="primary", term=TERM, intake=1, moved_in=0, moved_out=0, by=ONE, today=TODAY)
