"""Donations, gifts to children, one-to-one helpers and partner schools, goods points (爱心超市)."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from aidcases.crypto import EncryptedField
from aidcases.models import School
from aidcases.scoping import HOME, OFFICE, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models import Household, Student
from subsidies.models.written import Ending, Written


class Form(models.TextChoices):
    CASH = "cash", "现金"
    GOODS = "goods", "物资"


class DonorKind(models.TextChoices):
    COMPANY = "company", "企业"
    CHARITY = "charity", "公益组织、基金会"
    OFFICE = "office", "机关单位"
    PERSON = "person", "个人"


class Donor(Written):
    """Who gives; known to the office that keeps the contact."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    name = models.CharField("捐助人（单位）", max_length=80)
    kind = models.CharField("类型", max_length=10, choices=DonorKind.choices)
    contact = models.CharField("联系人", max_length=40, default="", blank=True)
    phone = EncryptedField("联系电话", blind_index="phone_hash", purpose="phone", null=True)
    phone_hash = models.BinaryField(null=True)
    note = models.CharField("备注", max_length=200, default="", blank=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "捐助人"
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["path", "name"], name="donor_once")]

    def __str__(self) -> str:
        return self.name


class DonationProject(Written):
    """What a donor gives for. `received` and `given` are the sums of its money (triggers): never more given than was
    received (CHECK). Goods are counted by their value beside it."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    donor = models.ForeignKey(Donor, models.PROTECT, related_name="projects", verbose_name="捐助人（单位）")
    title = models.CharField("项目名称", max_length=80)
    pledge = models.DecimalField("承诺金额（元）", max_digits=14, decimal_places=2, default=0)
    from_on = models.DateField("起始日期")
    received = models.DecimalField("收到捐款（元）", max_digits=14, decimal_places=2, default=0)
    given = models.DecimalField("发给学生（元）", max_digits=14, decimal_places=2, default=0)
    note = models.CharField("用途和要求", max_length=200, default="", blank=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "捐助项目"
        ordering = ["-from_on", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["path", "title"], name="project_once"),
            models.CheckConstraint(condition=Q(pledge__gte=0), name="pledge_not_negative"),
            models.CheckConstraint(condition=Q(given__gte=0) & Q(given__lte=F("received")), name="given_within_received"),
        ]
        indexes = [models.Index(fields=["path"], name="project_path")]

    def __str__(self) -> str:
        return self.title

    @property
    def left(self):  # type: ignore[no-untyped-def]
        return self.received - self.given


class Donation(Written):
    """Money or goods that came in, and how the donor was thanked. `key` is made by the form: sent twice, it is one."""

    OWNER_PATHS = {OFFICE: "project__path"}

    key = models.UUIDField(unique=True, default=uuid.uuid4)
    project = models.ForeignKey(DonationProject, models.PROTECT, related_name="donations")
    form = models.CharField("形式", max_length=6, choices=Form.choices)
    yuan = models.DecimalField("金额或价值（元）", max_digits=14, decimal_places=2)
    what = models.CharField("物资", max_length=120, default="", blank=True)
    received_on = models.DateField("收到日期")
    receipt = models.CharField("收据号", max_length=40, default="", blank=True)
    thanked_on = models.DateField("感谢信日期", null=True)
    thanks = models.CharField("感谢信", max_length=200, default="", blank=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "捐赠"
        ordering = ["-received_on", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(yuan__gt=0), name="donation_of_something"),
            models.CheckConstraint(condition=Q(form="cash") | ~Q(what=""), name="donated_goods_are_named"),
            models.CheckConstraint(condition=Q(thanked_on=None) | ~Q(thanks=""), name="thanks_are_noted"),
        ]

    def __str__(self) -> str:
        return f"{self.project_id} {self.yuan}"


class Gift(Written):
    """Money or goods of a project for one child. Not an entitlement: never summed with what rules give. `key` is made by
    the form: sent twice, it is one; a second gift of the same sum on the same day comes of a form of its own."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    key = models.UUIDField(unique=True, default=uuid.uuid4)
    student = models.ForeignKey(Student, models.PROTECT, related_name="gifts")
    project = models.ForeignKey(DonationProject, models.PROTECT, related_name="gifts", verbose_name="捐助项目")
    form = models.CharField("形式", max_length=6, choices=Form.choices)
    yuan = models.DecimalField("金额或价值（元）", max_digits=12, decimal_places=2)
    what = models.CharField("物资", max_length=120, default="", blank=True)
    given_on = models.DateField("发放日期")
    signed_by = models.CharField("签收人", max_length=40, default="", blank=True)
    signed_on = models.DateField("签收日期", null=True)
    home_path = PathField()
    school_path = PathField(default="", blank=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "捐助发放"
        ordering = ["-given_on", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(yuan__gt=0), name="gift_of_something"),
            models.CheckConstraint(condition=Q(form="cash") | ~Q(what=""), name="given_goods_are_named"),
            models.CheckConstraint(
                condition=Q(signed_on=None, signed_by="") | (Q(signed_on__isnull=False) & ~Q(signed_by="")),
                name="gift_signed_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["home_path"], name="gift_home"),
            models.Index(fields=["school_path"], name="gift_school"),
        ]

    def __str__(self) -> str:
        return f"{self.student_id} {self.yuan}"


class HelperKind(models.TextChoices):
    DONOR = "donor", "捐助人"
    FAMILY = "family", "志愿家庭"
    PARTY = "party", "党员干部"
    TEACHER = "teacher", "教师"


class PairingQuerySet(ScopedQuerySet):
    def standing(self) -> PairingQuerySet:
        return self.filter(~Exists(PairingEnd.objects.filter(pairing=OuterRef("pk"))))


class Pairing(Written):
    """一对一结对: who helps a child from a day on; it stands until a row of its own ends it."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    student = models.ForeignKey(Student, models.PROTECT, related_name="pairings")
    kind = models.CharField("结对类型", max_length=10, choices=HelperKind.choices)
    helper = models.CharField("结对人", max_length=60)
    unit = models.CharField("单位和职务", max_length=80, default="", blank=True)
    from_on = models.DateField("结对日期")
    plan = models.CharField("帮扶内容", max_length=200, default="", blank=True)
    home_path = PathField()
    school_path = PathField(default="", blank=True)

    objects = scoped_manager(PairingQuerySet)

    class Meta:
        verbose_name = "结对"
        ordering = ["-from_on", "-pk"]
        indexes = [
            models.Index(fields=["home_path"], name="pairing_home"),
            models.Index(fields=["school_path"], name="pairing_school"),
        ]

    def __str__(self) -> str:
        return f"{self.student_id} {self.helper}"


class PairingEnd(Ending):
    """A pairing ends on a day, for a reason."""

    OWNER_PATHS = {HOME: "pairing__home_path", SCHOOL: "pairing__school_path"}

    pairing = models.OneToOneField(Pairing, models.PROTECT, related_name="end")

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "结对结束"
        constraints = [models.CheckConstraint(condition=~Q(why=""), name="pairing_end_says_why")]

    def __str__(self) -> str:
        return f"{self.pairing_id} {self.from_on}"


class HelperVisit(Written):
    """A helper saw the child."""

    OWNER_PATHS = {HOME: "pairing__home_path", SCHOOL: "pairing__school_path"}

    pairing = models.ForeignKey(Pairing, models.PROTECT, related_name="visits")
    visited_on = models.DateField("走访日期")
    note = models.CharField("走访情况", max_length=500)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "结对走访"
        ordering = ["-visited_on", "-pk"]

    def __str__(self) -> str:
        return f"{self.pairing_id} {self.visited_on}"


class SchoolPairQuerySet(ScopedQuerySet):
    def standing(self) -> SchoolPairQuerySet:
        return self.filter(~Exists(SchoolPairEnd.objects.filter(pair=OuterRef("pk"))))


class SchoolPair(Written):
    """校际结对: a school and its partner, which may lie anywhere; it stands until a row of its own ends it."""

    OWNER_PATHS = {SCHOOL: "path"}

    school = models.ForeignKey(School, models.PROTECT, related_name="+", verbose_name="学校")
    path = PathField()
    partner = models.CharField("结对学校（单位）", max_length=80)
    from_on = models.DateField("结对日期")
    plan = models.CharField("帮扶内容", max_length=200, default="", blank=True)

    objects = scoped_manager(SchoolPairQuerySet)

    class Meta:
        verbose_name = "校际结对"
        ordering = ["path", "-from_on", "pk"]
        constraints = [models.UniqueConstraint(fields=["school", "partner", "from_on"], name="school_pair_once")]

    def __str__(self) -> str:
        return f"{self.school_id} {self.partner}"


class SchoolPairEnd(Ending):
    """Two schools go separate ways from a day on, for a reason."""

    OWNER_PATHS = {SCHOOL: "pair__path"}

    pair = models.OneToOneField(SchoolPair, models.PROTECT, related_name="end")

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "校际结对结束"
        constraints = [models.CheckConstraint(condition=~Q(why=""), name="school_pair_end_says_why")]

    def __str__(self) -> str:
        return f"{self.pair_id} {self.from_on}"


class PairActivity(Written):
    """What two schools did together."""

    OWNER_PATHS = {SCHOOL: "pair__path"}

    pair = models.ForeignKey(SchoolPair, models.PROTECT, related_name="activities")
    held_on = models.DateField("活动日期")
    note = models.CharField("活动内容", max_length=300)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "校际活动"
        ordering = ["-held_on", "-pk"]

    def __str__(self) -> str:
        return f"{self.pair_id} {self.held_on}"


class PointsAccount(Scoped):
    """爱心超市: the goods points of a household (home side only) or of one child. `balance` is the sum of its entries
    (trigger) and never negative (CHECK)."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    household = models.OneToOneField(Household, models.PROTECT, null=True, related_name="+", verbose_name="家庭")
    student = models.OneToOneField(Student, models.PROTECT, null=True, related_name="+", verbose_name="学生")
    balance = models.IntegerField("积分", default=0)
    home_path = PathField()
    school_path = PathField(default="", blank=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "积分户"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(balance__gte=0), name="points_not_negative"),
            models.CheckConstraint(
                condition=Q(household=None, student__isnull=False) | Q(household__isnull=False, student=None, school_path=""),
                name="points_of_one",
            ),
        ]
        indexes = [
            models.Index(fields=["home_path"], name="points_home"),
            models.Index(fields=["school_path"], name="points_school"),
        ]

    def __str__(self) -> str:
        return f"{self.household_id or self.student_id} {self.balance}"


class PointsEntry(Written):
    """Points earned (above nought) or spent on goods (below)."""

    OWNER_PATHS = {HOME: "account__home_path", SCHOOL: "account__school_path"}

    account = models.ForeignKey(PointsAccount, models.PROTECT, related_name="entries")
    points = models.IntegerField("积分")
    what = models.CharField("事由或物品", max_length=120)
    on = models.DateField("日期")

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "积分记录"
        ordering = ["-on", "-pk"]
        constraints = [models.CheckConstraint(condition=~Q(points=0), name="points_of_something")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.points}"
