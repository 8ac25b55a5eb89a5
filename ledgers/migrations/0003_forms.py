import aidcases.scoping
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledgers", "0002_submission")]

    operations = [
        migrations.CreateModel(
            name='CountyForm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('ledger', models.CharField(max_length=40, verbose_name='台账')),
                ('version', models.PositiveIntegerField(null=True, verbose_name='版次')),
                ('filename', models.CharField(max_length=200, verbose_name='文件名')),
                ('stored', models.CharField(max_length=80)),
                ('sha256', models.CharField(max_length=64, verbose_name='文件校验码')),
                ('seen', models.JSONField(default=dict, verbose_name='文件内容')),
                ('plan', models.JSONField(default=list, verbose_name='列的对应')),
                ('made_by', models.CharField(max_length=120, verbose_name='上传人')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='上传时间')),
                ('saved_by', models.CharField(blank=True, default='', max_length=120, verbose_name='保存人')),
                ('saved_at', models.DateTimeField(null=True, verbose_name='保存时间')),
                ('withdrawn_by', models.CharField(blank=True, default='', max_length=120, verbose_name='停用人')),
                ('withdrawn_at', models.DateTimeField(null=True, verbose_name='停用时间')),
            ],
            options={
                'verbose_name': '本单位表样',
                'ordering': ['-pk'],
                'constraints': [models.UniqueConstraint(fields=('path', 'ledger', 'version'), name='county_form_version'), models.CheckConstraint(condition=models.Q(models.Q(('saved_at', None), ('saved_by', ''), ('version', None)), models.Q(('saved_at__isnull', False), ('version__isnull', False), models.Q(('saved_by', ''), _negated=True)), _connector='OR'), name='county_form_saved_has_a_version'), models.CheckConstraint(condition=models.Q(models.Q(('withdrawn_at', None), ('withdrawn_by', '')), models.Q(('saved_at__isnull', False), ('withdrawn_at__isnull', False), models.Q(('withdrawn_by', ''), _negated=True)), _connector='OR'), name='county_form_withdrawn_was_saved')],
            },
        ),
        migrations.AddField(
            model_name='ledgerissue',
            name='form',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledgers.countyform', verbose_name='表样'),
        ),
    ]
