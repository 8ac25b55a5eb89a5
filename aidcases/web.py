"""A view is a page (GET, cannot write) or a command (POST, one transaction), and says who may."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from functools import wraps
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.paginator import Page, Paginator
from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme

from aidcases import audit
from aidcases.flow import Refused, disk_full
from aidcases.registry import registry
from aidcases.terms import Term, UnknownTerm

PUBLIC = "public"  # anyone, signed in or not
SIGNED_IN = "signed in"  # any account, also before it has a membership
PERSONAL = "personal"  # the page shows personal data in clear: an audit event names the rows

View = Callable[..., HttpResponse]


def _guarded(request: HttpRequest, can: str) -> HttpResponse | None:
    """None when the request may go on, else what to answer."""
    if can == PUBLIC:
        return None
    if not request.user.is_authenticated:
        return to_login(request)
    if can == SIGNED_IN:
        return None
    if request.actor is None or not request.actor.may(can):
        raise PermissionDenied
    return None


def page(can: str, reads: str | None = None) -> Callable[[View], View]:
    """GET and HEAD. Runs and renders inside a transaction that PostgreSQL itself holds read-only."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in ("GET", "HEAD"):
                return HttpResponseNotAllowed(["GET", "HEAD"])
            if (answer := _guarded(request, can)) is not None:
                return answer
            request.seen = None
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL transaction_read_only = on")
                response = view(request, *args, **kwargs)
                if not getattr(response, "is_rendered", True):
                    response.render()
                # Nothing was written; rolling back ends read-only mode even inside an outer transaction.
                transaction.set_rollback(True)
            if reads and request.seen:
                subject, ids = request.seen
                audit.record("personal.read", subject_ids=ids, subject_type_seen=subject, page=request.path)
            return response

        wrapper.can, wrapper.reads, wrapper.method = can, reads, "GET"
        return wrapper

    return decorate


def saw(request: HttpRequest, subject: str, ids: Iterable[int]) -> None:
    """A page with reads=PERSONAL names the rows whose personal data it shows."""
    request.seen = (subject, list(ids))


def command(can: str) -> Callable[[View], View]:
    """POST, one transaction. A Refused becomes a message on the page the person came from (409 for HTMX and API)."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            if (answer := _guarded(request, can)) is not None:
                return answer
            if any("\0" in value for values in request.POST.lists() for value in values[1]):
                raise SuspiciousOperation("NUL in a form")  # PostgreSQL's text knows none
            try:
                try:
                    with transaction.atomic():
                        return view(request, *args, **kwargs)
                except OSError as problem:
                    if (full := disk_full(problem)) is None:
                        raise
                    raise full from problem
            except Refused as refused:
                if request.htmx:
                    return HttpResponse(
                        "；".join(refused.reasons), status=409, content_type="text/plain; charset=utf-8"
                    )
                for reason in refused.reasons:
                    messages.error(request, reason)
                return back(request)

        wrapper.can, wrapper.reads, wrapper.method = can, None, "POST"
        return wrapper

    return decorate


def back(request: HttpRequest, otherwise: str = "home") -> HttpResponseRedirect:
    """To the page named by `next`, else the one the form stood on; never to another site."""
    for url in (request.POST.get("next"), request.META.get("HTTP_REFERER")):
        if url and url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure()):
            return HttpResponseRedirect(url)
    return redirect(otherwise)


def key_of(typed: str) -> int:
    """The key of a row as an address or a form names it; 0, which is no row's, for what is none that a bigint holds."""
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 19 else 0


def to_login(request: HttpRequest) -> HttpResponseRedirect:
    """Signing in, then back to this page; after a command, which is no page, to the one its form stood on."""
    if request.method in ("GET", "HEAD"):
        return redirect_to_login(request.get_full_path())
    messages.warning(request, "刚才提交的内容没有收到，登录后请再提交一次。")
    return redirect_to_login(urlsplit(back(request).url)._replace(scheme="", netloc="").geturl())


COUNT_CAP = 10_000


class CappedPaginator(Paginator):
    """Counts to 10,000 and no further, so that a list of a million costs what a list of ten thousand does."""

    @property
    def count(self) -> int:
        if not hasattr(self, "_count"):
            self._count = self.object_list.order_by()[: COUNT_CAP + 1].values("pk").count()
        return min(self._count, COUNT_CAP)

    @property
    def more(self) -> bool:
        return bool(self.count) and self._count > COUNT_CAP


def paginate(rows: QuerySet, request: HttpRequest, size: int = 50) -> Page:
    """The page named by ?page=; out of range gives the nearest."""
    return CappedPaginator(rows, size).get_page(request.GET.get("page"))


def known_terms(request: HttpRequest) -> list[str]:
    """Terms with data, newest first; looked up once a request."""
    if not hasattr(request, "known_terms"):
        request.known_terms = registry.terms()
    return request.known_terms


def chosen_term(request: HttpRequest) -> Term:
    """The term the person works in: ?term=, else the last chosen, else the newest with data, else today's."""
    for code in (request.GET.get("term"), request.session.get("term")):
        try:
            if code:
                return Term.parse(code)
        except UnknownTerm:
            continue
    known = known_terms(request)
    return Term.parse(known[0]) if known else Term.containing(date.today())


def inbox_count(request: HttpRequest) -> int:
    """How much the person's office has to do, as far as they may do it; it came with the membership (middleware)."""
    return sum(request.actor.may(permission) for permission in getattr(request.membership, "waiting", []))


FEW = 10  # so many entries need no folding


def _sections(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """label, items, open: the section one is in is unfolded; where one is in none, as on the first page, all are."""
    inside = next((item["section"] for item in items if item["active"]), "")
    folded = len(items) > FEW and inside
    return [
        {"label": label, "items": list(rows), "open": not folded or label == inside}
        for label, rows in groupby(items, key=lambda item: item["section"])
    ]


def chrome(request: HttpRequest) -> dict[str, Any]:
    """What every template needs: the actor, their navigation, the term."""
    membership = getattr(request, "membership", None)
    if membership is None:
        empty: dict[str, Any] = {"navigation": [], "sections": [], "memberships": [], "terms": []}
        return {"membership": None, "actor": None, "term": None, "inbox_count": 0, **empty}
    name = request.resolver_match.view_name if request.resolver_match else ""
    items = [
        {
            "label": item.label, "url": item.url, "icon": item.icon, "section": item.section,
            "active": name == item.url or name in item.active_for,
        }
        for item in registry.visible(registry.navigation, request.actor)
    ]  # fmt: skip
    return {
        "navigation": items,
        "sections": _sections(items),
        "membership": membership,
        "actor": request.actor,
        "memberships": request.memberships,
        "term": SimpleLazyObject(lambda: chosen_term(request)),
        "terms": SimpleLazyObject(lambda: known_terms(request)),
        "inbox_count": SimpleLazyObject(lambda: inbox_count(request)),
    }
