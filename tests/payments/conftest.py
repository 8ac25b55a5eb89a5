"""The people of casework, for payments."""

from tests.casework.conftest import browser, crew  # noqa: F401
