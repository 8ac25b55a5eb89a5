"""Issues: the list, what was asked for and what proves it, the file."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import Job
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.spans import of_terms
from aidcases.web import command, page, paginate
from ledgers.actions import in_hand, open_file
from ledgers.definitions import LEDGERS
from ledgers.filters import IssueFilter
from ledgers.models import LedgerIssue
from ledgers.submitting import answers
from ledgers.views.submissions import told
from subsidies.giving.common import said as without_numbers

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


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
        "in_hand": in_hand(issue),
        **_handing(request, issue),
    }
    return render(request, "ledgers/issue_detail.html", context)


def _handing(request: HttpRequest, issue: LedgerIssue) -> dict[str, Any]:
    """What a finished issue was handed up for, and what it could be."""
    if issue.finished_at is None:
        return {"submissions": [], "answers": [], "may_submit": False}
    own = issue.path == issue.area_path == current_scope().path and not issue.flat
    may_issue, may_submit = (own and request.actor.may(each) for each in (P.LEDGER_ISSUE, P.LEDGER_SUBMIT))
    return {
        "submissions": list(issue.submissions.select_related("due").order_by("-pk")),
        "answers": [told(due) for due in answers(issue)] if may_issue else [],
        "may_submit": may_submit,
    }


def _facts(issue: LedgerIssue) -> list[dict[str, Any]]:
    """What was asked for and what came of it, as lines of a description list."""
    span = of_terms(issue.term)
    told = [
        ("学期" if span.kind == "term" else "期间", span.label),
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
            unit = "" if isinstance(total, int) else " 元"
            lines.append({"label": f"{part}{name}", "value": f"{shown_total(total)}{unit}"})
    return lines


def shown_total(total: int | str) -> str:
    """1,234 of people, 1,234.50 of money."""
    return f"{total:,}" if isinstance(total, int) else f"{Decimal(total):,.2f}"


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
    purpose = without_numbers(request.POST.get("purpose", ""), 120)
    if not purpose:
        raise Refused("请写明下载用途，例如：报送市教育局。")
    content = open_file(issue)
    audit.record("ledger.downloaded", subject=issue, code=issue.ledger, term=issue.term, purpose=purpose)
    response = FileResponse(content, as_attachment=True, filename=issue.filename, content_type=XLSX)
    response["Cache-Control"] = "private, no-store"
    return response
