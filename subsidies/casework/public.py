"""What anybody may read without signing in: the page of a running notice and the index of all. Answered before session,
locale and login from a small store in the process; whether it may still be shown is decided at every request."""

from __future__ import annotations

import gzip
import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from threading import Lock
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone

from aidcases.scoping import EVERYWHERE, Actor, acting_in
from students.places import Places, county_of
from subsidies.casework import noticelists
from subsidies.models import PublicNotice
from subsidies.models.notices import NoticeKind, NoticeState

PUBLIC = Actor("公众")
ADDRESS = re.compile(r"/notice/([\w-]{6,16})/|/notices/")
INDEX = ""  # stands for the index among the keys
FRESH = 5.0  # seconds a process goes without looking into the database: how late it learns of a recall elsewhere
LONGEST = 300  # seconds a browser may keep the page
KEPT = 64  # pages a process keeps
HEADERS = {
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Vary": "Accept-Encoding",
}


# --- the page ------------------------------------------------------------------------------------------------------


def paragraphs(text: str) -> list[str]:
    return [part.strip() for part in text.splitlines() if part.strip()]


def last_day(ends_at: datetime) -> date:
    """A notice ends at 24:00 of it."""
    return timezone.localdate(ends_at - timedelta(seconds=1))


def facts(notice: PublicNotice, published: date, last: date) -> list[dict[str, str]]:
    """What stands above the list, on page and poster alike."""
    period = f"{published:%Y-%m-%d} 至 {last:%Y-%m-%d} 24 时（发布当天不计，至少 {notice.working_days} 个工作日）"
    told = [
        ("公示单位", notice.office.name),
        ("公示时间", period),
        ("监督电话", notice.hotline),
        ("依据", notice.document),
    ]
    return [{"label": label, "value": value} for label, value in told if value]


def render(notice: PublicNotice, *, published: date, last: date) -> str:
    """The public page, whole: what the preview shows, the gate scans and the publication stores."""
    rows = noticelists.table(notice)
    context = {
        "notice": notice,
        "facts": facts(notice, published, last),
        "intro": paragraphs(notice.intro),
        "heads": noticelists.heads(notice.kind),
        "rows": rows,
        "children": notice.kind != NoticeKind.PANEL,
        "signed": f"{published.year}年{published.month}月{published.day}日",
    }
    return render_to_string("subsidies/casework/public_notice.html", context)


def etag_of(html: str) -> str:
    return hashlib.sha256(html.encode()).hexdigest()[:32]


# --- the store -----------------------------------------------------------------------------------------------------


@dataclass
class Kept:
    """A body as it goes out. `until`: from then on it is gone, whatever the store says."""

    status: int
    etag: str
    body: bytes
    zipped: bytes
    until: datetime | None
    read: float


_kept: dict[str, Kept] = {}
_guard = Lock()


def forget(key: str) -> None:
    """This process looks anew at the next request."""
    with _guard:
        _kept.pop(key, None)
        _kept.pop(INDEX, None)


def _known(key: str) -> Kept | None:
    """What the key stands for now; None for a key without a notice, which is never kept."""
    kept, now = _kept.get(key), timezone.now()
    current = kept is not None and time.monotonic() - kept.read < FRESH
    if current and (kept.until is None or now < kept.until):
        return kept
    with acting_in(EVERYWHERE, PUBLIC):
        found = _index(now) if key == INDEX else _page(key, now, kept)
    if found is not None:
        with _guard:
            _kept.pop(key, None)
            _kept[key] = found
            while len(_kept) > KEPT:
                _kept.pop(next(iter(_kept)))
    return found


def _page(key: str, now: datetime, kept: Kept | None) -> Kept | None:
    """One small query; the page itself only when it is another than the one kept."""
    rows = PublicNotice.objects.filter(key=key, published_on__isnull=False)
    if (notice := rows.select_related("office").defer("page").first()) is None:
        return None
    if notice.state != NoticeState.PUBLISHED or now >= notice.ends_at:
        return _entry(410, render_to_string("subsidies/casework/public_gone.html", {"notice": notice}), None)
    if kept is not None and kept.etag == notice.etag:
        kept.read = time.monotonic()
        return kept
    return _entry(200, rows.values_list("page", flat=True).get(), notice.ends_at, notice.etag)


def _entry(status: int, html: str, until: datetime | None, etag: str = "") -> Kept:
    body = html.encode()
    return Kept(status, etag or etag_of(html), body, gzip.compress(body, 6, mtime=0), until, time.monotonic())


def _index(now: datetime) -> Kept:
    running = list(
        PublicNotice.objects.running()
        .filter(ends_at__gt=now)
        .select_related("office")
        .defer("page")
        .order_by("path", "ends_at")
    )
    places = Places({notice.path for notice in running})
    groups = [
        {"place": places.label(county, seen_from="") or "全部", "notices": [_listed(notice) for notice in group]}
        for county, group in groupby(running, key=lambda notice: county_of(notice.path))
    ]
    html = render_to_string("subsidies/casework/public_index.html", {"groups": groups, "total": len(running)})
    return _entry(200, html, min((notice.ends_at for notice in running), default=None))


def _listed(notice: PublicNotice) -> dict[str, Any]:
    told = {"key": notice.key, "title": notice.title, "office": notice.office.name}
    return {**told, "published": notice.published_on, "last": last_day(notice.ends_at)}


# --- the answer ----------------------------------------------------------------------------------------------------


def answer(request: HttpRequest, key: str) -> HttpResponse:
    """200 while it runs, 304 for who has it, 410 when it is over or recalled, 404 before and for no notice."""
    if (kept := _known(key)) is None:
        html = render_to_string("subsidies/casework/public_absent.html")
        return HttpResponse(html, status=404, headers={**HEADERS, "Cache-Control": "no-store"})
    headers = {**HEADERS, "ETag": f'W/"{kept.etag}"', "Cache-Control": _cache_control(kept)}
    if kept.status == 200 and kept.etag in request.META.get("HTTP_IF_NONE_MATCH", ""):
        return HttpResponse(status=304, headers=headers)
    zipped = "gzip" in request.META.get("HTTP_ACCEPT_ENCODING", "")
    body = kept.zipped if zipped else kept.body
    headers |= {"Content-Length": str(len(body)), **({"Content-Encoding": "gzip"} if zipped else {})}
    return HttpResponse(b"" if request.method == "HEAD" else body, status=kept.status, headers=headers)


def _cache_control(kept: Kept) -> str:
    if kept.status != 200:
        return "no-store"
    left = LONGEST if kept.until is None else int((kept.until - timezone.now()).total_seconds())
    return f"public, max-age={max(0, min(LONGEST, left))}"


class PublicNotices:
    """Middleware before the sessions: reading a notice costs no session, no cookie and mostly no query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path.startswith("/notice") and request.method in ("GET", "HEAD") and (found := ADDRESS.fullmatch(path)):
            return answer(request, found[1] or INDEX)
        return self.get_response(request)
