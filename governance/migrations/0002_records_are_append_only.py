"""Records are never updated or deleted: the database itself refuses, whoever asks."""

from django.db import migrations

SQLITE = [
    (
        "CREATE TRIGGER record_no_update BEFORE UPDATE ON governance_record "
        "BEGIN SELECT RAISE(ABORT, 'a record is never updated'); END"
    ),
    (
        "CREATE TRIGGER record_no_delete BEFORE DELETE ON governance_record "
        "BEGIN SELECT RAISE(ABORT, 'a record is never deleted'); END"
    ),
]
SQLITE_BACK = ["DROP TRIGGER record_no_update", "DROP TRIGGER record_no_delete"]

POSTGRESQL = [
    (
        "CREATE FUNCTION record_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'a record is never updated or deleted' "
        "USING ERRCODE = 'integrity_constraint_violation'; "
        "END $$"
    ),
    (
        "CREATE TRIGGER record_no_change BEFORE UPDATE OR DELETE ON governance_record "
        "FOR EACH ROW EXECUTE FUNCTION record_is_append_only()"
    ),
]
POSTGRESQL_BACK = [
    "DROP TRIGGER record_no_change ON governance_record",
    "DROP FUNCTION record_is_append_only()",
]


def _run(statements):
    def run(_apps, editor):
        for statement in statements[editor.connection.vendor]:
            editor.execute(statement)

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
