"""The lists of notices, made set-based from what they announce, and the whitelist of their columns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Concat, RowNumber

from aidcases.flow import Refused
from aidcases.models import Organisation, School
from aidcases.sql import insert_from
from aidcases.terms import Term
from students.enums import GRADE_LABELS
from students.models import Enrolment
from subsidies.casework.leak import CATEGORY, FIRST_COLUMN
from subsidies.enums import EntitlementState, Jurisdiction, Level
from subsidies.models import Application, Benefit, Entitlement, NoticeLine, PanelMember, Payment, PublicNotice
from subsidies.models.applications import ApplicationState
from subsidies.models.notices import OFF, LineState, NoticeKind, NoticeState
from subsidies.models.panels import MemberKind

# The only columns a notice can have (教财厅函〔2017〕28号 and casework.md); amounts on benefit and funds lists, always.
_CHILD = (("name", "姓名"), ("school", "学校"), ("grade", "年级"), ("class_name", "班级"))
_MONEY = (*_CHILD, ("benefit", "资助项目"), ("amount", "金额（元）"))
WHITELIST: dict[str, tuple[tuple[str, str], ...]] = {
    NoticeKind.DETERMINATION: (*_CHILD, ("level", "等级")),
    NoticeKind.BENEFIT: _MONEY,
    NoticeKind.FUNDS: _MONEY,
    NoticeKind.PANEL: (("name", "姓名"), ("role", "身份")),
}
RECOGNISED = (Level.SPECIAL, Level.HARD, Level.ORDINARY)  # 不困难 is nobody's business
WITHDRAWN = "（已撤回申请）"  # stands in place of the name
PENDING = (NoticeState.DRAFT, NoticeState.PREVIEWED, NoticeState.PUBLISHED)
NOBODY = {
    NoticeKind.DETERMINATION: "没有可以公示的申请：要评审通过、等级为困难，并且还没有列入别的公示。",
    NoticeKind.BENEFIT: "没有可以公示的应享资助：请先测算这个学期，或换一个资助项目。",
    NoticeKind.FUNDS: "这个发放批次里没有学生，请核对批次。",
    NoticeKind.PANEL: "评审小组还没有成员，请先登记成员。",
}


def heads(kind: str) -> tuple[str, ...]:
    """Heads of the public table, in order."""
    return (FIRST_COLUMN, *(label for _, label in WHITELIST[kind]))


def public_lines(notice: PublicNotice) -> QuerySet[NoticeLine]:
    """As anybody may see them: a line that was taken out after an objection is gone, one whose application was
    withdrawn has its number only (table)."""
    return notice.lines.exclude(state=LineState.REMOVED).order_by("order")


def table(notice: PublicNotice) -> list[list[str]]:
    """The public table as text, row by row, only what the whitelist of its kind names."""
    names = [name for name, _ in WHITELIST[notice.kind]]
    found = public_lines(notice).values_list("order", "state", *names)
    blank = [WITHDRAWN, *[""] * (len(names) - 1)]
    return [
        [str(order), *(blank if state == LineState.WITHDRAWN else map(_shown, names, values))]
        for order, state, *values in found
    ]


def _shown(name: str, value: Any) -> str:
    if name == "amount":
        return "" if value is None else f"{Decimal(value):,.2f}"
    return Level(value).label if name == "level" and value else str(value)


def digest(notice: PublicNotice) -> str:
    """SHA-256 over what is published: the heading's words and every line, also one that was taken out since."""
    names = [name for name, _ in WHITELIST[notice.kind]]
    told = [notice.kind, notice.title, notice.intro, notice.hotline, notice.document]
    lines = notice.lines.order_by("order").values_list("order", *names)
    digest = hashlib.sha256(json.dumps(told, ensure_ascii=False).encode())
    for line in lines:
        digest.update(b"\n" + json.dumps([str(value) for value in line], ensure_ascii=False).encode())
    return digest.hexdigest()


def title(kind: NoticeKind, office: Organisation, term: Term) -> str:
    """Of a new notice; of several of a term each says which it is, as two may run side by side."""
    before = PublicNotice.objects.filter(office=office, term=term.code, kind=kind).exclude(state=NoticeState.RECALLED)
    batch = f"（第 {count + 1} 批）" if (count := before.count()) else ""
    return f"{office.name}{term.label}{kind.label}公示"[:110] + batch


# --- making --------------------------------------------------------------------------------------------------------


def fill(
    notice: PublicNotice, *, schools: Iterable[School] = (), benefits: Iterable[Benefit] = (), batch: str = ""
) -> int:
    """Makes the notice's list anew. `schools`: only of these, else all under the office. `benefits`: only these.
    → lines. Raises Refused when there is nobody."""
    notice.lines.all().delete()
    under = _own(notice)
    if chosen := [school.path for school in schools]:
        under &= Q(school_path__in=chosen)
    made = {
        NoticeKind.DETERMINATION: lambda: _determination(notice, under),
        NoticeKind.BENEFIT: lambda: _benefit(notice, under, [benefit.pk for benefit in benefits]),
        NoticeKind.FUNDS: lambda: _funds(notice, under, batch),
        NoticeKind.PANEL: lambda: _panel(notice),
    }[NoticeKind(notice.kind)]()
    if not made:
        raise Refused(NOBODY[NoticeKind(notice.kind)])
    return made


def _determination(notice: PublicNotice, under: Q) -> int:
    elsewhere = NoticeLine.objects.filter(application=OuterRef("pk"), notice__state__in=PENDING)
    found = Application.objects.filter(
        under, ~Exists(elsewhere.exclude(state__in=OFF)), term=notice.term, level__in=RECOGNISED,
        state=ApplicationState.PANEL_REVIEWED,
    )  # fmt: skip
    return _insert(found, notice, level=F("level"), application=F("pk"), student=F("student"))


