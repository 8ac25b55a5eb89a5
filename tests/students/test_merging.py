"""Two records that are one child: everything follows the one that stays, and comes back to the last column."""

from __future__ import annotations

from datetime import date

import pytest
from django.urls import reverse

from aidcases import sql
from aidcases.flow import Refused
from aidcases.terms import Term
from students import merging
from students.models import Account, Enrolment, Guardian, Hardship, ImportRow, Person, PersonAlias, Student, Suspect
from subsidies.models import Adjustment, Entitlement, Payment
from tests import make
from tests.students.test_import_guards import (
    DIBAO,
    HERE,
    SCHOOL_HERE,
    Office,
    here,  # noqa: F401
    schools,  # noqa: F401
    there,  # noqa: F401
)
from tests.students.test_matching import VILLAGE, WIDE, child, number, same_sex
from tests.students.test_reviews import acting, browser, dump, text_of

pytestmark = pytest.mark.django_db
AID = ("determination", "payment", "entitlement", "adjustment", "missingfigure")


@pytest.fixture
def pair(schools: None, here: Office) -> tuple[str, str, Suspect]:  # noqa: F811
    """One child under two numbers: both on a roll, the second in receipt of dibao: (number, number, suspect)."""
    first, carer = number(), number(date(1980, 1, 1))
    second = same_sex(first)
    here.bring("roll", WIDE, child("张小明", first, carer=carer, roll=f"G{first}"))
    here.bring("roll", WIDE, child("张晓明", second, carer=carer))
    here.bring("dibao", DIBAO, f"张晓明,{second},农村,201701,")
    here.bring("population", "姓名,身份证号,户籍行政区划", f"张晓明,{second},{VILLAGE}")
    return first, second, Suspect.objects.get()


def everything() -> dict[str, list]:
    found = {t: sql.rows(f"SELECT to_jsonb(t) AS row FROM subsidies_{t} t ORDER BY to_jsonb(t)::text") for t in AID}
    cards = sql.rows("SELECT to_jsonb(t) AS row FROM students_account t ORDER BY id")
    return {**dump(), **found, "account": cards}


def merge(suspect: Suspect, keep: int) -> None:
    with acting(HERE):
        merging.merge(suspect, keep=keep, why="同一个孩子，换过身份证")


def undo(suspect: Suspect) -> None:
    suspect.refresh_from_db()
    with acting(HERE):
        merging.undo(suspect)


def test_everything_of_the_one_who_goes_is_the_other_s(pair: tuple):
    _, second, suspect = pair
    keep = Person.objects.get(name="张小明")
    merge(suspect, keep.pk)
    assert not Person.objects.filter(name="张晓明").exists()
    assert Enrolment.objects.get().student_id == keep.pk
    assert [h.person_id for h in Hardship.objects.all()] == [keep.pk]
    assert Guardian.objects.get().student_id == keep.pk
    assert {bytes(row.id_hash) for row in ImportRow.objects.exclude(id_hash=None)} == {bytes(keep.id_hash)}
    alias = PersonAlias.objects.get()
    assert (alias.person_id, alias.id_last4, alias.name, alias.id_number) == (keep.pk, second[-4:], "张晓明", second)
    suspect.refresh_from_db()
    assert (suspect.state, suspect.decided_by) == ("same", "王某")


def test_rows_under_the_number_that_went_are_the_survivor_s(pair: tuple, here: Office):  # noqa: F811
    _, second, suspect = pair
    keep = Person.objects.get(name="张小明")
    merge(suspect, keep.pk)
    again = here.bring("dibao", DIBAO, f"张晓明,{second},农村,201701,")
    row = again.rows.get()
    assert (row.state, sorted(row.warnings)) == ("unchanged", ["decided", "merged number"])
    ended = here.bring("dibao", DIBAO, f"张晓明,{second},农村,201701,201801")
    assert list(ended.rows.get().changes) == ["until_on"]
    assert {h.person_id for h in Hardship.objects.all()} == {keep.pk}
    assert (Person.objects.get(pk=keep.pk).name, Person.objects.count()) == ("张小明", 2)  # and the guardian


@pytest.mark.parametrize("stays", ["张小明", "张晓明"])
def test_a_merge_taken_back_restores_both_exactly(pair: tuple, stays: str):
    *_, suspect = pair
    before = everything()
    merge(suspect, Person.objects.get(name=stays).pk)
    assert everything() != before
    undo(suspect)
    assert everything() == before
    suspect.refresh_from_db()
    assert (suspect.state, suspect.decided_by, suspect.batch) == ("open", "", None)
    with pytest.raises(Refused):
        undo(suspect)
    merge(suspect, Person.objects.get(name=stays).pk)  # and again
    assert PersonAlias.objects.count() == 1


def test_only_one_of_the_two_is_a_student(schools: None, here: Office):  # noqa: F811
    first = number()
    second = same_sex(first)
    here.bring("roll", WIDE, child("张小明", first))
    here.bring("dibao", DIBAO, f"张晓明,{second},农村,201701,")
    one, other = Person.objects.get(name="张小明"), Person.objects.get(name="张晓明")
    suspect = Suspect(
        path=f"/62/6201/{HERE}/",
        first_id=one.pk,
        second_id=other.pk,
        first_name="张小明",
        second_name="张晓明",
        rung="x",
    )
    suspect.save()
    assert merging.proposed(other, one) == one
    before = everything()
    merge(suspect, other.pk)
    assert Student.objects.get().pk == other.pk
    assert {bytes(r.id_hash) for r in ImportRow.objects.exclude(id_hash=None)} == {bytes(other.id_hash)}
    undo(suspect)
    assert everything() == before


