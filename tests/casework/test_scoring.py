"""The index: what boxes answer, caps and negative points, thresholds, what groups pass directly; its shipped file."""

from __future__ import annotations

import tomllib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subsidies.casework import scoring
from subsidies.casework.scoring import LEVELS, Index
from subsidies.enums import Level
from subsidies.models import ScoreIndex
from subsidies.models.applications import Box
from tests.casework import build

SHIPPED = tomllib.loads((scoring.INDICES / "jiangsu-2020.toml").read_text(encoding="utf-8"))
INDEX = Index.read(SHIPPED)
ORDER = [*LEVELS, Level.NONE]
answers = st.sets(st.sampled_from([item.code for item in INDEX.items]))
boxes = st.sets(st.sampled_from(Box.values))


@pytest.mark.parametrize(
    ("held", "score", "level"),
    [
        ([], 0, "none"),
        (["self_disabled"], 50, "hard"),
        (["self_disabled", "self_ill"], 80, "special"),
        (["family_widowed"], 40, "hard"),
        (["family_divorced"], 20, "ordinary"),
        (["family_divorced", "father_manager"], 18, "none"),  # a negative point undoes the level
        (["father_manager", "mother_manager"], -4, "none"),
        (["family_dibao", "family_widowed"], 100, "special"),  # capped within the group
        (["family_dibao", "hukou_west", "address_rural"], 113, "special"),  # not across groups
        (["disaster", "accident", "unemployed"], 40, "hard"),
        (["family_dibao", "means_car", "means_house"], 60, "special"),
        (["hukou_poor_area", "address_rural", "father_labour", "mother_labour"], 30, "ordinary"),
    ],
)
def test_scores_of_cases(held: list[str], score: int, level: str):
    assert INDEX.score(held) == score
    assert INDEX.by_score(INDEX.score(held)) == level


@pytest.mark.parametrize(
    ("ticked", "held", "level"),
    [
        ([], [], "none"),
        (["poor"], ["family_poor"], "special"),
        (["unstable", "marginal"], ["family_watched"], "special"),  # two boxes of one item
        (["disabled"], ["self_disabled"], "hard"),
        (["disabled", "dibao"], ["self_disabled", "family_dibao"], "special"),
        (["relocated"], ["family_relocated"], "ordinary"),
    ],
)
def test_what_ticked_boxes_answer(ticked: list[str], held: list[str], level: str):
    found = INDEX.suggested(ticked)
    assert (found.answers, found.level) == (held, level)
    assert found.score == INDEX.score(held)


def test_a_group_passes_directly_whatever_its_score():
    told = {**SHIPPED, "direct": {"martyr": "hard"}, "thresholds": {"special": 500, "hard": 400, "ordinary": 300}}
    index = Index.read(told)
    assert index.suggested(["martyr"]).level == "hard"
    assert index.suggested(["dibao"]).level == "none"
    assert index.suggest(Decimal(600), ["martyr"]) == "special"  # at least, not at most


def test_of_a_group_with_one_item_the_boxes_answer_the_highest():
    told = {
        "thresholds": SHIPPED["thresholds"],
        "groups": [{"code": "g", "title": "一", "one": True, "items": [
            {"code": "low", "title": "低", "points": 5, "boxes": ["dibao"]},
            {"code": "high", "title": "高", "points": 9, "boxes": ["poor"]},
        ]}],
    }  # fmt: skip
    index = Index.read(told)
    assert index.answers_of(["dibao", "poor"]) == ["high"]
    assert index.problems(["low", "high"]) == ["“一”只能选一项。"]
    assert index.problems(["low"]) == []
    assert index.problems(["other"]) == ["有的项目不在这版指标里，请刷新页面再评。"]


@given(answers)
def test_no_group_gives_more_than_its_cap_and_the_score_is_their_sum(held: set[str]):
    parts = [group.score(held) for group in INDEX.groups]
    assert all(group.cap is None or part <= group.cap for group, part in zip(INDEX.groups, parts, strict=True))
    assert INDEX.score(held) == sum(parts)


@given(answers, st.sampled_from(INDEX.items))
def test_a_point_more_never_lowers_a_score_nor_a_negative_one_raises_it(held: set[str], item: scoring.Item):
    before, after = INDEX.score(held), INDEX.score(held | {item.code})
    assert after >= before if item.points >= 0 else after <= before


@given(st.decimals(-50, 300, places=2), st.decimals(-50, 300, places=2), boxes)
def test_a_higher_score_never_gives_a_lower_level(one: Decimal, other: Decimal, ticked: set[str]):
    low, high = sorted((one, other))
    assert ORDER.index(INDEX.suggest(high, ticked)) <= ORDER.index(INDEX.suggest(low, ticked))
    assert ORDER.index(INDEX.suggest(low, ticked)) <= ORDER.index(INDEX.by_score(low))


@given(boxes)
def test_what_boxes_answer_can_always_stand(ticked: set[str]):
    assert INDEX.problems(INDEX.answers_of(ticked)) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"thresholds": {"special": 40, "hard": 60, "ordinary": 20}}, "从高到低"),
        ({"thresholds": {"special": 40}}, "从高到低"),
        ({"direct": {"rich": "special"}}, "没有“rich”这一类型"),
        ({"direct": {"poor": "none"}}, "没有“none”这一等级"),
        ({"groups": [*SHIPPED["groups"], SHIPPED["groups"][0]]}, "hukou_poor_area 重复"),
    ],
)
def test_an_index_that_contradicts_itself_is_refused(change: dict, says: str):
    with pytest.raises(ValueError, match=says):
        Index.read({**SHIPPED, **change})


def test_the_shipped_index_is_there_after_migrate_and_frozen_once_used(crew, monkeypatch, tmp_path):
    row = ScoreIndex.objects.get(code="jiangsu-2020", version=1)
    assert Index.read(row) == INDEX
    text = (scoring.INDICES / "jiangsu-2020.toml").read_text(encoding="utf-8")
    (tmp_path / "a.toml").write_text(text.replace("special = 60", "special = 70"), encoding="utf-8")
    monkeypatch.setattr(scoring, "INDICES", tmp_path)
    scoring.load_indices()
    row.refresh_from_db()
    assert row.thresholds["special"] == 70
    build.meeting(crew)
    (tmp_path / "a.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="raise the version"):
        scoring.load_indices()
    (tmp_path / "a.toml").write_text(text.replace("version = 1", "version = 2"), encoding="utf-8")
    scoring.load_indices()
    assert scoring.newest().version == 2
