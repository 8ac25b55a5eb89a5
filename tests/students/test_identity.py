"""Identity numbers: the check of our own, the upgrade, other documents, roll numbers, certificates, phones."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from students.imports import identity
from students.imports.cells import Bad, Doubt

TODAY = "2026-11-21"
DAYS = st.dates(datetime.date(1900, 1, 1), datetime.date(2026, 11, 21))
AREAS = st.integers(110000, 829999).map(str)
SERIALS = st.integers(0, 999).map("{:03d}".format)


def check_digit(seventeen: str) -> str:
    """As GB 11643 writes it, place by place."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(seventeen, weights, strict=True)) % 11]


@st.composite
def numbers(draw: st.DrawFn) -> str:
    seventeen = draw(AREAS) + draw(DAYS).strftime("%Y%m%d").zfill(8) + draw(SERIALS)
    return seventeen + check_digit(seventeen)


def code(text: object, kind: str = "") -> str:
    with pytest.raises(Bad) as caught:
        identity.person(text, kind, TODAY)
    return caught.value.code


@given(numbers())
def test_every_real_number_is_read_however_it_is_typed(number: str):
    read = identity.resident(number, TODAY)
    assert read.number == number
    assert read.birth_on.replace("-", "") == number[6:14]
    assert read.sex == ("男" if int(number[16]) % 2 else "女")
    wide = "".join(chr(ord(character) + 0xFEE0) for character in number)
    for typed in (
        f"'{number}",
        f" {number}　",
        number.lower(),
        wide,
        wide.lower(),
        f"{number[:6]} {number[6:]}",
        f'="{number}"',
    ):
        assert identity.resident(typed, TODAY) == read


@given(numbers(), st.integers(0, 17), st.sampled_from("0123456789"))
def test_one_wrong_digit_is_always_found(number: str, place: int, digit: str):
    wrong = number[:place] + digit + number[place + 1 :]
    if wrong != number:
        assert code(wrong) in ("checksum", "birth date")


@given(AREAS, st.dates(datetime.date(1900, 1, 1), datetime.date(1999, 12, 31)), SERIALS)
def test_an_old_number_becomes_the_new_one(area: str, birth: datetime.date, serial: str):
    old = area + birth.strftime("%y%m%d") + serial
    read = identity.resident(old, TODAY)
    assert read.birth_on == birth.isoformat()
    assert read == identity.resident(identity.upgrade(old), TODAY)
    assert read.number[:6] + read.number[8:17] == old


@given(st.text())
def test_anything_else_is_refused_with_a_known_reason(text: str):
    try:
        reason = identity.person(text, "", TODAY).number[:0]
    except Bad as bad:
        reason = bad.code
    assert reason == "" or reason in identity.REASONS


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("", "missing id"),
        ("　", "missing id"),
        (None, "missing id"),
        ("6.2E+17", "scientific-notation id"),
        ("6.20123200001011E+17", "scientific-notation id"),
        (b"6.20123200001011e+17", "scientific-notation id"),
        (b"620123200709159660", "scientific-notation id"),
        (b"620123670712119", "scientific-notation id"),
        (b"#N/A", "cell error"),
        ("G620123200709159660", "roll number as id"),
        ("j620123200709159660", "roll number as id"),
        ("62012320070915966", "length"),
        ("6201232007091596600", "length"),
        ("62012320O709159660", "not digits"),
        ("6201232007091596X0", "not digits"),
        ("620123٢٠٠٧09159660", "not digits"),
        ("620123200713159660", "birth date"),
        ("620123200702309660", "birth date"),
        ("620123209909159660", "birth date"),
        ("620123189909159660", "birth date"),
        ("620123671312119", "birth date"),
        ("620123200709159661", "checksum"),
        ("护照E12345678", "length"),
    ],
)
def test_refusals(cell: object, reason: str):
    assert code(cell) == reason


