"""Benefits, rule packs, adoptions; entitlements, runs, changes."""

from subsidies.models.entitlements import (
    CertificatePart,
    ComputeRun,
    Entitlement,
    EntitlementChange,
    Mark,
    MissingFigure,
)
from subsidies.models.factrow import FactRow
from subsidies.models.rules import Benefit, PackAdoption, Rule, RulePack

__all__ = [
    "Benefit",
    "CertificatePart",
    "ComputeRun",
    "Entitlement",
    "EntitlementChange",
    "FactRow",
    "Mark",
    "MissingFigure",
    "PackAdoption",
    "Rule",
    "RulePack",
]
