"""What goes up, by when; an issue that has gone up does not change any more."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import aidcases.flow
import aidcases.scoping

# Whatever writes to the table: what the office above has read stays as it was.
FROZEN = """
CREATE FUNCTION ledgers_issue_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ledgers_submission s WHERE s.issue_id = OLD.id) THEN
        RAISE EXCEPTION 'an issue that was handed up does not change';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON ledgers_ledgerissue
    FOR EACH ROW EXECUTE FUNCTION ledgers_issue_frozen();

-- Nor does what says so: that it was handed up, which one, for what, when and by whom. Where it stands moves on.
CREATE FUNCTION ledgers_submission_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was handed up stays handed up';
END $$;
CREATE TRIGGER stays BEFORE DELETE ON ledgers_submission
    FOR EACH ROW EXECUTE FUNCTION ledgers_submission_stays();
CREATE TRIGGER stays_as_it_was BEFORE UPDATE ON ledgers_submission
    FOR EACH ROW WHEN (
        (OLD.due_id, OLD.issue_id, OLD.path, OLD.replaces_id, OLD.why, OLD.submitted_on, OLD.submitted_by)
        IS DISTINCT FROM
        (NEW.due_id, NEW.issue_id, NEW.path, NEW.replaces_id, NEW.why, NEW.submitted_on, NEW.submitted_by)
    ) EXECUTE FUNCTION ledgers_submission_stays();

-- A pack is read for its figures, too.
CREATE FUNCTION ledgers_bundle_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a finished pack does not change';
END $$;
CREATE TRIGGER frozen BEFORE UPDATE ON ledgers_bundle
    FOR EACH ROW WHEN (OLD.finished_at IS NOT NULL) EXECUTE FUNCTION ledgers_bundle_frozen();
