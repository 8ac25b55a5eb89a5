"""一户一策: a poor household's plan for a school year with what its children's schooling costs and what is done; and what is
known of children who study away from home."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from aidcases.conditions import All, Condition
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.roles import P
from aidcases.scoping import HOME, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models import Household, Student
from subsidies.models.written import Written


class PlanState(models.TextChoices):
    DRAFT = "draft", "草稿"
    ACTIVE = "active", "执行中"
    REVIEWED = "reviewed", "已评估"
    CLOSED = "closed", "已结束"


class Result(models.TextChoices):
    SOLVED = "solved", "因学负担已消除"
    EASED = "eased", "有好转，还没有消除"
    UNSOLVED = "unsolved", "没有好转"


class MeasureKind(models.TextChoices):
    AID = "aid", "落实国家资助"
    LOAN = "loan", "办理助学贷款"
    GIFT = "gift", "争取社会捐助"
    PAIRING = "pairing", "结对帮扶"
    TUTORING = "tutoring", "学业辅导、送教上门"
    WORK = "work", "家长务工就业"
    INDUSTRY = "industry", "产业扶持"
    SUPPORT = "support", "低保、救助等兜底"
    OTHER = "other", "其他"


class PlanMeasure(Written):
    """What is done, by whom and until when; for the household, or for one child, whose school sees it too."""

    OWNER_PATHS = {HOME: "plan__path", SCHOOL: "student__person__school_path"}

    plan = models.ForeignKey("HouseholdPlan", models.CASCADE, related_name="measures")
    student = models.ForeignKey(
        Student, models.PROTECT, null=True, related_name="plan_measures", verbose_name="给哪个孩子"
    )
    kind = models.CharField("措施类型", max_length=10, choices=MeasureKind.choices)
    what = models.CharField("具体做什么", max_length=200)
    owner = models.CharField("责任人", max_length=60)
    due_on = models.DateField("完成期限")
    done_on = models.DateField("办结日期", null=True)
    effect = models.CharField("办理结果", max_length=200, default="", blank=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "帮扶措施"
        ordering = ["due_on", "pk"]
        constraints = [
            models.CheckConstraint(
                name="done_measure_says_what_came",
                condition=Q(done_on=None, effect="") | (Q(done_on__isnull=False) & ~Q(effect="")),
            ),
        ]
        indexes = [models.Index(fields=["due_on"], condition=Q(done_on=None), name="measure_open")]

    def __str__(self) -> str:
        return self.what


HAS_OWNER = Condition("has_owner", "还没有填写帮扶责任人", ~Q(owner=""))
HAS_MEASURE = Condition("has_measure", "还没有帮扶措施", Q(planned__gt=0))
NOTHING_OPEN = Condition("nothing_open", "还有没登记办结的帮扶措施", Q(undone=0))

S = PlanState
PLAN = Flow(
    Move("start", "开始执行", {S.DRAFT}, S.ACTIVE, P.PLAN_WRITE, All((HAS_OWNER, HAS_MEASURE))),
    Move("review", "评估成效", {S.ACTIVE}, S.REVIEWED, P.PLAN_REVIEW, All((NOTHING_OPEN,))),
    Move("close", "结束帮扶", {S.REVIEWED}, S.CLOSED, P.PLAN_REVIEW),
    Move("resume", "继续帮扶", {S.REVIEWED, S.CLOSED}, S.ACTIVE, P.PLAN_REVIEW, note_required=True),
)
OPEN = (PlanState.DRAFT, PlanState.ACTIVE)  # may still be changed


class PlanQuerySet(FlowQuerySet, ScopedQuerySet):
    def open(self) -> PlanQuerySet:
        return self.filter(state__in=OPEN)


class HouseholdPlan(Moving, Scoped):
    """household × school year. Causes and income come from the register and may be put right. The home side's alone: a
    child's school sees that child's costs and measures, nothing of the household."""

    OWNER_PATHS = {HOME: "path"}
    FLOW = PLAN

    household = models.ForeignKey(Household, models.PROTECT, related_name="plans")
    path = PathField()
    year = models.SmallIntegerField("学年")  # of its autumn
    state = models.CharField("状态", max_length=10, choices=PlanState.choices, default=PlanState.DRAFT)
    cause = models.CharField("主要致贫原因", max_length=60, default="", blank=True)
    second_cause = models.CharField("次要致贫原因", max_length=60, default="", blank=True)
    income_per_head = models.DecimalField("家庭人均纯收入（元/年）", max_digits=10, decimal_places=2, null=True)
    owner = models.CharField("帮扶责任人", max_length=60, default="", blank=True)
    owner_unit = models.CharField("单位和职务", max_length=80, default="", blank=True)
    planned = models.SmallIntegerField("帮扶措施（条）", default=0)
    undone = models.SmallIntegerField("没有办结的措施（条）", default=0)
    effect = models.CharField("帮扶成效", max_length=300, default="", blank=True)
    result = models.CharField("评估结果", max_length=10, choices=Result.choices, default="", blank=True)
    reviewed_on = models.DateField("评估日期", null=True)
    reviewed_by = models.CharField("评估人", max_length=120, default="", blank=True)
    made_by = models.CharField("制定人", max_length=120)
    made_at = models.DateTimeField(db_default=models.functions.Now())

    objects = scoped_manager(PlanQuerySet)

    class Meta:
        verbose_name = "帮扶计划"
        ordering = ["-year", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["household", "year"], name="plan_once_a_year"),
            models.CheckConstraint(name="active_plan_has_an_owner", condition=Q(state="draft") | ~Q(owner="")),
            models.CheckConstraint(
                name="reviewed_plan_says_what_came",
                condition=Q(state__in=("draft", "active"))
                | (~Q(effect="") & ~Q(result="") & ~Q(reviewed_by="") & Q(reviewed_on__isnull=False)),
            ),
            models.CheckConstraint(
                name="plan_income_not_negative", condition=Q(income_per_head=None) | Q(income_per_head__gte=0)
            ),
            models.CheckConstraint(
                name="undone_of_the_planned", condition=Q(undone__gte=0) & Q(undone__lte=F("planned"))
            ),
        ]
        indexes = [models.Index(fields=["year", "path"], name="plan_path")]

    @property
    def label(self) -> str:
        return f"{self.year}—{self.year + 1}学年"

    def __str__(self) -> str:
        return f"{self.household} {self.label}帮扶计划"


class PlanChild(Scoped):
    """What a school year costs the family for one of its children, in yuan; None: not known yet. What is due of aid is
    computed beside it, never written down."""

    OWNER_PATHS = {HOME: "plan__path", SCHOOL: "student__person__school_path"}

    plan = models.ForeignKey(HouseholdPlan, models.CASCADE, related_name="children")
    student = models.ForeignKey(Student, models.PROTECT, related_name="plan_lines")
    year = models.SmallIntegerField("学年")
    fees = models.DecimalField("学费、书本费", max_digits=10, decimal_places=2, null=True)
    board = models.DecimalField("住宿、伙食费", max_digits=10, decimal_places=2, null=True)
    travel = models.DecimalField("交通费", max_digits=10, decimal_places=2, null=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "帮扶计划里的学生"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["student", "year"], name="plan_child_once_a_year"),
            models.CheckConstraint(
                name="plan_costs_not_negative",
                condition=(Q(fees=None) | Q(fees__gte=0))
                & (Q(board=None) | Q(board__gte=0))
                & (Q(travel=None) | Q(travel__gte=0)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} {self.student_id}"


class AwayReason(models.TextChoices):
    PARENTS = "parents", "随父母务工（随迁）"
    FURTHER = "further", "升学"
    KIN = "kin", "投亲靠友"
    OTHER = "other", "其他"


class Aided(models.TextChoices):
    YES = "yes", "已享受"
    NO = "no", "没有享受"


class CheckedHow(models.TextChoices):
    PHONE = "phone", "电话"
    LETTER = "letter", "函"
    SYSTEM = "system", "系统"
    PAPER = "paper", "看在读证明"


class StudyAway(Scoped):
    """student × term: what the home side has found out of a child who studies elsewhere. Nobody else sees it."""

    OWNER_PATHS = {HOME: "home_path"}

    student = models.ForeignKey(Student, models.PROTECT, related_name="+")
    term = models.CharField("学期", max_length=11, db_collation="C")
    home_path = PathField()
    reason = models.CharField("外出就读原因", max_length=10, choices=AwayReason.choices, default="", blank=True)
    aided = models.CharField("就读地是否享受资助", max_length=4, choices=Aided.choices, default="", blank=True)
    item = models.CharField("就读地资助项目", max_length=60, default="", blank=True)
    yuan = models.DecimalField("就读地资助金额（元）", max_digits=10, decimal_places=2, null=True)
    proof_on = models.DateField("在读证明日期", null=True)
    how = models.CharField("核实方式", max_length=8, choices=CheckedHow.choices, default="", blank=True)
    checked_by = models.CharField("核实人", max_length=60, default="", blank=True)
    checked_on = models.DateField("核实日期", null=True)
    note = models.CharField("备注", max_length=200, default="", blank=True)
    made_by = models.CharField("登记人", max_length=120)
    made_at = models.DateTimeField(db_default=models.functions.Now())

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "在外就读登记"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["student", "term"], name="study_away_once_a_term"),
            models.CheckConstraint(
                name="aid_elsewhere_is_named",
                condition=(Q(aided="yes") & ~Q(item="")) | (~Q(aided="yes") & Q(item="", yuan=None)),
            ),
            models.CheckConstraint(name="aid_elsewhere_not_negative", condition=Q(yuan=None) | Q(yuan__gte=0)),
            models.CheckConstraint(
                name="checked_elsewhere_is_whole",
                condition=Q(how="", checked_by="", checked_on=None)
                | (~Q(how="") & ~Q(checked_by="") & Q(checked_on__isnull=False)),
            ),
        ]
        indexes = [models.Index(fields=["term", "home_path"], name="study_away_home")]

    def __str__(self) -> str:
        return f"{self.term} {self.student_id}"
