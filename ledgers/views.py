"""Ledgers: which there are, a look at one before it is made, asking for it, its issues, the file."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import Job
from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import command, page, paginate
from ledgers.actions import newest_run, open_file, request_issue, uncomputed
from ledgers.definition import Ledger
from ledgers.definitions import LEDGERS
from ledgers.filters import IssueFilter
from ledgers.forms import PURPOSES, ChoiceOfArea, IssueForm, chosen_area
from ledgers.models import LedgerIssue
from ledgers.preview import preview

RECENT = 5
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _ledger(request: HttpRequest, code: str) -> Ledger:
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
    ledger, choice = _ledger(request, code), ChoiceOfArea(request)
    sheets = [preview(table, choice.term, choice.area) for table in ledger.tables(choice.term, choice.area)]
    start = {"term": choice.term.code, "area": choice.area.path}
    may_unmask = request.actor.may(P.LEDGER_UNMASK)
    context = {
        "ledger": ledger,
        "choice": choice,
        "wanted": choice.term,
        "area": choice.area,
        "sheets": sheets,
        "heading": ledger.heading(choice.term, choice.area),
        "uncomputed": "" if newest_run(choice.term, choice.area) else uncomputed(choice.term, choice.area),
        "form": IssueForm(initial=start, may_unmask=may_unmask and ledger.personal),
        "masked_only": ledger.personal and not may_unmask,
        "purposes": PURPOSES,
        "recent": LedgerIssue.objects.filter(ledger=code)[:RECENT],
    }
    return render(request, "ledgers/ledger_detail.html", context)


@command(can=P.LEDGER_ISSUE)
def ledger_issue(request: HttpRequest, code: str) -> HttpResponse:
    ledger, form = _ledger(request, code), IssueForm(request.POST, may_unmask=True)
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
    )
    return redirect("issue_detail", pk=issue.pk)


@page(can=P.LEDGER_VIEW)
def issue_list(request: HttpRequest) -> HttpResponse:
    found = IssueFilter(request.GET, LedgerIssue.objects.with_job_state(), request=request)
    narrowed = any(found.form.data.get(name) for name in found.filters)
    context = {"found": found, "page": paginate(found.qs, request), "narrowed": narrowed}
    return render(request, "ledgers/issue_list.html", context)


@page(can=P.LEDGER_VIEW)
def issue_detail(request: HttpRequest, pk: int) -> HttpResponse:
    issue = get_object_or_404(LedgerIssue.objects.with_job_state().select_related("previous"), pk=pk)
    context = {
        "issue": issue,
        "ledger": LEDGERS.get(issue.ledger),
        "job": Job.objects.filter(pk=issue.job_id).first() if issue.finished_at is None else None,
        "facts": _facts(issue),
        "totals": _totals(issue.totals),
        "proof": _proof(issue),
        "blocked": issue.unmasked and not request.actor.may(P.LEDGER_UNMASK),
    }
    return render(request, "ledgers/issue_detail.html", context)


def _facts(issue: LedgerIssue) -> list[dict[str, Any]]:
    """What was asked for and what came of it, as lines of a description list."""
    told = [
        ("学期", Term.parse(issue.term).label),
        ("范围", issue.area_name),
        ("版式", issue.layout),
        ("号码", "完整号码" if issue.unmasked else "只显示后四位"),
        ("填报单位", issue.reported_by),
        ("用途", issue.purpose),
        ("生成人", issue.requested_by),
    ]
    if issue.finished_at:
        told.append(("行数", f"{issue.rows:,} 行"))
    return [{"label": label, "value": value} for label, value in told]


def _totals(totals: list[list[Any]], part: str = "") -> list[dict[str, str]]:
    """The 合计 of its sheets as lines of a description list."""
    lines = []
    for name, total in totals:
        if isinstance(total, list):
            lines += _totals(total, f"{name} ")
        else:
            value = f"{total:,}" if isinstance(total, int) else f"{Decimal(total):,.2f} 元"
            lines.append({"label": f"{part}{name}", "value": value})
    return lines


def _proof(issue: LedgerIssue) -> list[tuple[str, str]]:
    """Checksums, by what they vouch for."""
    told = [
        ("文件（SHA-256）", issue.sha256),
        ("上一期文件", issue.previous_sha256),
        ("测算校验码", issue.certificate),
        ("依据的资料", issue.facts_digest),
        ("依据的政策", issue.rules_digest),
        ("应享结果", issue.result_digest),
    ]
    return [(label, value) for label, value in told if value]


@command(can=P.LEDGER_VIEW)
def issue_download(request: HttpRequest, pk: int) -> HttpResponse:
    """The file in clear, decrypted in memory; who took it and what for is recorded first."""
    issue = get_object_or_404(LedgerIssue, pk=pk)
    purpose = request.POST.get("purpose", "").strip()[:120]
    if not purpose:
        raise Refused("请写明下载用途，例如：报送市教育局。")
    content = open_file(issue)
    audit.record("ledger.downloaded", subject=issue, code=issue.ledger, term=issue.term, purpose=purpose)
    response = FileResponse(content, as_attachment=True, filename=issue.filename, content_type=XLSX)
    response["Cache-Control"] = "private, no-store"
    return response
