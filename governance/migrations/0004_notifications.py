"""What readers want to be told, and the letters that tell them."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F


def _begin_at_the_end(apps, _editor):
    """Let what happened before there were notifications be history: nobody is told of it as news."""
    communities = apps.get_model("governance", "Community").objects.annotate(position=F("log_size"))
    cursors = apps.get_model("governance", "NewsCursor")
    cursors.objects.bulk_create(
        cursors(community_id=community_id, position=position)
        for community_id, position in communities.values_list("pk", "position")
    )


class Migration(migrations.Migration):
    """Add the tables."""

    dependencies = [("governance", "0003_readers")]
    operations = [
        migrations.CreateModel(
            name="NewsCursor",
            fields=[
                (
                    "community",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="governance.community",
                    ),
                ),
                ("position", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Postbox",
            fields=[
                (
                    "reader",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="postbox",
                        serialize=False,
                        to="governance.reader",
                    ),
                ),
                ("stopped_at", models.DateTimeField(null=True)),
                ("email", models.CharField(blank=True, max_length=254)),
                ("bounces", models.PositiveSmallIntegerField(default=0)),
                ("undeliverable_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Announcement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("what", models.CharField(max_length=60)),
                ("topic", models.CharField(max_length=40)),
                ("kind", models.CharField(max_length=40)),
                ("at", models.DateTimeField()),
                ("actor", models.CharField(blank=True, max_length=64)),
                ("model", models.CharField(blank=True, max_length=110)),
                ("people", models.JSONField(default=dict)),
                ("said", models.JSONField(default=dict)),
                ("reader_cursor", models.BigIntegerField(default=0)),
                ("done_at", models.DateTimeField(null=True)),
                (
                    "community",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="announcements",
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
        ),
        migrations.CreateModel(
            name="LetterErrand",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=90)),
                ("channel", models.CharField(max_length=8)),
                ("next_at", models.DateTimeField(null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("fence", models.PositiveIntegerField(default=0)),
                ("lease_expires_at", models.DateTimeField(null=True)),
                ("handed_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_as", models.CharField(blank=True, max_length=8)),
                ("error_code", models.CharField(blank=True, max_length=60)),
                ("error_detail", models.CharField(blank=True, max_length=500)),
                (
                    "announcement",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="governance.announcement",
                    ),
                ),
                (
                    "reader",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="letters",
                        to="governance.reader",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MutedCommunity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "community",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="governance.community"
                    ),
                ),
                (
                    "reader",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="muted",
                        to="governance.reader",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=90)),
                ("channel", models.CharField(max_length=8)),
                ("at", models.DateTimeField()),
                ("read_at", models.DateTimeField(null=True)),
                ("lettered_at", models.DateTimeField(null=True)),
                (
                    "announcement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to="governance.announcement",
                    ),
                ),
                (
                    "reader",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to="governance.reader",
                    ),
                ),
            ],
            options={
                "ordering": ["-at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="Preference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("topic", models.CharField(max_length=40)),
                ("channel", models.CharField(max_length=8)),
                (
                    "reader",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="preferences",
                        to="governance.reader",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="announcement",
            index=models.Index(
                condition=models.Q(("done_at__isnull", True)), fields=["community", "id"], name="to_be_told"
            ),
        ),
        migrations.AddConstraint(
            model_name="announcement",
            constraint=models.UniqueConstraint(fields=("community", "what", "topic"), name="announced_once"),
        ),
        migrations.AddIndex(
            model_name="lettererrand",
            index=models.Index(condition=models.Q(("next_at__isnull", False)), fields=["next_at"], name="letters_due"),
        ),
        migrations.AddIndex(
            model_name="lettererrand",
            index=models.Index(fields=["ended_at"], name="letters_over"),
        ),
        migrations.AddConstraint(
            model_name="lettererrand",
            constraint=models.UniqueConstraint(fields=("reader", "key"), name="letter_once"),
        ),
        migrations.AddConstraint(
            model_name="lettererrand",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_as", ""), ("ended_at__isnull", True), ("next_at__isnull", False)),
                    models.Q(
                        ("ended_at__isnull", False),
                        ("next_at__isnull", True),
                        models.Q(("ended_as", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="letter_ends_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="mutedcommunity",
            constraint=models.UniqueConstraint(fields=("reader", "community"), name="muted_once"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["reader", "-at"], name="inbox_order"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(condition=models.Q(("read_at__isnull", True)), fields=["reader"], name="inbox_unread"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["read_at"], name="inbox_forgetting"),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(fields=("reader", "key"), name="told_once"),
        ),
        migrations.AddConstraint(
            model_name="preference",
            constraint=models.UniqueConstraint(fields=("reader", "topic"), name="preference_once"),
        ),
        migrations.RunPython(_begin_at_the_end, migrations.RunPython.noop),
    ]
