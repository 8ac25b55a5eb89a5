"""A child's case: its state, how it was found, what came of it; who answers for it; what is done beside persuading."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Func, Q

from aidcases.conditions import All, Condition
from aidcases.crypto import EncryptedField
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.models import School
from aidcases.roles import PERMISSIONS, P, Role
from aidcases.scoping import (
    HOME,
    OFFICE,
    SCHOOL,
    Actor,
    PathField,
    Scoped,
    ScopedManager,
    ScopedQuerySet,
    current_actor,
    scoped_manager,
)
from dropout.enums import Alarm, CaseState, Cause, DifferenceKind, FoundBy, MeasureKind, Proof, Seat
from students.enums import Stage
from students.models import Student

S = CaseState
WATCH_DAYS = 90
OUT_OF_SCHOOL = (S.CONFIRMED, S.PERSUADING, S.LEGAL)  # what suspends the entitlements of the child
OPEN = (S.SUSPECTED, S.VERIFYING, *OUT_OF_SCHOOL, S.RETURNED, S.PLACED, S.WATCHED)
BACK = (S.RETURNED, S.PLACED, S.WATCHED, S.CLOSED)

SEEN = Condition("seen", "还没有核查走访的记录", Q(visits_made__gt=0))
TEAM_NAMED = Condition("team_named", "“三帮一”还没有配齐（教师、村干部、家长）", Q(team_named=True))
PERSUADED = Condition("persuaded", "还没有劝返走访的记录", Q(persuasions__gt=0))
PLACED = Condition("placed", "还没有登记安置方式和学习计划", Q(placement_made=True))
WATCH_OVER = Condition("watch_over", f"稳控观察不满 {WATCH_DAYS} 天", Q(watch_over=True))
PROVEN = Condition("proven", "没有佐证的销号要写明理由，由另一人批准", ~Q(proof="") & ~Q(proof=Proof.NONE))
ASKED = Condition("asked", "还没有提出无佐证销号的理由", Q(proof=Proof.NONE) & ~Q(close_reason=""))
PLACED_OR_OUT = {S.RETURNED, S.PLACED, S.WATCHED}

CASE = Flow(
    Move("verify", "开始核查", {S.SUSPECTED}, S.VERIFYING, P.DROPOUT_WRITE),
    Move("acquit", "排除", {S.SUSPECTED, S.VERIFYING}, S.FALSE_ALARM, P.DROPOUT_CONFIRM, note_required=True),
    Move("confirm", "确认辍学", {S.VERIFYING}, S.CONFIRMED, P.DROPOUT_CONFIRM, All((SEEN,))),
    Move("unconfirm", "退回核查", {S.CONFIRMED}, S.VERIFYING, P.DROPOUT_CONFIRM, note_required=True),
    Move("persuade", "开始劝返", {S.CONFIRMED}, S.PERSUADING, P.DROPOUT_WRITE, All((TEAM_NAMED,))),
    Move("go_to_law", "进入法律程序", {S.PERSUADING}, S.LEGAL, P.DROPOUT_CONFIRM, All((PERSUADED,)), note_required=True),
    Move("back_from_law", "撤回法律程序", {S.LEGAL}, S.PERSUADING, P.DROPOUT_CONFIRM, note_required=True),
    Move("bring_back", "复学", {S.PERSUADING, S.LEGAL}, S.RETURNED, P.DROPOUT_WRITE),
    Move("place", "安置", {S.RETURNED}, S.PLACED, P.DROPOUT_WRITE, All((PLACED,))),
    Move("watch", "开始观察", {S.PLACED}, S.WATCHED, P.DROPOUT_WRITE),
    Move("close", "销号", {S.WATCHED}, S.CLOSED, P.DROPOUT_CONFIRM, All((WATCH_OVER, PROVEN))),
    # Counted apart, beside the zero: “closed without proof”.
    Move("close_unproven", "无佐证销号", {S.WATCHED}, S.CLOSED, P.DROPOUT_CONFIRM, All((WATCH_OVER, ASKED)),
         note_required=True),
    Move("relapse", "再次辍学", PLACED_OR_OUT, S.PERSUADING, P.DROPOUT_WRITE, note_required=True),
    Move("reopen", "重新核查", {S.FALSE_ALARM, S.CLOSED}, S.SUSPECTED, P.DROPOUT_WRITE, note_required=True),
)  # fmt: skip


_CASE_OF = {
    "case": "{}",
    "student": "(SELECT held.id FROM dropout_dropoutcase held WHERE held.student_id = {})",
    "line": "(SELECT held.id FROM dropout_inspectionline drawn JOIN dropout_dropoutcase held USING (student_id)"
    " WHERE drawn.id = {})",
}


def own_children_only(actor: Actor) -> bool:
    """Whether whoever acts is a class teacher: of the school only the children whose team they are on."""
    return actor.permissions == PERMISSIONS[Role.CLASS_TEACHER]


class OnMyTeam(Func):
    """True for rows by the key of a case (or of a student or a drawn line: of their case) that a class teacher is named
    for; of anybody else, for all. Decided, like the scope, by whoever acts when the query runs."""

    output_field = models.BooleanField()
    conditional = True

    def __init__(self, key: Any, of: str = "case"):
        super().__init__(key)
        self.of = of

    def as_sql(self, compiler: Any, connection: Any, **_extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        actor = current_actor()
        if not own_children_only(actor):
            return "(1=1)", []
        key, params = compiler.compile(self.source_expressions[0])
        case = _CASE_OF[self.of].format(key)
        return (
            f"EXISTS (SELECT FROM dropout_teammember mine WHERE mine.case_id = {case} AND mine.user_id = %s)",
            [*params, actor.user_id],
        )


class CaseQuerySet(FlowQuerySet, ScopedQuerySet):
    def open(self) -> CaseQuerySet:
        return self.filter(state__in=OPEN)

    def out_of_school(self) -> CaseQuerySet:
        return self.filter(state__in=OUT_OF_SCHOOL)

    def back(self) -> CaseQuerySet:
        return self.filter(state__in=BACK)


class CaseManager(ScopedManager.from_queryset(CaseQuerySet)):  # type: ignore[misc]
    """In scope, and of a class teacher the children whose team they are on."""

    def get_queryset(self) -> CaseQuerySet:
        return super().get_queryset().filter(OnMyTeam(F("pk")))


class DropoutCase(Moving, Scoped):
    """One per child, for life: whoever leaves school again goes on in it (`rounds` counts). What the database counts
    from the rows that belong to it (visits, team, placement) stands in columns of its own, for the guards."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}
    FLOW = CASE

    student = models.OneToOneField(Student, models.PROTECT, related_name="dropout_case")
    home_path = PathField()
    school_path = PathField()
    state = models.CharField("状态", max_length=12, choices=CaseState.choices, default=CaseState.SUSPECTED)
    rounds = models.SmallIntegerField("第几次", default=1)
    term = models.CharField("发现学期", max_length=11, db_collation="C")
    found_by = models.CharField("发现方式", max_length=12, choices=FoundBy.choices)
    kind = models.CharField("疑点", max_length=12, choices=DifferenceKind.choices, default="", blank=True)
    poor = models.BooleanField("贫困户子女", default=False)
    found_on = models.DateField("发现日期")
    school = models.ForeignKey(School, models.PROTECT, null=True, related_name="+", verbose_name="原就读学校")
    stage = models.CharField("学段", max_length=24, choices=Stage.choices, default="", blank=True)
    grade = models.SmallIntegerField("年级", null=True)
    class_name = models.CharField("班级", max_length=40, default="", blank=True)

    alarm = models.CharField("核查结果", max_length=16, choices=Alarm.choices, default="", blank=True)
    left_on = models.DateField("辍学日期", null=True)
    cause = models.CharField("辍学原因", max_length=10, choices=Cause.choices, default="", blank=True)
    whereabouts = models.CharField("去向", max_length=100, default="", blank=True)
    confirmed_on = models.DateField("确认日期", null=True)
    legal_step = models.SmallIntegerField("法律程序", default=0)

    due_on = models.DateField("办理期限", null=True)
    level = models.SmallIntegerField("督办层级", default=0)  # 0 school and village, 1 township, 2 county, 3 city
    visits_made = models.SmallIntegerField(default=0)
    persuasions = models.SmallIntegerField("劝返次数", default=0)
    last_visit_on = models.DateField("最近走访", null=True)
    team_named = models.BooleanField(default=False)

    returned_on = models.DateField("复学日期", null=True)
    returned_to = models.ForeignKey(School, models.PROTECT, null=True, related_name="+", verbose_name="复学学校")
    placement_made = models.BooleanField(default=False)
    watch_until = models.DateField("观察期至", null=True)
    watch_over = models.BooleanField(default=False)

    proof = models.CharField("销号依据", max_length=10, choices=Proof.choices, default="", blank=True)
    proof_note = models.CharField("依据说明", max_length=200, default="", blank=True)
    close_reason = models.CharField("无佐证的理由", max_length=200, default="", blank=True)
    asked_by = models.CharField("提出人", max_length=120, default="", blank=True)
    asked_by_id = models.BigIntegerField(null=True)
    closed_on = models.DateField("销号日期", null=True)
    closed_by = models.CharField("销号人", max_length=120, default="", blank=True)
    recheck_on = models.DateField("复查日期", null=True)
    rechecked_on = models.DateField("已复查", null=True)
    made_by = models.CharField("建档人", max_length=120)
    moved_on = models.DateField("上一步日期")

    objects = CaseManager()

    class Meta:
        verbose_name = "控辍案件"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(name="acquitted_has_a_code", condition=~Q(state="false_alarm") | ~Q(alarm="")),
            models.CheckConstraint(
                name="confirmed_has_its_day",
                condition=~Q(state__in=("confirmed", "persuading", "legal", "returned", "placed", "watched", "closed"))
                | (Q(confirmed_on__isnull=False) & ~Q(cause="")),
            ),
            models.CheckConstraint(
                name="returned_has_its_day",
                condition=~Q(state__in=("returned", "placed", "watched", "closed")) | Q(returned_on__isnull=False),
            ),
            models.CheckConstraint(
                name="watched_has_an_end", condition=~Q(state__in=("watched", "closed")) | Q(watch_until__isnull=False)
            ),
            models.CheckConstraint(
                name="closed_says_on_what",
                condition=~Q(state="closed") | (Q(closed_on__isnull=False) & ~Q(proof="") & ~Q(closed_by="")),
            ),
            models.CheckConstraint(
                name="unproven_has_a_reason", condition=~Q(state="closed", proof="none") | ~Q(close_reason="")
            ),
        ]
        indexes = [
            models.Index(fields=["home_path", "state"], name="dropout_home"),
            models.Index(fields=["school_path", "state"], name="dropout_school"),
            models.Index(fields=["due_on"], condition=Q(due_on__isnull=False), name="dropout_due"),
        ]

    def __str__(self) -> str:
        return f"{self.student} {self.get_state_display()}"


