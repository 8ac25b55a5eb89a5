"""Forms of the kernel's pages."""

from __future__ import annotations

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

LONGEST_NAME = 150


class SignInForm(AuthenticationForm):
    """Refuses a name nobody can have before it is looked up, counted or logged."""

    def clean_username(self) -> str:
        name = self.cleaned_data["username"]
        if len(name) > LONGEST_NAME:
            raise ValidationError("用户名太长，请核对。")
        return name
