"""Files of a record: known by their content, sealed on disk, in scope, gone when removed."""

from __future__ import annotations

import struct

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from aidcases import crypto, files
from aidcases.flow import Refused
from aidcases.models import AuditEvent, Organisation, StoredFile
from aidcases.scoping import OutOfScope, Scope, acting_in
from tests import make

PDF = b"%PDF-1.7 a promise signed by hand"
JPEG = b"\xff\xd8\xff\xe0 a board with a list"
PNG = b"\x89PNG\r\n\x1a\n minutes"


@pytest.fixture
def office(db: None, everywhere: None) -> Organisation:
    return make.office("620123")


def upload(content: bytes = JPEG, name: str = "公示栏.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def attach(office: Organisation, **also: object) -> StoredFile:
    return files.attach(office, upload(**also), what="board_photo", path=office.path)


@pytest.mark.parametrize(
    ("content", "name", "kind", "kept"),
    [
        (PDF, "承诺.pdf", "application/pdf", "承诺.pdf"),
        (JPEG, "照片.PNG", "image/jpeg", "照片.jpg"),  # by what it is, not by what it is called
        (PNG, "没有后缀", "image/png", "没有后缀.png"),
    ],
)
def test_a_file_is_what_its_content_says(office: Organisation, content: bytes, name: str, kind: str, kept: str):
    made = attach(office, content=content, name=name)
    assert (made.content_type, made.filename, made.size) == (kind, kept, len(content))
    assert files.content(made) == content


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)


def jpeg(width: int, height: int, frame: bytes = b"\xc0") -> bytes:
    """As a telephone writes it: EXIF with a thumbnail that has a frame of its own, tables, fill bytes, then the frame."""
    exif = b"Exif\0\0\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff" + b"\0" * 500
    parts = [b"\xe1" + struct.pack(">H", len(exif) + 2) + exif, b"\xc4" + struct.pack(">H", 6) + b"abcd", b"\xff"]
    return b"\xff\xd8\xff" + b"\xff".join(parts) + frame + struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\0" * 9


def test_a_picture_of_more_than_fifty_megapixels_is_refused(office: Organisation) -> None:
    """By what its header says: 50,000 × 50,000 white points are 7 MB of PNG and 7 GB for whoever opens it."""
    for content in (png(50_000, 50_000), jpeg(40_000, 30_000), jpeg(10_000, 5_001, b"\xc2")):
        with pytest.raises(Refused, match="像素，超过 5000 万像素。请缩小或重新拍照后再传"):
            attach(office, content=content)
    for content in (png(10_000, 5_000), jpeg(8_000, 6_000), jpeg(8_000, 6_000, b"\xc2"), png(9, 9)[:20], jpeg(9, 9)[:30]):
        assert files.content(attach(office, content=content)) == content
    assert files.pixels(upload(jpeg(4_000, 3_000))) == (4_000, 3_000)
    assert files.pixels(upload(png(640, 480))) == (640, 480)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "是空文件"),
        (b"<html><script>alert(1)</script>", "不是照片或 PDF"),
        (b"MZ\x90\x00", "不是照片或 PDF"),
        (b"GIF89a", "不是照片或 PDF"),
        (JPEG + b"x" * files.LARGEST, "超过 10 MB"),
    ],
)
def test_anything_else_is_refused_and_leaves_nothing(office: Organisation, content: bytes, sentence: str):
    before = set((settings.FILES / "attached").glob("*"))
    with pytest.raises(Refused, match=sentence):
        attach(office, content=content)
    assert not StoredFile.objects.exists()
    assert set((settings.FILES / "attached").glob("*")) == before


def test_a_record_has_no_end_of_files(office: Organisation):
    first = attach(office)
    also = {"path": office.path, "subject_type": first.subject_type, "subject_id": first.subject_id, "what": "board_photo"}
    for n in range(files.MOST - 1):
        StoredFile(stored=f"x{n}", size=1, sha256="0" * 64, filename="x", content_type="x", added_by="x", **also).save()
    with pytest.raises(Refused, match="已经有 30 个文件"):
        attach(office)
    assert files.attach(office, upload(), what="paper", path=office.path).what == "paper"
    first.delete()
    assert attach(office).pk


def test_it_lies_sealed_and_its_name_holds_no_number(office: Organisation):
    number = make.id_number()
    made = attach(office, content=PDF, name=f"{number}承诺书.pdf")
    assert number not in made.filename
    sealed = (settings.FILES / made.stored).read_bytes()
    assert PDF not in sealed
    assert b"%PDF" not in sealed
    event = AuditEvent.objects.get(action="file.added")
    assert (event.subject_id, event.path, event.data["sha256"]) == (office.pk, office.path, made.sha256)
    assert number not in str(event.data)


def test_nobody_puts_a_file_where_he_does_not_work(office: Organisation):
    before = set((settings.FILES / "attached").glob("*"))
    with acting_in(Scope("/62/6201/620121/")), pytest.raises(OutOfScope):
        attach(office)
    assert set((settings.FILES / "attached").glob("*")) == before
    made = attach(office)
    with acting_in(Scope("/62/6201/620121/")):
        assert not files.files_of(office).exists()
        assert not StoredFile.objects.filter(pk=made.pk).exists()


def test_files_of_a_record_are_told_apart_by_what_they_are(office: Organisation):
    other = make.office("620121")
    photo = attach(office)
    minutes = files.attach(office, upload(PNG, "记录.png"), what="minutes_photo", path=office.path)
    attach(other)
    assert list(files.files_of(office)) == [photo, minutes]
    assert list(files.files_of(office, "minutes_photo")) == [minutes]


def test_a_removed_file_is_gone_but_that_it_was_there_is_not(
    office: Organisation, django_capture_on_commit_callbacks
):
    made = attach(office)
    with django_capture_on_commit_callbacks(execute=True):
        files.remove(made)
        assert (settings.FILES / made.stored).exists()  # a transaction that fails must not lose it
    assert not (settings.FILES / made.stored).exists()
    assert not files.files_of(office).exists()
    assert StoredFile.objects.get(pk=made.pk).removed_at
    assert AuditEvent.objects.filter(action="file.removed").count() == 1


def test_it_is_shown_without_being_kept_or_run(office: Organisation):
    made = attach(office)
    answer = files.response(made)
    assert b"".join(answer.streaming_content) == JPEG
    answer.close()
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]


def test_a_file_somebody_changed_on_the_disk_does_not_open(office: Organisation):
    made = attach(office)
    stored = settings.FILES / made.stored
    spoilt = bytearray(stored.read_bytes())
    spoilt[-1] ^= 1
    stored.chmod(0o600)
    stored.write_bytes(bytes(spoilt))
    with pytest.raises(crypto.SealBroken):
        files.content(made)
