"""The recompute of a term: against a heap without keys, unchanged, after few changes, explained, by two workers.

The floor is what PostgreSQL needs to write the same rows into a table without keys: `copied` from the finished table,
`computed` by the very SELECT the recompute uses. python -m benchmarks --only recompute
"""

from __future__ import annotations

import itertools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from aidcases import sql
from aidcases.models import Job
from aidcases.scoping import Scope, acting_in
from benchmarks import bench_openfisca, population
from benchmarks.population import CITY, TERM
from students.models import Student
from subsidies import blocks, certificate, compute
from subsidies.actions import PACKS, request_recompute
from subsidies.explain import explain
from subsidies.facts import facts_params, facts_sql
from subsidies.models import ComputeRun, Rehearsal
from subsidies.offers import offers_sql
from subsidies.rehearse import rehearse
from subsidies.rules import applied_rules

PATH = f"/{CITY[:2]}/{CITY}/"
CHANGED = 1000
_RESULTS = "subsidies_entitlement, subsidies_entitlementchange, subsidies_missingfigure, subsidies_certificatepart"
_COLUMNS = "term, student_id, benefit_id, rule_id, school_id, amount, state, frozen, home_path, school_path, run_id"
_runs = itertools.count(-time.time_ns(), -1)  # job ids no job has


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def forget_results() -> None:
    sql.run(f"TRUNCATE {_RESULTS}, subsidies_mark")


def recompute(*, marked_only: bool = False) -> dict[str, int]:
    """What the parts of a job do, one after the other in this process, without the certificate."""
    run = ComputeRun._base_manager.create(
        term=TERM.code, path=PATH, marked_only=marked_only, job_id=next(_runs), requested_by="bench",
        rules_digest=compute.rules_digest(TERM),
    )  # fmt: skip
    parts = blocks.marked_blocks_of(TERM) if marked_only else [[block] for block in blocks.blocks_of(TERM, PATH)]
    counts = [compute.compute_block(run, *part) for part in parts]
    return {name: sum(count[name] for count in counts) for name in (counts[0] if counts else ())}


def floor_copied() -> float:
    """INSERT … SELECT of the finished rows into a table without keys."""
    sql.run("DROP TABLE IF EXISTS bench_heap")
    sql.run("CREATE TABLE bench_heap (LIKE subsidies_entitlement)")
    return seconds(lambda: sql.run("INSERT INTO bench_heap SELECT * FROM subsidies_entitlement"))


def floor_computed() -> float:
    """INSERT … SELECT of the recompute's own SELECT, block by block, into a table without keys."""
    sql.run("DROP TABLE IF EXISTS bench_heap")
    sql.run("CREATE TABLE bench_heap (LIKE subsidies_entitlement)")
    rules = applied_rules(TERM)

    def write() -> None:
        for block in blocks.blocks_of(TERM, PATH):
            span = {"low": block * blocks.BLOCK, "high": (block + 1) * blocks.BLOCK}
            params = {**facts_params(TERM), **span}
            offers = offers_sql(rules, facts_sql(block=True), params)
            sql.run(
                f"INSERT INTO bench_heap ({_COLUMNS}) SELECT %(term)s, student_id, benefit_id, rule_id, school_id, "
                f"amount, 'due', false, home_path, school_path, 0 FROM ({offers}) n",
                params,
            )

    return seconds(write)


def certify() -> float:
    def work() -> None:
        with transaction.atomic():
            certificate.certify(TERM, PATH)

    return seconds(work)


def wal_bytes(work: Callable[[], Any]) -> int:
    start = sql.one("SELECT pg_current_wal_lsn()::text AS lsn")["lsn"]
    work()
    return int(sql.one("SELECT pg_current_wal_lsn() - %s::pg_lsn AS bytes", [start])["bytes"])


def change(students: int) -> None:
    """Turns the boarding of so many students spread over the term; the triggers mark them."""
    sql.run(
        "UPDATE students_enrolment SET boarding = NOT boarding WHERE id IN (SELECT id FROM students_enrolment "
        "WHERE term = %s ORDER BY hashint8(student_id) LIMIT %s)",
        [TERM.code, students],
    )


def growth(sizes: list[int]) -> list[dict[str, Any]]:
    """Lets the city grow to each size in turn; microseconds a student of a first full recompute of everybody."""
    rows = []
    for size in sizes:
        population.grow(size)
        took = []
        for _ in range(3 if size <= 100_000 else 1):
            forget_results()
            took.append(seconds(recompute))
        rows.append(
            {"students": size, "seconds": round(min(took), 2), "us_a_student": round(min(took) / size * 1e6, 1)}
        )
    return rows


