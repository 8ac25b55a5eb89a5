"""What the demo's county pays in the term: cards, money, a batch that came back from the bank, others under way."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from random import Random
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Count, Sum
from django.utils import timezone

from aidcases import jobs
from aidcases.models import Organisation
from aidcases.roles import Role
from aidcases.scoping import EVERYWHERE, SYSTEM, acting_in
from students.demo.names import Names
from students.models import Account, Enrolment, Student
from students.models.accounts import AccountState
from subsidies.actions import determine
from subsidies.casework import anew, notices
from subsidies.demo import giving
from subsidies.demo.county import Centre
from subsidies.demo.school import SMALL, SchoolYear, at_work
from subsidies.enums import DeterminedBy, Level
from subsidies.models import Application, BatchPart, Benefit, Payment, PaymentBatch, PublicNotice, Recovery, Sending
from subsidies.models.notices import NoticeKind, NoticeState
from subsidies.models.payments import Channel
from subsidies.payments import accountlists, accounts, batches, bounces, files, funnel, indicators, recovering, returns

BANK, PROFILE = "榆中县农村信用合作联社", "rural-credit"
HOTLINE = "0931-5225100"
SIGNED = "校长签字的名单已收到，存县中心。"
WAIVED = ("senior-fee", "vocational-fee")  # settled with a handful of schools
WHY = ("账户未激活", "户名与账号不符")  # the first is put right
MOST_SIGNED = 5  # schools whose paper has come in while a batch waits


@dataclass
class Paying:
    """The county's office, its school with accounts, and who of its children is aided in cash."""

    centre: Centre
    year: SchoolYear
    today: date
    rng: Random = field(init=False)
    numbers: int = 0
    documents: int = 0

    def __post_init__(self) -> None:
        self.rng = Random(f"{self.year.seed}-cards-{self.centre.term.code}")

    @property
    def office(self) -> Organisation:
        return self.centre.office

    def checker(self) -> Any:
        return at_work(self.office, Role.COUNTY_CHECKER)

    # ---------- cards ----------

    def aided(self) -> list[Student]:
        """Children of the county's schools with something in cash, by school."""
        rows = funnel.offered(self.office.path, self.centre.term, Channel.BANK).order_by().values("student")
        found = Student.objects.filter(pk__in=rows).select_related("person")
        return list(found.defer("roll_number").order_by("person__school_path", "pk"))

    def register(self, children: Sequence[Student], *, shared: bool = False) -> None:
        """A list of their cards, every eleventh missing; `shared`: the last two have the same. Whoever acts."""
        names, rows = Names(self.rng, "62"), []
        for place, child in enumerate(children, 1):
            if place % 11 == 0:
                continue
            person, own = child.person, place % 3
            holder = person.name if own else names.elder(names.line("汉族"), True)
            rows.append({
                "row": place + 1, "name": person.name, "id": person.id_number, "bank": BANK, "holder": holder,
                "number": self.number(), "relation": "本人" if own else "父亲",
            })  # fmt: skip
        if shared and len(rows) > 1:
            rows[-1]["number"] = rows[-2]["number"]
        accountlists.propose_all(rows, self.today - timedelta(days=30))

    def number(self) -> str:
        """Of a card of the card union, with its check digit."""
        self.numbers += 1
        first = f"621061{self.rng.randrange(10**6):06d}{self.numbers:06d}"
        return next(full for n in range(10) if not accounts.wrong_number(full := f"{first}{n}"))

    def confirm(self) -> None:
        """What nothing speaks against; the others wait for whoever looks into them."""
        accounts.confirm(Account.objects.filter(state=AccountState.PROPOSED, alarm=""), day=self.today)

    # ---------- the list and the money ----------

    def announce(self) -> bool:
        """Those aided, so long ago that the period is over; False where nobody knows yet which days are worked."""
        term, day = self.centre.term, self.today - timedelta(days=9)
        with self.centre.maker() as by:
            made = notices.draft(NoticeKind.BENEFIT, office=self.office, term=term, by=by)
            made = notices.edit(made, by=by, hotline=HOTLINE, document="榆资公示〔受助〕1号")
            while notices.days_of(made, day) >= self.today:
                day -= timedelta(days=1)
            made = notices.preview(made, by=by, today=day)
        with self.centre.head() as by:
            made = notices.publish(made, by=by, today=day, small_groups=SMALL)
        return self.ended(made)

    def ended(self, notice: PublicNotice) -> bool:
        notices.end_due(now=timezone.now(), by=SYSTEM)
        notice.refresh_from_db()
        return notice.state == NoticeState.OVER

    def money(self, benefits: Sequence[Benefit], channel: Channel) -> None:
        """What all of it takes and a tenth more, in whole thousands; of the first half before the term's own money."""
        rows = funnel.offered(self.office.path, self.centre.term, channel).order_by()
        day = self.centre.term.first_day + timedelta(days=9)
        with self.centre.head():
            for place, benefit in enumerate(benefits, 1):
                due = rows.filter(benefit=benefit).aggregate(yuan=Sum("amount"))["yuan"] or Decimal(1)
                yuan = (due * 11 / 10000).to_integral_value(ROUND_CEILING) * 1000
                indicators.enter(
                    office=self.office, term=self.centre.term, benefit=benefit, yuan=yuan, issued_on=min(day, self.today),
                    document=f"榆财教〔{day.year}〕{40 + self.documents + place}号", arrived_on=min(day, self.today),
                )  # fmt: skip
        self.documents += len(benefits)

    # ---------- batches ----------

    def prepare(self, benefits: Sequence[Benefit], channel: Channel = Channel.BANK) -> PaymentBatch:
        with self.centre.maker():
            return batches.prepare(
                office=self.office, term=self.centre.term, channel=channel, benefits=benefits, bank=PROFILE,
                poverty_check=False, day=self.today,
            )  # fmt: skip

    def agree(self, batch: PaymentBatch, most: int | None = None) -> None:
        """The school with accounts looks itself, the others have signed on paper; `most`: so many of these have so far,
        and the school has not looked yet."""
        if most is None:
            with self.year.head():
                for part in BatchPart.objects.filter(batch=batch, school=self.year.school, agreed_at=None):
                    batches.agree(part)
        with self.centre.maker():
            others = BatchPart.objects.filter(batch=batch, agreed_at=None).exclude(school=self.year.school)
            for part in others.select_related("batch").order_by("school_path")[:most]:
                batches.agree_instead(part, SIGNED)

    def approve(self, batch: PaymentBatch, number: int) -> PaymentBatch:
        with self.centre.head():
            batch.refresh_from_db()
            return batches.approve(batch, f"榆资发〔{self.today.year}〕{number}号", day=self.today)

    def send(self, batch: PaymentBatch) -> None:
        with self.centre.maker() as by:
            job = files.request_files(batch, by=by, today=self.today)
        jobs.work_off(job)

    def hear(self, batch: PaymentBatch, returned: Sequence[int]) -> None:
        """The bank's answer: everybody has the money but the payments named."""
        sheet = io.StringIO()
        write = csv.writer(sheet).writerow
        write(("户名", "金额", "备注", "处理结果", "失败原因"))
        with self.centre.maker() as by:
            sendings = Sending.objects.filter(file__batch=batch).select_related("payment", "account").order_by("row")
            for each in sendings.defer("account__number"):
                said = (
                    ("失败", WHY[returned.index(each.payment_id) % 2]) if each.payment_id in returned else ("成功", "")
                )
                write((each.account.holder, each.payment.amount, each.reference, *said))
            upload = SimpleUploadedFile(f"{batch.number}-回盘.csv", sheet.getvalue().encode("utf-8-sig"))
            job = returns.request_return(batch, upload, by=by, paid_on=self.today - timedelta(days=1))
        jobs.work_off(job)

    def put_right(self, payment: int) -> None:
        """The school's word about a bounce, then the county's second person: it goes with the next file."""
        with self.year.clerk() as by:
            bounces.fix(Payment.objects.get(pk=payment), "家长已到网点激活，附回执。", by=by)
        with self.checker() as by:
            bounces.reissue(Payment.objects.filter(pk=payment), by=by)

    # ---------- money that comes back ----------

    def matched(self) -> int | None:
        """A boarder whom a list of another office names, which is put right later: the child, if there is one."""
        with self.year.clerk():
            applied = Application.objects.in_term(self.centre.term).values("student")
            rows = Enrolment.objects.in_term(self.centre.term).filter(
                school=self.year.school, student__person__hardships=None
            )
            rows = rows.exclude(student__in=applied).order_by("-boarding", "-pk")
            student = rows.values_list("student", flat=True).first()
        self.level(student, Level.HARD, "与乡村振兴部门名单比对")
        return student

    def level(self, student: int | None, level: Level, basis: str) -> None:
        """What a child counts as from now on; computed at once."""
        with self.centre.head():
            rows = Enrolment.objects.in_term(self.centre.term).filter(student=student)
            determine(rows, level=level, source=DeterminedBy.DATA_MATCH, basis=basis)
            job = anew.recompute(self.centre.term)
        jobs.work_off(job)

    def ask_back(self, student: int | None) -> None:
        """The list was put right after the money had gone out: it is asked for, and half of it has come."""
        self.level(student, Level.NONE, "乡村振兴部门更正名单")
        with self.centre.maker() as by:
            opened = recovering.open_recoveries(
                recovering.owed(self.centre.term).filter(student=student), by=by, today=self.today,
                why="名单更正，本学期不属于家庭经济困难学生", due_on=self.today + timedelta(days=30),
            )  # fmt: skip
            recovery = Recovery.objects.get(student=student)
            half = (opened.yuan / 2).quantize(Decimal(1))
            recovering.receive(recovery, yuan=half, received_on=self.today, number="0012345", by=by, today=self.today)


