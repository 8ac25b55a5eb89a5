"""The documents' own words: what the own office and those above it have pasted beside a clause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import Organisation
from aidcases.models.places import above
from aidcases.scoping import current_actor, current_scope
from subsidies.models import ClauseText, Rule

LONGEST = 20_000  # characters of one clause

Key = tuple[str, str]  # pack code, clause


def in_sight() -> QuerySet[ClauseText]:
    """Texts of the own office and of those above it, which write for the offices below; never of those below or
    beside it. Scoped managers show what lies below, so this goes round them."""
    return ClauseText._base_manager.filter(path__in=above(current_scope().path))


def newest(pack_codes: Iterable[str]) -> dict[Key, list[ClauseText]]:
    """Per clause the newest text of each office in sight, the nearest office first; one that was taken away has an
    empty text."""
    last = in_sight().filter(pack_code__in=set(pack_codes)).order_by("pack_code", "clause", "path", "-version")
    found: dict[Key, list[ClauseText]] = defaultdict(list)
    for text in last.distinct("pack_code", "clause", "path"):
        found[text.pack_code, text.clause].append(text)
    for texts in found.values():
        texts.sort(key=lambda text: -len(text.path))
    return found


def shown(texts: list[ClauseText]) -> list[ClauseText]:
    """Those that say something."""
    return [text for text in texts if text.text]


def own_version(texts: list[ClauseText]) -> ClauseText | None:
    """The own office's newest text, also when it was taken away."""
    here = current_actor().path
    return next((text for text in texts if text.path == here), None)


def history(text: ClauseText, most: int = 20) -> list[ClauseText]:
    """The same office's versions of the same clause, newest first."""
    same = in_sight().filter(pack_code=text.pack_code, clause=text.clause, path=text.path)
    return list(same.order_by("-version")[:most])


@transaction.atomic
def write(*, pack_code: str, clause: str, text: str, seen: int) -> ClauseText | None:
    """The own office's next version of a clause's text. `seen`: number of the version that was edited, 0 for none.

    None: somebody of the office has written since. The same text again, a second click, is the version there is.
    """
    actor = current_actor()
    if not Rule.objects.filter(pack__code=pack_code, clause=clause).exists():
        raise Refused("这份文件没有这一条，请回到政策页重新选择。")
    of_clause = {"pack_code": pack_code, "clause": clause, "path": actor.path}
    last = ClauseText.objects.filter(**of_clause).order_by("-version").first()
    if last is None and not text:
        raise Refused("请先粘贴原文，再保存。")
    if last and last.text == text:
        return last
    if seen != (last.version if last else 0):
        return None
    office = Organisation.objects.filter(pk=actor.office_id).values_list("name", flat=True).first()
    said = {"text": text, "office": office or actor.name, "written_by": actor.name, "written_by_id": actor.user_id}
    made, new = ClauseText.objects.get_or_create(**of_clause, version=seen + 1, defaults=said)
    if not new:
        return made if made.text == text else None
    audit.record("clause.written", subject=made, code=pack_code, clause=clause, version=made.version)
    return made
