"""Words of the rules as codes."""

from __future__ import annotations

from django.db import models


class Jurisdiction(models.TextChoices):
    SCHOOL = "school", "学校所在地"
    HOUSEHOLD = "household", "家庭所在地"


class AmountKind(models.TextChoices):
    FIXED = "fixed", "固定标准"
    FLOOR = "floor", "不低于"
    CEILING = "ceiling", "不高于"
    SCHOOL_FEE = "school_fee", "按学校收费标准"
    NONE = "none", "实物或免费，不计金额"


class Period(models.TextChoices):
    SCHOOL_YEAR = "school_year", "每学年，秋春两季各半"
    TERM = "term", "每学期"
    SCHOOL_YEAR_ONCE = "school_year_once", "每学年一次，计在秋季"
    ONCE = "once", "入学当年秋季一次"


class Claim(models.TextChoices):
    AUTOMATIC = "automatic", "免申即享"
    APPLICATION = "application", "申请后发放"


class Delivery(models.TextChoices):
    CASH = "cash", "发放到卡"
    FEE_WAIVER = "fee_waiver", "减免，与学校结算"
    IN_KIND = "in_kind", "实物或免费"
    LOAN = "loan", "贷款（可申请）"


class EntitlementState(models.TextChoices):
    DUE = "due", "应享"
    SUSPENDED = "suspended", "暂停"
    NOT_PAID = "not_paid", "不发放"


# The words officials use for them; "may claim" benefits stay outside the 应助 figures and are never summed with grants.
MAY_CLAIM = (Delivery.LOAN,)
