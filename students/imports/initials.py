"""Pinyin initials of names for search: 杨宇 → yy. A table of letters: pypinyin takes half a second to load.

initials.txt has one letter for each character from U+4E00 on, made with pypinyin; "-" where there is none.
"""

from __future__ import annotations

import string
from functools import cache
from pathlib import Path

# Surnames that are read otherwise than the same character in a word.
_SURNAMES = dict(zip("单仇曾解区查繁翟覃召隗佴种乐", "sqzxozpzqswncy", strict=True))


class _Letters(dict[int, str]):
    """For str.translate: characters without a letter are dropped."""

    def __missing__(self, code: int) -> str:
        return ""


@cache
def _letters() -> _Letters:
    text = (Path(__file__).parent / "initials.txt").read_text(encoding="ascii").replace("\n", "")
    letters = _Letters({0x4E00 + place: letter for place, letter in enumerate(text) if letter != "-"})
    letters.update({ord(character): character.lower() for character in string.ascii_letters + string.digits})
    return letters


def initials(name: str, *, person: bool = True) -> str:
    """At most 30 lower-case letters and digits; a person's first character is read as a surname."""
    if person and name[:1] in _SURNAMES:
        name = _SURNAMES[name[0]] + name[1:]
    return name[:30].translate(_letters())
