"""Words of the field as codes: stages, categories, sources, name authority."""

from __future__ import annotations

from django.db import models


class Stage(models.TextChoices):
    PRESCHOOL = "preschool", "学前教育"
    PRIMARY = "primary", "小学"
    JUNIOR = "junior", "初中"
    SENIOR = "senior", "普通高中"
    SECONDARY_VOCATIONAL = "secondary_vocational", "中等职业"
    HIGHER_VOCATIONAL = "higher_vocational", "高等职业"
    UNDERGRADUATE = "undergraduate", "本科"
    POSTGRADUATE = "postgraduate", "研究生"
    SPECIAL_EDUCATION = "special_education", "特殊教育"


COLLEGE_STAGES = (Stage.HIGHER_VOCATIONAL, Stage.UNDERGRADUATE, Stage.POSTGRADUATE)


class Category(models.TextChoices):
    """Hardship categories. Data with dates, never a column of the student: the list changes by law."""

    REGISTERED_POOR = "registered_poor", "建档立卡（脱贫户）"
    MONITORED_UNSTABLE = "monitored_unstable", "脱贫不稳定户"
    MONITORED_MARGINAL = "monitored_marginal", "边缘易致贫户"
    MONITORED_SUDDEN = "monitored_sudden", "突发严重困难户"
    DIBAO_RURAL = "dibao_rural", "农村低保"
    DIBAO_URBAN = "dibao_urban", "城市低保"
    TEKUN_RURAL = "tekun_rural", "农村特困供养"
    TEKUN_URBAN = "tekun_urban", "城市特困供养"
    ORPHAN = "orphan", "孤儿"
    UNSUPPORTED_CHILD = "unsupported_child", "事实无人抚养儿童"
    DISABLED = "disabled", "残疾"


class RosterKind(models.TextChoices):
    """The rosters offices import."""

    SCHOOLS = "schools", "学校名录"
    POVERTY = "poverty", "建档立卡贫困人口"
    ROLL = "roll", "学籍信息"
    COLLEGE = "college", "高校就读学生"
    DIBAO = "dibao", "低保名单"
    TEKUN = "tekun", "特困供养名单"
    DISABLED = "disabled", "残疾人名单"
    POPULATION = "population", "户籍适龄人口"
    PRESENT = "present", "在校学生"
    ORPHANS = "orphans", "孤儿和事实无人抚养儿童"
    ATTENDANCE = "attendance", "考勤"
    STUDENTS = "students", "学生名单（通用）"
    APPLICATIONS = "applications", "困难认定申请表"
    EDITS = "edits", "数据版回传"


# Whose word on a person's name counts more: roll or college list > poverty register > other lists.
# A name known only as somebody's guardian or head has no authority of its own.
NAME_AUTHORITY = {
    RosterKind.ROLL: 3,
    RosterKind.COLLEGE: 3,
    RosterKind.POVERTY: 2,
    RosterKind.DIBAO: 1,
    RosterKind.TEKUN: 1,
    RosterKind.DISABLED: 1,
    RosterKind.POPULATION: 1,
    RosterKind.PRESENT: 1,
    RosterKind.ORPHANS: 1,
    RosterKind.ATTENDANCE: 1,
    RosterKind.STUDENTS: 1,
}

GRADE_LABELS: dict[str, tuple[str, ...]] = {
    Stage.PRESCHOOL: ("小班", "中班", "大班"),
    Stage.PRIMARY: ("一年级", "二年级", "三年级", "四年级", "五年级", "六年级"),
    Stage.JUNIOR: ("七年级", "八年级", "九年级"),
    Stage.SENIOR: ("高一", "高二", "高三"),
    Stage.SECONDARY_VOCATIONAL: ("中职一年级", "中职二年级", "中职三年级"),
    Stage.HIGHER_VOCATIONAL: ("大一", "大二", "大三"),
    Stage.UNDERGRADUATE: ("大一", "大二", "大三", "大四", "大五"),
    Stage.POSTGRADUATE: ("研一", "研二", "研三"),
    Stage.SPECIAL_EDUCATION: ("一年级", "二年级", "三年级", "四年级", "五年级", "六年级", "七年级", "八年级", "九年级"),
}


def grade_label(stage: str, grade: int | None) -> str:
    """小班, 三年级, 高二 … for a stage and a grade counted from 1."""
    labels = GRADE_LABELS.get(stage, ())
    return labels[grade - 1] if grade and 0 < grade <= len(labels) else (f"{grade} 年级" if grade else "—")
