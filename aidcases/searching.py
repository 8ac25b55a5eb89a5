"""What a person typed into a search box: kept out of addresses under an opaque key, numbers only as keyed hashes."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from django.http import HttpRequest

from aidcases import crypto

KEPT = 20  # searches a session remembers


@dataclass(frozen=True)
class Query:
    """A search term as the lists understand it. A whole number never leaves as clear text: only its keyed hash does."""

    text: str = ""  # a name, initials, a household number
    id_hash: bytes | None = None
    roll_hash: bytes | None = None
    last4: str = ""

    @property
    def shown(self) -> str:
        if self.id_hash or self.roll_hash:
            return f"证件号码 …{self.last4}"
        return self.text or (f"尾号 {self.last4}" if self.last4 else "")


_WHOLE = re.compile(r"^\d{17}[\dX]$")
_ROLL = re.compile(r"^[A-Z]\d{17}[\dX]$")
_CERTIFICATE = re.compile(r"^(\d{17}[\dX])\d{2}$")  # of disability: the identity number, kind and grade
_LAST_FOUR = re.compile(r"^\d{3}[\dX]$")


def understood(typed: str) -> Query:
    """Full-width digits, blanks and a lower-case x are forgiven."""
    typed = typed.replace("\x00", "")
    text = "".join(chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c for c in typed).strip().strip("'")
    number = re.sub(r"\s", "", text).upper()
    if certificate := _CERTIFICATE.match(number):
        number = certificate[1]
    if _WHOLE.match(number):
        return Query(id_hash=crypto.blind(number, "id"), last4=number[-4:])
    if _ROLL.match(number):
        return Query(roll_hash=crypto.blind(number, "roll_number"), last4=number[-4:])
    if _LAST_FOUR.match(number):
        return Query(last4=number)
    return Query(text=text[:60])


def remember(request: HttpRequest, query: Query) -> str:
    """Keeps the search in the session; returns the opaque key for the address."""
    kept = request.session.get("searches", {})
    key = secrets.token_urlsafe(6)
    kept[key] = [query.text, _hex(query.id_hash), _hex(query.roll_hash), query.last4]
    request.session["searches"] = dict(list(kept.items())[-KEPT:])
    return key


def recalled(request: HttpRequest, key: str | None) -> Query | None:
    """The search behind a key of this session; None when it is unknown or gone."""
    found = request.session.get("searches", {}).get(key or "")
    if not found:
        return None
    text, id_hash, roll_hash, last4 = found
    return Query(text, _bytes(id_hash), _bytes(roll_hash), last4)


def _hex(value: bytes | None) -> str:
    return value.hex() if value else ""


def _bytes(value: str) -> bytes | None:
    return bytes.fromhex(value) if value else None
