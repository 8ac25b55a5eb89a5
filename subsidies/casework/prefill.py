"""New applications, filled in before anybody types: by the school's own last form, its roll and the lists. One
statement for a child, a class or all classes."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import QuerySet

from aidcases import sql
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import Actor
from aidcases.terms import Term
from students.models import Enrolment
from subsidies.casework import form
from subsidies.casework.matched import IN_ORDER, LISTED, named, with_lists
from subsidies.casework.relations import table
from subsidies.models.applications import Application, ApplicationKind, ApplicationState, Box

# Columns that the new form takes from the school's last one as they are.
COPIED = (
    "department", "major", "native_place", "household_size", "address", "postcode", "income_per_head", "disaster", "accident",
    "weakness", "unemployment", "debt", "other",
)  # fmt: skip
_BLANK = {"household_size": "NULL", "income_per_head": "NULL", "native_place": "c.native_place"}

# What a school may copy is what it wrote down itself: the last form of this very school, whoever the child's home is.
_LAST = """
    SELECT DISTINCT ON (a.student_id) a.* FROM subsidies_application a
    JOIN chosen c ON c.student_id = a.student_id AND c.school_path = a.school_path
    WHERE left(a.term, 4) || (a.term LIKE '%%-autumn')::int < %(now)s AND a.state <> 'doubled'
    ORDER BY a.student_id, left(a.term, 4) || (a.term LIKE '%%-autumn')::int DESC
"""
# 籍贯 as a first guess: province, city and county of the registered residence on the roll.
_NATIVE = """
    COALESCE((SELECT string_agg(r.name, '' ORDER BY length(r.code)) FROM aidcases_region r
        WHERE r.code IN (left(c.hukou, 2), left(c.hukou, 4), left(c.hukou, 6)) AND r.name NOT IN ('市辖区', '县')), '')
"""
_CREATE = f"""
    WITH chosen (student_id, school_id, school_path, home_path, rural, phone, phone_hash, hukou, sex, listed, marked)
        AS ({{chosen}}),
    last AS ({_LAST}),
    ready AS (
        SELECT c.*, {IN_ORDER.format(codes=LISTED)} AS boxes_listed, {_NATIVE} AS native_place FROM chosen c
    ),
    made AS (
        INSERT INTO subsidies_application (student_id, school_id, school_path, home_path, term, state, kind, late_reason,
            phone, phone_hash, parent_phone, parent_phone_hash, rural_hukou, boxes, listed_boxes, promised_on, stamp,
            complete, version, saved_by, level, notice_over, objections_open, returned_why, {", ".join(COPIED)})
        SELECT c.student_id, c.school_id, c.school_path, c.home_path, %(term)s, 'draft', %(kind)s, '',
            COALESCE(l.phone, c.phone), COALESCE(l.phone_hash, c.phone_hash), l.parent_phone, l.parent_phone_hash,
            COALESCE(l.rural_hukou, c.rural),
            {IN_ORDER.format(codes="c.boxes_listed || ARRAY(SELECT b FROM unnest(l.boxes) b WHERE b <> ALL (l.listed_boxes))")},
            c.boxes_listed, COALESCE(%(promised_on)s::date, CASE WHEN l.term = ANY (%(this_year)s) THEN l.promised_on END),
            false, false, 0, %(actor)s, '', false, 0, '',
            {", ".join(f"COALESCE(l.{name}, {_BLANK.get(name, chr(39) * 2)})" for name in COPIED)}
        FROM ready c LEFT JOIN last l ON l.student_id = c.student_id
        WHERE CASE %(kind)s WHEN 'renewed' THEN l.complete WHEN 'matched' THEN c.boxes_listed <> '{{}}' ELSE true END
        ON CONFLICT DO NOTHING RETURNING id, student_id, school_path
    ),
    copied AS (
        INSERT INTO subsidies_familymember
            (application_id, "order", name, age, relation, work, occupation, annual_income, health)
        SELECT m.id, f."order", f.name, f.age + %(year)s - left(l.term, 4)::int + (l.term LIKE '%%-spring')::int,
            f.relation, f.work, f.occupation, f.annual_income, f.health
        FROM made m JOIN last l ON l.student_id = m.student_id JOIN subsidies_familymember f ON f.application_id = l.id
    ),
    guessed AS (
        INSERT INTO subsidies_familymember (application_id, "order", name, relation, work, occupation, health)
        SELECT m.id, row_number() OVER (PARTITION BY m.id ORDER BY g.id) - 1, g.name,
            left(COALESCE(CASE c.sex WHEN '男' THEN r.boy WHEN '女' THEN r.girl END, g.relation), 20), '', '', ''
        FROM made m JOIN chosen c ON c.student_id = m.student_id
        JOIN students_guardian g ON g.student_id = m.student_id
        LEFT JOIN unnest(%(typed)s::text[], %(boy)s::text[], %(girl)s::text[]) r (typed, boy, girl) ON r.typed = g.relation
        WHERE NOT EXISTS (SELECT FROM last l WHERE l.student_id = m.student_id)
    )
    INSERT INTO aidcases_auditevent (batch, actor, user_id, path, action, subject_type, subject_id, before, after, note, data)
    SELECT gen_random_uuid(), %(actor)s, %(user)s, m.school_path, 'application.created', 'subsidies.application', m.id, '',
        'draft', %(note)s, '{{}}' FROM made m
    RETURNING subject_id AS id
"""


def create(
    enrolments: QuerySet[Enrolment], term: Term, *, kind: ApplicationKind, by: Actor, promised_on: date | None = None
) -> int:
    """`drafts` for whoever may fill in applications; → how many. Raises Refused."""
    if not by.may(P.APPLICATION_WRITE):
        raise Refused("您的角色不能填写申请。")
    return len(drafts(enrolments, term, kind=kind, by=by, promised_on=promised_on))


def drafts(
    enrolments: QuerySet[Enrolment], term: Term, *, kind: ApplicationKind, by: Actor, promised_on: date | None = None
) -> list[int]:
    """Drafts for those of the enrolments (of the term) without an application; → their keys.

    MATCHED takes children on a list, RENEWED those whose last form at this school was complete. `promised_on`: the day
    the families signed the promise anew; without it the last one counts within its school year only.
    """
    rows = with_lists(enrolments.in_term(term), term).order_by().values_list(
        "student_id", "school_id", "school_path", "home_path", "rural_hukou", "phone", "phone_hash", "hukou_region_id",
        "student__person__sex", "listed", "marked",
    )  # fmt: skip
    chosen, params = sql.compiled(rows)
    # Read now: whoever is looked for as not having applied is not found any more afterwards.
    students = list(enrolments.order_by().values_list("student", flat=True))
    made = sql.rows(*named(_CREATE.replace("{chosen}", chosen), params, **_own(term, kind, by, promised_on)))
    fresh = Application.objects.in_term(term).filter(state=ApplicationState.DRAFT, version=0, complete=False)
    form.mark(fresh.filter(student__in=students), term)
    return [row["id"] for row in made]


def _own(term: Term, kind: ApplicationKind, by: Actor, promised_on: date | None) -> dict[str, Any]:
    typed, boy, girl = table()
    return {
        "term": term.code,
        "now": f"{term.year}{int(term.autumn)}",
        "year": term.school_year,
        "this_year": [f"{term.school_year}-autumn", f"{term.school_year + 1}-spring"],
        "kind": kind.value,
        "promised_on": promised_on,
        "order": list(Box.values),
        "actor": by.name,
        "user": by.user_id,
        "note": kind.label,
        "typed": typed,
        "boy": boy,
        "girl": girl,
    }
