"""What levels of government bear adds up to the fen, whatever the amount."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from subsidies.packwords import SHARE_LEVELS
from subsidies.shares import split

percents = st.lists(st.integers(0, 100), min_size=3, max_size=3).map(sorted)
yuan = st.integers(0, 10**9).map(lambda fen: Decimal(fen) / 100)


@given(cuts=percents, amount=yuan)
def test_the_parts_add_up_and_none_is_a_fen_off(cuts: list[int], amount: Decimal):
    bounds = [0, *cuts, 100]
    shares = dict(zip(SHARE_LEVELS, (high - low for low, high in pairwise(bounds)), strict=True))
    parts = split(amount, shares)
    assert sum(parts.values()) == amount
    assert all(abs(parts[level] - amount * shares[level] / 100) < Decimal("0.01") for level in shares)


def test_the_largest_remainder_takes_the_odd_fen():
    assert split(Decimal("0.05"), {"province": 50, "county": 50}) == {"province": Decimal("0.03"), "county": Decimal("0.02")}
    assert split(Decimal("312.50"), {"central": 33, "county": 67}) == {
        "central": Decimal("103.13"), "county": Decimal("209.37"),
    }  # fmt: skip
    assert split(Decimal("10.00"), {"county": 100}) == {"county": Decimal("10.00")}
