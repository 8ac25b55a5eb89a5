"""What every module here asks: sentences, days, yuan, and whose the child is."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.db import models

from aidcases import crypto, sql
from aidcases.flow import Refused
from students.models import Student

M = TypeVar("M", bound=models.Model)
MOST = Decimal("10000000")  # of one line; more is a slip of the finger


def refuse_if(wrong: dict[str, Any]) -> None:
    """Raises Refused with the sentences that hold."""
    if reasons := [sentence for sentence, holds in wrong.items() if holds]:
        raise Refused(*reasons)


def day_wrong(day: date, today: date, label: str) -> dict[str, bool]:
    """What is noted has happened, and not long before this system."""
    return {
        f"{label}不能晚于今天。": day > today,
        f"{label}早于十年前，请核对年份。": day < today - timedelta(days=3653),
    }


def yuan_wrong(yuan: Decimal, label: str) -> dict[str, bool]:
    return {
        f"{label}要大于 0 元。": yuan <= 0,
        f"{label}最多两位小数。": yuan != round(yuan, 2),
        f"{label}超过 {MOST:,} 元，请核对。": yuan > MOST,
    }


ANOTHER = "这张表已经登记过别的内容，请重新打开再填。"


def sent_before(model: type[M], key: UUID | None, said: dict[str, Any]) -> M | None:
    """The row that the form with this key has made; a second one that comes meanwhile waits until the first is through.
    Raises Refused where the row says something else."""
    if key is None:
        return None
    sql.lock("giving.form", key)
    known = model._default_manager.filter(key=key).first()
    if known and any(getattr(known, name) != value for name, value in said.items()):
        raise Refused(ANOTHER)
    return known


def owners(student: Student) -> dict[str, str]:
    """The columns that say whose a child's row is."""
    return {"home_path": student.person.home_path, "school_path": student.person.school_path}


def said(text: str, most: int) -> str:
    """What somebody wrote, without numbers of people, cut to the column."""
    return crypto.mask_numbers(text.strip())[:most]
