"""Identity numbers: resident IDs checked and upgraded, other documents, roll numbers, certificates, phones.

The resident ID is checked by ourselves (GB 11643): packages reject real people whose division code is newer
than their birth, and accept full-width digits.
"""

from __future__ import annotations

import datetime
import re
from functools import lru_cache
from typing import NamedTuple

from students.imports.cells import LONGEST, Bad, Doubt, Value, clean, is_destroyed, plain

REPEATED = "repeated"
# Why a row was rejected or warned about, and what to write instead. Codes are stored, sentences are shown.
REASONS: dict[str, str] = {
    "missing id": "没有证件号码。请填写 18 位身份证号。",
    "length": "身份证号位数不对。应为 18 位（旧证 15 位），请对照证件补全。",
    "not digits": "身份证号里有不该有的字符。前 17 位只能是数字，最后一位是数字或 X。",
    "birth date": "身份证号第 7–14 位不是真实的出生日期。请对照证件改正。",
    "checksum": "身份证号校验位不对，至少有一位写错了。请对照证件改正。",
    "scientific-notation id": "身份证号被 Excel 变成了数字（如 6.2E+17），后几位已经丢失。"
    "请把这一列设为“文本”格式后重新填写完整号码。",
    "roll number as id": "这里填的是学籍号。请改填身份证号。",
    "document type": "不认识的证件类型。请填“居民身份证”“护照”“港澳居民来往内地通行证”等。",
    "missing name": "没有姓名。请填写姓名。",
    "name too long": "姓名超过 60 个字。请只填姓名。",
    "no name": "姓名里没有文字，像是号码。请看看列名对应得对不对。",
    "school code": "学校标识码不对。请填写 5–12 位的学校标识码。",
    "unknown school": "系统里没有这所学校。请核对学校标识码，或先导入学校名录。",
    "unknown stage": "认不出学段或年级。请填“小学”“三年级”“高一”“中职一年级”这样的写法。",
    "unknown region": "系统里没有这个行政区划代码。请核对。",
    "name": "这个证件号码在别的名单上是另一个姓名。核对清楚之前，这一行不起作用。",
    REPEATED: "同一文件里重复。内容相同的只算一次，内容不同的请只留一行。",
    "month": "月份不对。请写成 2024-03 这样。",
    "month outside term": "月份不在所选学期内。请核对月份，或换一个学期重新上传。",
    "days": "天数不对。应到天数不超过 31，缺勤不多于应到，旷课不多于缺勤；可以有半天，如 0.5。",
    "not enrolled": "这名学生本学期在这所学校没有学籍。请核对证件号码和学校标识码，或先导入学籍信息。",
    "no enrolment": "这名学生所选学期在本单位管理的学校没有学籍。请核对证件号码和学期，或先导入学籍信息。",
    "other school": "学校标识码与这名学生的学籍不同。请核对学校标识码，或先更新学籍信息。",
    "other name": "这个证件号码在系统里是另一个姓名。请核对姓名和证件号码。",
    "has applied": "这名学生这个学期已有申请，内容与这一行不同，没有改动。要改请学校打开那份申请修改。",
    "several schools": "有几所学校叫这个名字。请补上学校标识码。",
    "decided": "按以前核对时的决定办。",
    "merged number": "这个号码已并入另一人，这一行算作那个人的。",
    "school stage": "学校名录里这所学校没有这个学段。请核对年级，或先更新学校名录。",
    "enrolled elsewhere": "这名学生本学期在别处已有学籍。请与对方学校核对后再导入。",
    "school of another office": "这所学校已由别的单位管理，这一行与系统里的不同，没有改动。请与对方核对。",
    "region of another office": "行政区划不归本单位管理。请核对代码，或请当地单位导入。",
    "school elsewhere": "这所学校已由别的单位管理，学籍和在校情况由对方导入。这一行不起作用。",
    "home elsewhere": "户籍在别处：已在别的单位管理的地方。请与对方核对；核对清楚之前，这一行不起作用。",
    "household elsewhere": "户籍在别处：已是另一县的贫困户或低保、特困户。请与对方核对；核对清楚之前，这一行不起作用。",
    "village elsewhere": "户编号前 12 位的村不归本单位管理。请核对户编号。",
    "no college": "高校名单只收高职、本科和研究生。中小学生请导入学籍信息。",
    "period": "截止日期早于起始日期，请核对。",
    "region code": "行政区划代码不对。请填 2、4、6、9 或 12 位数字代码。",
    "household number": "户编号不对。请填写系统里的完整户编号（数字，至少 13 位，设为文本格式）。",
    "missing value": "这一格必须填写。",
    "unknown word": "认不出这个词。请照表样里的写法填写。",
    "date": "日期不对。请写成 2018-09-01 或 201809 这样。",
    "number": "数字不对。请只填数字，金额以元为单位。",
    "scientific-notation number": "长号码被 Excel 变成了数字（如 6.2E+16），后几位已经丢失。"
    "请把这一列设为“文本”格式后重新填写。",
    "cell error": "这一格是公式错误（如 #N/A）。请改成实际内容。",
    "text too long": "文字太长，没有读入。请缩短。",
    "guardian id": "监护人或户主的证件号码不对，没有读入。",
    "phone": "电话号码不对，没有读入。请填手机号（11 位）或带区号的座机号。",
    "roll number": "学籍号不对，没有读入。应为 G、J 或 L 加 18 位。",
    "certificate": "残疾证号不对，没有读入。应为 18 位身份证号加 2 位类别和等级。",
    "sex differs": "性别与身份证号不一致，以身份证号为准。",
    "birth date differs": "出生日期与身份证号不一致，以身份证号为准。",
    "missing key": "这一行没有数据键（行键）。数据版只能改已有的学生；新增学生请导入学籍信息。",
    "unknown key": "认不出这个数据键（行键）：它被改动过，或者不是本单位导出的数据版。请用本单位导出的文件。",
    "key of another sheet": "这一行来自另一次导出。每次导出的数据版请分开上传。",
    "repeated key": "同一个数据键（行键）出现了不止一次，不知道以哪一行为准。请只留一行。",
    "rows disagree": "这名学生有几行，同一列改得不一样，不知道以哪一行为准。请改成一样，或只改一行。",
    "kept elsewhere": "这名学生导出时在本单位的学校没有学籍，年级、班级、就读方式不能从这里改，未采用。",
    "not ours any more": "这名学生该学期已不在本单位的学校，不能从这里修改。",
    "conflict": "导出以后系统里也改了这一格。请选“采用文件”或“保留系统”。",
    "fixed name": "“姓名”这一列不能改，未采用。",
    "fixed sex": "“性别”这一列不能改，未采用。",
    "fixed school": "“学校”这一列不能改，未采用。转学请导入学籍信息。",
    "fixed stage": "“学段”这一列不能改，未采用。",
    "blank kept": "有空白的格，不作改动。要清除请写“无”。",
    "grade of another stage": "年级不属于原来的学段，未采用。升学请导入学籍信息。",
}



