"""What the rules give one student for one term, the runs that computed it, and what they changed."""

from __future__ import annotations

from django.db import models

from aidcases.models import School
from aidcases.scoping import HOME, OFFICE, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from aidcases.terms import Term
from students.models import Enrolment, Student
from subsidies.enums import MAY_CLAIM, EntitlementState
from subsidies.models.rules import Benefit, Rule


class ComputeRun(Scoped):
    """One recompute of a term for a part of the country: what it counted and the certificate of the result."""

    OWNER_PATHS = {OFFICE: "path"}

    term = models.CharField("学期", max_length=11, db_collation="C")
    path = PathField()
    marked_only = models.BooleanField(default=False)
    job_id = models.BigIntegerField(unique=True)
    requested_by = models.CharField(max_length=120)
    started_at = models.DateTimeField(db_default=models.functions.Now())
    finished_at = models.DateTimeField(null=True)
    rules_digest = models.CharField(max_length=64, default="", blank=True)
    facts_digest = models.CharField(max_length=64, default="", blank=True)
    result_digest = models.CharField(max_length=64, default="", blank=True)
    certificate = models.CharField(max_length=64, default="", blank=True)
    counts = models.JSONField(default=dict)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "测算"
        ordering = ["-pk"]
        indexes = [models.Index(fields=["path", "-id"], name="run_path")]

    def __str__(self) -> str:
        return f"{self.term} {self.path}"


class EntitlementQuerySet(ScopedQuerySet):
    def in_term(self, term: Term) -> EntitlementQuerySet:
        return self.filter(term=term.code)

    def of(self, path: str) -> EntitlementQuerySet:
        """Whose home or school lies under the path."""
        return self if path == "/" else self.filter(
            models.Q(home_path__startswith=path) | models.Q(school_path__startswith=path)
        )  # fmt: skip

    def granted(self) -> EntitlementQuerySet:
        """Outside stay loans: they may be claimed, and are never summed with grants."""
        return self.exclude(rule__delivery__in=MAY_CLAIM)


class Entitlement(Scoped):
    """student × benefit × term. The hot table: no key checks per row (they cost four times the insert itself).

    What guards its integrity instead: rows come only from the one MERGE in subsidies.compute, whose source joins
    enrolments and rules; rules are never deleted, people are PROTECTed; `manage.py check_entitlements` proves it.
    """

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    pk = models.CompositePrimaryKey("term", "student_id", "benefit_id")
    term = models.CharField("学期", max_length=11, db_collation="C")
    student = models.ForeignKey(
        Student, models.DO_NOTHING, related_name="entitlements", db_constraint=False, db_index=False
    )
    benefit = models.ForeignKey(Benefit, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    rule = models.ForeignKey(Rule, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    school = models.ForeignKey(School, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    amount = models.DecimalField("金额（元）", max_digits=12, decimal_places=2, null=True)
    state = models.CharField(
        "状态", max_length=10, choices=EntitlementState.choices, db_default=EntitlementState.DUE,
        default=EntitlementState.DUE,
    )  # fmt: skip
    # Listed in a batch: a recompute that disagrees writes an Adjustment, never this row.
    frozen = models.BooleanField("已列入发放", default=False, db_default=False)
    home_path = PathField()
    school_path = PathField()
    run = models.ForeignKey(ComputeRun, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    enrolment = models.ForeignObject(
        Enrolment, models.DO_NOTHING, from_fields=["term", "student"], to_fields=["term", "student"], related_name="+"
    )

    objects = scoped_manager(EntitlementQuerySet)

    class Meta:
        verbose_name = "应享"
        indexes = [
            models.Index(fields=["term", "school_path"], name="entitlement_school"),
            models.Index(fields=["term", "home_path"], name="entitlement_home"),
        ]
        constraints = [models.CheckConstraint(condition=models.Q(amount__gte=0), name="entitlement_not_negative")]

    def __str__(self) -> str:
        return f"{self.term} {self.student_id} {self.benefit_id}"


class EntitlementChange(Scoped):
    """A row a run changed or withdrew; an added row carries its first run itself."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    run = models.ForeignKey(ComputeRun, models.CASCADE, related_name="changes")
    term = models.CharField("学期", max_length=11, db_collation="C")
    student = models.ForeignKey(Student, models.DO_NOTHING, related_name="+", db_constraint=False)
    benefit = models.ForeignKey(Benefit, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    old_rule = models.ForeignKey(Rule, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    new_rule = models.ForeignKey(
        Rule, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    old_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    new_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    home_path = PathField()
    school_path = PathField()

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "应享变动"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.student_id} {self.old_amount} → {self.new_amount}"

    @property
    def withdrawn(self) -> bool:
        return self.new_rule_id is None


class MissingFigure(Scoped):
    """An amount that can't be told because a figure is not set yet: no entitlement, but nobody is forgotten."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    pk = models.CompositePrimaryKey("term", "student_id", "rule_id")
    term = models.CharField("学期", max_length=11, db_collation="C")
    student = models.ForeignKey(Student, models.CASCADE, related_name="+")
    rule = models.ForeignKey(Rule, models.CASCADE, related_name="+")
    figure = models.CharField("缺少的数", max_length=40)
    home_path = PathField()
    school_path = PathField()

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "待补数据"

    def __str__(self) -> str:
        return f"{self.student_id} {self.figure}"


class Mark(models.Model):
    """A student whose facts changed since the term was last computed; written by statement triggers (migration 0002),
    once by every transaction that changes them, and consumed by a run in its own. Holds no personal data."""

    pk = models.CompositePrimaryKey("term", "student_id", "tx")
    term = models.CharField(max_length=11, db_collation="C")
    student_id = models.BigIntegerField()
    tx = models.BigIntegerField(db_default=models.Func(function="txid_current"))

    class Meta:
        verbose_name = "待重算"

    def __str__(self) -> str:
        return f"{self.term} {self.student_id}"


class RunPart(models.Model):
    """A part of the certificate as a run left it: what verify_run holds today's facts and results against."""

    run = models.ForeignKey(ComputeRun, models.CASCADE, related_name="parts")
    school = models.ForeignKey(School, models.CASCADE, related_name="+")
    home_county = PathField()
    facts_digest = models.BinaryField()
    result_digest = models.BinaryField()

    class Meta:
        verbose_name = "测算校验"
        constraints = [models.UniqueConstraint(fields=["run", "school", "home_county"], name="run_part_once")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.school_id} {self.home_county}"


class CertificatePart(models.Model):
    """Digests of one school's students of one home county in a term, from natural codes; a region's certificate is
    the digest over its parts. `stale` parts are computed again when next asked for."""

    pk = models.CompositePrimaryKey("term", "school_id", "home_county")
    term = models.CharField(max_length=11, db_collation="C")
    school = models.ForeignKey(School, models.CASCADE, related_name="+")
    home_county = PathField()
    students = models.IntegerField()
    lines = models.IntegerField()
    facts_digest = models.BinaryField()
    result_digest = models.BinaryField()

    class Meta:
        verbose_name = "结果校验"

    def __str__(self) -> str:
        return f"{self.term} {self.school_id} {self.home_county}"
