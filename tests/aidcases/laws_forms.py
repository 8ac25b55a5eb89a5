"""Laws of the forms of ledgers, broken."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone

from ledgers.models import CountyForm


def form(**values: object) -> None:
    fields = {"path": "/62/6201/620123/", "ledger": "poverty-register", "filename": "甲.xlsx", "made_by": "甲"}
    CountyForm.objects.create(**{**fields, "stored": "forms/x", "sha256": "0" * 64, **values})


NOW = timezone.now()
BROKEN: dict[str, list[Callable[[], object]]] = {
    "county_form_saved_has_a_version": [
        lambda: form(saved_at=NOW, saved_by="甲"),
        lambda: form(saved_at=NOW, version=1),
        lambda: form(version=1),
    ],
    "county_form_withdrawn_was_saved": [
        lambda: form(withdrawn_at=NOW, withdrawn_by="甲"),
        lambda: form(withdrawn_at=NOW, saved_at=NOW, saved_by="甲", version=1),
    ],
}
