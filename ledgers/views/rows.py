"""The rows that a figure of a summary counts: exactly as many as the figure says."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from aidcases.models import Region, School
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.web import page, paginate
from ledgers.areas import Area, area_at
from ledgers.forms import asked_span
from ledgers.preview import cells_of, child_url, headings, total_of
from ledgers.views.books import ledger_or_404


def _area(request: HttpRequest) -> Area:
    """The place the address means, in the own area; the whole of it where none is named."""
    own, school = current_scope().path, request.GET.get("school", "")
    if school:
        found = get_object_or_404(School, code=school, path__startswith=own)
        return Area(found.path, found.name, is_school=True)
    code = request.GET.get("place") or request.GET.get("county")
    return area_at(get_object_or_404(Region.objects.under(own), code=code).path if code else own)


@page(can=P.LEDGER_VIEW)
def ledger_rows(request: HttpRequest, code: str) -> HttpResponse:
    ledger, span, area = ledger_or_404(request, code), asked_span(request), _area(request)
    if ledger.behind is None:
        raise Http404
    try:
        listing = ledger.behind(ledger.of(span), area, request.GET.dict())
    except (KeyError, ValueError):
        raise Http404 from None
    shown = paginate(listing.found, request)
    rows = listing.between(shown.start_index() - 1, shown.end_index()) if shown.paginator.count else []
    opened = "student_why" if request.actor.may(P.ENTITLEMENT_VIEW) else "student_detail"
    context = {
        "ledger": ledger,
        "heading": f"{area.full_name}，{span.label}",
        "back": request.GET.urlencode(),
        "area": area,
        "span": span,
        "headings": headings(listing.columns),
        "rows": [cells_of(listing.columns, values, child_url(child, span, opened)) for child, values in rows],
        "total": total_of(listing),
        "page": shown,
    }
    return render(request, "ledgers/ledger_rows.html", context)
