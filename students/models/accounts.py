"""一卡通账户: where a child's money goes. Rows are never rewritten: a changed account is a new row from its day."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.db.models import F, Q

from aidcases.conditions import All, Condition
from aidcases.crypto import EncryptedField
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.roles import P
from aidcases.scoping import HOME, SCHOOL, PathField, Scoped, ScopedQuerySet, current_scope, scoped_manager
from students.models.students import Student


class Holder(models.TextChoices):
    """Whose card it is, as seen from the child."""

    SELF = "self", "本人"
    HEAD = "head", "户主"
    FATHER = "father", "父亲"
    MOTHER = "mother", "母亲"
    GUARDIAN = "guardian", "其他监护人"


class AccountState(models.TextChoices):
    PROPOSED = "proposed", "待复核"
    CONFIRMED = "confirmed", "有效"
    REFUSED = "refused", "不采用"


ALLOWED = Condition("not_shared", "这张卡还登记在别的户名下，先核实并写明原因", Q(alarm="") | ~Q(cleared=""))

ACCOUNT = Flow(
    Move("confirm", "复核通过", {AccountState.PROPOSED}, AccountState.CONFIRMED, P.ACCOUNT_CONFIRM, All((ALLOWED,))),
    Move("refuse", "不采用", {AccountState.PROPOSED}, AccountState.REFUSED, P.ACCOUNT_CONFIRM, note_required=True),
)


class AccountQuerySet(FlowQuerySet, ScopedQuerySet):
    def in_force_on(self, day: date) -> AccountQuerySet:
        """A child's last confirmed account not after the day."""
        last = self.filter(state=AccountState.CONFIRMED, from_on__lte=day)
        last = last.order_by("student", "-from_on", "-pk").distinct("student")
        return self.filter(pk__in=last.values("pk"))


class Account(Moving, Scoped):
    """A card a child's money may go to, proposed by one person and confirmed by another. `alarm`: why it looks wrong
    (shared across households, held by staff), `cleared`: what was found out about it. `path`: the office that wrote it
    down; the child's other side sees the last four digits only."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}
    FLOW = ACCOUNT

    student = models.ForeignKey(Student, models.PROTECT, related_name="accounts")
    state = models.CharField("状态", max_length=10, choices=AccountState.choices, default=AccountState.PROPOSED)
    from_on = models.DateField("起用日期")
    holder = models.CharField("户名", max_length=60)
    relation = models.CharField("持卡人", max_length=10, choices=Holder.choices)
    number = EncryptedField("账号", blind_index="number_hash", purpose="account")
    number_hash = models.BinaryField()
    number_last4 = models.CharField(max_length=4)
    bank = models.CharField("开户行", max_length=60)
    alarm = models.CharField("疑点", max_length=100, default="", blank=True)
    cleared = models.CharField("核实情况", max_length=200, default="", blank=True)
    why = models.CharField("变更原因", max_length=200, default="", blank=True)
    proposed_by = models.CharField("登记人", max_length=120)
    proposed_by_id = models.BigIntegerField(null=True)
    proposed_at = models.DateTimeField(db_default=models.functions.Now())
    confirmed_by = models.CharField("复核人", max_length=120, default="", blank=True)
    confirmed_by_id = models.BigIntegerField(null=True)
    confirmed_at = models.DateTimeField("复核时间", null=True)
    home_path = PathField()
    school_path = PathField()
    path = PathField()

    objects = scoped_manager(AccountQuerySet)

    class Meta:
        verbose_name = "一卡通账户"
        ordering = ["-from_on", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["student"], condition=Q(state="proposed"), name="account_proposed_once"),
            models.CheckConstraint(
                name="confirmed_account_by_somebody", condition=~Q(state="confirmed") | ~Q(confirmed_by="")
            ),
            models.CheckConstraint(
                name="account_second_person",
                condition=Q(confirmed_by_id=None) | Q(proposed_by_id=None) | ~Q(confirmed_by_id=F("proposed_by_id")),
            ),
        ]
        indexes = [
            models.Index(fields=["student", "-from_on"], name="account_student"),
            models.Index(fields=["number_hash"], name="account_number"),
            models.Index(fields=["school_path", "state"], name="account_school"),
        ]

    @property
    def written_here(self) -> bool:
        """By an office within the acting scope, which may then show the whole number."""
        return current_scope().covers(self.path)

    def __str__(self) -> str:
        return f"{self.student_id} 尾号 {self.number_last4}"
