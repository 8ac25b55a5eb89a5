"""People, households, students, enrolments, hardship, rosters; and the imports they come from."""

from students.models.households import Hardship, Household, Member
from students.models.imports import ImportFile, ImportRow
from students.models.people import Guardian, Person
from students.models.students import Enrolment, RosterEntry, Student

__all__ = [
    "Enrolment",
    "Guardian",
    "Hardship",
    "Household",
    "ImportFile",
    "ImportRow",
    "Member",
    "Person",
    "RosterEntry",
    "Student",
]
