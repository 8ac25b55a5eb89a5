"""Ledgers (台账) and their issues."""

from django.apps import AppConfig


class LedgersConfig(AppConfig):
    name = "ledgers"
    verbose_name = "台账"

    def ready(self) -> None:
        from ledgers import registration  # noqa: F401
