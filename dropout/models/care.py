"""Left-behind, disabled and migrant children: a file each, visits with the requests families raise, rooms."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from aidcases.conditions import All, Condition
from aidcases.crypto import EncryptedField
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.models import School
from aidcases.roles import P
from aidcases.scoping import HOME, OFFICE, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from dropout.enums import CareKind, TaskState
from students.models import Student


class CareFile(Scoped):
    """关爱档案 of a child: where the parents are, who looks after it, whom to call (联系卡)."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    student = models.ForeignKey(Student, models.PROTECT, related_name="care_files")
    kind = models.CharField("类别", max_length=12, choices=CareKind.choices)
    home_path = PathField()
    school_path = PathField()
    father_at = models.CharField("父亲务工地点", max_length=100, default="", blank=True)
    mother_at = models.CharField("母亲务工地点", max_length=100, default="", blank=True)
    away_since = models.DateField("外出时间", null=True)
    guardian = models.CharField("委托监护人", max_length=60, default="", blank=True)
    relation = models.CharField("与孩子关系", max_length=20, default="", blank=True)
    phone = EncryptedField("联系电话", blind_index="phone_hash", purpose="phone", null=True)
    phone_hash = models.BinaryField(null=True)
    parents_phone = EncryptedField("父母电话", blind_index="parents_phone_hash", purpose="phone", null=True)
    parents_phone_hash = models.BinaryField(null=True)
    lives_at = models.CharField("现居住地", max_length=100, default="", blank=True)
    health = models.CharField("身体情况", max_length=100, default="", blank=True)
    disability = models.CharField("残疾类别和等级", max_length=40, default="", blank=True)
    placement = models.CharField("就学安置", max_length=40, default="", blank=True)
    helper = models.CharField("帮扶责任人", max_length=60, default="", blank=True)
    note = models.CharField("备注", max_length=400, default="", blank=True)
    from_on = models.DateField("建档日期")
    ended_on = models.DateField("结束日期", null=True)
    made_by = models.CharField("建档人", max_length=120)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "关爱档案"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["student", "kind"], condition=Q(ended_on=None), name="one_care_file_a_kind"),
            models.CheckConstraint(
                name="care_ends_after_it_began", condition=Q(ended_on=None) | Q(ended_on__gte=models.F("from_on"))
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "school_path"], name="care_school"),
            models.Index(fields=["kind", "home_path"], name="care_home"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}档案"


class CareVisit(Scoped):
    """A visit at a family: of a child with a file, or of any household (家访)."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    student = models.ForeignKey(Student, models.PROTECT, related_name="care_visits")
    home_path = PathField()
    school_path = PathField()
    path = PathField()  # of the office that was there: it is reminded of what the family asked for
    visited_on = models.DateField("日期")
    who = models.CharField("走访人", max_length=100)
    met = models.CharField("见到谁", max_length=100, default="", blank=True)
    text = models.CharField("了解到的情况", max_length=400)
    made_by = models.CharField("登记人", max_length=120)
    made_at = models.DateTimeField(db_default=models.functions.Now())

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "关爱走访"
        ordering = ["-visited_on", "-pk"]

    def __str__(self) -> str:
        return f"{self.visited_on} {self.who}"


ANSWERED = Condition("answered", "还没有写办理结果", ~Q(answer=""))
REQUEST = Flow(
    Move("answer", "答复", {TaskState.OPEN}, TaskState.DONE, P.CARE_WRITE, All((ANSWERED,))),
    Move("close", "家庭认可", {TaskState.DONE}, TaskState.CLOSED, P.CARE_WRITE),
    Move("reopen", "继续办理", {TaskState.DONE, TaskState.CLOSED}, TaskState.OPEN, P.CARE_WRITE, note_required=True),
)


class RequestQuerySet(FlowQuerySet, ScopedQuerySet):
    """Moved in sets, seen in scope."""


class FamilyRequest(Moving, Scoped):
    """家庭诉求: raised at a visit, given to somebody, followed to an answer."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}
    FLOW = REQUEST

    visit = models.ForeignKey(CareVisit, models.PROTECT, related_name="requests")
    home_path = PathField()
    school_path = PathField()
    state = models.CharField("状态", max_length=8, choices=TaskState.choices, default=TaskState.OPEN)
    text = models.CharField("诉求", max_length=200)
    owner = models.CharField("办理人", max_length=60)
    due_on = models.DateField("答复期限")
    answer = models.CharField("办理结果", max_length=400, default="", blank=True)
    answered_on = models.DateField("答复日期", null=True)
    answered_by = models.CharField("答复人", max_length=120, default="", blank=True)
    told = models.TextField("办理经过", default="", blank=True)  # answers that were not the last
    escalated_on = models.DateField("升级日期", null=True)

    objects = scoped_manager(RequestQuerySet)

    class Meta:
        verbose_name = "家庭诉求"
        ordering = ["due_on", "pk"]
        constraints = [
            models.CheckConstraint(
                name="answered_request_has_an_answer",
                condition=~Q(state__in=("done", "closed")) | (~Q(answer="") & Q(answered_on__isnull=False)),
            )
        ]

    def __str__(self) -> str:
        return self.text


class ActivityRoom(Scoped):
    """留守儿童活动室 (少年宫、亲情视频室) of a school."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    school = models.ForeignKey(School, models.PROTECT, related_name="+", verbose_name="学校")
    name = models.CharField("名称", max_length=60)
    area = models.DecimalField("面积（平方米）", max_digits=7, decimal_places=1, null=True)
    keeper = models.CharField("负责人", max_length=60)
    opens = models.CharField("开放时间", max_length=100, default="", blank=True)
    equipment = models.CharField("设备", max_length=200, default="", blank=True)
    from_on = models.DateField("启用日期")
    ended_on = models.DateField("停用日期", null=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "活动室"
        ordering = ["school", "pk"]
        constraints = [
            models.CheckConstraint(
                name="room_closes_after_it_opened", condition=Q(ended_on=None) | Q(ended_on__gte=models.F("from_on"))
            )
        ]

    def __str__(self) -> str:
        return self.name
