"""The file back to the clerk: as uploaded, wrong cells red, a last column 原因. Made by a limited process."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from aidcases.crypto import Keyring, write_sealed
from students.imports.sandbox import Child, started
from students.imports.source import Limits


def returned_file(
    source: BinaryIO | bytes,
    filename: str,
    rows: Iterable[tuple[int, list[int], str]],
    out_path: Path | str,
    *,
    sheet: str,
    heading_row: int,
    keyring: Keyring | None = None,
    limits: Limits | None = None,
) -> str:
    """Writes the marked file, sealed, to `out_path`, and returns its name for the clerk.

    `source` is the plaintext (as of crypto.open_sealed); `rows` are (row number, zero-based columns, reason) by
    ascending number; `sheet` and `heading_row` are the reader's Summary. .xlsx and csv stay what they are, .xls
    and the rest become .xlsx. Raises students.imports.source.Refused.
    """
    limits = limits or Limits()
    order = {"task": "mark", "filename": filename, "sheet": sheet, "heading_row": heading_row}
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(_in_memory(source)) if isinstance(source, bytes) else source
        after = stack.enter_context(contextlib.ExitStack())
        child = stack.enter_context(started(order, file, limits))
        sealing = Sealing(child, out_path, keyring)
        sealing.start()
        after.callback(sealing.join)  # once the child has ended: no half of a file outlives an error
        with contextlib.suppress(BrokenPipeError):
            for number, cells, reason in rows:
                child.input.write(json.dumps([number, list(cells), reason]).encode() + b"\n")
            child.input.close()
        sealing.join()
        if sealing.failure:
            raise sealing.failure
        return child.result()["filename"]


def _in_memory(plain: bytes) -> BinaryIO:
    file = os.fdopen(os.memfd_create("upload", os.MFD_CLOEXEC), "w+b")
    file.write(plain)
    file.flush()
    return file


class Sealing(threading.Thread):
    """Seals what the child writes while the marks are still being sent, so that neither waits for ever."""

    def __init__(self, child: Child, path: Path | str, keyring: Keyring | None):
        super().__init__(daemon=True)
        self._child, self._path, self._keyring = child, path, keyring
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            write_sealed(self._path, self._output(), self._keyring)
        except BaseException as failure:
            self.failure = failure

    def _output(self) -> Iterator[bytes]:
        while chunk := self._child.output.read(1 << 16):
            yield chunk
        self._child.result()  # raises when the child did not end well: then no file appears
