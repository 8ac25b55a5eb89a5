"""Where in a TOML text each value stands: tomllib tells what was written, not on which line."""

from __future__ import annotations

import json
import re

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""(?P<skip>[ \t\r]+|\#[^\n]*)
    |(?P<text>\"{3}(?:\\.|[^\\])*?\"{3,5}|'{3}.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*')
    |(?P<sign>[\[\]{},=.\n])
    |(?P<bare>[^\s\[\]{},=."'\#]+)
    |(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)


class Lines:
    """The line (from 1) of every table, key and list element of a text that tomllib has read.

    A path is what leads to the value in the data: ("rule", 2, "when", "stage").
    """

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, bool, int]] = []  # (as written, whether quoted, line)
        self.at = 0
        self.found: dict[Path, int] = {}
        self.elements: dict[Path, int] = {}  # [[table]] → the number of its last element
        line = 1
        for token in _TOKEN.finditer(text):
            if token.lastgroup != "skip":
                self.tokens.append((token[0], token.lastgroup == "text", line))
            line += token[0].count("\n")
        self.last = max(1, line - text.endswith("\n"))
        self._document()

    def of(self, path: Path) -> int:
        """The line of a value, or of the nearest table around it that is written down."""
        while path and path not in self.found:
            path = path[:-1]
        return self.found.get(path, 1)

    def _sign(self) -> str:
        """The sign that comes next, "" at the end or before a word."""
        return "" if self._ended() or self.tokens[self.at][1] else self.tokens[self.at][0]

    def _ended(self) -> bool:
        return self.at >= len(self.tokens)

    def _take(self, sign: str) -> bool:
        if self._sign() == sign:
            self.at += 1
            return True
        return False

    def _document(self) -> None:
        table: Path = ()
        while not self._ended():
            if self._take("\n"):
                continue
            if self._sign() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        line = self.tokens[self.at][2]
        self.at += 1
        repeated = self._take("[")
        path: Path = ()
        for key in self._key():
            # A name that stands for a list of tables means its last one.
            if path in self.elements:
                path += (self.elements[path],)
            path += (key,)
        if repeated:
            self.elements[path] = self.elements.get(path, -1) + 1
        if path in self.elements:
            path += (self.elements[path],)
        self.found.setdefault(path, line)
        while self._take("]"):
            pass
        return path

    def _key(self) -> list[str]:
        """A dotted key, up to what follows it."""
        names: list[str] = []
        while not self._ended() and self._sign() not in ("=", "]", "\n"):
            written, quoted, _ = self.tokens[self.at]
            self.at += 1
            if quoted or written != ".":
                names.append(_unquoted(written) if quoted else written)
        return names

    def _pair(self, table: Path) -> None:
        line = self.tokens[self.at][2]
        path = table
        for key in self._key():
            path += (key,)
            self.found.setdefault(path, line)
        if not self._take("="):
            self.at += 1  # nothing tomllib would have read; go on
            return
        self._value(path)

    def _value(self, path: Path) -> None:
        if self._take("["):
            self._list(path)
        elif self._take("{"):
            while not self._ended() and not self._take("}"):
                if not (self._take(",") or self._take("\n")):
                    self._pair(path)
        else:
            while not self._ended() and self._sign() not in (",", "]", "}", "\n"):
                self.at += 1

    def _list(self, path: Path) -> None:
        number = 0
        while not self._ended() and not self._take("]"):
            if self._take(",") or self._take("\n"):
                continue
            self.found.setdefault((*path, number), self.tokens[self.at][2])
            before = self.at
            self._value((*path, number))
            self.at += self.at == before  # a lone brace: not TOML, but no reason to stand still
            number += 1


def _unquoted(written: str) -> str:
    try:
        return json.loads(written) if written[0] == '"' else written[1:-1]
    except ValueError:
        return written
