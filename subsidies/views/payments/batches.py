"""发放批次 for the county: the list, a new one with who may be on it and why others not, and its way to the end."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import Job
from aidcases.roles import OfficeKind, P
from aidcases.terms import Term
from aidcases.web import chosen_term, command, key_of, page, paginate
from students.filters import EXPIRED, searched
from students.models import Enrolment
from subsidies.actions import request_recompute
from subsidies.casework.classlist import in_a_school
from subsidies.models import BatchPart, Entitlement, Payment, PaymentBatch
from subsidies.models.payments import BatchState, Channel, PaymentState
from subsidies.payments import banks, batches, batchjobs, funnel, indicators, lists

B = BatchState
TABS = (
    ("open", "办理中", (B.PREPARED, B.CONFIRMED, B.APPROVED, B.CHECKED, B.SENT, B.RETURNED)),
    ("balanced", "已结清", (B.BALANCED,)),
    ("cancelled", "已作废", (B.CANCELLED,)),
)
# Channel → the steps of its way and how far each state has come (one more than the last: all done).
WAYS = {
    Channel.BANK: (
        "编制 学校确认 审批 报送 回盘 结清",
        {B.PREPARED: 2, B.CONFIRMED: 3, B.APPROVED: 4, B.CHECKED: 4, B.SENT: 5, B.RETURNED: 5, B.BALANCED: 7},
    ),
    Channel.SETTLEMENT: (
        "编制 学校确认 审批 结算 结清",
        {B.PREPARED: 2, B.CONFIRMED: 3, B.APPROVED: 4, B.CHECKED: 4, B.SENT: 4, B.RETURNED: 4, B.BALANCED: 6},
    ),
}
ORDER = ("student__person__name", "pk")
FRESH = timedelta(days=1)  # for so long a batch that could not be made is told of on the list


def batch_of(pk: int) -> PaymentBatch:
    return get_object_or_404(PaymentBatch.objects.select_related("office"), pk=pk)


def _looked_at(pk: int) -> Any:
    """With `all_lines`, those cancelled included, and `job_pk`: its approval while it is under way or has failed."""
    every = Payment.objects.filter(batch=OuterRef("pk")).order_by().values("batch").annotate(n=Count("pk"))
    job = batchjobs.undone([batchjobs.APPROVE], OuterRef("pk")).values("pk")[:1]
    rows = PaymentBatch.objects.select_related("office")
    rows = rows.annotate(all_lines=Coalesce(Subquery(every.values("n")), 0), job_pk=Subquery(job))
    return get_object_or_404(rows, pk=pk)


@page(can=P.PAYMENT_VIEW)
def batch_list(request: HttpRequest) -> HttpResponse:
    """The county's batches of the term; a school sees its own parts of them."""
    if in_a_school():
        return _part_list(request)
    term, wanted = chosen_term(request), next((tab for tab in TABS if tab[0] == request.GET.get("state")), TABS[0])
    rows = PaymentBatch.objects.filter(term=term.code, state__in=wanted[2]).select_related("office")
    context = {
        "page": (shown := paginate(rows, request)),
        "rows": [{"batch": each, "tone": lists.BATCH_TONES[each.state]} for each in shown],
        "tabs": [{"label": label, "url": f"?state={code}", "active": code == wanted[0]} for code, label, _ in TABS],
        "term": term,
        "may_prepare": _may_prepare(request),
        "job": _preparing(request, term) if _may_prepare(request) else None,
        "several": request.membership.organisation.kind != OfficeKind.COUNTY,
    }
    return render(request, "subsidies/payments/batch_list.html", context)


def _may_prepare(request: HttpRequest) -> bool:
    return request.actor.may(P.PAYMENT_PREPARE) and request.membership.organisation.kind == OfficeKind.COUNTY


