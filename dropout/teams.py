"""三帮一 and 双线七长: who answers for a child, named all at once; the chain is the one of the last case nearby."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import Q, QuerySet

from aidcases import audit
from aidcases import seen as seen_now
from aidcases.flow import Refused
from aidcases.models import Membership
from aidcases.roles import PERMISSIONS, P, Role
from aidcases.scoping import Actor, current_scope
from aidcases.terms import Term
from dropout import cases
from dropout.enums import TEAM, Seat
from dropout.models import DropoutCase, TeamMember
from students.models import Student
from students.places import county_of

# Seats whose holder may have an account at the child's school, and sees the case through it.
WITH_ACCOUNT = (Seat.TEACHER, Seat.CLASS_TEACHER)
# Of the chain: whom a school's last case names, and whom a village's does.
_OF_SCHOOL = (Seat.COUNTY_HEAD, Seat.BUREAU_HEAD, Seat.PRINCIPAL)
_OF_VILLAGE = (Seat.TOWNSHIP_HEAD, Seat.VILLAGE_HEAD)
_PHONE = re.compile(r"1[3-9]\d{9}|0\d{2,3}-?\d{7,8}")
NO_PHONE = ("无", "没有")


@dataclass(frozen=True)
class Named:
    """What a form says of a seat. An empty name leaves it empty; an empty phone leaves the number of the same person as it
    is, 无 takes it away."""

    seat: str
    name: str
    duty: str = ""
    phone: str = ""
    user_id: int | None = None


def of(case: DropoutCase) -> dict[str, TeamMember]:
    """Seat → who holds it."""
    return {member.seat: member for member in TeamMember.objects.filter(case=case)}


def accounts(case: DropoutCase) -> dict[int, str]:
    """Who could be named with an account: members of the child's school, as far as whoever acts sees that school."""
    if case.school_id is None or not case.school_path.startswith(current_scope().path):
        return {}
    rows = Membership.objects.filter(organisation__school=case.school_id).select_related("user").order_by("pk")
    return {row.user_id: f"{row.user}（{row.role_label}）" for row in rows}


def suggested(case: DropoutCase) -> dict[str, TeamMember]:
    """双线七长 as the last case of the same school (its leaders, and of the same class the class teacher) and of the same
    village name them, for seats that are still empty."""
    rows = TeamMember.objects.exclude(case=case)
    found: dict[str, TeamMember] = {}
    if case.school_id:
        school = rows.filter(case__school=case.school_id)
        same_class = Q(seat=Seat.CLASS_TEACHER, case__grade=case.grade, case__class_name=case.class_name)
        found |= _newest(school.filter(Q(seat__in=_OF_SCHOOL) | same_class))
    if case.home_path:
        found |= _newest(rows.filter(seat__in=_OF_VILLAGE, case__home_path=case.home_path))
    held = of(case)
    return {seat: member for seat, member in found.items() if seat not in held}


def _newest(rows: QuerySet[TeamMember]) -> dict[str, TeamMember]:
    return {row.seat: row for row in rows.order_by("seat", "-from_on", "-pk").distinct("seat")}


def shown(held: dict[str, TeamMember]) -> str:
    """The mark of a team as the form shows it."""
    return seen_now.mark(*((seat, m.name, m.duty, m.user_id, bytes(m.phone_hash or b"")) for seat, m in sorted(held.items())))


