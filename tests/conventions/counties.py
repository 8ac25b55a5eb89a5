"""Two counties with something of everything a page could show, and for each persona what it must never see."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass, field
from itertools import count

from django.utils import timezone

from aidcases import audit, crypto, jobs
from aidcases.models import Job
from aidcases.scoping import HOME, OFFICE, SCHOOL, Actor, Scope, acting_in
from aidcases.terms import Term
from dropout.models import CareFile, Supervisor, Tip
from ledgers import countyform
from ledgers.models import CountyForm, LedgerIssue
from students.exports import request_export
from students.imports.pipeline import counted
from students.imports.reader import Summary
from students.models import (
    Batch,
    Decision,
    Enrolment,
    Export,
    Guardian,
    Hardship,
    Household,
    ImportFile,
    ImportRow,
    Missing,
    Person,
    SavedMapping,
    Student,
    Suspect,
)
from students.models.imports import FileState, RowState
from subsidies.actions import list_area, request_recompute, request_rehearsal
from subsidies.enums import AreaKind
from subsidies.models import ComputeRun, Meeting, PackDraft
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
    carried: Batch  # a term opened
    export: Export  # ready to be downloaded
    mapping: SavedMapping
    decision: Decision  # on a row that waited
    suspect: Suspect
    form: CountyForm


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
        export = request_export(term, path, purpose=f"{mark}用途")
        assert jobs.work_off(Job.objects.get(pk=export.job_id)).state == "done"
        export.refresh_from_db()
        carried = _carried(side, mark, term)
        return Traces(
            job, _file(side, mark, term), _issue(mark, path, term, job), run, draft, carried=carried, export=export,
            mapping=_mapping(side, mark), decision=(decision := _decided(side, mark, term)), suspect=_suspect(side, decision),
            form=_form(mark, path),
        )  # fmt: skip


def _carried(side: Side, mark: str, term: Term) -> Batch:
    """A term that was opened; and a whole register on which one child is not any more."""
    batch = Batch(kind="carry", path=side.office.path, term=term.next.code, label=f"{mark}开学", made_by=f"{mark}办事员")
    batch.save()
    file = ImportFile(
        kind="poverty", term=term.code, office=side.office, path=side.office.path, filename=f"{mark}整册.xlsx",
        sha256=uuid.uuid4().hex, stored="imports/none", state=FileState.COMMITTED, committed_at=timezone.now(),
        uploaded_by=f"{mark}办事员", whole=True, data_on=term.first_day, counts=counted(0),
    )  # fmt: skip
    file.save()
    Missing(file=file, path=file.path, person=side.students[0].person, from_on=term.first_day).save()
    return batch


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


def _decided(side: Side, mark: str, term: Term) -> Decision:
    """A committed roll with a row that was decided on and one that still waits."""
    file = ImportFile(
        kind="roll", term=term.code, office=side.office, path=side.office.path, filename=f"{mark}在校生.xlsx",
        sha256=uuid.uuid4().hex, stored="imports/none", state=FileState.COMMITTED, committed_at=timezone.now(),
        uploaded_by=f"{mark}办事员",
    )  # fmt: skip
    file.save()
    for number, student in enumerate(side.students[:2], 2):
        ImportRow(
            file=file, number=number, state=RowState.REVIEW, reasons=["name"], name=f"{mark}错名",
            id_hash=student.person.id_hash, id_last4=student.person.id_last4, data={"guardian_name": f"{mark}监错人"},
        ).save()  # fmt: skip
    file.counts = counted(file.pk)
    file.save()
    batch = Batch(kind="decision", path=file.path, term=file.term, label=f"{mark}核对", made_by=f"{mark}办事员")
    batch.save()
    decision = Decision(
        row=file.rows.get(number=2), path=file.path, reason="name", id_hash=side.students[0].person.id_hash,
        name=f"{mark}错名", outcome="known", why=f"{mark}理由", state="applied", decided_by=f"{mark}办事员", batch=batch,
    )  # fmt: skip
    decision.save()
    return decision


def _suspect(side: Side, decision: Decision) -> Suspect:
    first, second = sorted(side.students[:2], key=lambda student: student.pk)
    suspect = Suspect(
        path=side.office.path, first_id=first.pk, second_id=second.pk, first_name=first.person.name,
        second_name=second.person.name, rung="similar name", file=decision.row.file,
    )  # fmt: skip
    suspect.save()
    return suspect


def _mapping(side: Side, mark: str) -> SavedMapping:
    made = SavedMapping(
        office=side.office, path=side.office.path, kind="roll", headings_hash="0" * 64, mapping={"name": f"{mark}列"},
        saved_by=f"{mark}办事员",
    )  # fmt: skip
    made.save()
    return made


def _looked(side: Side, mark: str) -> str:
    """The first rows of a sheet, as the limited process seals them."""
    rows = [(1, [f"{mark}列", "姓名"]), (2, ["x", side.students[0].person.name])]
    told = [{"name": f"{mark}表", "row": 1, "height": 1, "rows": rows}]
    return base64.b64encode(crypto.seal(json.dumps(told))).decode()


def _file(side: Side, mark: str, term: Term) -> ImportFile:
    file = ImportFile(
        kind="roll", term=term.code, office=side.office, path=side.office.path, filename=f"{mark}在校生.xlsx",
        sha256=uuid.uuid4().hex, stored="imports/none", state=FileState.PREVIEWED, uploaded_by=f"{mark}办事员",
        summary=Summary(4, 1, f"{mark}表", 1, [f"{mark}列"], {"name": "姓名"}, [f"{mark}列"], looked=_looked(side, mark))
        .as_dict(),
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


def _form(mark: str, path: str) -> CountyForm:
    """A form of the office, saved; its file is not looked into again."""
    sheet = {"title": "附件", "texts": {"A1": f"{mark}花名册", "A2": "姓名", "A3": "{{学生姓名}}"}, "formulas": [], "merges": []}
    stored, sha256 = countyform.seal(mark.encode())
    form = CountyForm(
        path=path, ledger="poverty-register", filename=f"{mark}表样.xlsx", stored=stored, sha256=sha256, version=1,
        seen={"sheets": [{**sheet, "width": 1, "height": 3}], "lost": []}, made_by=f"{mark}办事员", saved_by=f"{mark}办事员",
        plan=[{"sheet": "附件", "table": "台账", "row": 3, "columns": {"1": "学生姓名"}, "constant": {}}],
        saved_at=timezone.now(),
    )  # fmt: skip
    form.save()
    return form


# ---------- what each persona must not see ----------


def secrets_of_all() -> set[str]:
    """Numbers that no page shows in clear, whoever asks: identity, roll, certificate and phone numbers."""
    ids = set(Person.objects.exclude(id_hash=None).values_list("id_number", flat=True))
    phones = set(Household.objects.values_list("phone", flat=True))
    phones |= set(Enrolment.objects.values_list("phone", flat=True))
    phones |= {number for numbers in CareFile.objects.values_list("phone", "parents_phone") for number in numbers if number}
    phones |= set(Supervisor.objects.values_list("phone", flat=True)) | set(Tip.objects.values_list("contact", flat=True))
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
    for meeting in Meeting.objects.select_related("panel"):
        words |= set() if _lies(scope, SCHOOL, meeting.panel.path) else {meeting.place, meeting.chair}
    for code, mark in CANARY.items():
        if not _lies(scope, OFFICE, f"/62/6201/{code}/"):
            words |= {f"{mark}{word}" for word in WORK}
        if not _within(scope, f"/62/6201/{code}/"):
            words |= {f"{mark}{word}" for word in SHARED_WORK}
    return words


WORK = (
    "乡镇", "公安局",
    "书记", "还账", "去信", "工地", "祖母", "查办", "孩子没上学",
    "批文", "来信", "指标文", "代发.xlsx", "回盘.xlsx", "原文", "捐助人", "要求",
    "错名", "监错人", "理由", "核对",
    "开学", "整册.xlsx", "任务", "出错", "留言", "办事员", "在校生.xlsx", "表", "列", "用途", "台账", "草案",
)  # fmt: skip


# What a county's schools see too: the name of a batch that their pupils are on, what they said of it; visits to a child of
# theirs, what was done for it.
SHARED_WORK = ("工程", "难处", "谈话", "约谈", "课业", "帮扶人", "书桌", "批次", "意见", "村口", "餐馆", "病休", "责任人")


def _within(scope: Scope | None, county: str) -> bool:
    return scope is not None and (scope.path.startswith(county) or county.startswith(scope.path))


def _seen(scope: Scope | None, person: Person) -> bool:
    return _lies(scope, HOME, person.home_path) or _lies(scope, SCHOOL, person.school_path)


def _lies(scope: Scope | None, side: str, path: str) -> bool:
    return scope is not None and side in scope.sides and path.startswith(scope.path)
