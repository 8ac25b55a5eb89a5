"""Who knocks from where how often, behind the proxy and without Redis; and how much may be sent at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse

from aidcases import strangers

FORWARDED = "203.0.113.9, 198.51.100.7"


@pytest.fixture(autouse=True)
def counted_anew(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "strangers"}}
    from django.core.cache import cache

    cache.clear()


def test_the_proxy_says_who_it_is_and_nobody_else_does(rf: RequestFactory, settings: Any):
    request = rf.get("/", headers={"X-Forwarded-For": FORWARDED}, REMOTE_ADDR="192.0.2.1")
    assert strangers.address(request) == "192.0.2.1"  # no proxy before us: anybody may write that
    settings.PRODUCTION = True
    assert strangers.address(request) == "198.51.100.7"  # what a visitor wrote before it counts for nothing
    assert strangers.address(rf.get("/", REMOTE_ADDR="192.0.2.1")) == "192.0.2.1"


def test_so_many_from_one_address_and_so_many_in_all(rf: RequestFactory, settings: Any):
    settings.PRODUCTION = True

    def knocks(address: str, place: str = "here") -> bool:
        return strangers.allowed("tip", rf.get("/", headers={"X-Forwarded-For": address}), place, 2)

    assert [knocks("a") for _ in range(3)] == [True, True, False]
    assert knocks("b")
    assert knocks("a", "elsewhere")
    crowd = [knocks(f"n{n}") for n in range(2 * strangers.CROWD)]
    assert (crowd[0], crowd[-1]) == (True, False)


def test_without_the_store_that_counts_nothing_typed_is_lost(rf: RequestFactory):
    gone = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    with override_settings(CACHES={"default": gone}):
        assert strangers.allowed("tip", rf.get("/"), "here", 1)


@pytest.mark.django_db
def test_more_than_any_form_sends_is_not_read(settings: Any):
    settings.STRANGER_LIMIT_MB = settings.REQUEST_LIMIT_MB = 1
    big = {"username": "x", "password": "x", "file": SimpleUploadedFile("x.jpg", b"x" * (1 << 20))}
    answer = Client().post(reverse("login"), big)
    assert (answer.status_code, "提交的内容太大" in answer.content.decode()) == (400, True)
    settings.REQUEST_LIMIT_MB = 2
    known = Client(headers={"Cookie": "sessionid=" + "x" * 32})
    assert known.post(reverse("login"), {**big, "file": SimpleUploadedFile("x.jpg", b"x" * (1 << 20))}).status_code != 400
    assert Client().post(reverse("login"), {"username": "x", "password": "x"}).status_code != 400
