"""A roster's way in: received → read by the limited child → checked → previewed → committed in one transaction."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from aidcases import audit, crypto, sql
from aidcases.flow import Refused
from aidcases.models import Organisation
from aidcases.scoping import Scope, acting_in, current_actor
from aidcases.terms import EARLIEST, Term
from students.enums import NAME_AUTHORITY, RosterKind
from students.imports import (
    again,
    checks,
    decided,
    edits,
    facts,
    homes,
    journal,
    matching,
    missing,
    names,
    persons,
    reader,
    returned,
    upper,
)
from students.imports.identity import REASONS, REPEATED, repeated
from students.models import ImportFile, ImportRow, SavedMapping
from students.models.batches import BatchKind
from students.models.imports import FileState, RowState

# The child's COPY lines, in this order (students.imports.child).
COLUMNS = (
    "file", "number", "state", "reasons", "cells", "warnings", "name", "id_hash", "id_last4", "id_cipher", "sex",
    "birth_on", "second_hash", "second_last4", "second_cipher", "phone_hash", "phone_cipher", "number_hash",
    "number_last4", "number_cipher", "data", "initials",
)  # fmt: skip

Progress = Callable[[int, int | None, str | None], Any]


def receive(
    *, kind: str, term: Term, office: Organisation, filename: str, chunks: Iterable[bytes], whole: bool = False,
    data_on: date | None = None,
) -> ImportFile:  # fmt: skip
    """Seals the upload under FILES and records it; nothing of it is read yet. `whole`: the whole register of that date."""
    if whole and kind not in missing.REGISTERS:
        raise Refused("这种名单不能按整册导入。")
    stored = f"imports/{uuid.uuid4().hex}"
    target = settings.FILES / stored
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    sha256 = crypto.write_sealed(target, chunks)
    file = ImportFile(
        kind=RosterKind(kind),
        term=term.code,
        office=office,
        path=office.path,
        filename=Path(filename).name[:200],
        sha256=sha256,
        stored=stored,
        whole=whole,
        data_on=data_on,
        uploaded_by=current_actor().name,
    )
    file.save()
    audit.record("import.received", subject=file, path=file.path, kind=kind, sha256=sha256)
    return file


def preview(file: ImportFile, progress: Progress = lambda *_: None) -> ImportFile:
    """Reads and checks the file. A file that can't be read ends as refused, with the sentence that says what to do."""
    actor = current_actor()
    try:
        with transaction.atomic():
            sql.run("DELETE FROM students_importrow WHERE file_id = %s", [file.pk])
            today = timezone.localdate()
            before = again.read_before(file, today)
            file.summary = again.take_over(file, before) if before else _read(file, today, progress)
            sql.run("ANALYZE students_importrow (file_id, state, id_hash, second_hash)")
            progress(0, None, "核对")
            _check(file)
            said_on = file.summary["data_on"]
            data_on = file.data_on or (date.fromisoformat(said_on) if said_on else None)
            told = file.summary | missing.foreseen(file, data_on)
            file.move("preview", by=actor, summary=told, counts=counted(file.pk), data_on=data_on)
    except reader.Asked as asked:
        told = {"looked": asked.looked, "looks_like": asked.looks_like}
        file.move("ask", by=actor, problem=str(asked), summary=told, counts={})
    except reader.Refused as refused:
        file.move("refuse", by=actor, problem=str(refused))
    return file


def _read(file: ImportFile, today: date, progress: Progress) -> dict[str, Any]:
    """The upload's rows into the table; what was read, in short."""
    summary = reader.read_roster(
        settings.FILES / file.stored,
        file.kind,
        file.pk,
        filename=file.filename,
        keyring=settings.KEYRING,
        sink=lambda lines: sql.copy_in(ImportRow, COLUMNS, lines),
        on_progress=lambda done, total: progress(done, total, "读取"),
        choice=file.choice,
        saved=_saved_mappings(file),
        state=_expected(file),
        today=today,
    )
    return {**summary.as_dict(), again.READ_BY: again.read_by(today)}


