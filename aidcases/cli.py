"""Commands of the system: they act as `system` with the scope of --region, are audited with the operating-system
user, print one JSON object as the last line with --json, and answer bad input with one sentence and exit code 1."""

from __future__ import annotations

import getpass
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aidcases import audit
from aidcases.actions import UnknownRegion, region_named
from aidcases.flow import Refused
from aidcases.models import Job, Region
from aidcases.scoping import EVERYWHERE, Actor, Scope, acting_in
from aidcases.terms import Term, UnknownTerm


def operator() -> Actor:
    """`system`, with the operating-system user's name for the audit log."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return Actor(f"system（{user}）", all_powers=True)


class AidCommand(BaseCommand):
    """Subclasses write `arguments(parser)` and `work(options) -> dict`; `region` and `term` options are resolved."""

    wants_region = False
    wants_term = False
    plain_errors: tuple[type[Exception], ...] = (Refused, UnknownRegion, UnknownTerm, OSError)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="最后一行输出一个 JSON 对象")
        if self.wants_region:
            parser.add_argument("--region", required=True, help="行政区划代码，例如 620123")
        if self.wants_term:
            parser.add_argument("--term", required=True, help="学期，例如 2018-autumn")
        self.arguments(parser)

    def arguments(self, parser: CommandParser) -> None:
        """Adds the command's own arguments."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """On the command line the sentence stands alone, without Django's name of the exception before it."""
        try:
            return super().execute(*args, **options)
        except CommandError as problem:
            if not self._called_from_command_line:
                raise
            self.stderr.write(str(problem))
            sys.exit(problem.returncode)

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            term = Term.parse(options["term"]) if self.wants_term else None
            with acting_in(EVERYWHERE, operator()):
                region = region_named(options["region"]) if self.wants_region else None
            scope = Scope(region.path) if region else EVERYWHERE
            with acting_in(scope, operator()):
                result = self.work(options, region, term)
        except self.plain_errors as problem:
            raise CommandError(self.sentence(problem)) from None
        if options["json"]:
            self.stdout.write(json.dumps(result, ensure_ascii=False))
        else:
            self.show(result)

    def sentence(self, problem: Exception) -> str:
        if isinstance(problem, FileNotFoundError):
            return f"找不到文件 {problem.filename}。"
        if isinstance(problem, OSError):
            return f"文件 {problem.filename or ''} 读写失败：{problem.strerror or problem}。"
        return str(problem)

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        raise NotImplementedError

    def show(self, result: dict[str, Any]) -> None:
        """For people: a line per figure."""
        for name, value in result.items():
            self.stdout.write(f"{name}: {json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value}")

    def record(self, action: str, **data: Any) -> None:
        audit.record(f"command.{action}", **data)

    def show_progress(self, job: Job) -> None:
        """A line on a terminal that rewrites itself; nothing where output is kept."""
        if sys.stderr.isatty() and job.total:
            sys.stderr.write(f"\r{job.label}: {job.done}/{job.total} ")
