"""Who answers for a student's aid: contact teacher, deputy head, principal; named for a whole class at once."""

from __future__ import annotations

from django.db.models import QuerySet

from aidcases import audit, sql
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import Actor
from students.models import Enrolment
from subsidies.casework.matched import named
from subsidies.models import Responsible
from subsidies.models.applications import own_pupils_only

LONGEST = 40
_SET = """
    INSERT INTO subsidies_responsible (student_id, contact, deputy, principal, set_by)
    SELECT c.student_id, %(contact)s, %(deputy)s, %(principal)s, %(by)s FROM ({chosen}) c (student_id)
    ON CONFLICT (student_id) DO UPDATE SET set_by = EXCLUDED.set_by, set_at = now(),
        contact = COALESCE(NULLIF(EXCLUDED.contact, ''), subsidies_responsible.contact),
        deputy = COALESCE(NULLIF(EXCLUDED.deputy, ''), subsidies_responsible.deputy),
        principal = COALESCE(NULLIF(EXCLUDED.principal, ''), subsidies_responsible.principal)
"""


def set_for(enrolments: QuerySet[Enrolment], *, contact: str, deputy: str, principal: str, by: Actor) -> int:
    """Names the three for the students of the enrolments, one statement; → how many students.

    An empty name leaves who is named already. Raises Refused.
    """
    if not by.may(P.APPLICATION_WRITE) or own_pupils_only(by):
        raise Refused("责任人由学校经办设定：班主任只能看到设定给自己的学生。")
    names = {"contact": contact.strip(), "deputy": deputy.strip(), "principal": principal.strip()}
    if not any(names.values()):
        raise Refused("请至少填一位责任人的姓名。")
    if any(len(name) > LONGEST for name in names.values()):
        raise Refused(f"姓名最多 {LONGEST} 个字。")
    chosen, params = sql.compiled(enrolments.order_by().values_list("student_id"))
    done = sql.run(*named(_SET.replace("{chosen}", chosen), params, by=by.name, **names))
    audit.record("responsible.set", rows=done)
    return done


def of(student: int) -> Responsible | None:
    return Responsible.objects.filter(pk=student).first()
