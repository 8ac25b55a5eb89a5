"""Offices, the people who work in them, and in which role."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models

from aidcases.models.places import Region, School
from aidcases.roles import EXCLUSIVE, PERMISSIONS, ROLE_LABELS, OfficeKind, Role
from aidcases.scoping import HOME, OFFICE, SCHOOL, Actor, PathField, Scope

_SIDES = {
    OfficeKind.SCHOOL: frozenset({SCHOOL, OFFICE}),
    OfficeKind.TOWNSHIP: frozenset({HOME, OFFICE}),
    OfficeKind.VILLAGE: frozenset({HOME, OFFICE}),
}


class User(AbstractUser):
    """A person with an account. What they may do comes only from memberships; Django's own permissions are unused."""

    full_name = models.CharField("姓名", max_length=40, default="", blank=True)
    large_text = models.BooleanField("大字", default=False)

    class Meta:
        verbose_name = "用户"

    def __str__(self) -> str:
        return self.full_name or self.username


class Organisation(models.Model):
    """An office; its region or school path is the scope of its members."""

    kind = models.CharField("类型", max_length=10, choices=[(k.value, k.value) for k in OfficeKind])
    name = models.CharField("名称", max_length=80)
    region = models.ForeignKey(Region, models.PROTECT, null=True, blank=True, related_name="offices")
    school = models.ForeignKey(School, models.PROTECT, null=True, blank=True, related_name="offices")
    path = PathField()

    class Meta:
        verbose_name = "机构"
        indexes = [models.Index(fields=["path"], name="organisation_path")]
        constraints = [models.UniqueConstraint(fields=["kind", "path"], name="one_office_of_a_kind_per_place")]

    def __str__(self) -> str:
        return self.name

    @property
    def scope(self) -> Scope:
        return Scope(self.path, _SIDES.get(OfficeKind(self.kind), Scope("/").sides))


class Membership(models.Model):
    """user × organisation × role. One person may hold several and chooses the active one."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="memberships")
    role = models.CharField("角色", max_length=20, choices=[(r.value, ROLE_LABELS[r]) for r in Role])

    class Meta:
        verbose_name = "任职"
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["user", "organisation", "role"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.organisation} · {self.role_label}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.clean()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        others = set(self.user.memberships.exclude(pk=self.pk).values_list("role", flat=True))
        if self.role in EXCLUSIVE and others & (EXCLUSIVE - {self.role}):
            raise ValidationError("系统管理员、安全管理员、审计管理员不能由同一人担任。")

    @property
    def role_label(self) -> str:
        return ROLE_LABELS[Role(self.role)]

    @cached_property
    def actor(self) -> Actor:
        return Actor(
            name=str(self.user),
            user_id=self.user_id,
            office_id=self.organisation_id,
            path=self.organisation.path,
            permissions=PERMISSIONS[Role(self.role)],
        )
