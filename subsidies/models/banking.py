"""代发文件 and 回盘: what went to a bank, what came back, and what became of every line of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models import Account
from subsidies.models.payments import Bounce, Payment, PaymentBatch


class BankFile(Scoped):
    """A file for the bank, sealed under FILES; `sha256` is that of the file as downloaded. No line of it can have been
    paid before `sent_on`."""

    OWNER_PATHS = {OFFICE: "path"}

    batch = models.ForeignKey(PaymentBatch, models.PROTECT, related_name="files")
    path = PathField()
    number = models.SmallIntegerField("序号")
    profile = models.CharField("银行格式", max_length=30)
    filename = models.CharField("文件名", max_length=80)
    stored = models.CharField(max_length=80)
    sha256 = models.CharField(max_length=64)
    lines = models.IntegerField("笔数")
    total = models.DecimalField("金额（元）", max_digits=14, decimal_places=2)
    sent_on = models.DateField("报送日期", default=timezone.localdate)
    made_by = models.CharField("生成人", max_length=120)
    made_at = models.DateTimeField(db_default=models.functions.Now())

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "代发文件"
        ordering = ["batch", "number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="bank_file_number")]

    def __str__(self) -> str:
        return self.filename


class Sending(Scoped):
    """A line of a bank file: which attempt of which payment, to which account. `reference` stands in the file and
    comes back in the bank's: it names the attempt, not only the payment."""

    OWNER_PATHS = {OFFICE: "file__path"}

    file = models.ForeignKey(BankFile, models.PROTECT, related_name="sendings")
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="sendings", db_index=False)
    attempt = models.SmallIntegerField()
    row = models.IntegerField()
    reference = models.CharField(max_length=24, unique=True, db_collation="C")
    account = models.ForeignKey(Account, models.PROTECT, related_name="+", db_index=False)
    # Answered once: what the bank said first of this attempt stands.
    result = models.CharField(max_length=8, default="", blank=True)  # paid, bounced

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "代发明细"
        ordering = ["file", "row"]
        constraints = [
            models.UniqueConstraint(fields=["payment", "attempt"], name="sent_once_an_attempt"),
            models.CheckConstraint(condition=Q(result__in=("", "paid", "bounced")), name="sending_result"),
        ]

    def __str__(self) -> str:
        return self.reference


class BankReturn(Scoped):
    """A bank's answer as uploaded, sealed under FILES. The same file again is the same file."""

    OWNER_PATHS = {OFFICE: "path"}

    batch = models.ForeignKey(PaymentBatch, models.PROTECT, related_name="returns")
    path = PathField()
    filename = models.CharField("文件名", max_length=120)
    stored = models.CharField(max_length=80)
    sha256 = models.CharField(max_length=64)
    counts = models.JSONField(default=dict)  # {verdict: lines}
    uploaded_by = models.CharField("上传人", max_length=120)
    uploaded_by_id = models.BigIntegerField(null=True)
    uploaded_at = models.DateTimeField(db_default=models.functions.Now())

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "回盘文件"
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["batch", "sha256"], name="return_once")]

    def __str__(self) -> str:
        return self.filename


class Verdict(models.TextChoices):
    """What became of a line of a bank's answer. Only the first changes a payment by itself."""

    APPLIED = "applied", "已登记"
    REPEATED = "repeated", "以前登记过，结果相同"
    CONTRADICTS = "contradicts", "和以前的结果不同，待核实"
    OTHER_BATCH = "other_batch", "是别的批次的，请到该批次上传"
    UNKNOWN = "unknown", "认不出是哪一笔"
    WRONG_AMOUNT = "wrong_amount", "金额和报送的不同"
    UNCLEAR = "unclear", "看不出成功还是失败"


class ReturnLine(Scoped):
    """A line of a bank's answer; none is lost, whatever it says. `said` has numbers masked."""

    OWNER_PATHS = {OFFICE: "path"}

    bank_return = models.ForeignKey(BankReturn, models.CASCADE, related_name="lines", db_index=False)
    path = PathField()
    row = models.IntegerField("行")
    verdict = models.CharField("结论", max_length=14, choices=Verdict.choices)
    sending = models.ForeignKey(Sending, models.PROTECT, null=True, related_name="answers")
    result = models.CharField(max_length=8, default="", blank=True)
    bounce = models.CharField("退票原因", max_length=14, choices=Bounce.choices, default="", blank=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    said = models.CharField("原文", max_length=300, default="", blank=True)
    settled_by = models.CharField("核实人", max_length=120, default="", blank=True)
    settled_note = models.CharField("核实情况", max_length=200, default="", blank=True)
    settled_at = models.DateTimeField(null=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "回盘明细"
        ordering = ["bank_return", "row"]
        constraints = [models.UniqueConstraint(fields=["bank_return", "row"], name="return_row_once")]

    def __str__(self) -> str:
        return f"{self.bank_return_id} {self.row}"
