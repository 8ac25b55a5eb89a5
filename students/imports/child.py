"""The limited process that opens uploaded files: `python -m students.imports.child`, started by sandbox.py.

Standard input brings one line of JSON with keys and orders (never argv or environment), and the marks to set;
standard output takes the result, one more pipe what there is to tell. Without Django it starts at once.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from dataclasses import fields
from importlib import import_module
from typing import Any

from students.imports.limited import Result, limit, outcome, write_all
from students.imports.source import Limits


def carry_out(order: dict[str, Any]) -> Result:
    """Does what the order says; the result to tell at the end."""
    limits = Limits(**{field.name: order["limits"][field.name] for field in fields(Limits)})
    limit(limits)
    gc.disable()  # rows leave no cycles behind; looking for them would take a tenth of the time
    if "." in order["task"]:  # a module of an app above, which says what to do
        return import_module(order["task"]).work(order, limits, write_all)
    if order["task"] == "read":
        from aidcases.crypto import parse_keyring
        from students.imports.choosing import Choice
        from students.imports.reading import Order, read

        given = {name: order[name] for name in ("kind", "file_id", "filename", "today", "look_only", "saved", "state")}
        choice = Choice(**order["choice"]) if order["choice"] else None
        told = Order(limits=limits, choice=choice, **given)
        return read(order["path"], told, parse_keyring(order["keys"]), lambda **said: tell(order, said))
    if order["task"] == "texts":
        from students.imports.texts import texts

        return texts(order["path"], order["filename"], order["separator"], limits, write_all)
    from students.imports.marking import mark

    marks = (json.loads(line) for line in sys.stdin.buffer)
    return {"filename": mark(order["path"], order, limits, marks, write_all)}


def tell(order: dict[str, Any], said: Result) -> None:
    """A line of JSON to the parent, which always listens."""
    with os.fdopen(order["tell"], "wb", closefd=False) as line:
        line.write(json.dumps(said, ensure_ascii=False).encode() + b"\n")


def main() -> None:
    order = json.loads(sys.stdin.buffer.readline())
    tell(order, outcome(lambda: carry_out(order)))


if __name__ == "__main__":
    main()
