"""Forms of loans, donations, helpers, points and top-ups."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django import forms
from django.db import transaction

from aidcases.flow import Refused
from subsidies.models import Benefit, DonationProject, Donor
from subsidies.models.giving import DonorKind, Form, HelperKind

NOUGHT = Decimal(0)


def on_day(label: str, **also: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **also)


def money(label: str, **also: Any) -> forms.DecimalField:
    return forms.DecimalField(label=label, max_digits=12, decimal_places=2, **also)


def words(label: str, most: int, *, required: bool = True, rows: int = 0, **also: Any) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows}) if rows else forms.TextInput(attrs={"autocomplete": "off"})
    return forms.CharField(label=label, max_length=most, required=required, widget=widget, **also)


def once() -> forms.UUIDField:
    """Names a form when it is opened: pressed twice, it is one."""
    return forms.UUIDField(required=False, initial=uuid.uuid4, widget=forms.HiddenInput)


def attempt(form: forms.Form, act: Any) -> Any:
    """What the domain made of a valid form; None when the form is wrong or the domain refused, the reasons on the form."""
    if not form.is_valid():
        return None
    try:
        with transaction.atomic():
            return act(**form.cleaned_data)
    except Refused as refused:
        for reason in refused.reasons:
            form.add_error(None, reason)
        return None


class LoanForm(forms.Form):
    """A loan of a school year."""

    lender = words("经办银行", 60, help_text="例如：国家开发银行甘肃省分行。")
    yuan = money("贷款金额（元）", min_value=Decimal("0.01"))
    tuition = money("学费（元/学年）", min_value=0, help_text="贷款先交学费，再交住宿费，余下的作生活费。")
    board = money("住宿费（元/学年）", min_value=0)
    contract = words("合同编号", 40, required=False, help_text="签合同后填写，另一人凭它确认。")
    applied_on = on_day("申请日期")
    interest = words("利息说明", 200, required=False)
    note = words("备注", 200, required=False)


class TopUpForm(forms.Form):
    """A case for a discretionary benefit."""

    benefit = forms.ModelChoiceField(label="资助项目", queryset=Benefit.objects.none(), empty_label=None)
    hardship = words("家庭困难情况", 500, rows=5, help_text="享受以上资助后还有什么困难、缺口多少。证件号码和电话会自动遮盖。")
    asked = money("申请金额（元）", min_value=Decimal("0.01"))

    def __init__(self, *args: Any, benefits: list[Benefit], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["benefit"].queryset = Benefit.objects.filter(pk__in=[each.pk for each in benefits])


class DonorForm(forms.Form):
    """A new donor."""

    name = words("捐助人（单位）", 80)
    kind = forms.ChoiceField(label="类型", choices=DonorKind.choices)
    contact = words("联系人", 40, required=False)
    phone = words("联系电话", 40, required=False, help_text="加密保存，查看要写明用途。")
    note = words("备注", 200, required=False)


class ProjectForm(forms.Form):
    """A new project of a donor of the own office."""

    donor = forms.ModelChoiceField(label="捐助人（单位）", queryset=Donor.objects.none(), empty_label=None)
    title = words("项目名称", 80, help_text="例如：榆中县2026年爱心助学。")
    pledge = money("承诺金额（元）", min_value=0, initial=NOUGHT)
    from_on = on_day("起始日期")
    note = words("用途和要求", 200, required=False)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["donor"].queryset = Donor.objects.defer("phone").order_by("name")


class DonationForm(forms.Form):
    """What came in."""

    form = forms.ChoiceField(label="形式", choices=Form.choices)
    yuan = money("金额或价值（元）", min_value=Decimal("0.01"))
    what = words("物资名称和数量", 120, required=False, help_text="物资要写。")
    received_on = on_day("收到日期")
    receipt = words("收据号", 40, required=False)
    key = once()


class ThanksForm(forms.Form):
    """The letter to the donor."""

    thanked_on = on_day("感谢信日期")
    thanks = words("怎么送的、写了什么", 200)


class GiftForm(forms.Form):
    """Money or goods for one child."""

    project = forms.ModelChoiceField(label="捐助项目", queryset=DonationProject.objects.none(), empty_label=None)
    form = forms.ChoiceField(label="形式", choices=Form.choices)
    yuan = money("金额或价值（元）", min_value=Decimal("0.01"))
    what = words("物资名称和数量", 120, required=False, help_text="物资要写。")
    given_on = on_day("发放日期")
    signed_by = words("签收人", 40, required=False, help_text="签收单上的名字；还没有签的先不填。")
    key = once()

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        field = self.fields["project"]
        field.queryset = DonationProject.objects.select_related("donor").defer("donor__phone")
        field.label_from_instance = lambda each: f"{each.title}（{each.donor.name}，捐款剩 {each.left:,.2f} 元）"


class PairingForm(forms.Form):
    """A helper of one child."""

    kind = forms.ChoiceField(label="结对类型", choices=HelperKind.choices)
    helper = words("结对人", 60, help_text="姓名；志愿家庭写户主，捐助人写单位或姓名。")
    unit = words("单位和职务", 80, required=False)
    from_on = on_day("结对日期")
    plan = words("帮扶内容", 200, required=False)


class VisitForm(forms.Form):
    """A helper's visit."""

    visited_on = on_day("走访日期")
    note = words("走访情况", 500, rows=3)


class EndForm(forms.Form):
    """The end of a pairing."""

    from_on = on_day("结束日期")
    why = words("结束原因", 200)


class SchoolPairForm(forms.Form):
    """Two schools that help each other; a school writes its own."""

    school = forms.CharField(label="学校标识码或名称", max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    partner = words("结对学校（单位）", 80)
    from_on = on_day("结对日期")
    plan = words("帮扶内容", 200, required=False)


class ActivityForm(forms.Form):
    """What two schools did."""

    held_on = on_day("活动日期")
    note = words("活动内容", 300, rows=3)


class PointsForm(forms.Form):
    """Points earned or spent."""

    way = forms.ChoiceField(label="登记什么", choices=[("earn", "得积分"), ("spend", "兑换物品")])
    points = forms.IntegerField(label="积分（分）", min_value=1, max_value=100_000)
    what = words("事由或物品", 120)
    on = on_day("日期")


class ReceiptForm(forms.Form):
    """Money that came back."""

    yuan = money("收到金额（元）", min_value=Decimal("0.01"))
    received_on = on_day("收到日期")
    number = words("票据号", 40)