def test_what_was_listed_for_both_shows_as_paid_twice(pair: tuple):
    """Both were aided for the same thing in the same batch; a recompute finds what is too much, an undo forgets it."""
    make.adopt_lanzhou()
    make.recompute()
    keep = Person.objects.get(name="张小明")
    make.listed(Entitlement.objects.filter(amount__gt=0))
    listed = Payment.objects.count()
    if not listed:  # the boarding allowance needs the poor: the dibao child alone has it
        pytest.fail("nothing was listed")
    before = everything()
    merge(pair[2], keep.pk)
    assert set(Payment.objects.values_list("student_id", flat=True)) == {keep.pk}
    assert Payment.objects.count() == listed
    assert not Entitlement.objects.exclude(student=keep.pk).exists()
    undo(pair[2])
    assert everything() == before
    merge(pair[2], keep.pk)
    make.recompute(marked_only=True)
    assert Entitlement.objects.in_term(Term.parse("2018-autumn")).filter(frozen=True).count() == listed
    assert not Adjustment.objects.exclude(student=keep.pk).exists()


def test_the_same_thing_listed_for_both_becomes_a_recovery(pair: tuple, here: Office):  # noqa: F811
    first, *_ = pair
    here.bring("dibao", DIBAO, f"张小明,{first},农村,201701,")
    make.adopt_lanzhou()
    make.recompute()
    make.listed(Entitlement.objects.filter(amount__gt=0))
    lines = {(line.benefit_id, line.student_id): line.amount for line in Payment.objects.all()}
    benefit = next(b for b, _ in lines if sum(1 for other, _ in lines if other == b) == 2)
    keep = Person.objects.get(name="张小明")
    going = Payment.objects.filter(benefit=benefit).exclude(student=keep.pk).get()
    second = Payment.objects.get(pk=going.pk)
    second.pk, second.instalment, second.amount, second.other, second.state = None, 2, 0, 0, "listed"
    for level in ("central", "province", "city", "county"):
        setattr(second, level, 0)
    second.save()
    cards = {who.pk: make.account(who).pk for who in Student.objects.all()}
    waiting = {who.pk: make.account(who, state="proposed").pk for who in Student.objects.all()}
    before = everything()
    merge(pair[2], keep.pk)
    mine = Payment.objects.filter(student=keep.pk, benefit=benefit)
    assert sorted(mine.values_list("instalment", flat=True)) == [1, 2, 3]
    assert set(Account.objects.filter(student=keep.pk).values_list("pk", flat=True)) == {*cards.values(), *waiting.values()}
    states = {pk: state for pk, state in Account.objects.values_list("pk", "state") if pk in waiting.values()}
    assert states.pop(waiting[keep.pk]) == "proposed"  # of two that wait one is left
    assert set(states.values()) == {"refused"}
    undo(pair[2])
    assert everything() == before
    merge(pair[2], keep.pk)
    make.recompute(marked_only=True)
    adjustment = Adjustment.objects.get(benefit=benefit)
    assert (adjustment.student_id, adjustment.difference) == (keep.pk, -lines[benefit, keep.pk])


def test_two_people_are_told_apart_for_good(pair: tuple):
    *_, suspect = pair
    before = everything()
    with acting(HERE):
        with pytest.raises(Refused):
            merging.part(suspect, why="")
        merging.part(suspect, why="堂兄弟")
    assert everything() == before
    with acting(HERE), pytest.raises(Refused):
        merging.merge(suspect, keep=suspect.first_id, why="看错了")
    assert everything() == before


def test_a_third_record_can_follow(pair: tuple, here: Office):  # noqa: F811
    """Merged into one who is merged in turn: both former numbers are the last one's."""
    first, second, suspect = pair
    merge(suspect, Person.objects.get(name="张晓明").pk)
    third = same_sex(first)
    here.bring("roll", WIDE, child("张笑明", third))
    later = Suspect.objects.exclude(pk=suspect.pk).get()
    last = Person.objects.get(name="张笑明")
    merge(later, last.pk)
    assert {alias.id_last4 for alias in PersonAlias.objects.filter(person=last)} == {first[-4:], second[-4:]}
    assert here.bring("dibao", DIBAO, f"张小明,{first},农村,201701,").rows.get().state in ("new", "unchanged")
    assert {h.person_id for h in Hardship.objects.all()} == {last.pk}
    assert Enrolment.objects.get().school.code == SCHOOL_HERE


def test_a_clerk_merges_and_takes_it_back_in_the_browser(pair: tuple):
    first, second, suspect = pair
    client = browser(HERE)
    assert "疑似重复人员 1 对" in text_of(client, "home")
    assert "张晓明" in text_of(client, "suspect_list", query="?state=open")
    body = text_of(client, "suspect_detail", suspect.pk)
    assert "<mark>张晓明</mark>" in body
    assert first not in body
    assert second not in body
    url = reverse("suspect_decide", args=[suspect.pk])
    client.post(url, {"same": "1", "why": "同一个"})  # which record stays was not said
    assert PersonAlias.objects.count() == 0
    keep = Person.objects.get(name="张小明").pk
    client.post(url, {"same": "1", "keep": keep, "why": "户口簿上只有一个"})
    body = text_of(client, "student_detail", keep)
    assert f"合并自 张晓明（尾号 {second[-4:]}）" in body
    assert "户口簿上只有一个" in body
    assert "撤销合并" in text_of(client, "suspect_detail", suspect.pk)
    suspect.refresh_from_db()
    client.post(reverse("review_undo", args=[suspect.batch_id]))
    assert Person.objects.filter(name="张晓明").exists()
    client.post(url, {"same": "0", "why": "堂兄弟"})
    assert "不是同一个人" in text_of(client, "suspect_list")
