"""发放批次: what a county lists to pay or to settle, line by line, from the list to the child's card."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from aidcases.conditions import All, Condition
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.models import Organisation, School
from aidcases.roles import P
from aidcases.scoping import HOME, OFFICE, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models import Account, Student
from subsidies.models.rules import Benefit, Rule
from subsidies.models.written import Written

# Who bears the money; what a document does not divide is `other`.
FUNDING = {"central": "中央", "province": "省级", "city": "市级", "county": "县级", "other": "未分级"}


class Channel(models.TextChoices):
    BANK = "bank", "银行代发"
    SETTLEMENT = "settlement", "与学校结算"  # waivers and what is given in kind: never in a bank file


class BatchState(models.TextChoices):
    PREPARED = "prepared", "待学校确认"
    CONFIRMED = "confirmed", "学校已确认，待审批"
    APPROVED = "approved", "已审批"
    CHECKED = "checked", "乡村振兴部门已核对"
    SENT = "sent", "已报送，待回盘"
    RETURNED = "returned", "已回盘，有待处理"
    BALANCED = "balanced", "已结清"
    CANCELLED = "cancelled", "已作废"


B = BatchState
SCHOOLS_AGREE = Condition("schools_agree", "还有学校没有确认自己的名单", Q(parts_open=0))
HAS_LINES = Condition("has_lines", "名单是空的", Q(lines__gt=0))
NOT_ASKED = Condition("not_asked", "要先由乡村振兴部门核对", Q(poverty_check=False) | ~Q(state=B.APPROVED))
ASKED = Condition("asked", "本批次不用乡村振兴部门核对", Q(poverty_check=True))
STILL_PREPARED = Condition("still_prepared", "名单已交审批，要先退回学校", Q(batch__state=B.PREPARED))
NOTHING_OPEN = Condition("nothing_open", "还有没有结果的人", Q(lines_open=0))

BATCH = Flow(
    Move("confirm", "学校确认", {B.PREPARED}, B.CONFIRMED, P.PAYMENT_VIEW, All((HAS_LINES, SCHOOLS_AGREE))),
    Move("reopen", "退回学校", {B.CONFIRMED}, B.PREPARED, P.PAYMENT_APPROVE, note_required=True),
    Move("approve", "审批通过", {B.CONFIRMED}, B.APPROVED, P.PAYMENT_APPROVE, All((HAS_LINES, SCHOOLS_AGREE))),
    Move("check", "登记乡村振兴部门核对", {B.APPROVED}, B.CHECKED, P.PAYMENT_PREPARE, All((ASKED,))),
    Move("send", "报送", {B.APPROVED, B.CHECKED, B.RETURNED}, B.SENT, P.PAYMENT_PREPARE, All((NOT_ASKED,))),
    Move("hear", "回盘", {B.SENT, B.RETURNED}, B.RETURNED, P.PAYMENT_PREPARE),
    Move("balance", "结清", {B.SENT, B.RETURNED}, B.BALANCED, P.PAYMENT_PREPARE, All((NOTHING_OPEN,))),
    # A transfer that came back after it had been reported as paid.
    Move("unbalance", "重新打开", {B.BALANCED}, B.RETURNED, P.PAYMENT_APPROVE, note_required=True),
    Move("cancel", "作废", {B.PREPARED, B.CONFIRMED, B.APPROVED, B.CHECKED}, B.CANCELLED, P.PAYMENT_APPROVE,
         note_required=True),
)  # fmt: skip


class BatchQuerySet(FlowQuerySet, ScopedQuerySet):
    pass


class PaymentBatch(Moving, Scoped):
    """One list of one channel and term. `lines`, `total`: what stands on it now; `parts_open`: schools that have not
    agreed; `lines_open`: lines without a result; all four kept by triggers, never by hand. `approved_lines` and the sums
    by level of funding are those of the moment of approval and never change: every line of then is paid, pending, bounced
    or cancelled, to the fen (view subsidies_balance)."""

    OWNER_PATHS = {OFFICE: "path"}
    FLOW = BATCH

    number = models.CharField("批次号", max_length=40, unique=True, db_collation="C")
    state = models.CharField("状态", max_length=10, choices=BatchState.choices, default=BatchState.PREPARED)
    channel = models.CharField("方式", max_length=10, choices=Channel.choices)
    title = models.CharField("名称", max_length=120)
    term = models.CharField("学期", max_length=11, db_collation="C")
    office = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="编制单位")
    path = PathField()
    bank = models.CharField("银行格式", max_length=30, default="", blank=True)  # a profile of subsidies.payments.banks
    poverty_check = models.BooleanField("乡村振兴部门核对", default=False)
    lines = models.IntegerField("人次", default=0)
    total = models.DecimalField("金额（元）", max_digits=14, decimal_places=2, default=0)
    parts_open = models.IntegerField(default=0)
    lines_open = models.IntegerField(default=0)
    prepared_by = models.CharField("编制人", max_length=120)
    prepared_by_id = models.BigIntegerField(null=True)
    prepared_at = models.DateTimeField(db_default=models.functions.Now())
    job_id = models.BigIntegerField(null=True, unique=True)  # that prepared it: a job run twice makes one batch
    approved_by = models.CharField("审批人", max_length=120, default="", blank=True)
    approved_by_id = models.BigIntegerField(null=True)
    approved_at = models.DateTimeField("审批时间", null=True)
    document = models.CharField("审批文号", max_length=60, default="", blank=True)
    approved_lines = models.IntegerField(default=0)
    central = models.DecimalField("中央", max_digits=14, decimal_places=2, default=0)
    province = models.DecimalField("省级", max_digits=14, decimal_places=2, default=0)
    city = models.DecimalField("市级", max_digits=14, decimal_places=2, default=0)
    county = models.DecimalField("县级", max_digits=14, decimal_places=2, default=0)
    other = models.DecimalField("未分级", max_digits=14, decimal_places=2, default=0)
    checked_note = models.CharField("核对情况", max_length=200, default="", blank=True)

    objects = scoped_manager(BatchQuerySet)

    class Meta:
        verbose_name = "发放批次"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="approved_batch_by_somebody",
                condition=Q(state__in=("prepared", "confirmed", "cancelled"))
                | (~Q(approved_by="") & Q(approved_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="batch_second_person",
                condition=Q(approved_by_id=None) | Q(prepared_by_id=None) | ~Q(approved_by_id=F("prepared_by_id")),
            ),
            models.CheckConstraint(name="bank_batch_has_a_profile", condition=Q(channel="settlement") | ~Q(bank="")),
        ]
        indexes = [models.Index(fields=["path", "-id"], name="payment_batch_path")]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    @property
    def file_code(self) -> str:
        """The number as the name of a bank's file has it, in ASCII, the season by its first month: 620123-202609-003."""
        return self.number.replace("秋", "09").replace("春", "03")


