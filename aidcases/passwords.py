"""Password rule of the office network: characters of at least three kinds."""

import re

from django.core.exceptions import ValidationError

_KINDS = (r"[a-z]", r"[A-Z]", r"\d", r"[^A-Za-z0-9]")


class ThreeKinds:
    """Small letters, capitals, digits, signs: three of the four."""

    def validate(self, password: str, user: object = None) -> None:
        if sum(bool(re.search(kind, password)) for kind in _KINDS) < 3:
            raise ValidationError(self.get_help_text(), code="password_kinds")

    def get_help_text(self) -> str:
        return "密码至少要有三类字符：小写字母、大写字母、数字、符号。"
