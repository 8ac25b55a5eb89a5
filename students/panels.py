"""Parts of pages: household, hardship, enrolments on the student's page, imports on the home page."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Case, Count, Q, When
from django.http import HttpRequest
from django.urls import reverse

from aidcases import sql
from aidcases.roles import OfficeKind, P
from aidcases.scoping import HOME, current_scope
from aidcases.terms import EARLIEST, Term, chronological
from aidcases.web import chosen_term, known_terms
from students.enums import RosterKind
from students.facts import categories_in
from students.imports.missing import decidable
from students.models import (
    Decision,
    Enrolment,
    Hardship,
    ImportFile,
    ImportRow,
    Member,
    Missing,
    PersonAlias,
    Student,
    Suspect,
)
from students.models.imports import FileState
from students.models.reviews import DecisionState, MissingState, SuspectState
from students.places import Places, county_of

RECENT, MOST_WAITING = 3, 9


def household(request: HttpRequest, student: Student) -> dict[str, Any]:
    """Who lives with the child. The register is the home side's; the other side is told who keeps it."""
    mine = (
        Member.objects.filter(person=student.person_id).select_related("household__region").order_by("-from_on", "pk")
    )
    own = list(mine.defer("household__phone"))
    if not own:
        home = student.person.home_path
        kept_here = current_scope().covers(home, HOME) or not home
        return {"households": [], "kept_by": "" if kept_here else Places([home]).label(county_of(home))}
    places = Places(member.household.path for member in own)
    people = members([member.household_id for member in own], chosen_term(request))
    return {
        "households": [
            {
                "household": member.household,
                "place": places.label(member.household.path),
                "members": [line for line in people if line["member"].household_id == member.household_id],
            }
            for member in own
        ],
        "kept_by": "",
    }


def members(households: list[int], term: Term) -> list[dict[str, Any]]:
    """The people of some households, the head first, with school and categories of the term: four queries."""
    found = Member.objects.filter(household__in=households).select_related("person", "household")
    rows = list(found.defer("person__id_number", "household__phone").order_by("household", "pk"))
    rows.sort(key=lambda member: member.person_id != member.household.head_id)
    people = [member.person_id for member in rows]
    enrolled = Enrolment.objects.in_term(term).filter(student__in=people).select_related("school").defer("phone")
    studies = {enrolment.student_id: enrolment for enrolment in enrolled}
    files = set(Student.objects.filter(pk__in=people).values_list("pk", flat=True))
    held = categories_in(term, people, [e.student_id for e in studies.values() if e.orphan])
    return [
        {
            "member": member,
            "person": member.person,
            "is_head": member.person_id == member.household.head_id,
            "has_file": member.person_id in files,
            "enrolment": studies.get(member.person_id),
            "categories": held[member.person_id],
        }
        for member in rows
    ]


def hardship(request: HttpRequest, student: Student) -> dict[str, Any]:
    """What the lists have said about the child, newest first, and where each line comes from."""
    rows = list(Hardship.objects.filter(person=student.person_id).defer("proof").order_by("-from_on", "-pk"))
    origin = origins([row.row_id for row in rows], request)
    return {"events": [_event(row, origin.get(row.row_id)) for row in rows]}


def _event(row: Hardship, origin: dict[str, str] | None) -> dict[str, Any]:
    undated = row.active and row.from_on == EARLIEST
    told = [
        row.detail,
        "名单没有写起始日期" if undated else "",
        f"证号尾号 {row.proof_last4}" if row.proof_last4 else "",
    ]
    event = {
        "on": row.from_on,
        "title": f"{row.get_category_display()}{'' if row.active else ' 终止'}",
        "by": origin["label"] if origin else row.get_source_display(),
        "text": "，".join(part for part in told if part),
        "tone": "warn" if row.active else "",
    }
    return event | ({"url": origin["url"]} if origin and origin["url"] else {})


def origins(rows: list[int | None], request: HttpRequest) -> dict[int | None, dict[str, str]]:
    """Import row → 《学籍信息》2018秋.xlsx 第 12 行, and its page. An office hears of its own files only."""
    wanted = ImportRow.objects.filter(pk__in={row for row in rows if row}).select_related("file")
    found = wanted.only("number", "file__kind", "file__filename")
    may_open = request.actor.may(P.IMPORT_VIEW)
    return {
        row.pk: {
            "label": f"《{row.file.get_kind_display()}》{row.file.filename} 第 {row.number} 行",
            "url": reverse("import_detail", args=[row.file_id]) if may_open else "",
        }
        for row in found
    }


def enrolments(request: HttpRequest, student: Student) -> dict[str, Any]:
    """Every term the child has studied in, as far as whoever acts can see."""
    rows = Enrolment.objects.filter(student=student).select_related("school").defer("phone")
    found = list(rows.order_by(*chronological()))
    origin = origins([enrolment.row_id for enrolment in found], request)
    return {"terms": [{"enrolment": e, "origin": origin.get(e.row_id)} for e in found]}


