"""Every model is scoped or shared on purpose; no query path leads round a narrower side; migrations are one line."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import models
from django.db.migrations.loader import MigrationLoader

from aidcases import checks
from aidcases.scoping import PathField, Scoped, ScopedManager

# A model joins this list only when everybody may read every row of it.
SHARED = {
    "aidcases.Region", "aidcases.School", "aidcases.SchoolFee", "aidcases.Organisation", "aidcases.User",
    "aidcases.Membership", "aidcases.CalendarYear", "aidcases.CalendarDay", "subsidies.Benefit",
    "subsidies.RulePack", "subsidies.Rule", "subsidies.PackAdoption", "subsidies.CountyFigure",
    "subsidies.ListedArea", "subsidies.ScoreIndex", "subsidies.Mark", "subsidies.CertificatePart",
    "subsidies.RunPart", "subsidies.FactRow",
}  # fmt: skip

# Households are the home side's: a join from a person, whom the school's side sees too, would show them to it.
# Each module below joins so, and keeps to rows of households that the scoped manager has let through.
JOINS_TO_HOUSEHOLDS = {
    "students/views/households.py": "only households on the page, which are scoped",
    "ledgers/definitions/poverty_register.py": "only memberships that the scoped manager returns",
    "ledgers/definitions/studying_elsewhere.py": "only memberships that the scoped manager returns",
}


def ours() -> list[type[models.Model]]:
    return [model for app in checks.OURS for model in apps.get_app_config(app).get_models()]


def test_the_system_checks_find_nothing():
    assert run_checks() == []


def test_what_is_shared_is_shared_on_purpose():
    assert checks.shared_models() == SHARED
    assert {m._meta.label for m in ours() if not issubclass(m, Scoped)} == SHARED


@pytest.mark.parametrize("model", [m for m in ours() if issubclass(m, Scoped)], ids=lambda m: m._meta.label)
def test_a_scoped_model_is_scoped_whichever_manager_django_takes(model: type[Scoped]):
    assert isinstance(model._default_manager, ScopedManager)
    assert all(isinstance(manager, ScopedManager) for manager in model._meta.managers)
    assert model.OWNER_PATHS
    for path in model.OWNER_PATHS.values():
        field = model._meta.get_field(path.split("__")[0])
        for step in path.split("__")[1:]:
            assert field.many_to_one or field.one_to_one
            field = field.related_model._meta.get_field(step)
        assert isinstance(field, PathField)
        assert not field.null


def test_who_joins_from_people_to_what_only_their_home_may_see():
    narrower = {
        relation.get_accessor_name()
        for model in ours()
        if issubclass(model, Scoped)
        for relation in model._meta.related_objects
        if issubclass(relation.related_model, Scoped)
        and set(relation.related_model.OWNER_PATHS) < set(model.OWNER_PATHS)
    }
    # An application's family is the school's side only, as is who of a panel has a child: neither is joined from people.
    of_school = {"family", "_subsidies_panelmember_children_+"}
    assert narrower == {"headed", "memberships"} | of_school
    narrower -= of_school
    joins = re.compile(rf"(?:^|__)({'|'.join(narrower)})(?:__|$)")
    found = set()
    for app in ("students", "subsidies", "dropout", "ledgers"):
        for path in sorted((Path(settings.PROJECT) / app).rglob("*.py")):
            if "migrations" not in path.parts and any(joins.search(name) for name in lookups(path)):
                found.add(str(path.relative_to(settings.PROJECT)))
    assert found - {"students/models/households.py"} == set(JOINS_TO_HOUSEHOLDS)


def lookups(path: Path) -> set[str]:
    """Keyword arguments and strings of a module that could be query paths."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg:
            names.add(node.arg)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"\w+", node.value):
            names.add(node.value)
    return names


def test_migrations_are_linear():
    loader = MigrationLoader(None)
    for app in checks.OURS:
        mine = {name: node for name, node in loader.disk_migrations.items() if name[0] == app}
        if not mine:
            assert list(apps.get_app_config(app).get_models()) == []
            continue
        assert len(loader.graph.leaf_nodes(app)) == 1
        assert len([n for n in mine if not any(p[0] == app for p in loader.graph.node_map[n].parents)]) == 1
        for name, migration in mine.items():
            assert len([parent for parent in migration.dependencies if parent[0] == app]) <= 1, name


def test_no_migration_is_missing(db: None):
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
