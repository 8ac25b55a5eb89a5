"""One predicate selects rows, counts a funnel, gives evidence and names what fails; the four never differ."""

from __future__ import annotations

import pytest
from django.db.models import Exists, F, OuterRef, Q
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aidcases.conditions import All, Condition, yes_no
from students.models import Hardship, Person, Student
from subsidies.models import Entitlement
from tests import make

NAMED = Condition("named", "没有写民族", ~Q(ethnicity=""), F("ethnicity"))
BORN = Condition("birth_on", "没有出生日期", Q(birth_on__isnull=False))
OLD = Condition("old", "不满六岁", Q(birth_on__lt="2013-01-01"), F("birth_on"))
POOR = Condition("poor", "不在建档立卡名单", Q(Exists(Hardship.objects.filter(person=OuterRef("pk"), active=True))))
NEVER = Condition("never", "永不成立", Q(pk__in=[]))
ALWAYS = Condition("always", "总成立", Q())
ALL = All((NAMED, BORN, OLD, POOR))


@pytest.fixture
def people(db: None, everywhere: None) -> list[Person]:
    """One who meets everything, one with unknown facts, one who meets some; two hardships must not count twice."""
    whole, unknown, some = (make.person(name) for name in ("全", "未知", "部分"))
    whole.ethnicity, unknown.birth_on, some.ethnicity = "汉族", None, "回族"
    for who in (whole, unknown, some):
        who.save()
    make.hardship(whole)
    make.hardship(whole, "dibao_rural")
    return [whole, unknown, some]


def test_selecting_keeps_rows_for_which_all_hold(people: list[Person]):
    assert list(Person.objects.filter(ALL.hold)) == [people[0]]
    assert Person.objects.filter(All().hold).count() == 3


def test_unknown_counts_as_no(people: list[Person]):
    kept = Person.objects.annotate(told=yes_no(OLD.holds)).order_by("pk").values_list("told", flat=True)
    assert list(kept) == ["yes", "no", "yes"]


def test_a_row_is_told_what_fails_in_the_order_of_the_table(people: list[Person]):
    labels = [[c.label for c in ALL.failing(Person.objects.filter(pk=who.pk))] for who in people]
    assert labels == [
        [],
        ["没有写民族", "没有出生日期", "不满六岁", "不在建档立卡名单"],
        ["不在建档立卡名单"],
    ]


def test_no_row_fails_everything_and_no_condition_fails_nothing(people: list[Person]):
    assert ALL.failing(Person.objects.none()) == list(ALL.conditions)
    assert ALL.failing(Person.objects.filter(pk=0)) == list(ALL.conditions)
    assert All().failing(Person.objects.none()) == []


def test_evidence_carries_what_each_condition_saw(people: list[Person]):
    [seen] = Person.objects.filter(pk=people[0].pk).values_list(ALL.evidence(), flat=True)
    assert seen == {
        "named": {"value": "汉族", "holds": "yes"},
        "birth_on": {"value": None, "holds": "yes"},
        "old": {"value": "2010-05-01", "holds": "yes"},
        "poor": {"value": None, "holds": "yes"},
    }


def test_a_funnel_counts_who_fails_each_in_one_query(people: list[Person], django_assert_num_queries):
    with django_assert_num_queries(1):
        counted = ALL.funnel(Person.objects.all())
    assert counted == {"named": 1, "birth_on": 1, "old": 1, "poor": 2}


def test_what_django_knows_to_be_never_or_always(people: list[Person]):
    both = All((NEVER, ALWAYS))
    assert both.funnel(Person.objects.all()) == {"never": 3, "always": 0}
    assert both.failing(Person.objects.filter(pk=people[0].pk)) == [NEVER]
    assert not Person.objects.filter(both.hold).exists()
    assert both.funnel(Person.objects.none()) == {"never": 0, "always": 0}


def test_a_code_may_be_the_name_of_a_column_another_condition_reads(people: list[Person]):
    """`birth_on` is a code here and a column of `old`; the order must not matter."""
    assert All((BORN, OLD)).funnel(Person.objects.all()) == {"birth_on": 1, "old": 1}
    assert All((OLD, BORN)).funnel(Person.objects.all()) == {"birth_on": 1, "old": 1}


def test_a_funnel_of_rows_with_a_key_of_several_columns(db: None, everywhere: None):
    assert All((Condition("paid", "没有金额", Q(amount__isnull=False)),)).funnel(Entitlement.objects.all()) == {
        "paid": 0
    }


def test_a_funnel_respects_the_order_and_the_scope_of_its_rows(people: list[Person]):
    from aidcases.scoping import Scope, acting_in

    rows = Person.objects.order_by("-name")
    with acting_in(Scope("/62/6201/620121/")):
        assert ALL.funnel(rows) == {"named": 0, "birth_on": 0, "old": 0, "poor": 0}


def test_a_condition_across_a_forward_key(people: list[Person]):
    child = make.student(at=make.school())
    of_person = All((Condition("named", "没有写民族", ~Q(person__ethnicity="")),))
    assert [c.code for c in of_person.failing(Student.objects.filter(pk=child.pk))] == ["named"]


@given(st.lists(st.sampled_from([NAMED, BORN, OLD, POOR, NEVER, ALWAYS]), unique=True, min_size=1))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_selected_exactly_when_nothing_fails(people: list[Person], chosen: list[Condition]):
    conditions = All(tuple(chosen))
    selected = set(Person.objects.filter(conditions.hold).values_list("pk", flat=True))
    free = {who.pk for who in people if not conditions.failing(Person.objects.filter(pk=who.pk))}
    assert selected == free
    funnel = conditions.funnel(Person.objects.all())
    assert all(0 <= failing <= len(people) - len(selected) for failing in funnel.values())
    assert sum(funnel.values()) >= len(people) - len(selected)
