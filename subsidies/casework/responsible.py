"""Who answers for a student's aid: contact teacher, deputy head, principal; named for a whole class at once."""

from __future__ import annotations

from django.db.models import QuerySet

from aidcases import audit, sql
from aidcases.flow import Refused
from aidcases.models import Membership, User
from aidcases.roles import ROLE_LABELS, P, Role
from aidcases.scoping import Actor
from students.models import Enrolment
from subsidies.casework.matched import named
from subsidies.models import Responsible
from subsidies.models.applications import own_pupils_only

LONGEST = 40
STRANGER = "所选的老师不是本单位的人员，请刷新页面再选。"
_SET = """
    INSERT INTO subsidies_responsible (student_id, contact, contact_user_id, deputy, principal, set_by)
    SELECT c.student_id, %(contact)s, %(account)s, %(deputy)s, %(principal)s, %(by)s FROM ({chosen}) c (student_id)
    ON CONFLICT (student_id) DO UPDATE SET set_by = EXCLUDED.set_by, set_at = now(),
        contact_user_id = CASE WHEN EXCLUDED.contact = '' THEN subsidies_responsible.contact_user_id
            ELSE EXCLUDED.contact_user_id END,
        contact = COALESCE(NULLIF(EXCLUDED.contact, ''), subsidies_responsible.contact),
        deputy = COALESCE(NULLIF(EXCLUDED.deputy, ''), subsidies_responsible.deputy),
        principal = COALESCE(NULLIF(EXCLUDED.principal, ''), subsidies_responsible.principal)
"""


def colleagues(office: int) -> dict[int, tuple[str, str]]:
    """Key of the account → (name, name with roles and user name, as two may have one name), of an office's active members,
    class teachers first."""
    rows = Membership.objects.filter(organisation=office, user__is_active=True).select_related("user")
    found: dict[int, tuple[User, list[Role]]] = {}
    for row in rows.order_by("user__full_name", "user", "role"):
        found.setdefault(row.user_id, (row.user, []))[1].append(Role(row.role))
    ordered = sorted(found.values(), key=lambda each: Role.CLASS_TEACHER not in each[1])
    return {
        user.pk: (str(user), f"{user}（{'、'.join(ROLE_LABELS[role] for role in roles)}，账号 {user.username}）")
        for user, roles in ordered
    }


def account_of(chosen: str) -> int | None:
    """The key of an account as the form sends it; None where none was chosen. Raises Refused."""
    if not chosen:
        return None
    if not chosen.isdecimal() or len(chosen) > 18:
        raise Refused(STRANGER)
    return int(chosen)


def set_for(
    enrolments: QuerySet[Enrolment], *, contact: str, deputy: str, principal: str, by: Actor, account: int | None = None
) -> int:
    """Names the three for the students of the enrolments, one statement; → how many students.

    `account`: the contact's, of the own office; whoever is only named (`contact`) has none and sees no child by it. What
    is empty leaves who is named already. Raises Refused.
    """
    if not by.may(P.APPLICATION_WRITE) or own_pupils_only(by):
        raise Refused("责任人由学校经办设定：班主任只能看到设定给自己的学生。")
    if account is not None:
        if contact.strip():
            raise Refused("帮扶联系人请选账号或者写姓名，不要两样都填。")
        if account not in (known := colleagues(by.office_id or 0)):
            raise Refused(STRANGER)
        contact = known[account][0]
    names = {"contact": contact.strip(), "deputy": deputy.strip(), "principal": principal.strip()}
    if not any(names.values()):
        raise Refused("请至少填一位责任人的姓名。")
    if any(len(name) > LONGEST for name in names.values()):
        raise Refused(f"姓名最多 {LONGEST} 个字。")
    chosen, params = sql.compiled(enrolments.order_by().values_list("student_id"))
    done = sql.run(*named(_SET.replace("{chosen}", chosen), params, by=by.name, account=account, **names))
    audit.record("responsible.set", rows=done)
    return done


def of(student: int) -> Responsible | None:
    return Responsible.objects.filter(pk=student).first()