"""


class Migration(migrations.Migration):
    dependencies = [("aidcases", "0004_calendar_inbox_files"), ("ledgers", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name='Bundle',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('rhythm', models.CharField(choices=[('month', '月报'), ('quarter', '季报'), ('term', '学期报'), ('half', '半年报'), ('school', '学年报'), ('year', '年报'), ('extra', '临时上报')], max_length=8, verbose_name='周期')),
                ('period', models.CharField(db_collation='C', max_length=11, verbose_name='期间')),
                ('title', models.CharField(max_length=160, verbose_name='名称')),
                ('purpose', models.CharField(max_length=120, verbose_name='用途')),
                ('unmasked', models.BooleanField(default=False, verbose_name='可含完整号码的台账')),
                ('requested_by', models.CharField(max_length=120, verbose_name='生成人')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='申请时间')),
                ('job_id', models.BigIntegerField(unique=True)),
                ('finished_at', models.DateTimeField(null=True, verbose_name='生成时间')),
                ('files', models.IntegerField(null=True, verbose_name='台账份数')),
                ('sha256', models.CharField(blank=True, default='', max_length=64, verbose_name='文件校验码')),
                ('stored', models.CharField(blank=True, default='', max_length=80)),
                ('filename', models.CharField(blank=True, default='', max_length=200, verbose_name='文件名')),
                ('report', models.JSONField(default=dict, verbose_name='汇总')),
            ],
            options={
                'verbose_name': '上报汇总包',
                'ordering': ['-pk'],
                'indexes': [models.Index(fields=['path', '-id'], name='ledger_bundle_path')],
                'constraints': [models.CheckConstraint(condition=models.Q(('purpose', ''), _negated=True), name='bundle_has_a_purpose'), models.CheckConstraint(condition=models.Q(models.Q(('filename', ''), ('files', None), ('finished_at', None), ('sha256', ''), ('stored', '')), models.Q(('files__isnull', False), ('finished_at__isnull', False), models.Q(('sha256', ''), _negated=True), models.Q(('stored', ''), _negated=True), models.Q(('filename', ''), _negated=True)), _connector='OR'), name='bundle_finished_has_a_file')],
            },
        ),
        migrations.CreateModel(
            name='Due',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('ledger', models.CharField(max_length=40, verbose_name='台账')),
                ('rhythm', models.CharField(choices=[('month', '月报'), ('quarter', '季报'), ('term', '学期报'), ('half', '半年报'), ('school', '学年报'), ('year', '年报'), ('extra', '临时上报')], max_length=8, verbose_name='周期')),
                ('period', models.CharField(db_collation='C', max_length=11, verbose_name='期间')),
                ('term', models.CharField(db_collation='C', max_length=11, verbose_name='学期')),
                ('due_on', models.DateField(verbose_name='上报期限')),
                ('escalated_on', models.DateField(null=True, verbose_name='督促日期')),
                ('office', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='aidcases.organisation', verbose_name='填报单位')),
            ],
            options={
                'verbose_name': '应上报台账',
                'ordering': ['due_on', 'path', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Schedule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('ledger', models.CharField(max_length=40, verbose_name='台账')),
                ('rhythm', models.CharField(choices=[('month', '月报'), ('quarter', '季报'), ('term', '学期报'), ('half', '半年报'), ('school', '学年报'), ('year', '年报'), ('extra', '临时上报')], max_length=8, verbose_name='周期')),
                ('kind', models.CharField(choices=[('county', '县区'), ('school', '学校')], max_length=10, verbose_name='由谁上报')),
                ('counted', models.CharField(choices=[('first', '期初后'), ('last', '期满后')], max_length=5, verbose_name='从何时起算')),
                ('days', models.SmallIntegerField(verbose_name='天数')),
                ('active', models.BooleanField(default=True, verbose_name='要上报')),
                ('set_by', models.CharField(max_length=120, verbose_name='设定人')),
            ],
            options={
                'verbose_name': '上报安排',
                'ordering': ['path', 'ledger', 'rhythm', 'kind'],
                'constraints': [models.UniqueConstraint(fields=('path', 'ledger', 'rhythm', 'kind'), name='one_schedule_a_ledger_and_rhythm'), models.CheckConstraint(condition=models.Q(('days__gte', 0), ('days__lte', 366)), name='schedule_within_a_year')],
            },
        ),
        migrations.CreateModel(
            name='Submission',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('state', models.CharField(choices=[('submitted', '已上报，待接收'), ('accepted', '已接收'), ('returned', '已退回'), ('replaced', '已被更正')], default='submitted', max_length=10, verbose_name='状态')),
                ('why', models.CharField(blank=True, default='', max_length=200, verbose_name='更正原因')),
                ('submitted_on', models.DateField(verbose_name='上报日期')),
                ('submitted_by', models.CharField(max_length=120, verbose_name='上报人')),
                ('returned_why', models.CharField(blank=True, default='', max_length=200, verbose_name='退回原因')),
                ('decided_on', models.DateField(null=True, verbose_name='接收或退回日期')),
                ('decided_by', models.CharField(blank=True, default='', max_length=120, verbose_name='接收人')),
                ('due', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='submissions', to='ledgers.due', verbose_name='应上报')),
                ('issue', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='submissions', to='ledgers.ledgerissue', verbose_name='台账')),
                ('replaces', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledgers.submission', verbose_name='更正的是')),
            ],
            options={
                'verbose_name': '台账上报',
                'ordering': ['-pk'],
            },
        ),
        migrations.AddIndex(
            model_name='due',
            index=models.Index(fields=['path', 'due_on'], name='ledger_due_path'),
        ),
        migrations.AddConstraint(
            model_name='due',
            constraint=models.UniqueConstraint(fields=('office', 'ledger', 'rhythm', 'period'), name='one_due_a_period'),
        ),
        migrations.AddIndex(
            model_name='submission',
            index=models.Index(fields=['path', '-id'], name='ledger_submission_path'),
        ),
        migrations.AddConstraint(
            model_name='submission',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('submitted', 'accepted'))), fields=('due',), name='one_submission_stands'),
        ),
        migrations.AddConstraint(
            model_name='submission',
            constraint=models.UniqueConstraint(fields=('due', 'issue'), name='an_issue_goes_up_once'),
        ),
        migrations.AddConstraint(
            model_name='submission',
            constraint=models.CheckConstraint(condition=models.Q(('replaces', None), models.Q(('why', ''), _negated=True), _connector='OR'), name='correction_says_why'),
        ),
        migrations.AddConstraint(
            model_name='submission',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'returned'), _negated=True), models.Q(('returned_why', ''), _negated=True), _connector='OR'), name='returned_says_why'),
        ),
        migrations.AddConstraint(
            model_name='submission',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ('accepted', 'returned')), _negated=True), models.Q(('decided_on__isnull', False), models.Q(('decided_by', ''), _negated=True)), _connector='OR'), name='decided_by_somebody'),
        ),
        migrations.CreateModel(
            name='Comparison',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('requested_by', models.CharField(max_length=120, verbose_name='申请人')),
                ('job_id', models.BigIntegerField(unique=True)),
                ('finished_at', models.DateTimeField(null=True, verbose_name='完成时间')),
                ('rows', models.JSONField(default=dict, verbose_name='行数')),
                ('totals', models.JSONField(default=list, verbose_name='合计的变化')),
                ('stored', models.CharField(blank=True, default='', max_length=80)),
                ('new', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledgers.ledgerissue', verbose_name='较晚的一份')),
                ('old', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledgers.ledgerissue', verbose_name='较早的一份')),
            ],
            options={
                'verbose_name': '台账差异',
                'ordering': ['-pk'],
                'indexes': [models.Index(fields=['path', 'new', 'old'], name='ledger_comparison_path')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('finished_at', None), ('stored', '')), models.Q(('finished_at__isnull', False), models.Q(('stored', ''), _negated=True)), _connector='OR'), name='comparison_finished_has_a_file')],
            },
        ),
        migrations.RunSQL(
            FROZEN,
            "DROP FUNCTION ledgers_issue_frozen() CASCADE; DROP FUNCTION ledgers_submission_stays() CASCADE;"
            "DROP FUNCTION ledgers_bundle_frozen() CASCADE",
        ),
    ]
