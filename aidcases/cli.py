"""Commands of the system: they act as 系统 with the scope of --region, are audited with the operating-system
user, print one JSON object as the last line with --json, and answer bad input with one sentence and exit code 1."""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aidcases import audit, jobs
from aidcases.actions import UnknownRegion, region_named
from aidcases.flow import Refused
from aidcases.models import Job, Region
from aidcases.models.records import JobState
from aidcases.scoping import EVERYWHERE, Actor, Scope, acting_in
from aidcases.terms import Term, UnknownTerm
from aidcases.wording import FIGURES


def operator() -> Actor:
    """The system, with the operating-system user's name for the audit log."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return Actor(f"系统（{user}）", all_powers=True)


# What argparse says of a wrong command line → the same for a clerk.
_WRONG = (
    (r"the following arguments are required: (.+)", "缺少参数：{0}。"),
    (r"unrecognized arguments: (.+)", "不认识的参数：{0}。"),
    (r"argument (\S+): expected .*", "参数 {0} 后面要写内容。"),
    (r"argument (\S+): invalid int value: '(.*)'", "参数 {0} 要写整数，不能是“{1}”。"),
    (r"argument (\S+): invalid float value: '(.*)'", "参数 {0} 要写数字，不能是“{1}”。"),
    (r"argument (\S+): invalid choice: '(.*)' \(choose from (.+)\)", "参数 {0} 不能是“{1}”，可用：{2}。"),
    (r"argument (\S+): not allowed with argument (\S+)", "参数 {0} 和 {1} 只能写一个。"),
    (r"one of the arguments (.+) is required", "这些参数要写一个：{0}。"),
    (r"ambiguous option: (\S+) could match (.+)", "参数 {0} 不完整，可能是：{1}。"),
)


def in_plain_words(problem: str) -> str:
    """A sentence of argparse in Chinese; what it does not know is passed on."""
    for pattern, sentence in _WRONG:
        if found := re.fullmatch(pattern, problem):
            return sentence.format(*found.groups())
    return f"参数写错了：{problem}。"


class PlainCommand(BaseCommand):
    """A command whose refusals, those of wrong arguments included, are one sentence and exit code 1.

    What `manage.py check` looks at was looked at by `migrate` and `run`; a command starts without it, and sooner.
    """

    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)

        def refuse(problem: str) -> NoReturn:
            sentence = f"{in_plain_words(problem)}用法见 manage.py {subcommand} --help。"
            if not self._called_from_command_line:
                raise CommandError(sentence)
            self.stderr.write(sentence)
            sys.exit(1)

        setattr(parser, "error", refuse)  # noqa: B010  (Django makes the parser itself, of a class of its own)
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        """On the command line the sentence stands alone, without Django's name of the exception before it."""
        try:
            return super().execute(*args, **options)
        except CommandError as problem:
            if not self._called_from_command_line:
                raise
            self.stderr.write(str(problem))
            sys.exit(problem.returncode)


def figure(name: str, value: Any) -> str:
    """One figure of a result as people read it: 学生：605 人. The parts of a figure stand in one line."""
    label, unit = FIGURES.get(name, (name, ""))
    if isinstance(value, bool):
        value = "是" if value else "否"
    elif isinstance(value, int):
        value = f"{value:,}"
    elif isinstance(value, dict):
        return f"{label}：{'，'.join(figure(part, told) for part, told in value.items())}"
    return f"{label}：{value}{f' {unit}' if unit and value != '' else ''}"


def refuse_without_folder(out: Path) -> None:
    """Before any work is done: raises CommandError where the file could not be put."""
    if not out.parent.is_dir():
        raise CommandError(f"文件夹 {out.parent} 不存在，请先建立。")


def deliver(content: BinaryIO, out: Path) -> None:
    """Copies an open file to where it is wanted: whole or not at all, readable by this account only."""
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file, content:
            shutil.copyfileobj(content, file)
        part.replace(out)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


class AidCommand(PlainCommand):
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
        """For people: a line per figure, and one below it for each part of a figure."""
        for name, value in result.items():
            if isinstance(value, dict):
                self.stdout.write(figure(name, "") if value else figure(name, "没有"))
                for part, told in value.items():
                    self.stdout.write("  " + figure(part, told))
            else:
                self.stdout.write(figure(name, value))

    def progress(self, line: str) -> None:
        """What is going on, for people; apart from the result, and not in the red of a refusal."""
        self.stderr.write(line, style_func=str)

    def record(self, action: str, **data: Any) -> None:
        audit.record(f"command.{action}", **data)

    def worked_off(self, job_id: int, name: str) -> Job:
        """The job, done in this process; raises CommandError with the reason where it did not end well."""
        job = jobs.work_off(Job.objects.get(pk=job_id), every=self.show_progress)
        if job.state != JobState.DONE:
            raise CommandError(job.error or f"{name}已被取消。")
        return job

    def show_progress(self, job: Job) -> None:
        """A line on a terminal that rewrites itself; nothing where output is kept."""
        if sys.stderr.isatty() and job.total:
            sys.stderr.write(f"\r{job.label}: {job.done}/{job.total} ")
