"""Ways to break a law of a table: a row changed past every check above the database, a row written without any."""

from __future__ import annotations

from django.db.models import Model


def change(row: Model, **values: object) -> int:
    return type(row)._base_manager.filter(pk=row.pk).update(**values)


def line(model: type[Model], **values: object) -> object:
    """A row without what it refers to: the laws of its own columns are looked at first."""
    return model(**values).save_base(raw=True, force_insert=True)
