"""Speed and scale: `make bench`, or python -m benchmarks [--only …] [--students N] [--rows N] [--out FILE].

Everything happens on a database of its own: a new one in a temporary folder, or the empty one of DATABASE_URL.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECTIONS = ("workbook", "notice", "dropout", "payments", "import", "casework", "recompute", "pages")


def workbook(options: argparse.Namespace) -> Any:
    from benchmarks.bench_workbook import main

    return main(options.ledger_rows)


def notice(options: argparse.Namespace) -> Any:
    from benchmarks.bench_notice import main

    return main()


def dropout(options: argparse.Namespace) -> Any:
    from benchmarks.bench_dropout import main

    return main(options.children, options.repeats)


def payments(options: argparse.Namespace) -> Any:
    from benchmarks.bench_payments import main

    return main(options.payment_lines)


def imports(options: argparse.Namespace) -> Any:
    from benchmarks.bench_import import main

    return main(options.rows)


def casework(options: argparse.Namespace) -> Any:
    from benchmarks.bench_casework import main

    return main(options.applications, options.repeats)


def recompute(options: argparse.Namespace) -> Any:
    from benchmarks.bench_recompute import main

    return main(options.students)


def pages(options: argparse.Namespace) -> Any:
    from benchmarks.bench_pages import main

    return main(options.repeats)


RUN: dict[str, Callable[[argparse.Namespace], Any]] = {
    "workbook": workbook,
    "notice": notice,
    "dropout": dropout,
    "payments": payments,
    "import": imports,
    "casework": casework,
    "recompute": recompute,
    "pages": pages,
}


def table(name: str, found: Any) -> str:
    """The figures of a section for people, one a line; what is a list of rows, as a table."""
    if isinstance(found, list):
        return f"\n{name}\n" + rows(found)
    lines = [f"\n{name}"]
    for key, value in found.items():
        nested = isinstance(value, list) and value and isinstance(value[0], dict)
        lines.append(f"  {key}:\n{rows(value)}" if nested else f"  {key:28} {value}")
    return "\n".join(lines)


def rows(found: list[dict[str, Any]]) -> str:
    heads = list(dict.fromkeys(key for row in found for key in row))
    cells = [heads, *([str(row.get(head, "")) for head in heads] for row in found)]
    widths = [max(len(line[n]) for line in cells) for n in range(len(heads))]
    return "\n".join("  " + "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in cells)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=SECTIONS, nargs="+", default=SECTIONS)
    parser.add_argument("--students", type=int, default=1_000_000, help="of the recompute and the pages")
    parser.add_argument("--rows", type=int, default=50_000, help="of the import")
    parser.add_argument("--ledger-rows", type=int, default=100_000)
    parser.add_argument("--payment-lines", type=int, default=100_000)
    parser.add_argument("--children", type=int, default=300_000, help="on each roster that is compared")
    parser.add_argument("--applications", type=int, default=20_000, help="of casework, in one county")
    parser.add_argument("--repeats", type=int, default=40, help="requests of each page")
    parser.add_argument("--out", type=Path, help="the JSON is written there too")
    options = parser.parse_args()
    if "pages" in options.only and "recompute" not in options.only:
        parser.error("the pages are measured on the city that the recompute leaves behind: --only recompute pages")
    return options


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Section → figures; each section's table is printed as soon as it is known."""
    import django

    django.setup()
    from django.core.management import call_command

    from aidcases.scoping import EVERYWHERE, acting_in

    call_command("migrate", verbosity=0)
    found = {}
    with acting_in(EVERYWHERE):
        from students.models import Person

        if Person.objects.exists():
            sys.exit("错误：DATABASE_URL 指向的数据库里已有数据，测速要用空的数据库。")
        for name in (name for name in SECTIONS if name in options.only):
            found[name] = RUN[name](options)
            print(table(name, found[name]), flush=True)
    return found


def main() -> None:
    options = arguments()
    home = Path(tempfile.mkdtemp(prefix="aidcases-bench-"))
    home.chmod(0o755)
    os.environ |= {"AIDCASES_HOME": str(home), "DJANGO_SETTINGS_MODULE": "aidcases.settings"}
    from aidcases import postgres

    try:
        text = json.dumps(measure(options), ensure_ascii=False, default=str)
    finally:
        postgres.stop(home)
        shutil.rmtree(home, ignore_errors=True)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
