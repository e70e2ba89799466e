"""Settlement through a token on chain: terms, what is due, how far payments were read; and where sites are paid.

SQLite makes a table anew where a constraint of it changes, and its triggers go with the old one: those of the books are
taken off before, and put on again after, as migration 0003 has them.
"""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

ACCOUNT_KINDS = ("outside", "budget", "held", "site_credit", "due", "contribution_credit")
BY_VOTE = ("opened", "transferred", "approved", "paid", "withdrawn")
ENTRY_KINDS = (*BY_VOTE, "held", "settled", "released")
BOOKS = import_module("training_jobs.migrations.0003_ledger")


def _on_sqlite(statements):
    def run(_apps, editor):
        if editor.connection.vendor == "sqlite":
            for statement in statements:
                editor.execute(statement, None)

    return run


def _id():
    return ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))


def _of_community(related):
    to = models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name=related, to="governance.community")
    return ("community", to)


def _by_proposal(related, **options):
    return models.OneToOneField(
        on_delete=django.db.models.deletion.PROTECT, related_name=related, to="governance.proposal", **options
    )


class Migration(migrations.Migration):
    """Add the tables, and let the books have what they book."""

    dependencies = [
        ("governance", "0014_names"),
        ("training_jobs", "0005_reviews_by_passkey"),
    ]

    operations = [
        migrations.AddField(
            model_name="site",
            name="payout_address",
            field=models.CharField(blank=True, default="", max_length=42),
            preserve_default=False,
        ),
        migrations.RunPython(_on_sqlite(BOOKS.SQLITE_BACK), _on_sqlite(BOOKS.SQLITE)),
        migrations.RemoveConstraint(model_name="ledgeraccount", name="ledger_account_kind_is_known"),
        migrations.RemoveConstraint(model_name="ledgerentry", name="ledger_entry_kind_is_known"),
        migrations.RemoveConstraint(model_name="ledgerentry", name="ledger_moves_by_vote"),
        migrations.AddConstraint(
            model_name="ledgeraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ACCOUNT_KINDS)), name="ledger_account_kind_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ENTRY_KINDS)), name="ledger_entry_kind_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind__in", BY_VOTE), _negated=True), ("proposal__isnull", False), _connector="OR"
                ),
                name="ledger_moves_by_vote",
            ),
        ),
        migrations.RunPython(_on_sqlite(BOOKS.SQLITE), _on_sqlite(BOOKS.SQLITE_BACK)),
        migrations.CreateModel(
            name="SettlementTerms",
            fields=[
                _id(),
                ("currency", models.CharField(max_length=3)),
                ("token", models.CharField(blank=True, max_length=42)),
                ("treasury", models.CharField(blank=True, max_length=42)),
                ("rate", models.CharField(blank=True, max_length=40)),
                ("adopted_at", models.DateTimeField()),
                _of_community("settlement_terms"),
                ("proposal", _by_proposal("+")),
            ],
            options={"verbose_name_plural": "settlement terms", "ordering": ["-adopted_at", "-pk"]},
        ),
        migrations.CreateModel(
            name="Settlement",
            fields=[
                _id(),
                ("site", models.CharField(max_length=50)),
                ("currency", models.CharField(max_length=3)),
                ("amount", models.BigIntegerField()),
                ("chain_id", models.PositiveBigIntegerField()),
                ("token", models.CharField(max_length=42)),
                ("treasury", models.CharField(max_length=42)),
                ("rate", models.CharField(max_length=40)),
                ("payout", models.CharField(max_length=42)),
                ("value", models.CharField(max_length=78)),
                ("approved_at", models.DateTimeField()),
                ("block_number", models.PositiveBigIntegerField(null=True)),
                ("block_hash", models.CharField(blank=True, max_length=66)),
                ("block_time", models.PositiveBigIntegerField(null=True)),
                ("transaction", models.CharField(blank=True, max_length=66)),
                ("position", models.PositiveIntegerField(null=True)),
                ("paid_at", models.DateTimeField(null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                _of_community("settlements"),
                ("proposal", _by_proposal("settlement")),
                ("withdrawal", _by_proposal("+", null=True)),
            ],
            options={"ordering": ["-approved_at", "-pk"]},
        ),
        migrations.CreateModel(
            name="SettlementReading",
            fields=[
                _id(),
                ("token", models.CharField(max_length=42)),
                ("first_block", models.PositiveBigIntegerField()),
                ("block_number", models.PositiveBigIntegerField()),
                ("block_hash", models.CharField(max_length=66)),
                ("block_time", models.PositiveBigIntegerField()),
                ("halted", models.TextField(blank=True)),
                _of_community("settlement_readings"),
            ],
            options={"ordering": ["pk"]},
        ),
        migrations.AddConstraint(
            model_name="settlementterms",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("rate", ""), ("token", ""), ("treasury", "")),
                    models.Q(
                        models.Q(("token", ""), _negated=True),
                        models.Q(("treasury", ""), _negated=True),
                        models.Q(("rate", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="settlement_terms_are_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.UniqueConstraint(
                condition=models.Q(("paid_at__isnull", False)),
                fields=("chain_id", "transaction", "position"),
                name="settlement_transfer_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("block_number", None),
                        ("block_time", None),
                        ("paid_at__isnull", True),
                        ("position", None),
                        ("block_hash", ""),
                        ("transaction", ""),
                    ),
                    models.Q(
                        ("block_number__isnull", False),
                        ("block_time__isnull", False),
                        ("paid_at__isnull", False),
                        ("position__isnull", False),
                        models.Q(("block_hash", ""), _negated=True),
                        models.Q(("transaction", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="settlement_payment_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("withdrawal__isnull", True), ("withdrawn_at__isnull", True)),
                    models.Q(("paid_at__isnull", True), ("withdrawal__isnull", False), ("withdrawn_at__isnull", False)),
                    _connector="OR",
                ),
                name="settlement_withdrawn_by_vote",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="settlement_of_something"),
        ),
        migrations.AddConstraint(
            model_name="settlementreading",
            constraint=models.UniqueConstraint(fields=("community", "token"), name="settlement_reading_once"),
        ),
    ]
