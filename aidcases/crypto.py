"""Personal data at rest: sealed text and files, keyed hashes to look it up by, masks to show it.

Needs no Django: the process that reads uploaded rosters imports it and has to start at once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import itertools
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC

if TYPE_CHECKING:
    from aidcases.encrypted_field import EncryptedField as EncryptedField

# Each purpose has a domain of its own: the same digits as an ID and as a phone give unrelated hashes.
PURPOSES = ("id", "phone", "roll_number", "certificate", "row_key", "account", "draft", "tip")

MAGIC = b"SEALED1\n"
CHUNK = 64 * 1024
TAG = 16
NONCE = 12
SALT = 16


class SealBroken(Exception):
    """Sealed data that these keys don't open: a key is missing, or the data was changed or cut."""


class KeyringError(Exception):
    """The keys given are absent, incomplete or malformed."""


class _Aead(Protocol):
    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None, /) -> bytes: ...
    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None, /) -> bytes: ...


class _SM4GCM:
    """SM4-GCM (RFC 8998) with the interface of AESGCM."""

    def __init__(self, key: bytes):
        self._key = key

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        sealing = Cipher(algorithms.SM4(self._key), modes.GCM(nonce)).encryptor()
        sealing.authenticate_additional_data(associated_data or b"")
        return sealing.update(data) + sealing.finalize() + sealing.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        if len(data) < TAG:
            raise InvalidTag
        opening = Cipher(algorithms.SM4(self._key), modes.GCM(nonce, data[-TAG:])).decryptor()
        opening.authenticate_additional_data(associated_data or b"")
        return opening.update(data[:-TAG]) + opening.finalize()


def _aead(key: bytes) -> _Aead:
    """32 bytes mean AES-256-GCM, 16 bytes SM4-GCM: the length of a key says what it is for."""
    return AESGCM(key) if len(key) == 32 else _SM4GCM(key)


class Keyring:
    """Sealing keys by version (1–255; the highest seals, all open) and the key of the look-up hashes."""

    def __init__(self, keys: Mapping[int, bytes], index_key: bytes):
        if not keys or any(not 0 < version < 256 for version in keys):
            raise KeyringError("A keyring needs keys with versions from 1 to 255.")
        if any(len(key) not in (16, 32) for key in keys.values()):
            raise KeyringError("A sealing key has 32 bytes (AES-256) or 16 bytes (SM4).")
        if len(index_key) < 32:
            raise KeyringError("The index key has at least 32 bytes.")
        self.version = max(keys)
        self._keys = dict(keys)
        self._index_key = index_key
        self._ciphers = {version: _aead(key) for version, key in keys.items()}
        self._macs = {purpose: self._mac(purpose) for purpose in PURPOSES}

    def __repr__(self) -> str:
        return f"<Keyring versions {sorted(self._keys)}>"

    def _mac(self, purpose: str) -> HMAC:
        mac = HMAC(self._index_key, hashes.SM3())
        mac.update(purpose.encode() + b"\0")
        return mac

    def seal(self, text: str) -> bytes:
        """Version byte + 12-byte nonce + ciphertext and tag: len(UTF-8) + 29 bytes."""
        nonce = os.urandom(NONCE)
        sealed = self._ciphers[self.version].encrypt(nonce, text.encode(), None)
        return bytes((self.version,)) + nonce + sealed

    def sealer(self) -> Callable[[str], bytes]:
        """`seal` with nonces drawn in advance, for one thread of a process that never forks."""
        prefix, encrypt = bytes((self.version,)), self._ciphers[self.version].encrypt
        nonces = _nonces()

        def seal(text: str) -> bytes:
            nonce = next(nonces)
            return prefix + nonce + encrypt(nonce, text.encode(), None)

        return seal

    def unseal(self, sealed: bytes) -> str:
        """Raises SealBroken when the version is unknown or the data doesn't fit its key."""
        sealed = bytes(sealed)
        cipher = self._ciphers.get(sealed[0] if sealed else 0)
        if cipher is None:
            raise SealBroken(f"Sealed with key {sealed[0] if sealed else 'none'}, which this keyring lacks.")
        try:
            return cipher.decrypt(sealed[1 : 1 + NONCE], sealed[1 + NONCE :], None).decode()
        except (InvalidTag, ValueError) as error:
            raise SealBroken(f"Key {sealed[0]} does not open this value: another key, or changed.") from error

    def blind(self, text: str, purpose: str = "id") -> bytes:
        """32 bytes of HMAC-SM3: equal texts of one purpose, and only they, have equal hashes."""
        return self.blinder(purpose)(text)

    def blinder(self, purpose: str) -> Callable[[str], bytes]:
        """`blind` for one purpose, for those who need it many times (1.3 µs)."""
        copy = self._macs[purpose].copy

        def blind(text: str) -> bytes:
            mac = copy()
            mac.update(text.encode())
            return mac.finalize()

        return blind

    def derive(self, purpose: str) -> str:
        """A secret of 64 hex digits for another use, stable as long as the index key is."""
        return hmac.digest(self._index_key, b"derive\0" + purpose.encode(), "sha256").hex()

    def file_cipher(self, version: int, salt: bytes) -> _Aead:
        """A cipher for one file alone, so that chunk counters can be its nonces."""
        key = self._keys.get(version)
        if key is None:
            raise SealBroken(f"Sealed with key {version}, which is not in this keyring.")
        return _aead(hmac.digest(key, b"file\0" + salt, "sha256")[: len(key)])

    def dump(self) -> dict[str, str]:
        """As the two variables that `load_keyring` reads; for a pipe to a child, never for a log."""
        keys = ",".join(f"{version}:{_base64(key)}" for version, key in self._keys.items())
        return {"AIDCASES_KEYS": keys, "AIDCASES_INDEX_KEY": _base64(self._index_key)}


