"""What the comparison of the rosters found: a line per child and term, with both sources; approved absences."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q, QuerySet

from aidcases.scoping import HOME, OFFICE, SCHOOL, PathField, Scoped, ScopedManager, ScopedQuerySet, scoped_manager
from aidcases.terms import Term
from dropout.enums import DeferralKind, DifferenceKind
from dropout.models.cases import DropoutCase, OnMyTeam
from students.models import Student


class Comparison(Scoped):
    """An area's rosters of a term, compared: what was found the last time. Again without a change, it stays."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    term = models.CharField("学期", max_length=11, db_collation="C")
    counts = models.JSONField(default=dict)
    made_by = models.CharField("比对人", max_length=120)
    made_at = models.DateTimeField("比对时间", db_default=models.functions.Now())

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "名单比对"
        ordering = ["-made_at"]
        constraints = [models.UniqueConstraint(fields=["path", "term"], name="one_comparison_an_area_and_term")]

    def __str__(self) -> str:
        return f"{self.path} {self.term}"


class DifferenceQuerySet(ScopedQuerySet):
    def in_term(self, term: Term) -> DifferenceQuerySet:
        return self.filter(term=term.code)

    def standing(self) -> DifferenceQuerySet:
        return self.filter(gone_on=None)


class Difference(Scoped):
    """A child whom the rosters contradict each other about. `listed` is the row of the roster that has the child,
    `enrolment` its row on the roll, `present` what the list of those in school says. Rows of rosters go when their
    import is undone: the next comparison ends the line."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    term = models.CharField("学期", max_length=11, db_collation="C")
    student = models.ForeignKey(Student, models.PROTECT, related_name="differences")
    kind = models.CharField("疑点", max_length=12, choices=DifferenceKind.choices)
    poor = models.BooleanField("贫困户子女", default=False)
    area = PathField()  # whose comparison it is of: the register's village, the school
    home_path = PathField()
    school_path = PathField()
    listed = models.ForeignKey(
        "students.RosterEntry", models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    enrolment = models.ForeignKey(
        "students.Enrolment", models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    member = models.ForeignKey(
        "students.Member", models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    case = models.ForeignKey(DropoutCase, models.CASCADE, null=True, related_name="differences")
    found_on = models.DateField("发现日期")
    gone_on = models.DateField("消除日期", null=True)

    objects = scoped_manager(DifferenceQuerySet)

    class Meta:
        verbose_name = "比对疑点"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["term", "student"], name="one_difference_a_term"),
            models.CheckConstraint(
                name="difference_ends_after_it_began", condition=Q(gone_on=None) | Q(gone_on__gte=F("found_on"))
            ),
        ]
        indexes = [
            models.Index(fields=["term", "area"], name="difference_area"),
            models.Index(fields=["term", "home_path"], name="difference_home"),
            models.Index(fields=["term", "school_path"], name="difference_school"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.term}"


class DeferralManager(ScopedManager.from_queryset(ScopedQuerySet)):  # type: ignore[misc]
    """In scope, and of a class teacher the children whose team they are on: a reason is often an illness."""

    def get_queryset(self) -> QuerySet:
        return super().get_queryset().filter(OnMyTeam(F("student"), of="student"))


class Deferral(Scoped):
    """延缓入学 or 休学, applied for by the guardian and approved: no dropout while it lasts."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    student = models.ForeignKey(Student, models.PROTECT, related_name="deferrals")
    kind = models.CharField("种类", max_length=6, choices=DeferralKind.choices)
    from_on = models.DateField("起")
    until_on = models.DateField("止（含当日）")
    reason = models.CharField("原因", max_length=200)
    approved_by = models.CharField("批准单位", max_length=80)  # the township or the county's bureau (义务教育法 第十一条)
    document = models.CharField("批准文号", max_length=60, default="", blank=True)
    approved_on = models.DateField("批准日期")
    home_path = PathField()
    school_path = PathField()
    made_by = models.CharField("登记人", max_length=120)
    made_at = models.DateTimeField(db_default=models.functions.Now())

    objects = DeferralManager()

    class Meta:
        verbose_name = "延缓入学和休学"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["student", "from_on"], name="deferral_starts_once"),
            models.CheckConstraint(name="deferral_ends_after_it_began", condition=Q(until_on__gte=F("from_on"))),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.from_on}—{self.until_on}"
