"""Words of the reporting upwards: rhythms, how a handed-up ledger stands."""

from __future__ import annotations

from django.db import models


class Rhythm(models.TextChoices):
    """How often a ledger goes up. EXTRA: asked for once, outside the schedule."""

    MONTH = "month", "月报"
    QUARTER = "quarter", "季报"
    TERM = "term", "学期报"
    HALF = "half", "半年报"
    SCHOOL = "school", "学年报"
    YEAR = "year", "年报"
    EXTRA = "extra", "临时上报"


class Counted(models.TextChoices):
    """From which end of a period the days to its deadline are counted."""

    FIRST = "first", "期初后"
    LAST = "last", "期满后"


class SubmissionState(models.TextChoices):
    SUBMITTED = "submitted", "已上报，待接收"
    ACCEPTED = "accepted", "已接收"
    RETURNED = "returned", "已退回"
    REPLACED = "replaced", "已被更正"


STANDING = (SubmissionState.SUBMITTED, SubmissionState.ACCEPTED)
