"""Regions and schools: codes cut to their level, paths, who may write a school, which office is where."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError, transaction

from aidcases import actions
from aidcases.actions import UnknownRegion, load_regions, open_office, region_named
from aidcases.effective import in_force_on
from aidcases.models import AuditEvent, Organisation, Region, School, SchoolFee
from aidcases.models.places import LEVELS, cut, region_path
from aidcases.registry import registry
from aidcases.roles import OfficeKind
from aidcases.scoping import Scope, acting_in
from tests import make


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("510000", "51"), ("620100", "6201"), ("620123", "620123"), ("620123000000", "620123"),
        (" 62\n", "62"),
        ("620123100", "620123100"), ("620123100000", "620123100"), ("620123100201", "620123100201"),
    ],
)  # fmt: skip
def test_a_code_is_cut_to_its_level(written: str, code: str):
    assert cut(written) == code
    assert region_path(written).strip("/").split("/")[-1] == code


def test_a_path_names_every_level_above():
    assert region_path("620123100201") == "/62/6201/620123/620123100/620123100201/"
    assert region_path("620000") == "/62/"
    assert region_path("") == ""


def test_the_shipped_divisions_make_a_tree(db: None):
    known = dict(Region.objects.values_list("code", "path"))
    assert len(known) > 6000
    for code, path in known.items():
        assert path == region_path(code)
        assert len(code) in LEVELS
    orphans = [code for code, path in known.items() if any(step not in known for step in path.strip("/").split("/"))]
    assert orphans == []
    assert load_regions() == 0  # again: nothing to do


def test_a_region_says_where_it_is(db: None):
    assert make.region("620123100").chain == ["62", "6201", "620123", "620123100"]
    assert make.region("620123").full_name() == "甘肃省兰州市榆中县"
    assert make.region("110101").full_name() == "北京市东城区"
    assert Region.objects.under("/62/6201/620123/").filter(code__startswith="620121").count() == 0


@pytest.mark.parametrize("typed", ["620123", "620123000000", "62"])
def test_a_region_is_found_by_any_way_to_write_it(db: None, typed: str):
    assert region_named(typed).code == cut(typed)


@pytest.mark.parametrize("typed", ["999999", "", "榆中", "62012x", "-620123", "6²"])
def test_an_unknown_region_is_refused_in_a_sentence(db: None, typed: str):
    with pytest.raises(UnknownRegion, match="不在区划表里，请写县级 6 位代码"):
        region_named(typed)


def test_a_schools_path_is_its_regions_then_its_code(everywhere: None, db: None):
    school = make.school("2162004001", place="620123100")
    assert school.path == "/62/6201/620123/620123100/2162004001/"
    school.region = make.region("620121100")
    school.save()
    assert school.path == "/62/6201/620121/620121100/2162004001/"


def test_an_office_is_opened_once_and_looks_where_it_is(everywhere: None, db: None):
    county = open_office(region=make.region("620123"))
    assert (county.kind, county.path, county.name) == (
        OfficeKind.COUNTY,
        "/62/6201/620123/",
        "榆中县学生资助管理中心",
    )
    assert open_office(region=make.region("620123")) == county
    assert open_office(region=make.region("6201")).kind == OfficeKind.CITY
    assert open_office(region=make.region("620123100")).kind == OfficeKind.TOWNSHIP
    assert open_office(region=make.region("620123100201")).kind == OfficeKind.VILLAGE
    school = make.school()
    assert open_office(school=school).scope.path == school.path
    assert open_office().path == "/"
    assert AuditEvent.objects.filter(action="office.opened", subject_id=county.pk).count() == 1


def test_opening_an_office_calls_whoever_must_follow(everywhere: None, db: None, monkeypatch: pytest.MonkeyPatch):
    opened: list[Organisation] = []
    monkeypatch.setattr(registry, "office_opened", [opened.append])
    made = open_office(region=make.region("620123"))
    open_office(region=make.region("620123"))
    assert opened == [made]


def test_one_office_of_a_kind_stands_in_a_place(everywhere: None, db: None):
    make.office("620123")
    make.office("620123", OfficeKind.AUDITOR)
    with pytest.raises(IntegrityError, match="one_office_of_a_kind_per_place"), transaction.atomic():
        Organisation.objects.create(kind=OfficeKind.COUNTY, name="又一个", path="/62/6201/620123/")


def test_the_fee_in_force_is_the_last_that_has_started(everywhere: None, db: None):
    school = make.school(fee=None)
    for year, fee in ((2016, 600), (2018, 800), (2020, 900)):
        SchoolFee.objects.create(school=school, from_on=date(year, 9, 1), annual_fee=fee)
    for day, fee in (
        (date(2016, 9, 1), 600),
        (date(2018, 8, 31), 600),
        (date(2018, 9, 1), 800),
        (date(2030, 1, 1), 900),
    ):
        [found] = in_force_on(day, SchoolFee.objects.all(), same=("school",))
        assert found.annual_fee == fee
    assert not in_force_on(date(2016, 8, 31), SchoolFee.objects.all(), same=("school",)).exists()


@pytest.mark.parametrize(
    ("fees", "constraint"),
    [([(2018, -1)], "fee_not_negative"), ([(2018, 1), (2018, 2)], "fee_starts_once")],
)
def test_a_fee_the_database_refuses(everywhere: None, db: None, fees: list[tuple[int, int]], constraint: str):
    school = make.school(fee=None)
    rows = [SchoolFee(school=school, from_on=date(year, 9, 1), annual_fee=fee) for year, fee in fees]
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        SchoolFee.objects.bulk_create(rows)


def test_a_county_makes_a_school_of_its_own_only(db: None):
    with acting_in(Scope("/62/6201/620123/")):
        make.school(place="620123101")
        assert School.objects.filter(path__startswith="/62/6201/620123/").count() == 1
    assert actions.REGIONS.is_file()
