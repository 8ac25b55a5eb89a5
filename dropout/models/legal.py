"""依法控辍: the four steps, their numbered papers and receipts. 复学以后: where the child sits and how it will catch up."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from aidcases.models import School
from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager
from dropout.enums import LegalKind, Paper, PlacementKind, Serving
from dropout.models.cases import OfCase


class PaperNumber(Scoped):
    """The last number given to a paper of an office in a year: 榆教控责〔2018〕3号. `prefix` is what stands before the year,
    the same in the next one unless it is written otherwise."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    paper = models.CharField(max_length=14, choices=Paper.choices)
    year = models.SmallIntegerField()
    prefix = models.CharField("文号字头", max_length=20, default="")
    last = models.IntegerField(default=0)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "文书编号"
        constraints = [models.UniqueConstraint(fields=["path", "paper", "year"], name="one_count_a_paper_and_year")]

    def __str__(self) -> str:
        return f"{self.paper} {self.year} {self.last}"


class LegalStep(OfCase):
    """A step that was taken. 行政处罚 needs a local basis: the law itself knows none for parents (义务教育法 第五十八条).
    `path`: of the office that took it and gives the number."""

    path = PathField()
    step = models.SmallIntegerField("步骤", choices=LegalKind.choices)
    round = models.SmallIntegerField("第几次", default=1)  # the case's round: a child that leaves again is ordered again
    paper = models.CharField("文书", max_length=14, choices=Paper.choices, default="", blank=True)
    number = models.CharField("文书编号", max_length=60, default="", blank=True)
    basis = models.CharField("依据", max_length=200, default="", blank=True)
    issuer = models.CharField("作出单位", max_length=80)  # of a suit: the plaintiff, the township's government
    addressee = models.CharField("送达对象", max_length=60, default="", blank=True)
    issued_on = models.DateField("日期")
    deadline_on = models.DateField("限期至", null=True)
    text = models.CharField("说明", max_length=400, default="", blank=True)
    served_on = models.DateField("送达日期", null=True)
    served_how = models.CharField("送达方式", max_length=10, choices=Serving.choices, default="", blank=True)
    served_by = models.CharField("送达人", max_length=60, default="", blank=True)
    received_by = models.CharField("签收人或见证人", max_length=60, default="", blank=True)
    outcome = models.CharField("结果", max_length=200, default="", blank=True)
    made_by = models.CharField("经办人", max_length=120)
    made_at = models.DateTimeField(db_default=models.functions.Now())

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "法律程序"
        ordering = ["round", "step", "pk"]
        constraints = [
            models.CheckConstraint(name="penalty_has_a_basis", condition=~Q(step=3) | ~Q(basis="")),
            models.CheckConstraint(name="paper_has_a_number", condition=Q(paper="") | ~Q(number="")),
            models.CheckConstraint(
                name="served_says_how",
                condition=Q(served_on=None) | (~Q(served_how="") & ~Q(served_by="") & ~Q(received_by="")),
            ),
            models.UniqueConstraint(fields=["path", "number"], condition=~Q(number=""), name="paper_number_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_step_display()} {self.number}"


class Placement(OfCase):
    """安置 from a day, with the child's own study plan; the last one not after a day is in force."""

    kind = models.CharField("安置方式", max_length=14, choices=PlacementKind.choices)
    school = models.ForeignKey(School, models.PROTECT, related_name="+", verbose_name="安置学校")
    class_name = models.CharField("班级", max_length=40, default="", blank=True)
    from_on = models.DateField("起")
    plan = models.TextField("学习计划")
    mentor = models.CharField("帮扶教师", max_length=60)
    # Of 普职融合: the vocational school's certificate that the child is there (and not in neither school).
    certificate = models.CharField("职校在读证明", max_length=100, default="", blank=True)
    made_by = models.CharField("登记人", max_length=120)
    made_at = models.DateTimeField(db_default=models.functions.Now())

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "安置"
        ordering = ["-from_on", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["case", "from_on"], name="placement_starts_once"),
            models.CheckConstraint(
                name="vocational_has_a_certificate", condition=~Q(kind="vocational") | ~Q(certificate="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.from_on}"
