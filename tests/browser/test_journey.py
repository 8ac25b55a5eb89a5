"""The county clerk's whole way on the sample county: nine rosters in, computed, somebody found, a ledger out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import expect

from aidcases.models import AuditEvent
from students.models import ImportFile
from tests.browser.databases import COUNTY, TERM, offices
from tests.browser.desk import Desk
from tests.browser.sheets import records_of, rows_of
from tests.students import rosters
from tests.students.rosters import SAMPLE, SAMPLE_FILES

FILL = offices
ANSWERS = json.loads((SAMPLE / "expected.json").read_text())
IN_BROWSER = ("schools", "poverty", "roll")
LOAN = "lz-loan"  # may be applied for; not money that is due
# A boarder of a senior school, on the poverty register.
NAME, INITIALS, NUMBER = "尹磊宁", "yln", "62012320030428392X"


def test_from_rosters_to_the_ledger(desk: Callable[..., Desk], tmp_path: Path):
    clerk = desk()
    sign_in_after_a_wrong_password(clerk)
    for kind in IN_BROWSER:
        bring_in(clerk, kind, tmp_path)
    for kind in SAMPLE_FILES.keys() - set(IN_BROWSER):
        rosters.bring_in(kind, SAMPLE_FILES[kind], county=COUNTY, term=TERM)
    compute(clerk)
    find(clerk)
    read_why(clerk)
    reveal(clerk)
    issue(clerk, tmp_path)


def sign_in_after_a_wrong_password(clerk: Desk) -> None:
    page = clerk.go("/imports/")
    clerk.fill_in_login("maker", "not this one")
    expect(page.get_by_role("alert")).to_be_visible()
    clerk.check()
    clerk.fill_in_login("maker")
    page.wait_for_url("**/imports/")  # where they wanted to go
    expect(page.get_by_text("还没有导入名单")).to_be_visible()
    clerk.check()


def bring_in(clerk: Desk, kind: str, folder: Path) -> None:
    """Upload, preview, the file back where rows were sent back, confirmation."""
    clerk.menu("名单和学生", "名单导入")
    clerk.page.get_by_role("link", name="导入名单").first.click()
    clerk.upload(kind, SAMPLE_FILES[kind], TERM)
    page = clerk.page
    expect(page.get_by_role("button", name="确认入库")).to_be_visible()
    rows = len(records_of(SAMPLE_FILES[kind]))
    expect(page.get_by_text(f"全部 {rows} 行")).to_be_visible()
    if kind == "poverty":
        look_at_the_rejected(clerk, folder)
    clerk.check()
    clerk.press("确认入库")
    expect(page.locator("h1 + .pill")).to_have_text("已入库")
    assert ImportFile.objects.get(kind=kind).counts["rows"] == rows


def look_at_the_rejected(clerk: Desk, folder: Path) -> None:
    """815 rows, two of them sent back: one digit is wrong, Excel has eaten the other number's end."""
    page = clerk.page
    clerk.picture("import-preview")
    figures = [stat.inner_text() for stat in page.locator(".stat").all()]
    assert figures == ["新增\n812行", "变更\n0行", "无变化\n1行", "待核对\n0行", "退回\n2行"]
    page.get_by_role("link", name="退回").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody")).to_contain_text("校验位不对")
    expect(page.locator("tbody")).to_contain_text("被 Excel 变成了数字")
    clerk.press("生成退回文件")
    with page.expect_download() as download:
        page.get_by_role("link", name="下载退回文件").click()
    download.value.save_as(folder / "returned.xlsx")
    returned = records_of(folder / "returned.xlsx")
    told = [(row["姓名"], row["原因"]) for row in returned if row["原因"]]
    assert [name for name, _ in told] == ["数字损", "校验错"]


def compute(clerk: Desk) -> None:
    page = clerk.page
    clerk.menu("资助和发放", "测算")
    clerk.press("测算")
    page.locator("tbody tr a[data-open]").first.click()
    expect(page.get_by_role("heading", name="校验证书")).to_be_visible()
    found = {}
    for row in page.locator("table").first.locator("tbody tr").all():
        code = row.locator("a").get_attribute("href").split("/")[2]
        students, amount = (row.locator(".num").nth(n).inner_text() for n in (0, 1))
        found[code] = {"students": int(students), "amount": amount}
    told = {code: shown(line["amount"]) for code, line in ANSWERS["totals"].items()}
    told[LOAN] = f"最多 {told[LOAN]}"
    assert found == {code: {**line, "amount": told[code]} for code, line in ANSWERS["totals"].items()}
    clerk.picture("run")
    clerk.check()


def shown(amount: str) -> str:
    """As pages show money; a benefit in kind has none."""
    return f"￥{Decimal(amount):,.2f}" if Decimal(amount) else "—"


def find(clerk: Desk) -> None:
    """By pinyin initials and by the last four digits; neither name nor number stands in an address."""
    for typed in (INITIALS, NUMBER[-4:], NUMBER):
        clerk.page.keyboard.press("/")
        clerk.search(typed)
        hit = clerk.page.get_by_role("link", name=NAME, exact=True)
        expect(hit).to_be_visible()
        assert typed not in clerk.page.url
    clerk.check()
    hit.click()
    expect(clerk.page.locator("h1")).to_have_text(NAME)
    assert re.fullmatch(r"/students/\d+/", clerk.path())


def read_why(clerk: Desk) -> None:
    page = clerk.page
    clerk.picture("student")
    clerk.check()
    page.get_by_role("link", name="为什么享受、为什么不享受").click()
    clerk.picture("why")
    clerk.check()


def reveal(clerk: Desk) -> None:
    """A number in clear needs a purpose, which is recorded."""
    page = clerk.page
    page.go_back()
    assert NUMBER not in page.content()
    page.get_by_role("button", name="查看证件号码").click()
    page.get_by_role("button", name="核对身份").click()
    expect(page.get_by_text(NUMBER)).to_be_visible()
    event = AuditEvent.objects.get(action="secret.reveal")
    assert (event.actor, event.note, event.data) == ("甲经办", "核对身份", {"what": "id"})


def issue(clerk: Desk, folder: Path) -> None:
    """The register of poor children: its rows and its money are those of the rosters and of the answers."""
    page = clerk.page
    clerk.menu("台账和推进", "台账")
    page.get_by_role("link", name="建档立卡贫困受教育人口基本信息台账").click()
    before = page.locator("main").inner_text()
    clerk.picture("ledger")
    clerk.check()
    page.locator("#id_purpose").fill("核对学籍和资助名单")
    clerk.press("生成台账")
    expect(page.get_by_role("button", name="下载")).to_be_visible()
    clerk.check()
    with page.expect_download() as download:
        clerk.press("下载")
    download.value.save_as(folder / "ledger.xlsx")
    rows = [row for row in rows_of(folder / "ledger.xlsx") if isinstance(row[0], int)]
    assert f"共 {len(rows)} 行" in before
    assert f"{len(rows)} 行" in page.locator("main").inner_text()
    heads = rows_of(folder / "ledger.xlsx")[3]
    school, amount = heads.index("学校名称"), heads.index("本学期资助金额")
    poor = ANSWERS["entitlements"].keys() & {row["证件号码"] for row in records_of(SAMPLE_FILES["poverty"])}
    due = [Decimal(sum_) for number in poor for rule, sum_ in ANSWERS["entitlements"][number].items() if sum_ and rule != LOAN]
    assert len([row for row in rows if row[school]]) == len(poor)
    assert sum(Decimal(str(row[amount])) for row in rows if row[amount]) == sum(due)
