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

from aidcases.cli import AidCommand, in_plain_words
from aidcases.flow import Refused
from aidcases.models import AuditEvent, Organisation, User
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
    assert (actor.name, actor.all_powers, actor.user_id) == (f"系统（{getpass.getuser()}）", True, None)
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
    assert call(Count(), *ASKED).splitlines() == ["人数：1", "各条规则：", "  甲：1"]
    figures = {"students": 1605, "rules": {"甲": {"students": 5, "amount": "2500.00"}}, "reasons": {}, "active": True}
    out = io.StringIO()
    Count(stdout=out).show(figures)
    assert out.getvalue().splitlines() == [
        "学生：1,605 人", "各条规则：", "  甲：学生：5 人，金额：2500.00 元", "待核对和退回的原因：没有", "采用：是",
    ]  # fmt: skip


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


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("recompute", "--term", "x", "--region", "620123", "--json"), "学期“x”认不出"),
        (("recompute", "--region", "620123"), "缺少参数：--term。用法见 manage.py recompute --help。"),
        (("run", "--port", "x"), "参数 --port 要写整数，不能是“x”。用法见 manage.py run --help。"),
    ],
)
def test_a_process_ends_with_one_and_one_line_on_bad_input(db: None, arguments: tuple[str, ...], sentence: str):
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.PROJECT, env=environment(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert sentence in done.stderr


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        ("unrecognized arguments: --foo bar", "不认识的参数：--foo bar。"),
        ("argument --out: expected one argument", "参数 --out 后面要写内容。"),
        ("argument --x: invalid choice: 'a' (choose from 'b', 'c')", "参数 --x 不能是“a”，可用：'b', 'c'。"),
        ("something new", "参数写错了：something new。"),
    ],
)
def test_what_argparse_says_is_said_in_chinese(problem: str, sentence: str):
    assert in_plain_words(problem) == sentence


def test_a_wrong_argument_is_refused_the_same_inside_python(two: None):
    with pytest.raises(CommandError, match="不认识的参数：--nothing"):
        call(Count(), *ASKED, "--nothing")


def told_by(command: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def test_computing_a_term_nobody_studies_in_says_so(two: None):
    told = told_by("recompute", "--region", "620123", "--term", "2030-autumn")
    assert told.startswith("学生：0 人\n")
    assert "一名学生也没有算：这个学期这个地区没有在读学生" in told


@pytest.mark.parametrize("code", ["6201", "62", "620123100"])
def test_rosters_are_a_county_s(two: None, code: str):
    with pytest.raises(CommandError, match="--region 请写县区的 6 位代码"):
        call_command("import_roster", "roll", "x.xlsx", "--region", code, "--term", "2018-autumn")


def test_the_demo_goes_into_an_empty_system_only(two: None):
    with acting_in(EVERYWHERE):
        school = make.school()
        make.student(at=school)
    with pytest.raises(CommandError, match="演示数据只装进空的系统，什么都没有改"):
        call_command("seed_demo")
    with acting_in(EVERYWHERE):
        assert not AuditEvent.objects.exclude(action="office.opened").exists()
    assert not User.objects.exists()
    assert not Organisation.objects.exists()
