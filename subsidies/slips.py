"""明白卡: what each child of a household is due in a term, one A5 page a household, for one or for a whole place.

slip.typ sets the pages and reckons nothing: amounts arrive there as text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from aidcases import audit, crypto, jobs
from aidcases.flow import Refused
from aidcases.jobs import Running
from aidcases.models import Job, Organisation, Region
from aidcases.models.records import JobState
from aidcases.paper import Printed, print_pdf
from aidcases.roles import OFFICE_LABELS, OfficeKind, P
from aidcases.scoping import HOME, current_actor, current_scope
from aidcases.terms import Term
from students.enums import Stage
from students.models import Enrolment, Household, Member, Student
from students.places import Places, county_of
from subsidies.enums import MAY_CLAIM, AmountKind, Claim, Delivery, EntitlementState
from subsidies.models import Entitlement, Mark, MissingFigure, Rule

TEMPLATE = Path(__file__).with_name("slip.typ")
NOT_COMPUTED = "本学期还没有测算，没有可以告诉家庭的金额。请先测算，再打印明白卡。"
NOBODY = "本学期没有上学的孩子，不用打印明白卡。"
NOT_ALLOWED = "您的角色不能打印明白卡。"
TOO_MANY = "这个范围有 {count:,} 户，一次最多打印 {most:,} 户，请按乡镇或村分开打印。"
MOST = 2000  # households in one file: a page takes its maker half a megabyte of memory, and a process has one gigabyte
COMPULSORY = (6, 18)  # from six (义务教育法 第十一条) until of age
UNTOLD = {AmountKind.NONE: "免费", AmountKind.DISCRETIONARY: "评定后定"}
COUNTED = {Delivery.CASH: "发放到卡", Delivery.FEE_WAIVER: "减免"}
PLAIN_GRADE = (Stage.SENIOR, Stage.SECONDARY_VOCATIONAL)  # 高一 and 中职一年级 say the stage themselves
PIECE = 1 << 16

Home = dict[str, Any]


# --- who -----------------------------------------------------------------------------------------------------------


def children(term: Term) -> QuerySet[Member]:
    """Who studies in the term, or is of an age to and known as a student; in the household that was entered last."""
    same = Member.objects.filter(person=OuterRef("person"))
    later = same.filter(Q(from_on__gt=OuterRef("from_on")) | Q(from_on=OuterRef("from_on"), pk__gt=OuterRef("pk")))
    studies = Exists(Enrolment.objects.in_term(term).filter(student=OuterRef("person")))
    youngest, oldest = (_years_before(term.age_day, years) for years in COMPULSORY)
    known = Exists(Student.objects.filter(pk=OuterRef("person")))
    ought = Q(known, person__birth_on__lte=youngest, person__birth_on__gt=oldest)
    return Member.objects.filter(Q(studies) | ought, ~Exists(later))


def _years_before(day: date, years: int) -> date:
    return day.replace(year=day.year - years)  # a 31 August has its like in every year


def households(term: Term, path: str) -> QuerySet[Household]:
    """Those under a path, of the households in sight, that have a child."""
    under = children(term).filter(household__path__startswith=path)
    return Household.objects.filter(pk__in=under.order_by().values("household"))


def computed(term: Term, path: str) -> bool:
    """Whether anything was ever computed for children at home and at school in the county of the path."""
    county = county_of(path)
    here = {"home_path__startswith": county, "school_path__startswith": county}
    return Entitlement.objects.in_term(term).filter(**here).exists()


# --- what ----------------------------------------------------------------------------------------------------------


@dataclass
class Slips:
    """`homes`: what slip.typ prints, in the order of villages and household numbers. `people`: ids of the children.
    `waiting`: of these, whose facts changed since the term was computed."""

    homes: list[Home] = field(default_factory=list)
    people: list[int] = field(default_factory=list)
    waiting: int = 0


class Known:
    """Everything the slips say of some children, in eight statements, however many there are."""

    def __init__(self, term: Term, members: list[Member]):
        people = [member.person_id for member in members]
        self.enrolments = {
            enrolment.student_id: enrolment
            for enrolment in Enrolment.objects.in_term(term)
            .filter(student__in=people)
            .select_related("school")
            .defer("phone")
        }
        due = Entitlement.objects.in_term(term).filter(student__in=people, state=EntitlementState.DUE)
        lacking = MissingFigure.objects.filter(term=term.code, student__in=people)
        self.due: dict[int, list[tuple[int, Decimal | None]]] = defaultdict(list)
        for student, rule, amount in due.values_list("student", "rule", "amount"):
            self.due[student].append((rule, amount))
        for student, rule in lacking.values_list("student", "rule"):
            self.due[student].append((rule, None))
        wanted = {rule for lines in self.due.values() for rule, _ in lines}
        self.rules = Rule.objects.select_related("pack", "benefit").in_bulk(wanted)
        paths = {member.household.path for member in members}
        self.places = Places(paths)
        self.centres = self._centres({county_of(path) for path in paths})
        self.waiting = (
            Mark.objects.filter(term=term.code, student_id__in=people).values("student_id").distinct().count()
        )

    def _centres(self, counties: set[str]) -> dict[str, str]:
        """County → the name of its aid centre, also where none has been opened here."""
        named = Organisation.objects.filter(kind=OfficeKind.COUNTY, path__in=counties).values_list("path", "name")
        label = OFFICE_LABELS[OfficeKind.COUNTY].removeprefix("县")
        return {county: self.places.label(county, seen_from=county) + label for county in counties} | dict(named)

    def lines(self, person: int) -> list[tuple[Rule, Decimal | None]]:
        """In the order of the benefits."""
        found = [(self.rules[rule], amount) for rule, amount in self.due[person]]
        return sorted(found, key=lambda one: (one[0].benefit.order, one[0].code))


def slips(term: Term, wanted: QuerySet[Household]) -> Slips:
    """The slips of the households that have a child; of the children everything that whoever acts may see."""
    found = (
        children(term)
        .filter(household__in=wanted.order_by())
        .select_related("person", "household__head")
        .only("person__name", "household__path", "household__head__name")
        .order_by("household__path", "household__number", "household", "person__birth_on", "person")
    )
    members = list(found)
    known = Known(term, members)
    grouped = [list(group) for _, group in groupby(members, key=lambda member: member.household_id)]
    return Slips([_home(known, each) for each in grouped], [member.person_id for member in members], known.waiting)


def _home(known: Known, members: list[Member]) -> Home:
    household, bases = members[0].household, {}
    sums = dict.fromkeys(COUNTED, Decimal("0.00"))
    pages = [_child(known, member, bases, sums) for member in members]
    total = sum(sums.values())
    some = any(child["lines"] or child["loans"] for child in pages)
    county = county_of(household.path)
    home = {
        "family": f"户主：{household.head.name}" if household.head else "户主：____________",
        "place": known.places.label(household.path, seen_from=county),
        "greeting": f"您家 {len(pages)} 个孩子本学期" + ("应享受的资助：" if some else "的情况："),
        "children": pages,
        "total": yuan(total) if total else "",
        "parts": "，".join(f"{COUNTED[how]} {yuan(part)}" for how, part in sums.items() if part),
        "bases": list(bases),
        "centre": known.centres[county],
    }
    return home | {"rows": _rows(home)}


def _child(known: Known, member: Member, bases: dict[str, int], sums: dict[str, Decimal]) -> dict[str, Any]:
    """A child's part of the page; adds to the household's `sums` by delivery and to the `bases` it stands on."""
    enrolment = known.enrolments.get(member.person_id)
    lines, loans, own = [], [], Decimal("0.00")
    for rule, amount in known.lines(member.person_id):
        number = bases.setdefault(_basis(rule), len(bases) + 1)
        (loans if rule.delivery in MAY_CLAIM else lines).append(_line(rule, amount, number))
        if rule.delivery in sums and amount:
            sums[rule.delivery] += amount
            own += amount
    return {
        "name": member.person.name,
        "school": enrolment.school.name if enrolment else "",
        "grade": _grade(enrolment) if enrolment else "",
        "note": "" if lines or loans else _nothing(enrolment),
        "lines": lines,
        "loans": loans,
        "total": yuan(own) if own else "",
    }


def _line(rule: Rule, amount: Decimal | None, basis: int) -> dict[str, Any]:
    how = Delivery(rule.delivery).label
    if rule.claim == Claim.APPLICATION and rule.delivery not in MAY_CLAIM:
        how += "，要申请"
    return {
        "name": rule.benefit.name,
        "amount": _amount(rule, amount),
        "how": how,
        "by": rule.disburser,
        "basis": basis,
    }


def _amount(rule: Rule, amount: Decimal | None) -> str:
    if amount is None:
        return UNTOLD.get(rule.amount_kind, "金额待定")
    return f"最多 {yuan(amount)}" if rule.delivery in MAY_CLAIM else yuan(amount)


def yuan(amount: Decimal) -> str:
    """￥1,250.00"""
    return f"￥{amount:,.2f}"


def _basis(rule: Rule) -> str:
    """《兰州市教育脱贫攻坚实施方案》（文号）四（三）2 普通高中"""
    title, number = rule.pack.document.strip("《》"), rule.pack.number
    return f"《{title}》" + (f"（{number}）" if number else "") + rule.clause


def _grade(enrolment: Enrolment) -> str:
    stage = Stage(enrolment.stage)
    if not enrolment.grade:
        return stage.label
    return enrolment.grade_label if stage in PLAIN_GRADE else f"{stage.label} {enrolment.grade_label}"


def _nothing(enrolment: Enrolment | None) -> str:
    if enrolment is None:
        return "本学期没有查到学籍，还不能算出资助。孩子在上学的，请把学校和年级告诉下面的资助中心。"
    return "按现有登记，本学期没有应享的资助项目。家里有困难，可以向学校提出申请。"


def _rows(home: Home) -> float:
    """How much stands on the page, in rows of a table: roughly, for the size of its letters."""
    rows = len("".join(home["bases"])) / 48
    for child in home["children"]:
        rows += 2 + len(child["name"] + child["school"] + child["grade"]) // 22 + (1.5 if child["note"] else 0)
        rows += sum(1 + len(line["name"]) // 15 + (0.6 if line["by"] or len(line["how"]) > 9 else 0)
                    for line in child["lines"])  # fmt: skip
        rows += 2.6 * len(child["loans"])
    return rows


# --- paper ---------------------------------------------------------------------------------------------------------


def printed(made: Slips, term: Term) -> Printed:
    """The pages, with who printed them. A household has one; a family of eight children may need a second."""
    actor, day = current_actor(), timezone.localdate().isoformat()
    office = Organisation.objects.filter(pk=actor.office_id).first()
    who = actor.name if actor.user_id else "系统"
    data = {"term": term.label, "office": office.name if office else "", "day": day, "by": f"{day} {who} 打印"}
    return print_pdf(TEMPLATE, {**data, "homes": made.homes})


def household_slip(household: Household, term: Term) -> Printed:
    """One household's page, for the counter; on record as seen. Raises Refused where there is nothing to say."""
    if not current_actor().may(P.ENTITLEMENT_VIEW):
        raise Refused(NOT_ALLOWED)
    if not computed(term, household.path):
        raise Refused(NOT_COMPUTED)
    made = slips(term, Household.objects.filter(pk=household.pk))
    if not made.homes:
        raise Refused(NOBODY)
    page = printed(made, term)
    audit.record("slip.printed", subject=household, term=term.code, subject_ids=made.people)
    return page


