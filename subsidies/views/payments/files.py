"""Bank files of a batch and what the bank answered: made, downloaded, uploaded, line by line, settled."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import Job
from aidcases.roles import P
from aidcases.web import command, page, paginate
from subsidies.models import BankFile, BankReturn, PaymentBatch, ReturnLine
from subsidies.models.banking import Verdict
from subsidies.models.payments import Channel, PaymentState
from subsidies.payments import banks, files, returns

# Verdict → how it looks.
TONES = {
    Verdict.APPLIED: "good", Verdict.REPEATED: "", Verdict.CONTRADICTS: "bad", Verdict.OTHER_BATCH: "warn",
    Verdict.UNKNOWN: "warn", Verdict.WRONG_AMOUNT: "bad", Verdict.UNCLEAR: "warn",
}  # fmt: skip
ENDINGS = ".xlsx,.xls,.csv,.txt"


class ReturnForm(forms.Form):
    """A bank's answer. `paid_on` is what lines without a day of their own get."""

    file = forms.FileField(label="回盘文件", max_length=200, widget=forms.FileInput(attrs={"accept": ENDINGS}))
    paid_on = forms.DateField(
        label="到账日期",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="文件里写了日期的以文件为准。",
    )
    profile = forms.ChoiceField(label="文件格式")

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["profile"].choices = banks.choices()

    def clean_paid_on(self) -> date:
        if self.cleaned_data["paid_on"] > timezone.localdate():
            raise forms.ValidationError("到账日期不能晚于今天。")
        return self.cleaned_data["paid_on"]


def _batch(pk: int) -> PaymentBatch:
    return get_object_or_404(PaymentBatch.objects.filter(channel=Channel.BANK), pk=pk)


@page(can=P.PAYMENT_VIEW)
def batch_files(request: HttpRequest, pk: int) -> HttpResponse:
    """What went to the bank, what came back, and how many wait for which step."""
    return render(request, "subsidies/payments/batch_files.html", _context(request, _batch(pk)))


def _context(request: HttpRequest, batch: PaymentBatch, form: ReturnForm | None = None) -> dict[str, Any]:
    states = {state: Count("pk", filter=Q(state=state)) for state in PaymentState.values}
    told = {"ready": Count("pk", filter=files.going(batch)), "halted": Count("pk", filter=files.halted(batch))}
    counts = batch.payments.order_by().aggregate(**told, **states)
    ready, halted = counts.pop("ready"), counts.pop("halted")
    jobs = Job.objects.roots().filter(kind__in=(files.KIND, returns.KIND), params__batch=batch.pk).order_by("-pk")
    job = jobs.first()
    left = (job.result or {}).get("left") if job else 0
    start = {"paid_on": timezone.localdate(), "profile": batch.bank}
    return {
        "batch": batch,
        "bank": dict(banks.choices()).get(batch.bank, batch.bank),
        "counts": counts,
        "ready": ready,
        "halted": halted,
        "halted_url": f"{reverse('batch_detail', args=[batch.pk])}?odd=stopped",
        "blocked": _blocked(batch, ready, halted),
        "files": list(batch.files.order_by("number")),
        "returns": [{"return": each, "counts": _counted(each)} for each in batch.returns.order_by("-pk")],
        "odd": odd_lines().filter(bank_return__batch=batch).count(),
        "job": job if job and job.state != "done" else None,
        # An answer that could not be registered is gone: there is nothing to go on with.
        "steer": request.actor.may(P.PAYMENT_PREPARE) and not (job and (job.kind, job.state) == (returns.KIND, "failed")),
        "left": f"上次有 {left:,} 人没有有效的一卡通，没有报送；登记并复核后再生成一次。" if left and ready else "",
        "may": request.actor.may(P.PAYMENT_PREPARE),
        "hears": batch.state in returns.HEARING,
        "bounces_url": f"{reverse('bounce_list')}?batch={batch.pk}",
        "form": form or ReturnForm(initial=start),
        # The batch's own format first.
        "formats": sorted(map(banks.expected, banks.profiles().values()), key=lambda each: each["code"] != batch.bank),
    }


def _blocked(batch: PaymentBatch, ready: int, halted: int) -> str:
    """Why no file can be made now; "" when one can."""
    if batch.state not in files.SENDABLE:
        return files.NOT_NOW
    if batch.state in ("approved", "checked") and (reasons := batch.blockers("send")):
        return "；".join(reasons)
    if ready:
        return ""
    return files.HALTED.format(halted) if halted else files.NOTHING


def _counted(made: BankReturn) -> list[dict[str, Any]]:
    labels = dict(Verdict.choices)
    told = [(code, made.counts.get(code, 0)) for code in Verdict.values]
    return [{"code": code, "label": labels[code], "n": n, "tone": TONES[code]} for code, n in told if n]  # type: ignore[index]


