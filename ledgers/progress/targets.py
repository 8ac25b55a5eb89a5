"""What is written by hand for the indicators: age groups by the county, targets by city or county, lists of townships."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from django.db import transaction

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import Region
from aidcases.roles import P
from aidcases.scoping import Actor, current_scope
from ledgers.models import AgeFigure, IndicatorGoal, NamedArea
from ledgers.models.goals import AgeGroup
from ledgers.progress.goals import GOALS
from students.places import codes_of
from subsidies.giving.common import said as without_numbers

COUNTY = 3  # divisions on a county's path


def _county(path: str) -> bool:
    return len(codes_of(path)) == COUNTY and len(path.strip("/").split("/")) == COUNTY


@transaction.atomic
def write_age(
    *, ages: str, area: NamedArea | None, year: int, number: int, enrolled: int | None, as_of: date, source: str,
    by: Actor, today: date,
) -> AgeFigure:  # fmt: skip
    """From now on this is the county's figure. Raises Refused."""
    path, source = current_scope().path, without_numbers(source, 120)
    wrong = {
        "由县级单位填报适龄人口。": not by.may(P.PROGRESS_WRITE) or not _county(path),
        "请从列表中选择年龄段。": ages not in AgeGroup.values,
        "乡镇名单只填报 3—5 周岁人口。": area is not None and (ages != AgeGroup.KINDER or area.path != path),
        "适龄人口要大于 0，在校（园）人数不能是负数。": number < 1 or (enrolled is not None and enrolled < 0),
        "数据截止日期不能晚于今天。": as_of > today,
        "请写明数据来源，例如：县公安局户籍人口、县教育事业统计。": not source,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    made = AgeFigure(
        path=path, area=area, year=year, ages=ages, number=number, enrolled=enrolled, as_of=as_of, source=source,
        made_by=by.name, made_on=today,
    )  # fmt: skip
    made.save()
    audit.record("agefigure.written", subject=made, path=path, ages=ages, year=year, number=number)
    return made


@transaction.atomic
def set_goal(
    regions: Iterable[Region], *, indicator: str, year: int, target: Decimal, document: str, given_name: str, by: Actor,
    today: date,
) -> int:  # fmt: skip
    """The target of each of the counties from now on. → how many. Raises Refused."""
    regions, own = list(regions), current_scope().path
    wrong = {
        "您的角色不能下达指标目标。": not by.may(P.PROGRESS_GIVE),
        "请从列表中选择指标。": indicator not in GOALS,
        "请选择本单位范围内的县区。": not regions or any(not (r.path.startswith(own) and _county(r.path)) for r in regions),
        "目标要在 0 到 200 之间（%）。": not 0 <= target <= 200,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    for region in regions:
        made = IndicatorGoal(
            path=region.path, year=year, indicator=indicator, target=target, document=without_numbers(document, 120),
            given_name=given_name[:80], made_by=by.name, made_on=today,
        )  # fmt: skip
        made.save()
        audit.record("indicatorgoal.set", subject=made, path=region.path, indicator=indicator, target=str(target))
    return len(regions)


@transaction.atomic
def name_area(*, name: str, codes: list[str], document: str, by: Actor) -> NamedArea:
    """Names a list of the county's townships, or names it anew. Raises Refused."""
    own, name = current_scope().path, without_numbers(name, 40)
    if not by.may(P.PROGRESS_GIVE) or not _county(own):
        raise Refused("由县级单位登记乡镇名单。")
    townships = Region.objects.under(own).filter(level="township", code__in=codes).order_by("code")
    found = list(townships.values_list("code", flat=True))
    if not name or not found or len(found) != len(set(codes)):
        raise Refused("请填写名称，并选择本县的乡镇。")
    given = {"codes": found, "document": without_numbers(document, 120), "made_by": by.name}
    made, _ = NamedArea.objects.update_or_create(path=own, name=name, defaults=given)
    audit.record("namedarea.named", subject=made, path=own, codes=found)
    return made
