"""Benefits, rule packs, adoptions; entitlements, runs, changes."""

from subsidies.models.adopting import AdoptionRequest, AdoptionState
from subsidies.models.applications import (
    Application,
    ApplicationWindow,
    Approval,
    FamilyMember,
    Responsible,
)
from subsidies.models.banking import BankFile, BankReturn, ReturnLine, Sending
from subsidies.models.clauses import ClauseText
from subsidies.models.determination import Determination
from subsidies.models.drafts import DraftState, PackDraft, Rehearsal, RehearsalRow
from subsidies.models.entitlements import (
    CertificatePart,
    ComputeRun,
    Entitlement,
    EntitlementChange,
    Mark,
    MissingFigure,
    RunPart,
)
from subsidies.models.factrow import FactRow
from subsidies.models.giving import (
    Donation,
    DonationProject,
    Donor,
    Gift,
    HelperVisit,
    PairActivity,
    Pairing,
    PairingEnd,
    PointsAccount,
    PointsEntry,
    SchoolPair,
    SchoolPairEnd,
)
from subsidies.models.letters import Letter
from subsidies.models.loans import Loan, TopUpCase
from subsidies.models.notices import NoticeLine, Objection, PublicNotice
from subsidies.models.panels import Assessment, Meeting, Panel, PanelMember, Quota, ScoreIndex
from subsidies.models.payments import BatchPart, Indicator, IndicatorUse, Payment, PaymentBatch
from subsidies.models.plans import HouseholdPlan, PlanChild, PlanMeasure, StudyAway
from subsidies.models.reasons import UnpaidReason
from subsidies.models.recoveries import Adjustment, Receipt, Recovery
from subsidies.models.refusals import Refusal
from subsidies.models.rules import Benefit, CountyFigure, ListedArea, PackAdoption, Rule, RulePack
from subsidies.models.vocational import FollowUp, Trainee, TraineeContact, TrainingPlace, TrainingPlan

__all__ = [
    "Adjustment",
    "AdoptionRequest",
    "AdoptionState",
    "Application",
    "ApplicationWindow",
    "Approval",
    "Assessment",
    "BankFile",
    "BankReturn",
    "BatchPart",
    "Benefit",
    "CertificatePart",
    "ClauseText",
    "ComputeRun",
    "CountyFigure",
    "Determination",
    "Donation",
    "DonationProject",
    "Donor",
    "DraftState",
    "Entitlement",
    "EntitlementChange",
    "FactRow",
    "FamilyMember",
    "FollowUp",
    "Gift",
    "HelperVisit",
    "HouseholdPlan",
    "Indicator",
    "IndicatorUse",
    "Letter",
    "ListedArea",
    "Loan",
    "Mark",
    "Meeting",
    "MissingFigure",
    "NoticeLine",
    "Objection",
    "PackAdoption",
    "PackDraft",
    "PairActivity",
    "Pairing",
    "PairingEnd",
    "Panel",
    "PanelMember",
    "Payment",
    "PaymentBatch",
    "PlanChild",
    "PlanMeasure",
    "PointsAccount",
    "PointsEntry",
    "PublicNotice",
    "Quota",
    "Receipt",
    "Recovery",
    "Refusal",
    "Rehearsal",
    "RehearsalRow",
    "Responsible",
    "ReturnLine",
    "Rule",
    "RulePack",
    "RunPart",
    "SchoolPair",
    "SchoolPairEnd",
    "ScoreIndex",
    "Sending",
    "StudyAway",
    "TopUpCase",
    "Trainee",
    "TraineeContact",
    "TrainingPlace",
    "TrainingPlan",
    "UnpaidReason",
]
