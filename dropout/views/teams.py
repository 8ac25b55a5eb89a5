"""The team of a case: who answers for the child, named all at once; a telephone shown on record."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases import crypto
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import Actor
from aidcases.web import PERSONAL, command, page, saw
from dropout import teams
from dropout.enums import TEAM, Seat
from dropout.models import DropoutCase, TeamMember
from dropout.views.cases import case_in_sight
from students.views.secrets import reveal


def team_part(case: DropoutCase, actor: Actor) -> dict[str, Any]:
    """三帮一 and the chain, phones masked; 查看 where the number is of the own county."""
    held, shows = teams.of(case), actor.may(P.PHONE_REVEAL)
    seats = [
        {
            "label": seat.label,
            "member": held.get(seat),
            "team": seat in TEAM,
            "phone": crypto.mask_phone(held[seat].phone or "") if seat in held else "",
            "shows": seat in held and shows and teams.may_see_phone(held[seat]),
        }
        for seat in Seat
    ]
    return {
        "seats": [row for row in seats if row["member"] or row["team"]],
        "chain_empty": not any(row["member"] and not row["team"] for row in seats),
        "may_write": actor.may(P.DROPOUT_WRITE),
    }


@page(can=P.DROPOUT_WRITE, reads=PERSONAL)
def case_team(request: HttpRequest, pk: int) -> HttpResponse:
    saw(request, "dropout.dropoutcase", [pk])
    return _form(request, case_in_sight(pk))


def _form(
    request: HttpRequest, case: DropoutCase, typed: dict[str, teams.Named] | None = None, problems: list[str] | None = None
) -> HttpResponse:
    """What is known, or what was typed and could not be saved."""
    held, known = teams.of(case), teams.suggested(case)
    rows = [_row(seat, held.get(seat), known.get(seat), (typed or {}).get(seat)) for seat in Seat]
    context = {
        "case": case,
        "person": case.student.person,
        "chain_named": any(row["name"] for row in rows if row["seat"] not in TEAM),
        "team": [row for row in rows if row["seat"] in TEAM],
        "chain": [row for row in rows if row["seat"] not in TEAM],
        "accounts": list(teams.accounts(case).items()),
        "seen": teams.shown(held),
        "problems": problems or [],
    }
    return render(request, "dropout/case_team.html", context, status=422 if problems else 200)


def _row(
    seat: Seat, member: TeamMember | None, known: TeamMember | None, typed: teams.Named | None
) -> dict[str, Any]:
    shown = member or known
    said = typed or shown
    return {
        "seat": seat.value,
        "label": seat.label,
        "name": said.name if said else "",
        "duty": said.duty if said else "",
        "phone": typed.phone if typed else "",
        "mask": crypto.mask_phone(shown.phone or "") if shown else "",
        "user_id": typed.user_id if typed else member.user_id if member else None,
        "with_account": seat in teams.WITH_ACCOUNT,
        "suggested": member is None and known is not None,
    }


@command(can=P.DROPOUT_WRITE)
def case_team_save(request: HttpRequest, pk: int) -> HttpResponse:
    case, post = case_in_sight(pk), request.POST
    people = [
        teams.Named(
            seat.value, post.get(f"name-{seat}", "")[:60], post.get(f"duty-{seat}", "")[:60], post.get(f"phone-{seat}", "")[:20],
            int(user) if (user := post.get(f"user-{seat}", "")).isdecimal() and len(user) < 15 else None,
        )
        for seat in Seat if f"name-{seat}" in post
    ]  # fmt: skip
    try:
        changed = teams.name_team(
            case, people, by=request.actor, today=timezone.localdate(), seen=post.get("seen")
        )
    except Refused as refused:
        return _form(request, case, {each.seat: each for each in people}, refused.reasons)
    messages.success(request, f"已保存：{'、'.join(changed)}。" if changed else "没有改动。")
    if not case.team_named:
        messages.info(request, "“三帮一”还没有配齐：教师、村干部、家长都要有。")
    return redirect("case_detail", pk)


@command(can=P.PHONE_REVEAL)
def team_reveal(request: HttpRequest, pk: int) -> HttpResponse:
    """The telephone of a member of a team, of a case in sight."""
    member = get_object_or_404(TeamMember, pk=pk, case__in=DropoutCase.objects.values("pk"))
    if not teams.may_see_phone(member):
        raise Refused("这个电话由对方县登记，要联系请找对方县。")
    return reveal(request, member, what="phone", label="联系电话", value=member.phone)
