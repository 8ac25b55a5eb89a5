"""Two counties with something of everything a page could show, and for each persona what it must never see."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from itertools import count

from django.utils import timezone

from aidcases import audit, jobs
from aidcases.models import Job
from aidcases.scoping import HOME, OFFICE, SCHOOL, Actor, Scope, acting_in
from aidcases.terms import Term
from ledgers.models import LedgerIssue
from students.imports.pipeline import counted
from students.imports.reader import Summary
from students.models import (
    Enrolment,
    Guardian,
    Hardship,
    Household,
    ImportFile,
    ImportRow,
    Person,
    Student,
)
from students.models.imports import FileState, RowState
from subsidies.actions import list_area, request_recompute, request_rehearsal
from subsidies.enums import AreaKind
from subsidies.models import ComputeRun, PackDraft
from tests import make, personas
from tests.personas import CANARY, Side, World

_phones = count(13_700_000_001)


@dataclass
class Traces:
    """What work in one county leaves behind besides people."""

    job: Job
    file: ImportFile
    issue: LedgerIssue
    run: ComputeRun
    draft: PackDraft  # rehearsed


@dataclass
class Counties:
    world: World
    traces: dict[str, Traces] = field(default_factory=dict)

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.world.here, self.world.there


def build() -> Counties:
    """Entitlements computed; every secret number is one of a kind."""
    world = personas.build()
    made = Counties(world)
    for side in made.sides:
        for student in side.students:
            _enrich(student, CANARY[side.code])
    _enrich(world.crossing, "跨县")
    for household in Household.objects.all():
        household.phone = str(next(_phones))
        household.save()
    for side in made.sides:
        made.traces[side.code] = _traces(side, world.term)
        list_area(kind=AreaKind.PILOT, region=make.region(side.code), from_on=world.term.first_day)
    personas.compute(world)
    return made


def _enrich(student: Student, mark: str) -> None:
    """Roll and certificate numbers, a phone, a guardian."""
    person = student.person
    student.roll_number = f"G{person.id_number}"
    student.roll_last4 = person.id_last4
    student.save()
    Guardian(student=student, name=f"{mark}监{person.name[-2]}人", relation="祖父").save()
    proof = Hardship(
        person=person, category="disabled", source="disabled", from_on="2017-01-01", proof=f"{person.id_number}43",
        proof_last4=f"{person.id_last4[2:]}43", detail="", office_path=person.home_path,
    )  # fmt: skip
    proof.save()
    for enrolment in Enrolment.objects.filter(student=student):
        enrolment.phone = str(next(_phones))
        enrolment.save()


def _traces(side: Side, term: Term) -> Traces:
    mark, path = CANARY[side.code], side.office.path
    clerk = Actor(f"{mark}办事员", office_id=side.office.pk, path=path, all_powers=True)
    with acting_in(Scope(path), clerk):
        job = Job(
            kind="subsidies.recompute",
            label=f"{mark}任务",
            path=path,
            requested_by=clerk.name,
            state="failed",
        )
        job.error = f"{mark}出错"
        job.save()
        audit.record("import.received", subject=job, note=f"{mark}留言", term=term.code)
        ended = jobs.work_off(request_recompute(term=term, path=path))
        run = ComputeRun.objects.get(job_id=ended.pk)
        draft = _draft(mark, path, term, clerk)
        return Traces(job, _file(side, mark, term), _issue(mark, path, term, job), run, draft)


_LOCAL = """
[pack]
code = "local-{code}"
title = "{mark}草案"
document = "{mark}草案全文"
[[rule]]
code = "local-{code}-meal"
title = "{mark}草案伙食"
clause = "一"
note = "每学期 10 元"
when = {{ stage = ["primary"] }}
amount = {{ kind = "fixed", period = "term", values = [{{ yuan = "10.00" }}] }}
"""


def _draft(mark: str, path: str, term: Term, clerk: Actor) -> PackDraft:
    draft = PackDraft(path=path)
    draft.write(_LOCAL.format(mark=mark, code=path.strip("/").split("/")[-1]), f"{mark}草案", clerk)
    rehearsal = request_rehearsal(text=draft.text, term=term, path=path, draft=draft)
    assert jobs.work_off(Job.objects.get(pk=rehearsal.job_id)).state == "done"
    draft.refresh_from_db()
    return draft


def _file(side: Side, mark: str, term: Term) -> ImportFile:
    file = ImportFile(
        kind="roll", term=term.code, office=side.office, path=side.office.path, filename=f"{mark}在校生.xlsx",
        sha256=uuid.uuid4().hex, stored="imports/none", state=FileState.PREVIEWED, uploaded_by=f"{mark}办事员",
        summary=Summary(4, 1, f"{mark}表", 1, [f"{mark}列"], {"name": "姓名"}, [f"{mark}列"]).as_dict(),
    )  # fmt: skip
    file.save()
    states = (RowState.NEW, RowState.CHANGED, RowState.REVIEW, RowState.REJECTED)
    for number, (state, student) in enumerate(zip(states, [*side.students, side.students[0]], strict=True), 2):
        reasons = [] if state in (RowState.NEW, RowState.CHANGED) else ["checksum"]
        ImportRow(
            file=file, number=number, state=state, reasons=reasons, name=student.person.name,
            id_last4=student.person.id_last4, data={"grade": 3}, changes={"grade": [2, 3]},
        ).save()  # fmt: skip
    file.counts = counted(file.pk)
    file.save()
    return file


def _issue(mark: str, path: str, term: Term, job: Job) -> LedgerIssue:
    issue = LedgerIssue(
        ledger="poverty-register", title=f"{mark}台账", term=term.code, path=path, area_path=path,
        area_name=f"{mark}县",
        purpose=f"{mark}用途", reported_by=f"{mark}中心", requested_by=f"{mark}办事员", job_id=job.pk, rows=3,
        finished_at=timezone.now(), sha256="0" * 64, stored="ledgers/none", filename=f"{mark}台账.xlsx",
    )  # fmt: skip
    issue.save()
    return issue


# ---------- what each persona must not see ----------


def secrets_of_all() -> set[str]:
    """Numbers that no page shows in clear, whoever asks: identity, roll, certificate and phone numbers."""
    ids = set(Person.objects.exclude(id_hash=None).values_list("id_number", flat=True))
    phones = set(Household.objects.values_list("phone", flat=True))
    phones |= set(Enrolment.objects.values_list("phone", flat=True))
    assert len(ids) > 8
    assert len(phones) > 8
    return ids | phones  # roll and certificate numbers contain the identity number


def hidden_from(scope: Scope | None) -> set[str]:
    """Names and household numbers of whoever lies outside the scope, and the words of the other offices' work.

    Reckoned here from the paths alone: the scoped managers are what is being tested.
    """
    words = {person.name for person in Person.objects.all() if not _seen(scope, person)}
    for guardian in Guardian.objects.select_related("student__person"):
        words |= set() if _seen(scope, guardian.student.person) else {guardian.name}
    for household in Household.objects.all():
        words |= set() if _lies(scope, HOME, household.path) else {household.number}
    for code, mark in CANARY.items():
        if not _lies(scope, OFFICE, f"/62/6201/{code}/"):
            words |= {f"{mark}{word}" for word in WORK}
    return words


WORK = ("任务", "出错", "留言", "办事员", "在校生.xlsx", "表", "列", "用途", "台账", "草案")


def _seen(scope: Scope | None, person: Person) -> bool:
    return _lies(scope, HOME, person.home_path) or _lies(scope, SCHOOL, person.school_path)


def _lies(scope: Scope | None, side: str, path: str) -> bool:
    return scope is not None and side in scope.sides and path.startswith(scope.path)