@transaction.atomic
def name_team(
    case: DropoutCase, people: Iterable[Named], *, by: Actor, today: date, seen: str | None = None
) -> list[str]:
    """The whole team at once: seats named in `people`, each taking the place of who held it. → labels of the seats that
    changed. Raises Refused: who may not, a wrong telephone, an account that is not of the child's school."""
    if not by.may(P.DROPOUT_WRITE):
        raise Refused("您的角色不能指定责任人。")
    wanted = list(people)
    if problems := [sentence for each in wanted if (sentence := _wrong(each))]:
        raise Refused(*problems)
    DropoutCase.objects.select_for_update(of=("self",)).get(pk=case.pk)
    held, known, members = of(case), suggested(case), accounts(case)
    if seen is not None and seen != shown(held):
        raise seen_now.Changed
    changed = [each for each in wanted if _seated(case, each, held, known, members, by=by, today=today)]
    labels = [Seat(each.seat).label for each in changed]
    if labels:
        full = set(TEAM) <= set(TeamMember.objects.filter(case=case).values_list("seat", flat=True))
        DropoutCase.objects.filter(pk=case.pk).update(team_named=full)
        seats = [str(each.seat) for each in changed]
        audit.record("dropoutcase.team", subject=case, note="、".join(labels), seats=seats)
    case.refresh_from_db()
    return labels


def _wrong(person: Named) -> str:
    label = Seat(person.seat).label
    digits = re.sub(r"\s", "", person.phone)
    if digits and digits not in NO_PHONE and not _PHONE.fullmatch(digits):
        return f"{label}的电话不对：手机是 11 位数字，座机要带区号，例如 0931-5221234。"
    if not person.name.strip() and (person.duty.strip() or digits or person.user_id):
        return f"请填写{label}的姓名。"
    return ""


def _seated(
    case: DropoutCase, said: Named, held: dict[str, TeamMember], known: dict[str, TeamMember], members: dict[int, str], *,
    by: Actor, today: date,
) -> bool:  # fmt: skip
    """Whether the seat has changed."""
    before, name, duty = held.get(said.seat), said.name.strip()[:60], said.duty.strip()[:60]
    if not name:
        if before:
            before.delete()
        return before is not None
    same = before or known.get(said.seat)
    phone = _number(said.phone, same.phone if same and same.name == name else None)
    user_id = said.user_id if said.seat in WITH_ACCOUNT else None
    unchanged_account = before is not None and before.user_id == user_id
    if user_id is not None and user_id not in members and not unchanged_account:
        raise Refused(f"{Seat(said.seat).label}的账号不是这所学校的，请重新选择。")
    if before and (before.name, before.duty, before.phone, before.user_id) == (name, duty, phone, user_id):
        return False
    row = before or TeamMember(case=case, seat=said.seat)
    if before is None or before.name != name:
        row.from_on = today
    if before is None or before.phone != phone:
        # A number taken over from another case stays with the office that has it.
        row.set_path = same.set_path if same and phone and same.phone == phone else current_scope().path
    row.name, row.duty, row.phone, row.user_id, row.set_by = name, duty, phone, user_id, by.name
    row.save()
    return True


def _number(typed: str, before: str | None) -> str | None:
    digits = re.sub(r"\s", "", typed)
    if not digits:
        return before
    return None if digits in NO_PHONE else digits


def may_see_phone(member: TeamMember) -> bool:
    """A telephone is shown (masked, on record) in the county that wrote it down, and above: a child whose home and school
    lie in two counties keeps the numbers of each on its own side."""
    here, there = current_scope().path, county_of(member.set_path) or member.set_path
    return member.set_path.startswith(here) or (bool(there) and here.startswith(there))


# --- found at school -----------------------------------------------------------------------------------------------


@transaction.atomic
def report(
    student: Student, *, found_by: str, term: Term, by: Actor, today: date, note: str
) -> tuple[DropoutCase, bool]:
    """登记疑似辍学 from the child's page. → (its case, whether this began it or began it anew). A class teacher who does so
    takes that seat, and so sees the case. Raises Refused."""
    under_way = DropoutCase.objects.open().filter(student=student).exists()
    case = cases.open_case(student, found_by=found_by, term=term, by=by, today=today, note=note)
    if by.permissions == PERMISSIONS[Role.CLASS_TEACHER] and not of(case):
        TeamMember(
            case=case, seat=Seat.CLASS_TEACHER, name=by.name[:60], user_id=by.user_id, from_on=today, set_by=by.name,
            set_path=by.path,
        ).save()  # fmt: skip
    return case, not under_way
