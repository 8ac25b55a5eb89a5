"""The kernel app."""

from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class AidcasesConfig(AppConfig):
    name = "aidcases"
    verbose_name = "系统"

    def ready(self) -> None:
        from aidcases import checks, daily, jobs  # noqa: F401  (registers the checks and the Celery tasks)

        connection_created.connect(_refuse_old_server)
        post_migrate.connect(_load_regions, sender=self)
        post_migrate.connect(_seed_calendar, sender=self)


def _refuse_old_server(connection: Any, **_kwargs: Any) -> None:
    from aidcases.postgres import check_version

    check_version(connection.pg_version)


def _load_regions(using: str, **_kwargs: Any) -> None:
    from aidcases.actions import load_regions

    load_regions()


def _seed_calendar(using: str, **_kwargs: Any) -> None:
    from aidcases import workdays

    workdays.seed()
