"""两后生 and poor vocational graduates: yearly plans with places per institution, trainees, three calls after graduation."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from aidcases.conditions import All, Condition
from aidcases.crypto import EncryptedField
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.models import Organisation, School
from aidcases.roles import P
from aidcases.scoping import HOME, OFFICE, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.enums import Stage
from students.models import Student
from subsidies.models.written import Written


class VocationalQuerySet(FlowQuerySet, ScopedQuerySet):
    """Moved in sets, seen in scope."""


class Schooling(models.TextChoices):
    DEGREE = "degree", "学历教育"
    TRAINING = "training", "职业培训"


# --- plans ---------------------------------------------------------------------------------------------------------


class PlanState(models.TextChoices):
    DRAFT = "draft", "编制中"
    FIXED = "fixed", "已下达"


PLACED_DEGREE = Condition("placed_degree", "各院校学历教育人数之和与年度计划不符", Q(placed_degree=F("degree")))
PLACED_TRAINING = Condition("placed_training", "各院校职业培训人数之和与年度计划不符", Q(placed_training=F("training")))
TRAINING_PLAN = Flow(
    Move("fix", "下达", {PlanState.DRAFT}, PlanState.FIXED, P.VOCATIONAL_SET, All((PLACED_DEGREE, PLACED_TRAINING))),
    Move("reopen", "调整", {PlanState.FIXED}, PlanState.DRAFT, P.VOCATIONAL_SET, note_required=True),
)


class TrainingPlan(Moving, Scoped):
    """A year's task of an office, in people: 学历教育 and 职业培训. `placed_…` are the sums over its institutions; one
    that has been handed down has places for exactly what was planned."""

    OWNER_PATHS = {OFFICE: "path"}
    FLOW = TRAINING_PLAN

    path = PathField()
    office = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="下达单位")
    year = models.SmallIntegerField("年度")
    state = models.CharField("状态", max_length=6, choices=PlanState.choices, default=PlanState.DRAFT)
    degree = models.IntegerField("学历教育计划（人）", default=0)
    training = models.IntegerField("职业培训计划（人）", default=0)
    placed_degree = models.IntegerField(default=0)
    placed_training = models.IntegerField(default=0)
    document = models.CharField("依据文件", max_length=120, default="", blank=True)

    objects = scoped_manager(VocationalQuerySet)

    class Meta:
        verbose_name = "两后生培养计划"
        ordering = ["-year", "path"]
        constraints = [
            models.UniqueConstraint(fields=["path", "year"], name="one_training_plan_a_year"),
            models.CheckConstraint(
                name="training_plan_not_negative",
                condition=Q(degree__gte=0) & Q(training__gte=0) & Q(placed_degree__gte=0) & Q(placed_training__gte=0),
            ),
            models.CheckConstraint(
                name="fixed_plan_is_placed",
                condition=~Q(state="fixed") | Q(placed_degree=F("degree"), placed_training=F("training")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.year} {self.path}"


class TrainingPlace(Scoped):
    """How many an institution takes in a year; the institution and its county read it, the plan's office writes it."""

    OWNER_PATHS = {OFFICE: "path", SCHOOL: "school_path"}

    plan = models.ForeignKey(TrainingPlan, models.CASCADE, related_name="places")
    path = PathField()
    year = models.SmallIntegerField("年度")
    school = models.ForeignKey(School, models.PROTECT, related_name="+", verbose_name="院校")
    school_path = PathField()
    degree = models.IntegerField("学历教育（人）", default=0)
    training = models.IntegerField("职业培训（人）", default=0)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "院校培养任务"
        ordering = ["-year", "-degree", "school_path"]
        constraints = [
            models.UniqueConstraint(fields=["school", "year"], name="one_training_place_a_year"),
            models.CheckConstraint(
                name="training_place_of_somebody",
                condition=Q(degree__gte=0) & Q(training__gte=0) & Q(degree__gt=-F("training")),
            ),
        ]
        indexes = [models.Index(fields=["school_path", "year"], name="training_place_school")]

    def __str__(self) -> str:
        return f"{self.year} {self.school_id}"


