"""The books: accounts, entries and postings. What was booked stays, and a posting never leaves its book: triggers."""

import django.db.models.deletion
from django.db import migrations, models

ACCOUNT, ENTRY, POSTING = (f"training_jobs_ledger{noun}" for noun in ("account", "entry", "posting"))
APPEND_ONLY = (ENTRY, POSTING)
# What an account is; only its balance changes.
IDENTITY = ("community_id", "kind", "owner", "currency", "opened_at")
NEVER_DELETED = f"{ACCOUNT} is never deleted, and stays what it is"
ONE_BOOK = f"{POSTING} moves an amount between accounts of one community and one currency"
# One row where both accounts of a new posting are of the entry's community and of one currency.
FITS = (
    f"SELECT 1 FROM {ENTRY} e JOIN {ACCOUNT} s ON s.community_id = e.community_id "  # noqa: S608 - constants
    f"JOIN {ACCOUNT} t ON t.community_id = e.community_id AND t.currency = s.currency "
    "WHERE e.id = NEW.entry_id AND s.id = NEW.source_id AND t.id = NEW.target_id"
)

SQLITE = [
    *(
        f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in APPEND_ONLY
        for change in ("UPDATE", "DELETE")
    ),
    f"CREATE TRIGGER {ACCOUNT}_no_delete BEFORE DELETE ON {ACCOUNT} BEGIN SELECT RAISE(ABORT, '{NEVER_DELETED}'); END",
    (
        f"CREATE TRIGGER {ACCOUNT}_stays BEFORE UPDATE OF {', '.join(IDENTITY)} ON {ACCOUNT} "
        f"WHEN {' OR '.join(f'NEW.{name} IS NOT OLD.{name}' for name in IDENTITY)} "
        f"BEGIN SELECT RAISE(ABORT, '{NEVER_DELETED}'); END"
    ),
    (
        f"CREATE TRIGGER {POSTING}_one_book BEFORE INSERT ON {POSTING} WHEN NOT EXISTS ({FITS}) "
        f"BEGIN SELECT RAISE(ABORT, '{ONE_BOOK}'); END"
    ),
]
SQLITE_BACK = [
    *(f"DROP TRIGGER {table}_no_{change}" for table in APPEND_ONLY for change in ("update", "delete")),
    f"DROP TRIGGER {ACCOUNT}_no_delete",
    f"DROP TRIGGER {ACCOUNT}_stays",
    f"DROP TRIGGER {POSTING}_one_book",
]


def _refusing(name, text, condition="TRUE"):
    """Return a PostgreSQL function that refuses what triggers it, where the condition holds."""
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {condition} THEN "
        f"RAISE EXCEPTION '{text}' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$"
    )


POSTGRESQL = [
    _refusing("ledger_is_append_only", "the ledger is append-only"),
    _refusing("ledger_account_stays", NEVER_DELETED),
    _refusing("ledger_one_book", ONE_BOOK, f"NOT EXISTS ({FITS})"),
    *(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only()"
        for table in APPEND_ONLY
    ),
    (
        f"CREATE TRIGGER {ACCOUNT}_no_delete BEFORE DELETE ON {ACCOUNT} "
        "FOR EACH ROW EXECUTE FUNCTION ledger_account_stays()"
    ),
    (
        f"CREATE TRIGGER {ACCOUNT}_stays BEFORE UPDATE ON {ACCOUNT} FOR EACH ROW "
        f"WHEN ({' OR '.join(f'NEW.{name} IS DISTINCT FROM OLD.{name}' for name in IDENTITY)}) "
        "EXECUTE FUNCTION ledger_account_stays()"
    ),
    f"CREATE TRIGGER {POSTING}_one_book BEFORE INSERT ON {POSTING} FOR EACH ROW EXECUTE FUNCTION ledger_one_book()",
]
POSTGRESQL_BACK = [
    *(f"DROP TRIGGER {table}_no_change ON {table}" for table in APPEND_ONLY),
    f"DROP TRIGGER {ACCOUNT}_no_delete ON {ACCOUNT}",
    f"DROP TRIGGER {ACCOUNT}_stays ON {ACCOUNT}",
    f"DROP TRIGGER {POSTING}_one_book ON {POSTING}",
    "DROP FUNCTION ledger_is_append_only()",
    "DROP FUNCTION ledger_account_stays()",
    "DROP FUNCTION ledger_one_book()",
]


