"""公示: a frozen list on a public page and a poster for its week, and the objections to its lines."""

from __future__ import annotations

import secrets

from django.db import models
from django.db.models import F, Q

from aidcases.conditions import All, Condition
from aidcases.crypto import EncryptedField
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.models import Organisation
from aidcases.roles import P
from aidcases.scoping import OFFICE, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models import Student
from subsidies.enums import Level
from subsidies.models.applications import Application
from subsidies.models.rules import Benefit


class NoticeKind(models.TextChoices):
    DETERMINATION = "determination", "困难学生认定名单"
    BENEFIT = "benefit", "受助学生名单"  # with the yuan, automatic benefits too
    FUNDS = "funds", "资助资金发放名单"
    PANEL = "panel", "评审小组名单"


class NoticeState(models.TextChoices):
    DRAFT = "draft", "编制中"
    PREVIEWED = "previewed", "已预览，待发布"
    PUBLISHED = "published", "公示中"
    OVER = "over", "公示期满"  # taken down: the page answers 410
    ARCHIVED = "archived", "已归档"
    RECALLED = "recalled", "已撤回"


N = NoticeState
PERIOD_OVER = Condition("period_over", "公示期还没有满", Q(ends_at__lte=models.functions.Now()))
ANSWERED = Condition("answered", "还有没办结的异议", Q(objections_open=0))
PAPER_DOWN = Condition("paper_down", "还没有登记纸质公示已撤下", Q(paper_removed_on__isnull=False))
PHOTOGRAPHED = Condition("photographed", "还没有上传公示栏照片", Q(photos__gt=0))

NOTICE = Flow(
    Move("preview", "预览", {N.DRAFT, N.PREVIEWED}, N.PREVIEWED, P.NOTICE_WRITE),
    Move("revise", "退回修改", {N.PREVIEWED}, N.DRAFT, P.NOTICE_WRITE),
    Move("publish", "发布", {N.PREVIEWED}, N.PUBLISHED, P.NOTICE_PUBLISH),
    Move("recall", "撤回公示", {N.PUBLISHED}, N.RECALLED, P.NOTICE_PUBLISH, note_required=True),
    Move("end", "公示期满", {N.PUBLISHED}, N.OVER, P.NOTICE_PUBLISH, All((PERIOD_OVER,))),
    Move("archive", "归档", {N.OVER}, N.ARCHIVED, P.NOTICE_WRITE, All((ANSWERED, PAPER_DOWN, PHOTOGRAPHED))),
    Move("drop", "作废", {N.DRAFT, N.PREVIEWED}, N.RECALLED, P.NOTICE_WRITE),
)


class NoticeQuerySet(FlowQuerySet, ScopedQuerySet):
    def running(self) -> NoticeQuerySet:
        return self.filter(state=NoticeState.PUBLISHED)


def new_key() -> str:
    return secrets.token_urlsafe(9)


class PublicNotice(Moving, Scoped):
    """A list, frozen when it is published. `ends_at` is 24:00 of the last day."""

    OWNER_PATHS = {OFFICE: "path"}
    FLOW = NOTICE

    kind = models.CharField("种类", max_length=14, choices=NoticeKind.choices)
    state = models.CharField("状态", max_length=10, choices=NoticeState.choices, default=NoticeState.DRAFT)
    office = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="公示单位")
    path = PathField()
    term = models.CharField("学期", max_length=11, db_collation="C")
    title = models.CharField("标题", max_length=120)
    intro = models.TextField("说明", default="", blank=True)
    hotline = models.CharField("监督电话", max_length=40)
    document = models.CharField("文号", max_length=60, default="", blank=True)
    key = models.CharField(max_length=16, unique=True, default=new_key, db_collation="C")
    working_days = models.SmallIntegerField("至少工作日", default=5)
    days = models.SmallIntegerField("至少自然日", default=7)
    published_on = models.DateField("发布日期", null=True)
    ends_at = models.DateTimeField("截止", null=True)
    sha256 = models.CharField("名单校验", max_length=64, default="", blank=True)
    page = models.TextField(default="", blank=True)  # the public page as scanned and published
    etag = models.CharField(max_length=64, default="", blank=True)
    made_by = models.CharField("编制人", max_length=120)
    made_by_id = models.BigIntegerField(null=True)
    published_by = models.CharField("发布人", max_length=120, default="", blank=True)
    published_by_id = models.BigIntegerField(null=True)
    small_groups = models.CharField("人数少的组已确认", max_length=200, default="", blank=True)
    objections_open = models.SmallIntegerField(default=0)
    photos = models.SmallIntegerField(default=0)
    paper_removed_on = models.DateField("纸质公示撤下日期", null=True)
    paper_removed_by = models.CharField("撤下人", max_length=120, default="", blank=True)
    made_at = models.DateTimeField(db_default=models.functions.Now())

    objects = scoped_manager(NoticeQuerySet)

    class Meta:
        verbose_name = "公示"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="published_notice_is_frozen",
                condition=~Q(state__in=("published", "over", "archived"))
                | (Q(published_on__isnull=False) & Q(ends_at__isnull=False) & ~Q(sha256="") & ~Q(published_by="")),
            ),
            models.CheckConstraint(
                name="notice_second_person",
                condition=Q(published_by_id=None) | Q(made_by_id=None) | ~Q(published_by_id=F("made_by_id")),
            ),
        ]
        indexes = [
            models.Index(fields=["path", "-id"], name="notice_path"),
            models.Index(fields=["state", "ends_at"], name="notice_clock"),
        ]

    def __str__(self) -> str:
        return self.title


