"""一校一档: a school's papers of a term in binding order, or one child's, as one sealed zip.

Made piece by piece as a job: no more than one paper is in memory, nothing lies on the disk in clear."""

from __future__ import annotations

import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction

from aidcases import audit, crypto, files, jobs
from aidcases.flow import Refused
from aidcases.jobs import Running
from aidcases.models import Job, School, StoredFile
from aidcases.models.records import JobState
from aidcases.paper import print_pdf
from aidcases.roles import P
from aidcases.scoping import SCHOOL, current_actor, current_scope
from aidcases.terms import Term
from students.enums import grade_label
from students.models import Enrolment, Student
from subsidies.casework import approvals, minutes, notices, printing, telling, timeline
from subsidies.casework.applying import of_school_side
from subsidies.enums import Level
from subsidies.models import Application, Approval, Panel, PublicNotice
from subsidies.models.applications import ApplicationState
from subsidies.models.notices import NoticeState

KIND = "subsidies.archive"
FOLDER = "archives"
LEVELLED = (ApplicationState.APPROVED, ApplicationState.NOT_HARD)  # decided, and counted by level
NOTHING = "这个学期还没有认定申请，没有可以归档的材料。"
Paper = tuple[str, Callable[[], bytes]]  # its place in the zip, and how it is made


@dataclass(frozen=True)
class Part:
    """A heading of the contents and its papers."""

    title: str
    papers: list[Paper]


# --- asking for it -------------------------------------------------------------------------------------------------


@transaction.atomic
def request_school(school: School, term: Term, *, purpose: str) -> Job:
    """Queues the archive of a school's term. Raises Refused: role, somebody else's school, no purpose, nothing there."""
    _may(purpose)
    if not current_scope().covers(school.path, SCHOOL):
        raise Refused("只能生成本单位范围内学校的档案。")
    if not Application.objects.in_term(term).filter(school=school).exists():
        raise Refused(NOTHING)
    told = {"school": school.code, "term": term.code, "purpose": purpose.strip()[:120]}
    return _queued(f"一校一档：{school.name}，{term.label}", told)


@transaction.atomic
def request_student(student: Student, *, purpose: str) -> Job:
    """Queues one child's file, all terms. Raises Refused."""
    _may(purpose)
    if not of_school_side(Application.objects.filter(student=student)).exists():
        raise Refused("这名学生在本单位的学校里没有认定申请。")
    return _queued(f"学生档案：编号 {student.pk}", {"student": student.pk, "purpose": purpose.strip()[:120]})


def _may(purpose: str) -> None:
    if not current_actor().may(P.SECRET_REVEAL):  # the forms carry identity numbers in full
        raise Refused("您的角色不能生成档案。")
    if not purpose.strip():
        raise Refused("请写明用途，例如：学期归档。")


def _queued(label: str, told: dict[str, Any]) -> Job:
    job = jobs.enqueue(KIND, label=label, once=True, **told)
    audit.record("archive.requested", subject=job, purpose=told["purpose"])
    return job


def open_archive(job: Job) -> BinaryIO:
    """A finished job's zip in clear, piece by piece, in memory only. Raises Refused."""
    if job.state != JobState.DONE:
        raise Refused("档案还没有生成好，不能下载。")
    try:
        return crypto.open_sealed(settings.FILES / FOLDER / job.result["stored"])
    except (OSError, crypto.SealBroken):
        raise Refused("档案文件丢失或被改动，不能下载，请重新生成并告诉管理员。") from None


# --- making it -----------------------------------------------------------------------------------------------------


def generate(job: Running) -> dict[str, Any]:
    """The job → {"papers", "stored", "sha256"}."""
    job.progress(0, None, "读取资料")
    if "student" in job.params:
        title, under, parts = _of_student(Student.objects.select_related("person").get(pk=job.params["student"]))
    else:
        school, term = School.objects.get(code=job.params["school"]), Term.parse(job.params["term"])
        title, under, parts = f"{school.name}学生资助档案", term.label, list(_of_school(school, term))
    parts = [part for part in parts if part.papers]
    papers = [_cover(title, under, parts), *(paper for part in parts for paper in part.papers)]
    folder = settings.FILES / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in folder.glob(f"{job.job.pk}-*.zip"):  # of an attempt that did not live to report it
        left.unlink(missing_ok=True)
    stored = folder / f"{job.job.pk}-{job.job.claim.hex[:12]}.zip"
    sha256 = crypto.write_sealed(stored, _zipped(papers, job))
    try:
        job.check()
    except jobs.Cancelled:
        stored.unlink(missing_ok=True)
        raise
    return {"papers": len(papers), "stored": stored.name, "sha256": sha256}


