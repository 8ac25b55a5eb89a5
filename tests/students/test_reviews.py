"""Rows that wait: decided each way, remembered, agreed between offices, taken back; every row in exactly one state."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aidcases import sql
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import Actor, Scope, acting_in
from students.imports import deciding
from students.models import Batch, Decision, Enrolment, Hardship, Household, ImportFile, ImportRow, Member, Person
from students.models.imports import RowState
from tests import make
from tests.personas import As
from tests.students.rosters import facts
from tests.students.test_import_guards import (
    DIBAO,
    HERE,
    POVERTY,
    ROLL,
    SCHOOL_HERE,
    SCHOOL_THERE,
    SCHOOLS,
    THERE,
    Office,
    here,  # noqa: F401
    schools,  # noqa: F401
    there,  # noqa: F401
)

pytestmark = pytest.mark.django_db
CLERKS = frozenset({P.REVIEW_DECIDE, P.IMPORT_WRITE, P.IMPORT_VIEW})
HOME_HERE, HOME_THERE = "620123100201", "620121100001"


def acting(county: str, name: str = "王某") -> Any:
    """As a clerk of a county or city."""
    path = {"6201": "/62/6201/"}.get(county, f"/62/6201/{county}/")
    return acting_in(Scope(path), Actor(name, user_id=1, path=path, permissions=CLERKS))


def decide(file: ImportFile, outcome: str, *, county: str = HERE, why: str = "与学校核对过") -> deciding.Done:
    with acting(county):
        return deciding.decide(ImportRow.objects.filter(file=file), outcome=outcome, why=why)


def row(file: ImportFile, number: int | None = None) -> ImportRow:
    return file.rows.get() if number is None else file.rows.get(number=number)


def number_of(born: date = date(2009, 5, 1), county: str = HERE) -> str:
    return make.id_number(county, born)


def person(number: str) -> Person:
    return Person.objects.get(id_last4=number[-4:])


def dump() -> dict[str, list]:
    """Every fact table and the rows' states, to the last column but those of homes' own bookkeeping."""
    tables = (
        "person",
        "student",
        "guardian",
        "household",
        "member",
        "hardship",
        "enrolment",
        "rosterentry",
        "personalias",
    )
    found = {t: sql.rows(f"SELECT to_jsonb(t) AS row FROM students_{t} t ORDER BY to_jsonb(t)::text") for t in tables}
    states = "SELECT id, state, reasons, warnings, changes, encode(id_hash, 'hex') AS id_hash FROM students_importrow ORDER BY id"
    return {**found, "rows": sql.rows(states)}


# --- names ------------------------------------------------------------------------------------------------------


@pytest.fixture
def named(schools: None, here: Office) -> Iterator[tuple[str, ImportFile, ImportFile]]:  # noqa: F811
    """On the roll as 张小明, on the dibao list, which waits, as 张晓明: (number, roll, dibao)."""
    number = number_of()
    roll = here.bring("roll", ROLL, f"张小明,{number},{SCHOOL_HERE},三年级,住校,{HOME_HERE}")
    dibao = here.bring("dibao", DIBAO, f"张晓明,{number},农村,201701,")
    assert (row(dibao).state, row(dibao).reasons) == ("review", ["name"])
    return number, roll, dibao


def test_the_same_person_counts_under_the_name_that_stands(named: tuple, here: Office):  # noqa: F811
    number, roll, dibao = named
    assert decide(dibao, "known").applied == 1
    assert (row(dibao).state, row(dibao).reasons) == ("new", [])
    assert (person(number).name, Hardship.objects.get().category) == ("张小明", "dibao_rural")
    assert row(roll).state == "new"
    # The next list under that name is decided the same way, by itself.
    again = here.bring("dibao", DIBAO, f"张晓明,{number},农村,201701,")
    assert (row(again).state, row(again).warnings) == ("unchanged", ["decided"])
    ended = here.bring("dibao", DIBAO, f"张晓明,{number},农村,201701,201801")
    assert (row(ended).state, list(row(ended).changes)) == ("changed", ["until_on"])
    assert person(number).name == "张小明"


def test_the_list_s_name_is_taken_and_what_stood_under_the_other_waits(named: tuple, here: Office):  # noqa: F811
    number, roll, dibao = named
    assert decide(dibao, "row").applied == 1
    assert person(number).name == "张晓明"
    assert Hardship.objects.exists()
    assert (row(roll).state, row(roll).reasons) == ("review", ["name"])
    assert not Enrolment.objects.exists()
    assert ImportFile.objects.get(pk=roll.pk).counts["review"] == 1
    # Then the roll's row is the same child too.
    assert decide(roll, "known").applied == 1
    assert Enrolment.objects.get().student_id == person(number).pk
    assert person(number).name == "张晓明"
    again = here.bring("roll", ROLL, f"张小明,{number},{SCHOOL_HERE},三年级,住校,{HOME_HERE}")
    assert row(again).state == "unchanged"


def test_a_refused_row_stays_out_and_is_refused_again(named: tuple, here: Office):  # noqa: F811
    number, _, dibao = named
    before = facts()
    assert decide(dibao, "refuse").applied == 1
    assert (row(dibao).state, row(dibao).reasons) == ("rejected", ["decided"])
    assert facts() == before
    again = here.bring("dibao", DIBAO, f"张晓明,{number},农村,201701,")
    assert (row(again).state, row(again).reasons) == ("rejected", ["decided"])
    assert here.bring("dibao", DIBAO, f"张小明,{number},农村,201701,").counts["new"] == 1


def test_of_two_equal_names_the_refused_one_leaves_the_other_to_stand(here: Office):  # noqa: F811
    number = number_of()
    first = here.bring("disabled", "姓名,证件号码", f"甲名,{number}")
    second = here.bring("disabled", "姓名,证件号码", f"乙名,{number}")
    assert person(number).name_undecided
    with pytest.raises(Refused):
        decide(second, "known", why=" ")
    assert decide(second, "known").left == {deciding.NO_NAME_STANDS: 1}
    assert decide(second, "refuse").applied == 1
    assert (row(first).state, person(number).name, person(number).name_undecided) == ("changed", "甲名", False)
    assert Hardship.objects.get().row_id == row(first).pk


def test_a_later_choice_of_name_replaces_the_former(here: Office):  # noqa: F811
    number = number_of()
    files = [here.bring("disabled", "姓名,证件号码", f"{name},{number}") for name in ("甲名", "乙名")]
    decide(files[0], "row")
    assert (person(number).name, row(files[1]).reasons) == ("甲名", ["name"])
    decide(files[1], "row")
    assert (person(number).name, row(files[0]).reasons, row(files[1]).state) == ("乙名", ["name"], "changed")


@pytest.mark.parametrize("outcome", ["row", "known", "refuse"])
def test_undoing_a_decision_on_a_name_restores_everything(named: tuple, outcome: str):
    *_, dibao = named
    before = dump()
    decide(dibao, outcome)
    with acting(HERE):
        assert deciding.undo(Decision.objects.get().batch) == 1
    assert dump() == before
    assert Decision.objects.get().state == "undone"
    assert row(dibao).state == "review"
    with acting(HERE), pytest.raises(Refused):
        deciding.undo(Batch.objects.get(kind="decision"))


# --- own office -------------------------------------------------------------------------------------------------


@pytest.fixture
def repeated(schools: None, here: Office) -> ImportFile:  # noqa: F811
    number = number_of()
    rows = (f"张小明,{number},{SCHOOL_HERE},{grade},住校,{HOME_HERE}" for grade in ("三年级", "四年级"))
    file = here.bring("roll", ROLL, *rows)
    assert [(r.state, r.reasons) for r in file.rows.all()] == [("new", []), ("review", ["repeated"])]
    return file


def test_of_two_rows_of_one_child_the_chosen_one_stands(repeated: ImportFile, here: Office):  # noqa: F811
    assert decide(repeated, "row").applied == 1
    assert Enrolment.objects.get().grade == 4
    assert [r.reasons for r in repeated.rows.all()] == [["decided"], []]
    again = here.bring("roll", ROLL, *(here.folder / "roll.csv").read_text().splitlines()[1:])
    assert [r.state for r in again.rows.all()] == ["rejected", "unchanged"]


def test_of_two_rows_of_one_child_the_refused_one_falls(repeated: ImportFile, here: Office):  # noqa: F811
    assert decide(repeated, "refuse").applied == 1
    assert Enrolment.objects.get().grade == 3
    again = here.bring("roll", ROLL, *(here.folder / "roll.csv").read_text().splitlines()[1:])
    assert [r.state for r in again.rows.all()] == ["unchanged", "rejected"]
    # Alone it is no repeat, and nobody has refused what it says.
    alone = here.bring("roll", ROLL, (here.folder / "roll.csv").read_text().splitlines()[2])
    assert row(alone).state == "changed"


def test_undoing_the_choice_among_rows_restores_everything(repeated: ImportFile):
    before = dump()
    decide(repeated, "row")
    with acting(HERE):
        deciding.undo(Decision.objects.filter(outcome="row").get().batch)
    assert dump() == before
    assert set(Decision.objects.values_list("state", flat=True)) == {"undone"}


@pytest.mark.parametrize(("outcome", "enrolled"), [("row", 1), ("refuse", 0)])
def test_a_stage_the_school_does_not_have(schools: None, here: Office, outcome: str, enrolled: int):  # noqa: F811
    line = f"张小明,{number_of()},{SCHOOL_HERE},七年级,住校,{HOME_HERE}"
    file = here.bring("roll", ROLL, line)
    assert row(file).reasons == ["school stage"]
    decide(file, outcome)
    assert Enrolment.objects.count() == enrolled
    again = here.bring("roll", ROLL, line)
    assert row(again).state == ("unchanged" if enrolled else "rejected")
    if enrolled:
        assert Person.objects.get(name="张小明").home_path.endswith(f"/{HOME_HERE}/")


# --- between offices --------------------------------------------------------------------------------------------


@pytest.fixture
def pupil(schools: None, here: Office, there: Office) -> tuple[str, ImportFile]:  # noqa: F811
    """On the roll and register here, on a roll there too: (number, that roll, waiting)."""
    number = number_of()
    here.bring("roll", ROLL, f"张小明,{number},{SCHOOL_HERE},三年级,住校,{HOME_HERE}")
    here.bring("poverty", POVERTY, f"张小明,{number},{HOME_HERE}00001,户主,一般贫困户,因病,2015-01-01")
    file = there.bring("roll", ROLL, f"张小明,{number},{SCHOOL_THERE},四年级,走读,{HOME_HERE}")
    assert row(file).reasons == ["enrolled elsewhere"]
    return number, file


def test_what_would_change_another_office_s_facts_is_asked(pupil: tuple):
    _, file = pupil
    before = dump()
    done = decide(file, "row", county=THERE)
    assert (done.applied, done.asked) == (0, 1)
    assert dump() == before
    decision = Decision.objects.get()
    assert (decision.state, decision.other_path) == ("asked", f"/62/6201/{HERE}/")
    assert decide(file, "row", county=THERE).left == {deciding.ASKED_BEFORE: 1}
    with acting(THERE), pytest.raises(Refused):
        deciding.agree(Decision.objects.all())  # nobody agrees to an own request


def test_the_other_office_agrees_and_the_child_moves(pupil: tuple, here: Office, there: Office):  # noqa: F811
    _, file = pupil
    decide(file, "row", county=THERE)
    with acting(HERE, "李某"):
        assert deciding.agree(Decision.objects.all()) == 1
        with pytest.raises(Refused):
            deciding.agree(Decision.objects.all())
    assert Enrolment.objects.get().school.code == SCHOOL_THERE
    assert Enrolment.objects.get().grade == 4
    again = there.bring("roll", ROLL, (there.folder / "roll.csv").read_text().splitlines()[1])
    assert row(again).state == "unchanged"
    # The former school's office is told in its turn.
    former = here.bring("roll", ROLL, (here.folder / "roll.csv").read_text().splitlines()[1])
    assert row(former).reasons == ["enrolled elsewhere"]
    assert Enrolment.objects.get().school.code == SCHOOL_THERE


def test_the_other_office_declines_with_a_reason(pupil: tuple):
    _, file = pupil
    before = dump()
    decide(file, "row", county=THERE)
    with acting(HERE):
        with pytest.raises(Refused):
            deciding.decline(Decision.objects.all(), note=" ")
        assert deciding.decline(Decision.objects.all(), note="仍在我县就读") == 1
    assert dump() == before
    assert Decision.objects.get().state == "declined"
    assert decide(file, "row", county=THERE).asked == 1  # and may be asked again


def test_a_request_is_withdrawn_by_who_asked(pupil: tuple):
    _, file = pupil
    decide(file, "row", county=THERE)
    with acting(HERE):
        assert deciding.withdraw(Decision.objects.all()) == 0
    with acting(THERE):
        assert deciding.withdraw(Decision.objects.all()) == 1
    assert row(file).state == "review"


def test_an_office_above_both_decides_at_once(pupil: tuple):
    _, file = pupil
    before = dump()
    make.office("6201")
    assert decide(file, "row", county="6201").applied == 1
    assert Enrolment.objects.get().school.code == SCHOOL_THERE
    with acting("6201"):
        deciding.undo(Decision.objects.get().batch)
    assert dump() == before


def test_a_household_moves_by_agreement(pupil: tuple, there: Office):  # noqa: F811
    number, _ = pupil
    line = f"张小明,{number},{HOME_THERE}00001,户主,一般贫困户,因残,2018-01-01"
    file = there.bring("poverty", POVERTY, line)
    assert row(file).reasons == ["household elsewhere"]
    before = dump()
    decide(file, "row", county=THERE)
    with acting(HERE):
        deciding.agree(Decision.objects.all())
    assert Member.objects.get().household.number == f"{HOME_THERE}00001"
    assert person(number).home_path.endswith(f"/{HOME_THERE}/")
    with acting(THERE):
        deciding.undo(Decision.objects.get().batch)
    assert dump() == before
    # Agreed once more, the next register of that term needs no further word.
    decide(file, "row", county=THERE)
    with acting(HERE):
        deciding.agree(Decision.objects.filter(state="asked"))
    assert row(there.bring("poverty", POVERTY, line)).reasons == []


def test_aid_elsewhere_ends_by_agreement(schools: None, here: Office, there: Office):  # noqa: F811
    number = number_of()
    here.bring("dibao", DIBAO, f"张小明,{number},农村,201701,")
    file = there.bring("dibao", DIBAO, f"张小明,{number},城市,201809,")
    assert row(file).reasons == ["household elsewhere"]
    make.office("6201")
    decide(file, "row", county="6201")
    ended = Hardship.objects.get(active=False)
    assert (ended.category, ended.from_on, ended.office_path) == ("dibao_rural", date(2018, 9, 1), f"/62/6201/{HERE}/")
    assert Hardship.objects.filter(active=True, category="dibao_urban").exists()


def test_another_office_s_name_gives_way_only_by_its_word(schools: None, here: Office, there: Office):  # noqa: F811
    number = number_of()
    listed = here.bring("disabled", "姓名,证件号码", f"张小明,{number}")
    file = there.bring("roll", ROLL, f"李小红,{number},{SCHOOL_THERE},三年级,走读,{HOME_THERE}")
    assert row(file).reasons == ["name"]
    assert decide(file, "row", county=THERE).asked == 1
    with acting(HERE):
        deciding.agree(Decision.objects.all())
    assert person(number).name == "李小红"
    assert row(listed).reasons == ["name"]
    assert Enrolment.objects.exists()
    assert not Hardship.objects.exists()
    # The same person under the other office's name needs nobody's word.
    assert decide(listed, "known").applied == 1
    assert Hardship.objects.exists()


def test_a_school_of_another_office_changes_by_agreement(schools: None, there: Office):  # noqa: F811
    file = there.bring("schools", SCHOOLS, f"{SCHOOL_HERE},改名小学,小学,620123100,900")
    assert row(file).reasons == ["school of another office"]
    assert decide(file, "row", county=THERE).asked == 1
    with acting(HERE):
        deciding.agree(Decision.objects.all())
    from aidcases.models import School

    school = School.objects.get(code=SCHOOL_HERE)
    assert (school.name, school.path) == ("改名小学", f"/62/6201/620123/620123100/{SCHOOL_HERE}/")


def test_a_village_of_another_office_s_register_by_agreement(schools: None, there: Office):  # noqa: F811
    file = there.bring("poverty", POVERTY, f"张小明,{number_of()},{HOME_HERE}00009,户主,一般贫困户,因残,2018-01-01")
    assert row(file).reasons == ["village elsewhere"]
    assert decide(file, "row", county=THERE).asked == 1
    with acting(HERE):
        deciding.agree(Decision.objects.all())
    assert Household.objects.get().path.endswith(f"/{HOME_HERE}/")
    assert Member.objects.get().person.home_path.endswith(f"/{HOME_HERE}/")


# --- every row in one state -------------------------------------------------------------------------------------


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
def test_whatever_is_decided_every_row_is_in_one_state(schools: None, here: Office, there: Office, seed: int):  # noqa: F811
    """Lists that contradict each other in many ways, decided at random, answered at random, undone at random."""
    with transaction.atomic():
        contradicting(here, there, seed)
        transaction.set_rollback(True)


def contradicting(here: Office, there: Office, seed: int) -> None:  # noqa: F811
    chance = random.Random(seed)
    numbers = [number_of(county=chance.choice((HERE, THERE))) for _ in range(4)]
    names_ = ("甲甲", "乙乙")
    files = []
    for office in (here, there, here):
        school = SCHOOL_HERE if office is here else SCHOOL_THERE
        lines = [
            f"{chance.choice(names_)},{n},{school},{chance.choice(('一年级', '七年级'))},住校,{HOME_HERE}"
            for n in chance.sample(numbers, 3)
        ]
        files.append(office.bring("roll", ROLL, *lines))
        lines = [f"{chance.choice(names_)},{n},农村,201701," for n in chance.sample(numbers, 3)]
        files.append(office.bring("dibao", DIBAO, *lines))
    for _ in range(8):
        county = chance.choice((HERE, THERE, "6201"))
        with acting(county):
            waiting = deciding.waiting(ImportRow.objects.all())
            if chosen := list(waiting.values_list("pk", flat=True)[:3]):
                deciding.decide(
                    waiting.filter(pk__in=chosen), outcome=chance.choice(("row", "known", "refuse")), why="查"
                )
            asked = Decision.objects.filter(state="asked")
            for answer in (deciding.agree, lambda rows: deciding.decline(rows, note="不是")):
                if chance.random() < 0.5 and any(d.other_path.startswith(f"/62/6201/{county}") for d in asked):
                    answer(asked)
                    break
    assert set(ImportRow.objects.values_list("state", flat=True)) <= set(RowState.values) - {"read"}
    for file in ImportFile.objects.all():
        states = Counter(file.rows.values_list("state", flat=True))
        assert {state: file.counts[state] for state in states} == states, seed
    # A row that waits or was refused has left no fact behind; one that stands and is alone in its say has one.
    out = ImportRow.objects.filter(state__in=("review", "rejected"))
    assert not Hardship.objects.filter(row__in=out, active=True).exists(), seed
    assert not Enrolment.objects.filter(row__in=out).exists(), seed


# --- pages ------------------------------------------------------------------------------------------------------


def test_nothing_is_decided_twice(named: tuple):
    *_, dibao = named
    decide(dibao, "known")
    before = dump()
    with pytest.raises(Refused):
        decide(dibao, "refuse")
    assert dump() == before
    assert Decision.objects.count() == 1


def test_the_queue_is_empty_at_first(as_: As):
    answer = as_("maker").get(reverse("review_list"))
    assert answer.status_code == 200
    assert "没有等您核对的行" in answer.content.decode()


def browser(county: str) -> Any:
    """A maker of the county signed in."""
    from django.test import Client

    from aidcases.roles import Role

    client = Client()
    client.force_login(make.user(f"maker{county}", "王某", make.office(county), Role.COUNTY_MAKER))
    return client


def text_of(client: Any, name: str, *args: Any, query: str = "") -> str:
    answer = client.get(reverse(name, args=args) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_clerk_decides_and_takes_it_back_in_the_browser(named: tuple):
    number, _, dibao = named
    client, pk = browser(HERE), row(dibao).pk
    assert "张晓明" in text_of(client, "review_list", query="?reason=name")
    body = text_of(client, "review_detail", pk)
    assert "<mark>张小明</mark>" in body  # the system's name differs
    assert "姓名不变“张小明”" in body
    assert number not in body
    answer = client.post(reverse("review_decide", args=[pk]), {"outcome": "known", "why": "户口簿"}, follow=True)
    assert "已办 1 行" in answer.content.decode()
    assert "户口簿" in text_of(client, "decision_list")
    batch = Decision.objects.get().batch
    assert "困难类别：删去新增 1 条" in text_of(client, "review_batch", batch.pk)
    client.post(reverse("review_undo", args=[batch.pk]))
    assert row(dibao).state == "review"
    assert "待核对 1 行" in text_of(client, "home")


def test_rows_of_one_reason_are_decided_together(schools: None, here: Office):  # noqa: F811
    lines = [f"张小{i},{number_of()},{SCHOOL_HERE},七年级,住校,{HOME_HERE}" for i in "甲乙丙"]
    here.bring("roll", ROLL, *lines)
    client, url = browser(HERE), reverse("review_decide_all")
    said = {"outcome": "row", "why": "学校新办初中", "seen": "3"}
    assert client.post(url, said).status_code == 302  # no reason chosen: nothing is decided
    client.post(f"{url}?reason=school stage", said | {"seen": "2"})
    assert not Decision.objects.exists()
    client.post(f"{url}?reason=school stage", said)
    assert Enrolment.objects.count() == 3
    assert Decision.objects.values("batch").distinct().count() == 1


def test_a_request_is_seen_and_answered_by_the_other_office_alone(pupil: tuple):
    number, file = pupil
    there_, here_ = browser(THERE), browser(HERE)
    pk = row(file).pk
    body = text_of(there_, "review_detail", pk)
    assert "要榆中县" in body  # whose consent it takes
    assert "榆槐小学" in body  # a school is no secret
    assert f"{HOME_HERE}00001" not in body  # the other county's household is
    there_.post(reverse("review_decide", args=[pk]), {"outcome": "row", "why": "已转学"})
    assert here_.get(reverse("review_detail", args=[pk])).status_code == 404
    decision = Decision.objects.get()
    assert "张小明" in text_of(here_, "decision_list", query="?whose=answer&state=asked")
    body = text_of(here_, "decision_detail", decision.pk)
    assert "已转学" in body
    assert number not in body
    assert "别的单位请求 1 条" in text_of(here_, "home")
    here_.post(reverse("decision_answer", args=[decision.pk]), {"move": "decline", "note": "没有转学"})
    assert "没有转学" in text_of(there_, "decision_detail", decision.pk)
    assert Enrolment.objects.get().school.code == SCHOOL_HERE


def test_only_who_may_decide_decides(as_: As, county: Any):
    for persona, status in (("auditor", 200), ("school", 200), ("nobody", 403)):
        assert as_(persona).get(reverse("review_list")).status_code == status
    for persona in ("auditor", "school", "head"):
        assert as_(persona).post(reverse("review_decide_all"), {"outcome": "row"}).status_code == 403


@pytest.mark.parametrize(("name", "limit"), [("review_list", 16), ("decision_list", 12), ("suspect_list", 12)])
def test_the_lists_take_as_many_queries_for_many_rows_as_for_few(
    schools: None,  # noqa: F811
    here: Office,  # noqa: F811
    name: str,
    limit: int,
    django_assert_max_num_queries: Any,
):
    lines = [f"张小{i},{number_of()},{SCHOOL_HERE},七年级,住校,{HOME_HERE}" for i in range(60)]
    file = here.bring("roll", ROLL, *lines)
    with acting(HERE):
        deciding.decide(ImportRow.objects.filter(file=file, number__gt=30), outcome="row", why="核对过")
    client = browser(HERE)
    client.get(reverse(name))
    with django_assert_max_num_queries(limit) as seen:
        client.get(reverse(name))
    few = len(seen)
    here.bring("roll", ROLL, *(line.replace("张小", "李大") for line in lines))
    with django_assert_max_num_queries(few + 1):
        client.get(reverse(name))


def test_the_pages_of_one_row_and_pair_take_few_queries(named: tuple, django_assert_max_num_queries: Any):
    client = browser(HERE)
    client.get(reverse("review_detail", args=[row(named[2]).pk]))
    with django_assert_max_num_queries(40):
        client.get(reverse("review_detail", args=[row(named[2]).pk]))


def test_a_second_conflict_comes_to_light_when_the_first_is_decided(pupil: tuple, there: Office):  # noqa: F811
    """The school has no such stage, and the child is on another office's roll."""
    number, _ = pupil
    line = f"张小明,{number},{SCHOOL_THERE},七年级,走读,{HOME_HERE}"
    file = there.bring("roll", ROLL, line)
    assert row(file).reasons == ["school stage"]
    decide(file, "row", county=THERE)
    assert row(file).reasons == ["enrolled elsewhere"]
    assert Enrolment.objects.get().school.code == SCHOOL_HERE
    assert row(there.bring("roll", ROLL, line)).reasons == ["enrolled elsewhere"]
    assert decide(file, "row", county=THERE).asked == 1
    with acting(HERE):
        deciding.agree(Decision.objects.filter(state="asked"))
    assert row(file).state == "changed"
    assert Enrolment.objects.get().school.code == SCHOOL_THERE
    assert row(there.bring("roll", ROLL, line)).state == "unchanged"


def test_a_row_that_waits_once_more_is_decided_once_more(here: Office):  # noqa: F811
    number = number_of()
    files = [here.bring("disabled", "姓名,证件号码", f"{name},{number}") for name in ("甲名", "乙名")]
    decide(files[0], "row")
    decide(files[1], "row")
    assert decide(files[0], "known").applied == 1
    assert (person(number).name, row(files[0]).state) == ("乙名", "unchanged")
    assert Hardship.objects.count() == 1
    assert sorted(Decision.objects.values_list("state", "outcome")) == [
        ("applied", "known"), ("applied", "row"), ("undone", "row"),
    ]  # fmt: skip
