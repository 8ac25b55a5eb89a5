"""Rows of others cannot be counted, read, joined, picked or written, however the queryset is built."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import pytest
from django import forms
from django.core.exceptions import FieldError
from django.db import connection
from django.db.models import Count, Exists, Max, OuterRef, Prefetch, Q
from django.http import Http404
from django.shortcuts import get_object_or_404

from aidcases import checks, sql
from aidcases.models import SHARED, AuditEvent, Job, Organisation, Region, School
from aidcases.roles import OfficeKind
from aidcases.scoping import (
    EVERYWHERE,
    HOME,
    OFFICE,
    SCHOOL,
    SYSTEM,
    Actor,
    NobodyIsActing,
    OutOfScope,
    Scope,
    Scoped,
    acting_in,
    current_actor,
    current_scope,
)
from students.enums import RosterKind
from students.models import Enrolment, Hardship, Household, ImportFile, Member, Person, Student
from tests import make

# Written while nobody acts, as form fields and API views do.
BUILT_AT_IMPORT = Student.objects.order_by("pk")
HERE, THERE = Scope("/62/6201/620123/"), Scope("/62/6201/620121/")
VILLAGE_HERE, VILLAGE_THERE = "620123100201", "620121100001"


class PickPerson(forms.Form):
    person = forms.ModelChoiceField(Person.objects.order_by("pk"))


class MemberForm(forms.ModelForm):
    class Meta:
        model = Member
        fields = ("person", "household", "from_on")


@dataclass
class Two:
    """A child in each of two counties, and one who lives there and goes to school here."""

    school: School
    ours: Student
    theirs: Student
    crossing: Student
    household: Household
    foreign_household: Household
    crossing_household: Household

    @property
    def in_school(self) -> Scope:
        return Scope(self.school.path, frozenset({SCHOOL, OFFICE}))


@pytest.fixture
def two(db: None) -> Two:
    with acting_in(EVERYWHERE):
        here, there = make.school(place="620123100"), make.school(place="620121100")
        ours = make.student("我方", at=here, home=VILLAGE_HERE, categories=("registered_poor",))
        theirs = make.student("他方", at=there, home=VILLAGE_THERE, categories=("registered_poor",))
        crossing = make.student("跨县", at=here, home=VILLAGE_THERE, categories=("registered_poor",))
        return Two(
            here, ours, theirs, crossing,
            make.household(village=VILLAGE_HERE, members=(ours.person,)),
            make.household(village=VILLAGE_THERE, members=(theirs.person,)),
            make.household(village=VILLAGE_THERE, members=(crossing.person,)),
        )  # fmt: skip


@pytest.fixture
def here(two: Two):
    with acting_in(HERE):
        yield two


def names(people: object) -> set[str]:
    return {person.name for person in people}


# ---------- who sees whom ----------


def test_a_county_sees_whoever_lives_or_studies_in_it(two: Two):
    with acting_in(HERE):
        assert names(Person.objects.all()) == {"我方", "跨县"}
    with acting_in(THERE):
        assert names(Person.objects.all()) == {"他方", "跨县"}


def test_a_school_sees_by_the_school_path_only(two: Two):
    with acting_in(two.in_school):
        assert names(Person.objects.all()) == {"我方", "跨县"}
        assert not Household.objects.exists()
        assert not Member.objects.exists()
    of_no_child = Scope("/62/6201/620123/620123100/9999999999/", frozenset({SCHOOL, OFFICE}))
    with acting_in(of_no_child):
        assert not Person.objects.exists()


def test_a_village_sees_by_the_home_path_only(two: Two):
    village = Region.objects.get(code=VILLAGE_THERE)
    with acting_in(Scope(village.path, frozenset({HOME, OFFICE}))):
        assert names(Person.objects.all()) == {"他方", "跨县"}
        assert Household.objects.count() == 2
    # The township of the school seen from the home side: a child who only studies there has no home in it.
    with acting_in(Scope("/62/6201/620123/620123100/", frozenset({HOME, OFFICE}))):
        assert names(Person.objects.all()) == {"我方"}


def test_the_city_sees_both_counties_and_the_root_everything(two: Two):
    for scope in (Scope("/62/6201/"), EVERYWHERE):
        with acting_in(scope):
            assert names(Person.objects.all()) == {"我方", "他方", "跨县"}


def test_the_root_scope_compiles_to_true(two: Two):
    with acting_in(EVERYWHERE):
        text, params = sql.compiled(Person.objects.all())
    assert "(1=1)" in text
    assert params == []


def test_a_scope_that_looks_from_no_side_of_a_model_sees_nothing_of_it(two: Two):
    with acting_in(Scope(HERE.path, frozenset({OFFICE}))):
        assert not Person.objects.exists()


def test_a_code_that_begins_alike_is_another_place(two: Two):
    with acting_in(Scope("/62/6201/62012/")):
        assert not Person.objects.exists()


@pytest.mark.parametrize("path", ["", "62/", "/62", "/62/%/", "/62/6201_3/", None])
def test_a_path_that_would_let_more_through_is_no_scope(path: str | None):
    with pytest.raises(ValueError, match="path"):
        Scope(path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "sides"),
    [
        (OfficeKind.SCHOOL, {SCHOOL, OFFICE}),
        (OfficeKind.VILLAGE, {HOME, OFFICE}),
        (OfficeKind.TOWNSHIP, {HOME, OFFICE}),
        (OfficeKind.COUNTY, {HOME, SCHOOL, OFFICE}),
        (OfficeKind.CITY, {HOME, SCHOOL, OFFICE}),
        (OfficeKind.AUDITOR, {HOME, SCHOOL, OFFICE}),
    ],
)
def test_an_office_looks_from_the_sides_of_its_kind(kind: OfficeKind, sides: set[str]):
    assert Organisation(kind=kind, path=HERE.path).scope == Scope(HERE.path, frozenset(sides))


# ---------- every way to ask ----------


def test_counting_asking_and_summing(here: Two):
    assert Person.objects.count() == 2
    assert not Person.objects.filter(name="他方").exists()
    assert Person.objects.aggregate(n=Count("pk"), last=Max("name"))["n"] == 2
    assert [row["n"] for row in Enrolment.objects.order_by().values("term").annotate(n=Count("pk"))] == [2]
    assert {row["name"] for row in Person.objects.values("name")} == {"我方", "跨县"}
    assert set(Person.objects.in_bulk()) == {here.ours.pk, here.crossing.pk}
    assert names(Person.objects.order_by("pk").iterator()) == {"我方", "跨县"}
    assert Person.objects.order_by("name").first().name == "我方"


def test_combining(here: Two):
    foreign, ours = Person.objects.filter(name="他方"), Person.objects.filter(name="我方")
    assert names(foreign | ours) == {"我方"}
    assert names(ours | foreign) == {"我方"}
    assert names(Person.objects.filter(Q(name="我方") | Q(name="他方"))) == {"我方"}
    assert names(Person.objects.exclude(name="我方")) == {"跨县"}
    assert names(Person.objects.exclude(pk__in=Person.objects.filter(name="我方"))) == {"跨县"}
    assert names(foreign.union(ours)) == {"我方"}
    assert names(Person.objects.intersection(foreign)) == set()
    assert names(Person.objects.difference(ours)) == {"跨县"}
    assert names(Person.objects.filter(~Q(name="我方"))) == {"跨县"}


def test_subqueries(here: Two):
    enrolled = Enrolment.objects.filter(student=OuterRef("pk"))
    assert Student.objects.filter(Exists(enrolled)).count() == 2
    assert Student.objects.filter(pk__in=Enrolment.objects.values("student")).count() == 2
    # A subquery made by whoever sees everything is decided when it runs, not when it was built.
    with acting_in(EVERYWHERE):
        built_by_root = Household.objects.values("pk")
    assert Member.objects.filter(household__in=built_by_root).count() == 1


def test_prefetching_and_reverse_managers(here: Two):
    crossing = Person.objects.get(name="跨县")
    assert not crossing.memberships.exists()  # recorded by the home county, which is not ours
    both = Person.objects.prefetch_related("memberships", Prefetch("hardships", to_attr="kept"))
    found = both.get(name="跨县")
    assert list(found.memberships.all()) == []
    assert len(found.kept) == 1  # hardship is seen from both sides
    assert Student.objects.get(person=crossing).enrolments.count() == 1
    with acting_in(THERE):
        assert crossing.memberships.count() == 1


def test_model_choice_fields(here: Two):
    assert names(PickPerson().fields["person"].queryset) == {"我方", "跨县"}
    assert "他方" not in PickPerson().as_p()
    assert PickPerson({"person": here.ours.pk}).is_valid()
    refused = PickPerson({"person": here.theirs.pk})
    assert not refused.is_valid()
    assert "他方" not in str(refused.errors)


def test_model_form_choices(here: Two):
    form = MemberForm()
    assert names(form.fields["person"].queryset) == {"我方", "跨县"}
    assert set(form.fields["household"].queryset) == {here.household}
    posted = {"person": here.ours.pk, "household": here.foreign_household.pk, "from_on": "2018-09-01"}
    assert list(MemberForm(posted).errors) == ["household"]


def test_a_foreign_row_is_not_found(here: Two):
    with pytest.raises(Http404):
        get_object_or_404(Student, pk=here.theirs.pk)
    with pytest.raises(Person.DoesNotExist):
        Person.objects.get(pk=here.theirs.pk)
    assert get_object_or_404(Student, pk=here.ours.pk) == here.ours


def test_a_queryset_built_at_import_is_decided_when_it_runs(two: Two):
    with acting_in(HERE):
        assert [s.pk for s in BUILT_AT_IMPORT.all()] == [two.ours.pk, two.crossing.pk]
    with acting_in(THERE):
        assert [s.pk for s in BUILT_AT_IMPORT.all()] == [two.theirs.pk, two.crossing.pk]


def test_a_queryset_keeps_no_trace_of_who_compiled_it_first(two: Two):
    built = Person.objects.filter(name__in=["我方", "他方"])
    for scope, seen in ((HERE, {"我方"}), (THERE, {"他方"}), (EVERYWHERE, {"我方", "他方"})):
        with acting_in(scope):
            assert names(built.all()) == seen


# ---------- writing ----------


def test_updating_a_set_touches_own_rows_only(here: Two):
    assert Person.objects.update(ethnicity="汉族") == 2
    assert Hardship.objects.update(detail="看过") == 2  # the path lies behind a join
    with acting_in(EVERYWHERE):
        assert Person.objects.get(pk=here.theirs.pk).ethnicity == ""
        assert Hardship.objects.get(person=here.theirs.pk).detail == ""


def test_deleting_a_set_touches_own_rows_only(here: Two):
    assert Member.objects.all().delete()[0] == 1
    with acting_in(EVERYWHERE):
        assert Member.objects.count() == 2


def test_a_foreign_object_cannot_be_saved(here: Two):
    for foreign in (here.theirs.person, here.theirs, here.foreign_household):
        with pytest.raises(OutOfScope):
            foreign.save()
    there = here.foreign_household.region
    with pytest.raises(OutOfScope):
        Household.objects.create(number="新户", region=there, path=there.path)
    here.crossing.person.save()  # one of two sides suffices


def test_a_foreign_object_cannot_be_deleted(here: Two):
    foreign = Member(household=here.foreign_household, person=here.theirs.person, pk=1)
    with pytest.raises(OutOfScope):
        foreign.delete()
    with pytest.raises(OutOfScope):
        here.foreign_household.delete()
    assert Member.objects.get(household=here.household).delete()[0] == 1


def test_a_row_cannot_be_pushed_out_of_sight_nor_without_an_owner(here: Two):
    here.household.path = here.foreign_household.path
    with pytest.raises(OutOfScope):
        here.household.save()
    here.household.path = ""
    with pytest.raises(OutOfScope):
        here.household.save()


def test_moving_foreign_rows_moves_none(two: Two):
    with acting_in(EVERYWHERE):
        files = [_file(make.office(code)) for code in ("620123", "620121")]
    with acting_in(HERE):
        assert ImportFile.objects.move("discard", by=SYSTEM) == 1
        assert ImportFile.objects.filter(pk=files[1].pk).move("discard", by=SYSTEM) == 0
    with acting_in(EVERYWHERE):
        assert [ImportFile.objects.get(pk=file.pk).state for file in files] == ["discarded", "uploaded"]


def _file(office: Organisation) -> ImportFile:
    made = ImportFile(
        kind=RosterKind.ROLL, term="2018-autumn", office=office, path=office.path, filename="在校生.xlsx",
        sha256="0" * 64, stored="imports/x", uploaded_by="甲",
    )  # fmt: skip
    made.save()
    return made


def test_schools_are_read_by_all_and_written_in_scope(here: Two):
    assert School.objects.count() == 2
    with pytest.raises(OutOfScope):
        School(code="2162099999", name="外县学校", region=Region.objects.get(code="620121100")).save()
    School(code="2162099998", name="本县学校", region=Region.objects.get(code="620123100")).save()


# ---------- nobody acting ----------


@pytest.mark.parametrize(
    "ask",
    [
        lambda: Person.objects.count(),
        lambda: list(Person.objects.all()),
        lambda: Person.objects.exists(),
        lambda: Person.objects.aggregate(Count("pk")),
        lambda: Person.objects.update(name="x"),
        lambda: Person.objects.all().delete(),
        lambda: Person.objects.get(pk=1),
        lambda: list(Person.objects.filter(name="x") | Person.objects.all()),
        lambda: list(Region.objects.filter(code__in=Person.objects.values("name"))),
        lambda: list(BUILT_AT_IMPORT.all()),
        lambda: str(Person.objects.all().query),
        lambda: Job.objects.move("cancel", by=SYSTEM),
        lambda: Person(name="x").save(),
        lambda: Person(name="x", pk=1).delete(),
        lambda: list(PickPerson().fields["person"].choices),
        lambda: current_actor(),
    ],
)
def test_nobody_acting_raises(db: None, ask: Callable[[], object]):
    with pytest.raises(NobodyIsActing):
        ask()


def test_building_costs_nothing_while_nobody_acts():
    assert repr(Person.objects.filter(name="x").query.where)
    assert isinstance(MemberForm.base_fields["person"], forms.ModelChoiceField)


def test_a_thread_does_not_inherit_who_acts(two: Two):
    seen: list[BaseException] = []

    def ask() -> None:
        try:
            current_scope()
        except NobodyIsActing as refused:
            seen.append(refused)

    with acting_in(EVERYWHERE):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert len(seen) == 1


def test_acting_nests_and_restores_also_after_an_error():
    clerk = Actor("甲")
    with acting_in(HERE, clerk):
        with pytest.raises(ZeroDivisionError), acting_in(EVERYWHERE):
            1 / (current_actor() is not SYSTEM)
        assert (current_scope(), current_actor()) == (HERE, clerk)
    with pytest.raises(NobodyIsActing):
        current_scope()


def test_a_generator_that_outlives_its_scope_raises(two: Two):
    """What a streaming response would do after the middleware has left."""
    with acting_in(HERE):
        later = (person.name for person in Person.objects.iterator())
        kept = Person.objects.all()
    with pytest.raises(NobodyIsActing):
        list(kept)
    with pytest.raises(NobodyIsActing):
        next(later)


# ---------- no way round ----------


def test_no_shared_model_leads_back_to_scoped_rows():
    shared = [m for m in _ours() if m._meta.label in checks.shared_models()]
    assert {m._meta.label for m in shared} >= SHARED
    bridges = [
        f"{model._meta.label}.{relation.name}"
        for model in shared
        for relation in model._meta.related_objects
        if issubclass(relation.related_model, Scoped)
    ]
    assert bridges == []


@pytest.mark.parametrize("path", ["household", "household_set", "person", "enrolment__student"])
def test_a_bridge_through_a_region_or_school_is_a_field_error(everywhere: None, path: str):
    with pytest.raises(FieldError):
        Region.objects.annotate(n=Count(path))
    with pytest.raises(FieldError):
        School.objects.filter(**{f"{path}__pk": 1})


def _ours() -> list:
    from django.apps import apps

    return [model for app in checks.OURS for model in apps.get_app_config(app).get_models()]


def test_the_system_check_finds_a_model_that_is_neither_and_one_that_is_both(monkeypatch: pytest.MonkeyPatch):
    assert checks.scoping_is_whole() == []
    whole = checks.shared_models()
    monkeypatch.setattr(checks, "shared_models", lambda: whole - {"aidcases.School"})
    [error] = checks.scoping_is_whole()
    assert error.msg == "aidcases.School is neither Scoped nor shared (or both)"
    monkeypatch.setattr(checks, "shared_models", lambda: whole | {"students.Person"})
    found = {(error.id, error.msg) for error in checks.scoping_is_whole()}
    assert ("aidcases.E001", "students.Person is neither Scoped nor shared (or both)") in found
    assert ("aidcases.E002", "students.Member.person needs related_name='+'") in found


def test_every_owner_path_of_every_scoped_model_can_be_asked(db: None):
    for model in (m for m in _ours() if issubclass(m, Scoped)):
        assert set(model.OWNER_PATHS) <= {HOME, SCHOOL, OFFICE}
        for scope in (HERE, Scope("/62/", frozenset({HOME, OFFICE})), Scope("/62/", frozenset({SCHOOL}))):
            with acting_in(scope):
                assert model.objects.count() >= 0


def test_the_path_indexes_serve_the_scope(two: Two):
    """COLLATE "C" lets LIKE 'prefix%' become an index range; a collation of the database would not."""
    with acting_in(HERE), connection.cursor() as cursor:
        text, params = sql.compiled(Person.objects.order_by())
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + text, params)
        plan = "\n".join(row[0] for row in cursor.fetchall()).replace("::text", "")
    for index, column in (("person_home", "home_path"), ("person_school", "school_path")):
        assert f"Bitmap Index Scan on {index}" in plan
        assert f"(({column}) >= '/62/6201/620123/')" in plan


def test_the_audit_log_is_scoped_by_office(two: Two):
    from aidcases import audit

    with acting_in(HERE, Actor("甲", path=HERE.path)):
        audit.record("x.y", when=str(date(2018, 9, 1)))
    with acting_in(THERE):
        assert not AuditEvent.objects.filter(action="x.y").exists()
    with acting_in(HERE):
        assert AuditEvent.objects.get(action="x.y").actor == "甲"
