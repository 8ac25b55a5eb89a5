"""The gate catches every kind of leak in every layer, and lets an honest notice through."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pytest
from openpyxl import load_workbook
from openpyxl.comments import Comment
from openpyxl.packaging.custom import StringProperty

from aidcases.paper import print_pdf
from subsidies.casework import noticefile, noticelists, poster, public
from subsidies.casework.leak import Allowed, scan, scan_page, scan_pdf, scan_sheet

TODAY, LAST = date(2026, 10, 9), date(2026, 10, 16)
ID, PHONE, CARD = "620123201605011234", "13912345678", "6222023602012345678"
MAY = Allowed(
    TODAY,
    frozenset({"0931-5221234", "2162000101"}),
    frozenset({"榆中县特困学生小学", "和平镇袁家营村小学"}),
    ("序号", "姓名"),
)
LEAKS = [
    ID, ID[:17] + "X", "620123160501123", CARD, "6222 0236 0201 2345 678", PHONE, "139 1234 5678", "139-1234-5678",
    "１３９１２３４５６７８", "一三九一二三四五六七八", "1\u200b3912345678", "0931-5221235", "5221235", "6201**********1234",
    "＊＊＊＊1234", "2016年5月1日", "2016-05-01", "20160501", "G" + ID, "家住袁家营村3社", "和平路12号", "3号楼2单元",
    "榆中县和平镇袁家营村", "残 疾", "孤儿", "低保", "特困", "建档立卡", "脱贫不稳定", "刚性支出",
    "白血病", "身份证号", "银行卡", "户籍地",
]  # fmt: skip
HONEST = [
    "张三", "阿卜杜拉·买买提", "三年级", "高一（2）班", "特别困难", "￥1,250.00", "1,234,567.00", "0931-5221234", "2162000101",
    "2026-10-09 至 2026-10-16 24 时", "2026年10月9日", "2025—2026学年秋季学期", "教财〔2018〕16号", "榆中县特困学生小学",
    "和平镇袁家营村小学", "家庭经济困难学生", "普通高中国家助学金", "共 3000 条", "不少于 5 个工作日", "第 3 页，共 76 页",
]  # fmt: skip


@pytest.mark.parametrize("text", LEAKS)
def test_a_leak_is_found_alone_and_inside_a_sentence(text: str):
    assert scan(text, "名单", MAY)
    assert scan(f"经核对，{text}。", "名单", MAY)


@pytest.mark.parametrize("text", HONEST)
def test_what_a_notice_says_is_no_leak(text: str):
    assert scan(text, "名单", MAY) == []


def test_a_report_does_not_repeat_the_number():
    [leak] = scan(f"张三 {ID}", "名单", MAY)
    assert ID[4:] not in str(leak)
    assert str(leak) == "名单里的“620…4”：像身份证号"


def test_an_allowed_number_is_allowed_whole_only():
    assert scan("0931-52212345", "名单", MAY)
    assert scan("82162000101", "名单", MAY)


def test_a_school_s_name_excuses_words_and_no_number():
    named = replace(MAY, names=frozenset({f"榆树小学{PHONE}"}))
    assert scan(f"榆树小学{PHONE}", "名单", named)


# --- layers --------------------------------------------------------------------------------------------------------

LINES = [["1", "张三", "榆树小学", "三年级", "1班", "困难"], ["2", "李四", "榆树小学", "四年级", "2班", "特别困难"]]


@pytest.fixture
def notice(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What renderers read of a notice; `lines` may be tampered with."""
    made = SimpleNamespace(
        kind="determination", title="榆树小学公示", intro="经评审，现予公示。", hotline="0931-5221234", document="",
        working_days=5,
        office=SimpleNamespace(name="榆树小学"), key="abcdefghijkl", lines=[list(line) for line in LINES],
    )  # fmt: skip
    monkeypatch.setattr(noticelists, "table", lambda asked: asked.lines)
    return made


MAY_LIST = Allowed(
    TODAY, frozenset({"0931-5221234"}), frozenset({"榆树小学"}), ("序号", "姓名", "学校", "年级", "班级", "等级")
)
RENDER = {
    "page": lambda made: scan_page(public.render(made, published=TODAY, last=LAST), MAY_LIST),
    "poster": lambda made: scan_pdf(poster.poster(made, published=TODAY, last=LAST).pdf, MAY_LIST),
    "sheet": lambda made: scan_sheet(noticefile.sheet(made, published=TODAY, last=LAST), MAY_LIST),
}


@pytest.mark.parametrize("layer", RENDER)
def test_an_honest_notice_passes(notice: SimpleNamespace, layer: str):
    assert RENDER[layer](notice) == []


@pytest.mark.parametrize("layer", RENDER)
@pytest.mark.parametrize("column", range(1, 6))
def test_a_number_in_any_cell_is_caught(notice: SimpleNamespace, layer: str, column: int):
    notice.lines[1][column] += PHONE
    # On paper the next cell's digits may stand on the same line; a number is found all the same.
    assert [leak.kind for leak in RENDER[layer](notice)] in (["像手机号"], ["像电话号码"])


@pytest.mark.parametrize("layer", RENDER)
def test_a_category_in_a_cell_is_caught(notice: SimpleNamespace, layer: str):
    notice.lines[0][5] = "残疾学生补助"
    assert {leak.kind for leak in RENDER[layer](notice)} == {"会暴露学生的困难类别"}


