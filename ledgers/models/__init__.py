"""Issues of ledgers and what proves them."""

from ledgers.models.issues import LedgerIssue

__all__ = ["LedgerIssue"]
