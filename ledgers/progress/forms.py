"""Forms of the work's progress: lines, tasks, months, figures by hand, targets, talks."""

from __future__ import annotations

from typing import Any

from django import forms

from aidcases.models import Organisation, Region
from ledgers.models import NamedArea, WorkLine
from ledgers.models.goals import AgeGroup
from ledgers.models.progress import Unit
from ledgers.progress.goals import GOALS
from ledgers.progress.sources import SOURCES
from subsidies.models import Benefit

CHOOSE = ("", "请选择")


def day(label: str, **also: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"), **also)


def words(label: str, longest: int, rows: int = 0, **also: Any) -> forms.CharField:
    widget = forms.Textarea({"rows": rows}) if rows else forms.TextInput({"autocomplete": "off"})
    return forms.CharField(label=label, max_length=longest, widget=widget, **also)


def number(label: str, **also: Any) -> forms.DecimalField:
    return forms.DecimalField(label=label, max_digits=14, decimal_places=2, min_value=0, **also)


class LineForm(forms.Form):
    """A line of work of a year."""

    year = forms.IntegerField(label="年度", min_value=2015, max_value=2100)
    name = words("工作线", 40, help_text="例如：学生资助、控辍保学、职业教育、基础设施。")
    document = words("政策依据（文号）", 120, help_text="写明文件名和文号。")


class ChangeForm(forms.Form):
    """What may be changed of a task later; fewer fields for its owner than for who gave it."""

    title = words("工作任务", 120)
    document = words("政策依据（文号）", 120, required=False, help_text="与工作线的文件不同时填写。")
    target = number("目标")
    due_on = day("完成时限")
    person = words("责任人", 40, required=False)
    money = words("资金来源", 120, required=False, help_text="例如：中央和省级专项、县级财政。")
    allotted_on = day("资金下达时间", required=False)
    transferred_on = day("资金拨付时间", required=False)
    paid_on = day("资金发放时间", required=False)
    note = words("备注", 200, required=False)

    def __init__(self, *args: Any, only: tuple[str, ...] = (), **kwargs: Any):
        super().__init__(*args, **kwargs)
        for name in [name for name in self.fields if only and name not in only]:
            del self.fields[name]


class TaskForm(ChangeForm):
    """A task as it is given, to one or more offices."""

    line = forms.ModelChoiceField(label="工作线", queryset=WorkLine.objects.none(), empty_label="请选择")
    offices = forms.ModelMultipleChoiceField(
        label="责任单位", queryset=Organisation.objects.none(), widget=forms.CheckboxSelectMultiple,
        help_text="选几个单位就下达几项，目标相同；各单位目标不同的，下达后在任务里改。",
    )  # fmt: skip
    unit = forms.ChoiceField(label="目标的单位", choices=[CHOOSE, *Unit.choices])
    source = forms.ChoiceField(
        label="数字来源", required=False,
        choices=[("", "由责任单位每月填报"), *((each.code, f"系统统计：{each.label}") for each in SOURCES.values())],
        help_text="选系统统计的，完成数由系统按日期数出来，可以点开看名单，不用填报。",
    )  # fmt: skip
    benefit = forms.ChoiceField(label="只统计一个资助项目", required=False, choices=[])
    field_order = (
        "line", "title", "document", "offices", "person", "target", "unit", "source", "benefit", "due_on", "money",
        "allotted_on", "transferred_on", "paid_on", "note",
    )  # fmt: skip

    def __init__(self, *args: Any, lines: Any, offices: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["line"].queryset = lines
        self.fields["line"].label_from_instance = lambda line: f"{line.year} 年 {line.name}（{line.document}）"
        self.fields["offices"].queryset = offices
        self.fields["benefit"].choices = [("", "全部资助项目"), *Benefit.objects.values_list("code", "name")]


class MonthForm(forms.Form):
    """A month of a task. Without `done` where the system counts."""

    month = forms.ChoiceField(label="月份")
    done = number("本月完成", required=False)
    problem = words("存在问题", 400, rows=2, required=False)
    remedy = words("整改措施", 400, rows=2, required=False)

    def __init__(self, *args: Any, months: list[str], unit: str, counted: bool, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["month"].choices = [(month, f"{month[:4]} 年 {int(month[5:])} 月") for month in reversed(months)]
        self.fields["done"].label = f"本月完成（{unit}）"
        self.fields["done"].required = not counted
        if counted:
            del self.fields["done"]


class AgeForm(forms.Form):
    """适龄人口 of an age group."""

    ages = forms.ChoiceField(label="年龄段（8 月 31 日的周岁）", choices=[CHOOSE, *AgeGroup.choices])
    area = forms.ModelChoiceField(
        label="乡镇名单", queryset=NamedArea.objects.none(), required=False, empty_label="全县",
        help_text="只有 3—5 周岁可以按乡镇名单填报。",
    )  # fmt: skip
    number = forms.IntegerField(label="适龄人口（人）", min_value=1, max_value=50_000_000)
    enrolled = forms.IntegerField(
        label="在校（园）人数（人）", min_value=0, max_value=50_000_000, required=False,
        help_text="系统里登记不全的填这里（例如按教育事业统计）；不填就按系统里的学籍统计。净入学率总按系统统计。",
    )  # fmt: skip
    as_of = day("数据截止日期")
    source = words("数据来源", 120, help_text="例如：县公安局户籍人口、县教育事业统计。")

    def __init__(self, *args: Any, areas: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["area"].queryset = areas


class GoalForm(forms.Form):
    """A target for counties."""

    indicator = forms.ChoiceField(label="指标", choices=[CHOOSE, *((code, goal.label) for code, goal in GOALS.items())])
    target = forms.DecimalField(label="目标（%）", min_value=0, max_value=200, decimal_places=2)
    regions = forms.ModelMultipleChoiceField(
        label="县区", queryset=Region.objects.none(), widget=forms.CheckboxSelectMultiple
    )
    document = words("依据（文号）", 120, required=False)

    def __init__(self, *args: Any, regions: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["regions"].queryset = regions


class AreaForm(forms.Form):
    """A named list of townships."""

    name = words("名称", 40, help_text="例如：贫困乡镇。同名的会按新的乡镇更新。")
    codes = forms.MultipleChoiceField(label="乡镇", choices=[], widget=forms.CheckboxSelectMultiple)
    document = words("依据（文号）", 120, required=False)

    def __init__(self, *args: Any, townships: list[tuple[str, str]], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["codes"].choices = townships


class TalkForm(forms.Form):
    """约谈."""

    office = forms.ModelChoiceField(label="被约谈单位", queryset=Organisation.objects.none(), empty_label="请选择")
    held_on = day("约谈日期")
    held_by = words("约谈人", 60)
    people = words("被约谈人", 120)
    about = words("约谈事由", 200, rows=2)
    minutes = words("谈话记录", 4000, rows=6)
    result = words("要求和结果", 400, rows=3)
    due_on = day("限期整改到", required=False, help_text="填了日期，就同时下达一项限期整改，到期没有报告会提醒上级。")

    def __init__(self, *args: Any, offices: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["office"].queryset = offices
