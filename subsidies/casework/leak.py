"""The gate before anything is made public: looks through page, poster and sheet for what must never stand there
(教财厅函〔2017〕28号: no ID, address, phone, birth date, card; nothing that tells a child's category or illness)."""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from html.parser import HTMLParser
from io import BytesIO
from xml.etree import ElementTree

CATEGORY = re.compile(
    "残疾|残障|孤儿|孤残|无人抚养|低保|特困|五保|建档立卡|脱贫|监测对象|监测户|易致贫|返贫|突发严重困难|刚性支出|低收入"
    "|烈士|单亲|留守|易地搬迁|扶贫搬迁|贫困户|困境儿童|优抚"
)
_ILLNESS = re.compile("疾病|重病|大病|患病|慢病|病种|癌|白血病|尿毒症|透析|精神障碍|艾滋")
_LABEL = re.compile(
    "身份证|证件号|学籍号|银行卡|卡号|账号|帐号|开户|手机|联系方式|家长姓名|监护人|出生|生日|住址|家庭地址|户籍|致贫原因"
)
_ADDRESS = re.compile(
    r"\d+\s*(?:号院|号楼|栋|幢|单元|室|弄)|(?:路|街|巷|道|村|社区|组|社|队|屯)\s*\d+\s*(?:号|组|社|队|户)"
    r"|村[^\s,。;、]{0,6}[一二三四五六七八九十\d]\s*(?:组|社|队)"
    r"|(?:省|市|县|区)[^\s,。;、]{0,12}(?:乡|镇|街道)[^\s,。;、]{0,12}(?:村|社区|路|街)"
)
_DATE = re.compile(
    r"(?<!\d)((?:19|20)\d\d)(?:[-/.]|\s*年\s*)(\d{1,2})(?:(?:[-/.]|\s*月\s*)(\d{1,2}))?(?!\d)(?:T\d\d:\d\d:\d\d(?:Z|\+\d\d:\d\d))?"
)
_SCHOOL_YEAR = re.compile(r"20\d\d\s?[-–—~]\s?20\d\d\s?学年")
_MONEY = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3}){0,2}\.\d\d(?![\d,.])")
_RUN = re.compile(r"\d(?:[ \t\-–—_.·/,:()*#]{0,2}\d)*[Xx]?")
_STARRED = re.compile(r"\d\s?\*{2,}|\*{2,}\s?\d")
_NUMERALS = str.maketrans("〇零○一二三四五六七八九幺", "0001234567891")
_NUMERAL_RUN = re.compile("[〇零○一二三四五六七八九幺]{7,}")
LONGEST = 6  # digits in a row that are nobody's number
INFANT = timedelta(days=730)  # an earlier date could be a child's birth


@dataclass(frozen=True)
class Leak:
    """What was found: in which layer, as what, and the words, masked, so that the report does not leak them again."""

    where: str
    kind: str
    sample: str

    def __str__(self) -> str:
        return f"{self.where}里的“{self.sample}”：{self.kind}"


@dataclass(frozen=True)
class Allowed:
    """Exact values that may stand there. `numbers`: hotline, document number, school codes, the page's own key.
    `names`: of schools and offices, excused for words like 特困 or 村 in them, never for numbers."""

    today: date
    numbers: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    columns: tuple[str, ...] = field(default=())

    def without_numbers(self, text: str) -> str:
        for value in sorted(self.numbers, key=len, reverse=True):
            if value:
                text = re.sub(rf"(?<![0-9]){re.escape(plain(value))}(?![0-9])", "◇", text)
        return text

    def without_names(self, text: str) -> str:
        for name in sorted(self.names, key=len, reverse=True):
            text = text.replace(plain(name), "◇") if name else text
        return text


def plain(text: str) -> str:
    """Full-width as half-width; without characters nobody sees; with seven or more Chinese numerals as digits."""
    text = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return _NUMERAL_RUN.sub(lambda run: run[0].translate(_NUMERALS), text)


def scan(text: str, where: str, allowed: Allowed) -> list[Leak]:
    """Everything in a text that may not be public; a number does not run on over the end of a line."""
    text = plain(text)
    lines = dict.fromkeys(allowed.without_numbers(text).splitlines())
    found = [leak for line in lines for leak in _numbers(line, where, allowed.today)]
    # Blanks between the characters of a word don't make it another word.
    lines = dict.fromkeys(re.sub(r"[^\S\n]+", "", allowed.without_names(text)).splitlines())
    return list(dict.fromkeys([*found, *(leak for line in lines for leak in _words(line, where))]))