@contextmanager
def runners(count: int) -> Iterator[None]:
    """So many `manage.py runner` processes, ended with the block."""
    command = [sys.executable, str(settings.PROJECT / "manage.py"), "runner", "--idle", "0.1"]
    processes = [subprocess.Popen(command, env={**os.environ, "CELERY_BROKER_URL": ""}) for _ in range(count)]
    try:
        time.sleep(4)  # until they have started and wait for work
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def by_workers(count: int) -> float:
    """Seconds from the first part's start to the last part's end of a first full recompute as a job."""
    forget_results()
    with runners(count), acting_in(Scope(PATH)):
        job = request_recompute(term=TERM, path=PATH)
        while (job := Job._base_manager.get(pk=job.pk)).is_open:
            time.sleep(0.2)
    assert job.state == "done", job.error
    span = sql.one(
        "SELECT extract(epoch FROM max(finished_at) - min(started_at))::float AS s FROM aidcases_job WHERE parent_id = %s",
        [job.pk],
    )
    return span["s"]


def shared_out() -> dict[str, float]:
    one, two = by_workers(1), by_workers(2)
    return {"one_worker_s": round(one, 2), "two_workers_s": round(two, 2), "two_to_one": round(one / two, 2)}


def explained(times: int = 20) -> float:
    """Median milliseconds of explaining one student by every rule."""
    students = Student.objects.filter(enrolments__term=TERM.code).select_related("person").order_by("-pk")[:times]
    return statistics.median(seconds(lambda one=one: explain(one, TERM)) * 1000 for one in students)


def rehearsed() -> float:
    """Seconds of rehearsing a version of the lanzhou pack that pays boarders more."""
    text = (PACKS / "lanzhou.toml").read_text(encoding="utf-8")
    text = text.replace('stage = "primary", yuan = "1000.00"', 'stage = "primary", yuan = "1100.00"')
    rehearsal = Rehearsal(
        pack_code="lanzhou", title="bench", text=text, sha256="", term=TERM.code, path=PATH, requested_by="bench"
    )
    rehearsal.save()
    took = seconds(lambda: rehearse(rehearsal))
    assert rehearsal.summary["gain"]["students"] > 0
    return took


def openfisca(full: float) -> dict[str, Any]:
    """The peer on the same students; it must come to the same totals."""
    found = bench_openfisca.main()
    ours = {code: [row["students"], row["amount"]] for code, row in compute.totals(TERM, PATH).items()}
    theirs = found.pop("totals")
    assert {code: [n, f"{Decimal(yuan):.2f}"] for code, (n, yuan) in theirs.items() if n} == ours
    return {
        **found,
        "times_faster_than_to_heap": round(found["to_heap_s"] / full, 2),
        "times_faster_than_to_keyed": round(found["to_keyed_s"] / full, 2),
    }


def main(students: int = 1_000_000) -> dict[str, Any]:
    """One figure per row of the table; the city stays, computed, for the pages' bench."""
    population.build(students)
    sizes = [size for size in (10_000, 100_000) if size < students]
    found: dict[str, Any] = {"growth": growth([*sizes, students])}
    full = found["growth"][-1]["seconds"]
    lines = sql.one("SELECT count(*) AS n FROM subsidies_entitlement")["n"]
    copied, computed = min(floor_copied() for _ in range(2)), min(floor_computed() for _ in range(2))
    sql.run("DROP TABLE bench_heap")
    sql.run("VACUUM (ANALYZE) subsidies_entitlement")
    peer = openfisca(full)
    certified = certify()
    rehearsal = rehearsed()
    unchanged = seconds(lambda: found.update(unchanged_wal_bytes=wal_bytes(recompute)))
    change(CHANGED)
    marked = seconds(lambda: recompute(marked_only=True))
    recertified = certify()
    return {
        "students": students,
        "entitlements": lines,
        "full_s": round(full, 2),
        "floor_copied_s": round(copied, 2),
        "floor_computed_s": round(computed, 2),
        "full_to_floor_copied": round(full / copied, 2),
        "full_to_floor_computed": round(full / computed, 2),
        "unchanged_s": round(unchanged, 2),
        "unchanged_to_full": round(unchanged / full, 3),
        "changed_students": CHANGED,
        "marked_s": round(marked, 3),
        "marked_to_full": round(marked / full, 4),
        "certificate_s": round(certified, 2),
        "certificate_to_full": round(certified / full, 2),
        "certificate_after_change_s": round(recertified, 2),
        "rehearsal_s": round(rehearsal, 2),
        "rehearsal_to_full": round(rehearsal / full, 2),
        "explain_ms": round(explained(), 1),
        **shared_out(),
        "openfisca": peer,
        **found,
    }
