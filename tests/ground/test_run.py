"""`manage.py run` serves, restarts what dies, and leaves nothing behind when it ends, however it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError

from aidcases import postgres, serving
from aidcases.management.commands import run


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition: Callable[[], bool], seconds: int = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def healthy(port: int, page: str = "/healthz") -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=5) as answer:
            return answer.status == 200
    except OSError:  # a busy machine takes longer than the timeout; who waits asks again
        return False


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fresh for whichever test comes first."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def served(home):
    """Starts the command on the home; yields its process and port."""
    port = free_port()
    own = {"AIDCASES_HOME": str(home), "PYTHONWARNINGS": "default"}
    dropped = (
        "DATABASE_URL",
        "CELERY_BROKER_URL",
        "REDIS_URL",
        "AIDCASES_PRODUCTION",
        "DJANGO_SETTINGS_MODULE",
    )
    environment = {name: value for name, value in os.environ.items() if name not in dropped} | own
    command = [sys.executable, "manage.py", "run", "--no-demo", "--port", str(port)]
    process = subprocess.Popen(
        command,
        cwd=settings.PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process, port
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
        postgres.stop(home)


def test_serves_restarts_the_dead_and_stops_on_a_signal(served):
    process, port = served
    assert process.stdout.readline().strip() == f"http://127.0.0.1:{port}/"
    assert healthy(port)
    first = children(process.pid)
    assert len(first) == 2  # the web server and the runner
    for child in first:
        os.kill(child, signal.SIGKILL)
    wait_for(lambda: len(set(children(process.pid)) - set(first)) == 2)
    wait_for(lambda: healthy(port))
    second = children(process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert not listens(port)
    assert not any(runs(child) for child in second)
    assert "http://" not in process.stdout.read()


def stop(home: Path) -> subprocess.CompletedProcess[str]:
    """What `make stop` does."""
    environment = {**os.environ, "AIDCASES_HOME": str(home)}
    command = [sys.executable, "-m", "aidcases.serving"]
    return subprocess.run(command, cwd=settings.PROJECT, env=environment, capture_output=True, text=True, timeout=90)


def test_make_stop_ends_the_site_and_its_database(served, home: Path):
    process, port = served
    process.stdout.readline()
    assert serving.holder(serving.file_of(home, port)) == process.pid
    done = stop(home)
    assert (done.returncode, done.stdout, done.stderr) == (0, "网站已停止\n数据库已停止\n", "")
    assert process.wait(5) == 0
    assert not listens(port)
    assert not serving.file_of(home, port).exists()
    assert stop(home).stdout == "网站没有运行\n数据库没有运行\n"


def test_a_file_left_behind_by_a_killed_site_ends_nobody(tmp_path: Path):
    """Its process id may be somebody else's by now: only a held lock counts."""
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        left = serving.file_of(tmp_path, 8000)
        left.write_text(str(bystander.pid))
        assert serving.stop(tmp_path) == 0
        assert not left.exists()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_killed_database_is_started_again(served, home: Path):
    process, port = served
    process.stdout.readline()
    killed = postgres.Cluster(home).postmaster()
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: postgres.Cluster(home).postmaster() not in (None, killed))
    wait_for(lambda: healthy(port, "/readyz"))


def test_its_children_end_with_it_when_it_is_killed(served):
    process, port = served
    process.stdout.readline()
    orphans = children(process.pid)
    process.kill()
    process.wait()
    wait_for(lambda: not any(runs(child) for child in orphans))
    assert not listens(port)


def test_a_taken_port_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"端口 {port}（可能已被占用"):
            run.refuse_taken_port("127.0.0.1", port)
    run.refuse_taken_port("127.0.0.1", free_port())


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_one_sentence(port):
    with pytest.raises(CommandError, match="请另选一个，例如 make run PORT=8001"):
        run.refuse_taken_port("127.0.0.1", port)


def test_a_process_that_cannot_start_is_given_up_with_a_sentence():
    child = run.Child("网站", ["false"])
    child.start()
    for _ in range(run.START_ATTEMPTS - 1):
        child.process.wait()
        run.keep_up([child])
    child.process.wait()
    with pytest.raises(CommandError, match="网站连续 5 次启动失败"):
        run.keep_up([child])


def test_a_broker_means_celery(settings):
    settings.CELERY_BROKER_URL = ""
    assert [child.command[-1] for child in run.background()] == ["runner"]
    settings.CELERY_BROKER_URL = "redis://127.0.0.1/0"
    assert [child.command[5] for child in run.background()] == ["worker", "beat"]