_WORDS = ((CATEGORY, "会暴露学生的困难类别"), (_ILLNESS, "涉及疾病"), (_LABEL, "是不能公示的内容"))


def _words(line: str, where: str) -> Iterator[Leak]:
    for pattern, kind in _WORDS:
        yield from (Leak(where, kind, match[0]) for match in pattern.finditer(line))
    yield from (Leak(where, "像住址", f"{match[0][:2]}…") for match in _ADDRESS.finditer(line))


def _numbers(line: str, where: str, today: date) -> Iterator[Leak]:
    if len(line) <= LONGEST and line.isascii():
        return
    if starred := _STARRED.search(line):
        yield Leak(where, "像遮盖过的号码，遮盖过的也不能公示", starred[0])
    line = _SCHOOL_YEAR.sub("◇", line)
    for match in _DATE.finditer(line):
        if (day := _day(match)) and day < today - INFANT:
            yield Leak(where, "像出生日期（引用文件请只写文号）", f"{match[1]}年…")
    line = _MONEY.sub("◇", _DATE.sub(lambda match: "◇" if _day(match) else match[0], line))
    for run in _RUN.finditer(line):
        digits = re.sub(r"\D", "", run[0])
        if len(digits) > LONGEST:
            yield Leak(where, _kind(digits, run[0]), f"{digits[:3]}…{digits[-1]}")


def _day(match: re.Match[str]) -> date | None:
    try:
        return date(int(match[1]), int(match[2]), int(match[3] or 1))
    except ValueError:
        return None


def _kind(digits: str, written: str) -> str:
    if len(digits) == 11 and digits[0] == "1":
        return "像手机号"
    if len(digits) in (15, 18) or (len(digits) == 17 and written[-1] in "xX"):
        return "像身份证号"
    if len(digits) in (16, 17, 19):
        return "像银行卡号"
    if len(digits) == 8 and digits[:2] in ("19", "20"):
        return "像出生日期或号码"
    return "像电话号码" if len(digits) <= 12 else "像证件号码"


# --- the page ------------------------------------------------------------------------------------------------------

_BLOCKS = frozenset({
    "html", "head", "title", "body", "header", "main", "footer", "section", "article", "div", "p", "ul", "ol", "li", "dl",
    "dt", "dd", "table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th", "h1", "h2", "h3", "h4", "form", "br", "hr",
    "aside", "nav",
})  # fmt: skip