def repeated(pair: list | None) -> str:
    """The sentence of a repeated row, with the row it repeats; `pair` is the row's changes["repeats"]."""
    return REASONS[REPEATED].replace("同一文件里重复", f"与第 {pair[1]} 行重复") if pair else REASONS[REPEATED]


_CHECK = "10X98765432"  # by the weighted sum modulo 11
_WEIGHTS = tuple(pow(2, 17 - place, 11) for place in range(17))
_DIGITS = re.compile(r"[0-9]{17}[0-9X]|[0-9]{15}")
_ROLL_NUMBER = re.compile(r"[GJL][0-9]{17}[0-9X]")


class Identity(NamedTuple):
    """A document: `number` normalised, `kind` "" for a resident ID, sex and birth only if it tells them."""

    number: str
    kind: str = ""
    sex: str = ""
    birth_on: str = ""


# Document types of the roll (JY/T 1001 codes and words). The first group carries a citizen number.
_RESIDENT = frozenset(
    ["", "1", "01", "居民身份证", "身份证", "中华人民共和国居民身份证", "二代身份证", "户口簿", "居民户口簿"]
)
_DOCUMENTS = {
    "hk_macau_permit": ("6", "7", "香港", "澳门", "港澳"),
    "taiwan_permit": ("8", "台胞", "台湾"),
    "permanent_residence": ("9", "永久居留", "外国人居留"),
    "passport": ("A", "护照"),
    "other": ("Z", "其他", "其它"),
}


@lru_cache(256)
def document_kind(words: str) -> str:
    """ "" for a resident ID, else hk_macau_permit, taiwan_permit, permanent_residence, passport or other.

    The residence permit for 港澳台 carries a checked 18-digit number like an ID. Raises Bad("document type").
    """
    if words in _RESIDENT or "居住证" in words:
        return ""
    for kind, (code, *parts) in _DOCUMENTS.items():
        if words == code or any(part in words for part in parts):
            return kind
    raise Bad("document type")


def document(value: Value) -> str:
    """`document_kind` of a cell."""
    return document_kind(plain(value))


def _sum(digits: str, first: int) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS[first:], strict=False))


# The sum is taken in three parts because rosters repeat divisions, birthdays and serial numbers.
_area_sum = lru_cache(8192)(lambda six: _sum(six, 0))
_serial_sum = lru_cache(1024)(lambda three: _sum(three, 14))


@lru_cache(32768)
def _birth(eight: str) -> tuple[int, str]:
    """The partial sum and the ISO date of YYYYMMDD. Raises Bad("birth date")."""
    try:
        date = datetime.date(int(eight[:4]), int(eight[4:6]), int(eight[6:]))
    except ValueError:
        raise Bad("birth date") from None
    if date.year < 1900:
        raise Bad("birth date")
    return _sum(eight, 6), date.isoformat()