def _preparing(request: HttpRequest, term: Term) -> Job | None:
    """The office's batch that is being made, or could not be lately."""
    mine = batchjobs.undone([batchjobs.PREPARE]).filter(office_id=request.actor.office_id, params__term=term.code)
    latest = Job.objects.roots().filter(kind=batchjobs.PREPARE, office_id=request.actor.office_id).order_by("-pk")
    mine = mine.filter(pk=Subquery(latest.values("pk")[:1]))
    return mine.filter(Q(finished_at=None) | Q(finished_at__gt=timezone.now() - FRESH)).first()


def _part_list(request: HttpRequest) -> HttpResponse:
    term = chosen_term(request)
    rows = BatchPart.objects.filter(batch__term=term.code).exclude(batch__state=B.CANCELLED).select_related("batch")
    shown = paginate(rows.order_by("-pk"), request)
    told = lists.of_schools(Payment.objects.filter(batch__in=[part.batch_id for part in shown]))
    none = {"lines": 0, "total": 0, "paid": 0}
    found = [
        {"part": part, "tone": lists.BATCH_TONES[part.batch.state], **told.get((part.batch_id, part.school_id), none)}
        for part in shown
    ]
    return render(request, "subsidies/payments/part_list.html", {"page": shown, "rows": found, "term": term})


# --- a new one -----------------------------------------------------------------------------------------------------


def _form(request: HttpRequest, data: Any, term: Term) -> lists.NewBatchForm:
    if not _may_prepare(request):
        raise Http404
    return lists.NewBatchForm(data, path=request.membership.organisation.path, term=term)


@page(can=P.PAYMENT_PREPARE)
def batch_new(request: HttpRequest) -> HttpResponse:
    """Who could be on it now and who not, counted by reason, before it is made."""
    term, day, office = chosen_term(request), timezone.localdate(), request.membership.organisation
    form, found = _form(request, request.GET, term), None
    if form.is_valid() and form.asked["benefits"]:
        asked = form.asked
        rows, backs = funnel.offered(office.path, term, **asked), funnel.owed(office.path, term, day=day, **asked)
        found = funnel.counted(rows, backs, funnel.conditions(term, asked["channel"], day))
    given = request.GET.copy()
    given.pop("reason", None)
    context = {"form": form, "found": found, "term": term, "asked": given.urlencode()}
    return render(request, "subsidies/payments/batch_new.html", context)


@page(can=P.PAYMENT_PREPARE)
def batch_stopped(request: HttpRequest) -> HttpResponse:
    """The names behind a reason."""
    term, day, office = chosen_term(request), timezone.localdate(), request.membership.organisation
    form = _form(request, request.GET, term)
    if not form.is_valid():
        raise Http404
    asked = funnel.conditions(term, form.asked["channel"], day)
    wanted = next((c for c in asked if c.code == request.GET.get("reason")), None)
    if wanted is None:
        raise Http404
    rows = funnel.stopped_by(funnel.offered(office.path, term, **form.asked), wanted)
    shown = paginate(rows.order_by("school_path", "student_id", "benefit_id").values_list("pk", flat=True), request)
    given = request.GET.copy()
    for name in ("reason", "page"):
        given.pop(name, None)
    context = {"page": shown, "rows": _entitled(list(shown), term), "reason": wanted, "term": term, "asked": given.urlencode()}
    return render(request, "subsidies/payments/batch_stopped.html", context)


def _entitled(keys: list[Any], term: Term) -> list[dict[str, Any]]:
    rows = Entitlement.objects.filter(pk__in=keys).select_related("student__person", "school", "benefit")
    found = {row.pk: row for row in rows.defer("student__roll_number", "student__person__id_number")}
    enrolled = Enrolment.objects.in_term(term).filter(student__in=[row.student_id for row in found.values()]).defer("phone")
    classes = {each.student_id: each for each in enrolled}
    return [{"line": found[pk], "enrolment": classes.get(found[pk].student_id)} for pk in keys if pk in found]


@command(can=P.PAYMENT_PREPARE)
def batch_create(request: HttpRequest) -> HttpResponse:
    term = chosen_term(request)
    form = _form(request, request.POST, term)
    if not form.is_valid():
        raise Refused(*(f"{form[name].label}：{'；'.join(errors)}" for name, errors in form.errors.items()))
    batchjobs.request_prepare(
        office=request.membership.organisation, term=term, bank=form.cleaned_data["bank"], title=form.cleaned_data["title"],
        day=timezone.localdate(), **form.asked,
    )  # fmt: skip
    messages.info(request, "正在编制，可以离开本页；编好以后列在这里，请学校确认名单。")
    return redirect(f"{reverse('batch_list')}?term={term.code}")


