"""Yuan in capital characters (大写), as on cheques and payment rolls."""

from __future__ import annotations

from decimal import Decimal

DIGITS = "零壹贰叁肆伍陆柒捌玖"
UNITS = ("", "拾", "佰", "仟")
GROUPS = ("", "万", "亿", "万亿")
MOST = Decimal("9999999999999999.99")


def in_words(yuan: Decimal) -> str:
    """1250 → 壹仟贰佰伍拾元整, by the People's Bank's 正确填写票据和结算凭证的基本规定.

    整 after 元 only. Where the rules leave a 零 open, it is written after 元 (1680.32 → 壹仟陆佰捌拾元零叁角贰分) and not
    inside the yuan (107000 → 壹拾万柒仟). Raises ValueError below 0, beyond MOST and for parts of a fen.
    """
    yuan = Decimal(yuan)
    if not yuan.is_finite() or not 0 <= yuan <= MOST or yuan != yuan.quantize(Decimal("0.01")):
        raise ValueError(f"no amount that is written in words: {yuan}")
    whole, fen = divmod(int(yuan * 100), 100)
    jiao, fen = divmod(fen, 10)
    words = f"{_whole(whole)}元" if whole else ""
    if not jiao and not fen:
        return (words or "零元") + "整"
    if words and (not jiao or not whole % 10):
        words += DIGITS[0]
    return words + (f"{DIGITS[jiao]}角" if jiao else "") + (f"{DIGITS[fen]}分" if fen else "")


def _whole(number: int) -> str:
    """Groups of four digits; zeros between two digits are one 零, also across groups."""
    words, place, gap = "", 0, False
    while number:
        number, group = divmod(number, 10_000)
        if group:
            words = _group(group) + GROUPS[place] + (DIGITS[0] if gap and words else "") + words
        # Below the next group stands a 零 where this one is empty or begins with one.
        gap = group < 1000
        place += 1
    return words


def _group(number: int) -> str:
    """Up to four digits without the zeros they end on."""
    words, zero = "", False
    for unit in reversed(UNITS):
        digit = number // 10 ** UNITS.index(unit) % 10
        if digit:
            words += (DIGITS[0] if zero and words else "") + DIGITS[digit] + unit
        zero = not digit
    return words