def _expected(file: ImportFile) -> str:
    """What most rows will be, so that most need not be written a second time: unchanged where the office has brought in
    such a list for the term before, else new."""
    if file.kind == RosterKind.EDITS:  # its checks set every state themselves
        return RowState.READ
    before = ImportFile.objects.committed().filter(path=file.path, kind=file.kind, term=file.term)
    return RowState.UNCHANGED if before.exists() else RowState.NEW


def _saved_mappings(file: ImportFile) -> dict[str, dict[str, str]]:
    """Fingerprint of headings → field → heading, as this office once said; of a 数据版 what the ledgers' say."""
    if file.kind == RosterKind.EDITS:
        return edits.layouts()
    rows = SavedMapping.objects.filter(office=file.office_id, kind=file.kind)
    return dict(rows.values_list("headings_hash", "mapping"))


def _check(file: ImportFile) -> None:
    if file.kind in upper.KINDS:
        upper.KINDS[file.kind].check(file)
    else:
        (edits if file.kind == RosterKind.EDITS else checks).check(file)


def counted(pk: int) -> dict[str, Any]:
    """{"rows", "new", "changed", "unchanged", "review", "rejected", "reasons": {code: rows}}"""
    states = {
        row["state"]: row["n"]
        for row in sql.rows("SELECT state, count(*) AS n FROM students_importrow WHERE file_id = %s GROUP BY 1", [pk])
    }
    reasons = sql.rows(
        "SELECT reason, count(*) AS n FROM students_importrow, unnest(reasons) reason "
        "WHERE file_id = %s AND NOT reasons = '{}' AND state IN ('review', 'rejected') GROUP BY 1 ORDER BY 1",
        [pk],
    )
    return {
        "rows": sum(states.values()),
        **{state: states.get(state, 0) for state in ("new", "changed", "unchanged", "review", "rejected")},
        "reasons": {row["reason"]: row["n"] for row in reasons},
        **edits.counted(pk),
    }


def recount(pk: int) -> None:
    """Counts anew after rows of a committed file changed sides."""
    ImportFile._base_manager.filter(pk=pk).update(counts=counted(pk))


OTHERWISE = "您核对以后，系统里的数据有了变化，这份名单的结果和您看到的不一样了。请按下面的数字重新核对，再确认入库。"


def _outcome(counts: dict[str, Any]) -> tuple:
    states = (counts.get(state, 0) for state in ("new", "changed", "review", "rejected"))
    return *states, counts.get("cells", {}).get("chosen")


def commit(file: ImportFile, progress: Progress = lambda *_: None) -> ImportFile:
    """Facts into place, all or nothing. The rows are checked once more first: if the world has moved on, nobody has
    confirmed what would now happen, and the file goes back to be looked at again."""
    with transaction.atomic():
        # Names are judged across offices and a person may stand on two lists: one commit at a time.
        if not sql.try_lock("import.commit"):
            progress(0, None, "等待另一份名单入库")
            sql.lock("import.commit")
        file.refresh_from_db()
        if file.state == FileState.COMMITTED:
            return file
        if file.state != FileState.COMMITTING:
            raise Refused("这份名单还没有确认入库。")
        if late := missing.too_late(file, file.data_on):
            raise Refused(late)
        progress(0, file.counts.get("rows"), "复核")
        _check(file)
        if _outcome(now := counted(file.pk)) != _outcome(file.counts):
            file.move("reopen", by=current_actor(), counts=now, problem=OTHERWISE)
            return file
        label = f"{file.get_kind_display()}：{file.filename}"
        with journal.batch(BatchKind.IMPORT, path=file.path, label=label, term=file.term) as batch:
            _lay(file, progress)
            missing.compare(file, at=timezone.now())
        counts = counted(file.pk)
        file.move("commit", by=current_actor(), counts=counts, committed_at=timezone.now(), batch=batch)
        audit.record("import.committed", subject=file, path=file.path, **counts)
    return file


