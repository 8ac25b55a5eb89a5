"""The application form: what it still lacks, what was typed into it, and how two people who edit it at once are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from aidcases import crypto
from aidcases.conditions import All, Condition
from aidcases.flow import Refused
from aidcases.models import StoredFile
from aidcases.scoping import SCHOOL, Actor, current_scope
from aidcases.terms import Term
from subsidies.casework import matched
from subsidies.casework.relations import RELATIONS
from subsidies.casework.windows import Windows
from subsidies.models import FamilyMember
from subsidies.models.applications import Application, ApplicationKind, ApplicationState

CIRCUMSTANCES = ("disaster", "accident", "weakness", "unemployment", "debt", "other")
MOST_MEMBERS = 14

# Of a child on an issued list the school only confirms what the list says (免申即享): no form is asked for.
_LISTED = Q(kind=ApplicationKind.MATCHED) & ~Q(listed_boxes=[])
_SAID = Q(*((f"{name}__gt", "") for name in CIRCUMSTANCES), _connector=Q.OR)


@dataclass(frozen=True)
class Check:
    """`field`: where on the form the clerk is sent. The condition's label may name `size`, `due` and `lines`."""

    field: str
    condition: Condition


CHECKS: tuple[Check, ...] = (
    Check("household_size", Condition("size", "请填家庭人口（包括学生本人）。", _LISTED | Q(household_size__gte=1))),
    Check(
        "family",
        Condition(
            "members", "家庭人口填了 {size} 人，家庭成员应有 {due} 行（不含学生本人），现在有 {lines} 行。",
            _LISTED | Q(household_size=None) | Q(family_rows=F("household_size") - 1),
        ),
    ),
    Check(
        "family",
        Condition("filled", "家庭成员的姓名、年龄、关系、年收入都要填，没有收入写 0。", _LISTED | Q(family_lacking=0)),
    ),
    Check(
        "family",
        Condition(
            "relations", "与学生关系请写成父子、父女、母子、母女、祖孙、兄妹等，不写父亲、母亲。",
            _LISTED | Q(family_strange=0),
        ),
    ),
    Check("address", Condition("address", "请填详细通讯地址。", _LISTED | ~Q(address=""))),
    Check(
        "parent_phone",
        Condition(
            "phone", "学生手机和家长手机至少填一个。", _LISTED | Q(phone__isnull=False) | Q(parent_phone__isnull=False)
        ),
    ),
    Check(
        "other", Condition("reason", "没有勾选特殊群体类型，请在“其他情况”等栏写明家庭困难的原因。", ~Q(boxes=[]) | _SAID)
    ),
    Check(
        "boxes",
        Condition(
            "paper", "勾选的类型里有名单上没有的，请在“其他情况”里说明，或者上传证明材料。",
            Q(boxes__contained_by=F("listed_boxes")) | ~Q(other="") | Q(has_papers=True),
        ),
    ),
    Check("promised_on", Condition("promise", "请填家长在纸质承诺上签字的日期。", _LISTED | Q(promised_on__isnull=False))),
    Check("stamp", Condition("stamp", "本县要求申请表加盖村（居）委会章，盖章后请打勾。", Q(stamp=True) | Q(asks_stamp=False))),
)  # fmt: skip
ALL = All(tuple(check.condition for check in CHECKS))


@dataclass(frozen=True)
class Problem:
    field: str
    sentence: str


@dataclass(frozen=True)
class Line:
    """A row of 家庭成员情况; income in yuan a year."""

    name: str
    age: int | None = None
    relation: str = ""
    work: str = ""
    occupation: str = ""
    annual_income: Decimal | None = None
    health: str = ""


@dataclass(frozen=True)
class Difference:
    """`theirs`, `mine`: for people to read; a phone only masked."""

    name: str
    label: str
    theirs: str
    mine: str


class Conflict(Exception):
    """Somebody else has saved the form since. `stored` is the form as it stands; nothing of it was changed."""

    def __init__(self, stored: Application, differences: list[Difference]):
        super().__init__(f"{stored.saved_by} 已保存过")
        self.stored = stored
        self.differences = differences


def kept_here(application: Application) -> bool:
    """Whether whoever acts works on the school's side, which keeps the form; the home side sees how far it has got."""
    return current_scope().covers(application.school_path, SCHOOL)


def income_per_head(incomes: Iterable[Decimal | None], size: int | None) -> Decimal | None:
    """Yuan a year, to the fen; None as long as the household's size or a member's income is missing."""
    known = list(incomes)
    if not size or not known or None in known:
        return None
    return (sum(known, Decimal(0)) / size).quantize(Decimal("0.01"), ROUND_HALF_UP)  # type: ignore[arg-type]


def counted(rows: QuerySet[Application], term: Term) -> QuerySet[Application]:
    """With what CHECKS look at: family_rows, family_lacking, family_strange, has_papers, asks_stamp."""
    incomplete = Q(name="") | Q(relation="") | Q(age=None) | Q(annual_income=None)
    odd = ~Q(relation="") & ~Q(relation__in=RELATIONS)
    family = FamilyMember.objects.filter(application=OuterRef("pk")).order_by().values("application")
    count = {
        "family_rows": Count("pk"), "family_lacking": Count("pk", filter=incomplete),
        "family_strange": Count("pk", filter=odd),
    }  # fmt: skip
    papers = StoredFile.objects.filter(
        subject_type=Application._meta.label_lower, subject_id=OuterRef("pk"), what="paper", removed_at=None
    )
    return rows.annotate(
        **{name: Coalesce(Subquery(family.annotate(n=n).values("n")), 0) for name, n in count.items()},
        has_papers=Exists(papers),
        asks_stamp=Windows.read(term).column("stamp_required"),
    )