class _Pipe:
    """What zipfile writes into and the sealer reads from."""

    def __init__(self) -> None:
        self.held = BytesIO()

    def write(self, piece: bytes) -> int:
        return self.held.write(piece)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        piece, self.held = self.held.getvalue(), BytesIO()
        return piece


def _zipped(papers: list[Paper], job: Running) -> Iterator[bytes]:
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as pack:  # type: ignore[arg-type]
        for done, (name, made) in enumerate(papers):
            job.progress(done, len(papers), "装订")
            pack.writestr(name, made())
            yield pipe.taken()
    job.progress(len(papers), len(papers), "加密保存")
    yield pipe.taken()


def sheet(title: str, under: str = "", *, facts: Any = (), text: Any = (), heads: Any = (), rows: Any = ()) -> bytes:
    """A plain sheet: heading, facts (label, value), paragraphs, a table."""
    data = {
        "kind": "sheet", "title": title, "under": under, "facts": [{"label": k, "value": str(v)} for k, v in facts],
        "text": list(text), "heads": list(heads), "rows": [[str(cell) for cell in row] for row in rows],
    }  # fmt: skip
    return print_pdf(approvals.TEMPLATE, data).pdf


def _cover(title: str, under: str, parts: list[Part]) -> Paper:
    rows = [(n, part.title, f"{len(part.papers)} 份") for n, part in enumerate(parts, start=1)]
    return "0-封面和目录.pdf", lambda: sheet(title, under, heads=("顺序", "材料", "数量"), rows=rows)


# --- a school ------------------------------------------------------------------------------------------------------


def _of_school(school: School, term: Term) -> Iterator[Part]:
    """Binding order: panel, minutes and photos, notices, forms, class summary, approvals."""
    panel = Panel.objects.filter(school=school, term=term.code).first()
    yield Part("评审小组名单", [("1-评审小组名单.pdf", lambda: _panel(panel, term))] if panel else [])
    yield Part("评审会议记录和照片", list(_meetings(panel)) if panel else [])
    yield Part("公示材料", list(_notices(school, term)))
    found = _applications(school, term)
    yield Part("认定申请表", list(_forms(found, term)))
    yield Part("班级汇总", [("5-班级汇总.pdf", lambda: _summary(found, school, term))] if found else [])
    yield Part("批复", list(_approved(school, term)))


def _panel(panel: Panel, term: Term) -> bytes:
    members = [(n, m.name, m.get_kind_display(), m.unit) for n, m in enumerate(panel.members.all(), start=1)]
    posted = [("上墙日期", panel.posted_on or "未登记")]
    return sheet(panel.name, term.label, facts=posted, heads=("序号", "姓名", "身份", "单位或职务"), rows=members)


def _meetings(panel: Panel) -> Iterator[Paper]:
    for number, meeting in enumerate(panel.meetings.order_by("held_at", "pk"), start=1):
        yield f"2-评审会议/{number}-会议记录.pdf", lambda meeting=meeting: minutes.print_minutes(meeting).pdf
        for count, photo in enumerate(files.files_of(meeting), start=1):
            yield f"2-评审会议/{number}-照片{count}{_ending(photo)}", lambda photo=photo: files.content(photo)


def _ending(file: StoredFile) -> str:
    return "." + file.filename.rpartition(".")[2]


def _notices(school: School, term: Term) -> Iterator[Paper]:
    over = (NoticeState.OVER, NoticeState.ARCHIVED)
    rows = PublicNotice.objects.filter(path=school.path, term=term.code, state__in=over).select_related("office")
    for number, notice in enumerate(rows.order_by("published_on", "pk"), start=1):
        yield f"3-公示/{number}-公示材料.zip", lambda notice=notice: notices.pack(notice, today=notice.published_on)


def _applications(school: School, term: Term) -> list[tuple[Enrolment | None, int, str, str]]:
    """(enrolment, application, name, level) in the order of classes; no number is read."""
    drafts = (ApplicationState.DRAFT, ApplicationState.WITHDRAWN)
    rows = of_school_side(Application.objects.in_term(term).filter(school=school)).exclude(state__in=drafts)
    enrolled = {
        each.student_id: each
        for each in Enrolment.objects.in_term(term).filter(student__in=rows.order_by().values("student")).defer("phone")
    }
    found = [
        (enrolled.get(student), pk, name, level if state in LEVELLED else "")
        for student, pk, name, level, state in rows.order_by("pk").values_list(
            "student", "pk", "student__person__name", "level", "state"
        )
    ]
    return sorted(found, key=lambda row: (*_class_of(row[0]), row[1]))


