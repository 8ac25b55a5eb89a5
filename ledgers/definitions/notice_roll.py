"""公示表: the lines of a term's notices as they were published, never more than the notice itself showed."""

from __future__ import annotations

from django.db.models import BinaryField, Case, CharField, DecimalField, F, Q, QuerySet, Value, When

from aidcases.roles import P
from aidcases.terms import Term
from ledgers.areas import Area
from ledgers.definition import NUMBER, Column, Ledger, Listing, Shown, labelled
from ledgers.workbook import Kind
from subsidies.casework import public
from subsidies.casework.noticelists import WHITELIST, WITHDRAWN
from subsidies.enums import Level
from subsidies.models import NoticeLine
from subsidies.models.notices import LineState, NoticeKind, NoticeState

SHOWN_ONCE = (NoticeState.PUBLISHED, NoticeState.OVER, NoticeState.ARCHIVED)
OF_CHILDREN = (NoticeKind.DETERMINATION, NoticeKind.BENEFIT, NoticeKind.FUNDS)
CHILD, NOTICE = "公示名单", "公示情况"
MONEY = DecimalField(max_digits=12, decimal_places=2)


def _public(name: str, *, withdrawn: str = "") -> Case:
    """A column of a line where the notice's kind shows it to the public; of a line that was withdrawn its number only."""
    kinds = [kind for kind in OF_CHILDREN if name in dict(WHITELIST[kind])]
    gone = When(state=LineState.WITHDRAWN, then=Value(withdrawn))
    return Case(gone, When(notice__kind__in=kinds, then=F(name)), default=Value(""), output_field=CharField())


def _amount() -> Case:
    kinds = [kind for kind in OF_CHILDREN if "amount" in dict(WHITELIST[kind])]
    shown = Q(notice__kind__in=kinds) & ~Q(state=LineState.WITHDRAWN)
    return Case(When(shown, then=F("amount")), output_field=MONEY)


COLUMNS = (
    Column(("序号",), NUMBER, 5, Kind.INTEGER),
    Column((NOTICE, "公示标题"), F("notice__title"), 30),
    Column((NOTICE, "公示序号"), F("order"), 5, Kind.INTEGER),
    Column((CHILD, "学校"), _public("school"), 16),
    Column((CHILD, "年级"), _public("grade"), 8),
    Column((CHILD, "班级"), _public("class_name"), 8),
    Column((CHILD, "姓名"), _public("name", withdrawn=WITHDRAWN), 9, roster="name"),
    Column((CHILD, "认定档次"), labelled(_public("level"), dict(Level.choices)), 9),
    Column((CHILD, "资助项目"), _public("benefit"), 20),
    Column((CHILD, "金额"), _amount(), 11, Kind.MONEY, total=True),
    Column((NOTICE, "公示起"), F("notice__published_on"), 10.5, Kind.DATE),
    Column((NOTICE, "公示止"), Shown(F("notice__ends_at"), public.last_day), 10.5, Kind.DATE),
    Column((NOTICE, "监督电话"), F("notice__hotline"), 14),
    Column((NOTICE, "受理部门"), F("notice__office__name"), 16),
)


def lines(term: Term, area: Area) -> QuerySet[NoticeLine]:
    """Of notices about children that the offices in the area have published: what still stands before the public, or did to
    the end (noticelists.public_lines)."""
    found = NoticeLine.objects.filter(
        notice__term=term.code,
        notice__path__startswith=area.path,
        notice__state__in=SHOWN_ONCE,
        notice__kind__in=OF_CHILDREN,
    )
    # Nothing behind a line leaves with it: no key that would tell which lines of several notices are one child's.
    found = found.annotate(nobody=Value(None, BinaryField()))
    return found.exclude(state=LineState.REMOVED).order_by("notice__published_on", "notice", "order")


def _tables(term: Term, area: Area) -> list[Listing]:
    return [Listing("公示表", COLUMNS, lines(term, area), "nobody", ("notice-roll", term.code))]


def _notes(term: Term, area: Area, _part: str) -> list[str]:
    return [
        f"{term.label}已发布的公示（公示中、公示期满、已归档），名单为发布时的定稿，一人一项一行；撤回的公示和异议成立撤出的不列。",
        "只列公示过的内容，没有公示的栏目为空；金额单位元，为公示时的金额。",
    ]


NOTICE_ROLL = Ledger(
    code="notice-roll",
    title="公示表",
    use="汇总各单位发布过的公示名单，用于存档和检查公示情况。",
    unit="元",
    tables=_tables,
    notes=_notes,
    personal=True,
    instead="公示过的名单是定稿。要改的，在“公示”里撤回这份公示，改好后重新发布。",
    can=P.NOTICE_VIEW,
)
