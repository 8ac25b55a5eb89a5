"""Kernel pages: login, home, search, jobs, audit log, health."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout as sign_out
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache

from aidcases import jobs, searching
from aidcases import styleguide as sample
from aidcases.filters import AuditFilter, JobFilter
from aidcases.forms import SignInForm
from aidcases.models import AuditEvent, Job, Membership, User
from aidcases.models.records import JobState
from aidcases.registry import NavItem, registry
from aidcases.roles import P
from aidcases.terms import Term, UnknownTerm
from aidcases.web import PUBLIC, SIGNED_IN, back, command, page, paginate
from aidcases.wording import action_label, outcome, page_of, subjects, told

MOST_HITS = 20  # of one source on the search page

registry.add(
    NavItem(0, "首页", "home", "house", P.HOME, ("search_results",)),
    NavItem(80, "任务", "job_list", "list-check", P.JOB_VIEW, ("job_detail",)),
    NavItem(90, "操作记录", "audit_list", "shield-check", P.AUDIT_VIEW),
)


def login(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("home")
    how = {"template_name": "registration/login.html", "authentication_form": SignInForm}
    view: Any = never_cache(LoginView.as_view(**how))
    return view(request)


def password(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return redirect("login")
    view: Any = PasswordChangeView.as_view(template_name="registration/password.html", success_url=reverse_lazy("home"))
    response = view(request)
    if response.status_code == 302:
        messages.success(request, "密码已修改，下次登录请用新密码。")
    return response


login.can, login.reads, login.method = PUBLIC, None, "GET POST"
password.can, password.reads, password.method = SIGNED_IN, None, "GET POST"


def locked_out(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
    """What django-axes answers while an account is locked from an address."""
    minutes = round(settings.AXES_COOLOFF_TIME * 60)
    context = {"locked": True, "minutes": minutes, "failures": settings.AXES_FAILURE_LIMIT}
    return render(request, "registration/login.html", context, status=429)


@command(can=SIGNED_IN)
def logout(request: HttpRequest) -> HttpResponse:
    sign_out(request)
    return redirect("login")


@page(can=SIGNED_IN)
def home(request: HttpRequest) -> HttpResponse:
    if request.membership is None:
        return render(request, "aidcases/no_membership.html")
    cards = [
        render_to_string(card.template, content, request)
        for card in registry.visible(registry.cards, request.actor)
        if (content := card.content(request)) is not None
    ]
    return render(request, "aidcases/home.html", {"cards": cards})


@command(can=SIGNED_IN)
def membership_choose(request: HttpRequest) -> HttpResponse:
    wanted = request.POST.get("membership", "")
    chosen = get_object_or_404(
        Membership.objects.filter(user=cast(User, request.user)), pk=wanted if wanted.isdecimal() else None
    )
    request.session["membership"] = chosen.pk
    return redirect("home")


@command(can=P.HOME)
def term_choose(request: HttpRequest) -> HttpResponse:
    try:
        request.session["term"] = Term.parse(request.POST.get("term", "")).code
    except UnknownTerm as problem:
        messages.error(request, str(problem))
    answer = back(request)
    # A term in the address of the page one comes from would outweigh the one just chosen.
    address = urlsplit(answer["Location"])
    kept = [pair for pair in parse_qsl(address.query) if pair[0] not in ("term", "page")]
    answer["Location"] = urlunsplit(address._replace(query=urlencode(kept)))
    return answer


@command(can=P.HOME)
def search(request: HttpRequest) -> HttpResponse:
    """Names and numbers are posted; the address of the results carries an opaque key only."""
    query = searching.understood(request.POST.get("q", ""))
    if not query.shown:
        messages.info(request, "请输入姓名、拼音首字母、证件号码（全号或后四位）或户编号。")
        return back(request)
    return redirect("search_results", key=searching.remember(request, query))


@page(can=P.HOME)
def search_results(request: HttpRequest, key: str) -> HttpResponse:
    if (query := searching.recalled(request, key)) is None:
        messages.info(request, "这次搜索已过期，请在顶部重新输入。")
        raise Http404
    found = [
        {"label": source.label, "hits": source.find(query, MOST_HITS)}
        for source in registry.visible(registry.searches, request.actor)
    ]
    context = {"found": found, "query": query, "limit": MOST_HITS, "any": any(each["hits"] for each in found)}
    return render(request, "aidcases/search.html", context)


@page(can=P.JOB_VIEW)
def job_list(request: HttpRequest) -> HttpResponse:
    found = JobFilter(request.GET, Job.objects.roots(), request=request)
    return render(request, "aidcases/job_list.html", {"found": found, "page": paginate(found.qs, request)})


@page(can=P.JOB_VIEW)
def job_detail(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(Job.objects.roots(), pk=pk)
    context = {"job": job, "facts": outcome(job), "made": page_of(job) if job.state == JobState.DONE else ""}
    return render(request, "aidcases/job_detail.html", context)


@page(can=P.JOB_VIEW)
def job_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of a page that HTMX polls; 286 tells it to stop."""
    job = get_object_or_404(Job, pk=pk)
    response = render(request, "components/job_progress.html", {"job": job, "polled": True})
    if not job.is_open:
        response.status_code = 286
        response["HX-Refresh"] = "true"
    return response


@command(can=P.JOB_STEER)
def job_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(Job.objects.roots(), pk=pk)
    job.move("cancel", by=request.actor)
    jobs.cancel_parts(job.pk)
    messages.success(request, "已取消。")
    return back(request)


@command(can=P.JOB_STEER)
def job_resume(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(Job.objects.roots(), pk=pk)
    job.move("resume", by=request.actor)
    jobs.resume(job.pk)
    messages.success(request, "已继续。")
    return back(request)


@page(can=P.AUDIT_VIEW)
def audit_list(request: HttpRequest) -> HttpResponse:
    found = AuditFilter(request.GET, AuditEvent.objects.all(), request=request)
    shown = paginate(found.qs, request)
    about = subjects(shown, request.actor)
    lines = [
        {
            "event": each,
            "action": action_label(each.action),
            "told": told(each),
            "subject": about.get(each.pk),
            "page": each.data.get("page", ""),
        }
        for each in shown
    ]
    return render(request, "aidcases/audit_list.html", {"found": found, "page": shown, "lines": lines})


@page(can=P.HOME)
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every component with realistic content, for whoever writes pages."""
    return render(request, "styleguide.html", sample.context())


def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers, also while its database is away: no page(), which opens a transaction."""
    return HttpResponse("ok", content_type="text/plain")


healthz.can, healthz.reads, healthz.method = PUBLIC, None, "GET"


@page(can=PUBLIC)
def readyz(request: HttpRequest) -> HttpResponse:
    """The process and its database answer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"database": "ok"})


@page(can=PUBLIC)
def robots(request: HttpRequest) -> HttpResponse:
    return HttpResponse("User-agent: *\nDisallow: /\n", content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Without the request's form and session: they may be what is wrong with it."""
    return HttpResponse(render_to_string("400.html"), status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return HttpResponseForbidden(_plain(request, "403.html"))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return HttpResponse(_plain(request, "404.html"), status=404)


def broken(request: HttpRequest) -> HttpResponse:
    """Without the request, hence without context processors and queries: it must not fail for the same reason."""
    return HttpResponse(render_to_string("500.html"), status=500)


def _plain(request: HttpRequest, template: str) -> bytes:
    return render(request, template).content
