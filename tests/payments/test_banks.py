"""Bank profiles: the shipped ones, what is refused of a county's own, files read back by other programs' readers."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from python_calamine import load_workbook

from subsidies.payments import banks
from subsidies.payments.banks import ProfileError
from subsidies.payments.filewriting import write
from subsidies.payments.remarks import remark

LINE = {
    "order": 1, "account": "6217000000000000001", "holder": "张&三,丰|", "amount": Decimal("1250.50"), "bank": "榆中联社",
    "reference": "ABCDEFGH23456789", "student": "张三", "school": "榆树小学", "summary": "寄宿生生活补助",
}  # fmt: skip


def made(code: str) -> bytes:
    profile = banks.profile(code)
    return write(profile, [[LINE[column.field] for column in profile.columns]] * 2, 2, Decimal(2501))


def test_three_are_shipped_and_have_what_a_bank_wants():
    known = banks.profiles()
    assert {(each.format, each.heading, each.encoding) for each in known.values()} == {
        ("xlsx", True, "UTF-8"), ("txt", False, "GBK"), ("xls", True, "UTF-8"),
    }  # fmt: skip
    assert all(each.rows == 5000 for each in known.values())
    assert ("rural-credit", "农村信用社（.xlsx）") in banks.choices()
    assert banks.profile("social-card").name_of("620123-2026-autumn-003", 1, date(2026, 9, 1)) == (
        "DF20260901-620123-2026-autumn-003-001.txt"
    )
    with pytest.raises(ProfileError, match="没有这个银行格式"):
        banks.profile("nothing")


def test_xlsx_keeps_numbers_as_text_and_merges_nothing():
    sheet = openpyxl.load_workbook(io.BytesIO(made("rural-credit"))).active
    head, first, _, total = ([cell.value for cell in row] for row in sheet)
    assert head == ["序号", "账号", "户名", "金额", "摘要", "备注"]
    assert first == [1, "6217000000000000001", "张&三,丰|", "1250.50", "寄宿生生活补助", "ABCDEFGH23456789"]
    assert [total[0], total[2], total[3]] == ["合计", "共 2 笔", "2501.00"]
    assert sheet["B2"].number_format == "@"
    assert not sheet.merged_cells.ranges


def test_xls_and_gbk_text():
    rows = load_workbook(io.BytesIO(made("postal-savings"))).get_sheet_by_index(0).to_python()
    assert rows[0][:3] == ["顺序号", "客户流水号", "收款账号"]
    assert rows[1] == [1, "ABCDEFGH23456789", "6217000000000000001", "张&三,丰|", 1250.5, "榆中联社", "寄宿生生活补助"]
    lines = made("social-card").decode("gbk").split("\r\n")
    assert lines == ["2|2501.00", *["ABCDEFGH23456789|6217000000000000001|张&三,丰 |1250.50|寄宿生生活补助"] * 2, ""]
    assert "䶮𬭚".encode(banks.ENCODINGS["GBK"]).decode("gb18030") == "䶮𬭚"


@pytest.mark.parametrize(
    ("benefit", "limit", "said"),
    [
        ("义务教育免学杂费", 20, "26秋义务教育免学杂费"), ("普通高中国家助学金", 20, "26秋国家助学金"),
        ("义务教育非寄宿生生活补助", 20, "26秋非寄宿生生活补助"), ("农村义务教育学生营养膳食补助", 20, "26秋学生营养膳食补助"),
        ("义务教育非寄宿生生活补助", 40, "26秋义务教育非寄宿生生活补助"), ("义务教育", 9, "26秋义务"),
        ("生源地信用助学贷款", 15, "26秋生源地信用"),
    ],
)  # fmt: skip
def test_the_remark_is_the_benefit_and_the_term_within_the_banks_places(benefit: str, limit: int, said: str):
    assert remark(benefit, "2026-autumn", limit) == said
    assert len(said.encode("gbk")) <= limit
    assert remark("滋蕙计划新生资助", "2019-spring", 20) == "19春滋蕙计划新生资助"


def test_a_countys_own_profile_is_a_file_and_is_checked(settings, tmp_path: Path):
    settings.HOME = tmp_path
    own = tmp_path / "banks"
    own.mkdir()
    good = (banks.SHIPPED / "rural-credit.toml").read_text(encoding="utf-8")
    (own / "a.toml").write_text(
        good.replace('"rural-credit"', '"village-bank"').replace('"xlsx"', '"csv"'), encoding="utf-8"
    )
    profile = banks.profile("village-bank")
    text = write(profile, [[LINE[column.field] for column in profile.columns]], 1, Decimal("1250.50")).decode()
    assert text.splitlines()[1] == '1,6217000000000000001,"张&三,丰|",1250.50,寄宿生生活补助,ABCDEFGH23456789'
    (own / "b.toml").write_text(good, encoding="utf-8")
    with pytest.raises(ProfileError, match=r"b\.toml：代码“rural-credit”已被“农村信用社（.xlsx）”使用"):
        banks.profiles()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('format = "xlsx"', 'format = "doc"', "format 只能是"),
        ('field = "reference"', 'field = "note"', "缺少流水号"),
        ('field = "account"\ntitle = "账号"', 'field = "account"\ntitle = "账号"\ntype = "number"', "要按文本写"),
        ('title = "账号"\n', "", "每一列都要写 title"),
        ("rows = 5000", "rows = 0", "rows 要在 1 和"),
        ("limit = 20", "limit = 4", "limit 只写在摘要（summary）上，在 8 和 200 之间"),
        ('field = "holder"\n', 'field = "holder"\nlimit = 30\n', "limit 只写在摘要"),
        ("digits = [16, 19]", "digits = [19]", "digits 要写成"),
        ('filename = "{batch}-{number:02}"', 'filename = "../{batch}{number}"', "filename 只能用"),
        ('filename = "{batch}-{number:02}"', 'filename = "{batch.__class__}"', "filename 只能用"),
        ('failure = ["失败", ', 'failure = ["成功", ', "不能又是成功又是失败"),
        ('result = "处理结果"', 'result = 6', "有表头时写列名"),
        ('result = "处理结果"\n', "", "缺少结果"),
        ('name = ["户名不符"', 'noname = ["户名不符"', "写法不对"),
        ('[answer]\nheading', '[answers]\nheading', "缺少“success”"),
        ('code = "rural-credit"', 'code = ', "不是正确的 TOML"),
        ('code = "rural-credit"', 'code = "rural-credit"\nsize = 3', "写法不对"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_profile_is_said_in_a_sentence(old: str, new: str, sentence: str):
    text = (banks.SHIPPED / "rural-credit.toml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(ProfileError, match=sentence):
        banks.parse(text.replace(old, new), "x.toml")