def seed(centre: Centre, year: SchoolYear, today: date) -> int:
    """→ lines that were listed; nothing where the rules give nobody anything in cash."""
    paying = Paying(centre, year, today)
    wrongly = paying.matched()
    with acting_in(EVERYWHERE):
        aided = paying.aided()
        cash, waived = (_benefits(paying, channel) for channel in (Channel.BANK, Channel.SETTLEMENT))
    if not aided:
        return 0
    here = [child for child in aided if child.person.school_path == year.school.path and child.pk != wrongly]
    giving.seed(centre, [child.pk for child in (here or aided)[:6]], today)
    late = here[len(here) // 2 :]  # their school hands their cards in after the first batch
    with centre.maker():
        paying.register(sorted((child for child in aided if child not in late), key=lambda child: child.pk != wrongly))
    with paying.checker():
        paying.confirm()
    paying.money(cash, Channel.BANK)
    paying.money(waived, Channel.SETTLEMENT)
    if paying.announce():
        _paid(paying, cash[:2], wrongly)
        with year.clerk():
            paying.register(late[:-1], shared=True)
        with year.head():
            paying.confirm()
        with year.clerk():
            paying.register(late[-1:])
        paying.agree(paying.prepare(cash), MOST_SIGNED)
        if waived:
            _settled(paying, waived)
    with acting_in(EVERYWHERE):
        return Payment.objects.filter(term=centre.term.code).count()


def _benefits(paying: Paying, channel: Channel) -> list[Benefit]:
    """What of the channel most are given first; of what is settled only what few schools have."""
    rows = funnel.offered(paying.office.path, paying.centre.term, channel).order_by()
    sizes = dict(rows.values_list("benefit").annotate(n=Count("pk")))
    found = Benefit.objects.in_bulk(sizes)
    wanted = [pk for pk, each in found.items() if channel == Channel.BANK or each.code in WAIVED]
    return [found[pk] for pk in sorted(wanted, key=lambda pk: (-sizes[pk], pk))]


def _paid(paying: Paying, benefits: Sequence[Benefit], wrongly: int | None) -> None:
    """From the list to the bank's answer: two come back, one of them is put right; one was paid who is not due it."""
    batch = paying.prepare(benefits)
    paying.agree(batch)
    paying.send(paying.approve(batch, 1))
    with paying.centre.maker():
        lines = Payment.objects.filter(batch=batch).exclude(student=wrongly).order_by("pk")
        bounced = list(lines.filter(school=paying.year.school).values_list("pk", flat=True)[:2])
    paying.hear(batch, bounced)
    for payment in bounced[:1]:
        paying.put_right(payment)
    if Payment.objects.filter(batch=batch, student=wrongly).exists():
        paying.ask_back(wrongly)


def _settled(paying: Paying, benefits: Sequence[Benefit]) -> None:
    """Fees of which one school has sent its receipt."""
    batch = paying.prepare(benefits, Channel.SETTLEMENT)
    paying.agree(batch)
    batch = paying.approve(batch, 2)
    with paying.centre.maker():
        first = Payment.objects.filter(batch=batch).order_by("school_path", "pk")[0]
        lines = Payment.objects.filter(batch=batch, school=first.school_id)
        batches.settle(batch, paying.today, "0087661", lines, today=paying.today)
