"""A fresh home and the command line alone: the sample county exactly, and no number in clear anywhere at rest."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from aidcases import postgres
from tests.conftest import manage
from tests.students.rosters import SAMPLE, SAMPLE_FILES

TERM, COUNTY = "2018-autumn", "620123"
ANSWERS = json.loads((SAMPLE / "expected.json").read_text())
DROPOUT = {
    "not_enrolled": "hukou_minus_enrolment",
    "absent": "enrolment_minus_present",
    "poor": "poor_among_both",
    "off_roster": "poor_on_no_other_roster",
}


def said(home: Path, *arguments: str, **options: object) -> dict:
    """Runs a command with --json and returns its last line."""
    done = manage(*arguments, "--json", home=home, env={"DATABASE_URL": ""}, **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def refused(home: Path, *arguments: str) -> str:
    """Runs a command that must fail with exit code 1 and one sentence; returns it."""
    done = manage(*arguments, "--json", home=home, env={"DATABASE_URL": ""})
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.strip()]
    assert not line.startswith("CommandError")
    return line


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("home")
    done = manage("migrate", home=folder, env={"DATABASE_URL": ""})
    assert done.returncode == 0, done.stderr
    yield folder
    postgres.stop(folder)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_county_on_the_command_line(home: Path, tmp_path: Path) -> None:
    said(home, "load_pack", "lanzhou")
    said(home, "adopt_pack", "lanzhou", "--region", "6201")
    for kind, path in SAMPLE_FILES.items():
        extra = ["--errors", str(tmp_path / "退回.xlsx")] if kind == "poverty" else []
        counts = said(home, "import_roster", kind, str(path), "--term", TERM, "--region", COUNTY, "--commit", *extra)
        assert sum(counts[state] for state in ("new", "changed", "unchanged", "review", "rejected")) == counts["rows"]
    result = said(home, "recompute", "--term", TERM, "--region", COUNTY)
    assert (result["students"], result["rules"]) == (ANSWERS["enrolled"], ANSWERS["totals"])
    again = said(home, "recompute", "--term", TERM, "--region", COUNTY)
    assert (again["added"], again["changed"], again["withdrawn"]) == (0, 0, 0)
    assert again["certificate"] == result["certificate"]

    out = tmp_path / "应享.jsonl"
    said(home, "entitlements", "--term", TERM, "--region", COUNTY, "--out", str(out), "--purpose", "验收")
    found: dict[str, dict] = {}
    for line in map(json.loads, out.read_text().splitlines()):
        found.setdefault(line["id_number"], {})[line["rule"]] = line["amount"]
    assert {number: found.get(number, {}) for number in ANSWERS["entitlements"]} == ANSWERS["entitlements"]

    number = next(n for n, rules in ANSWERS["entitlements"].items() if "lz-loan" in rules)
    told = said(home, "explain", "--id-number", "-", "--term", TERM, input=number + "\n")
    assert told["rules"]["lz-loan"]["granted"] == "yes"

    ledger = tmp_path / "台账.xlsx"
    asked = ["--term", TERM, "--region", COUNTY, "--out", str(ledger), "--purpose", "验收"]
    issued = said(home, "ledger", "poverty-register", *asked)
    assert issued["rows"] > 0
    assert ledger.stat().st_size > 10_000
    assert said(home, "verify_ledger", str(ledger)) == {"result": "unchanged"}

    asked = ["--term", TERM, "--region", COUNTY, "--purpose", "验收"]
    told = said(home, "compare_rosters", *asked)
    assert {DROPOUT[name]: numbers for name, numbers in told.items()} == ANSWERS["dropout"]
    drawn = said(home, "draw_inspection", *asked, "--seed", "20181008", "--size", "3")
    other = [each["id_number"] for each in drawn["drawn"] if each["stratum"] == "其他在校生·小学"]
    ranks = [hashlib.sha256(f"20181008|other-primary|{number}".encode()).hexdigest() for number in other]
    assert (len(ranks), ranks) == (3, sorted(ranks))
    nothing_in_clear(home)


def nothing_in_clear(home: Path) -> None:
    """No sample ID number in a dump of the database or in any file of the data directory, the database's own included."""
    numbers = set(ANSWERS["entitlements"])
    pg_dump = [postgres.binaries() / "bin" / "pg_dump", "-h", postgres.Cluster(home).socket_directory()]
    dump = subprocess.run([*map(str, pg_dump), "-U", "aidcases", "aidcases"], capture_output=True, check=True).stdout
    look(dump, numbers, "the dump")
    for path in home.rglob("*"):
        if path.is_file():
            look(path.read_bytes(), numbers, str(path))


def look(data: bytes, numbers: set[str], where: str) -> None:
    seen = {run.decode() for run in re.findall(rb"(?<!\d)\d{17}[\dXx](?!\d)", data)}
    # Roll numbers (letter + number) and certificates (number + 2 digits) carry the number inside longer runs.
    seen |= {run.decode()[:18] for run in re.findall(rb"\d{17}[\dXx]\d{2}", data)}
    assert not (seen & numbers), f"{len(seen & numbers)} numbers in clear in {where}"


def test_bad_input_gets_one_sentence(home: Path) -> None:
    assert "2018-autumn" in refused(home, "recompute", "--term", "2018-winter", "--region", COUNTY)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["recompute", "--term", TERM, "--region", "999999"], "行政区划代码"),
        (["import_roster", "roll", "nowhere.xlsx", "--term", TERM, "--region", COUNTY], "找不到文件"),
        (["import_roster", "roll", "nowhere.xlsx", "--term", TERM, "--region", "6201"], "县区的 6 位代码"),
        (["import_roster", "rolls", "nowhere.xlsx", "--term", TERM, "--region", COUNTY], "名单"),
        (["load_pack", "nowhere"], "lanzhou"),
        (["adopt_pack", "nowhere", "--region", "6201"], "load_pack"),
        (["compare_rosters", "--term", TERM, "--region", COUNTY, "--purpose", " "], "用途"),
        (["compare_rosters", "--term", TERM, "--region", COUNTY, "--purpose", "核对"], "还没有导入"),
        (["draw_inspection", "--term", TERM, "--region", COUNTY, "--purpose", "抽查", "--seed", "1"], "没有可以抽取的学生"),
        (["verify_ledger", "nowhere.xlsx"], "找不到文件"),
        (["explain", "--id-number", "123", "--term", TERM], "证件号码"),
        (["entitlements", "--term", TERM, "--region", COUNTY, "--out", "x.jsonl", "--purpose", " "], "用途"),
    ],
)
def test_a_sentence_says_what_is_wrong(arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError) as told:
        call_command(*arguments)
    assert words in str(told.value)
    assert "\n" not in str(told.value)
