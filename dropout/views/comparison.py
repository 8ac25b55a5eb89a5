"""四查三比对: which rosters are there, the comparison as a job, what it found with both sources, one child's finding."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases import jobs
from aidcases.models import AuditEvent
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.terms import Term
from aidcases.web import chosen_term, command, page, paginate
from dropout import comparing, sources
from dropout.enums import CaseState, DifferenceKind
from dropout.models import Comparison, Difference
from dropout.views import sight
from students.enums import RosterKind, Stage
from students.filters import EXPIRED, narrowed, searched
from students.models import Enrolment, RosterEntry
from students.panels import rosters_of
from students.places import Places

SHOWN = (RosterKind.POPULATION, RosterKind.ROLL, RosterKind.PRESENT, RosterKind.POVERTY)
STANDING = [("gone", "已消除")]


@page(can=P.DROPOUT_VIEW)
def comparison(request: HttpRequest) -> HttpResponse:
    """Where a comparison begins: the rosters, what the last one found, the button."""
    term, path = chosen_term(request), current_scope().path
    files = {roster["kind"]: roster["file"] for roster in rosters_of(request, term)}
    numbers = _numbers(term)
    made = {row.path: row for row in Comparison.objects.filter(term=term.code)}
    own = made.pop(path, None)
    last = AuditEvent.objects.filter(subject_type="dropout.comparison", subject_id=own.pk).first() if own else None
    context = {
        "rosters": [
            {"kind": kind, "file": files.get(kind.value), "number": numbers.get(kind.value, 0)} for kind in SHOWN
        ],
        "has_files": bool(files),
        "lacking": [kind.label for kind in comparing.NEEDED if not numbers.get(kind.value)],
        "own": own,
        "last": last,
        "elsewhere": last.data.get("elsewhere", 0) if last else 0,
        "below": _below(made),
        "found": _standing(term),
        "stale": bool(last and any(file and file.committed_at and file.committed_at > last.at for file in files.values())),
        "term": term,
        "may": {"compare": request.actor.may(P.DROPOUT_COMPARE), "import": request.actor.may(P.IMPORT_WRITE)},
    }
    return render(request, "dropout/comparison.html", context)


def _numbers(term: Term) -> dict[str, int]:
    """Rows of the rosters in sight; the register of the poor has no term and is counted by its file."""
    entries = RosterEntry.objects.filter(term=term.code).order_by().values_list("kind").annotate(n=Count("pk"))
    roll = Enrolment.objects.in_term(term).filter(stage__in=(Stage.PRIMARY, Stage.JUNIOR)).count()
    return {**dict(entries), RosterKind.ROLL.value: roll}


def _below(made: dict[str, Comparison]) -> list[dict[str, Any]]:
    """Comparisons of the areas below, with their names."""
    places = Places(made)
    return [{"name": places.label(path), "counts": made[path].counts, "made_at": made[path].made_at} for path in sorted(made)]


def _standing(term: Term) -> dict[str, int]:
    rows = sight.mine(Difference.objects.in_term(term).standing())
    listed = ~Q(kind=DifferenceKind.OFF_ROSTER)
    counts = {kind.value: Count("pk", filter=Q(kind=kind)) for kind in DifferenceKind}
    return rows.order_by().aggregate(**counts, poor=Count("pk", filter=Q(poor=True) & listed))


@command(can=P.DROPOUT_COMPARE)
def comparison_run(request: HttpRequest) -> HttpResponse:
    term, path = chosen_term(request), current_scope().path
    today = timezone.localdate().isoformat()
    job = jobs.enqueue(comparing.KIND, once=True, term=term.code, path=path, today=today)
    return redirect("job_detail", job.pk)


class DifferenceFilter(sight.ChildFilter):
    """Lines of a term; without a choice those that stand."""

    kind = sight.choices("疑点", DifferenceKind.choices)
    poor = sight.choices("贫困户子女", sight.POOR)
    case = sight.choices("案件", [("none", "没有案件"), *CaseState.choices], method="in_state")
    standing = sight.choices("疑点状态", STANDING, method="as_it_is")

    class Meta:
        model = Difference
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.filters["standing"].extra["empty_label"] = "仍存在"

    def in_state(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(case=None) if value == "none" else rows.filter(case__state=value)

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        gone = self.form.cleaned_data.get("standing") == "gone"
        return super().filter_queryset(queryset).filter(gone_on__isnull=not gone)


@page(can=P.DROPOUT_VIEW)
def difference_list(request: HttpRequest) -> HttpResponse:
    term = chosen_term(request)
    rows = sight.mine(sources.with_sources(Difference.objects.in_term(term)))
    found = DifferenceFilter(request.GET, rows, request=request, term=term)
    shown = paginate(found.qs.order_by("pk"), request)
    told = sources.Told(shown)
    context = {
        "found": found,
        "page": shown,
        "rows": [{"line": line, "words": told.words(line)} for line in shown],
        "term": term,
        "narrowed": narrowed(found),
        "expired": EXPIRED,
    }
    return render(request, "dropout/difference_list.html", context)


@command(can=P.DROPOUT_VIEW)
def difference_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "difference_list", DifferenceFilter)


@page(can=P.DROPOUT_VIEW)
def difference_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The rows of both sides beside each other, what earlier terms found of the same child, the case."""
    line = get_object_or_404(sight.mine(sources.with_sources(Difference.objects.all())), pk=pk)
    told = sources.Told([line])
    earlier = Difference.objects.filter(student=line.student_id).exclude(pk=line.pk).order_by("-pk")
    context = {
        "line": line,
        "words": told.words(line),
        "sides": told.sides(line),
        "home": sight.homes_of([line]).get(line.student_id, ""),
        "earlier": sources.Told.each(sources.with_sources(earlier)),
        "term": Term.parse(line.term),
    }
    return render(request, "dropout/difference_detail.html", context)
