"""Words of dropout prevention (控辍保学) as codes."""

from __future__ import annotations

from django.db import models


class CaseState(models.TextChoices):
    """The way of a case. A child that leaves school again goes on in the same case."""

    SUSPECTED = "suspected", "疑似"
    VERIFYING = "verifying", "核查中"
    FALSE_ALARM = "false_alarm", "已排除"
    CONFIRMED = "confirmed", "已确认辍学"
    PERSUADING = "persuading", "劝返中"
    LEGAL = "legal", "依法控辍"
    RETURNED = "returned", "已复学"
    PLACED = "placed", "已安置"
    WATCHED = "watched", "稳控观察"
    CLOSED = "closed", "已销号"


class FoundBy(models.TextChoices):
    """发现方式."""

    COMPARISON = "comparison", "名单比对"
    ATTENDANCE = "attendance", "考勤"
    WARNING = "warning", "预警"
    HOUSEHOLD = "household", "入户摸排"
    TIP = "tip", "群众反映"


class DifferenceKind(models.TextChoices):
    """What a comparison of rosters finds (dropout.md); of one child in one term at most one."""

    NOT_ENROLLED = "not_enrolled", "有户籍无学籍"
    ABSENT = "absent", "有学籍不在校"
    OFF_ROSTER = "off_roster", "贫困户子女不在任何名单"


class Alarm(models.TextChoices):
    """核查结果: why a suspicion was none."""

    DEAD = "dead", "死亡"
    EMPTY_HUKOU = "empty_hukou", "空挂户"
    DOUBLE_HUKOU = "double_hukou", "双重户籍"
    WRONG_ID = "wrong_id", "身份证号或姓名错误"
    UNKNOWN_PERSON = "unknown_person", "查无此人"
    ENROLLED = "enrolled", "已在校有学籍"
    IN_PROVINCE = "in_province", "省内就读无学籍"
    OUT_OF_PROVINCE = "out_of_province", "省外就读无学籍"
    OVER_AGE = "over_age", "超龄离校"
    ABROAD = "abroad", "出国境"
    ILL = "ill", "因病因残／送教上门"
    MOVED_AWAY = "moved_away", "外出失联"
    DEFERRED = "deferred", "延缓入学"
    MISSING = "missing", "失踪"
    OTHER = "other", "其他"


class Cause(models.TextChoices):
    """辍学原因."""

    LEARNING = "learning", "学习困难或厌学"
    POVERTY = "poverty", "贫困"
    DISTANCE = "distance", "上学远"
    WORK = "work", "务工"
    MARRIAGE = "marriage", "早婚"
    ILLNESS = "illness", "疾病残疾"
    FAMILY = "family", "家庭变故"
    OTHER = "other", "其他"


class Seat(models.TextChoices):
    """三帮一 (the first three) and 双线七长: who answers for the child."""

    TEACHER = "teacher", "帮扶教师"
    CADRE = "cadre", "帮扶村干部"
    PARENT = "parent", "家长（监护人）"
    COUNTY_HEAD = "county_head", "县长"
    BUREAU_HEAD = "bureau_head", "教育局长"
    TOWNSHIP_HEAD = "township_head", "乡镇长"
    VILLAGE_HEAD = "village_head", "村长"
    PRINCIPAL = "principal", "校长"
    CLASS_TEACHER = "class_teacher", "班主任"


TEAM = (Seat.TEACHER, Seat.CADRE, Seat.PARENT)


class VisitKind(models.TextChoices):
    HOME = "home", "入户"
    PHONE = "phone", "电话"
    AWAY = "away", "外出"


class VisitResult(models.TextChoices):
    WILLING = "willing", "愿意返校"
    WAVERING = "wavering", "还在犹豫"
    REFUSED = "refused", "不愿返校"
    NOT_MET = "not_met", "没有见到"
    BACK = "back", "已经返校"
    ENROLLED = "enrolled", "核实在校就读"
    ABROAD = "elsewhere", "核实在外地就读"


class LegalKind(models.IntegerChoices):
    """依法控辍四步法, in order; 行政处罚 may be left out."""

    EDUCATION = 1, "宣传教育"
    ORDER = 2, "责令限期改正"
    PENALTY = 3, "行政处罚"
    COURT = 4, "司法起诉或强制执行"


