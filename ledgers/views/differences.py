"""What changed between two issues of one ledger: the page, and all of it as a sheet."""

from __future__ import annotations

import io
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import Job
from aidcases.roles import P
from aidcases.web import command, page
from ledgers import comparisons
from ledgers.differing import Compared, compare_issues, write_sheet
from ledgers.models import LedgerIssue
from ledgers.views.issues import XLSX
from subsidies.giving.common import said as without_numbers

SHOWN = 200  # lines on the page; the sheet has all
OTHERS = 20


def _others(issue: LedgerIssue) -> list[LedgerIssue]:
    """Finished issues of the ledger and area by the same office, the newest first: what one would compare with."""
    same = {name: getattr(issue, name) for name in ("path", "ledger", "area_path")}
    rows = LedgerIssue.objects.finished().filter(**same).exclude(pk=issue.pk)
    return list(rows.order_by("-finished_at", "-pk")[:OTHERS])


def _pair(issue: LedgerIssue, number: str) -> LedgerIssue | None:
    """The issue asked for, if whoever acts sees it; by default the one before."""
    if number.isdecimal() and len(number) < 19:
        return LedgerIssue.objects.finished().filter(ledger=issue.ledger, pk=int(number)).first()
    return issue.previous if issue.finished_at else None


def _finished(pk: int) -> LedgerIssue:
    return get_object_or_404(LedgerIssue.objects.finished().select_related("previous"), pk=pk)


@page(can=P.LEDGER_VIEW)
def issue_compare(request: HttpRequest, pk: int) -> HttpResponse:
    """?with=: the older of the two, else the issue before. Of large ones a job works it out."""
    issue = _finished(pk)
    old, found, made, problem = _pair(issue, request.GET.get("with", "")), None, None, ""
    large = old is not None and comparisons.is_large(old, issue)
    try:
        if old and large:
            comparisons.may_open(old, issue)
            made = comparisons.found_for(old, issue)
            found = Compared([], made.rows, made.totals) if made and made.finished_at else None
        elif old:
            found = compare_issues(old, issue)
    except Refused as refused:
        problem = str(refused)
    context = {
        "issue": issue,
        "old": old,
        "found": found,
        "problem": problem,
        "large": large,
        "job": Job.objects.filter(pk=made.job_id).first() if made and not made.finished_at else None,
        "changes": list(islice(found.changes, SHOWN)) if found else [],
        "left_out": max(len(found.changes) - SHOWN, 0) if found else 0,
        "others": _others(issue),
    }
    return render(request, "ledgers/issue_compare.html", context)


def _asked(request: HttpRequest, pk: int) -> tuple[LedgerIssue, LedgerIssue]:
    """(older, newer) of a form."""
    issue = _finished(pk)
    old = _pair(issue, request.POST.get("with", ""))
    if old is None:
        raise Refused("请选要比较的另一份台账。")
    return old, issue


@command(can=P.LEDGER_VIEW)
def issue_compare_start(request: HttpRequest, pk: int) -> HttpResponse:
    """Of two large ones."""
    old, issue = _asked(request, pk)
    comparisons.request_comparison(old, issue)
    return redirect(f"{reverse('issue_compare', args=[issue.pk])}?with={old.pk}")


@command(can=P.LEDGER_VIEW)
def issue_compare_sheet(request: HttpRequest, pk: int) -> HttpResponse:
    """The whole difference as .xlsx; who took it and what for is recorded."""
    (old, issue), purpose = _asked(request, pk), without_numbers(request.POST.get("purpose", ""), 120)
    if not purpose:
        raise Refused("请写明下载用途，例如：核对更正。")
    content, rows = _sheet(old, issue)
    audit.record("ledger.compared", subject=issue, code=issue.ledger, old=old.pk, purpose=purpose, rows=rows)
    name = f"{issue.title}差异_{old.pk}_{issue.pk}.xlsx"
    response = FileResponse(content, as_attachment=True, filename=name, content_type=XLSX)
    response["Cache-Control"] = "private, no-store"
    return response


def _sheet(old: LedgerIssue, issue: LedgerIssue) -> tuple[BinaryIO, dict[str, int]]:
    """(the workbook, rows by kind of change)."""
    if comparisons.is_large(old, issue):
        made = comparisons.found_for(old, issue)
        if made is None:
            raise Refused("请先开始比较。")
        return comparisons.open_sheet(made), made.rows
    found = compare_issues(old, issue)
    with TemporaryDirectory() as folder:  # 0700, gone at once
        file = Path(folder) / "difference.xlsx"
        write_sheet(file, old, issue, found)
        return io.BytesIO(file.read_bytes()), found.rows