@pytest.mark.parametrize("layer", RENDER)
def test_title_and_office_are_looked_through_too(notice: SimpleNamespace, layer: str):
    notice.title = f"公示 {CARD}"
    assert "像银行卡号" in {leak.kind for leak in RENDER[layer](notice)}


@pytest.mark.parametrize("layer", ["page", "poster"])
def test_the_intro_is_looked_through(notice: SimpleNamespace, layer: str):
    notice.intro = f"如张三\n证号 {ID}"
    assert "像身份证号" in {leak.kind for leak in RENDER[layer](notice)}


@pytest.mark.parametrize(
    "added",
    [
        f"<!-- {ID} -->", f'<p title="{ID}">x</p>', f'<p data-x="{PHONE}">x</p>', f'<meta name="d" content="{PHONE}">',
        f'<a href="/x/{PHONE}">x</a>', f"<p hidden>{CARD}</p>", "<p>139<b>1234</b><i>5678</i></p>", "<p>&#49;3912345678</p>",
        "<script>1</script>", "<style>p{}</style>", '<img src="x.png">', '<th scope="col">出生年月</th>',
        '<th scope="col">备注</th>',
    ],
)  # fmt: skip
def test_a_template_that_leaks_is_caught(notice: SimpleNamespace, added: str):
    html = public.render(notice, published=TODAY, last=LAST).replace("</main>", f"{added}</main>")
    assert scan_page(html, MAY_LIST)


def test_a_template_that_lost_its_columns_is_caught(notice: SimpleNamespace):
    html = public.render(notice, published=TODAY, last=LAST).replace('<th scope="col">等级', '<th scope="col">原因')
    assert any("列不对" in leak.kind for leak in scan_page(html, MAY_LIST))


@pytest.mark.parametrize("field", ["title", "office"])
def test_properties_of_a_poster_are_looked_through(tmp_path: object, field: str):
    """The template could print one title and keep another in the file's properties."""
    from pathlib import Path

    template = Path(str(tmp_path)) / "x.typ"
    where = {"title": f'title: "{ID}"', "office": f'title: "公示", author: "{ID}"'}[field]
    template.write_text(
        f"#let data = json(bytes(sys.inputs.data))\n#set document({where})\n#set text(font: data.font)\n公示", "utf-8"
    )
    found = scan_pdf(print_pdf(template, {}).pdf, MAY_LIST)
    assert {leak.where for leak in found} == {"海报的文件属性"}
    assert {leak.kind for leak in found} == {"像身份证号"}


def test_a_picture_on_a_poster_is_caught(tmp_path: object):
    from pathlib import Path

    from PIL import Image

    Image.new("RGB", (2, 2)).save(Path(str(tmp_path)) / "x.png")
    template = Path(str(tmp_path)) / "x.typ"
    text = '#let data = json(bytes(sys.inputs.data))\n#set document(title: "公示")\n#set text(font: data.font)\n#image("x.png")'
    template.write_text(text, "utf-8")
    assert any("图片" in leak.kind for leak in scan_pdf(print_pdf(template, {}).pdf, MAY_LIST))


def reworked(content: bytes, change: Callable) -> bytes:
    book = load_workbook(io.BytesIO(content))
    change(book)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def _hidden_column(book) -> None:
    book.active["H5"] = ID
    book.active.column_dimensions["H"].hidden = True


def _hidden_row(book) -> None:
    book.active["B9"] = PHONE
    book.active.row_dimensions[9].hidden = True


def _second_sheet(book) -> None:
    book.create_sheet("x")["A1"] = ID
    book["x"].sheet_state = "veryHidden"


CHANGES: dict[str, Callable] = {
    "hidden column": _hidden_column,
    "hidden row": _hidden_row,
    "hidden sheet": _second_sheet,
    "comment": lambda book: setattr(book.active["B4"], "comment", Comment(f"电话 {PHONE}", "甲")),
    "title property": lambda book: setattr(book.properties, "title", ID),
    "keywords property": lambda book: setattr(book.properties, "keywords", PHONE),
    "custom property": lambda book: book.custom_doc_props.append(StringProperty(name="x", value=ID)),
    "number in a cell": lambda book: book.active.cell(4, 2, int(PHONE)),
    "page header": lambda book: setattr(book.active.oddHeader.center, "text", ID),
    "number format": lambda book: setattr(book.active["B4"], "number_format", f'"{ID}"'),
    "sheet name": lambda book: setattr(book.active, "title", PHONE),
    "another head": lambda book: book.active.cell(3, 6, "致困原因"),
    "one column more": lambda book: book.active.cell(3, 7, "备注"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_hides_in_a_sheet_is_caught(notice: SimpleNamespace, what: str):
    clean = noticefile.sheet(notice, published=TODAY, last=LAST)
    assert scan_sheet(reworked(clean, lambda book: None), MAY_LIST) == []
    assert scan_sheet(reworked(clean, CHANGES[what]), MAY_LIST)


def test_a_part_nobody_asked_for_is_caught(notice: SimpleNamespace):
    held = io.BytesIO(noticefile.sheet(notice, published=TODAY, last=LAST))
    with zipfile.ZipFile(held, "a") as parts:
        parts.writestr("xl/media/image1.png", b"x")
    assert any("image1.png" in leak.sample for leak in scan_sheet(held.getvalue(), MAY_LIST))


def test_a_name_that_looks_like_a_formula_stays_a_text(notice: SimpleNamespace):
    notice.lines[0][1] = "=1+1"
    book = load_workbook(io.BytesIO(noticefile.sheet(notice, published=TODAY, last=LAST)))
    assert book.active["B4"].data_type == "s"
