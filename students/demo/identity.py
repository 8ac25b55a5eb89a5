"""Identity numbers for invented people: real dates, right check characters, never the same number twice."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHARACTERS = "10X98765432"  # GB 11643: by the weighted sum modulo 11
_PER_DAY = 500  # order codes of one sex, division and day


def check_character(first17: str) -> str:
    total = sum(ord(digit) * weight for digit, weight in zip(first17, _WEIGHTS, strict=True))
    return _CHARACTERS[(total - 48 * sum(_WEIGHTS)) % 11]


class IdentityNumbers:
    """Hands out numbers by division, day of birth and sex; memory grows with the days, not the people."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, date, bool], int] = defaultdict(int)

    def take(self, division: str, born: date, *, male: bool) -> str:
        """A new number of 18 characters. `division`: six digits. Raises ValueError when a day is used up."""
        key = (division, born, male)
        while True:
            count = self._taken[key]
            if count >= _PER_DAY:
                raise ValueError(f"{division} 在 {born} 出生的人太多，编不出更多身份证号。")
            self._taken[key] = count + 1
            # 37 has no factor in common with 500, so every order code comes up once, in no visible order.
            order = (37 * count + 211 * born.toordinal() + int(division)) % _PER_DAY * 2 + male
            if order:  # 000 is never given out
                first17 = f"{division}{born:%Y%m%d}{order:03d}"
                return first17 + check_character(first17)
