"""Whom rows are about: name, ID, guardian, phone, roll number or certificate as columns of COPY lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aidcases.crypto import Keyring
from students.imports import cells, identity
from students.imports.cells import Bad, Doubt, Value
from students.imports.columns import Kind
from students.imports.identity import Identity
from students.imports.initials import initials
from students.imports.source import Raw, Sheet

# (rejects the row, code of identity.REASONS, zero-based columns)
Problem = tuple[bool, str, tuple[int, ...]]
Parse = Callable[[Value], Any]
# Raw cells by column, of some rows.
Columns = list[tuple[Raw, ...]]

MEMORY = 256
DAYS = 8192  # different dates of birth on one list: some thirty years of them

NULL = "\\N"
NO_NUMBER = f"{NULL}\t\t{NULL}"  # hash, last four, ciphertext
NO_PHONE = f"{NULL}\t{NULL}"
NOBODY = f"{NO_NUMBER}\t\t{NULL}"  # and sex, birth


class Problems(dict[int, list[Problem]]):
    """What is wrong with some rows: place among them → problems in the order of the columns."""

    def add(self, row: int, one: Problem) -> None:
        self.setdefault(row, []).append(one)


Reader = Callable[[Columns, Problems], list[Any]]


def problem(bad: Bad, *places: int) -> Problem:
    return not isinstance(bad, Doubt), bad.code, places


def escaped(text: str) -> str:
    """For COPY's text format; cells hold no control characters any more."""
    return text.replace("\\", "\\\\") if "\\" in text else text


def reader(
    place: int | None, value: Callable[[Raw], Value], parse: Parse, blank: Any, *, most: int = MEMORY, needed: bool = False
) -> Reader:
    """Reads one field of some rows: what `parse` found, or `blank` and a problem; `blank` without a column and, unless
    it is needed, for no cell.

    Recalls the last cells: siblings share phone and guardian, and words repeat.
    """
    if place is None:
        return lambda columns, problems: [blank] * len(columns[0])
    start: dict[Raw, Any] = {} if needed else {None: blank}
    known = start.copy()

    def read(columns: Columns, problems: Problems) -> list[Any]:
        raws = columns[place]
        found: list[Any] = list(map(known.get, raws))
        if None not in found:
            return found
        for row, raw in enumerate(raws):
            if found[row] is None and (said := known.get(raw)) is None:
                try:
                    said = parse(value(raw)) or blank
                except Bad as bad:
                    problems.add(row, problem(bad, place))
                    found[row] = blank
                    continue
                if len(known) > most:
                    known.clear()
                    known.update(start)
                known[raw] = found[row] = said
            elif found[row] is None:
                found[row] = said
        return found

    return read


def only(columns: Columns, place: int, rows: list[bool]) -> Columns:
    """The same with one column blank but in some rows."""
    kept = tuple(raw if keep else None for raw, keep in zip(columns[place], rows, strict=True))
    return [*columns[:place], kept, *columns[place + 1 :]]


def concealer(ring: Keyring, purpose: str, seal: Callable[[str], bytes]) -> Callable[[str], str]:
    """hash, last four, ciphertext of a number; "" of none."""
    blind = ring.blinder(purpose)

    def conceal(number: str) -> str:
        if not number:
            return ""
        return f"\\\\x{blind(number).hex()}\t{number[-4:]}\t\\\\x{seal(number).hex()}"

    return conceal


