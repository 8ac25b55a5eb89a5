"""The chain of a ledger's issues: each holds the checksum of the one before it, back to the first. What is broken is named."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.conf import settings

from aidcases import crypto
from aidcases.models import AuditEvent
from ledgers.actions import PLACE
from ledgers.models import LedgerIssue

ISSUED = "ledger.issued"
NO_FILE = "文件丢失或被改动"
OTHER_FILE = "文件与登记的校验码不符"
NO_EVENT = "操作记录里没有这一期"
OTHER_EVENT = "校验码与操作记录不符"
GONE = "上一期的记录不见了"
OTHER_LINK = "登记的“上一期校验码”与上一期不符"
NO_LINK = "没有接上前面的一期"


@dataclass
class Link:
    """An issue and what is wrong with it, [] when nothing is."""

    issue: LedgerIssue
    wrong: list[str] = field(default_factory=list)


def chain(issue: LedgerIssue) -> list[Link]:
    """The issue and all before it of the same office, ledger, term and area, newest first, each looked at: its own link to
    the one before, and whether the audit log knows it by this checksum. Three queries."""
    rows = list(LedgerIssue.objects.chain_of(issue).filter(pk__lte=issue.pk).exclude(finished_at__gt=issue.finished_at))
    known = _recorded(row.pk for row in rows)
    links = [Link(row) for row in rows]
    for at, link in enumerate(links):
        before = links[at + 1].issue if at + 1 < len(links) else None
        link.wrong = [*_link(link.issue, before), *_event(link.issue, known)]
    return links


def _recorded(issues: Iterable[int]) -> dict[int, str]:
    events = AuditEvent.objects.filter(action=ISSUED, subject_type="ledgers.ledgerissue", subject_id__in=list(issues))
    return {event.subject_id: event.data.get("sha256", "") for event in events}


def _link(issue: LedgerIssue, before: LedgerIssue | None) -> list[str]:
    if before is None:
        return [GONE] if issue.previous_sha256 or issue.previous_id else []
    if issue.previous_id is None:
        return [NO_LINK]
    if issue.previous_id != before.pk:
        return [GONE]
    return [] if issue.previous_sha256 == before.sha256 else [OTHER_LINK]


def _event(issue: LedgerIssue, known: dict[int, str]) -> list[str]:
    if issue.pk not in known:
        return [NO_EVENT]
    return [] if known[issue.pk] == issue.sha256 else [OTHER_EVENT]


def file_of(issue: LedgerIssue) -> str:
    """What is wrong with the issue's own stored file; "" when it is the one that was sealed."""
    digest = hashlib.sha256()
    try:
        for piece in crypto.read_sealed(settings.FILES / PLACE / issue.stored):
            digest.update(piece)
    except (OSError, crypto.SealBroken):
        return NO_FILE
    return "" if digest.hexdigest() == issue.sha256 else OTHER_FILE
