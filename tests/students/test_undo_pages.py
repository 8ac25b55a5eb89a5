"""Taking an import back through the browser, as a job and from the command line."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from aidcases import jobs, sql
from aidcases.flow import Refused
from aidcases.models import AuditEvent, Job
from aidcases.roles import Role
from aidcases.scoping import EVERYWHERE, acting_in
from students.imports import restoring, undo
from students.models import Enrolment, ImportFile, Student
from tests import make
from tests.personas import As, World
from tests.students.rosters import bring_in
from tests.students.test_undo import CHILD, COUNTY, HEADS, NUMBERS, PHONE, TERM, dump, freeze, roll

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}
Bring = Callable[..., ImportFile]


@pytest.fixture
def brought(county: World, tmp_path: Path) -> Bring:
    """A roster of the personas' county, committed; the school is theirs."""

    def bring(kind: str, *rows: str) -> ImportFile:
        path = tmp_path / f"{kind}.csv"
        path.write_text("\n".join((HEADS[kind], *rows)))
        return bring_in(kind, path, county=COUNTY, term=TERM)

    return bring


def told(county: World, **values: Any) -> str:
    return roll(school=county.here.primary.code, **values)


def text_of(response: Any) -> str:
    return response.content.decode()


def address(name: str, file: ImportFile) -> str:
    return reverse(name, args=[file.pk])


def work_off(file: ImportFile) -> Job:
    file.refresh_from_db()
    return jobs.work_off(Job.objects.get(pk=file.job_id))


def test_an_import_goes_back_through_the_browser(as_: As, county: World, brought: Bring):
    client, before = as_("maker"), dump()
    file = brought("roll", told(county))
    assert address("import_undo", file) in text_of(client.get(address("import_detail", file)))
    page = text_of(client.get(address("import_undo", file)))
    for part in ("会恢复", "撤销这次入库？", address("import_undo_start", file)):
        assert part in page
    assert "会保留" not in page
    under_way = text_of(client.post(address("import_undo_start", file), follow=True))
    assert "撤销入库：学籍信息" in under_way
    assert work_off(file).state == "done"
    after = dump()
    assert {table: rows for table, rows in after.items() if table != "students_importrow"} == {
        table: rows for table, rows in before.items() if table != "students_importrow"
    }
    page = text_of(client.get(address("import_detail", file)))
    for part in ("已撤销", "由 甲经办 撤销", "全部恢复成入库前的样子"):
        assert part in page
    assert address("import_undo", file) not in page
    history = text_of(client.get(reverse("import_list") + "?state=undone"))
    assert (history.count("data-open"), "已撤销" in history) == (1, True)
    assert client.get(address("import_undo", file))["Location"] == address("import_detail", file)
    [event] = AuditEvent.objects.filter(action="import.undone")
    assert (event.actor, event.data["file"], event.data["kept"]) == ("甲经办", file.pk, 0)


def test_what_came_after_it_is_not_said_to_be_as_before(as_: As, county: World, brought: Bring):
    """Another list has written to the same child: nothing of this one stays, and yet not all is as it was."""
    client = as_("maker")
    brought("roll", told(county))
    older, newer = brought("roll", told(county, room="2班")), brought("roll", told(county, room="2班", grade="四年级"))
    for file in (older, newer):
        client.post(address("import_undo_start", file))
        assert work_off(file).state == "done"
        file.batch.refresh_from_db()
        page = text_of(client.get(address("import_detail", file)))
        assert (file.batch.outcome["kept"], file.batch.outcome["alone"]) == ([], False)
        assert "这次入库写入的内容已全部撤回" in page
        assert "全部恢复成入库前的样子" not in page


def test_what_was_written_since_is_shown_before_and_after(as_: As, county: World, brought: Bring):
    client = as_("maker")
    brought("roll", told(county))
    file = brought("roll", told(county, room="2班", grade="四年级"))
    brought("roll", told(county, room="3班", grade="四年级"))
    page = text_of(client.get(address("import_undo", file)))
    assert "会保留：1 处" in page
    assert "在读：班级" in page
    assert CHILD not in page
    assert PHONE not in page
    client.post(address("import_undo_start", file))
    work_off(file)
    assert "在读的“班级”：1 处，入库后又改过" in text_of(client.get(address("import_detail", file)))


