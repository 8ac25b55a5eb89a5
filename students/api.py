"""Students of a term over the API: whom the lists show, by the same filters. No search: names and numbers never
stand in an address."""

from __future__ import annotations

from collections import defaultdict

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers

from aidcases.api import ANSWERS, TERM, ReadOnly
from aidcases.roles import P
from students.enums import Category, Stage
from students.facts import hardships_in, marked_in
from students.filters import EnrolmentFilter
from students.models import Enrolment


class StudentFilter(EnrolmentFilter):
    """The list's filters without its posted search."""

    q = None
    search = None


class SchoolSerializer(serializers.Serializer):
    code = serializers.CharField(help_text="学校标识码")
    name = serializers.CharField()


class StudentSerializer(serializers.Serializer):
    """一名学生本学期在哪里、怎样就读。"""

    id = serializers.IntegerField(source="student_id", help_text="学生")
    term = serializers.CharField()
    name = serializers.CharField(source="student.person.name")
    sex = serializers.CharField(source="student.person.sex", help_text="男、女，未填为空")
    birth_on = serializers.DateField(source="student.person.birth_on", allow_null=True)
    id_last4 = serializers.CharField(source="student.person.id_last4", help_text="证件号码后四位")
    school = SchoolSerializer()
    stage = serializers.ChoiceField(choices=Stage.choices)
    grade = serializers.IntegerField(allow_null=True)
    class_name = serializers.CharField()
    boarding = serializers.BooleanField()
    categories = serializers.ListField(
        child=serializers.ChoiceField(choices=Category.choices), help_text="本学期内有效的困难类别"
    )


# What a form's own choices cannot tell the schema.
_FILTERS = [
    TERM,
    OpenApiParameter("grade", {"type": "string", "pattern": r"^[a-z_]+-[1-9]$"}, description="年级，例如 primary-3"),
    OpenApiParameter("boarding", str, enum=["1", "0"], description="1 寄宿，0 走读"),
    OpenApiParameter("school", str, description="学校标识码"),
    OpenApiParameter("place", str, description="家庭所在乡镇、村的区划代码"),
]


@extend_schema_view(
    list=extend_schema(parameters=_FILTERS, responses={200: StudentSerializer(many=True), **ANSWERS}),
    retrieve=extend_schema(parameters=[TERM], responses={200: StudentSerializer, **ANSWERS}, filters=False),
)
class Students(ReadOnly):
    """学期内在读学生：学校、年级、寄宿和困难类别。"""

    can = P.STUDENT_VIEW
    reads = "students.student"
    queryset = Enrolment.objects.for_list().defer("phone", "student__roll_number", "student__person__id_number")
    serializer_class = StudentSerializer
    filterset_class = StudentFilter
    ordering = ("student_id",)
    lookup_field = "student_id"
    lookup_url_kwarg = "pk"

    def get_queryset(self) -> QuerySet[Enrolment]:
        return super().get_queryset().in_term(self.term)

    def complete(self, rows: list[Enrolment]) -> list[Enrolment]:
        self.seen = [row.student_id for row in rows]
        held: dict[int, set[str]] = defaultdict(set)
        for person, category in hardships_in(self.term).filter(person__in=self.seen).values_list("person", "category"):
            held[person].add(category)
        for student in marked_in(self.term, (row.student_id for row in rows if row.orphan)):
            held[student].add(Category.ORPHAN)
        for row in rows:
            row.categories = [code for code in Category.values if code in held[row.student_id]]
        return rows
