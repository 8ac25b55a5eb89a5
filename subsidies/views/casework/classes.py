"""Classes of a school (or schools of a county) and how far their applications have got; when applications are taken."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.terms import Term, UnknownTerm, chronological
from aidcases.web import chosen_term, command, page
from subsidies.casework import classlist, form
from subsidies.casework.windows import Windows, set_window
from subsidies.models import Application, ApplicationWindow
from subsidies.models.applications import own_pupils_only

_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


@page(can=P.APPLICATION_VIEW)
def class_list(request: HttpRequest) -> HttpResponse:
    term, school = chosen_term(request), request.GET.get("school", "")
    groups = classlist.overview(term, school if not classlist.in_a_school() else "")
    context = {
        "term": term,
        "groups": groups,
        "totals": classlist.totals(groups),
        "school": school,
        "school_name": groups[0]["school__name"] if school and groups else "",
        "by_class": bool(groups) and groups[0]["by_class"],
        "window": Windows.read(term).of(request.membership.organisation.path),
        "teacher": own_pupils_only(request.actor),
        "today": timezone.localdate(),
    }
    return render(request, "subsidies/casework/class_list.html", context)


class WindowForm(forms.Form):
    """When a term's applications are taken in the own area."""

    term = forms.ChoiceField(label="学期")
    opens_on = forms.DateField(label="开始日期", widget=_DAY, help_text="当天起可以提交。")
    closes_on = forms.DateField(label="截止日期", widget=_DAY, help_text="当天仍可提交；以后提交要写明逾期原因。")
    stamp_required = forms.BooleanField(
        label="申请表须盖村（居）委会章", required=False, help_text="国家已取消盖章证明，改为书面承诺；没有地方规定的不要勾选。"
    )

    def __init__(self, *args: Any, terms: list[Term], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["term"].choices = [(term.code, term.label) for term in terms]


def _terms(term: Term) -> list[Term]:
    return [term, term.next, term.next.next]


@page(can=P.APPLICATION_VIEW)
def window_list(request: HttpRequest) -> HttpResponse:
    """The term, the next two and whatever has been set: from when to when, by whom."""
    term = chosen_term(request)
    own = {w.term: w for w in ApplicationWindow.objects.filter(path=current_scope().path).order_by(*chronological())}
    terms = {t.code: t for t in (*_terms(term), *(Term.parse(code) for code in own))}
    shown = sorted(terms.values(), key=lambda t: t.first_day, reverse=True)
    path = request.membership.organisation.path
    now = Windows.read(term).of(path)
    initial = {"term": term.code, "opens_on": now.opens_on, "closes_on": now.closes_on, "stamp_required": now.stamp_required}
    context = {
        "term": term,
        "lines": [{"term": t, "window": Windows.read(t).of(path), "own": own.get(t.code)} for t in shown],
        "form": WindowForm(initial=initial, terms=_terms(term)) if request.actor.may(P.QUOTA_SET) else None,
    }
    return render(request, "subsidies/casework/class_windows.html", context)


@command(can=P.QUOTA_SET)
def window_set(request: HttpRequest) -> HttpResponse:
    try:
        term = Term.parse(request.POST.get("term", ""))
    except UnknownTerm as problem:
        raise Refused(str(problem)) from None
    typed = WindowForm(request.POST, terms=[term])
    if not typed.is_valid():
        raise Refused(*(f"{typed[name].label}：{'；'.join(errors)}" for name, errors in typed.errors.items()))
    said = {name: typed.cleaned_data[name] for name in ("opens_on", "closes_on", "stamp_required")}
    window = set_window(term, **said, by=request.actor)
    form.mark(Application.objects.filter(school_path__startswith=window.path), term)
    messages.success(request, f"{term.label}的申请时间已设为 {window.opens_on} 至 {window.closes_on}。")
    return redirect("window_list")
