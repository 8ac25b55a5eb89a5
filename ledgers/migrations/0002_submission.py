from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledgers", "0001_initial")]

    operations: list = []
