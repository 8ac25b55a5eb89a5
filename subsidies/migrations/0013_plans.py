from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0012_suspensions")]

    operations: list = []
