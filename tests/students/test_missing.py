"""Whole registers: who is not on the newer one waits for a decision, ends from its date, is kept or comes back."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aidcases import jobs, sql
from aidcases.flow import Refused
from aidcases.models import AuditEvent, Job
from aidcases.scoping import Actor
from aidcases.terms import Term
from students.facts import hardships_in
from students.imports import missing, pipeline, undo
from students.models import Batch, Hardship, ImportFile, Missing, Person
from tests import make
from tests.personas import CANARY, TERM, As, World

FIRST, SECOND, THIRD = date(2018, 9, 10), date(2019, 3, 15), date(2019, 9, 20)
MAKER = Actor("甲经办", all_powers=True)
MOMENT = "2019-04-01T08:00Z"
HEADS = {
    "poverty": "姓名,证件号码,户编号,与户主关系,识别年度",
    "tekun": "姓名,证件号码,城乡类别,起始年月",
    "dibao": "成员姓名,成员证件号码,城乡类别,起始年月",
    "disabled": "姓名,证件号码,残疾类别",
}


class County:
    """An office that imports registers, and the numbers of its people by name."""

    def __init__(self, folder: Path, code: str = "620123"):
        self.folder, self.code, self.office, self.files = folder, code, make.office(code), 0
        self.numbers: dict[str, str] = {}

    def number(self, name: str) -> str:
        return self.numbers.setdefault(name, make.id_number(self.code))

    def bring(self, kind: str, rows: list[str], *, data_on: date | None = None, whole: bool = True) -> ImportFile:
        """A file of lines `name,…`; the number is put in, unless the line has one (name=number,…)."""
        self.files += 1
        path = self.folder / f"{self.code}-{kind}-{self.files}.csv"
        lines = []
        for row in rows:
            name, *more = row.split(",")
            name, _, number = name.partition("=")
            lines.append(",".join([name, number or self.number(name), *more]))
        path.write_text("\n".join([HEADS[kind], *lines]), encoding="utf-8")
        return pipeline.run_now(
            kind=kind, path=path, term=Term.parse("2018-autumn"), office=self.office, commit_too=True, whole=whole,
            data_on=data_on,
        )  # fmt: skip


@pytest.fixture
def here(db: None, everywhere: None, tmp_path: Path) -> County:
    return County(tmp_path)


def poor(name: str, household: str = "62012310020100001", relation: str = "之子") -> str:
    return f"{name},{household},{relation},2016"


def tekun(name: str, area: str = "农村") -> str:
    return f"{name},{area},201801"


def asked(state: str = "open") -> list[str]:
    return sorted(Missing.objects.filter(state=state).values_list("person__name", flat=True))


def held(name: str, term: str) -> set[str]:
    return set(hardships_in(Term.parse(term)).filter(person__name=name).values_list("category", flat=True))


def questions(*names: str):
    return Missing.objects.filter(person__name__in=names)


def end(*names: str, why: str = "") -> int:
    return missing.end(questions(*names), by=MAKER, why=why, at=MOMENT)


@pytest.fixture
def gone(here: County) -> County:
    """张一, 张二 and 张三 on the first register; 张二 and 张三 not on the second."""
    here.bring("poverty", [poor("张一"), poor("张二"), poor("张三", "62012310020100002")], data_on=FIRST)
    file = here.bring("poverty", [poor("张一")], data_on=SECOND)
    assert (file.state, file.summary["missing"]) == ("committed", 2)
    return here


def test_who_is_not_on_the_newer_register_is_asked_about_and_nothing_ends(gone: County):
    assert asked() == ["张三", "张二"]
    assert {row.from_on for row in Missing.objects.all()} == {SECOND}
    assert held("张二", "2019-autumn") == {"registered_poor"}
    assert not Hardship.objects.filter(active=False).exists()


def test_ended_from_the_registers_date_and_not_deleted(gone: County):
    assert end("张二", why="已脱贫迁出") == 1
    [row] = Hardship.objects.filter(person__name="张二", active=False)
    assert (row.category, row.source, row.from_on, row.office_path) == ("registered_poor", "poverty", SECOND, gone.office.path)
    assert Hardship.objects.filter(person__name="张二", active=True).count() == 1
    assert held("张二", "2019-spring") == {"registered_poor"}  # it counted on days of that term
    assert held("张二", "2019-autumn") == set()
    assert held("张三", "2019-autumn") == {"registered_poor"}
    question = questions("张二").get()
    assert (question.state, question.why, question.decided_by) == ("ended", "已脱贫迁出", "甲经办")
    assert question.batch.kind == "ending"
    assert AuditEvent.objects.get(action="missing.end", subject_id=question.pk).note == "已脱贫迁出"
    assert end("张二") == 0
    assert Batch.objects.filter(kind="ending").count() == 1


def test_students_are_computed_anew(gone: County):
    school = make.school()
    person = Person.objects.get(name="张二")
    from students.models import Student

    student = Student.objects.get_or_create(person=person)[0]
    make.enrolment(student, at=school, term="2019-autumn")
    sql.run("DELETE FROM subsidies_mark")
    end("张二")
    assert sql.rows("SELECT term, student_id FROM subsidies_mark") == [{"term": "2019-autumn", "student_id": student.pk}]


def test_kept_with_a_reason_only(gone: County):
    with pytest.raises(Refused, match="仍保留要写明理由"):
        missing.keep(questions("张二"), by=MAKER, why=" ", at=MOMENT)
    assert missing.keep(questions("张二"), by=MAKER, why="名单漏报", at=MOMENT) == 1
    assert asked() == ["张三"]
    assert held("张二", "2019-autumn") == {"registered_poor"}


def test_a_decision_taken_back_leaves_no_trace(gone: County):
    before = hardships()
    end("张二", "张三")
    missing.keep(questions(), by=MAKER, why="无", at=MOMENT)
    assert missing.reopen(questions("张二"), by=MAKER, at=MOMENT) == 1
    assert (asked(), asked("ended")) == (["张二"], ["张三"])
    assert held("张二", "2019-autumn") == {"registered_poor"}
    assert held("张三", "2019-autumn") == set()
    assert Batch.objects.get(kind="ending").state == "standing"
    missing.reopen(questions("张三"), by=MAKER, at=MOMENT)
    assert hardships() == before
    assert Batch.objects.get(kind="ending").state == "undone"
    assert end("张二", "张三") == 2


def hardships() -> list:
    return sql.rows("SELECT to_jsonb(t) AS row FROM students_hardship t ORDER BY id")


def test_who_began_on_the_registers_very_day(here: County):
    here.bring("tekun", ["李一,农村,20190315", tekun("李二")], data_on=FIRST)
    before = hardships()
    here.bring("tekun", [tekun("李二")], data_on=SECOND)
    assert end("李一") == 1
    assert held("李一", "2019-spring") == set()
    missing.reopen(questions("李一"), by=MAKER, at=MOMENT)
    assert hardships() == before


def test_every_category_of_the_register_ends_and_other_sources_stay(here: County):
    here.bring("dibao", ["王一,农村,201701", "王二,农村,201701"], data_on=FIRST)
    here.bring("dibao", ["王一,城市,201801", "王二,农村,201701"], data_on=date(2018, 10, 1), whole=False)
    here.bring("tekun", ["王一,农村,201801"], data_on=FIRST)
    here.bring("dibao", ["王二,农村,201701"], data_on=SECOND)
    assert held("王一", "2019-spring") == {"dibao_urban", "tekun_rural"}
    end("王一")
    assert held("王一", "2019-autumn") == {"tekun_rural"}


def test_a_second_whole_register_asks_nothing_twice(gone: County):
    end("张二")
    closings = Hardship.objects.filter(active=False).count()
    gone.bring("poverty", [poor("张一")], data_on=THIRD)
    assert asked() == ["张三"]
    assert questions("张三").get().from_on == SECOND
    gone.bring("poverty", [poor("张一")], data_on=THIRD)
    assert Missing.objects.count() == 2
    assert Hardship.objects.filter(active=False).count() == closings


def test_a_kept_one_is_asked_about_again(gone: County):
    missing.keep(questions("张二"), by=MAKER, why="名单漏报", at=MOMENT)
    gone.bring("poverty", [poor("张一"), poor("张三", "62012310020100002")], data_on=THIRD)
    assert asked() == ["张二"]
    assert questions("张二").filter(state="open").get().from_on == THIRD


def test_a_question_is_answered_when_the_person_is_on_the_next_register(gone: County):
    gone.bring("poverty", [poor("张一"), poor("张二")], data_on=THIRD)
    assert asked() == ["张三"]
    answered = questions("张二").get()
    assert (answered.state, answered.why) == ("kept", "在数据日期 2019-09-20 的新名单上")


def test_who_was_ended_and_is_listed_again_begins_anew(gone: County):
    end("张二", "张三")
    file = gone.bring("poverty", [poor("张一"), poor("张二")], data_on=THIRD)
    assert held("张二", "2019-spring") == {"registered_poor"}
    rows = Hardship.objects.filter(person__name="张二").order_by("from_on").values_list("from_on", "active")
    assert list(rows) == [(date(2016, 1, 1), True), (SECOND, False), (THIRD, True)]
    assert held("张三", "2019-autumn") == set()
    again = gone.bring("poverty", [poor("张一"), poor("张二")], data_on=THIRD)
    assert Hardship.objects.filter(person__name="张二").count() == 3
    assert again.counts["changed"] == again.counts["new"] == 0
    assert file.batch != again.batch


def test_the_neighbours_register_is_untouched(gone: County, tmp_path: Path):
    there = County(tmp_path, "620121")
    there.bring("tekun", [tekun("赵一"), tekun("赵二")], data_on=FIRST)
    gone.bring("tekun", [tekun("张一")], data_on=SECOND)
    assert asked() == ["张三", "张二"]
    there.bring("tekun", [tekun("赵一")], data_on=SECOND)
    assert list(questions("赵二").values_list("path", flat=True)) == [there.office.path]


def test_rows_that_wait_and_rows_with_a_wrong_number(here: County):
    here.bring("poverty", [poor("钱一"), poor("钱二"), poor("钱三", "62012310020100003"), poor("钱四")], data_on=FIRST)
    bad = make.id_number()[:-1] + "A"
    lines = [
        f"别名={here.number('钱一')},62012310020100001,之子,2016",  # another name under 钱一's number: in review, present
        poor(f"钱二={bad}"),
        poor(f"钱三={bad}", "62012310030100003"),  # of another village
        poor(f"钱思={bad}"),  # sounds like 钱四, in the same household
    ]
    file = here.bring("poverty", lines, data_on=SECOND)
    assert (file.counts["review"], file.counts["rejected"]) == (1, 3)
    assert asked() == ["钱三", "钱二", "钱四"]
    hints = dict(Missing.objects.values_list("person__name", "hint_row"))
    assert hints == {"钱二": 3, "钱三": None, "钱四": 5}


def test_a_list_without_villages_hints_by_the_same_name(here: County):
    here.bring("tekun", [tekun("孙一"), tekun("孙二")], data_on=FIRST)
    here.bring("tekun", ["孙一=620123201005010000,农村,201801"], data_on=SECOND)
    assert dict(Missing.objects.values_list("person__name", "hint_row")) == {"孙一": 2, "孙二": None}


def test_an_older_register_is_no_whole_one(gone: County):
    late = gone.bring("poverty", [poor("张一")], data_on=FIRST)
    assert late.state == "refused"
    assert "已经有数据日期 2019-03-15 的整册名单，这份的数据日期 2018-09-10 更早" in late.problem
    assert gone.bring("poverty", [poor("张一"), poor("张四")], data_on=FIRST, whole=False).state == "committed"
    assert gone.bring("tekun", [tekun("张一")], data_on=FIRST).state == "committed"
    assert gone.bring("tekun", [tekun("张一")]).state == "refused"


def test_a_newer_register_that_overtakes_a_preview_stops_it(gone: County):
    path = gone.folder / "迟到.csv"
    path.write_text(HEADS["poverty"] + f"\n张一,{gone.number('张一')},62012310020100001,之子,2016", encoding="utf-8")
    told = {"kind": "poverty", "path": path, "term": TERM, "office": gone.office, "whole": True}
    file = pipeline.run_now(**told, data_on=date(2019, 6, 1), commit_too=False)
    gone.bring("poverty", [poor("张一")], data_on=THIRD)
    file.move("confirm", by=MAKER)
    with pytest.raises(Refused, match="更早，不能再当作整册"):
        pipeline.commit(file)


def test_an_import_taken_back_asks_nothing_any_more(gone: County):
    end("张二")
    file = ImportFile.objects.latest("pk")
    file.move("undo", by=MAKER)
    with pytest.raises(Refused, match="整册名单上而终止的人 1 人"):
        undo.undo_file(file)
    assert missing.reopen(questions("张二"), by=MAKER, at=MOMENT) == 1
    undo.undo_file(file)
    assert asked() == []
    assert held("张二", "2019-autumn") == {"registered_poor"}
    assert not missing.decidable(Missing.objects.all()).exists()


@pytest.mark.parametrize("kind", ["roll", "schools", "population"])
def test_only_registers_come_whole(here: County, kind: str):
    with pytest.raises(Refused, match="不能按整册导入"):
        pipeline.receive(
            kind=kind, term=TERM, office=here.office, filename="x.csv", chunks=[b"x"], whole=True, data_on=FIRST
        )


# --- pages ------------------------------------------------------------------------------------------------------


def text_of(response) -> str:
    return response.content.decode()


@pytest.fixture
def register(county: World) -> ImportFile:
    """榆槐贫生 and the neighbour's 登枫贫生 are not on their counties' newest registers."""
    made = []
    for side in (county.here, county.there):
        office = side.office
        file = ImportFile(
            kind="poverty", term=TERM.code, office=office, path=office.path, filename="整册.csv", sha256="0" * 64, stored="x",
            uploaded_by="甲经办", state="committed", committed_at=MOMENT, whole=True, data_on=SECOND, counts=COUNTS,
        )  # fmt: skip
        file.save()
        person = side.students[0].person
        Hardship.objects.filter(person=person).update(office_path=office.path)
        Missing(file=file, path=office.path, person=person, from_on=SECOND, hint_row=7).save()
        made.append(file)
    return made[0]


COUNTS = {"rows": 1, "new": 0, "changed": 0, "unchanged": 1, "review": 0, "rejected": 0, "reasons": {}}
MINE, THEIRS = CANARY["620123"] + "贫生", CANARY["620121"] + "贫生"


def decide(client, move: str, *, query: str = "", **told):
    return client.post(reverse("missing_decide") + query, {"move": move, **told}, follow=True)


def test_a_clerk_looks_decides_and_takes_back(as_: As, register: ImportFile):
    client = as_("maker")
    url = reverse("missing_people")
    body = text_of(client.get(url))
    assert MINE in body
    assert THEIRS not in body
    assert "可能就是" in body
    assert "第 7 行" in body
    assert f"{url}?file={register.pk}" in text_of(client.get(reverse("import_detail", args=[register.pk])))
    assert "1 人不在新名单" in text_of(client.get(reverse("home")))
    assert "1 人不在新名单" in text_of(client.get(reverse("import_list")))

    question = Missing.objects.get(file=register)
    assert "请先勾选人员" in text_of(decide(client, "end"))
    assert "仍保留要写明理由" in text_of(decide(client, "keep", row=question.pk))
    assert "已终止 1 人" in text_of(decide(client, "end", row=question.pk, why="核实"))
    assert "没有待核对的人员" in text_of(client.get(url))
    body = text_of(client.get(url, {"state": "ended"}))
    assert MINE in body
    assert "核实" in body
    batch = Batch.objects.get(kind="ending")
    assert client.get(reverse("missing_batch", args=[batch.pk])).url == f"{url}?batch={batch.pk}"
    assert MINE in text_of(client.get(f"{url}?batch={batch.pk}"))
    shown = decide(client, "reopen", query=f"?batch={batch.pk}", which="all", seen=1)
    assert "已退回待核对 1 人" in text_of(shown)
    question.refresh_from_db()
    assert (question.state, question.batch) == ("open", None)
    assert "已保留 1 人" in text_of(decide(client, "keep", query="?state=open", which="all", seen=1, why="名单漏报"))


def test_a_set_that_changed_is_not_decided(as_: As, register: ImportFile):
    client = as_("maker")
    assert "筛选出的人员有了变化" in text_of(decide(client, "end", which="all", seen=3))
    assert not Missing.objects.filter(state="ended").exists()


@pytest.mark.parametrize(
    ("query", "shown"),
    [("?hint=1", True), ("?hint=0", False), ("?category=registered_poor", True), ("?category=disabled", False),
     ("?place=620123100", True), ("?place=620123101", False), ("?state=kept", False), ("?state=all", True)],
)  # fmt: skip
def test_filters(as_: As, register: ImportFile, query: str, shown: bool):
    assert (MINE in text_of(as_("maker").get(reverse("missing_people") + query))) == shown


def test_a_search_is_posted(as_: As, register: ImportFile):
    client = as_("maker")
    found = client.post(reverse("missing_search"), {"search": MINE}, follow=True)
    assert MINE in text_of(found)
    assert MINE not in found.redirect_chain[-1][0]
    assert "没有符合条件的人员" in text_of(client.post(reverse("missing_search"), {"search": "没有此人"}, follow=True))


@pytest.mark.parametrize(
    ("persona", "looks", "decides"),
    [("checker", True, True), ("head", True, False), ("auditor", True, False), ("city", True, True),
     ("other_maker", False, False),
     ("school", False, False)],
)  # fmt: skip
def test_who_may(as_: As, register: ImportFile, persona: str, looks: bool, decides: bool):
    client = as_(persona)
    assert (MINE in text_of(client.get(reverse("missing_people")))) == looks
    question = Missing.objects.get(file=register)
    decide(client, "end", row=question.pk)
    question.refresh_from_db()
    assert (question.state == "ended") == decides
    if looks:
        assert ('name="move"' in text_of(client.get(reverse("missing_people") + "?state=all"))) == decides


def test_the_list_costs_the_same_however_many(as_: As, register: ImportFile, county: World):
    client = as_("maker")

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(reverse("missing_people")).status_code == 200
        return len(seen)

    def ask(people: int) -> None:
        for _ in range(people):
            student = make.student(at=make.school(), categories=("registered_poor",))
            Missing(file=register, path=register.path, person=student.person, from_on=SECOND).save()

    ask(1)
    queries()
    few = queries()
    ask(9)
    assert queries() == few <= 18  # six of them the session's, the transaction's and the terms'


def upload(client, **fields):
    told = {"kind": "tekun", "term": TERM.code, "file": SimpleUploadedFile("特困.csv", (HEADS["tekun"] + "\n").encode())}
    return client.post(reverse("import_upload"), told | fields)


def test_an_upload_says_that_it_is_whole_and_of_which_day(as_: As, county: World):
    client, number = as_("maker"), make.id_number()
    content = (HEADS["tekun"] + f"\n周一,{number},农村,201801\n").encode()
    answer = upload(client, whole="on", data_on="2018-09-10", file=SimpleUploadedFile("特困.csv", content))
    assert answer.status_code == 302
    file = ImportFile.objects.get()
    assert (file.whole, file.data_on) == (True, FIRST)
    jobs.work_off(Job.objects.get(pk=file.job_id))
    body = text_of(client.get(reverse("import_detail", args=[file.pk])))
    assert "整册名单，数据日期 2018-09-10" in body
    assert re.search(r"不在这份名单上的有 <b>0</b> 人", body)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"whole": "on"}, "整册名单要写数据日期"),
        ({"whole": "on", "data_on": "2100-01-01"}, "要在 2000-01-01 和今天之间"),
        ({"whole": "on", "data_on": "去年"}, "数据日期要写成 2024-05-01 这样的日期"),
        ({"whole": "on", "data_on": "2018-09-10", "kind": "roll"}, "“学籍信息”不能按整册导入"),
        ({"whole": "on", "data_on": "2018-09-10", "kind": "poverty"}, "更早，不能再当作整册"),
    ],
)
def test_a_wrong_date_says_what_to_do(as_: As, register: ImportFile, fields: dict, sentence: str):
    answer = upload(as_("maker"), **fields)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert ImportFile.objects.count() == 2


def test_a_register_by_which_somebody_was_ended_can_not_be_taken_back_before_them(gone: County):
    end("张二")
    assert questions("张二").get().why == f"不在数据日期 {SECOND} 的整册名单上"
    file = ImportFile.objects.filter(whole=True, data_on=SECOND).get()
    assert [(one.count, one.unit) for one in undo.resting(file.batch) if "整册" in one.label] == [(1, "人")]
    missing.reopen(questions("张二"), by=MAKER, at=MOMENT)
    assert [one for one in undo.resting(file.batch) if "整册" in one.label] == []
