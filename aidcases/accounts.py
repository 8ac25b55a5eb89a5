"""Accounts of the people who work in the offices: opening one, and giving one a post."""

from __future__ import annotations

import re
import secrets

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from aidcases import audit
from aidcases.actions import KIND_OF_LEVEL, open_office
from aidcases.flow import Refused
from aidcases.models import Membership, Organisation, Region, School, User
from aidcases.roles import OFFICE_LABELS, OFFICES_OF, ROLE_LABELS, OfficeKind, Role

# Without signs that look alike on paper: initial passwords are handed over on a note.
_SIGNS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,29}")


def initial_password() -> str:
    """Four groups of four signs, such as h7Kp-2mQx-…: what the rule of passwords lets through."""
    while True:
        password = "-".join("".join(secrets.choice(_SIGNS) for _ in range(4)) for _ in range(4))
        try:
            validate_password(password)
            return password
        except ValidationError:
            continue


def office_for(role: Role, region: Region | None = None, school: School | None = None) -> Organisation:
    """The office in which the role is held at a place, opened when absent. Raises Refused where it does not fit."""
    possible, kind = OFFICES_OF[role], OfficeKind.SYSTEM
    if school is not None:
        kind = OfficeKind.SCHOOL
    elif region is not None:
        kind = KIND_OF_LEVEL.get(len(region.code), OfficeKind.SYSTEM)
        if OfficeKind.AUDITOR in possible and kind in (OfficeKind.COUNTY, OfficeKind.CITY):
            kind = OfficeKind.AUDITOR
    fits = kind in possible and (region is None) == (kind in (OfficeKind.SCHOOL, OfficeKind.SYSTEM))
    if not fits:
        raise Refused(f"“{ROLE_LABELS[role]}”不能设在这里：{_WHERE[possible[0]]}。")
    return open_office(region=region, school=school, kind=kind if region else None)


_WHERE = {
    OfficeKind.COUNTY: "请用 --region 写县区的 6 位代码，例如 620123",
    OfficeKind.CITY: "请用 --region 写市的 4 位代码，例如 6201",
    OfficeKind.SCHOOL: "请用 --school 写学校标识码",
    OfficeKind.TOWNSHIP: "请用 --region 写乡镇的 9 位或村的 12 位代码",
    OfficeKind.AUDITOR: "请用 --region 写县区或市的代码",
    OfficeKind.SYSTEM: OFFICE_LABELS[OfficeKind.SYSTEM],
}


@transaction.atomic
def appoint(username: str, full_name: str, office: Organisation, role: Role, password: str) -> tuple[Membership, bool]:
    """(the post, whether the account is new). An account that is there keeps its password.

    Raises Refused for a name that is none, somebody else's account, a post held already, a password against the rule,
    a second of the three administrators.
    """
    if not _USERNAME.fullmatch(username):
        raise Refused("用户名用 2–30 个小写字母、数字、点、横线，例如 wang.jingban。")
    if not full_name.strip():
        raise Refused("请用 --name 写姓名。")
    user = User.objects.select_for_update().filter(username=username).first()
    if new := user is None:
        user = User(username=username, full_name=full_name.strip()[:40])
        try:
            validate_password(password, user)
        except ValidationError as problem:
            raise Refused(*problem.messages) from None
        user.set_password(password)
        user.save()
    elif user.full_name != full_name.strip():
        raise Refused(f"用户名 {username} 已经是另一个人（{user}）的，请换一个。")
    if user.memberships.filter(organisation=office, role=role).exists():
        raise Refused(f"{user}已经是{office}的{ROLE_LABELS[role]}。")
    post = Membership(user=user, organisation=office, role=role)
    try:
        post.save()
    except ValidationError as problem:
        raise Refused(*problem.messages) from None
    audit.record("account.opened" if new else "account.appointed", subject=user, path=office.path, role=role.value)
    return post, new
