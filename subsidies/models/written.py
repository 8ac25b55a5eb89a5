"""What rows that somebody writes down have in common: who wrote them and when; and the row that ends something."""

from __future__ import annotations

from django.db import models

from aidcases.scoping import Scoped


class Written(Scoped):
    """Written down by somebody, and never rewritten."""

    made_by = models.CharField("登记人", max_length=120)
    made_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        abstract = True


class Ending(Written):
    """Dates start: something stands until a row of its own ends it from a day on, for a reason."""

    from_on = models.DateField("结束日期")
    why = models.CharField("结束原因", max_length=200)

    class Meta:
        abstract = True
