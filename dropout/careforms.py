"""Forms of care: what a side writes into a file, visits with what a family asks for, rooms, the end of a file."""

from __future__ import annotations

from typing import Any

from django import forms

from aidcases import crypto
from aidcases.scoping import HOME, SCHOOL
from dropout import asking
from dropout.caring import CLEARED, PHONES
from dropout.models import ActivityRoom, CareFile

KEPT = f"已登记 {{mask}}。不改就留空；号码错了要删除，写“{CLEARED}”。"


def day() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class _Facts(forms.ModelForm):
    """One side's facts. Numbers are never filled in: a blank one stays as it is."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.required = False
        for name in PHONES:
            if name in self.fields:
                number = getattr(self.instance, name)
                self.fields[name] = forms.CharField(
                    label=PHONES[name], max_length=20, required=False,
                    help_text=KEPT.format(mask=crypto.mask_phone(number)) if number else "加密保存，查看要写明用途。",
                    widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
                )  # fmt: skip
                self.initial[name] = ""

    def _post_clean(self) -> None:
        """dropout.caring writes; the form only reads what was typed."""


class HomeFactsForm(_Facts):
    class Meta:
        model = CareFile
        fields = ("father_at", "mother_at", "away_since", "guardian", "relation", "parents_phone", "lives_at")
        widgets = {"away_since": day()}
        help_texts = {"father_at": "例如：广东省东莞市，在家的不填。", "relation": "例如：祖母。"}


class SchoolFactsForm(_Facts):
    class Meta:
        model = CareFile
        fields = ("phone", "health", "disability", "placement", "helper", "note")
        help_texts = {
            "disability": "例如：听力残疾二级。", "placement": "例如：随班就读、送教上门、特校。",
            "helper": "学校里由谁联系帮扶，例如班主任。",
        }  # fmt: skip


FORMS: dict[str, type[_Facts]] = {HOME: HomeFactsForm, SCHOOL: SchoolFactsForm}


class EndForm(forms.Form):
    ended_on = forms.DateField(label="结束日期", widget=day())
    why = forms.CharField(label="原因", max_length=200, help_text="例如：父母已经返乡。")


class RequestForm(forms.Form):
    """What a family asks for."""

    request = forms.CharField(label="家庭诉求", max_length=200, widget=forms.Textarea(attrs={"rows": 2}))
    owner = forms.CharField(label="由谁办理", max_length=60, help_text="姓名和单位，例如：李明（村委会）。")
    days = forms.IntegerField(
        label="几个工作日内答复", min_value=1, max_value=asking.MOST_DAYS, initial=asking.DAYS,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )  # fmt: skip


class VisitForm(forms.Form):
    """A visit, with at most one request at once; more are added on the visit's own page."""

    visited_on = forms.DateField(label="走访日期", widget=day())
    who = forms.CharField(label="走访人", max_length=100, help_text="几个人用顿号隔开。")
    met = forms.CharField(label="见到谁", max_length=100, required=False, help_text="例如：祖母、孩子本人。")
    text = forms.CharField(label="了解到的情况", max_length=400, widget=forms.Textarea(attrs={"rows": 5}))
    request = forms.CharField(
        label="家庭诉求", max_length=200, required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="家里提出的、需要有人办的事；没有就不填。",
    )  # fmt: skip
    owner = forms.CharField(
        label="诉求由谁办理", max_length=60, required=False, help_text="姓名和单位，例如：李明（村委会）。"
    )
    days = forms.IntegerField(
        label="几个工作日内答复", min_value=1, max_value=asking.MOST_DAYS, initial=asking.DAYS,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        if told.get("request") and not told.get("owner"):
            self.add_error("owner", "有诉求的，请写明由谁办理。")
        return told


class RoomForm(forms.ModelForm):
    """A room to be opened."""

    class Meta:
        model = ActivityRoom
        fields = ("school", "name", "keeper", "area", "opens", "equipment", "from_on")
        widgets = {"school": forms.Select(attrs={"data-pick": ""}), "from_on": day()}
        help_texts = {
            "name": "例如：留守儿童活动室、亲情视频室。", "opens": "例如：周一至周五 16:30—18:00。",
            "equipment": "例如：图书 800 册、电脑 4 台。",
        }  # fmt: skip

    def __init__(self, *args: Any, schools: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["school"].queryset = schools
        self.fields["area"].required = False

    def _post_clean(self) -> None:
        """dropout.rooms writes; the form only reads what was typed."""

    def clean_area(self) -> Any:
        if (area := self.cleaned_data["area"]) is not None and area <= 0:
            raise forms.ValidationError("面积要大于 0。")
        return area
