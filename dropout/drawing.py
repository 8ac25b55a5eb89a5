"""随机抽查: a draw that anybody with the seed and the lists can repeat, on any machine.

Children are put into strata (who came back, whose suspicion was dismissed, poor pupils on the roll, other pupils; by stage).
Of each stratum the `size` children are drawn whose SHA-256 of `seed|stratum|identity number` is smallest: no random number
generator, no key of a database, no order of rows plays a part. A child of an earlier stratum is not drawn again.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from aidcases import audit, sql
from aidcases.flow import Refused
from aidcases.jobs import Running
from aidcases.roles import P
from aidcases.scoping import Actor, current_actor, current_scope
from aidcases.terms import Term
from dropout.enums import CaseState
from dropout.models import DropoutCase, Inspection, InspectionLine
from dropout.models.cases import BACK
from students.enums import Stage
from students.models import Enrolment, Member

KIND = "dropout.draw"
MOST = 200  # children of a stratum
STAGES = (Stage.PRIMARY, Stage.JUNIOR)
CHUNK = 5000
RULE = "每层按“种子|层|证件号码”的 SHA-256 值从小到大取前若干名；种子先公布，名单和种子在手，谁来抽都一样。"


@dataclass(frozen=True)
class Candidate:
    """A child that may be drawn; `number` is its identity number, else name and birth date."""

    student: int
    number: str
    home_path: str
    school_path: str
    case: int | None = None


def rank(seed: str, stratum: str, number: str) -> str:
    return hashlib.sha256(f"{seed}|{stratum}|{number}".encode()).hexdigest()


def pick(seed: str, stratum: str, candidates: Iterable[Candidate], size: int) -> list[Candidate]:
    """The `size` children with the smallest values, in their order. Same in, same out."""
    return sorted(candidates, key=lambda each: rank(seed, stratum, each.number))[:size]


def checksum(roster: Iterable[tuple[str, str]], drawn: Iterable[tuple[str, str]]) -> str:
    """SHA-256 of every candidate's `stratum|identity number`, sorted, a blank line, and those drawn, in order. It is public:
    the whole list is its key, or the few numbers of a small draw could be guessed; whoever has the list gets the same."""
    parts = [*sorted(map("|".join, roster)), "", *map("|".join, drawn)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def strata(term: Term) -> dict[str, str]:
    """Code → label, in the order they are drawn."""
    groups = {"back": "已复学", "dismissed": "已排除", "poor": "贫困户在校生", "other": "其他在校生"}
    return {f"{code}-{stage}": f"{label}·{stage.label}" for code, label in groups.items() for stage in STAGES}


_PERSON = ("student_id", "student__person__id_number", "student__person__name", "student__person__birth_on")


def _of_cases(states: Iterable[str], stage: str, first: date) -> list[Candidate]:
    rows = DropoutCase.objects.filter(state__in=states, stage=stage, moved_on__gte=first).order_by("pk")
    return [
        Candidate(student, number or f"{name}|{born}", home, school, case)
        for student, number, name, born, home, school, case in rows.values_list(*_PERSON, "home_path", "school_path", "pk")
    ]


def _of_roll(term: Term, stage: str, *, poor: bool) -> list[Candidate]:
    """Pupils of the own schools, as the roll has them; poor is who stands on a register that the drawing office sees."""
    listed = Exists(Member.objects.filter(person=OuterRef("student"), household__number__isnull=False))
    rows = Enrolment.objects.in_term(term).filter(school_path__startswith=current_scope().path, stage=stage)
    rows = rows.filter(Q(listed) if poor else ~Q(listed)).order_by("pk")
    found = rows.values_list(*_PERSON, "home_path", "school_path").iterator(chunk_size=CHUNK)
    return [
        Candidate(student, number or f"{name}|{born}", home, school)
        for student, number, name, born, home, school in found
    ]


def candidates(term: Term, code: str) -> list[Candidate]:
    """Everybody in sight of a stratum. Cases count that moved in the term's school year."""
    group, stage = code.split("-")
    first = term.school_year_days[0]
    if group == "back":
        return _of_cases(BACK, stage, first)
    if group == "dismissed":
        return _of_cases([CaseState.FALSE_ALARM], stage, first)
    return _of_roll(term, stage, poor=group == "poor")


