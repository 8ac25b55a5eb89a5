"""教育扶贫基本情况汇总台账: people, person-times and money by stage and benefit; loans in a sheet of their own."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from aidcases import sql
from aidcases.terms import Term
from ledgers.areas import Area
from ledgers.definition import Column, Figures, Ledger, Summary
from ledgers.facts import active_in
from ledgers.workbook import Kind
from students.enums import Category, Stage
from subsidies.enums import MAY_CLAIM, EntitlementState
from subsidies.models import Benefit, Entitlement

GRANTS, LOANS = "汇总", "可申请（贷款）"
OTHER = "其他"
# Each student is counted once, under the first of these that holds; what holds is read as in subsidies.facts.
CATEGORIES: dict[str, tuple[Category, ...]] = {
    "脱贫/监测": (
        Category.REGISTERED_POOR, Category.MONITORED_UNSTABLE, Category.MONITORED_MARGINAL, Category.MONITORED_SUDDEN,
    ),
    "低保": (Category.DIBAO_RURAL, Category.DIBAO_URBAN),
    "特困": (Category.TEKUN_RURAL, Category.TEKUN_URBAN),
    "孤儿": (Category.ORPHAN,),
    "残疾": (Category.DISABLED,),
}  # fmt: skip
STATES = {EntitlementState.DUE: "待发放", EntitlementState.SUSPENDED: "暂停", EntitlementState.NOT_PAID: "不发放"}

GROUP = "应资助人数其中（每人只计一类）"
HEADS = (
    Column(("学段",), "stage", 11),
    Column(("资助项目",), "benefit", 26),
)
PEOPLE, TIMES = {"kind": Kind.INTEGER, "total": True}, {"kind": Kind.INTEGER, "total": True}
COLUMNS = (
    *HEADS,
    Column(("应资助人数",), "people", 9, **PEOPLE, opens={}),
    Column(("实资助人数",), "paid", 9, **PEOPLE),
    Column(("人次",), "times", 9, **PEOPLE, opens={}),
    Column(("金额",), "yuan", 15, Kind.MONEY, total=True, opens={}),
    *(Column((GROUP, name), name, 8, **PEOPLE) for name in (*CATEGORIES, OTHER)),
    Column(("未资助人数",), "unpaid", 9, **PEOPLE),
    Column(("未资助原因",), "reason", 20),
)
LOAN_COLUMNS = (
    *HEADS,
    Column(("可申请人数",), "people", 12, **PEOPLE, opens={}),
    Column(("可申请最高额",), "yuan", 18, Kind.MONEY, total=True, opens={}),
    *(Column((GROUP, name), name, 10, **PEOPLE) for name in (*CATEGORIES, OTHER)),
)
