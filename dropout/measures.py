"""What is done for a child beside persuading: help with learning, checks for child labour, aid that was missing, counsel."""

from __future__ import annotations

from datetime import date, timedelta

from django.db import transaction
from django.db.models import Count, QuerySet

from aidcases import audit, crypto, sql
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import Actor
from dropout.enums import MeasureKind
from dropout.models import DropoutCase, Measure


@transaction.atomic
def take(
    case: DropoutCase, *, kind: str, done_on: date, done_by: str, text: str, effect: str = "", workplace: str = "",
    by: Actor, today: date,
) -> Measure:  # fmt: skip
    """A measure that was taken; a check for child labour names where the child worked. The same told twice is one. Raises
    Refused."""
    wrong = {
        "您的角色不能登记帮扶措施。": not by.may(P.DROPOUT_WRITE),
        "请选择措施。": kind not in MeasureKind.values,
        "日期不能晚于今天。": done_on > today,
        "日期早于三年前，请核对年份。": done_on < today - timedelta(days=1096),
        "请填写办理人。": not done_by.strip(),
        "请写明做了什么。": not text.strip(),
        "童工专项查处要写明用工单位。": kind == MeasureKind.LABOUR and not workplace.strip(),
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    plain = crypto.mask_numbers
    made = Measure(
        case=case, kind=kind, done_on=done_on, done_by=done_by.strip()[:60], text=plain(text.strip())[:400],
        effect=plain(effect.strip())[:200], workplace=workplace.strip()[:100] if kind == MeasureKind.LABOUR else "",
        made_by=by.name,
    )  # fmt: skip
    sql.lock("dropout.measure", case.pk)
    same = {name: getattr(made, name) for name in ("kind", "done_on", "done_by", "text", "effect", "workplace", "made_by")}
    if known := Measure.objects.filter(case=case, **same).first():
        return known
    made.save()
    audit.record("dropoutcase.measure", subject=case, note=MeasureKind(kind).label)
    return made


def listed() -> QuerySet[Measure]:
    """Of the cases in sight: a class teacher's own."""
    rows = Measure.objects.filter(case__in=DropoutCase.objects.values("pk"))
    return rows.select_related("case__student__person", "case__school").defer(
        "case__student__roll_number", "case__student__person__id_number"
    )


def counts(rows: QuerySet[Measure]) -> dict[str, int]:
    """Kind → measures."""
    return dict(rows.order_by().values_list("kind").annotate(Count("pk")))
