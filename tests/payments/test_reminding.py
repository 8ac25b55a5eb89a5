"""Who is told that the money waits for them: once, only who may do it, until it is done; the school's home page too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aidcases.inbox import reminders
from aidcases.models import User
from aidcases.registry import registry
from subsidies.models import BatchPart
from subsidies.payments import batches, reminding
from tests import make
from tests.casework.conftest import Crew
from tests.payments.county import Paying, agreed, money, paying, prepared

pytestmark = pytest.mark.django_db
PEOPLE = ("school_maker", "school_checker", "second_checker", "county_maker", "county_checker", "county_head")


@pytest.fixture
def paid(crew: Crew) -> Paying:
    return paying(crew, ("甲一", "乙一"))


def told(crew: Crew, *, later: int = 0) -> dict[str, list[str]]:
    """After an hour's round (so many days later): what stands in whose inbox, by the words before the colon."""
    for hook in reminding.HOOKS:
        hook(timezone.now() + timedelta(days=later))
    return standing(crew)


def standing(crew: Crew) -> dict[str, list[str]]:
    found = {}
    for persona in PEOPLE:
        with crew.acting(persona) as by:
            if rows := [row.title.partition("：")[0] for row in reminders(by)]:
                found[persona] = rows
    return found


def test_from_the_schools_word_to_the_approval_and_back(crew: Crew, paid: Paying):
    assert set(reminding.HOOKS) <= set(registry.daily)
    for code in ("compulsory-boarding", "senior-grant"):
        money(paid, code, "9000")
    made = prepared(paid)
    mine, approval = ["发放名单待本校确认"], ["发放批次待审批"]
    both = {"school_checker": mine, "second_checker": mine}
    assert told(crew) == told(crew) == both
    with crew.acting("school_checker") as by:
        [row] = reminders(by)
        part = BatchPart.objects.get(batch=made)
        assert (row.url, row.urgent) == (reverse("part_detail", args=[part.pk]), False)
        batches.agree(part)
    assert standing(crew) == told(crew) == {"second_checker": mine}  # at once
    told(crew, later=8)
    with crew.acting("second_checker") as by:
        assert reminders(by).get().urgent
    agreed(paid, made)
    assert told(crew) == {"county_checker": approval, "county_head": approval}
    with crew.acting("county_head"):
        batches.reopen(made, "漏了一人")
    assert standing(crew) == told(crew) == both  # whoever had agreed is asked anew, the same day too
    agreed(paid, made)
    assert standing(crew) == told(crew) == {"county_checker": approval, "county_head": approval}
    with crew.acting("county_head"):
        batches.approve(made, "榆资发〔2026〕1号")
    assert standing(crew) == told(crew) == {}


def test_cards_are_for_whoever_may_confirm_them(crew: Crew, paid: Paying, browser: Callable[[str], Client]):
    one, other = paid.children["甲一"], paid.children["乙一"]
    make.account(one, state="proposed", path=crew.school.path)
    make.account(other, state="proposed", path=crew.second.path)
    waits = ["1 个一卡通账户待复核"]
    assert told(crew) == {"school_checker": waits, "second_checker": waits}
    User.objects.filter(pk=crew["second_checker"].pk).update(is_active=False)
    assert told(crew) == {"school_checker": waits, "county_checker": waits, "county_head": waits}
    browser("school_checker").post(reverse("account_confirm"), {"only": one.accounts.get(state="proposed").pk})
    assert standing(crew) == {"county_checker": waits, "county_head": waits}


def test_the_schools_home_page_links_to_what_waits(crew: Crew, paid: Paying, browser: Callable[[str], Client]):
    head, maker, home = browser("school_checker"), browser("school_maker"), reverse("home")
    assert "等本校确认" not in head.get(home).content.decode()
    made = prepared(paid)
    make.account(paid.children["甲一"], state="proposed", path=crew.school.path)
    part = reverse("part_detail", args=[BatchPart.objects.get(batch=made, school=crew.school).pk])
    page = head.get(home).content.decode()
    assert all(words in page for words in (part, "发放名单等本校确认", "一卡通账户等复核", reverse("batch_list")))
    assert part not in maker.get(home).content.decode()  # who may not confirm
    assert "发放名单等本校确认" not in browser("county_head").get(home).content.decode()
