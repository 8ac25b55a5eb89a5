"""The queue of rows that wait: what they are held against, the decision on one or on many, the other office's answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.db.models import CharField, Count, F, Func, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.models import AuditEvent, Organisation
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.terms import Term
from aidcases.web import PERSONAL, command, page, paginate, saw
from students.filters import DecisionFilter, ReviewFilter, narrowed
from students.imports import deciding, undo
from students.imports.identity import REASONS
from students.models import Batch, Decision, ImportRow, Suspect
from students.models.batches import BatchKind
from students.models.reviews import DecisionState, Outcome, SuspectState
from students.views import evidence
from students.views.rows import sentence
from students.views.words import REASON_LABELS, outcome_label

MOST_AT_ONCE = deciding.MOST


def tabs(active: str) -> list[dict[str, Any]]:
    """The four lists of the queue, with what waits in each."""
    asked = Decision.objects.filter(state=DecisionState.ASKED, other_path__startswith=current_scope().path)
    open_pairs = Suspect.objects.filter(state=SuspectState.OPEN)
    counted = [rows.order_by().values_list("state").annotate(Count("pk")) for rows in (asked, open_pairs)]
    states = dict(counted[0].union(counted[1], all=True))
    counts = {"suspect_list": states.get(SuspectState.OPEN), "requests": states.get(DecisionState.ASKED)}
    found = [
        ("review_list", "待核对的行", reverse("review_list")),
        ("suspect_list", "疑似重复人员", reverse("suspect_list") + "?state=open"),
        ("requests", "别的单位请求", reverse("decision_list") + "?whose=answer&state=asked"),
        ("decision_list", "办理记录", reverse("decision_list")),
    ]
    return [
        {"label": label, "url": url, "active": code == active, "count": counts.get(code)} for code, label, url in found
    ]


def _waiting() -> QuerySet[ImportRow]:
    """In sight. The reasons stand on a small index, the state on none."""
    return deciding.waiting(ImportRow.objects.exclude(reasons=[]))


def _counted() -> dict[str, int]:
    """Reason → rows that wait, the most frequent first."""
    reason = Func(F("reasons"), function="unnest", output_field=CharField())
    rows = _waiting().order_by().annotate(reason=reason).values_list("reason").annotate(Count("pk"))
    return dict(sorted(rows, key=lambda row: (-row[1], row[0])))


def reason_label(code: str) -> str:
    return REASON_LABELS.get(code) or REASONS.get(code, code).split("。")[0]


@page(can=P.IMPORT_VIEW)
def review_list(request: HttpRequest) -> HttpResponse:
    counts = _counted()
    found = _found(request.GET, counts)
    shown = paginate(found.qs.select_related("file__office").order_by("file_id", "number"), request)
    asked = _asked(shown)
    reason = found.form.cleaned_data.get("reason") if found.form.is_valid() else ""
    context = {
        "tabs": tabs("review_list"), "found": found, "page": shown, "narrowed": narrowed(found),
        "rows": [{"row": row, "reasons": [reason_label(c) for c in row.reasons], "asked": asked.get(row.pk)} for row in shown],
        "reasons": [{"code": c, "label": reason_label(c), "count": n, "active": c == reason} for c, n in counts.items()],
        "reason": reason, "text": sentence(reason) if reason else "", "query": request.GET.urlencode(),
        "outcomes": _outcomes([reason]) if reason else [],
    }  # fmt: skip
    return render(request, "students/review_list.html", context)


def _found(data: QueryDict, counts: dict[str, int]) -> ReviewFilter:
    return ReviewFilter(data, _waiting(), reasons={code: f"{reason_label(code)}（{n}）" for code, n in counts.items()})


def _asked(rows: Iterable[ImportRow]) -> dict[int, Decision]:
    """Row → the request about it that is still open."""
    return {d.row_id: d for d in Decision.objects.filter(row__in=[row.pk for row in rows], state=DecisionState.ASKED)}


def _outcomes(reasons: list[str], name: str = "", standing: str = "") -> list[dict[str, str]]:
    found = deciding.outcomes_for(reasons)
    return [{"code": code, "label": outcome_label(reasons[0], code, name, standing)} for code in found]


@page(can=P.IMPORT_VIEW, reads=PERSONAL)
def review_detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(ImportRow.objects.select_related("file__office__region"), pk=pk)
    return _detail(request, row, Decision.objects.filter(row=row).select_related("batch").first())


@page(can=P.IMPORT_VIEW, reads=PERSONAL)
def decision_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The same row as the office sees it that was asked."""
    rows = Decision.objects.select_related("row__file__office__region", "batch")
    decision = get_object_or_404(rows, pk=pk)
    return _detail(request, decision.row, decision)


def _detail(request: HttpRequest, row: ImportRow, decision: Decision | None) -> HttpResponse:
    saw(request, "students.importrow", [row.pk])
    found = evidence.of_row(row, Term.parse(row.file.term))
    standing = next((record.values.get("name", "") for record in found["records"][1:2]), "")
    waits = row.state == "review" and current_scope().covers(row.file.path)
    open_request = decision if decision and decision.state == DecisionState.ASKED else None
    context = {
        "row": row, "file": row.file, "found": found, "tabs": tabs(""), "ours": current_scope().covers(row.file.path),
        "reasons": [sentence(code) for code in row.reasons],
        "decision": decision, "answer": _answer(decision) if decision else None,
        "outcomes": _outcomes(row.reasons, row.name, standing) if waits and row.reasons and not open_request else [],
        "must_agree": _names(deciding.must_agree(row)) if waits and not open_request else [],
        "may_answer": bool(open_request) and current_scope().covers(open_request.other_path),
        "may_withdraw": bool(open_request) and current_scope().covers(open_request.path),
        "asked_of": _names([open_request.other_path]) if open_request else [],
        "meaning": outcome_label(decision.reason.split("+")[0], decision.outcome, row.name, standing) if decision else "",
        "url": reverse("decision_detail", args=[decision.pk]) if decision else "",
    }  # fmt: skip
    return render(request, "students/review_detail.html", context)


