"""Forms of the panel, its meetings and the quotas' sheet."""

from __future__ import annotations

from typing import Any

from django import forms

from aidcases.flow import Refused
from subsidies.models import Panel
from subsidies.models.panels import MemberKind

_MOMENT = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


def told(form: forms.BaseForm) -> dict[str, Any]:
    """What was typed. Raises Refused with every mistake."""
    if not form.is_valid():
        raise Refused(*(f"{form[name].label}：{'；'.join(errors)}" for name, errors in form.errors.items()))
    return form.cleaned_data


class MemberForm(forms.Form):
    name = forms.CharField(label="姓名", max_length=40, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    kind = forms.ChoiceField(label="身份", choices=MemberKind.choices)
    unit = forms.CharField(label="单位或职务", max_length=60, required=False)


class MeetingForm(forms.Form):
    """Time, place and people of a meeting; the people are the panel's."""

    held_at = forms.DateTimeField(label="时间", widget=_MOMENT)
    place = forms.CharField(label="地点", max_length=60)
    chair = forms.ChoiceField(label="主持人")
    recorder = forms.ChoiceField(label="记录人")
    present = forms.ModelMultipleChoiceField(
        None, label="到会成员", widget=forms.CheckboxSelectMultiple
    )
    minutes = forms.CharField(
        label="会议记录", required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 6}),
        help_text="定稿前要写：议程、讨论情况、表决结果。不要写身份证号、电话和家庭住址。",
    )  # fmt: skip

    def __init__(self, *args: Any, panel: Panel, **kwargs: Any):
        super().__init__(*args, **kwargs)
        members = panel.members.all()
        names = [(name, name) for name in dict.fromkeys(member.name for member in members)]
        self.fields["present"].queryset = members  # type: ignore[attr-defined]
        for name in ("chair", "recorder"):
            self.fields[name].choices = [("", "请选择"), *names]  # type: ignore[attr-defined]
