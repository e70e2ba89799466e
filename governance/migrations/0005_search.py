"""The index of everything that can be found, and when members were here.

Each database keeps what it searches in by itself, so that no writer can forget it: triggers over an FTS5 table on
SQLite, a generated vector on PostgreSQL. Words come without accents and capitals already
(`governance/search/words.py`). A later migration that makes Django build this table anew on SQLite has to create the
triggers again.
"""

import django.db.models.deletion
from django.db import migrations, models

SQLITE = [
    # The text stands in the entries alone (content=); prefixes of two and three letters are what people type first.
    """CREATE VIRTUAL TABLE governance_searchtext USING fts5(
        title_words, text_words, content='governance_searchentry', content_rowid='id',
        tokenize='unicode61 remove_diacritics 2', prefix='2 3')""",
    """CREATE TRIGGER governance_searchentry_in AFTER INSERT ON governance_searchentry BEGIN
        INSERT INTO governance_searchtext(rowid, title_words, text_words)
        VALUES (new.id, new.title_words, new.text_words); END""",
    """CREATE TRIGGER governance_searchentry_out AFTER DELETE ON governance_searchentry BEGIN
        INSERT INTO governance_searchtext(governance_searchtext, rowid, title_words, text_words)
        VALUES ('delete', old.id, old.title_words, old.text_words); END""",
    """CREATE TRIGGER governance_searchentry_changed AFTER UPDATE ON governance_searchentry BEGIN
        INSERT INTO governance_searchtext(governance_searchtext, rowid, title_words, text_words)
        VALUES ('delete', old.id, old.title_words, old.text_words);
        INSERT INTO governance_searchtext(rowid, title_words, text_words)
        VALUES (new.id, new.title_words, new.text_words); END""",
]
SQLITE_BACK = [
    "DROP TRIGGER governance_searchentry_in",
    "DROP TRIGGER governance_searchentry_out",
    "DROP TRIGGER governance_searchentry_changed",
    "DROP TABLE governance_searchtext",
]


def _vector(column, weight):
    # As it is written, and by the stems of both languages: most texts do not say which one they are in.
    parts = [f"setweight(to_tsvector('{name}', {column}), '{weight}')" for name in ("simple", "english", "french")]
    return " || ".join(parts)


POSTGRESQL = [
    f"""ALTER TABLE governance_searchentry ADD COLUMN vector tsvector GENERATED ALWAYS AS
        ({_vector("title_words", "A")} || {_vector("text_words", "D")}) STORED""",
    "CREATE INDEX governance_searchentry_vector ON governance_searchentry USING gin (vector)",
]
POSTGRESQL_BACK = ["ALTER TABLE governance_searchentry DROP COLUMN vector"]


def _run(statements):
    def run(_apps, editor):
        for statement in statements[editor.connection.vendor]:
            editor.execute(statement, None)  # without parameters: a percent sign is one

    return run


def _key():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    """Add the tables."""

    dependencies = [("governance", "0004_notifications")]
    operations = [
        migrations.CreateModel(
            name="SearchCursor",
            fields=[
                ("id", _key()),
                ("position", models.BigIntegerField(default=0)),
                (
                    "community",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="search_cursor",
                        to="governance.community",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SearchEntry",
            fields=[
                ("id", _key()),
                ("kind", models.CharField(max_length=20)),
                ("key", models.CharField(max_length=140)),
                ("title", models.CharField(max_length=300)),
                ("title_fr", models.CharField(blank=True, max_length=300)),
                ("text", models.TextField(blank=True)),
                ("title_words", models.TextField()),
                ("text_words", models.TextField(blank=True)),
                ("weight", models.PositiveSmallIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "community",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="search_entries",
                        to="governance.community",
                    ),
                ),
                (
                    "proposal",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="governance.proposal",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "search entries",
                "constraints": [models.UniqueConstraint(fields=("community", "kind", "key"), name="found_once")],
            },
        ),
        migrations.CreateModel(
            name="Visit",
            fields=[
                ("id", _key()),
                ("address", models.CharField(max_length=42, unique=True)),
                ("at", models.DateTimeField()),
                ("before", models.DateTimeField(null=True)),
            ],
        ),
        migrations.RunPython(
            _run({"sqlite": SQLITE, "postgresql": POSTGRESQL}),
            _run({"sqlite": SQLITE_BACK, "postgresql": POSTGRESQL_BACK}),
        ),
    ]
