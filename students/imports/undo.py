"""Takes a batch back from its journal: every cell that still holds what the batch wrote holds again what it held before.

resting(batch) -> list[Resting]                  what stands on it and forbids the undo; empty: nothing does
expected(batch) -> Expected                      what an undo would do and what it would leave; only reads
undo(batch, progress=…) -> dict                  does it, as Batch.outcome keeps it; Refused while something rests
undo_file(file, progress=…) -> ImportFile        the same for an import together with its file
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone

from aidcases import audit, sql
from aidcases.flow import Refused
from aidcases.registry import Resting, registry
from aidcases.scoping import EVERYWHERE, acting_in, current_actor
from students.imports import journal, restoring, telling, upper
from students.imports.planning import Plan, sized
from students.imports.tracks import TABLES, Track
from students.models import Batch, Decision, ImportFile, Missing, Suspect, Written
from students.models.batches import BatchKind, BatchState
from students.models.imports import FileState
from students.models.reviews import DecisionState, MissingState, SuspectState

Progress = Callable[[int, int | None, str | None], Any]

# kind of a batch → the page that shows it and undoes it: a URL name that takes the batch's key.
PAGES: dict[str, str] = {}

TOO_OLD = "这份名单入库时还没有记录改动，不能整批撤销。"


# --- what forbids it --------------------------------------------------------------------------------------------


def resting(batch: Batch) -> list[Resting]:
    """What must be taken back first: decisions on the file's rows, later batches that are no imports and touched the
    same records (an opened term: the same students), and what upper apps name through registry.resting."""
    track = Track(batch)
    with acting_in(EVERYWHERE, current_actor()):
        found = [*_decisions(track), *_endings(track), *_later_batches(track), *upper.resting(track)]
        for ask in registry.resting:
            found += ask(batch)
    return found


def _decisions(track: Track) -> list[Resting]:
    standing = (DecisionState.ASKED, DecisionState.APPLIED)
    # One that has a batch of its own is named by it, where it touched this one's records.
    count = Decision.objects.filter(row__file=track.file, state__in=standing).count() if track.file else 0
    url = reverse(PAGES["row"]) if "row" in PAGES else ""
    return [Resting("对这份名单里待核对的行作的决定", count, url=url)] if count else []


def _endings(track: Track) -> list[Resting]:
    """People ended because they were not on this file's whole register."""
    ended = Missing.objects.filter(file=track.file, state=MissingState.ENDED) if track.file else Missing.objects.none()
    count = ended.count()
    url = f"{reverse('missing_people')}?state={MissingState.ENDED}" if count else ""
    return [Resting("因为不在这份整册名单上而终止的人", count, "人", url)] if count else []


def _later_batches(track: Track) -> list[Resting]:
    """Decisions, merges and endings that wrote since to records of this batch; terms opened for its students."""
    later = Batch.objects.standing().exclude(kind=BatchKind.IMPORT).exclude(pk=track.batch.pk)
    written = Written.objects.filter(batch=OuterRef("pk"), pk__gt=track.first)
    kinds = dict(later.filter(Exists(written)).values_list("pk", "kind")) if track.steps else {}
    if not kinds:
        return []
    touched = [
        f"""SELECT w.batch_id AS batch, w.key FROM students_written w
        WHERE w.batch_id = ANY(%(all)s) AND w.id > {track.first:d} AND w."table" = '{table}' AND w.key IS NOT NULL
          AND (w.key IN ({track.made(table)}) OR w.key IN (SELECT w.key {track.entries("update", table)})
               OR w.key IN (SELECT w.key {track.entries("delete", table)}))"""
        for table in TABLES
    ]
    carried = f"""SELECT b.batch_id, e.student_id FROM students_enrolment e JOIN (
            SELECT w.batch_id, unnest(w.keys) AS id FROM students_written w
            WHERE w.batch_id = ANY(%(carry)s) AND w."table" = 'students_enrolment' AND w.verb = 'insert') b ON b.id = e.id
        WHERE e.student_id IN (SELECT s.student_id FROM students_enrolment s
                               WHERE s.id IN ({track.made("students_enrolment")}))"""
    rows = sql.rows(
        f"""SELECT batch, count(DISTINCT key)::int AS records FROM ({" UNION ALL ".join([*touched, carried])}) x
        GROUP BY 1 ORDER BY 1""",
        {"all": list(kinds), "carry": [pk for pk, kind in kinds.items() if kind == BatchKind.CARRY]},
    )
    batches = Batch.objects.in_bulk([row["batch"] for row in rows])
    return [_named(batches[row["batch"]], row["records"]) for row in rows]


def _named(batch: Batch, records: int) -> Resting:
    label = f"{batch.get_kind_display()}：{batch.label}（{batch.made_by} {timezone.localdate(batch.made_at)}）"
    url = reverse(PAGES[batch.kind], args=[batch.pk]) if batch.kind in PAGES else ""
    return Resting(label, records, url=url)


def refuse_resting(batch: Batch) -> None:
    """Raises Refused with one sentence that names what has to be taken back first."""
    if found := resting(batch):
        named = "、".join(f"{each.label} {each.count:,} {each.unit}" for each in found)
        raise Refused(f"还不能撤销，请先撤销以它为依据的内容：{named}。")


# --- what it would do -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Expected:
    """`restored`: dicts of what, removed, changed, returned (records); `kept`: what, cell, why, count; `examples`: the
    first 50 of what stays, by name; `repeats`: later files that said the same and wrote nothing (id, label, rows)."""

    resting: list[Resting]
    restored: list[dict[str, Any]]
    kept: list[dict[str, Any]]
    examples: list[dict[str, str]]
    repeats: list[dict[str, Any]]

    @property
    def kept_count(self) -> int:
        return sum(line["count"] for line in self.kept)


