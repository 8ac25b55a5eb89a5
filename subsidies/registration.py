"""What the subsidies app gives the kernel: job kinds."""

from aidcases.jobs import KINDS, Kind
from subsidies import runs

KINDS["subsidies.recompute"] = Kind("测算应享资助", run=runs.run_block, split=runs.split, finish=runs.finish)
