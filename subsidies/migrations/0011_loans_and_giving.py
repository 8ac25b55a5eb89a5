"""Loans and top-ups, donations and gifts, helpers, partner schools, goods points. The database itself keeps the sums, so that
no project gives more money than it received and nobody spends points they have not; a decided top-up is a fact and marks
its student (as migration 0002 does).
"""

import uuid
from importlib import import_module

import aidcases.encrypted_field
import aidcases.scoping
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

marks = import_module("subsidies.migrations.0002_marks")

KEYS, DECIDED = "student_id term", "student_id term benefit_id state decided"
MARKS = [
    ("insert", "SELECT term, student_id FROM fresh WHERE state = 'approved'"),
    ("update", f"SELECT k.term, k.student_id FROM ({marks.changed(KEYS, DECIDED)}) k (student_id, term)"),
    ("delete", "SELECT term, student_id FROM stale WHERE state = 'approved'"),
]

# (rows, owner, key, sum, column of the owner): counted anew for the owner of then and of now.
SUMS = [
    ("subsidies_donation", "subsidies_donationproject", "project_id", "sum(yuan) FILTER (WHERE form = 'cash')", "received"),
    ("subsidies_gift", "subsidies_donationproject", "project_id", "sum(yuan) FILTER (WHERE form = 'cash')", "given"),
    ("subsidies_pointsentry", "subsidies_pointsaccount", "account_id", "sum(points)", "balance"),
]
SUM = """
CREATE FUNCTION {rows}_summed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE {owner} o SET {column} = COALESCE((SELECT {sum} FROM {rows} WHERE {key} = o.id), 0)
    WHERE o.id IN (COALESCE(NEW.{key}, OLD.{key}), COALESCE(OLD.{key}, NEW.{key}));
    RETURN NULL;
END $$;
CREATE TRIGGER summed AFTER INSERT OR UPDATE OR DELETE ON {rows} FOR EACH ROW EXECUTE FUNCTION {rows}_summed();
"""


def forward() -> str:
    table, parts = "subsidies_topupcase", []
    for verb, select in MARKS:
        name = f"{table}_{verb}"
        parts.append(marks.MARK.format(name=name, select=select, before=""))
        parts.append(marks.TRIGGER.format(name=name, table=table, verb=verb, referencing=marks.REFERENCING[verb]))
    parts += [SUM.format(rows=r, owner=o, key=k, sum=s, column=c) for r, o, k, s, c in SUMS]
    return "".join(parts)


def backward() -> str:
    table = "subsidies_topupcase"
    marked = [f"DROP TRIGGER mark_{v} ON {table}; DROP FUNCTION subsidies_mark_{table}_{v}();" for v, _ in MARKS]
    return "\n".join([*marked, *(f"DROP TRIGGER summed ON {rows}; DROP FUNCTION {rows}_summed();" for rows, *_ in SUMS)])


