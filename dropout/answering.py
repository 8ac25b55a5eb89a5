"""What must be answered by a day, asked for every hour by aidcases.daily: requests of families and tips of the public."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from aidcases.roles import OfficeKind, P
from aidcases.urging import Urging, urge
from dropout.enums import TaskState
from dropout.models import FamilyRequest, Tip

# Villages and townships visit families, too.
WORKING = (OfficeKind.VILLAGE, OfficeKind.TOWNSHIP, OfficeKind.SCHOOL, OfficeKind.COUNTY, OfficeKind.CITY)


REQUESTS = Urging(
    "familyrequest", lambda row: f"家庭诉求：{row.text}", WORKING, P.CARE_WRITE, P.CARE_VIEW, lambda row: row.visit.path
)
TIPS = Urging("tip", lambda row: f"{row.received_on} 收到的群众反映", WORKING, P.TIP_HANDLE, P.CARE_VIEW)


def requests_due(now: datetime) -> dict[str, int]:
    rows = FamilyRequest.objects.filter(state=TaskState.OPEN).select_related("visit")
    return urge(rows, REQUESTS, today=timezone.localdate(now))


def tips_due(now: datetime) -> dict[str, int]:
    rows = Tip.objects.filter(state=TaskState.OPEN).defer("text", "contact")
    return urge(rows, TIPS, today=timezone.localdate(now))


HOOKS = (requests_due, tips_due)
