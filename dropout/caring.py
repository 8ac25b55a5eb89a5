"""关爱档案 of left-behind, disabled and migrant children: who they are in a term, a file each, visits at their homes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import CharField, DateField, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Left, NullIf
from django.db.models.lookups import Exact

from aidcases import audit, crypto, sql
from aidcases import seen as seen_now
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import HOME, SCHOOL, Actor, current_scope
from aidcases.terms import Term
from dropout import asking
from dropout.enums import CareKind
from dropout.models import CareFile, CareVisit
from students.enums import COLLEGE_STAGES, Category, Stage
from students.facts import hardships_in
from students.filters import COUNTY_PATH
from students.models import Enrolment, Student

COMPULSORY = (Stage.PRIMARY, Stage.JUNIOR, Stage.SPECIAL_EDUCATION)
# Household facts are the home side's, what the school knows the school's; the other side does not see them.
FACTS: dict[str, tuple[str, ...]] = {
    HOME: ("father_at", "mother_at", "away_since", "guardian", "relation", "parents_phone", "lives_at"),
    SCHOOL: ("phone", "health", "disability", "placement", "helper", "note"),
}
PHONES = {"phone": "联系电话", "parents_phone": "父母电话"}
CLEARED = "无"  # typed over a number that is wrong: blank means unchanged
_NUMBER = re.compile(r"[0-9+ -]{7,20}")


# --- who they are --------------------------------------------------------------------------------------------------


def school_age(term: Term) -> Q:
    """Students of six to fourteen on the day ages are taken."""
    year = term.age_day.year
    return Q(person__birth_on__lte=date(year - 6, 8, 31), person__birth_on__gt=date(year - 15, 8, 31))


def flagged(kind: str, term: Term) -> QuerySet:
    """Keys of the students whom the roll or a register marks in the term."""
    enrolled = Enrolment.objects.in_term(term).order_by()
    if kind == CareKind.LEFT_BEHIND:
        return enrolled.filter(left_behind=True).values("student")
    if kind == CareKind.MIGRANT:
        near = Exact(Left("hukou_region__path", COUNTY_PATH), Left("school_path", COUNTY_PATH))
        here = enrolled.filter(stage__in=COMPULSORY, school_path__startswith=current_scope().path)
        return here.filter(hukou_region__isnull=False).exclude(near).values("student")
    held = hardships_in(term).filter(category=Category.DISABLED).order_by().values("person")
    hinted = enrolled.exclude(disability_hint="").values("student")
    pupils = enrolled.exclude(stage__in=COLLEGE_STAGES).values("student")
    rows = Student.objects.filter(Q(pk__in=held) | Q(pk__in=hinted))
    return rows.filter(school_age(term) | Q(pk__in=pupils)).order_by().values("pk")


def children(kind: str, term: Term) -> QuerySet[Student]:
    """Everybody in sight whom a list marks in the term or who has an open file, `annotated`."""
    opened = CareFile.objects.filter(kind=kind, ended_on=None).order_by().values("student")
    return annotated(kind, term, Student.objects.filter(Q(pk__in=flagged(kind, term)) | Q(pk__in=opened)))


def annotated(kind: str, term: Term, rows: QuerySet[Student]) -> QuerySet[Student]:
    """`here`: the roll's row of the term, `file`: the open file, `said`: what is known of a disability ("" for nothing)."""
    detail = hardships_in(term).filter(category=Category.DISABLED, person=OuterRef("pk")).exclude(detail="")
    return rows.annotate(
        here=FilteredRelation("enrolments", condition=Q(enrolments__term=term.code)),
        file=FilteredRelation("care_files", condition=Q(care_files__kind=kind, care_files__ended_on=None)),
    ).annotate(
        said=Coalesce(
            _filled("file__disability"),
            Subquery(detail.order_by("-from_on", "-pk").values("detail")[:1]),
            _filled("here__disability_hint"),
            Value(""),
            output_field=CharField(),
        )
    )


def _filled(name: str) -> Any:
    """The column, or NULL where it is empty."""
    return NullIf(F(name), Value(""))


def visited(term: Term) -> QuerySet[CareVisit]:
    return CareVisit.objects.filter(visited_on__gte=term.first_day, visited_on__lte=term.last_day)


# --- files ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def make_files(kind: str, rows: QuerySet[Student], *, by: Actor, today: date) -> int:
    """A file for each of these children (of `children(kind, term)`) that has none. → how many. Raises Refused."""
    if not by.may(P.CARE_WRITE):
        raise Refused("您的角色不能建立关爱档案。")
    sql.lock("care.make", kind)
    texts = dict.fromkeys(
        ("father_at", "mother_at", "guardian", "relation", "lives_at", "health", "placement", "helper", "note"),
        Value(""),
    )
    known = F("said") if kind == CareKind.DISABLED else Value("", CharField())
    made = sql.insert_from(
        CareFile,
        rows.filter(file__id=None),
        student_id=F("pk"),
        kind=Value(kind),
        home_path=F("person__home_path"),
        school_path=F("person__school_path"),
        disability=Left(known, 40),
        from_on=Value(today, DateField()),
        made_by=Value(by.name),
        **texts,
    )
    audit.record("carefile.made", kind=kind, count=made)
    return made


