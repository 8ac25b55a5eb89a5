"""家庭经济困难学生认定申请: the form, its family members, and its way from the school to the county's approval."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q, Value

from aidcases.conditions import All, Condition
from aidcases.crypto import EncryptedField
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.models import School, User
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
from aidcases.terms import Term
from students.models import Student
from subsidies.enums import Level


class ApplicationState(models.TextChoices):
    """domain.md; `declined` is a recorded 放弃."""

    DRAFT = "draft", "填写中"
    SUBMITTED = "submitted", "已提交，待评审"
    PANEL_REVIEWED = "panel_reviewed", "已评审，待公示"
    IN_NOTICE = "in_notice", "公示中"
    NOTICE_CLOSED = "notice_closed", "公示结束，待上报"
    COUNTY_REVIEW = "county_review", "县级审核中"
    APPROVED = "approved", "已批准"
    REJECTED = "rejected", "未通过"
    NOT_HARD = "not_hard", "认定为不困难"
    WITHDRAWN = "withdrawn", "已撤回"
    DECLINED = "declined", "放弃资助"
    CANCELLED = "cancelled", "已取消资格"
    # Two records of one child became one and both had applied: kept to be read, no part of the term (subsidies.merged).
    DOUBLED = "doubled", "同一学生另有申请"


class ApplicationKind(models.TextChoices):
    APPLIED = "applied", "本人申请"
    MATCHED = "matched", "免申即享"  # from an issued list: the school only confirms
    RENEWED = "renewed", "与上次相同"  # last form confirmed without change


class Box(models.TextChoices):
    """The fifteen 特殊群体类型 of the form (教财〔2018〕16号, as revised 2024), in its order."""

    POOR = "poor", "脱贫家庭学生"
    UNSTABLE = "unstable", "脱贫不稳定家庭学生"
    MARGINAL = "marginal", "边缘易致贫家庭学生"
    SUDDEN = "sudden", "突发严重困难家庭学生"
    DIBAO = "dibao", "低保家庭学生"
    DIBAO_MARGIN = "dibao_margin", "低保边缘家庭学生"
    TEKUN = "tekun", "特困救助供养学生"
    RIGID_SPENDING = "rigid_spending", "刚性支出困难家庭学生"
    LOW_INCOME = "low_income", "其他低收入家庭学生"
    ORPHAN = "orphan", "孤儿"
    UNSUPPORTED = "unsupported", "事实无人抚养儿童"
    DISABLED = "disabled", "残疾学生"
    DISABLED_PARENT = "disabled_parent", "残疾人子女"
    MARTYR = "martyr", "烈士子女"
    RELOCATED = "relocated", "易地扶贫搬迁家庭学生"


COMPLETE = Condition("complete", "申请表还没有填完整", Q(complete=True))
NOTICE_OVER = Condition("notice_over", "公示还没有结束", Q(notice_over=True))
NO_OBJECTION = Condition("no_objection", "还有没办结的异议", Q(objections_open=0))
# Of a meeting of the panel; the level itself comes with the move.
LEVELLED = Condition("levelled", "评审小组还没有给出等级", Q(assessments__isnull=False))
NOT_HARD = Condition("level_none", "评审等级不是“不困难”", Q(level=Level.NONE))
CHECKED = Condition("checked", "经办还没有初核", Q(checked_by_id__isnull=False))
UNCHECKED = Condition("unchecked", "县级已经初核，不能收回；要改请联系县学生资助管理中心退回", Q(checked_by_id__isnull=True))

S = ApplicationState
BEFORE_APPROVAL = {
    S.DRAFT, S.SUBMITTED, S.PANEL_REVIEWED, S.IN_NOTICE, S.NOTICE_CLOSED, S.COUNTY_REVIEW,
}  # fmt: skip

APPLICATION = Flow(
    Move("submit", "提交", {S.DRAFT}, S.SUBMITTED, P.APPLICATION_WRITE, All((COMPLETE,))),
    Move("take_back", "收回修改", {S.SUBMITTED}, S.DRAFT, P.APPLICATION_WRITE),
    Move("review", "评审通过", {S.SUBMITTED}, S.PANEL_REVIEWED, P.PANEL_CONFIRM, All((LEVELLED,))),
    Move("take_back_review", "收回评审", {S.PANEL_REVIEWED}, S.SUBMITTED, P.PANEL_CONFIRM),
    # Nobody's business but the family's, who is told why: no notice, no county.
    Move("conclude", "认定为不困难", {S.PANEL_REVIEWED}, S.NOT_HARD, P.PANEL_CONFIRM, All((NOT_HARD,)), note_required=True),
    Move("announce", "公示", {S.PANEL_REVIEWED}, S.IN_NOTICE, P.NOTICE_PUBLISH),
    # A notice taken back, or a line that changed and needs a new one.
    Move("unannounce", "撤出公示", {S.IN_NOTICE, S.NOTICE_CLOSED}, S.PANEL_REVIEWED, P.NOTICE_PUBLISH, note_required=True),
    Move("close_notice", "公示结束", {S.IN_NOTICE}, S.NOTICE_CLOSED, P.NOTICE_PUBLISH, All((NOTICE_OVER, NO_OBJECTION))),
    Move("hand_up", "上报", {S.NOTICE_CLOSED}, S.COUNTY_REVIEW, P.APPLICATION_HAND_UP, All((NOTICE_OVER, NO_OBJECTION))),
    Move("take_back_up", "收回上报", {S.COUNTY_REVIEW}, S.NOTICE_CLOSED, P.APPLICATION_HAND_UP, All((UNCHECKED,))),
    Move("check", "初核通过", {S.COUNTY_REVIEW}, S.COUNTY_REVIEW, P.APPLICATION_CHECK),
    Move("approve", "批准", {S.COUNTY_REVIEW}, S.APPROVED, P.APPLICATION_APPROVE, All((CHECKED, NO_OBJECTION))),
    Move("reject", "不予通过", {S.COUNTY_REVIEW}, S.REJECTED, P.APPLICATION_APPROVE, note_required=True),
    Move("return_form", "退回修改", {S.SUBMITTED, S.PANEL_REVIEWED, S.NOTICE_CLOSED, S.COUNTY_REVIEW}, S.DRAFT,
         P.APPLICATION_RETURN, note_required=True),
    # Also on the appeal of a family that was found not hard.
    Move("return_panel", "退回评审", {S.PANEL_REVIEWED, S.NOTICE_CLOSED, S.COUNTY_REVIEW, S.NOT_HARD}, S.SUBMITTED,
         P.APPLICATION_RETURN, note_required=True),
    Move("return_notice", "退回公示", {S.COUNTY_REVIEW}, S.PANEL_REVIEWED, P.APPLICATION_RETURN, note_required=True),
    Move("withdraw", "撤回申请", BEFORE_APPROVAL, S.WITHDRAWN, P.APPLICATION_WRITE, note_required=True),
    Move("decline", "放弃", {S.DRAFT, S.SUBMITTED, S.PANEL_REVIEWED, S.APPROVED}, S.DECLINED, P.APPLICATION_WRITE,
         note_required=True),
    Move("reopen", "重新填写", {S.WITHDRAWN, S.DECLINED, S.REJECTED, S.NOT_HARD}, S.DRAFT, P.APPLICATION_WRITE),
    Move("cancel", "取消资格", {S.APPROVED}, S.CANCELLED, P.APPLICATION_CANCEL, note_required=True),
    # A family whose situation changed after the approval; the determination stands until the next one replaces it.
    Move("reassess", "重新认定", {S.APPROVED, S.CANCELLED}, S.DRAFT, P.APPLICATION_CANCEL, note_required=True),
)  # fmt: skip


def own_pupils_only(actor: Actor) -> bool:
    """Whether whoever acts is a class teacher: of the school only the children who answer to their account."""
    return actor.permissions == PERMISSIONS[Role.CLASS_TEACHER]


class OwnPupil(Func):
    """True for students (by key) of a class teacher; of anybody else, for all. Like the scope it is decided by whoever
    acts when the query runs: the school has named a class teacher's account as the child's contact (帮扶联系人)."""

    output_field = models.BooleanField()
    conditional = True
    condition = "EXISTS (SELECT FROM subsidies_responsible mine WHERE mine.student_id = {} AND mine.contact_user_id = %s)"

    def as_sql(self, compiler: Any, connection: Any, **_extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        actor = current_actor()
        if not own_pupils_only(actor):
            return "(1=1)", []
        key, params = compiler.compile(self.source_expressions[0])
        return self.condition.format(key), [*params, actor.user_id]


class OwnOrNobodys(OwnPupil):
    """The children a class teacher may look up (domain.md: the own class): not those who answer to another account. Whom
    the school has given to nobody yet can be found missing by any of its teachers."""

    condition = (
        "NOT EXISTS (SELECT FROM subsidies_responsible mine WHERE mine.student_id = {} AND mine.contact_user_id <> %s)"
    )


class ApplicationQuerySet(FlowQuerySet, ScopedQuerySet):
    def in_term(self, term: Term) -> ApplicationQuerySet:
        """Of each child at most one."""
        return self.filter(term=term.code).exclude(state=S.DOUBLED)

    def keyed(self, pks: Collection[int]) -> ApplicationQuerySet:
        """Of these keys, however many: as a table, whose size PostgreSQL knows. A list of three thousand in the condition
        would be read again for every row that it is held against. Written as one word, which is parsed at once."""
        held = Value(f"{{{','.join(map(str, pks))}}}", models.TextField())
        return self.filter(pk__in=Func(held, template="(SELECT unnest(%(expressions)s::bigint[]))"))


class ApplicationManager(ScopedManager.from_queryset(ApplicationQuerySet)):  # type: ignore[misc]
    """In scope, and of a class teacher's own children."""

    def get_queryset(self) -> ApplicationQuerySet:
        return super().get_queryset().filter(OwnPupil(F("student")))


