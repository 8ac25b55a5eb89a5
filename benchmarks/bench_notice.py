"""Reading a public notice: requests a second of one process, in it and over HTTP; publishing three thousand lines."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from datetime import date, timedelta
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.utils import timezone

from aidcases.actions import open_office
from aidcases.models import CalendarYear, Region
from aidcases.scoping import SYSTEM
from subsidies.casework import notices
from subsidies.models import NoticeLine, PublicNotice

LINES = 3000
SECONDS = 4.0
CLIENTS = 8


def main() -> dict[str, Any]:
    """Lines of the notice; its page in bytes; seconds of preview and publication; requests a second."""
    for year in (date.today().year, date.today().year + 1):
        CalendarYear.objects.get_or_create(year=year, defaults={"entered_by": "测速"})
    made = _draft()
    preview, previewed = _timed(lambda: notices.preview(made, by=SYSTEM, today=timezone.localdate()))
    publish, published = _timed(
        lambda: notices.publish(previewed, by=SYSTEM, today=timezone.localdate(), small_groups="x")
    )
    page = published.page.encode()
    inside, unchanged = _inside(published.key), _inside(published.key, HTTP_IF_NONE_MATCH=f'W/"{published.etag}"')
    served = _served(published.key)
    return {
        "lines": LINES,
        "page bytes": len(page),
        "preview with every layer scanned (s)": round(preview, 2),
        "publish (s)": round(publish, 2),
        "requests/s in the process, gzip": round(inside),
        "requests/s in the process, 304": round(unchanged),
        f"requests/s over HTTP, one worker, {CLIENTS} connections": round(served),
    }


def _timed(step: Any) -> tuple[float, PublicNotice]:
    started = time.perf_counter()
    done = step()
    return time.perf_counter() - started, done


def _draft() -> PublicNotice:
    region = Region.objects.get(code="620123")
    office = open_office(region=region)
    made = PublicNotice(
        kind="determination", office=office, path=office.path, term="2026-autumn", title="家庭经济困难学生认定名单公示",
        hotline="0931-5221234", made_by="甲", made_by_id=1,
    )  # fmt: skip
    made.save()
    names = "王李张刘陈杨赵黄周吴", "明芳伟娜强静敏磊军洋"
    NoticeLine.objects.bulk_create(
        NoticeLine(
            notice=made, order=n, name=names[0][n % 10] + names[1][n // 10 % 10] + names[1][n // 100 % 10],
            school="榆中县第一初级中学", grade="九年级", class_name=f"{n % 12 + 1}班", level="hard",
        )
        for n in range(1, LINES + 1)
    )  # fmt: skip
    return made


def _inside(key: str, **headers: str) -> float:
    """The whole of Django's handler, without a network."""
    application = WSGIHandler()
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": f"/notice/{key}/", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
        "HTTP_HOST": "localhost", "HTTP_ACCEPT_ENCODING": "gzip", "wsgi.input": sys.stdin.buffer, "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr, **headers,
    }  # fmt: skip
    count, ends = 0, time.perf_counter() + SECONDS
    while time.perf_counter() < ends:
        answer = application(dict(environ), lambda status, found: None)
        answer.close()
        count += 1
    return count / SECONDS


def _served(key: str) -> float:
    """One gunicorn worker, read over kept connections by a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        "-m",
        "gunicorn",
        "aidcases.wsgi",
        "--bind",
        f"127.0.0.1:{port}",
        "--worker-class",
        "gthread",
        "--threads",
        "4",
    ]
    server = subprocess.Popen([sys.executable, *command, "--log-level", "critical"])
    try:
        _wait(port)
        _read(port, key, timedelta(seconds=1), [])
        counts: list[int] = []
        readers = [
            threading.Thread(target=_read, args=(port, key, timedelta(seconds=SECONDS), counts)) for _ in range(CLIENTS)
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        return sum(counts) / SECONDS
    finally:
        server.terminate()
        server.wait()


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("the web server did not start")


def _read(port: int, key: str, long: timedelta, counts: list[int]) -> None:
    """Raw sockets, so that the reader costs little beside the server."""
    asked = f"GET /notice/{key}/ HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    count, ends = 0, time.perf_counter() + long.total_seconds()
    with socket.create_connection(("127.0.0.1", port)) as wire:
        reading = wire.makefile("rb")
        while time.perf_counter() < ends:
            wire.sendall(asked)
            status, length = reading.readline(), 0
            while line := reading.readline().strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if b" 200 " not in status or len(reading.read(length)) != length:
                raise AssertionError(f"the notice was not served: {status!r}")
            count += 1
    counts.append(count)
