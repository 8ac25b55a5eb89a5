"""The demo's rosters on their ordinary way in: written as files, read, checked and committed like any other."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from aidcases.actions import open_office, region_named
from aidcases.demo import home_school
from aidcases.flow import Refused
from aidcases.models import Region
from aidcases.terms import Term
from students.demo.before import roll_before
from students.demo.rosters import make_neighbours
from students.models import ImportFile, Student
from students.models.imports import FileState

NOT_EMPTY = (
    "系统里已经有名单或学生，演示数据只装进空的系统，什么都没有改。办真事请用 manage.py run --no-demo 启动；"
    "要看演示，请用 AIDCASES_HOME 另指一个空目录。"
)


def seed(demo: Any) -> None:
    """Both counties' nine rosters for the demo's term. Raises Refused where anybody's data is in the system."""
    from students.imports import pipeline

    if ImportFile.objects.exists() or Student.objects.exists():
        raise Refused(NOT_EMPTY)
    demo.say("正在装入演示数据，大约一分钟……")
    regions = [tuple(row) for row in Region.objects.order_by("code").values_list("code", "name", "level")]
    with tempfile.TemporaryDirectory() as folder:
        made = make_neighbours(
            Path(folder),
            county=demo.county,
            neighbour=demo.neighbour,
            students=demo.students,
            seed=demo.seed,
            regions=regions,
            term=demo.term.code,
        )
        for code, files in made.items():
            office = open_office(region=region_named(code))
            for kind, path in files.items():
                file = pipeline.run_now(kind=kind, path=path, term=demo.term, office=office, commit_too=True)
                if file.state != FileState.COMMITTED:
                    raise Refused(f"演示名单“{file}”没有入库：{file.problem}")
                demo.say(f"{office}：{file.get_kind_display()} {file.counts['rows']} 行")
        _past(demo, made[demo.county]["roll"], Path(folder))


def _past(demo: Any, roll: Path, folder: Path) -> None:
    """The school of the demo's clerks was on the roll in the term before, too."""
    from students.imports import pipeline

    before = Term.containing(demo.term.first_day - timedelta(days=1))
    path = roll_before(roll, folder, school=home_school(demo.county).code, term=demo.term, before=before)
    office = open_office(region=region_named(demo.county))
    file = pipeline.run_now(kind="roll", path=path, term=before, office=office, commit_too=True)
    demo.say(f"{office}：{before.label}学籍 {file.counts['rows']} 行")