class OfCase(Scoped):
    """A row that belongs to a case and is seen by whoever sees the case's side."""

    OWNER_PATHS = {HOME: "case__home_path", SCHOOL: "case__school_path"}

    case = models.ForeignKey(DropoutCase, models.CASCADE, related_name="%(class)ss")

    class Meta:
        abstract = True


class CaseRound(OfCase):
    """How an earlier round of a case ended, kept when the next begins: a dropout of the year stays one, and a close-out
    without proof stays counted, whatever is found out later. Never changed."""

    number = models.SmallIntegerField("第几次")
    stage = models.CharField("学段", max_length=24, default="", blank=True)
    state = models.CharField("状态", max_length=12, choices=CaseState.choices)
    found_on = models.DateField("发现日期")
    alarm = models.CharField("核查结果", max_length=16, choices=Alarm.choices, default="", blank=True)
    cause = models.CharField("辍学原因", max_length=10, choices=Cause.choices, default="", blank=True)
    confirmed_on = models.DateField("确认日期", null=True)
    left_on = models.DateField("辍学日期", null=True)
    returned_on = models.DateField("复学日期", null=True)
    closed_on = models.DateField("销号日期", null=True)
    proof = models.CharField("销号依据", max_length=10, choices=Proof.choices, default="", blank=True)
    moved_on = models.DateField("办理日期")
    ended_on = models.DateField("下一次开始")

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "以前各次"
        ordering = ["number", "pk"]

    def __str__(self) -> str:
        return f"第 {self.number} 次 {self.get_state_display()}"


