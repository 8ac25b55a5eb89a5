"""Templates keep the strict content policy and label their inputs; vendored files are as fetched."""

import importlib.util
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((PROJECT / "templates").rglob("*.html"))
COMPONENTS = sorted((PROJECT / "templates" / "components").glob("*.html"))

COMMENT = re.compile(r"{% comment.*?{% endcomment %}|{#.*?#}", re.S)
TAG = re.compile(r"{%.*?%}", re.S)
EXPRESSION = re.compile(r"{{.*?}}", re.S)
OUTSIDE = re.compile(r"\s*(https?:)?//")
ADDRESSES = {"src", "href", "action", "srcset"}
UNLABELLED_KINDS = {"hidden", "submit", "button", "reset", "image"}


def markup(text: str) -> str:
    """The HTML of a template without its comments and block tags; an expression becomes the word `value`."""
    return EXPRESSION.sub("value", TAG.sub("", COMMENT.sub("", text)))


class Page(HTMLParser):
    """What a browser would object to under the policy, and which inputs have no label."""

    def __init__(self, text: str):
        super().__init__()
        self.problems: list[str] = []
        self.labelled: set[str] = set()
        self.inputs: list[dict[str, str | None]] = []
        self.depth_of_label = 0
        self.script: dict[str, str | None] | None = None
        self.feed(markup(text))
        self.problems += [f"no label for {i}" for i in self.inputs if i.get("id") not in self.labelled]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.problems.append(f"inline {name}= on <{tag}>")
            if name in ADDRESSES and OUTSIDE.match(value or ""):
                self.problems.append(f"outside address {value}")
            if (value or "").lstrip().startswith("javascript:"):
                self.problems.append(f"javascript: in {name}=")
        if tag == "style":
            self.problems.append("<style> block")
        self.script = found if tag == "script" else None
        if tag == "label":
            self.depth_of_label += 1
            self.labelled.add(found.get("for") or "")
        if tag in ("input", "select", "textarea"):
            self.take_input(found)

    def take_input(self, found: dict[str, str | None]) -> None:
        named = "aria-label" in found or "aria-labelledby" in found or self.depth_of_label
        if not named and found.get("type") not in UNLABELLED_KINDS:
            self.inputs.append(found)

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self.depth_of_label -= 1
        if tag == "script":
            self.script = None

    def handle_data(self, data: str) -> None:
        if self.script is not None and self.script.get("type") != "application/json" and data.strip():
            self.problems.append(f"inline script {data.strip()[:40]!r}")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(PROJECT / "templates")))
def test_template_keeps_the_policy_and_labels_its_inputs(path: Path):
    assert Page(path.read_text(encoding="utf-8")).problems == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<script>alert(1)</script>", "inline script 'alert(1)'"),
        ("<b onclick='x()'></b>", "inline onclick= on <b>"),
        ("<b style='color:red'></b>", "inline style= on <b>"),
        ("<style>b{}</style>", "<style> block"),
        ("<img src='//cdn.example/x.png'>", "outside address //cdn.example/x.png"),
        ("<a href='https://example.org'>x</a>", "outside address https://example.org"),
        ("<a href='javascript:x()'>x</a>", "javascript: in href="),
        ("<input id='a'><label for='b'>x</label>", "no label for {'id': 'a'}"),
    ],
)
def test_the_checks_find_what_they_look_for(text: str, problem: str):
    assert Page(text).problems == [problem]


@pytest.mark.parametrize(
    "text",
    [
        "<script type='application/json'>{\"a\": 1}</script>",
        "<script src='{% static \"app.js\" %}'></script>",
        "<label>x <input></label>",
        "<label for='{{ field.id }}'>x</label><input id='{{ field.id }}'>",
        "<input type='hidden'>",
        "{# <b style='x'> #}{% comment %}<b onclick='x'>{% endcomment %}",
    ],
)
def test_the_checks_let_pass_what_is_allowed(text: str):
    assert Page(text).problems == []


@pytest.mark.parametrize("path", COMPONENTS, ids=lambda path: path.stem)
def test_component_begins_with_how_it_is_used(path: Path):
    text = re.sub(r"^({% load .*? %}\s*)+", "", path.read_text(encoding="utf-8"))
    assert text.startswith(("{% comment", "{# "))


def test_vendored_files_are_as_fetched():
    spec = importlib.util.spec_from_file_location("refresh", PROJECT / "static" / "refresh.py")
    refresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(refresh)
    assert refresh.differences() == []


def test_no_asset_asks_for_a_source_map_or_another_site():
    asking = re.compile(rb"sourceMappingURL=|@import\s|url\(\s*[\"']?(https?:)?//")
    assets = [path for path in (PROJECT / "static").rglob("*") if path.suffix in (".css", ".js")]
    assert assets
    assert [str(path) for path in assets if asking.search(path.read_bytes())] == []