def test_what_rests_on_it_is_listed_and_nothing_can_be_clicked(as_: As, county: World, brought: Bring):
    client = as_("maker")
    file = brought("roll", told(county))
    freeze(Student.objects.get(person__name="张小明"))
    page = text_of(client.get(address("import_undo", file)))
    assert "现在还不能撤销" in page
    assert "已列入发放的资助</a>：1 笔" in page
    assert address("import_undo_start", file) not in page
    answer = client.post(address("import_undo_start", file), **HTMX)
    sentence = "还不能撤销，请先撤销以它为依据的内容：已列入发放的资助 1 笔。"
    assert (answer.status_code, text_of(answer)) == (409, sentence)
    file.refresh_from_db()
    assert file.state == "committed"


def test_listed_while_the_job_waits_it_stays_with_the_sentence(as_: As, county: World, brought: Bring):
    client = as_("maker")
    file = brought("roll", told(county))
    client.post(address("import_undo_start", file))
    freeze(Student.objects.get(person__name="张小明"))
    before = dump()
    assert work_off(file).state == "failed"
    file.refresh_from_db()
    assert (file.state, dump()) == ("committed", before)
    assert "还不能撤销，请先撤销以它为依据的内容" in text_of(client.get(address("import_detail", file)))


def test_a_whole_register_taken_back_is_told_as_such(as_: As, county: World, brought: Bring):
    client, file = as_("maker"), brought("dibao", f"张小明,{CHILD},农村低保,2018-01,")
    assert "还没有导入过整册名单" in text_of(client.get(reverse("missing_people")))
    ImportFile.objects.filter(pk=file.pk).update(whole=True, data_on="2018-09-01")
    client.post(address("import_undo_start", file))
    work_off(file)
    page = text_of(client.get(reverse("missing_people")))
    assert "整册名单已经撤销" in page
    assert "还没有导入过整册名单" not in page


def test_two_clicks_are_one_undo(as_: As, county: World, brought: Bring):
    client = as_("maker")
    file = brought("roll", told(county))
    client.post(address("import_undo_start", file))
    again = address("import_undo_start", file)
    assert text_of(client.post(again, **HTMX)) == "这次入库正在撤销，请等它结束。"
    assert Job.objects.filter(kind="students.import_undo").count() == 1
    work_off(file)
    sentence = text_of(client.post(again, **HTMX))
    assert re.fullmatch(r"这次入库 20\d\d-\d\d-\d\d \d\d:\d\d 已由 甲经办 撤销，不用再撤销。", sentence)
    page = text_of(client.get(address("import_detail", file)))
    assert "pill good" not in page
    assert "stat good" not in page


def test_a_killed_worker_leaves_nothing_half_done(as_: As, county: World, brought: Bring, monkeypatch: Any):
    """The worker dies in the middle of the steps; the job is picked up again and ends it."""
    client, before = as_("maker"), dump()
    file = brought("roll", told(county), told(county, number=NUMBERS[1], name="李小红"))
    committed = dump()
    client.post(address("import_undo_start", file))
    file.refresh_from_db()
    job = jobs.claim(file.job_id)
    assert job
    steps = restoring.STEPS

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(restoring, "STEPS", {**steps, "insert": die})
    with pytest.raises(Killed), transaction.atomic():
        jobs.perform(job)
    monkeypatch.setattr(restoring, "STEPS", steps)
    file.refresh_from_db()
    assert (file.state, dump()) == ("undoing", committed)
    assert "撤销中" in text_of(client.get(address("import_detail", file)))
    Job._base_manager.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(minutes=5))
    assert work_off(file).state == "done"
    now = dump()
    assert {t: now[t] for t in now if t != "students_importrow"} == {
        t: before[t] for t in now if t != "students_importrow"
    }


def test_a_cancelled_undo_is_gone_on_with_or_given_up(as_: As, county: World, brought: Bring):
    client = as_("maker")
    file = brought("roll", told(county))
    client.post(address("import_undo_start", file))
    assert text_of(client.post(address("import_keep", file), **HTMX)) == "正在撤销，请等它结束或先取消。"
    file.refresh_from_db()
    client.post(reverse("job_cancel", args=[file.job_id]))
    page = text_of(client.get(address("import_detail", file)))
    assert "撤销没有完成，这次入库的内容都还在" in page
    assert "没有撤销，这次入库的内容都还在" in text_of(client.post(address("import_keep", file), follow=True))
    file.refresh_from_db()
    assert file.state == "committed"
    assert Enrolment.objects.filter(student__person__name="张小明").exists()


@pytest.mark.parametrize("persona", ["checker", "school", "city", "auditor"])
def test_only_makers_take_back(as_: As, county: World, brought: Bring, persona: str):
    client, file = as_(persona), brought("roll", told(county))
    assert client.get(address("import_undo", file)).status_code == 403
    for name in ("import_undo_start", "import_keep"):
        assert client.post(address(name, file)).status_code == 403


