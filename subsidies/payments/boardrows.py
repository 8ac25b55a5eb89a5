"""The names behind a figure of the board, with their reasons in words, for a page or a sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

from aidcases.models import School
from aidcases.templatetags.aid import masked
from students.facts import categories_in
from students.models import Enrolment
from subsidies import sheets
from subsidies.models import Benefit, UnpaidReason
from subsidies.models.payments import PaymentState
from subsidies.models.reasons import Unaided
from subsidies.payments.board import GROUPS, Matrix, Name, Question
from subsidies.payments.cells import COLUMNS, Status
from subsidies.payments.listing import DELIVERED
from subsidies.payments.obstacles import CARD_DOUBTED, CARD_WAITS, labels, unlisted
from subsidies.payments.offered import Offered

MOST = 20_000  # rows of a sheet a page can wait for
UNKNOWN = "没有这样的原因"
_SAID = {
    "differs": "应享记录和现在按政策算出的不同，请重新测算",
    "marked": "资料有变化，还没有重新测算",
    "not_paid": "定为不发放",
}


class Words:
    """Why a cell is as it is, in words."""

    def __init__(self, question: Question, offered: Offered):
        self.offered = offered
        self.obstacles, self.said = labels(question.term, question.day), _SAID | unlisted(question.term)
        by = {delivery: channel for channel, deliveries in DELIVERED.items() for delivery in deliveries}
        self.channels = {a.rule.benefit_id: by[a.rule.delivery] for a in offered.rules if a.rule.delivery in by}

    def of(self, detail: str) -> str:
        """Of one that an address may have made up, too."""
        try:
            return self._told(detail)
        except (LookupError, ValueError):
            return UNKNOWN

    def _told(self, detail: str) -> str:
        kind, _, code = detail.partition(":")
        match kind:
            case "state":
                return PaymentState(code).label
            case "wait":
                return self.obstacles.get(code, code)
            case "said":
                return Unaided(code).label
            case "outcome":
                return self.offered.told(int(code))
        return self.said.get(kind, "")


@dataclass(frozen=True)
class Row:
    """A child's cell for people; `why` has who wrote a reason and when. `channel`: of the batches that could hold it."""

    name: Name
    enrolment: Enrolment
    categories: list[str]
    benefit: Benefit
    words: str
    channel: str = ""
    note: str = ""
    said_by: str = ""
    said_at: datetime | None = None
    reason_pk: int = 0

    @property
    def ready(self) -> bool:
        """Nothing but a batch is missing."""
        return self.name.detail in ("ready", "settle")

    @property
    def card_waits(self) -> bool:
        return self.name.detail in (f"wait:{CARD_WAITS}", f"wait:{CARD_DOUBTED}")

    @property
    def label(self) -> str:
        return "未助，可以编入批次" if self.name.detail == "ready" else self.name.status.label

    @property
    def writable(self) -> bool:
        return self.name.status == Status.DUE or self.name.detail.startswith("said:")


def rows(found: Sequence[Name], question: Question, words: Words) -> list[Row]:
    """In the order given; a few queries whatever their number."""
    students = {name.student_id for name in found}
    known = Enrolment.objects.in_term(question.term).filter(student__in=students).select_related("student__person", "school")
    enrolments = {each.student_id: each for each in known.defer("phone", "student__roll_number", "student__person__id_number")}
    held = categories_in(question.term, students, [pk for pk, each in enrolments.items() if each.orphan])
    benefits = {benefit.pk: benefit for benefit in words.offered.benefits}
    benefits |= Benefit.objects.in_bulk({name.benefit_id for name in found} - benefits.keys())
    said = UnpaidReason.objects.filter(term=question.term.code, student__in=students)
    reasons = {(each.student_id, each.benefit_id): each for each in said}
    return [
        Row(
            name, enrolments[name.student_id], held[name.student_id], benefits[name.benefit_id], words.of(name.detail),
            words.channels.get(name.benefit_id, ""),
            **_said(name, reasons.get((name.student_id, name.benefit_id))),
        )
        for name in found if name.student_id in enrolments
    ]  # fmt: skip


def _said(name: Name, reason: UnpaidReason | None) -> dict[str, Any]:
    if reason is None or not name.detail.startswith("said:"):
        return {}
    return {"note": reason.note, "said_by": reason.said_by, "said_at": reason.said_at, "reason_pk": reason.pk}


def by_reason(found: Iterable[Name], words: Words) -> list[tuple[str, str, int]]:
    """(detail, in words, how many), the most frequent first; what has no reason is left out."""
    counted = Counter(name.detail for name in found if name.detail)
    return [(detail, words.of(detail), n) for detail, n in counted.most_common()]


def by_school(found: Iterable[Name], most: int = 30) -> list[tuple[School, int]]:
    """Schools and how many of the cells are theirs, the most first."""
    counted = Counter(name.school_path for name in found).most_common(most)
    schools = {school.path: school for school in School.objects.filter(path__in=[path for path, _ in counted])}
    return [(schools[path], n) for path, n in counted if path in schools]


# ---------- sheets ----------

HEAD = {
    "姓名": 10, "证件号码": 20, "学校": 28, "年级": 8, "班级": 8, "困难类别": 26, "资助项目": 26, "情况": 18, "原因": 36,
    "说明": 24, "填写人": 12,
}  # fmt: skip


def names_sheet(title: str, found: Sequence[Name], question: Question, words: Words) -> BytesIO:
    return sheets.book("名单", title, HEAD, _cells(rows(found, question, words)))


def _cells(found: Iterable[Row]) -> Iterator[list[Any]]:
    for row in found:
        person = row.enrolment.student.person
        yield [
            person.name, masked(person.id_last4), row.enrolment.school.name, row.enrolment.grade_label,
            row.enrolment.class_name, "、".join(row.categories), row.benefit.name, row.label, row.words, row.note,
            row.said_by,
        ]  # fmt: skip


def matrix_sheet(title: str, found: Matrix) -> BytesIO:
    """A row per benefit and state, a column per category: every child of a category stands in exactly one of its rows."""
    heads = {"资助项目": 28, "情况": 22, "合计（不重复）": 14, **{label: 14 for label, _ in COLUMNS.values()}}
    return sheets.book("应助已助未助", title, heads, _figures(found))


def _figures(found: Matrix) -> Iterator[list[Any]]:
    yield ["本类学生（人）", "", *found.children.values()]
    for line in found.lines:
        for status in Status:
            counts = [cell.counts.get(status, 0) for cell in line.cells]
            if any(counts):
                yield [line.benefit.name, status.label, *counts]
    for code, (label, _) in GROUPS.items():
        yield [f"{label}：{found.people[code]} 人，{found.times[code]} 人次"]
