"""未资助情况台账: student × benefit × why it has not been paid."""

from __future__ import annotations

from django.db.models import CharField, F, Value
from django.db.models.functions import Concat

from aidcases.terms import Term
from ledgers.areas import Area
from ledgers.definition import NUMBER, Column, Ledger, Listing, Shown, labelled, last_four
from ledgers.definitions.payment_roll import CHILD, GRADES
from ledgers.workbook import Kind
from students.enums import Stage
from subsidies.payments.unaided import Words, unaided


def _columns(term: Term) -> tuple[Column, ...]:
    grade = Concat("enrolment__stage", Value("-"), "enrolment__grade", output_field=CharField())
    return (
        Column(("序号",), NUMBER, 5, Kind.INTEGER),
        Column((CHILD, "学校"), F("school__name"), 16, roster="school"),
        Column((CHILD, "学段"), labelled(F("enrolment__stage"), dict(Stage.choices)), 8, roster="stage"),
        Column((CHILD, "年级"), labelled(grade, GRADES), 8, roster="grade"),
        Column((CHILD, "班级"), F("enrolment__class_name"), 7, roster="class_name"),
        Column((CHILD, "姓名"), F("student__person__name"), 9, roster="name"),
        Column((CHILD, "证件号码"), F("student__person__id_number"), 19, masked=last_four("student__person__id_last4")),
        Column(("资助项目",), F("benefit__name"), 24),
        Column(("应享金额",), F("amount"), 12, Kind.MONEY, total=True),
        Column(("未资助原因",), Shown(F("why"), Words(term)), 34),
        Column(("备注",), Value(""), 8),
    )


def _tables(term: Term, area: Area) -> list[Listing]:
    rows = unaided(term, area.path).order_by(
        "school_path", "enrolment__stage", "enrolment__grade", "enrolment__class_name", "student_id", "benefit__order"
    )
    return [Listing("未资助", _columns(term), rows, "student__person__id_hash", ("unaided", term.code))]


def _notes(term: Term, area: Area, _part: str) -> list[str]:
    whom = "本校在读学生" if area.is_school else "户籍或学校在本地的在读学生"
    return [
        f"{term.label}{whom}应享而没有发放（或没有发足）的资助，每人每项一行，单位元；助学贷款为可申请项目，不在其内。",
        "正在发放、退票、公示没有结束等原因由系统按办理情况写出，其余由学校或县里填写；缺收费标准算不出金额的不在其内。",
    ]


UNAIDED = Ledger(
    code="unaided",
    title="未资助情况台账",
    use="逐人逐项登记还没有助到的资助和原因，用于查漏补缺。",
    unit="元",
    tables=_tables,
    notes=_notes,
    personal=True,
)
