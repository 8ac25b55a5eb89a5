"""Who is acting, outside every page's read-only transaction: idle clock, active membership, scope."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest

from aidcases import inbox
from aidcases.models import Membership
from aidcases.scoping import acting_in
from aidcases.web import to_login

Handler = Callable[[HttpRequest], HttpResponse]


class NoNul:
    """PostgreSQL's text knows no NUL; an address that carries one is nobody's honest request."""

    def __init__(self, get_response: Handler):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "%00" in request.META.get("QUERY_STRING", "") or "\0" in request.path_info:
            return HttpResponseBadRequest("地址里有不该有的字符，请从页面上重新进入。")
        return self.get_response(request)


class IdleTimeout:
    """Signs out after IDLE_MINUTES without a request; the session is touched at most once a minute."""

    def __init__(self, get_response: Handler):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now, last = int(time.time()), request.session.get("seen_at")
            if last and now - last > settings.IDLE_MINUTES * 60:
                logout(request)
                messages.info(request, f"超过 {settings.IDLE_MINUTES} 分钟没有操作，请重新登录。")
                return to_login(request)
            # Polling a job's progress is not a person at the desk.
            if (not last or now - last >= 60) and not request.path.endswith("/progress/"):
                request.session["seen_at"] = now
        response = self.get_response(request)
        if request.user.is_authenticated and "seen_at" not in request.session:  # signed in just now
            request.session["seen_at"] = int(time.time())
        return response


class Acting:
    """Sets request.membership, request.actor and, around the view, the scope of the active membership."""

    def __init__(self, get_response: Handler):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.membership = request.actor = None
        if request.user.is_authenticated:
            found = Membership.objects.filter(user=request.user).select_related("organisation", "user")
            mine = list(found.annotate(waiting=inbox.waiting()))
            wanted = request.session.get("membership")
            request.memberships = mine
            request.membership = next((m for m in mine if m.pk == wanted), mine[0] if mine else None)
        if request.membership is None:
            return self.get_response(request)
        request.actor = request.membership.actor
        with acting_in(request.membership.organisation.scope, request.actor):
            response = self.get_response(request)
        # Machines are shared: what a page shows stays in no browser's cache.
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response
