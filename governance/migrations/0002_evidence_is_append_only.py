"""Records and the log are never updated or deleted: the database itself refuses, whoever asks."""

from django.db import migrations

# What is only ever added to: records, and the log with its tree. An event gets its place when it is written.
TABLES = ("governance_record", "governance_event", "governance_lognode", "governance_checkpoint")

SQLITE = [
    f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    for table in TABLES
    for change in ("UPDATE", "DELETE")
]
SQLITE_BACK = [f"DROP TRIGGER {table}_no_{change}" for table in TABLES for change in ("update", "delete")]

POSTGRESQL = [
    (
        "CREATE FUNCTION governance_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME "
        "USING ERRCODE = 'integrity_constraint_violation'; "
        "END $$"
    ),
    *(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION governance_is_append_only()"
        for table in TABLES
    ),
]
POSTGRESQL_BACK = [
    *(f"DROP TRIGGER {table}_no_change ON {table}" for table in TABLES),
    "DROP FUNCTION governance_is_append_only()",
]


def _run(statements):
    def run(_apps, editor):
        for statement in statements[editor.connection.vendor]:
            editor.execute(statement, None)  # without parameters: a percent sign is one

    return run


class Migration(migrations.Migration):
    """Add the triggers."""

    dependencies = [("governance", "0001_initial")]
    operations = [
        migrations.RunPython(
            _run({"sqlite": SQLITE, "postgresql": POSTGRESQL}),
            _run({"sqlite": SQLITE_BACK, "postgresql": POSTGRESQL_BACK}),
        )
    ]