def imports(request: HttpRequest) -> dict[str, Any] | None:
    """Home card: the last imports, what waits for a person, and which rosters the term still lacks."""
    last = ImportFile.objects.values("pk")[:RECENT]
    shown = ImportFile.objects.filter(Q(pk__in=last) | Q(state=FileState.PREVIEWED)).select_related("office")
    files = list(shown[: RECENT + MOST_WAITING])
    recent = files[:RECENT]
    if not (recent or request.actor.may(P.IMPORT_WRITE)):
        return None
    term = chosen_term(request)
    waiting = [file for file in files if file.state == FileState.PREVIEWED][:MOST_WAITING]
    return {"files": recent, "waiting": waiting, "term": term, "rosters": rosters_of(request, term)} | {
        "missing": missing_people(request), "begin": begin_terms(request)
    }  # fmt: skip


def reviews(request: HttpRequest) -> dict[str, Any] | None:
    """Home card: rows, requests and pairs of people that wait for a clerk; nothing where nothing waits."""
    requests = Decision.objects.filter(state=DecisionState.ASKED, other_path__startswith=current_scope().path)
    # Every file carries its count, so that no rows are read for a figure.
    files = ImportFile.objects.committed().exclude(kind=RosterKind.EDITS).filter(counts__review__gt=0)
    pairs = Suspect.objects.filter(state=SuspectState.OPEN)
    waits = {
        "rows": sum(files.values_list("counts__review", flat=True)),
        **sql.counts(requests=requests.order_by(), people=pairs.order_by()),
    }
    return {"waits": waits} if any(waits.values()) else None


def merges(request: HttpRequest, student: Student) -> dict[str, Any] | None:
    """Who was merged into this record: when, by whom, why."""
    found = list(PersonAlias.objects.filter(person=student.pk).defer("id_number").select_related("batch").order_by("pk"))
    if not found:
        return None
    why = {s.batch_id: s for s in Suspect.objects.filter(batch__in=[alias.batch_id for alias in found])}
    return {"merged": [{"alias": alias, "suspect": why.get(alias.batch_id)} for alias in found]}


def missing_people(request: HttpRequest) -> int:
    """How many people of older registers wait to be ended or kept."""
    if not request.actor.may(P.REVIEW_DECIDE):
        return 0
    return decidable(Missing.objects.filter(state=MissingState.OPEN)).count()


def left_out(file: ImportFile) -> dict[str, int]:
    """State → people of older registers who are not on this one; {} for a file that is no whole register."""
    if not (file.whole and file.state == FileState.COMMITTED):
        return {}
    rows = Missing.objects.filter(file=file).order_by("state").values_list("state").annotate(people=Count("pk"))
    return dict(rows)


def begin_terms(request: HttpRequest) -> list[Term]:
    """[from, to] where a county's maker can open a term: one that has begun by today or is worked in and has nobody in
    its own schools, while the one before has. [] where there is nothing to do."""
    office = request.membership.organisation
    if office.kind != OfficeKind.COUNTY or not request.actor.may(P.IMPORT_WRITE):
        return []
    own = Enrolment.objects.filter(school_path__startswith=office.path)
    known = known_terms(request)
    last = Term.parse(known[0]) if known else None
    worked_in = chosen_term(request)
    for to in dict.fromkeys([worked_in, *([last.next] if last else [])]):
        before = Term(to.year, "spring") if to.autumn else Term(to.year - 1, "autumn")
        due = to == worked_in or to.first_day <= date.today()
        if due and before.code in known:
            there = sql.counts(now=own.in_term(to).order_by()[:1], before=own.in_term(before).order_by()[:1])
            if there["before"] and not there["now"]:
                return [before, to]
    return []


def rosters_of(request: HttpRequest, term: Term) -> list[dict[str, Any]]:
    """The rosters a county's term should have: kind, label, and the last file that was not given up, if any."""
    office = request.membership.organisation
    if office.kind != OfficeKind.COUNTY:
        return []
    standing = ImportFile.objects.filter(term=term.code, office=office).exclude(
        state__in=(FileState.DISCARDED, FileState.REFUSED, FileState.UNDONE)
    )
    # What has been committed stands, even while a newer file waits.
    committed_last = Case(When(state=FileState.COMMITTED, then=1), default=0)
    last = {file.kind: file for file in standing.order_by("kind", committed_last, "pk")}
    # Lists that a term does not lack when nobody sends them.
    extra = (RosterKind.EDITS, RosterKind.ATTENDANCE, RosterKind.STUDENTS, RosterKind.APPLICATIONS)
    kinds = [kind for kind in RosterKind if kind not in extra]
    return [{"kind": kind.value, "label": kind.label, "file": last.get(kind.value)} for kind in kinds]
