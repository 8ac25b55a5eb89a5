"""The certificate: of facts, rules and results by natural codes alone; equal wherever and however they came about."""

from __future__ import annotations

import re
import threading
from datetime import date
from decimal import Decimal
from random import Random

import pytest
from django.db import connection, transaction

from aidcases import sql
from aidcases.models import SchoolFee
from aidcases.scoping import EVERYWHERE, acting_in
from aidcases.terms import Term
from students.enums import Category, Stage
from students.models import Enrolment, Person, Student
from subsidies.actions import adopt_pack, publish
from subsidies.certificate import certify
from subsidies.models import CertificatePart, Entitlement
from tests import make
from tests.aidcases.processes import until, waits_for_a_lock

AUTUMN, SPRING = Term(2018, "autumn"), Term(2019, "spring")
CITY, COUNTY, NEIGHBOUR = "/62/6201/", "/62/6201/620123/", "/62/6201/620121/"
LISTS = [(), (Category.REGISTERED_POOR,), (Category.DIBAO_RURAL, Category.DISABLED), (Category.ORPHAN,)]
NUMBERS = [make.id_number(born=date(2011, 1, 1 + n)) for n in range(12)]


def town(order: Random) -> None:
    """The same twelve children of two counties, entered in any order, so under any row ids."""
    made = {
        code: make.school(code, place=place, fee=fee, stages=(Stage.PRIMARY, Stage.SENIOR))
        for code, place, fee in order.sample(
            [("1162000001", "620123100", "801"), ("1162000002", "620123101", None), ("1162000003", "620121100", "0")], 3
        )
    }
    for n in order.sample(range(12), 12):
        home = make.region("620123100201" if n % 4 else "620121100001")
        who = Person(
            name=f"张{n}", id_number=NUMBERS[n], birth_on=date(2011, 1, 1 + n), hukou_region=home, home_path=home.path
        )
        who.save()
        child = Student(person=who)
        child.save()
        make.enrolment(child, at=made[f"116200000{n % 3 + 1}"], term=AUTUMN.code, boarding=n % 2 == 0,
                       stage=Stage.SENIOR if n % 5 == 0 else Stage.PRIMARY)  # fmt: skip
        for category in order.sample(LISTS[n % 4], len(LISTS[n % 4])):
            make.hardship(who, category)


def child(n: int) -> Student:
    return Student.objects.get(person__name=f"张{n}")


def enrolment(n: int):
    return Enrolment.objects.filter(student=child(n))


@pytest.fixture
def computed(db: None, everywhere: None) -> dict[str, str]:
    make.adopt_lanzhou()
    town(Random(0))
    make.recompute()
    return certify(AUTUMN, CITY)


def again(under: str = "6201") -> dict[str, str]:
    make.recompute(under=under)
    return certify(AUTUMN, make.region(under).path)


def differ(one: dict[str, str], other: dict[str, str]) -> set[str]:
    return {name for name in one if one[name] != other[name]}


def test_it_is_a_hash_of_each_and_one_of_all(computed: dict[str, str]):
    assert list(computed) == ["facts", "rules", "engine", "result", "certificate"]
    assert all(re.fullmatch("[0-9a-f]{64}", computed[name]) for name in ("facts", "rules", "result", "certificate"))
    assert len({*computed.values()}) == 5
    assert certify(AUTUMN, CITY) == computed


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_and_the_numbers_of_rows_do_not_matter(db: None, everywhere: None, seed: int):
    found = []
    for each in (0, seed):
        with transaction.atomic():
            make.school()  # the second time every row has another number
            make.adopt_lanzhou()
            town(Random(each))
            regions = ["6201"] if each == 0 else Random(seed).sample(["620123", "620121"], 2)
            for region in regions:
                make.recompute(under=region)
            ids = set(Entitlement.objects.values_list("student_id", flat=True))
            found.append((ids, [certify(AUTUMN, path) for path in (CITY, COUNTY, NEIGHBOUR)]))
            transaction.set_rollback(True)
    assert not found[0][0] & found[1][0]
    assert found[0][1] == found[1][1]


