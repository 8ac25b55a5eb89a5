"""System checks that keep the scoping whole: every model is Scoped or shared, no bridge leads around the scope."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.checks import Error, register

from aidcases.models import SHARED
from aidcases.scoping import Scoped

OURS = ("aidcases", "students", "subsidies", "dropout", "ledgers")


def shared_models() -> set[str]:
    """Labels of the models everyone may read whole; an app names its own in AppConfig.shared_models."""
    return SHARED | {label for app in OURS for label in getattr(apps.get_app_config(app), "shared_models", ())}


@register()
def scoping_is_whole(app_configs: Any = None, **_kwargs: Any) -> list[Error]:
    """Exhaustive over all models of ours."""
    problems, shared = [], shared_models()
    for model in (m for app in OURS for m in apps.get_app_config(app).get_models()):
        label = model._meta.label
        scoped = issubclass(model, Scoped)
        if scoped == (label in shared):
            problems.append(Error(f"{label} is neither Scoped nor shared (or both)", id="aidcases.E001"))
        for field in model._meta.get_fields():
            if not (scoped and field.is_relation and field.concrete and field.related_model):
                continue
            target = field.related_model._meta.label
            if target in shared and getattr(field.remote_field, "related_name", "") != "+":
                problems.append(Error(f"{label}.{field.name} needs related_name='+'", id="aidcases.E002"))
    return problems