@command(can=P.PAYMENT_PREPARE)
def batch_files_make(request: HttpRequest, pk: int) -> HttpResponse:
    files.request_files(_batch(pk), by=request.actor, today=timezone.localdate())
    return redirect("batch_files", pk)


@command(can=P.PAYMENT_PREPARE)
def bank_file_download(request: HttpRequest, pk: int) -> HttpResponse:
    """In clear, decrypted in memory; who took it, its hash and what for are recorded first."""
    file = get_object_or_404(BankFile, pk=pk)
    opened = files.open_file(file, purpose=request.POST.get("purpose", ""))
    answer = FileResponse(opened, as_attachment=True, filename=file.filename, content_type="application/octet-stream")
    answer["Cache-Control"] = "private, no-store"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@command(can=P.PAYMENT_PREPARE)
def return_upload(request: HttpRequest, pk: int) -> HttpResponse:
    batch, form = _batch(pk), ReturnForm(request.POST, request.FILES)
    if not form.is_valid():
        return render(request, "subsidies/payments/batch_files.html", _context(request, batch, form), status=422)
    upload, rest = form.cleaned_data.pop("file"), form.cleaned_data
    returns.request_return(batch, upload, by=request.actor, **rest)
    return redirect("batch_files", pk)


def _lines() -> QuerySet[ReturnLine]:
    return ReturnLine.objects.select_related(
        "bank_return__batch", "sending__file__batch", "sending__payment__student__person", "sending__payment__school"
    ).defer("sending__payment__student__roll_number", "sending__payment__student__person__id_number")  # fmt: skip


def odd_lines() -> QuerySet[ReturnLine]:
    """Answers that wait for a person."""
    return ReturnLine.objects.filter(verdict__in=returns.ODD, settled_at=None)


@page(can=P.PAYMENT_VIEW)
def bank_return_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """?verdict=: lines of one verdict."""
    made = get_object_or_404(BankReturn.objects.select_related("batch"), pk=pk)
    counts, wanted = _counted(made), request.GET.get("verdict", "")
    rows = _lines().filter(bank_return=made)
    shown = paginate(rows.filter(verdict=wanted) if wanted in Verdict.values else rows, request)
    tabs = [{"label": "全部", "url": "?", "active": not wanted, "count": sum(made.counts.values())}] + [
        {
            "label": each["label"],
            "url": f"?verdict={each['code']}",
            "active": wanted == each["code"],
            "count": each["n"],
        }
        for each in counts
    ]
    early = ReturnLine.objects.filter(bank_return=made, said__startswith=returns.EARLY).count()
    context = {"made": made, "page": shown, "rows": _shown(shown), "tabs": tabs, "early": early}
    return render(request, "subsidies/payments/bank_return.html", context)


def _shown(lines: Any) -> list[dict[str, Any]]:
    return [{"line": line, "tone": TONES[line.verdict], "odd": line.verdict in returns.ODD} for line in lines]


@page(can=P.PAYMENT_VIEW)
def odd_list(request: HttpRequest) -> HttpResponse:
    """Everything in the bank's answers that waits for a person, contradictions first."""
    order = odd_lines().order_by().values("pk")
    shown = paginate(_lines().filter(pk__in=order).order_by("verdict", "-bank_return", "row"), request)
    return render(request, "subsidies/payments/odd_list.html", {"page": shown, "rows": _shown(shown)})


@page(can=P.PAYMENT_VIEW)
def odd_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One line: what the bank says now, what was registered before, what to do."""
    line = get_object_or_404(_lines(), pk=pk)
    return render(request, "subsidies/payments/odd_detail.html", _odd(request, line))


def _odd(request: HttpRequest, line: ReturnLine) -> dict[str, Any]:
    payment = line.sending.payment if line.sending else None
    earlier = (
        _lines().filter(sending=line.sending, verdict=Verdict.APPLIED).exclude(pk=line.pk).first() if payment else None
    )
    return {
        "line": line,
        "tone": TONES[line.verdict],  # type: ignore[index]
        "payment": payment,
        "earlier": earlier,
        "contradicts": line.verdict == Verdict.CONTRADICTS,
        "may_settle": line.verdict in returns.ODD and not line.settled_at and request.actor.may(P.PAYMENT_APPROVE),
        "own": returns.own_upload(line.bank_return, request.actor),
    }


@command(can=P.PAYMENT_APPROVE)
def odd_settle(request: HttpRequest, pk: int) -> HttpResponse:
    line, do = get_object_or_404(ReturnLine, pk=pk), request.POST.get("do", "")
    if do not in ("happened", "keep"):
        raise Refused("请选择怎么办。")
    returns.settle(
        line, happened=do == "happened", note=request.POST.get("note", ""), by=request.actor, today=timezone.localdate()
    )
    messages.success(request, "已按这次的结果登记。" if do == "happened" else "已登记核实情况，发放结果没有改变。")
    return redirect("odd_list")
