"""Issues of ledgers and what proves them; what goes up and by when; work to be done and its progress."""

from ledgers.models.comparisons import Comparison
from ledgers.models.countyforms import CountyForm
from ledgers.models.goals import AgeFigure, IndicatorGoal, NamedArea
from ledgers.models.issues import LedgerIssue
from ledgers.models.progress import Talk, WorkLine, WorkMonth, WorkTask
from ledgers.models.submissions import Bundle, Due, Schedule, Submission

__all__ = [
    "AgeFigure",
    "Bundle",
    "Comparison",
    "CountyForm",
    "Due",
    "IndicatorGoal",
    "LedgerIssue",
    "NamedArea",
    "Schedule",
    "Submission",
    "Talk",
    "WorkLine",
    "WorkMonth",
    "WorkTask",
]
