"""What strangers may do without signing in, and how often: from which address they come, so many an hour from one."""

from __future__ import annotations

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

HOUR = 3600
CROWD = 40  # addresses' worth in an hour for one place: more is no neighbourhood, but a machine with many addresses


def address(request: HttpRequest) -> str:
    """Of whoever asks: in production what the proxy before us has seen, which is the last entry (a visitor may write
    whatever they like before it); elsewhere the other end of the connection."""
    told = request.headers.get("X-Forwarded-For", "") if settings.PRODUCTION else ""
    return told.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR") or ""


def allowed(what: str, request: HttpRequest, place: str, most: int) -> bool:
    """Whether one more may come from this address to this place within the hour; counts it. No address is kept. Without the
    store that counts everybody may: nothing a citizen has typed is lost for it."""
    mine = salted_hmac("public", f"{what}|{address(request)}|{place}").hexdigest()
    everybody = salted_hmac("public", f"{what}||{place}").hexdigest()
    return _one_more(mine, most) and _one_more(everybody, most * CROWD)


def _one_more(name: str, most: int) -> bool:
    key = f"public:{name}"
    try:
        cache.add(key, 0, HOUR)
        return cache.incr(key) <= most
    except (RedisError, ValueError):  # not there; or lapsed between the two
        return True
