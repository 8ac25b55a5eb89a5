"""The ledgers there are, one file each (those of the payments' lines share one, and those of dropout prevention)."""

from ledgers.definition import Ledger
from ledgers.definitions.aid_summary import AID_SUMMARY
from ledgers.definitions.calendar_bridge import CALENDAR_BRIDGE
from ledgers.definitions.care import DISABLED_ENROLMENT, LEFT_BEHIND
from ledgers.definitions.dropouts import DROPOUTS, SCHOOL_AGE, SUSPECTED
from ledgers.definitions.notice_roll import NOTICE_ROLL
from ledgers.definitions.payment_roll import BANK_SHEET, PAYMENT_ROLL
from ledgers.definitions.poverty_register import POVERTY_REGISTER
from ledgers.definitions.retention import RETENTION
from ledgers.definitions.schooling_poverty import SCHOOLING_POVERTY
from ledgers.definitions.studying_elsewhere import STUDYING_ELSEWHERE
from ledgers.definitions.unaided import UNAIDED
from ledgers.definitions.vocational import VOCATIONAL
from ledgers.definitions.work_progress import WORK_PROGRESS

LEDGERS: dict[str, Ledger] = {
    ledger.code: ledger
    for ledger in (
        POVERTY_REGISTER, AID_SUMMARY, SCHOOLING_POVERTY, STUDYING_ELSEWHERE, NOTICE_ROLL, PAYMENT_ROLL, BANK_SHEET,
        CALENDAR_BRIDGE, UNAIDED, SCHOOL_AGE, SUSPECTED, DROPOUTS, RETENTION, LEFT_BEHIND, DISABLED_ENROLMENT,
        WORK_PROGRESS, VOCATIONAL,
    )
}  # fmt: skip
