"""县级审核: what its schools handed up, what speaks against each line, first look, returns, the school's taking back.

Locks: the notices of the lines first (see notices), then the lines, so that no check or guard is older than the step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db import transaction
from django.db.models import BooleanField, Case, Count, Exists, F, Func, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Now
from django.db.models.lookups import Exact
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.scoping import Actor
from aidcases.terms import Term
from students.facts import roll_orphans
from students.models import Enrolment, Member, Suspect
from students.models.reviews import SuspectState
from subsidies.casework.applying import Outcome, of_school_side
from subsidies.casework.classlist import in_a_school
from subsidies.casework.matched import BOX_OF, CODES, on_lists
from subsidies.enums import Level
from subsidies.models import Application, Determination, NoticeLine, PublicNotice, Quota
from subsidies.models.applications import ApplicationState, Box
from subsidies.models.notices import OFF, NoticeState

S = ApplicationState
KNOWN = tuple(dict.fromkeys(BOX_OF.values()))  # boxes that a list can confirm
GONE = (S.WITHDRAWN, S.DECLINED, S.CANCELLED, S.REJECTED, S.NOT_HARD, S.DOUBLED)
OVER = (NoticeState.OVER, NoticeState.ARCHIVED)
ALREADY = "已经初核过"
NOT_HERE = "退回由县学生资助管理中心办理。"

# What the panel, the notice and the county have added and a return takes away again.
_NOTICE: dict[str, Any] = {"notice_over": False, "handed_by_id": None, "checked_by_id": None}
_PANEL: dict[str, Any] = {**_NOTICE, "level": "", "score": None, "rank": None, "reviewed_by_id": None}
RETURNS = {"return_form": _PANEL, "return_panel": _PANEL, "return_notice": _NOTICE}


# --- checks --------------------------------------------------------------------------------------------------------

STOPS, ASKS, TELLS = "stops", "asks", "tells"


@dataclass(frozen=True)
class Check:
    """`fails`: rows of the queue it speaks against. STOPS: the line can't go on. ASKS: only one by one, with what was
    found out. TELLS: to be looked at."""

    code: str
    label: str
    advice: str
    weight: str
    fails: Q

    @property
    def ways(self) -> list[Q]:
        """Ways to fail it, each of which a database can look for as a join, as it can't for one or the other."""
        either = self.fails.connector == Q.OR and not self.fails.negated
        return [Q(each) for each in self.fails.children] if either else [self.fails]

    @property
    def tone(self) -> str:
        return "bad" if self.weight != TELLS else "warn"


def checks(term: Term) -> list[Check]:
    """The automatic checks of a term's lines; each is a part of whatever query it stands in."""
    here = Enrolment.objects.in_term(term).filter(student=OuterRef("student"), school=OuterRef("school"))
    return [
        Check("no_notice", "没有公示记录", "请退回公示，公示期满后再上报。", STOPS, Q(notice_over=False)),
        Check("objection", "有没办结的异议", "请等异议办结。", STOPS, Q(objections_open__gt=0)),
        Check("not_enrolled", "本学期学籍不在这所学校", "请核对学籍；已转学的退回，由现在的学校办理。", STOPS, ~Q(Exists(here))),
        Check("elsewhere", "可能在别处重复认定", "请与另一方核实只在一处受助，单独初核并写明核实情况。", ASKS, _elsewhere(term)),
        Check("unlisted", "勾选的类型名单上没有", "请看证明材料，或核对名单。", TELLS, _unlisted(term)),
        Check("quota", "没有下达本等级名额", "学校有名额，但没有这一等级的，请核对。", TELLS, _no_quota(term)),
        Check("household", "同户孩子等级不同", "请核对同一户是否应为同一等级。", TELLS, Q(_household(term))),
    ]


def too_early(decided_on: date) -> Check:
    """A decision dated before the end of the line's own notice; what is decided is decided after it."""
    over = timezone.make_aware(datetime.combine(decided_on + timedelta(days=1), time()))
    mine = NoticeLine.objects.filter(application=OuterRef("pk"), notice__state__in=OVER, notice__ends_at__gt=over)
    standing = Q(Exists(mine.exclude(state__in=OFF)))
    return Check("early", f"批准日期 {decided_on} 早于公示期满", "请把批准日期改到公示期满以后。", STOPS, standing)


