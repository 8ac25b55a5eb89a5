"""No file holds anything of the machine that made it, and the locks fit the declared dependencies."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from django.conf import settings

PROJECT = Path(settings.PROJECT)
LOCKS = ("runtime.txt", "dev.txt")

# In pieces, so that this file passes its own test.
HOSTS = [
    ".".join(name)
    for name in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("npmmirror", "com"),
        ("unpkg", "com"),
        ("jsdelivr", "net"),
        ("cdnjs", "cloudflare", "com"),
        ("deb", "debian", "org"),
        ("proxy", "golang", "org"),
        ("tuna", "tsinghua", "edu", "cn"),
        ("mirrors", "aliyun", "com"),
    ]
]
MACHINE_PATHS = [
    "/".join(("", *parts, "")) for parts in [("work", "main"), ("work", "shared"), ("root", ".pyenv")]
]
# Vendored code speaks of its own origin in its licence lines.
VENDORED = ("static/vendor/",)
TEXT = {
    ".py",
    ".toml",
    ".txt",
    ".md",
    ".html",
    ".css",
    ".js",
    ".yml",
    ".yaml",
    ".json",
    ".sh",
    ".example",
    ".cfg",
    "",
}


def project_files() -> list[Path]:
    """Tracked files and new ones that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    return [PROJECT / name for name in listed.split("\0") if name and (PROJECT / name).is_file()]


def locked(name: str) -> dict[str, str]:
    """Versions by package of a lock file."""
    text = (PROJECT / "requirements" / name).read_text()
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==([^\s;\\]+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_address_and_hashes_everything(name):
    text = (PROJECT / "requirements" / name).read_text()
    for forbidden in ("http", "://", "--index", "--extra-index", "--find-links", "file:"):
        assert forbidden not in text
    entries = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert len(entries) == len(locked(name)) > 30
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_what_runs_is_locked_alike_for_development_and_production():
    runtime, dev = locked("runtime.txt"), locked("dev.txt")
    assert runtime.items() <= dev.items()
    assert "pytest" not in runtime


def test_every_declared_dependency_is_locked_and_says_why():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    declared = [re.match(r"[a-z0-9-]+", entry)[0] for entry in project["project"]["dependencies"]]
    assert set(declared) <= set(locked("runtime.txt"))
    text = (PROJECT / "pyproject.toml").read_text()
    listed = text[text.index("\ndependencies") : text.index("\n[tool.ruff]")]
    assert [line for line in listed.splitlines() if line.startswith('    "') and "#" not in line] == []
    development = [re.match(r"[a-z0-9-]+", entry)[0] for entry in project["dependency-groups"]["dev"]]
    assert set(development) <= set(locked("dev.txt"))


@pytest.mark.parametrize("name", [".ci/run", "requirements/install.sh", "manage.py"])
def test_scripts_are_executable(name):
    assert os.access(PROJECT / name, os.X_OK)


def test_no_file_names_a_package_registry_or_a_path_of_a_machine():
    forbidden = re.compile("|".join(map(re.escape, [*HOSTS, *MACHINE_PATHS])), re.IGNORECASE)
    found = []
    for path in project_files():
        name = str(path.relative_to(PROJECT))
        if name.startswith(VENDORED) or path.suffix not in TEXT:
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        found += [f"{name}: {match[0]}" for match in forbidden.finditer(text)]
    assert found == []
