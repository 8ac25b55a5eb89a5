"""Public addresses of notices. The middleware PublicNotices answers them first, in the same words."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from aidcases.web import PUBLIC, page
from subsidies.casework import public


@page(can=PUBLIC)
def public_notice(request: HttpRequest, key: str) -> HttpResponse:
    return public.answer(request, key)


@page(can=PUBLIC)
def public_index(request: HttpRequest) -> HttpResponse:
    return public.answer(request, public.INDEX)
