"""A child that is out of school, or back, is a fact: it marks the student in every term (as migration 0002 does)."""

from importlib import import_module

from django.db import migrations

marks = import_module("subsidies.migrations.0002_marks")
NAME = "students_suspension_insert"
FORWARD = marks.MARK.format(
    name=NAME, select=marks.OF_PEOPLE.format(who="SELECT student_id FROM fresh"), before=""
) + marks.TRIGGER.format(
    name=NAME, table="students_suspension", verb="insert", referencing=marks.REFERENCING["insert"]
)
BACKWARD = f"DROP TRIGGER mark_insert ON students_suspension; DROP FUNCTION subsidies_mark_{NAME}();"


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0011_loans_and_giving"), ("students", "0006_suspensions")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
