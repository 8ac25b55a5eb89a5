"""The kinds of rosters as data: which headings mean which field, and which keys of `data` come of them."""

from __future__ import annotations

from functools import partial

from students.imports import cells, words
from students.imports.applied import APPLICATIONS
from students.imports.columns import (
    Fact,
    Kind,
    attended,
    column,
    day_fact,
    household,
    identified,
    income,
    lenient,
    month,
    one,
    period,
    risk,
    school_code,
    school_said,
    text_fact,
)
from students.imports.edited import EDITS

NAME = "姓名 学生姓名 名字"
ID = (
    "身份证件号 身份证号 身份证号码 身份证件号码 证件号码 证件号 公民身份号码 公民身份证号码 公民身份证号 "
    "居民身份证号 身份证"
)
PHONE = "联系电话 电话 手机号码 手机号 手机 联系方式 家长电话 监护人电话 本人联系电话"
GUARDIAN_NAME = "成员1姓名 家庭成员1姓名 成员一姓名 家庭成员一姓名 监护人姓名 家长姓名 监护人 家长 父母姓名"
_GUARDIANS = "成员1 家庭成员1 成员一 家庭成员一 监护人 家长"
GUARDIAN_ID = " ".join(
    f"{who}{number}"
    for who in _GUARDIANS.split()
    for number in ("身份证件号", "身份证号", "身份证号码", "身份证件号码", "证件号码")
)
RELATION = "与户主关系 与户主的关系 户主关系 关系"
SCHOOL_CODE = "学校标识码 学校代码 学校编码 学校识别码"
HUKOU_CODE = "户口所在地行政区划 户口所在地行政区划代码 户籍行政区划 户籍行政区划代码 户籍地行政区划"
FROM_ON = "起始年月 起始时间 起始日期 享受起始年月 开始时间 开始日期 纳入时间 批准时间 起始"
UNTIL_ON = "截止年月 截止时间 截止日期 终止年月 终止时间 停保时间 截止"
AREA = "城乡类别 城乡属性 城乡类型 低保类别 城乡"

_PERSON = (column("name", NAME, True), column("id", ID, True))
_TOLD = (
    column("sex", "性别"),
    column("birth", "出生日期 出生年月"),
    column("id_type", "身份证件类型 证件类型"),
)
_HUKOU = (
    column("hukou_code", HUKOU_CODE),
    column("rural_hukou", "户口性质 户籍性质 户口类型 户口类别"),
    column("orphan", "是否孤儿 孤儿"),
)
_GUARDIAN = (column("guardian_name", GUARDIAN_NAME), column("second_id", GUARDIAN_ID))

_REGION = one("hukou_code", lenient(cells.region), blank="")

SCHOOLS = Kind(
    "schools",
    "学校名录",
    (
        column("code", SCHOOL_CODE, True),
        column("name", "学校名称 单位名称 学校全称", True),
        column("stages", "学段 办学类型 学校类型 学校类别", True),
        column("region_code", "行政区划代码 行政区划 所属行政区划 行政区划码 所在地行政区划代码", True),
        column("public", "办学性质 办学类别 公办民办 公办/民办 举办者性质 举办者"),
        column("annual_fee", "学费标准 学费 收费标准 年学费"),
        column("rural_school", "办学所在地城乡分类 城乡类型 城乡分类 学校所在地城乡分类 城乡类别 所在地城乡类型"),
    ),
    (
        one("code", school_code, blank="", needed=True),
        text_fact("name", 60, needed=True),
        Fact(("stages",), words.stages),
        one("region_code", cells.region, blank="", needed=True),
        Fact(("public",), words.public),
        one("annual_fee", cells.money),
        Fact(("rural_school",), words.rural_school),
    ),
    people=False,
)

POVERTY = Kind(
    "poverty",
    "建档立卡贫困人口",
    (
        *_PERSON,
        column("household_number", "户编号 户编码", True),
        column("relation", RELATION),
        column("ethnicity", "民族"),
        column("studying", "在校生状况 在校生情况 在校状况"),
        column("health", "健康状况 身体状况"),
        column("household_size", "户人口数 人数 家庭人口数 家庭人口 户人数"),
        column("household_type", "户类型 贫困户属性"),
        column("exit_status", "脱贫属性"),
        column("cause", "主要致贫原因 致贫原因1 致贫原因"),
        column("phone", "人联系电话 本人联系电话 联系电话"),
        column("household_phone", "户联系电话 家庭联系电话"),
        column("identified_year", "识别年度 识别年份"),
        column("first_identified", "首次识别时间 首次识别日期"),
        column("monitored_type", "易返贫致贫户(监测对象)类型 监测对象类型 监测对象类别 监测类型"),
        column("risk_cleared", "风险是否消除 风险是否已消除 是否消除风险"),
        column("income_per_head", "人均纯收入 年人均纯收入 家庭人均纯收入"),
        column("data_on", "数据日期 数据时间"),
    ),
    (
        Fact(("household_number",), household),
        text_fact("relation", 20),
        text_fact("ethnicity", 20),
        text_fact("studying"),
        text_fact("health"),
        one("household_size", lenient(partial(cells.whole, most=99))),
        text_fact("household_type"),
        text_fact("exit_status"),
        text_fact("cause", 60),
        Fact(("first_identified", "identified_year"), identified),
        Fact(("household_type", "monitored_type"), words.poor_and_monitored, always=True),
        Fact(("risk_cleared",), risk),
        Fact(("income_per_head",), income),
    ),
    dated="data_on",
)