class BatchPart(Scoped):
    """A school's part of a batch, which the school looks through and agrees to."""

    OWNER_PATHS = {SCHOOL: "school_path", OFFICE: "batch__path"}

    batch = models.ForeignKey(PaymentBatch, models.CASCADE, related_name="parts")
    school = models.ForeignKey(School, models.PROTECT, related_name="+", verbose_name="学校")
    school_path = PathField()
    agreed_by = models.CharField("确认人", max_length=120, default="", blank=True)
    agreed_by_id = models.BigIntegerField(null=True)
    agreed_at = models.DateTimeField("确认时间", null=True)
    objection = models.CharField("学校意见", max_length=200, default="", blank=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "学校名单"
        ordering = ["school_path"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "school"], name="batch_school_once"),
            models.CheckConstraint(
                name="agreed_part_by_somebody", condition=Q(agreed_at=None) | ~Q(agreed_by=""),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.batch_id} {self.school}"


class PaymentState(models.TextChoices):
    LISTED = "listed", "已列入"
    APPROVED = "approved", "已审批，待报送"
    SENT = "sent", "已报送"
    PAID = "paid", "已发放"
    BOUNCED = "bounced", "退票"
    REISSUED = "reissued", "待重新报送"  # a bounce that was put right
    CANCELLED = "cancelled", "已撤销"


class Bounce(models.TextChoices):
    """What banks answer, in their usual words."""

    NAME = "name", "户名不符"
    MISSING = "missing", "账号不存在"
    INACTIVE = "inactive", "未激活"
    FROZEN = "frozen", "挂失冻结"
    CLOSED = "closed", "销户"
    EXPIRED = "expired", "证件过期"
    LIMIT = "limit", "限额"
    NOT_FINANCIAL = "not_financial", "社保卡金融功能未开"
    OTHER_BANK = "other_bank", "跨行不支持"
    OTHER = "other", "其他"


