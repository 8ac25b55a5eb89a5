"""The API's base: read-only views over scoped querysets, keyset paging, the OpenAPI schema."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from drf_spectacular.views import SpectacularAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.viewsets import ReadOnlyModelViewSet

from aidcases.roles import P


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
