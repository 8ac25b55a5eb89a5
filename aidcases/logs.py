"""Logging that cannot carry an identity number: runs of eleven or more digits are masked before they are written."""

import logging
import re

_LONG_NUMBER = re.compile(r"\d{11,}[\dXx]?")


class Masked(logging.Filter):
    """Replaces identity, phone and card numbers in the finished message and in the exception's text."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _LONG_NUMBER.sub("***", record.getMessage()), ()
        if record.exc_info:
            text = logging.Formatter().formatException(record.exc_info)
            record.exc_text, record.exc_info = _LONG_NUMBER.sub("***", text), None
        return True
