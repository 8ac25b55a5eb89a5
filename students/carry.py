"""A new term's enrolments opened from the term before: who goes up, who changes stage in the same school, who leaves.

What becomes of a class is decided once, by onward(); the preview counts by it and the opening writes by it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.db import models, transaction

from aidcases import audit, sql
from aidcases.flow import Refused
from aidcases.jobs import Running
from aidcases.models import AuditEvent
from aidcases.scoping import current_scope
from aidcases.terms import Term
from students.enums import GRADE_LABELS, Stage
from students.imports import homes, journal, undo
from students.models import Batch
from students.models.batches import BatchKind

Progress = Callable[[int, int | None, str | None], Any]


class Fate(models.TextChoices):
    """What becomes of a child in the new term."""

    ON = "on", "升级或续读"
    KEPT = "kept", "升入本校下一学段"
    AWAIT = "await", "待升学"
    LEFT = "left", "毕业离校"
    UNSAID = "unsaid", "年级不清"
    THERE = "there", "新学期已有"


ENROLLED = (Fate.ON, Fate.KEPT)
# Whose pupils go on to a school of the next stage: that school's own roll enrols them.
_AWAITING = (Stage.PRESCHOOL, Stage.PRIMARY, Stage.JUNIOR)


@dataclass(frozen=True)
class Choices:
    """What the office decides: schools of several stages that keep their own pupils, and when 本科 ends."""

    to_junior: bool = True  # 小学毕业 → 本校初中
    to_senior: bool = False  # 初中毕业 → 本校高中
    four_years: bool = False  # 本科读满四年即毕业


@dataclass(frozen=True)
class Onward:
    """Where a class goes: `stage` and `grade` are those of the new term, only for the fates that are enrolled."""

    fate: Fate
    stage: str = ""
    grade: int | None = None


def onward(stage: str, grade: int | None, stages: Iterable[str], to: Term, choices: Choices) -> Onward:
    """What becomes of a grade of a school with these stages when the term `to` begins. Within a school year nothing
    changes; with the autumn everybody goes up, and a last grade (六三学制) leaves its stage. A grade above the last
    counts as the last; without a grade nobody can say who goes up."""
    if not to.autumn:
        return Onward(Fate.ON, stage, grade)
    if not grade or grade < 1:
        return Onward(Fate.UNSAID)
    last = 4 if stage == Stage.UNDERGRADUATE and choices.four_years else len(GRADE_LABELS[stage])
    if grade < last:
        return Onward(Fate.ON, stage, grade + 1)
    if stage == Stage.PRIMARY and choices.to_junior and Stage.JUNIOR in stages:
        return Onward(Fate.KEPT, Stage.JUNIOR, 1)
    if stage == Stage.JUNIOR and choices.to_senior and Stage.SENIOR in stages:
        return Onward(Fate.KEPT, Stage.SENIOR, 1)
    return Onward(Fate.AWAIT if stage in _AWAITING else Fate.LEFT)


# --- names of classes -------------------------------------------------------------------------------------------

_DIGITS = "一二三四五六七八九"
_HEADS = {
    Stage.JUNIOR: ("初中", "初"), Stage.SENIOR: ("高中", "高"), Stage.SECONDARY_VOCATIONAL: ("中职", "职高"),
    Stage.HIGHER_VOCATIONAL: ("大",), Stage.UNDERGRADUATE: ("大",), Stage.POSTGRADUATE: ("研",),
}  # fmt: skip
_ROOM = "小中大"
# What may follow a bare number that is a grade: 三年级…, 三(2)班, 3.2班, 三2班, 三一班, 301班. 2班 is no grade.
_AFTER_WORD = r"(?=年|[(（.\-—－_·、]|\d{1,2}班|[一二三四五六七八九]班)"
_AFTER_DIGIT = r"(?=年|[(（.\-—－_·、]|\d\d(?:班|$))"


def class_renamed(name: str, stage: str, grade: int | None, onward: Onward) -> str:
    """三年级2班 → 四年级2班, 701班 → 801班, 高一(3)班 → 高二(3)班; a name that does not begin with its grade stays
    (2班, 2018级3班, 火箭班)."""
    if not grade or not onward.grade or (stage, grade) == (onward.stage, onward.grade):
        return name
    label = GRADE_LABELS[onward.stage][0] if onward.stage not in (stage, Stage.JUNIOR) else ""  # 九(2)班 → 高一(2)班
    for old, new in zip(_spellings(stage, grade), _spellings(onward.stage, onward.grade), strict=True):
        if old and new and (found := re.match(old[1], name)):
            return ((label or new[0]) + name[found.end() :])[:40]
    return name


def _spellings(stage: str, grade: int) -> list[tuple[str, str] | None]:
    """How the beginning of a class's name may say its grade: (text, expression) by label, with a head twice, as a
    Chinese numeral, as a digit; None where a stage has no such spelling."""
    labels = GRADE_LABELS[stage]
    label = labels[min(grade, len(labels)) - 1]
    if stage == Stage.PRESCHOOL:
        room = _ROOM[min(grade, 3) - 1]
        return [(label, label), None, None, (room, rf"{room}(?=[(（]|\d{{1,2}}班|[{_DIGITS}]班)"), None]
    counted = grade + 6 if stage == Stage.JUNIOR else grade
    if counted > 9:
        return [None] * 5
    word, digit, own = _DIGITS[counted - 1], str(counted), _DIGITS[grade - 1]
    heads = [(head + own, rf"{head}(?:{own}|{grade}(?![\d班]))") for head in _HEADS.get(stage, ())]
    return [(label, label), *heads, *[None] * (2 - len(heads)), (word, word + _AFTER_WORD), (digit, digit + _AFTER_DIGIT)]


# --- who is there -----------------------------------------------------------------------------------------------

# Enrolments an office writes: at its schools, and those elsewhere that came from its own lists (colleges).
_KEEPS = """e.term = %(from)s AND (e.school_path LIKE %(scope)s OR (e.home_path LIKE %(scope)s
    AND EXISTS (SELECT FROM students_importrow r JOIN students_importfile f ON f.id = r.file_id
        WHERE r.id = e.row_id AND f.path LIKE %(scope)s)))"""

_GROUPS = f"""
    SELECT e.school_id, s.code, s.name AS school, s.stages, e.stage, e.grade, e.class_name,
        count(*) AS students, count(n.id) AS there
    FROM students_enrolment e JOIN aidcases_school s ON s.id = e.school_id
    LEFT JOIN students_enrolment n ON n.student_id = e.student_id AND n.term = %(to)s
    WHERE {_KEEPS} {{also}}
    GROUP BY e.school_id, s.id, e.stage, e.grade, e.class_name
    ORDER BY NOT s.path LIKE %(scope)s, s.path, e.stage, e.grade NULLS LAST, e.class_name
