"""Filters every template has: money, masked values, terms, query strings."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import template

from aidcases import spans
from aidcases.terms import UnknownTerm

register = template.Library()


@register.filter
def money(value: Any) -> str:
    """￥1,250.00, or an em dash where there is no amount."""
    return "—" if value in (None, "") else f"￥{Decimal(value):,.2f}"


@register.filter
def masked(last_four: str | None) -> str:
    """How a number of which only the last four digits may be shown is written."""
    return f"************{last_four}" if last_four else "—"


@register.filter
def term_label(code: Any) -> str:
    try:
        return spans.of_terms(str(code)).label
    except UnknownTerm:
        return str(code)


@register.filter
def dash(value: Any) -> Any:
    """An em dash for nothing."""
    return "—" if value in (None, "") else value


@register.filter
def get(mapping: Any, key: Any) -> Any:
    return mapping.get(key, "") if mapping else ""


@register.simple_tag(takes_context=True)
def query(context: Any, **changes: Any) -> str:
    """The current query string with some values changed (None removes one)."""
    params = context["request"].GET.copy()
    for name, value in changes.items():
        if value is None:
            params.pop(name, None)
        else:
            params[name] = value
    return "?" + params.urlencode()


@register.simple_tag(takes_context=True)
def may(context: Any, permission: str) -> bool:
    actor = getattr(context.get("request"), "actor", None)
    return bool(actor and actor.may(permission))
