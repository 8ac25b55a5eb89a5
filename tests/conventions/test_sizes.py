"""The tail stays short: functions of 40 lines, classes of 250, modules of 400; every module says what it is for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOTS = (
    "aidcases",
    "students",
    "subsidies",
    "dropout",
    "ledgers",
    "benchmarks",
    "manage.py",
    "static",
    ".ci",
)
FUNCTION, CLASS, MODULE, DOCSTRING = 40, 250, 400, 3


def modules() -> list[Path]:
    """The project's own Python, without what Django generates."""
    found = []
    for root in (Path(settings.PROJECT) / name for name in ROOTS):
        found += [root] if root.suffix == ".py" else sorted(root.rglob("*.py"))
    return [path for path in found if "migrations" not in path.parts]


def too_long(text: str) -> Iterator[str]:
    """What in a module is over its ceiling."""
    if (lines := len(text.splitlines())) > MODULE:
        yield f"module: {lines} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            limit = FUNCTION
        elif isinstance(node, ast.ClassDef):
            limit = CLASS
        else:
            continue
        if (lines := node.end_lineno - node.lineno + 1) > limit:
            yield f"{node.name}: {lines} lines"


def test_the_modules_are_found():
    assert len(modules()) > 100


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(settings.PROJECT)))
def test_nothing_is_too_long(path: Path):
    assert list(too_long(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(settings.PROJECT)))
def test_a_module_says_in_at_most_three_lines_what_it_is_for(path: Path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if not tree.body:
        return
    told = (ast.get_docstring(tree) or "").split("\n\n")[0]
    assert told
    assert len(told.splitlines()) <= DOCSTRING


def test_the_ceilings_are_noticed():
    long_function = "def f():\n" + "    x = 1\n" * FUNCTION
    assert list(too_long(long_function)) == ["f: 41 lines"]
    assert list(too_long("class C:\n" + "    x = 1\n" * CLASS)) == ["C: 251 lines"]
    assert list(too_long("x = 1\n" * (MODULE + 1))) == ["module: 401 lines"]
    assert list(too_long("def f():\n" + "    x = 1\n" * (FUNCTION - 1))) == []
