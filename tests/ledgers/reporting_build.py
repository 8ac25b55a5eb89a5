"""A due item and what was handed up for it, in any state, with what the state demands."""

from __future__ import annotations

from datetime import date
from itertools import count

from django.utils import timezone

from aidcases.models import Job
from ledgers import verifications
from ledgers.models import Bundle, Comparison, Due, LedgerIssue, Submission
from tests import make
from tests.personas import CANARY, Side

HERE = "/62/6201/620123/"
ON = date(2018, 10, 8)
_jobs = count(900_001)
_years = count(2100)  # an office has one item of a period


def issue(path: str = HERE, mark: str = "", **values: object) -> LedgerIssue:
    given: dict = {
        "ledger": "aid-summary", "title": f"{mark}台账", "term": "2018-autumn", "path": path, "area_path": path,
        "area_name": "榆中县", "purpose": f"{mark}用途", "reported_by": "中心", "requested_by": f"{mark}办事员",
        "job_id": next(_jobs), "rows": 1, "finished_at": timezone.now(), "sha256": "0" * 64, "stored": "none",
        "filename": f"{mark}台账.xlsx", "totals": [["应资助人数", 1], ["金额", "1.00"]],
    }  # fmt: skip
    made = LedgerIssue(**{**given, **values})
    made.save()
    return made


def due(path: str = HERE, **values: object) -> Due:
    given: dict = {"rhythm": "year", "period": str(next(_years)), "due_on": ON}
    made = Due(
        office=make.office(path.strip("/").rpartition("/")[2]), path=path, ledger="aid-summary", term="2018-autumn",
        **{**given, **values},
    )  # fmt: skip
    made.save()
    return made


def submission(state: str = "submitted", path: str = HERE, mark: str = "") -> Submission:
    made = Submission(
        due=due(path), issue=issue(path, mark), path=path, state=state, submitted_on=ON, submitted_by=f"{mark}办事员",
        **columns(state),
    )  # fmt: skip
    made.save()
    return made


def columns(state: str) -> dict:
    if state not in ("accepted", "returned"):
        return {}
    return {"decided_on": ON, "decided_by": "乙", "returned_why": "不对" if state == "returned" else ""}


# --- of the counties whose pages are walked ------------------------------------------------------------------------


def handed(side: Side) -> Submission:
    """What a county has handed up."""
    path, mark = side.office.path, CANARY[side.code]
    return Submission.objects.filter(path=path).first() or submission(path=path, mark=mark)


def bundle(side: Side) -> Bundle:
    """A county's pack of what its schools handed up."""
    path, mark = side.office.path, CANARY[side.code]
    made = Bundle.objects.filter(path=path).first()
    if made is None:
        made = Bundle(
            path=path, rhythm="month", period="2018-10", title=f"{mark}台账", purpose=f"{mark}用途", job_id=next(_jobs),
            requested_by=f"{mark}办事员", finished_at=timezone.now(), files=0, sha256="0" * 64, stored="none",
            filename=f"{mark}台账.zip", report={"paragraphs": [[[f"{mark}台账", ""]]], "roll_ups": [], "ranking": []},
        )  # fmt: skip
        made.save()
    return made


def comparison(side: Side) -> Comparison:
    """Of two issues of a county."""
    path, mark = side.office.path, CANARY[side.code]
    made = Comparison.objects.filter(path=path).first()
    if made is None:
        made = Comparison(
            path=path, old=issue(path, mark), new=issue(path, mark), requested_by=f"{mark}办事员", job_id=next(_jobs)
        )
        made.save()
    return made


def verification(side: Side) -> Job:
    """Of a county's large file, asked for by one of its people; it did not end well."""
    path, mark = side.office.path, CANARY[side.code]
    made = Job.objects.filter(path=path, kind=verifications.KIND).first()
    if made is None:
        held, who = issue(path, mark), side.office.memberships.order_by("pk").first().user
        made = Job(
            kind=verifications.KIND, label=f"{mark}核验", path=path, requested_by=f"{mark}办事员", user_id=who.pk,
            office_id=side.office.pk, params={"held": held.pk, "stored": "none"}, state="failed", error=f"{mark}出错",
        )  # fmt: skip
        made.save()
    return made
