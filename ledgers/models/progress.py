"""教育扶贫工作推进: lines of work, the tasks an office is given in a year, what it told month by month, 约谈."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from aidcases.conditions import All, Condition
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.models import Organisation
from aidcases.roles import P
from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager
from dropout.enums import TaskState
from dropout.models import Rectification


class WorkState(models.TextChoices):
    GIVEN = "given", "已下达"
    UNDER_WAY = "under_way", "推进中"
    REPORTED = "reported", "已报完成，待县级自查"
    SELF_CHECKED = "self_checked", "县级自查通过"
    RECHECKED = "rechecked", "市级复查通过"
    RECTIFYING = "rectifying", "限期整改"
    CLOSED = "closed", "已办结"
    CANCELLED = "cancelled", "已撤销"


class Unit(models.TextChoices):
    PEOPLE = "people", "人"
    TIMES = "times", "人次"
    WAN = "wan", "万元"
    ITEMS = "items", "项"
    SCHOOLS = "schools", "所"


S = WorkState
WORKING = (S.GIVEN, S.UNDER_WAY, S.RECTIFYING)  # whose owner still has to act
TOLD = Condition("told", "还没有填报过进度", ~Q(last_month="") | ~Q(source=""))
RECTIFIED = Condition(
    "rectified", "限期整改还没有报告整改情况", Q(rectification=None) | ~Q(rectification__state=TaskState.OPEN)
)
NOT_DRAWN = Condition("not_drawn", "已抽中市级复查，复查通过后才能办结", Q(spot=False) | Q(state=S.RECHECKED))
WORK = Flow(
    Move("start", "开始推进", {S.GIVEN}, S.UNDER_WAY, P.PROGRESS_WRITE),
    Move("report", "报告完成", {S.UNDER_WAY, S.RECTIFYING}, S.REPORTED, P.PROGRESS_WRITE, All((TOLD, RECTIFIED))),
    Move("self_check", "县级自查通过", {S.REPORTED}, S.SELF_CHECKED, P.PROGRESS_CHECK),
    Move("recheck", "市级复查通过", {S.SELF_CHECKED}, S.RECHECKED, P.PROGRESS_CHECK),
    Move("close", "办结", {S.SELF_CHECKED, S.RECHECKED}, S.CLOSED, P.PROGRESS_GIVE, All((NOT_DRAWN,))),
    Move("cancel", "撤销任务", {S.GIVEN, S.UNDER_WAY}, S.CANCELLED, P.PROGRESS_GIVE, note_required=True),
    Move(
        "send_back", "退回，限期整改", {S.REPORTED, S.SELF_CHECKED, S.RECHECKED}, S.RECTIFYING, P.PROGRESS_CHECK,
        note_required=True,
    ),
)  # fmt: skip


class WorkLine(Scoped):
    """工作线 of a year, named by the office that gives tasks under it."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    year = models.SmallIntegerField("年度")
    name = models.CharField("工作线", max_length=40)
    document = models.CharField("政策依据（文号）", max_length=120)
    made_by = models.CharField("登记人", max_length=120)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "工作线"
        ordering = ["-year", "pk"]
        constraints = [models.UniqueConstraint(fields=["path", "year", "name"], name="line_of_work_once")]

    def __str__(self) -> str:
        return self.name


def untold(month: str) -> Q:
    """Tasks of which a month, or a later one, was due and was not told."""
    return Q(state__in=WORKING, first_month__lte=month, last_month__lt=month, source="")


class WorkTaskQuerySet(FlowQuerySet, ScopedQuerySet):
    def of_year(self, year: int) -> WorkTaskQuerySet:
        return self.filter(line__year=year)

    def concerning(self, path: str) -> WorkTaskQuerySet:
        """Given to an office or by it; not what those below give among themselves."""
        return self.filter(Q(path=path) | Q(given_path=path))

    def standing(self) -> WorkTaskQuerySet:
        """All but those that were taken back."""
        return self.exclude(state=WorkState.CANCELLED)

    def behind(self, month: str) -> WorkTaskQuerySet:
        """Under way or not begun, with nothing told of this month ("2026-10") nor a later one, though it was due."""
        return self.filter(untold(month))


