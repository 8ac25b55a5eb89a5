"""Kernel models: places, people of the offices, the calendar, the inbox, records."""

from aidcases.models.calendar import CalendarDay, CalendarYear
from aidcases.models.inbox import Reminder, StoredFile
from aidcases.models.people import Membership, Organisation, User
from aidcases.models.places import Region, School, SchoolFee
from aidcases.models.records import AuditEvent, Job

__all__ = [
    "AuditEvent",
    "CalendarDay",
    "CalendarYear",
    "Job",
    "Membership",
    "Organisation",
    "Region",
    "Reminder",
    "School",
    "SchoolFee",
    "StoredFile",
    "User",
]

# Models everyone may read whole. Every other model is Scoped (aidcases.checks).
SHARED = {
    "aidcases.Region",
    "aidcases.School",
    "aidcases.SchoolFee",
    "aidcases.Organisation",
    "aidcases.User",
    "aidcases.Membership",
    "aidcases.CalendarYear",
    "aidcases.CalendarDay",
}