# --- trainees ------------------------------------------------------------------------------------------------------


class TraineeState(models.TextChoices):
    TO_CONTACT = "to_contact", "待联系"
    WILLING = "willing", "愿意参加"
    UNWILLING = "unwilling", "不愿意"
    ENROLLED = "enrolled", "在学（在训）"
    FINISHED = "finished", "已结业"
    EMPLOYED = "employed", "已就业"
    STUDYING_ON = "studying_on", "继续升学"
    NEITHER = "neither", "未就业未升学"
    STRUCK = "struck", "不在范围"


class Unwilling(models.TextChoices):
    WORKING = "working", "已外出务工"
    ARMY = "army", "已参军"
    NO_INTEREST = "no_interest", "不想再学"
    FAMILY = "family", "家里需要劳力或照料"
    HEALTH = "health", "身体原因"
    MAJOR = "major", "没有合适的专业"
    OTHER = "other", "其他（写在备注）"


class Wage(models.TextChoices):
    BELOW_2000 = "below2000", "2000 元以下/月"
    FROM_2000 = "from2000", "2000—2999 元/月"
    FROM_3000 = "from3000", "3000—4999 元/月"
    FROM_5000 = "from5000", "5000—7999 元/月"
    FROM_8000 = "from8000", "8000 元及以上/月"


T = TraineeState
OPEN = (T.TO_CONTACT, T.WILLING, T.UNWILLING)  # nobody has taken them in yet
ENDED = (T.FINISHED, T.EMPLOYED, T.STUDYING_ON, T.NEITHER)
PLACED = (T.ENROLLED, *ENDED)
TRAINEE = Flow(
    Move("agree", "登记愿意", {T.TO_CONTACT, T.UNWILLING}, T.WILLING, P.VOCATIONAL_WRITE),
    Move("decline", "登记不愿意", {T.TO_CONTACT, T.WILLING}, T.UNWILLING, P.VOCATIONAL_WRITE),
    Move("enrol", "登记入学（参训）", {T.TO_CONTACT, T.WILLING, T.UNWILLING}, T.ENROLLED, P.VOCATIONAL_WRITE),
    Move("quit", "登记中途退出", {T.ENROLLED}, T.TO_CONTACT, P.VOCATIONAL_WRITE, note_required=True),
    Move("finish", "登记结业", {T.ENROLLED}, T.FINISHED, P.VOCATIONAL_WRITE),
    Move("employ", "登记就业", set(ENDED), T.EMPLOYED, P.VOCATIONAL_WRITE),
    Move("study_on", "登记升学", set(ENDED), T.STUDYING_ON, P.VOCATIONAL_WRITE),
    Move("neither", "登记未就业未升学", {T.FINISHED, T.EMPLOYED, T.STUDYING_ON}, T.NEITHER, P.VOCATIONAL_WRITE),
    Move("strike", "不在范围", set(OPEN), T.STRUCK, P.VOCATIONAL_WRITE, note_required=True),
    Move("restore", "恢复", {T.STRUCK}, T.TO_CONTACT, P.VOCATIONAL_WRITE),
)