def _benefit(notice: PublicNotice, under: Q, benefits: list[int]) -> int:
    """What the rules give, automatic or not, in yuan; what everybody gets needs no list."""
    found = Entitlement.objects.filter(
        _answers_for(notice, under), term=notice.term, state=EntitlementState.DUE, amount__gt=0, rule__universal=False
    ).granted()  # fmt: skip
    found = found.filter(benefit__in=benefits) if benefits else found
    return _insert(found, notice, benefit=_neutral(), about=F("benefit"), amount=F("amount"), student=F("student"))


def _answers_for(notice: PublicNotice, under: Q) -> Q:
    """Children of the own schools; what goes by the household also those at home here who study elsewhere."""
    home = Q(rule__jurisdiction=Jurisdiction.HOUSEHOLD, home_path__startswith=notice.path)
    return under | (home & ~Q(school_path__startswith=notice.path)) if under == _own(notice) else under


def _own(notice: PublicNotice) -> Q:
    return Q(school_path__startswith=notice.path)


def _funds(notice: PublicNotice, under: Q, batch: str) -> int:
    """A child's lines of one benefit in the batch, also back-pay, in one sum."""
    listed = Payment.objects.standing().filter(batch__number=batch, term=notice.term)
    same = listed.filter(student=OuterRef("student"), benefit=OuterRef("benefit")).order_by()
    summed = same.values("student").annotate(yuan=Sum("amount")).values("yuan")
    first = listed.filter(under, ~Exists(same.filter(pk__lt=OuterRef("pk")))).annotate(yuan=Subquery(summed))
    first = first.filter(yuan__gt=0)
    return _insert(first, notice, benefit=_neutral(), about=F("benefit"), amount=F("yuan"), student=F("student"))


def _panel(notice: PublicNotice) -> int:
    kinds = [When(kind=kind, then=Value(kind.label)) for kind in MemberKind]
    found = PanelMember.objects.filter(panel__path=notice.path, panel__term=notice.term)
    order = Window(RowNumber(), order_by=[Case(*[When(kind=k, then=n) for n, k in enumerate(MemberKind)]), F("pk")])
    return insert_from(
        NoticeLine, found, notice=Value(notice.pk), order=order, name=F("name"), role=Case(*kinds, output_field=CharField()),
        **_defaults("school", "grade", "class_name", "level", "benefit"),
    )  # fmt: skip


def _insert(found: QuerySet, notice: PublicNotice, **columns: Combinable) -> int:
    """One INSERT … SELECT; by school, grade, class and name."""
    school, class_name = _enrolled(F("school__name")), _enrolled(F("class_name"))
    by = [
        F("school_path"),
        _enrolled(F("stage")),
        _enrolled(F("grade")),
        class_name,
        F("student__person__name"),
        F("student"),
    ]
    said = {
        "name": F("student__person__name"),
        "school": Coalesce(school, Value("")),
        "grade": Coalesce(_enrolled(_grade()), Value("")),
        "class_name": Coalesce(class_name, Value("")),
        **columns,
    }
    order = Window(RowNumber(), order_by=by)
    absent = {"level", "benefit", "role"} - said.keys()
    return insert_from(NoticeLine, found, notice=Value(notice.pk), order=order, **said, **_defaults(*sorted(absent)))


def _defaults(*names: str) -> dict[str, Combinable]:
    """Columns that the list does not have."""
    return {**{name: Value("") for name in names}, "state": Value(LineState.STANDING)}


def _enrolled(what: Combinable) -> Subquery:
    """Of the child's enrolment in the term."""
    mine = Enrolment.objects.filter(student=OuterRef("student"), term=OuterRef("term")).order_by()
    return Subquery(mine.annotate(told=what).values("told")[:1])


def _grade() -> Case:
    """三年级, 高二 … (students.enums.grade_label)."""
    named = [
        When(stage=stage, grade=number, then=Value(label))
        for stage, labels in GRADE_LABELS.items()
        for number, label in enumerate(labels, start=1)
    ]
    other = When(grade__isnull=False, then=Concat(Cast("grade", CharField()), Value(" 年级")))
    return Case(*named, other, default=Value(""), output_field=CharField())


def neutral(name: str) -> str:
    """A benefit's name without what it says of the child: 学前教育建档立卡增补 → 学前教育增补."""
    return CATEGORY.sub("", name).strip() or "学生资助"


def _neutral() -> Combinable:
    telling = {name: neutral(name) for name in Benefit.objects.values_list("name", flat=True) if CATEGORY.search(name)}
    named = [When(benefit__name=name, then=Value(other)) for name, other in sorted(telling.items())]
    return Case(*named, default=F("benefit__name"), output_field=CharField()) if named else F("benefit__name")


# --- small groups --------------------------------------------------------------------------------------------------

_GROUPS = (
    ("class", "个班", ("school", "grade", "class_name")),
    ("benefit", "个资助项目", ("school", "benefit")),
    ("village", "个村", ("student__person__home_path",)),
)


def small_groups(notice: PublicNotice) -> dict[str, int]:
    """Groups of which the list shows exactly one child: {"个班": 3, "个村": 1}. Who knows the group knows the child."""
    if notice.kind == NoticeKind.PANEL:
        return {}
    found = {}
    for code, label, by in _GROUPS:
        if code == "benefit" and notice.kind == NoticeKind.DETERMINATION:
            continue
        grouped = notice.lines.exclude(state__in=OFF).order_by().values(*by).annotate(children=Count("student", distinct=True))
        if count := grouped.filter(children=1).count():
            found[label] = count
    return found
