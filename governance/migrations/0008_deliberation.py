"""Discussions of proposals: threads, versions, co-authors, and what moderation did."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Tables of deliberation."""

    dependencies = [
        ("governance", "0007_mirrors"),
    ]

    operations = [
        migrations.AddField(
            model_name="proposal",
            name="shared_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name="Comment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("thread", models.PositiveIntegerField()),
                ("answers", models.PositiveIntegerField(null=True)),
                ("address", models.CharField(blank=True, max_length=42)),
                ("by_reader", models.BooleanField(default=False)),
                ("name", models.CharField(blank=True, max_length=60)),
                ("text", models.TextField(blank=True)),
                ("written_at", models.DateTimeField()),
                ("edited_at", models.DateTimeField(null=True)),
                ("erased_at", models.DateTimeField(null=True)),
                (
                    "proposal",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="comments",
                        to="governance.proposal",
                    ),
                ),
                (
                    "reader",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="comments",
                        to="governance.reader",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CommentHiding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("rule", models.CharField(max_length=30)),
                ("reason", models.CharField(max_length=500)),
                ("by", models.CharField(max_length=42)),
                ("at", models.DateTimeField()),
                ("appeal", models.CharField(blank=True, max_length=1000)),
                ("appealed_at", models.DateTimeField(null=True)),
                ("answer", models.CharField(blank=True, max_length=500)),
                ("answered_by", models.CharField(blank=True, max_length=42)),
                ("answered_at", models.DateTimeField(null=True)),
                ("upheld", models.BooleanField(null=True)),
                ("lifted_at", models.DateTimeField(null=True)),
                (
                    "comment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="hidings", to="governance.comment"
                    ),
                ),
            ],
            options={
                "ordering": ["-at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="CommentReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.CharField(blank=True, max_length=42)),
                ("rule", models.CharField(max_length=30)),
                ("text", models.CharField(blank=True, max_length=500)),
                ("at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(null=True)),
                ("settled_by", models.CharField(blank=True, max_length=42)),
                (
                    "comment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="reports", to="governance.comment"
                    ),
                ),
                (
                    "reader",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="comment_reports",
                        to="governance.reader",
                    ),
                ),
            ],
            options={
                "ordering": ["at", "pk"],
            },
        ),
        migrations.CreateModel(
            name="CommentVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("text", models.TextField(blank=True)),
                ("until", models.DateTimeField()),
                (
                    "comment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="governance.comment",
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
            },
        ),
        migrations.CreateModel(
            name="DraftVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("editor", models.CharField(max_length=42)),
                ("at", models.DateTimeField()),
                ("title", models.CharField(max_length=200)),
                ("text", models.TextField(blank=True)),
                ("payload", models.JSONField(default=dict)),
                (
                    "proposal",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="draft_versions",
                        to="governance.proposal",
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
            },
        ),
        migrations.CreateModel(
            name="CoAuthor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.CharField(db_index=True, max_length=42)),
                ("invited_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "proposal",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="co_authors",
                        to="governance.proposal",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [models.UniqueConstraint(fields=("proposal", "address"), name="co_author_once")],
            },
        ),
        migrations.AddIndex(
            model_name="comment",
            index=models.Index(fields=["proposal", "thread", "number"], name="comment_order"),
        ),
        migrations.AddIndex(
            model_name="comment",
            index=models.Index(fields=["address", "-written_at"], name="comment_by_address"),
        ),
        migrations.AddConstraint(
            model_name="comment",
            constraint=models.UniqueConstraint(fields=("proposal", "number"), name="comment_number_once"),
        ),
        migrations.AddConstraint(
            model_name="comment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("address", ""), ("by_reader", True)),
                    models.Q(("by_reader", False), ("reader__isnull", True), models.Q(("address", ""), _negated=True)),
                    _connector="OR",
                ),
                name="comment_has_one_author",
            ),
        ),
        migrations.AddConstraint(
            model_name="comment",
            constraint=models.CheckConstraint(
                condition=models.Q(("erased_at__isnull", True), models.Q(("name", ""), ("text", "")), _connector="OR"),
                name="comment_erased_is_empty",
            ),
        ),
        migrations.AddConstraint(
            model_name="commenthiding",
            constraint=models.UniqueConstraint(
                condition=models.Q(("lifted_at__isnull", True)), fields=("comment",), name="comment_hidden_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="commenthiding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answered_at__isnull", True), ("upheld__isnull", True)),
                    models.Q(
                        ("appealed_at__isnull", False),
                        ("upheld__isnull", False),
                        models.Q(("answered_by", models.F("by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="appeal_answered_by_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="commenthiding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("upheld__isnull", True), ("upheld", True), ("lifted_at__isnull", False), _connector="OR"
                ),
                name="not_upheld_is_over",
            ),
        ),
        migrations.AddConstraint(
            model_name="commentreport",
            constraint=models.UniqueConstraint(
                condition=models.Q(("address", ""), _negated=True),
                fields=("comment", "address"),
                name="comment_reported_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="commentreport",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reader__isnull", False)),
                fields=("comment", "reader"),
                name="comment_reported_once_by_reader",
            ),
        ),
        migrations.AddConstraint(
            model_name="commentversion",
            constraint=models.UniqueConstraint(fields=("comment", "number"), name="comment_version_once"),
        ),
        migrations.AddConstraint(
            model_name="draftversion",
            constraint=models.UniqueConstraint(fields=("proposal", "number"), name="draft_version_once"),
        ),
    ]
