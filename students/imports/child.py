"""The limited process that opens uploaded files: `python -m students.imports.child`, started by sandbox.py.

Standard input brings one line of JSON with keys and orders (never argv or environment), standard output takes
the result, one more pipe what there is to tell. Without Django it starts in under 100 ms.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from aidcases.crypto import parse_keyring
from students.imports.source import DAMAGED, TOO_LARGE, Limits, Refused


def limit(limits: Limits) -> None:
    """Memory, time and files of this process, before it sees a byte of the upload. It can't write a file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu, limits.cpu))
    signal.setitimer(signal.ITIMER_REAL, limits.wall)  # ends the process even when nobody is left to kill it


def write_all(data: bytes) -> None:
    """To standard output, past Python's buffers."""
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def teller(descriptor: int) -> Callable[..., None]:
    """Writes what it is told as a line of JSON; one line fits a pipe, so this never waits for the parent."""

    def tell(**said: Any) -> None:
        os.write(descriptor, json.dumps(said, ensure_ascii=False).encode() + b"\n")

    return tell


def carry_out(order: dict[str, Any], tell: Callable[..., None]) -> None:
    limits = Limits(**{field.name: order["limits"][field.name] for field in fields(Limits)})
    limit(limits)
    gc.disable()  # rows leave no cycles behind; looking for them would take a tenth of the time
    if order["task"] == "read":
        from students.imports.reading import Order, read

        given = {name: order[name] for name in ("kind", "file_id", "filename", "today", "look_only")}
        read(order["path"], Order(limits=limits, **given), parse_keyring(order["keys"]), write_all, tell)
    else:
        from students.imports.marking import mark

        marks = (json.loads(line) for line in sys.stdin.buffer)
        tell(filename=mark(order["path"], order["filename"], limits, marks, write_all))


def main() -> int:
    """Every way a file can be wrong ends as a sentence; 1 for what the parent has to word itself."""
    order = json.loads(sys.stdin.buffer.readline())
    tell = teller(order["tell"])
    try:
        carry_out(order, tell)
    except Refused as refused:
        tell(refused=refused.reasons[0])
    except MemoryError:
        tell(refused=TOO_LARGE)
    except BrokenPipeError:
        return 1
    except Exception as error:
        # No message and no values: they could hold personal data.
        trace = error.__traceback__
        while trace and trace.tb_next:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
        tell(refused=DAMAGED, error=f"{type(error).__name__} {place}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