def may_draw(seed: str, size: int, by: Actor) -> None:
    """Raises Refused for what can't be drawn with."""
    wrong = {
        "您的角色不能抽查。": not by.may(P.DROPOUT_INSPECT),
        "请写种子，例如公布的彩票号码或会议抽出的数字。": not seed,
        "种子最长 60 个字。": len(seed) > 60,
        f"每层抽取 1 至 {MOST} 人。": not 1 <= size <= MOST,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)


@transaction.atomic
def draw(*, seed: str, term: Term, size: int, by: Actor, today: date, running: Running | None = None) -> Inspection:
    """Draws for the own area. The same seed in a term is the draw that was made with it. Raises Refused."""
    seed = seed.strip()
    may_draw(seed, size, by)
    path = current_scope().path
    sql.lock(KIND, path, term.code)
    if made := Inspection.objects.filter(path=path, term=term.code, seed=seed).first():
        if made.size != size:
            raise Refused(f"本学期已用这个种子抽过（每层 {made.size} 人），请换一个种子。")
        return made
    told, taken, roster = _drawn(seed, term, size, running)
    if not taken:
        raise Refused(f"{term.label}没有可以抽取的学生，请先导入学籍信息。")
    digest = checksum(roster, [(stratum, each.number) for stratum, each in taken])
    made = Inspection(path=path, term=term.code, seed=seed, size=size, strata=told, sha256=digest, drawn_on=today,
                      drawn_by=by.name)  # fmt: skip
    made.save()
    labels = strata(term)
    InspectionLine.objects.bulk_create(
        InspectionLine(
            inspection=made, order=number, stratum=labels[stratum], student_id=each.student, case_id=each.case,
            home_path=each.home_path, school_path=each.school_path,
        )
        for number, (stratum, each) in enumerate(taken, 1)
    )  # fmt: skip
    audit.record("inspection.drawn", subject=made, path=path, term=term.code, size=size, drawn=len(taken), sha256=digest)
    return made


def _drawn(
    seed: str, term: Term, size: int, running: Running | None
) -> tuple[list[dict[str, Any]], list[tuple[str, Candidate]], list[tuple[str, str]]]:
    """→ the strata, (stratum, child) drawn, (stratum, number) of all who could be."""
    told, taken, roster = [], [], []
    seen: set[int] = set()
    labels = strata(term)
    for number, (code, label) in enumerate(labels.items(), 1):
        found = candidates(term, code)
        picked = pick(seed, code, [each for each in found if each.student not in seen], size)
        seen |= {each.student for each in picked}
        taken += [(code, each) for each in picked]
        roster += [(code, each.number) for each in found]
        told.append({"stratum": code, "label": label, "population": len(found), "drawn": len(picked)})
        if running:
            running.progress(number, len(labels), f"抽取：{label}")
    return told, taken, roster


def work(running: Running) -> dict[str, Any]:
    """The job of a draw: params seed, term, size, today."""
    given = running.params
    made = draw(
        seed=given["seed"], term=Term.parse(given["term"]), size=given["size"], by=current_actor(),
        today=date.fromisoformat(given["today"]), running=running,
    )  # fmt: skip
    return {"inspection": made.pk, "drawn": made.lines.count(), "sha256": made.sha256}


def by_stratum(inspection: Inspection) -> dict[str, list[InspectionLine]]:
    """The lines of a draw in order, by stratum."""
    found: dict[str, list[InspectionLine]] = defaultdict(list)
    for line in inspection.lines.select_related("student__person"):
        found[line.stratum].append(line)
    return dict(found)
