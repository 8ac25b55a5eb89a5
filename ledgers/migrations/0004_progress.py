from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledgers", "0003_forms")]

    operations: list = []