# --- one batch -----------------------------------------------------------------------------------------------------


@page(can=P.PAYMENT_VIEW)
def batch_detail(request: HttpRequest, pk: int) -> HttpResponse:
    batch, day = _looked_at(pk), timezone.localdate()
    found = lists.LineFilter(request.GET, batch.payments.all(), request=request, term=Term.parse(batch.term))
    may, way = _may(request, batch), WAYS[Channel(batch.channel)]
    job = Job.objects.get(pk=batch.job_pk) if batch.job_pk and batch.state == B.CONFIRMED else None
    if job and job.is_open:
        may = dict.fromkeys(may, False)
    context = {
        "batch": batch,
        "tone": lists.BATCH_TONES[batch.state],
        "term": Term.parse(batch.term),
        "way": way[0],
        "step": way[1].get(BatchState(batch.state), 0),
        "bank": dict(banks.choices()).get(batch.bank, batch.bank),
        "balance": batches.balance(batch) if batch.approved_at else [],
        "uses": batch.uses.select_related("indicator__benefit", "indicator__school") if batch.approved_at else [],
        "short": indicators.refusals(indicators.headroom(batch)) if batch.state == B.PREPARED else [],
        "blocked": batches.against_approval(batch, day) if may["approve"] else [],
        "may": may,
        "job": job,
        "today": day,
        **_lines(request, batch, found),
        "parts": [] if found.narrows else lists.parts(batch, instead=may["instead"]),
    }
    return render(request, "subsidies/payments/batch_detail.html", context)


def _lines(request: HttpRequest, batch: Any, found: lists.LineFilter) -> dict[str, Any]:
    """The page of the list, the office's own schools first."""
    order = (*lists.by_school(batch.path), *ORDER)
    keys = found.qs.order_by(*order).values_list("pk", flat=True)
    whole = lists.Counted(keys, batch.all_lines)
    shown = paginate(keys, request) if found.narrows else whole.get_page(request.GET.get("page"))
    rows = lists.lines(shown, batch.term, order)
    return {"found": found, "page": shown, "rows": rows, "narrowed": found.narrows, "expired": EXPIRED}


def _may(request: HttpRequest, batch: PaymentBatch) -> dict[str, bool]:
    """Which steps stand open to whoever looks."""
    states: dict[str, tuple[P, set[BatchState]]] = {
        "leave_out": (P.PAYMENT_PREPARE, {B.PREPARED}),
        "instead": (P.PAYMENT_PREPARE, {B.PREPARED}),
        "reopen": (P.PAYMENT_APPROVE, {B.CONFIRMED}),
        "approve": (P.PAYMENT_APPROVE, {B.CONFIRMED}),
        "check": (P.PAYMENT_PREPARE, {B.APPROVED} if batch.poverty_check else set()),
        "set_check": (P.INDICATOR_SET, {B.PREPARED, B.CONFIRMED}),
        "settle": (P.PAYMENT_PREPARE, {B.APPROVED, B.CHECKED, B.SENT} if batch.channel == Channel.SETTLEMENT else set()),
        "withdraw": (P.PAYMENT_APPROVE, {B.APPROVED, B.CHECKED, B.SENT, B.RETURNED}),
        "close": (P.PAYMENT_PREPARE, set() if batch.lines_open else {B.SENT, B.RETURNED}),
        "cancel": (P.PAYMENT_APPROVE, {B.PREPARED, B.CONFIRMED, B.APPROVED, B.CHECKED}),
    }  # fmt: skip
    return {name: request.actor.may(can) and batch.state in where for name, (can, where) in states.items()}


@command(can=P.PAYMENT_VIEW)
def batch_search(request: HttpRequest, pk: int) -> HttpResponse:
    return searched(request, reverse("batch_detail", args=[batch_of(pk).pk]), lists.LineFilter)