def _run(statements):
    def run(_apps, editor):
        for statement in statements[editor.connection.vendor]:
            editor.execute(statement, None)  # without parameters: a percent sign is one

    return run


class Migration(migrations.Migration):
    """Add the tables and their triggers."""

    dependencies = [
        ("governance", "0006_voters"),
        ("training_jobs", "0002_sites"),
    ]

    operations = [
        migrations.CreateModel(
            name="LedgerAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=20)),
                ("owner", models.CharField(max_length=64)),
                ("currency", models.CharField(max_length=16)),
                ("balance", models.BigIntegerField(default=0)),
                ("opened_at", models.DateTimeField()),
                (
                    "community",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ledger_accounts",
                        to="governance.community",
                    ),
                ),
            ],
            options={
                "ordering": ["kind", "owner", "currency", "pk"],
            },
        ),
        migrations.CreateModel(
            name="LedgerHold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("request", models.CharField(max_length=80)),
                ("ceiling", models.BigIntegerField()),
                ("spent", models.BigIntegerField(default=0)),
                ("held_at", models.DateTimeField()),
                ("released_at", models.DateTimeField(null=True)),
                (
                    "budget",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holds",
                        to="training_jobs.ledgeraccount",
                    ),
                ),
                (
                    "community",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ledger_holds",
                        to="governance.community",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveBigIntegerField()),
                ("kind", models.CharField(max_length=16)),
                ("key", models.CharField(max_length=160)),
                ("at", models.DateTimeField()),
                ("data", models.JSONField(default=dict)),
                (
                    "community",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ledger_entries",
                        to="governance.community",
                    ),
                ),
                (
                    "proposal",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ledger_entries",
                        to="governance.proposal",
                    ),
                ),
                (
                    "hold",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="training_jobs.ledgerhold",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "ledger entries",
                "ordering": ["-number"],
            },
        ),
        migrations.CreateModel(
            name="LedgerPosting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", models.BigIntegerField()),
                (
                    "entry",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="postings",
                        to="training_jobs.ledgerentry",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="given",
                        to="training_jobs.ledgeraccount",
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="received",
                        to="training_jobs.ledgeraccount",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.AddConstraint(
            model_name="ledgeraccount",
            constraint=models.UniqueConstraint(
                fields=("community", "kind", "owner", "currency"), name="ledger_account_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgeraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("outside", "budget", "held", "site_credit", "contribution_credit"))),
                name="ledger_account_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgeraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("owner", ""), _negated=True), models.Q(("currency", ""), _negated=True)),
                name="ledger_account_is_named",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgeraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", "outside"), ("balance__gte", 0), _connector="OR"),
                name="ledger_is_not_overdrawn",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerhold",
            constraint=models.UniqueConstraint(fields=("community", "request"), name="ledger_hold_once"),
        ),
        migrations.AddConstraint(
            model_name="ledgerhold",
            constraint=models.CheckConstraint(
                condition=models.Q(("ceiling__gte", 0), ("spent__gte", 0), ("spent__lte", models.F("ceiling"))),
                name="ledger_ceiling_is_kept",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.UniqueConstraint(fields=("community", "number"), name="ledger_number_once"),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.UniqueConstraint(fields=("community", "key"), name="ledger_cause_once"),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("opened", "held", "settled", "released", "transferred"))),
                name="ledger_entry_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind__in", ["opened", "transferred"]), _negated=True),
                    ("proposal__isnull", False),
                    _connector="OR",
                ),
                name="ledger_moves_by_vote",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerposting",
            constraint=models.UniqueConstraint(fields=("entry", "source", "target"), name="ledger_posting_once"),
        ),
        migrations.AddConstraint(
            model_name="ledgerposting",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="ledger_posting_moves_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerposting",
            constraint=models.CheckConstraint(
                condition=models.Q(("source", models.F("target")), _negated=True), name="ledger_posting_has_two_sides"
            ),
        ),
        migrations.RunPython(
            _run({"sqlite": SQLITE, "postgresql": POSTGRESQL}),
            _run({"sqlite": SQLITE_BACK, "postgresql": POSTGRESQL_BACK}),
        ),
    ]
