"""Reasons and decisions in a clerk's words."""

from __future__ import annotations

from students.models.reviews import Outcome

REASON_LABELS = {
    "name": "姓名不一致",
    "repeated": "同一文件里重复",
    "school stage": "学校没有这个学段",
    "enrolled elsewhere": "在别处已有学籍",
    "school of another office": "学校由别的单位管理",
    "school elsewhere": "学校由别的单位管理（学籍、在校）",
    "region of another office": "行政区划不归本单位",
    "home elsewhere": "户籍在别处",
    "household elsewhere": "已是别县的困难户",
    "village elsewhere": "村不归本单位",
    "not enrolled": "这所学校没有他的学籍",
}

# (reason, outcome) → what it does; {name}: the row's, {standing}: the one that stands.
_LABELS = {
    ("name", Outcome.ROW): "以这一行的姓名为准{name}：内容入库；写着别的姓名的行转为待核对",
    ("name", Outcome.KNOWN): "是同一个人，姓名不变{standing}：这一行的内容入库",
    ("name", Outcome.REFUSE): "不采用这一行：号码或姓名写错了",
    ("repeated", Outcome.ROW): "以这一行为准：同一文件里这个人的其他行不采用",
    ("repeated", Outcome.REFUSE): "不采用这一行：保留文件里先出现的那一行",
    ("school stage", Outcome.ROW): "年级没有错：照这一行入库",
    ("enrolled elsewhere", Outcome.ROW): "学生现在在这一行的学校：学籍转到这里",
    ("school elsewhere", Outcome.ROW): "照这一行登记到对方管理的学校",
    ("school of another office", Outcome.ROW): "照这一行修改学校的信息",
    ("region of another office", Outcome.ROW): "照这一行登记到对方的地区",
    ("home elsewhere", Outcome.ROW): "照这一行入库：户籍在别处，也由本单位登记",
    ("household elsewhere", Outcome.ROW): "照这一行入库：户或低保、特困已转到本县",
    ("village elsewhere", Outcome.ROW): "照这一行登记到对方的村",
    ("not enrolled", Outcome.REFUSE): "不采用这一行。他若在这所学校，请先导入学籍信息，再导入一次考勤",
}
_OTHERWISE = {
    Outcome.ROW: "照这一行入库",
    Outcome.KNOWN: "照这一行入库，姓名不变{standing}",
    Outcome.REFUSE: "不采用这一行",
}


def outcome_label(reason: str, outcome: str, name: str, standing: str) -> str:
    """What a decision means for a row that waits for the reason."""
    text = _LABELS.get((reason, Outcome(outcome))) or _OTHERWISE[Outcome(outcome)]
    return text.format(name=f"“{name}”" if name else "", standing=f"“{standing}”" if standing else "")
