"""Ledgers: which there are, a look at one before it is made, asking for it."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.web import command, page
from ledgers.actions import request_issue, uncomputed
from ledgers.countyform import mine
from ledgers.definition import Ledger
from ledgers.definitions import LEDGERS
from ledgers.forms import PURPOSES, ChoiceOfArea, IssueForm, chosen_area
from ledgers.models import LedgerIssue
from ledgers.preview import preview

RECENT = 5


def ledger_or_404(request: HttpRequest, code: str) -> Ledger:
    if code not in LEDGERS or not request.actor.may(LEDGERS[code].can):
        raise Http404
    return LEDGERS[code]


@page(can=P.LEDGER_VIEW)
def ledger_list(request: HttpRequest) -> HttpResponse:
    newest = LedgerIssue.objects.finished().order_by("ledger", "-finished_at", "-pk").distinct("ledger")
    last = {issue.ledger: issue for issue in newest}
    rows = [
        {"ledger": ledger, "last": last.get(ledger.code)}
        for ledger in LEDGERS.values()
        if request.actor.may(ledger.can)
    ]
    return render(request, "ledgers/ledger_list.html", {"rows": rows})


@page(can=P.LEDGER_VIEW)
def ledger_detail(request: HttpRequest, code: str) -> HttpResponse:
    """The first rows as they will stand in the file, and the form that makes it."""
    ledger, choice = ledger_or_404(request, code), ChoiceOfArea(request, years=True)
    when = ledger.of(choice.span)
    sheets = [preview(table, when, choice.area, code) for table in ledger.tables(when, choice.area)]
    start = {"term": choice.span.code, "area": choice.area.path}
    may_unmask = request.actor.may(P.LEDGER_UNMASK)
    context = {
        "ledger": ledger,
        "choice": choice,
        "wanted": choice.span,
        "period": ledger.period(choice.span),
        "area": choice.area,
        "sheets": sheets,
        "heading": ledger.heading(choice.span, choice.area),
        "uncomputed": uncomputed(when, choice.area),
        "form": IssueForm(initial=start, may_unmask=may_unmask and ledger.personal, own=mine(code)),
        "masked_only": ledger.personal and not may_unmask,
        "purposes": PURPOSES,
        "recent": LedgerIssue.objects.filter(ledger=code)[:RECENT],
    }
    return render(request, "ledgers/ledger_detail.html", context)


@command(can=P.LEDGER_ISSUE)
def ledger_issue(request: HttpRequest, code: str) -> HttpResponse:
    ledger, form = ledger_or_404(request, code), IssueForm(request.POST, may_unmask=True, own=mine(code))
    area = chosen_area(request.POST.get("area", ""))
    if area is None:
        raise Refused("只能生成本单位范围内的台账。")
    if not form.is_valid():
        raise Refused(*(f"{form[name].label}：{'；'.join(errors)}" for name, errors in form.errors.items()))
    wanted = form.cleaned_data
    issue = request_issue(
        ledger,
        wanted["term"],
        area,
        purpose=wanted["purpose"],
        flat=wanted["layout"] == "flat",
        unmasked=wanted["unmasked"],
        form=form.own_form,
    )
    return redirect("issue_detail", pk=issue.pk)