class Paper(models.TextChoices):
    """文书."""

    RETURN_NOTICE = "return_notice", "限期复学通知书"
    ORDER = "order", "责令改正通知书"
    PENALTY = "penalty", "行政处罚决定书"
    COURT_LIST = "court_list", "起诉材料清单"


class Serving(models.TextChoices):
    """送达方式; whoever refuses is served by leaving the paper in front of a witness."""

    DIRECT = "direct", "直接送达"
    LEFT = "left", "留置送达（有见证人）"
    POST = "post", "邮寄送达"
    PASSED_ON = "passed_on", "转交送达"
    PUBLISHED = "published", "公告送达"


class PlacementKind(models.TextChoices):
    """安置方式."""

    CLASS = "class", "随班就读"
    OWN_CLASS = "own_class", "单独编班"
    VOCATIONAL = "vocational", "普职融合"
    HOME_TEACHING = "home_teaching", "送教上门"
    SPECIAL_SCHOOL = "special_school", "特校"


class Proof(models.TextChoices):
    """销号依据: what shows, beside our own word, that the child is in school."""

    ROLL = "roll", "学籍"
    ATTENDANCE = "attendance", "考勤"
    VISIT = "visit", "有时间地点照片的走访"
    NONE = "none", "无佐证"


class DeferralKind(models.TextChoices):
    LATER = "later", "延缓入学"
    LEAVE = "leave", "休学"


class WarningCode(models.TextChoices):
    """Named conditions of the early warning, each shown with the value that was seen."""

    ABSENCE = "absence", "缺勤天数"
    LATE = "late", "开学未报到天数"
    OVER_AGE = "over_age", "超过年级正常年龄（岁）"
    BEFORE = "before", "曾经辍学（次）"
    LEFT_BEHIND = "left_behind", "留守儿童"
    SIBLING = "sibling", "同户有人辍学（人）"
    HARDSHIP = "hardship", "困难类别（个）"
    EXAM = "exam", "不及格科目（门）"


class Cohort(models.TextChoices):
    """巩固率 of whom: from which intake to which graduates."""

    PRIMARY = "primary", "小学六年"
    JUNIOR = "junior", "初中三年"
    NINE = "nine", "九年义务教育"


class MeasureKind(models.TextChoices):
    """What is done for the child beside persuading."""

    LEARNING = "learning", "学习困难帮扶"
    LABOUR = "labour", "童工专项查处"
    AID = "aid", "资助落实"
    MIND = "mind", "心理辅导"
    OTHER = "other", "其他帮扶"


class CareKind(models.TextChoices):
    LEFT_BEHIND = "left_behind", "留守儿童"
    DISABLED = "disabled", "残疾儿童"
    MIGRANT = "migrant", "随迁子女"


class Rhythm(models.TextChoices):
    """四个一: who reports how often."""

    MONTH = "month", "学校月报"
    QUARTER = "quarter", "县季度复核"
    TERM = "term", "市学期调研"
    YEAR = "year", "省学年评估"


class ReportState(models.TextChoices):
    DUE = "due", "待上报"
    SUBMITTED = "submitted", "已上报"
    RETURNED = "returned", "退回修改"
    ACCEPTED = "accepted", "已接收"


class TaskState(models.TextChoices):
    """A rectification, a family's request, a tip: opened, answered by whoever it was given to, checked by another."""

    OPEN = "open", "待办理"
    DONE = "done", "已办理，待核"
    CLOSED = "closed", "已办结"


class Answerer(models.TextChoices):
    """Who answers the satisfaction survey."""

    PARENT = "parent", "家长"
    STUDENT = "student", "学生"
    OTHER = "other", "群众"


class Score(models.IntegerChoices):
    BEST = 5, "很满意"
    GOOD = 4, "满意"
    FAIR = 3, "一般"
    BAD = 2, "不满意"
    WORST = 1, "很不满意"


class Wish(models.TextChoices):
    """What the county should become better at."""

    TEACHING = "teaching", "教学和学习帮扶"
    AID = "aid", "资助落实"
    BOARDING = "boarding", "食宿和上下学"
    CARE = "care", "关心留守、残疾孩子"
    NOTHING = "nothing", "都很好"
