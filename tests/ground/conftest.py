"""A server that is killed has what was committed: here a commit waits for the disk, as it does at work."""

import pytest

from tests.conftest import HURRY


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(HURRY, raising=False)
