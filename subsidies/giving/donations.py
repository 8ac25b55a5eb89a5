"""捐赠: donors, projects, what came in, what a child was given. Never more money given than came in."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum

from aidcases import audit
from aidcases.flow import Refused
from aidcases.scoping import Actor, current_scope
from students.models import Student
from subsidies.giving.common import day_wrong, owners, refuse_if, said, sent_before, yuan_wrong
from subsidies.models import Donation, DonationProject, Donor, Gift
from subsidies.models.giving import Form

GOODS, CASH = Q(form=Form.GOODS), Q(form=Form.CASH)


@transaction.atomic
def add_donor(*, name: str, kind: str, contact: str, phone: str, note: str, by: Actor) -> Donor:
    """A donor of the own office; the phone is kept encrypted. Raises Refused."""
    path, name = current_scope().path, name.strip()
    refuse_if({
        "请填写捐助人（单位）名称。": not name,
        "这个捐助人已经登记过。": Donor.objects.filter(path=path, name=name[:80]).exists(),
    })  # fmt: skip
    made = Donor(
        path=path, name=name[:80], kind=kind, contact=contact.strip()[:40], phone=phone.strip() or None,
        note=said(note, 200), made_by=by.name,
    )  # fmt: skip
    made.save()
    audit.record("donor.added", subject=made)
    return made


@transaction.atomic
def add_project(*, donor: Donor, title: str, pledge: Decimal, from_on: date, note: str, by: Actor) -> DonationProject:
    path, title = current_scope().path, title.strip()
    refuse_if({
        "请填写项目名称。": not title,
        "承诺金额不能小于 0 元。": pledge < 0,
        "这个项目名称已经用过。": DonationProject.objects.filter(path=path, title=title[:80]).exists(),
    })  # fmt: skip
    made = DonationProject(
        path=path, donor=donor, title=title[:80], pledge=pledge, from_on=from_on, note=said(note, 200), made_by=by.name
    )
    made.save()
    audit.record("project.added", subject=made)
    return made


def _goods(form: str, what: str) -> dict[str, bool]:
    return {"物资要写明名称和数量。": form == Form.GOODS and not what.strip()}


@transaction.atomic
def receive(
    project: DonationProject, *, form: str, yuan: Decimal, what: str, received_on: date, receipt: str, by: Actor, today: date,
    key: UUID | None = None,
) -> Donation:
    """Money or goods (by their value) that came in. `key`: of the form, which sent twice makes one. Raises Refused."""
    columns = {
        "project": project, "form": form, "yuan": yuan, "what": said(what, 120), "received_on": received_on,
        "receipt": receipt.strip()[:40],
    }  # fmt: skip
    if known := sent_before(Donation, key, columns):
        return known
    refuse_if({
        **yuan_wrong(yuan, "金额或价值"), **_goods(form, what), **day_wrong(received_on, today, "收到日期"),
        "收到日期早于项目的起始日期。": received_on < project.from_on,
    })  # fmt: skip
    made = Donation(**columns, **({"key": key} if key else {}), made_by=by.name)
    made.save()
    audit.record("donation.received", subject=made)
    return made


@transaction.atomic
def thank(donation: Donation, *, thanked_on: date, thanks: str, today: date) -> None:
    """The letter that went to the donor. Raises Refused."""
    refuse_if({
        "请写明感谢信怎么送的、写了什么。": not thanks.strip(),
        **day_wrong(thanked_on, today, "感谢信日期"),
        "感谢信早于收到捐赠的日期。": thanked_on < donation.received_on,
    })  # fmt: skip
    Donation.objects.filter(pk=donation.pk).update(thanked_on=thanked_on, thanks=said(thanks, 200))
    audit.record("donation.thanked", subject=donation)


@transaction.atomic
def give(
    student: Student, project: DonationProject, *, form: str, yuan: Decimal, what: str, given_on: date, signed_by: str,
    by: Actor, today: date, key: UUID | None = None,
) -> Gift:
    """Money or goods of a project for a child. Of money never more than the project has left. `key`: of the form, which
    sent twice makes one. Raises Refused."""
    columns = {
        "student": student, "project": project, "form": form, "yuan": yuan, "what": said(what, 120), "given_on": given_on
    }  # fmt: skip
    if known := sent_before(Gift, key, columns):
        return known
    held = DonationProject.objects.select_for_update(of=("self",)).get(pk=project.pk)
    refuse_if({
        **yuan_wrong(yuan, "金额或价值"), **_goods(form, what), **day_wrong(given_on, today, "发放日期"),
        "发放日期早于项目的起始日期。": given_on < held.from_on,
    })  # fmt: skip
    if form == Form.CASH and yuan > held.left:
        raise Refused(
            f"“{held.title}”收到捐款 {held.received:,.2f} 元，已发 {held.given:,.2f} 元，只剩 {held.left:,.2f} 元。"
        )
    made = Gift(
        **columns, **({"key": key} if key else {}), signed_by=signed_by.strip()[:40],
        signed_on=given_on if signed_by.strip() else None, made_by=by.name, **owners(student),
    )  # fmt: skip
    made.save()
    audit.record("gift.given", subject=made)
    return made


@transaction.atomic
def sign(gift: Gift, *, signed_by: str, signed_on: date, today: date) -> None:
    """The receipt a child or guardian signed. Raises Refused."""
    refuse_if({
        "请填写签收人。": not signed_by.strip(),
        **day_wrong(signed_on, today, "签收日期"),
        "签收日期早于发放日期。": signed_on < gift.given_on,
        "已经签收过了。": gift.signed_on is not None,
    })  # fmt: skip
    Gift.objects.filter(pk=gift.pk, signed_on=None).update(signed_by=signed_by.strip()[:40], signed_on=signed_on)
    audit.record("gift.signed", subject=gift)


def with_goods(rows: QuerySet[DonationProject]) -> list[dict[str, Any]]:
    """Projects with the value of their goods in yuan and how many children in sight got something: three queries."""
    projects = list(rows)
    came, went = _goods_of(Donation, projects), _goods_of(Gift, projects)
    children = dict(
        Gift.objects.filter(project__in=projects).order_by().values_list("project")
        .annotate(n=Count("student", distinct=True))
    )  # fmt: skip
    return [
        {
            "project": project,
            "goods_received": came.get(project.pk, Decimal(0)),
            "goods_given": went.get(project.pk, Decimal(0)),
            "children": children.get(project.pk, 0),
        }
        for project in projects
    ]


def _goods_of(model: type[Donation] | type[Gift], projects: list[DonationProject]) -> dict[int, Decimal]:
    rows = model.objects.filter(GOODS, project__in=projects)
    return dict(rows.order_by().values_list("project").annotate(value=Sum("yuan")))