class LineState(models.TextChoices):
    STANDING = "standing", "公示中"
    PAUSED = "paused", "有异议，暂缓"
    REMOVED = "removed", "异议成立，撤出"
    WITHDRAWN = "withdrawn", "已撤回申请"


# No longer before the public: an objection was upheld, the family took its application back.
OFF = (LineState.REMOVED, LineState.WITHDRAWN)


class NoticeLine(Scoped):
    """A line as the public sees it: the only columns a notice can have (教财厅函〔2017〕28号)."""

    OWNER_PATHS = {OFFICE: "notice__path"}

    notice = models.ForeignKey(PublicNotice, models.CASCADE, related_name="lines")
    order = models.IntegerField()
    name = models.CharField("姓名", max_length=60)
    school = models.CharField("学校", max_length=80, default="", blank=True)
    grade = models.CharField("年级", max_length=20, default="", blank=True)
    class_name = models.CharField("班级", max_length=40, default="", blank=True)
    level = models.CharField("等级", max_length=10, choices=Level.choices, default="", blank=True)
    benefit = models.CharField("资助项目", max_length=60, default="", blank=True)
    amount = models.DecimalField("金额（元）", max_digits=12, decimal_places=2, null=True)
    role = models.CharField("身份", max_length=20, default="", blank=True)  # of a panel's member
    state = models.CharField("状态", max_length=10, choices=LineState.choices, default=LineState.STANDING)
    # Whom the line is about; never on a page.
    application = models.ForeignKey(Application, models.PROTECT, null=True, related_name="lines")
    student = models.ForeignKey(Student, models.PROTECT, null=True, related_name="+")
    about = models.ForeignKey(Benefit, models.PROTECT, null=True, related_name="+")  # whatever the list calls it

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "公示名单"
        ordering = ["order"]
        constraints = [models.UniqueConstraint(fields=["notice", "order"], name="notice_in_order")]

    def __str__(self) -> str:
        return f"{self.order} {self.name}"


class ObjectionState(models.TextChoices):
    OPEN = "open", "待调查"
    ASSIGNED = "assigned", "调查中"
    ANSWERED = "answered", "已答复"
    APPEALED = "appealed", "已向上级申诉"
    CLOSED = "closed", "已办结"


class Finding(models.TextChoices):
    UPHELD = "upheld", "异议成立"
    PARTLY = "partly", "部分成立"
    DISMISSED = "dismissed", "异议不成立"


B = ObjectionState
FOUND = Condition("found", "还没有写调查结论", ~Q(finding=""))
OBJECTION = Flow(
    Move("assign", "指定经办", {B.OPEN, B.ASSIGNED}, B.ASSIGNED, P.OBJECTION_HANDLE),
    Move("answer", "答复", {B.OPEN, B.ASSIGNED, B.APPEALED}, B.ANSWERED, P.OBJECTION_HANDLE, All((FOUND,))),
    Move("appeal", "申诉", {B.ANSWERED}, B.APPEALED, P.OBJECTION_HANDLE, note_required=True),
    Move("close", "办结", {B.ANSWERED}, B.CLOSED, P.OBJECTION_HANDLE),
)
HOLDING = (ObjectionState.OPEN, ObjectionState.ASSIGNED, ObjectionState.APPEALED)  # hold their line back


class ObjectionQuerySet(FlowQuerySet, ScopedQuerySet):
    def holding(self) -> ObjectionQuerySet:
        return self.filter(state__in=HOLDING)


class Objection(Moving, Scoped):
    """What somebody says against a line or the whole list; pauses only its line."""

    # Whoever must answer, and, once a family has appealed, still the school that published the list.
    OWNER_PATHS = {OFFICE: "path", SCHOOL: "notice__path"}
    FLOW = OBJECTION

    notice = models.ForeignKey(PublicNotice, models.PROTECT, related_name="objections")
    line = models.ForeignKey(NoticeLine, models.PROTECT, null=True, related_name="objections")
    path = PathField()  # of the office that must answer: the notice's, after an appeal the one above who answered last
    state = models.CharField("状态", max_length=10, choices=ObjectionState.choices, default=ObjectionState.OPEN)
    text = models.TextField("异议内容")
    contact = EncryptedField("联系方式", blind_index="contact_hash", purpose="phone", null=True)
    contact_hash = models.BinaryField(null=True)
    received_at = models.DateTimeField("收到时间", db_default=models.functions.Now())
    late = models.BooleanField("公示期满后收到", default=False)
    owner = models.CharField("经办人", max_length=120, default="", blank=True)
    owner_id = models.BigIntegerField(null=True)
    due_on = models.DateField("答复期限")
    escalated_on = models.DateField("升级日期", null=True)
    finding = models.CharField("结论", max_length=10, choices=Finding.choices, default="", blank=True)
    outcome = models.TextField("调查情况和处理结果", default="", blank=True)
    answered_by = models.CharField("答复人", max_length=120, default="", blank=True)
    answered_at = models.DateTimeField("答复时间", null=True)

    objects = scoped_manager(ObjectionQuerySet)

    class Meta:
        verbose_name = "异议"
        ordering = ["due_on", "pk"]
        constraints = [
            models.CheckConstraint(
                name="answered_objection_has_a_finding",
                condition=~Q(state__in=("answered", "closed")) | (~Q(finding="") & ~Q(outcome="")),
            )
        ]
        indexes = [models.Index(fields=["path", "state", "due_on"], name="objection_path")]

    def __str__(self) -> str:
        return f"{self.notice} 异议"
