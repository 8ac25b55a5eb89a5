"""Words of the rules as codes."""

from __future__ import annotations

from django.db import models


class Jurisdiction(models.TextChoices):
    SCHOOL = "school", "学校所在地"
    HOUSEHOLD = "household", "家庭所在地"


# The path of a student that decides which regions' packs and figures apply.
PATH_OF = {Jurisdiction.SCHOOL: "school_path", Jurisdiction.HOUSEHOLD: "household_path"}


class CutOff(models.TextChoices):
    ANY_DAY = "any_day", "学期内任何一天"
    FIRST_DAY = "first_day", "学期第一天"


class Level(models.TextChoices):
    """家庭经济困难学生认定; not hard is a real value: it sets back who was aided last term."""

    SPECIAL = "special", "特别困难"
    HARD = "hard", "困难"
    ORDINARY = "ordinary", "一般困难"
    NONE = "none", "不困难"


class DeterminedBy(models.TextChoices):
    DATA_MATCH = "data_match", "数据比对"
    APPLICATION = "application", "审批通过的申请"


class AreaKind(models.TextChoices):
    PILOT = "pilot", "营养改善计划试点地区"
    ORIGIN = "origin", "南部山区、移民区等生源地"


class AmountKind(models.TextChoices):
    FIXED = "fixed", "固定标准"
    FLOOR = "floor", "不低于"
    CEILING = "ceiling", "不高于"
    SCHOOL_FEE = "school_fee", "按学校收费标准"
    TIER = "tier", "按困难等级分档"
    PER_DAY = "per_day", "按天"
    DISCRETIONARY = "discretionary", "评定后确定"
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
