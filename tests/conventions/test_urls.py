"""Every address says who may; what is public is listed; templates exist; no name or number stands in an address."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template
from django.urls import reverse

from aidcases.registry import registry
from aidcases.roles import PERMISSIONS, P, Role
from aidcases.web import PERSONAL, PUBLIC, SIGNED_IN
from tests.conventions.resolver import Address, addresses

PROJECT = Path(settings.PROJECT)
PUBLIC_ADDRESSES = {
    "login", "healthz", "readyz", "robots", "public_notice", "public_index", "objection_new", "objection_send",
    "tip_new", "tip_send", "tip_ask", "tip_reply", "supervisors_public", "survey_new", "survey_send",
}  # fmt: skip
SIGNED_IN_ADDRESSES = {"home", "logout", "password", "membership_choose"}
# Django's own forms, which show and take.
BOTH_METHODS = {"login", "password"}
APPS = ("aidcases", "students", "subsidies", "dropout", "ledgers")
ALL = addresses()


def named(wanted: str) -> set[str]:
    return {address.name for address in ALL if getattr(address.drawn_from, "can", None) == wanted}


@pytest.mark.parametrize("address", ALL, ids=lambda address: address.route or "/")
def test_an_address_says_who_may_and_how(address: Address):
    can = getattr(address.drawn_from, "can", None)
    assert can in set(P) | {PUBLIC, SIGNED_IN}
    assert address.name
    if address.is_api:
        assert address.methods <= {"GET", "HEAD"}
        return
    assert address.view.reads in (None, PERSONAL)
    assert address.methods == ({"GET", "POST"} if address.name in BOTH_METHODS else address.methods & {"GET", "POST"})
    assert len(address.methods) == (2 if address.name in BOTH_METHODS else 1)


def test_what_is_open_is_listed():
    assert named(PUBLIC) == PUBLIC_ADDRESSES
    assert named(SIGNED_IN) == SIGNED_IN_ADDRESSES


def test_names_are_unique():
    names = [address.name for address in ALL if not address.is_api]
    assert sorted(names) == sorted(set(names))


def test_an_address_holds_keys_and_codes_only():
    """A name, an identity number or a phone in an address ends in logs and histories."""
    used = {argument for address in ALL for argument in address.arguments}
    assert used <= {"pk", "code", "key"}


def test_every_permission_opens_something_to_somebody():
    opened = {getattr(address.drawn_from, "can", None) for address in ALL}
    from_moves = {P.IMPORT_WRITE, P.JOB_STEER, P.APPLICATION_CHECK, P.APPLICATION_APPROVE}
    # LEDGER_UNMASK is asked inside a command: it widens what the ledger shows.
    assert set(P) - opened - from_moves <= {P.LEDGER_UNMASK}
    assert set().union(*PERMISSIONS.values()) == set(P)
    assert set(PERMISSIONS) == set(Role)


def test_the_audit_roles_cannot_change_anything():
    changing = {P.IMPORT_WRITE, P.RECOMPUTE, P.LEDGER_ISSUE, P.LEDGER_UNMASK, P.JOB_STEER, P.SECRET_REVEAL}
    for role in (Role.AUDITOR, Role.AUDIT_ADMIN, Role.CITY_INSPECTOR):
        assert not PERMISSIONS[role] & changing
    assert PERMISSIONS[Role.SYSTEM_ADMIN] & {P.STUDENT_VIEW, P.AUDIT_VIEW} == set()


def test_the_navigation_leads_somewhere():
    assert [item.label for item in registry.navigation if not reverse(item.url)] == []
    names = {address.name: address for address in ALL}
    for item in registry.navigation:
        assert getattr(names[item.url].drawn_from, "can", None) in (item.can, SIGNED_IN)
        assert set(item.active_for) <= set(names)


# ---------- templates ----------


@cache
def python_templates() -> dict[str, str]:
    """Template names in the code → the module that has them."""
    found = {}
    for path in (p for app in APPS for p in (PROJECT / app).rglob("*.py")):
        code = path.read_text(encoding="utf-8")
        if ".html" not in code:
            continue
        for node in ast.walk(ast.parse(code)):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and re.fullmatch(r"[\w/]+\.html(#[\w-]+)?", text):
                found[text] = str(path.relative_to(PROJECT))
    return found


def template_files() -> dict[str, str]:
    folder = PROJECT / "templates"
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}


INCLUDED = re.compile(r"{%\s*(?:include|extends)\s+[\"']([^\"']+)[\"']")


@pytest.mark.parametrize("name", sorted(python_templates()))
def test_a_template_named_in_the_code_exists(name: str):
    assert get_template(name)


@pytest.mark.parametrize("name", sorted(template_files()))
def test_a_template_compiles_and_so_does_what_it_includes(name: str):
    get_template(name)
    for included in INCLUDED.findall(template_files()[name]):
        get_template(included)


def test_no_template_lies_unused():
    files = template_files()
    used = {name.partition("#")[0] for name in python_templates()}
    used |= {name.partition("#")[0] for text in files.values() for name in INCLUDED.findall(text)}
    # Django itself looks for these by name.
    used |= {"403.html", "403_csrf.html", "404.html", "500.html"}
    assert sorted(set(files) - used) == []


def test_every_link_in_a_template_is_an_address():
    names = {address.name for address in ALL}
    used = {}
    for file, text in template_files().items():
        for name, kept in re.findall(r"{%\s*url\s+[\"']([\w:-]+)[\"'][^%]*?(\sas\s\w+)?\s*%}", text):
            if not kept:  # `as` allows for an app that has no such page
                used[name] = file
    assert {name: file for name, file in used.items() if name not in names} == {}
