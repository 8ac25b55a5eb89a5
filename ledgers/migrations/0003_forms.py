from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledgers", "0002_submission")]

    operations: list = []
