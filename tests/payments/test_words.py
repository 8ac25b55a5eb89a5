"""Amounts in capital characters: the People's Bank's own examples, and every amount read back by another reader."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subsidies.payments.words import MOST, in_words

# 支付结算办法 附件一《正确填写票据和结算凭证的基本规定》, and what it leaves open as we read it.
EXAMPLES = {
    "1409.50": "壹仟肆佰零玖元伍角", "6007.14": "陆仟零柒元壹角肆分", "1680.32": "壹仟陆佰捌拾元零叁角贰分",
    "107000.53": "壹拾万柒仟元零伍角叁分", "16409.02": "壹万陆仟肆佰零玖元零贰分", "325.04": "叁佰贰拾伍元零肆分",
    "1250": "壹仟贰佰伍拾元整", "0": "零元整", "0.05": "伍分", "0.60": "陆角", "10.05": "壹拾元零伍分",
    "100005000": "壹亿零伍仟元整", "1000500": "壹佰万零伍佰元整", "20010.00": "贰万零壹拾元整",
}  # fmt: skip


@pytest.mark.parametrize(("yuan", "words"), EXAMPLES.items())
def test_the_banks_examples(yuan: str, words: str):
    assert in_words(Decimal(yuan)) == words


def read_back(words: str) -> Decimal:
    """Counts units from left to right; knows nothing of how the words were made, and 零 stands for nothing."""
    yuan, _, rest = words.removesuffix("整").rpartition("元")
    total = Decimal(0)
    for digit, unit in re.findall("([壹贰叁肆伍陆柒捌玖])([角分])", rest):
        total += "零壹贰叁肆伍陆柒捌玖".index(digit) * Decimal("0.1" if unit == "角" else "0.01")
    whole = group = digit = 0
    for sign in yuan:
        if sign in "零壹贰叁肆伍陆柒捌玖":
            digit = "零壹贰叁肆伍陆柒捌玖".index(sign)
        elif sign in "拾佰仟":
            group, digit = group + digit * {"拾": 10, "佰": 100, "仟": 1000}[sign], 0
        else:
            whole, group, digit = whole + (group + digit) * {"万": 10**4, "亿": 10**8}[sign], 0, 0
    return total + whole + group + digit


@settings(max_examples=300, deadline=None)
@given(st.decimals(min_value=0, max_value=Decimal("99999999999.99"), places=2))
def test_every_amount_reads_back_as_itself(yuan: Decimal):
    words = in_words(yuan)
    assert read_back(words) == yuan
    assert "零零" not in words
    assert words.endswith("整") == (yuan == int(yuan))


@pytest.mark.parametrize("yuan", ["-0.01", "0.001", str(MOST + 1), "NaN"])
def test_what_is_no_amount_is_refused(yuan: str):
    with pytest.raises(ValueError, match="no amount"):
        in_words(Decimal(yuan))
