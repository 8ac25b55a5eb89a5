"""How an application's tables come to be: all at once."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class CreateModels(Operation):
    """What makemigrations lists for an application without tables, as one step.

    Django builds its classes of all related models anew after each step of a migration: with a hundred and fifty models
    three quarters of the time of a first start. Here they are built once, and each table is made as it is in the end,
    with its constraints and indexes. The list may hold whatever makemigrations writes about the models it creates.
    """

    reversible = False

    def __init__(self, operations: Sequence[Operation]):
        self.operations = list(operations)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        state.__dict__.pop("apps", None)  # classes of the models so far; the next to ask builds them with the new ones
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for operation in self.operations:
            if isinstance(operation, CreateModel):
                model = to_state.apps.get_model(app_label, operation.name)
                if self.allow_migrate_model(schema_editor.connection.alias, model):
                    schema_editor.create_model(model)

    def describe(self) -> str:
        return f"Create {sum(isinstance(operation, CreateModel) for operation in self.operations)} models"
