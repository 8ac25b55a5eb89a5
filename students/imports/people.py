"""Whom a row is about: name, ID, guardian, phone, roll number or certificate as columns of the COPY line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aidcases.crypto import Keyring
from students.imports import cells, identity
from students.imports.cells import Bad, Doubt, Value
from students.imports.columns import Kind
from students.imports.initials import initials
from students.imports.source import Raw, Sheet

# (rejects the row, code of identity.REASONS, zero-based columns)
Problem = tuple[bool, str, tuple[int, ...]]

Parse = Callable[[Value], Any]

# Results are remembered by the cell as the file spells it: "农业户口" is parsed once, not 50,000 times.
MEMORY = 2048

NULL = "\\N"
NO_NUMBER = f"{NULL}\t\t{NULL}"  # hash, last four, ciphertext
NO_PHONE = f"{NULL}\t{NULL}"


def problem(bad: Bad, *places: int) -> Problem:
    return not isinstance(bad, Doubt), bad.code, places


def escaped(text: str) -> str:
    """For COPY's text format; cells hold no control characters any more."""
    return text.replace("\\", "\\\\") if "\\" in text else text


class People:
    """The person columns of the rows of one sheet."""

    def __init__(self, kind: Kind, columns: dict[str, int], sheet: Sheet, ring: Keyring, today: str):
        self.columns, self.value, self.today = columns, sheet.value, today
        self.purpose = kind.number
        self._blind, self._seal = ring.blind, ring.sealer()
        self._memories: dict[str, dict[Raw, Any]] = {name: {} for name in columns}

    def columns_of(self, row: list[Raw], problems: list[Problem], data: list[str]) -> tuple[str, str]:
        """(name … number_cipher joined by tabs, initials).

        Adds what is wrong to `problems`, and to `data` the kind of a document that is no resident ID.
        """
        name = self._read(cells.name, row, "name", problems) or ""
        who = self._identity(row, problems)
        second = self._recalled(self._guardian, row, "second_id", problems) or NO_NUMBER
        phone = self._recalled(self._phone, row, "phone", problems)
        phone = phone or self._recalled(self._phone, row, "household_phone", problems) or NO_PHONE
        number = self._number(row, problems) if "number" in self.columns else NO_NUMBER
        if who and who.kind:
            data.append(f'"id_type":"{who.kind}"')
        person = self._person(who) if who else f"{NO_NUMBER}\t\t{NULL}"
        return f"{escaped(name)}\t{person}\t{second}\t{phone}\t{number}", initials(name)

    def _person(self, who: identity.Identity) -> str:
        text = identity.hash_text(who) if who.kind else who.number
        return (
            f"\\\\x{self._blind(text).hex()}\t{text[-4:]}\t\\\\x{self._seal(who.number).hex()}"
            f"\t{who.sex}\t{who.birth_on or NULL}"
        )

    def _read(
        self, parse: Callable[[Value], Any], row: list[Raw], field: str, problems: list[Problem]
    ) -> Any:
        """What `parse` makes of a field's cell, or None and a problem."""
        place = self.columns[field]
        try:
            return parse(self.value(row[place]))
        except Bad as bad:
            problems.append(problem(bad, place))
            return None

    def _recalled(self, parse: Parse, row: list[Raw], field: str, problems: list[Problem]) -> Any:
        """The same for a field that may be absent; recalls good results: siblings share phone and guardian."""
        place = self.columns.get(field)
        if place is None or row[place] is None:
            return None
        known = self._memories[field]
        found = known.get(row[place])
        if found is None:
            found = self._read(parse, row, field, problems)
            if len(known) >= MEMORY:
                known.clear()
            if found is not None:
                known[row[place]] = found
        return found

    def _identity(self, row: list[Raw], problems: list[Problem]) -> identity.Identity | None:
        kind = self._recalled(identity.document, row, "id_type", problems) or ""
        place = self.columns["id"]
        try:
            who = identity.person(self.value(row[place]), kind, self.today)
        except Bad as bad:
            problems.append(problem(bad, place))
            return None
        sex = self._recalled(identity.sex, row, "sex", problems)
        if sex and not who.sex:
            who = who._replace(sex=sex)
        elif sex and sex != who.sex:
            problems.append((False, "sex differs", (self.columns["sex"],)))
        return self._born(who, row, problems) if "birth" in self.columns else who

    def _born(self, who: identity.Identity, row: list[Raw], problems: list[Problem]) -> identity.Identity:
        place = self.columns["birth"]
        value = self.value(row[place])
        if not value or (who.birth_on and value == who.number[6:14]):
            return who
        birth_on = self._read(cells.day, row, "birth", problems) if cells.is_filled(value) else None
        if birth_on is None:
            return who
        if not who.birth_on:
            return who._replace(birth_on=birth_on)
        if birth_on != who.birth_on and not cells.is_month_of(birth_on, who.birth_on):
            problems.append((False, "birth date differs", (place,)))
        return who

    def _guardian(self, value: Value) -> str:
        who = identity.guardian(value, self.today)
        return self._concealed(who.number, "id") if who else ""

    def _phone(self, value: Value) -> str:
        number = identity.phone(value)
        if not number:
            return ""
        return f"\\\\x{self._blind(number, 'phone').hex()}\t\\\\x{self._seal(number).hex()}"

    def _number(self, row: list[Raw], problems: list[Problem]) -> str:
        parse = identity.certificate if self.purpose == "certificate" else identity.roll_number
        number = self._read(parse, row, "number", problems)
        return self._concealed(number, self.purpose) if number else NO_NUMBER

    def _concealed(self, number: str, purpose: str) -> str:
        return f"\\\\x{self._blind(number, purpose).hex()}\t{number[-4:]}\t\\\\x{self._seal(number).hex()}"


class Schools:
    """The same columns for rows that are schools: a name and no numbers."""

    NOTHING = f"{NO_NUMBER}\t\t{NULL}\t{NO_NUMBER}\t{NO_PHONE}\t{NO_NUMBER}"

    def __init__(self, columns: dict[str, int], sheet: Sheet):
        self.place, self.value = columns["name"], sheet.value

    def columns_of(self, row: list[Raw], problems: list[Problem], data: list[str]) -> tuple[str, str]:
        try:
            name = cells.text(self.value(row[self.place]), 60)
        except Bad:
            name = ""  # the fact "name" says what is wrong
        return f"{escaped(name)}\t{self.NOTHING}", initials(name, person=False)