def sides(row: CareFile) -> tuple[str, ...]:
    """Whose facts of it whoever acts may see and write. Nobody's home is known: the school writes those, too."""
    scope = current_scope()
    at_school = scope.covers(row.school_path, SCHOOL)
    at_home = scope.covers(row.home_path, HOME) or (not row.home_path and at_school)
    return (*((HOME,) if at_home else ()), *((SCHOOL,) if at_school or (not row.school_path and at_home) else ()))


def shown(row: CareFile, side: str) -> str:
    """The mark of one side's facts as the form shows them."""
    return seen_now.mark(*(getattr(row, name) for name in FACTS[side] if name not in PHONES))


@transaction.atomic
def save(
    row: CareFile, side: str, facts: dict[str, Any], *, by: Actor, today: date, seen: str | None = None
) -> list[str]:
    """The facts of one side; a phone left blank stays as it is. → names of the columns that changed. Raises Refused."""
    held = CareFile.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if not by.may(P.CARE_WRITE) or side not in sides(held):
        raise Refused("这一部分由另一方填写。")
    if held.ended_on:
        raise Refused("档案已经结束，不能再改。")
    if seen is not None and seen != shown(held, side):
        raise seen_now.Changed
    if (since := facts.get("away_since")) and since > today:
        raise Refused("外出时间不能晚于今天。")
    told = {name: facts[name] for name in FACTS[side] if name in facts and name not in PHONES}
    told |= {name: _phone(facts[name]) for name in PHONES if name in FACTS[side] and facts.get(name)}
    told = {
        name: crypto.mask_numbers(v) if isinstance(v, str) and name not in PHONES else v for name, v in told.items()
    }
    changed = [name for name, value in told.items() if getattr(held, name) != value]
    for name in changed:
        setattr(held, name, told[name])
    held.save()
    if changed:
        audit.record("carefile.changed", subject=held, fields=changed)
    return changed


def _phone(typed: str) -> str | None:
    if typed.strip() == CLEARED:
        return None
    if not _NUMBER.fullmatch(typed.strip()):
        raise Refused(f"电话号码只写数字，例如 13800001234；要删除号码，写“{CLEARED}”。")
    return typed.strip()


@transaction.atomic
def end(row: CareFile, *, ended_on: date, why: str, by: Actor, today: date) -> CareFile:
    """The parents are back, the child has left school or moved away. Visits and requests stay. Raises Refused."""
    held = CareFile.objects.select_for_update(of=("self",)).get(pk=row.pk)
    wrong = {
        "您的角色不能结束关爱档案。": not by.may(P.CARE_WRITE),
        "档案已经结束。": held.ended_on is not None,
        "请写明结束的原因，例如父母已经返乡。": not why.strip(),
        "结束日期不能晚于今天。": ended_on > today,
        f"结束日期早于建档日期（{held.from_on}）。": ended_on < held.from_on,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    held.ended_on = ended_on
    held.save(update_fields=["ended_on"])
    said = crypto.mask_numbers(why.strip()[:200])
    audit.record("carefile.ended", subject=held, note=said)
    return held


# --- visits --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """What a family asked for at a visit, who takes it on, in how many working days."""

    text: str
    owner: str
    days: int = asking.DAYS


@transaction.atomic
def visit(
    student: Student, *, visited_on: date, who: str, met: str, text: str, by: Actor, today: date,
    wanted: Iterable[Wanted] = (),
) -> CareVisit:  # fmt: skip
    """A visit at a family, with a file or without, and what the family asked for; sent twice it is one. Raises Refused."""
    wrong = {
        "您的角色不能登记走访。": not by.may(P.CARE_WRITE),
        "走访日期不能晚于今天。": visited_on > today,
        "走访日期早于一年前，请核对年份。": visited_on < today - timedelta(days=366),
        "请填写走访人。": not who.strip(),
        "请写明了解到的情况。": len(text.strip()) < 2,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    made = CareVisit(
        student=student, home_path=student.person.home_path, school_path=student.person.school_path,
        path=current_scope().path, visited_on=visited_on, who=who.strip()[:100], met=crypto.mask_numbers(met.strip())[:100],
        text=crypto.mask_numbers(text.strip())[:400], made_by=by.name,
    )  # fmt: skip
    sql.lock("care.visit", str(student.pk))
    same = {name: getattr(made, name) for name in ("visited_on", "who", "met", "text", "made_by", "path")}
    if known := CareVisit.objects.filter(student=student, **same).first():
        return known
    made.save()
    for each in wanted:
        asking.ask(made, text=each.text, owner=each.owner, days=each.days, by=by, today=today)
    return made
