"""Adopting a policy or ending it: asked for on the policy's page, weighed and confirmed here by a second person."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from aidcases.flow import Refused
from aidcases.models import Job
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.terms import Term, UnknownTerm
from aidcases.web import chosen_term, command, known_terms, page
from students.models import Enrolment
from subsidies import adopting
from subsidies.figures import own_region
from subsidies.forms import AdoptionForm
from subsidies.models import AdoptionRequest, AdoptionState, PackAdoption
from subsidies.rehearse import same_rules


@command(can=P.PACK_DRAFT)
def adoption_ask(request: HttpRequest, code: str) -> HttpResponse:
    """A second click leads to the same request."""
    form = AdoptionForm(request.POST)
    if (region := own_region()) is None:
        raise Refused("请以县级或市级单位的身份申请。")
    if not form.is_valid():
        raise Refused(*(f"{form[name].label}：{'；'.join(texts)}" for name, texts in form.errors.items()))
    wanted = form.cleaned_data
    asked = adopting.ask(code=code, region=region, from_on=wanted["from_on"], active=wanted["what"] == "adopt")
    messages.success(request, "申请已提交。请另一人打开本页确认，确认以后才生效。")
    return redirect("adoption_detail", asked.pk)


@page(can=P.RULES_VIEW)
def adoption_detail(request: HttpRequest, pk: int) -> HttpResponse:
    asked = get_object_or_404(AdoptionRequest.objects.select_related("region"), pk=pk)
    waits, term = asked.state == AdoptionState.ASKED, chosen_term(request)
    rehearsal = adopting.last_rehearsal(asked)
    context = {
        "asked": asked,
        "waits": waits,
        "pack": adopting.newest_of(asked.pack_code),
        "adoptions": PackAdoption.objects.near(asked.path).filter(pack_code=asked.pack_code).select_related("region"),
        "chosen": term,
        "terms": [Term.parse(code) for code in dict.fromkeys([*known_terms(request), term.code])],
        "students": Enrolment.objects.in_term(term).of(asked.path).count(),
        "rehearsal": rehearsal,
        "rehearsal_seen": bool(rehearsal) and current_scope().covers(rehearsal.path),
        "job": Job.objects.filter(pk=rehearsal.job_id).first() if rehearsal and not rehearsal.finished_at else None,
        "stale": bool(waits and rehearsal and rehearsal.finished_at) and not same_rules(rehearsal),
        "reasons": adopting.against_confirming(asked) if waits else [],
        "own": adopting.is_own(asked),
    }
    return render(request, "subsidies/adoption_detail.html", context)


def _held(pk: int) -> AdoptionRequest:
    """The request, kept from everybody else until this command has ended."""
    return get_object_or_404(AdoptionRequest.objects.select_for_update(of=("self",)).select_related("region"), pk=pk)


@command(can=P.PACK_DRAFT)
def adoption_rehearse(request: HttpRequest, pk: int) -> HttpResponse:
    asked = _held(pk)
    try:
        term = Term.parse(request.POST.get("term", ""))
    except UnknownTerm as problem:
        raise Refused(str(problem)) from None
    if not Enrolment.objects.in_term(term).of(asked.path).exists():
        raise Refused(f"{term.label}{asked.region.name}还没有学籍数据，没有可试算的学生。")
    return redirect("rehearsal_detail", adopting.rehearse_asked(asked, term).pk)


@command(can=P.PACK_PUBLISH)
def adoption_confirm(request: HttpRequest, pk: int) -> HttpResponse:
    asked = _held(pk)
    adopting.confirm(asked)
    messages.success(request, f"已确认：{asked}。重新测算以后，学生的应享才会变。")
    return redirect("adoption_detail", pk)


@command(can=P.PACK_PUBLISH)
def adoption_decline(request: HttpRequest, pk: int) -> HttpResponse:
    adopting.decline(_held(pk), request.POST.get("note", "").strip()[:200])
    messages.info(request, "已退回，原因告诉了申请人。")
    return redirect("adoption_detail", pk)


@command(can=P.PACK_DRAFT)
def adoption_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    asked = _held(pk)
    adopting.withdraw(asked)
    messages.info(request, "已撤回申请。")
    return redirect("pack_detail", asked.pack_code)