def _nonces() -> Iterator[bytes]:
    while True:
        drawn = os.urandom(NONCE * 512)
        for start in range(0, len(drawn), NONCE):
            yield drawn[start : start + NONCE]


def _base64(key: bytes) -> str:
    return base64.b64encode(key).decode()


def parse_keyring(values: Mapping[str, str]) -> Keyring:
    """From AIDCASES_KEYS ("1:base64,2:base64") and AIDCASES_INDEX_KEY (base64)."""
    keys: dict[int, bytes] = {}
    try:
        for entry in values.get("AIDCASES_KEYS", "").split(","):
            version, _, key = entry.strip().partition(":")
            if int(version) in keys:
                raise KeyringError(f"AIDCASES_KEYS names version {version} twice.")
            keys[int(version)] = base64.b64decode(key, validate=True)
        index_key = base64.b64decode(values.get("AIDCASES_INDEX_KEY", ""), validate=True)
    except (ValueError, binascii.Error) as error:
        raise KeyringError('AIDCASES_KEYS is "1:base64,2:base64", AIDCASES_INDEX_KEY is base64.') from error
    return Keyring(keys, index_key)


def load_keyring(environ: Mapping[str, str], home: Path) -> Keyring:
    """The machine's keys. Outside production they are made on first use and kept in home/keys/keyring.env.

    Raises KeyringError when only one of the two variables is set, or none in production.
    """
    given = [bool(environ.get(name)) for name in ("AIDCASES_KEYS", "AIDCASES_INDEX_KEY")]
    if all(given):
        return parse_keyring(environ)
    production = environ.get("AIDCASES_PRODUCTION", "").lower() not in ("", "0", "false", "no", "off")
    if any(given) or production:
        raise KeyringError("AIDCASES_KEYS and AIDCASES_INDEX_KEY have to be set, both of them.")
    path = home / "keys" / "keyring.env"
    if not path.exists():
        _make_keyring(path)
    lines = path.read_text(encoding="ascii").splitlines()
    return parse_keyring(dict(line.split("=", 1) for line in lines if "=" in line))


def _make_keyring(path: Path) -> None:
    """Written whole under another name, then linked: of two processes one wins, neither reads half a file."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    values = Keyring({1: secrets.token_bytes(32)}, secrets.token_bytes(32)).dump()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


_in_use: Keyring | None = None


def use_keyring(keyring: Keyring) -> None:
    """The keyring of a process that runs without Django."""
    global _in_use
    _in_use = keyring


def default_keyring() -> Keyring:
    """The process's keyring: the one given to `use_keyring`, else settings.KEYRING."""
    if _in_use is not None:
        return _in_use
    from django.conf import settings

    return settings.KEYRING


