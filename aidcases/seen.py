"""What a form showed when it was opened: a later hand is told instead of written over."""

from __future__ import annotations

import hashlib
from typing import Any

from aidcases.flow import Refused


class Changed(Refused):
    """Somebody has written since; what was typed is still there."""

    def __init__(self) -> None:
        super().__init__("打开页面以后有人改过这一部分，还没有保存。请看过现在的内容，再保存一次。")


def mark(*values: Any) -> str:
    """An opaque word for what is shown; equal values have equal words. Of secrets hand in their hashes."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def compare(seen: str | None, *values: Any) -> None:
    """Raises Changed where the form was opened on something else; None: there was no form."""
    if seen is not None and seen != mark(*values):
        raise Changed
