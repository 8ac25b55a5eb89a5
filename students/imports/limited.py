"""Inside the limited process: its bounds, one way out for every failure, a second hand for long files."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
from collections.abc import Callable
from typing import Any

from students.imports.source import DAMAGED, TOO_LARGE, Limits, Refused

Result = dict[str, Any]


def limit(limits: Limits) -> None:
    """Memory, time and files of this process, before it sees a byte of the upload. It can't write a file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu, limits.cpu))
    signal.setitimer(signal.ITIMER_REAL, limits.wall)  # ends the process even when nobody is left to kill it


def outcome(work: Callable[[], Result]) -> Result:
    """What `work` returns, or what a Refused tells: every way a file can be wrong ends as one."""
    try:
        return work()
    except Refused as refused:
        return dict(refused.told())
    except MemoryError:
        return {"refused": TOO_LARGE}
    except Exception as error:
        # Where, but no message and no values: they could hold personal data.
        trace = error.__traceback__
        while trace and trace.tb_next:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
        return {"refused": DAMAGED, "error": f"{type(error).__name__} {place}"}


def write_all(data: bytes) -> None:
    """To standard output, past Python's buffers."""
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def locked_writer() -> Callable[[bytes], None]:
    """`write_all` for two processes with one standard output, made before the fork: batches stay whole."""
    lock = os.memfd_create("lock")

    def write(data: bytes) -> None:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        try:
            write_all(data)
        finally:
            fcntl.lockf(lock, fcntl.LOCK_UN)

    return write


def in_two(work: Callable[[int], Result], limits: Limits) -> tuple[Result, Result]:
    """work(0) here and work(1) in a fork of this process; both results, the fork's as an `outcome`.

    The two never write the same memory, and what each needs random (nonces) it draws after the fork.
    """
    reading, writing = os.pipe()
    helper = os.fork()
    if helper == 0:
        signal.setitimer(signal.ITIMER_REAL, limits.wall)
        os.write(writing, json.dumps(outcome(lambda: work(1))).encode())
        os._exit(0)
    os.close(writing)
    try:
        mine = work(0)
        with os.fdopen(reading, "rb") as said:
            theirs = said.read()
    except BaseException:
        os.kill(helper, signal.SIGKILL)
        raise
    finally:
        os.waitpid(helper, 0)
    return mine, json.loads(theirs or b'{"refused": ""}')