def upgrade(number: str) -> str:
    """A 15-digit ID as the 18-digit one: all of its holders were born in 19xx."""
    longer = number[:6] + "19" + number[6:]
    return longer + _CHECK[_sum(longer, 0) % 11]


def normalised(text: str) -> str:
    """Half-width, upper case, without blanks, leading apostrophe or ="…"."""
    return clean(text[:LONGEST]).replace(" ", "").upper()


def resident(text: str, today: str) -> Identity:
    """A resident ID, 15 digits upgraded to 18. `today` (ISO) bounds the birth date.

    Raises Bad with one of "missing id", "scientific-notation id", "roll number as id", "length",
    "not digits", "birth date", "checksum".
    """
    number = text
    if not _DIGITS.fullmatch(number):
        number = normalised(text)
        if not _DIGITS.fullmatch(number):
            raise Bad(_shape_problem(number))
    if len(number) == 15:
        number = upgrade(number)
    total, birth_on = _birth(number[6:14])
    if birth_on > today:
        raise Bad("birth date")
    if _CHECK[(_area_sum(number[:6]) + total + _serial_sum(number[14:17])) % 11] != number[17]:
        raise Bad("checksum")
    return Identity(number, "", "男" if number[16] in "13579" else "女", birth_on)


def _shape_problem(number: str) -> str:
    if not number:
        return "missing id"
    if is_destroyed(number):
        return "scientific-notation id"
    if _ROLL_NUMBER.fullmatch(number):
        return "roll number as id"
    return "not digits" if len(number) in (15, 18) else "length"


def person(value: Value, kind: str, today: str) -> Identity:
    """Whom the cell names: a resident ID unless the document kind says otherwise.

    Other documents are kept as written (upper case, no blanks). A numeric cell is refused: Excel may have
    rounded it.
    """
    if isinstance(value, bytes):
        raise Bad("cell error" if value[:1] == b"#" else "scientific-notation id")
    try:
        return resident(value or "", today)
    except Bad:
        number = normalised(value or "")
        if not kind or not number or is_destroyed(number):
            raise
        if not re.fullmatch(r"[0-9A-Z()/-]{5,30}", number):
            raise Bad("not digits") from None
        return Identity(number, kind)


def hash_text(identity: Identity) -> str:
    """What is hashed: an ID as it is, another document with its kind in front."""
    return f"{identity.kind}:{identity.number}" if identity.kind else identity.number


def guardian(value: Value, today: str) -> str:
    """A second person's ID number, "" when blank. Raises Doubt("guardian id"): the row stays."""
    if not value:
        return ""
    try:
        return person(value, "", today).number
    except Bad as bad:
        if bad.code == "missing id":
            return ""
        raise Doubt("guardian id") from None


def roll_number(value: Value) -> str:
    """G, J or L and 18; "" when blank. A hint for matching, never an ID. Raises Doubt("roll number")."""
    if isinstance(value, str) and _ROLL_NUMBER.fullmatch(value):
        return value
    number = "" if value is None else "?" if isinstance(value, bytes) else normalised(value)
    if number and not _ROLL_NUMBER.fullmatch(number):
        raise Doubt("roll number")
    return number


_CERTIFICATE = re.compile(r"[0-9]{17}[0-9X][1-7][1-4](?:[A-Z]?[0-9])?")


def certificate(value: Value) -> str:
    """ID + kind 1–7 + grade 1–4 (+ B1 … for a replacement); "" when blank. Raises Doubt("certificate")."""
    number = "" if value is None else "?" if isinstance(value, bytes) else normalised(value)
    if number and not _CERTIFICATE.fullmatch(number):
        raise Doubt("certificate")
    return number


_SEX = {"男": "男", "男性": "男", "1": "男", "女": "女", "女性": "女", "2": "女"}


def sex(value: Value) -> str:
    """男, 女 or "" when blank or something else."""
    return _SEX.get(plain(value), "")


_MOBILE = re.compile(r"(?:\+?86)?(1[3-9][0-9]{9})")
_LANDLINE = re.compile(r"0[0-9]{9,11}|[2-9][0-9]{6,7}")


def phone(value: Value) -> str:
    """Digits only, the first number where several are given; "" when blank. Raises Doubt("phone")."""
    if not value:
        return ""
    if isinstance(value, str) and _MOBILE.fullmatch(value):
        return value[-11:]
    try:
        text = plain(value)
    except Bad:
        raise Doubt("phone") from None
    for part in re.split(r"[/,;、；，|]", text):
        digits = re.sub(r"[ ()-]", "", part)
        if match := _MOBILE.fullmatch(digits):
            return match[1]
        if _LANDLINE.fullmatch(digits):
            return digits
    if text in ("", "无", "-", "0"):
        return ""
    raise Doubt("phone")
