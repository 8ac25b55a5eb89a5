"""Sealed text and files, keyed hashes, masks, and the encrypted model field."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from aidcases import crypto
from aidcases.crypto import CHUNK, EncryptedField, Keyring, KeyringError, SealBroken
from students.models import Person

OLD, NEW, INDEX = b"o" * 32, b"n" * 32, b"i" * 32
RING = Keyring({1: OLD}, INDEX)
ID = "620123200709159660"


@given(st.text())
def test_what_is_sealed_opens_again(text: str):
    for ring in (RING, Keyring({1: b"s" * 16}, INDEX)):
        assert ring.unseal(ring.seal(text)) == text
        assert ring.unseal(ring.sealer()(text)) == text


def test_two_seals_of_one_text_differ_and_hide_it():
    seal = RING.sealer()
    sealed = {RING.seal(ID) for _ in range(50)} | {seal(ID) for _ in range(1000)}
    assert len(sealed) == 1050
    assert {len(one) for one in sealed} == {1 + 12 + 18 + 16}
    assert not any(ID.encode() in one for one in sealed)


def test_the_highest_key_seals_and_every_key_opens():
    both = Keyring({1: OLD, 2: NEW}, INDEX)
    assert both.seal(ID)[0] == 2
    assert both.unseal(RING.seal(ID)) == ID


def test_a_missing_key_a_wrong_key_and_a_change_are_told():
    sealed = Keyring({2: NEW}, INDEX).seal(ID)
    with pytest.raises(SealBroken, match="key 2"):
        RING.unseal(sealed)
    with pytest.raises(SealBroken):
        Keyring({2: OLD}, INDEX).unseal(sealed)
    for place in range(1, len(sealed)):
        with pytest.raises(SealBroken):
            Keyring({2: NEW}, INDEX).unseal(sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :])
    for cut in (b"", sealed[:1], sealed[:20], sealed[:-1]):
        with pytest.raises(SealBroken):
            Keyring({2: NEW}, INDEX).unseal(cut)


def test_sm4_gcm_gives_the_vector_of_rfc_8998():
    cipher = crypto._aead(bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
    plain = bytes.fromhex("AA" * 8 + "BB" * 8 + "CC" * 8 + "DD" * 8 + "EE" * 8 + "FF" * 8 + "EE" * 8 + "AA" * 8)
    added = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    nonce = bytes.fromhex("00001234567800000000ABCD")
    expected = bytes.fromhex(
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
        "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
        "83DE3541E4C2B58177E065A9BF7B62EC"
    )
    assert cipher.encrypt(nonce, plain, added) == expected
    assert cipher.decrypt(nonce, expected, added) == plain


def test_blind_is_hmac_sm3_and_purposes_are_apart():
    assert RING.blind(ID) == hmac.new(INDEX, b"id\0" + ID.encode(), "sm3").digest()
    assert RING.blind(ID) == RING.blind(ID, "id") == RING.blinder("id")(ID)
    assert len({RING.blind("13883685957", purpose) for purpose in crypto.PURPOSES}) == len(crypto.PURPOSES)
    assert RING.blind(ID) != Keyring({1: OLD}, b"j" * 32).blind(ID)
    with pytest.raises(KeyError):
        RING.blind(ID, "name")


@pytest.mark.parametrize(
    ("keys", "index"),
    [({}, INDEX), ({0: OLD}, INDEX), ({256: OLD}, INDEX), ({1: b"short"}, INDEX), ({1: OLD}, b"s")],
)
def test_a_keyring_refuses_malformed_keys(keys: dict[int, bytes], index: bytes):
    with pytest.raises(KeyringError):
        Keyring(keys, index)


def test_a_keyring_survives_its_dump_and_never_prints_a_key():
    ring = Keyring({1: OLD, 7: NEW}, INDEX)
    again = crypto.load_keyring(ring.dump(), Path("/nonexistent"))
    assert again.unseal(ring.seal(ID)) == ID
    assert again.blind(ID) == ring.blind(ID)
    assert repr(ring) == "<Keyring versions [1, 7]>"


@pytest.mark.parametrize(
    "environ",
    [
        {"AIDCASES_KEYS": RING.dump()["AIDCASES_KEYS"]},
        {"AIDCASES_INDEX_KEY": RING.dump()["AIDCASES_INDEX_KEY"]},
        {"AIDCASES_PRODUCTION": "1"},
        {"AIDCASES_KEYS": "1:???", "AIDCASES_INDEX_KEY": "abc"},
        {"AIDCASES_KEYS": "one", "AIDCASES_INDEX_KEY": RING.dump()["AIDCASES_INDEX_KEY"]},
    ],
)
def test_half_given_keys_are_refused(environ: dict[str, str], tmp_path: Path):
    with pytest.raises(KeyringError):
        crypto.load_keyring(environ, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_keys_are_made_once_and_for_their_owner_only(tmp_path: Path):
    ring = crypto.load_keyring({"AIDCASES_PRODUCTION": "0"}, tmp_path)
    assert crypto.load_keyring({}, tmp_path).unseal(ring.seal(ID)) == ID
    [file] = (tmp_path / "keys").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_processes_that_start_at_once_share_the_keys(tmp_path: Path):
    code = (
        "import sys, pathlib; from aidcases import crypto;"
        "print(crypto.load_keyring({}, pathlib.Path(sys.argv[1])).blind('x').hex())"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=settings.PROJECT) for _ in range(6)]
    assert len({process.communicate()[0] for process in started}) == 1
    assert [file.name for file in (tmp_path / "keys").iterdir()] == ["keyring.env"]


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7])
def test_sealed_files_come_back_whole(size: int, tmp_path: Path):
    plain = os.urandom(size)
    path = tmp_path / "upload"
    digest = crypto.write_sealed(path, (plain[at : at + 5000] for at in range(0, size, 5000)), RING)
    assert digest == hashlib.sha256(plain).hexdigest()
    assert b"".join(crypto.read_sealed(path, RING)) == plain
    with crypto.open_sealed(path, RING) as file:
        file.seek(size // 2)
        assert file.read() == plain[size // 2 :]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [left.name for left in tmp_path.iterdir()] == ["upload"]


def test_a_cut_changed_or_reordered_file_does_not_open(tmp_path: Path):
    path = tmp_path / "upload"
    crypto.write_sealed(path, [b"a" * CHUNK, b"b" * CHUNK, b"c" * 100], RING)
    sealed = path.read_bytes()
    head, piece = len(crypto.MAGIC) + 1 + crypto.SALT, CHUNK + crypto.TAG
    first, second = sealed[head : head + piece], sealed[head + piece : head + 2 * piece]
    last = sealed[head + 2 * piece :]
    wrong = {
        "cut between chunks": sealed[:head] + first + second,
        "cut to nothing": sealed[:head],
        "cut inside": sealed[:-1],
        "reordered": sealed[:head] + second + first + last,
        "doubled": sealed + last,
        "flipped": sealed[:-20] + bytes([sealed[-20] ^ 1]) + sealed[-19:],
        "other salt": sealed[: head - 1] + bytes([sealed[head - 1] ^ 1]) + sealed[head:],
        "no head": sealed[5:],
        "empty": b"",
    }
    for name, content in wrong.items():
        path.write_bytes(content)
        with pytest.raises(SealBroken):
            pytest.fail(f"{name}: {len(b''.join(crypto.read_sealed(path, RING)))} bytes came out")
    path.write_bytes(sealed)
    with pytest.raises(SealBroken):
        list(crypto.read_sealed(path, Keyring({1: NEW}, INDEX)))


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "upload"
    crypto.write_sealed(path, [b"old"], RING)

    def broken():
        yield b"new" * CHUNK
        raise OSError("the line went dead")

    with pytest.raises(OSError, match="went dead"):
        crypto.write_sealed(path, broken(), RING)
    assert b"".join(crypto.read_sealed(path, RING)) == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_masks():
    assert crypto.mask_id("620123200107011234") == "*" * 14 + "1234" == crypto.mask_id("1234")
    assert crypto.mask_phone("13883685957") == "138******57"
    assert crypto.mask_card("6217004220012345678") == "**** **** **** 5678"
    assert [crypto.mask_id(""), crypto.mask_phone(""), crypto.mask_card("")] == ["", "", ""]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("身份证620123200709159660", "身份证**************9660"),
        ("6201 2320 0709 1596 60在家", "**************6 60在家"),
        ("残疾证62012320100520347X43", "残疾证**************7X43"),
        ("旧证620123670712119", "旧证**************2119"),
        ("电话13883685957，138-8368-5957", "电话138******57，138********57"),
        ("2018年9月1日，1班，户编号 6201", "2018年9月1日，1班，户编号 6201"),
    ],
)
def test_numbers_inside_free_text_are_masked(text: str, masked: str):
    assert crypto.mask_numbers(text) == masked


class TestEncryptedField:
    def test_an_assignment_sets_the_index(self):
        person = Person(name="杨宇", id_number=ID)
        assert person.id_hash == crypto.blind(ID)
        person.id_number = "other"
        assert person.id_hash == crypto.blind("other")
        person.id_hash = b"by hand"
        assert person.id_hash == crypto.blind("other")
        person.id_number = None
        assert person.id_hash is None

    def test_nothing_can_be_searched_or_ordered_by_accident(self):
        for lookup in (
            "id_number",
            "id_number__exact",
            "id_number__in",
            "id_number__contains",
            "id_number__gt",
        ):
            with pytest.raises(FieldError, match="id_hash"):
                Person._base_manager.filter(**{lookup: [ID] if lookup.endswith("in") else ID})
        assert "IS NULL" in str(Person._base_manager.filter(id_number__isnull=True).query)

    def test_migrations_know_it(self):
        field = Person._meta.get_field("id_number")
        _, path, args, kwargs = field.deconstruct()
        assert path == "aidcases.encrypted_field.EncryptedField"
        again = EncryptedField(*args, **kwargs)
        assert (again.blind_index, again.purpose, again.null) == ("id_hash", "id", True)

    @pytest.mark.django_db
    def test_bulk_writes_store_ciphertext_and_index(self):
        people = Person._base_manager.bulk_create([Person(name="甲", id_number=ID), Person(name="乙")])
        stored = "SELECT id_number, id_hash FROM students_person WHERE id = %s"
        with connection.cursor() as cursor:
            cursor.execute(stored, [people[0].pk])
            cipher, index = cursor.fetchone()
        assert crypto.unseal(bytes(cipher)) == ID
        assert bytes(index) == crypto.blind(ID)

        people[0].id_number, people[1].id_number = "first", "second"
        Person._base_manager.bulk_update(people, ["id_number", "id_hash"])
        found = Person._base_manager.get(id_hash=crypto.blind("second"))
        assert (found.pk, found.id_number) == (people[1].pk, "second")
        deferred = Person._base_manager.defer("id_number", "id_hash").get(pk=people[0].pk)
        assert bytes(deferred.id_hash) == crypto.blind("first")
        assert deferred.id_number == "first"
