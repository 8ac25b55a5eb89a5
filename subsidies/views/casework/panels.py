"""Pages of a school's panel: its members, their children in the school, its posted list, its meetings."""

from __future__ import annotations

from datetime import date

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import School
from aidcases.roles import P
from aidcases.scoping import SCHOOL, current_scope
from aidcases.terms import Term
from aidcases.web import chosen_term, command, key_of, page, paginate
from subsidies.casework import classlist, panel
from subsidies.casework.panelforms import MemberForm, told
from subsidies.models import Panel, PanelMember
from subsidies.models.panels import MemberKind


def panel_of(pk: int) -> Panel:
    return get_object_or_404(Panel.objects.select_related("school"), pk=pk)


def ours(pk: int) -> Panel:
    """One of the own school. Raises Refused."""
    found = panel_of(pk)
    if current_scope().path != found.path:
        raise Refused("评审小组由学校自己管理。")
    return found


def member_of(pk: int) -> PanelMember:
    """A member of the own school's panel. Raises Refused."""
    member = get_object_or_404(PanelMember.objects.select_related("panel__school"), pk=pk)
    if current_scope().path != member.panel.path:
        raise Refused("评审小组由学校自己管理。")
    return member


@page(can=P.APPLICATION_VIEW)
def panel_list(request: HttpRequest) -> HttpResponse:
    """A school goes to its own; the offices above see who has one."""
    term = chosen_term(request)
    rows = panel.by_term(term).annotate(
        people=Count("members", distinct=True), held=Count("meetings", distinct=True)
    )  # fmt: skip
    if classlist.in_a_school() and (mine := rows.first()):
        return redirect("panel_detail", mine.pk)
    school = _school(request)
    shown = paginate(rows, request)
    context = {
        "term": term,
        "page": shown,
        "school": school,
        "can_copy": school is not None and panel.previous(school, term) is not None,
    }
    return render(request, "subsidies/casework/panel_list.html", context)


def _school(request: HttpRequest) -> School | None:
    return request.membership.organisation.school


@command(can=P.PANEL_RUN)
def panel_new(request: HttpRequest) -> HttpResponse:
    """`copy`: with last term's members."""
    if (school := _school(request)) is None:
        raise Refused("评审小组由学校建立。")
    made = panel.make(school, chosen_term(request), by=request.actor, copy=bool(request.POST.get("copy")))
    messages.success(request, "评审小组已建好，请核对成员。")
    return redirect("panel_detail", made.pk)


@page(can=P.APPLICATION_VIEW)
def panel_detail(request: HttpRequest, pk: int) -> HttpResponse:
    found = panel_of(pk)
    members = list(found.members.prefetch_related("children__person"))
    unconfirmed = Count("assessments", filter=Q(assessments__confirmed_at=None), distinct=True)
    looked = {"here": Count("present", distinct=True), "looked": Count("assessments", distinct=True), "open": unconfirmed}
    meetings = list(found.meetings.annotate(**looked))
    mine = current_scope().path == found.path and SCHOOL in current_scope().sides
    frozen = any(meeting.closed_at for meeting in meetings)
    context = {
        "panel": found,
        "term": Term.parse(found.term),
        "members": members,
        "problems": panel.problems(members),
        "needed": panel.needed(len(members)),
        "meetings": meetings,
        "frozen": frozen,
        "may_run": mine and request.actor.may(P.PANEL_RUN),
        "form": MemberForm() if mine and not frozen and request.actor.may(P.PANEL_RUN) else None,
        "today": timezone.localdate(),
    }
    return render(request, "subsidies/casework/panel_detail.html", context)


@command(can=P.PANEL_RUN)
def panel_member(request: HttpRequest, pk: int) -> HttpResponse:
    """Adds a member."""
    typed = told(MemberForm(request.POST))
    made = panel.add(ours(pk), **{name: str(value).strip() for name, value in typed.items()})
    messages.success(request, f"已加入 {made.name}（{MemberKind(made.kind).label}）。")
    return redirect("panel_detail", pk)


@command(can=P.PANEL_RUN)
def panel_member_remove(request: HttpRequest, pk: int) -> HttpResponse:
    member = member_of(pk)
    panel.remove(member)
    messages.info(request, f"已去掉 {member.name}。")
    return redirect("panel_detail", member.panel_id)


@command(can=P.PANEL_RUN)
def panel_child(request: HttpRequest, pk: int) -> HttpResponse:
    """A member's own child in the school."""
    member = member_of(pk)
    child = panel.add_child(member, name=request.POST.get("name", ""), class_name=request.POST.get("class_name", ""))
    messages.success(request, f"评审 {child.person.name} 时，{member.name} 回避。")
    return redirect("panel_detail", member.panel_id)


@command(can=P.PANEL_RUN)
def panel_child_remove(request: HttpRequest, pk: int) -> HttpResponse:
    member = member_of(pk)
    member.children.remove(*member.children.filter(pk=key_of(request.POST.get("student", ""))))
    return redirect("panel_detail", member.panel_id)


@command(can=P.PANEL_RUN)
def panel_posted(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        on = date.fromisoformat(request.POST.get("on", ""))
    except ValueError:
        raise Refused("请填写上墙日期，例如 2026-09-05。") from None
    panel.post(ours(pk), on=on, today=timezone.localdate())
    messages.success(request, "已登记名单上墙。")
    return redirect("panel_detail", pk)
