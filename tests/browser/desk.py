"""A person before the browser: what they do on pages, and whatever a page should never do."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, expect

from aidcases.models import User
from tests.browser.pictures import small
from tests.make import PASSWORD

DESKTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa")


def signed_in(username: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=username), backend="django.contrib.auth.backends.ModelBackend")
    return client


class Desk:
    """A window of its own, with the session of one person."""

    def __init__(self, browser: Browser, site: str, *, phone: bool = False, pictures: Path | None = None):
        self.site, self.pictures = site, pictures
        self.troubles: list[str] = []
        self.expected: set[int] = set()  # statuses of answers that a test provokes
        size = PHONE if phone else DESKTOP
        self.context = browser.new_context(
            base_url=site, viewport=size, locale="zh-CN", timezone_id="Asia/Shanghai", accept_downloads=True,
            reduced_motion="reduce", has_touch=phone, is_mobile=phone,
        )  # fmt: skip
        self.context.set_default_timeout(10_000)
        self.page = self.new_page()

    def new_page(self) -> Page:
        page = self.context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.troubles.append(f"{page.url}: {error}"))
        page.on("request", self._asked)
        page.on("response", self._answered)
        return page

    def close(self) -> None:
        self.context.close()

    def _heard(self, message: ConsoleMessage) -> None:
        # The browser's own line on an answer of 4xx or 5xx: _answered() judges it.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.troubles.append(f"{message.location.get('url')}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.site, "data:", "blob:")):
            self.troubles.append(f"request to another host: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.troubles.append(f"{response.status} from {response.url}")

    # ---------- what a person does ----------

    def go(self, path: str) -> Page:
        self.page.goto(path)
        return self.page

    def sign_in(self, username: str) -> None:
        """Without the login page, which has tests of its own."""
        key = signed_in(username).session.session_key
        self.context.add_cookies([{"name": "sessionid", "value": key, "url": self.site}])

    def fill_in_login(self, username: str, password: str = PASSWORD) -> None:
        self.page.get_by_label("用户名").fill(username)
        self.page.locator("[name=password]").fill(password)
        self.press("登录")

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()

    def menu(self, section: str, entry: str) -> None:
        """Opens an entry of the main menu, whose section may be folded."""
        part = self.page.locator("#side details", has=self.page.get_by_text(section, exact=True))
        if part.get_attribute("open") is None:
            part.locator("summary").click()
        part.get_by_role("link", name=entry, exact=True).click()

    def upload(self, kind: str, file: Path, term: str) -> None:
        """Fills in the upload form, which is on the screen."""
        self.page.get_by_label("是哪一种名单").select_option(kind)
        self.page.get_by_label("哪个学期").select_option(term)
        self.page.locator("[type=file]").set_input_files(file)
        self.press("上传并核对")

    def search(self, typed: str) -> None:
        self.page.locator("[data-search]").fill(typed)
        self.page.keyboard.press("Enter")

    def path(self) -> str:
        return urlsplit(self.page.url).path

    def picture(self, name: str) -> None:
        """For docs/guide.md, when pytest is told --screens."""
        if self.pictures:
            self.pictures.mkdir(parents=True, exist_ok=True)
            (self.pictures / f"{name}.png").write_bytes(small(self.page.screenshot()))

    # ---------- what a page must be ----------

    def check(self) -> None:
        """Nothing a person with a keyboard, a screen reader or weak eyes would stumble over; nothing cut off."""
        expect(self.page.locator(".htmx-request")).to_have_count(0)
        found = Axe().run(self.page, options={"runOnly": list(WCAG), "resultTypes": ["violations"]})
        for each in found.response["violations"]:
            where = "; ".join(node["html"][:120] for node in each["nodes"][:3])
            self.troubles.append(f"{self.page.url}: {each['id']} ({each['help']}): {where}")
        self.check_width()

    def check_width(self) -> None:
        """Charts take a moment to follow the window. Asked again and again from here: a page's own polling would need
        the eval() that our policy forbids."""
        wide = 0
        for _ in range(30):
            wide = self.page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
            if wide <= 0:
                return
            self.page.wait_for_timeout(100)
        self.troubles.append(f"{self.page.url}: {wide} px wider than the window")