def test_a_birth_today_is_real_and_tomorrow_is_not():
    today = "62012320261121001"
    tomorrow = "62012320261122001"
    assert identity.resident(today + check_digit(today), TODAY).birth_on == TODAY
    assert code(tomorrow + check_digit(tomorrow)) == "birth date"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        *[("居民身份证", ""), ("1", ""), ("", ""), ("港澳台居民居住证", ""), ("户口簿", "")],
        *[("护照", "passport"), ("A", "passport"), ("外国护照", "passport"), ("Z", "other"), ("其他", "other")],
        *[("港澳居民来往内地通行证", "hk_macau_permit"), ("6", "hk_macau_permit"), ("8", "taiwan_permit")],
        *[("台湾居民来往大陆通行证", "taiwan_permit"), ("外国人永久居留身份证", "permanent_residence")],
    ],
)
def test_document_types(words: str, kind: str):
    assert identity.document(words) == kind


def test_unknown_document_types_are_refused():
    with pytest.raises(Bad, match="document type"):
        identity.document("会员卡")


def test_other_documents_are_kept_as_they_are_only_when_the_type_says_so():
    passport = identity.person(" e1234 5678 ", "passport", TODAY)
    assert passport == identity.Identity("E12345678", "passport")
    assert identity.hash_text(passport) == "passport:E12345678"
    assert identity.hash_text(identity.resident("620123200709159660", TODAY)) == "620123200709159660"
    assert code("E12345678") == "length"
    assert code("", "passport") == "missing id"
    assert code("6.2E+17", "passport") == "scientific-notation id"
    assert code("护照在家", "passport") == "not digits"
    # A citizen's number under a wrong type is still a citizen's number.
    assert identity.person("620123200709159660", "other", TODAY).kind == ""


def test_guardians_are_only_warned_about():
    assert identity.guardian("620123670712119", TODAY) == "620123196707121192"
    assert identity.guardian(None, TODAY) == identity.guardian(" ", TODAY) == ""
    for wrong in ("62012320070915966", b"6.2E+17", "620123200709159661"):
        with pytest.raises(Doubt, match="guardian id"):
            identity.guardian(wrong, TODAY)


def test_roll_numbers_and_certificates():
    assert identity.roll_number("g620123200709159660 ") == "G620123200709159660"
    assert identity.roll_number("L62012320070915966X") == "L62012320070915966X"
    assert identity.roll_number(None) == identity.certificate("") == ""
    assert identity.certificate("62012320100520347x43") == "62012320100520347X43"
    assert identity.certificate("62012320070915966043B1") == "62012320070915966043B1"
    for parse, wrong in (
        (identity.roll_number, "620123200709159660"),
        (identity.roll_number, b"1"),
        (identity.certificate, "620123200709159660"),
        (identity.certificate, "62012320070915966089"),
        (identity.certificate, b"6.2E+19"),
    ):
        with pytest.raises(Doubt):
            parse(wrong)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        *[("13883685957", "13883685957"), (b"13883685957", "13883685957"), (b"1.3883685957E10", "13883685957")],
        *[
            ("138-8368-5957", "13883685957"),
            ("+86 138 8368 5957", "13883685957"),
            ("１３８８３６８５９５７", "13883685957"),
        ],
        *[
            ("0931-5221234", "09315221234"),
            ("13883685957/13900000000", "13883685957"),
            ("无", ""),
            (None, ""),
            ("", ""),
        ],
    ],
)
def test_phones(cell: object, number: str):
    assert identity.phone(cell) == number


@pytest.mark.parametrize("cell", ["1388368595", "23883685957", "村委会", b"1.3E+20"])
def test_other_phones_are_warned_about(cell: object):
    with pytest.raises(Doubt, match="phone"):
        identity.phone(cell)


def test_sexes():
    assert [identity.sex(cell) for cell in ("男", "女性", "1", b"2", "", "不详")] == ["男", "女", "男", "女", "", ""]
