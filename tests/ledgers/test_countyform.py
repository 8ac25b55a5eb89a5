"""The county's own form: understood before anything runs, kept as a version, filled without losing its look."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from openpyxl import Workbook, load_workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.drawing.image import Image as Picture
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.worksheet.datavalidation import DataValidation
from PIL import Image as Pixels

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.models import Job
from ledgers import countyform
from ledgers.actions import open_file, request_issue
from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from ledgers.models import CountyForm, LedgerIssue
from ledgers.placeholders import Part, column_named, guessed, understood
from tests import make
from tests.ledgers.conftest import ActAs
from tests.personas import CANARY, TERM, World

HERE = "/62/6201/620123/"
POOR = f"{CANARY['620123']}贫生"
THIN = Border(*[Side(style="thin")] * 4)
NOW = timezone.now()


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> None:
    settings.FILES = tmp_path / "files"


def county_form(change: Callable[[Workbook], Any] = lambda book: None) -> bytes:
    """A form as a bureau sends it: merged heads, a sample row, a total, a line for the signatures."""
    book = Workbook()
    page = book.active
    page.title = "附件1"
    page["A1"] = "{{范围}}建档立卡学生花名册"
    page.merge_cells("A1:G1")
    page["A1"].font = Font(name="方正小标宋简体", size=20)
    page["A2"] = "填报单位（盖章）：{{填报单位}}"
    page["F2"] = "填报时间：{{填报时间}}"
    for at, text in enumerate(["序号", "学生", None, "班级", "资助", None, "备注"], 1):
        page.cell(3, at).value = text
    page.merge_cells("B3:C3")
    page.merge_cells("E3:F3")
    for at, text in enumerate([None, "姓名", "身份证号码", None, "项目", "金额（元）", None], 1):
        page.cell(4, at).value = text
    sample = ["{{序号}}", "{{学生.姓名}}", "{{学生.证件号码}}", None, "{{享受资助项目}}", "{{本学期资助金额}}", "无"]
    for at, text in enumerate(sample, 1):
        cell = page.cell(5, at)
        cell.value, cell.border, cell.font = text, THIN, Font(name="仿宋", size=12)
        cell.alignment = Alignment(wrap_text=at == 5)
    page["A6"], page["F6"], page["G6"] = "合计", "{{合计:本学期资助金额}}", "共 {{合计:本学期资助金额}} 元，{{行数}} 人"
    page["A7"] = "负责人：        填表人：{{生成人}}"
    page.print_title_rows, page.page_setup.orientation = "3:4", "landscape"
    page.column_dimensions["C"].width = 26.5
    page.oddFooter.center.text = "第 &P 页"
    change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def upload(content: bytes, name: str = "附件1.xlsx") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def shape() -> countyform.Shape:
    return countyform.shape(LEDGERS["poverty-register"], TERM, area_at(HERE))


def received(content: bytes, name: str = "附件1.xlsx") -> CountyForm:
    return countyform.receive(LEDGERS["poverty-register"], shape(), upload(content, name))


def issued(form: CountyForm, **wanted: Any) -> tuple[LedgerIssue, Workbook]:
    issue = request_issue(LEDGERS["poverty-register"], TERM, area_at(HERE), purpose="报送", form=form, **wanted)
    done = jobs.work_off(Job.objects.get(pk=issue.job_id))
    assert (done.state, done.error) == ("done", "")
    issue.refresh_from_db()
    with open_file(issue) as content:
        return issue, load_workbook(io.BytesIO(content.read()))


def test_a_form_keeps_its_look_and_gets_the_rows(world: World, act_as: ActAs) -> None:
    make.student("榆槐二贫", at=world.here.primary, home="620123100201", categories=("registered_poor",), born=date(2011, 3, 4))
    make.recompute()
    with act_as("maker"):
        form = received(county_form())
        [part] = countyform.parts(form)
        assert part.columns == {1: "序号", 2: "学生姓名", 3: "证件号码", 4: "班级", 5: "享受资助项目", 6: "本学期资助金额"}
        assert (part.row, part.constant, part.table, form.version) == (5, {7: "无"}, "台账", None)
        with pytest.raises(Refused, match="不是本单位正在使用的"):
            request_issue(LEDGERS["poverty-register"], TERM, area_at(HERE), purpose="报送", form=form)
        form = countyform.save(form, shape(), {("附件1", 4): "年级"}, now=NOW)
        issue, book = issued(form)
        plain = request_issue(LEDGERS["poverty-register"], TERM, area_at(HERE), purpose="报送")
        jobs.work_off(Job.objects.get(pk=plain.job_id))
        plain.refresh_from_db()
    page = book["附件1"]
    rows = {page.cell(row, 2).value: row for row in (5, 6)}
    assert set(rows) == {POOR, "榆槐二贫"}
    row = rows[POOR]
    assert [page.cell(row, at).value for at in (4, 6, 7)] == ["三年级", 500, "无"]
    assert page.cell(row, 3).value.startswith("*" * 14)
    assert (page.cell(row, 3).number_format, page.cell(row, 6).number_format) == ("@", "#,##0.00")
    assert (page.cell(row, 2).font.name, page.cell(row, 2).border.left.style) == ("仿宋", "thin")
    assert page["A1"].value == "榆中县建档立卡学生花名册"
    assert page["A2"].value == f"填报单位（盖章）：{world.here.office.name}"
    assert page["F7"].value == "=SUM(F5:F6)"
    assert page["G7"].value == f"共 {Decimal(issue.totals[0][1]):,.2f} 元，2 人"
    assert page["A8"].value.endswith("填表人：甲经办")
    assert {str(area) for area in page.merged_cells.ranges} == {"A1:G1", "B3:C3", "E3:F3"}
    assert (page.print_title_rows, page.page_setup.orientation) == ("$3:$4", "landscape")
    assert (page.column_dimensions["C"].width, page.oddFooter.center.text) == (26.5, "第 &P 页")
    assert page["A1"].font.name == "方正小标宋简体"
    # What the look says of whose copy it is, and that issues compare whatever form they have.
    assert "甲经办" in page.oddHeader.right.text
    assert (issue.form, issue.rows, issue.totals, issue.layout) == (form, plain.rows, plain.totals, "本单位表样")
    assert book.worksheets[-1].sheet_state == "hidden"
    assert book.custom_doc_props["生成记录"].value == str(issue.pk)


def test_versions_are_kept_and_belong_to_their_office(county: World, act_as: ActAs) -> None:
    with act_as("maker"):
        first = countyform.save(received(county_form()), shape(), {}, now=NOW)
        with pytest.raises(Refused, match="没有改动"):
            countyform.save(CountyForm.objects.get(pk=first.pk), shape(), {("附件1", 4): "班级"}, now=NOW)
        second = countyform.save(CountyForm.objects.get(pk=first.pk), shape(), {("附件1", 4): ""}, now=NOW)
        assert (second.version, second.stored, countyform.parts(second)[0].columns.get(4)) == (2, first.stored, None)
        assert [form.version for form in countyform.mine("poverty-register")] == [2, 1]
        with pytest.raises(Refused, match="没有“大名”这一列"):
            countyform.save(CountyForm.objects.get(pk=first.pk), shape(), {("附件1", 4): "大名"}, now=NOW)
        countyform.withdraw(first, now=NOW)
        assert [form.version for form in countyform.mine("poverty-register")] == [2]
        loose = received(county_form())
        countyform.withdraw(loose, now=NOW)
        assert not CountyForm.objects.filter(pk=loose.pk).exists()
    with act_as("other_maker"):
        assert not CountyForm.objects.exists()
    with act_as("city"):
        assert CountyForm.objects.count() == 2
        with pytest.raises(Refused, match="您的角色不能"):
            countyform.withdraw(second, now=NOW)
    with act_as("auditor"), pytest.raises(Refused, match="您的角色不能"):
        received(county_form())


def at(address: str, text: Any) -> Callable[[Workbook], Any]:
    def change(book: Workbook) -> None:
        book.active[address] = text

    return change


WRONG = {
    "unknown": (at("D5", "{{学生.姓命}}"), ["“附件1”D5 的 {{学生.姓命}} 不认识", "{{学生姓名}}"]),
    "unknown total": (at("F6", "{{合计:资助金}}"), ["F6 的 {{合计:资助金}} 不认识", "{{合计:本学期资助金额}}"]),
    "second row": (at("B8", "{{证件号码}}"), ["B8 的 {{证件号码}} 不在样例行（第 5 行）"]),
    "formula": (at("D5", "=1+1"), ["D5 是公式：样例行不能有公式"]),
    "merged": (lambda book: book.active.merge_cells("C5:D5"), ["C5:D5 是合并单元格"]),
    "reaches out": (at("A9", "='[1]x'!A1"), ["A9 的公式引用了别的文件"]),
    "runs a program": (at("A9", "=cmd|'/c calc'!A1"), ["A9 的公式引用了别的文件或程序"]),
    "huge": (at("A9000", "远"), ["太大：表样最多 500 行"]),
    "no row": (lambda book: book.active.delete_rows(5, 4), ["没有找到样例行"]),
}


def repacked(content: bytes, name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for each in old.namelist():
            if each != name:
                new.writestr(each, old.read(each))
        new.writestr(name, data)
    return out.getvalue()


def test_what_cannot_be_used_is_named_before_anything_runs(county: World, act_as: ActAs) -> None:
    good = county_form()
    hostile = {
        "带有宏": repacked(good, "xl/vbaProject.bin", b"x"),
        "链接了别的文件": repacked(good, "xl/externalLinks/externalLink1.xml", b"<a/>"),
        "嵌有别的文件": repacked(good, "xl/embeddings/oleObject1.bin", b"x"),
        "不该有的内容": repacked(good, "xl/theme/theme1.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
        "展开后太大": repacked(good, "xl/media/a.png", b"\0" * (33 << 20)),
        "已损坏": good[:-300],
        "请上传 .xlsx": b"",
    }
    with act_as("maker"):
        for change, told in WRONG.values():
            with pytest.raises(Refused) as refused:
                received(county_form(change))
            said = "\n".join(refused.value.reasons)
            assert all(part in said for part in told), said
        for why, content in hostile.items():
            with pytest.raises(Refused, match=why):
                received(content, "旧.xls" if not content else "附件1.xlsx")
        assert not CountyForm.objects.exists()
    assert not list(county_files())


def county_files() -> list[Path]:
    from django.conf import settings

    return [path for path in (settings.FILES / "forms").rglob("*") if path.is_file()]


def test_names_are_found_the_way_clerks_write_them() -> None:
    paths = [("家庭", "户主姓名"), ("学生", "姓名"), ("学生", "证件号码"), ("资助", "金额"), ("序号",), ("父亲", "电话")]
    paths.append(("母亲", "电话2"))
    asked = ["学生.姓名", "姓名", "身份证号", "金额（元）", " 序 号 ", "父亲·电话", "老师.姓名", "户主.姓名"]
    assert [column_named(said, paths) for said in asked] == [
        "姓名", "姓名", "证件号码", "金额", "序号", "电话", None, "户主姓名",
    ]  # fmt: skip
    wide = [("学生情况", "学校名称"), ("享受资助情况", "享受资助项目"), ("享受资助情况", "本学期资助金额"), ("户", "户主姓名")]
    over = (["学生情况.就读学校", "就读学校"], ["资助.项目", "项目"], ["资助.金额", "金额"], ["备注"], ["项"])
    assert [guessed(said, wide) for said in over] == ["学校名称", "享受资助项目", "本学期资助金额", None, None]
    two = {"甲": [("姓名",)], "乙": [("日期",)]}
    sheet = {"texts": {"A2": "{{日期}}"}, "formulas": [], "merges": [], "width": 1, "height": 2}
    named = understood({"sheets": [{**sheet, "title": "乙"}], "lost": []}, two)  # type: ignore[typeddict-item]
    assert (named.parts, named.wrong) == ([Part("乙", "乙", 2, {1: "日期"}, {})], [])


def _drawn(book: Workbook) -> None:
    """A logo in the head, a seal below the signatures, a note on each side of the rows, a list and a colour for the rows."""
    page = book.active
    for cell, colour in (("H1", "navy"), ("E8", "red")):
        raw = io.BytesIO()
        Pixels.new("RGB", (40, 20), colour).save(raw, "PNG")
        page.add_image(Picture(raw), cell)
    page["A3"].comment, page["A7"].comment = Comment("表头批注", "甲"), Comment("落款批注", "甲")
    choice = DataValidation(type="list", formula1='"无,有"', allow_blank=True)
    choice.add("G5")
    page.add_data_validation(choice)
    page.conditional_formatting.add("F5", CellIsRule(operator="greaterThan", formula=["400"], font=Font(color="FF0000")))


def test_what_is_drawn_and_noted_on_a_form_is_kept_or_named(world: World, act_as: ActAs) -> None:
    make.student("榆槐二贫", at=world.here.primary, home="620123100201", categories=("registered_poor",), born=date(2011, 3, 4))
    make.recompute()
    content = county_form(_drawn)
    with act_as("maker"):
        form = received(content)
        assert form.seen["lost"] == []
        form = countyform.save(form, shape(), {}, now=NOW)
        issue, book = issued(form)
        with open_file(issue) as file:
            parts = _parts(file.read())
    page = book["附件1"]
    assert page["B6"].value == "榆槐二贫"  # two rows: what stood below the sample row is one lower
    places = {(image.anchor._from.row + 1, image.anchor._from.col + 1): image for image in page._images}
    assert set(places) == {(1, 8), (9, 5)}
    before = {name: data for name, data in _parts(content).items() if name.endswith(".png")}
    kept = {name: data for name, data in parts.items() if name.endswith(".png")}
    assert sorted(before.values()) == sorted(kept.values())
    assert {cell.coordinate: cell.comment.text for row in page.iter_rows() for cell in row if cell.comment} == {
        "A3": "表头批注", "A8": "落款批注",
    }  # fmt: skip
    notes = next(data.decode() for name, data in parts.items() if name.endswith(".vml"))
    assert re.findall(r"Row>(\d+)<", notes) == ["2", "7"]
    assert [(str(rule.sqref), rule.formula1) for rule in page.data_validations.dataValidation] == [("G5:G6", '"无,有"')]
    assert [str(found.sqref) for found in page.conditional_formatting] == ["F5:F6"]


def test_what_can_t_be_kept_is_said_at_the_upload(act_as: ActAs, world: World) -> None:
    def charted(book: Workbook) -> None:
        chart = BarChart()
        chart.add_data(Reference(book.active, min_col=6, min_row=5))
        book.active.add_chart(chart, "H9")

    content = _parts(county_form(charted))
    sheet = "xl/worksheets/sheet1.xml"
    list_elsewhere = b'<x14:dataValidations xmlns:x14="x"><x14:dataValidation/></x14:dataValidations>'
    more = b'<extLst><ext uri="{CCE6A557-97BC-4b89-ADB6-D9C93CAAB3DF}">' + list_elsewhere + b"</ext></extLst>"
    content[sheet] = content[sheet].replace(b"</worksheet>", more + b"</worksheet>")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    with act_as("maker"):
        form = received(out.getvalue())
        assert form.seen["lost"] == ["图表、带链接的图形和同一工作表里的图片", "引用其他工作表的下拉列表（数据有效性）"]
        _issue, book = issued(countyform.save(form, shape(), {}, now=NOW))
    assert book["附件1"]._charts == []


def _parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_heads_of_pages_are_filled_and_nothing_of_the_form_s_maker_stays(world: World, act_as: ActAs) -> None:
    def change(book: Workbook) -> None:
        book.active.oddHeader.center.text = "{{填报单位}} R&&D {{行数}} 人"
        book.properties.keywords, book.properties.description = "620123201005010011", "张三 13800001234"

    make.recompute()
    with act_as("maker"):
        form = countyform.save(received(county_form(change)), shape(), {}, now=NOW)
        _, book = issued(form)
    assert book.worksheets[0].oddHeader.center.text == "榆中县学生资助管理中心 R&&D 1 人"
    assert (book.properties.keywords, book.properties.description) == (None, None)


def test_a_declaration_in_another_encoding_is_seen_too() -> None:
    said = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY a "b">]><styleSheet/>'.encode("utf-16")
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(county_form())) as was, zipfile.ZipFile(out, "w") as now:
        for name in was.namelist():
            now.writestr(name, said if name == "xl/styles.xml" else was.read(name))
    file = upload(out.getvalue())
    with pytest.raises(Refused, match="不该有的内容"), countyform.in_memory(file) as opened:
        countyform.looked_at(opened)
