"""Who may use the API; apart from aidcases.api because the REST framework loads it while it loads itself."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission


class MayAccess(BasePermission):
    """A view says `can`; whoever acts must have it. Nobody acting, or no `can`, is a no."""

    message = "您的角色不能查看这项内容。"

    def has_permission(self, request: Any, view: Any) -> bool:
        actor = getattr(request._request, "actor", None)
        can = getattr(view, "can", None)
        return bool(actor and can and actor.may(can))
