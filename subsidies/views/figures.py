"""Standards and lists of areas that an office sets itself."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url

from aidcases.flow import Refused
from aidcases.models import Region
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.web import chosen_term, command, page
from subsidies import figures
from subsidies.actions import list_area, set_figure
from subsidies.enums import AreaKind, Level
from subsidies.models import ListedArea


class FigureForm(forms.Form):
    """A standard from the chosen term's first day on."""

    rule = forms.ChoiceField(label="哪一项")
    level = forms.ChoiceField(
        label="困难等级", required=False, choices=[("", "不分档"), *((t.value, t.label) for t in figures.TIERS)],
        help_text="只有分档的项目要选。",
    )  # fmt: skip
    yuan = forms.DecimalField(
        label="金额（元）", min_value=0, max_digits=10, decimal_places=2,
        help_text="分档的写每学期多少元，其他的按规则的周期写（多为每学年）。",
    )  # fmt: skip

    def __init__(self, *args: object, **kwargs: object):
        super().__init__(*args, **kwargs)
        self.fields["rule"].choices = [
            (rule.code, f"{rule.title}（{rule.pack.title}）") for rule in figures.left_to_regions()
        ]


class AreaForm(forms.Form):
    """A division on a list from the chosen term's first day on."""

    kind = forms.ChoiceField(label="哪份名单", choices=AreaKind.choices)
    region = forms.ModelChoiceField(label="地区", queryset=Region.objects.none(), empty_label="请选择")

    def __init__(self, *args: object, **kwargs: object):
        super().__init__(*args, **kwargs)
        under = Region.objects.under(current_scope().path).filter(level__in=("county", "township"))
        self.fields["region"].queryset = under.order_by("path")


@page(can=P.RULES_VIEW)
def figure_list(request: HttpRequest) -> HttpResponse:
    term = chosen_term(request)
    context = {
        "term": term,
        "standards": figures.standards(term),
        "areas": figures.areas(term),
        "may": request.actor.may(P.FIGURE_SET) and figures.own_region() is not None,
        "figure_form": FigureForm(auto_id="figure_%s"),
        "area_form": AreaForm(auto_id="area_%s"),
    }
    return render(request, "subsidies/figure_list.html", context)


def _valid(form: forms.Form) -> dict:
    if not form.is_valid():
        raise Refused(*(f"{form[name].label}：{'；'.join(texts)}" for name, texts in form.errors.items()))
    return form.cleaned_data


def _back(request: HttpRequest, told: str) -> HttpResponse:
    messages.success(request, f"{told}重新测算后生效。")
    return redirect(f"{resolve_url('figure_list')}?term={chosen_term(request).code}")


@command(can=P.FIGURE_SET)
def figure_set(request: HttpRequest) -> HttpResponse:
    wanted, term = _valid(FigureForm(request.POST)), chosen_term(request)
    if (region := figures.own_region()) is None:
        raise Refused("请以县级或市级单位的身份设定标准。")
    level = Level(wanted["level"]) if wanted["level"] else ""
    set_figure(rule_code=wanted["rule"], region=region, from_on=term.first_day, yuan=wanted["yuan"], level=level)
    return _back(request, f"已设定，{term.first_day:%Y-%m-%d} 起执行。")


@command(can=P.FIGURE_SET)
def area_list(request: HttpRequest) -> HttpResponse:
    wanted, term = _valid(AreaForm(request.POST)), chosen_term(request)
    list_area(kind=AreaKind(wanted["kind"]), region=wanted["region"], from_on=term.first_day)
    return _back(request, f"已登记，{term.first_day:%Y-%m-%d} 起算。")


@command(can=P.FIGURE_SET)
def area_end(request: HttpRequest, pk: int) -> HttpResponse:
    area, term = get_object_or_404(ListedArea, pk=pk), chosen_term(request)
    list_area(kind=AreaKind(area.kind), region=area.region, from_on=term.first_day, active=False)
    return _back(request, f"已取消，{term.first_day:%Y-%m-%d} 起不再算。")
