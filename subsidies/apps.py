"""Rules and entitlements."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class SubsidiesConfig(AppConfig):
    name = "subsidies"
    verbose_name = "资助"
    # Policy is public; marks and certificate parts hold no personal data; FactRow is never a table.
    shared_models = (
        "subsidies.Benefit",
        "subsidies.RulePack",
        "subsidies.Rule",
        "subsidies.PackAdoption",
        "subsidies.CountyFigure",
        "subsidies.ListedArea",
        "subsidies.Mark",
        "subsidies.CertificatePart",
        "subsidies.RunPart",
        "subsidies.FactRow",
        "subsidies.ScoreIndex",
    )

    def ready(self) -> None:
        from subsidies import registration  # noqa: F401  (fills the kernel's registry)
        from subsidies.actions import load_benefits
        from subsidies.casework.scoring import load_indices

        post_migrate.connect(load_benefits, sender=self)
        post_migrate.connect(load_indices, sender=self)
