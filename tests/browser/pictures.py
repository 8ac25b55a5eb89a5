"""Screenshots small enough to keep beside the text."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

COLOURS = 128


def small(png: bytes) -> bytes:
    """The same picture with a palette instead of true colour."""
    packed = BytesIO()
    Image.open(BytesIO(png)).convert("RGB").quantize(COLOURS).save(packed, "PNG", optimize=True)
    return packed.getvalue()
