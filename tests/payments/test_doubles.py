"""Nobody is aided twice: two records that may be one child, benefits that exclude each other, two counties."""

from __future__ import annotations

from datetime import date

import pytest
from django.urls import reverse

from students.models import Student, Suspect
from subsidies.models import Benefit, Entitlement, Payment, Rule
from subsidies.payments import doubles, funnel, listing
from tests import make
from tests.payments.county import asks
from tests.personas import TERM, As, World

DAY = date(2018, 11, 1)
BOOKS = "compulsory-textbook"


def stopped(channel: str = "settlement") -> dict[str, set[int]]:
    """Condition → children it keeps from being listed."""
    rows = Entitlement.objects.in_term(TERM)
    found = {c.code: funnel.stopped_by(rows, c) for c in funnel.conditions(TERM, channel, DAY)}
    return {code: {row.student_id for row in each} for code, each in found.items()}


def suspect(one: Student, other: Student, path: str, state: str = "open") -> Suspect:
    first, second = sorted((one.pk, other.pk))
    made = Suspect(path=path, first_id=first, second_id=second, first_name="甲", second_name="乙", rung="name", state=state)
    made.save()
    return made


def test_two_records_that_may_be_one_child_wait_until_somebody_has_looked(world: World):
    """One in each county: the pair stands in the other county's file, both wait all the same."""
    mine, theirs = world.here.students[0], world.there.students[0]
    assert stopped()["one_record"] == set()
    pair = suspect(mine, theirs, "/62/6201/620121/")
    assert stopped()["one_record"] == {mine.pk, theirs.pk}
    books = Entitlement.objects.filter(benefit__code=BOOKS)
    assert set(funnel.payable(books, TERM, "settlement", DAY).values_list("student", flat=True)).isdisjoint({mine.pk, theirs.pk})
    Suspect.objects.filter(pk=pair.pk).update(state="different")
    assert stopped()["one_record"] == set()
    assert mine.pk in funnel.payable(books, TERM, "settlement", DAY).values_list("student", flat=True)


def test_a_suspect_with_nothing_in_common_does_not_wait(world: World):
    suspect(world.here.students[0], world.here.students[2], "/62/6201/620123/")  # primary and senior
    assert stopped()["one_record"] == set()


@pytest.fixture
def both(world: World) -> Student:
    """A boarder who by mistake has the day pupils' money too."""
    child = world.here.students[0]
    rule = Rule.objects.filter(benefit__code="compulsory-boarding").first()
    day = Rule.objects.create(
        pack=rule.pack, benefit=Benefit.objects.get(code="compulsory-day"), code="t-day", title="非寄宿", clause="一",
        jurisdiction="school", amount_kind="fixed", period="term",
    )  # fmt: skip
    row = Entitlement.objects.get(student=child, benefit__code="compulsory-boarding")
    Entitlement(
        term=row.term, student_id=child.pk, benefit=day.benefit, rule=day, school_id=row.school_id, amount="250.00",
        home_path=row.home_path, school_path=row.school_path, run_id=row.run_id,
    ).save()  # fmt: skip
    return child


def test_of_two_benefits_that_exclude_each_other_the_first_goes_before(world: World, both: Student):
    assert doubles.exclusive()[0] == ("compulsory-boarding", "compulsory-day")
    rows = Entitlement.objects.filter(student=both, benefit__code__in=doubles.exclusive()[0])
    excluded = next(c for c in doubles.once_only(TERM) if c.code == "not_excluded")
    assert [row.benefit.code for row in funnel.stopped_by(rows, excluded)] == ["compulsory-day"]
    listing.freeze(rows.filter(benefit__code="compulsory-day"), make.batch())
    assert [row.benefit.code for row in funnel.stopped_by(rows, excluded)] == ["compulsory-boarding"]


def test_every_pair_names_benefits_there_are(db: None):
    named = {code for pair in doubles.exclusive() for code in pair}
    assert set(Benefit.objects.filter(code__in=named).values_list("code", flat=True)) == named


def test_the_page_lists_them_by_kind(as_: As, world: World, both: Student):
    suspect(world.here.students[0], world.crossing, "/62/6201/620123/")
    client, url = as_("maker"), reverse("double_list")
    assert asks(client, url + f"?term={TERM.code}") <= 12
    page = client.get(url, {"term": TERM.code}).content.decode()
    assert "跨县生" in page
    assert both.person.name in page
    page = client.get(url, {"term": TERM.code, "kind": "exclusive"}).content.decode()
    assert "义务教育非寄宿生生活补助" in page
    assert "没有发现" in client.get(url, {"term": TERM.code, "kind": "offices"}).content.decode()
    assert both.person.name not in as_("other_maker").get(url, {"term": TERM.code}).content.decode()


def test_lines_in_batches_of_both_counties_are_shown(as_: As, world: World):
    """The school's county lists, the home's pays the rest later: two instalments, looked at by a person."""
    child = world.crossing
    mine = Entitlement.objects.filter(student=child, benefit__code=BOOKS)
    listing.freeze(mine, make.batch("settlement"))
    theirs = make.batch("settlement", under="620121")
    line = Payment.objects.get(student=child)
    line.pk, line.batch, line.instalment = None, theirs, 2
    line.save(force_insert=True)
    for persona in ("maker", "other_maker"):
        page = as_(persona).get(reverse("double_list"), {"term": TERM.code, "kind": "offices"}).content.decode()
        assert "跨县生" in page