S = PaymentState
PENDING = (PaymentState.LISTED, PaymentState.APPROVED, PaymentState.SENT, PaymentState.REISSUED)
OPEN = (*PENDING, PaymentState.BOUNCED)

PAYMENT = Flow(
    Move("leave_out", "移出名单", {S.LISTED}, S.CANCELLED, P.PAYMENT_PREPARE, All((STILL_PREPARED,)), note_required=True),
    Move("approve", "审批通过", {S.LISTED}, S.APPROVED, P.PAYMENT_APPROVE),
    Move("send", "报送", {S.APPROVED, S.REISSUED}, S.SENT, P.PAYMENT_PREPARE),
    Move("pay", "发放成功", {S.SENT}, S.PAID, P.PAYMENT_PREPARE),
    Move("settle", "结算", {S.APPROVED}, S.PAID, P.PAYMENT_PREPARE),
    Move("bounce", "退票", {S.SENT}, S.BOUNCED, P.PAYMENT_PREPARE),
    # The bank took back what it had reported as paid; a second person says so.
    Move("come_back", "确认退回", {S.PAID}, S.BOUNCED, P.PAYMENT_APPROVE, note_required=True),
    # The bank had said bounced and paid all the same: then nobody pays again.
    Move("arrive", "确认已到账", {S.BOUNCED, S.REISSUED}, S.PAID, P.PAYMENT_APPROVE, note_required=True),
    Move("reissue", "重新发放", {S.BOUNCED}, S.REISSUED, P.PAYMENT_APPROVE),
    Move("cancel", "撤销", {S.LISTED, S.APPROVED, S.BOUNCED, S.REISSUED}, S.CANCELLED, P.PAYMENT_APPROVE,
         note_required=True),
)


class PaymentQuerySet(FlowQuerySet, ScopedQuerySet):
    def standing(self) -> PaymentQuerySet:
        """What counts as listed: everything but what was cancelled."""
        return self.exclude(state=PaymentState.CANCELLED)

    def paid(self) -> PaymentQuerySet:
        return self.filter(state=PaymentState.PAID)


