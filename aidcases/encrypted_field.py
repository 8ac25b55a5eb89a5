"""A model field whose attribute is text and whose column is ciphertext, with its look-up hash beside it."""

from __future__ import annotations

from typing import Any

from django.core import checks
from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from aidcases import crypto


class SealedAttribute(DeferredAttribute):
    """Sets the index with the text, so that bulk_create and bulk_update, which skip pre_save, store both."""

    field: EncryptedField

    def __set__(self, instance: models.Model, value: str | None) -> None:
        field, data = self.field, instance.__dict__
        before = data.get(field.attname)
        data[field.attname] = value
        if field.blind_index and not (value is before is None):
            data[field.blind_index] = field.blinded(value)


class IndexAttribute:
    """Follows the sealed text; it can be set by itself only where there is no text, or none was loaded."""

    def __init__(self, sealed: EncryptedField):
        self.name = sealed.blind_index
        self.sealed = sealed.attname

    def __get__(self, instance: models.Model | None, owner: type[models.Model]) -> Any:
        if instance is None:
            return self
        if self.name not in instance.__dict__:
            instance.refresh_from_db(fields=[self.name])
        return instance.__dict__[self.name]

    def __set__(self, instance: models.Model, value: Any) -> None:
        if instance.__dict__.get(self.sealed) is None:
            instance.__dict__[self.name] = value


class EncryptedField(models.BinaryField):
    """Text sealed with AES-256-GCM or SM4-GCM. Can't be searched or compared: use the field of `blind_index`.

    With `blind_index="id_hash"` an assignment also sets `id_hash` (a BinaryField of the same model) to
    `crypto.blind(text, purpose)`. `QuerySet.update()` has no instance and has to be given both.
    """

    description = "Encrypted text"
    descriptor_class = SealedAttribute

    def __init__(self, *args: Any, blind_index: str = "", purpose: str = "id", **kwargs: Any):
        kwargs.setdefault("editable", True)
        super().__init__(*args, **kwargs)
        self.blind_index = blind_index
        self.purpose = purpose

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        if self.blind_index:
            kwargs["blind_index"] = self.blind_index
        if self.purpose != "id":
            kwargs["purpose"] = self.purpose
        return name, path, args, kwargs

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        if self.blind_index:
            # Once the class is whole: the index field, declared before or after, has by then put its own attribute.
            models.signals.class_prepared.connect(self._follow, sender=cls)

    def _follow(self, sender: type[models.Model], **_kwargs: Any) -> None:
        setattr(sender, self.blind_index, IndexAttribute(self))

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        found = super().check(**kwargs)
        if self.purpose not in crypto.PURPOSES:
            found.append(checks.Error(f"Unknown purpose {self.purpose!r}.", obj=self, id="aidcases.E101"))
        if self.blind_index:
            try:
                self.model._meta.get_field(self.blind_index)
            except FieldDoesNotExist:
                found.append(checks.Error(f"No field {self.blind_index!r}.", obj=self, id="aidcases.E102"))
        return found

    def blinded(self, text: str | None) -> bytes | None:
        return None if text is None else crypto.blind(text, self.purpose)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if isinstance(value, str):
            value = crypto.seal(value)
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> str | None:
        return None if value is None else crypto.unseal(value)

    def to_python(self, value: Any) -> str | None:
        return None if value is None else str(value)

    def value_to_string(self, obj: models.Model) -> str:
        raise FieldError(f"{self.name} is encrypted and is not dumped; make a backup instead.")

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        raise FieldError(self._unsearchable())

    def get_transform(self, lookup_name: str) -> Any:
        raise FieldError(self._unsearchable())

    def _unsearchable(self) -> str:
        hint = f"look it up by {self.blind_index}=crypto.blind(…)" if self.blind_index else "it has no index"
        return f"{self.name} is encrypted and can't be compared; {hint}."
