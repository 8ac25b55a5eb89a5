"""Forms of notices and objections."""

from __future__ import annotations

from typing import Any

from django import forms

from aidcases.models import Organisation, School, User
from aidcases.roles import OfficeKind
from aidcases.terms import Term
from subsidies.casework.objections import LONGEST, SHORTEST
from subsidies.models import Benefit, Entitlement, Payment, PublicNotice
from subsidies.models.notices import Finding, NoticeKind


class NewNoticeForm(forms.Form):
    """What to announce. A school's lists are its own; a county may choose schools."""

    kind = forms.ChoiceField(label="公示什么", choices=NoticeKind.choices, widget=forms.RadioSelect)
    schools = forms.ModelMultipleChoiceField(
        School.objects.none(), label="学校", required=False, help_text="不选就是本单位的全部学校。",
        widget=forms.SelectMultiple(attrs={"data-pick": ""}),
    )  # fmt: skip
    benefits = forms.ModelMultipleChoiceField(
        Benefit.objects.none(), label="资助项目", required=False,
        help_text="只用于受助学生名单；不选就是全部（人人都有的除外）。",
        widget=forms.SelectMultiple(attrs={"data-pick": ""}),
    )  # fmt: skip
    batch = forms.ChoiceField(label="发放批次", required=False, help_text="只用于资助资金发放名单。")

    def __init__(self, *args: Any, office: Organisation, term: Term, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if office.kind == OfficeKind.SCHOOL:
            del self.fields["schools"]
        else:
            self.fields["schools"].queryset = School.objects.filter(path__startswith=office.path).order_by("path")
            self.fields["kind"].choices = [one for one in NoticeKind.choices if one[0] != NoticeKind.PANEL]
        under = {"term": term.code, "school_path__startswith": office.path}
        here = Entitlement.objects.filter(**under, amount__gt=0, rule__universal=False).order_by()
        self.fields["benefits"].queryset = Benefit.objects.filter(pk__in=here.values("benefit"))
        listed = Payment.objects.standing().filter(**under).order_by("batch").values_list("batch__number", "batch__title")
        self.fields["batch"].choices = [("", "——"), *((code, f"{code} {title}") for code, title in listed.distinct())]

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        if told.get("kind") == NoticeKind.FUNDS and not told.get("batch"):
            self.add_error("batch", "请选择发放批次。")
        return told


class WordsForm(forms.ModelForm):
    """What the office writes on a notice."""

    class Meta:
        model = PublicNotice
        fields = ("title", "intro", "hotline", "document", "working_days", "days")
        widgets = {"intro": forms.Textarea(attrs={"rows": 4})}
        help_texts = {
            "intro": "一段一行。不要写困难类别、疾病、住址、电话、证件号。",
            "hotline": "本单位的电话，例如 0931-5221234；几个电话用顿号隔开。",
            "document": "例如 榆资批〔2026〕3号。",
            "working_days": "不少于 5 个工作日；发布当天不计。",
            "days": "工作日和自然日都满了才结束，以晚的为准。",
        }


class ObjectionForm(forms.Form):
    """What anybody may send. `website` is for machines: people never see it."""

    number = forms.IntegerField(label="名单上的序号", required=False, min_value=1, max_value=99999)
    name = forms.CharField(label="名单上的姓名", required=False, max_length=60)
    text = forms.CharField(
        label="您的意见", min_length=SHORTEST, max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 6}),
        help_text=f"请写清楚事实，最多 {LONGEST} 个字。",
    )  # fmt: skip
    contact = forms.CharField(
        label="您的联系方式", required=False, max_length=100, help_text="留下才能把结果告诉您，只有办理的人看得到。"
    )
    website = forms.CharField(required=False, widget=forms.TextInput(attrs={"tabindex": "-1", "autocomplete": "off"}))


class AnswerForm(forms.Form):
    finding = forms.ChoiceField(label="结论", choices=Finding.choices, widget=forms.RadioSelect)
    outcome = forms.CharField(label="调查情况和处理结果", max_length=2000, widget=forms.Textarea(attrs={"rows": 5}))


class OwnerForm(forms.Form):
    owner = forms.ModelChoiceField(User.objects.none(), label="经办人")

    def __init__(self, *args: Any, people: list[User], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = User.objects.filter(pk__in=[person.pk for person in people])
