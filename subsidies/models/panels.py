"""评审小组: members, meetings, the scoring index, what it scored, and quotas."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from aidcases.models import School
from aidcases.scoping import HOME, OFFICE, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models import Student
from subsidies.enums import Level
from subsidies.models.applications import Application


class MemberKind(models.TextChoices):
    LEADER = "leader", "学校领导"
    AID_STAFF = "aid_staff", "资助工作人员"
    CLASS_TEACHER = "class_teacher", "班主任"
    TEACHER = "teacher", "教师代表"
    VILLAGE_CADRE = "village_cadre", "村（社区）干部"
    PARENT = "parent", "家长代表"
    LEAGUE_SECRETARY = "league_secretary", "团支部书记"
    STUDENT = "student", "学生代表"


class Panel(Scoped):
    """A school's panel of a term. Its list is posted."""

    OWNER_PATHS = {SCHOOL: "path"}

    school = models.ForeignKey(School, models.PROTECT, related_name="+", verbose_name="学校")
    path = PathField()  # the school's
    term = models.CharField("学期", max_length=11, db_collation="C")
    name = models.CharField("名称", max_length=60, default="学生资助评审小组")
    posted_on = models.DateField("名单上墙日期", null=True)
    made_by = models.CharField(max_length=120)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "评审小组"
        constraints = [models.UniqueConstraint(fields=["school", "term"], name="one_panel_a_term")]
        indexes = [models.Index(fields=["path"], name="panel_path")]

    def __str__(self) -> str:
        return f"{self.school} {self.name}"


class PanelMember(Scoped):
    """A member; who has children in the school leaves the room for them."""

    OWNER_PATHS = {SCHOOL: "panel__path"}

    panel = models.ForeignKey(Panel, models.CASCADE, related_name="members")
    name = models.CharField("姓名", max_length=40)
    kind = models.CharField("身份", max_length=16, choices=MemberKind.choices)
    unit = models.CharField("单位或职务", max_length=60, default="", blank=True)
    children = models.ManyToManyField(Student, related_name="+", blank=True, verbose_name="本人子女")

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "评审小组成员"
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["panel", "name", "kind"], name="panel_member_once")]

    def __str__(self) -> str:
        return f"{self.name}（{self.get_kind_display()}）"


class Meeting(Scoped):
    """A meeting of the panel: its minutes are printed from it. Photos are stored files of the subject."""

    OWNER_PATHS = {SCHOOL: "panel__path"}

    panel = models.ForeignKey(Panel, models.CASCADE, related_name="meetings")
    held_at = models.DateTimeField("时间")
    place = models.CharField("地点", max_length=60)
    chair = models.CharField("主持人", max_length=40)
    recorder = models.CharField("记录人", max_length=40)
    present = models.ManyToManyField(PanelMember, related_name="+", verbose_name="到会成员")
    minutes = models.TextField("会议记录", default="", blank=True)
    index = models.ForeignKey("subsidies.ScoreIndex", models.PROTECT, related_name="+", verbose_name="评分指标")
    made_by = models.CharField(max_length=120)
    made_by_id = models.BigIntegerField(null=True)
    closed_at = models.DateTimeField("定稿时间", null=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "评审会议"
        ordering = ["-held_at"]

    def __str__(self) -> str:
        return f"{self.panel} {self.held_at:%Y-%m-%d}"


class ScoreIndex(models.Model):
    """A versioned index: groups with a cap, items with points (also negative), thresholds → level. Shipped as TOML and
    open to all; never changed once used: a correction is the next version. Read by subsidies.casework.scoring.Index."""

    code = models.CharField("代码", max_length=40)
    version = models.IntegerField("版本")
    title = models.CharField("名称", max_length=80)
    source = models.CharField("依据", max_length=200, default="", blank=True)
    # [{"code", "title", "cap"?, "one"?, "items": [{"code", "title", "points", "boxes"?}]}]; one: at most one item of the
    # group holds; boxes: the item holds where one of these Boxes of the form is ticked
    groups = models.JSONField()
    thresholds = models.JSONField()  # {"special": 60, "hard": 40, "ordinary": 20}
    direct = models.JSONField(default=dict)  # {"poor": "special"}: at least this level without scoring
    loaded_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        verbose_name = "量化评分指标"
        ordering = ["code", "-version"]
        constraints = [models.UniqueConstraint(fields=["code", "version"], name="score_index_version")]

    def __str__(self) -> str:
        return f"{self.title} 第 {self.version} 版"


class Assessment(Scoped):
    """What a meeting gave an application: answers by item of its index, the score, the level and the rank."""

    OWNER_PATHS = {SCHOOL: "application__school_path", HOME: "application__home_path"}

    application = models.ForeignKey(Application, models.CASCADE, related_name="assessments")
    # Its index is the rule of uniqueness below: one of the meeting alone would be taken for a child of it, too, and read
    # the whole meeting for each.
    meeting = models.ForeignKey(Meeting, models.PROTECT, related_name="assessments", db_index=False)
    answers = ArrayField(models.CharField(max_length=40), default=list)  # codes of items that hold
    score = models.DecimalField("评分", max_digits=6, decimal_places=2)
    suggested = models.CharField("按分数", max_length=10, choices=Level.choices)
    level = models.CharField("等级", max_length=10, choices=Level.choices)
    rank = models.IntegerField("排序", null=True)
    tie_order = models.SmallIntegerField(null=True)  # among those of one level and score, where the panel set an order
    tie = models.CharField("同分排序理由", max_length=100, default="", blank=True)
    why = models.CharField("与分数不同的理由", max_length=200, default="", blank=True)
    away = ArrayField(models.CharField(max_length=40), default=list, verbose_name="回避成员")
    form_version = models.IntegerField(default=0)  # of the application that the panel saw
    made_by_id = models.BigIntegerField(null=True)
    confirmed_at = models.DateTimeField("确认时间", null=True)  # by the school's second person

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "评审意见"
        constraints = [
            models.UniqueConstraint(fields=["meeting", "application"], name="assessed_once_a_meeting"),
            models.CheckConstraint(name="another_level_has_a_reason", condition=Q(level=F("suggested")) | ~Q(why="")),
        ]

    def __str__(self) -> str:
        return f"{self.application_id} {self.score}"


class Quota(Scoped):
    """How many of a level a school may pass in a term. `used` is kept by a trigger on applications (migration 0008), so
    that every move frees or takes seats, whoever makes it; see subsidies.casework.quota."""

    OWNER_PATHS = {OFFICE: "path"}

    school = models.ForeignKey(School, models.PROTECT, related_name="+", verbose_name="学校")
    path = PathField()  # the school's
    term = models.CharField("学期", max_length=11, db_collation="C")
    level = models.CharField("等级", max_length=10, choices=Level.choices)
    seats = models.IntegerField("名额")
    used = models.IntegerField("已用", default=0)
    set_by = models.CharField(max_length=120)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "名额"
        constraints = [
            models.UniqueConstraint(fields=["school", "term", "level"], name="one_quota_a_level"),
            models.CheckConstraint(condition=Q(used__gte=0) & Q(used__lte=F("seats")), name="quota_has_headroom"),
        ]

    def __str__(self) -> str:
        return f"{self.school} {self.get_level_display()} {self.used}/{self.seats}"
