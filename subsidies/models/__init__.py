"""Benefits, rule packs, adoptions; entitlements, runs, changes."""

from subsidies.models.adopting import AdoptionRequest, AdoptionState
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
from subsidies.models.frozen import Adjustment, FrozenLine
from subsidies.models.rules import Benefit, CountyFigure, ListedArea, PackAdoption, Rule, RulePack

__all__ = [
    "Adjustment",
    "AdoptionRequest",
    "AdoptionState",
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
    "FrozenLine",
    "ListedArea",
    "Mark",
    "MissingFigure",
    "PackAdoption",
    "PackDraft",
    "Rehearsal",
    "RehearsalRow",
    "Rule",
    "RulePack",
    "RunPart",
]
