"""A roll of 23 columns: preview, commit, the same bytes again, the same rows in a file saved anew; django-import-export
with the same file, into one flat table and into the same tables.

Each import runs in a process of its own; its peak memory and that of the limited child it starts are told.
python -m benchmarks --only import
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.import_peers import COUNTY, TERM, import_export, same_tables, took

COLUMNS = 23
ROLL_SHARE = 0.8  # of the students a made-up county has, at a school that keeps a roll


def written(folder: Path, rows: int) -> dict[str, Path]:
    """A county's rosters whose roll has about so many rows."""
    from aidcases.models import Region
    from students.demo.rosters import make_rosters

    regions = [tuple(row) for row in Region.objects.order_by("code").values_list("code", "name", "level")]
    return make_rosters(
        folder, county=COUNTY, neighbour=None, students=round(rows / ROLL_SHARE), seed=1, regions=regions, term=TERM
    )


def ours(schools: Path, roll: Path, steps: int) -> dict[str, Any]:
    """Seconds of preview, commit, preview of the same bytes again and of the same rows in a file saved anew (`steps` 1:
    the first alone)."""
    from aidcases.actions import open_office, region_named
    from aidcases.scoping import EVERYWHERE, acting_in, current_actor
    from aidcases.terms import Term
    from students.imports import pipeline

    def received(path: Path, kind: str) -> Any:
        chunks = [path.read_bytes()]
        return pipeline.receive(kind=kind, term=Term.parse(TERM), office=office, filename=path.name, chunks=chunks)

    with acting_in(EVERYWHERE):
        office = open_office(region=region_named(COUNTY))
        pipeline.run_now(kind="schools", path=schools, term=Term.parse(TERM), office=office, commit_too=True)
        file, again, anew = received(roll, "roll"), received(roll, "roll"), received(_saved_anew(roll), "roll")
        found = {"preview_s": took(lambda: pipeline.preview(file))}
        file.refresh_from_db()
        assert file.counts["new"] > 0.9 * file.counts["rows"], (file.state, file.problem, file.counts)
        if steps > 1:
            file.move("confirm", by=current_actor())
            found["commit_s"] = took(lambda: pipeline.commit(file))
            found["unchanged_s"] = took(lambda: pipeline.preview(again))
            found["saved_anew_s"] = took(lambda: pipeline.preview(anew))
            for each in (again, anew):
                each.refresh_from_db()
                assert each.counts["unchanged"] > 0.9 * each.counts["rows"], each.counts
    return {"rows": file.counts["rows"], **found}


def _saved_anew(roll: Path) -> Path:
    """The same rows in other bytes."""
    copy = roll.with_name(f"又存_{roll.name}")
    shutil.copyfile(roll, copy)
    with zipfile.ZipFile(copy, "a") as book:
        book.comment = b"saved anew"
    return copy


# ---- each in a process of its own ---------------------------------------------------------------------------------


def _peak_mb(pid: int | str) -> float:
    """Peak resident memory of a process so far, 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0)


class Children(threading.Thread):
    """Looks every 20 ms how much the children of this process have taken at most."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_mb, self.over = 0.0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            for tasks in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
                children = tasks.read_text().split() if tasks.exists() else []
                self.peak_mb = max([self.peak_mb, *map(_peak_mb, children)])


def _alone(case: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    import django

    django.setup()
    children = Children()
    children.start()
    found = case(*arguments)
    children.over.set()
    children.join()
    return {**found, "parent_mb": round(_peak_mb("self")), "child_mb": round(children.peak_mb)}


def measured(case: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """What `case(*arguments)` returns, run in a fresh process, with peak memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return {"name": case.__name__, **pool.apply(_alone, (case, *arguments))}


def main(rows: int = 50_000) -> dict[str, Any]:
    """The speed at `rows`, memory at 20,000 and 100,000 (two fifths and twice as many of it), the peer at a tenth."""
    from benchmarks.population import emptied

    with tempfile.TemporaryDirectory() as place:
        sizes = {size: written(Path(place) / str(size), size) for size in (rows, rows * 2 // 5, rows * 2)}
        memory = []
        for size in (rows * 2 // 5, rows * 2):
            emptied()
            memory.append(measured(ours, sizes[size]["schools"], sizes[size]["roll"], 3))
        emptied()
        best = measured(ours, sizes[rows]["schools"], sizes[rows]["roll"], 3)
        flat = measured(import_export, sizes[rows]["schools"], sizes[rows]["roll"], rows // 10)
        emptied()
        same = measured(same_tables, sizes[rows]["schools"], sizes[rows]["roll"], rows // 25)
        emptied()
    steps = ("preview_s", "commit_s", "unchanged_s")
    peers = {"one flat table, no checks": flat, "the same tables": same}
    times = {
        name: {step: round(peer[step] / peer["rows"] / (best[step] / best["rows"]), 1) for step in steps}
        for name, peer in peers.items()
    }
    grown = {who: round(memory[1][who] / memory[0][who], 2) for who in ("parent_mb", "child_mb")}
    return {
        "columns": COLUMNS,
        "speed": [best, flat, same],
        "times_faster_than_peer": times,
        "memory": memory,
        "growth": grown,
    }
