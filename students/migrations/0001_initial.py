import aidcases.encrypted_field
import aidcases.scoping
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.db import migrations, models
from aidcases.migrating import CreateModels


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('aidcases', '0001_initial'),
    ]

    operations = [
        CreateModels([
            migrations.CreateModel(
                name='Account',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('state', models.CharField(choices=[('proposed', '待复核'), ('confirmed', '有效'), ('refused', '不采用')], default='proposed', max_length=10, verbose_name='状态')),
                    ('from_on', models.DateField(verbose_name='起用日期')),
                    ('holder', models.CharField(max_length=60, verbose_name='户名')),
                    ('relation', models.CharField(choices=[('self', '本人'), ('head', '户主'), ('father', '父亲'), ('mother', '母亲'), ('guardian', '其他监护人')], max_length=10, verbose_name='持卡人')),
                    ('number', aidcases.encrypted_field.EncryptedField(blind_index='number_hash', editable=True, purpose='account', verbose_name='账号')),
                    ('number_hash', models.BinaryField()),
                    ('number_last4', models.CharField(max_length=4)),
                    ('bank', models.CharField(max_length=60, verbose_name='开户行')),
                    ('alarm', models.CharField(blank=True, default='', max_length=100, verbose_name='疑点')),
                    ('cleared', models.CharField(blank=True, default='', max_length=200, verbose_name='核实情况')),
                    ('why', models.CharField(blank=True, default='', max_length=200, verbose_name='变更原因')),
                    ('proposed_by', models.CharField(max_length=120, verbose_name='登记人')),
                    ('proposed_by_id', models.BigIntegerField(null=True)),
                    ('proposed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('confirmed_by', models.CharField(blank=True, default='', max_length=120, verbose_name='复核人')),
                    ('confirmed_by_id', models.BigIntegerField(null=True)),
                    ('confirmed_at', models.DateTimeField(null=True, verbose_name='复核时间')),
                    ('home_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('school_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ],
                options={
                    'verbose_name': '一卡通账户',
                    'ordering': ['-from_on', '-pk'],
                },
            ),
            migrations.CreateModel(
                name='Person',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('id_number', aidcases.encrypted_field.EncryptedField(blind_index='id_hash', editable=True, null=True, verbose_name='证件号码')),
                    ('id_hash', models.BinaryField(null=True, unique=True)),
                    ('id_last4', models.CharField(blank=True, default='', max_length=4)),
                    ('name', models.CharField(max_length=60, verbose_name='姓名')),
                    ('initials', models.CharField(blank=True, db_collation='C', default='', max_length=30)),
                    ('name_authority', models.SmallIntegerField(default=0)),
                    ('name_undecided', models.BooleanField(default=False)),
                    ('sex', models.CharField(blank=True, default='', max_length=2, verbose_name='性别')),
                    ('birth_on', models.DateField(null=True, verbose_name='出生日期')),
                    ('ethnicity', models.CharField(blank=True, default='', max_length=20, verbose_name='民族')),
                    ('household_path', aidcases.scoping.PathField(blank=True, db_collation='C', default='', max_length=80)),
                    ('found_path', aidcases.scoping.PathField(blank=True, db_collation='C', default='', max_length=80)),
                    ('home_path', aidcases.scoping.PathField(blank=True, db_collation='C', default='', max_length=80)),
                    ('school_path', aidcases.scoping.PathField(blank=True, db_collation='C', default='', max_length=80)),
                    ('hukou_region', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='aidcases.region', verbose_name='户口所在地')),
                ],
                options={
                    'verbose_name': '人员',
                },
            ),
            migrations.CreateModel(
                name='Suspension',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('active', models.BooleanField(verbose_name='不在校')),
                    ('from_on', models.DateField(verbose_name='起')),
                    ('home_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('school_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('made_by', models.CharField(max_length=120, verbose_name='登记人')),
                    ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'verbose_name': '暂停资助',
                },
            ),
            migrations.CreateModel(
                name='Batch',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('import', '名单入库'), ('decision', '核对决定'), ('merge', '合并重复人员'), ('carry', '新学期升级'), ('ending', '名单外人员终止')], max_length=10, verbose_name='种类')),
                    ('state', models.CharField(choices=[('standing', '有效'), ('undone', '已撤销')], default='standing', max_length=10, verbose_name='状态')),
                    ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('term', models.CharField(blank=True, db_collation='C', default='', max_length=11, verbose_name='学期')),
                    ('label', models.CharField(max_length=200, verbose_name='内容')),
                    ('made_by', models.CharField(max_length=120, verbose_name='办理人')),
                    ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='办理时间')),
                    ('undone_by', models.CharField(blank=True, default='', max_length=120, verbose_name='撤销人')),
                    ('undone_at', models.DateTimeField(null=True, verbose_name='撤销时间')),
                    ('outcome', models.JSONField(db_default={}, default=dict)),
                ],
                options={
                    'verbose_name': '批次',
                    'ordering': ['-pk'],
                    'indexes': [models.Index(fields=['path', '-id'], name='batch_path')],
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('state', 'undone'), ('undone_at__isnull', False)), models.Q(models.Q(('state', 'undone'), _negated=True), ('undone_at', None)), _connector='OR'), name='undone_has_a_moment')],
                },
            ),
            migrations.CreateModel(
                name='Export',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.UUIDField(default=uuid.uuid4, unique=True)),
                    ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('area_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('term', models.CharField(db_collation='C', max_length=11, verbose_name='学期')),
                    ('stored', models.CharField(blank=True, default='', max_length=80)),
                    ('rows', models.IntegerField(default=0, verbose_name='行数')),
                    ('purpose', models.CharField(max_length=100, verbose_name='用途')),
                    ('made_by', models.CharField(max_length=120, verbose_name='导出人')),
                    ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='导出时间')),
                    ('job_id', models.BigIntegerField(null=True)),
                    ('issue', models.BigIntegerField(null=True)),
                    ('layout', models.JSONField(db_default={}, default=dict)),
                    ('office', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='aidcases.organisation', verbose_name='单位')),
                ],
                options={
                    'verbose_name': '数据版导出',
                    'ordering': ['-pk'],
                },
            ),
            migrations.CreateModel(
                name='ExportRow',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.CharField(db_collation='C', max_length=32)),
                    ('said', models.JSONField()),
                    ('export', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sheet_rows', to='students.export')),
                ],
                options={
                    'verbose_name': '数据版行',
                },
            ),
            migrations.CreateModel(
                name='ImportFile',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('schools', '学校名录'), ('poverty', '建档立卡贫困人口'), ('roll', '学籍信息'), ('college', '高校就读学生'), ('dibao', '低保名单'), ('tekun', '特困供养名单'), ('disabled', '残疾人名单'), ('population', '户籍适龄人口'), ('present', '在校学生'), ('orphans', '孤儿和事实无人抚养儿童'), ('attendance', '考勤'), ('students', '学生名单（通用）'), ('applications', '困难认定申请表'), ('edits', '数据版回传')], max_length=12, verbose_name='名单')),
                    ('term', models.CharField(db_collation='C', max_length=11, verbose_name='学期')),
                    ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('filename', models.CharField(max_length=200, verbose_name='文件名')),
                    ('sha256', models.CharField(max_length=64)),
                    ('stored', models.CharField(max_length=80)),
                    ('returned', models.CharField(blank=True, default='', max_length=80)),
                    ('state', models.CharField(choices=[('uploaded', '读取中'), ('mapping', '待对应列名'), ('previewed', '待确认入库'), ('committing', '入库中'), ('committed', '已入库'), ('refused', '读不了'), ('discarded', '已放弃'), ('undoing', '撤销中'), ('undone', '已撤销')], default='uploaded', max_length=12, verbose_name='状态')),
                    ('summary', models.JSONField(default=dict)),
                    ('choice', models.JSONField(db_default={}, default=dict)),
                    ('whole', models.BooleanField(db_default=False, default=False, verbose_name='整册')),
                    ('data_on', models.DateField(null=True, verbose_name='数据日期')),
                    ('counts', models.JSONField(default=dict)),
                    ('problem', models.TextField(blank=True, default='', verbose_name='原因')),
                    ('job_id', models.BigIntegerField(null=True)),
                    ('uploaded_by', models.CharField(max_length=120, verbose_name='上传人')),
                    ('uploaded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='上传时间')),
                    ('committed_at', models.DateTimeField(null=True, verbose_name='入库时间')),
                    ('batch', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.batch')),
                    ('office', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='aidcases.organisation', verbose_name='单位')),
                ],
                options={
                    'verbose_name': '导入文件',
                    'ordering': ['-pk'],
                },
            ),
            migrations.CreateModel(
                name='ImportRow',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.IntegerField(verbose_name='行号')),
                    ('state', models.CharField(choices=[('read', '已读'), ('new', '新增'), ('changed', '变更'), ('unchanged', '无变化'), ('review', '待核对'), ('rejected', '退回')], max_length=10, verbose_name='结果')),
                    ('reasons', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), default=list, size=None)),
                    ('cells', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None)),
                    ('warnings', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), default=list, size=None)),
                    ('name', models.CharField(default='', max_length=60, verbose_name='姓名')),
                    ('id_hash', models.BinaryField(null=True)),
                    ('id_last4', models.CharField(default='', max_length=4)),
                    ('id_cipher', models.BinaryField(null=True)),
                    ('sex', models.CharField(default='', max_length=2)),
                    ('birth_on', models.DateField(null=True)),
                    ('second_hash', models.BinaryField(null=True)),
                    ('second_last4', models.CharField(default='', max_length=4)),
                    ('second_cipher', models.BinaryField(null=True)),
                    ('phone_hash', models.BinaryField(null=True)),
                    ('phone_cipher', models.BinaryField(null=True)),
                    ('number_hash', models.BinaryField(null=True)),
                    ('number_last4', models.CharField(default='', max_length=4)),
                    ('number_cipher', models.BinaryField(null=True)),
                    ('data', models.JSONField(default=dict)),
                    ('initials', models.CharField(db_default='', default='', max_length=30)),
                    ('changes', models.JSONField(db_default={}, default=dict)),
                    ('file', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='students.importfile')),
                ],
                options={
                    'verbose_name': '导入行',
                    'ordering': ['number'],
                },
            ),
            migrations.CreateModel(
                name='Household',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.CharField(db_collation='C', max_length=30, null=True, unique=True, verbose_name='户编号')),
                    ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('phone', aidcases.encrypted_field.EncryptedField(blind_index='phone_hash', editable=True, null=True, purpose='phone', verbose_name='联系电话')),
                    ('phone_hash', models.BinaryField(null=True)),
                    ('size', models.SmallIntegerField(null=True, verbose_name='家庭人口')),
                    ('kind', models.CharField(blank=True, default='', max_length=40, verbose_name='户类型')),
                    ('exit_status', models.CharField(blank=True, default='', max_length=40, verbose_name='脱贫属性')),
                    ('cause', models.CharField(blank=True, default='', max_length=60, verbose_name='致贫原因')),
                    ('income_per_head', models.DecimalField(decimal_places=2, max_digits=10, null=True, verbose_name='人均纯收入（元）')),
                    ('monitored', models.CharField(blank=True, default='', max_length=24, verbose_name='监测对象类型')),
                    ('risk_cleared', models.BooleanField(null=True, verbose_name='风险是否消除')),
                    ('region', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='aidcases.region', verbose_name='村（社区）')),
                    ('row', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.importrow')),
                    ('head', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='headed', to='students.person', verbose_name='户主')),
                ],
                options={
                    'verbose_name': '家庭',
                },
            ),
            migrations.CreateModel(
                name='Enrolment',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('term', models.CharField(db_collation='C', max_length=11, verbose_name='学期')),
                    ('stage', models.CharField(choices=[('preschool', '学前教育'), ('primary', '小学'), ('junior', '初中'), ('senior', '普通高中'), ('secondary_vocational', '中等职业'), ('higher_vocational', '高等职业'), ('undergraduate', '本科'), ('postgraduate', '研究生'), ('special_education', '特殊教育')], max_length=24, verbose_name='学段')),
                    ('grade', models.SmallIntegerField(null=True, verbose_name='年级')),
                    ('class_name', models.CharField(blank=True, default='', max_length=40, verbose_name='班级')),
                    ('boarding', models.BooleanField(default=False, verbose_name='寄宿')),
                    ('rural_hukou', models.BooleanField(default=False, verbose_name='农业户口')),
                    ('entered_on', models.DateField(null=True, verbose_name='入学年月')),
                    ('left_behind', models.BooleanField(default=False, verbose_name='留守儿童')),
                    ('orphan', models.BooleanField(default=False, verbose_name='学籍标注孤儿')),
                    ('disability_hint', models.CharField(blank=True, default='', max_length=40, verbose_name='学籍标注残疾')),
                    ('phone', aidcases.encrypted_field.EncryptedField(blind_index='phone_hash', editable=True, null=True, purpose='phone', verbose_name='联系电话')),
                    ('phone_hash', models.BinaryField(null=True)),
                    ('home_path', aidcases.scoping.PathField(blank=True, db_collation='C', default='', max_length=80)),
                    ('school_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('hukou_region', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='aidcases.region')),
                    ('school', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='aidcases.school', verbose_name='学校')),
                    ('row', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.importrow')),
                ],
                options={
                    'verbose_name': '在读',
                },
            ),
            migrations.CreateModel(
                name='Decision',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('other_path', aidcases.scoping.PathField(blank=True, db_collation='C', default='', max_length=80)),
                    ('reason', models.CharField(max_length=40, verbose_name='待核对原因')),
                    ('id_hash', models.BinaryField(null=True)),
                    ('name', models.CharField(blank=True, default='', max_length=60, verbose_name='姓名')),
                    ('outcome', models.CharField(choices=[('row', '以名单为准'), ('known', '同一个人，沿用系统里的姓名'), ('refuse', '不采用这一行')], max_length=10, verbose_name='决定')),
                    ('why', models.CharField(max_length=200, verbose_name='理由')),
                    ('state', models.CharField(choices=[('asked', '待对方单位同意'), ('applied', '已办理'), ('declined', '对方不同意'), ('withdrawn', '已收回'), ('undone', '已撤销')], max_length=10, verbose_name='状态')),
                    ('decided_by', models.CharField(max_length=120, verbose_name='决定人')),
                    ('decided_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='决定时间')),
                    ('batch', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.batch')),
                    ('row', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='students.importrow')),
                ],
                options={
                    'verbose_name': '核对决定',
                    'ordering': ['-pk'],
                },
            ),
            migrations.CreateModel(
                name='Attendance',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('month', models.CharField(db_collation='C', max_length=7, verbose_name='月份')),
                    ('school_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('days_due', models.DecimalField(decimal_places=1, max_digits=4, verbose_name='应到天数')),
                    ('days_absent', models.DecimalField(decimal_places=1, max_digits=4, verbose_name='缺勤天数')),
                    ('days_unexcused', models.DecimalField(decimal_places=1, default=0, max_digits=4, verbose_name='其中旷课天数')),
                    ('reason', models.CharField(blank=True, default='', max_length=200, verbose_name='缺勤原因')),
                    ('school', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='aidcases.school', verbose_name='学校')),
                    ('row', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.importrow')),
                ],
                options={
                    'verbose_name': '考勤',
                },
            ),
            migrations.CreateModel(
                name='Student',
                fields=[
                    ('person', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='student', serialize=False, to='students.person')),
                    ('roll_number', aidcases.encrypted_field.EncryptedField(blind_index='roll_hash', editable=True, null=True, purpose='roll_number', verbose_name='全国学籍号')),
                    ('roll_hash', models.BinaryField(null=True)),
                    ('roll_last4', models.CharField(blank=True, default='', max_length=4)),
                ],
                options={
                    'verbose_name': '学生',
                },
            ),
            migrations.CreateModel(
                name='Missing',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('from_on', models.DateField(verbose_name='终止日期')),
                    ('hint_row', models.IntegerField(null=True, verbose_name='可能是第几行')),
                    ('state', models.CharField(choices=[('open', '待核对'), ('ended', '已终止'), ('kept', '仍保留')], default='open', max_length=10, verbose_name='状态')),
                    ('decided_by', models.CharField(blank=True, default='', max_length=120, verbose_name='决定人')),
                    ('decided_at', models.DateTimeField(null=True, verbose_name='决定时间')),
                    ('why', models.CharField(blank=True, default='', max_length=200, verbose_name='理由')),
                    ('batch', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.batch')),
                    ('file', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='missing', to='students.importfile')),
                    ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='students.person')),
                ],
                options={
                    'verbose_name': '不在新名单的人员',
                    'ordering': ['pk'],
                },
            ),
            migrations.CreateModel(
                name='Member',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('relation', models.CharField(blank=True, default='', max_length=20, verbose_name='与户主关系')),
                    ('health', models.CharField(blank=True, default='', max_length=40, verbose_name='健康状况')),
                    ('studying', models.CharField(blank=True, default='', max_length=40, verbose_name='在校生状况')),
                    ('from_on', models.DateField(verbose_name='起')),
                    ('household', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='students.household')),
                    ('row', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.importrow')),
                    ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='students.person')),
                ],
                options={
                    'verbose_name': '家庭成员',
                },
            ),
            migrations.CreateModel(
                name='Hardship',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('category', models.CharField(choices=[('registered_poor', '建档立卡（脱贫户）'), ('monitored_unstable', '脱贫不稳定户'), ('monitored_marginal', '边缘易致贫户'), ('monitored_sudden', '突发严重困难户'), ('dibao_rural', '农村低保'), ('dibao_urban', '城市低保'), ('tekun_rural', '农村特困供养'), ('tekun_urban', '城市特困供养'), ('orphan', '孤儿'), ('unsupported_child', '事实无人抚养儿童'), ('disabled', '残疾')], max_length=24, verbose_name='类别')),
                    ('source', models.CharField(choices=[('schools', '学校名录'), ('poverty', '建档立卡贫困人口'), ('roll', '学籍信息'), ('college', '高校就读学生'), ('dibao', '低保名单'), ('tekun', '特困供养名单'), ('disabled', '残疾人名单'), ('population', '户籍适龄人口'), ('present', '在校学生'), ('orphans', '孤儿和事实无人抚养儿童'), ('attendance', '考勤'), ('students', '学生名单（通用）'), ('applications', '困难认定申请表'), ('edits', '数据版回传')], max_length=12, verbose_name='来源')),
                    ('from_on', models.DateField(verbose_name='起')),
                    ('active', models.BooleanField(default=True)),
                    ('office_path', aidcases.scoping.PathField(blank=True, db_collation='C', default='', max_length=80)),
                    ('detail', models.CharField(blank=True, default='', max_length=60, verbose_name='说明')),
                    ('proof', aidcases.encrypted_field.EncryptedField(blind_index='proof_hash', editable=True, null=True, purpose='certificate', verbose_name='证号')),
                    ('proof_hash', models.BinaryField(null=True)),
                    ('proof_last4', models.CharField(blank=True, default='', max_length=4)),
                    ('row', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.importrow')),
                    ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='hardships', to='students.person')),
                ],
                options={
                    'verbose_name': '困难类别',
                    'ordering': ['from_on', 'pk'],
                },
            ),
            migrations.CreateModel(
                name='Guardian',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=60, verbose_name='姓名')),
                    ('relation', models.CharField(blank=True, default='', max_length=20, verbose_name='关系')),
                    ('row', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.importrow')),
                    ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='wards', to='students.person')),
                ],
                options={
                    'verbose_name': '监护人',
                },
            ),
            migrations.CreateModel(
                name='PersonAlias',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('id_number', aidcases.encrypted_field.EncryptedField(blind_index='id_hash', editable=True, null=True, verbose_name='证件号码')),
                    ('id_hash', models.BinaryField(unique=True)),
                    ('id_last4', models.CharField(blank=True, default='', max_length=4)),
                    ('name', models.CharField(max_length=60, verbose_name='姓名')),
                    ('batch', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.batch')),
                    ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='aliases', to='students.person')),
                ],
                options={
                    'verbose_name': '合并前的号码',
                },
            ),
            migrations.CreateModel(
                name='RosterEntry',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('schools', '学校名录'), ('poverty', '建档立卡贫困人口'), ('roll', '学籍信息'), ('college', '高校就读学生'), ('dibao', '低保名单'), ('tekun', '特困供养名单'), ('disabled', '残疾人名单'), ('population', '户籍适龄人口'), ('present', '在校学生'), ('orphans', '孤儿和事实无人抚养儿童'), ('attendance', '考勤'), ('students', '学生名单（通用）'), ('applications', '困难认定申请表'), ('edits', '数据版回传')], max_length=12)),
                    ('term', models.CharField(db_collation='C', max_length=11, verbose_name='学期')),
                    ('present', models.BooleanField(null=True, verbose_name='在校')),
                    ('reason', models.CharField(blank=True, default='', max_length=200, verbose_name='未到校原因')),
                    ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='roster_entries', to='students.person')),
                    ('region', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='aidcases.region')),
                    ('row', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.importrow')),
                ],
                options={
                    'verbose_name': '比对名单',
                },
            ),
            migrations.CreateModel(
                name='SavedMapping',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('kind', models.CharField(choices=[('schools', '学校名录'), ('poverty', '建档立卡贫困人口'), ('roll', '学籍信息'), ('college', '高校就读学生'), ('dibao', '低保名单'), ('tekun', '特困供养名单'), ('disabled', '残疾人名单'), ('population', '户籍适龄人口'), ('present', '在校学生'), ('orphans', '孤儿和事实无人抚养儿童'), ('attendance', '考勤'), ('students', '学生名单（通用）'), ('applications', '困难认定申请表'), ('edits', '数据版回传')], max_length=12, verbose_name='名单')),
                    ('headings_hash', models.CharField(max_length=64)),
                    ('mapping', models.JSONField()),
                    ('saved_by', models.CharField(max_length=120, verbose_name='保存人')),
                    ('saved_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='保存时间')),
                    ('office', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='aidcases.organisation', verbose_name='单位')),
                ],
                options={
                    'verbose_name': '列名对应',
                },
            ),
            migrations.CreateModel(
                name='Suspect',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('first_id', models.BigIntegerField()),
                    ('second_id', models.BigIntegerField()),
                    ('first_name', models.CharField(max_length=60)),
                    ('second_name', models.CharField(max_length=60)),
                    ('rung', models.CharField(max_length=16, verbose_name='依据')),
                    ('evidence', models.JSONField(default=dict)),
                    ('state', models.CharField(choices=[('open', '待核对'), ('same', '同一个人，已合并'), ('different', '不是同一个人')], default='open', max_length=10, verbose_name='状态')),
                    ('decided_by', models.CharField(blank=True, default='', max_length=120, verbose_name='决定人')),
                    ('decided_at', models.DateTimeField(null=True, verbose_name='决定时间')),
                    ('why', models.CharField(blank=True, default='', max_length=200, verbose_name='理由')),
                    ('batch', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.batch')),
                    ('file', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='students.importfile')),
                ],
                options={
                    'verbose_name': '疑似重复人员',
                    'ordering': ['-pk'],
                },
            ),
            migrations.CreateModel(
                name='Written',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('step', models.BigIntegerField()),
                    ('table', models.CharField(db_collation='C', max_length=40)),
                    ('verb', models.CharField(max_length=6)),
                    ('keys', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), null=True, size=None)),
                    ('key', models.BigIntegerField(null=True)),
                    ('before', models.JSONField(null=True)),
                    ('after', models.JSONField(null=True)),
                    ('batch', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='written', to='students.batch')),
                ],
                options={
                    'verbose_name': '改动记录',
                },
            ),
            migrations.AddIndex(
                model_name='export',
                index=models.Index(fields=['path', '-id'], name='export_path'),
            ),
            migrations.AddIndex(
                model_name='importfile',
                index=models.Index(fields=['path', '-id'], name='import_file_path'),
            ),
            migrations.AddConstraint(
                model_name='importfile',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('committed_at__isnull', False), ('state__in', ('committed', 'undoing', 'undone'))), models.Q(models.Q(('state__in', ('committed', 'undoing', 'undone')), _negated=True), ('committed_at', None)), _connector='OR'), name='committed_has_a_moment'),
            ),
            migrations.AddIndex(
                model_name='importrow',
                index=models.Index(fields=['file', 'number'], name='import_row_number'),
            ),
            migrations.AddIndex(
                model_name='importrow',
                index=models.Index(fields=['id_hash'], name='import_row_hash'),
            ),
            migrations.AddIndex(
                model_name='importrow',
                index=models.Index(condition=models.Q(('reasons', []), _negated=True), fields=['file', 'number'], name='import_row_reasons'),
            ),
            migrations.AddIndex(
                model_name='decision',
                index=models.Index(fields=['id_hash', 'reason'], name='decision_number'),
            ),
            migrations.AddIndex(
                model_name='decision',
                index=models.Index(fields=['path', 'state'], name='decision_path'),
            ),
            migrations.AddIndex(
                model_name='decision',
                index=models.Index(fields=['other_path', 'state'], name='decision_other'),
            ),
            migrations.AddConstraint(
                model_name='decision',
                constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('asked', 'applied'))), fields=('row', 'reason'), name='decided_once_a_reason'),
            ),
            migrations.AddField(
                model_name='suspension',
                name='student',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='suspensions', to='students.student'),
            ),
            migrations.AddIndex(
                model_name='student',
                index=models.Index(fields=['roll_hash'], name='student_roll'),
            ),
            migrations.AddField(
                model_name='guardian',
                name='student',
                field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='guardians', to='students.student'),
            ),
            migrations.AddField(
                model_name='exportrow',
                name='student',
                field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='students.student'),
            ),
            migrations.AddField(
                model_name='enrolment',
                name='student',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='enrolments', to='students.student'),
            ),
            migrations.AddField(
                model_name='attendance',
                name='student',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attendance', to='students.student'),
            ),
            migrations.AddField(
                model_name='account',
                name='student',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='students.student'),
            ),
            migrations.AddIndex(
                model_name='person',
                index=models.Index(fields=['home_path'], name='person_home'),
            ),
            migrations.AddIndex(
                model_name='person',
                index=models.Index(fields=['school_path'], name='person_school'),
            ),
            migrations.AddIndex(
                model_name='person',
                index=models.Index(fields=['initials'], name='person_initials'),
            ),
            migrations.AddIndex(
                model_name='person',
                index=models.Index(fields=['id_last4'], name='person_last4'),
            ),
            migrations.AddIndex(
                model_name='person',
                index=models.Index(fields=['name'], name='person_name', opclasses=['varchar_pattern_ops']),
            ),
            migrations.AddIndex(
                model_name='missing',
                index=models.Index(fields=['path', 'state'], name='missing_path'),
            ),
            migrations.AddConstraint(
                model_name='missing',
                constraint=models.UniqueConstraint(fields=('file', 'person'), name='missing_once'),
            ),
            migrations.AddConstraint(
                model_name='member',
                constraint=models.UniqueConstraint(fields=('person', 'household'), name='member_once'),
            ),
            migrations.AddIndex(
                model_name='household',
                index=models.Index(fields=['path'], name='household_path'),
            ),
            migrations.AddConstraint(
                model_name='household',
                constraint=models.UniqueConstraint(condition=models.Q(('number', None)), fields=('head',), name='one_unnumbered_household_a_head'),
            ),
            migrations.AddConstraint(
                model_name='hardship',
                constraint=models.UniqueConstraint(fields=('person', 'category', 'source', 'from_on', 'office_path'), name='hardship_starts_once'),
            ),
            migrations.AddConstraint(
                model_name='rosterentry',
                constraint=models.UniqueConstraint(fields=('kind', 'term', 'person'), name='on_a_roster_once'),
            ),
            migrations.AddConstraint(
                model_name='savedmapping',
                constraint=models.UniqueConstraint(fields=('office', 'kind', 'headings_hash'), name='headings_mapped_once'),
            ),
            migrations.AddIndex(
                model_name='suspect',
                index=models.Index(fields=['path', 'state'], name='suspect_path'),
            ),
            migrations.AddConstraint(
                model_name='suspect',
                constraint=models.UniqueConstraint(fields=('first_id', 'second_id'), name='suspected_once'),
            ),
            migrations.AddConstraint(
                model_name='suspect',
                constraint=models.CheckConstraint(condition=models.Q(('first_id__lt', models.F('second_id'))), name='suspects_in_order'),
            ),
            migrations.AddIndex(
                model_name='written',
                index=models.Index(fields=['batch', 'step'], name='written_batch'),
            ),
            migrations.AddIndex(
                model_name='written',
                index=models.Index(fields=['table', 'key'], name='written_key'),
            ),
            migrations.AddIndex(
                model_name='suspension',
                index=models.Index(fields=['student', '-id'], name='suspension_student'),
            ),
            migrations.AddConstraint(
                model_name='guardian',
                constraint=models.UniqueConstraint(fields=('student', 'name'), name='guardian_once'),
            ),
            migrations.AddConstraint(
                model_name='exportrow',
                constraint=models.UniqueConstraint(fields=('export', 'key'), name='export_row_key'),
            ),
            migrations.AddIndex(
                model_name='enrolment',
                index=models.Index(fields=['term', 'school_path'], name='enrolment_school'),
            ),
            migrations.AddIndex(
                model_name='enrolment',
                index=models.Index(fields=['term', 'home_path'], name='enrolment_home'),
            ),
            migrations.AddConstraint(
                model_name='enrolment',
                constraint=models.UniqueConstraint(fields=('term', 'student'), name='one_enrolment_a_term'),
            ),
            migrations.AddIndex(
                model_name='attendance',
                index=models.Index(fields=['school_path', 'month'], name='attendance_school'),
            ),
            migrations.AddConstraint(
                model_name='attendance',
                constraint=models.UniqueConstraint(fields=('month', 'student'), name='attendance_once_a_month'),
            ),
            migrations.AddConstraint(
                model_name='attendance',
                constraint=models.CheckConstraint(condition=models.Q(('days_absent__gte', 0), ('days_absent__lte', models.F('days_due')), ('days_unexcused__gte', 0), ('days_unexcused__lte', models.F('days_absent'))), name='absent_within_due'),
            ),
            migrations.AddIndex(
                model_name='account',
                index=models.Index(fields=['student', '-from_on'], name='account_student'),
            ),
            migrations.AddIndex(
                model_name='account',
                index=models.Index(fields=['number_hash'], name='account_number'),
            ),
            migrations.AddIndex(
                model_name='account',
                index=models.Index(fields=['school_path', 'state'], name='account_school'),
            ),
            migrations.AddConstraint(
                model_name='account',
                constraint=models.UniqueConstraint(condition=models.Q(('state', 'proposed')), fields=('student',), name='account_proposed_once'),
            ),
            migrations.AddConstraint(
                model_name='account',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'confirmed'), _negated=True), models.Q(('confirmed_by', ''), _negated=True), _connector='OR'), name='confirmed_account_by_somebody'),
            ),
            migrations.AddConstraint(
                model_name='account',
                constraint=models.CheckConstraint(condition=models.Q(('confirmed_by_id', None), ('proposed_by_id', None), models.Q(('confirmed_by_id', models.F('proposed_by_id')), _negated=True), _connector='OR'), name='account_second_person'),
            ),
        ]),
    ]