def _no_quota(term: Term) -> Q:
    """The school has quotas, though none of this level. (That one is exceeded the database itself refuses.)"""
    mine = Quota.objects.filter(school=OuterRef("school"), term=term.code)
    return Q(Exists(mine)) & ~Q(Exists(mine.filter(level=OuterRef("level")))) & ~Q(level=Level.NONE)


def _elsewhere(term: Term) -> Q:
    """Determined at another school, or perhaps the same person as another child who applied or is determined: a child
    has two homes, so both are looked for past the own scope. Only that it is so is told."""
    determined = Determination._base_manager.filter(term=term.code).exclude(level=Level.NONE)
    applied = Application._base_manager.filter(term=term.code).exclude(state__in=GONE)
    found = Q(Exists(determined.filter(student=OuterRef("student")).exclude(school_path=OuterRef("school_path"))))
    for me, other in (("first_id", "second_id"), ("second_id", "first_id")):
        aided = Exists(applied.filter(student=OuterRef(other))) | Exists(determined.filter(student=OuterRef(other)))
        twins = Suspect._base_manager.filter(aided, state=SuspectState.OPEN)
        found |= Q(student__in=twins.values(me))
    return found


def _unlisted(term: Term) -> Q:
    """A ticked box that a list could confirm, and none does now (nor the roll's own mark of orphans). Asked for each line
    by itself: few tick one, and whole lists would be read for every box."""
    marked = Enrolment.objects.in_term(term).filter(roll_orphans(term), student=OuterRef("student"))
    orphan = Q(boxes__contains=[Box.ORPHAN]) & Q(Exists(marked))
    held = Case(When(orphan, then=Value([Box.ORPHAN.value], CODES)), default=Value([], CODES), output_field=CODES)
    proved = Value([box.value for box in Box if box not in KNOWN], CODES)
    for codes in (proved, on_lists(term)):
        held = Func(held, codes, function="array_cat", output_field=CODES)
    return Q(boxes__overlap=list(KNOWN)) & ~Q(boxes__contained_by=held)


def _household(term: Term) -> Exists:
    """A child of the same household is determined at another level. The register is the home side's: of a child at home
    in another county nothing is found."""
    year = [term.code] if term.autumn else [term.code, f"{term.year - 1}-autumn"]
    siblings = Member.objects.filter(household__members__person=OuterRef("student")).exclude(person=OuterRef("student"))
    # Joined, not looked for within: what asks of a row two levels above is asked for every row by itself.
    other = ~Exact(F("person__student__determinations__level"), OuterRef("level"))
    seen = Determination.objects.filter(term__in=year).order_by()
    return Exists(siblings.filter(other, person__student__determinations__in=seen))


# --- the queue -----------------------------------------------------------------------------------------------------


def queue(term: Term) -> QuerySet[Application]:
    """What the own schools have handed up and waits for the county."""
    return of_school_side(Application.objects.in_term(term)).filter(state=S.COUNTY_REVIEW)


def lines(pks: list[int], term: Term, found: list[Check]) -> list[dict[str, Any]]:
    """Applications in the order given with what speaks against each, in one query (and one for their classes)."""
    rows = Application.objects.filter(pk__in=pks).select_related("student__person", "school").annotate(
        on_lists=on_lists(term), **{f"fails_{check.code}": _flag(check.fails) for check in found}
    )  # fmt: skip
    rows = rows.defer("phone", "parent_phone", "student__roll_number", "student__person__id_number")
    made = {row.pk: row for row in rows.order_by()}
    enrolled = Enrolment.objects.in_term(term).filter(student__in=[row.student_id for row in made.values()])
    classes = {each.student_id: each for each in enrolled.defer("phone")}
    return [_line(made[pk], classes.get(made[pk].student_id), found) for pk in pks if pk in made]


def _flag(holds: Q) -> Case:
    return Case(When(holds, then=True), default=False, output_field=BooleanField())


