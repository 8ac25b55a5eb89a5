"""期末成绩: how many subjects the pupils of a class failed, entered by the school; one of the conditions of the warning."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.db.models import F, QuerySet

from aidcases import audit
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import SCHOOL, Actor, OwnClass, current_scope
from aidcases.terms import Term
from dropout.models import ExamResult
from students.enums import Stage
from students.models import Enrolment

MOST = 20  # subjects


def pupils(term: Term) -> QuerySet[Enrolment]:
    """Of the own schools, a class teacher's own: who is at home here and at school elsewhere has its results entered there."""
    scope = current_scope()
    rows = Enrolment.objects.in_term(term).filter(OwnClass(F("student")), stage__in=(Stage.PRIMARY, Stage.JUNIOR))
    return rows.filter(school_path__startswith=scope.path) if SCHOOL in scope.sides else rows.none()


@transaction.atomic
def enter(term: Term, failed: Mapping[int, int | None], *, by: Actor) -> int:
    """{student: subjects failed, None for nothing known}. Writes what differs. → how many. Raises Refused."""
    if not by.may(P.DROPOUT_WRITE):
        raise Refused("您的角色不能登记成绩。")
    if any(value is not None and not 0 <= value <= MOST for value in failed.values()):
        raise Refused(f"不及格科目请填 0 到 {MOST} 的整数。")
    paths = dict(pupils(term).filter(student__in=failed).values_list("student_id", "school_path"))
    if strange := failed.keys() - paths.keys():
        raise Refused(f"有 {len(strange)} 名学生不在本校本学期的学籍里，或没有登记给您，请刷新后再填。")
    held = dict(ExamResult.objects.filter(term=term.code, student__in=paths).values_list("student_id", "failed"))
    gone = [pk for pk, value in failed.items() if value is None and pk in held]
    new = {pk: value for pk, value in failed.items() if value is not None and held.get(pk) != value}
    ExamResult.objects.filter(term=term.code, student__in=gone).delete()
    ExamResult.objects.bulk_create(
        [
            ExamResult(student_id=pk, term=term.code, failed=value, school_path=paths[pk], made_by=by.name)
            for pk, value in new.items()
        ],
        update_conflicts=True, unique_fields=["term", "student"], update_fields=["failed", "school_path", "made_by"],
    )  # fmt: skip
    if gone or new:
        audit.record("exams.entered", path=current_scope().path, term=term.code, number=len(gone) + len(new))
    return len(gone) + len(new)
