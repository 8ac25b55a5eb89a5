"""Kernel pages in the browser: home by role, search, jobs, audit log, password, the term one works in."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from aidcases import audit, jobs
from aidcases.actionwords import ACTIONS
from aidcases.models import AuditEvent, Job, User
from aidcases.models.records import JobState
from aidcases.registry import registry
from aidcases.scoping import Scope, acting_in
from aidcases.wording import told
from students.models import ImportFile
from tests import make
from tests.personas import CANARY, As, World

HERE = CANARY["620123"]
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/search/", {"q": "甲\0乙"}),
        ("/schools/pick/", {"q": "甲\0乙"}),
        ("/schools/pick/", {f"field{n}": "1" for n in range(2000)}),
    ],
    ids=["nul", "nul in a list", "too many fields"],
)
def test_a_form_that_cannot_be_an_office_s_is_answered_in_plain_words(as_: As, path: str, form: dict[str, str]):
    answer = as_("maker").post(path, form)
    assert answer.status_code == 400
    assert "这次提交不能处理" in answer.content.decode()


def test_an_address_with_a_nul_is_refused(as_: As):
    assert as_("maker").get("/schools/%00/").status_code == 400
    assert as_("maker").get("/students/?q=%00").status_code == 400


@pytest.mark.parametrize("run", ["-1", "1.5", "1E+49", "１", "x"])
def test_a_run_that_is_no_number_of_a_row_filters_nothing_and_breaks_nothing(as_: As, run: str):
    client = as_("maker")
    assert client.get("/entitlements/", {"run": run}).status_code == 200
    assert client.post("/changes/search/", {"run": run, "search": "张"}).status_code == 302


def text_of(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def plain(html: str) -> str:
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", html))


def job_of(path: str = "/62/6201/620123/", **fields: object) -> Job:
    """A job as it stands in the table, without a worker."""
    with acting_in(Scope(path)):
        job = jobs.enqueue("students.import_preview", label="读取 学籍信息", file=1)
    Job.objects.filter(pk=job.pk).update(requested_by="甲经办", **fields)
    return Job.objects.get(pk=job.pk)


# --- home -------------------------------------------------------------------------------------------------------


def test_without_an_office_one_is_told_whom_to_ask(as_: As):
    html = text_of(as_("nobody").get("/"))
    assert "请联系本单位的系统管理员" in html
    assert reverse("logout") in html
    assert 'aria-label="主菜单"' not in html
    assert as_("nobody").get(reverse("job_list")).status_code == 403
    assert Client().get("/")["Location"] == "/login/?next=/"


def test_a_role_without_cards_is_led_to_its_pages(county: World):
    client = Client()
    client.force_login(make.user("sys", "系统员", make.office("6201"), "system_admin"), backend=BACKEND)
    html = text_of(client.get("/"))
    assert "系统管理员" in html
    assert reverse("job_list") in html
    assert reverse("audit_list") not in html


def test_cards_are_those_of_the_role(as_: As, county: World):
    assert "各县区应助" in text_of(as_("city").get("/"))
    for persona in ("maker", "school", "auditor"):
        assert "各县区应助" not in text_of(as_(persona).get("/"))


def test_the_menu_shows_what_the_role_may_open(as_: As):
    labels = {p: re.findall(r"</i>([^<]+)</a></li>", text_of(as_(p).get("/"))) for p in ("maker", "school", "auditor")}
    assert labels["maker"][0] == "首页"
    assert "操作记录" not in labels["maker"]
    assert "操作记录" in labels["auditor"]
    assert "家庭" not in labels["school"]
    assert {"应享资助", "政策", "测算", "任务"} <= set(labels["school"])


# --- the term one works in --------------------------------------------------------------------------------------


def test_choosing_a_term_leaves_the_one_in_the_address_behind(as_: As, county: World):
    client = as_("maker")
    url = reverse("job_list") + "?term=2018-autumn&state=done&page=3"
    answer = client.post(
        reverse("term_choose"), {"term": "2019-spring"}, headers={"referer": f"http://testserver{url}"}
    )
    assert answer["Location"] == "http://testserver/jobs/?state=done"
    assert client.session["term"] == "2019-spring"
    html = text_of(client.post(reverse("term_choose"), {"term": "夏天"}, follow=True))
    assert "学期“夏天”认不出" in html


def test_terms_are_looked_up_once_a_page(as_: As, monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []
    known = registry.terms
    monkeypatch.setattr(registry, "terms", lambda: asked.append(1) or known())
    text_of(as_("maker").get("/"))
    assert len(asked) == 1


# --- search -----------------------------------------------------------------------------------------------------


def test_hits_are_grouped_by_source_and_the_words_stay_out_of_the_address(as_: As, county: World):
    client = as_("maker")
    answer = client.post(reverse("search"), {"q": f"{HERE}贫"})
    assert re.fullmatch(r"/search/[\w-]{8}/", answer["Location"])
    html = text_of(client.get(answer["Location"]))
    assert f"查找“{HERE}贫”" in html
    assert re.findall(r"<caption>([^<]+)</caption>", html) == ["学生", "家庭"]
    assert reverse("student_detail", args=[county.here.students[0].pk]) in html
    # Another's session does not know the key; the same words find nothing of ours.
    other = as_("other_maker")
    assert other.get(answer["Location"]).status_code == 404
    assert "没有找到" in text_of(other.post(reverse("search"), {"q": f"{HERE}贫"}, follow=True))


def test_a_search_by_a_common_name_says_that_there_are_more(as_: As, county: World):
    for n in range(25):
        make.student(f"同名{n}", at=county.here.primary, home="620123100201")
    html = text_of(as_("maker").post(reverse("search"), {"q": "同名"}, follow=True))
    assert html.count("data-open>同名") == 20
    assert "只显示前 20 条" in html


def test_a_hit_of_another_term_says_which_and_leads_there(as_: As, county: World):
    old = make.student("旧学期生", at=county.here.primary, home="620123100201", term="2017-spring")
    found = {"q": "旧学期生"}
    html = text_of(as_("maker").post(reverse("search"), found, follow=True))
    assert "三年级1班（2016—2017学年春季学期）" in plain(html)
    assert f'href="{reverse("student_detail", args=[old.pk])}?term=2017-spring"' in html
    client = as_("maker")
    client.post(reverse("term_choose"), {"term": "2017-spring"})
    html = text_of(client.post(reverse("search"), found, follow=True))
    assert "（2016—2017学年" not in plain(html)


def test_an_empty_search_asks_for_words(as_: As):
    assert "请输入姓名" in text_of(as_("maker").post(reverse("search"), {"q": " "}, follow=True))


# --- jobs -------------------------------------------------------------------------------------------------------


def test_jobs_are_listed_for_their_office(as_: As, county: World):
    done = job_of(state=JobState.DONE, result={"file": 1, "rows": 120, "new": 118, "rejected": 2, "reasons": {"x": 2}})
    failed = job_of(state=JobState.FAILED, error="文件已损坏，请重新导出后再传。")
    html = text_of(as_("maker").get(reverse("job_list")))
    assert html.count("data-open>读取 学籍信息") == 2
    assert html.count("data-open>") == 2
    only = text_of(as_("maker").get(reverse("job_list"), {"state": "failed"}))
    assert reverse("job_detail", args=[failed.pk]) in only
    assert reverse("job_detail", args=[done.pk]) not in only
    assert "没有符合条件的任务" in text_of(as_("maker").get(reverse("job_list"), {"state": "open"}))
    for persona in ("other_maker", "school"):
        assert "data-open>" not in text_of(as_(persona).get(reverse("job_list")))
        assert as_(persona).get(reverse("job_detail", args=[done.pk])).status_code == 404


def test_a_finished_job_tells_its_figures_and_leads_to_what_it_made(as_: As, county: World):
    now = timezone.now()
    job = job_of(
        state=JobState.DONE, result={"file": 7, "rows": 1200, "new": 1198, "rejected": 2, "reasons": {"x": 2}},
        started_at=now - timedelta(seconds=42), finished_at=now,
    )  # fmt: skip
    html = text_of(as_("maker").get(reverse("job_detail", args=[job.pk])))
    assert "行数1,200行" in plain(html)
    assert "退回2行" in plain(html)
    assert "用时42秒" in plain(html)
    assert f'href="{reverse("import_detail", args=[7])}">查看结果' in html
    assert reverse("job_cancel", args=[job.pk]) not in html


def test_a_failed_job_says_why_and_can_be_resumed_by_who_may(as_: As, county: World):
    job = job_of(state=JobState.FAILED, error="文件已损坏，请重新导出后再传。")
    url = reverse("job_detail", args=[job.pk])
    html = text_of(as_("maker").get(url))
    assert "文件已损坏" in html
    assert "查看结果" not in html
    assert reverse("job_resume", args=[job.pk]) in html
    assert reverse("job_resume", args=[job.pk]) not in text_of(as_("auditor").get(url))
    assert as_("auditor").post(reverse("job_resume", args=[job.pk])).status_code == 403
    as_("maker").post(reverse("job_resume", args=[job.pk]))
    assert Job.objects.get(pk=job.pk).state == JobState.QUEUED


def test_an_open_job_polls_and_can_be_cancelled(as_: As, county: World):
    job = job_of()
    html = text_of(as_("maker").get(reverse("job_detail", args=[job.pk])))
    assert f'hx-get="{reverse("job_progress", args=[job.pk])}"' in html
    as_("maker").post(reverse("job_cancel", args=[job.pk]))
    html = text_of(as_("maker").get(reverse("job_detail", args=[job.pk])))
    assert "任务已取消" in html
    assert "hx-get" not in html.split("job-state", 1)[0].rsplit("<section", 1)[1]


# --- the audit log ----------------------------------------------------------------------------------------------


def test_the_log_tells_who_did_what_in_words(as_: As, county: World):
    pupil = county.here.students[0]
    as_("maker").get(reverse("student_detail", args=[pupil.pk]))
    with acting_in(Scope("/62/6201/620123/")):
        audit.record("ledger.issued", purpose="年终核对", term="2018-autumn")
        audit.record("something.new")
    html = text_of(as_("head").get(reverse("audit_list")))
    assert f"甲经办查看个人信息学生{HERE}贫生所看页面" in plain(html)
    assert f'<a href="{reverse("student_detail", args=[pupil.pk])}">学生 {HERE}贫生</a>' in html
    assert "学期2018—2019学年秋季学期·用途年终核对" in plain(html)
    assert "something.new" in html


def test_the_log_says_whose_record_it_was_only_to_who_may_see_it(as_: As, county: World):
    pupil = county.here.students[0]
    with acting_in(Scope("/62/6201/620123/")):
        audit.record("secret.reveal", subject=pupil, note="核对", what="id")
        audit.record("secret.reveal", subject=county.there.students[0], note="误查", what="id")
    shown = text_of(as_("head").get(reverse("audit_list")))
    assert f"学生 {HERE}贫生</a> · 核对 · 内容 证件号码" in shown
    assert "学生误查" in plain(shown).replace("·", "")  # not in sight: no name
    assert CANARY["620121"] not in shown
    officer = make.user("watch", "审计管理员", county.here.office, "audit_admin")
    client = Client()
    client.force_login(officer, backend=BACKEND)
    assert HERE not in text_of(client.get(reverse("audit_list")))


def test_rosters_and_their_files_are_named(as_: As, county: World):
    scope = Scope("/62/6201/620123/")
    with acting_in(scope):
        file = ImportFile(
            kind="dibao", term="2018-autumn", office=county.here.office, path=scope.path, filename="低保.xlsx",
            sha256="0", stored="x", uploaded_by="甲经办",
        )  # fmt: skip
        file.save()
        audit.record("command.import_roster", kind="dibao", file=file.pk, region="620123")
    html = text_of(as_("head").get(reverse("audit_list")))
    link = f'<a href="{reverse("import_detail", args=[file.pk])}">名单文件 低保.xlsx</a>'
    assert f"{link} · 名单 低保名单 · 地区 榆中县" in html


def test_the_log_is_filtered_by_who_acted(as_: As, county: World):
    as_("maker").get(reverse("student_detail", args=[county.here.students[0].pk]))
    with acting_in(Scope("/62/6201/620123/")):
        audit.record("ledger.issued", purpose="夜里自动")
    client, url = as_("head"), reverse("audit_list")
    html = text_of(client.get(url))
    assert "甲经办（maker）" in html
    assert "乙经办" not in html
    assert "市专员" not in html
    mine = text_of(client.get(url, {"who": county["maker"].pk}))
    assert f"{HERE}贫生" in mine
    assert "夜里自动" not in mine
    theirs = text_of(client.get(url, {"who": "system"}))
    assert "夜里自动" in theirs
    assert f"{HERE}贫生" not in theirs


def test_the_log_is_filtered_by_what_and_when(as_: As, county: World):
    with acting_in(Scope("/62/6201/620123/")):
        audit.record("ledger.issued", purpose="年终核对")
    client, url = as_("auditor"), reverse("audit_list")
    today = timezone.localdate()
    assert "年终核对" in text_of(client.get(url, {"action": "ledger.issued", "since": today, "until": today}))
    assert "年终核对" not in text_of(client.get(url, {"action": "personal.read"}))
    assert "没有符合条件的记录" in text_of(client.get(url, {"until": today - timedelta(days=1)}))


def test_the_log_is_for_those_who_may_and_of_their_office(as_: As, county: World):
    with acting_in(Scope("/62/6201/620121/")):
        audit.record("ledger.issued", purpose="别县核对")
    assert as_("maker").get(reverse("audit_list")).status_code == 403
    assert "别县核对" not in text_of(as_("head").get(reverse("audit_list")))


def test_an_event_shows_codes_in_words_and_hides_hashes(county: World):
    event = AuditEvent(action="secret.reveal", note="核对", data={"what": "id", "sha256": "abc", "rows": 0})
    assert told(event) == "核对 · 内容 证件号码"
    assert all(ACTIONS.values())


# --- the password -----------------------------------------------------------------------------------------------


def test_a_changed_password_is_confirmed_and_keeps_one_signed_in(as_: As, county: World):
    client, url = as_("maker"), reverse("password")
    assert "旧密码" in text_of(client.get(url))
    new = "Xin-2027-mima"
    weak = client.post(url, {"old_password": make.PASSWORD, "new_password1": "12345", "new_password2": "12345"})
    assert "field-error" in text_of(weak)
    answer = client.post(url, {"old_password": make.PASSWORD, "new_password1": new, "new_password2": new}, follow=True)
    assert "密码已修改" in text_of(answer)
    assert User.objects.get(username="maker").check_password(new)
    assert Client().get(url)["Location"] == "/login/"
    assert "旧密码" in text_of(as_("nobody").get(url))


# --- queries ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["job_list", "audit_list"])
def test_lists_cost_the_same_however_long(as_: As, county: World, name: str):
    client, url = as_("head"), reverse(name)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        spare = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SET LOCAL")
        return sum(not query["sql"].startswith(spare) for query in captured)

    job_of()
    with acting_in(Scope("/62/6201/620123/")):
        audit.record("ledger.issued")
    queries()
    few = queries()
    for _ in range(20):
        job_of(state=JobState.DONE)
        with acting_in(Scope("/62/6201/620123/")):
            audit.record("ledger.issued")
    assert queries() == few <= 12
