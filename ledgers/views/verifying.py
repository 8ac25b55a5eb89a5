"""Proof: a file held against the stored issue, and the certificate of an issue with the chain it stands in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases import audit, crypto
from aidcases.flow import Refused
from aidcases.models.records import JobState
from aidcases.roles import P
from aidcases.web import command, page
from ledgers import chains, verifications, verify
from ledgers.actions import open_file
from ledgers.countyform import in_memory
from ledgers.models import LedgerIssue

MOST_SHOWN = 300
KINDS = {verify.CHANGED: "改动", verify.MISSING: "缺少", verify.ADDED: "多出"}
HIDDEN = "（号码已遮盖）"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
WHOLE_ROW, LONGEST = 5, 120  # cells; characters of a whole row


class VerifyForm(forms.Form):
    """The file, and which issue it is to be held against where it doesn't say so itself."""

    file = forms.FileField(
        label="台账文件",
        max_length=250,
        widget=forms.FileInput(attrs={"accept": ".xlsx"}),
        error_messages={"required": "请选择文件。", "empty": "文件是空的。", "max_length": "文件名太长，请改短。"},
    )
    issue = forms.IntegerField(
        label="与哪一期比（编号）",
        required=False,
        min_value=1,
        max_value=2**62,
        help_text="文件里有记录的会自动找到。",
        error_messages={"invalid": "编号是一个数。"},
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > settings.UPLOAD_LIMIT_MB << 20:
            raise forms.ValidationError(f"文件超过 {settings.UPLOAD_LIMIT_MB} MB。")
        return file


@dataclass(frozen=True)
class Told:
    """One difference in words; numbers of people are masked."""

    sheet: str
    cell: str
    kind: str
    was: str
    now: str


def told(each: verify.Difference) -> Told:
    was, now = crypto.mask_numbers(each.was), crypto.mask_numbers(each.now)
    if was == now and each.was != each.now:
        now += HIDDEN
    return Told(each.sheet, each.cell, KINDS[each.kind], was, now)


def in_words(differences: list[verify.Difference]) -> list[Told]:
    """Each difference; a row that went or came as a whole stands once, with what it held."""
    found: list[Told] = []
    for _, group in groupby(differences, key=lambda each: (each.sheet, each.kind, each.cell.lstrip(LETTERS))):
        cells = [told(each) for each in group]
        if len(cells) < WHOLE_ROW or cells[0].kind == KINDS[verify.CHANGED]:
            found += cells
            continue
        place = f"第 {cells[0].cell.lstrip(LETTERS)} 行（{len(cells)} 格）"
        was, now = ("、".join(filter(None, texts)) for texts in zip(*((each.was, each.now) for each in cells), strict=True))
        found.append(replace(cells[0], cell=place, was=was[:LONGEST], now=now[:LONGEST]))
    return found


def _bare(form: VerifyForm) -> dict[str, Any]:
    return {"form": form, "issue": None, "job": None, "gone": "", "limit": settings.UPLOAD_LIMIT_MB}


@page(can=P.LEDGER_VIEW)
def ledger_verify(request: HttpRequest) -> HttpResponse:
    form = VerifyForm(initial={"issue": request.GET.get("issue")})
    return render(request, "ledgers/ledger_verify.html", _bare(form))


@command(can=P.LEDGER_VIEW)
def ledger_verify_file(request: HttpRequest) -> HttpResponse:
    """The answer is shown at once and not kept: who asked, of which issue, and how many cells differ is recorded. A large
    file is a job's."""
    form = VerifyForm(request.POST, request.FILES)
    context = _bare(form)
    if not form.is_valid():
        return render(request, "ledgers/ledger_verify.html", context, status=422)
    try:
        with in_memory(form.cleaned_data["file"]) as copy:
            issue = verify.issue_of(copy, form.cleaned_data["issue"])
            if verifications.is_large(issue, copy):
                return redirect("ledger_verified", verifications.request(issue, copy).pk)
            with open_file(issue) as stored:
                found = verify.held(stored, copy)
    except Refused as refused:
        form.add_error("file", forms.ValidationError(refused.reasons))
        return render(request, "ledgers/ledger_verify.html", context, status=422)
    audit.record("ledger.verified", subject=issue, code=issue.ledger, differences=found.count)
    return render(request, "ledgers/ledger_verify.html", context | _answer(issue, found))


def _answer(issue: LedgerIssue, found: verify.Found) -> dict[str, Any]:
    return {"issue": issue, "rows": in_words(found.differences)[:MOST_SHOWN], "count": found.count, "most": MOST_SHOWN}


@page(can=P.LEDGER_VIEW)
def ledger_verified(request: HttpRequest, pk: int) -> HttpResponse:
    """A large file's verification: how far it is, then its answer, for who asked."""
    job = get_object_or_404(verifications.asked_by(request.actor), pk=pk)
    issue = get_object_or_404(LedgerIssue, pk=job.params["held"])
    context = _bare(VerifyForm(initial={"issue": issue.pk}))
    if job.state != JobState.DONE:
        context["job"] = job
    else:
        try:
            context |= _answer(issue, verifications.answer_of(job))
        except Refused as refused:
            context["gone"] = str(refused)
    return render(request, "ledgers/ledger_verify.html", context)


@page(can=P.LEDGER_VIEW)
def issue_certificate(request: HttpRequest, pk: int) -> HttpResponse:
    """What proves an issue, on one sheet of paper."""
    issue = get_object_or_404(LedgerIssue.objects.finished().select_related("form"), pk=pk)
    links = chains.chain(issue)
    file = chains.file_of(issue)
    context = {
        "issue": issue,
        "links": links,
        "file": file,
        "broken": [link for link in links if link.wrong],
        "sound": not file and not any(link.wrong for link in links),
        "printed_at": timezone.now(),
    }
    return render(request, "ledgers/issue_certificate.html", context)