ROLL = Kind(
    "roll",
    "学籍信息",
    (
        *_PERSON,
        *_TOLD,
        column("number", "全国学籍号 学籍号 全国学籍编号"),
        column("school_code", SCHOOL_CODE, True),
        column("school_name", "学校名称 学校全称 学校"),
        column("grade", "年级 年级名称 所在年级", True),
        column("stage", "学段 教育阶段"),
        column("class_name", "班级 班级名称 班别"),
        column("boarding", "就读方式 是否住校 是否寄宿"),
        *_HUKOU,
        column("left_behind", "是否留守儿童 留守儿童"),
        column("disability_hint", "残疾类型 残疾类别 残疾情况"),
        column("entered_on", "入学年月 入学时间 入学日期"),
        column("ethnicity", "民族"),
        column("phone", PHONE),
        *_GUARDIAN,
        column(
            "guardian_relation",
            "成员1关系 家庭成员1关系 成员一关系 家庭成员一关系 监护人关系 与学生关系 家长关系 与监护人关系",
        ),
    ),
    (
        one("school_code", school_code, blank="", needed=True),
        text_fact("school_name", 60),
        Fact(("grade", "stage"), words.stage_and_grade),
        text_fact("class_name"),
        Fact(("boarding",), words.boarding),
        _REGION,
        Fact(("rural_hukou",), words.rural_hukou),
        Fact(("left_behind",), words.left_behind),
        Fact(("orphan",), words.orphan),
        Fact(("disability_hint",), words.disability_hint),
        day_fact("entered_on", strict=False),
        text_fact("ethnicity", 20),
        text_fact("guardian_name", 60),
        text_fact("guardian_relation", 20),
    ),
)

COLLEGE = Kind(
    "college",
    "高校就读学生",
    (
        *_PERSON,
        *_TOLD,
        column("school_code", "院校代码 学校代码 高校代码 院校标识码 学校标识码", True),
        column("school_name", "院校名称 学校名称 高校名称 就读院校 就读学校"),
        column("stage", "层次 学历层次 培养层次 学段", True),
        column("grade", "年级 所在年级"),
        column("school_province", "院校所在省 学校所在省 院校所在省份 学校所在省份 院校所在地 学校所在地"),
        *_HUKOU,
        column("phone", PHONE),
        *_GUARDIAN,
    ),
    (
        one("school_code", school_code, blank="", needed=True),
        text_fact("school_name", 60),
        Fact(("stage",), words.stage),
        Fact(("grade",), words.college_grade),
        Fact(("school_province",), words.school_province),
        _REGION,
        Fact(("rural_hukou",), words.rural_hukou),
        Fact(("orphan",), words.orphan),
        text_fact("guardian_name", 60),
    ),
)

DIBAO = Kind(
    "dibao",
    "低保名单",
    (
        column("name", f"成员姓名 家庭成员姓名 保障对象姓名 {NAME}", True),
        column("id", f"成员证件号码 成员身份证号 成员身份证号码 成员身份证件号 保障对象身份证号 {ID}", True),
        column("head_name", "户主姓名 户主 申请人姓名"),
        column("second_id", "户主证件号码 户主身份证号 户主身份证号码 户主身份证件号 户主证件号"),
        column("relation", RELATION),
        column("class", "保障类别 保障类型 低保等级 保障等级"),
        column("rural", AREA, True),
        column("monthly_amount", "月保障金 保障金额 月保障金额 月补助金额 保障金"),
        column("from_on", FROM_ON),
        column("until_on", UNTIL_ON),
        column("phone", PHONE),
    ),
    (
        text_fact("head_name", 60),
        text_fact("relation", 20),
        text_fact("class"),
        Fact(("rural",), words.rural),
        one("monthly_amount", lenient(cells.money)),
        day_fact("from_on"),
        day_fact("until_on", end=True),
        Fact(("from_on", "until_on"), period),
    ),
)