def test_another_office_s_import_is_not_found(as_: As, county: World, brought: Bring):
    client, file = as_("other_maker"), brought("roll", told(county))
    assert client.get(address("import_undo", file)).status_code == 404
    assert client.post(address("import_undo_start", file)).status_code == 404


def test_the_page_costs_the_same_for_many_cells(
    as_: As, county: World, brought: Bring, django_assert_max_num_queries: Any
):
    client = as_("maker")
    file = brought("roll", *(told(county, number=number) for number in NUMBERS))
    brought("roll", *(told(county, number=number, room="2班") for number in NUMBERS))
    # The page's own transaction, who is signed in and the navigation among them.
    with django_assert_max_num_queries(32):
        assert "会保留" in text_of(client.get(address("import_undo", file)))


def test_an_import_from_before_the_journal_says_so(as_: As, county: World, brought: Bring):
    client, file = as_("maker"), brought("roll", told(county))
    ImportFile.objects.filter(pk=file.pk).update(batch=None)
    assert address("import_undo", file) not in text_of(client.get(address("import_detail", file)))
    assert text_of(client.post(address("import_undo_start", file), **HTMX)) == undo.TOO_OLD


def test_the_journal_holds_no_number_in_clear(county: World, brought: Bring):
    brought("roll", told(county))
    brought("roll", told(county, phone="13909310002", number=CHILD, room="2班"))
    brought("disabled", f"张小明,{CHILD},{CHILD}41,2029-12-31")
    kept = json.dumps([str(row) for row in sql.rows("SELECT * FROM students_written")])
    assert "phone" in kept
    for secret in (CHILD, PHONE, "13909310002", CHILD[6:14]):
        assert secret not in kept


# --- the command line -------------------------------------------------------------------------------------------


def test_the_command_line_takes_back_and_tells(county: World, brought: Bring):
    file = brought("roll", told(county))
    out = StringIO()
    call_command("undo_import", str(file.pk), "--region", COUNTY, "--json", stdout=out)
    result = json.loads(out.getvalue().splitlines()[-1])
    assert (result["file"], result["state"], result["kept"]) == (file.pk, "undone", [])
    assert {"what": "在读", "removed": 1, "changed": 0, "returned": 0} in result["restored"]
    with pytest.raises(CommandError, match=r"已由 系统.* 撤销，不用再撤销"):
        call_command("undo_import", str(file.pk), "--region", COUNTY)
    with pytest.raises(CommandError, match=f"皋兰县没有编号为 {file.pk} 的名单|没有编号为 {file.pk} 的名单"):
        call_command("undo_import", str(file.pk), "--region", "620122")
    again, out = brought("roll", told(county)), StringIO()
    call_command("undo_import", str(again.pk), "--region", COUNTY, stdout=out)
    assert "在读：删去 1 条，改回 0 条，找回 0 条" in out.getvalue()


def test_refused_on_the_command_line_it_stays_committed(county: World, brought: Bring):
    file = brought("roll", told(county))
    freeze(Student.objects.get(person__name="张小明"))
    with pytest.raises(CommandError, match="还不能撤销，请先撤销以它为依据的内容"):
        call_command("undo_import", str(file.pk), "--region", COUNTY)
    file.refresh_from_db()
    assert file.state == "committed"


# --- two at once ------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_undos_at_once_one_does_it(everywhere: None, tmp_path: Path):
    make.office(COUNTY)
    school = make.school(place="620123100", name="榆槐小学")
    path = tmp_path / "roll.csv"
    path.write_text("\n".join((HEADS["roll"], roll(school=school.code))))
    file = bring_in("roll", path, county=COUNTY, term=TERM)
    make.user("maker", "甲经办", file.office, Role.COUNTY_MAKER)
    gate, ended = threading.Barrier(2), []

    def take_back() -> None:
        with acting_in(EVERYWHERE):
            gate.wait(10)
            try:
                undo.undo_now(ImportFile.objects.get(pk=file.pk))
                ended.append("")
            except Refused as refused:
                ended.append(str(refused))
        connection.close()

    threads = [threading.Thread(target=take_back) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [bool(word) for word in sorted(ended)] == [False, True]
    assert "已由 系统 撤销，不用再撤销" in ended[0] + ended[1]
    file.refresh_from_db()
    assert file.state == "undone"
    assert not Enrolment.objects.exists()
