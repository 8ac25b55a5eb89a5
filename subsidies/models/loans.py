"""生源地信用助学贷款 and 教育基金会附加资助: what a family asks for each year or term, decided by a second person."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from aidcases.conditions import All, Condition
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.roles import P
from aidcases.scoping import HOME, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models import Student
from subsidies.models.rules import Benefit


class LoanState(models.TextChoices):
    APPLIED = "applied", "已申请"
    CONTRACTED = "contracted", "已签合同"
    RELEASED = "released", "已放款"
    REPAID = "repaid", "已还清"
    WITHDRAWN = "withdrawn", "已撤回"
    REFUSED = "refused", "未通过"


L = LoanState
HAS_CONTRACT = Condition("has_contract", "还没有填合同编号", ~Q(contract=""))
WITHIN_CEILING = Condition("within_ceiling", "超过政策规定的最高额", Q(yuan__lte=F("ceiling")))

LOAN = Flow(
    Move("contract", "确认合同", {L.APPLIED}, L.CONTRACTED, P.GIVING_APPROVE, All((HAS_CONTRACT, WITHIN_CEILING))),
    Move("release", "登记放款", {L.CONTRACTED}, L.RELEASED, P.GIVING_WRITE),
    Move("repay", "登记还清", {L.RELEASED}, L.REPAID, P.GIVING_WRITE),
    Move("withdraw", "撤回", {L.APPLIED, L.CONTRACTED}, L.WITHDRAWN, P.GIVING_WRITE, note_required=True),
    Move("refuse", "不予通过", {L.APPLIED}, L.REFUSED, P.GIVING_APPROVE, note_required=True),
)


class LoanQuerySet(FlowQuerySet, ScopedQuerySet):
    def standing(self) -> LoanQuerySet:
        return self.exclude(state__in=(LoanState.WITHDRAWN, LoanState.REFUSED))

    def of_year(self, year: int) -> LoanQuerySet:
        return self.filter(year=year)


class Loan(Moving, Scoped):
    """A student's loan of a school year, asked for at home. `ceiling`: the amount of the rule in force when it was
    asked for. The money pays tuition and board first, what is left is for living."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}
    FLOW = LOAN

    student = models.ForeignKey(Student, models.PROTECT, related_name="loans")
    year = models.SmallIntegerField("学年")  # 2026: 2026—2027学年
    state = models.CharField("状态", max_length=10, choices=LoanState.choices, default=LoanState.APPLIED)
    lender = models.CharField("经办银行", max_length=60)
    contract = models.CharField("合同编号", max_length=40, default="", blank=True, db_collation="C")
    ceiling = models.DecimalField("最高额（元）", max_digits=12, decimal_places=2)
    yuan = models.DecimalField("贷款金额（元）", max_digits=12, decimal_places=2)
    tuition = models.DecimalField("学费（元/学年）", max_digits=12, decimal_places=2, default=0)
    board = models.DecimalField("住宿费（元/学年）", max_digits=12, decimal_places=2, default=0)
    interest = models.CharField("利息说明", max_length=200, default="", blank=True)
    note = models.CharField("备注", max_length=200, default="", blank=True)
    applied_on = models.DateField("申请日期")
    applied_by = models.CharField("登记人", max_length=120)
    applied_by_id = models.BigIntegerField(null=True)
    contracted_on = models.DateField("签合同日期", null=True)
    contracted_by = models.CharField("确认人", max_length=120, default="", blank=True)
    contracted_by_id = models.BigIntegerField(null=True)
    released_on = models.DateField("放款日期", null=True)
    repaid_on = models.DateField("还清日期", null=True)
    home_path = PathField()
    school_path = PathField(default="", blank=True)

    objects = scoped_manager(LoanQuerySet)

    class Meta:
        verbose_name = "助学贷款"
        ordering = ["-year", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["student", "year"], condition=~Q(state__in=("withdrawn", "refused")), name="one_loan_a_year"
            ),
            models.UniqueConstraint(fields=["contract"], condition=~Q(contract=""), name="loan_contract_once"),
            models.CheckConstraint(condition=Q(yuan__gt=0) & Q(yuan__lte=F("ceiling")), name="loan_within_ceiling"),
            models.CheckConstraint(condition=Q(tuition__gte=0) & Q(board__gte=0), name="loan_fees_not_negative"),
            models.CheckConstraint(
                name="contracted_loan_is_whole",
                condition=Q(state__in=("applied", "withdrawn", "refused"))
                | (~Q(contract="") & ~Q(contracted_by="") & Q(contracted_on__isnull=False)),
            ),
            models.CheckConstraint(
                name="released_loan_has_a_day",
                condition=~Q(state__in=("released", "repaid")) | Q(released_on__isnull=False),
            ),
            models.CheckConstraint(
                name="repaid_loan_has_a_day", condition=~Q(state="repaid") | Q(repaid_on__isnull=False)
            ),
            models.CheckConstraint(
                name="loan_second_person",
                condition=Q(contracted_by_id=None) | Q(applied_by_id=None) | ~Q(contracted_by_id=F("applied_by_id")),
            ),
        ]
        indexes = [
            models.Index(fields=["home_path", "year"], name="loan_home"),
            models.Index(fields=["school_path", "year"], name="loan_school"),
        ]

    def __str__(self) -> str:
        return f"{self.year} {self.student_id} {self.yuan}"

    @property
    def for_tuition(self) -> Decimal:
        return min(self.yuan, self.tuition)

    @property
    def for_board(self) -> Decimal:
        return min(self.yuan - self.for_tuition, self.board)

    @property
    def for_living(self) -> Decimal:
        return self.yuan - self.for_tuition - self.for_board


