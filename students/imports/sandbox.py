"""Parent side of the limited process: start it, feed it, follow it, and end it whatever happens."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from students.imports.source import DAMAGED, TOO_LARGE, Asked, Limits, Refused

PROJECT = Path(__file__).resolve().parents[2]
PIPE = 1 << 20
TOO_LONG = "读取这个文件用时太长，已停止。请分成几个文件后重新上传。"


class Child:
    """A running limited process. `result()` waits for its end and gives what it told last.

    Raises Refused when it told so, when it ran out of time or memory, or died in any other way.
    """

    def __init__(self, order: dict[str, Any], source: BinaryIO, limits: Limits, others: Sequence[BinaryIO] = ()):
        told, tell = os.pipe()
        descriptor = source.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-E", "-s", "-X", "utf8", "-m", "students.imports.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(descriptor, tell, *(other.fileno() for other in others)),
            cwd=PROJECT,
            env={},
            start_new_session=True,  # so that it and its helper are ended together
        )
        os.close(tell)
        self._said: list[dict[str, Any]] = []
        self._listener = threading.Thread(target=self._listen, args=(told,), daemon=True)
        self._listener.start()
        self._heard = threading.Event()
        self._is_late = False
        self._watch = threading.Timer(limits.wall, self._too_late)
        self._watch.daemon = True
        self._watch.start()
        self.output: BinaryIO = self._process.stdout  # type: ignore[assignment]
        self.input: BinaryIO = self._process.stdin  # type: ignore[assignment]
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.output, fcntl.F_SETPIPE_SZ, PIPE)
        order = {**order, "path": f"/proc/self/fd/{descriptor}", "tell": tell, "limits": asdict(limits)}
        with contextlib.suppress(BrokenPipeError):
            self.input.write(json.dumps(order).encode() + b"\n")
            self.input.flush()

    def _listen(self, told: int) -> None:
        with os.fdopen(told, "rb") as lines:
            for line in lines:
                self._said.append(json.loads(line))
                self._heard.set()
        self._heard.set()

    def _too_late(self) -> None:
        self._is_late = True
        self.kill()

    def first(self) -> dict[str, Any]:
        """The first thing it tells; {} when it ends without a word."""
        self._heard.wait()
        return self._said[0] if self._said else {}

    def kill(self) -> None:
        """Ends the process and its helper. Harmless when they have ended."""
        with contextlib.suppress(ProcessLookupError):
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    def has_failed(self) -> bool:
        """Whether it has ended, otherwise than well; a moment is given to one that is just ending."""
        try:
            self._process.wait(1)
            self.result()
        except (Refused, subprocess.TimeoutExpired) as failure:
            return isinstance(failure, Refused)
        return False

    def result(self) -> dict[str, Any]:
        code = self._process.wait()
        self._listener.join()
        last = self._said[-1] if self._said else {}
        if "refused" in last:
            raise Refused(last["refused"], last.get("error", ""))
        if "asked" in last:
            raise Asked(last["asked"], last["looked"], last["looks_like"])
        if code == 0 and last:
            return last
        if self._is_late or code in (-signal.SIGXCPU, -signal.SIGALRM):
            raise Refused(TOO_LONG)
        raise Refused(
            TOO_LARGE if code in (-signal.SIGKILL, -signal.SIGABRT) else DAMAGED, f"ended with {code}"
        )

    def close(self) -> None:
        """No process, pipe or timer stays behind."""
        self._watch.cancel()
        self.kill()
        for stream in (self.input, self.output):
            with contextlib.suppress(OSError):
                stream.close()
        self._process.wait()
        self._listener.join()


@contextlib.contextmanager
def started(
    order: dict[str, Any], source: BinaryIO, limits: Limits, *others: BinaryIO
) -> Iterator[Child]:
    """A child for one order over an open file without a name (memfd): no plaintext touches the disk. `others` stay open
    in it under their numbers."""
    child = Child(order, source, limits, others)
    try:
        yield child
    finally:
        child.close()


class Followed(io.RawIOBase):
    """The child's output; at its end it raises when the child did not end well, so that a COPY is aborted."""

    def __init__(self, child: Child, on_lines: Any):
        self._child, self._on_lines = child, on_lines

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._child.output.readinto1(buffer)  # type: ignore[attr-defined]
        if count:
            self._on_lines(bytes(buffer[:count]).count(b"\n"))
        else:
            self._child.result()
        return count
