"""Chromium before a live server, with the real runner beside it; the tests of a module share a database of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from playwright.sync_api import Browser, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.aidcases.processes import running
from tests.browser.databases import filled
from tests.browser.desk import Desk

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-lcd-text", "--font-render-hinting=none",
]  # fmt: skip


expect.set_options(timeout=15_000)  # what a busy machine may take to show something


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest tests/browser --screens` takes the pictures of docs/guide.md anew."""
    parser.addoption("--screens", action="store_true", help="write docs/screens anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = f"{Path(__file__).parent}/"
    for item in items:
        if str(item.path).startswith(ours):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def db(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: object) -> Iterator[Any]:
    """Instead of pytest-django's: a database that the module's FILL has filled, shared by its tests; what FILL made."""
    with filled(request.module.FILL, django_db_blocker) as made:
        yield made


@pytest.fixture(scope="module")
def site(db: None, files: Path) -> Iterator[str]:
    """Address of the product, which is at work with its runner."""
    with running("manage.py", "runner", "--idle", "0.05", AIDCASES_FILES=str(files)):
        server = LiveServer("127.0.0.1")
        yield server.url
        server.stop()


@pytest.fixture(scope="module")
def chromium(site: str) -> Iterator[Browser]:
    """Debian's Chromium: Playwright brings none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()
        connection.close()  # inside an event loop Django keeps a connection of its own


@pytest.fixture
def desk(request: pytest.FixtureRequest, chromium: Browser, site: str) -> Iterator[Callable[..., Desk]]:
    """desk("maker") is a window in which this person is signed in; at the end none of them may have seen trouble."""
    pictures = settings.PROJECT / "docs" / "screens" if request.config.getoption("--screens") else None
    opened: list[Desk] = []

    def sit_down(username: str = "", *, phone: bool = False) -> Desk:
        desk = Desk(chromium, site, phone=phone, pictures=pictures)
        opened.append(desk)
        if username:
            desk.sign_in(username)
        return desk

    yield sit_down
    with ExitStack() as stack:
        for each in opened:
            stack.callback(each.close)
    assert [trouble for each in opened for trouble in each.troubles] == []
