"""明白卡: one household's page over the counter; a village's or a township's as a job, then its file."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import Job, Region
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.terms import Term, UnknownTerm
from aidcases.web import chosen_term, command, known_terms, page
from students.models import Household
from students.places import Places, codes_of
from subsidies import slips

PDF = "application/pdf"
RECENT = 50  # a county's townships and some villages
COUNTY = 3  # steps of a county's path
PURPOSES = ("入户发放", "家长会发放", "张贴到村务公开栏前核对", "存档")


class SlipForm(forms.Form):
    """Whose slips, of which term, and what for."""

    term = forms.ChoiceField(label="学期")
    place = forms.ChoiceField(label="乡镇或村", widget=forms.Select(attrs={"data-pick": ""}))
    purpose = forms.CharField(
        label="用途",
        max_length=120,
        help_text="记入操作记录。",
        widget=forms.TextInput(attrs={"list": "purposes", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, terms: list[str], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["term"].choices = [(code, Term.parse(code).label) for code in terms]
        self.fields["place"].choices = [("", "请选择"), *places()]

    def clean_term(self) -> Term:
        return Term.parse(self.cleaned_data["term"])

    def clean_place(self) -> Region:
        return Region.objects.get(code=self.cleaned_data["place"])


def places() -> list[tuple[str, str]]:
    """Townships of the own area, and from a county downwards its villages."""
    own = current_scope().path
    wanted = ["township", "village"] if len(codes_of(own)) >= COUNTY else ["township"]
    regions = list(Region.objects.under(own).filter(level__in=wanted).order_by("path"))
    named = Places(region.path for region in regions)
    return [(region.code, named.label(region.path)) for region in regions]


def _terms(request: HttpRequest) -> list[str]:
    return list(dict.fromkeys([*known_terms(request), chosen_term(request).code]))


@page(can=P.HOUSEHOLD_VIEW)
def slip_list(request: HttpRequest) -> HttpResponse:
    """What to print, and what has been printed: under way with its progress, done with its download."""
    term = chosen_term(request)
    may_print = request.actor.may(P.LEDGER_ISSUE) and request.actor.may(P.ENTITLEMENT_VIEW)
    context = {
        "form": SlipForm(terms=_terms(request), initial={"term": term.code}) if may_print else None,
        "purposes": PURPOSES,
        "recent": Job.objects.roots().filter(kind="subsidies.slips")[:RECENT],
    }
    return render(request, "subsidies/slip_list.html", context)


@command(can=P.LEDGER_ISSUE)
def slip_request(request: HttpRequest) -> HttpResponse:
    form = SlipForm(request.POST, terms=_terms(request))
    if not form.is_valid():
        raise Refused(*(f"{form[name].label}：{'；'.join(errors)}" for name, errors in form.errors.items()))
    wanted = form.cleaned_data
    slips.request_slips(term=wanted["term"], region=wanted["place"], purpose=wanted["purpose"])
    return redirect("slip_list")


@command(can=P.LEDGER_ISSUE)
def slip_download(request: HttpRequest, pk: int) -> HttpResponse:
    """The file in clear, decrypted in memory; who took it and what for is recorded first."""
    job = get_object_or_404(Job.objects.roots().filter(kind="subsidies.slips"), pk=pk)
    purpose = request.POST.get("purpose", "").strip()[:120]
    if not purpose:
        raise Refused("请写明下载用途，例如：入户发放。")
    content = slips.open_slips(job)
    audit.record("slips.downloaded", subject=job, purpose=purpose, term=job.params["term"])
    response = FileResponse(content, as_attachment=True, filename=f"学生资助明白卡_{job.pk}.pdf", content_type=PDF)
    response["Cache-Control"] = "private, no-store"
    return response


@command(can=P.HOUSEHOLD_VIEW)
def household_slip(request: HttpRequest, pk: int) -> HttpResponse:
    household = get_object_or_404(Household.objects.defer("phone"), pk=pk)
    try:
        term = Term.parse(request.POST.get("term", "")) if "term" in request.POST else chosen_term(request)
    except UnknownTerm as problem:
        raise Refused(str(problem)) from None
    made = slips.household_slip(household, term)
    # No name in the name of a file that may lie about in a folder of downloads.
    headers = {"Content-Disposition": f'attachment; filename="slip-{household.pk}-{term.code}.pdf"'}
    return HttpResponse(made.pdf, content_type=PDF, headers=headers)
