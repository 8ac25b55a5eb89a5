from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0013_plans")]

    operations: list = []
