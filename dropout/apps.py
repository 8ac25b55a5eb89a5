"""Dropout prevention."""

from django.apps import AppConfig


class DropoutConfig(AppConfig):
    name = "dropout"
    verbose_name = "控辍保学"

    def ready(self) -> None:
        from dropout import registration  # noqa: F401
