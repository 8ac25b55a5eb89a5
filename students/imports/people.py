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
Reader = Callable[[list[Raw], list[Problem]], Any]

MEMORY = 256

NULL = "\\N"
NO_NUMBER = f"{NULL}\t\t{NULL}"  # hash, last four, ciphertext
NO_PHONE = f"{NULL}\t{NULL}"


def problem(bad: Bad, *places: int) -> Problem:
    return not isinstance(bad, Doubt), bad.code, places


def escaped(text: str) -> str:
    """For COPY's text format; cells hold no control characters any more."""
    return text.replace("\\", "\\\\") if "\\" in text else text


def reader(place: int | None, value: Callable[[Raw], Value], parse: Parse, blank: Any) -> Reader:
    """Reads one field: what `parse` found, or `blank` and a problem; `blank` without a column.

    Recalls the last cells: siblings share phone and guardian, and words repeat.
    """
    if place is None:
        return lambda row, problems: blank
    known: dict[Raw, Any] = {None: blank}

    def read(row: list[Raw], problems: list[Problem]) -> Any:
        raw = row[place]
        found = known.get(raw)
        if found is None:
            try:
                found = parse(value(raw)) or blank
            except Bad as bad:
                problems.append(problem(bad, place))
                return blank
            if len(known) > MEMORY:
                known.clear()
                known[None] = blank
            known[raw] = found
        return found

    return read


def concealer(ring: Keyring, purpose: str, seal: Callable[[str], bytes]) -> Callable[[str], str]:
    """hash, last four, ciphertext of a number; "" of none."""
    blind = ring.blinder(purpose)

    def conceal(number: str) -> str:
        if not number:
            return ""
        return f"\\\\x{blind(number).hex()}\t{number[-4:]}\t\\\\x{seal(number).hex()}"

    return conceal


class People:
    """The person columns of the rows of one sheet."""

    def __init__(self, kind: Kind, columns: dict[str, int], sheet: Sheet, ring: Keyring, today: str):
        self.value, self.today = sheet.value, today
        self.name, self.id, self.birth = columns["name"], columns["id"], columns.get("birth")
        self.sex = columns.get("sex", 0)
        self.blind, self.seal = ring.blinder("id"), ring.sealer()

        def column(field: str, parse: Parse, blank: Any) -> Reader:
            return reader(columns.get(field), sheet.value, parse, blank)

        conceal = concealer(ring, "id", self.seal)
        conceal_number = concealer(ring, kind.number, self.seal)
        number = identity.certificate if kind.number == "certificate" else identity.roll_number
        self.read_document = column("id_type", identity.document, "")
        self.read_sex = column("sex", identity.sex, "")
        self.read_second = column("second_id", lambda value: conceal(identity.guardian(value, today)), NO_NUMBER)
        self.read_phone = column("phone", self._phone(ring), NO_PHONE)
        self.read_household_phone = column("household_phone", self._phone(ring), NO_PHONE)
        self.read_number = column("number", lambda value: conceal_number(number(value)), NO_NUMBER)

    def _phone(self, ring: Keyring) -> Parse:
        blind, seal = ring.blinder("phone"), self.seal

        def conceal(value: Value) -> str:
            number = identity.phone(value)
            return f"\\\\x{blind(number).hex()}\t\\\\x{seal(number).hex()}" if number else ""

        return conceal

    def columns_of(self, row: list[Raw], problems: list[Problem], data: list[str]) -> tuple[str, str]:
        """(name … number_cipher joined by tabs, initials).

        Adds what is wrong to `problems`, and to `data` the kind of a document that is no resident ID.
        """
        try:
            name = cells.name(self.value(row[self.name]))
        except Bad as bad:
            problems.append(problem(bad, self.name))
            name = ""
        person = self._person(row, problems, data)
        second = self.read_second(row, problems)
        phone = self.read_phone(row, problems)
        if phone is NO_PHONE:
            phone = self.read_household_phone(row, problems)
        number = self.read_number(row, problems)
        return f"{escaped(name)}\t{person}\t{second}\t{phone}\t{number}", initials(name)

    def _person(self, row: list[Raw], problems: list[Problem], data: list[str]) -> str:
        """id_hash, id_last4, id_cipher, sex, birth_on."""
        kind = self.read_document(row, problems)
        try:
            who = identity.person(self.value(row[self.id]), kind, self.today)
        except Bad as bad:
            problems.append(problem(bad, self.id))
            return f"{NO_NUMBER}\t\t{NULL}"
        number, kind, sex, birth_on = who
        text = number
        if kind:
            data.append(f'"id_type":"{kind}"')
            text = identity.hash_text(who)
        said = self.read_sex(row, problems)
        if said and said != sex:
            if sex:
                problems.append((False, "sex differs", (self.sex,)))
            sex = sex or said
        if self.birth is not None:
            birth_on = self._born(number, birth_on, self.value(row[self.birth]), problems)
        return (
            f"\\\\x{self.blind(text).hex()}\t{number[-4:]}\t\\\\x{self.seal(number).hex()}\t{sex}\t{birth_on or NULL}"
        )

    def _born(self, number: str, birth_on: str, value: Value, problems: list[Problem]) -> str:
        """The ID's birth date; that of the column for documents that have none."""
        if value == number[6:14] or not cells.is_filled(value):
            return birth_on
        try:
            said = cells.day(value)
        except Bad as bad:
            problems.append((False, bad.code, (self.birth or 0,)))
            return birth_on
        if birth_on and said != birth_on and not cells.is_month_of(said, birth_on):
            problems.append((False, "birth date differs", (self.birth or 0,)))
        return birth_on or said


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
