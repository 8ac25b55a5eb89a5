#!/usr/bin/env python
"""Django's command-line entry; a problem on the way up is one plain sentence, not a traceback."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aidcases.settings")
    from aidcases.postgres import PostgresUnavailable

    try:
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
    except PostgresUnavailable as problem:
        sys.exit(f"错误：{problem}")


if __name__ == "__main__":
    main()
