"""Uploads as they arrive: in anonymous memory, never in clear on the disk; what is over the limit is counted, not kept."""

from __future__ import annotations

import os
from typing import Any, BinaryIO

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler


class Unwritten(FileUploadHandler):
    """The form still learns the true size, so that it can say how much too large a file is; more than any form sends is not
    even read."""

    def handle_raw_input(self, input_data: Any, META: dict[str, Any], content_length: int, *more: Any, **named: Any) -> None:
        known = self.request is not None and settings.SESSION_COOKIE_NAME in self.request.COOKIES
        if content_length > (settings.REQUEST_LIMIT_MB if known else settings.STRANGER_LIMIT_MB) << 20:
            raise RequestDataTooBig

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.file: BinaryIO = os.fdopen(os.memfd_create("upload", os.MFD_CLOEXEC), "w+b")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) <= settings.UPLOAD_LIMIT_MB << 20:
            self.file.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        self.file.seek(0)
        return UploadedFile(
            file=self.file,
            name=self.file_name,
            content_type=self.content_type,
            size=file_size,
            charset=self.charset,
        )

    def upload_interrupted(self) -> None:
        if hasattr(self, "file"):
            self.file.close()