def seal(text: str) -> bytes:
    return default_keyring().seal(text)


def unseal(sealed: bytes) -> str:
    return default_keyring().unseal(sealed)


def blind(text: str, purpose: str = "id") -> bytes:
    return default_keyring().blind(text, purpose)


# Sealed files: magic, key version, salt, then chunks. The nonce of a chunk is its number and a flag on the
# last one (the STREAM construction), so a file that was cut, extended or reordered does not open.


def _chunk_nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(NONCE - 1, "big") + (b"\1" if last else b"\0")


def _regrouped(parts: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Pieces of CHUNK bytes and whether each is the last; one empty piece for an empty input."""
    held = bytearray()
    for part in parts:
        held += part
        whole = max(len(held) - 1, 0) // CHUNK * CHUNK  # at least one byte stays for the last piece
        for start in range(0, whole, CHUNK):
            yield bytes(held[start : start + CHUNK]), False
        del held[:whole]
    yield bytes(held), True


def write_sealed(path: Path | str, chunks: Iterable[bytes], keyring: Keyring | None = None) -> str:
    """Seal a file; it appears whole or not at all. Returns the SHA-256 of the plaintext in hex."""
    keyring = keyring or default_keyring()
    path, salt, digest = Path(path), os.urandom(SALT), hashlib.sha256()
    cipher = keyring.file_cipher(keyring.version, salt)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(MAGIC + bytes((keyring.version,)) + salt)
            for number, (piece, last) in enumerate(_regrouped(chunks)):
                digest.update(piece)
                file.write(cipher.encrypt(_chunk_nonce(number, last), piece, None))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return digest.hexdigest()


def read_sealed(path: Path | str, keyring: Keyring | None = None) -> Iterator[bytes]:
    """The plaintext in pieces of at most 64 KiB. Raises SealBroken as soon as a piece doesn't fit."""
    keyring = keyring or default_keyring()
    with Path(path).open("rb") as file:
        head = file.read(len(MAGIC) + 1 + SALT)
        if len(head) < len(MAGIC) + 1 + SALT or not head.startswith(MAGIC):
            raise SealBroken("This is not a sealed file.")
        cipher = keyring.file_cipher(head[len(MAGIC)], head[len(MAGIC) + 1 :])
        piece = file.read(CHUNK + TAG)
        for number in itertools.count():
            following = file.read(CHUNK + TAG)
            try:
                yield cipher.decrypt(_chunk_nonce(number, not following), piece, None)
            except (InvalidTag, ValueError) as error:
                raise SealBroken("The file was cut or changed, or sealed with another key.") from error
            if not following:
                return
            piece = following


def open_sealed(path: Path | str, keyring: Keyring | None = None) -> BinaryIO:
    """The plaintext as a seekable file that lives in memory only and vanishes when it is closed."""
    plain = os.fdopen(os.memfd_create("unsealed", os.MFD_CLOEXEC), "w+b")
    try:
        for piece in read_sealed(path, keyring):
            plain.write(piece)
        plain.seek(0)
    except BaseException:
        plain.close()
        raise
    return plain


def mask_id(number: str) -> str:
    """Only the last four, whatever the length; the last four alone give the same mask."""
    return "*" * 14 + number[-4:] if number else ""


def mask_phone(number: str) -> str:
    """138******57."""
    return number[:3] + "*" * (len(number) - 5) + number[-2:] if len(number) > 6 else "*" * len(number)


def mask_card(number: str) -> str:
    """**** **** **** 1234."""
    return "**** **** **** " + number[-4:] if number else ""


_NUMBER_RUN = re.compile(r"(?<![0-9])(?:[0-9] ?){14,29}[0-9Xx][0-9]{0,2}|(?<![0-9])1[3-9](?:[ -]?[0-9]){9}(?![0-9])")


def mask_numbers(text: str) -> str:
    """Free text with each run of 15 to 30 digits (IDs, cards, certificates) and each mobile number masked."""
    return _NUMBER_RUN.sub(lambda run: mask_phone(run[0]) if len(run[0]) < 15 else mask_id(run[0]), text)


def __getattr__(name: str) -> Any:
    """`EncryptedField` on demand, because it alone needs Django."""
    if name == "EncryptedField":
        from aidcases.encrypted_field import EncryptedField

        return EncryptedField
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