def _chosen(request: HttpRequest, batch: PaymentBatch) -> Any:
    keys = [key for typed in request.POST.getlist("line") if (key := key_of(typed))]
    if not keys:
        raise Refused("请先勾选名单上的人。")
    return batch.payments.filter(pk__in=keys)


def _anew(request: HttpRequest, batch: PaymentBatch, text: str) -> HttpResponse:
    """Whoever is off a list follows the rules again: computed anew at once, so that the next batch can take them."""
    request_recompute(term=Term.parse(batch.term), path=batch.path, marked_only=True)
    return _told(request, batch, text)


def _told(request: HttpRequest, batch: PaymentBatch, text: str) -> HttpResponse:
    messages.success(request, text)
    return redirect("batch_detail", batch.pk)


@command(can=P.PAYMENT_PREPARE)
def batch_leave_out(request: HttpRequest, pk: int) -> HttpResponse:
    batch = batch_of(pk)
    moved = batches.leave_out(_chosen(request, batch), request.POST.get("note", ""))
    return _anew(request, batch, f"移出 {moved:,} 人次，正在重新测算，以后仍可列入别的批次。")


@command(can=P.PAYMENT_APPROVE)
def batch_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    batch = batch_of(pk)
    rows = _chosen(request, batch).filter(state__in=(PaymentState.APPROVED, PaymentState.REISSUED))
    moved = batches.withdraw(rows, request.POST.get("note", ""))
    return _anew(request, batch, f"撤销 {moved:,} 人次，指标已退回，正在重新测算。")


@command(can=P.PAYMENT_APPROVE)
def batch_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    batch = batch_of(pk)
    batches.reopen(batch, request.POST.get("note", ""))
    return _told(request, batch, "已退回学校，改好后学校要重新确认。")


@command(can=P.PAYMENT_APPROVE)
def batch_approve(request: HttpRequest, pk: int) -> HttpResponse:
    batch = batch_of(pk)
    batchjobs.request_approve(batch, request.POST.get("document", ""), day=timezone.localdate())
    return redirect("batch_detail", batch.pk)


@command(can=P.PAYMENT_PREPARE)
def batch_check(request: HttpRequest, pk: int) -> HttpResponse:
    batch = batch_of(pk)
    batches.check(batch, request.POST.get("note", ""))
    return _told(request, batch, "已登记核对情况，可以报送。")


@command(can=P.INDICATOR_SET)
def batch_set_check(request: HttpRequest, pk: int) -> HttpResponse:
    batch, wanted = batch_of(pk), request.POST.get("wanted") == "1"
    batches.set_check(batch, wanted)
    return _told(request, batch, "报送前要由乡村振兴部门核对。" if wanted else "报送前不用乡村振兴部门核对。")


@command(can=P.PAYMENT_APPROVE)
def batch_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    batch = batch_of(pk)
    batches.cancel(batch, request.POST.get("note", ""))
    return _anew(request, batch, "批次已作废，指标和名单上的资助都已放开，正在重新测算。")


@command(can=P.PAYMENT_PREPARE)
def batch_close(request: HttpRequest, pk: int) -> HttpResponse:
    batch = batch_of(pk)
    batches.close(batch)
    return _told(request, batch, "批次已结清。")


class SettleForm(forms.Form):
    day = forms.DateField(label="结算日期")
    receipt = forms.CharField(label="收据或发票号", max_length=60)


@command(can=P.PAYMENT_PREPARE)
def batch_settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Of one school, named by its key, or of all."""
    batch, form = batch_of(pk), SettleForm(request.POST)
    if not form.is_valid():
        raise Refused("请填写结算日期和收据号。")
    school = request.POST.get("school", "")
    rows = batch.payments.filter(school__code=school) if school else None
    day: date = form.cleaned_data["day"]
    moved = batches.settle(batch, day, form.cleaned_data["receipt"], rows)
    return _told(request, batch, f"已登记结算 {moved:,} 人次。")
