"""What an invented family writes into the application form."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from aidcases.scoping import Actor
from students.demo.names import Line, Names
from subsidies.casework import form
from subsidies.casework.form import Line as Member
from subsidies.casework.relations import meant
from subsidies.models import Application
from subsidies.models.applications import Box

WORK = (
    ("在家", "务农", (6000, 14000)), ("在家", "务农", (5000, 11000)), ("兰州某建筑工地", "务工", (18000, 32000)),
    ("县城", "打零工", (9000, 18000)), ("镇上饭馆", "服务员", (12000, 20000)),
)  # fmt: skip
HEALTH = ("健康", "健康", "健康", "健康", "腰椎病", "高血压", "肢体残疾")
# A reason of the family's own: where on the form it stands, its words, a box that goes with it, answers of the index.
REASONS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("weakness", "父亲腰伤不能干重活，家里靠母亲打零工。", "", ("parent_ill", "mother_labour", "accident")),
    ("other", "母亲肢体残疾四级，长期服药。", Box.DISABLED_PARENT, ("parent_disabled", "father_labour")),
    ("disaster", "今年夏天冰雹，玉米绝收。", "", ("disaster", "father_labour", "mother_labour")),
    ("debt", "盖房和看病欠信用社 6 万元。", "", ("parent_ill", "father_labour")),
    ("other", "父母离异，由奶奶抚养。", Box.LOW_INCOME, ("family_divorced",)),
    ("accident", "父亲去年车祸住院，花费 8 万多元。", "", ("accident", "parent_ill", "mother_labour")),
    ("unemployment", "父亲所在砖厂停产，失业半年。", "", ("unemployed", "sibling_school")),
    ("other", "家有两个孩子上大学，开支大。", "", ("sibling_college", "father_labour", "mother_labour")),
)  # fmt: skip
HOME = ("hukou_west", "address_rural")  # what every family here is given


def reason_of(application: Application, seed: int) -> tuple[str, str, str, tuple[str, ...]]:
    return REASONS[(application.student_id + seed) % len(REASONS)]


def fill_in(application: Application, *, seed: int, promised_on: date | None, by: Actor) -> Application:
    """The whole form; without `promised_on` as a family leaves it that has not signed yet."""
    rng = Random(f"{seed}-{application.student_id}")
    where, words, box, _ = reason_of(application, seed)
    family = _family(application, Names(rng, "62"), rng)
    place = application.student.person.hukou_region
    columns: dict[str, Any] = {
        "address": f"{place.name if place else '城关'}{rng.randint(1, 9)}社{rng.randint(1, 60)}号",
        "postcode": "730100",
        "parent_phone": f"139{rng.randint(0, 99_999_999):08d}",
        "household_size": len(family) + 1,
        "rural_hukou": True,
        "boxes": [code for code in Box.values if code in (*application.listed_boxes, box)],
        "promised_on": promised_on,
        where: words,
    }
    return form.save(application, columns, family, version=application.version, by=by)


def _family(application: Application, names: Names, rng: Random) -> list[Member]:
    """Whom the roll names, then the other parent and now and then a grandparent and a brother or sister."""
    person = application.student.person
    line, sex = Line("汉族", person.name.strip()[0]), person.sex
    known = [_grown(member, rng, 34, 46) for member in form.lines_of(application)[:2]]
    relations = {member.relation for member in known}
    for word, male in (("父亲", True), ("母亲", False)):
        if len(known) < 2 and meant(word, sex) not in relations:
            name = names.elder(line if male else names.line("汉族"), male)
            known.append(_grown(Member(name, relation=meant(word, sex)), rng, 34, 46))
    if rng.random() < 0.4:
        old = Member(names.elder(line, False), relation=meant("奶奶", sex), work="在家", occupation="无", health="年迈")
        known.append(replace(old, age=rng.randint(62, 78), annual_income=Decimal(1200)))
    if rng.random() < 0.5:
        male = rng.random() < 0.5
        young = Member(
            names.child(line, male), relation=meant("弟弟" if male else "妹妹", sex), work="在读", occupation="学生"
        )
        known.append(replace(young, age=rng.randint(4, 9), annual_income=Decimal(0), health="健康"))
    return known


def _grown(member: Member, rng: Random, youngest: int, oldest: int) -> Member:
    work, occupation, (least, most) = rng.choice(WORK)
    return replace(
        member, age=rng.randint(youngest, oldest), work=work, occupation=occupation, health=rng.choice(HEALTH),
        annual_income=Decimal(rng.randrange(least, most, 500)),
    )  # fmt: skip
