"""放弃: a family does not want what a child is due; a fact of its term, which every recompute reads."""

from __future__ import annotations

from django.db import models
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

from aidcases.scoping import HOME, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from aidcases.terms import Term
from students.models import Student
from subsidies.models.rules import Benefit


class RefusalQuerySet(ScopedQuerySet):
    def standing(self, term: Term) -> RefusalQuerySet:
        """Of each child and benefit what was said last, where that was no."""
        of, outer = Coalesce("benefit", Value(0)), Coalesce(OuterRef("benefit"), Value(0))
        said = self.model.objects.filter(term=term.code, student=OuterRef("student"))
        last = said.annotate(of=of).filter(of=outer).order_by("-pk").values("pk")[:1]
        return self.filter(term=term.code, active=True, pk=Subquery(last))


class Refusal(Scoped):
    """What a family said of one benefit in a term, or (no benefit) of whatever its need gives: what everybody gets, and
    loans, are not meant. Rows are only added: the last one of a child, term and benefit stands; `active` False is a
    refusal taken back. What a batch has listed stays listed."""

    OWNER_PATHS = {SCHOOL: "school_path", HOME: "home_path"}

    student = models.ForeignKey(Student, models.PROTECT, related_name="refusals")
    term = models.CharField("学期", max_length=11, db_collation="C")
    benefit = models.ForeignKey(Benefit, models.PROTECT, null=True, related_name="+", verbose_name="资助项目")
    active = models.BooleanField("放弃", default=True)
    why = models.CharField("原因", max_length=200, default="", blank=True)
    home_path = PathField()
    school_path = PathField()
    set_by = models.CharField("登记人", max_length=120)
    set_at = models.DateTimeField("登记时间", db_default=models.functions.Now())

    objects = scoped_manager(RefusalQuerySet)

    class Meta:
        verbose_name = "放弃资助"
        ordering = ["-pk"]
        indexes = [models.Index(fields=["term", "student"], name="refusal_term")]

    def __str__(self) -> str:
        return f"{self.student_id} {self.term} {self.benefit or '全部'}"
