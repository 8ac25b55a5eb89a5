"""指标: entered by the county's head, with what is used and left of each, live."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from aidcases.flow import Refused
from aidcases.models import School
from aidcases.roles import OfficeKind, P
from aidcases.web import chosen_term, command, page, paginate
from subsidies.models import Benefit, Indicator
from subsidies.models.payments import FUNDING
from subsidies.payments import indicators

DAY = {"type": "date"}


class IndicatorForm(forms.Form):
    """Money that came down."""

    benefit = forms.ModelChoiceField(
        Benefit.objects.all(), label="资助项目", to_field_name="code", widget=forms.Select(attrs={"data-pick": ""})
    )
    funding = forms.ChoiceField(label="资金", choices=[("", "不分级"), *FUNDING.items()], required=False)
    yuan = forms.DecimalField(label="金额（元）", min_value=0, max_digits=14, decimal_places=2)
    document = forms.CharField(label="文号", max_length=60)
    issued_on = forms.DateField(label="下达日期", widget=forms.DateInput(attrs=DAY))
    arrived_on = forms.DateField(label="到账日期", required=False, widget=forms.DateInput(attrs=DAY))
    school = forms.ModelChoiceField(
        School.objects.none(), label="学校", required=False, to_field_name="code", empty_label="全县",
        widget=forms.Select(attrs={"data-pick": ""}), help_text="只有指定给某所学校的才选。",
    )  # fmt: skip
    note = forms.CharField(label="备注", required=False, max_length=200)

    def __init__(self, data: Any = None, *, path: str):
        super().__init__(data)
        self.fields["school"].queryset = School.objects.filter(path__startswith=path).order_by("path")


@page(can=P.PAYMENT_VIEW)
def indicator_list(request: HttpRequest) -> HttpResponse:
    term, office = chosen_term(request), request.membership.organisation
    rows = indicators.listed(term)
    may_set = request.actor.may(P.INDICATOR_SET) and office.kind == OfficeKind.COUNTY
    context = {
        "page": paginate(rows, request),
        "totals": indicators.totals(rows),
        "term": term,
        "may_set": may_set,
        "form": IndicatorForm(path=office.path) if may_set else None,
    }
    return render(request, "subsidies/payments/indicator_list.html", context)


@command(can=P.INDICATOR_SET)
def indicator_enter(request: HttpRequest) -> HttpResponse:
    office = request.membership.organisation
    form = IndicatorForm(request.POST, path=office.path)
    if not form.is_valid():
        raise Refused(*(f"{form[name].label}：{'；'.join(errors)}" for name, errors in form.errors.items()))
    made = indicators.enter(office=office, term=chosen_term(request), **form.cleaned_data)
    messages.success(request, f"已登记 {made.document}：{made.benefit} {made.yuan:,.2f} 元。")
    return redirect("indicator_list")


@command(can=P.INDICATOR_SET)
def indicator_drop(request: HttpRequest, pk: int) -> HttpResponse:
    indicators.drop(get_object_or_404(Indicator, pk=pk))
    messages.success(request, "已删除这笔指标。")
    return redirect("indicator_list")
