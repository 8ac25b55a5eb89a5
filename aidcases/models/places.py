"""Regions (GB/T 2260, down to the village where known) and schools. Shared: read by all, schools written in scope."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from aidcases.scoping import HOME, SCHOOL, OutOfScope, PathField, current_scope

LEVELS = {2: "province", 4: "city", 6: "county", 9: "township", 12: "village"}


def cut(code: str) -> str:
    """A region code cut to its level by dropping all-zero groups 2-2-2-3-3: 510000 → 51, 620123100 stays."""
    code = str(code).strip()
    groups = [code[0:2], code[2:4], code[4:6], code[6:9], code[9:12]]
    while len(groups) > 1 and not groups[-1].strip("0"):
        groups.pop()
    return "".join(groups)


def region_path(code: str) -> str:
    """The path of a region from its (cut) code: 620123100 → /62/6201/620123/620123100/. Empty for no code."""
    code = cut(code)
    return "/" + "".join(f"{code[:n]}/" for n in LEVELS if n <= len(code)) if code else ""


def above(path: str) -> list[str]:
    """The path and every one above it, nearest first: /62/6201/ → /62/6201/, /62/, /."""
    steps = path.strip("/").split("/") if path.strip("/") else []
    return ["/" + "".join(f"{step}/" for step in steps[:length]) for length in range(len(steps), -1, -1)]


_names: dict[str, str] = {}


def region_names(codes: Iterable[str]) -> dict[str, str]:
    """{code: name} of the divisions among the codes. They are shipped and never renamed: read once a process."""
    wanted = set(codes)
    if unknown := wanted - _names.keys():
        _names.update(Region.objects.filter(code__in=unknown).values_list("code", "name"))
    return {code: _names[code] for code in wanted if code in _names}


class RegionQuerySet(models.QuerySet):
    def under(self, path: str) -> RegionQuerySet:
        return self.filter(path__startswith=path)


class Region(models.Model):
    """An administrative division; code is cut to its level (2, 4, 6, 9 or 12 digits)."""

    code = models.CharField(primary_key=True, max_length=12, db_collation="C")
    name = models.CharField(max_length=60)
    level = models.CharField(max_length=10)
    path = PathField()

    objects = RegionQuerySet.as_manager()

    class Meta:
        verbose_name = "行政区划"
        indexes = [models.Index(fields=["path"], name="region_path")]
        constraints = [models.UniqueConstraint(fields=["path"], name="region_path_unique")]

    def __str__(self) -> str:
        return self.name

    @property
    def chain(self) -> list[str]:
        """Codes from the province down to this region."""
        return self.path.strip("/").split("/")

    def full_name(self) -> str:
        names = region_names(self.chain)
        return "".join(names[code] for code in self.chain if code in names and names[code] != "市辖区")


class School(models.Model):
    """A school by its ten-digit code (学校标识码). Its path is its region's, then its code."""

    code = models.CharField("学校标识码", max_length=12, unique=True, db_collation="C")
    name = models.CharField("学校名称", max_length=80)
    initials = models.CharField(max_length=40, db_collation="C", default="", blank=True)
    stages = ArrayField(models.CharField(max_length=24), default=list, blank=True)
    region = models.ForeignKey(Region, models.PROTECT, related_name="schools", verbose_name="所在地")
    path = PathField()
    public = models.BooleanField("公办", default=True)
    rural = models.BooleanField("农村学校", default=True, db_default=True)

    class Meta:
        verbose_name = "学校"
        indexes = [
            models.Index(fields=["path"], name="school_path"),
            models.Index(fields=["initials"], name="school_initials"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.path = f"{self.region.path}{self.code}/"
        scope = current_scope()
        if not (scope.covers(self.path, SCHOOL) or scope.covers(self.path, HOME)):
            raise OutOfScope(f"school {self.code} lies outside {scope.path}")
        super().save(*args, **kwargs)


class SchoolFee(models.Model):
    """Approved fee per school year in yuan, from a day. In force: the last not after it, else the earliest known."""

    school = models.ForeignKey(School, models.CASCADE, related_name="fees")
    from_on = models.DateField("起")
    annual_fee = models.DecimalField("学费标准（元/年）", max_digits=10, decimal_places=2)

    class Meta:
        verbose_name = "学费标准"
        constraints = [
            models.UniqueConstraint(fields=["school", "from_on"], name="fee_starts_once"),
            models.CheckConstraint(condition=models.Q(annual_fee__gte=0), name="fee_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.annual_fee} 元/年"
