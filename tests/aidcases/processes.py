"""Real processes on the database of the running test: their environment, and waiting for what they do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from aidcases import sql


def environment(**more: str) -> dict[str, str]:
    """What a child needs to use the test database. A socket's directory can't be a host of a URL, only an option."""
    given = connection.settings_dict
    where = f"?host={quote(given['HOST'], safe='')}" if given["HOST"].startswith("/") else ""
    host = "" if where else f"{given['HOST']}:{given['PORT']}"
    password = f":{quote(given['PASSWORD'], safe='')}" if given["PASSWORD"] else ""
    url = f"postgres://{given['USER']}{password}@{host}/{given['NAME']}{where}"
    return {**os.environ, "DATABASE_URL": url, "JOB_LEASE_SECONDS": "2", "CELERY_BROKER_URL": "", **more}


@contextmanager
def running(*command: str, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process in the project's directory, in a session of its own; killed at the end."""
    process = subprocess.Popen(
        [sys.executable, *command], cwd=settings.PROJECT, env=environment(**env), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(holds: Callable[[], object], seconds: float = 40) -> None:
    """Waits for something another process does; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def waits_for_a_lock() -> bool:
    """Whether a process stands before a lock that the test holds (aidcases.sql.lock)."""
    return sql.one("SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")["n"] > 0
