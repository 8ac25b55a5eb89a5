"""Forms of plans, of their measures and of what is known of children who study elsewhere."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from subsidies.giving.forms import money, on_day, words
from subsidies.models import PlanChild
from subsidies.models.plans import Aided, AwayReason, CheckedHow, MeasureKind, Result
from subsidies.plans.families import COSTS

CHOOSE = ("", "请选择")


class PlanForm(forms.Form):
    """A plan without its lines."""

    cause = words("主要致贫原因", 60, required=False, help_text="来自贫困名单，可以更正。写“因学”的列入因学致贫台账。")
    second_cause = words("次要致贫原因", 60, required=False)
    income_per_head = forms.DecimalField(
        label="家庭人均纯收入（元/年）", max_digits=10, decimal_places=2, min_value=0, required=False
    )
    owner = words("帮扶责任人", 60, required=False, help_text="开始执行前要填。")
    owner_unit = words("责任人单位和职务", 80, required=False)
    seen = forms.CharField(required=False, widget=forms.HiddenInput)


class CostForm(forms.Form):
    """A child's costs of the school year; empty: not known yet."""

    fees = money("学费、书本费", min_value=0, required=False)
    board = money("住宿、伙食费", min_value=0, required=False)
    travel = money("交通费", min_value=0, required=False)

    def __init__(self, *args: Any, line: PlanChild, **kwargs: Any):
        self.line = line
        initial = {name: getattr(line, name) for name in COSTS}
        super().__init__(*args, prefix=f"c{line.pk}", initial=initial, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs["aria-label"] = f"{line.student.person.name}的{self.fields[name].label}（元/学年）"


class MeasureForm(forms.Form):
    """A new measure."""

    kind = forms.ChoiceField(label="措施类型", choices=MeasureKind.choices)
    what = words("具体做什么", 200, help_text="给某个孩子的措施，孩子的学校也看得到，不要写家庭情况。")
    student = forms.TypedChoiceField(label="给谁", coerce=int, empty_value=None, required=False)
    owner = words("责任人", 60)
    due_on = on_day("完成期限")

    def __init__(self, *args: Any, lines: list[PlanChild], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["student"].choices = [
            ("", "全家"),
            *((line.student_id, line.student.person.name) for line in lines),
        ]


class FinishForm(forms.Form):
    """A measure that is done, or will not be."""

    done_on = on_day("办结日期")
    effect = words("办理结果", 200, help_text="没有办成的，写明原因。")


class ReviewForm(forms.Form):
    """What a plan has brought."""

    result = forms.ChoiceField(label="评估结果", choices=Result.choices)
    effect = words("帮扶成效", 300, rows=3)
    reviewed_on = on_day("评估日期")


class OwnerForm(forms.Form):
    """A helper for all plans of the list that have none."""

    owner = words("帮扶责任人", 60)
    unit = words("单位和职务", 80, required=False)


class AwayForm(forms.Form):
    """What is known of one child."""

    reason = forms.ChoiceField(label="外出就读原因", choices=[CHOOSE, *AwayReason.choices], required=False)
    aided = forms.ChoiceField(label="就读地是否享受资助", choices=[("", "还不清楚"), *Aided.choices], required=False)
    item = words("就读地资助项目", 60, required=False)
    yuan = money("就读地资助金额（元，本学期）", min_value=Decimal(0), required=False)
    proof_on = on_day("在读证明日期", required=False)
    proof = forms.FileField(label="在读证明", required=False, help_text="照片或 PDF，10 MB 以内，加密保存。")
    how = forms.ChoiceField(label="核实方式", choices=[CHOOSE, *CheckedHow.choices], required=False)
    checked_by = words("核实人", 60, required=False)
    checked_on = on_day("核实日期", required=False)
    note = words("备注", 200, required=False)
    seen = forms.CharField(required=False, widget=forms.HiddenInput)


class CheckAllForm(forms.Form):
    """One check for all children of the list."""

    how = forms.ChoiceField(label="核实方式", choices=[CHOOSE, *CheckedHow.choices])
    checked_by = words("核实人", 60)
    checked_on = on_day("核实日期")
    reason = forms.ChoiceField(label="外出就读原因", choices=[CHOOSE, *AwayReason.choices], required=False,
                               help_text="已经写了原因的不改。")  # fmt: skip