def expected(batch: Batch) -> Expected:
    """What an undo would do now, and what has been written since and would stay."""
    track = Track(batch)
    with sized(track):
        plan = telling.grouped(f"({Plan(track).select()})")
    return Expected(
        resting=resting(batch),
        restored=telling.restored(plan) + upper.restored(track),
        kept=telling.lines(plan),
        examples=telling.examples(plan, 50),
        repeats=telling.repeats(track),
    )


# --- doing it ---------------------------------------------------------------------------------------------------


def _is_alone(track: Track) -> bool:
    """Nobody else has written to its records since, and nobody who had was taken back meanwhile: what an undo brings back
    is then what stood before, not only what stands without this batch."""
    since = f"""(w.id > {track.first:d} OR w.batch_id IN (SELECT o.id FROM students_batch o
        JOIN students_batch b ON b.id = {track.batch.pk:d} WHERE o.undone_at > b.made_at))"""
    others = [
        f"""SELECT FROM (SELECT unnest(COALESCE(w.keys, ARRAY[w.key])) AS id FROM students_written w
            WHERE w."table" = '{table}' AND w.batch_id IS DISTINCT FROM {track.batch.pk:d} AND {since}) other
        JOIN ({track.made(table)} UNION ALL SELECT w.key {track.entries("update", table)}
            UNION ALL SELECT w.key {track.entries("delete", table)}) own ON own.id = other.id"""
        for table in sorted({step["table"] for step in track.steps})
    ]
    return not others or not sql.one(f"SELECT EXISTS ({' UNION ALL '.join(others)}) AS any")["any"]


def undo(batch: Batch, progress: Progress = lambda *_: None) -> dict[str, Any]:
    """Everything in one transaction, last step first; who may is said by whoever calls. Returns what Batch.outcome
    keeps: {"restored": [{"what", "removed", "changed", "returned"}], "kept": [{"table", "what", "cell", "why",
    "count", "examples"}], "alone": whether all is as it was before}. Raises Refused when it was undone before or something
    rests on it."""
    with transaction.atomic():
        _our_turn(progress)
        if Batch._base_manager.select_for_update().get(pk=batch.pk).state == BatchState.UNDONE:
            raise Refused("这一批已经撤销过了。")
        refuse_resting(batch)
        track = Track(batch)
        restoring.plan(track, progress)
        plan = telling.grouped("plan")
        with journal.silence():
            restoring.restore(progress)
        _files_recounted()
        restored = telling.restored(plan) + upper.restored(track, now=True)
        kept = telling.lines(plan, examples=5)
        outcome = {"restored": restored, "kept": kept, "alone": _is_alone(track)}
        actor = replace(current_actor(), all_powers=True)
        batch.move("undo", by=actor, undone_by=actor.name, undone_at=timezone.now(), outcome=outcome)
        told = {line["what"]: [line["removed"], line["changed"], line["returned"]] for line in restored}
        stays = sum(line["count"] for line in kept)
        audit.record(
            f"{batch.kind}.undone", subject=batch, path=batch.path, file=track.file or None, kept=stays, records=told
        )
    return outcome


def _our_turn(progress: Progress) -> None:
    """The lock that a commit takes: names and matching look at everything, so one of either at a time."""
    if not sql.try_lock("import.commit"):
        progress(0, None, "等待另一份名单入库")
        sql.lock("import.commit")


def _files_recounted() -> None:
    """Files whose rows changed sides with the batch and now did so back."""
    from students.imports.pipeline import recount

    rows = "SELECT key FROM plan WHERE tbl = 'students_importrow' AND op = 'update'"
    for row in sql.rows(f"SELECT DISTINCT file_id FROM students_importrow WHERE id IN ({rows})"):
        recount(row["file_id"])


def begin(file: ImportFile) -> None:
    """Moves the file to 撤销中. Raises Refused, with who did so and when where somebody was first."""
    if file.batch is None:
        raise Refused(TOO_OLD)
    try:
        file.move("undo", by=current_actor(), problem="")
    except Refused:
        file.refresh_from_db()
        if file.state == FileState.UNDOING:
            raise Refused("这次入库正在撤销，请等它结束。") from None
        if file.state == FileState.UNDONE and file.batch.undone_at:
            when = f"{timezone.localtime(file.batch.undone_at):%Y-%m-%d %H:%M}"
            raise Refused(f"这次入库 {when} 已由 {file.batch.undone_by} 撤销，不用再撤销。") from None
        raise


def undo_now(file: ImportFile) -> dict[str, Any]:
    """The same at once, for the command line; refused, the file stays committed."""
    with transaction.atomic():
        begin(file)
        undo_file(file)
    assert file.batch
    file.batch.refresh_from_db()
    return file.batch.outcome


def undo_file(file: ImportFile, progress: Progress = lambda *_: None) -> ImportFile:
    """Takes back the import of a file that was moved to 撤销中. A second time does nothing; Refused leaves it as it is."""
    with transaction.atomic():
        _our_turn(progress)
        file.refresh_from_db()
        if file.state == FileState.UNDONE:
            return file
        if file.state != FileState.UNDOING:
            raise Refused("这份名单不在撤销中。")
        if file.batch is None:
            raise Refused(TOO_OLD)
        # What the file asked is answered with it; what was decided on it forbids the undo (resting).
        Missing._base_manager.filter(file=file).exclude(state=MissingState.ENDED).delete()
        Suspect._base_manager.filter(file=file, state=SuspectState.OPEN).delete()
        undo(file.batch, progress)
        file.move("undone", by=current_actor(), problem="")
    return file
