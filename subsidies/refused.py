"""What is due and not paid: what families refuse, and the aid of children who are out of school. The state of the rows
that a block has just computed."""

from __future__ import annotations

from typing import Any

from aidcases import sql

# The last word of each child on each benefit, or on all of them (no benefit): what everybody gets, and loans, are not
# meant by the latter. A child out of school rests with everything, in the terms that had not ended when it left. What a
# batch has listed stays as it is listed.
_SET = """
    WITH said AS (
        SELECT DISTINCT ON (student_id, benefit_id) student_id, benefit_id, active FROM subsidies_refusal
        WHERE {whose} ORDER BY student_id, benefit_id, id DESC
    ),
    out AS (
        SELECT DISTINCT ON (student_id) student_id, active AND from_on <= %(last_day)s AS now FROM students_suspension
        WHERE student_id IN (SELECT student_id FROM current_lines) ORDER BY student_id, id DESC
    ),
    wanted AS (
        SELECT n.student_id, n.benefit_id, CASE WHEN EXISTS (SELECT FROM out o WHERE o.student_id = n.student_id AND o.now)
            THEN 'suspended' WHEN EXISTS (
            SELECT FROM said s WHERE s.student_id = n.student_id AND s.active
              AND (s.benefit_id = n.benefit_id OR s.benefit_id IS NULL AND NOT r.universal AND r.delivery <> 'loan')
        ) THEN 'not_paid' ELSE 'due' END AS state
        FROM current_lines n JOIN subsidies_rule r ON r.id = n.rule_id
        WHERE n.student_id IN (SELECT student_id FROM said UNION SELECT student_id FROM out) AND NOT n.frozen
    )
    UPDATE current_lines c SET state = w.state FROM wanted w
    WHERE c.student_id = w.student_id AND c.benefit_id = w.benefit_id AND c.state <> w.state
"""


def settle(whose: str, params: dict[str, Any]) -> int:
    """Sets the state of the rows of the view current_lines; → rows set."""
    return sql.run(_SET.format(whose=whose), params)
