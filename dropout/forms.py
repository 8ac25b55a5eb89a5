"""Forms of a case's page: opening, the steps, a visit, a measure, a deferral."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone

from aidcases.flow import Refused
from dropout.enums import Cause, DeferralKind, FoundBy, MeasureKind, VisitKind, VisitResult


def day(label: str, **also: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **also)


def words(label: str, longest: int, *, rows: int = 0, hint: str = "", **also: Any) -> forms.CharField:
    attrs = {"autocomplete": "off"} | ({"placeholder": hint} if hint else {})
    widget = forms.Textarea({"rows": rows, **attrs}) if rows else forms.TextInput(attrs)
    return forms.CharField(label=label, max_length=longest, widget=widget, **also)


class OpenForm(forms.Form):
    """登记疑似辍学."""

    found_by = forms.ChoiceField(
        label="发现方式", choices=[pair for pair in FoundBy.choices if pair[0] != FoundBy.COMPARISON]
    )
    note = words(
        "怎么发现的", 200, rows=3, help_text="写清时间和情况，例如：9 月 3 日未报到，家里电话打不通。不写证件号码。"
    )


class ConfirmForm(forms.Form):
    """确认辍学."""

    left_on = day("辍学日期（最后一次到校的第二天）")
    cause = forms.ChoiceField(label="辍学原因", choices=[("", "请选择"), *Cause.choices])
    whereabouts = words("孩子现在在哪里", 100, required=False, hint="例如：在兰州一家餐馆打工")


class ReturnForm(forms.Form):
    """复学."""

    returned_on = day("复学日期")
    school = forms.CharField(label="复学学校")


class VisitForm(forms.Form):
    """A visit. Big fields in one column: it is filled in at the door, on a phone."""

    visited_at = forms.DateTimeField(
        label="时间", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"],
    )  # fmt: skip
    kind = forms.ChoiceField(label="方式", choices=VisitKind.choices)
    place = words("地点", 100, help_text="写到村、社、门牌号；电话联系的写“电话”。")
    people = words("参加人员", 200, hint="例如：班主任王老师、村干部李明")
    met = words("见到谁", 100, required=False, hint="例如：孩子本人和奶奶")
    said = words("过程和家长意见", 4000, rows=5, help_text="不要写证件号码和电话。")
    result = forms.ChoiceField(label="结果", choices=[("", "请选择"), *VisitResult.choices])
    next_step = words("下一步", 200, required=False, hint="例如：周五和村主任一起再去")
    next_on = day("下次走访", required=False)


class MeasureForm(forms.Form):
    """帮扶措施."""

    kind = forms.ChoiceField(label="措施", choices=MeasureKind.choices)
    done_on = day("日期")
    done_by = words("办理人", 60)
    text = words("做了什么", 400, rows=3)
    effect = words("结果", 200, required=False)
    workplace = words("用工单位", 100, required=False, help_text="童工专项查处时必填：单位名称和地址。")


class DeferralForm(forms.Form):
    """延缓入学 or 休学 as it was approved."""

    kind = forms.ChoiceField(label="种类", choices=DeferralKind.choices)
    from_on = day("起")
    until_on = day("止（含当日）")
    reason = words("原因", 200, rows=2, help_text="监护人申请的原因，例如：身体原因，附医院证明。")
    approved_by = words("批准单位", 80, help_text="乡镇人民政府或县教育局（义务教育法 第十一条）。")
    document = words("批准文号", 60, required=False)
    approved_on = day("批准日期")
    papers = forms.FileField(
        label="申请和批准文件", required=False, help_text="照片或 PDF，10 MB 以内；没有文号的必须上传。",
        widget=forms.ClearableFileInput(attrs={"accept": "image/jpeg,image/png,application/pdf"}),
    )  # fmt: skip


def now_local() -> str:
    return f"{timezone.localtime():%Y-%m-%dT%H:%M}"


def read_day(text: str, what: str) -> date:
    """A day of a small form without a page of its own. Raises Refused."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Refused(f"{what}请写成 2026-10-20。") from None
