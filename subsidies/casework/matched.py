"""Boxes of the form that the imported lists already tick: known, not to be proved, not to be edited."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import BooleanField, Case, CharField, Exists, Expression, OuterRef, Q, QuerySet, Value, When

from aidcases import sql
from aidcases.terms import Term
from students.enums import Category
from students.facts import hardships_in, roll_orphans
from students.models import Enrolment, Hardship
from subsidies.models.applications import Application, ApplicationState, Box

BOX_OF: dict[Category, Box] = {
    Category.REGISTERED_POOR: Box.POOR,
    Category.MONITORED_UNSTABLE: Box.UNSTABLE,
    Category.MONITORED_MARGINAL: Box.MARGINAL,
    Category.MONITORED_SUDDEN: Box.SUDDEN,
    Category.DIBAO_RURAL: Box.DIBAO,
    Category.DIBAO_URBAN: Box.DIBAO,
    Category.TEKUN_RURAL: Box.TEKUN,
    Category.TEKUN_URBAN: Box.TEKUN,
    Category.ORPHAN: Box.ORPHAN,
    Category.UNSUPPORTED_CHILD: Box.UNSUPPORTED,
    Category.DISABLED: Box.DISABLED,
}

CODES = ArrayField(CharField(max_length=16))


def listings(term: Term) -> QuerySet[Hardship]:
    """Who is on which of the lists that tick a box, in the term."""
    return hardships_in(term).filter(category__in=list(BOX_OF))


def is_listed(term: Term) -> Q:
    """Enrolments of children who are on any list in the term (or whom the roll marks as orphans)."""
    return Q(Exists(listings(term).filter(person=OuterRef("student")))) | roll_orphans(term)


def with_lists(enrolments: QuerySet[Enrolment], term: Term) -> QuerySet[Enrolment]:
    """`listed`: codes of boxes, in no order; `marked`: the roll's own mark as an orphan counts."""
    marked = Case(When(roll_orphans(term), then=True), default=False, output_field=BooleanField())
    return enrolments.annotate(listed=on_lists(term), marked=marked)


def on_lists(term: Term) -> ArraySubquery:
    """Of an outer row's `student`: codes of the boxes that lists tick, in no order."""
    box: Expression = Case(
        *(When(category=category, then=Value(box.value)) for category, box in BOX_OF.items()), output_field=CharField()
    )
    held = listings(term).filter(person=OuterRef("student"))
    return ArraySubquery(held.annotate(box=box).order_by().values("box").distinct())


# An array of codes, each once, in the order of the form.
IN_ORDER = "ARRAY(SELECT b FROM unnest(%(order)s::varchar[]) b WHERE b = ANY ({codes}))"
LISTED = "(c.listed::varchar[] || CASE WHEN c.marked THEN ARRAY['orphan']::varchar[] ELSE '{}'::varchar[] END)"

_REFRESH = f"""
    WITH chosen (student_id, listed, marked) AS ({{chosen}}),
    now AS (
        SELECT a.id, {IN_ORDER.format(codes=LISTED)} AS listed,
            ARRAY(SELECT b FROM unnest(a.boxes) b WHERE b <> ALL (a.listed_boxes)) AS own
        FROM subsidies_application a JOIN chosen c ON c.student_id = a.student_id
        WHERE a.term = %(term)s AND a.state = 'draft'
    )
    UPDATE subsidies_application a
    SET listed_boxes = now.listed, boxes = {IN_ORDER.format(codes="now.listed || now.own")}
    FROM now WHERE now.id = a.id AND a.listed_boxes <> now.listed
"""


def refresh(rows: QuerySet[Application], term: Term) -> int:
    """Ticks the boxes of drafts as the lists stand now, where these have changed since; what the family ticked itself
    stays. → drafts changed."""
    drafts = rows.filter(state=ApplicationState.DRAFT).order_by().values("student")
    enrolments = with_lists(Enrolment.objects.in_term(term).filter(student__in=drafts), term)
    chosen, params = sql.compiled(enrolments.order_by().values_list("student_id", "listed", "marked"))
    return sql.run(*named(_REFRESH.replace("{chosen}", chosen), params, order=list(Box.values), term=term.code))


def named(statement: str, params: list[Any], **own: Any) -> tuple[str, dict[str, Any]]:
    """One statement with the numbered holes of a compiled part and named ones of its own."""
    parts = statement.split("%s")
    filled = "".join(f"{part}%(p{n})s" for n, part in enumerate(parts[:-1])) + parts[-1]
    return filled, {**{f"p{n}": value for n, value in enumerate(params)}, **own}