@pytest.mark.parametrize(
    ("write", "what"),
    [
        (lambda: enrolment(1).update(boarding=True), {"facts", "result"}),
        (lambda: enrolment(1).update(grade=5), {"facts"}),
        (lambda: enrolment(4).update(rural_hukou=False), {"facts"}),
        (lambda: make.hardship(child(4).person, Category.DISABLED), {"facts"}),
        (lambda: make.hardship(child(4).person, Category.REGISTERED_POOR), {"facts", "result"}),
        (lambda: Person.objects.filter(name="张3").update(birth_on=date(2010, 1, 1)), {"facts"}),
        (lambda: Person.objects.filter(name="张3").update(id_hash=b"corrected"), {"facts", "result"}),
        (lambda: SchoolFee.objects.filter(annual_fee=0).update(annual_fee=Decimal("2")), {"facts", "result"}),
        (lambda: enrolment(2).delete(), {"facts", "result"}),
        (lambda: make.student(at=enrolment(1).get().school), {"facts", "result"}),
        (lambda: adopt_pack("lanzhou", region=make.region("620123")), {"rules"}),
        (lambda: adopt_pack("lanzhou", region=make.region("6201"), active=False), {"rules", "result"}),
    ],
    ids=[
        "boarding", "grade", "rural", "list without effect", "list", "birth", "identity number", "fee", "leaving", "entering",
        "adoption", "no adoption",
    ],
)  # fmt: skip
def test_it_tells_what_differs(computed: dict[str, str], write: object, what: set[str]):
    write()
    assert differ(computed, again()) == {*what, "certificate"}


def test_a_rules_text_is_part_of_it(computed: dict[str, str]):
    from subsidies.actions import PACKS

    text = (PACKS / "lanzhou.toml").read_text(encoding="utf-8")
    publish(text + "\n# 勘误说明\n")
    assert differ(computed, again()) == {"rules", "certificate"}


def test_a_fact_taken_back_gives_the_former_certificate_back(computed: dict[str, str]):
    enrolment(1).update(boarding=True)
    assert again() != computed
    enrolment(1).update(boarding=False)
    assert again() == computed


def test_what_no_rule_reads_is_not_part_of_it(computed: dict[str, str]):
    Enrolment.objects.update(class_name="9班", phone=None, left_behind=True)
    Person.objects.update(ethnicity="回族", sex="女")
    assert again() == computed


def test_no_two_children_can_change_places(computed: dict[str, str]):
    """Two children with the same facts but for boarding: the other one boards now."""
    enrolment(4).update(boarding=False)
    enrolment(8).update(boarding=True)
    one = again()
    enrolment(4).update(boarding=True)
    enrolment(8).update(boarding=False)
    assert differ(one, again()) >= {"facts", "certificate"}


# ---------- parts ----------


def parts() -> dict[str, str]:
    """Where every part lies: one that was made anew lies elsewhere."""
    rows = sql.rows(
        "SELECT s.code, c.home_county, c.ctid::text AS place, c.xmin::text AS made, encode(c.facts_digest, 'hex') AS facts "
        "FROM subsidies_certificatepart c JOIN aidcases_school s ON s.id = c.school_id"
    )
    return {f"{row['code']}@{row['home_county'][-7:-1]}": f"{row['place']} {row['facts']}" for row in rows}


def test_only_the_part_that_is_touched_is_made_anew(computed: dict[str, str]):
    before = parts()
    assert set(before) == {f"116200000{n}@{county}" for n in (1, 2, 3) for county in ("620123", "620121")}
    again()
    assert parts() == before
    enrolment(1).update(boarding=True)
    make.recompute(marked_only=True)
    assert {part for part, place in parts().items() if before[part] != place} == {"1162000002@620123"}


def test_parts_count_their_students_and_lines(computed: dict[str, str]):
    found = CertificatePart.objects.values_list("students", "lines")
    assert sum(students for students, _ in found) == 12
    assert sum(lines for _, lines in found) == Entitlement.objects.count()


def test_a_school_without_any_entitlement_is_certified_too(computed: dict[str, str]):
    make.student(at=make.school("1162000009", stages=(Stage.SENIOR,)), stage=Stage.SENIOR)
    assert differ(computed, again()) == {"facts", "result", "certificate"}
    part = CertificatePart.objects.get(school__code="1162000009")
    assert (part.students, part.lines) == (1, 0)