def _lay(file: ImportFile, progress: Progress) -> None:
    if file.kind in upper.KINDS:
        progress(0, None, "入库")
        upper.KINDS[file.kind].write(file)
    else:
        (edits.write if file.kind == RosterKind.EDITS else _write)(file, progress)


def _write(file: ImportFile, progress: Progress) -> None:
    params = {
        **checks.parameters(file),
        "authority": NAME_AUTHORITY.get(RosterKind(file.kind), 0),
        "earliest": EARLIEST,
    }
    sql.temporary("todo", facts.TODO)
    people: list[int] = []
    known = matching.last_known()
    if file.kind != RosterKind.SCHOOLS:
        sql.run(persons.PEOPLE, params)
        sql.run(persons.KNOWN_PEOPLE, params)
        sql.run(persons.SECOND_PEOPLE, params)
        sql.run("ANALYZE students_person (id, id_hash, name_authority)")
        if names.find_disputed(file):
            names.judge(file)
            people = names.settle(file)
    progress(0, None, "入库")
    lay_rows(
        file.kind, "SELECT id FROM students_importrow WHERE file_id = %(file)s AND state IN ('new', 'changed')", params
    )
    _touched(file, people, params)
    apply_agreed(file.kind, decided.agreed_rows(file.kind), params)
    if people:
        lay_anew(people, params)
    # What was just written is new to the planner; without this a following statement walks tables row by row.
    for table in facts.WRITTEN[file.kind]:
        sql.run(f"ANALYZE {table}")
    homes.derive("SELECT p.* FROM students_person p JOIN touched ON touched.id = p.id")
    sql.run("ANALYZE students_person (name, initials, id_last4, home_path, school_path, hukou_region_id)")
    sql.run("ANALYZE students_enrolment (term, student_id, school_id, stage, grade, home_path, school_path)")
    matching.suspect(file, known)


def _touched(file: ImportFile, people: list[int], params: dict[str, Any]) -> None:
    """Fills the temporary table `touched` (id): whose owner paths the file may have moved. `todo` holds its rows."""
    moved = ""
    if file.kind == RosterKind.SCHOOLS:  # a school that moved to another division takes its pupils' paths along
        moved = """UNION SELECT e.student_id FROM students_importrow r
            JOIN aidcases_school s ON s.code = r.data->>'code' JOIN students_enrolment e ON e.school_id = s.id
            JOIN students_person p ON p.id = e.student_id AND p.school_path <> s.path
            WHERE r.file_id = %(file)s AND r.state = 'changed'"""
    sql.temporary(
        "touched",
        f"""AS SELECT unnest(%(people)s::bigint[]) AS id {moved}
        UNION SELECT person FROM todo WHERE person IS NOT NULL""",
        {**params, "people": people},
    )
    sql.run("ANALYZE touched")


def lay_rows(kind: str, rows: str, params: dict[str, Any]) -> None:
    sql.run("TRUNCATE todo")
    sql.run(
        f"INSERT INTO todo SELECT r.id, p.id FROM students_importrow r LEFT JOIN students_person p ON p.id_hash = r.id_hash "
        f"WHERE r.id IN ({rows})",
        params,
    )
    sql.run("ANALYZE todo")
    for statement in facts.APPLY[kind]:
        sql.run(statement, {**params, "kind": kind})


def apply_agreed(kind: str, rows: str, params: dict[str, Any]) -> None:
    """The same for rows that may change what another office keeps, because that was agreed."""
    wide = {**params, "scope": "/"}
    if sql.one(f"SELECT EXISTS ({rows}) AS any", wide)["any"]:
        lay_rows(kind, rows, wide)
        for statement in decided.TAKE_OVER.get(kind, ()):
            sql.run(statement, wide)