class TopUpState(models.TextChoices):
    ASKED = "asked", "待决定"
    APPROVED = "approved", "同意"
    REFUSED = "refused", "不同意"
    WITHDRAWN = "withdrawn", "已撤回"
    REVOKED = "revoked", "已取消"


T = TopUpState
AMOUNT_SAID = Condition("amount_said", "还没有写决定的金额", Q(decided__gt=0))

TOP_UP = Flow(
    Move("approve", "同意资助", {T.ASKED}, T.APPROVED, P.GIVING_APPROVE, All((AMOUNT_SAID,))),
    Move("refuse", "不同意", {T.ASKED}, T.REFUSED, P.GIVING_APPROVE, note_required=True),
    Move("withdraw", "撤回", {T.ASKED}, T.WITHDRAWN, P.GIVING_WRITE, note_required=True),
    # The entitlement goes with it; what was listed already becomes a recovery (subsidies.compute).
    Move("revoke", "取消资助", {T.APPROVED}, T.REVOKED, P.GIVING_APPROVE, note_required=True),
)


class TopUpQuerySet(FlowQuerySet, ScopedQuerySet):
    def granted(self) -> TopUpQuerySet:
        return self.filter(state=TopUpState.APPROVED)


class TopUpCase(Moving, Scoped):
    """A discretionary benefit of one child and term: still in hardship after what the rules give. `decided` of an
    approved case is the amount subsidies.facts hands to the rule; nothing else pays a discretionary benefit."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}
    FLOW = TOP_UP

    student = models.ForeignKey(Student, models.PROTECT, related_name="top_ups")
    term = models.CharField("学期", max_length=11, db_collation="C")
    benefit = models.ForeignKey(Benefit, models.PROTECT, related_name="+", verbose_name="资助项目")
    state = models.CharField("状态", max_length=10, choices=TopUpState.choices, default=TopUpState.ASKED)
    hardship = models.CharField("困难情况", max_length=500)
    asked = models.DecimalField("申请金额（元）", max_digits=12, decimal_places=2)
    aid = models.DecimalField("按政策已享受（元）", max_digits=12, decimal_places=2)  # of the term, when it was asked for
    decided = models.DecimalField("决定金额（元）", max_digits=12, decimal_places=2, null=True)
    reason = models.CharField("决定理由", max_length=200, default="", blank=True)
    asked_on = models.DateField("申请日期")
    asked_by = models.CharField("登记人", max_length=120)
    asked_by_id = models.BigIntegerField(null=True)
    decided_on = models.DateField("决定日期", null=True)
    decided_by = models.CharField("决定人", max_length=120, default="", blank=True)
    decided_by_id = models.BigIntegerField(null=True)
    home_path = PathField()
    school_path = PathField(default="", blank=True)

    objects = scoped_manager(TopUpQuerySet)

    class Meta:
        verbose_name = "附加资助"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["student", "term", "benefit"], condition=Q(state__in=("asked", "approved")),
                name="one_top_up_a_term",
            ),
            models.CheckConstraint(condition=Q(asked__gt=0) & Q(aid__gte=0), name="top_up_asks_for_something"),
            models.CheckConstraint(
                name="approved_top_up_is_whole",
                condition=~Q(state__in=("approved", "revoked"))
                | (Q(decided__gt=0) & ~Q(decided_by="") & Q(decided_on__isnull=False)),
            ),
            models.CheckConstraint(
                name="top_up_second_person",
                condition=Q(decided_by_id=None) | Q(asked_by_id=None) | ~Q(decided_by_id=F("asked_by_id")),
            ),
        ]
        indexes = [
            models.Index(fields=["term", "student"], name="top_up_term_student"),
            models.Index(fields=["home_path", "state"], name="top_up_home"),
        ]

    def __str__(self) -> str:
        return f"{self.term} {self.student_id} {self.asked}"
