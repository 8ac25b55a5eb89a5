"""A real redis-server, real Celery workers and beat on the test database: bells may get lost, jobs may not."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import transaction
from django.test import override_settings

from aidcases import sql
from aidcases.celery import app
from aidcases.models import Job
from aidcases.scoping import EVERYWHERE, acting_in
from subsidies.actions import request_recompute
from subsidies.blocks import blocks_of
from tests import make
from tests.aidcases.processes import running, until, waits_for_a_lock
from tests.personas import TERM

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]
PATH = "/62/6201/620123/"


class Broker:
    """A redis-server on a port of its own that can go away and come back."""

    def __init__(self, folder: Path):
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen([shutil.which("redis-server"), *options], stdout=subprocess.DEVNULL)
        until(self.listens)

    def listens(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One for the module: Celery's pool of connections does not come back once it is closed."""
    made = Broker(tmp_path_factory.mktemp("redis"))
    made.start()
    app.conf.broker_url = made.url
    with override_settings(CELERY_BROKER_URL=made.url):
        yield made
    app.pool.force_close_all()
    made.stop()


@contextmanager
def worker(broker: Broker) -> Iterator[subprocess.Popen[bytes]]:
    command = [
        "-m",
        "celery",
        "-A",
        "aidcases",
        "worker",
        "--concurrency",
        "1",
        "--without-mingle",
        "--without-gossip",
    ]
    with running(*command, CELERY_BROKER_URL=broker.url) as process:
        try:
            yield process
        finally:
            kill(process)


@contextmanager
def beat(broker: Broker) -> Iterator[subprocess.Popen[bytes]]:
    schedule = ["--schedule", str(broker.folder / "schedule"), "--pidfile", ""]
    with running("-m", "celery", "-A", "aidcases", "beat", *schedule, CELERY_BROKER_URL=broker.url) as process:
        yield process


def kill(process: subprocess.Popen[bytes]) -> None:
    """-9 to the worker and to the child that does its work."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def ended(job: Job) -> bool:
    return not Job._base_manager.get(pk=job.pk).is_open


@pytest.fixture
def acting() -> Iterator[None]:
    with acting_in(EVERYWHERE):
        make.student(at=make.school())
        yield


def test_the_bell_calls_a_worker_and_a_lost_bell_is_rung_again(broker: Broker, acting: None):
    with worker(broker), beat(broker):
        first = request_recompute(term=TERM, path=PATH)
        until(lambda: ended(first))
        assert [job.state for job in Job.objects.all()] == ["done", "done"]  # the whole and its one part
        broker.stop()
        began = time.monotonic()
        second = request_recompute(term=TERM, path=PATH)
        assert time.monotonic() - began < 3
        assert second != first
        assert Job.objects.get(pk=second.pk).state == "queued"
        broker.start()
        until(lambda: ended(second))
    assert Job.objects.get(pk=second.pk).state == "done"
    assert Job.objects.filter(attempts__gt=2).count() == 0


def test_a_job_whose_worker_was_killed_is_picked_up_again(broker: Broker, acting: None):
    job = request_recompute(term=TERM, path=PATH)
    [block] = blocks_of(TERM, PATH)  # not always the first: other tests may have used up its keys
    with transaction.atomic():
        sql.lock("compute", TERM.code, block)  # the worker stands still in the middle of the one part
        with worker(broker) as first:
            until(lambda: [part.state for part in job.parts.all()] == ["running"] and waits_for_a_lock())
            kill(first)
    with worker(broker), beat(broker):
        until(lambda: ended(job))
    [part] = job.parts.all()
    assert (Job.objects.get(pk=job.pk).state, part.state, part.attempts) == ("done", "done", 2)
