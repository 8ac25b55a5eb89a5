"""Pinyin initials of names for search: 杨宇 → yy. A table of letters: pypinyin takes half a second to load.

initials.txt has one letter for each character from U+4E00 on, made with pypinyin; "-" where there is none.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

# Surnames that are read otherwise than the same character in a word.
_SURNAMES = str.maketrans("单仇曾解区查繁翟覃召隗佴种乐", "sqzxozpzqswncy")


@cache
def _letters() -> str:
    return (Path(__file__).parent / "initials.txt").read_text(encoding="ascii").replace("\n", "")


def initials(name: str) -> str:
    """At most 30 lower-case letters and digits; the first character is read as a surname."""
    letters = _letters()
    found = []
    for character in name[:1].translate(_SURNAMES) + name[1:]:
        place = ord(character) - 0x4E00
        if 0 <= place < len(letters):
            found.append(letters[place])
        elif character.isascii() and character.isalnum():
            found.append(character.lower())
    return "".join(found).replace("-", "")[:30]
