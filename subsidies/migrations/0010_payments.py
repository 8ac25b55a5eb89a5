"""Batches, lines, bank files, returns, indicators, recoveries. The database itself keeps a batch's figures, lines that do not
change, and the balance: figures are counted anew by the statement that changed the lines.
"""

import aidcases.scoping
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

_FIGURES = """
CREATE FUNCTION subsidies_count_batches(bigint[]) RETURNS void LANGUAGE sql AS $$
    UPDATE subsidies_paymentbatch b SET lines = p.lines, total = p.total, lines_open = p.open
    FROM (
        SELECT k.id, count(n.id) FILTER (WHERE n.state <> 'cancelled') AS lines,
            COALESCE(sum(n.amount) FILTER (WHERE n.state <> 'cancelled'), 0) AS total,
            count(n.id) FILTER (WHERE n.state NOT IN ('paid', 'cancelled')) AS open
        FROM unnest($1) k (id) LEFT JOIN subsidies_payment n ON n.batch_id = k.id GROUP BY k.id
    ) p
    WHERE b.id = p.id AND (b.lines, b.total, b.lines_open) IS DISTINCT FROM (p.lines, p.total, p.open);
    UPDATE subsidies_paymentbatch b SET parts_open = p.open
    FROM (
        SELECT k.id, count(n.id) AS open FROM unnest($1) k (id)
        LEFT JOIN subsidies_batchpart n ON n.batch_id = k.id AND n.agreed_at IS NULL AND EXISTS (
            SELECT FROM subsidies_payment l
            WHERE l.batch_id = n.batch_id AND l.school_path = n.school_path AND l.state <> 'cancelled')
        GROUP BY k.id
    ) p
    WHERE b.id = p.id AND b.parts_open <> p.open;
$$;
"""

# Lines come and go while a batch is prepared, and only then; amounts and whose they are never change.
_FROZEN = {
    "insert": """
    IF EXISTS (SELECT FROM fresh n JOIN subsidies_paymentbatch b ON b.id = n.batch_id WHERE b.state <> 'prepared') THEN
        RAISE EXCEPTION 'no line is added to a batch after its preparation';
    END IF;""",
    "update": "",  # row by row (_UNCHANGED): a join of 100,000 old rows with the new ones may be planned for one
    "delete": """
    IF EXISTS (SELECT FROM stale n JOIN subsidies_paymentbatch b ON b.id = n.batch_id WHERE b.state <> 'prepared') THEN
        RAISE EXCEPTION 'no line is removed from a batch after its preparation';
    END IF;""",
}
_REFERENCING = {
    "insert": ("NEW TABLE AS fresh", "fresh"),
    "update": ("OLD TABLE AS stale NEW TABLE AS fresh", "fresh"),
    "delete": ("OLD TABLE AS stale", "stale"),
}

_KEPT = ("batch_id", "term", "benefit_id", "amount", "central", "province", "city", "county", "other")
_UNCHANGED = """
CREATE FUNCTION subsidies_payment_unchanged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a line of a batch does not change';
END $$;
CREATE TRIGGER unchanged BEFORE UPDATE ON subsidies_payment FOR EACH ROW
    WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION subsidies_payment_unchanged();
""".format(old=", ".join(f"OLD.{name}" for name in _KEPT), new=", ".join(f"NEW.{name}" for name in _KEPT))


def _trigger(table: str, verb: str, first: str = "") -> str:
    referencing, rows = _REFERENCING[verb]
    name = f"{table}_{verb}_counted"
    return f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN{first}
    PERFORM subsidies_count_batches(ARRAY(SELECT DISTINCT batch_id FROM {rows} ORDER BY 1));
    RETURN NULL;
END $$;
CREATE TRIGGER counted_{verb} AFTER {verb} ON {table} REFERENCING {referencing}
    FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""


# Of a column that is the sum of another table's rows: the rows' owner is counted anew.
def _summed(table: str, owner: str, key: str, column: str) -> str:
    name = f"{table}_summed"
    return f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE which bigint := COALESCE(NEW.{key}, OLD.{key});
BEGIN
    UPDATE {owner} SET {column} = (SELECT COALESCE(sum(yuan), 0) FROM {table} WHERE {key} = which) WHERE id = which;
    RETURN NULL;