class People:
    """The person columns of rows of one sheet."""

    def __init__(self, kind: Kind, columns: dict[str, int], sheet: Sheet, ring: Keyring, today: str):
        self.value, self.today, self.places = sheet.value, today, columns
        self.blind, self.seal = ring.blinder("id"), ring.sealer()

        def column(field: str, parse: Parse, blank: Any, **more: Any) -> Reader:
            return reader(columns.get(field), sheet.value, parse, blank, **more)

        conceal = concealer(ring, "id", self.seal)
        conceal_number = concealer(ring, kind.number, self.seal)
        number = identity.certificate if kind.number == "certificate" else identity.roll_number
        self.read_name = column("name", cells.name, "", needed=True)
        self.read_document = column("id_type", identity.document, "")
        self.read_sex = column("sex", identity.sex, "")
        self.read_birth = column("birth", lambda value: value, "", most=DAYS)
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

    def columns_of(self, columns: Columns, problems: Problems) -> tuple[list[str], list[str], list[str]]:
        """Of each row: name … number_cipher joined by tabs; initials; for `data`, the kind of a document that is no
        resident ID. Adds what is wrong to `problems`."""
        names = self.read_name(columns, problems)
        persons, documents = self._persons(columns, problems)
        seconds = self.read_second(columns, problems)
        phones = self._phones(columns, problems)
        numbers = self.read_number(columns, problems)
        found = zip(map(escaped, names), persons, seconds, phones, numbers, strict=True)
        return list(map("\t".join, found)), list(map(initials, names)), documents

    def _phones(self, columns: Columns, problems: Problems) -> list[str]:
        """The person's own; where there is none, the household's."""
        phones, place = self.read_phone(columns, problems), self.places.get("household_phone")
        if place is None or NO_PHONE not in phones:
            return phones
        lacking = [phone is NO_PHONE for phone in phones]
        others = self.read_household_phone(only(columns, place, lacking), problems)
        return [other if lacks else phone for phone, other, lacks in zip(phones, others, lacking, strict=True)]

    def _persons(self, columns: Columns, problems: Problems) -> tuple[list[str], list[str]]:
        """id_hash, id_last4, id_cipher, sex, birth_on; for `data`, the kind of document."""
        known = self._identified(columns, problems)
        if None in known and "sex" in self.places:
            columns = only(columns, self.places["sex"], [one is not None for one in known])
        sexes, births = self.read_sex(columns, problems), self.read_birth(columns, problems)
        blind, seal, persons, documents = self.blind, self.seal, [], [""] * len(known)
        for row, (one, said, birth) in enumerate(zip(known, sexes, births, strict=True)):
            if one is None:
                persons.append(NOBODY)
                continue
            number, kind, sex, birth_on = one
            if kind:
                documents[row] = f',"id_type":"{kind}"'
            if said and said != sex:
                if sex:
                    problems.add(row, (False, "sex differs", (self.places["sex"],)))
                sex = sex or said
            if birth and birth != number[6:14]:
                birth_on = self._born(birth_on, birth, row, problems)
            mark = blind(identity.hash_text(one) if kind else number).hex()
            persons.append(f"\\\\x{mark}\t{number[-4:]}\t\\\\x{seal(number).hex()}\t{sex}\t{birth_on or NULL}")
        return persons, documents

    def _identified(self, columns: Columns, problems: Problems) -> list[Identity | None]:
        place, value, today = self.places["id"], self.value, self.today
        found: list[Identity | None] = []
        for row, (raw, kind) in enumerate(zip(columns[place], self.read_document(columns, problems), strict=True)):
            try:
                found.append(identity.person(value(raw), kind, today))
            except Bad as bad:
                problems.add(row, problem(bad, place))
                found.append(None)
        return found

    def _born(self, birth_on: str, value: Value, row: int, problems: Problems) -> str:
        """The ID's birth date; that of the column for documents that have none."""
        if not cells.is_filled(value):
            return birth_on
        try:
            said = cells.day(value)
        except Bad as bad:
            problems.add(row, (False, bad.code, (self.places["birth"],)))
            return birth_on
        if birth_on and said != birth_on and not cells.is_month_of(said, birth_on):
            problems.add(row, (False, "birth date differs", (self.places["birth"],)))
        return birth_on or said


class Schools:
    """The same columns for rows that are schools: a name and no numbers."""

    NOTHING = f"{NOBODY}\t{NO_NUMBER}\t{NO_PHONE}\t{NO_NUMBER}"

    def __init__(self, columns: dict[str, int], sheet: Sheet):
        self.place, self.value = columns["name"], sheet.value

    def columns_of(self, columns: Columns, problems: Problems) -> tuple[list[str], list[str], list[str]]:
        names = list(map(self._name, columns[self.place]))
        short = [initials(name, person=False) for name in names]
        return [f"{escaped(name)}\t{self.NOTHING}" for name in names], short, [""] * len(names)

    def _name(self, raw: Raw) -> str:
        try:
            return cells.text(self.value(raw), 60)
        except Bad:
            return ""  # the fact "name" says what is wrong