TEKUN = Kind(
    "tekun",
    "特困供养名单",
    (
        *_PERSON,
        column("rural", AREA, True),
        column("support_form", "供养方式 供养类型 供养形式"),
        column("from_on", FROM_ON),
        column("until_on", UNTIL_ON),
        column("phone", PHONE),
    ),
    (
        Fact(("rural",), words.rural),
        text_fact("support_form"),
        day_fact("from_on"),
        day_fact("until_on", end=True),
        Fact(("from_on", "until_on"), period),
    ),
)

DISABLED = Kind(
    "disabled",
    "残疾人名单",
    (
        *_PERSON,
        column("number", "残疾证号 残疾人证号 残疾证号码 残疾人证号码 残疾证编号"),
        column("disability_kind", "残疾类别 残疾类型 类别"),
        column("disability_level", "残疾等级 残疾级别 等级"),
        column("until_on", "有效期至 有效期 有效期限 证件有效期 截止日期"),
        column("phone", PHONE),
    ),
    (text_fact("disability_kind"), text_fact("disability_level"), day_fact("until_on", end=True)),
    number="certificate",
)

POPULATION = Kind(
    "population",
    "户籍适龄人口",
    (
        *_PERSON,
        *_TOLD,
        column("village_name", "户籍村(社区) 户籍村 村(社区) 村社区 行政村"),
        column("hukou_code", f"{HUKOU_CODE} 行政区划代码", True),
        column("guardian_name", GUARDIAN_NAME),
        column("second_id", GUARDIAN_ID),
        column("phone", PHONE),
    ),
    (
        one("hukou_code", cells.region, blank="", needed=True),
        text_fact("village_name", 60),
        text_fact("guardian_name", 60),
    ),
)

PRESENT = Kind(
    "present",
    "在校学生",
    (
        *_PERSON,
        column("school_code", SCHOOL_CODE, True),
        column("grade_text", "年级 年级名称"),
        column("class_name", "班级 班级名称"),
        column("present", "是否在校 在校情况 是否到校", True),
        column("absence_reason", "未到校原因 不在校原因 未在校原因 原因"),
    ),
    (
        one("school_code", school_code, blank="", needed=True),
        text_fact("grade_text"),
        text_fact("class_name"),
        Fact(("present",), words.present),
        text_fact("absence_reason", 200),
    ),
)

ORPHANS = Kind(
    "orphans",
    "孤儿和事实无人抚养儿童",
    (
        column("name", f"儿童姓名 {NAME}", True),
        column("id", f"儿童身份证号 儿童身份证号码 儿童证件号码 {ID}", True),
        column("category", "类别 儿童类别 保障类别 儿童类型 人员类别 类型 对象类别", True),
        column("from_on", FROM_ON),
        column("until_on", UNTIL_ON),
        column("phone", PHONE),
    ),
    (
        Fact(("category",), words.child_category),
        day_fact("from_on"),
        day_fact("until_on", end=True),
        Fact(("from_on", "until_on"), period),
    ),
)

ATTENDANCE = Kind(
    "attendance",
    "考勤",
    (
        *_PERSON,
        column("school_code", SCHOOL_CODE, True),
        column("month", "月份 考勤月份 年月 所属月份", True),
        column("days_due", "应到天数 应出勤天数 应到校天数 应上课天数", True),
        column("days_absent", "缺勤天数 未到天数 缺课天数", True),
        column("days_unexcused", "旷课天数 其中旷课天数 无故缺勤天数"),
        column("reason", "原因 缺勤原因 缺课原因 备注"),
    ),
    (
        one("school_code", school_code, blank="", needed=True),
        one("month", month, blank="", needed=True),
        Fact(("days_due", "days_absent", "days_unexcused"), attended, always=True),
        text_fact("reason", 200),
    ),
)

STUDENTS = Kind(
    "students",
    "学生名单（通用）",
    (
        *_PERSON,
        column("school_code", SCHOOL_CODE),
        column("school_name", "学校名称 学校全称 学校 就读学校"),
        column("grade", "年级 年级名称 所在年级 就读年级", True),
        column("stage", "学段 教育阶段"),
        column("class_name", "班级 班级名称 班别"),
        column("boarding", "就读方式 是否住校 是否寄宿"),
        column("phone", PHONE),
    ),
    (
        Fact(("school_code", "school_name"), school_said, always=True),
        Fact(("grade", "stage"), words.stage_and_grade),
        text_fact("class_name"),
        Fact(("boarding",), words.boarding),
    ),
    either=("school_code", "school_name"),
)

KINDS = {
    kind.code: kind
    for kind in (
        SCHOOLS, POVERTY, ROLL, COLLEGE, DIBAO, TEKUN, DISABLED, POPULATION, PRESENT, ORPHANS, ATTENDANCE, STUDENTS,
        APPLICATIONS, EDITS,
    )
}  # fmt: skip
