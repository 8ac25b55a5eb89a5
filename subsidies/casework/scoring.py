"""The scoring index: groups with a cap, items with points, thresholds → level; what follows from ticked boxes."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from subsidies.enums import Level
from subsidies.models import Meeting, ScoreIndex
from subsidies.models.applications import Box

INDICES = Path(__file__).parent.parent / "indices"
LEVELS = (Level.SPECIAL, Level.HARD, Level.ORDINARY)  # the hardest first; whoever reaches none is not hard


@dataclass(frozen=True)
class Item:
    """`boxes`: the item holds without being asked where one of them is ticked."""

    code: str
    title: str
    points: Decimal
    boxes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Group:
    """`cap`: the most its items give together; `one`: at most one item holds."""

    code: str
    title: str
    items: tuple[Item, ...]
    cap: Decimal | None = None
    one: bool = False

    def answers_of(self, boxes: Collection[str]) -> list[str]:
        found = [item for item in self.items if item.boxes & set(boxes)]
        if self.one and found:
            found = [max(found, key=lambda item: item.points)]
        return [item.code for item in found]

    def score(self, answers: Collection[str]) -> Decimal:
        points = sum((item.points for item in self.items if item.code in answers), Decimal(0))
        return points if self.cap is None else min(points, self.cap)


@dataclass(frozen=True)
class Suggestion:
    answers: list[str]
    score: Decimal
    level: Level


@dataclass(frozen=True)
class Index:
    """A version of an index, ready to reckon with. Points may be negative, so may a score."""

    groups: tuple[Group, ...]
    thresholds: dict[str, Decimal]
    direct: dict[str, str]

    @classmethod
    def read(cls, row: ScoreIndex | dict[str, Any]) -> Index:
        """From the table's row or a TOML file's content. Raises ValueError where it contradicts itself."""
        told = row if isinstance(row, dict) else {"groups": row.groups, "thresholds": row.thresholds, "direct": row.direct}
        made = cls(
            tuple(_group(group) for group in told["groups"]),
            {level: Decimal(str(points)) for level, points in told["thresholds"].items()},
            dict(told.get("direct", {})),
        )
        if wrong := made._contradictions():
            raise ValueError("；".join(wrong))
        return made

    @property
    def items(self) -> list[Item]:
        return [item for group in self.groups for item in group.items]

    def _contradictions(self) -> list[str]:
        codes, least = [item.code for item in self.items], [self.thresholds.get(level) for level in LEVELS]
        boxes = {box for item in self.items for box in item.boxes} | set(self.direct)
        wrong = [f"指标 {code} 重复" for code in sorted({code for code in codes if codes.count(code) > 1})]
        wrong += [f"没有“{box}”这一类型" for box in sorted(boxes - set(Box.values))]
        wrong += [f"没有“{level}”这一等级" for level in sorted(set(self.direct.values()) - set(LEVELS))]
        if None in least or not least[0] > least[1] > least[2]:  # type: ignore[operator]
            wrong.append("三个等级的分数线要从高到低")
        return wrong

    def answers_of(self, boxes: Collection[str]) -> list[str]:
        """Codes of the items that follow from the ticked boxes, in the index's order."""
        return [code for group in self.groups for code in group.answers_of(boxes)]

    def problems(self, answers: Collection[str]) -> list[str]:
        """Why these answers can't stand, in words."""
        known = {item.code for item in self.items}
        wrong = ["有的项目不在这版指标里，请刷新页面再评。"] if set(answers) - known else []
        for group in self.groups:
            if group.one and sum(item.code in answers for item in group.items) > 1:
                wrong.append(f"“{group.title}”只能选一项。")
        return wrong

    def score(self, answers: Collection[str]) -> Decimal:
        return sum((group.score(answers) for group in self.groups), Decimal(0))

    def by_score(self, score: Decimal) -> Level:
        return next((level for level in LEVELS if score >= self.thresholds[level]), Level.NONE)

    def suggest(self, score: Decimal, boxes: Iterable[str]) -> Level:
        """By the score, at least what a box gives directly."""
        order = [*LEVELS, Level.NONE]
        found = [self.by_score(score), *(Level(self.direct[box]) for box in boxes if box in self.direct)]
        return min(found, key=order.index)

    def suggested(self, boxes: Collection[str]) -> Suggestion:
        """What the boxes alone give."""
        answers = self.answers_of(boxes)
        score = self.score(answers)
        return Suggestion(answers, score, self.suggest(score, boxes))


def _group(told: dict[str, Any]) -> Group:
    items = tuple(
        Item(item["code"], item["title"], Decimal(str(item["points"])), frozenset(item.get("boxes", ())))
        for item in told["items"]
    )
    cap = told.get("cap")
    return Group(told["code"], told["title"], items, None if cap is None else Decimal(str(cap)), told.get("one", False))


def newest() -> ScoreIndex:
    """The index a new meeting scores by."""
    return ScoreIndex.objects.order_by("-loaded_at", "-version")[0]


def load_indices(**_signal: Any) -> None:
    """The shipped indices; runs after every migrate. Raises ValueError where a version that a meeting has used differs."""
    for path in sorted(INDICES.glob("*.toml")):
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        Index.read(told)
        said = {name: told.get(name, {}) for name in ("title", "source", "groups", "thresholds", "direct")}
        row, made = ScoreIndex.objects.get_or_create(code=told["code"], version=told["version"], defaults=said)
        if made or all(getattr(row, name) == value for name, value in said.items()):
            continue
        if Meeting._base_manager.filter(index=row).exists():
            raise ValueError(f"{path.name}: version {row.version} has been used; raise the version instead")
        ScoreIndex.objects.filter(pk=row.pk).update(**said)
