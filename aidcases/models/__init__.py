"""Kernel models: places, people of the offices, records."""

from aidcases.models.people import Membership, Organisation, User
from aidcases.models.places import Region, School, SchoolFee
from aidcases.models.records import AuditEvent, Job

__all__ = ["AuditEvent", "Job", "Membership", "Organisation", "Region", "School", "SchoolFee", "User"]

# Models everyone may read whole. Every other model is Scoped (aidcases.checks).
SHARED = {
    "aidcases.Region",
    "aidcases.School",
    "aidcases.SchoolFee",
    "aidcases.Organisation",
    "aidcases.User",
    "aidcases.Membership",
}