def _line(row: Any, enrolment: Enrolment | None, found: list[Check]) -> dict[str, Any]:
    labels = dict(Box.choices)
    return {
        "application": row,
        "person": row.student.person,
        "enrolment": enrolment,
        "confirmed": [labels[code] for code in row.boxes if code in row.on_lists],
        "unconfirmed": [labels[code] for code in row.boxes if code in KNOWN and code not in row.on_lists],
        "proved": [labels[code] for code in row.boxes if code not in KNOWN and code not in row.on_lists],
        "unticked": [labels[code] for code in KNOWN if code in row.on_lists and code not in row.boxes],
        "fails": [check for check in found if getattr(row, f"fails_{check.code}")],
    }


def counted(rows: QuerySet[Application], found: Iterable[Check]) -> Counter[str]:
    """Label → rows that fail it, in one query; a row may count under several."""
    found = list(found)
    told = rows.order_by().aggregate(**{f"n_{check.code}": Count("pk", filter=check.fails) for check in found})
    return Counter({check.label: told[f"n_{check.code}"] for check in found if told[f"n_{check.code}"]})


def against(found: Iterable[Check]) -> Q:
    """One of the checks at least speaks against the row."""
    return reduce(or_, (check.fails for check in found), Q(pk=None))


def failing(rows: QuerySet[Application], found: Iterable[Check]) -> set[int]:
    """Keys of the rows that one of the checks at least speaks against, in one query: each way of failing is looked for by
    itself, which takes half the time of asking each row for one after the other."""
    first, *more = (rows.filter(way).order_by().values_list("pk", flat=True) for check in found for way in check.ways)
    return set(first.union(*more, all=True))


def clear(rows: QuerySet[Application], found: Iterable[Check]) -> QuerySet[Application]:
    """Those that none of the checks speaks against."""
    return rows.filter(~against(found))


def held(rows: QuerySet[Application]) -> QuerySet[Application]:
    """The rows, locked: nothing about them or an objection to them changes until the transaction ends."""
    lines_of = NoticeLine.objects.filter(application__in=rows.order_by().values("pk")).order_by()
    notices = PublicNotice.objects.filter(pk__in=lines_of.values("notice")).order_by("pk")
    list(notices.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    pks = list(rows.order_by("pk").select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    return Application.objects.keyed(pks)


# --- steps ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def check(rows: QuerySet[Application], term: Term, *, by: Actor, note: str = "") -> Outcome:
    """初核: what no check stops. `note` (of a single line): what was found out where a check asks. Raises Refused."""
    found = held(rows)
    refusals = found.unmoved("check")  # type: ignore[attr-defined]
    waiting = found.filter(state=S.COUNTY_REVIEW)
    if done := waiting.exclude(checked_by_id=None).count():
        refusals[ALREADY] += done
    waiting = waiting.filter(checked_by_id=None)
    stops = [each for each in checks(term) if each.weight == STOPS or (each.weight == ASKS and not note.strip())]
    refusals += counted(waiting, stops)
    moved = clear(waiting, stops).move(  # type: ignore[attr-defined]
        "check", by=by, note=note, checked_by_id=by.user_id, moved_at=Now()
    )
    return Outcome(moved, refusals)


@transaction.atomic
def send_back(rows: QuerySet[Application], name: str, *, by: Actor, note: str) -> Outcome:
    """One of RETURNS, from the county to an earlier step, with the reason the school reads. Raises Refused."""
    if in_a_school():
        raise Refused(NOT_HERE)
    found = held(rows)
    refusals = found.unmoved(name)  # type: ignore[attr-defined]
    moved = found.filter(state=S.COUNTY_REVIEW).move(  # type: ignore[attr-defined]
        name, by=by, note=note, returned_why=note.strip()[:200], moved_at=Now(), **RETURNS[name]
    )
    return Outcome(moved, refusals)


@transaction.atomic
def take_back(rows: QuerySet[Application], *, by: Actor) -> Outcome:
    """The school takes back what it handed up, as long as the county has not begun. Raises Refused."""
    found = held(of_school_side(rows))
    refusals = found.unmoved("take_back_up")  # type: ignore[attr-defined]
    moved = found.move("take_back_up", by=by, handed_by_id=None, moved_at=Now())  # type: ignore[attr-defined]
    return Outcome(moved, refusals)
