"""The API's base: read-only views over scoped querysets, keyset paging, personal reads logged, the OpenAPI schema."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from drf_spectacular.views import SpectacularAPIView
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from aidcases import audit
from aidcases.roles import P
from aidcases.terms import Term, UnknownTerm
from aidcases.web import chosen_term

TERM = OpenApiParameter(
    "term",
    {"type": "string", "pattern": r"^20\d\d-(autumn|spring)$"},
    description="学期，例如 2018-autumn；不写用当前所选的学期。",
)
_DETAIL = inline_serializer("Detail", {"detail": serializers.CharField()})
_REASONS = OpenApiResponse(OpenApiTypes.OBJECT, "条件写错了：哪一项，怎么写")
# What any of these views may answer beside the rows themselves.
ANSWERS = {400: _REASONS, 403: _DETAIL, 404: _DETAIL}


class Pages(CursorPagination):
    """Keyset paging: page 10,000 costs what page one does. Lists order by their key, a whole number."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000

    def get_ordering(self, request: Request, queryset: QuerySet, view: Any) -> tuple[str, ...]:
        return view.ordering

    def decode_cursor(self, request: Request) -> Any:
        cursor = super().decode_cursor(request)
        if cursor and cursor.position and not is_key(cursor.position):
            raise NotFound(self.invalid_cursor_message)
        return cursor


class ReadOnly(ReadOnlyModelViewSet):
    """A thin view over a scoped queryset; `can` says who may, `ordering` names the key.

    `reads`: the kind of row whose personal data is shown (as `students.student`); one audit event per answer then
    names the rows, as @page(reads=PERSONAL) does. The view itself runs where PostgreSQL refuses to write.
    """

    can: P
    ordering: tuple[str, ...]
    reads: str = ""
    pagination_class = Pages
    seen: list[int]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.seen = []
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL transaction_read_only = on")
            response = super().dispatch(request, *args, **kwargs)
            response.render()
            # Nothing was written; rolling back ends read-only mode even inside an outer transaction.
            transaction.set_rollback(True)
        if self.reads and self.seen:
            audit.record("personal.read", subject_ids=self.seen, subject_type_seen=self.reads, page=request.path)
        return response

    def complete(self, rows: list[Any]) -> list[Any]:
        """Rows of an answer with what a few more queries bring, and `seen` said."""
        return rows

    def paginate_queryset(self, queryset: QuerySet) -> list[Any]:
        return self.complete(super().paginate_queryset(queryset))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not is_key(self.kwargs["pk"]):
            raise Http404
        return Response(self.get_serializer(self.complete([self.get_object()])[0]).data)

    @property
    def term(self) -> Term:
        return asked_term(self.request)


def is_key(text: Any) -> bool:
    """Whether it can be a row's key at all: the database refuses longer numbers."""
    return str(text).isdecimal() and len(str(text)) <= 18


def asked_term(request: Request) -> Term:
    """The term of ?term=, else the one chosen on the pages. A code that is none is told how to write it."""
    try:
        return Term.parse(code) if (code := request.GET.get("term")) else chosen_term(request)
    except UnknownTerm as problem:
        raise ValidationError({"term": [str(problem)]}) from None


class _Schema(SpectacularAPIView):
    can = P.HOME


def schema(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document (no browser pages that would load from elsewhere)."""
    return _Schema.as_view()(request)


schema.can, schema.reads, schema.method = P.HOME, None, "GET"