class Application(Moving, Scoped):
    """student × term. The official form's fields; `boxes` are the ticked Box codes, `listed_boxes` those known from an
    imported list (they need no paper). What the panel and the county add stands beside it, never in the form."""

    OWNER_PATHS = {SCHOOL: "school_path", HOME: "home_path"}
    FLOW = APPLICATION

    student = models.ForeignKey(Student, models.PROTECT, related_name="applications")
    term = models.CharField("学期", max_length=11, db_collation="C")
    school = models.ForeignKey(School, models.PROTECT, related_name="+", verbose_name="学校")
    school_path = PathField()
    home_path = PathField()
    state = models.CharField("状态", max_length=16, choices=ApplicationState.choices, default=ApplicationState.DRAFT)
    kind = models.CharField("方式", max_length=8, choices=ApplicationKind.choices)
    late_reason = models.CharField("逾期原因", max_length=200, default="", blank=True)

    department = models.CharField("院系", max_length=60, default="", blank=True)
    major = models.CharField("专业", max_length=60, default="", blank=True)
    native_place = models.CharField("籍贯", max_length=60, default="", blank=True)
    household_size = models.SmallIntegerField("家庭人口", null=True)
    phone = EncryptedField("手机号码", blind_index="phone_hash", purpose="phone", null=True)
    phone_hash = models.BinaryField(null=True)
    address = models.CharField("详细通讯地址", max_length=200, default="", blank=True)
    postcode = models.CharField("邮政编码", max_length=6, default="", blank=True)
    parent_phone = EncryptedField("家长手机号码", blind_index="parent_phone_hash", purpose="phone", null=True)
    parent_phone_hash = models.BinaryField(null=True)
    rural_hukou = models.BooleanField("农业户口", null=True)
    boxes = ArrayField(models.CharField(max_length=16, choices=Box.choices), default=list, verbose_name="特殊群体类型")
    listed_boxes = ArrayField(models.CharField(max_length=16), default=list)
    income_per_head = models.DecimalField("家庭人均年收入（元）", max_digits=10, decimal_places=2, null=True)
    disaster = models.CharField("家庭遭受自然灾害情况", max_length=200, default="", blank=True)
    accident = models.CharField("家庭遭受突发意外事件", max_length=200, default="", blank=True)
    weakness = models.CharField("家庭成员因残疾、年迈而劳动能力弱情况", max_length=200, default="", blank=True)
    unemployment = models.CharField("家庭成员失业情况", max_length=200, default="", blank=True)
    debt = models.CharField("家庭欠债情况", max_length=200, default="", blank=True)
    other = models.CharField("其他情况", max_length=200, default="", blank=True)
    promised_on = models.DateField("承诺日期", null=True)
    stamp = models.BooleanField("村（居）委会已盖章", default=False)
    complete = models.BooleanField(default=False)  # by subsidies.casework.form.problems, at every save
    version = models.IntegerField(default=0)  # of the form: two people who edit it at once are told
    saved_by = models.CharField(max_length=120, default="", blank=True)
    saved_at = models.DateTimeField("保存时间", db_default=models.functions.Now())

    level = models.CharField("认定等级", max_length=10, choices=Level.choices, default="", blank=True)
    score = models.DecimalField("评分", max_digits=6, decimal_places=2, null=True)
    rank = models.IntegerField("排序", null=True)
    notice_over = models.BooleanField(default=False)
    objections_open = models.SmallIntegerField(default=0)
    submitted_by_id = models.BigIntegerField(null=True)
    reviewed_by_id = models.BigIntegerField(null=True)
    handed_by_id = models.BigIntegerField(null=True)
    checked_by_id = models.BigIntegerField(null=True)
    approval = models.ForeignKey("subsidies.Approval", models.PROTECT, null=True, related_name="applications")
    returned_why = models.CharField("退回原因", max_length=200, default="", blank=True)
    moved_at = models.DateTimeField("上一步时间", db_default=models.functions.Now())

    objects = ApplicationManager()

    class Meta:
        verbose_name = "认定申请"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["term", "student"], condition=~Q(state="doubled"), name="one_application_a_term"
            ),
            models.CheckConstraint(condition=~Q(state="not_hard") | Q(level="none"), name="not_hard_has_that_level"),
            models.CheckConstraint(
                name="approved_has_an_approval",
                condition=~Q(state__in=("approved", "rejected", "cancelled")) | Q(approval__isnull=False),
            ),
            models.CheckConstraint(
                name="reviewed_has_a_level",
                condition=~Q(state__in=("panel_reviewed", "in_notice", "notice_closed", "county_review", "approved"))
                | ~Q(level=""),
            ),
        ]
        indexes = [
            models.Index(fields=["term", "school_path", "state"], name="application_school"),
            models.Index(fields=["term", "home_path", "state"], name="application_home"),
        ]

    def __str__(self) -> str:
        return f"{self.student} {self.term}"


