"""What documents leave to counties: set by a checker, in force from a term's first day, within the document's bounds."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from aidcases.models import AuditEvent
from aidcases.scoping import EVERYWHERE, acting_in
from students.enums import Category, Stage
from students.models import Student
from subsidies.actions import adopt_pack, load_pack
from subsidies.enums import AreaKind
from subsidies.models import CountyFigure, ListedArea
from tests import make
from tests.personas import As, World

TERM = "2025-spring"


@pytest.fixture
def teens(county: World) -> list[Student]:
    """A senior of each level, and one without a level who is on a list."""
    with acting_in(EVERYWHERE):
        load_pack("national")
        adopt_pack("national", region=None)
        at = make.school(stages=(Stage.SENIOR,))
        found = []
        for level in ("special", "hard", "ordinary", ""):
            who = make.student(at=at, term=TERM, stage=Stage.SENIOR, grade=1, categories=(Category.DISABLED,))
            if level:
                make.determination(who.enrolments.get(), level)
            found.append(who)
        return found


def set_(client: Client, rule: str, yuan: str, level: str = "", term: str = TERM) -> str:
    answer = client.post(f"{reverse('figure_set')}?term={term}", {"rule": rule, "yuan": yuan, "level": level}, follow=True)
    return answer.content.decode()


def granted(teens: list[Student]) -> list[str | None]:
    with acting_in(EVERYWHERE):
        make.recompute(TERM, under="62")
        return [make.entitled(who, TERM).get("cn-senior-grant") for who in teens]


def test_tiers_replace_the_average_where_the_county_has_set_them(as_: As, teens: list[Student]):
    assert granted(teens) == ["1150.00"] * 4
    checker = as_("checker")
    assert "已设定，2025-03-01 起执行" in set_(checker, "cn-senior-grant", "1650", "special")
    set_(checker, "cn-senior-grant", "1000.50", "ordinary")
    assert granted(teens) == ["1650.00", "1150.00", "1000.50", "1150.00"]
    html = checker.get(reverse("figure_list"), {"term": TERM}).content.decode()
    assert "特别困难" in html
    assert "1,237.62" in html  # of the four: above what the country reckons with
    assert "高于平均标准" in html
    with acting_in(EVERYWHERE):
        assert AuditEvent.objects.filter(action="figure.set").count() == 2


@pytest.mark.parametrize(
    ("rule", "yuan", "level", "told"),
    [
        ("cn-senior-grant", "1650", "", "分档的标准要写明困难等级"),
        ("lz-senior-grant", "1999.99", "", "不能低于文件规定的标准"),
        ("lz-loan", "8000.01", "", "不能高于文件规定的标准"),
        ("lz-senior-grant", "-1", "", "金额（元）"),
        ("lz-senior-grant", "2000.005", "", "金额（元）"),
        ("lz-preschool-fee", "1200", "", "哪一项"),
        ("nothing", "1", "", "哪一项"),
    ],
)
def test_what_a_document_does_not_leave_open_is_refused(
    as_: As, teens: list[Student], rule: str, yuan: str, level: str, told: str
):
    assert told in set_(as_("checker"), rule, yuan, level)
    assert not CountyFigure.objects.exists()


def test_a_floor_may_be_raised_and_holds_below_the_county_only(as_: As, teens: list[Student]):
    set_(as_("checker"), "lz-senior-grant", "2400", term="2018-autumn")
    figure = CountyFigure.objects.get()
    assert (figure.region_id, figure.yuan, str(figure.from_on)) == ("620123", Decimal("2400.00"), "2018-09-01")
    with acting_in(EVERYWHERE):
        mine = make.student(at=make.school(stages=(Stage.SENIOR,)), stage=Stage.SENIOR, categories=(Category.DISABLED,))
        theirs = make.student(
            at=make.school(place="620121100", stages=(Stage.SENIOR,)), home="620121100001", stage=Stage.SENIOR,
            categories=(Category.DISABLED,),
        )  # fmt: skip
        make.recompute("2018-autumn", under="62")
        assert make.entitled(mine)["lz-senior-grant"] == "1200.00"
        assert make.entitled(theirs)["lz-senior-grant"] == "1000.00"


def test_areas_are_listed_and_taken_off_again(as_: As, county: World):
    checker, url = as_("checker"), reverse("area_list") + "?term=2018-autumn"
    told = checker.post(url, {"kind": "pilot", "region": "620123100"}, follow=True).content.decode()
    assert "已登记" in told
    area = ListedArea.objects.get()
    assert (area.kind, area.path) == (AreaKind.PILOT, "/62/6201/620123/620123100/")
    assert "地区" in checker.post(url, {"kind": "pilot", "region": "620121100"}, follow=True).content.decode()
    assert ListedArea.objects.count() == 1
    as_("other_maker").post(reverse("area_end", args=[area.pk]))
    checker.post(reverse("area_end", args=[area.pk]) + "?term=2019-spring")
    assert ListedArea.objects.in_force_on(area.from_on).count() == 1
    assert not ListedArea.objects.latest("from_on").active


@pytest.mark.parametrize(("persona", "status"), [("maker", 403), ("school", 403), ("nobody", 403), ("checker", 302)])
def test_who_may_set_a_standard(as_: As, county: World, persona: str, status: int):
    answer = as_(persona).post(reverse("figure_set"), {"rule": "lz-loan", "yuan": "5000"})
    assert answer.status_code == status


def test_everybody_with_rules_may_read_them(as_: As, county: World):
    html = as_("maker").get(reverse("figure_list"), {"term": "2018-autumn"}).content.decode()
    assert "不低于 2,000.00 元" in html
    assert "设定标准（" not in html