def lay_anew(people: list[int], params: dict[str, Any]) -> None:
    """Takes away what rests on this office's rows of these people and lays it again from those that stand."""
    for statement in facts.CLEAR:
        sql.run(statement, {**params, "people": people})
    sql.run(persons.FOUND, {**params, "people": people})
    standing = """
        SELECT r.id FROM students_importrow r JOIN students_importfile f ON f.id = r.file_id
        JOIN students_person p ON p.id_hash = r.id_hash
        WHERE p.id = ANY(%(people)s) AND f.kind = %(kind)s AND r.state IN ('new', 'changed', 'unchanged')
          AND (f.state = 'committed' OR f.id = %(file)s) AND starts_with(f.path, %(office)s)
    """
    for kind in facts.APPLY:
        if kind != RosterKind.SCHOOLS:
            chosen = {**params, "people": people, "kind": kind}
            lay_rows(kind, standing, chosen)
            apply_agreed(kind, standing + decided.AGREED, chosen)
    edits.lay_again(people, params)


def give_back(file: ImportFile) -> ImportFile:
    """Makes the same file again with red cells and a reason column, sealed beside the upload."""
    stored = f"imports/{uuid.uuid4().hex}"
    summary = file.summary
    with crypto.open_sealed(settings.FILES / file.stored) as source:
        name = returned.returned_file(
            source,
            file.filename,
            _marks(file),
            settings.FILES / stored,
            sheet=summary["sheet"],
            heading_row=summary["heading_row"],
            keyring=settings.KEYRING,
        )
    file.returned, file.summary = stored, {**summary, "returned_name": name}
    file.save(update_fields=["returned", "summary"])
    return file


def _marks(file: ImportFile) -> Iterable[tuple[int, list[int], str]]:
    """(row number, columns, what is wrong and what to write) of every row that has something to say."""
    said = Q(state__in=(RowState.REVIEW, RowState.REJECTED)) | ~Q(warnings=[])
    rows = ImportRow.objects.filter(said, file=file).order_by("number")
    told = rows.values_list("number", "cells", "reasons", "warnings", "changes__repeats")
    for number, cells, reasons, warnings, first in told.iterator():
        yield number, cells, " ".join(repeated(first) if code == REPEATED else REASONS.get(code, code)
                                      for code in (*reasons, *warnings))  # fmt: skip


def give_back_to(file: ImportFile, out: Path) -> None:
    """The same for the command line: in clear, readable by its owner only, never half a file."""
    give_back(file)
    part = out.with_name(out.name + ".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
        for chunk in crypto.read_sealed(settings.FILES / file.returned):
            target.write(chunk)
    part.replace(out)


def run_now(
    *, kind: str, path: Path, term: Term, office: Organisation, commit_too: bool, whole: bool = False,
    data_on: date | None = None, progress: Progress = lambda *_: None,
) -> ImportFile:  # fmt: skip
    """The command line's way: the same steps, one after the other, in this process."""
    with acting_in(Scope("/"), current_actor()):
        told = {"kind": kind, "term": term, "office": office, "whole": whole, "data_on": data_on}
        file = receive(**told, filename=path.name, chunks=_chunks(path))
        file = preview(file, progress)
        # A command confirms whatever the rows come to, also when somebody else commits in between.
        while commit_too and file.state == FileState.PREVIEWED:
            file.move("confirm", by=current_actor(), problem="")
            file = commit(file, progress)
    return file


def _chunks(path: Path) -> Iterable[bytes]:
    with path.open("rb") as source:
        while block := source.read(1 << 20):
            yield block


def same_file(file: ImportFile) -> ImportFile | None:
    """An earlier committed import of exactly these bytes for the same term, to tell the clerk."""
    return (
        ImportFile.objects.committed()
        .filter(sha256=file.sha256, kind=file.kind, term=file.term, path=file.path)
        .exclude(pk=file.pk)
        .first()
    )