END $$;
CREATE TRIGGER summed AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}();
"""


# approved = paid + pending + bounced + cancelled, per batch and level of funding: `short` is always 0.
_LEVELS = ("central", "province", "city", "county", "other")
_BALANCE = """
CREATE VIEW subsidies_balance AS
SELECT b.id AS batch_id, v.funding, v.approved,
    COALESCE(sum(v.yuan) FILTER (WHERE p.state = 'paid'), 0) AS paid,
    COALESCE(sum(v.yuan) FILTER (WHERE p.state IN ('approved', 'sent', 'reissued')), 0) AS pending,
    COALESCE(sum(v.yuan) FILTER (WHERE p.state = 'bounced'), 0) AS bounced,
    COALESCE(sum(v.yuan) FILTER (WHERE p.state = 'cancelled'), 0) AS cancelled,
    v.approved - COALESCE(sum(v.yuan), 0) AS short
FROM subsidies_paymentbatch b
LEFT JOIN subsidies_payment p ON p.batch_id = b.id AND p.approved_at IS NOT NULL
CROSS JOIN LATERAL (VALUES {values}) v (funding, approved, yuan)
WHERE b.approved_at IS NOT NULL
GROUP BY b.id, v.funding, v.approved;
""".format(values=", ".join(f"('{level}', b.{level}, p.{level})" for level in _LEVELS))

PAYMENTS = "".join(
    (
        _FIGURES,
        _UNCHANGED,
        *(_trigger("subsidies_payment", verb, _FROZEN[verb]) for verb in _REFERENCING),
        *(_trigger("subsidies_batchpart", verb) for verb in _REFERENCING),
        _summed("subsidies_indicatoruse", "subsidies_indicator", "indicator_id", "used"),
        _summed("subsidies_receipt", "subsidies_recovery", "recovery_id", "collected"),
        _BALANCE,
        # Room on each page for its lines' next versions: what a step changes stands in no index.
        *(f"ALTER TABLE {table} SET (fillfactor = 50);" for table in ("subsidies_payment", "subsidies_sending")),
    )
)


class Migration(migrations.Migration):

    dependencies = [
        ('aidcases', '0004_calendar_inbox_files'),
        ('students', '0005_accounts'),
        ('subsidies', '0009_determination_made_at'),
    ]

    operations = [
        migrations.CreateModel(
            name='Indicator',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('term', models.CharField(db_collation='C', max_length=11, verbose_name='学期')),
                ('funding', models.CharField(blank=True, choices=[('central', '中央'), ('province', '省级'), ('city', '市级'), ('county', '县级'), ('other', '未分级')], default='', max_length=10, verbose_name='资金')),
                ('document', models.CharField(max_length=60, verbose_name='文号')),
                ('issued_on', models.DateField(verbose_name='下达日期')),
                ('arrived_on', models.DateField(blank=True, null=True, verbose_name='到账日期')),
                ('yuan', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='金额（元）')),
                ('used', models.DecimalField(decimal_places=2, default=0, max_digits=14, verbose_name='已用（元）')),
                ('note', models.CharField(blank=True, default='', max_length=200, verbose_name='备注')),
                ('made_by', models.CharField(max_length=120, verbose_name='登记人')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('benefit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='subsidies.benefit', verbose_name='资助项目')),
                ('office', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='aidcases.organisation', verbose_name='单位')),
                ('school', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='aidcases.school', verbose_name='学校')),
            ],
            options={
                'verbose_name': '指标',
                'ordering': ['-pk'],
                'indexes': [
                    models.Index(fields=['path', 'term', 'benefit'], name='indicator_path'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('used__gte', 0), ('used__lte', models.F('yuan'))), name='indicator_has_headroom'),
                ],
            },
        ),
        migrations.CreateModel(
            name='PaymentBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(db_collation='C', max_length=40, unique=True, verbose_name='批次号')),
                ('state', models.CharField(choices=[('prepared', '待学校确认'), ('confirmed', '学校已确认，待审批'), ('approved', '已审批'), ('checked', '乡村振兴部门已核对'), ('sent', '已报送，待回盘'), ('returned', '已回盘，有待处理'), ('balanced', '已结清'), ('cancelled', '已作废')], default='prepared', max_length=10, verbose_name='状态')),
                ('channel', models.CharField(choices=[('bank', '银行代发'), ('settlement', '与学校结算')], max_length=10, verbose_name='方式')),
                ('title', models.CharField(max_length=120, verbose_name='名称')),
                ('term', models.CharField(db_collation='C', max_length=11, verbose_name='学期')),
                ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('bank', models.CharField(blank=True, default='', max_length=30, verbose_name='银行格式')),
                ('poverty_check', models.BooleanField(default=False, verbose_name='乡村振兴部门核对')),
                ('lines', models.IntegerField(default=0, verbose_name='人次')),
                ('total', models.DecimalField(decimal_places=2, default=0, max_digits=14, verbose_name='金额（元）')),
                ('parts_open', models.IntegerField(default=0)),
                ('lines_open', models.IntegerField(default=0)),
                ('prepared_by', models.CharField(max_length=120, verbose_name='编制人')),
                ('prepared_by_id', models.BigIntegerField(null=True)),
                ('prepared_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('job_id', models.BigIntegerField(null=True, unique=True)),
                ('approved_by', models.CharField(blank=True, default='', max_length=120, verbose_name='审批人')),
                ('approved_by_id', models.BigIntegerField(null=True)),
                ('approved_at', models.DateTimeField(null=True, verbose_name='审批时间')),
                ('document', models.CharField(blank=True, default='', max_length=60, verbose_name='审批文号')),
                ('approved_lines', models.IntegerField(default=0)),
                ('central', models.DecimalField(decimal_places=2, default=0, max_digits=14, verbose_name='中央')),
                ('province', models.DecimalField(decimal_places=2, default=0, max_digits=14, verbose_name='省级')),
                ('city', models.DecimalField(decimal_places=2, default=0, max_digits=14, verbose_name='市级')),
                ('county', models.DecimalField(decimal_places=2, default=0, max_digits=14, verbose_name='县级')),
                ('other', models.DecimalField(decimal_places=2, default=0, max_digits=14, verbose_name='未分级')),
                ('checked_note', models.CharField(blank=True, default='', max_length=200, verbose_name='核对情况')),
                ('office', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='aidcases.organisation', verbose_name='编制单位')),
            ],
            options={
                'verbose_name': '发放批次',
                'ordering': ['-pk'],
                'indexes': [
                    models.Index(fields=['path', '-id'], name='payment_batch_path'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('state__in', ('prepared', 'confirmed', 'cancelled')), models.Q(models.Q(('approved_by', ''), _negated=True), ('approved_at__isnull', False)), _connector='OR'), name='approved_batch_by_somebody'),
                    models.CheckConstraint(condition=models.Q(('approved_by_id', None), ('prepared_by_id', None), models.Q(('approved_by_id', models.F('prepared_by_id')), _negated=True), _connector='OR'), name='batch_second_person'),
                    models.CheckConstraint(condition=models.Q(('channel', 'settlement'), models.Q(('bank', ''), _negated=True), _connector='OR'), name='bank_batch_has_a_profile'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Payment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('term', models.CharField(db_collation='C', max_length=11, verbose_name='学期')),
                ('instalment', models.SmallIntegerField(default=1, verbose_name='期次')),
                ('amount', models.DecimalField(decimal_places=2, max_digits=12, null=True, verbose_name='金额（元）')),
                ('central', models.DecimalField(decimal_places=2, default=0, max_digits=12, verbose_name='中央')),
                ('province', models.DecimalField(decimal_places=2, default=0, max_digits=12, verbose_name='省级')),
                ('city', models.DecimalField(decimal_places=2, default=0, max_digits=12, verbose_name='市级')),
                ('county', models.DecimalField(decimal_places=2, default=0, max_digits=12, verbose_name='县级')),
                ('other', models.DecimalField(decimal_places=2, default=0, max_digits=12, verbose_name='未分级')),
                ('state', models.CharField(choices=[('listed', '已列入'), ('approved', '已审批，待报送'), ('sent', '已报送'), ('paid', '已发放'), ('bounced', '退票'), ('reissued', '待重新报送'), ('cancelled', '已撤销')], default='listed', max_length=10, verbose_name='状态')),
                ('attempt', models.SmallIntegerField(default=0, verbose_name='报送次数')),
                ('bounce', models.CharField(blank=True, choices=[('name', '户名不符'), ('missing', '账号不存在'), ('inactive', '未激活'), ('frozen', '挂失冻结'), ('closed', '销户'), ('expired', '证件过期'), ('limit', '限额'), ('not_financial', '社保卡金融功能未开'), ('other_bank', '跨行不支持'), ('other', '其他')], default='', max_length=14, verbose_name='退票原因')),
                ('bounce_text', models.CharField(blank=True, default='', max_length=120, verbose_name='银行说明')),
                ('bounced_at', models.DateTimeField(null=True, verbose_name='退票时间')),
                ('fixed', models.CharField(blank=True, default='', max_length=200, verbose_name='学校处理情况')),
                ('fixed_by', models.CharField(blank=True, default='', max_length=120, verbose_name='处理人')),
                ('fixed_by_id', models.BigIntegerField(null=True)),
                ('fixed_at', models.DateTimeField(null=True)),
                ('paid_on', models.DateField(null=True, verbose_name='到账日期')),
                ('listed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('approved_at', models.DateTimeField(null=True)),
                ('cancelled_at', models.DateTimeField(null=True)),
                ('home_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('school_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('account', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.account')),
                ('benefit', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='subsidies.benefit', verbose_name='资助项目')),
                ('rule', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='subsidies.rule')),
                ('school', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='aidcases.school', verbose_name='学校')),
                ('student', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='students.student')),
                ('batch', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='subsidies.paymentbatch')),
            ],
            options={
                'verbose_name': '发放明细',
                'ordering': ['batch', 'school_path', 'pk'],
                'indexes': [
                    models.Index(fields=['batch', 'school_path'], name='payment_of_batch'),
                    models.Index(fields=['term', 'student'], name='payment_term_student'),
                    models.Index(fields=['school_path'], name='payment_school'),
                    models.Index(condition=models.Q(('bounced_at__isnull', False)), fields=['school_path'], name='payment_bounced'),
                ],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('cancelled_at', None)), fields=('student', 'benefit', 'term', 'instalment'), name='paid_once_an_instalment'),
                    models.CheckConstraint(condition=models.Q(models.Q(('amount__isnull', True), ('central__gte', 0), ('city__gte', 0), ('county__gte', 0), ('other__gte', 0), ('province__gte', 0)), ('amount', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('central'), '+', models.F('province')), '+', models.F('city')), '+', models.F('county')), '+', models.F('other'))), _connector='OR'), name='payment_divided'),
                    models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='payment_not_negative'),
                    models.CheckConstraint(condition=models.Q(models.Q(('state', 'bounced'), _negated=True), models.Q(('bounce', ''), _negated=True), _connector='OR'), name='bounced_payment_says_why'),
                    models.CheckConstraint(condition=models.Q(models.Q(('cancelled_at__isnull', False), ('state', 'cancelled')), models.Q(models.Q(('state', 'cancelled'), _negated=True), ('cancelled_at', None)), _connector='OR'), name='cancelled_payment_has_a_moment'),
                    models.CheckConstraint(condition=models.Q(models.Q(('state', 'paid'), _negated=True), ('paid_on__isnull', False), _connector='OR'), name='paid_payment_has_a_day'),
                ],
            },
        ),
        migrations.CreateModel(
            name='IndicatorUse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('yuan', models.DecimalField(decimal_places=2, max_digits=14)),
                ('indicator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='uses', to='subsidies.indicator')),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='uses', to='subsidies.paymentbatch')),
            ],
            options={
                'verbose_name': '指标占用',
                'ordering': ['pk'],
                'constraints': [
                    models.UniqueConstraint(fields=('indicator', 'batch'), name='used_once_by_a_batch'),
                    models.CheckConstraint(condition=models.Q(('yuan__gt', 0)), name='used_something'),
                ],
            },
        ),
        migrations.CreateModel(
            name='BatchPart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('school_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('agreed_by', models.CharField(blank=True, default='', max_length=120, verbose_name='确认人')),
                ('agreed_by_id', models.BigIntegerField(null=True)),
                ('agreed_at', models.DateTimeField(null=True, verbose_name='确认时间')),
                ('objection', models.CharField(blank=True, default='', max_length=200, verbose_name='学校意见')),
                ('school', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='aidcases.school', verbose_name='学校')),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='subsidies.paymentbatch')),
            ],
            options={
                'verbose_name': '学校名单',
                'ordering': ['school_path'],
                'constraints': [
                    models.UniqueConstraint(fields=('batch', 'school'), name='batch_school_once'),
                    models.CheckConstraint(condition=models.Q(('agreed_at', None), models.Q(('agreed_by', ''), _negated=True), _connector='OR'), name='agreed_part_by_somebody'),
                ],
            },
        ),
        migrations.CreateModel(
            name='BankReturn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('filename', models.CharField(max_length=120, verbose_name='文件名')),
                ('stored', models.CharField(max_length=80)),
                ('sha256', models.CharField(max_length=64)),
                ('counts', models.JSONField(default=dict)),
                ('uploaded_by', models.CharField(max_length=120, verbose_name='上传人')),
                ('uploaded_by_id', models.BigIntegerField(null=True)),
                ('uploaded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='returns', to='subsidies.paymentbatch')),
            ],
            options={
                'verbose_name': '回盘文件',
                'ordering': ['-pk'],
                'constraints': [
                    models.UniqueConstraint(fields=('batch', 'sha256'), name='return_once'),
                ],
            },
        ),
        migrations.CreateModel(
            name='BankFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('number', models.SmallIntegerField(verbose_name='序号')),
                ('profile', models.CharField(max_length=30, verbose_name='银行格式')),
                ('filename', models.CharField(max_length=80, verbose_name='文件名')),
                ('stored', models.CharField(max_length=80)),
                ('sha256', models.CharField(max_length=64)),
                ('lines', models.IntegerField(verbose_name='笔数')),
                ('total', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='金额（元）')),
                ('sent_on', models.DateField(default=django.utils.timezone.localdate, verbose_name='报送日期')),
                ('made_by', models.CharField(max_length=120, verbose_name='生成人')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='files', to='subsidies.paymentbatch')),
            ],
            options={
                'verbose_name': '代发文件',
                'ordering': ['batch', 'number'],
                'constraints': [
                    models.UniqueConstraint(fields=('batch', 'number'), name='bank_file_number'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Recovery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('term', models.CharField(db_collation='C', max_length=11, verbose_name='学期')),
                ('state', models.CharField(choices=[('open', '待收回'), ('collected', '已收清'), ('cancelled', '不再追缴')], default='open', max_length=10, verbose_name='状态')),
                ('yuan', models.DecimalField(decimal_places=2, max_digits=12, verbose_name='应收回（元）')),
                ('collected', models.DecimalField(decimal_places=2, default=0, max_digits=12, verbose_name='已收回（元）')),
                ('why', models.CharField(max_length=200, verbose_name='原因')),
                ('due_on', models.DateField(null=True, verbose_name='期限')),
                ('opened_by', models.CharField(max_length=120, verbose_name='开列人')),
                ('opened_by_id', models.BigIntegerField(null=True)),
                ('opened_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('home_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('school_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('benefit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='subsidies.benefit', verbose_name='资助项目')),
                ('student', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='recoveries', to='students.student')),
            ],
            options={
                'verbose_name': '追缴',
                'ordering': ['-pk'],
                'indexes': [
                    models.Index(fields=['term', 'student'], name='recovery_term_student'),
                    models.Index(fields=['school_path', 'state'], name='recovery_school'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('yuan__gt', 0), ('collected__gte', 0), ('collected__lte', models.F('yuan'))), name='recovery_within'),
                    models.CheckConstraint(condition=models.Q(models.Q(('state', 'collected'), _negated=True), ('collected', models.F('yuan')), _connector='OR'), name='collected_recovery_is_whole'),
                    models.CheckConstraint(condition=models.Q(models.Q(('state', 'cancelled'), _negated=True), ('collected', 0), _connector='OR'), name='cancelled_recovery_is_empty'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Receipt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('yuan', models.DecimalField(decimal_places=2, max_digits=12, verbose_name='金额（元）')),
                ('received_on', models.DateField(verbose_name='收到日期')),
                ('number', models.CharField(max_length=40, verbose_name='票据号')),
                ('made_by', models.CharField(max_length=120, verbose_name='登记人')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('recovery', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='receipts', to='subsidies.recovery')),
            ],
            options={
                'verbose_name': '追缴收据',
                'ordering': ['received_on', 'pk'],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('yuan__gt', 0)), name='receipt_of_something'),
                    models.UniqueConstraint(fields=('recovery', 'number'), name='receipt_once'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Sending',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attempt', models.SmallIntegerField()),
                ('row', models.IntegerField()),
                ('reference', models.CharField(db_collation='C', max_length=24, unique=True)),
                ('result', models.CharField(blank=True, default='', max_length=8)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.account')),
                ('file', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sendings', to='subsidies.bankfile')),
                ('payment', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='sendings', to='subsidies.payment')),
            ],
            options={
                'verbose_name': '代发明细',
                'ordering': ['file', 'row'],
                'constraints': [
                    models.UniqueConstraint(fields=('payment', 'attempt'), name='sent_once_an_attempt'),
                    models.CheckConstraint(condition=models.Q(('result__in', ('', 'paid', 'bounced'))), name='sending_result'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ReturnLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('row', models.IntegerField(verbose_name='行')),
                ('verdict', models.CharField(choices=[('applied', '已登记'), ('repeated', '以前登记过，结果相同'), ('contradicts', '和以前的结果不同，待核实'), ('other_batch', '是别的批次的，请到该批次上传'), ('unknown', '认不出是哪一笔'), ('wrong_amount', '金额和报送的不同'), ('unclear', '看不出成功还是失败')], max_length=14, verbose_name='结论')),
                ('result', models.CharField(blank=True, default='', max_length=8)),
                ('bounce', models.CharField(blank=True, choices=[('name', '户名不符'), ('missing', '账号不存在'), ('inactive', '未激活'), ('frozen', '挂失冻结'), ('closed', '销户'), ('expired', '证件过期'), ('limit', '限额'), ('not_financial', '社保卡金融功能未开'), ('other_bank', '跨行不支持'), ('other', '其他')], default='', max_length=14, verbose_name='退票原因')),
                ('amount', models.DecimalField(decimal_places=2, max_digits=12, null=True)),
                ('said', models.CharField(blank=True, default='', max_length=300, verbose_name='原文')),
                ('settled_by', models.CharField(blank=True, default='', max_length=120, verbose_name='核实人')),
                ('settled_note', models.CharField(blank=True, default='', max_length=200, verbose_name='核实情况')),
                ('settled_at', models.DateTimeField(null=True)),
                ('bank_return', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='subsidies.bankreturn')),
                ('sending', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='subsidies.sending')),
            ],
            options={
                'verbose_name': '回盘明细',
                'ordering': ['bank_return', 'row'],
                'constraints': [
                    models.UniqueConstraint(fields=('bank_return', 'row'), name='return_row_once'),
                ],
            },
        ),
        migrations.CreateModel(
            name='UnpaidReason',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('term', models.CharField(db_collation='C', max_length=11, verbose_name='学期')),
                ('reason', models.CharField(choices=[('no_card', '没有可用的一卡通'), ('no_papers', '材料不全，正在补'), ('elsewhere', '已在外地享受同类资助'), ('left', '已转学、退学或失联'), ('declined', '本人或家长放弃'), ('no_money', '资金没有到位'), ('other', '其他（写明）')], max_length=10, verbose_name='未助原因')),
                ('note', models.CharField(blank=True, default='', max_length=200, verbose_name='说明')),
                ('said_by', models.CharField(max_length=120, verbose_name='填写人')),
                ('said_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='填写时间')),
                ('home_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('school_path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ('benefit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='subsidies.benefit', verbose_name='资助项目')),
                ('student', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='students.student')),
            ],
            options={
                'verbose_name': '未助原因',
                'ordering': ['-pk'],
                'constraints': [
                    models.UniqueConstraint(fields=('student', 'benefit', 'term'), name='unpaid_reason_once'),
                    models.CheckConstraint(condition=models.Q(models.Q(('reason', 'other'), _negated=True), models.Q(('note', ''), _negated=True), _connector='OR'), name='other_reason_is_written'),
                ],
            },
        ),
        migrations.DeleteModel(
            name='FrozenLine',
        ),
        migrations.AddField(
            model_name='noticeline',
            name='about',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='subsidies.benefit'),
        ),
        migrations.RunSQL(PAYMENTS, migrations.RunSQL.noop),
    ]
