"""The whole suite: what is present on this machine, a strict template engine, no network, a clean store of files."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings
from django.test import TransactionTestCase

NEEDS = {
    "browser": ("chromium", lambda: shutil.which("chromium") or shutil.which("chromium-browser")),
    "redis": ("redis-server", lambda: shutil.which("redis-server")),
    "libreoffice": ("soffice（LibreOffice Calc）", lambda: shutil.which("soffice")),
}
HURRY = "PGOPTIONS"  # what libpq says to the server as it connects
LONG = ("acceptance", "browser", "ground")  # folders of tests that start processes, servers or browsers


class Undefined(str):
    """An undefined template variable fails the test that rendered it."""

    def __contains__(self, part: object) -> bool:
        return part == "%s"

    def __mod__(self, name: object) -> str:
        raise AssertionError(f"undefined template variable: {name}")


@cache
def missing() -> dict[str, str]:
    """Markers whose tool is not on this machine: marker → tool."""
    return {marker: tool for marker, (tool, present) in NEEDS.items() if not present()}


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("AIDCASES_REQUIRE_ALL") and missing():
        pytest.exit(f"nothing may be left out here, but there is no {'、'.join(missing().values())}", returncode=1)
    # Thousands of commits need not wait for the disk; for the tests' processes, too. Those that kill a server do without it.
    os.environ.setdefault(HURRY, "-c synchronous_commit=off")
    settings.TEMPLATES[0]["OPTIONS"]["string_if_invalid"] = Undefined("undefined %s")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # As Python has it, the collector of garbage looks through all there is again and again: a tenth of the time.
    gc.set_threshold(50_000, 20, 20)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file goes to one process, which builds its fixtures once; the long files come first, so that no process is left
    alone with one at the end. A test whose tool is missing is left out; the summary says which tool and which tests.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path.parent.name not in LONG, item.path not in slow))
    for item in items:
        for marker, tool in missing().items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"left out for want of {tool}"))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Thousands of collected tests live to the end: nor need it look at them."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: object) -> None:
    for marker, tool in missing().items():
        terminalreporter.write_line(f"left out for want of {tool}: the tests marked {marker}")


@pytest.fixture(scope="session", autouse=True)
def no_network() -> None:
    """Tests speak to this machine only."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if host and host not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test reaches for the network: {host}")
        connect(self, address)

    socket.socket.connect = local_only


@pytest.fixture(scope="session", autouse=True)
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Uploads and ledgers of the tests lie in a folder of their own."""
    settings.FILES = tmp_path_factory.mktemp("files")
    return settings.FILES


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: object) -> None:
    """Tables that tests empty quickly and that the server plans for in one way, however often they were filled."""
    from tests.kept import Emptying, prepare

    with django_db_blocker.unblock():
        prepare()
        TransactionTestCase._fixture_teardown = Emptying()


@pytest.fixture
def everywhere():
    """The test acts as the system, seeing everything."""
    from aidcases.scoping import EVERYWHERE, acting_in

    with acting_in(EVERYWHERE):
        yield


@pytest.fixture(scope="session")
def kept_county(django_db_setup: None, django_db_blocker: object):
    from aidcases.scoping import EVERYWHERE, acting_in
    from tests.kept import Kept
    from tests.personas import build

    with django_db_blocker.unblock(), acting_in(EVERYWHERE):
        return Kept(build)


@pytest.fixture(scope="session")
def kept_results(kept_county, django_db_blocker: object):
    from aidcases.scoping import EVERYWHERE, acting_in
    from tests.kept import Kept
    from tests.personas import compute

    with django_db_blocker.unblock(), acting_in(EVERYWHERE):
        return Kept(compute, on=kept_county)


@pytest.fixture
def county(kept_county, db: None, everywhere: None):
    """A small populated county with its personas (tests.personas)."""
    return kept_county.put_back()


@pytest.fixture
def world(kept_results, county):
    """The county, computed."""
    kept_results.put_back()
    return county


@pytest.fixture
def as_(county):
    """as_("maker") is a browser in which a persona of the county is signed in."""
    from django.test import Client

    def signed_in(persona: str) -> Client:
        client = Client()
        client.force_login(county[persona], backend="django.contrib.auth.backends.ModelBackend")
        return client

    return signed_in


def manage(*arguments: str, home: Path | None = None, env: dict | None = None, **options: object):
    """Runs manage.py in a process of its own and returns it finished."""
    environ = {**os.environ, **(env or {})}
    environ.pop("DJANGO_SETTINGS_MODULE", None)
    if home:
        environ["AIDCASES_HOME"] = str(home)
    return subprocess.run(
        [sys.executable, str(settings.PROJECT / "manage.py"), *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=240,
        **options,
    )