class TeamMember(OfCase):
    """A seat of 三帮一 or of 双线七长. One person a seat; a new one takes the place of the old."""

    seat = models.CharField("身份", max_length=14, choices=Seat.choices)
    name = models.CharField("姓名", max_length=60)
    duty = models.CharField("职务", max_length=60, default="", blank=True)
    phone = EncryptedField("联系电话", blind_index="phone_hash", purpose="phone", null=True)
    phone_hash = models.BinaryField(null=True)
    user_id = models.BigIntegerField(null=True)  # with an account: sees the case when a class teacher
    from_on = models.DateField("起")
    set_by = models.CharField(max_length=120)
    set_path = PathField("登记单位", default="", blank=True)  # the phone is shown in the county that has it

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "责任人"
        constraints = [models.UniqueConstraint(fields=["case", "seat"], name="one_person_a_seat")]

    def __str__(self) -> str:
        return f"{self.get_seat_display()} {self.name}"


class Measure(OfCase):
    """Help for who falls behind, a check for child labour, aid that was missing: done, by whom, to what effect."""

    kind = models.CharField("措施", max_length=10, choices=MeasureKind.choices)
    done_on = models.DateField("日期")
    done_by = models.CharField("办理人", max_length=60)
    text = models.CharField("做了什么", max_length=400)
    effect = models.CharField("结果", max_length=200, default="", blank=True)
    workplace = models.CharField("用工单位", max_length=100, default="", blank=True)  # of a check for child labour
    made_by = models.CharField("登记人", max_length=120)
    made_at = models.DateTimeField(db_default=models.functions.Now())

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "帮扶措施"
        ordering = ["-done_on", "-pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.done_on}"


class Deadline(Scoped):
    """Working days that a case may stand in a state before the next level is asked, in an area from a day on. Without one
    the default of dropout.deadlines."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    state = models.CharField("状态", max_length=12, choices=CaseState.choices)
    days = models.SmallIntegerField("工作日")
    from_on = models.DateField("起")
    set_by = models.CharField("设定人", max_length=120)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "办理期限"
        constraints = [
            models.UniqueConstraint(fields=["path", "state", "from_on"], name="deadline_starts_once"),
            models.CheckConstraint(name="deadline_is_positive", condition=Q(days__gte=1, days__lte=120)),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} {self.days}"