class WorkTask(Moving, Scoped):
    """What one office has to do in a year under a line of work. With a `source` its figures are counted by the system
    (ledgers.progress.sources), else told month by month. first_month, last_month ("2026-11"): from when months are due,
    and the newest told. spot: drawn for the city's second look."""

    OWNER_PATHS = {OFFICE: "path"}
    FLOW = WORK

    line = models.ForeignKey(WorkLine, models.PROTECT, related_name="+", verbose_name="工作线")
    office = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="责任单位")
    path = PathField()
    given_path = PathField()
    given_name = models.CharField("下达单位", max_length=80)
    state = models.CharField("状态", max_length=12, choices=WorkState.choices, default=WorkState.GIVEN)
    title = models.CharField("工作任务", max_length=120)
    document = models.CharField("政策依据（文号）", max_length=120, default="", blank=True)  # "": the line's
    person = models.CharField("责任人", max_length=40, default="", blank=True)
    target = models.DecimalField("目标", max_digits=14, decimal_places=2)
    unit = models.CharField("单位", max_length=8, choices=Unit.choices)
    source = models.CharField("数字来源", max_length=20, default="", blank=True)
    benefit = models.CharField("资助项目", max_length=40, default="", blank=True)  # its code; "" all
    money = models.CharField("资金来源", max_length=120, default="", blank=True)
    allotted_on = models.DateField("下达时间", null=True, blank=True)
    transferred_on = models.DateField("拨付时间", null=True, blank=True)
    paid_on = models.DateField("发放时间", null=True, blank=True)
    due_on = models.DateField("完成时限")
    escalated_on = models.DateField("升级日期", null=True)
    first_month = models.CharField(max_length=7, db_collation="C")
    last_month = models.CharField(max_length=7, db_collation="C", default="", blank=True)
    note = models.CharField("备注", max_length=200, default="", blank=True)
    made_by = models.CharField("下达人", max_length=120)
    made_on = models.DateField("下达日期")
    reported_on = models.DateField("报告完成日期", null=True)
    reported_by = models.CharField("报告人", max_length=120, default="", blank=True)
    reported_by_id = models.BigIntegerField(null=True)
    found = models.CharField("自查情况", max_length=400, default="", blank=True)
    checked_on = models.DateField("自查日期", null=True)
    checked_by = models.CharField("自查人", max_length=120, default="", blank=True)
    checked_by_id = models.BigIntegerField(null=True)
    spot = models.BooleanField("抽中市级复查", default=False)
    refound = models.CharField("复查情况", max_length=400, default="", blank=True)
    rechecked_on = models.DateField("复查日期", null=True)
    rechecked_by = models.CharField("复查人", max_length=120, default="", blank=True)
    closed_on = models.DateField("办结日期", null=True)
    rectification = models.ForeignKey(Rectification, models.PROTECT, null=True, related_name="+", verbose_name="限期整改")

    objects = scoped_manager(WorkTaskQuerySet)

    class Meta:
        verbose_name = "工作任务"
        ordering = ["due_on", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["line", "office", "title"], condition=~Q(state="cancelled"), name="task_given_once"
            ),
            models.CheckConstraint(name="task_aims_at_something", condition=Q(target__gt=0)),
            models.CheckConstraint(
                name="reported_task_by_somebody",
                condition=Q(state__in=("given", "under_way", "rectifying", "cancelled"))
                | (Q(reported_on__isnull=False) & ~Q(reported_by="")),
            ),
            models.CheckConstraint(
                name="checked_task_says_what",
                condition=Q(state__in=("given", "under_way", "reported", "rectifying", "cancelled"))
                | (Q(checked_on__isnull=False) & ~Q(checked_by="") & ~Q(found="")),
            ),
            models.CheckConstraint(
                name="task_second_person",
                condition=Q(checked_by_id=None) | Q(reported_by_id=None) | ~Q(checked_by_id=F("reported_by_id")),
            ),
            models.CheckConstraint(
                name="rechecked_task_says_what",
                condition=~Q(state="rechecked") | (Q(rechecked_on__isnull=False) & ~Q(rechecked_by="") & ~Q(refound="")),
            ),
            models.CheckConstraint(
                name="rectifying_task_has_an_order", condition=~Q(state="rectifying") | Q(rectification__isnull=False)
            ),
            models.CheckConstraint(name="closed_task_has_a_day", condition=~Q(state="closed") | Q(closed_on__isnull=False)),
        ]
        indexes = [models.Index(fields=["path", "state", "due_on"], name="work_task_path")]

    def __str__(self) -> str:
        return self.title

    @property
    def basis(self) -> str:
        return self.document or self.line.document

    @property
    def aim(self) -> str:
        """2,400 人"""
        return f"{amount(self.target)} {self.get_unit_display()}"


