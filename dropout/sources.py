"""A finding of the comparison in words: what each roster says of the child, and the row of the file that says it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from dropout.enums import DifferenceKind
from dropout.models import Difference
from students.models import ImportRow, Member

_HEAVY = (
    "student__roll_number", "student__roll_hash", "student__person__id_number", "student__person__id_hash",
    "enrolment__phone", "enrolment__phone_hash",
)  # fmt: skip


def with_sources(rows: QuerySet[Difference]) -> QuerySet[Difference]:
    """Rows of the rosters beside them; of an import taken back since there is none."""
    return rows.select_related("student__person", "listed", "enrolment__school", "case").defer(*_HEAVY)


@dataclass(frozen=True)
class Source:
    """A row of a file that whoever asks may see."""

    number: int
    file: int
    at: datetime | None

    def __str__(self) -> str:
        day = f"{timezone.localtime(self.at):%Y-%m-%d} 导入，" if self.at else ""
        return f"（{day}第 {self.number} 行）"


class Told:
    """Words for some lines: two statements, however many they are."""

    def __init__(self, lines: Iterable[Difference]):
        lines = list(lines)
        members = Member.objects.filter(pk__in=[line.member_id for line in lines if line.member_id])
        self.members = {member.pk: member for member in members} if any(line.member_id for line in lines) else {}
        wanted = {row for line in lines for row in self._rows(line).values() if row}
        found = ImportRow.objects.filter(pk__in=wanted).values_list("pk", "number", "file", "file__committed_at")
        self.rows = {pk: Source(number, file, at) for pk, number, file, at in found} if wanted else {}

    def _rows(self, line: Difference) -> dict[str, int | None]:
        member = self.members.get(line.member_id or 0)
        return {
            "listed": line.listed.row_id if line.listed else None,
            "enrolment": line.enrolment.row_id if line.enrolment else None,
            "member": member.row_id if member else None,
        }

    def _source(self, line: Difference, which: str) -> Source | None:
        return self.rows.get(self._rows(line)[which] or 0)

    def words(self, line: Difference) -> str:
        """户籍名单（2018-09-10 导入，第 35 行）有；学籍没有 …"""
        if line.kind == DifferenceKind.NOT_ENROLLED:
            return f"户籍名单{self._source(line, 'listed') or ''}有；学籍没有"
        if line.kind == DifferenceKind.OFF_ROSTER:
            return f"贫困人口名单{self._source(line, 'member') or ''}有；户籍名单没有；学籍没有"
        return f"学籍：{self._studies(line)}{self._source(line, 'enrolment') or ''}；{self._present(line)}"

    def _studies(self, line: Difference) -> str:
        if not (row := line.enrolment):
            return "导入已撤销，下次比对后消除"
        return f"{row.school.name}{row.grade_label}{row.class_name}"

    def _present(self, line: Difference) -> str:
        if not line.listed:
            return "在校名单没有此人"
        why = f"，原因：{line.listed.reason}" if line.listed.reason else ""
        return f"在校名单{self._source(line, 'listed') or ''}：否{why}"

    def sides(self, line: Difference) -> list[dict[str, Any]]:
        """One for each roster: title, says (yes or no), source, facts (label, value)."""
        if line.kind == DifferenceKind.OFF_ROSTER:
            register = self._side("贫困人口名单", line, "member", self._member(line))
            return [register, self._none("户籍名单"), self._none("学籍")]
        if line.kind == DifferenceKind.NOT_ENROLLED:
            return [self._side("户籍名单", line, "listed", []), self._none("学籍")]
        row = line.enrolment
        roll = [("学校", row.school.name), ("年级班级", f"{row.grade_label} {row.class_name}")] if row else []
        present = [("在校", "否"), ("原因", line.listed.reason or "没有写")] if line.listed else []
        there = self._side("在校名单", line, "listed", present) if line.listed else self._none("在校名单")
        return [self._side("学籍", line, "enrolment", roll), there]

    def _member(self, line: Difference) -> list[tuple[str, str]]:
        if not (member := self.members.get(line.member_id or 0)):
            return []
        told = {"与户主关系": member.relation, "健康状况": member.health, "在校生状况": member.studying}
        return [(label, value) for label, value in told.items() if value]

    def _side(self, title: str, line: Difference, which: str, facts: list[tuple[str, str]]) -> dict[str, Any]:
        person = line.student.person
        born = f"{person.birth_on:%Y-%m-%d}" if person.birth_on else "—"
        known = [("姓名", person.name), ("出生日期", born), *facts]
        return {"title": title, "says": True, "source": self._source(line, which), "facts": known}

    @staticmethod
    def _none(title: str) -> dict[str, Any]:
        return {"title": title, "says": False, "source": None, "facts": []}

    @classmethod
    def each(cls, rows: Iterable[Difference]) -> list[dict[str, Any]]:
        lines = list(rows)
        told = cls(lines)
        return [{"line": line, "words": told.words(line)} for line in lines]
