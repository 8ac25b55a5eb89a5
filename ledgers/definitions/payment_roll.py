"""资助资金发放花名册 and 银行代发表: every standing line of a term's batches, so that their sums are those of the payments."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from django.db.models import Case, CharField, F, FilteredRelation, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Concat

from aidcases.spans import Span, terms_of
from aidcases.terms import Term
from ledgers.areas import Area
from ledgers.definition import NUMBER, Column, Ledger, Listing, Shown, Table, labelled, last_four
from ledgers.definitions import calendar_bridge
from ledgers.workbook import Kind
from students.enums import GRADE_LABELS
from students.models.accounts import Holder
from subsidies.models import Payment
from subsidies.models.payments import FUNDING, Channel, PaymentState
from subsidies.payments.words import in_words

GRADES = {f"{stage}-{grade}": label for stage, labels in GRADE_LABELS.items() for grade, label in enumerate(labels, 1)}
AMOUNT = F("amount")
CHILD, CARD, MONEY, RESULT = "学生", "一卡通", "金额", "发放情况"
IN_WORDS = Shown(AMOUNT, lambda yuan: in_words(yuan) if yuan is not None else "实物，不计金额")
BOUNCED = Case(When(state=PaymentState.BOUNCED, then=F("bounce_text")), default=Value(""), output_field=CharField())
NUMBER_OF_CARD = Column((CARD, "账号"), F("account__number"), 19, masked=last_four("account__number_last4"))
HOLDER = Column((CARD, "户名"), F("account__holder"), 8)
BANK = Column((CARD, "开户行"), F("account__bank"), 14)
TERM = Column(("学期",), Shown(F("term"), lambda code: Term.parse(code).label), 14)
STATE = Column((RESULT, "状态"), labelled(F("state"), dict(PaymentState.choices)), 9)
PAID_ON = Column((RESULT, "到账日期"), F("paid_on"), 10.5, Kind.DATE)

ROLL = (
    Column(("序号",), NUMBER, 5, Kind.INTEGER),
    Column(("批次号",), F("batch__number"), 13),
    Column((CHILD, "学校"), F("school__name"), 13, roster="school"),
    Column((CHILD, "年级"), labelled(Concat("here__stage", Value("-"), "here__grade", output_field=CharField()), GRADES), 7),
    Column((CHILD, "班级"), F("here__class_name"), 6, roster="class_name"),
    Column((CHILD, "姓名"), F("student__person__name"), 8, roster="name"),
    Column((CHILD, "证件号码"), F("student__person__id_number"), 19, masked=last_four("student__person__id_last4")),
    Column(("资助项目",), F("benefit__name"), 18),
    Column(("期次",), F("instalment"), 5, Kind.INTEGER),
    HOLDER,
    NUMBER_OF_CARD,
    BANK,
    Column((MONEY, "发放金额"), AMOUNT, 11, Kind.MONEY, total=True),
    *(Column((MONEY, label), F(level), 10, Kind.MONEY, total=True) for level, label in FUNDING.items()),
    Column((MONEY, "大写"), IN_WORDS, 22),
    STATE,
    PAID_ON,
    Column(("领取人签字",), Value(""), 9),
)
SHEET = (
    Column(("序号",), NUMBER, 5, Kind.INTEGER),
    Column(("批次号",), F("batch__number"), 16),
    HOLDER,
    NUMBER_OF_CARD,
    BANK,
    Column((CARD, "持卡人"), labelled(F("account__relation"), dict(Holder.choices)), 8),
    Column((MONEY, "代发金额"), AMOUNT, 12, Kind.MONEY, total=True),
    Column((MONEY, "大写"), IN_WORDS, 24),
    Column(("用途",), F("benefit__name"), 20),
    Column(("学生姓名",), F("student__person__name"), 8, roster="name"),
    Column(("学校",), F("school__name"), 14),
    Column((RESULT, "报送次数"), F("attempt"), 6, Kind.INTEGER),
    STATE,
    PAID_ON,
    Column((RESULT, "退票说明"), BOUNCED, 14),
)


def lines(when: Term | Span, area: Area, channel: str = "") -> QuerySet[Payment]:
    """What stands on batches of the term or terms, of children with home or school in the area, by batch, school and child."""
    here = FilteredRelation("student__enrolments", condition=Q(student__enrolments__term=F("term")))
    within = Q(school_path__startswith=area.path) if area.is_school else (
        Q(home_path__startswith=area.path) | Q(school_path__startswith=area.path)
    )  # fmt: skip
    rows = Payment.objects.standing().filter(within, term__in=[term.code for term in terms_of(when)]).annotate(here=here)
    rows = rows.filter(batch__channel=channel) if channel else rows
    return rows.order_by("batch__number", "school_path", "here__stage", "here__grade", "here__class_name", "pk")


def _tables(
    code: str, name: str, columns: tuple[Column, ...], channel: str = ""
) -> Callable[[Term | Span, Area], list[Table]]:
    def tables(when: Term | Span, area: Area) -> list[Table]:
        found = lines(when, area, channel)
        told = columns if isinstance(when, Term) else (*columns[:2], TERM, *columns[2:])
        return [Listing(name, told, found, "student__person__id_hash", (code, when.code))]

    return tables


def _notes(channel: str, told: tuple[str, ...]) -> Callable[[Term | Span, Area, str], list[str]]:
    def notes(when: Term | Span, area: Area, _part: str) -> list[str]:
        yuan = lines(when, area, channel).order_by().aggregate(yuan=Sum("amount", default=Decimal("0.00")))["yuan"]
        whom = "本校学生" if area.is_school else "户籍或学校在本地的学生"
        return [
            f"{when.label}{whom}已列入发放批次的全部明细（不含已撤销的），一笔一行，单位元。", *told,
            *([] if channel else calendar_bridge.tie(when, area)),
            f"合计人民币（大写）：{in_words(yuan)}。",
        ]  # fmt: skip

    return notes


PAYMENT_ROLL = Ledger(
    code="payment-roll",
    title="资助资金发放花名册",
    use="逐笔登记发放对象、账户、金额和发放结果，用于签字存档和对账。",
    unit="元",
    tables=_tables("payment-roll", "花名册", ROLL),
    notes=_notes(
        "", ("期次 1 为首次发放，2 以上为补发；各级资金按政策写的分担比例逐笔算到分。", "减免和实物项目由学校结算，没有账户。")
    ),
    personal=True,
    several=True,
)
BANK_SHEET = Ledger(
    code="bank-sheet",
    title="银行代发表",
    use="银行代发的账户和金额，用于与财政、银行核对；报送银行的文件在发放批次里生成。",
    unit="元",
    tables=_tables("bank-sheet", "代发表", SHEET, Channel.BANK),
    notes=_notes(Channel.BANK, ("只列由银行代发的；减免和实物项目不在表内。",)),
    personal=True,
    several=True,
    instead="改账号和开户行请到“银行账户”；发放结果由“发放”里的回盘登记。",
)