class Payment(Moving, Scoped):
    """A line: student × benefit × term × instalment, once, whatever is sent and returned. The amount and whose it is
    never change after the insert; after the approval no line is added or removed (trigger), so that always
    approved = paid + pending + bounced + cancelled, per level of funding.

    No index looks at the state, and half of each page is left free (fillfactor): a step of 100,000 lines rewrites no index.

    `attempt`: how often it stood in a bank file. `account`: where it goes now; a bank file keeps where it went.
    """

    OWNER_PATHS = {SCHOOL: "school_path", HOME: "home_path"}
    FLOW = PAYMENT

    batch = models.ForeignKey(PaymentBatch, models.PROTECT, related_name="payments", db_index=False)
    student = models.ForeignKey(Student, models.PROTECT, related_name="payments")
    term = models.CharField("学期", max_length=11, db_collation="C")
    benefit = models.ForeignKey(Benefit, models.PROTECT, related_name="+", verbose_name="资助项目", db_index=False)
    rule = models.ForeignKey(Rule, models.PROTECT, related_name="+", db_index=False)
    instalment = models.SmallIntegerField("期次", default=1)  # above 1: back-pay (补发)
    school = models.ForeignKey(School, models.PROTECT, related_name="+", verbose_name="学校", db_index=False)
    amount = models.DecimalField("金额（元）", max_digits=12, decimal_places=2, null=True)  # NULL: in kind
    central = models.DecimalField("中央", max_digits=12, decimal_places=2, default=0)
    province = models.DecimalField("省级", max_digits=12, decimal_places=2, default=0)
    city = models.DecimalField("市级", max_digits=12, decimal_places=2, default=0)
    county = models.DecimalField("县级", max_digits=12, decimal_places=2, default=0)
    other = models.DecimalField("未分级", max_digits=12, decimal_places=2, default=0)
    state = models.CharField("状态", max_length=10, choices=PaymentState.choices, default=PaymentState.LISTED)
    account = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+", db_index=False)
    attempt = models.SmallIntegerField("报送次数", default=0)
    bounce = models.CharField("退票原因", max_length=14, choices=Bounce.choices, default="", blank=True)
    bounce_text = models.CharField("银行说明", max_length=120, default="", blank=True)
    bounced_at = models.DateTimeField("退票时间", null=True)
    fixed = models.CharField("学校处理情况", max_length=200, default="", blank=True)  # of a bounce, by the school
    fixed_by = models.CharField("处理人", max_length=120, default="", blank=True)
    fixed_by_id = models.BigIntegerField(null=True)
    fixed_at = models.DateTimeField(null=True)
    paid_on = models.DateField("到账日期", null=True)
    listed_at = models.DateTimeField(db_default=models.functions.Now())
    approved_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    home_path = PathField()
    school_path = PathField()

    objects = scoped_manager(PaymentQuerySet)

    class Meta:
        verbose_name = "发放明细"
        ordering = ["batch", "school_path", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["student", "benefit", "term", "instalment"], condition=Q(cancelled_at=None),
                name="paid_once_an_instalment",
            ),
            models.CheckConstraint(
                name="payment_divided",
                condition=Q(
                    central__gte=0, province__gte=0, city__gte=0, county__gte=0, other__gte=0, amount__isnull=True,
                ) | Q(amount=F("central") + F("province") + F("city") + F("county") + F("other")),
            ),
            models.CheckConstraint(name="payment_not_negative", condition=Q(amount__gte=0)),
            models.CheckConstraint(
                name="bounced_payment_says_why", condition=~Q(state="bounced") | ~Q(bounce=""),
            ),
            models.CheckConstraint(
                name="cancelled_payment_has_a_moment",
                condition=Q(state="cancelled", cancelled_at__isnull=False) | (~Q(state="cancelled") & Q(cancelled_at=None)),
            ),
            models.CheckConstraint(
                name="paid_payment_has_a_day", condition=~Q(state="paid") | Q(paid_on__isnull=False),
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["batch", "school_path"], name="payment_of_batch"),
            models.Index(fields=["term", "student"], name="payment_term_student"),
            models.Index(fields=["school_path"], name="payment_school"),
            models.Index(fields=["school_path"], condition=Q(bounced_at__isnull=False), name="payment_bounced"),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id} {self.student_id} {self.amount}"


class Indicator(Written):
    """指标: money that came down for a benefit and term, of one level of funding or ("") of all together, for a county
    or one of its schools. `used` is what approved batches have taken; never more than there is (CHECK)."""

    OWNER_PATHS = {OFFICE: "path"}

    office = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="单位")
    path = PathField()
    school = models.ForeignKey(School, models.PROTECT, null=True, related_name="+", verbose_name="学校")
    benefit = models.ForeignKey(Benefit, models.PROTECT, related_name="+", verbose_name="资助项目")
    term = models.CharField("学期", max_length=11, db_collation="C")
    funding = models.CharField("资金", max_length=10, choices=list(FUNDING.items()), default="", blank=True)
    document = models.CharField("文号", max_length=60)
    issued_on = models.DateField("下达日期")
    arrived_on = models.DateField("到账日期", null=True, blank=True)
    yuan = models.DecimalField("金额（元）", max_digits=14, decimal_places=2)
    used = models.DecimalField("已用（元）", max_digits=14, decimal_places=2, default=0)
    note = models.CharField("备注", max_length=200, default="", blank=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "指标"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(used__gte=0) & Q(used__lte=F("yuan")), name="indicator_has_headroom"),
        ]
        indexes = [models.Index(fields=["path", "term", "benefit"], name="indicator_path")]

    def __str__(self) -> str:
        return f"{self.document} {self.benefit} {self.yuan}"

    @property
    def left(self):  # type: ignore[no-untyped-def]
        return self.yuan - self.used


class IndicatorUse(Scoped):
    """What a batch takes of an indicator, from its approval until its cancellation. `used` is their sum (trigger)."""

    OWNER_PATHS = {OFFICE: "indicator__path"}

    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="uses")
    batch = models.ForeignKey(PaymentBatch, models.PROTECT, related_name="uses")
    yuan = models.DecimalField(max_digits=14, decimal_places=2)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "指标占用"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["indicator", "batch"], name="used_once_by_a_batch"),
            models.CheckConstraint(condition=Q(yuan__gt=0), name="used_something"),
        ]

    def __str__(self) -> str:
        return f"{self.indicator_id} {self.batch_id} {self.yuan}"
