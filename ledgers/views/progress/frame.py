"""What the pages of the work's progress share: their tabs, the year asked for, the acting office."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.scoping import current_scope
from aidcases.web import key_of
from ledgers.progress import spans
from students.places import codes_of

COUNTY = 3


def tabs(request: HttpRequest, active: str) -> list[dict[str, Any]]:
    """Links to the parts, the indicators only for counties and above."""
    today = timezone.localdate()
    found = [("tasks", "工作任务", reverse("worktask_list"))]
    for kind, label in (("month", "月调度"), ("quarter", "季汇总"), ("half", "半年通报"), ("year", "年底排名")):
        found.append((kind, label, reverse("work_report", args=[spans.current(kind, today).code])))
    if reckons():
        found.append(("goals", "指标", reverse("goal_board")))
    found.append(("talks", "约谈", reverse("talk_list")))
    return [{"label": label, "url": url, "active": code == active} for code, label, url in found]


def reckons() -> bool:
    """Whether indicators are reckoned for the acting office: a county, a city or a province."""
    own = current_scope().path
    return len(codes_of(own)) <= COUNTY and len(own.strip("/").split("/")) <= COUNTY


def year_of(request: HttpRequest) -> int:
    """?year=, else this calendar year."""
    typed = key_of(request.GET.get("year", ""))
    return typed if 2015 <= typed <= 2100 else timezone.localdate().year


def office_name(request: HttpRequest) -> str:
    return request.membership.organisation.name if request.membership else request.actor.name


def refuse_errors(form: Any) -> None:
    """Of a small form that stands on a page: its errors as reasons. Raises Refused."""
    if not form.is_valid():
        raise Refused(*(f"{form[name].label}：{'；'.join(errors)}" for name, errors in form.errors.items()))