class FamilyMember(Scoped):
    """A row of 家庭成员情况. The school wrote it down: the home side has a register of its own and does not see it."""

    OWNER_PATHS = {SCHOOL: "application__school_path"}

    application = models.ForeignKey(Application, models.CASCADE, related_name="family")
    order = models.SmallIntegerField()
    name = models.CharField("姓名", max_length=60)
    age = models.SmallIntegerField("年龄", null=True)
    relation = models.CharField("与学生关系", max_length=20, default="", blank=True)
    work = models.CharField("工作（学习）单位", max_length=60, default="", blank=True)
    occupation = models.CharField("职业", max_length=40, default="", blank=True)
    annual_income = models.DecimalField("年收入（元）", max_digits=10, decimal_places=2, null=True)
    health = models.CharField("健康状况", max_length=40, default="", blank=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "家庭成员"
        ordering = ["order"]
        constraints = [models.UniqueConstraint(fields=["application", "order"], name="family_in_order")]

    def __str__(self) -> str:
        return f"{self.name}（{self.relation}）"


class ApplicationWindow(Scoped):
    """When applications of a term are taken in an area; without a row the default of subsidies.casework.windows."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    term = models.CharField("学期", max_length=11, db_collation="C")
    opens_on = models.DateField("开始")
    closes_on = models.DateField("截止")
    # Stamped certificates were abolished (教政法函〔2019〕12号): only where a county still asks for one.
    stamp_required = models.BooleanField("申请表须盖村（居）委会章", default=False)
    set_by = models.CharField("设定人", max_length=120)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "申请时间"
        constraints = [
            models.UniqueConstraint(fields=["path", "term"], name="one_window_a_term"),
            models.CheckConstraint(condition=Q(closes_on__gte=models.F("opens_on")), name="window_opens_first"),
        ]

    def __str__(self) -> str:
        return f"{self.term} {self.opens_on}—{self.closes_on}"


class Responsible(Scoped):
    """Who answers for a student's aid (Anshan): contact teacher, deputy head, principal; their names for print. What a class
    teacher sees hangs on `contact_user`, never on a name, which two may have."""

    OWNER_PATHS = {SCHOOL: "student__person__school_path", HOME: "student__person__home_path"}

    student = models.OneToOneField(Student, models.CASCADE, primary_key=True, related_name="responsible")
    contact = models.CharField("帮扶联系人（班主任）", max_length=40)
    contact_user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", verbose_name="帮扶联系人的账号")
    deputy = models.CharField("直接责任人（分管领导）", max_length=40, default="", blank=True)
    principal = models.CharField("第一责任人（校长）", max_length=40, default="", blank=True)
    set_by = models.CharField(max_length=120)
    set_at = models.DateTimeField(db_default=models.functions.Now())

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "资助责任人"

    def __str__(self) -> str:
        return f"{self.student} {self.contact}"


class Approval(Scoped):
    """A county's decision on a set of applications, by a document with a number."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    term = models.CharField("学期", max_length=11, db_collation="C")
    number = models.CharField("批准文号", max_length=60)
    approves = models.BooleanField(default=True)
    decided_on = models.DateField("批准日期")
    decided_by = models.CharField("批准人", max_length=120)
    decided_by_id = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(db_default=models.functions.Now())
    note = models.CharField("说明", max_length=200, default="", blank=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "批准文件"
        ordering = ["-pk"]
        indexes = [models.Index(fields=["path", "-id"], name="approval_path")]

    def __str__(self) -> str:
        return self.number