def test_a_county_is_certified_with_who_lives_or_learns_there(computed: dict[str, str]):
    here, there = certify(AUTUMN, COUNTY), certify(AUTUMN, NEIGHBOUR)
    assert len({one["certificate"] for one in (computed, here, there)}) == 3
    enrolment(2).update(grade=6)  # at school and at home: the third school is the neighbour's
    assert enrolment(2).get().school.code == "1162000003"
    make.recompute()
    assert differ(here, certify(AUTUMN, COUNTY)) == {"facts", "certificate"}  # home here
    assert differ(there, certify(AUTUMN, NEIGHBOUR)) == {"facts", "certificate"}  # school there
    kept = certify(AUTUMN, NEIGHBOUR)
    enrolment(1).update(grade=6)  # home and school here
    make.recompute()
    assert certify(AUTUMN, NEIGHBOUR) == kept


def test_a_township_and_a_village_have_their_countys(computed: dict[str, str]):
    for code in ("620123100", "620123100201"):
        assert certify(AUTUMN, make.region(code).path) == certify(AUTUMN, COUNTY)


def test_each_term_has_its_own(computed: dict[str, str]):
    make.enrolment(child(1), at=enrolment(1).get().school, term=SPRING.code)
    make.recompute(SPRING.code)
    assert certify(AUTUMN, CITY) == computed
    assert differ(computed, certify(SPRING, CITY)) >= {"facts", "rules", "result", "certificate"}


def test_a_term_without_students_has_one_that_is_stable(computed: dict[str, str]):
    empty = certify(Term(2030, "autumn"), CITY)
    assert certify(Term(2030, "autumn"), COUNTY)["facts"] == empty["facts"]


def test_marked_students_are_certified_when_they_are_computed(computed: dict[str, str]):
    """Facts that came after the run: the certificate stays that of the run until the next."""
    make.hardship(child(4).person, Category.REGISTERED_POOR)
    assert certify(AUTUMN, CITY) == computed
    make.recompute(marked_only=True)
    partly = certify(AUTUMN, CITY)
    assert differ(computed, partly) == {"facts", "result", "certificate"}
    sql.run("DELETE FROM subsidies_certificatepart")
    assert certify(AUTUMN, CITY) == partly


@pytest.mark.django_db(transaction=True)
def test_no_part_is_made_of_rows_that_are_about_to_be_replaced(everywhere: None):
    """A certificate is being made while a run wants to write: the run waits, then makes that part stale."""
    make.adopt_lanzhou()
    town(Random(0))
    make.recompute()
    enrolment(1).update(boarding=True)
    sql.run("DELETE FROM subsidies_certificatepart")
    results: list[dict] = []

    def run() -> None:
        try:
            with acting_in(EVERYWHERE):
                results.append(make.recompute(under="620123", marked_only=True))
        finally:
            connection.close()

    with transaction.atomic():
        sql.lock("certify", AUTUMN.code)
        before = certify(AUTUMN, CITY)
        thread = threading.Thread(target=run)
        thread.start()
        until(waits_for_a_lock)
    thread.join(20)
    assert [result["added"] for result in results] == [1]
    after = certify(AUTUMN, CITY)
    assert differ(before, after) >= {"result", "certificate"}
    sql.run("DELETE FROM subsidies_certificatepart")
    assert certify(AUTUMN, CITY) == after
    assert results[0]["certificate"] == certify(AUTUMN, COUNTY)["certificate"]


@pytest.mark.django_db(transaction=True)
def test_who_changes_school_while_a_certificate_is_made_is_in_one_part_only(everywhere: None):
    make.adopt_lanzhou()
    town(Random(0))
    make.recompute()
    sql.run("DELETE FROM subsidies_certificatepart")
    other = enrolment(2).get().school

    def move() -> None:
        try:
            with acting_in(EVERYWHERE):
                enrolment(1).update(school=other, school_path=other.path)
        finally:
            connection.close()

    with transaction.atomic():
        sql.lock("certify", AUTUMN.code)
        certify(AUTUMN, CITY)
        thread = threading.Thread(target=move)
        thread.start()
        until(waits_for_a_lock)
    thread.join(20)
    result = make.recompute(marked_only=True)
    assert sum(CertificatePart.objects.values_list("students", flat=True)) == 12
    sql.run("DELETE FROM subsidies_certificatepart")
    assert certify(AUTUMN, CITY)["certificate"] == result["certificate"]
