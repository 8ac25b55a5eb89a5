"""A small computed county: children of two schools with cards, whose lists have been announced, and money to pay them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aidcases.models import School
from aidcases.terms import Term
from students.models import Student
from subsidies.actions import adopt_pack, publish
from subsidies.models import Benefit, Entitlement, Indicator, NoticeLine, PaymentBatch, PublicNotice
from subsidies.models.notices import NoticeKind
from subsidies.payments import batches, indicators
from tests import make
from tests.casework import build
from tests.casework.conftest import Crew

TERM = Term.parse("2026-autumn")
TODAY = date(2026, 11, 2)

# 生活补助 by itself, 助学金 after an application, 免费 from which the school has its fees back, 午餐 in kind for everybody.
PACK = """
[pack]
code = "test-pay"
title = "试行资助"
document = "试"
[[rule]]
code = "test-boarding"
benefit = "compulsory-boarding"
title = "生活补助"
clause = "一"
note = "每学期 625 元"
when = { stage = ["primary"] }
amount = { kind = "fixed", period = "term", values = [{ yuan = "625.00" }] }
shares = { central = 50, province = 33, county = 17 }
[[rule]]
code = "test-grant"
benefit = "senior-grant"
title = "助学金"
clause = "二"
note = "每学期 1000 元"
when = { determination = ["special", "hard", "ordinary"] }
claim = "application"
amount = { kind = "fixed", period = "term", values = [{ yuan = "1000.00" }] }
[[rule]]
code = "test-fee"
benefit = "senior-fee"
title = "免学费"
clause = "三"
note = "每学期 400 元"
when = { stage = ["primary"] }
delivery = "fee_waiver"
universal = true
amount = { kind = "fixed", period = "term", values = [{ yuan = "400.00" }] }
"""


@dataclass
class Paying:
    """`children` by name. Whoever is in `children` has a card and an announced list, unless a test takes it away."""

    crew: Crew
    children: dict[str, Student] = field(default_factory=dict)

    @property
    def bank(self) -> list[Benefit]:
        return [benefit("compulsory-boarding"), benefit("senior-grant")]


def benefit(code: str) -> Benefit:
    return Benefit.objects.get(code=code)


def paying(crew: Crew, names: Iterable[str] = ("甲一", "甲二", "甲三", "乙一", "乙二")) -> Paying:
    """Children whose names begin with 乙 study at the second school; 甲一 is determined and has the grant too."""
    publish(PACK)
    adopt_pack("test-pay", region=make.region("6201"), from_on=TERM.first_day)
    made = Paying(crew)
    for name in names:
        made.children[name] = child(crew.second if name.startswith("乙") else crew.school, name)
    make.determination(made.children["甲一"].enrolments.get())
    make.recompute(TERM.code)
    announce(crew, Entitlement.objects.filter(rule__universal=False))
    return made


def child(at: School, name: str) -> Student:
    who = build.student(name, at=at)
    make.account(who)
    return who


def announce(crew: Crew, rows: object, *, state: str = "over") -> PublicNotice:
    """A list of those aided whose period is over."""
    made = PublicNotice(
        kind=NoticeKind.BENEFIT, office=crew.county, path=crew.county.path, term=TERM.code, title="受助名单", state=state,
        hotline="0931-5221234", made_by="甲", published_by="乙", published_on=TODAY, ends_at=timezone.now(), sha256="0" * 64,
    )  # fmt: skip
    made.save()
    for order, row in enumerate(rows.select_related("student__person"), 1):
        NoticeLine(
            notice=made, order=order, name=row.student.person.name, student=row.student, about=row.benefit,
            benefit="资助", amount=row.amount,
        ).save()  # fmt: skip
    return made


def money(paid: Paying, code: str, yuan: str, **also: object) -> Indicator:
    """An indicator of the county, by its head."""
    given = {"document": "榆财教〔2026〕1号", "issued_on": date(2026, 9, 10), **also}
    with paid.crew.acting("county_head"):
        return indicators.enter(office=paid.crew.county, term=TERM, benefit=benefit(code), yuan=Decimal(yuan), **given)


def prepared(paid: Paying, channel: str = "bank", **also: object) -> PaymentBatch:
    benefits = paid.bank if channel == "bank" else [benefit("senior-fee")]
    with paid.crew.acting("county_maker"):
        return batches.prepare(
            office=paid.crew.county, term=TERM, channel=channel, bank="social-card" if channel == "bank" else "",
            **{"benefits": benefits, **also},
        )  # fmt: skip


def agreed(paid: Paying, made: PaymentBatch) -> PaymentBatch:
    """Every school has looked through its part."""
    for persona in ("school_checker", "second_checker"):
        with paid.crew.acting(persona):
            for part in made.parts.model.objects.filter(batch=made, agreed_at=None).select_related("batch"):
                batches.agree(part)
    made.refresh_from_db()
    return made


def approved(paid: Paying, made: PaymentBatch, persona: str = "county_head") -> PaymentBatch:
    with paid.crew.acting(persona):
        return batches.approve(agreed(paid, made), "榆资发〔2026〕1号")


def asks(client: Client, url: str) -> int:
    """Queries of a page, seen once before; its own transaction (a savepoint in tests) costs no look-up."""
    client.get(url)
    with CaptureQueriesContext(connection) as caught:
        assert client.get(url).status_code == 200
    spare = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SET LOCAL", "CLOSE")
    return sum(not query["sql"].startswith(spare) for query in caught)
