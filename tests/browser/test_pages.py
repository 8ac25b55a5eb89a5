"""Every page there is, in two counties with something of everything: for screen readers, on a phone, in large text."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from aidcases.models import Job, School
from ledgers.models import LedgerIssue
from students.models import Household, ImportFile, Student
from subsidies.models import ComputeRun
from tests.browser.desk import Desk
from tests.conventions.resolver import addresses

DATABASE = "two counties"
