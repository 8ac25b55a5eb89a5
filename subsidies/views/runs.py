"""Computing a term: asking for it, what each run changed, what its certificate proves."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db.models import Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import Job, School
from aidcases.roles import OfficeKind, P
from aidcases.terms import Term
from aidcases.web import chosen_term, command, key_of, page, paginate
from students.filters import EXPIRED, searched
from students.models import Enrolment
from students.places import Places
from subsidies import board, compute
from subsidies.actions import request_recompute
from subsidies.enums import MAY_CLAIM
from subsidies.filters import ChangeFilter
from subsidies.forms import RecomputeForm
from subsidies.models import Adjustment, ComputeRun, EntitlementChange, Rule

KIND = "subsidies.recompute"
MOST_RUNS = 50  # of a term on the page


@page(can=P.ENTITLEMENT_VIEW)
def run_list(request: HttpRequest) -> HttpResponse:
    term = chosen_term(request)
    runs = list(ComputeRun.objects.filter(term=term.code)[:MOST_RUNS])
    places = Places([*(run.path for run in runs), request.actor.path])
    last = board.last_run(term)
    context = {
        "term": term,
        "rows": [{"run": run, "place": places.label(run.path)} for run in runs],
        "most": MOST_RUNS,
        "here": places.label(request.actor.path),
        "open_jobs": Job.objects.roots().open().filter(kind=KIND, params__term=term.code)[:5],
        "last": last,
        "marked": board.marked(term).count(),
        "in_county": request.membership.organisation.kind == OfficeKind.COUNTY,
        "rules_changed": request.actor.may(P.RECOMPUTE) and _rules_changed(last, term),
        "form": RecomputeForm(initial={"term": term.code}),
    }
    return render(request, "subsidies/run_list.html", context)


def _rules_changed(last: ComputeRun | None, term: Term) -> bool:
    """Whether rules, amounts or adoptions are no longer those of the last run."""
    return bool(last and last.rules_digest and last.rules_digest != compute.rules_digest(term))


@command(can=P.RECOMPUTE)
def recompute(request: HttpRequest) -> HttpResponse:
    """For everyone of the own region, as a job; a second click while it runs is the same job."""
    form = RecomputeForm(request.POST)
    if not form.is_valid():
        raise Refused(*(text for texts in form.errors.values() for text in texts))
    term = form.cleaned_data["term"]
    if not Enrolment.objects.in_term(term).exists():
        raise Refused(f"{term.label}还没有学籍数据，请先导入学籍信息。")
    job = request_recompute(term=term, path=request.actor.path, marked_only=form.cleaned_data["marked_only"])
    audit.record("recompute.requested", subject=job, term=term.code)
    messages.info(request, "已开始测算，可以离开本页；算完后这里显示结果。")
    return redirect(f"{resolve_url('run_list')}?term={term.code}")


@page(can=P.ENTITLEMENT_VIEW)
def run_detail(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(ComputeRun, pk=pk)
    data = request.GET.copy()
    data["run"] = run.pk
    context = {
        "run": run,
        "term": Term.parse(run.term),
        "place": Places([run.path]).label(run.path),
        "job": Job.objects.filter(pk=run.job_id).first(),
        "lines": _by_rule(run),
        "engine": compute.ENGINE,
    }
    changes = _changes(request, data, EntitlementChange.objects.filter(run=run), context["term"])
    return render(request, "subsidies/run_detail.html", context | changes)


def _by_rule(run: ComputeRun) -> list[dict[str, Any]]:
    """What the run's result comes to per rule, in the order of the packs."""
    counted = run.counts.get("rules", {})
    known = Rule.objects.filter(code__in=counted).select_related("benefit").order_by("code", "-pk").distinct("code")
    lines = [
        {
            "rule": rule,
            "students": counted[rule.code]["students"],
            "amount": None if rule.amount_kind == "none" else Decimal(counted[rule.code]["amount"]),
            "loan": rule.delivery in MAY_CLAIM,
        }
        for rule in known
    ]
    return sorted(lines, key=lambda line: (line["loan"], line["rule"].pack_id, line["rule"].order))


@page(can=P.ENTITLEMENT_VIEW)
def change_list(request: HttpRequest) -> HttpResponse:
    """What any run changed or withdrew in the term, for those who cannot open the run itself too."""
    term = chosen_term(request)
    context = _changes(request, request.GET, EntitlementChange.objects.filter(term=term.code), term)
    return render(request, "subsidies/change_list.html", {**context, "term": term})


@command(can=P.ENTITLEMENT_VIEW)
def change_search(request: HttpRequest) -> HttpResponse:
    run = key_of(request.POST.get("run", ""))
    return searched(request, resolve_url("run_detail", run) if run else "change_list", ChangeFilter)


def _changes(request: HttpRequest, data: Any, rows: Any, term: Term) -> dict[str, Any]:
    """A page of changes with its filter: names and schools are fetched for the page alone."""
    found = ChangeFilter(data, rows, request=request, term=term)
    shown = paginate(found.qs.order_by("-pk").values_list("pk", flat=True), request)
    related = ("student__person", "benefit", "old_rule", "new_rule")
    known = EntitlementChange.objects.select_related(*related).defer(
        "student__roll_number", "student__person__id_number"
    )
    changes = known.in_bulk(list(shown))
    schools = dict(
        School.objects.filter(path__in={change.school_path for change in changes.values()}).values_list("path", "name")
    )
    lines = [
        {"change": changes[pk], "school": schools.get(changes[pk].school_path, "")} for pk in shown if pk in changes
    ]
    return {"found": found, "page": shown, "changes": lines, "expired": EXPIRED}


SIDES = {"": "全部", "back_pay": "补发", "recovery": "追缴"}


@page(can=P.ENTITLEMENT_VIEW)
def adjustment_list(request: HttpRequest) -> HttpResponse:
    """What is to be paid or taken back, because what batches have listed is no longer what is due."""
    term, side = chosen_term(request), request.GET.get("side", "")
    rows = Adjustment.objects.filter(term=term.code)
    wanted = {"back_pay": rows.filter(difference__gt=0), "recovery": rows.filter(difference__lt=0)}.get(side, rows)
    shown = paginate(wanted.order_by("student_id", "benefit_id").values_list("pk", flat=True), request)
    lines = Adjustment.objects.filter(pk__in=list(shown)).select_related("student__person", "benefit", "rule")
    totals = rows.aggregate(
        back_pay=Sum("difference", filter=Q(difference__gt=0), default=0),
        recovery=Sum("difference", filter=Q(difference__lt=0), default=0),
    )
    query = f"?term={term.code}&side="
    context = {
        "term": term,
        "page": shown,
        "rows": lines.defer("student__roll_number", "student__person__id_number").order_by("student_id", "benefit_id"),
        "back_pay": totals["back_pay"],
        "recovery": -totals["recovery"],
        "tabs": [
            {"label": label, "url": query + code, "active": side == code, "count": None} for code, label in SIDES.items()
        ],
    }
    return render(request, "subsidies/adjustment_list.html", context)
