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
from subsidies.models.letters import Letter
from subsidies.models.notices import NoticeLine, Objection, PublicNotice
from subsidies.models.panels import Assessment, Meeting, Panel, PanelMember, Quota, ScoreIndex
from subsidies.models.payments import BatchPart, Indicator, IndicatorUse, Payment, PaymentBatch
from subsidies.models.reasons import UnpaidReason
from subsidies.models.recoveries import Adjustment, Receipt, Recovery
from subsidies.models.rules import Benefit, CountyFigure, ListedArea, PackAdoption, Rule, RulePack

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
    "DraftState",
    "Entitlement",
    "EntitlementChange",
    "FactRow",
    "FamilyMember",
    "Indicator",
    "IndicatorUse",
    "Letter",
    "ListedArea",
    "Mark",
    "Meeting",
    "MissingFigure",
    "NoticeLine",
    "Objection",
    "PackAdoption",
    "PackDraft",
    "Panel",
    "PanelMember",
    "Payment",
    "PaymentBatch",
    "PublicNotice",
    "Quota",
    "Receipt",
    "Recovery",
    "Rehearsal",
    "RehearsalRow",
    "Responsible",
    "ReturnLine",
    "Rule",
    "RulePack",
    "RunPart",
    "ScoreIndex",
    "Sending",
    "UnpaidReason",
]
