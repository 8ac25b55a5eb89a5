"""Entitlements over the API, and why a student gets what they get."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from aidcases.api import ANSWERS, TERM, ReadOnly, is_key
from aidcases.roles import P
from students.models import Enrolment
from subsidies.enums import Delivery, EntitlementState
from subsidies.explain import explain
from subsidies.filters import EntitlementFilter
from subsidies.models import Entitlement

YES_NO = "^(yes|no)$"
MONEY = {"max_digits": 12, "decimal_places": 2, "allow_null": True}


class PlainEntitlementFilter(EntitlementFilter):
    """The list's filters without its posted search and what only its links use."""

    q = None
    search = None
    run = None

    @extend_schema_field(OpenApiTypes.STR)
    def of_county(self, rows: QuerySet, name: str, code: str) -> QuerySet:
        """Which counties there are depends on who asks, so the schema cannot list them."""
        return super().of_county(rows, name, code)


class EntitlementSerializer(serializers.Serializer):
    """一名学生一个项目的应享资助。"""

    term = serializers.CharField()
    student = serializers.IntegerField(source="student_id")
    benefit = serializers.CharField(source="benefit.code")
    rule = serializers.CharField(source="rule.code")
    amount = serializers.DecimalField(**MONEY, help_text="元；实物或免费为空")
    state = serializers.ChoiceField(choices=EntitlementState.choices)
    delivery = serializers.ChoiceField(source="rule.delivery", choices=Delivery.choices)


class SeenSerializer(serializers.Serializer):
    """一个条件当时是否成立。"""

    code = serializers.CharField()
    label = serializers.CharField()
    holds = serializers.BooleanField()
    value = serializers.CharField(help_text="看到的情况")


class ExplainedSerializer(serializers.Serializer):
    """一条规则对一名学生、一个学期的结论。"""

    rule = serializers.CharField()
    benefit = serializers.CharField()
    pack = serializers.CharField()
    document = serializers.CharField()
    clause = serializers.CharField()
    eligible = serializers.RegexField(YES_NO)
    granted = serializers.RegexField(YES_NO)
    conditions = SeenSerializer(many=True)
    amount = serializers.DecimalField(**MONEY, help_text="元")
    arithmetic = serializers.CharField()
    outbid_by = serializers.CharField(allow_null=True, help_text="同一项目按哪条规则给了")
    missing_figure = serializers.CharField(allow_null=True, help_text="还缺哪个数，金额算不出")
    missing_facts = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    shown_by = serializers.ListField(child=serializers.CharField(), help_text="看哪份材料")


def _code(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, description=description)


@extend_schema_view(
    list=extend_schema(
        parameters=[TERM, _code("benefit", "资助项目代码"), _code("rule", "规则代码"), _code("school", "学校标识码")],
        responses={200: EntitlementSerializer(many=True), **ANSWERS},
    )
)
class Entitlements(ReadOnly):
    """学期内应享资助，一名学生一个项目一行。"""

    can = P.ENTITLEMENT_VIEW
    queryset = Entitlement.objects.select_related("benefit", "rule")
    serializer_class = EntitlementSerializer
    filterset_class = PlainEntitlementFilter
    ordering = ("student_id", "benefit_id")

    def get_queryset(self) -> QuerySet[Entitlement]:
        return super().get_queryset().in_term(self.term)


class Explanations(ReadOnly):
    """某学生某学期按每条规则为什么能享受、为什么不能。"""

    can = P.ENTITLEMENT_VIEW
    reads = "students.student"
    queryset = Enrolment.objects.select_related("student__person")
    serializer_class = ExplainedSerializer
    pagination_class = None
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Enrolment]:
        return super().get_queryset().in_term(self.term)

    @extend_schema(
        operation_id="entitlements_explain",
        parameters=[TERM, OpenApiParameter("student", int, required=True, description="学生（students 里的 id）")],
        responses={200: ExplainedSerializer(many=True), **ANSWERS},
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.GET.get("student", "")
        enrolment = self.get_queryset().filter(student=key).first() if is_key(key) else None
        if enrolment is None:
            raise NotFound("没有这名学生，或不在您的范围内，或本学期不在读。")
        self.seen = [enrolment.student_id]
        return Response([one.as_dict() for one in explain(enrolment.student, self.term)])