"""

_CHILDREN = f"""
    SELECT e.student_id, p.name, e.class_name, e.stage, e.grade, s.stages, n.id IS NOT NULL AS there
    FROM students_enrolment e JOIN aidcases_school s ON s.id = e.school_id
    JOIN students_person p ON p.id = e.student_id
    LEFT JOIN students_enrolment n ON n.student_id = e.student_id AND n.term = %(to)s
    WHERE {_KEEPS} AND s.code = %(school)s AND e.stage = %(stage)s AND COALESCE(e.grade, 0) = %(grade)s
    ORDER BY e.class_name, p.initials, p.id
"""


@dataclass(frozen=True)
class Group:
    """A class of a school in the old term: how many, how many of them the new term has already, where it goes."""

    school_id: int
    code: str
    school: str
    stage: str
    grade: int | None
    class_name: str
    students: int
    there: int
    onward: Onward

    @property
    def moving(self) -> int:
        return self.students - self.there


def _params(from_term: Term, **also: Any) -> dict[str, Any]:
    scope = current_scope().path  # a path holds no wildcard
    return {"from": from_term.code, "to": from_term.next.code, "scope": scope + "%", **also}


def groups(from_term: Term, choices: Choices, *, school: str = "") -> list[Group]:
    """Classes of the term before in the area of whoever acts, of one school by its code if given: one query. Whether a
    child is in the new term already is looked up in the whole system."""
    rows = sql.rows(
        _GROUPS.format(also="AND s.code = %(school)s" if school else ""), _params(from_term, school=school)
    )
    return [
        Group(onward=onward(row["stage"], row["grade"], row.pop("stages"), from_term.next, choices), **row)
        for row in rows
    ]


def totals(found: Iterable[Group]) -> Counter[str]:
    """Children by fate; who is in the new term already counts as nothing else."""
    counts: Counter[str] = Counter()
    for group in found:
        counts[group.onward.fate.value] += group.moving
        counts[Fate.THERE.value] += group.there
    return counts


def to_enrol(found: Iterable[Group]) -> int:
    counts = totals(found)
    return sum(counts[fate.value] for fate in ENROLLED)


def children(from_term: Term, choices: Choices, *, school: str, stage: str, grade: int) -> list[dict[str, Any]]:
    """The children of one grade (0: none said) of a school: student_id, name, fate, class_name, to_stage, to_grade,
    to_class. Raises nothing: a school outside the area has none."""
    rows = sql.rows(_CHILDREN, _params(from_term, school=school, stage=stage, grade=grade))
    found = []
    for row in rows:
        way = onward(row["stage"], row["grade"], row["stages"], from_term.next, choices)
        fate = Fate.THERE if row["there"] else way.fate
        to_class = class_renamed(row["class_name"], row["stage"], row["grade"], way)
        found.append(row | {"fate": fate, "to_stage": way.stage, "to_grade": way.grade, "to_class": to_class})
    return found


# --- opening ----------------------------------------------------------------------------------------------------

_PLAN = """
    INSERT INTO plan SELECT * FROM json_to_recordset(%s) AS
        x (school_id bigint, stage text, grade smallint, class_name text, to_stage text, to_grade smallint, to_class text)
