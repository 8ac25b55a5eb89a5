"""Who may use the API, and how it says no. Apart from api.py, because REST framework's views import it by setting."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.response import Response

from aidcases.flow import Refused
from aidcases.scoping import NobodyIsActing


class MayAccess(BasePermission):
    """A view says `can`; whoever acts must have it. Nobody acting, or no `can`, is a no."""

    message = "您的角色不能查看这项内容。"

    def has_permission(self, request: Any, view: Any) -> bool:
        actor = getattr(request._request, "actor", None)
        can = getattr(view, "can", None)
        return bool(actor and can and actor.may(can))


def explained(problem: Exception, context: dict[str, Any]) -> Response | None:
    """Refused → 409 with the same reasons a page would show."""
    from rest_framework.views import exception_handler

    if isinstance(problem, Refused):
        return Response({"reasons": problem.reasons}, status=409)
    if isinstance(problem, NobodyIsActing):
        return Response({"detail": "请先登录。"}, status=403)
    return exception_handler(problem, context)
