"""Files that belong to a record: checked by their content, sealed under FILES, opened only for whoever sees the record."""

from __future__ import annotations

import os
import struct
import uuid
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import FileResponse
from django.utils import timezone

from aidcases import audit, crypto
from aidcases.flow import Refused
from aidcases.models import StoredFile
from aidcases.scoping import current_actor

LARGEST = 10 << 20
MOST_PIXELS = 50_000_000  # more than a telephone takes; a picture of a gigapixel stops whoever opens it
MOST = 30  # files of one kind of a record; the photos of a thick proof are one PDF
# What a file begins with → its type and the ending it is kept under.
KINDS = {
    b"%PDF-": ("application/pdf", ".pdf"),
    b"\xff\xd8\xff": ("image/jpeg", ".jpg"),
    b"\x89PNG\r\n\x1a\n": ("image/png", ".png"),
}


def kind_of(upload: UploadedFile) -> tuple[str, str]:
    """(content type, ending) by the file's first bytes, whatever its name says. Raises Refused."""
    if not upload.size:
        raise Refused(f"“{upload.name}”是空文件，请重新选择。")
    if upload.size > LARGEST:
        raise Refused(f"“{upload.name}”有 {upload.size / (1 << 20):.1f} MB，超过 10 MB。请压缩或重新拍照后再传。")
    upload.seek(0)
    head = upload.read(16)
    upload.seek(0)
    for start, kind in KINDS.items():
        if head.startswith(start):
            width, height = pixels(upload)
            if width * height > MOST_PIXELS:
                raise Refused(
                    f"“{upload.name}”有 {width}×{height} 像素，超过 {MOST_PIXELS // 10_000} 万像素。请缩小或重新拍照后再传。"
                )
            return kind
    raise Refused(f"“{upload.name}”不是照片或 PDF。请传 JPG、PNG 图片或 PDF 文件。")


def pixels(upload: UploadedFile) -> tuple[int, int]:
    """(width, height) that the header of a PNG or JPEG says; (0, 0) where it says none. Nothing is decoded."""
    upload.seek(0)
    try:
        head = upload.read(24)
        if head.startswith(b"\x89PNG"):
            return struct.unpack(">II", head[16:24]) if head[12:16] == b"IHDR" else (0, 0)
        return _frame(upload) if head.startswith(b"\xff\xd8") else (0, 0)
    except struct.error:  # it ends in its header
        return 0, 0
    finally:
        upload.seek(0)


def _frame(upload: UploadedFile) -> tuple[int, int]:
    """A JPEG's segments up to the frame header, SOF0 to SOF15 but for DHT, JPG and DAC (ITU T.81, table B.1)."""
    upload.seek(2)
    while upload.read(1) == b"\xff":
        while (marker := upload.read(1)) == b"\xff":  # fill bytes
            pass
        if b"\xd0" <= marker <= b"\xd7" or marker == b"\x01":  # these have no length
            continue
        (length,) = struct.unpack(">H", upload.read(2))
        if b"\xc0" <= marker <= b"\xcf" and marker not in (b"\xc4", b"\xc8", b"\xcc"):
            height, width = struct.unpack(">xHH", upload.read(5))
            return width, height
        if marker == b"\xda" or length < 2:  # the picture itself begins
            return 0, 0
        upload.seek(length - 2, os.SEEK_CUR)
    return 0, 0


def attach(subject: models.Model, upload: UploadedFile, *, what: str, path: str) -> StoredFile:
    """Seals the upload as a file of the record at `path` (an owner path in scope). Raises Refused, OutOfScope."""
    content_type, ending = kind_of(upload)
    if files_of(subject, what).count() >= MOST:
        raise Refused(f"已经有 {MOST} 个文件。请删去不要的，或把几张照片合成一个 PDF 再传。")
    stored = f"attached/{uuid.uuid4().hex}"
    target = settings.FILES / stored
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    sha256 = crypto.write_sealed(target, upload.chunks(1 << 20))
    name = crypto.mask_numbers((upload.name or "附件").rsplit(".", 1)[0])[:180] + ending
    file = StoredFile(
        path=path,
        subject_type=subject._meta.label_lower,
        subject_id=subject.pk,
        what=what,
        filename=name,
        content_type=content_type,
        size=upload.size or 0,
        sha256=sha256,
        stored=stored,
        added_by=current_actor().name,
    )
    try:
        file.save()
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    audit.record("file.added", subject=subject, path=path, what=what, sha256=sha256)
    return file


def files_of(subject: models.Model, what: str = "") -> QuerySet[StoredFile]:
    """Files of a record that have not been removed."""
    found = StoredFile.objects.filter(subject_type=subject._meta.label_lower, subject_id=subject.pk, removed_at=None)
    return found.filter(what=what) if what else found


def remove(file: StoredFile) -> None:
    """Takes a file away: its content after the transaction, that it was there stays."""
    file.removed_at = timezone.now()
    file.save(update_fields=["removed_at"])
    transaction.on_commit(lambda: (settings.FILES / file.stored).unlink(missing_ok=True))
    audit.record("file.removed", path=file.path, what=file.what, sha256=file.sha256)


def content(file: StoredFile) -> bytes:
    """The whole file in clear (at most LARGEST bytes)."""
    with crypto.open_sealed(settings.FILES / file.stored) as opened:
        return opened.read()


def response(file: StoredFile) -> FileResponse:
    """The file for whoever may see its record: never kept by the browser, never run as a page."""
    opened: Any = crypto.open_sealed(settings.FILES / file.stored)
    answer = FileResponse(opened, filename=file.filename, content_type=file.content_type)
    answer["Cache-Control"] = "no-store"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return answer
