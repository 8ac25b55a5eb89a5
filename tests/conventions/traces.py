"""How an address finds something of either county to be asked for: (county code, arguments) of an object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from aidcases import files
from aidcases.models import Organisation, Reminder, StoredFile
from aidcases.roles import P
from students.models import Household, Student
from subsidies.models import (
    AdoptionRequest,
    Application,
    Assessment,
    BatchPart,
    Benefit,
    ClauseText,
    FamilyMember,
    Indicator,
    Payment,
    PublicNotice,
    Rule,
    UnpaidReason,
)
from tests.casework import build
from tests.conventions.counties import Counties
from tests.dropout import care_traces as care
from tests.giving import traces as giving
from tests.giving.traces import Given
from tests.payments import bank
from tests.personas import CANARY

Samples = Callable[[Counties], list[tuple[str, list[Any]]]]


def each(what: Callable[[Counties, Any], Any]) -> Samples:
    """(county code, arguments) of an object of either county."""
    return lambda made: [(side.code, [what(made, side)]) for side in made.sides]


def students(made: Counties) -> list[tuple[str, list[Any]]]:
    own = [(side.code, [side.students[0].pk]) for side in made.sides]
    return [*own, ("both", [made.world.crossing.pk])]


def households(made: Counties) -> list[tuple[str, list[Any]]]:
    rows = Household.objects.order_by("pk")
    found = [(side.code, [rows.filter(path__startswith=side.office.path).first().pk]) for side in made.sides]
    return [*found, ("620121", [rows.last().pk])]  # of the child who goes to school here


def adoptions(made: Counties) -> list[tuple[str, list[Any]]]:
    """A request of either county, asked for by a clerk with a name of its own."""
    return [(side.code, [_asked(side.code, side.office.path).pk]) for side in made.sides]


def _asked(code: str, path: str) -> AdoptionRequest:
    fields = {"region_id": code, "from_on": "2030-09-01", "asked_by": f"{CANARY[code]}办事员"}
    return AdoptionRequest.objects.get_or_create(pack_code="lanzhou", path=path, defaults=fields)[0]


def clause_texts(made: Counties) -> list[tuple[str, list[Any]]]:
    return [(side.code, [_pasted(side.code, side.office.path).pk]) for side in made.sides]


def _pasted(code: str, path: str) -> ClauseText:
    clause = Rule.objects.filter(pack__code="lanzhou").order_by("order").first().clause
    fields = {"text": "原文", "office": "中心", "written_by": "某人"}  # schools below may read it
    return ClauseText.objects.get_or_create(pack_code="lanzhou", clause=clause, path=path, version=1, defaults=fields)[0]


def applications(made: Counties) -> list[tuple[str, list[Any]]]:
    """One of a child of either county, and of the child whose home and school lie apart."""
    found = [(side.code, [_applied(made, side.students[0]).pk]) for side in made.sides]
    return [*found, ("both", [_applied(made, made.world.crossing).pk])]


def _applied(made: Counties, who: Student) -> Application:
    enrolled = who.enrolments.filter(term=made.world.term.code).get()
    fields = {
        "school": enrolled.school, "school_path": enrolled.school_path, "home_path": enrolled.home_path, "kind": "applied",
        "address": f"{enrolled.school.name[:2]}路1号",
    }  # fmt: skip
    found, new = Application.objects.get_or_create(student=who, term=made.world.term.code, defaults=fields)
    if new:
        FamilyMember(application=found, order=0, name=f"{enrolled.school.name[:2]}家人").save()
    return found


def papers(made: Counties) -> list[tuple[str, list[Any]]]:
    """A photo of each of them."""
    return [(owner, [pk, _photo(pk).pk]) for owner, [pk] in applications(made)]


def _photo(pk: int) -> StoredFile:
    found = Application.objects.get(pk=pk)
    upload = SimpleUploadedFile("1.jpg", b"\xff\xd8\xff" + b"0" * 40)
    return files.files_of(found).first() or files.attach(found, upload, what="paper", path=found.school_path)


def announced(which: Callable[[PublicNotice, PublicNotice], Any]) -> Samples:
    """Of a county's notices, in draft and running (tests.casework.build.traces)."""
    return each(lambda made, side: which(*build.traces(side.code, side.office.path, side.students[0])))