class Trainee(Moving, Scoped):
    """两后生: who left junior or senior school without going on, one line a year of work. The home side owns it;
    `school_path` is the institution's that has taken them in, "" before. `phone` is of the office at `phone_path`."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}
    FLOW = TRAINEE

    student = models.ForeignKey(Student, models.PROTECT, related_name="trainings")
    year = models.SmallIntegerField("年度")
    state = models.CharField("状态", max_length=12, choices=TraineeState.choices, default=TraineeState.TO_CONTACT)
    left_year = models.SmallIntegerField("毕业年份")
    left_stage = models.CharField("毕业学段", max_length=24, choices=Stage.choices)
    left_school = models.ForeignKey(School, models.PROTECT, related_name="+", verbose_name="毕业学校")
    why = models.CharField("不愿意的原因", max_length=12, choices=Unwilling.choices, default="", blank=True)
    remark = models.CharField("备注", max_length=200, default="", blank=True)
    kind = models.CharField("类别", max_length=10, choices=Schooling.choices, default="", blank=True)
    school = models.ForeignKey(School, models.PROTECT, null=True, related_name="+", verbose_name="院校")
    major = models.CharField("专业（工种）", max_length=60, default="", blank=True)
    from_on = models.DateField("入学（开班）日期", null=True)
    to_on = models.DateField("计划结业日期", null=True)
    finished_on = models.DateField("结业日期", null=True)
    certificate = models.CharField("证书", max_length=80, default="", blank=True)
    outcome_on = models.DateField("就业（升学）日期", null=True)
    employer = models.CharField("就业单位", max_length=80, default="", blank=True)
    post = models.CharField("岗位", max_length=40, default="", blank=True)
    wage = models.CharField("月收入", max_length=10, choices=Wage.choices, default="", blank=True)
    place = models.CharField("就业地点", max_length=60, default="", blank=True)
    onward = models.CharField("升入院校", max_length=80, default="", blank=True)
    contacted_on = models.DateField("最近联系", null=True)
    phone = EncryptedField("本人电话", blind_index="phone_hash", purpose="phone", null=True)
    phone_hash = models.BinaryField(null=True)
    phone_path = PathField(default="", blank=True)
    home_path = PathField()
    school_path = PathField(default="", blank=True)
    made_by = models.CharField("登记人", max_length=120)
    made_at = models.DateTimeField(db_default=models.functions.Now())

    objects = scoped_manager(VocationalQuerySet)

    class Meta:
        verbose_name = "两后生"
        ordering = ["-year", "home_path", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["student", "year"], condition=~Q(state="struck"), name="one_trainee_line_a_year"
            ),
            models.CheckConstraint(name="unwilling_says_why", condition=~Q(state="unwilling") | ~Q(why="")),
            models.CheckConstraint(
                name="enrolled_trainee_is_placed",
                condition=~Q(state__in=PLACED)
                | (Q(school__isnull=False, from_on__isnull=False) & ~Q(school_path="") & ~Q(kind="")),
            ),
            models.CheckConstraint(
                name="finished_trainee_is_whole",
                condition=~Q(state__in=ENDED) | (Q(finished_on__isnull=False) & ~Q(certificate="")),
            ),
            models.CheckConstraint(
                name="training_days_in_order",
                condition=(Q(to_on=None) | Q(to_on__gte=F("from_on")))
                & (Q(finished_on=None) | Q(finished_on__gte=F("from_on")))
                & (Q(outcome_on=None) | Q(outcome_on__gte=F("finished_on"))),
            ),
            models.CheckConstraint(
                name="employed_trainee_has_an_employer",
                condition=~Q(state="employed") | (~Q(employer="") & Q(outcome_on__isnull=False)),
            ),
            models.CheckConstraint(
                name="studying_trainee_has_a_school",
                condition=~Q(state="studying_on") | (~Q(onward="") & Q(outcome_on__isnull=False)),
            ),
            models.CheckConstraint(name="trainee_phone_has_an_owner", condition=Q(phone_hash=None) | ~Q(phone_path="")),
        ]
        indexes = [
            models.Index(fields=["year", "home_path"], name="trainee_home"),
            models.Index(fields=["year", "school_path"], name="trainee_school"),
        ]

    def __str__(self) -> str:
        return f"{self.year} {self.student_id}"


class ContactWay(models.TextChoices):
    VISIT = "visit", "上门"
    CALL = "call", "电话"
    MEETING = "meeting", "到校、开会"
    MESSAGE = "message", "微信、短信"


class TraineeContact(Written):
    """A visit or call about training, work or a position."""

    OWNER_PATHS = {HOME: "trainee__home_path", SCHOOL: "trainee__school_path"}

    trainee = models.ForeignKey(Trainee, models.PROTECT, related_name="contacts")
    contacted_on = models.DateField("日期")
    way = models.CharField("方式", max_length=8, choices=ContactWay.choices)
    who = models.CharField("联系人", max_length=60)
    note = models.CharField("了解到的情况", max_length=300)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "两后生联系"
        ordering = ["-contacted_on", "-pk"]

    def __str__(self) -> str:
        return f"{self.trainee_id} {self.contacted_on}"


# --- three years after ---------------------------------------------------------------------------------------------


class CallState(models.TextChoices):
    DUE = "due", "待回访"
    DONE = "done", "已回访"
    VOID = "void", "不用回访"


class Outcome(models.TextChoices):
    EMPLOYED = "employed", "就业"
    OWN = "own", "自主创业、灵活就业"
    STUDYING = "studying", "升学"
    ARMY = "army", "参军"
    NONE = "none", "未就业"
    LOST = "lost", "联系不上"


C = CallState
FOLLOW_UP = Flow(
    Move("record", "登记回访", {C.DUE}, C.DONE, P.VOCATIONAL_WRITE),
    Move("again", "重新回访", {C.DONE}, C.DUE, P.VOCATIONAL_WRITE, note_required=True),
    Move("drop", "不用回访", {C.DUE}, C.VOID, P.VOCATIONAL_WRITE, note_required=True),
    Move("restore", "恢复回访", {C.VOID}, C.DUE, P.VOCATIONAL_WRITE),
)


class FollowUp(Moving, Scoped):
    """One of three yearly calls to a poor vocational graduate, or a trainee who finished, of `year`: the home county's or the
    institution's, whichever reaches them."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}
    FLOW = FOLLOW_UP

    student = models.ForeignKey(Student, models.PROTECT, related_name="follow_ups")
    year = models.SmallIntegerField("毕业年份")
    number = models.SmallIntegerField("第几年")
    stage = models.CharField("毕业学段", max_length=24, default="", blank=True)  # "": of a training
    school = models.ForeignKey(School, models.PROTECT, related_name="+", verbose_name="毕业院校")
    home_path = PathField()
    school_path = PathField()
    due_on = models.DateField("回访期限")
    state = models.CharField("状态", max_length=6, choices=CallState.choices, default=CallState.DUE)
    result = models.CharField("去向", max_length=10, choices=Outcome.choices, default="", blank=True)
    employer = models.CharField("单位（院校）", max_length=80, default="", blank=True)
    post = models.CharField("岗位（专业）", max_length=40, default="", blank=True)
    wage = models.CharField("月收入", max_length=10, choices=Wage.choices, default="", blank=True)
    place = models.CharField("所在地", max_length=60, default="", blank=True)
    remark = models.CharField("情况和需求", max_length=200, default="", blank=True)
    called_on = models.DateField("回访日期", null=True)
    called_by = models.CharField("回访人", max_length=120, default="", blank=True)

    objects = scoped_manager(VocationalQuerySet)

    class Meta:
        verbose_name = "毕业生跟踪"
        ordering = ["due_on", "home_path", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["student", "year", "number"], condition=~Q(state="void"), name="one_call_a_year"
            ),
            models.CheckConstraint(name="call_of_three_years", condition=Q(number__in=(1, 2, 3))),
            models.CheckConstraint(
                name="made_call_is_whole",
                condition=~Q(state="done") | (Q(called_on__isnull=False) & ~Q(called_by="") & ~Q(result="")),
            ),
        ]
        indexes = [
            models.Index(fields=["year", "home_path"], name="follow_up_home"),
            models.Index(fields=["year", "school_path"], name="follow_up_school"),
            models.Index(fields=["due_on"], condition=Q(state="due"), name="follow_up_due"),
        ]

    def __str__(self) -> str:
        return f"{self.year} {self.student_id} {self.number}"
