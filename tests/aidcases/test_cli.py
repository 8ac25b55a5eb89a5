"""Commands act as the system in the region named, are recorded, and answer in one sentence or one JSON object."""

from __future__ import annotations

import getpass
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from aidcases.cli import AidCommand
from aidcases.flow import Refused
from aidcases.models import AuditEvent
from aidcases.scoping import EVERYWHERE, NobodyIsActing, Scope, acting_in, current_actor, current_scope
from aidcases.terms import Term
from students.models import Person
from tests import make
from tests.aidcases.processes import environment


class Count(AidCommand):
    """Counts the people of a region; an option says how to fail."""

    wants_region = wants_term = True

    def arguments(self, parser: Any) -> None:
        parser.add_argument("--file")
        parser.add_argument("--fail")

    def work(self, options: dict[str, Any], region: Any, term: Any) -> dict[str, Any]:
        if options["fail"] == "refused":
            raise Refused("还没有名单", "请先导入")
        if options["fail"] == "bug":
            raise KeyError("bug")
        if options["file"]:
            Path(options["file"]).read_text()
        self.record("count", region=region.code)
        self.seen = (current_scope(), current_actor(), term)
        return {"人数": Person.objects.count(), "rules": {"甲": 1}}


class Anywhere(AidCommand):
    def work(self, *_: Any) -> dict[str, Any]:
        return {"scope": current_scope().path}


def call(command: AidCommand, *arguments: str) -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def two(db: None) -> None:
    with acting_in(EVERYWHERE):
        make.person(home="620123100201")
        make.person(home="620121100001")


ASKED = ("--region", "620123", "--term", "2018-autumn")


def test_it_acts_in_the_region_as_the_system_under_the_operators_name(two: None):
    command = Count()
    assert json.loads(call(command, *ASKED, "--json")) == {"人数": 1, "rules": {"甲": 1}}
    scope, actor, term = command.seen
    assert (scope, term) == (Scope("/62/6201/620123/"), Term(2018, "autumn"))
    assert (actor.name, actor.all_powers, actor.user_id) == (f"system（{getpass.getuser()}）", True, None)
    with acting_in(EVERYWHERE):
        event = AuditEvent.objects.get(action="command.count")
    assert (event.actor, event.path, event.data) == (actor.name, "/62/6201/620123/", {"region": "620123"})


def test_without_a_region_it_acts_everywhere(db: None):
    assert json.loads(call(Anywhere(), "--json")) == {"scope": "/"}


def test_nobody_acts_after_it(two: None):
    call(Count(), *ASKED)
    with pytest.raises(NobodyIsActing):
        current_scope()


def test_for_people_it_writes_a_line_per_figure(two: None):
    assert call(Count(), *ASKED).splitlines() == ["人数: 1", 'rules: {"甲": 1}']


def test_the_json_object_is_the_last_line_and_readable(two: None):
    last = call(Count(), *ASKED, "--json").splitlines()[-1]
    assert "人数" in last  # not escaped


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--region", "620123", "--term", "2018"),
            "学期“2018”认不出，请写成 2018-autumn（秋季）或 2019-spring（春季）。",
        ),
        (
            ("--region", "999999", "--term", "2018-autumn"),
            "行政区划代码“999999”不在区划表里，请写县级 6 位代码，例如 620123。",
        ),
        ((*ASKED, "--fail", "refused"), "还没有名单；请先导入"),
        ((*ASKED, "--file", "nothere.xlsx"), "找不到文件 nothere.xlsx。"),
        ((*ASKED, "--file", "."), "文件 . 读写失败：Is a directory。"),
    ],
)
def test_bad_input_is_one_sentence(two: None, arguments: tuple[str, ...], sentence: str):
    with pytest.raises(CommandError) as refused:
        call(Count(), *arguments)
    assert str(refused.value) == sentence
    assert refused.value.returncode == 1


def test_a_bug_is_not_dressed_up_as_bad_input(two: None):
    with pytest.raises(KeyError):
        call(Count(), *ASKED, "--fail", "bug")


def test_a_process_ends_with_one_and_one_line_on_bad_input(db: None):
    done = subprocess.run(
        [sys.executable, "manage.py", "recompute", "--term", "x", "--region", "620123", "--json"],
        cwd=settings.PROJECT, env=environment(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "学期“x”认不出" in done.stderr
