"""Signing in and staying in: lock-out, idle clock, the active office, passwords, three administrators, headers."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from aidcases.models import Membership, User
from aidcases.roles import EXCLUSIVE, Role
from aidcases.scoping import EVERYWHERE, acting_in
from tests import make

IDLE = timedelta(minutes=30)


@pytest.fixture
def people(db: None) -> dict[str, User]:
    with acting_in(EVERYWHERE):
        here, there = make.office("620123"), make.office("620121")
        made = {
            "maker": make.user("maker", "甲经办", here, Role.COUNTY_MAKER),
            "second": make.user("second", "乙经办", there, Role.COUNTY_MAKER),
        }
        Membership(user=made["maker"], organisation=there, role=Role.AUDITOR).save()
        for code, name in (("620123", "此地生"), ("620121", "彼地生")):
            make.student(name, at=make.school(place=f"{code}100"), home=f"{code}100")
        return made


def sign_in(client: Client, username: str = "maker", password: str = make.PASSWORD, address: str = "10.0.0.1"):
    form = {"username": username, "password": password}
    return client.post("/login/", form, REMOTE_ADDR=address)


def fail(times: int, **options: str) -> list[int]:
    client = Client()
    return [sign_in(client, password="Wrong-2026-x", **options).status_code for _ in range(times)]


# ---------- in and out ----------


def test_signing_in_leads_home_or_where_one_wanted_to_go(people: dict[str, User]):
    client = Client()
    assert client.get("/students/")["Location"] == "/login/?next=/students/"
    form = {"username": "maker", "password": make.PASSWORD}
    assert Client().post("/login/", form)["Location"] == "/"
    assert Client().post("/login/", {**form, "next": "/jobs/"})["Location"] == "/jobs/"
    assert Client().post("/login/", {**form, "next": "https://evil.example/"})["Location"] == "/"
    sign_in(client)
    assert client.get("/login/")["Location"] == "/"


def test_a_wrong_password_and_an_unknown_name_are_told_alike(people: dict[str, User]):
    def told(username: str) -> str:
        answer = sign_in(Client(), username=username, password="Wrong-2026-x")
        return re.sub(r'value="[^"]*"|"X-CSRFToken": "[^"]*"', "", answer.text)

    assert told("maker") == told("nosuch")


def test_a_name_nobody_can_have_is_refused_before_it_is_looked_up(people: dict[str, User]):
    answer = sign_in(Client(), username="x" * 100_000)
    assert answer.status_code == 200
    assert "用户名太长" in answer.content.decode()


def test_signing_out_ends_the_session(people: dict[str, User]):
    client = Client()
    sign_in(client)
    assert client.get("/logout/").status_code == 405  # a link elsewhere cannot sign anyone out
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/")["Location"] == "/login/?next=/"


def test_a_disabled_account_is_out_at_once(people: dict[str, User]):
    client = Client()
    sign_in(client)
    User.objects.filter(username="maker").update(is_active=False)
    assert client.get("/").status_code == 302
    assert sign_in(Client()).status_code == 200  # the form again


def test_signing_in_changes_the_session_key(people: dict[str, User]):
    client = Client()
    client.get("/login/")
    client.session["before"] = 1
    client.session.save()
    before = client.session.session_key
    sign_in(client)
    assert client.session.session_key != before


# ---------- lock-out ----------


def test_five_failures_lock_the_account_at_that_address_for_a_quarter_of_an_hour(
    people: dict[str, User], time_machine: object
):
    time_machine.move_to("2026-03-02 09:00+08:00", tick=False)
    assert fail(5) == [200, 200, 200, 200, 429]
    locked = sign_in(Client())
    assert locked.status_code == 429
    assert "锁定 15 分钟" in locked.text
    assert "密码连续输错了 5 次" in locked.text
    assert sign_in(Client(), username="second").status_code == 302  # another account at the same address
    assert sign_in(Client(), address="10.0.0.2").status_code == 302  # the same account at another address
    time_machine.shift(timedelta(minutes=14, seconds=50))
    assert sign_in(Client()).status_code == 429
    time_machine.shift(timedelta(seconds=20))
    assert sign_in(Client()).status_code == 302


def test_trying_while_locked_does_not_lock_for_longer_than_was_said(people: dict[str, User], time_machine: object):
    time_machine.move_to("2026-03-02 09:00+08:00", tick=False)
    fail(5)
    time_machine.shift(timedelta(minutes=10))
    assert fail(3) == [429] * 3
    time_machine.shift(timedelta(minutes=5, seconds=10))
    assert sign_in(Client()).status_code == 302


def test_a_success_forgets_the_failures_before_it(people: dict[str, User]):
    assert fail(4) == [200] * 4
    assert sign_in(Client()).status_code == 302
    assert fail(4) == [200] * 4
    assert sign_in(Client()).status_code == 302


def test_the_address_a_client_claims_for_itself_does_not_count(people: dict[str, User]):
    client = Client()
    for n in range(5):
        form = {"username": "maker", "password": "Wrong-2026-x"}
        answer = client.post("/login/", form, headers={"X-Forwarded-For": f"10.9.9.{n}"}, REMOTE_ADDR="10.0.0.1")
    assert answer.status_code == 429


# ---------- the idle clock ----------


def test_half_an_hour_without_a_request_signs_out(people: dict[str, User], time_machine: object):
    time_machine.move_to("2026-03-02 09:00+08:00", tick=False)
    client = Client()
    sign_in(client)
    client.get("/")
    time_machine.shift(IDLE - timedelta(seconds=1))
    assert client.get("/").status_code == 200
    time_machine.shift(IDLE - timedelta(seconds=1))
    assert client.get("/").status_code == 200
    time_machine.shift(IDLE + timedelta(seconds=1))
    answer = client.get("/", follow=True)
    assert answer.redirect_chain == [("/login/?next=/", 302)]
    assert "超过 30 分钟没有操作，请重新登录。" in answer.text
    assert client.get("/")["Location"] == "/login/?next=/"


def test_whoever_signs_in_and_leaves_is_signed_out_too(people: dict[str, User], time_machine: object):
    """The clock starts at the signing in, not at the first page after it."""
    time_machine.move_to("2026-03-02 09:00+08:00", tick=False)
    client = Client()
    sign_in(client)
    time_machine.shift(IDLE + timedelta(seconds=1))
    assert client.get("/").status_code == 302


def test_a_page_that_polls_is_no_person_at_the_desk(people: dict[str, User], time_machine: object):
    time_machine.move_to("2026-03-02 09:00+08:00", tick=False)
    client = Client()
    sign_in(client)
    client.get("/")
    for _ in range(31):
        time_machine.shift(timedelta(minutes=1))
        client.get("/jobs/1/progress/")
    assert client.get("/").status_code == 302


def test_the_session_is_written_once_a_minute(people: dict[str, User], time_machine: object):
    time_machine.move_to("2026-03-02 09:00+08:00", tick=False)
    client = Client()
    sign_in(client)
    client.get("/")
    began = client.session["seen_at"]
    time_machine.shift(timedelta(seconds=59))
    client.get("/")
    assert client.session["seen_at"] == began
    time_machine.shift(timedelta(seconds=1))
    client.get("/")
    assert client.session["seen_at"] == began + 60


# ---------- the active office ----------


def test_choosing_another_office_changes_what_one_sees_and_may(people: dict[str, User]):
    client = Client()
    sign_in(client)
    first, second = people["maker"].memberships.order_by("pk")
    seen = client.get("/students/").text
    assert "此地生" in seen
    assert "彼地生" not in seen
    assert client.get("/audit/").status_code == 403
    assert client.post("/membership/", {"membership": second.pk})["Location"] == "/"
    seen = client.get("/students/").text
    assert "彼地生" in seen
    assert "此地生" not in seen
    assert client.get("/audit/").status_code == 200
    client.post("/membership/", {"membership": first.pk})
    assert client.get("/audit/").status_code == 403


def test_nobody_takes_the_office_of_another(people: dict[str, User]):
    client = Client()
    sign_in(client, "second")
    foreign = people["maker"].memberships.first()
    for wanted in (foreign.pk, 0, "", "x", "1; DROP", "９", "9" * 40):
        assert client.post("/membership/", {"membership": wanted}).status_code == 404
    assert client.get("/audit/").status_code == 403


def test_an_office_that_was_taken_away_is_gone_at_the_next_request(people: dict[str, User]):
    client = Client()
    sign_in(client)
    second = people["maker"].memberships.order_by("pk")[1]
    client.post("/membership/", {"membership": second.pk})
    second.delete()
    assert client.get("/audit/").status_code == 403
    assert "此地生" in client.get("/students/").text
    people["maker"].memberships.all().delete()
    assert client.get("/students/").status_code == 403


@pytest.mark.parametrize("first", sorted(EXCLUSIVE))
def test_the_three_administrators_exclude_each_other(people: dict[str, User], first: Role):
    office = people["second"].memberships.get().organisation
    Membership(user=people["second"], organisation=office, role=first).save()
    for other in EXCLUSIVE - {first}:
        with pytest.raises(ValidationError, match="不能由同一人担任"):
            Membership(user=people["second"], organisation=office, role=other).save()
        Membership(user=people["maker"], organisation=office, role=other)
    held = people["second"].memberships.get(role=first)
    held.role = next(iter(EXCLUSIVE - {first}))
    held.save()  # one may pass from one to another


# ---------- passwords ----------


@pytest.mark.parametrize("password", ["Aid-2026-demo", "abcdefgh1!", "ABCDEFGH1!", "abcdEFGH12"])
def test_a_password_of_ten_characters_of_three_kinds_is_taken(password: str):
    assert validate_password(password) is None


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("Aid-2026", "至少|最少|太短|10"),
        ("abcdefghijkl", "三类字符"),
        ("abcdefgh1234", "三类字符"),
        ("1234567890", "三类字符"),
        ("", "10"),
    ],
)
def test_a_weak_password_is_refused(password: str, told: str):
    with pytest.raises(ValidationError) as refused:
        validate_password(password)
    assert re.search(told, "；".join(refused.value.messages))


def test_changing_the_password(people: dict[str, User]):
    client = Client()
    assert client.get("/password/")["Location"].startswith("/login/")
    sign_in(client)
    assert client.get("/password/").status_code == 200
    form = {"old_password": make.PASSWORD, "new_password1": "short", "new_password2": "short"}
    assert "三类字符" in client.post("/password/", form).text
    new = "Neu-2026-demo"
    form |= {"new_password1": new, "new_password2": new}
    assert client.post("/password/", form)["Location"] == "/"
    assert client.get("/").status_code == 200
    assert sign_in(Client()).status_code == 200
    assert sign_in(Client(), password=new).status_code == 302


def test_passwords_are_kept_by_argon2():
    from aidcases import settings as given

    assert given.PASSWORD_HASHERS[0] == "django.contrib.auth.hashers.Argon2PasswordHasher"


# ---------- headers ----------

POLICY = {
    "default-src": {"'self'"},
    "img-src": {"'self'", "data:"},
    "object-src": {"'none'"},
    "base-uri": {"'self'"},
    "form-action": {"'self'"},
    "frame-ancestors": {"'none'"},
}


@pytest.mark.parametrize(
    "address", ["/login/", "/", "/students/", "/no/such/page/", "/jobs/1/", "/audit/", "/api/schema/"]
)
def test_every_answer_carries_the_strict_policy(people: dict[str, User], address: str):
    client = Client()
    sign_in(client)
    for answer in (client.get(address), Client().get(address)):
        policy = dict(part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))
        assert {name: set(sources.split()) for name, sources in policy.items()} == POLICY
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


def test_a_locked_page_carries_the_policy_too(people: dict[str, User]):
    fail(4)
    assert "Content-Security-Policy" in sign_in(Client(), password="Wrong-2026-x").headers


def test_what_a_person_was_shown_stays_in_no_cache(people: dict[str, User]):
    client = Client()
    sign_in(client)
    assert client.get("/students/")["Cache-Control"] == "private, no-store"
    assert "no-store" in Client().get("/login/")["Cache-Control"]


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(people: dict[str, User]):
    client = Client()
    answer = sign_in(client)
    session = answer.cookies["sessionid"]
    assert session["httponly"]
    assert session["samesite"] == "Lax"
    assert reverse("login") == "/login/"
