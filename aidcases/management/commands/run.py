"""Serves the product on this machine: migrates, seeds an empty database with the demo, keeps processes up."""

import ctypes
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from types import FrameType
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from aidcases import postgres, serving
from aidcases.cli import PlainCommand

GRACE_SECONDS = 20  # for a job to reach the end of its step
STEADY_SECONDS = 10  # a process that lived shorter failed to start
START_ATTEMPTS = 5
PR_SET_PDEATHSIG = 1


class Command(PlainCommand):
    help = "启动网站和后台任务；数据库为空时先装入演示数据。按 Ctrl-C 或用 make stop 停止。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="监听地址，默认 127.0.0.1")
        parser.add_argument("--port", type=int, default=8000, help="端口，默认 8000")
        parser.add_argument("--no-demo", action="store_true", help="不装入演示数据")

    def handle(self, *, host: str, port: int, no_demo: bool, **options: Any) -> None:
        refuse_taken_port(host, port)
        try:
            with serving.held(settings.HOME, port):
                self.serve(host, port, no_demo)
        except BlockingIOError as refusal:
            raise CommandError(f"端口 {port} 的网站正在启动，请稍等；要停止它，请用 make stop。") from refusal
        except KeyboardInterrupt:
            self.stdout.write("已停止。")

    def serve(self, host: str, port: int, no_demo: bool) -> None:
        call_command("migrate", verbosity=0)
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns without
        signal.signal(signal.SIGTERM, stop_on_signal)
        if not no_demo and not get_user_model().objects.exists():
            call_command("seed_demo")
        children = [Child("网站", web(host, port)), *background()]
        try:
            for child in children:
                child.start()
            wait_until_served(host, port, children)
            shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
            call_command("demo_accounts")
            self.stdout.write(f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/")
            sys.stdout.flush()
            for turn in itertools.count():
                keep_up(children)
                if embedded() and turn % 4 == 0:
                    postgres.start(settings.HOME)  # costs nothing while it runs
                time.sleep(0.5)
        finally:
            stop(children)


def embedded() -> bool:
    return not os.environ.get("DATABASE_URL")


@dataclass
class Child:
    """A process that is started again when it dies."""

    label: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0
    failures: int = 0

    def start(self) -> None:
        self.started = time.monotonic()
        # A session of its own: Ctrl-C reaches only us, and we stop the children in order.
        self.process = subprocess.Popen(
            self.command, cwd=settings.PROJECT, start_new_session=True, preexec_fn=end_with_parent
        )

    def died(self) -> bool:
        return self.process is not None and self.process.poll() is not None


def web(host: str, port: int) -> list[str]:
    """One process with threads: without Redis the cache lives inside it."""
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    threads = ["--worker-class", "gthread", "--workers", "1", "--threads", "8"]
    quiet = ["--log-level", "warning", "--no-control-socket"]
    return [sys.executable, "-m", "gunicorn", "aidcases.wsgi", "--bind", address, *threads, *quiet]


def background() -> list[Child]:
    """Celery's worker and clock where a broker is configured, else the runner that claims Job rows."""
    if not settings.CELERY_BROKER_URL:
        return [Child("后台任务", [sys.executable, "manage.py", "runner"])]
    celery = [sys.executable, "-m", "celery", "--app", "aidcases"]
    schedule = str(settings.HOME / "celerybeat-schedule")
    return [
        Child("后台任务", [*celery, "worker", "--loglevel", "warning", "--concurrency", "2"]),
        Child("定时任务", [*celery, "beat", "--loglevel", "warning", "--schedule", schedule]),
    ]


def refuse_taken_port(host: str, port: int) -> None:
    """Before anything is written: raises CommandError when the address cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except (OSError, OverflowError) as refusal:
            raise CommandError(
                f"不能使用 {host} 的端口 {port}（可能已被占用，网站也可能已经在运行）："
                "请另选一个，例如 make run PORT=8001（或 --port 8001）；要停止正在运行的网站，请用 make stop。"
            ) from refusal


def wait_until_served(host: str, port: int, children: list[Child]) -> None:
    """Returns when the web process answers (it listens earlier); raises CommandError after a minute."""
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        keep_up(children)
        with suppress(OSError, HTTPException), closing(HTTPConnection(address, port, timeout=5)) as probe:
            probe.request("GET", "/healthz")
            probe.getresponse()
            return
        time.sleep(0.1)
    raise CommandError("网站在一分钟内没有启动成功。")


def keep_up(children: list[Child]) -> None:
    """Starts the dead again; raises CommandError for one that cannot even start."""
    for child in children:
        if not child.died():
            continue
        child.failures = child.failures + 1 if time.monotonic() - child.started < STEADY_SECONDS else 1
        if child.failures >= START_ATTEMPTS:
            raise CommandError(f"{child.label}连续 {START_ATTEMPTS} 次启动失败，已停止。")
        time.sleep(0.5)
        child.start()


def stop(children: list[Child]) -> None:
    """Asks all to end, waits for their current step, then ends them."""
    alive = [child.process for child in children if child.process and child.process.poll() is None]
    for process in alive:
        process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for process in alive:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0, deadline - time.monotonic()))
            continue
        process.kill()
        process.wait()


def stop_on_signal(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def end_with_parent() -> None:
    """In the child: when this command is killed, the kernel ends the child too and the port comes free."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
