"""在外就读: children at home here whose school lies elsewhere, what is recorded of them, and whether both homes aid them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Case, CharField, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Left, Length
from django.db.models.lookups import Exact

from aidcases import audit, files, seen, sql
from aidcases.scoping import HOME, Actor, current_scope
from aidcases.terms import Term
from students.models import Enrolment
from subsidies.enums import EntitlementState, Jurisdiction
from subsidies.giving.common import MOST, day_wrong, refuse_if, said
from subsidies.models import Entitlement, Payment, StudyAway
from subsidies.models.plans import Aided

TOWNSHIP, COUNTY, PROVINCE = "township", "county", "province"
# Level → the length of its paths.
LENGTHS = {TOWNSHIP: len("/62/6201/620123/620123100/"), COUNTY: len("/62/6201/620123/"), PROVINCE: len("/62/")}
PAID, DUE = "paid", "due"
DOUBLES = {PAID: "两地都有，户籍地已列入发放", DUE: "两地都有，户籍地还没有发放"}
PROOF = "away-proof"


def away(term: Term, level: str = COUNTY) -> QuerySet[Enrolment]:
    """Enrolments of children at home in sight whose school lies outside their home township, county or province."""
    scope, length = current_scope(), LENGTHS[level]
    if HOME not in scope.sides:
        return Enrolment.objects.none()
    near = Q(Exact(Left("home_path", length), Left("school_path", length)))
    known = Enrolment.objects.in_term(term).annotate(depth=Length("home_path")).filter(depth__gte=length)
    return known.filter(~near, home_path__startswith=scope.path)


def anywhere(term: Term) -> QuerySet[Enrolment]:
    """The same of all levels: outside the home township, or outside the county of a child whose township nobody knows."""
    near = Q(school_path__startswith=Left("home_path", LENGTHS[TOWNSHIP]))
    scope = current_scope()
    rows = Enrolment.objects.in_term(term).filter(~near, home_path__startswith=scope.path)
    return rows if HOME in scope.sides else rows.none()


def recorded(term: Term) -> QuerySet[StudyAway]:
    """What is recorded of a row of `away`, for a subquery of it."""
    return StudyAway.objects.filter(term=term.code, student=OuterRef("student"))


def granted_at_home(term: Term) -> QuerySet[Entitlement]:
    """What children are due by their home's rules, loans apart."""
    return Entitlement.objects.filter(term=term.code, rule__jurisdiction=Jurisdiction.HOUSEHOLD).granted().order_by()


def double(term: Term) -> Case:
    """Of a row of `away` a key of DOUBLES, or "": listed for payment by the home county while the county of the school (by
    its batches, or by what was recorded) gives too; or still due at home while recorded as aided there."""
    home, batch = Left(OuterRef("home_path"), LENGTHS[COUNTY]), Left("batch__path", LENGTHS[COUNTY])
    lines = Payment.objects.standing().filter(term=term.code, student=OuterRef("student"))
    here, there = Exists(lines.filter(Exact(batch, home))), Exists(lines.filter(~Q(Exact(batch, home))))
    aided = Exists(recorded(term).filter(aided=Aided.YES))
    due = Exists(granted_at_home(term).filter(student=OuterRef("student"), state=EntitlementState.DUE, amount__gt=0))
    return Case(
        When(Q(here) & (Q(there) | Q(aided)), then=Value(PAID)), When(Q(aided) & Q(due), then=Value(DUE)),
        default=Value(""), output_field=CharField(),
    )  # fmt: skip


def shown(record: StudyAway | None) -> str:
    """What a form was opened on, for `save`."""
    return seen.mark(*(getattr(record, name) for name in COLUMNS)) if record else seen.mark()


COLUMNS = ("reason", "aided", "item", "yuan", "proof_on", "how", "checked_by", "checked_on", "note")


@transaction.atomic
def save(
    enrolment: Enrolment,
    *,
    by: Actor,
    today: date,
    mark: str | None = None,
    proof: UploadedFile | None = None,
    **columns: Any,
) -> StudyAway:
    """What is known of one child for the enrolment's term, with the paper that proves it. `columns`: COLUMNS. Raises Refused,
    seen.Changed."""
    sql.lock("away", enrolment.term, enrolment.student_id)
    same = {"student": enrolment.student, "term": enrolment.term}
    record = StudyAway.objects.filter(**same).first()
    if mark is not None and mark != shown(record):
        raise seen.Changed
    refuse_if(_wrong(columns, today))
    record = record or StudyAway(**same, home_path=enrolment.home_path)
    for name in COLUMNS:
        value = columns[name]
        setattr(
            record,
            name,
            said(value, 200 if name == "note" else 60) if name in ("item", "note", "checked_by") else value,
        )
    record.made_by = by.name
    record.save()
    if proof is not None:
        files.attach(record, proof, what=PROOF, path=record.home_path)
    audit.record("away.saved", subject=record, path=record.home_path, term=record.term)
    return record


def _wrong(columns: dict[str, Any], today: date) -> dict[str, Any]:
    there, yuan = columns["aided"] == Aided.YES, columns["yuan"]
    wrong = {
        "就读地已享受资助的，请写资助项目。": there and not columns["item"].strip(),
        "只有就读地已享受资助，才填项目和金额。": not there and (columns["item"].strip() or yuan is not None),
        f"金额要在 0 到 {MOST:,} 元之间。": yuan is not None and not Decimal(0) <= yuan <= MOST,
        **_check_wrong(columns, today),
    }
    return wrong | (day_wrong(columns["proof_on"], today, "在读证明日期") if columns["proof_on"] else {})


def _check_wrong(columns: dict[str, Any], today: date) -> dict[str, Any]:
    told = [bool(columns["how"]), bool(columns["checked_by"].strip()), bool(columns["checked_on"])]
    wrong = {"核实方式、核实人、核实日期要一起填，或者都不填。": any(told) and not all(told)}
    return wrong | (day_wrong(columns["checked_on"], today, "核实日期") if columns["checked_on"] else {})


@transaction.atomic
def check_all(
    rows: QuerySet[Enrolment],
    term: Term,
    *,
    reason: str,
    how: str,
    checked_by: str,
    checked_on: date,
    by: Actor,
    today: date,
) -> tuple[int, int]:
    """One check for all of the set (of `away`) that nobody has checked: children without a record get one, the others theirs
    filled; two statements. A reason that is written already stays. → (made, filled). Raises Refused."""
    wrong = _check_wrong({"how": how, "checked_by": checked_by, "checked_on": checked_on}, today)
    refuse_if({"请选择核实方式。": not how, **wrong})
    sql.lock("away", term.code)
    check = {"how": how, "checked_by": said(checked_by, 60), "checked_on": checked_on}
    told = StudyAway.objects.filter(term=term.code, student__in=rows.order_by().values("student"))
    fresh = Case(When(reason="", then=Value(reason)), default=F("reason"))
    filled = told.filter(how="").update(reason=fresh, **check, made_by=by.name)
    made = sql.insert_from(
        StudyAway, rows.filter(~Exists(recorded(term))), student=F("student"), term=F("term"), home_path=F("home_path"),
        reason=Value(reason), made_by=Value(by.name), **{name: Value(value) for name, value in check.items()},
        **{name: Value("") for name in ("aided", "item", "note")},
    )  # fmt: skip
    audit.record("away.checked", term=term.code, made=made, filled=filled)
    return made, filled
