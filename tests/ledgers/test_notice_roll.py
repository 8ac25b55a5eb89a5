"""公示表: what stood before the public, as it stood there, and nothing that did not."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone

from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from students.models import Student
from subsidies.casework.noticelists import WHITELIST, WITHDRAWN, heads, table
from subsidies.models import NoticeLine, PublicNotice
from tests.ledgers.conftest import ActAs
from tests.ledgers.test_care import rows as shown
from tests.personas import TERM, World

HERE, THERE = "/62/6201/620123/", "/62/6201/620121/"
LEDGER = LEDGERS["notice-roll"]
ENDS = timezone.make_aware(datetime(2018, 10, 16))  # 24:00 of the 15th


def published(world: World, kind: str, state: str = "published") -> PublicNotice:
    """With a line that stands, one that was struck and one whose application was withdrawn; every column is filled."""
    frozen = (
        {"published_on": date(2018, 10, 8), "ends_at": ENDS, "sha256": "0" * 64, "published_by": "乙"}
        if state != "draft"
        else {}
    )
    made = PublicNotice(
        kind=kind, state=state, office=world.here.office, path=HERE, term=TERM.code, title=f"{kind} {state}", hotline="0931-1",
        made_by="甲", **frozen,
    )  # fmt: skip
    made.save()
    child: Student = world.here.students[0]
    for order, (name, line_state) in enumerate((("甲生", "standing"), ("乙生", "removed"), ("丙生", "withdrawn")), 1):
        NoticeLine(
            notice=made, order=order, name=name, school="中心小学", grade="三年级", class_name="1班", level="hard",
            benefit="寄宿补助", amount=Decimal("625.50"), role="家长", state=line_state, student=child,
        ).save()  # fmt: skip
    return made


def test_the_ledger_shows_what_the_notice_showed(world: World, act_as: ActAs) -> None:
    notices = {kind: published(world, kind) for kind in ("determination", "benefit", "funds", "panel")}
    for state in ("draft", "previewed", "recalled"):
        published(world, "benefit", state)
    published(world, "determination", "archived")
    with act_as("maker"):
        [ledger] = LEDGER.tables(TERM, area_at(HERE))
        found = shown(ledger)
        assert {row["公示标题"] for row in found} == {
            "determination published", "benefit published", "funds published", "determination archived",
        }  # fmt: skip
        assert "乙生" not in {row["姓名"] for row in found}
        assert ledger.totals() == {"rows": 8, "金额": Decimal("1251.00")}
        for kind, notice in notices.items():
            mine = [row for row in found if row["公示标题"] == notice.title]
            public = {row[1] for row in table(notice)} if kind != "panel" else set()
            assert {row["姓名"] for row in mine} == public
            told = {name for row in mine for name in ("认定档次", "资助项目", "金额") if row[name] not in ("", None)}
            wanted = {"等级": "认定档次", "资助项目": "资助项目", "金额（元）": "金额"}
            assert told <= {wanted.get(head) for head in heads(kind)}
        [gone] = [row for row in found if row["公示标题"] == "benefit published" and row["姓名"] == WITHDRAWN]
        assert (gone["学校"], gone["年级"], gone["班级"], gone["资助项目"], gone["金额"]) == ("", "", "", "", None)
        first = found[0]
        assert (first["公示起"], first["公示止"], first["监督电话"]) == (
            date(2018, 10, 8),
            date(2018, 10, 15),
            "0931-1",
        )
        labels = {"name": "姓名", "school": "学校", "grade": "年级", "class_name": "班级", "level": "认定档次",
                  "benefit": "资助项目", "amount": "金额"}  # fmt: skip
        of_lines = {labels[name] for kind in ("determination", "benefit", "funds") for name, _ in WHITELIST[kind]}
        assert {column.name for column in ledger.columns if column.path[0] == "公示名单"} == of_lines
        sheet = list(ledger.sheet(None, unmasked=True).rows)
        assert {row[-1] for row in sheet} == {""}  # no key that tells which lines are one child's
        assert not any(world.here.students[0].person.id_number in map(str, row) for row in sheet)
    with act_as("other_maker"):
        assert LEDGER.tables(TERM, area_at(THERE))[0].size() == 0