"""

# entered_on is the month of entry into the stage: a school that keeps its pupils admits them with the new term.
_OPEN = f"""
    INSERT INTO students_enrolment (student_id, term, school_id, stage, grade, class_name, boarding, rural_hukou,
        hukou_region_id, entered_on, left_behind, orphan, disability_hint, phone, phone_hash, home_path, school_path, row_id)
    SELECT e.student_id, %(to)s, e.school_id, plan.to_stage, plan.to_grade, plan.to_class, e.boarding, e.rural_hukou,
        e.hukou_region_id, CASE WHEN plan.to_stage = e.stage THEN e.entered_on ELSE %(first_day)s END, e.left_behind,
        e.orphan, e.disability_hint, e.phone, e.phone_hash, p.home_path, s.path, e.row_id
    FROM students_enrolment e
    JOIN plan ON plan.school_id = e.school_id AND plan.stage = e.stage AND plan.class_name = e.class_name
        AND COALESCE(plan.grade, -1) = COALESCE(e.grade, -1)
    JOIN students_person p ON p.id = e.student_id
    JOIN aidcases_school s ON s.id = e.school_id
    WHERE {_KEEPS}
    ON CONFLICT (term, student_id) DO NOTHING
"""

OTHERWISE = "您核对以后，在读学生有了变化，人数和您看到的不一样了，没有开新学期。请重新核对。"
NOTHING = "没有可以升级的学生：新学期里都有了，或都要离校。"


def next_only(from_term: Term, to: Term) -> None:
    """Raises Refused unless `to` is the term after."""
    if to != from_term.next:
        raise Refused(f"新学期只能从上一个学期升级：{from_term.label}之后是 {from_term.next.code}，不是 {to.code}。")


@transaction.atomic
def open_term(
    from_term: Term, choices: Choices, *, seen: int | None = None, progress: Progress = lambda *_: None
) -> tuple[Batch | None, dict[str, int]]:
    """Enrols in the next term whoever goes on. (batch, or None when nobody is left to enrol; children by fate).

    `seen`: how many somebody confirmed; Refused when by now there are more or fewer.
    """
    to = from_term.next
    # Shared with imports: a roll that comes in at the same moment finds the term either empty or open.
    if not sql.try_lock("import.commit"):
        progress(0, None, "等待名单入库")
        sql.lock("import.commit")
    found = groups(from_term, choices)
    counts = {fate.value: totals(found)[fate.value] for fate in Fate}
    expected = to_enrol(found)
    if seen is not None and seen != expected:
        raise Refused(OTHERWISE)
    if not expected:
        return None, counts | {"enrolled": 0}
    progress(0, expected, "开新学期")
    label = f"{from_term.label} → {to.label}：{expected:,} 人"
    with journal.batch(BatchKind.CARRY, path=current_scope().path, label=label, term=to.code) as batch:
        enrolled = _write(found, from_term)
        counts["enrolled"] = enrolled
        audit.record("carry.opened", subject=batch, path=batch.path, term=to.code, **counts, **asdict(choices))
    progress(enrolled, enrolled, None)
    return batch, counts


def _write(found: list[Group], from_term: Term) -> int:
    plan = [
        {"school_id": group.school_id, "stage": group.stage, "grade": group.grade, "class_name": group.class_name,
         "to_stage": group.onward.stage, "to_grade": group.onward.grade,
         "to_class": class_renamed(group.class_name, group.stage, group.grade, group.onward)}
        for group in found if group.onward.fate in ENROLLED
    ]  # fmt: skip
    sql.temporary(
        "plan",
        "(school_id bigint, stage text, grade smallint, class_name text, to_stage text, to_grade smallint, to_class text)",
    )
    sql.run(_PLAN, [json.dumps(plan)])
    sql.run("ANALYZE plan")
    params = _params(from_term, first_day=from_term.next.first_day)
    enrolled = sql.run(_OPEN, params)
    sql.run("ANALYZE students_enrolment (term, student_id, school_id, stage, grade, home_path, school_path)")
    homes.derive(
        f"SELECT p.* FROM students_person p WHERE p.id IN (SELECT e.student_id FROM students_enrolment e WHERE {_KEEPS})",
        params,
    )
    return enrolled


def work(job: Running) -> dict[str, Any]:
    """The job: its parameters are `from`, the choices and `seen`."""
    params = dict(job.params)
    from_term, seen = Term.parse(params.pop("from")), params.pop("seen")
    batch, counts = open_term(from_term, Choices(**params), seen=seen, progress=job.progress)
    return counts | ({"carry": batch.pk} if batch else {})


def take_back(job: Running) -> dict[str, Any]:
    """The job that undoes a batch."""
    batch = Batch.objects.get(pk=job.params["batch"], kind=BatchKind.CARRY)
    undo.undo(batch, job.progress)
    return {"carry": batch.pk}


# --- afterwards -------------------------------------------------------------------------------------------------

_OPENED = """
    SELECT s.code, s.name AS school, e.stage, e.grade, count(*) AS students
    FROM students_written w CROSS JOIN LATERAL unnest(w.keys) AS made(id)
    JOIN students_enrolment e ON e.id = made.id JOIN aidcases_school s ON s.id = e.school_id
    WHERE w.batch_id = %(batch)s AND w."table" = 'students_enrolment' AND w.verb = 'insert'
    GROUP BY s.id, e.stage, e.grade ORDER BY NOT s.path LIKE %(scope)s, s.path, e.stage, e.grade
"""


def opened(batch: Batch) -> list[dict[str, Any]]:
    """Children a batch enrolled who still are, by school, stage and grade."""
    return sql.rows(_OPENED, {"batch": batch.pk, "scope": batch.path + "%"})


def counted(batch: Batch) -> dict[str, int]:
    """Children by fate when the batch was made, as the log keeps them; {} when it keeps them no more."""
    event = AuditEvent.objects.filter(action="carry.opened", subject_id=batch.pk).first()
    return {fate.value: event.data[fate.value] for fate in Fate} if event else {}
