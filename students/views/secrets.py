"""Showing one encrypted value once: with a purpose, on record, never kept by a browser."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from aidcases import audit, crypto
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import Scoped, current_scope
from aidcases.templatetags.aid import masked


def hidden(last_four: str) -> str:
    """A number as a mask, "" where there is none."""
    return masked(last_four) if last_four else ""


def masked_fact(
    request: HttpRequest, subject: Scoped, what: str, label: str, mask: str, can: P = P.SECRET_REVEAL
) -> dict[str, str]:
    """A line of a description list: the mask, and 查看 for those who may.

    A child that is seen only through a former term keeps its secrets.
    """
    fact = {"label": label, "value": mask}
    reached = any(current_scope().covers(subject.owner_path(side), side) for side in subject.OWNER_PATHS)
    if mask and reached and request.actor.may(can):
        name = f"{subject._meta.model_name}_reveal"
        fact["reveal_url"] = f"{reverse(name, args=[subject.pk])}?what={what}"
    return fact


def reveal(request: HttpRequest, subject: Any, *, what: str, label: str, value: str | None) -> HttpResponse:
    """Answers a masked value's 查看. Raises Refused without a purpose or where there is nothing to show."""
    purpose = request.POST.get("purpose", "").strip()
    if not purpose:
        raise Refused("请写明查看的用途。")
    if not value:
        raise Refused(f"没有可以查看的{label}。")
    audit.record("secret.reveal", subject=subject, note=crypto.mask_numbers(purpose[:200]), what=what)
    response = render(request, "components/masked.html#shown", {"value": value, "label": label})
    response["Cache-Control"] = "no-store"
    return response
