"""The laws of schedules, what is handed up, packs and comparisons, each broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial

from django.utils import timezone

from ledgers.models import Bundle, Comparison, Schedule, Submission
from tests.aidcases import laws

HERE, ON = "/62/6201/620123/", date(2018, 10, 8)


def schedule(days: int) -> object:
    return line(Schedule, ledger="aid-summary", rhythm="month", kind="county", counted="last", days=days, set_by="甲")


def submission(**values: object) -> object:
    return line(Submission, due_id=1, issue_id=1, submitted_on=ON, submitted_by="甲", **values)


def bundle(**values: object) -> object:
    given: dict = {"purpose": "月调度会"} | values
    return line(Bundle, rhythm="month", period="2018-10", title="汇总", requested_by="甲", job_id=1, **given)


line = partial(laws.line, path=HERE)
BROKEN: dict[str, list[Callable[[], object]]] = {
    "schedule_within_a_year": [lambda: schedule(-1), lambda: schedule(367)],
    "correction_says_why": [lambda: submission(replaces_id=1)],
    "returned_says_why": [lambda: submission(state="returned", decided_on=ON, decided_by="乙")],
    "decided_by_somebody": [
        lambda: submission(state="accepted", decided_on=ON),
        lambda: submission(state="returned", returned_why="不对", decided_by="乙"),
    ],
    "bundle_has_a_purpose": [lambda: bundle(purpose="")],
    "bundle_finished_has_a_file": [
        lambda: bundle(finished_at=timezone.now()), lambda: bundle(stored="x"),
        lambda: bundle(finished_at=timezone.now(), files=1, sha256="0", filename="x"),
    ],
    "comparison_finished_has_a_file": [
        lambda: line(Comparison, old_id=1, new_id=2, requested_by="甲", job_id=1, finished_at=timezone.now()),
        lambda: line(Comparison, old_id=1, new_id=2, requested_by="甲", job_id=1, stored="x"),
    ],
}  # fmt: skip