def problems(application: Application) -> list[Problem]:
    """What keeps the form from being complete, as stored, in the order of the form."""
    rows = counted(Application.objects.filter(pk=application.pk), Term.parse(application.term))
    seen = rows.values("household_size", "family_rows", said=ALL.evidence()).get()
    size = seen["household_size"] or 0
    values = {"size": size, "due": size - 1, "lines": seen["family_rows"]}
    return [
        Problem(check.field, check.condition.label.format(**values))
        for check in CHECKS
        if seen["said"][check.condition.code]["holds"] == "no"
    ]


def mark(rows: QuerySet[Application], term: Term) -> int:
    """Sets `complete` of drafts of the term, one statement; → rows that changed."""
    drafts = counted(rows.filter(term=term.code, state=ApplicationState.DRAFT), term).order_by()
    holds = Case(When(ALL.hold, then=Value(True)), default=Value(False))
    now = Application.objects.filter(pk__in=drafts.annotate(now=holds).exclude(complete=F("now")).values("pk"))
    return now.update(complete=Case(When(complete=True, then=Value(False)), default=Value(True)))


def lines_of(application: Application) -> list[Line]:
    names = [each.name for each in fields(Line)]
    return [Line(*row) for row in FamilyMember.objects.filter(application=application).values_list(*names)]


def save(
    application: Application, columns: dict[str, Any], family: list[Line] | None, *, version: int, by: Actor
) -> Application:
    """Stores what was typed: `columns` holds only what could be understood, `family` None leaves the rows as they are.

    Raises Conflict when somebody else has saved something different since `version`, Refused when the form is no draft.
    """
    stored = (
        Application.objects.select_for_update(of=("self",)).select_related("student__person").get(pk=application.pk)
    )
    if stored.state != ApplicationState.DRAFT:
        raise Refused(f"这份申请现在是“{stored.get_state_display()}”，不能再改。要改请先收回或请县里退回。")
    if not kept_here(stored):
        raise Refused("申请表由学校填写，家庭所在地只能查看进度。")
    if stored.version != version and (differ := differences(stored, columns, family)):
        raise Conflict(stored, differ)
    _store(stored, columns, family, by)
    term = Term.parse(stored.term)
    rows = Application.objects.filter(pk=stored.pk)
    matched.refresh(rows, term)
    mark(rows, term)
    stored.refresh_from_db()
    return stored


def _store(stored: Application, columns: dict[str, Any], family: list[Line] | None, by: Actor) -> None:
    """Nothing new is no new version: a second click and an autosave without changes leave no trace."""
    columns = {name: value for name, value in columns.items() if getattr(stored, name) != value}
    before = lines_of(stored)
    anew = family is not None and family != before
    if not (columns or anew):
        return
    if anew:
        FamilyMember.objects.filter(application=stored).delete()
        for order, line in enumerate(family or []):
            FamilyMember(
                application=stored, order=order, **{f.name: getattr(line, f.name) for f in fields(Line)}
            ).save()
    for name, value in columns.items():
        setattr(stored, name, value)
    lines = family if anew else before
    stored.income_per_head = income_per_head((line.annual_income for line in lines or []), stored.household_size)
    stored.version += 1
    stored.saved_by, stored.saved_at = by.name, timezone.now()
    hashes = [f"{name}_hash" for name in ("phone", "parent_phone") if name in columns]
    stored.save(update_fields=[*columns, *hashes, "income_per_head", "version", "saved_by", "saved_at"])


def differences(stored: Application, columns: dict[str, Any], family: list[Line] | None) -> list[Difference]:
    """Where what was typed is not what stands there."""
    found = [
        Difference(name, str(Application._meta.get_field(name).verbose_name), shown(stored, name), told(name, value))
        for name, value in columns.items()
        if getattr(stored, name) != value
    ]
    before = lines_of(stored)
    if family is not None and family != before:
        found.append(Difference("family", "家庭成员情况", _rows(before), _rows(family)))
    return found


def shown(application: Application, name: str) -> str:
    return told(name, getattr(application, name))


def told(name: str, value: Any) -> str:
    """A value of the form for people to read."""
    if value in (None, "", []):
        return "（空）"
    if name in ("phone", "parent_phone"):
        return crypto.mask_phone(value)
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        labels = dict(Application._meta.get_field("boxes").base_field.flatchoices)  # type: ignore[union-attr]
        return "、".join(labels.get(code, code) for code in value)
    return str(value)


def _rows(family: list[Line]) -> str:
    return "；".join(" ".join(_cell(line, f.name) for f in fields(Line)) for line in family) or "（空）"


def _cell(line: Line, name: str) -> str:
    value = getattr(line, name)
    return "—" if value in (None, "") else str(value)