def _names(paths: list[str]) -> list[str]:
    """The offices at some paths, by name."""
    return list(
        Organisation.objects.filter(path__in=paths, kind__in=("county", "city"))
        .order_by("path")
        .values_list("name", flat=True)
    )


def _answer(decision: Decision) -> AuditEvent | None:
    """Who answered a request, when and why: the log knows."""
    told = AuditEvent.objects.filter(subject_type="students.decision", subject_id=decision.pk)
    return told.filter(action__in=("decision.apply", "decision.decline", "decision.withdraw")).order_by("-pk").first()


@command(can=P.REVIEW_DECIDE)
def review_decide(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(ImportRow.objects.select_related("file"), pk=pk)
    done = _decide(request, ImportRow.objects.filter(pk=row.pk))
    if not (done.applied or done.asked):
        raise Refused(*done.left)
    return redirect("review_detail", pk=row.pk)


@command(can=P.REVIEW_DECIDE)
def review_decide_all(request: HttpRequest) -> HttpResponse:
    """All rows of the filter, of one reason: as many as were shown, or nobody has seen what would be decided."""
    counts = _counted()
    found = _found(request.GET, counts)
    if not (found.form.is_valid() and found.form.cleaned_data.get("reason")):
        raise Refused("请先选一个原因，再一起办理。")
    if (seen := request.POST.get("seen", "")) != str(found.qs.count()):
        raise Refused(f"您看的时候是 {seen or 0} 行，现在变了。请重新看一遍再办理。")
    _decide(request, found.qs)
    return redirect(f"{reverse('review_list')}?{request.GET.urlencode()}")


def _decide(request: HttpRequest, rows: QuerySet[ImportRow]) -> deciding.Done:
    outcome = request.POST.get("outcome", "")
    if outcome not in Outcome.values:
        raise Refused("请选择怎样决定。")
    done = deciding.decide(rows, outcome=outcome, why=request.POST.get("why", ""))
    if done.applied:
        messages.success(request, f"已办 {done.applied:,} 行。")
    if done.asked:
        messages.info(request, f"{done.asked:,} 行会改动别的单位的数据，已请对方确认；对方同意后生效。")
    for reason, count in done.left.items() if done.applied or done.asked else ():
        messages.warning(request, f"{count:,} 行没有办：{reason}。")
    return done


@page(can=P.IMPORT_VIEW)
def decision_list(request: HttpRequest) -> HttpResponse:
    found = DecisionFilter(request.GET, Decision.objects.select_related("row__file__office"), request=request)
    shown = paginate(found.qs, request)
    asking = request.GET.get("whose") == "answer" and request.GET.get("state") == DecisionState.ASKED
    context = {
        "tabs": tabs("requests" if asking else "decision_list"), "found": found, "page": shown, "narrowed": narrowed(found),
        "asking": asking,
        "rows": [{"decision": d, "label": outcome_label(d.reason.split("+")[0], d.outcome, d.name, ""),
                  "reasons": [reason_label(code) for code in d.reason.split("+")]} for d in shown],
    }  # fmt: skip
    return render(request, "students/decision_list.html", context)


@command(can=P.REVIEW_DECIDE)
def decision_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """The asked office agrees or declines, the asking one withdraws."""
    decision = get_object_or_404(Decision, pk=pk)
    mine = Decision.objects.filter(pk=decision.pk)
    move = request.POST.get("move")
    if move == "apply":
        deciding.agree(mine)
        messages.success(request, "已同意，这一行已经生效。")
    elif move == "decline":
        deciding.decline(mine, note=request.POST.get("note", ""))
        messages.success(request, "已答复不同意，没有改动任何内容。")
    elif not deciding.withdraw(mine):
        raise Refused("这个请求已经有了答复，不能收回。")
    else:
        messages.success(request, "已收回，没有改动任何内容。")
    return redirect("decision_detail", pk=decision.pk)


@page(can=P.IMPORT_VIEW)
def review_batch(request: HttpRequest, pk: int) -> HttpResponse:
    """What a batch of decisions or a merge has done, and what taking it back would do."""
    batch = get_object_or_404(Batch, pk=pk, kind__in=(BatchKind.DECISION, BatchKind.MERGE))
    decisions = Decision.objects.filter(batch=batch).select_related("row__file")
    context = {
        "batch": batch,
        "count": decisions.count(),
        "first": list(decisions.order_by("pk")[:20]),
        "suspect": Suspect.objects.filter(batch=batch).first(),
        "expected": undo.expected(batch) if batch.state == "standing" else None,
        "tabs": tabs("decision_list"),
    }
    return render(request, "students/review_batch.html", context)


@command(can=P.REVIEW_DECIDE)
def review_undo(request: HttpRequest, pk: int) -> HttpResponse:
    from students import merging

    batch = get_object_or_404(Batch, pk=pk)
    if batch.kind == BatchKind.MERGE:
        merging.undo(get_object_or_404(Suspect, batch=batch))
        messages.success(request, "已撤销合并，两条记录都恢复了。")
    else:
        count = deciding.undo(batch)
        messages.success(request, f"已撤销 {count:,} 条决定，这些行重新等待核对。")
    return redirect("review_batch", pk=batch.pk)