def amount(number: Decimal | int) -> str:
    """Without needless noughts: 2,400, 12.5."""
    said = f"{number:,.2f}"
    return said.rstrip("0").rstrip(".")


class WorkMonth(Scoped):
    """What an office told of a task for a month: done in it (typed; NULL where the system counts), problem, remedy."""

    OWNER_PATHS = {OFFICE: "path"}

    task = models.ForeignKey(WorkTask, models.CASCADE, related_name="months")
    path = PathField()
    month = models.CharField("月份", max_length=7, db_collation="C")
    done = models.DecimalField("本月完成", max_digits=14, decimal_places=2, null=True)
    problem = models.CharField("存在问题", max_length=400, default="", blank=True)
    remedy = models.CharField("整改措施", max_length=400, default="", blank=True)
    told_on = models.DateField("填报日期")  # the first time: whether it was in time
    told_by = models.CharField("填报人", max_length=120)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "月度进展"
        ordering = ["task", "month"]
        constraints = [
            models.UniqueConstraint(fields=["task", "month"], name="a_month_is_told_once"),
            models.CheckConstraint(name="month_not_negative", condition=Q(done=None) | Q(done__gte=0)),
        ]
        indexes = [models.Index(fields=["path", "month"], name="work_month_path")]

    def __str__(self) -> str:
        return f"{self.month} {self.done}"


class Talk(Scoped):
    """约谈 of an office by one above it: who, when, about what, what was said and what comes of it."""

    OWNER_PATHS = {OFFICE: "path"}

    office = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="被约谈单位")
    path = PathField()
    given_path = PathField()
    given_name = models.CharField("约谈单位", max_length=80)
    task = models.ForeignKey(WorkTask, models.PROTECT, null=True, related_name="+", verbose_name="工作任务")
    indicator = models.CharField("指标", max_length=20, default="", blank=True)
    year = models.SmallIntegerField("年度")
    held_on = models.DateField("约谈日期")
    held_by = models.CharField("约谈人", max_length=60)
    people = models.CharField("被约谈人", max_length=120)
    about = models.CharField("约谈事由", max_length=200)
    minutes = models.TextField("谈话记录")
    result = models.CharField("要求和结果", max_length=400)
    rectification = models.ForeignKey(Rectification, models.PROTECT, null=True, related_name="+", verbose_name="限期整改")
    made_by = models.CharField("登记人", max_length=120)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "约谈"
        ordering = ["-held_on", "-pk"]
        constraints = [models.CheckConstraint(name="talk_says_what", condition=~Q(minutes="") & ~Q(result=""))]
        indexes = [models.Index(fields=["path", "year"], name="talk_path")]

    def __str__(self) -> str:
        return self.about