class _Page(HTMLParser):
    """Texts of blocks (inline tags do not part a number), attributes and comments; heads of the table."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.texts: list[tuple[str, str]] = []
        self.heads: list[str] = []
        self._text: list[str] = []
        self._in_head = False
        self.scripts = 0
        self.feed(html)
        self.close()
        self._flush()

    def _flush(self) -> None:
        text = "".join(self._text).strip()
        self._text = []
        if text:
            self.texts.append(("网页", text))
            if self._in_head:
                self.heads.append(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self._flush()
        self._in_head = tag == "th" and ("scope", "col") in attrs if tag in _BLOCKS else self._in_head
        self.scripts += tag in ("script", "style", "iframe", "object", "img", "svg")
        self.texts += [("网页的标签", value) for _, value in attrs if value]

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._flush()
            self._in_head = False

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    def handle_comment(self, data: str) -> None:
        self.texts.append(("网页的注释", data))


def scan_page(html: str, allowed: Allowed) -> list[Leak]:
    """The page as it is served: text, attributes, comments; its columns; nothing that runs or is fetched."""
    page = _Page(html)
    layers = dict.fromkeys(where for where, _ in page.texts)
    texts = {layer: "\n".join(dict.fromkeys(text for where, text in page.texts if where == layer)) for layer in layers}
    found = [leak for where, text in texts.items() for leak in scan(text, where, allowed)]
    found += _columns(page.heads, "网页", allowed)
    if page.scripts:
        found.append(Leak("网页", "公示页不能有脚本、样式、图片或内嵌网页", "标签"))
    return list(dict.fromkeys(found))


def _columns(heads: Iterable[str], where: str, allowed: Allowed) -> list[Leak]:
    """Only the columns of the whitelist, in its order."""
    given = tuple(heads)
    if given == allowed.columns:
        return []
    extra = [head for head in given if head not in allowed.columns]
    return [Leak(where, "名单的列不对，只能有规定的列", "、".join(extra or given)[:40] or "没有表头")]


# --- the poster ----------------------------------------------------------------------------------------------------

_XMP = re.compile(rb"<x:xmpmeta.*?</x:xmpmeta>", re.S)
_IMAGE = re.compile(rb"/Subtype\s*/Image\b")
_OURS_IN_XMP = re.compile(r'xmlns:\w+="[^"]*"|<stEvt:instanceID>[^<]*|<xmpMM:(?:Instance|Document)ID>[^<]*')


def scan_pdf(pdf: bytes, allowed: Allowed) -> list[Leak]:
    """Text of every page, document properties, XMP; no notes, no attached files."""
    import pypdfium2
    import pypdfium2.raw as pdfium

    found: list[Leak] = []
    document = pypdfium2.PdfDocument(pdf)
    try:
        for page in document:
            text = page.get_textpage()
            found += scan(text.get_text_bounded(), "海报", allowed)
            text.close()
            if pdfium.FPDFPage_GetAnnotCount(page):
                found.append(Leak("海报", "文件里不能有批注", "批注"))
            page.close()
        stamps = ("CreationDate", "ModDate")
        for name, value in document.get_metadata_dict().items():
            found += [] if name in stamps and value.startswith("D:20") else scan(value, "海报的文件属性", allowed)
        if _IMAGE.search(pdf):
            found.append(Leak("海报", "文件里不能有图片", "图片"))
        if document.count_attachments():
            found.append(Leak("海报", "文件里不能有附件", "附件"))
    finally:
        document.close()
    for packet in _XMP.findall(pdf):
        words = re.sub(r"<[^>]*>", "\n", _OURS_IN_XMP.sub("", packet.decode("utf-8", "replace")))
        found += scan(words, "海报的文件属性", allowed)
    return list(dict.fromkeys(found))


# --- the sheet -----------------------------------------------------------------------------------------------------

PARTS = frozenset({
    "[Content_Types].xml", "_rels/.rels", "docProps/app.xml", "docProps/core.xml", "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels", "xl/styles.xml", "xl/theme/theme1.xml", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml",
})  # fmt: skip
# Colours, widths and addresses of schemas: digits in plenty, words of nobody.
_NOISE = frozenset({"rgb", "width", "ht", "Type", "Target", "ContentType", "PartName", "panose"})
_MOST_YUAN = 1_000_000  # for one child
_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
FIRST_COLUMN = "序号"


def scan_sheet(content: bytes, allowed: Allowed) -> list[Leak]:
    """Every part of an .xlsx: cells, hidden or not, properties, names, styles; no comment, no part of another kind."""
    from openpyxl.writer.theme import theme_xml  # openpyxl takes a fifth of a second to import

    found: list[Leak] = []
    with zipfile.ZipFile(BytesIO(content)) as parts:
        names = set(parts.namelist())
        found += [Leak("表格文件", "文件里不能有批注、图片、自定义属性等", name) for name in sorted(names - PARTS)]
        found += scan(parts.comment.decode("utf-8", "replace"), "表格文件的说明", allowed)
        for name in sorted(names):
            content = parts.read(name)
            if name.endswith((".xml", ".rels", ".vml")) and content != theme_xml.encode():
                found += _part(name, content, allowed)
    return list(dict.fromkeys(found))


def _part(name: str, content: bytes, allowed: Allowed) -> list[Leak]:
    """Texts and attributes of one part; in the list itself also its columns and that nothing is hidden."""
    where = "表格的文件属性" if name.startswith("docProps/") else "表格"
    texts: list[str] = []
    found: list[Leak] = []
    for element in ElementTree.fromstring(content).iter():
        texts += [value for key, value in element.attrib.items() if key not in _NOISE]
        if element.get("hidden") in ("1", "true") or element.get("state") in ("hidden", "veryHidden"):
            found.append(Leak(where, "不能有隐藏的行、列或工作表", element.tag.rpartition("}")[2]))
        if element.text and not _amount(element.tag, element.text):
            texts.append(element.text)
    found += scan("\n".join(dict.fromkeys(texts)), where, allowed)
    if name == "xl/worksheets/sheet1.xml":
        found += _columns(_header(content), "表格", allowed)
    return found


def _amount(tag: str, text: str) -> bool:
    """A cell's number as it is stored, 1250 or 1250.5, small enough to be a child's yuan."""
    return tag.endswith("}v") and re.fullmatch(r"\d+(\.\d\d?)?", text) is not None and float(text) < _MOST_YUAN


def _header(sheet: bytes) -> list[str]:
    """Texts of the row that begins with the first column's head."""
    for row in ElementTree.fromstring(sheet).iter(f"{_SHEET}row"):
        cells = ["".join(cell.itertext()) for cell in row.iter(f"{_SHEET}c")]
        if cells and cells[0] == FIRST_COLUMN:
            return cells
    return []
