"""Comparisons and cases, visits, legal steps, placements; warnings, inspections, reports; care; the public's part."""

from dropout.models.care import ActivityRoom, CareFile, CareVisit, FamilyRequest
from dropout.models.cases import CaseRound, Deadline, DropoutCase, Measure, TeamMember
from dropout.models.comparison import Comparison, Deferral, Difference
from dropout.models.figures import IntakeFigure
from dropout.models.inspections import Inspection, InspectionLine, Rectification
from dropout.models.legal import LegalStep, PaperNumber, Placement
from dropout.models.public import Supervisor, SurveyAnswer, Tip
from dropout.models.reports import Report
from dropout.models.visits import Visit, VisitDraft
from dropout.models.warnings import ExamResult, Threshold, WarningLine

__all__ = [
    "ActivityRoom",
    "CareFile",
    "CareVisit",
    "CaseRound",
    "Comparison",
    "Deadline",
    "Deferral",
    "Difference",
    "DropoutCase",
    "ExamResult",
    "FamilyRequest",
    "Inspection",
    "InspectionLine",
    "IntakeFigure",
    "LegalStep",
    "Measure",
    "PaperNumber",
    "Placement",
    "Rectification",
    "Report",
    "Supervisor",
    "SurveyAnswer",
    "TeamMember",
    "Threshold",
    "Tip",
    "Visit",
    "VisitDraft",
    "WarningLine",
]
