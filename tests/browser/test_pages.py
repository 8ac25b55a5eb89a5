"""Every page there is, in two counties with something of everything: for screen readers, on a phone, in large text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from playwright.sync_api import expect

from tests.browser.desk import DESKTOP, PHONE, Desk, signed_in
from tests.conventions import counties
from tests.conventions.counties import Counties
from tests.conventions.resolver import Address, addresses
from tests.conventions.test_canary import requests_of

FILL = counties.build
PERSONAS = ("maker", "head", "city", "school", "auditor", "other_maker", "nobody")  # who sees pages that those before them do not


@pytest.fixture(scope="module")
def pages(db: Counties) -> dict[str, list[str]]:
    """Persona → the pages they are the first to see; everybody's home is their own."""
    addressed = [a for a in addresses() if "GET" in a.methods and not a.is_api]
    found: dict[str, list[str]] = {}
    for persona in PERSONAS:
        client = signed_in(persona)
        new = [(address, path) for address in addressed if (path := shown(address, client, db))]
        found[persona] = [path for _, path in new]
        addressed = [a for a in addressed if a.name == "home" or a not in dict(new)]
    assert {address.name for address in addressed} - {"home"} == NO_PAGE
    return found


# Answers that are a part of a page, a file, a machine's business, a page for whoever has no session, one that sends on,
# or one that only a state shows which the two counties are not in (tests/students/test_undo_pages.py looks at that).
NO_PAGE = {
    "job_progress", "draft_ready", "entitlement_totals", "import_returned", "search_results", "login", "healthz",
    "readyz", "robots", "api_schema", "export_download", "application_file", "application_blank", "meeting_photo_view",
    "notice_photo_view", "public_notice", "missing_batch", "import_undo",
    "legal_paper", "legal_receipt", "placement_plan", "visit_photo", "deferral_paper", "plan_print", "away_proof",
    "form_file", "form_shipped", "bundle_paper", "board_totals",
}  # fmt: skip


def shown(address: Address, client: Client, made: Counties) -> str:
    """The first sample of an address that is a page to this person, or ""."""
    for _, path in requests_of(address, made):
        answer = client.get(path)
        answer.close()  # a file that is streamed is nobody's page
        if answer.status_code == 200 and not answer.streaming and answer.content.lstrip()[:9].lower() == b"<!doctype":
            return path
    return ""


@pytest.mark.parametrize("persona", PERSONAS)
def test_every_page_is_for_everybody(desk: Callable[..., Desk], pages: dict[str, list[str]], persona: str):
    visitor = desk(persona)
    for path in pages[persona]:
        visitor.page.set_viewport_size(DESKTOP)
        visitor.go(path)
        visitor.check()
        visitor.page.set_viewport_size(PHONE)
        visitor.check_width()
        visitor.page.evaluate("document.documentElement.classList.add('large-text')")
        visitor.check_width()
        if path == pages[persona][0]:  # the frame of a phone is the same on all of them
            visitor.check()


CLOSED = {
    "/imports/new/": "不归当前身份办理",
    "/students/999999/": "没有找到这一页",
    "/search/nosuchkey/": "这次搜索已过期",
    "/nowhere/": "没有找到这一页",
}


def test_closed_doors_say_what_to_do(desk: Callable[..., Desk]):
    visitor = desk("school")
    visitor.expected |= {403, 404}
    for path, told in CLOSED.items():
        expect(visitor.go(path).locator("main")).to_contain_text(told)
        visitor.check()
