"""An amount divided among the levels of government that bear it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

FEN = Decimal("0.01")


def split(yuan: Decimal, shares: Mapping[str, int]) -> dict[str, Decimal]:
    """Yuan by level for shares in percent (together 100): whole fen by largest remainder, the earlier level first
    among equals; the parts add up to the amount exactly."""
    fen = int(yuan / FEN)
    parts = {level: fen * percent // 100 for level, percent in shares.items()}
    by_remainder = sorted(shares, key=lambda level: -(fen * shares[level] % 100))
    for level in by_remainder[: fen - sum(parts.values())]:
        parts[level] += 1
    return {level: part * FEN for level, part in parts.items()}