def _class_of(enrolment: Enrolment | None) -> tuple[str, int, str]:
    return (enrolment.stage, enrolment.grade or 0, enrolment.class_name) if enrolment else ("", 0, "")


def _forms(found: list[tuple[Enrolment | None, int, str, str]], term: Term, top: str = "4-申请表/") -> Iterator[Paper]:
    attached = _attached([pk for _, pk, _, _ in found])
    for number, (enrolment, pk, name, _level) in enumerate(found, start=1):
        place = f"{plain(f'{enrolment.grade_label}{enrolment.class_name}')}/" if enrolment else ""
        start = f"{top}{place}{number:04d}-{plain(name)}"
        yield f"{start}.pdf", lambda pk=pk: _form(pk)
        for count, file in enumerate(attached[pk], start=1):
            yield f"{start}-附件{count}{_ending(file)}", lambda file=file: files.content(file)


def plain(text: str) -> str:
    """Part of a path in the zip: no folder of its own and nothing that a file system refuses."""
    return re.sub(r'[\\/:*?"<>|\x00-\x1f\x7f]', "_", text).strip(". ") or "_"


def _attached(pks: list[int]) -> dict[int, list[StoredFile]]:
    held: dict[int, list[StoredFile]] = defaultdict(list)
    label = Application._meta.label_lower
    for file in StoredFile.objects.filter(subject_type=label, subject_id__in=pks, removed_at=None).order_by("pk"):
        held[file.subject_id].append(file)
    return held


def _form(pk: int) -> bytes:
    loaded = Application.objects.select_related("student__person", "school").get(pk=pk)
    return printing.print_forms([loaded], clear=True).pdf


def _summary(found: list[tuple[Enrolment | None, int, str, str]], school: School, term: Term) -> bytes:
    tally: dict[tuple[str, int, str], Counter[str]] = defaultdict(Counter)
    for enrolment, _pk, _name, level in found:
        tally[_class_of(enrolment)][level] += 1
    levels = list(Level)
    rows = [
        (_named(*which), sum(n.values()), *(n[level] for level in levels)) for which, n in sorted(tally.items())
    ]
    total = ("合计", *(sum(row[column] for row in rows) for column in range(1, 2 + len(levels))))
    heads = ("班级", "申请（份）", *(f"{level.label}（人）" for level in levels))
    return sheet(f"{school.name}认定情况班级汇总", term.label, heads=heads, rows=[*rows, total])


def _named(stage: str, grade: int, class_name: str) -> str:
    return f"{grade_label(stage, grade)} {class_name}".strip() if stage else "学籍已不在本校"


def _approved(school: School, term: Term) -> Iterator[Paper]:
    mine = Application.objects.in_term(term).filter(school=school, state=ApplicationState.APPROVED)
    wanted = approvals.visible().filter(pk__in=mine.order_by().values("approval"))
    for number, approval in enumerate(wanted.order_by("decided_on", "pk"), start=1):
        yield f"6-批复/{number}-批复.pdf", lambda one=approval: _certificate(one, school)


def _certificate(approval: Approval, school: School) -> bytes:
    return approvals.certificate(approval, school).pdf


# --- a child -------------------------------------------------------------------------------------------------------


def _of_student(student: Student) -> tuple[str, str, list[Part]]:
    mine = of_school_side(Application.objects.filter(student=student)).order_by("pk")
    rows = list(mine.values_list("pk", "term", "state"))
    forms = [
        paper for pk, term, _ in rows
        for paper in _forms([(None, pk, student.person.name, "")], Term.parse(term), f"1-申请表/{term}/")
    ]  # fmt: skip
    told = [
        (f"3-告知书/{term}.pdf", lambda pk=pk: _told(pk)) for pk, term, state in rows if state in telling.TITLES
    ]
    parts = [
        Part("认定申请表和附件", forms),
        Part("办理经过", [("2-办理经过.pdf", lambda: _history(student))]),
        Part("告知书", told),
    ]
    return f"{student.person.name}资助档案", "一生一档", parts


def _told(pk: int) -> bytes:
    found = Application.objects.select_related("student__person", "school", "approval").get(pk=pk)
    return telling.print_told([found]).pdf


def _history(student: Student) -> bytes:
    rows = [(event["on"], event["title"], event["by"], event["text"]) for event in timeline.events(student)]
    return sheet(f"{student.person.name}办理经过", heads=("日期", "事项", "经办", "说明"), rows=rows)


def filename(job: Job, today: date) -> str:
    """No name in the name of a file that may lie about in a folder of downloads."""
    what = "学生档案" if "student" in job.params else f"一校一档_{job.params['school']}_{job.params['term']}"
    return f"{what}_{job.pk}_{today:%Y%m%d}.zip"
