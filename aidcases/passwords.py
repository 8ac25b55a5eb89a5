"""Password rules of the office network: long enough, characters of at least three kinds."""

import re

from django.contrib.auth.password_validation import MinimumLengthValidator
from django.core.exceptions import ValidationError

_KINDS = (r"[a-z]", r"[A-Z]", r"\d", r"[^A-Za-z0-9]")


class LongEnough(MinimumLengthValidator):
    """Django's, whose sentence its Chinese translation lacks."""

    def get_error_message(self) -> str:
        return self.get_help_text()

    def get_help_text(self) -> str:
        return f"密码至少 {self.min_length} 位。"


class ThreeKinds:
    """Small letters, capitals, digits, signs: three of the four."""

    def validate(self, password: str, user: object = None) -> None:
        if sum(bool(re.search(kind, password)) for kind in _KINDS) < 3:
            raise ValidationError(self.get_help_text(), code="password_kinds")

    def get_help_text(self) -> str:
        return "密码至少要有三类字符：小写字母、大写字母、数字、符号。"