class Migration(migrations.Migration):

    dependencies = [
        ('aidcases', '0004_calendar_inbox_files'),
        ('students', '0005_accounts'),
        ('subsidies', '0010_payments'),
    ]

    operations = [
        migrations.CreateModel(
            name='Donor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('name', models.CharField(max_length=80, verbose_name='捐助人（单位）')),
                ('kind', models.CharField(choices=[('company', '企业'), ('charity', '公益组织、基金会'), ('office', '机关单位'), ('person', '个人')], max_length=10, verbose_name='类型')),
                ('contact', models.CharField(blank=True, default='', max_length=40, verbose_name='联系人')),
                ('phone', aidcases.encrypted_field.EncryptedField(blind_index='phone_hash', editable=True, null=True, purpose='phone', verbose_name='联系电话')),
                ('phone_hash', models.BinaryField(null=True)),
                ('note', models.CharField(blank=True, default='', max_length=200, verbose_name='备注')),
                ('made_by', models.CharField(max_length=120, verbose_name='登记人')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'verbose_name': '捐助人',
                'ordering': ['name', 'pk'],
                'constraints': [models.UniqueConstraint(fields=('path', 'name'), name='donor_once')],
            },
        ),
        migrations.CreateModel(
            name='DonationProject',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('title', models.CharField(max_length=80, verbose_name='项目名称')),
                ('pledge', models.DecimalField(decimal_places=2, default=0, max_digits=14, verbose_name='承诺金额（元）')),
                ('from_on', models.DateField(verbose_name='起始日期')),
                ('received', models.DecimalField(decimal_places=2, default=0, max_digits=14, verbose_name='收到捐款（元）')),
                ('given', models.DecimalField(decimal_places=2, default=0, max_digits=14, verbose_name='发给学生（元）')),
                ('note', models.CharField(blank=True, default='', max_length=200, verbose_name='用途和要求')),
                ('made_by', models.CharField(max_length=120, verbose_name='登记人')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('donor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='projects', to='subsidies.donor', verbose_name='捐助人（单位）')),
            ],
            options={
                'verbose_name': '捐助项目',
                'ordering': ['-from_on', '-pk'],
                'indexes': [
                    models.Index(fields=['path'], name='project_path'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('path', 'title'), name='project_once'),
                    models.CheckConstraint(condition=models.Q(('pledge__gte', 0)), name='pledge_not_negative'),
                    models.CheckConstraint(condition=models.Q(('given__gte', 0), ('given__lte', models.F('received'))), name='given_within_received'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Gift',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(default=uuid.uuid4, unique=True)),
                ('form', models.CharField(choices=[('cash', '现金'), ('goods', '物资')], max_length=6, verbose_name='形式')),
                ('yuan', models.DecimalField(decimal_places=2, max_digits=12, verbose_name='金额或价值（元）')),
                ('what', models.CharField(blank=True, default='', max_length=120, verbose_name='物资')),
                ('given_on', models.DateField(verbose_name='发放日期')),
                ('signed_by', models.CharField(blank=True, default='', max_length=40, verbose_name='签收人')),
                ('signed_on', models.DateField(null=True, verbose_name='签收日期')),
                ('made_by', models.CharField(max_length=120, verbose_name='登记人')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('home_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('school_path', aidcases.scoping.PathField(blank=True, db_collation='C', default='', max_length=80)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='gifts', to='subsidies.donationproject', verbose_name='捐助项目')),
                ('student', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='gifts', to='students.student')),
            ],
            options={
                'verbose_name': '捐助发放',
                'ordering': ['-given_on', '-pk'],
                'indexes': [
                    models.Index(fields=['home_path'], name='gift_home'),
                    models.Index(fields=['school_path'], name='gift_school'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('yuan__gt', 0)), name='gift_of_something'),
                    models.CheckConstraint(condition=models.Q(('form', 'cash'), models.Q(('what', ''), _negated=True), _connector='OR'), name='given_goods_are_named'),
                    models.CheckConstraint(condition=models.Q(models.Q(('signed_by', ''), ('signed_on', None)), models.Q(('signed_on__isnull', False), models.Q(('signed_by', ''), _negated=True)), _connector='OR'), name='gift_signed_by_somebody'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Loan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('year', models.SmallIntegerField(verbose_name='学年')),
                ('state', models.CharField(choices=[('applied', '已申请'), ('contracted', '已签合同'), ('released', '已放款'), ('repaid', '已还清'), ('withdrawn', '已撤回'), ('refused', '未通过')], default='applied', max_length=10, verbose_name='状态')),
                ('lender', models.CharField(max_length=60, verbose_name='经办银行')),
                ('contract', models.CharField(blank=True, db_collation='C', default='', max_length=40, verbose_name='合同编号')),
                ('ceiling', models.DecimalField(decimal_places=2, max_digits=12, verbose_name='最高额（元）')),
                ('yuan', models.DecimalField(decimal_places=2, max_digits=12, verbose_name='贷款金额（元）')),
                ('tuition', models.DecimalField(decimal_places=2, default=0, max_digits=12, verbose_name='学费（元/学年）')),
                ('board', models.DecimalField(decimal_places=2, default=0, max_digits=12, verbose_name='住宿费（元/学年）')),
                ('interest', models.CharField(blank=True, default='', max_length=200, verbose_name='利息说明')),
                ('note', models.CharField(blank=True, default='', max_length=200, verbose_name='备注')),
                ('applied_on', models.DateField(verbose_name='申请日期')),
                ('applied_by', models.CharField(max_length=120, verbose_name='登记人')),
                ('applied_by_id', models.BigIntegerField(null=True)),
                ('contracted_on', models.DateField(null=True, verbose_name='签合同日期')),
                ('contracted_by', models.CharField(blank=True, default='', max_length=120, verbose_name='确认人')),
                ('contracted_by_id', models.BigIntegerField(null=True)),
                ('released_on', models.DateField(null=True, verbose_name='放款日期')),
                ('repaid_on', models.DateField(null=True, verbose_name='还清日期')),
                ('home_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('school_path', aidcases.scoping.PathField(blank=True, db_collation='C', default='', max_length=80)),
                ('student', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='loans', to='students.student')),
            ],
            options={
                'verbose_name': '助学贷款',
                'ordering': ['-year', '-pk'],
                'indexes': [
                    models.Index(fields=['home_path', 'year'], name='loan_home'),
                    models.Index(fields=['school_path', 'year'], name='loan_school'),
                ],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('state__in', ('withdrawn', 'refused')), _negated=True), fields=('student', 'year'), name='one_loan_a_year'),
                    models.UniqueConstraint(condition=models.Q(('contract', ''), _negated=True), fields=('contract',), name='loan_contract_once'),
                    models.CheckConstraint(condition=models.Q(('yuan__gt', 0), ('yuan__lte', models.F('ceiling'))), name='loan_within_ceiling'),
                    models.CheckConstraint(condition=models.Q(('tuition__gte', 0), ('board__gte', 0)), name='loan_fees_not_negative'),
                    models.CheckConstraint(condition=models.Q(('state__in', ('applied', 'withdrawn', 'refused')), models.Q(models.Q(('contract', ''), _negated=True), models.Q(('contracted_by', ''), _negated=True), ('contracted_on__isnull', False)), _connector='OR'), name='contracted_loan_is_whole'),
                    models.CheckConstraint(condition=models.Q(models.Q(('state__in', ('released', 'repaid')), _negated=True), ('released_on__isnull', False), _connector='OR'), name='released_loan_has_a_day'),
                    models.CheckConstraint(condition=models.Q(models.Q(('state', 'repaid'), _negated=True), ('repaid_on__isnull', False), _connector='OR'), name='repaid_loan_has_a_day'),
                    models.CheckConstraint(condition=models.Q(('contracted_by_id', None), ('applied_by_id', None), models.Q(('contracted_by_id', models.F('applied_by_id')), _negated=True), _connector='OR'), name='loan_second_person'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Pairing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('donor', '捐助人'), ('family', '志愿家庭'), ('party', '党员干部'), ('teacher', '教师')], max_length=10, verbose_name='结对类型')),
                ('helper', models.CharField(max_length=60, verbose_name='结对人')),
                ('unit', models.CharField(blank=True, default='', max_length=80, verbose_name='单位和职务')),
                ('from_on', models.DateField(verbose_name='结对日期')),
                ('plan', models.CharField(blank=True, default='', max_length=200, verbose_name='帮扶内容')),
                ('made_by', models.CharField(max_length=120, verbose_name='登记人')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('home_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('school_path', aidcases.scoping.PathField(blank=True, db_collation='C', default='', max_length=80)),
                ('student', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pairings', to='students.student')),
            ],
            options={
                'verbose_name': '结对',
                'ordering': ['-from_on', '-pk'],
                'indexes': [
                    models.Index(fields=['home_path'], name='pairing_home'),
                    models.Index(fields=['school_path'], name='pairing_school'),
                ],
            },
        ),
        migrations.CreateModel(
            name='HelperVisit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('visited_on', models.DateField(verbose_name='走访日期')),
                ('note', models.CharField(max_length=500, verbose_name='走访情况')),
                ('made_by', models.CharField(max_length=120, verbose_name='登记人')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('pairing', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='visits', to='subsidies.pairing')),
            ],
            options={
                'verbose_name': '结对走访',
                'ordering': ['-visited_on', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='PairingEnd',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('from_on', models.DateField(verbose_name='结束日期')),
                ('why', models.CharField(max_length=200, verbose_name='结束原因')),
                ('made_by', models.CharField(max_length=120, verbose_name='登记人')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('pairing', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='end', to='subsidies.pairing')),
            ],
            options={
                'verbose_name': '结对结束',
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('why', ''), _negated=True), name='pairing_end_says_why'),
                ],
            },
        ),
        migrations.CreateModel(
            name='PointsAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('balance', models.IntegerField(default=0, verbose_name='积分')),
                ('home_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('school_path', aidcases.scoping.PathField(blank=True, db_collation='C', default='', max_length=80)),
                ('household', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.household', verbose_name='家庭')),
                ('student', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.student', verbose_name='学生')),
            ],
            options={
                'verbose_name': '积分户',
                'ordering': ['-pk'],
                'indexes': [
                    models.Index(fields=['home_path'], name='points_home'),
                    models.Index(fields=['school_path'], name='points_school'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('balance__gte', 0)), name='points_not_negative'),
                    models.CheckConstraint(condition=models.Q(models.Q(('household', None), ('student__isnull', False)), models.Q(('household__isnull', False), ('school_path', ''), ('student', None)), _connector='OR'), name='points_of_one'),
                ],
            },
        ),
        migrations.CreateModel(
            name='PointsEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('points', models.IntegerField(verbose_name='积分')),
                ('what', models.CharField(max_length=120, verbose_name='事由或物品')),
                ('on', models.DateField(verbose_name='日期')),
                ('made_by', models.CharField(max_length=120, verbose_name='登记人')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='subsidies.pointsaccount')),
            ],
            options={
                'verbose_name': '积分记录',
                'ordering': ['-on', '-pk'],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('points', 0), _negated=True), name='points_of_something'),
                ],
            },
        ),
        migrations.CreateModel(
            name='SchoolPair',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('partner', models.CharField(max_length=80, verbose_name='结对学校（单位）')),
                ('from_on', models.DateField(verbose_name='结对日期')),
                ('plan', models.CharField(blank=True, default='', max_length=200, verbose_name='帮扶内容')),
                ('made_by', models.CharField(max_length=120, verbose_name='登记人')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('school', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='aidcases.school', verbose_name='学校')),
            ],
            options={
                'verbose_name': '校际结对',
                'ordering': ['path', '-from_on', 'pk'],
                'constraints': [
                    models.UniqueConstraint(fields=('school', 'partner', 'from_on'), name='school_pair_once'),
                ],
            },
        ),
        migrations.CreateModel(
            name='SchoolPairEnd',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('made_by', models.CharField(max_length=120, verbose_name='登记人')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('from_on', models.DateField(verbose_name='结束日期')),
                ('why', models.CharField(max_length=200, verbose_name='结束原因')),
                ('pair', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='end', to='subsidies.schoolpair')),
            ],
            options={
                'verbose_name': '校际结对结束',
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('why', ''), _negated=True), name='school_pair_end_says_why'),
                ],
            },
        ),
        migrations.CreateModel(
            name='PairActivity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('held_on', models.DateField(verbose_name='活动日期')),
                ('note', models.CharField(max_length=300, verbose_name='活动内容')),
                ('made_by', models.CharField(max_length=120, verbose_name='登记人')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('pair', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='activities', to='subsidies.schoolpair')),
            ],
            options={
                'verbose_name': '校际活动',
                'ordering': ['-held_on', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='TopUpCase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('term', models.CharField(db_collation='C', max_length=11, verbose_name='学期')),
                ('state', models.CharField(choices=[('asked', '待决定'), ('approved', '同意'), ('refused', '不同意'), ('withdrawn', '已撤回'), ('revoked', '已取消')], default='asked', max_length=10, verbose_name='状态')),
                ('hardship', models.CharField(max_length=500, verbose_name='困难情况')),
                ('asked', models.DecimalField(decimal_places=2, max_digits=12, verbose_name='申请金额（元）')),
                ('aid', models.DecimalField(decimal_places=2, max_digits=12, verbose_name='按政策已享受（元）')),
                ('decided', models.DecimalField(decimal_places=2, max_digits=12, null=True, verbose_name='决定金额（元）')),
                ('reason', models.CharField(blank=True, default='', max_length=200, verbose_name='决定理由')),
                ('asked_on', models.DateField(verbose_name='申请日期')),
                ('asked_by', models.CharField(max_length=120, verbose_name='登记人')),
                ('asked_by_id', models.BigIntegerField(null=True)),
                ('decided_on', models.DateField(null=True, verbose_name='决定日期')),
                ('decided_by', models.CharField(blank=True, default='', max_length=120, verbose_name='决定人')),
                ('decided_by_id', models.BigIntegerField(null=True)),
                ('home_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('school_path', aidcases.scoping.PathField(blank=True, db_collation='C', default='', max_length=80)),
                ('benefit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='subsidies.benefit', verbose_name='资助项目')),
                ('student', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='top_ups', to='students.student')),
            ],
            options={
                'verbose_name': '附加资助',
                'ordering': ['-pk'],
                'indexes': [
                    models.Index(fields=['term', 'student'], name='top_up_term_student'),
                    models.Index(fields=['home_path', 'state'], name='top_up_home'),
                ],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('state__in', ('asked', 'approved'))), fields=('student', 'term', 'benefit'), name='one_top_up_a_term'),
                    models.CheckConstraint(condition=models.Q(('asked__gt', 0), ('aid__gte', 0)), name='top_up_asks_for_something'),
                    models.CheckConstraint(condition=models.Q(models.Q(('state__in', ('approved', 'revoked')), _negated=True), models.Q(('decided__gt', 0), models.Q(('decided_by', ''), _negated=True), ('decided_on__isnull', False)), _connector='OR'), name='approved_top_up_is_whole'),
                    models.CheckConstraint(condition=models.Q(('decided_by_id', None), ('asked_by_id', None), models.Q(('decided_by_id', models.F('asked_by_id')), _negated=True), _connector='OR'), name='top_up_second_person'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Donation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(default=uuid.uuid4, unique=True)),
                ('form', models.CharField(choices=[('cash', '现金'), ('goods', '物资')], max_length=6, verbose_name='形式')),
                ('yuan', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='金额或价值（元）')),
                ('what', models.CharField(blank=True, default='', max_length=120, verbose_name='物资')),
                ('received_on', models.DateField(verbose_name='收到日期')),
                ('receipt', models.CharField(blank=True, default='', max_length=40, verbose_name='收据号')),
                ('thanked_on', models.DateField(null=True, verbose_name='感谢信日期')),
                ('thanks', models.CharField(blank=True, default='', max_length=200, verbose_name='感谢信')),
                ('made_by', models.CharField(max_length=120, verbose_name='登记人')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='donations', to='subsidies.donationproject')),
            ],
            options={
                'verbose_name': '捐赠',
                'ordering': ['-received_on', '-pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(('yuan__gt', 0)), name='donation_of_something'), models.CheckConstraint(condition=models.Q(('form', 'cash'), models.Q(('what', ''), _negated=True), _connector='OR'), name='donated_goods_are_named'), models.CheckConstraint(condition=models.Q(('thanked_on', None), models.Q(('thanks', ''), _negated=True), _connector='OR'), name='thanks_are_noted')],
            },
        ),
        migrations.RunSQL(forward(), backward()),
    ]
