"""Re-fetches the vendored browser assets named in vendor.toml, or checks the committed ones.

Usage: python static/refresh.py [--check]. Fetching goes through the machine's own `npm` client.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENDOR = HERE / "vendor"
SUMS = VENDOR / "SHA256SUMS"
# A map that is not served breaks hashed file names and costs a failing request.
SOURCE_MAP = re.compile(rb"\n?(//# sourceMappingURL=[^\n]*|/\*# sourceMappingURL=[^*]*\*/)\s*$")
# The style sheet asks for its font in the folder fonts/ beside it.
KEPT_FOLDERS = ("fonts",)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def packages() -> dict[str, dict]:
    """What vendor.toml asks for: name → version, sha256 of the package, files inside it."""
    return tomllib.loads((HERE / "vendor.toml").read_text(encoding="utf-8"))


def place(name: str, path: str) -> Path:
    """Where a file of a package is committed: vendor/<package>/<file name>."""
    parts = Path(path).parts
    kept = [part for part in parts[:-1] if part in KEPT_FOLDERS]
    return VENDOR.joinpath(name, *kept, parts[-1])


def fetch(name: str, version: str, expected: str, folder: Path) -> Path:
    """The package as `npm pack` delivers it; stops when its SHA-256 is not the recorded one."""
    command = ["npm", "pack", "--silent", f"{name}@{version}"]
    found = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.split()[-1]
    package = folder / found
    if (actual := sha256(package.read_bytes())) != expected:
        sys.exit(f"{name}@{version}: SHA-256 is {actual}, vendor.toml says {expected}. Nothing was changed.")
    return package


def unpack(name: str, package: Path, files: list[str]) -> dict[Path, bytes]:
    """Only the files that are served, without their source map line."""
    with tarfile.open(package) as archive:
        return {
            place(name, path): SOURCE_MAP.sub(b"\n", archive.extractfile(f"package/{path}").read())
            for path in files
        }


def refresh() -> None:
    """Replaces vendor/ as a whole, after every package has been fetched and found right."""
    contents: dict[Path, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, wanted in packages().items():
            package = fetch(name, wanted["version"], wanted["sha256"], Path(folder))
            contents |= unpack(name, package, wanted["files"])
    shutil.rmtree(VENDOR, ignore_errors=True)
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    lines = [f"{sha256(content)}  {path.relative_to(VENDOR)}\n" for path, content in sorted(contents.items())]
    SUMS.write_text("".join(lines), encoding="utf-8")


def differences() -> list[str]:
    """Files of vendor/ that are missing, changed or not asked for; empty when all is as fetched."""
    recorded = dict(reversed(line.split("  ", 1)) for line in SUMS.read_text(encoding="utf-8").splitlines())
    asked = {
        str(place(n, path).relative_to(VENDOR))
        for n, wanted in packages().items()
        for path in wanted["files"]
    }
    present = {
        str(path.relative_to(VENDOR)): sha256(path.read_bytes())
        for path in VENDOR.rglob("*")
        if path.is_file() and path != SUMS
    }
    names = recorded.keys() | asked | present.keys()
    return sorted(n for n in names if n not in asked or present.get(n, "missing") != recorded.get(n))


if __name__ == "__main__":
    if "--check" not in sys.argv[1:]:
        refresh()
    if wrong := differences():
        sys.exit("vendor/ is not as recorded: " + ", ".join(wrong))
    print("vendor/ is as recorded.")
