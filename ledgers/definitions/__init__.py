"""The ledgers there are, one file each."""

from ledgers.definition import Ledger
from ledgers.definitions.aid_summary import AID_SUMMARY
from ledgers.definitions.poverty_register import POVERTY_REGISTER

LEDGERS: dict[str, Ledger] = {ledger.code: ledger for ledger in (POVERTY_REGISTER, AID_SUMMARY)}