@transaction.atomic
def request_slips(*, term: Term, region: Region, purpose: str) -> Job:
    """Queues the slips of a place for whoever acts; the same request while it is under way is the same job.

    Raises Refused: role, place outside the own area, no purpose, nothing computed, nobody there or too many.
    """
    may = all(current_actor().may(each) for each in (P.HOUSEHOLD_VIEW, P.ENTITLEMENT_VIEW, P.LEDGER_ISSUE))
    ours = current_scope().covers(region.path, HOME)
    wrong = {
        NOT_ALLOWED: not may,
        "请写明用途，例如：入户发放。": not purpose.strip(),
        "只能打印本单位范围内的明白卡。": not ours,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    if not computed(term, region.path):
        raise Refused(NOT_COMPUTED)
    count = households(term, region.path).count()
    if not 0 < count <= MOST:
        raise Refused(TOO_MANY.format(count=count, most=MOST) if count else NOBODY)
    told = {"term": term.code, "region": region.code, "purpose": purpose.strip()[:120]}
    place = Places([region.path]).label(region.path)
    job = jobs.enqueue("subsidies.slips", label=f"打印明白卡：{place}，{term.label}", once=True, **told)
    audit.record("slips.requested", subject=job, **told)
    return job


def generate(job: Running) -> dict[str, Any]:
    """The job: one sealed PDF → {"households", "students", "pages", "waiting", "blanks", "stored", "sha256"}."""
    term, region = Term.parse(job.params["term"]), Region.objects.get(code=job.params["region"])
    job.progress(0, None, "读取资料")
    made = slips(term, households(term, region.path))
    if not made.homes:
        raise Refused(NOBODY)
    job.progress(0, len(made.homes), "排版")
    page = printed(made, term)
    job.progress(len(made.homes), len(made.homes), "加密保存")
    folder = settings.FILES / "slips"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # What an earlier attempt sealed without living to report it; that attempt can't report it any more.
    for left in folder.glob(f"{job.job.pk}-*.pdf"):
        left.unlink(missing_ok=True)
    stored = folder / f"{job.job.pk}-{job.job.claim.hex[:12]}.pdf"
    sha256 = crypto.write_sealed(stored, _pieces(page.pdf))
    try:
        job.check()
    except jobs.Cancelled:
        stored.unlink(missing_ok=True)
        raise
    counts = {"households": len(made.homes), "students": len(made.people), "pages": page.pages}
    return {**counts, "waiting": made.waiting, "blanks": len(page.blanks), "stored": stored.name, "sha256": sha256}


def _pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]


def open_slips(job: Job) -> BinaryIO:
    """A finished job's PDF in clear, in memory only. Raises Refused when there is none, or it was damaged."""
    if job.state != JobState.DONE:
        raise Refused("明白卡还没有生成好，不能下载。")
    try:
        return crypto.open_sealed(settings.FILES / "slips" / job.result["stored"])
    except (OSError, crypto.SealBroken):
        raise Refused("明白卡文件丢失或被改动，不能下载，请重新生成并告诉管理员。") from None
