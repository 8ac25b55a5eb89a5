"""Which sites run on this machine's data: `manage.py run` holds a file under AIDCASES_HOME, `make stop` ends whoever does.

Imports no Django, so that stopping does not start the database first: `python -m aidcases.serving`.
"""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aidcases import postgres

WAIT_SECONDS = 60  # a site gives its jobs time to reach the end of their step


def file_of(home: Path, port: int) -> Path:
    return home / f"site-{port}.pid"


@contextmanager
def held(home: Path, port: int) -> Iterator[None]:
    """Holds the file of a port with our process id in it. The lock, not the file, says that we live: a file left by
    a killed process is not locked. Raises BlockingIOError where a site of that port lives already."""
    path = file_of(home, port)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def holder(path: Path) -> int | None:
    """Process id of the living holder of a file; None where it was left behind or is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 20, 0)
        return int(text) if text.isdigit() else None
    else:
        return None
    finally:
        os.close(descriptor)


def stop(home: Path) -> int:
    """Ends the sites on this data in order and waits for them; returns how many. Files left behind are removed.

    Raises PermissionError for another account's site, TimeoutError for one that does not end.
    """
    ended = 0
    for path in sorted(home.glob("site-*.pid")):
        pid = holder(path)
        if pid is None:
            path.unlink(missing_ok=True)
            continue
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + WAIT_SECONDS
        while holder(path) == pid:
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.1)
        ended += 1
    return ended


def main() -> int:
    """Stops sites and the embedded database; exits 1 with a sentence."""
    home = postgres.default_home(os.environ)
    try:
        ended = stop(home)
        print("网站已停止" if ended else "网站没有运行")
        print("数据库已停止" if postgres.stop(home) else "数据库没有运行")
    except PermissionError:
        print("网站由另一个用户启动，请用那个用户执行 make stop。", file=sys.stderr)
        return 1
    except TimeoutError:
        print(f"网站在 {WAIT_SECONDS} 秒内没有停下来，数据库没有停。请稍后再试。", file=sys.stderr)
        return 1
    except postgres.PostgresUnavailable as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
