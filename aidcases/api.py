"""The API's base: who may, refusals as 409 with reasons, the OpenAPI schema."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.views import SpectacularAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import BasePermission
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler
from rest_framework.viewsets import ReadOnlyModelViewSet

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import NobodyIsActing


class MayAccess(BasePermission):
    """A view says `can`; whoever acts must have it. Nobody acting, or no `can`, is a no."""

    message = "您的角色不能查看这项内容。"

    def has_permission(self, request: Any, view: APIView) -> bool:
        actor = getattr(request._request, "actor", None)
        can = getattr(view, "can", None)
        return bool(actor and can and actor.may(can))


def explained(problem: Exception, context: dict[str, Any]) -> Response | None:
    """Refused → 409 with the same reasons a page would show."""
    if isinstance(problem, Refused):
        return Response({"reasons": problem.reasons}, status=409)
    if isinstance(problem, NobodyIsActing):
        return Response({"detail": "请先登录。"}, status=403)
    return exception_handler(problem, context)


class Pages(CursorPagination):
    """Keyset paging: page 10,000 costs what page one does. Lists order by their key."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000


class ReadOnly(ReadOnlyModelViewSet):
    """A thin view over a scoped queryset; `can` says who may."""

    can: P
    pagination_class = Pages


class _Schema(SpectacularAPIView):
    can = P.HOME


def schema(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document (no browser pages that would load from elsewhere)."""
    return _Schema.as_view()(request)


schema.can, schema.reads, schema.method = P.HOME, None, "GET"
