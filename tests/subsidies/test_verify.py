"""A run can be held against the facts at any time: equal, partly (which schools changed), or not what the rules give."""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random

import pytest
from django.core.management import CommandError, call_command

from aidcases.models import School, SchoolFee
from students.models import Enrolment, Hardship
from subsidies.actions import adopt_pack
from subsidies.models import ComputeRun, Entitlement, EntitlementChange
from subsidies.verify import verify
from tests import make
from tests.subsidies.test_certificate import CITY, town

pytestmark = pytest.mark.usefixtures("everywhere")


@pytest.fixture
def run(db: None) -> ComputeRun:
    make.adopt_lanzhou()
    town(Random(1))
    make.recompute()
    return ComputeRun.objects.get()


def rows() -> list[tuple]:
    return sorted(Entitlement.objects.values_list("student", "rule", "amount", "run"))


def test_what_was_computed_is_computed_again(run: ComputeRun):
    before = rows()
    found = verify(run)
    assert (found.verdict, found.changed, found.different) == ("equal", [], [])
    assert found.students == Enrolment.objects.filter(school_path__startswith=CITY).count()
    assert rows() == before
    assert EntitlementChange.objects.count() == 0


def test_a_row_that_somebody_altered_is_found_with_its_school(run: ComputeRun):
    line = Entitlement.objects.filter(amount__gt=0).select_related("school").first()
    Entitlement.objects.filter(pk=line.pk).update(amount=line.amount + Decimal("0.01"))
    found = verify(run)
    assert (found.verdict, found.different) == ("different", [f"{line.school.code} {line.school.name}"])


def test_a_result_that_does_not_follow_from_the_facts_is_found(run: ComputeRun):
    part = run.parts.select_related("school").first()
    run.parts.filter(pk=part.pk).update(result_digest=b"x" * 32)
    found = verify(run)
    assert (found.verdict, found.different) == ("different", [f"{part.school.code} {part.school.name}"])


def test_schools_whose_facts_changed_are_named_and_the_others_checked(run: ComputeRun):
    school = School.objects.get(code="1162000001")
    SchoolFee.objects.filter(school=school).update(annual_fee=Decimal("999"))
    found = verify(run)
    assert (found.verdict, found.changed, found.different) == ("partly", [f"{school.code} {school.name}"], [])
    assert 0 < found.students < Enrolment.objects.count()


def test_other_rules_are_said_to_be_others(run: ComputeRun):
    adopt_pack("lanzhou", region=make.region("6201"), active=False)
    assert verify(run).verdict == "rules_changed"


def test_what_a_batch_has_listed_stands(run: ComputeRun):
    assert make.listed(Entitlement.objects.all()) > 0
    Hardship.objects.all().delete()
    make.recompute()
    assert verify(ComputeRun.objects.first()).verdict == "equal"


def test_the_command(run: ComputeRun, capsys: pytest.CaptureFixture):
    call_command("verify_run", str(run.pk), "--json")
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["verdict"], told["changed_schools"], told["certificate"]) == ("equal", [], run.certificate)
    with pytest.raises(CommandError, match="没有编号为 999"):
        call_command("verify_run", "999")
