"""摘要 of a line: what the family's bank book says of the money, as short as the bank wants it."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from aidcases.terms import Term

LIMIT = 20  # places, where a profile says nothing else
LEAST, MOST = 8, 200
# What the child knows anyway, left out before anything is cut off.
_STAGES = ("学前教育", "农村义务教育", "义务教育", "普通高中", "中等职业教育", "本专科")


@lru_cache(maxsize=1000)
def remark(benefit: str, term: str, limit: int) -> str:
    """26秋国家助学金: the term and the benefit's name within `limit` places, of which a Chinese character takes two (as it
    does in GBK); where that is too narrow without the stage of education, and where it still is cut off at the end."""
    when = Term.parse(term)
    short = f"{when.year % 100:02}{'秋' if when.autumn else '春'}"
    bare = next((benefit.removeprefix(stage) for stage in _STAGES if benefit.startswith(stage)), benefit)
    for name in (benefit, bare or benefit):
        if places(short + name) <= limit:
            return short + name
    text = short + (bare or benefit)
    while places(text) > limit:
        text = text[:-1]
    return text


def places(text: str) -> int:
    """How wide it is: Chinese characters and full-width signs count two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WFA" else 1 for sign in text)
