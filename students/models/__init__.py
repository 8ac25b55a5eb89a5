"""People, households, students, enrolments, hardship, rosters; the imports they come from and what was decided."""

from students.models.accounts import Account
from students.models.attendance import Attendance
from students.models.batches import Batch, Written
from students.models.exports import Export, ExportRow
from students.models.households import Hardship, Household, Member
from students.models.imports import ImportFile, ImportRow, SavedMapping
from students.models.people import Guardian, Person
from students.models.reviews import Decision, Missing, PersonAlias, Suspect
from students.models.students import Enrolment, RosterEntry, Student
from students.models.suspensions import Suspension

__all__ = [
    "Account",
    "Attendance",
    "Batch",
    "Decision",
    "Enrolment",
    "Export",
    "ExportRow",
    "Guardian",
    "Hardship",
    "Household",
    "ImportFile",
    "ImportRow",
    "Member",
    "Missing",
    "Person",
    "PersonAlias",
    "RosterEntry",
    "SavedMapping",
    "Student",
    "Suspect",
    "Suspension",
    "Written",
]