def unpaid_reasons(made: Counties) -> list[tuple[str, list[Any]]]:
    """Why a child of either county has not got its books, in words of that county."""
    return [(side.code, [_reason(made, side).pk]) for side in made.sides]


def _reason(made: Counties, side: Any) -> UnpaidReason:
    child = side.students[0]
    fields = {
        "reason": "other", "note": f"{CANARY[side.code]}说明", "said_by": "甲", "home_path": child.person.home_path,
        "school_path": side.primary.path,
    }  # fmt: skip
    about = {"student": child, "term": made.world.term.code, "benefit": Benefit.objects.get(code="compulsory-textbook")}
    return UnpaidReason.objects.get_or_create(**about, defaults=fields)[0]


def judged(which: Callable[[Assessment], list[Any]]) -> Samples:
    """Of the panel's meeting that scored a child of either county (tests.casework.build.panel_traces)."""
    return lambda made: [
        (side.code, which(build.panel_traces(_applied(made, side.students[0]), CANARY[side.code]))) for side in made.sides
    ]


def decided(which: Callable[[Any, Any], Any]) -> Samples:
    """Of a county's document and letter about a child of its own (tests.casework.build.county_traces)."""
    return each(
        lambda made, side: which(
            *build.county_traces(_applied(made, side.students[0]), side.office.path, CANARY[side.code])
        )
    )


def banked(which: Callable[[Any], Any]) -> Samples:
    """Of what a county sent to its bank and got back (tests.payments.bank.traces)."""
    return each(lambda made, side: which(bank.traces(side, CANARY[side.code])))


def running(made: Counties) -> list[tuple[str, list[Any]]]:
    """What is public is everybody's."""
    return [("both", arguments) for _, arguments in announced(lambda draft, notice: notice.key)(made)]


def _reminded(office: Organisation) -> Reminder:
    """What a county has to do, with a word of its own in it."""
    title = f"{CANARY[office.region_id]}待办"
    days = {"due_on": "2026-10-12", "made_on": "2026-10-09"}
    fields = {"path": office.path, "title": title, "url": "/", "permission": P.HOME, **days}
    return Reminder.objects.get_or_create(office=office, key="x.due", subject_id=0, defaults=fields)[0]


def _part(line: Payment) -> BatchPart:
    """The school's part of the batch, objected to in words of its own."""
    mark = CANARY[line.batch.path.split("/")[3]]
    fields = {"school_path": line.school_path, "objection": f"{mark}意见"}
    return BatchPart.objects.get_or_create(batch=line.batch, school=line.school, defaults=fields)[0]


def _indicator(side: Any) -> Indicator:
    given = {"benefit": Benefit.objects.order_by("pk")[0], "term": "2018-autumn", "issued_on": "2018-09-01", "yuan": 5}
    fields = {**given, "made_by": "甲", "path": side.office.path, "office": side.office}
    return Indicator.objects.get_or_create(document=f"{CANARY[side.code]}指标文", defaults=fields)[0]


def given(which: Callable[[Given], Any]) -> Samples:
    """Of what a county gave a child of its own (tests.giving.traces)."""
    return each(lambda made, side: which(giving.traces(side, CANARY[side.code], made.world.term.code)))


def dropped(which: Callable[[Any], Any]) -> Samples:
    """Of a county's dropout work (tests.dropout.traces)."""
    return each(lambda _, side: which(side).pk)


def care_files(made: Counties) -> list[tuple[str, list[Any]]]:
    """Of a child of either county, and of the one whose home and school lie apart."""
    return [*dropped(care.file)(made), ("both", [care.crossing(made.world).pk])]
